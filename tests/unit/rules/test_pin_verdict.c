/* What clients of live releases make of an observed certificate: which releases, which names, which pins, and what is told when there is too much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/pin_file.h"
#include "rules/pin_verdict.h"

#define NOW INT64_C(1795262400) /* 2026-11-21 */
#define DAY INT64_C(86400)
#define KEY_E7 "cbbc559b44d524d6a132bdac672744da3407f12aae5d5f722c5f6c7913871c75"
#define PIN_X1 "sha256/C5+lpZ7tcVwmwQIMcRtPbsQtWLABXhQzejna0wHFr8M=" /* ISRG Root X1, which E7 leads to on some ways */
#define PIN_X2 "sha256/diGVwiVYbubAI3RW4hB9xU8e/CH2GnkuvVFZE8zmgzI="
#define PIN_E7 "sha256/y7xVm0TVJNahMr2sZydE2jQH8SquXV9yLF9seROHHHU="
#define LEAF "sha256/AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define OTHER "sha256/AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define PRIVATE "sha256/AwAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define ROOT "sha256/BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

enum { VIEWS_MAX = 20, CLIENTS_MAX = 3000 };
static struct arena *arena;
static struct pin_view views[VIEWS_MAX];
static size_t places[VIEWS_MAX], view_count, client_count;
static struct release releases[CLIENTS_MAX];
static struct pin_client clients[CLIENTS_MAX];
static const struct hash leaf_key = {{1}}, private_key = {{3}}, root_key = {{4}};
static struct hash e7;
static const struct ca_link link_to_root = {{{3}}, {{4}}}, link_to_e7 = {{{3}}, {{0}}};
static struct pin_verdict_question question;
static const char *names[1100];

static int set_up(void **state) {
    (void) state;
    arena = arena_new((size_t) 64 * 1024 * 1024);
    view_count = client_count = 0;
    names[0] = "www.example.com";
    question = (struct pin_verdict_question){.views = views, .clients = clients, .spki_sha256 = &leaf_key, .names = names, .name_count = 1, .now = NOW};
    for (size_t i = 0; i < VIEWS_MAX; i++)
        places[i] = i;
    return arena == NULL || hash_from_hex(span_of_text(KEY_E7), &e7) != OK;
}

static int tear_down(void **state) {
    (void) state;
    arena_free(arena);
    return 0;
}

/* A release whose pins are the YAML documents; returns its number. */
static struct release *release_of(const char *version, const char *const *documents, size_t count) {
    size_t first = view_count;
    for (size_t i = 0; i < count; i++) {
        struct pin_document *document = arena_take(arena, sizeof *document);
        struct reason reason = {""};
        size_t made = 0;
        *document = (struct pin_document){.source = "pins", .format = PIN_FORMAT_YAML};
        assert_ptr_equal(pin_yaml_read(span_of_text(documents[i]), arena, document, &reason), OK);
        assert_int_equal(document->remark_count, 0);
        assert_ptr_equal(pin_views_of(document, i, arena, &views[view_count], &made), OK);
        view_count += made;
    }
    releases[client_count] = (struct release){.app = "Bank", .platform = "android", .version = version};
    clients[client_count] = (struct pin_client){.release = &releases[client_count], .views = &places[first], .view_count = view_count - first};
    return &releases[client_count++];
}

static struct release *one_release(const char *version, const char *document) {
    return release_of(version, &document, 1);
}

#define SET(host, match, rules, pins) "pin_sets:\n  - {host: " host ", match: " match ", rules: " rules ", pins: [" pins "]}\n"
#define LEAF_ROLE(pin, role) "{pin: " pin ", position: leaf, role: " role "}"

/* "1 www.example.com accepts/leaf, …" */
static const char *judge(void) {
    struct buffer text = buffer_with_limit(100000);
    struct pin_verdicts verdicts;
    question.view_count = view_count;
    question.client_count = client_count;
    assert_ptr_equal(pin_verdicts_find(&question, arena, &verdicts), OK);
    for (size_t i = 0; i < verdicts.count; i++) {
        const struct pin_verdict_row *row = &verdicts.rows[i];
        const char *role = pin_verdict_role(&row->judgement);
        buffer_printf(&text, "%s%s %s", i == 0 ? "" : ", ", row->client->release->version, row->name);
        if (strcmp(row->host, row->name) != 0)
            buffer_printf(&text, " (%s)", row->host);
        buffer_printf(&text, " %s%s%s", pin_verdict_word(row->judgement.verdict), role[0] == '\0' ? "" : "/", role);
        if (row->judgement.verdict == PIN_VERDICT_REFUSES && !row->judgement.is_enforced)
            buffer_printf(&text, " only reported");
    }
    const char *said = arena_copy_text(arena, buffer_text(&text));
    buffer_done(&text);
    return said;
}

