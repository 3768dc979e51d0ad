#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "rules/caa_lint_work.h"

enum { REMARKS_PER_RULE = 20, SHOWN_MAX = 100, SENTENCE_SIZE = 2048 };

static const struct caa_lint_rule rules[lint_rule_count] = {
    [LINT_CRITICAL_UNKNOWN] = {"critical-unknown", SEVERITY_CRITICAL},
    [LINT_PERMITS_NOBODY] = {"permits-nobody", SEVERITY_CRITICAL},
    [LINT_PERMITS_UNKNOWN_ONLY] = {"permits-unknown-only", SEVERITY_WARNING},
    [LINT_CA_NOT_ALLOWED] = {"ca-not-allowed", SEVERITY_WARNING},
    [LINT_TAG_MISSPELT] = {"tag-misspelt", SEVERITY_WARNING},
    [LINT_CRITICAL_FOR_SOME] = {"critical-for-some", SEVERITY_WARNING},
    [LINT_VALUE_REFUSED] = {"value-refused", SEVERITY_WARNING},
    [LINT_SEMICOLON_REFUSED] = {"semicolon-refused", SEVERITY_WARNING},
    [LINT_VALUE_MISSPELT] = {"value-misspelt", SEVERITY_WARNING},
    [LINT_VALUE_CASE_REFUSED] = {"value-case-refused", SEVERITY_WARNING},
    [LINT_PARAMETERS_VOID] = {"parameters-void", SEVERITY_WARNING},
    [LINT_PARAMETER_MISSPELT] = {"parameter-misspelt", SEVERITY_WARNING},
    [LINT_PARAMETER_HYPHEN] = {"parameter-hyphen", SEVERITY_WARNING},
    [LINT_ACCOUNTURI_REPEATED] = {"accounturi-repeated", SEVERITY_WARNING},
    [LINT_ACCOUNTURI_INVALID] = {"accounturi-invalid", SEVERITY_WARNING},
    [LINT_METHODS_REPEATED] = {"validationmethods-repeated", SEVERITY_WARNING},
    [LINT_METHODS_INVALID] = {"validationmethods-invalid", SEVERITY_WARNING},
    [LINT_METHODS_UNKNOWN] = {"validationmethods-unknown", SEVERITY_WARNING},
    [LINT_IODEF_NOT_URL] = {"iodef-not-url", SEVERITY_WARNING},
    [LINT_CONTACTEMAIL_INVALID] = {"contactemail-invalid", SEVERITY_WARNING},
    [LINT_CONTACTPHONE_INVALID] = {"contactphone-invalid", SEVERITY_WARNING},
    [LINT_FLAG_RESERVED] = {"flag-reserved", SEVERITY_NOTICE},
    [LINT_TAG_TOO_LONG] = {"tag-too-long", SEVERITY_NOTICE},
    [LINT_VALUE_UNKNOWN] = {"value-unknown", SEVERITY_NOTICE},
    [LINT_VALUE_NOT_ASCII] = {"value-not-ascii", SEVERITY_NOTICE},
    [LINT_NOBODY_IDLE] = {"nobody-idle", SEVERITY_NOTICE},
    [LINT_ISSUE_MISSING] = {"issue-missing", SEVERITY_NOTICE},
    [LINT_ISSUEWILD_WIDER] = {"issuewild-wider", SEVERITY_NOTICE},
    [LINT_SET_ELSEWHERE] = {"set-elsewhere", SEVERITY_NOTICE},
    [LINT_TTL_LONG] = {"ttl-long", SEVERITY_NOTICE},
    [LINT_CA_UNUSED] = {"ca-unused", SEVERITY_NOTICE},
    [LINT_UNRESTRICTED] = {"unrestricted", SEVERITY_INFO},
    [LINT_TAG_UNKNOWN] = {"tag-unknown", SEVERITY_INFO},
    [LINT_TAG_UPPER_CASE] = {"tag-upper-case", SEVERITY_INFO},
    [LINT_VALUE_EMPTY] = {"value-empty", SEVERITY_INFO},
    [LINT_VALUE_UPPER_CASE] = {"value-upper-case", SEVERITY_INFO},
    [LINT_SEMICOLON_IDLE] = {"semicolon-idle", SEVERITY_INFO},
    [LINT_PARAMETER_UNKNOWN] = {"parameter-unknown", SEVERITY_INFO},
    [LINT_PARAMETER_NOT_HONOURED] = {"parameter-not-honoured", SEVERITY_INFO},
    [LINT_RECORD_REPEATED] = {"record-repeated", SEVERITY_INFO},
    [LINT_ISSUEWILD_REDUNDANT] = {"issuewild-redundant", SEVERITY_INFO},
    [LINT_IODEF_MISSING] = {"iodef-missing", SEVERITY_INFO},
    [LINT_NOT_SECURE] = {"not-secure", SEVERITY_INFO},
};

