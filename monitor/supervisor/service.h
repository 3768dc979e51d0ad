/* The table of programs that make up the service, for these settings. */
#pragma once

#include "base/arena.h"
#include "settings/settings.h"
#include "supervisor/child.h"
#include "supervisor/private_postgres.h"

#define SERVICE_PROGRAMS_MAX 6

struct service {
    struct private_postgres_command postgres; /* the first plan points into it: do not move a service */
    struct child_plan plans[SERVICE_PROGRAMS_MAX];
    size_t count;
};

extern const struct fault fault_service_program; /* SETTINGS: a program of ours is not installed */

/* Fills *service: the private PostgreSQL unless a database is configured, the schema steps, the drill when wanted, alerts, who takes reports where an address is set, monitor. Texts
 * live in `arena` and in `settings`, which must outlive it. `settings_copy`: see child_settings. The cluster must be prepared. */
MUST_CHECK result service_build(const struct settings *settings, const char *settings_copy, struct arena *arena, struct service *service,
                                struct reason *reason);
