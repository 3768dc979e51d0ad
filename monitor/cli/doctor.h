/* The checks of `pinwatch doctor`: each looks at one thing and says how it is and what to do. */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "cli/command.h"
#include "store/connection.h"

enum check_state { CHECK_OK, CHECK_WARNING, CHECK_FAILED };

struct check_outcome {
    enum check_state state;
    struct reason says;   /* what was found */
    struct reason advice; /* what to do; "" when all is well */
};

struct doctor {
    struct settings *settings; /* NULL: they could not be loaded, and nothing else can be looked at */
    struct reason settings_reason;
    struct store *store;       /* NULL: no database */
    struct arena *arena;
    int service_pid;           /* 0: not running */
    struct buffer *to_do;      /* the advice of all checks, for people */
};

struct check {
    const char *name;
    bool needs_store;
    void (*look)(struct doctor *doctor, struct check_outcome *ret_outcome);
};

void check_set(struct check_outcome *outcome, enum check_state state, const char *format, ...) __attribute__((format(printf, 3, 4)));
void check_advise(struct check_outcome *outcome, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Tables ended by a row without name. */
extern const struct check doctor_machine_checks[], doctor_database_checks[], doctor_caa_checks[], doctor_network_checks[];
void doctor_look_at_resolvers(struct doctor *doctor, struct check_outcome *ret_outcome);