static void each_release_judges_by_its_own_pins(void **state) {
    (void) state;
    one_release("1", SET("www.example.com", "exact", "android", LEAF_ROLE(LEAF, "current") ", " OTHER));
    one_release("2", SET("www.example.com", "exact", "android", LEAF_ROLE(LEAF, "next") ", " OTHER));
    one_release("3", SET("www.example.com", "exact", "okhttp", LEAF_ROLE(LEAF, "backup") ", " OTHER));
    one_release("4", SET("www.example.com", "exact", "android", LEAF));
    one_release("5", SET("www.example.com", "exact", "android", "{pin: " OTHER ", position: leaf}"));
    one_release("6", SET("shop.example.com", "exact", "android", OTHER));
    assert_string_equal(judge(), "1 www.example.com accepts/current, 2 www.example.com accepts/next, 3 www.example.com accepts/backup, 4 www.example.com accepts/leaf, "
                                 "5 www.example.com refuses");
}

static void only_live_releases_have_a_say(void **state) {
    (void) state;
    static const char pins[] = SET("www.example.com", "exact", "android", "{pin: " OTHER ", position: leaf}");
    struct release *future = one_release("future", pins), *ended = one_release("ended", pins), *retired = one_release("retired", pins);
    future->has_released_on = ended->has_end_of_support = retired->is_retired = true;
    future->released_on = NOW + DAY;
    ended->end_of_support = NOW - DAY;
    one_release("live", pins);
    assert_string_equal(judge(), "live www.example.com refuses");
    question.now = NOW + 2 * DAY;
    assert_string_equal(judge(), "future www.example.com refuses, live www.example.com refuses");
}

static void a_ca_is_pinned_on_the_validated_path_alone(void **state) {
    (void) state;
    question.issuer_spki_sha256 = &e7;
    one_release("1", SET("www.example.com", "exact", "android", PIN_E7 ", " OTHER));
    one_release("2", SET("www.example.com", "exact", "android", PIN_X1 ", " OTHER));
    one_release("3", SET("www.example.com", "exact", "android", PIN_X1 ", " PIN_X2));
    one_release("4", SET("www.example.com", "exact", "android", PRIVATE));
    assert_string_equal(judge(), "1 www.example.com accepts/ca, 2 www.example.com cannot-tell, 3 www.example.com accepts/ca, 4 www.example.com refuses");
    question.issuer_spki_sha256 = NULL; /* nobody's signature was verified */
    assert_string_equal(judge(), "1 www.example.com cannot-tell, 2 www.example.com cannot-tell, 3 www.example.com cannot-tell, 4 www.example.com cannot-tell");
}

static void links_that_were_verified_lead_on_from_keys_that_no_table_knows(void **state) {
    (void) state;
    static const struct ca_owner owner = {.name = CA_OWNER_DRILL};
    const struct ca_row root = {.spki_sha256 = root_key, .owner = &owner, .kind = CA_ROOT};
    struct ca_link to_e7 = link_to_e7;
    to_e7.issuer_spki_sha256 = e7;
    question.issuer_spki_sha256 = &private_key;
    one_release("1", SET("www.example.com", "exact", "android", ROOT));
    one_release("2", SET("www.example.com", "exact", "android", PRIVATE));
    one_release("3", SET("www.example.com", "exact", "android", PIN_E7));
    one_release("4", SET("www.example.com", "exact", "android", OTHER));
    assert_string_equal(judge(), "1 www.example.com cannot-tell, 2 www.example.com accepts/ca, 3 www.example.com cannot-tell, 4 www.example.com cannot-tell");
    struct ca_extra_rows extra = {.links = &to_e7, .link_count = 1};
    question.extra = &extra;
    assert_string_equal(judge(), "1 www.example.com refuses, 2 www.example.com accepts/ca, 3 www.example.com accepts/ca, 4 www.example.com refuses");
    extra = (struct ca_extra_rows){.rows = &root, .count = 1, .links = &link_to_root, .link_count = 1};
    assert_string_equal(judge(), "1 www.example.com accepts/ca, 2 www.example.com accepts/ca, 3 www.example.com refuses, 4 www.example.com refuses");
}

static void all_documents_of_a_release_must_accept(void **state) {
    (void) state;
    static const char accepts[] = SET("www.example.com", "exact", "android", LEAF);
    const char *both[] = {accepts, SET("www.example.com", "exact", "apple", "{pin: " OTHER ", position: leaf}")};
    const char *with_another_host[] = {accepts, SET("shop.example.com", "exact", "apple", OTHER)};
    const char *with_reports[] = {accepts, "pin_sets:\n  - {host: www.example.com, report_only: true, pins: [{pin: " OTHER ", position: leaf}]}\n"};
    release_of("1", both, 2);
    release_of("2", with_another_host, 2);
    release_of("3", with_reports, 2);
    one_release("4", "pin_sets:\n  - {host: www.example.com, rules: apple, pins: [{pin: " OTHER ", position: leaf}]}\n  - {host: www.example.com, rules: android, pins: [" LEAF "]}\n");
    assert_string_equal(judge(), "1 www.example.com refuses, 2 www.example.com accepts/leaf, 3 www.example.com refuses only reported, 4 www.example.com refuses");
}

