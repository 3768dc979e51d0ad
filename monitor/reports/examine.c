#include "reports/examine.h"

#include <jansson.h>

#include "base/digest.h"
#include "base/memory.h"
#include "base/text.h"
#include "rules/pin_holder.h"
#include "rules/report_cause.h"

#define NOTES_MAX 8
#define HOST_MAX 255

CLEANUP_OF_POINTER(json_t, json_decref)

/* One report under examination. */
struct examined {
    struct client_report report;
    struct report_facts facts;
    struct arena *arena;
    json_t *json;
};

static void put(const struct examined *examined, const char *name, json_t *value) {
    json_object_set_new(examined->json, name, value);
}

static void put_text(const struct examined *examined, const char *name, const char *text) {
    put(examined, name, json_string(text));
}

static void put_hash(const struct examined *examined, const char *name, bool is_known, const struct hash *hash) {
    char text[HASH_HEX_SIZE];
    hash_to_hex(hash, text);
    put(examined, name, is_known ? json_string(text) : json_null());
}

static void put_time(const struct examined *examined, const char *name, bool is_known, int64_t seconds) {
    put(examined, name, is_known ? json_integer((json_int_t) seconds) : json_null());
}

static void put_known(const struct examined *examined, const char *name, enum report_known known) {
    static const char *const words[] = {[REPORT_NO] = "no", [REPORT_YES] = "yes", [REPORT_UNKNOWN] = "unknown"};
    put_text(examined, name, words[known]);
}

static void put_claims(const struct examined *examined) {
    const struct client_report *report = &examined->report;
    put_text(examined, "format", client_report_format_name(report->format));
    put_text(examined, "host", report->host);
    put_text(examined, "noted_host", report->noted_host);
    put_text(examined, "app", report->app);
    put_text(examined, "version", report->version);
    put_text(examined, "platform", report->platform);
    put_text(examined, "library", report->library);
    enum report_known locked_out = report_locked_out(report);
    put(examined, "is_enforced", locked_out == REPORT_UNKNOWN ? json_null() : json_boolean(locked_out == REPORT_YES));
    put(examined, "result", report->has_result ? json_integer(report->result) : json_null());
}

static result put_pins(const struct examined *examined) {
    json_t *pins = json_array(), *notes = json_array();
    put(examined, "pins", pins);
    put(examined, "notes", notes);
    for (size_t i = 0; i < examined->report.pin_count; i++) {
        const char *text = pin_long_text(&examined->report.pins[i], examined->arena);
        if (text == NULL)
            return &fault_no_memory;
        json_array_append_new(pins, json_string(text));
    }
    for (size_t i = 0; i < NOTES_MAX && examined->report.notes[i] != NULL; i++)
        json_array_append_new(notes, json_string(examined->report.notes[i]));
    return OK;
}

static void put_facts(const struct examined *examined) {
    const struct report_facts *facts = &examined->facts;
    put(examined, "has_leaf", json_boolean(facts->has_leaf));
    put_hash(examined, "certificate_sha256", facts->has_leaf, &facts->certificate_sha256);
    put_hash(examined, "spki_sha256", facts->has_leaf, &facts->spki_sha256);
    put_hash(examined, "issuer_spki_sha256", facts->has_leaf && facts->has_issuer, &facts->issuer_spki_sha256);
    put_hash(examined, "tbs_sha256", facts->has_leaf && facts->has_tbs, &facts->tbs_sha256);
    put_time(examined, "not_before", facts->has_leaf && facts->has_validity, facts->not_before);
    put_time(examined, "not_after", facts->has_leaf && facts->has_validity, facts->not_after);
    put_known(examined, "is_for_host", facts->is_for_host);
    put_known(examined, "is_valid_then", facts->is_valid_then);
    put_known(examined, "is_public", facts->is_public);
    put_known(examined, "is_refused_by_pins", facts->is_refused_by_pins);
    put(examined, "scts", json_integer((json_int_t) facts->scts));
    put(examined, "scts_verified", json_integer((json_int_t) facts->scts_verified));
}

/* ---- certificates */

