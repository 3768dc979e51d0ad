/* Issuer keys that no table maps: the chain that a log delivered is walked up from them, each signature checked by a reader, until a key is
 * mapped. What was found is kept as links between keys (rules/ca_table.h, ca_table_path).
 *
 * Certificates of a chain beyond the first come from the database or from a log that serves issuers by their hash (static-ct-api, Issuers); a
 * chain whose certificates nobody has cannot be walked. One key at a time is enough: new ones are rare. */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "steps/ca_links.h"
#include "store/ca_keys.h"
#include "store/record.h"

#define KEYS_PER_STEP 64 /* looked at, most of them mapped */
#define TRIED_MAX 256
#define TRIED_MS ((int64_t) 6 * 3600 * 1000) /* a chain that led nowhere stays as it is */
#define FAILED_MS ((int64_t) 10 * 60 * 1000)  /* a log or a database that did not answer may do so later */
#define ARENA_LIMIT ((size_t) 64 * 1024 * 1024)

struct tried {
    struct hash key;
    int64_t until_ms; /* monotonic; 0: empty */
};

struct ca_links {
    struct monitor *monitor;
    struct hash after; /* the key looked at last */
    struct tried tried[TRIED_MAX]; /* place by the key; a newer one takes the place */
    /* the walk under way */
    struct arena *arena; /* NULL: none */
    struct hash key;
    struct store_issued issued;
    struct span certificate; /* whose signature is asked about */
    size_t level;            /* in the chain: of the certificate that shall have signed it */
    struct ca_link links[CA_PATH_STEPS_MAX];
    size_t link_count;
};

void ca_links_free(struct ca_links *links) {
    if (links != NULL)
        arena_free(links->arena);
    memory_free(links);
}

static struct tried *tried_place(struct ca_links *links, const struct hash *key) {
    return &links->tried[key->bytes[0] % TRIED_MAX];
}

static void finish(struct ca_links *links, int64_t wait_ms) {
    *tried_place(links, &links->key) = (struct tried){.key = links->key, .until_ms = clock_monotonic_ms() + wait_ms};
    arena_free(links->arena);
    links->arena = NULL;
}

/* Links are worth something only when they lead to a mapped key. */
static void keep(struct ca_links *links) {
    result fault = store_ca_links_save(links->monitor->store, links->links, links->link_count, clock_wall_ms());
    if (fault == OK)
        log_say(LOG_NOTICE, "ca-keys.linked", LOG_NUMBER("links", links->link_count));
    else
        log_say(LOG_WARNING, "ca-keys.not-linked", LOG_FAULT(fault));
}

/* A log that serves certificates by their hash: where the certificate was seen, or any other. "" when none is followed. */
static const char *place_to_ask(const struct ca_links *links) {
    const struct monitor *monitor = links->monitor;
    const char *any = "";
    for (size_t i = 0; i < monitor->chosen_count; i++) {
        const struct listed_log *log = &monitor->chosen[i].log;
        if (!monitor->chosen[i].is_followed || log->monitoring_url[0] == '\0')
            continue;
        if (hash_equal(&log->log_id, &links->issued.log_id))
            return log->monitoring_url;
        any = log->monitoring_url;
    }
    return any;
}

static void on_answer(void *context, const struct issuer_answer *answer);

/* Asks who signed the certificate at hand; false when nobody can be asked. */
static bool ask(struct ca_links *links) {
    struct issuer_query query = {.monitoring_url = place_to_ask(links), .certificate = links->certificate};
    if (links->level == links->issued.chain_count || links->link_count == CA_PATH_STEPS_MAX)
        return false;
    query.fingerprint = links->issued.chain[links->level];
    bool is_loaded = store_issuer_load(links->monitor->store, &query.fingerprint, links->arena, &query.known_issuer) == OK;
    if (!is_loaded || (query.known_issuer.size == 0 && query.monitoring_url[0] == '\0'))
        return false;
    return issuer_fetch_ask(links->monitor->issuers, &query, on_answer, links) == OK;
}

/* Takes a verified step up the chain; true when the walk goes on. */
static bool step_up(struct ca_links *links, const struct issuer_answer *answer) {
    const struct hash *signer = &answer->issuer_spki.hash;
    const struct hash *below = links->link_count == 0 ? &links->key : &links->links[links->link_count - 1].issuer_spki_sha256;
    struct ca_row row;
    uint8_t *der = arena_copy(links->arena, answer->issuer_certificate);
    if (!answer->issuer_spki.is_known || answer->issuer_certificate.size == 0 || der == NULL)
        return false;
    bool is_first = links->level == 0;
    if (is_first ? !hash_equal(signer, &links->key) : hash_equal(signer, below))
        return false; /* not the issuer that is recorded; or a root, which nobody maps */
    links->certificate = span_of(der, answer->issuer_certificate.size);
    links->level++;
    if (is_first)
        return true;
    links->links[links->link_count] = (struct ca_link){*below, *signer};
    links->link_count++;
    if (!ca_table_find(signer, &links->monitor->extra, &row))
        return true;
    keep(links);
    return false;
}

static void on_answer(void *context, const struct issuer_answer *answer) {
    struct ca_links *links = context;
    if (answer->fault != OK)
        finish(links, FAILED_MS);
    else if (!step_up(links, answer) || !ask(links))
        finish(links, TRIED_MS);
}

static bool is_of_interest(struct ca_links *links, const struct hash *key) {
    const struct tried *tried = tried_place(links, key);
    const struct ca_extra_rows *extra = &links->monitor->extra;
    struct ca_row row;
    if (tried->until_ms > clock_monotonic_ms() && hash_equal(&tried->key, key))
        return false;
    for (size_t i = 0; i < extra->link_count; i++)
        if (hash_equal(&extra->links[i].spki_sha256, key))
            return false;
    return !ca_table_find(key, extra, &row);
}

static result begin(struct ca_links *links, const struct hash *key) {
    links->arena = arena_new(ARENA_LIMIT);
    if (links->arena == NULL)
        return &fault_no_memory;
    links->key = *key;
    links->level = links->link_count = 0;
    result fault = store_issued_by(links->monitor->store, key, links->arena, &links->issued);
    links->certificate = links->issued.certificate;
    if (fault != OK || links->certificate.size == 0 || !ask(links))
        finish(links, fault == OK ? TRIED_MS : FAILED_MS);
    return fault;
}

result step_link_ca_keys(struct monitor *monitor, int64_t unused_now_ms) {
    (void) unused_now_ms;
    if (monitor->ca_links == NULL) {
        monitor->ca_links = memory_new(sizeof *monitor->ca_links);
        if (monitor->ca_links == NULL)
            return &fault_no_memory;
        monitor->ca_links->monitor = monitor;
    }
    struct ca_links *links = monitor->ca_links;
    for (size_t i = 0; i < KEYS_PER_STEP && links->arena == NULL; i++) {
        struct hash key;
        bool has_key;
        TRY(store_issuer_key_after(monitor->store, &links->after, &key, &has_key));
        links->after = has_key ? key : (struct hash){{0}}; /* from the beginning again */
        if (!has_key)
            return OK;
        if (is_of_interest(links, &key))
            TRY(begin(links, &key));
    }
    return OK;
}