const struct caa_lint_rule *caa_lint_rule_at(size_t number) {
    return number < lint_rule_count ? &rules[number] : NULL;
}

/* ---- texts */

static char *text_of_record(struct lint_work *work, const struct caa_record *record, const char *before) {
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(8 * (before == NULL ? 0 : strlen(before)) + 4 * record->value.size + 1024);
    if (before != NULL)
        buffer_add_text(&text, before);
    (void) caa_record_to_text(record, &text);
    char *copy = buffer_check(&text) == OK ? arena_copy_text(work->arena, buffer_text(&text)) : NULL;
    work->is_short = work->is_short || copy == NULL;
    return copy;
}

/* The record as people know it; a long one is cut. */
static const char *shown(struct lint_work *work, size_t number) {
    struct caa_record cut = work->records[number];
    bool is_cut = cut.value.size > SHOWN_MAX || cut.tag.size > SHOWN_MAX;
    cut.value.size = cut.value.size > SHOWN_MAX ? SHOWN_MAX : cut.value.size;
    cut.tag.size = cut.tag.size > SHOWN_MAX ? SHOWN_MAX : cut.tag.size;
    char *text = text_of_record(work, &cut, NULL);
    return is_cut && text != NULL ? arena_printf(work->arena, "%s (cut)", text) : text;
}

static const char *owner_before(const struct lint_work *work) {
    char owner[DNS_NAME_TEXT_SIZE];
    if (work->facts->owner == NULL)
        return "";
    dns_name_to_text(work->facts->owner, owner);
    return arena_printf(work->arena, "%s%s CAA ", owner, dns_name_is_root(work->facts->owner) ? "" : ".");
}

static const char *record_text(struct lint_work *work, const struct caa_record *record) {
    const char *owner = owner_before(work);
    work->is_short = work->is_short || owner == NULL;
    return owner == NULL ? NULL : text_of_record(work, record, owner);
}

const char *lint_record(struct lint_work *work, unsigned flags, const char *tag, struct span value) {
    struct caa_record record = {.flags = (uint8_t) flags, .tag = span_of_text(tag), .value = value};
    return record_text(work, &record);
}

const char *lint_record_with(struct lint_work *work, size_t record, struct span value) {
    struct caa_record changed = work->records[record];
    changed.value = value;
    return record_text(work, &changed);
}

char *lint_lower(struct lint_work *work, struct span text) {
    char *copy = arena_copy_span_as_text(work->arena, text);
    for (char *at = copy; at != NULL && *at != '\0'; at++)
        if (*at >= 'A' && *at <= 'Z')
            *at = (char) (*at - 'A' + 'a');
    work->is_short = work->is_short || copy == NULL;
    return copy;
}

/* ---- remarks */

bool lint_is_full(const struct lint_work *work, enum caa_lint_rule_number rule) {
    return work->seen[rule] >= REMARKS_PER_RULE;
}

static void add(struct lint_work *work, enum caa_lint_rule_number rule, size_t record, const char *suggest, const char *message) {
    if (message == NULL || suggest == NULL) {
        work->is_short = true;
        return;
    }
    work->remarks[work->remark_count++] = (struct caa_lint_remark){
        .rule = rules[rule].name, .severity = rules[rule].severity, .message = message, .suggest = suggest, .record = record};
}

void lint_say(struct lint_work *work, enum caa_lint_rule_number rule, size_t record, const char *suggest, const char *format, ...) {
    char sentence[SENTENCE_SIZE];
    bool is_full = lint_is_full(work, rule);
    work->seen[rule]++;
    if (is_full)
        return;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof sentence, format, arguments);
    va_end(arguments);
    text_make_harmless(sentence); /* owners' names come from files */
    if (record == SIZE_MAX)
        add(work, rule, record, suggest, arena_copy_text(work->arena, sentence));
    else {
        const char *text = shown(work, record);
        add(work, rule, record, suggest, text == NULL ? NULL : arena_printf(work->arena, "%s: %s", text, sentence));
    }
}

static void say_what_was_only_counted(struct lint_work *work) {
    for (unsigned rule = 0; rule < lint_rule_count; rule++)
        if (work->seen[rule] > REMARKS_PER_RULE)
            add(work, (enum caa_lint_rule_number) rule, SIZE_MAX, "",
                arena_printf(work->arena, "%zu more like the %d remarks by this rule", work->seen[rule] - REMARKS_PER_RULE, REMARKS_PER_RULE));
}

/* ---- owners */

static int compare_pointers(const void *a, const void *b) {
    const struct ca_owner *const *left = a, *const *right = b;
    return (*left > *right) - (*left < *right);
}

