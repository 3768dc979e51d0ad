#include "rules/caa_suggest.h"

#include <stdlib.h>
#include <strings.h>

#include "base/text.h"
#include "rules/caa_lint_work.h"

/* A CA that the set is to permit. */
struct wanted {
    const struct ca_owner *owner; /* NULL: a domain that the table does not know */
    const char *domain;           /* to be written where nothing stands */
    size_t counts[2];             /* certificates: plain, wildcard */
    bool is_expected;
};

struct work {
    const struct caa_suggest_facts *facts;
    struct caa_lint_facts lint_facts;
    struct lint_work lint; /* for texts, and for what stands */
    struct wanted *wanted;
    size_t wanted_count;
    struct caa_suggestion *suggestions;
    size_t count, capacity;
    bool is_short;
};

static void suggest(struct work *work, const char *record, const char *why) {
    char *sentence = why == NULL ? NULL : arena_copy_text(work->lint.arena, why);
    if (record == NULL || sentence == NULL || work->count == work->capacity) {
        work->is_short = true;
        return;
    }
    text_make_harmless(sentence); /* names come from certificates and files */
    work->suggestions[work->count++] = (struct caa_suggestion){.record = record, .why = sentence};
}

static bool has_unmapped(const struct work *work, bool is_wildcard) {
    for (size_t i = 0; i < work->facts->use_count; i++) {
        const struct caa_use *use = &work->facts->uses[i];
        if ((use->owner == NULL || use->owner->caa_domains[0] == NULL) && (is_wildcard ? use->wildcard_count : use->plain_count) > 0)
            return true;
    }
    return false;
}

/* ---- whom to permit */

/* An import may know an owner by another name than the table does; the domain tells that it is the same. */
static struct wanted *wanted_for(struct work *work, const struct ca_owner *owner, const char *domain) {
    for (size_t i = 0; i < work->wanted_count; i++)
        if ((owner != NULL && work->wanted[i].owner == owner) || strcasecmp(work->wanted[i].domain, domain) == 0)
            return &work->wanted[i];
    work->wanted[work->wanted_count] = (struct wanted){.owner = owner, .domain = domain};
    return &work->wanted[work->wanted_count++];
}

/* Is the domain this one's own? Others may recognise it, too: a record for Amazon is none for DigiCert. */
static bool is_domain_of(const struct work *work, const struct wanted *wanted, const char *domain) {
    if (strcasecmp(domain, wanted->domain) == 0)
        return true;
    return wanted->owner != NULL && ca_owner_recognises(wanted->owner, domain) &&
           ca_owner_place_of(wanted->owner, domain) == lint_place_of(&work->lint, domain);
}

static struct wanted *wanted_with(struct work *work, const char *domain) {
    for (size_t i = 0; i < work->wanted_count; i++)
        if (is_domain_of(work, &work->wanted[i], domain))
            return &work->wanted[i];
    return NULL;
}

static int compare_wanted(const void *a, const void *b) {
    const struct wanted *left = a, *right = b;
    return strcmp(left->domain, right->domain);
}

static result collect_wanted(struct work *work) {
    size_t expected = 0;
    const char *const *domains = work->facts->expected_domains;
    while (domains != NULL && domains[expected] != NULL)
        expected++;
    work->wanted = arena_take_array(work->lint.arena, work->facts->use_count + expected + 1, sizeof *work->wanted);
    if (work->wanted == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < work->facts->use_count; i++) {
        const struct caa_use *use = &work->facts->uses[i];
        if (use->owner == NULL || use->owner->caa_domains[0] == NULL)
            continue;
        struct wanted *wanted = wanted_for(work, use->owner, use->owner->caa_domains[0]);
        wanted->counts[false] += use->plain_count;
        wanted->counts[true] += use->wildcard_count;
    }
    for (size_t i = 0; i < expected; i++) {
        struct wanted *known = wanted_with(work, domains[i]);
        if (known == NULL)
            known = wanted_for(work, lint_owner_of(&work->lint, domains[i]), domains[i]);
        known->is_expected = true;
    }
    qsort(work->wanted, work->wanted_count, sizeof *work->wanted, compare_wanted);
    return OK;
}

static bool has_wildcards(const struct work *work) {
    for (size_t i = 0; i < work->wanted_count; i++)
        if (work->wanted[i].counts[true] > 0)
            return true;
    return has_unmapped(work, true);
}

