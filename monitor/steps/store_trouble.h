/* What failed or worked in the database, and what is said of it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/result.h"

struct monitor;

/* Something that the database refuses again and again; failures 0: not now. */
struct store_trouble {
    unsigned failures; /* in a row */
    result fault;
    int64_t since_ms, failed_ms, said_ms;
};

struct store_complaint {
    const char *what, *why; /* which step or log; the store's sentence */
    result fault;
};

/* The reason is store_why(). */
void store_step_failed(struct monitor *monitor, size_t step, result fault);
void store_step_worked(struct monitor *monitor, size_t step);
void store_commit_failed(struct monitor *monitor, const char *log, result fault);
void store_commit_worked(struct monitor *monitor);
void store_tell_failed(struct monitor *monitor, const char *rule, result fault);
bool store_is_paused(const struct monitor *monitor); /* no commit may be tried now */
