/* What the commands that ask the database share: options, opening, whose name a change gets. */
#pragma once

#include "base/arena.h"
#include "cli/command.h"
#include "store/connection.h"

#define DEFAULT_TENANT 1

struct database {
    struct settings *settings;
    struct store *store;
    struct arena *arena;
};

/* Loads the settings and connects as pinwatch_cli; prints why and how to mend it when that fails, and returns the exit code. */
int database_open(const char *config, struct database *ret_database);
/* The same without a word, and without trying twice: for commands that know more with a database and do without. False: *reason says why not. */
bool database_try(const char *config, struct database *ret_database, struct reason *reason);
void database_done(struct database *database);
/* Prints why the last call to the store failed; returns the exit code. */
int database_failed(const struct database *database, result outcome);
/* "anna@host", of the person behind sudo; in the arena, NULL without memory. */
const char *author_name(struct arena *arena);

struct list_options {
    const char *config;
    bool is_json;
    unsigned limit;   /* rows */
    int64_t since_ms; /* 0: any time */
};
#define LIST_LIMIT_DEFAULT 100u
#define LIST_PAGE 500u
#define LIST_OPTIONS \
    COMMAND_OPTION_CONFIG, COMMAND_OPTION_JSON, {"limit", 'n', "N", 0, "At most so many rows, newest first (100)", 0}
#define LIST_OPTION_SINCE {"since", 's', "TIME", 0, "Only since then: 2026-11-21T12:00:00Z, or 30m, 24h, 7d back from now", 0}

/* Takes --config, --json, --limit, --since; false for any other key. */
bool list_option_take(int key, char *value, struct argp_state *state, struct list_options *options);
/* RFC 3339, or a number with s, m, h or d counted back from now. */
bool time_of_option(const char *text, int64_t *ret_unix_ms);
/* A whole number above zero, as ids are; ends the process with a usage error otherwise. */
int64_t id_of_argument(const char *text, struct argp_state *state);
