/* Any record set: who may issue is what a plain reading says; each corrected record reads back, and mends what it was given for; the suggested
 * set allows every CA that is used.
 *
 * parser: rules/caa_lint.c rules/caa_lint_record.c rules/caa_lint_issuer.c rules/caa_lint_parameters.c rules/caa_lint_set.c rules/caa_lint_improve.c
 * parser: rules/caa_lint_words.c rules/caa_suggest.c rules/caa_permit.c
 * seeds: caa-lint caa-permit caa-suggest */
#include "caa_question.h"
#include "fuzz/harness.h"
#include "rules/caa_permit.h"
#include "rules/caa_suggest.h"

#define ARENA_LIMIT ((size_t) 512 * 1024 * 1024)
enum { TOLD_MAX = 20, COMPARED_MAX = 64, SMALL_VALUE = 60, SMALL_SET = 10 /* no rounds run out */ };

static const struct caa_lint_facts nothing = {.ttl_s = NULL};

static size_t remarks_by(const char *rule, const struct caa_record *records, size_t count, struct arena *arena) {
    struct caa_lint_remark *remarks;
    size_t found, same = 0;
    require(caa_lint(records, count, &nothing, arena, &remarks, &found) == OK);
    for (size_t i = 0; i < found; i++)
        same += strcmp(remarks[i].rule, rule) == 0;
    return same;
}

/* Records in zone file form, as the corrected ones are. */
static size_t read_back(const char *lines, struct arena *arena, struct caa_record ret_records[COMPARED_MAX]) {
    struct caa_text text;
    struct reason reason;
    require(caa_text_parse(span_of_text(lines), NULL, arena, &text, &reason) == OK);
    require(text.complaint_count == 0 && text.record_count > 0 && text.record_count <= COMPARED_MAX);
    for (size_t i = 0; i < text.record_count; i++)
        ret_records[i] = text.records[i].record;
    return text.record_count;
}

static void check_harmless(const char *text) {
    for (; *text != '\0'; text++)
        require((uint8_t) *text >= ' ' && *text != 0x7f);
}

/* Nothing is left to correct in what was suggested. */
static void check_end(const struct caa_record *records, size_t count, const struct caa_lint_facts *facts, struct arena *arena) {
    struct caa_lint_remark *remarks;
    size_t found;
    for (size_t i = 0; i < count; i++)
        if (records[i].value.size > SMALL_VALUE)
            return;
    require(caa_lint(records, count, facts, arena, &remarks, &found) == OK);
    for (size_t i = 0; i < found; i++)
        require(remarks[i].record == SIZE_MAX || remarks[i].suggest[0] == '\0');
}

static void check_correction(const struct caa_question *question, const struct caa_lint_remark *remark, struct arena *arena) {
    struct caa_record corrected[COMPARED_MAX];
    if (remark->suggest[0] == '\0')
        return;
    size_t count = read_back(remark->suggest, arena, corrected);
    if (remark->record == SIZE_MAX)
        return;
    if (question->count <= SMALL_SET)
        check_end(corrected, count, &nothing, arena);
    if (strncmp(remark->rule, "validationmethods", strlen("validationmethods")) == 0)
        return; /* once its name is right, another parameter may turn out to be a second, wrong one */
    size_t before = remarks_by(remark->rule, &question->records[remark->record], 1, arena);
    require(before > TOLD_MAX || before == 0 || remarks_by(remark->rule, corrected, count, arena) < before);
}

static void check_lint(const struct caa_question *question, struct arena *arena) {
    struct caa_answer answer;
    struct caa_lint_facts facts = question_facts(question, &answer);
    struct caa_lint_remark *remarks;
    size_t count, record = 0, checked = 0;
    require(caa_lint(question->records, question->count, &facts, arena, &remarks, &count) == OK);
    for (size_t i = 0; i < count; i++) {
        require(remarks[i].record == SIZE_MAX || (remarks[i].record < question->count && remarks[i].record >= record));
        record = remarks[i].record;
        check_harmless(remarks[i].message);
        if (checked++ < COMPARED_MAX)
            check_correction(question, &remarks[i], arena);
    }
}

static bool has_record(const struct caa_question *question, const char *tag) {
    for (size_t i = 0; i < question->count; i++)
        if (caa_tag_is(&question->records[i], tag))
            return true;
    return false;
}

