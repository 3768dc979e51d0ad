/* CAA sets as they stand in the DNS of 4,947 popular domains, mistakes included, through the linter. PINWATCH_SHOW=<rule> prints its remarks. */
#include <dirent.h>
#include <jansson.h>

#include "formats/caa_text.h"
#include "rules/caa_lint.h"
#include "vector_files.h"

#define ARCHIVE "c-caa-dns/dns-caa-catalog-part.tar.xz"
#define FOLDER BUILD_FOLDER "/caa-catalogue"
#define ARENA_LIMIT ((size_t) 256 * 1024 * 1024)
enum { RULES_MAX = 64 };

struct tally {
    size_t domains, sets, records, sane; /* sane: nothing but info */
    size_t sets_with[RULES_MAX];
    size_t gravest[finding_severity_count];
};

/* The records of one file as text, one a line. */
static void write_records(const json_t *root, struct buffer *out) {
    const json_t *records = json_object_get(root, "records");
    for (size_t i = 0; i < json_array_size(records); i++) {
        buffer_add_text(out, json_string_value(json_array_get(records, i)));
        buffer_add_text(out, "\n");
    }
}

static unsigned rule_number(const char *name) {
    for (unsigned i = 0; caa_lint_rule_at(i) != NULL; i++)
        if (strcmp(caa_lint_rule_at(i)->name, name) == 0)
            return i;
    fail();
    return 0;
}

static void count_remarks(const char *domain, const struct caa_lint_remark *remarks, size_t count, struct tally *tally) {
    const char *show = getenv("PINWATCH_SHOW");
    bool has_rule[RULES_MAX] = {false};
    enum finding_severity gravest = SEVERITY_INFO;
    for (size_t i = 0; i < count; i++) {
        has_rule[rule_number(remarks[i].rule)] = true;
        gravest = remarks[i].severity > gravest ? remarks[i].severity : gravest;
        if (show != NULL && strcmp(show, remarks[i].rule) == 0)
            print_message("%s %s\n    suggest: %s\n", domain, remarks[i].message, remarks[i].suggest);
    }
    for (size_t i = 0; i < RULES_MAX; i++)
        tally->sets_with[i] += has_rule[i];
    tally->gravest[gravest]++;
}

static void lint_file(const char *path, struct tally *tally) {
    json_t *root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct buffer lines = buffer_with_limit(FILE_LIMIT);
    struct caa_text text;
    struct caa_record records[1000];
    struct reason reason;
    const char *domain = json_string_value(json_object_get(root, "domain"));
    write_records(root, &lines);
    assert_ptr_equal(caa_text_parse(buffer_span(&lines), NULL, arena, &text, &reason), OK);
    assert_int_equal(text.complaint_count, 0);
    assert_int_equal(text.record_count, json_array_size(json_object_get(root, "records")));
    for (size_t i = 0; i < text.record_count; i++)
        records[i] = text.records[i].record;
    struct dns_name owner;
    struct caa_lint_remark *remarks;
    size_t count;
    assert_ptr_equal(dns_name_from_text(span_of_text(domain), &owner, NULL), OK);
    struct caa_lint_facts facts = {.owner = &owner};
    assert_ptr_equal(caa_lint(records, text.record_count, &facts, arena, &remarks, &count), OK);
    tally->domains++;
    tally->records += text.record_count;
    tally->sets += text.record_count > 0;
    if (text.record_count > 0)
        count_remarks(domain, remarks, count, tally);
    else
        assert_int_equal(count, 0);
    buffer_done(&lines);
    arena_free(arena);
    json_decref(root);
}

static size_t sets_with(const struct tally *tally, const char *rule) {
    return tally->sets_with[rule_number(rule)];
}

static void print_counts(const struct tally *tally) {
    print_message("%zu domains, %zu with a CAA set, %zu records\n", tally->domains, tally->sets, tally->records);
    print_message("gravest remark: critical %zu, warning %zu, notice %zu, info or none %zu\n", tally->gravest[SEVERITY_CRITICAL],
                  tally->gravest[SEVERITY_WARNING], tally->gravest[SEVERITY_NOTICE], tally->gravest[SEVERITY_INFO]);
    for (unsigned i = 0; caa_lint_rule_at(i) != NULL; i++)
        if (tally->sets_with[i] > 0)
            print_message("%6zu sets %-8s %s\n", tally->sets_with[i], finding_severity_name(caa_lint_rule_at(i)->severity), caa_lint_rule_at(i)->name);
}

static void what_is_deployed_draws_only_remarks_that_are_deserved(void **state) {
    (void) state;
    static struct tally tally;
    struct buffer archive = corpus_read(ARCHIVE);
    buffer_done(&archive);
    assert_int_equal(system("mkdir -p " FOLDER " && tar -xJf " CORPORA_FOLDER "/" ARCHIVE " -C " FOLDER), 0);
    DIR *folder = opendir(FOLDER);
    assert_non_null(folder);
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        char path[1000];
        const char *ending = strrchr(entry->d_name, '.');
        snprintf(path, sizeof path, FOLDER "/%s", entry->d_name);
        if (ending != NULL && strcmp(ending, ".json") == 0)
            lint_file(path, &tally);
    }
    closedir(folder);
    print_counts(&tally);
    assert_int_equal(tally.domains, 4947);
    assert_int_equal(tally.sets, 871);
    assert_int_equal(tally.records, 4044);
    static const struct {
        const char *rule;
        size_t sets;
    } wanted[] = {{"tag-misspelt", 2},  {"critical-for-some", 2}, {"parameters-void", 3},  {"iodef-not-url", 2}, {"nobody-idle", 5},
                  {"unrestricted", 36}, {"issue-missing", 14},    {"value-upper-case", 11}, {"value-refused", 0}, {"flag-reserved", 0}};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++)
        assert_int_equal(sets_with(&tally, wanted[i].rule), wanted[i].sets);
    assert_int_equal(tally.gravest[SEVERITY_CRITICAL], 0);
    assert_in_range(tally.gravest[SEVERITY_WARNING], 10, 20);
    assert_in_range(tally.gravest[SEVERITY_NOTICE], 20, 50);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_deployed_draws_only_remarks_that_are_deserved)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
