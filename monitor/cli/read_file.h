/* A whole file in memory, with a ceiling. */
#pragma once

#include "base/buffer.h"
#include "base/reason.h"

extern const struct fault fault_file;

/* Appends the file ("-": standard input) to `out`, whose limit is the ceiling. Error: fault_file with path and cause. */
MUST_CHECK result read_file(const char *path, struct buffer *out, struct reason *reason);
