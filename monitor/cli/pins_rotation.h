/* What the commands share that judge a rotation of keys from files: `pinwatch pins gate` and `plan`. */
#pragma once

#include "cli/caa_ask.h"
#include "cli/database.h"
#include "cli/pins.h"
#include "cli/pins_keys.h"
#include "rules/pin_gate.h"
#include "store/ca_keys.h"

#define ROTATION_EXIT_UNKNOWN 2

struct rotation_options {
    struct caa_asking asking;   /* of CAA; --json is its is_json */
    struct pins_paths pins;
    const char *host, *next, *current, *chain, *issuer, *releases, *tlsa, *caa, *connect;
    char connect_host[PINS_HOST_SIZE];
    uint16_t connect_port, port;
    int64_t on, tlsa_since;
    double max_share;
    unsigned min_age_days;
    bool has_tlsa_since, is_smtp, is_wildcard, wants_pins;
    bool needs_no_next;         /* neither --next nor --connect has to be there */
};

/* Prints why, and returns the exit code: ROTATION_EXIT_UNKNOWN, but where memory is lacking. */
int rotation_refused(result outcome, const struct reason *reason);

#define ROTATION_OPTIONS \
    {"host", 'H', "HOST", 0, "The name that clients connect to", 0}, \
        {"next", 'N', "FILE", 0, "What is to be served: a certificate (others behind it are taken as its chain), a request or a public key; PEM or DER", 0}, \
        {"current", 'C', "FILE", 0, "What is served today: a certificate or public key; then it is known which pin is in use and which is a backup", 0}, \
        {"chain", 'I', "FILE", 0, "The CA certificates above it, in PEM; of a request or key: the first CA certificate is the one that will sign", 0}, \
        {"issuer", 'i', "CA", 0, "Who will issue, where there is no chain: a CAA domain (letsencrypt.org), or the name of an owner (`pinwatch ca list`); CA pins are judged over " \
                                 "all its intermediates that may sign", 0}, \
        {"on", 'o', "DATE", 0, "The day of the rotation, instead of now", 0}, \
        {"pins", 'p', "FILE...", 0, "Judge these pin files; how many people use them is not known, which counts as all", 0}, \
        {"releases", 'R', "FILE", 0, "Judge the releases that this file (YAML or CSV) lists; pin files that it names lie beside it", 0}, \
        {"max-share", 's', "SHARE", 0, "Of an app's users so many may be refused: 0.01 or 1%; without it nobody", 0}, \
        {"min-age", 'a', "DAYS", 0, "A release with the next pin must be out for so long", 0}, \
        {"smtp", 'S', NULL, 0, "It is a mail server: port 25, and TLSA usages 0 and 1 do not count (RFC 7672)", 0}, \
        {"port", 'P', "N", 0, "Port of the TLSA records (443)", 0}, \
        {"tlsa", 't', "FILE|asked", 0, "The host's TLSA records: a zone file, or what dig prints; or ask the resolvers, of which one that validates must say whether they count", 0}, \
        {"tlsa-since", 'T', "TIME", 0, "Since when the record of the next key is published (2026-11-21, or with a time)", 0}, \
        {"caa", 'k', "FILE|asked", 0, "The CAA records that count (as for `caa check --records`), or ask the resolvers of the settings or the system (--resolver alone asks, too, but with --tlsa asked)", 0}, \
        {"wildcard", 'w', NULL, 0, "The certificate is to be for * in place of the host's first label: judge CAA for that", 0}

/* What an option parser returns for its keys; ARGP_ERR_UNKNOWN for others. */
error_t rotation_take(int key, char *value, struct argp_state *state, struct rotation_options *options);

/* Everything of a question, with what owns it. */
struct rotation {
    struct arena *arena;
    struct pins_files files;   /* of releases and --pins */
    struct pins_files records; /* of --tlsa */
    struct database database;  /* open where neither --pins nor --releases was given */
    struct ca_extra_rows extra; /* what the database knows of CAs */
    struct store_issuers_seen seen; /* with which keys they signed since then, where `has_seen` */
    int64_t seen_since_ms;
    bool has_seen;
    struct gate_question question;
    struct pin_link next, current; /* `next` is empty where none was given */
    const char *caa_verdict;   /* "allowed", …; NULL: not asked */
    const char *caa_issuer;    /* as given, or as the chain says; NULL: not known */
};

/* Reads what the options name. Prints why when that is not possible, and returns the exit code. */
int rotation_read(const struct rotation_options *options, struct rotation *ret_rotation);
void rotation_done(struct rotation *rotation);
