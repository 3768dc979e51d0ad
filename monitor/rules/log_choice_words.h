/* Why a log is followed or not, as a decision and as a sentence. Used by rules/log_choice.c. */
#pragma once

#include "rules/log_choice.h"

enum log_decision {
    DECISION_LISTED,      /* followed: a list names it in a state that counts */
    DECISION_CONFIGURED,  /* followed: the settings or the drill say so */
    DECISION_DEAD,        /* retired or rejected wherever it is listed */
    DECISION_STATELESS,   /* listed, but in no state */
    DECISION_PLACEHOLDER, /* never was a log */
    DECISION_MIMIC,       /* its private key is public */
};

/* One sentence in `arena`; NULL without memory. */
const char *log_choice_sentence(const struct chosen_log *chosen, enum log_decision decision, struct arena *arena);
