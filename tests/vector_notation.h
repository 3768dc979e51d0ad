/* The bytes that a vector's notation stands for, see vector_text.h. */
#pragma once

#include "vector_files.h"

/* Fails the test where the notation is not right. Release with buffer_done. */
struct buffer vector_bytes(const char *notation);
