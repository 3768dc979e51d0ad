/* How each program reaches the database: its role, and the connection string that goes with it. */
#pragma once

#include "base/buffer.h"
#include "base/reason.h"
#include "settings/settings.h"

enum database_role { DATABASE_SUPERUSER, DATABASE_OWNER, DATABASE_MONITOR, DATABASE_ALERTS, DATABASE_CLI, DATABASE_REPORT, DATABASE_RECEIVER,
                     database_role_count };

extern const struct fault fault_database_password; /* SETTINGS: the password file cannot be read */

/* "pinwatch_monitor"; the superuser is "postgres". */
const char *database_role_name(enum database_role role);
/* The connection string of a role: of the private cluster (socket in state_folder/run, password from
 * state_folder/postgres-passwords/ROLE), or settings->database with the role's name; passwords for that one come from where libpq
 * looks (PGPASSFILE, ~/.pgpass). May contain a password: never log it. */
MUST_CHECK result database_conninfo(const struct settings *settings, enum database_role role, struct buffer *out,
                                    struct reason *reason);
/* Appends the password of a role of the private cluster. */
MUST_CHECK result database_password(const struct settings *settings, enum database_role role, struct buffer *out,
                                    struct reason *reason);
