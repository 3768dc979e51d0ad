/* Starts the children in the order of their needs, starts those again that die, and stops them in reverse.
 *
 * A child whose program ends early is started again after a growing pause; too many deaths within its window end the
 * service, because something is wrong that a person must see. */
#pragma once

#include "supervisor/child.h"

extern const struct fault fault_supervisor_deaths;  /* RETRY: a child died too often; the service stopped */
extern const struct fault fault_supervisor_refused; /* SETTINGS: a program ended with EX_CONFIG; the service stopped at once */
extern const struct fault fault_supervisor_signals; /* BUG: the signals cannot be received */

struct supervisor_options {
    const struct child_plan *plans; /* each after the one it needs */
    size_t count;
    const char *last_words; /* path where programs write why they end (base/last_words.h); NULL: nowhere */
    void *context;
    /* On SIGHUP: OK tells the children too; a refusal (reason is logged) leaves all as it was. */
    result (*reload)(void *context, struct reason *reason);
    /* Called once, when every child is ready. */
    void (*ready)(void *context);
    void (*idle)(void *context); /* NULL, or called every ten seconds at least */
};

#define SUPERVISED_MAX 8

/* Runs until SIGTERM or SIGINT (OK) or until a child died too often or refused to run; all children are gone on return. `reason` says which one. Tells
 * systemd READY, STATUS, RELOADING, STOPPING and the watchdog. */
MUST_CHECK result supervisor_run(const struct supervisor_options *options, struct reason *reason);