/* Whoever a policy expects is expected for wildcards too, where there are any. */
static bool is_wanted(const struct work *work, const struct wanted *wanted, bool is_wildcard) {
    return wanted->counts[is_wildcard] > 0 || (wanted->is_expected && (!is_wildcard || has_wildcards(work)));
}

/* ---- the records for one tag */

static const char *owner_name(const struct wanted *wanted) {
    return wanted->owner != NULL ? wanted->owner->name : wanted->domain;
}

static const char *why_wanted(struct work *work, const struct wanted *wanted, bool is_wildcard, bool stands) {
    const char *name = owner_name(wanted), *stays = stands ? ", and the record stands already" : "";
    size_t count = wanted->counts[is_wildcard];
    const char *kind = is_wildcard ? "with" : "without";
    if (count == 0)
        return arena_printf(work->lint.arena, "a policy expects %.300s%s", name, stays);
    return arena_printf(work->lint.arena, "%.300s issued %zu unexpired certificate%s with names %s a wildcard%s%s", name, count, count == 1 ? "" : "s",
                        kind, wanted->is_expected ? ", and a policy expects it" : "", stays);
}

static bool names_wanted(struct work *work, size_t number, const struct wanted *wanted) {
    const struct lint_value *value = &work->lint.values[number];
    if (value->is_refused || value->is_unsatisfiable || value->is_repeated || value->domain.size == 0)
        return false;
    const char *domain = lint_lower(&work->lint, value->domain);
    return domain != NULL && is_domain_of(work, wanted, domain);
}

/* A value that goes into the set, and why. */
struct line {
    struct span value;
    const char *why;
};
struct lines {
    struct line *lines;
    size_t count;
    bool *is_taken; /* per record that stands: owners may share a domain */
};

/* What stands for this CA, parameters and all; where nothing does, its domain. */
static void add_lines(struct work *work, const struct wanted *wanted, bool is_wildcard, struct lines *lines) {
    enum lint_kind kind = is_wildcard && work->lint.kind_count[LINT_ISSUEWILD] > 0 ? LINT_ISSUEWILD : LINT_ISSUE;
    bool stands = false;
    for (size_t i = 0; i < work->lint.count; i++) {
        if (work->lint.values[i].kind != kind || !names_wanted(work, i, wanted))
            continue;
        stands = true;
        if (!lines->is_taken[i])
            lines->lines[lines->count++] = (struct line){work->lint.records[i].value, why_wanted(work, wanted, is_wildcard, true)};
        lines->is_taken[i] = true;
    }
    if (!stands)
        lines->lines[lines->count++] = (struct line){span_of_text(wanted->domain), why_wanted(work, wanted, is_wildcard, false)};
}

static result collect_lines(struct work *work, bool is_wildcard, struct lines *ret_lines) {
    size_t most = work->wanted_count + work->lint.count + 1;
    *ret_lines = (struct lines){.lines = arena_take_array(work->lint.arena, most, sizeof *ret_lines->lines),
                                .is_taken = arena_take_array(work->lint.arena, work->lint.count + 1, sizeof(bool))};
    if (ret_lines->lines == NULL || ret_lines->is_taken == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < work->wanted_count; i++)
        if (is_wanted(work, &work->wanted[i], is_wildcard))
            add_lines(work, &work->wanted[i], is_wildcard, ret_lines);
    return OK;
}

static bool are_same(const struct lines *a, const struct lines *b) {
    if (a->count != b->count)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!span_equal(a->lines[i].value, b->lines[i].value))
            return false;
    return true;
}

static void write_lines(struct work *work, const char *tag, const struct lines *lines) {
    for (size_t i = 0; i < lines->count; i++)
        suggest(work, lint_record(&work->lint, 0, tag, lines->lines[i].value), lines->lines[i].why);
}

static result suggest_issuers(struct work *work) {
    struct lines plain, wildcard;
    TRY(collect_lines(work, false, &plain));
    TRY(collect_lines(work, true, &wildcard));
    if (plain.count == 0 && wildcard.count == 0)
        return OK;
    write_lines(work, "issue", &plain);
    if (plain.count == 0 && !has_unmapped(work, false))
        suggest(work, lint_record(&work->lint, 0, "issue", span_of_text(";")), "no certificate was seen with a name without a wildcard");
    if (wildcard.count == 0 && !has_unmapped(work, true))
        suggest(work, lint_record(&work->lint, 0, "issuewild", span_of_text(";")), "no certificate was seen with a wildcard");
    else if (!are_same(&plain, &wildcard))
        write_lines(work, "issuewild", &wildcard);
    return OK;
}

