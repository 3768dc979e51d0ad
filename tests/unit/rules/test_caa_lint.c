#include <stdio.h>

#include "base/memory.h"
#include "rules/caa_permit.h"
#include "rules/caa_suggest.h"
#include "vector_files.h"

#define ARENA_LIMIT ((size_t) 512 * 1024 * 1024)

static struct caa_record record(unsigned flags, const char *tag, const char *value) {
    return (struct caa_record){.flags = (uint8_t) flags, .tag = span_of_text(tag), .value = span_of_text(value)};
}

static const struct caa_lint_facts nothing = {.ttl_s = NULL};

static const struct caa_lint_remark *only_remark(const struct caa_record *records, size_t count, const struct caa_lint_facts *facts,
                                                 const char *rule, struct arena *arena) {
    struct caa_lint_remark *remarks;
    size_t found, at = SIZE_MAX;
    assert_ptr_equal(caa_lint(records, count, facts, arena, &remarks, &found), OK);
    for (size_t i = 0; i < found; i++)
        if (strcmp(remarks[i].rule, rule) == 0) {
            assert_int_equal(at, SIZE_MAX);
            at = i;
        }
    assert_int_not_equal(at, SIZE_MAX);
    return &remarks[at];
}

static void a_remark_names_its_record_says_what_is_wrong_and_gives_the_right_one(void **state) {
    (void) state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct dns_name owner;
    struct caa_record set[] = {record(0, "issue", "letsencrypt.com"), record(0, "ideof", "mailto:a@example.com")};
    assert_ptr_equal(dns_name_from_text(span_of_text("example.com"), &owner, NULL), OK);
    struct caa_lint_facts facts = {.owner = &owner};
    const struct caa_lint_remark *misspelt = only_remark(set, 2, &facts, "value-misspelt", arena);
    char wanted[500];
    snprintf(wanted, sizeof wanted,
             "0 issue \"letsencrypt.com\": no CA in the table of %s recognises letsencrypt.com, so the record probably permits nobody; perhaps you meant letsencrypt.org (Let's Encrypt)",
             ca_table_date());
    assert_string_equal(misspelt->message, wanted);
    assert_string_equal(misspelt->suggest, "example.com. CAA 0 issue \"letsencrypt.org\"");
    assert_int_equal(misspelt->severity, SEVERITY_WARNING);
    assert_int_equal(misspelt->record, 0);
    assert_string_equal(only_remark(set, 2, &facts, "tag-misspelt", arena)->message,
                        "0 ideof \"mailto:a@example.com\": CAs do not know this tag and pass over the record; perhaps you meant iodef");
    arena_free(arena);
}

