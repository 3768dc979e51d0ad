/* Remarks about the relevant sets of watched names: told once, and again only when they change. */
#include <jansson.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/memory.h"
#include "base/text.h"
#include "rules/caa_usage.h"
#include "steps/caa_poller.h"
#include "store/caa_shown.h"

#define REMARKS_TOLD 30
#define FINGERPRINT_LIMIT ((size_t) 1024 * 1024)
#define USAGE_ROWS_MAX 5000  /* names of certificates under one set, so that a lookup takes a tenth of a second; where there are more, no CA is called unused */
#define USAGE_SHARE 20       /* certificates are looked up in a twentieth of the time at most, */
#define USAGE_LONGEST_MS 10000 /* what took longer was not the looking up: the machine stood still */
#define USAGE_BURST_MS 1000  /* but for so long at once: most services need no more for all their sets */
#define SCRATCH_LIMIT ((size_t) 64 * 1024 * 1024) /* of one set; thousands of them, as after a start, have no place in the arena of a commit */

/* The first validating resolver that answers well, else the first that does. */
size_t caa_speaker(const struct caa_poller *poller, const struct caa_owner *owner) {
    size_t first = poller->resolver_count;
    for (size_t i = 0; i < poller->resolver_count; i++) {
        if (!caa_track_is_good(&owner->slots[i].track))
            continue;
        if (poller->resolvers[i].is_validating)
            return i;
        first = first == poller->resolver_count ? i : first;
    }
    return first == poller->resolver_count ? 0 : first;
}

struct remarks {
    const struct caa_lint_remark *kept[REMARKS_TOLD];
    size_t count, total;
    char fingerprint[HASH_HEX_SIZE];
};

/* What a remark is about, without its sentence, which another version of the program may word anew. */
static void add_fingerprint(struct buffer *text, const struct caa_lint_remark *remark, const struct caa_record *records) {
    buffer_printf(text, "%s\n%s\n", remark->rule, remark->suggest);
    if (remark->record != SIZE_MAX)
        (void) caa_record_to_text(&records[remark->record], text);
    buffer_add_text(text, "\n");
}

static result keep(const struct caa_lint_remark *list, size_t count, const struct caa_record *records, struct remarks *ret_remarks) {
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(FINGERPRINT_LIMIT);
    struct hash hash;
    *ret_remarks = (struct remarks){0};
    for (size_t i = 0; i < count; i++) {
        if (list[i].severity < SEVERITY_NOTICE)
            continue;
        if (ret_remarks->total++ < REMARKS_TOLD)
            ret_remarks->kept[ret_remarks->count++] = &list[i];
        add_fingerprint(&text, &list[i], records);
    }
    if (text.has_no_memory)
        return &fault_no_memory;
    digest_of(buffer_span(&text), &hash);
    hash_to_hex(&hash, ret_remarks->fingerprint);
    return OK;
}

static json_t *body_of(const struct caa_poller *poller, const struct caa_waiting *heard, const struct remarks *remarks, const struct caa_concerned *concerned,
                       struct arena *arena) {
    json_t *body = json_object(), *list = json_array(), *sentences = json_array();
    for (size_t i = 0; i < remarks->count; i++) {
        const struct caa_lint_remark *remark = remarks->kept[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s}", "rule", remark->rule, "severity", finding_severity_name(remark->severity), "message",
                                              remark->message, "suggest", remark->suggest));
        json_array_append_new(sentences, json_sprintf("%s: %s", remark->rule, remark->message));
    }
    json_object_set_new(body, "owner", json_string(heard->owner->name));
    json_object_set_new(body, "resolver", json_string(poller->resolvers[heard->resolver].name));
    json_object_set_new(body, "records", caa_words_of_set(heard->set, arena));
    json_object_set_new(body, "remarks", list);
    json_object_set_new(body, "reasons", sentences);
    json_object_set_new(body, "remarks_count", json_integer((json_int_t) remarks->total));
    caa_words_of_concern(body, concerned);
    return body;
}