/* May a CA with this domain, by a plain reading of RFC 8659 4? */
static bool permits(const struct caa_question *question, const char *tag, struct span domain) {
    for (size_t i = 0; i < question->count; i++)
        if (caa_is_critical(&question->records[i]) && !caa_tag_is_known(question->records[i].tag))
            return false;
    for (size_t i = 0; i < question->count; i++) {
        struct caa_issuer_value value;
        if (caa_tag_is(&question->records[i], tag) && caa_issuer_value_parse(question->records[i].value, &value, NULL) == OK &&
            value.domain.size == domain.size && domain.size > 0 && strncasecmp((const char *) value.domain.bytes, (const char *) domain.bytes, domain.size) == 0)
            return true;
    }
    return !has_record(question, tag);
}

static void check_permits(const struct caa_question *question, struct arena *arena) {
    static const char *const tags[] = {"issue", "issuewild", "issuemail", "issuevmc"};
    for (unsigned purpose = CAA_FOR_HOST; purpose <= CAA_FOR_VMC; purpose++) {
        const char *tag = purpose == CAA_FOR_WILDCARD && !has_record(question, "issuewild") ? "issue" : tags[purpose];
        const char *const foreign[] = {"ca.invalid", NULL};
        struct caa_issuers issuers;
        require(caa_issuers_of(question->records, question->count, (enum caa_purpose) purpose, arena, &issuers) == OK);
        require(caa_issuers_allow(&issuers, foreign) == permits(question, tag, span_of_text(foreign[0])));
        for (size_t i = 0; i < issuers.count && i < COMPARED_MAX; i++) {
            const char *const domains[] = {issuers.domains[i], NULL};
            require(permits(question, tag, span_of_text(domains[0])) && caa_issuers_allow(&issuers, domains));
            require(i == 0 || strcmp(issuers.domains[i - 1], issuers.domains[i]) < 0);
        }
    }
}

static size_t collect_uses(const struct question_list *seen, bool is_wildcard, struct caa_use *uses, size_t count) {
    for (size_t k = 0; k < seen->count; k++) {
        const struct ca_owner *owner = NULL;
        for (size_t i = 0; ca_table_owner_at(i) != NULL; i++)
            if (ca_owner_recognises(ca_table_owner_at(i), seen->texts[k]))
                owner = ca_table_owner_at(i);
        uses[count++] = (struct caa_use){.owner = owner, .name = seen->texts[k], .plain_count = !is_wildcard, .wildcard_count = is_wildcard};
    }
    return count;
}

static void check_suggestions(const struct caa_question *question, struct arena *arena) {
    struct caa_use uses[2 * QUESTION_LIST_MAX];
    size_t use_count = collect_uses(&question->seen, false, uses, 0), count, set_count = 0;
    struct caa_suggestion *suggestions;
    use_count = collect_uses(&question->wild, true, uses, use_count);
    struct caa_suggest_facts facts = {.owner = question->has_owner ? &question->owner : NULL,
                                      .uses = uses,
                                      .use_count = use_count,
                                      .expected_domains = question->expected.texts,
                                      .standing = question->records,
                                      .standing_count = question->count};
    require(caa_suggest(&facts, arena, &suggestions, &count) == OK);
    struct caa_record *set = arena_take_array(arena, count + COMPARED_MAX, sizeof *set);
    require(set != NULL);
    for (size_t i = 0; i < count; i++) {
        check_harmless(suggestions[i].why);
        if (suggestions[i].record[0] != '\0')
            set_count += read_back(suggestions[i].record, arena, set + set_count);
    }
    for (size_t i = 0; i < use_count; i++) {
        struct caa_issuers issuers;
        require(caa_issuers_of(set, set_count, uses[i].wildcard_count > 0 ? CAA_FOR_WILDCARD : CAA_FOR_HOST, arena, &issuers) == OK);
        require(uses[i].owner == NULL || caa_issuers_allow(&issuers, uses[i].owner->caa_domains));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct caa_question question;
    require(arena != NULL);
    if (question_read(span_of(bytes, size), arena, &question)) {
        check_permits(&question, arena);
        check_lint(&question, arena);
        check_suggestions(&question, arena);
    }
    arena_free(arena);
    return 0;
}
