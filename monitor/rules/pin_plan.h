/* The steps of a rotation, with dates; and in an emergency: to which staged key can be switched now, and whom does it cost? Pure, no clock. */
#pragma once

#include "rules/pin_gate.h"

enum plan_state {
    PLAN_DONE,
    PLAN_TO_DO,
    PLAN_WAITING, /* for a date, or for what is to be done before it */
};
const char *plan_state_name(enum plan_state state); /* "done", "to-do", "waiting" */

struct plan_step {
    const char *name;  /* stable: "spare-key", "stage-pin", "publish-tlsa", "allow-ca", "wait", "gate", "switch", "retire" */
    enum plan_state state;
    bool has_date;     /* false: when is not known */
    int64_t date;      /* the first day on which it can be done; of what is done: since when, where that is known */
    const char *what;  /* a sentence */
};

struct plan {
    struct plan_step *steps; /* in the order in which they are to be done */
    size_t count;
    struct gate_answer gate; /* of the day of the question */
};

/* The ordinary way to the question's next key. Everything in `arena`; fails only without memory. */
MUST_CHECK result pin_plan(const struct gate_question *question, struct arena *arena, struct plan *ret_plan);

/* A key that live releases pin for the host. */
struct plan_spare {
    const struct pin *pin;    /* SHA-256 of a key, as the first release has it that gives it a role, else the first of all */
    bool is_current;          /* the question's current key; where that is not known, one that is called so */
    struct gate_answer gate;  /* were it served on that day */
};

/* Every key that is pinned and no CA's, the cheapest to switch to first; ones called current last. What is pinned in another form (whole
 * certificates, other digests) is only counted. They are signed as the question's candidates say;
 * its `next` does not count. */
MUST_CHECK result pin_plan_emergency(const struct gate_question *question, struct arena *arena, struct plan_spare **ret_spares, size_t *ret_count, size_t *ret_left_out);
