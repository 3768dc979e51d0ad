/* Files that must survive a crash whole: written beside, synced, renamed. */
#pragma once

#include "base/buffer.h"
#include "base/result.h"

extern const struct fault fault_kept_file;

/* Replaces the file at `path` (mode 0600; its folder is made, mode 0700, when missing); a crash leaves the old or the new one. */
MUST_CHECK result kept_file_write(const char *path, struct span content);
/* Appends the file to `out`, whose limit is the ceiling. */
MUST_CHECK result kept_file_read(const char *path, struct buffer *out);