/* Rows beside the table are many, their owners few. */
static result collect_owners(struct lint_work *work) {
    const struct ca_extra_rows *extra = work->facts->extra;
    size_t shipped = 0, kept, count = extra == NULL ? 0 : extra->count;
    while (ca_table_owner_at(shipped) != NULL)
        shipped++;
    work->owners = arena_take_array(work->arena, shipped + count + 1, sizeof(const struct ca_owner *));
    if (work->owners == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < shipped + count; i++)
        work->owners[i] = i < shipped ? ca_table_owner_at(i) : extra->rows[i - shipped].owner;
    qsort(work->owners + shipped, count, sizeof *work->owners, compare_pointers);
    kept = shipped;
    for (size_t i = shipped; i < shipped + count; i++)
        if (kept == shipped || work->owners[kept - 1] != work->owners[i])
            work->owners[kept++] = work->owners[i];
    work->owner_count = kept;
    return OK;
}

size_t lint_place_of(const struct lint_work *work, const char *domain) {
    size_t soonest = SIZE_MAX;
    for (size_t i = 0; i < work->owner_count; i++) {
        size_t place = ca_owner_place_of(work->owners[i], domain);
        soonest = place < soonest ? place : soonest;
    }
    return soonest;
}

const struct ca_owner *lint_owner_of(const struct lint_work *work, const char *domain) {
    size_t place = lint_place_of(work, domain);
    for (size_t i = 0; place != SIZE_MAX && i < work->owner_count; i++)
        if (ca_owner_place_of(work->owners[i], domain) == place)
            return work->owners[i];
    return NULL;
}

/* ---- one look at every value */

static enum lint_kind kind_of(const struct caa_record *record) {
    static const char *const tags[lint_kind_count] = {"issue", "issuewild", "issuemail", "issuevmc"};
    for (unsigned i = 0; i < lint_kind_count; i++)
        if (caa_tag_is(record, tags[i]))
            return (enum lint_kind) i;
    return LINT_OTHER;
}

static void look_at_parameters(const struct caa_issuer_value *parsed, struct lint_value *value) {
    size_t accounts = 0;
    for (size_t i = 0; i < parsed->parameter_count; i++) {
        const struct caa_parameter *parameter = &parsed->parameters[i];
        bool is_account = span_equal(parameter->tag, span_of_text("accounturi"));
        value->is_bound = value->is_bound || is_account || span_equal(parameter->tag, span_of_text("validationmethods"));
        accounts += is_account;
        value->is_unsatisfiable = value->is_unsatisfiable || accounts > 1 || (is_account && !word_is_uri(parameter->value));
    }
}

static void look_at(struct lint_work *work, size_t number) {
    const struct caa_record *record = &work->records[number];
    struct lint_value *value = &work->values[number];
    struct caa_issuer_value parsed;
    *value = (struct lint_value){.kind = kind_of(record)};
    if (value->kind == LINT_OTHER)
        return;
    work->kind_count[value->kind]++;
    value->is_refused = caa_issuer_value_parse(record->value, &parsed, NULL) != OK;
    if (value->is_refused)
        return;
    value->domain = parsed.domain;
    value->parameter_count = parsed.parameter_count;
    look_at_parameters(&parsed, value);
    work->nobody_count[value->kind] += parsed.domain.size == 0;
    work->named_count[value->kind] += parsed.domain.size > 0 && !value->is_unsatisfiable;
}

void lint_check_record(struct lint_work *work, size_t number) {
    lint_tag_and_flags(work, number);
    if (work->values[number].kind == LINT_OTHER)
        lint_plain_value(work, number);
    else
        lint_issuer_value(work, number);
    if (work->values[number].is_repeated)
        lint_say(work, LINT_RECORD_REPEATED, number, "", "another record of the set says the same; leave one of them out");
}

result lint_prepare(struct lint_work *work) {
    work->values = arena_take_array(work->arena, work->count + 1, sizeof *work->values);
    work->remarks = arena_take_array(work->arena, (size_t) lint_rule_count * (REMARKS_PER_RULE + 1), sizeof *work->remarks);
    if (work->values == NULL || work->remarks == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < work->count; i++)
        look_at(work, i);
    if (work->owners == NULL)
        TRY(collect_owners(work));
    TRY(lint_compare_records(work));
    TRY(caa_issuers_of(work->records, work->count, CAA_FOR_HOST, work->arena, &work->host));
    return caa_issuers_of(work->records, work->count, CAA_FOR_WILDCARD, work->arena, &work->wildcard);
}

result caa_lint(const struct caa_record *records, size_t count, const struct caa_lint_facts *facts, struct arena *arena,
                struct caa_lint_remark **ret_remarks, size_t *ret_count) {
    struct lint_work work = {.records = records, .count = count, .facts = facts, .arena = arena};
    TRY(lint_prepare(&work));
    for (size_t i = 0; i < count; i++)
        lint_check_record(&work, i);
    lint_improve_corrections(&work);
    if (count > 0)
        lint_set(&work);
    say_what_was_only_counted(&work);
    if (work.is_short)
        return &fault_no_memory;
    *ret_remarks = work.remarks;
    *ret_count = work.remark_count;
    return OK;
}
