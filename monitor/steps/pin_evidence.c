#include "steps/pin_evidence.h"

#include <jansson.h>

#include "base/memory.h"
#include "base/text.h"
#include "rules/issuer_policy.h"

#define TOLD_MAX 20
#define REASONS_TOLD_MAX 4

CLEANUP_OF_POINTER(json_t, json_decref)

/* Of what is refused. */
struct tally {
    size_t names, releases, enforced;
};

static bool is_refused(const struct pin_verdict_row *row) {
    return row->judgement.verdict == PIN_VERDICT_REFUSES;
}

static void add_once(json_t *list, const char *text, size_t room) {
    size_t at;
    json_t *item;
    json_array_foreach(list, at, item)
        if (strcmp(json_string_value(item), text) == 0)
            return;
    if (json_array_size(list) < room)
        json_array_append_new(list, json_string(text));
}

/* Rows come by name: a release is new where no row before it has it. */
static bool is_first_of_release(const struct pin_verdicts *verdicts, size_t at) {
    for (size_t i = 0; i < at; i++)
        if (is_refused(&verdicts->rows[i]) && verdicts->rows[i].client == verdicts->rows[at].client)
            return false;
    return true;
}

static json_t *row_words(const struct pin_verdict_row *row) {
    const struct release *release = row->client->release;
    json_t *words = json_pack("{s:s, s:s, s:s, s:s, s:s, s:b, s:s}", "app", release->app, "platform", release->platform, "version", release->version, "name", row->name,
                              "host", row->host, "is_enforced", row->judgement.is_enforced, "why", row->judgement.why);
    json_object_set_new(words, "share", release->has_share ? json_real(release->share) : json_null());
    return words;
}

static const char *row_sentence(const struct pin_verdict_row *row, struct arena *arena) {
    const struct release *release = row->client->release;
    const char *mode = row->judgement.is_enforced ? "" : ", only reported";
    if (release->has_share)
        return arena_printf(arena, "%s %s %s (%.3g %% of its users%s): %s", release->app, release->platform, release->version, 100 * release->share, mode, row->host);
    return arena_printf(arena, "%s %s %s (share not known%s): %s", release->app, release->platform, release->version, mode, row->host);
}

/* The lists of a body: those that lock clients out first. */
static result put_lists(json_t *body, const struct pin_verdicts *verdicts, struct arena *arena, struct tally *ret_tally) {
    json_t *pins = json_array(), *texts = json_array(), *reasons = json_array(), *names = json_array();
    json_object_set_new(body, "pins", pins);
    json_object_set_new(body, "refused_by", texts);
    json_object_set_new(body, "reasons", reasons);
    json_object_set_new(body, "matched_names", names);
    *ret_tally = (struct tally){0};
    for (unsigned round = 0; round < 2; round++)
        for (size_t i = 0; i < verdicts->count; i++) {
            const struct pin_verdict_row *row = &verdicts->rows[i];
            if (!is_refused(row) || row->judgement.is_enforced != (round == 0))
                continue;
            const char *sentence = row_sentence(row, arena);
            if (sentence == NULL)
                return &fault_no_memory;
            ret_tally->names++;
            ret_tally->enforced += row->judgement.is_enforced;
            ret_tally->releases += is_first_of_release(verdicts, i);
            if (json_array_size(pins) < TOLD_MAX)
                json_array_append_new(pins, row_words(row));
            add_once(texts, sentence, TOLD_MAX);
            add_once(reasons, row->judgement.why, REASONS_TOLD_MAX);
            add_once(names, row->name, TOLD_MAX);
        }
    return OK;
}

static result put_issuer(json_t *body, const struct pin_evidence *evidence, struct arena *arena) {
    struct ca_path path = {.owner = NULL};
    if (evidence->about->issuer_spki_sha256.is_known)
        TRY(ca_table_path(&evidence->about->issuer_spki_sha256.hash, evidence->extra, arena, &path));
    json_t *domains = json_array();
    for (size_t i = 0; path.domains != NULL && path.domains[i] != NULL; i++)
        json_array_append_new(domains, json_string(path.domains[i]));
    json_object_set_new(body, "issuer_caa_domains", domains);
    json_object_set_new(body, "issuer_owner", json_string(path.owner == NULL ? "" : path.owner->name));
    json_object_set_new(body, "ca_problem_report", json_string(path.owner == NULL ? "" : path.owner->problem_report));
    return OK;
}

/* Locked out by a certificate that has come is worse than by one that was there before the pins: most of those are not served any more. */
static void put_severity(json_t *body, const struct pin_evidence *evidence, const struct tally *tally) {
    bool locks_out = tally->enforced > 0;
    enum finding_severity severity = locks_out && evidence->about->is_news ? SEVERITY_WARNING : SEVERITY_NOTICE;
    json_object_set_new(body, "severity", json_string(finding_severity_name(severity)));
    json_object_set_new(body, "severity_unexpected", json_string(finding_severity_name(locks_out ? SEVERITY_CRITICAL : SEVERITY_WARNING)));
}

result pin_evidence_write(const struct pin_evidence *evidence, struct arena *arena, const char **ret_text) {
    uint64_t mark = memory_mark();
    struct tally tally;
    CLEANUP(json_decref_at) json_t *body = json_object();
    *ret_text = NULL;
    TRY(put_lists(body, evidence->verdicts, arena, &tally));
    if (tally.names == 0)
        return memory_mark() != mark ? &fault_no_memory : OK;
    TRY(put_issuer(body, evidence, arena));
    put_severity(body, evidence, &tally);
    json_object_set_new(body, "releases_count", json_integer((json_int_t) tally.releases));
    json_object_set_new(body, "is_enforced", json_boolean(tally.enforced > 0));
    char *dumped = json_dumps(body, JSON_COMPACT);
    *ret_text = dumped == NULL ? NULL : arena_copy_text(arena, dumped);
    memory_free_foreign(dumped);
    return memory_mark() != mark || *ret_text == NULL ? &fault_no_memory : OK;
}
