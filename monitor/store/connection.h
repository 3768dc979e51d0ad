/* One connection to PostgreSQL: typed parameters in, checked rows out. Only store/ talks to libpq.
 *
 * Every call of store/ blocks, but never longer than the timeouts of struct store_options; a lost connection is opened again by
 * the next call. Whatever fails leaves a sentence for a person behind store_why(). */
#pragma once

#include "base/reason.h"
#include "base/result.h"
#include "base/span.h"

struct store;

/* Why it failed decides who must act. */
extern const struct fault fault_store_unreachable; /* RETRY: no connection, lost connection, shutting down, not yet started */
extern const struct fault fault_store_busy;        /* RETRY: deadlock, serialization, lock or statement timeout */
extern const struct fault fault_store_full;        /* RETRY: disk full, out of memory, too many connections */
extern const struct fault fault_store_read_only;   /* RETRY: a standby, or made read-only */
extern const struct fault fault_store_rights;      /* SETTINGS: the role may not do this; password or user refused */
extern const struct fault fault_store_encoding;    /* SETTINGS: the database's encoding is not UTF8 */
extern const struct fault fault_store_missing;     /* SETTINGS: no such database or schema: `pinwatch init` is wanted */
extern const struct fault fault_store_lease_lost;  /* SETTINGS: another holder follows this log now */
extern const struct fault fault_store_lease_expired; /* RETRY: nobody took it: renew the lease (store_leases_take), then repeat */
extern const struct fault fault_store_position;    /* SETTINGS: the position is not where the caller believes: load it again */
extern const struct fault fault_store_not_found;   /* INPUT: no such watch, finding, channel, … */
extern const struct fault fault_store_value;       /* INPUT: a value that the data rules refuse */
extern const struct fault fault_store_rows;        /* BUG: rows of another shape than the statement promised */
extern const struct fault fault_store_statement;   /* BUG: any other SQLSTATE */

/* How often and how long a call tries to get a connection before it gives up. Only connecting is repeated, never a statement. */
struct store_retry {
    unsigned attempts;     /* at least 1 */
    unsigned first_ms;     /* pause after the first failure; doubles */
    unsigned cap_ms;
    unsigned jitter_percent;
};
extern const struct store_retry store_retry_service; /* one attempt: the loop asks again later */
extern const struct store_retry store_retry_command; /* a person waits: some seconds */

struct store_options {
    const char *application_name; /* "pinwatch-monitor" */
    const char *role;             /* "pinwatch_monitor": the user when conninfo names none, else stepped down to (SET ROLE); NULL: the
                                     user of conninfo as it is; "pinwatch_owner" is never stepped down to */
    unsigned connect_timeout_s;   /* 0: 5 */
    unsigned statement_timeout_ms; /* 0: 30000; a server that is silent for 5 s longer is given up */
    unsigned lock_timeout_ms;     /* 0: 5000 */
    bool writes;                  /* a server that cannot be written to is no use */
    const struct store_retry *retry; /* NULL: store_retry_service */
};

/* Copies `conninfo` and options; does not connect yet. Error: fault_no_memory. */
MUST_CHECK result store_new(const char *conninfo, const struct store_options *options, struct store **ret_store);
void store_free(struct store *store);
void store_free_at(struct store **store);
/* Connects now unless connected. */
MUST_CHECK result store_connect(struct store *store);
/* The sentence about the last failure; "" when the last call went well. Valid until the next call. */
const struct reason *store_why(const struct store *store);

/* Several calls as one transaction: begin, …, commit. After any failure only rollback is left to do. */
MUST_CHECK result store_begin(struct store *store);
MUST_CHECK result store_commit(struct store *store);
void store_rollback(struct store *store); /* harmless outside a transaction */

/* Notifications: "pinwatch_outbox" when deliveries were queued, "pinwatch_data" when watches, policies or channels changed. A hint
 * only; a lost connection loses them, so poll slowly besides. */
MUST_CHECK result store_listen(struct store *store, const char *topic);
/* Descriptor to wait on for reading, -1 while not connected; changes with every connection. */
int store_descriptor(const struct store *store);
/* Grows with every connection, 0 before the first: a new one often has the descriptor of the one before. */
uint64_t store_connection_number(const struct store *store);
/* Reads what has arrived; *ret_count is how many notifications, of any topic. */
MUST_CHECK result store_take_notifications(struct store *store, unsigned *ret_count);
