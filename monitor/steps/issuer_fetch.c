#include "steps/issuer_fetch.h"

#include "base/clock.h"
#include "base/digest.h"
#include "base/memory.h"
#include "formats/tile_path.h"

#define ISSUER_SIZE_MAX ((size_t) 64 * 1024)
#define CACHE_SIZE 512
#define TRIES_MAX 7
#define REPORT_ARENA_LIMIT ((size_t) 64 * 1024 * 1024)
#define SLOT_WAIT_MS 20
#define URL_LIMIT 2048

FAULT(fault_issuer_hash, FAULT_LOG, "issuer.hash", "issuer certificate", "static-ct-api, Issuers",
      "bytes that do not hash to the name they were asked under", "the certificate with that SHA-256");

struct cached_issuer {
    struct hash fingerprint;
    uint8_t *der;
    size_t size;
};

struct question {
    struct question *next;
    struct issuer_fetch *fetch;
    struct reader_pool *readers;
    char *url;
    struct hash fingerprint;
    uint8_t *certificate;
    size_t certificate_size;
    issuer_done done;
    void *context;
    struct transfer *transfer;
    uint8_t *body;
    struct event *timer;
    unsigned tries, deaths; /* deaths: of readers over this pair */
    int slot;
    bool is_reading, is_abandoned;
    bool is_leading; /* fetches the issuer for all that want the same from the same place */
    bool is_waiting; /* for the one that leads */
};

struct issuer_fetch {
    const struct follow_world *world;
    struct cached_issuer cache[CACHE_SIZE]; /* place by the first bytes of the fingerprint; a newer one takes the place */
    struct question *questions;
};

static void proceed(struct question *question);
static void wake_waiting(const struct question *leader, result fault);

static void question_free(struct question *question) {
    if (question->transfer != NULL)
        transfer_cancel(question->transfer);
    if (question->timer != NULL)
        event_free(question->timer);
    memory_free(question->body);
    memory_free(question->certificate);
    memory_free(question->url);
    memory_free(question);
}

static void question_unlink(struct question *question) {
    struct question **place = &question->fetch->questions;
    while (*place != NULL && *place != question)
        place = &(*place)->next;
    if (*place != NULL)
        *place = question->next;
}

static struct cached_issuer *cache_place(struct issuer_fetch *fetch, const struct hash *fingerprint) {
    size_t at = ((size_t) fingerprint->bytes[0] << 8 | fingerprint->bytes[1]) % CACHE_SIZE;
    return &fetch->cache[at];
}

static const struct cached_issuer *cache_find(struct issuer_fetch *fetch, const struct hash *fingerprint) {
    const struct cached_issuer *place = cache_place(fetch, fingerprint);
    return place->der != NULL && hash_equal(&place->fingerprint, fingerprint) ? place : NULL;
}

static bool cache_keep(struct issuer_fetch *fetch, const struct hash *fingerprint, struct span der) {
    struct cached_issuer *place = cache_place(fetch, fingerprint);
    uint8_t *copy = memory_new(der.size);
    if (copy == NULL)
        return false;
    memcpy(copy, der.bytes, der.size);
    memory_free(place->der);
    *place = (struct cached_issuer){.fingerprint = *fingerprint, .der = copy, .size = der.size};
    return true;
}

static void question_end_with(struct question *question, result fault, const struct entry_report *report) {
    const struct cached_issuer *cached = cache_find(question->fetch, &question->fingerprint);
    struct issuer_answer verdict = {.fault = fault, .report = report};
    if (report != NULL)
        verdict.issuer_spki = report->issuer_spki_sha256;
    if (cached != NULL)
        verdict.issuer_certificate = span_of(cached->der, cached->size);
    question_unlink(question);
    if (question->is_leading)
        wake_waiting(question, fault);
    question->done(question->context, &verdict);
    question_free(question);
}

static void question_end(struct question *question, result fault) {
    question_end_with(question, fault, NULL);
}

static void timer_fired(int unused_descriptor, short unused_events, void *context) {
    (void) unused_descriptor;
    (void) unused_events;
    proceed(context);
}

