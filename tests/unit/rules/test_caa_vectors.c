#include "caa_question.h"
#include "rules/caa_climb.h"
#include "rules/caa_permit.h"
#include "rules/caa_suggest.h"
#include "vector_text.h"

#define ARENA_LIMIT ((size_t) 256 * 1024 * 1024)

/* ---- the climb: the name, then one line for each owner that has something to say; the others are empty */

static bool next_line(struct span *text, struct span *ret_line) {
    if (text->size == 0)
        return false;
    const uint8_t *end = memchr(text->bytes, '\n', text->size);
    size_t size = end == NULL ? text->size : (size_t) (end - text->bytes);
    *ret_line = span_of(text->bytes, size);
    size += end != NULL;
    *text = span_of(text->bytes + size, text->size - size);
    return true;
}

static bool has_word(struct span line, const char *word) {
    return line.size > 0 && memmem(line.bytes, line.size, word, strlen(word)) != NULL;
}

/* What the world says about an owner: "www.example.com records validator ad alias". */
static struct caa_answer world_says(struct span world, const char *owner) {
    static const char *const aliases[] = {"edge.example.net"};
    struct caa_answer answer = {.outcome = CAA_EMPTY, .why = "", .detail = "", .chain = aliases};
    struct span line;
    while (next_line(&world, &line)) {
        size_t size = strlen(owner);
        if (line.size <= size || memcmp(line.bytes, owner, size) != 0 || line.bytes[size] != ' ')
            continue;
        for (unsigned outcome = 0; outcome < caa_outcome_count; outcome++)
            if (has_word(line, outcome == CAA_RECORDS ? " records" : outcome == CAA_EMPTY ? " empty" : outcome == CAA_FAILED ? " failed" : " bogus"))
                answer.outcome = (enum caa_outcome) outcome;
        answer.is_from_validator = has_word(line, " validator");
        answer.is_authenticated = has_word(line, " ad");
        answer.chain_count = has_word(line, " alias");
    }
    return answer;
}

static void judge_climb(struct span input, char *ret_line, size_t size) {
    static struct caa_climb climb;
    struct dns_name name, owner;
    struct span line = span_of("", 0);
    size_t used = 0;
    assert_true(next_line(&input, &line));
    assert_ptr_equal(dns_name_from_text(line, &name, NULL), OK);
    caa_climb_start(&climb, &name);
    while (caa_climb_next(&climb, &owner)) {
        char text[DNS_NAME_TEXT_SIZE];
        dns_name_to_text(&owner, text);
        struct caa_answer answer = world_says(input, text);
        caa_climb_answer(&climb, &answer);
        used += (size_t) snprintf(ret_line + used, size - used, "%s%s", used == 0 ? "" : " ", text);
    }
    const struct caa_step *relevant = caa_climb_relevant(&climb);
    char text[DNS_NAME_TEXT_SIZE] = "any";
    if (relevant != NULL)
        dns_name_to_text(&relevant->owner, text);
    snprintf(ret_line + used, size - used, "%s-> %s, %s%s", used == 0 ? "" : " ", caa_climb_has_failed(&climb) ? "unknown" : text,
             caa_dnssec_name(caa_climb_dnssec(&climb)), climb.is_wildcard ? ", wildcard" : "");
    struct caa_answer late = {.outcome = CAA_RECORDS, .why = "", .detail = ""};
    size_t steps = climb.step_count;
    caa_climb_answer(&climb, &late);
    assert_int_equal(climb.step_count, steps);
}

/* ---- who may issue, for a host, a wildcard, a mailbox and a mark */

/* a.example may or may not know the tag. */
static size_t say_critical(const struct caa_question *question, enum caa_purpose purpose, const char *tag, struct arena *arena, char *ret_text, size_t size) {
    static const char *const permissions[] = {[CAA_FORBIDS] = "forbidden", [CAA_MAY_PERMIT] = "perhaps permitted", [CAA_PERMITS] = "permitted"};
    static const char *const domains[] = {"a.example", NULL};
    enum caa_permission permission;
    assert_ptr_equal(caa_permission_of(question->records, question->count, purpose, domains, arena, &permission), OK);
    return (size_t) snprintf(ret_text, size, " (critical %s; a.example %s)", tag, permissions[permission]);
}

