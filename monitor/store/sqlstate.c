#include "store/sqlstate.h"

#include <stddef.h>
#include <string.h>

#include "store/connection.h"

FAULT(fault_store_unreachable, FAULT_RETRY, "store.unreachable", "database", "", "no connection", "a PostgreSQL that answers");
FAULT(fault_store_busy, FAULT_RETRY, "store.busy", "database", "", "a deadlock, conflict or time-out", "a statement that ends");
FAULT(fault_store_full, FAULT_RETRY, "store.full", "database", "", "disk, memory or connections exhausted", "free room");
FAULT(fault_store_read_only, FAULT_RETRY, "store.read-only", "database", "", "a read-only server", "the primary");
FAULT(fault_store_rights, FAULT_SETTINGS, "store.rights", "database", "", "access refused", "the rights of sql/0005-roles.sql");
FAULT(fault_store_encoding, FAULT_SETTINGS, "store.encoding", "database", "", "another encoding", "UTF8");
FAULT(fault_store_missing, FAULT_SETTINGS, "store.missing", "database", "", "no database or schema", "`pinwatch init`");
FAULT(fault_store_lease_lost, FAULT_SETTINGS, "store.lease-lost", "lease", "", "another holder", "the lease of this log");
FAULT(fault_store_lease_expired, FAULT_RETRY, "store.lease-expired", "lease", "", "it has expired", "a renewed lease");
FAULT(fault_store_position, FAULT_SETTINGS, "store.position-elsewhere", "position", "", "another one than believed",
      "the recorded position");
FAULT(fault_store_not_found, FAULT_INPUT, "store.not-found", "row", "", "none", "an existing one");
FAULT(fault_store_value, FAULT_INPUT, "store.value", "value", "", "one that the schema refuses", "one of the allowed");
FAULT(fault_store_rows, FAULT_BUG, "store.rows", "answer of the database", "", "rows of another shape", "the promised shape");
FAULT(fault_store_statement, FAULT_BUG, "store.statement", "statement", "", "an error of the database", "success");

/* The first row whose prefix fits; longer prefixes stand first. */
static const struct {
    const char *prefix;
    result fault;
} states[] = {
    {"PW001", &fault_store_lease_lost},
    {"PW002", &fault_store_position},
    {"PW003", &fault_store_not_found},
    {"PW004", &fault_store_lease_expired},
    {"PW005", &fault_store_value},
    {"25006", &fault_store_read_only},
    {"55P03", &fault_store_busy},    /* lock not available */
    {"57014", &fault_store_busy},    /* statement timeout */
    {"57P", &fault_store_unreachable}, /* shutdown, crash recovery, starting up */
    {"25P03", &fault_store_unreachable}, /* idle in transaction for too long */
    {"08", &fault_store_unreachable},
    {"40", &fault_store_busy},       /* serialization, deadlock */
    {"53", &fault_store_full},
    {"58", &fault_store_full},       /* I/O errors of the server */
    {"42501", &fault_store_rights},
    {"28", &fault_store_rights},
    {"22023", &fault_store_rights},  /* SET ROLE to a role that does not exist */
    {"3D000", &fault_store_missing},
    {"3F000", &fault_store_missing},
    {"42P01", &fault_store_missing}, /* table */
    {"42883", &fault_store_missing}, /* function */
    {"23514", &fault_store_value},   /* check constraint */
    {"22021", &fault_store_value},   /* text that is not UTF-8 */
};

result fault_of_sqlstate(const char *state) {
    if (state == NULL)
        return &fault_store_unreachable;
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
        if (strncmp(state, states[i].prefix, strlen(states[i].prefix)) == 0)
            return states[i].fault;
    return &fault_store_statement;
}

static const struct {
    const char *words;
    result fault;
} refusals[] = {
    {"authentication failed", &fault_store_rights},
    {"no password supplied", &fault_store_rights},
    {"no pg_hba.conf entry", &fault_store_rights},
    {"permission denied for database", &fault_store_rights},
    {"is not permitted to log in", &fault_store_rights},
    {"too many ", &fault_store_full},
    {"remaining connection slots", &fault_store_full},
    {"session is read-only", &fault_store_read_only},
};

result fault_of_connect_message(const char *message) {
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
        if (strstr(message, refusals[i].words) != NULL)
            return refusals[i].fault;
    if (strstr(message, "FATAL:") != NULL && strstr(message, "does not exist") != NULL)
        return strstr(message, "role \"") != NULL ? &fault_store_rights : &fault_store_missing;
    return &fault_store_unreachable;
}

static const struct {
    result fault;
    const char *words;
} hints[] = {
    {&fault_store_full, "out of room; free some (disk, memory or connections), work goes on by itself: "},
    {&fault_store_busy, "somebody else holds a lock, or the server is slow (pg_stat_activity shows who): "},
    {&fault_store_read_only, "this server is read-only; wanted the primary: "},
    {&fault_store_missing, "schema pinwatch is missing; run `pinwatch init`, and use no pooler in transaction mode: "},
    {&fault_store_rights, "access refused; grant what docs/schema.md says: "},
};

const char *sqlstate_hint(result fault) {
    for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++)
        if (hints[i].fault == fault)
            return hints[i].words;
    return "";
}