static result put_certificate(json_t *list, struct span der, struct arena *arena) {
    char *text = arena_take(arena, (der.size + 2) / 3 * 4 + 1);
    if (text == NULL)
        return &fault_no_memory;
    text_of_base64(der, text);
    json_array_append_new(list, json_string(text));
    return OK;
}

/* The leaf and what the client says stands above it, as far as the room reaches. */
static result put_chain(const struct examined *examined) {
    const struct client_report *report = &examined->report;
    const struct span *chain = report->validated_count > 0 ? report->validated : report->served;
    size_t count = report->validated_count > 0 ? report->validated_count : report->served_count, size = 0;
    json_t *list = json_array();
    put(examined, "chain", list);
    if (!examined->facts.has_leaf || examined->facts.leaf.size > EXAMINE_CHAIN_MAX)
        return OK;
    TRY(put_certificate(list, examined->facts.leaf, examined->arena));
    size = examined->facts.leaf.size;
    for (size_t i = 0; i < count; i++) {
        if (span_equal(chain[i], examined->facts.leaf))
            continue;
        if (chain[i].size > EXAMINE_CHAIN_MAX - size)
            break;
        size += chain[i].size;
        TRY(put_certificate(list, chain[i], examined->arena));
    }
    return OK;
}

/* Reports are the same where all but the times is: what was found in them is part of it, because it may hang on the date that a report claims. */
static result put_key(const struct examined *examined) {
    const struct client_report *report = &examined->report;
    char *text = json_dumps(examined->json, JSON_COMPACT | JSON_SORT_KEYS);
    struct hash all, key;
    if (text == NULL)
        return &fault_no_memory;
    const struct span list[] = {span_of_text(text)};
    digest_of_parts(list, 1, &all);
    memory_free_foreign(text);
    for (size_t i = 0; i < report->served_count + report->validated_count; i++) {
        bool is_served = i < report->served_count;
        const struct span parts[] = {span_of(all.bytes, HASH_SIZE), span_of(&is_served, sizeof is_served),
                                     is_served ? report->served[i] : report->validated[i - report->served_count]};
        digest_of_parts(parts, 3, &key);
        all = key;
    }
    put_hash(examined, "key", true, &all);
    return OK;
}

static result find_facts(struct examined *examined, int64_t now) {
    CLEANUP(arena_free_at) struct arena *arena = arena_new(CLIENT_REPORT_ARENA_SIZE);
    if (arena == NULL)
        return &fault_no_memory;
    struct client_report dated = examined->report;
    if (!dated.has_date) {
        dated.has_date = true;
        dated.date = now;
    }
    return report_facts_find(&dated, report_store_of(&dated), arena, &examined->facts);
}

static result write_text(const struct examined *examined, struct buffer *ret_text) {
    char *text = json_dumps(examined->json, JSON_COMPACT);
    if (text == NULL)
        return &fault_no_memory;
    buffer_add_text(ret_text, text);
    memory_free_foreign(text);
    return buffer_check(ret_text);
}

result examine_report(struct span body, int64_t now, struct buffer *ret_text, struct reason *reason) {
    uint64_t mark = memory_mark();
    CLEANUP(arena_free_at) struct arena *arena = arena_new(CLIENT_REPORT_ARENA_SIZE);
    CLEANUP(json_decref_at) json_t *json = json_object();
    struct examined examined = {.arena = arena, .json = json};
    if (arena == NULL || json == NULL)
        return &fault_no_memory;
    TRY(client_report_read(body, arena, &examined.report, reason));
    if (strlen(examined.report.host) > HOST_MAX || strlen(examined.report.noted_host) > HOST_MAX)
        return reason_set(reason, &fault_client_report, "host: longer than %d characters", HOST_MAX);
    TRY(find_facts(&examined, now));
    put_claims(&examined);
    TRY(put_pins(&examined));
    put_facts(&examined);
    TRY(put_key(&examined));
    put_time(&examined, "date", examined.report.has_date, examined.report.date);
    TRY(put_chain(&examined));
    TRY(write_text(&examined, ret_text));
    return memory_mark() != mark ? &fault_no_memory : OK;
}
