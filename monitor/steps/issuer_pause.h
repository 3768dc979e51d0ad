/* Issuers that a log does not serve: when each is asked for again, and for how long it has been asked for in vain. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

#define ISSUER_PAUSES_MAX 1024
#define ISSUER_PAUSES_OF_LOG 64  /* what one log withholds leaves the others their places */
#define ISSUER_WITHHELD_AFTER_MS ((int64_t) 3600 * 1000)

/* Tries that failed, one after the other, for one issuer of one log. */
struct issuer_series {
    struct hash log_id, issuer;
    unsigned failures;    /* 0: a free place */
    int64_t begun_ms;     /* the first failure; all times are monotonic */
    int64_t failed_ms;    /* the last one */
    int64_t vain_ms;      /* of the time between them, that in which the log answered */
    int64_t until_ms;     /* not asked again before */
    uint64_t told_in;     /* round in which it is told about whatever waits for it; 0: not yet */
    int64_t told_id;      /* certificates up to this one were */
};

struct issuer_pauses { /* zeroed: no trouble */
    struct issuer_series list[ISSUER_PAUSES_MAX];
    struct issuer_series rest; /* of all those together that found no place: they are never paused */
};

/* Passes by all certificates that wait for their issuer; every second one goes on where earlier ones found no place for some. */
struct issuer_round {
    uint64_t number;        /* of whole passes */
    int64_t after_id;
    int64_t skipped_id;     /* the first in this pass that found no place; 0: none */
    int64_t left_id;        /* where the next pass for these begins; 0: there are none */
    int64_t begun_ms, left_ms; /* of the last whole pass, of that which left these */
    int64_t ran_ms, seen_ms; /* the step; what waited then has been looked at since */
    bool is_open, is_for_left;
};

struct issuer_try {
    const struct hash *log_id, *issuer;
    int64_t answered_ms; /* when the log last answered anything; 0: never */
    int64_t waited_ms;   /* the certificate, since it was first seen */
};

/* NULL: nothing failed lately, or it has no place of its own. */
struct issuer_series *issuer_series_find(struct issuer_pauses *pauses, const struct hash *log_id, const struct hash *issuer);
/* A try failed; those that were under way together count once. Returns the series that it belongs to. */
struct issuer_series *issuer_series_failed(struct issuer_pauses *pauses, const struct issuer_try *failed, int64_t now_ms);
void issuer_series_end(struct issuer_pauses *pauses, const struct hash *log_id, const struct hash *issuer);
/* Has the log been asked in vain for long enough? An hour of tries between which it answered something, ten minutes for a certificate that
 * had waited for a day when they began; or a day of tries, whatever it answered. */
bool issuer_is_withheld(const struct issuer_series *series, int64_t now_ms);
