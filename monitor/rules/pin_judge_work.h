/* What the files of the judgement of pins share. */
#pragma once

#include "rules/pin_judge.h"

/* The sets of one format that hold for a host: none, several that unite, or one that says that the host is not pinned. */
struct pin_choice {
    const struct pin_document *document;
    const struct pin_question *question; /* its host, port and protocol */
    enum pin_format format;
    size_t best;                 /* how closely the sets that hold fit the host; 0: none does */
    bool has_hosts;              /* some set of the format names a host */
    const struct pin_set *alone; /* the set that unpins */
};

struct pin_choice pin_choose(const struct pin_document *document, enum pin_format format, const struct pin_question *question);
/* The next set that holds, from *place on; NULL: no more. */
const struct pin_set *pin_choice_next(const struct pin_choice *choice, size_t *place);

/* What comes of a mismatch; the strongest of the sets that hold decide alone. */
enum pin_force { FORCE_REPORTS, FORCE_NOTHING_LOCKED /* HPKP's header, what is not enforced */, FORCE_LOCKS_OUT };

/* The sets of a choice that decide: not expired, all of one force. */
struct pin_court {
    struct pin_choice choice;
    enum pin_force force;
    bool is_fading;                 /* pinning has stopped for a part of the users: see state_of */
    const struct pin_set *first;    /* that decides; NULL: none */
    const struct pin_set *last_out; /* that would have, had it not expired or been insecure */
};

/* The next set that decides; NULL: no more. */
const struct pin_set *pin_court_next(const struct pin_court *court, size_t *place);

/* All pins of all sets that decide, one after the other; begins as {0}. */
struct pin_walk {
    size_t place, group, number;
    const struct pin_set *set; /* of the pin */
};
const struct pin *pin_walk_next(const struct pin_court *court, struct pin_walk *walk);

/* Why it cannot be told whether a pin matches; what is lacking most counts. */
enum pin_lack {
    LACK_NOTHING,
    LACK_BYTES,   /* of a key or certificate at most the SHA-256 is known */
    LACK_SENDING, /* what matches was not given, and a client needs it from the server */
    LACK_END,     /* what stands above the last link */
};

/* What a set, or several, say about one path. */
struct pin_finding {
    enum pin_match match;
    enum pin_lack lack;   /* PIN_MATCH_UNKNOWN */
    const struct pin_set *set;
    const struct pin *by; /* PIN_MATCH_YES: the pin nearest to the leaf; NULL: none was needed */
    size_t by_place;
};

/* Does anything stand above the last link that is not known? */
static inline bool pin_path_is_open(const struct pin_path *path) {
    return !path->is_complete && !path->is_foreign;
}

/* Joins that something cannot be told to a finding that does not match. */
static inline void pin_lacks(struct pin_finding *finding, enum pin_lack lack) {
    if (finding->match == PIN_MATCH_YES)
        return;
    finding->match = PIN_MATCH_UNKNOWN;
    finding->lack = lack > finding->lack ? lack : finding->lack;
}

/* Adds what one pin says about the places of the path `from` … `to` - 1: one that matches is enough. PIN_TO_THE_END: all from `from` on,
 * those that are not known too. */
#define PIN_TO_THE_END SIZE_MAX
void pin_try(const struct pin_set *set, const struct pin *pin, const struct pin_path *path, size_t from, size_t to, struct pin_finding *finding);

/* Is it sure that clients ignore such a header of HPKP, because no pin in it stands outside the chain (RFC 7469 2.5, 4.3)? */
bool hpkp_lacks_backup(const struct pin_court *court);

/* TLSA records: what the clients that follow RFC 6698, 7671 and 7672 make of them. */
struct tlsa_view {
    bool is_smtp;
    bool has_sha512[4][2]; /* by usage and selector: weaker digests beside it do not count (RFC 7671 9) */
    bool has_usable;
    struct pin_finding anchor; /* of usage 2: not a path's matter */
};
struct tlsa_view tlsa_look(const struct pin_court *court, const struct pin_question *question);
struct pin_finding tlsa_on_path(const struct pin_court *court, const struct tlsa_view *view, const struct pin_path *path);