static void judge_permit(struct span input, char *ret_line, size_t size) {
    static const char *const purposes[] = {"host", "wildcard", "email", "vmc"};
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct caa_question question;
    size_t used = 0;
    assert_true(question_read(input, arena, &question));
    for (unsigned purpose = CAA_FOR_HOST; purpose <= CAA_FOR_VMC; purpose++) {
        struct caa_issuers issuers;
        assert_ptr_equal(caa_issuers_of(question.records, question.count, (enum caa_purpose) purpose, arena, &issuers), OK);
        used += (size_t) snprintf(ret_line + used, size - used, "%s%s: %s", used == 0 ? "" : "; ", purposes[purpose],
                                  issuers.is_any ? "any" : issuers.count == 0 ? "nobody" : "");
        for (size_t i = 0; i < issuers.count; i++) {
            const char *const domains[] = {issuers.domains[i], NULL};
            assert_true(caa_issuers_allow(&issuers, domains));
            used += (size_t) snprintf(ret_line + used, size - used, "%s%s", i == 0 ? "" : " ", issuers.domains[i]);
        }
        if (issuers.critical_tag[0] != '\0')
            used += say_critical(&question, (enum caa_purpose) purpose, issuers.critical_tag, arena, ret_line + used, size - used);
    }
    arena_free(arena);
}

/* ---- lint: rule, record, suggestion */

static void judge_lint(struct span input, char *ret_line, size_t size) {
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct caa_question question;
    struct caa_answer answer;
    struct caa_lint_remark *remarks;
    size_t count, used = 0;
    assert_true(question_read(input, arena, &question));
    struct caa_lint_facts facts = question_facts(&question, &answer);
    assert_ptr_equal(caa_lint(question.records, question.count, &facts, arena, &remarks, &count), OK);
    used += (size_t) snprintf(ret_line, size, "%s", count == 0 ? "fine" : "");
    for (size_t i = 0; i < count; i++) {
        used += (size_t) snprintf(ret_line + used, size - used, "%s%s", i == 0 ? "" : ", ", remarks[i].rule);
        if (remarks[i].record != SIZE_MAX)
            used += (size_t) snprintf(ret_line + used, size - used, " %zu", remarks[i].record + 1);
        if (remarks[i].suggest[0] != '\0')
            used += (size_t) snprintf(ret_line + used, size - used, " [%s]", remarks[i].suggest);
        assert_true(remarks[i].message[0] != '\0' && strlen(remarks[i].message) < 2500);
    }
    for (char *at = ret_line; *at != '\0'; at++)
        if (*at == '\n')
            *at = '|';
    arena_free(arena);
}

/* ---- suggest: "@seen ?Name" is an issuer that is not mapped */

static void add_use(struct caa_use *uses, size_t *count, const char *domain, bool is_wildcard) {
    const struct ca_owner *owner = ca_table_owner_of(domain);
    for (size_t i = 0; i < *count; i++)
        if (uses[i].owner == owner && (owner != NULL || strcmp(uses[i].name, domain + 1) == 0)) {
            *(is_wildcard ? &uses[i].wildcard_count : &uses[i].plain_count) += 1;
            return;
        }
    uses[(*count)++] = (struct caa_use){.owner = owner, .name = domain + 1, .plain_count = !is_wildcard, .wildcard_count = is_wildcard};
}

static void judge_suggest(struct span input, char *ret_line, size_t size) {
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct caa_question question;
    struct caa_use uses[2 * QUESTION_LIST_MAX];
    struct caa_suggestion *suggestions;
    size_t use_count = 0, count, used = 0;
    assert_true(question_read(input, arena, &question));
    for (size_t i = 0; i < question.seen.count; i++)
        add_use(uses, &use_count, question.seen.texts[i], false);
    for (size_t i = 0; i < question.wild.count; i++)
        add_use(uses, &use_count, question.wild.texts[i], true);
    struct caa_suggest_facts facts = {.owner = question.has_owner ? &question.owner : NULL,
                                      .uses = uses,
                                      .use_count = use_count,
                                      .expected_domains = question.expected.texts,
                                      .standing = question.records,
                                      .standing_count = question.count};
    assert_ptr_equal(caa_suggest(&facts, arena, &suggestions, &count), OK);
    for (size_t i = 0; i < count; i++)
        used += (size_t) snprintf(ret_line + used, size - used, "%s%s (%s)", i == 0 ? "" : " ", suggestions[i].record[0] == '\0' ? "-" : suggestions[i].record,
                                  suggestions[i].why);
    arena_free(arena);
}

static void the_climb_asks_every_owner_once_and_stops_where_it_must(void **state) {
    (void) state;
    vector_texts_check("caa-climb", judge_climb);
}

static void a_set_permits_whom_rfc_8659_says(void **state) {
    (void) state;
    vector_texts_check("caa-permit", judge_permit);
}

static void each_mistake_has_its_rule_and_its_corrected_record(void **state) {
    (void) state;
    vector_texts_check("caa-lint", judge_lint);
}

static void what_is_suggested_fits_the_certificates_the_policies_and_what_stands(void **state) {
    (void) state;
    vector_texts_check("caa-suggest", judge_suggest);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_suggested_fits_the_certificates_the_policies_and_what_stands),
        cmocka_unit_test(the_climb_asks_every_owner_once_and_stops_where_it_must),
        cmocka_unit_test(a_set_permits_whom_rfc_8659_says),
        cmocka_unit_test(each_mistake_has_its_rule_and_its_corrected_record),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
