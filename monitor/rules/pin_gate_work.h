/* What the files of the gate share. */
#pragma once

#include "rules/pin_gate.h"

/* What a case says from a time on. */
struct gate_era {
    int64_t from;
    struct pin_judgement judgement;
};

/* A release, pin files without one, or the TLSA records. */
struct gate_case {
    const struct gate_release *release; /* `release` of it NULL: no release */
    struct gate_release files;          /* of the TLSA records */
    struct gate_era *eras; /* the first holds from ever */
    size_t era_count;
    size_t app;            /* equal for releases of one app */
    size_t platform;       /* equal for releases of one app and platform */
    bool is_records;       /* the TLSA records of the question */
    bool has_tlsa;         /* some of its sets for the host are TLSA records */
};

/* What is wrong with the next certificate itself, or its key. */
struct gate_certificate {
    bool is_given, has_validity, is_for_host;
    int64_t not_before, not_after;
    const char *obstacle; /* a clause: why every client refuses it beside that; NULL: nothing */
    const char *doubt;    /* a sentence: why some clients refuse it; NULL: nothing */
};

struct gate_work {
    const struct gate_question *question;
    struct arena *arena;
    struct gate_case *cases;
    size_t case_count, app_count, platform_count;
    struct trust_paths *paths; /* [candidate][store] */
    bool *has_paths;
    struct gate_certificate certificate;
};

extern const char gate_why_left_out[]; /* the `why` where entries of a pin file were left out */

/* One day. */
struct gate_day {
    enum gate_verdict verdict;
    double refused_share;     /* of the app that is hit most */
    const char *refused_app;
    double doubtful_share;    /* of the app of which most refuse or may */
    bool is_nothing_known;    /* nothing is out on that day, and nothing was before */
    bool is_too_young;        /* a release with the next pin is not out for min_age_days */
    int64_t age_reached;      /* when it will be */
    bool is_age_unknown;
    bool is_tlsa_waiting, is_tlsa_age_unknown;
    int64_t tlsa_usable;      /* two TTLs after the record was published */
};

/* Fills `certificate`. */
void gate_look_at_certificate(struct gate_work *work);
/* The cases, each judged for the day of the question and all days later. */
MUST_CHECK result gate_judge_all(struct gate_work *work);
/* What one release says at one time; `paths` and `has_paths` of the work have room for each candidate and store. */
MUST_CHECK result gate_judge_release(struct gate_work *work, struct gate_case *one, int64_t now, struct pin_judgement *judgement);
const struct pin_judgement *gate_judgement_at(const struct gate_case *one, int64_t time);
bool gate_is_live(const struct gate_case *one, int64_t time);
/* Is this judgement one of pins that refuse what does not match? */
static inline bool gate_is_pinned(const struct pin_judgement *judgement) {
    return judgement->verdict != PIN_VERDICT_NOT_PINNED && judgement->is_enforced;
}
/* `is_first`: the day on which the certificate begins to be served; on later ones its end does not count, it will be renewed. */
MUST_CHECK result gate_look_at_day(const struct gate_work *work, int64_t time, bool is_first, struct gate_day *ret_day);
/* Pins of the leanest document of a live release: pin_gate.h says which count. */
MUST_CHECK result gate_backups_left(const struct gate_work *work, size_t *ret_count);
/* The sentences of the answer, whose other fields are filled. */
MUST_CHECK result gate_add_reasons(const struct gate_work *work, const struct gate_day *day, struct gate_answer *answer);