static void what_says_that_it_is_not_pinned_or_has_ended_is_told(void **state) {
    (void) state;
    one_release("1", "pin_sets:\n  - {host: www.example.com, pinned: false}\n");
    one_release("2", "pin_sets:\n  - {host: www.example.com, expires: 2026-01-01, pins: [" OTHER "]}\n");
    assert_string_equal(judge(), "1 www.example.com not-pinned, 2 www.example.com not-pinned");
    question.spki_sha256 = NULL;
    one_release("3", SET("www.example.com", "exact", "android", OTHER));
    assert_string_equal(judge(), "1 www.example.com not-pinned, 2 www.example.com not-pinned, 3 www.example.com cannot-tell");
}

static void a_wildcard_is_judged_for_every_pinned_host_that_it_covers(void **state) {
    (void) state;
    names[0] = "*.example.com";
    one_release("1", "pin_sets:\n  - {host: a.example.com, pins: [" LEAF "]}\n  - {host: b.example.com, pins: [{pin: " OTHER ", position: leaf}]}\n");
    one_release("2", "pin_sets:\n  - {host: a.b.example.com, pins: [" OTHER "]}\n  - {host: example.com, pins: [" OTHER "]}\n  - {host: example.org, pins: [" OTHER "]}\n");
    one_release("3", SET("example.com", "exact-and-below", "android", LEAF));
    one_release("4", SET("example.com", "one-label-below", "okhttp", LEAF));
    assert_string_equal(judge(), "1 *.example.com (b.example.com) refuses, 3 *.example.com accepts/leaf, 4 *.example.com accepts/leaf");
}

static void records_hold_for_a_service_of_the_host(void **state) {
    (void) state;
    one_release("1", "pin_sets:\n  - {host: www.example.com, rules: tlsa, port: 25, protocol: tcp, secure: true, pins: [{pin: " OTHER ", usage: 3, position: leaf}]}\n");
    one_release("2", "pin_sets:\n  - {host: www.example.com, rules: tlsa, port: 443, protocol: tcp, secure: true, pins: [{pin: " LEAF ", usage: 3, position: leaf}]}\n");
    assert_string_equal(judge(), "1 www.example.com refuses, 2 www.example.com accepts/leaf");
}

static void of_too_many_rows_those_that_matter_are_kept(void **state) {
    (void) state;
    static char texts[1100][32];
    struct pin_verdicts verdicts;
    size_t refused = 0;
    for (size_t i = 0; i < 1100; i++) {
        snprintf(texts[i], sizeof texts[i], "%s%zu.example.com", i < 1050 ? "a" : "b.c", i);
        names[i] = texts[i];
    }
    question.name_count = 1100;
    one_release("1", "pin_sets:\n  - {host: example.com, match: exact-and-below, pins: [" LEAF "]}\n");
    one_release("2", "pin_sets:\n  - {host: c1099.example.com, match: exact-and-below, pins: [{pin: " OTHER ", position: leaf}]}\n");
    question.view_count = view_count;
    question.client_count = client_count;
    assert_ptr_equal(pin_verdicts_find(&question, arena, &verdicts), OK);
    assert_int_equal(verdicts.count, PIN_VERDICT_ROWS_MAX);
    assert_int_equal(verdicts.row_count, 1101);
    for (size_t i = 0; i < verdicts.count; i++)
        refused += verdicts.rows[i].judgement.verdict == PIN_VERDICT_REFUSES;
    assert_int_equal(refused, 1);
}

static void of_a_wildcard_that_covers_too_many_hosts_it_cannot_be_told(void **state) {
    (void) state;
    enum { HOSTS = PIN_VERDICT_HOSTS_MAX + 1 };
    struct buffer text = buffer_with_limit(1000000);
    buffer_add_text(&text, "pin_sets:\n");
    for (unsigned i = 0; i < HOSTS; i++)
        buffer_printf(&text, "  - {host: h%u.example.com, pins: [{pin: %s, position: leaf}]}\n", i, i == HOSTS - 1 ? OTHER : LEAF);
    one_release("1", buffer_text(&text));
    names[0] = "*.example.com";
    assert_string_equal(judge(), "1 *.example.com cannot-tell");
    names[0] = "h7.example.com";
    assert_string_equal(judge(), "1 h7.example.com accepts/leaf");
    buffer_done(&text);
}

static void no_memory_is_said(void **state) {
    (void) state;
    struct arena *small = arena_new(1024);
    struct pin_verdicts verdicts;
    one_release("1", SET("www.example.com", "exact", "android", OTHER));
    question.view_count = view_count;
    question.client_count = client_count;
    assert_ptr_equal(pin_verdicts_find(&question, small, &verdicts), &fault_no_memory);
    arena_free(small);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_release_judges_by_its_own_pins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(only_live_releases_have_a_say, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_ca_is_pinned_on_the_validated_path_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(links_that_were_verified_lead_on_from_keys_that_no_table_knows, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_documents_of_a_release_must_accept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_says_that_it_is_not_pinned_or_has_ended_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_wildcard_is_judged_for_every_pinned_host_that_it_covers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(records_hold_for_a_service_of_the_host, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_too_many_rows_those_that_matter_are_kept, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_a_wildcard_that_covers_too_many_hosts_it_cannot_be_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_memory_is_said, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
