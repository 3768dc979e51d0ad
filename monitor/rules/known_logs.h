/* The logs that SCTs may come from, living and dead: facts from the browsers' lists, part of the program. */
#pragma once

#include <stddef.h>

#include "base/span.h"

struct known_log {
    const char *log_id; /* base64 of SHA-256(key) */
    const char *key;    /* base64 of the DER SPKI */
    const char *operator_name;
    const char *description;
};

/* NULL when no shipped list names this log. */
const struct known_log *known_log_find(const struct hash *log_id);
size_t known_log_count(void);
const struct known_log *known_log_at(size_t position); /* position < known_log_count() */
