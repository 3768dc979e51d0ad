/* The bytes that a text stands for. */
#pragma once

#include "vector_files.h"

/* Both fail the test where the text is not right. Release with buffer_done. */
struct buffer base64_bytes(const char *text);
/* Of the notation of vectors, see vector_text.h. */
struct buffer vector_bytes(const char *notation);