static bool set_timer(struct question *question, int64_t delay_ms) {
    struct timeval delay = {.tv_sec = delay_ms / 1000, .tv_usec = (suseconds_t) (delay_ms % 1000) * 1000};
    if (question->timer == NULL)
        question->timer = evtimer_new(question->fetch->world->loop, timer_fired, question);
    return question->timer != NULL && evtimer_add(question->timer, &delay) == 0;
}

static void proceed_after(struct question *question, int64_t delay_ms) {
    if (!set_timer(question, delay_ms))
        question_end(question, &fault_no_memory);
}

static void try_again(struct question *question, result fault) {
    if (++question->tries >= TRIES_MAX)
        question_end(question, fault);
    else
        proceed_after(question, backoff_ms(question->tries, 200, 10000, (uint64_t) (uintptr_t) question * 2654435761u));
}

/* ---- the reader's word */

/* About another certificate it would be no answer to the question. */
static bool is_about(const struct question *question, const struct entry_report *report) {
    return report->is_unreadable || span_equal(report->certificate, span_of(question->certificate, question->certificate_size));
}

static void end_with_reports(struct question *question, struct span reports) {
    struct entry_report report;
    CLEANUP(arena_free_at) struct arena *arena = arena_new(REPORT_ARENA_LIMIT);
    struct cursor cursor = cursor_of(reports);
    result fault = arena == NULL ? &fault_no_memory : entry_report_decode(&cursor, arena, &report);
    if (fault == OK && !is_about(question, &report))
        fault = &fault_reader_lied;
    if (fault == &fault_no_memory || fault == &fault_reader_lied)
        try_again(question, fault);
    else
        question_end_with(question, OK, fault == OK && !report.is_unreadable ? &report : NULL);
}

static void reader_finished(void *context, const struct reader_outcome *outcome) {
    struct question *question = context;
    reader_pool_give_slot(question->readers, question->slot);
    question->is_reading = false;
    if (question->is_abandoned) {
        question_free(question);
        return;
    }
    bool is_lost = outcome->fault == &fault_reader_died || outcome->fault == &fault_reader_late || outcome->fault == &fault_reader_lied;
    if (outcome->fault == OK)
        end_with_reports(question, outcome->reports);
    else if (!is_lost)
        try_again(question, outcome->fault); /* this machine's trouble says nothing about the pair */
    else if (++question->deaths < TRIES_MAX)
        proceed_after(question, SLOT_WAIT_MS);
    else
        question_end(question, OK); /* a pair that kills readers proves nothing */
}

static size_t write_vector(uint8_t *place, const uint8_t *bytes, size_t size) {
    place[0] = (uint8_t) (size >> 16);
    place[1] = (uint8_t) (size >> 8);
    place[2] = (uint8_t) size;
    memcpy(place + 3, bytes, size);
    return size + 3;
}

static void ask_reader(struct question *question, const struct cached_issuer *issuer) {
    struct reader_pool *readers = question->readers;
    size_t size = question->certificate_size + issuer->size + 6;
    if (size > reader_pool_slot_size(readers)) {
        question_end(question, OK);
        return;
    }
    question->slot = reader_pool_take_slot(readers);
    if (question->slot < 0) {
        proceed_after(question, SLOT_WAIT_MS);
        return;
    }
    uint8_t *place = reader_pool_slot_bytes(readers, question->slot);
    place += write_vector(place, question->certificate, question->certificate_size);
    write_vector(place, issuer->der, issuer->size);
    struct reader_request request = {.task = READER_ISSUER, .slot = (uint32_t) question->slot, .body_size = size, .wanted_end = 1};
    question->is_reading = true;
    result fault = reader_pool_submit(readers, &request, reader_finished, question);
    if (fault != OK) {
        question->is_reading = false;
        reader_pool_give_slot(readers, question->slot);
        try_again(question, fault);
    }
}

/* ---- the issuer certificate */

static void issuer_kept(struct question *question) {
    question->is_leading = false;
    wake_waiting(question, OK);
    proceed(question);
}

static void issuer_received(void *context, const struct transfer_answer *answer) {
    struct question *question = context;
    question->transfer = NULL;
    struct hash hash;
    if (answer->fault != OK) {
        try_again(question, answer->fault);
        return;
    }
    struct span der = span_of(question->body, answer->body_size);
    digest_of(der, &hash);
    if (!hash_equal(&hash, &question->fingerprint))
        try_again(question, &fault_issuer_hash);
    else if (!cache_keep(question->fetch, &hash, der))
        try_again(question, &fault_no_memory);
    else
        issuer_kept(question);
}

