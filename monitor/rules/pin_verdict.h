/* What clients of live releases make of an observed certificate, release by release and name by name. Pure, no clock. */
#pragma once

#include "formats/release_file.h"
#include "rules/trust_paths.h"

/* A pin document as those of its clients see it that share a root store: our YAML may hold sets of several platforms. */
struct pin_view {
    struct pin_document document;
    enum trust_store store;
    size_t number; /* of the document, for the caller */
};
/* At most trust_store_count views; their sets are in `arena`, and borrow from the document. Fails only without memory. */
MUST_CHECK result pin_views_of(const struct pin_document *document, size_t number, struct arena *arena, struct pin_view *ret_views, size_t *ret_count);

/* A release; its clients accept what all of its documents accept. */
struct pin_client {
    const struct release *release;
    const size_t *views; /* places in the question's */
    size_t view_count;
};

/* Digests alone: the bytes of a certificate are a reader's affair. */
struct pin_verdict_question {
    const struct pin_view *views;
    size_t view_count;
    const struct pin_client *clients; /* those that are not live at `now` are left out */
    size_t client_count;
    const struct hash *spki_sha256;        /* NULL: its key cannot be read */
    const struct hash *certificate_sha256; /* NULL: only its precertificate was seen */
    const struct hash *issuer_spki_sha256; /* whose signature was verified; NULL: nobody's, and what stands above the leaf is not known */
    const struct ca_extra_rows *extra;
    const char *const *names;              /* its DNS names; may begin with "*." */
    size_t name_count;
    int64_t now;
};

struct pin_verdict_row {
    const struct pin_client *client;
    const char *name; /* as in the certificate */
    const char *host; /* for which it was judged: the name, or of a wildcard the pinned host below it that is worst off */
    struct pin_judgement judgement;
    size_t view;      /* that decided */
};

enum { PIN_VERDICT_ROWS_MAX = 1000, PIN_VERDICT_HOSTS_MAX = 500 /* of one document, that one wildcard covers */ };

struct pin_verdicts {
    struct pin_verdict_row *rows; /* by name, then client; when there are too many those that matter most */
    size_t count;
    size_t row_count; /* how many there would be */
};

/* A row for each live release and each name that one of its pin sets holds for, also one that says that it is not pinned, or has expired. For a
 * wildcard every pinned host that it covers is judged, and any other one; the worst counts. Everything in `arena`, borrowing from the question. Fails
 * only without memory. */
MUST_CHECK result pin_verdicts_find(const struct pin_verdict_question *question, struct arena *arena, struct pin_verdicts *ret_verdicts);

/* How bad it is for the clients; what is only reported is less so than anything that is not. */
unsigned pin_verdict_badness(const struct pin_judgement *judgement);
/* By which pin it is accepted: "current", "next", "backup", "ca", or "leaf" for a pin of the leaf that its file gives no role; "" where none was needed, and
 * for other verdicts. */
const char *pin_verdict_role(const struct pin_judgement *judgement);
/* "accepts", "refuses", "not-pinned", "cannot-tell" */
const char *pin_verdict_word(enum pin_verdict verdict);