static result set_finding(struct caa_poller *poller, struct caa_batch *batch, const struct caa_waiting *heard, const struct remarks *remarks,
                          const struct caa_concerned *list, size_t count) {
    struct store_caa_told *told = arena_take_array(batch->arena, count + 1, sizeof *told);
    const char *subject = arena_printf(batch->arena, "caa:%s", heard->owner->name);
    if (told == NULL || subject == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; i++) {
        told[i] = (struct store_caa_told){.tenant_id = list[i].tenant_id, .severity = "notice"};
        TRY(caa_words_finish(batch->arena, body_of(poller, heard, remarks, &list[i], batch->arena), &told[i].body));
    }
    struct store_caa_condition_item item = {.rule = "caa.lint", .subject = subject, .fingerprint = remarks->fingerprint,
                                            .note = "the remarks have changed, or are mended", .told = told, .told_count = count};
    store_caa_add_condition(batch->commit, &item);
    return OK;
}

static result load_usage(struct caa_poller *poller, const struct dns_name *owner, const char *text, struct arena *arena, struct caa_usage *ret_usage) {
    const struct store_caa_seen_wish stored = {.owner = text, .now_ms = world_clock_time(&poller->monitor->clock, clock_wall_ms()), .limit = USAGE_ROWS_MAX};
    const struct caa_seen_wish wish = {.owner = owner};
    struct caa_seen_row *rows;
    size_t count;
    int64_t begin_ms = clock_monotonic_ms();
    TRY(store_caa_seen_load(poller->monitor->store, &stored, arena, &rows, &count));
    TRY(caa_usage_of_rows(rows, count, &wish, &poller->monitor->extra, arena, ret_usage));
    ret_usage->is_cut = count == USAGE_ROWS_MAX;
    int64_t took_ms = clock_monotonic_ms() - begin_ms;
    took_ms = took_ms < USAGE_LONGEST_MS ? took_ms : USAGE_LONGEST_MS;
    poller->usage_until_ms = (poller->usage_until_ms > begin_ms ? poller->usage_until_ms : begin_ms) + USAGE_SHARE * took_ms;
    return OK;
}

static result lint(struct caa_poller *poller, const struct caa_waiting *heard, struct arena *arena, struct remarks *ret_remarks) {
    struct caa_answer answer = heard->answer;
    struct dns_name owner;
    struct caa_usage usage = {0};
    struct caa_record *records = NULL;
    struct caa_lint_remark *list = NULL;
    size_t count = 0, record_count = 0;
    *ret_remarks = (struct remarks){0};
    answer.ttl_s = heard->owner->slots[heard->resolver].track.ttl_max_s; /* what a cache has left of it is nobody's mistake */
    if (caa_set_is_empty(heard->set) || !caa_owner_name_of(heard->owner->name, &owner))
        return OK;
    TRY(caa_set_decode(caa_set_span(heard->set), arena, &records, &record_count));
    struct caa_lint_facts facts = {.owner = &owner, .answer = &answer, .extra = &poller->monitor->extra};
    TRY(load_usage(poller, &owner, heard->owner->name, arena, &usage));
    TRY(caa_usage_facts(&usage, records, record_count, arena, &facts));
    TRY(caa_lint(records, record_count, &facts, arena, &list, &count));
    return keep(list, caa_usage_drop_guesses(&usage, list, count), records, ret_remarks);
}

result caa_look_at_lint(struct caa_poller *poller, struct caa_batch *batch, const struct caa_waiting *heard) {
    struct caa_owner *owner = heard->owner;
    struct remarks remarks;
    struct caa_concerned *list = NULL;
    size_t count = 0;
    if (heard->set == NULL || heard->resolver != caa_speaker(poller, owner))
        return OK;
    owner->wants_lint = !caa_set_is_empty(heard->set) && poller->usage_until_ms > clock_monotonic_ms() + USAGE_SHARE * USAGE_BURST_MS;
    if (owner->wants_lint) /* with a later answer: without the certificates other remarks would be told now, and these again then */
        return OK;
    CLEANUP(arena_free_at) struct arena *scratch = arena_new(SCRATCH_LIMIT);
    if (scratch == NULL)
        return &fault_no_memory;
    TRY(lint(poller, heard, scratch, &remarks));
    struct caa_question_of_concern question = {.owners = poller->owners, .watches = &poller->watches, .owner = owner, .resolver = heard->resolver,
                                               .now_ms = heard->answer.answered_ms};
    if (remarks.count > 0)
        TRY(caa_concern_of(&question, batch->arena, &list, &count));
    if (count == 0 && !owner->is_linted)
        return OK;
    TRY(set_finding(poller, batch, heard, &remarks, list, count));
    owner->is_linted = count > 0;
    return OK;
}
