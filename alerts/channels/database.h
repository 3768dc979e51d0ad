/* Where the outbox is. */
#pragma once

#include "base/buffer.h"
#include "base/reason.h"
#include "settings/settings.h"

extern const struct fault fault_database_password;

/* Appends the connection string: the configured database as the role pinwatch_alerts unless the string names a user, else the
 * private cluster in the state folder with that role's password file. It may hold a password: never log it. */
MUST_CHECK result database_of_alerts(const struct settings *settings, struct buffer *conninfo, struct reason *reason);
