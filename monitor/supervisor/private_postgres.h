/* The private PostgreSQL cluster: found, made and started for people who have no database of their own. Knows files and processes only;
 * roles and schema are made over a connection (store/roles.h, store/schema.h).
 *
 *   state_folder/postgres             the cluster: UTF8, C.UTF-8, data checksums, SCRAM, synchronous
 *   state_folder/run                  its socket, 0700; no TCP
 *   state_folder/postgres-passwords   one file per role, 0600 */
#pragma once

#include <sys/stat.h>

#include "base/buffer.h"
#include "base/reason.h"
#include "settings/database.h" /* roles, connection strings and passwords: implemented there */

extern const struct fault fault_postgres_root;     /* SETTINGS: refuses to run as root */
extern const struct fault fault_postgres_programs; /* SETTINGS: no initdb and postgres of version 15 or later */
extern const struct fault fault_postgres_folder;   /* SETTINGS: state folder: cannot be made, path too long, not ours */
extern const struct fault fault_postgres_initdb;   /* SETTINGS: initdb failed; its last line is in the reason */
extern const struct fault fault_postgres_version;  /* SETTINGS: the cluster was made by another major version */
extern const struct fault fault_postgres_silent;   /* RETRY: it does not answer (yet) */

#define POSTGRES_ARGUMENTS_MAX 8

struct private_postgres_command {
    char program[512];                             /* absolute path of postgres */
    char data_folder[512];
    char socket_folder[512];
    const char *arguments[POSTGRES_ARGUMENTS_MAX]; /* argv, NULL-terminated; points into this struct */
    const char *const *environment;                /* LC_ALL=C.UTF-8 and nothing else */
    int stop_signal;                               /* SIGINT: fast shutdown */
};

/* No database is configured? */
bool private_postgres_is_wanted(const struct settings *settings);
/* Makes folders, passwords and, once, the cluster (some seconds). Does nothing when all is there. Safe to repeat after a crash at any
 * point: a half-made cluster is made anew. */
MUST_CHECK result private_postgres_prepare(const struct settings *settings, struct reason *reason);
/* What the supervisor executes in the foreground. Prepare first. */
MUST_CHECK result private_postgres_command(const struct settings *settings, struct private_postgres_command *ret_command,
                                           struct reason *reason);
/* Is this a process of the cluster in that folder? All of them stand in it. */
bool private_postgres_has_process(const struct stat *folder, int pid);
/* Process id of a living postmaster of this cluster (one that outlived its supervisor), 0 when none runs. */
int private_postgres_running(const struct settings *settings);
/* Removes the pid file, socket and lock that a postmaster left which is dead: PostgreSQL refuses to start while any process bears that number. Call
 * it under the service's lock. Error: fault_postgres_folder. */
MUST_CHECK result private_postgres_forget_dead(const struct settings *settings, struct reason *reason);
#define PRIVATE_POSTGRES_DATA "postgres"      /* folders of the state folder: the cluster, */
#define PRIVATE_POSTGRES_FRESH "postgres.new" /* and one that initdb is making */
/* Kills processes that a dead postmaster or initdb left behind in that folder and waits until they are gone; nothing while a postmaster
 * lives. False when some are still there after timeout_ms. Call it under the service's lock. */
bool private_postgres_end_orphans(const struct settings *settings, const char *name, int64_t timeout_ms);
/* Asks a postmaster found by private_postgres_running to stop fast, after 10 s at once, and waits; true when it is gone. */
bool private_postgres_stop(const struct settings *settings, int64_t timeout_ms);
/* Is it ready (past recovery) and does its socket accept connections? Returns at once. */
bool private_postgres_is_listening(const struct settings *settings);
/* Is there room for the next piece of its write-ahead log? Without that PostgreSQL does not even start. */
bool private_postgres_has_room(const struct settings *settings);
/* Waits for that. Error: fault_postgres_silent. */
MUST_CHECK result private_postgres_wait(const struct settings *settings, int64_t timeout_ms, struct reason *reason);
