/* Files of the drill's folder, written so that a crash leaves the old one or the new one. */
#pragma once

#include "base/buffer.h"
#include "base/reason.h"
#include "base/result.h"
#include "base/span.h"

#define FOLDER_PATH_SIZE 4096

extern const struct fault fault_drill_folder; /* cannot be read or written; the sentence says which file and why */

/* "<folder>/<name>"; false when it does not fit. */
bool folder_path(char ret_path[FOLDER_PATH_SIZE], const char *folder, const char *name);
MUST_CHECK result folder_make(const char *path, unsigned mode, struct reason *reason);
/* Makes the folders on the way to `path`, the last part excluded. */
MUST_CHECK result folder_make_parents(const char *path, struct reason *reason);
/* Whether it is there; what cannot be looked at now is not taken for missing, since what is missing is made anew. */
MUST_CHECK result folder_look_for(const char *folder, const char *name, bool *ret_is_there, struct reason *reason);
/* Appends the file to `out`, whose limit is the ceiling. */
MUST_CHECK result folder_read(const char *folder, const char *name, struct buffer *out, struct reason *reason);
/* Temporary file, fsync, rename, fsync of the folder. */
MUST_CHECK result folder_write(const char *folder, const char *name, struct span bytes, unsigned mode, struct reason *reason);
/* The same without fsync, for what can be made again. */
MUST_CHECK result folder_write_fast(const char *path, struct span bytes, struct reason *reason);
