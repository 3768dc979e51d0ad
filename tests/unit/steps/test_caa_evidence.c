/* Which names a finding about a certificate shows. The store is played: two tenants with a watch each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>

#include "base/memory.h"
#include "steps/caa_evidence.h"
#include "store/watches.h"

#define NAMES 300

static struct store_caa_case_name names[NAMES];
static struct store_caa_verdict verdicts[NAMES];
static char texts[NAMES][64];
static unsigned asked;
static struct store_watch watches[] = {{.tenant_id = 1, .watch_id = 1, .kind = WATCH_NAME, .value = "mine.example"},
                                       {.tenant_id = 1, .watch_id = 2, .kind = WATCH_SUBTREE, .value = "wild.example"},
                                       {.tenant_id = 7, .watch_id = 3, .kind = WATCH_SUBTREE, .value = "spam.example"}};

result store_watches_of_certificate(struct store *unused_store, int64_t certificate_id, struct arena *unused_arena, struct store_watch **ret_watches, size_t *ret_count) {
    (void) unused_store;
    (void) unused_arena;
    assert_int_equal(certificate_id, 42);
    asked++;
    *ret_watches = watches;
    *ret_count = sizeof watches / sizeof watches[0];
    return OK;
}

static json_t *evidence_of(size_t count) {
    static const char *const domains[] = {"ca.example", NULL};
    struct store_caa_case about = {.certificate_id = 42, .names = names, .name_count = count};
    struct ca_path path = {.domains = domains, .is_certain = true};
    struct caa_evidence evidence = {.about = &about, .verdicts = verdicts, .path = &path};
    char *text = NULL;
    asked = 0;
    for (size_t i = 0; i < count; i++) {
        snprintf(texts[i], sizeof texts[i], "%03zu.spam.example", i);
        names[i].value = texts[i];
        verdicts[i] = (struct store_caa_verdict){.name = texts[i], .judgement = {.verdict = CAA_INCONSISTENT, .reason = "forbidden", .resolver = "", .owner = ""}};
    }
    snprintf(texts[count - 1], sizeof texts[0], "mine.example");
    snprintf(texts[count - 2], sizeof texts[0], "*.wild.example");
    assert_ptr_equal(caa_evidence_write(&evidence, &text), OK);
    json_t *body = text == NULL ? NULL : json_loads(text, 0, NULL);
    memory_free_foreign(text);
    return body;
}

static const char *name_at(const json_t *lists, size_t at) {
    const char *name = json_string_value(json_array_get(json_object_get(lists, "matched_names"), at));
    assert_string_equal(json_string_value(json_object_get(json_array_get(json_object_get(lists, "caa"), at), "name")), name);
    return name;
}

static void watched_names_come_before_hundreds_of_others(void **state) {
    (void) state;
    json_t *body = evidence_of(NAMES), *tenants = json_object_get(body, "tenants");
    const json_t *mine = json_object_get(tenants, "1"), *other = json_object_get(tenants, "7");
    assert_int_equal(json_integer_value(json_object_get(body, "names_count")), NAMES);
    assert_int_equal(json_array_size(json_object_get(mine, "caa")), 20);
    assert_string_equal(name_at(mine, 0), "*.wild.example");
    assert_string_equal(name_at(mine, 1), "mine.example");
    assert_string_equal(name_at(other, 0), "000.spam.example");
    assert_string_equal(name_at(other, 19), "019.spam.example");
    assert_int_equal(json_object_size(tenants), 2);
    json_decref(body);
}

static void where_all_are_shown_nobody_is_asked(void **state) {
    (void) state;
    json_t *body = evidence_of(20);
    assert_int_equal(asked, 0);
    assert_null(json_object_get(body, "tenants"));
    assert_int_equal(json_array_size(json_object_get(body, "caa")), 20);
    json_decref(body);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(watched_names_come_before_hundreds_of_others), cmocka_unit_test(where_all_are_shown_nobody_is_asked)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
