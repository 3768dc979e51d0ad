#include "store/roles.h"

#include <stdio.h>

#include "store/statement.h"

/* The verifier is computed here, so that no password in clear reaches the server or its log. The names travel as typed
 * parameters into settings of the transaction, because utility statements take none. */
static result role_set(struct store *store, const struct role_password *wish) {
    TRY(store_connect(store));
    char *verifier = PQencryptPasswordConn(store_raw(store), wish->password, wish->role, "scram-sha-256");
    if (verifier == NULL) /* for want of memory or of random bytes: nothing else is left to go wrong */
        return store_fail(store, &fault_machine, "role %s: its password cannot be encrypted: %s", wish->role,
                          PQerrorMessage(store_raw(store)));
    CLEANUP(params_done) struct store_params params = {0};
    params_text(&params, wish->role);
    params_text(&params, verifier);
    result outcome = store_do(store, "SELECT set_config('pinwatch.role', $1, true), set_config('pinwatch.verifier', $2, true)",
                              &params);
    PQfreemem(verifier);
    TRY(outcome);
    return store_do(store,
                    "DO $$ DECLARE role_ text := current_setting('pinwatch.role'); BEGIN"
                    "  IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_) THEN"
                    "    EXECUTE format('CREATE ROLE %I', role_);"
                    "  END IF;"
                    "  EXECUTE format('ALTER ROLE %I LOGIN PASSWORD %L', role_, current_setting('pinwatch.verifier'));"
                    "  IF role_ = 'pinwatch_owner' THEN"
                    "    ALTER ROLE pinwatch_owner CREATEROLE;"
                    "  ELSIF EXISTS (SELECT FROM pg_roles WHERE rolname = 'pinwatch_owner') THEN"
                    /* PostgreSQL 16 lets CREATEROLE act only on roles that one administers. */
                    "    EXECUTE format('GRANT %I TO pinwatch_owner WITH ADMIN OPTION', role_);"
                    "  END IF; END $$",
                    NULL);
}

static result roles_set(struct store *store, const struct role_password *passwords, size_t count) {
    TRY(store_do(store, "SELECT pg_advisory_xact_lock(hashtext('pinwatch.roles'))", NULL));
    for (size_t i = 0; i < count; i++)
        if (strcmp(passwords[i].role, "pinwatch_owner") == 0)
            TRY(role_set(store, &passwords[i]));
    for (size_t i = 0; i < count; i++)
        if (strcmp(passwords[i].role, "pinwatch_owner") != 0)
            TRY(role_set(store, &passwords[i]));
    return OK;
}

static result database_create(struct store *store) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT EXISTS (SELECT FROM pg_database WHERE datname = 'pinwatch')", NULL, "B", ROWS_ONE, &rows));
    if (rows_bool(&rows, 0, 0))
        return OK;
    return store_do(store, "CREATE DATABASE pinwatch OWNER pinwatch_owner TEMPLATE template0 ENCODING 'UTF8'", NULL);
}

result roles_prepare(struct store *store, const struct role_password *passwords, size_t count) {
    TRY(store_begin(store));
    result outcome = roles_set(store, passwords, count);
    if (outcome != OK) {
        struct reason why = *store_why(store);
        store_rollback(store);
        return store_fail(store, outcome, "%s", why.text);
    }
    TRY(store_commit(store));
    TRY(database_create(store));
    /* Otherwise every role may enter every database of the cluster and make temporary tables there. */
    TRY(store_do(store, "REVOKE ALL ON DATABASE pinwatch, postgres, template1 FROM PUBLIC", NULL));
    /* One at a time: pinwatch_report may not exist in a cluster that an older build made. */
    for (size_t i = 0; i < count; i++) {
        char statement[128];
        if (strncmp(passwords[i].role, "pinwatch_", 9) == 0 && strlen(passwords[i].role) < 64) {
            snprintf(statement, sizeof(statement), "GRANT CONNECT ON DATABASE pinwatch TO %s", passwords[i].role);
            TRY(store_do(store, statement, NULL));
        }
    }
    return OK;
}