static bool wants_same(const struct question *a, const struct question *b) {
    return a != b && hash_equal(&a->fingerprint, &b->fingerprint) && strcmp(a->url, b->url) == 0;
}

static struct question *waiting_for(const struct question *leader) {
    struct question *question = leader->fetch->questions;
    while (question != NULL && !(question->is_waiting && wants_same(question, leader)))
        question = question->next;
    return question;
}

/* What became of the issuer is the same for all that waited for it. */
static void wake_waiting(const struct question *leader, result fault) {
    for (struct question *question; (question = waiting_for(leader)) != NULL;) {
        question->is_waiting = false;
        if (fault == OK)
            proceed_after(question, 0);
        else
            question_end(question, fault);
    }
}

static bool is_led(const struct question *question) {
    for (const struct question *other = question->fetch->questions; other != NULL; other = other->next)
        if (other->is_leading && wants_same(other, question))
            return true;
    return false;
}

static void fetch_issuer(struct question *question) {
    if (!question->is_leading && is_led(question)) {
        question->is_waiting = true;
        return;
    }
    question->is_leading = true;
    if (question->body == NULL)
        question->body = memory_new(ISSUER_SIZE_MAX);
    struct transfer_request request = {.url = question->url, .body = question->body, .body_room = ISSUER_SIZE_MAX,
                                       .timeout_ms = 30000, .stall_ms = 15000, .verifies_tls = true};
    result fault = question->body == NULL ? &fault_no_memory
                                          : transfer_start(question->fetch->world->net, &request, issuer_received, question,
                                                           &question->transfer);
    if (fault != OK)
        try_again(question, fault);
}

static void proceed(struct question *question) {
    const struct cached_issuer *issuer = cache_find(question->fetch, &question->fingerprint);
    if (issuer != NULL)
        ask_reader(question, issuer);
    else
        fetch_issuer(question);
}

/* ---- public */

result issuer_fetch_new(const struct follow_world *world, struct issuer_fetch **ret_fetch) {
    struct issuer_fetch *fetch = memory_new(sizeof *fetch);
    if (fetch == NULL)
        return &fault_no_memory;
    fetch->world = world;
    *ret_fetch = fetch;
    return OK;
}

void issuer_fetch_free(struct issuer_fetch *fetch) {
    if (fetch == NULL)
        return;
    while (fetch->questions != NULL) {
        struct question *question = fetch->questions;
        fetch->questions = question->next;
        if (question->is_reading)
            question->is_abandoned = true;
        else
            question_free(question);
    }
    for (size_t i = 0; i < CACHE_SIZE; i++)
        memory_free(fetch->cache[i].der);
    memory_free(fetch);
}

static bool question_fill(struct question *question, const struct issuer_query *query) {
    char path[TILE_PATH_SIZE];
    tile_path_issuer(&query->fingerprint, path);
    CLEANUP(buffer_done) struct buffer url = buffer_with_limit(URL_LIMIT);
    buffer_printf(&url, "%s%s", query->monitoring_url, path);
    question->url = buffer_take_text(&url);
    question->fingerprint = query->fingerprint;
    question->certificate = memory_new(query->certificate.size);
    question->certificate_size = query->certificate.size;
    if (question->url == NULL || question->certificate == NULL)
        return false;
    if (query->certificate.size > 0)
        memcpy(question->certificate, query->certificate.bytes, query->certificate.size);
    struct hash hash;
    digest_of(query->known_issuer, &hash);
    return query->known_issuer.size == 0 || !hash_equal(&hash, &query->fingerprint) ||
           cache_keep(question->fetch, &hash, query->known_issuer);
}

result issuer_fetch_ask(struct issuer_fetch *fetch, const struct issuer_query *query, issuer_done done, void *context) {
    struct question *question = memory_new(sizeof *question);
    if (question == NULL)
        return &fault_no_memory;
    question->fetch = fetch;
    question->readers = fetch->world->readers;
    question->done = done;
    question->context = context;
    question->slot = -1;
    if (!question_fill(question, query) || !set_timer(question, 0)) {
        question_free(question);
        return &fault_no_memory;
    }
    question->next = fetch->questions;
    fetch->questions = question;
    return OK;
}
