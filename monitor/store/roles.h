/* Login roles and the database in a cluster that pinwatch owns; what an administrator does by hand in any other (docs/schema.md). */
#pragma once

#include "store/connection.h"

struct role_password {
    const char *role;     /* "pinwatch_monitor", … */
    const char *password; /* in clear; only its SCRAM verifier goes to the server */
};

/* Creates the roles that are missing (pinwatch_owner with CREATEROLE), gives each its password, creates the database `pinwatch` of
 * pinwatch_owner. `store` is a superuser's, connected to the database postgres. Run again it changes passwords only. */
MUST_CHECK result roles_prepare(struct store *store, const struct role_password *passwords, size_t count);
