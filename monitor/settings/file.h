/* Where the settings file is, how it is read, written and changed. */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "settings/settings.h"

#define SETTINGS_FILE_MAX (1u << 20)

/* The first file that exists, see settings_load; NULL when there is none. */
const char *settings_find_file(struct arena *arena);
/* Where `init` writes it: $PINWATCH_CONFIG, else /etc/pinwatch/pinwatch.yaml for root, else the XDG folder. */
const char *settings_standard_path(struct arena *arena);
/* /var/lib/pinwatch for a file under /etc or without HOME, else the XDG state folder. */
const char *settings_standard_state_folder(const char *settings_path, struct arena *arena);
/* Refuses what is no regular file, larger than SETTINGS_FILE_MAX, or writable by group or others. */
MUST_CHECK result settings_read_file(const char *path, struct buffer *text, struct reason *reason);
/* Writes the file (0600) whole or not at all: beside, to disk, then renamed. */
MUST_CHECK result settings_write_file(const char *path, struct span text, struct reason *reason);

struct settings_choice {
    const char *name;
    const char *value; /* as in the file, without quotes */
};

/* Writes a commented file with every default but the choices; refuses to replace a file, an unknown name or a bad value. */
MUST_CHECK result settings_write_new(const char *path, const struct settings_choice *choices, size_t count, struct reason *reason);
/* Changes these fields of an existing file and leaves all else, comments included, as it is. Nothing is changed unless the
 * outcome loads. *ret_changed says whether anything differed. */
MUST_CHECK result settings_change(const char *path, const struct settings_choice *choices, size_t count, bool *ret_changed,
                                  struct reason *reason);
/* A file whose connection string `database` (may be NULL) holds a password may not be readable for everybody. */
MUST_CHECK result settings_check_readers(const char *path, const char *database, struct reason *reason);
