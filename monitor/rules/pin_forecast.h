/* The forecast: until when does each live or planned release accept some key that a host serves, and what takes the last one from it? Pure, no clock. */
#pragma once

#include "rules/pin_gate.h"

/* A key that is served, or will be. */
struct forecast_key {
    const char *name;                 /* where it comes from: a file, "certificate 17" */
    struct pin_link link;
    const struct trust_question *way; /* who signed it, or will; `store` and `now` are set; NULL: not known */
    const char *const *hosts;         /* A-labels, may begin with "*."; NULL-terminated; NULL: whatever host is asked about */
    bool has_validity;                /* of a certificate */
    int64_t not_before, not_after;    /* the first and the last second (RFC 5280 4.1.2.5) */
    bool is_rotation;                 /* from `from` on it is served in place of everything before */
    int64_t from;
};

struct forecast_question {
    const struct gate_release *releases; /* those that are retired, or ended by `from`, are passed over */
    size_t release_count;
    const struct forecast_key *keys;
    size_t key_count;
    const struct ca_extra_rows *extra;   /* CA keys beside those of the shipped tables; NULL: none */
    int64_t from, until;                 /* Unix seconds; changes up to `until` are told */
    bool reuses_keys;                    /* certificates are renewed in time with the same key; else with a key that nobody pins, by the same CA */
};

/* What is found once for all hosts. */
struct forecast;
/* Borrows the question. Everything in `arena`; fails only without memory. */
MUST_CHECK result forecast_new(const struct forecast_question *question, struct arena *arena, struct forecast **ret_forecast);

/* A name that is asked about; TLSA records hold for one of its ports. */
struct forecast_service {
    const char *host; /* A-labels; "*.example.com": every name one label below, but those that are named themselves */
    uint16_t port;
    const char *protocol;
};
/* `host` NULL: every host that an entry of a release names or, where entries hold for names below or for any, every name of a key that is pinned.
 * With `host`: that one, also where nobody pins it. By name, then port. */
MUST_CHECK result forecast_services(struct forecast *forecast, const char *host, struct arena *arena, struct forecast_service **ret_services, size_t *ret_count);

enum forecast_state {
    FORECAST_NOT_LIVE,    /* not out yet, or its support has ended */
    FORECAST_NOT_PINNED,  /* every chain of a trusted CA will do, or a mismatch is only reported */
    FORECAST_ACCEPTED,    /* some key that is served then, or its renewal, is accepted */
    FORECAST_CANNOT_TELL,
    FORECAST_NO_KEY,      /* none is */
};
const char *forecast_state_name(enum forecast_state state); /* "not-live", "not-pinned", "accepted", "cannot-tell", "no-key" */

enum forecast_cause {
    FORECAST_NOW,              /* it is so from the beginning */
    FORECAST_CERTIFICATE_ENDS, /* the last certificate with a key that it accepts */
    FORECAST_CA_ENDS,          /* the last certificate of a CA that it pins, or of one on the way to it */
    FORECAST_ROTATION,         /* to a key that it does not accept */
    FORECAST_RELEASE_BEGINS,
    FORECAST_PINS_END,         /* some of its pins; what is left accepts less */
};
const char *forecast_cause_name(enum forecast_cause cause); /* "now", "certificate-ends", "ca-ends", "rotation", "release-begins", "pins-end" */

struct forecast_period {
    int64_t from;                    /* until the next one begins, or past the end of the forecast */
    enum forecast_state state;
    const struct forecast_key *key;  /* that is accepted; NULL: none */
    bool is_renewal;                 /* by a certificate that follows it, of the same CA */
    struct pin_judgement judgement;  /* on its first day; `set` and `by` are in the release's documents */
};

/* One release and one host. */
struct forecast_line {
    const struct gate_release *release;
    struct forecast_period *periods; /* the first begins at `from`; two that follow each other differ in their state */
    size_t count;
    size_t number;                   /* for the caller; in the order of the question */
};

/* A release loses its last acceptable key. */
struct forecast_loss {
    const struct forecast_line *line;
    int64_t at;
    bool has_end;          /* it accepts one again, pins no more, or is not live any more, within the forecast */
    int64_t end;
    enum forecast_cause cause;
    bool has_app_share;    /* false: the share of a release of its app that has no key then is not known */
    double app_share;      /* of the app's users that have no key then */
    const char *why;       /* one harmless sentence */
};

enum forecast_event_kind { FORECAST_LOSES, FORECAST_UNSURE, FORECAST_CERTIFICATE, FORECAST_CA, FORECAST_PINS, FORECAST_ROTATES, FORECAST_COMES_OUT, FORECAST_ENDS };
/* "loses", "cannot-tell", "certificate-ends", "ca-ends", "pins-end", "rotation", "release-begins", "release-ends" */
const char *forecast_event_name(enum forecast_event_kind kind);
struct forecast_event {
    int64_t at;
    enum forecast_event_kind kind;
    const struct gate_release *release; /* NULL: of no release */
    const char *what;                   /* harmless; begins with a name */
};

/* A key that is pinned, is no CA's that is known, and is none of those that are given: it can be put into use by whoever holds it. */
struct forecast_staged {
    const struct pin *pin;
    size_t count, live_count; /* live releases that have it, of those that pin the host */
    bool has_since;           /* all of them have it, and all say when they came out */
    int64_t since;
};

enum forecast_verdict { FORECAST_FINE, FORECAST_LOSS, FORECAST_UNKNOWN }; /* exit codes 0, 1, 2 */
const char *forecast_verdict_name(enum forecast_verdict verdict); /* "fine", "loses", "cannot-tell" */

struct forecast_answer {
    struct forecast_service service;
    enum forecast_verdict verdict;
    struct forecast_line *lines;    /* releases with an entry for the host */
    size_t line_count;
    struct forecast_loss *losses;   /* by date */
    size_t loss_count;
    struct forecast_event *events;  /* by date, then as the kinds stand above */
    size_t event_count;
    struct forecast_staged *staged;
    size_t staged_count;
    const struct forecast_key *const *keys; /* that are for the host */
    size_t key_count;
};

/* One host. Everything told is in `arena`; `scratch` may be emptied afterwards. Fails only without memory.
 *
 * A release with several documents accepts what all of them accept, by the rules of the gate (rules/pin_gate.h). A certificate counts from its
 * first second to its last, or until a rotation. What follows it is signed by the same CA: with another of its intermediates where the CA has
 * several, then below the same keys as today; its key is new, but with `reuses_keys`. */
MUST_CHECK result forecast_host(struct forecast *forecast, const struct forecast_service *service, struct arena *scratch, struct arena *arena,
                                struct forecast_answer *ret_answer);