static void where_software_differs_from_the_rfc_the_remark_names_it(void **state) {
    (void) state;
    static const struct {
        unsigned flags;
        const char *tag, *value, *rule, *says;
    } cases[] = {
        {0, "issue", "letsencrypt.org; a=b;", "semicolon-refused", "(the software boulder and open-mpic among them)"},
        {0, "issue", "LetsEncrypt.org", "value-case-refused", "boulder"},
        {0, "issue", "ssl.com; a-b=c", "parameter-hyphen", "boulder"},
        {0, "issue", "ssl.com\r\n", "value-refused", "open-mpic overlook the line break"},
        {0, "issue", "ssl.com; =c", "value-refused", "boulder, overlooks that a parameter has no tag"},
        {0, "issue", "ssl.com; validationmethods=dns-01; validationmethods=dns-01", "validationmethods-repeated", "boulder"},
        {0, "issue", "", "value-empty", "c-ares"},
        {1, "tbs", "", "critical-for-some", "takes 1 for the critical flag"},
        {128, "contactemail", "a@example.com", "critical-for-some", "boulder"},
        {128, "issuevmc", "digicert.com", "critical-for-some", "open-mpic"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct arena *arena = arena_new(ARENA_LIMIT);
        struct caa_record set[] = {record(cases[i].flags, cases[i].tag, cases[i].value)};
        assert_non_null(strstr(only_remark(set, 1, &nothing, cases[i].rule, arena)->message, cases[i].says));
        arena_free(arena);
    }
}

static void the_ttl_of_a_file_counts_as_that_of_an_answer_does(void **state) {
    (void) state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct caa_record set[] = {record(0, "issue", "letsencrypt.org")};
    uint32_t ttl_s = 86400;
    struct caa_lint_facts facts = {.ttl_s = &ttl_s};
    const struct caa_lint_remark *remark = only_remark(set, 1, &facts, "ttl-long", arena);
    assert_non_null(strstr(remark->message, "86400 s is more than 8 hours"));
    assert_int_equal(remark->record, SIZE_MAX);
    arena_free(arena);
}

static void a_hostile_record_cannot_steer_who_reads_the_remark(void **state) {
    (void) state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    char value[5000];
    memset(value, '\x1b', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    struct caa_record set[] = {record(0, "issue", value), record(0, "tbs", value)};
    struct caa_lint_remark *remarks;
    size_t count;
    assert_ptr_equal(caa_lint(set, 2, &nothing, arena, &remarks, &count), OK);
    for (size_t i = 0; i < count; i++) {
        assert_null(strchr(remarks[i].message, '\x1b'));
        assert_null(strchr(remarks[i].suggest, '\x1b'));
        assert_true(strlen(remarks[i].message) < 1500);
    }
    arena_free(arena);
}

static void of_a_thousand_equal_mistakes_twenty_are_told_and_the_rest_is_counted(void **state) {
    (void) state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    static struct caa_record set[1001];
    for (size_t i = 0; i < 1001; i++) {
        char *value = arena_printf(arena, "ca%zu.example", i);
        set[i] = record(0, "issue", value);
    }
    struct caa_lint_remark *remarks;
    size_t count, told = 0;
    bool is_counted = false;
    assert_ptr_equal(caa_lint(set, 1001, &nothing, arena, &remarks, &count), OK);
    for (size_t i = 0; i < count; i++) {
        told += strcmp(remarks[i].rule, "value-unknown") == 0;
        is_counted = is_counted || strncmp(remarks[i].message, "981 more", 8) == 0;
    }
    assert_int_equal(told, 21);
    assert_true(is_counted);
    arena_free(arena);
}

static void owners_beside_the_table_are_known_too(void **state) {
    (void) state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    static const char *const domains[] = {"ca.corp.example", NULL};
    static const struct ca_owner mine = {.name = "Example Corp CA", .caa_domains = domains, .problem_report = ""};
    const struct ca_row rows[] = {{.owner = &mine}, {.owner = &mine}};
    const struct ca_extra_rows extra = {.rows = rows, .count = 2};
    struct caa_record set[] = {record(0, "issue", "ca.corp.example"), record(0, "issue", "ca.korp.example"), record(0, "iodef", "mailto:a@example.com")};
    struct caa_lint_facts facts = {.extra = &extra};
    struct caa_lint_remark *remarks;
    size_t count;
    assert_ptr_equal(caa_lint(set, 3, &facts, arena, &remarks, &count), OK);
    assert_int_equal(count, 1);
    assert_string_equal(remarks[0].rule, "value-misspelt");
    assert_non_null(strstr(remarks[0].message, "(Example Corp CA)"));
    arena_free(arena);
}

static void an_owner_under_two_names_is_suggested_once(void **state) {
    (void) state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    const struct ca_owner *shipped = ca_table_owner_at(0);
    const struct ca_owner imported = {.name = "As Imported", .caa_domains = shipped->caa_domains, .problem_report = ""};
    struct caa_use uses[] = {{.owner = shipped, .name = "", .plain_count = 2, .wildcard_count = 1},
                             {.owner = &imported, .name = "", .plain_count = 3, .wildcard_count = 1}};
    struct caa_suggest_facts facts = {.uses = uses, .use_count = 2};
    struct caa_suggestion *suggestions;
    size_t count;
    assert_ptr_equal(caa_suggest(&facts, arena, &suggestions, &count), OK);
    assert_int_equal(count, 2); /* the record, and the remark about iodef */
    assert_non_null(strstr(suggestions[0].why, "5 unexpired certificates"));
    assert_string_equal(suggestions[1].record, "");
    arena_free(arena);
}

/* "suggestion | suggestion" of the remarks that a CA is seen and not allowed. */
static const char *not_allowed(struct caa_record *set, size_t size, uint8_t use, struct arena *arena) {
    static const char *const seen[] = {"sectigo.com", NULL}, *const owners[] = {"Sectigo", NULL};
    const struct caa_lint_facts facts = {.seen_domains = seen, .seen_owners = owners, .seen_uses = &use};
    struct caa_lint_remark *remarks;
    const char *text = "";
    size_t count;
    assert_ptr_equal(caa_lint(set, size, &facts, arena, &remarks, &count), OK);
    for (size_t i = 0; i < count; i++)
        if (strcmp(remarks[i].rule, "ca-not-allowed") == 0)
            text = arena_printf(arena, "%s%s%s", text, text[0] == '\0' ? "" : " | ", remarks[i].suggest);
    return text;
}

static void what_a_ca_issued_is_held_against_what_it_may_issue(void **state) {
    (void) state;
    struct arena *arena = arena_new(1 << 20);
    struct caa_record both[] = {record(0, "issue", "sectigo.com"), record(0, "issuewild", "ssl.com")};
    struct caa_record wild[] = {record(0, "issue", "ssl.com"), record(0, "issuewild", "sectigo.com")};
    struct caa_record none[] = {record(0, "issue", "ssl.com"), record(0, "issuewild", ";")};
    assert_string_equal(not_allowed(both, 2, CAA_SEEN_PLAIN, arena), "");
    assert_string_equal(not_allowed(both, 2, CAA_SEEN_WILDCARD, arena), "0 issuewild \"sectigo.com\"");
    assert_string_equal(not_allowed(wild, 2, CAA_SEEN_WILDCARD, arena), "");
    assert_string_equal(not_allowed(wild, 2, CAA_SEEN_PLAIN | CAA_SEEN_WILDCARD, arena), "0 issue \"sectigo.com\"");
    assert_string_equal(not_allowed(none, 1, CAA_SEEN_PLAIN | CAA_SEEN_WILDCARD, arena), "0 issue \"sectigo.com\"");
    assert_string_equal(not_allowed(none, 1, CAA_SEEN_WILDCARD, arena), "0 issue \"sectigo.com\"");
    assert_string_equal(not_allowed(none, 2, CAA_SEEN_PLAIN | CAA_SEEN_WILDCARD, arena), "0 issue \"sectigo.com\" | 0 issuewild \"sectigo.com\"");
    arena_free(arena);
}

static void want_of_memory_is_no_clean_bill(void **state) {
    (void) state;
    struct caa_record set[] = {record(1, "issue", "LetsEncrypt.com; validationmethods=dns"), record(0, "ideof", "a@example.com"),
                               record(0, "iodef", "a@example.com"), record(0, "issuewild", "https://digicert.com/"), record(0, "issuewild", "ssl.com")};
    static const char *const seen[] = {"sectigo.com", NULL};
    struct caa_lint_facts facts = {.seen_domains = seen, .seen_owners = seen};
    struct caa_use use = {.owner = ca_table_owner_at(0), .name = "", .plain_count = 1, .wildcard_count = 1};
    struct caa_suggest_facts wishes = {.uses = &use, .use_count = 1, .standing = set, .standing_count = 5};
    size_t count = 0, suggested = 0, failed = 0;
    struct caa_lint_remark *remarks = NULL;
    struct caa_suggestion *suggestions = NULL;
    struct caa_record named[] = {record(0, "issue", "ssl.com"), record(0, "issue", "digicert.com"), record(128, "tbs", "")};
    struct caa_issuers issuers = {.count = 0};
    for (size_t limit = 1; limit < 1000; limit++) {
        struct arena *arena = arena_new(limit);
        result outcome = caa_issuers_of(named, 2, CAA_FOR_HOST, arena, &issuers);
        assert_true(outcome == OK ? issuers.count == 2 : outcome == &fault_no_memory);
        outcome = caa_issuers_of(named, 3, CAA_FOR_HOST, arena, &issuers);
        assert_true(outcome == OK ? issuers.critical_tag[0] == 't' : outcome == &fault_no_memory);
        arena_free(arena);
    }
    for (size_t limit = 64; limit < 512 * 1024; limit += limit / 16 + 1) {
        struct arena *arena = arena_new(limit);
        result outcome = caa_lint(set, 5, &facts, arena, &remarks, &count);
        assert_true(outcome == OK ? count >= 8 : outcome == &fault_no_memory);
        failed += outcome != OK;
        arena_free(arena);
        arena = arena_new(limit);
        outcome = caa_suggest(&wishes, arena, &suggestions, &suggested);
        assert_true(outcome == OK ? suggested == 5 : outcome == &fault_no_memory);
        failed += outcome != OK;
        arena_free(arena);
    }
    assert_true(failed > 20);
    assert_true(count >= 8 && suggested == 5);
}

static void every_rule_stands_in_the_manual_with_its_severity(void **state) {
    (void) state;
    struct buffer manual = {.limit = FILE_LIMIT};
    assert_true(file_read(TESTS_FOLDER "/../docs/caa.md", &manual));
    size_t rules = 0;
    for (; caa_lint_rule_at(rules) != NULL; rules++) {
        const struct caa_lint_rule *rule = caa_lint_rule_at(rules);
        char row[200];
        snprintf(row, sizeof row, "\n| `%s` | %s |", rule->name, finding_severity_name(rule->severity));
        if (strstr(buffer_text(&manual), row) == NULL) {
            print_error("not in docs/caa.md:%s\n", row);
            fail();
        }
        assert_true(rules == 0 || rule->severity <= caa_lint_rule_at(rules - 1)->severity);
    }
    assert_true(rules > 40);
    buffer_done(&manual);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_remark_names_its_record_says_what_is_wrong_and_gives_the_right_one),
        cmocka_unit_test(where_software_differs_from_the_rfc_the_remark_names_it),
        cmocka_unit_test(the_ttl_of_a_file_counts_as_that_of_an_answer_does),
        cmocka_unit_test(a_hostile_record_cannot_steer_who_reads_the_remark),
        cmocka_unit_test(of_a_thousand_equal_mistakes_twenty_are_told_and_the_rest_is_counted),
        cmocka_unit_test(owners_beside_the_table_are_known_too),
        cmocka_unit_test(an_owner_under_two_names_is_suggested_once),
        cmocka_unit_test(what_a_ca_issued_is_held_against_what_it_may_issue),
        cmocka_unit_test(want_of_memory_is_no_clean_bill),
        cmocka_unit_test(every_rule_stands_in_the_manual_with_its_severity),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
