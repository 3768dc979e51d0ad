/* The values that channels only name. Read just before use, wiped right after; never logged, never in arguments. */
#pragma once

#include "base/reason.h"
#include "base/span.h"
#include "settings/settings.h"

#define SECRET_SIZE_MAX 4096

struct secret {
    char text[SECRET_SIZE_MAX + 2]; /* NUL-terminated; one line break at its end is dropped */
    size_t size;
};

extern const struct fault fault_secret; /* missing, empty, too long, holds a NUL, or readable by others */

/* Looks, in this order, at $CREDENTIALS_DIRECTORY/<name> (systemd), <secrets folder>/<name> (a plain file that only its owner
 * can read or write) and the environment variable PINWATCH_SECRET_<NAME> (capitals; '-' and '.' become '_').
 * `name`: letters, digits, '-', '_', '.', not first a '.', at most 64. End with secret_wipe. */
MUST_CHECK result secret_read(const struct settings *settings, const char *name, struct secret *ret_secret,
                              struct reason *reason);
void secret_wipe(struct secret *secret);