/* ---- the others, and what cannot be said in records */

static void keep_others(struct work *work) {
    static const char *const kept[] = {"iodef", "contactemail", "contactphone", "issuemail", "issuevmc"};
    for (size_t tag = 0; tag < sizeof kept / sizeof kept[0]; tag++)
        for (size_t i = 0; i < work->lint.count; i++) {
            const struct caa_record *record = &work->lint.records[i];
            if (caa_tag_is(record, kept[tag]) && !work->lint.values[i].is_repeated)
                suggest(work, lint_record(&work->lint, record->flags & CAA_FLAG_CRITICAL, kept[tag], record->value), "stands already");
        }
}

static void remark_on_uses(struct work *work) {
    for (size_t i = 0; i < work->facts->use_count; i++) {
        const struct caa_use *use = &work->facts->uses[i];
        size_t count = use->plain_count > use->wildcard_count ? use->plain_count : use->wildcard_count;
        if (use->owner == NULL || use->owner->caa_domains[0] == NULL)
            suggest(work, "",
                    arena_printf(work->lint.arena,
                                 "at least %zu unexpired certificate%s by %.300s, whose CAA domain is not known: add it, or the next renewal will be refused", count,
                                 count == 1 ? " is" : "s are", use->owner != NULL ? use->owner->name : use->name));
    }
}

static void remark_on_standing(struct work *work, bool has_records) {
    bool has_iodef = false;
    for (size_t i = 0; i < work->lint.count; i++) {
        const struct caa_record *record = &work->lint.records[i];
        has_iodef = has_iodef || caa_tag_is(record, "iodef");
        if (!caa_tag_is_known(record->tag) && has_records)
            suggest(work, "", arena_printf(work->lint.arena, "left out: the record with the tag %.*s, which no CA knows", (int) record->tag.size, (const char *) record->tag.bytes));
    }
    if (!has_iodef && has_records)
        suggest(work, "", "with 0 iodef \"mailto:…\" CAs can tell you of requests that they refused");
}

static bool is_wanted_by_any(struct work *work, size_t number) {
    for (size_t i = 0; i < work->wanted_count; i++)
        if (names_wanted(work, number, &work->wanted[i]))
            return true;
    return false;
}

static void remark_on_dropped(struct work *work) {
    for (size_t i = 0; i < work->lint.count; i++) {
        const struct lint_value *value = &work->lint.values[i];
        if (value->kind > LINT_ISSUEWILD || value->is_refused || value->domain.size == 0 || value->is_repeated || is_wanted_by_any(work, i))
            continue;
        suggest(work, "",
                arena_printf(work->lint.arena, "left out: %s %.*s, of which no unexpired certificate was seen and which no policy expects",
                             value->kind == LINT_ISSUE ? "issue" : "issuewild", (int) value->domain.size, (const char *) value->domain.bytes));
    }
}

static result prepare(struct work *work, struct arena *arena) {
    const struct caa_suggest_facts *facts = work->facts;
    work->lint_facts = (struct caa_lint_facts){.owner = facts->owner, .extra = facts->extra};
    work->lint = (struct lint_work){.records = facts->standing, .count = facts->standing_count, .facts = &work->lint_facts, .arena = arena};
    TRY(lint_prepare(&work->lint));
    TRY(collect_wanted(work));
    work->capacity = 2 * (work->wanted_count + 1) + 5 * facts->standing_count + facts->use_count + 4;
    work->suggestions = arena_take_array(arena, work->capacity, sizeof *work->suggestions);
    return work->suggestions == NULL ? &fault_no_memory : OK;
}

result caa_suggest(const struct caa_suggest_facts *facts, struct arena *arena, struct caa_suggestion **ret_suggestions, size_t *ret_count) {
    struct work work = {.facts = facts};
    TRY(prepare(&work, arena));
    TRY(suggest_issuers(&work));
    bool has_records = work.count > 0;
    if (has_records)
        keep_others(&work);
    else
        suggest(&work, "", "neither certificates nor policies name a CA whose CAA domain is known, so nothing can be suggested");
    remark_on_uses(&work);
    remark_on_standing(&work, has_records);
    if (has_records)
        remark_on_dropped(&work);
    if (work.is_short || work.lint.is_short)
        return &fault_no_memory;
    *ret_suggestions = work.suggestions;
    *ret_count = work.count;
    return OK;
}
