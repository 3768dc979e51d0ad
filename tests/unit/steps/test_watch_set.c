/* Which watches stand behind a terminal of the image. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "formats/pin_file.h"
#include "unit/steps/watch_rows.h"

static struct watch_rows rows;
static struct watch_set *set;
static unsigned loads;
static uint64_t pins_grow; /* how often somebody changes the pins, each time after the watches were loaded */
static bool is_refused_document;

/* ---- the store is played: one watch, and one release whose pins are set with it */

result store_watch_set_load(struct store *unused_store, struct arena *unused_arena, struct store_watch_set *ret_set) {
    (void) unused_store;
    (void) unused_arena;
    loads++;
    rows.set.watches = rows.watches;
    rows.set.policies = rows.policies;
    rows.set.generation.pins = loads;
    *ret_set = rows.set;
    return OK;
}

result store_pins_load(struct store *unused_store, struct arena *arena, struct store_pins *ret_pins) {
    static const char *const names[] = {"app", NULL};
    (void) unused_store;
    *ret_pins = (struct store_pins){.generation = loads + (loads <= pins_grow), .documents = arena_take_array(arena, 1, sizeof *ret_pins->documents),
                                    .releases = arena_take_array(arena, 1, sizeof *ret_pins->releases), .document_count = 1, .release_count = 1};
    ret_pins->documents[0] = (struct store_pin_document){.tenant_id = 1, .name = "app"};
    ret_pins->releases[0] = (struct store_release){.tenant_id = 1, .facts = {.app = "Bank", .platform = "android", .version = "1", .pins = names}};
    return OK;
}

const struct store_pin_document *store_pins_find(const struct store_pins *pins, int32_t unused_tenant_id, const char *unused_name, size_t *ret_count) {
    (void) unused_tenant_id;
    (void) unused_name;
    *ret_count = 1;
    return pins->documents;
}

result store_pin_document_read(const struct store_pin_document *stored, struct arena *arena, struct pin_document *ret_document, struct reason *reason) {
    *ret_document = (struct pin_document){.source = stored->name, .format = PIN_FORMAT_YAML};
    if (is_refused_document)
        return reason_set(reason, &fault_pin_file, "of a later version");
    return pin_yaml_read(span_of_text("pin_sets:\n  - {host: example.com, pins: [sha256/AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=]}\n"), arena, ret_document, reason);
}

/* How many keys of one's own the set has. */
static size_t load(uint64_t grow) {
    struct reason reason = {{0}};
    rows = (struct watch_rows){0};
    row_add(&rows, 1, WATCH_NAME, "example.com", "");
    loads = 0;
    pins_grow = grow;
    assert_ptr_equal(watch_set_load(NULL, &set, &reason), OK);
    return watch_set_own_keys(set)->count;
}

static void watches_and_pins_are_of_one_instant(void **state) {
    (void) state;
    assert_int_equal(load(0), 1);
    assert_int_equal(loads, 1);
    watch_set_free(set);
    assert_int_equal(load(1), 1); /* pins changed in between: the watches that were set with them are loaded, too */
    assert_int_equal(loads, 2);
    assert_int_equal(watch_set_generation(set)->pins, 2);
    watch_set_free(set);
    assert_int_equal(load(1000), 1);
    assert_int_equal(loads, 3);
    assert_int_equal(watch_set_generation(set)->pins, 4); /* of the pins that are in it: all is loaded again once there are others */
    watch_set_free(set);
}

static void watches_are_taken_without_pins_that_cannot_be_read(void **state) {
    (void) state;
    is_refused_document = true;
    assert_int_equal(load(1), 0);
    assert_int_equal(watch_set_count(set), 1);
    watch_set_free(set);
    is_refused_document = false;
}

static void start(void) {
    rows = (struct watch_rows){0};
    row_policy(&rows, 1, "web", "{\"expected_issuers\":{\"caa_domains\":[\"good.example\"]}}");
    row_policy(&rows, 2, "web", "{\"reports_new\":true}");
    row_add(&rows, 1, WATCH_NAME, "www.example.com", "web");
    row_add(&rows, 2, WATCH_NAME, "www.example.com", "web");
    row_add(&rows, 1, WATCH_SUBTREE, "example.com", "");
    row_add(&rows, 1, WATCH_SUBTREE, "notexample.com", "web");
    row_add(&rows, 1, WATCH_ADDRESS, "192.0.2.0/24", "missing");
    struct reason reason = {{0}};
    assert_null(rows_load(&rows, &set, &reason));
}

static void equal_watches_of_two_tenants_are_one_terminal(void **state) {
    (void) state;
    start();
    assert_int_equal(watch_set_count(set), 5);
    assert_int_equal(watch_set_behind(set, 0), 2);
    assert_int_equal(watch_set_get(set, 0, 0).watch->tenant_id, 1);
    assert_int_equal(watch_set_get(set, 0, 1).watch->tenant_id, 2);
    assert_int_equal(watch_set_behind(set, 1), 1);
    assert_int_equal(watch_set_behind(set, 3), 1);
    assert_int_equal(watch_set_behind(set, 4), 0);
    assert_int_equal(watch_set_behind(set, UINT32_MAX), 0);
    watch_set_free(set);
}

static void the_image_reports_these_terminals_under_this_generation(void **state) {
    (void) state;
    start();
    struct buffer bytes = buffer_with_limit(1000000);
    struct watch_image image;
    struct watch_hits hits;
    assert_null(watch_set_build_image(set, &bytes));
    assert_null(watch_image_open(buffer_span(&bytes), &image));
    assert_int_equal(watch_image_generation(&image), 7);
    watch_hits_reset(&hits);
    watch_find_dns(&image, span_of_text("www.example.com"), &hits);
    assert_int_equal(hits.count, 2);
    for (size_t i = 0; i < hits.count; i++)
        assert_true(watch_set_behind(set, hits.terminals[i]) == (hits.terminals[i] == 0 ? 2 : 1));
    buffer_done(&bytes);
    watch_set_free(set);
}

static void own_keys_are_in_the_image_and_stand_for_no_watch(void **state) {
    (void) state;
    static const char watched[] = "0100000000000000000000000000000000000000000000000000000000000000";
    struct buffer bytes = buffer_with_limit(1000000);
    struct reason reason = {{0}};
    struct watch_image image;
    struct watch_hits hits;
    size_t count = 0;
    rows = (struct watch_rows){0};
    row_policy(&rows, 1, "web", "{\"known_keys\":[\"0100000000000000000000000000000000000000000000000000000000000000\",\"0200000000000000000000000000000000000000000000000000000000000000\"]}");
    row_policy(&rows, 2, "web", "{\"known_keys\":[\"0100000000000000000000000000000000000000000000000000000000000000\",\"0200000000000000000000000000000000000000000000000000000000000000\"]}");
    row_add(&rows, 1, WATCH_KEY, watched, "");
    assert_null(rows_load(&rows, &set, &reason));
    rows.set.generation.policies++;
    assert_int_equal(watch_set_image_generation(set), 7);
    assert_null(watch_set_build_image(set, &bytes));
    assert_null(watch_image_open(buffer_span(&bytes), &image));
    for (unsigned byte = 1; byte < 4; byte++) {
        struct hash key = {{(uint8_t) byte}};
        watch_hits_reset(&hits);
        watch_find_key(&image, &key, &hits);
        assert_int_equal(hits.count, byte < 3 ? 1 : 0);
        if (byte < 3)
            assert_int_equal(watch_set_behind(set, hits.terminals[0]), byte == 1 ? 1 : 0);
        const struct own_key *own = own_keys_find(watch_set_own_keys(set), &key, &count);
        assert_int_equal(count, byte < 3 ? 2 : 0);
        if (byte < 3) {
            assert_int_equal(own[0].tenant_id, 1);
            assert_int_equal(own[1].tenant_id, 2);
            assert_string_equal(own[0].whose, "a known key of policy web");
        }
    }
    buffer_done(&bytes);
    watch_set_free(set);
}

static void a_watch_has_the_policy_of_its_own_tenant(void **state) {
    (void) state;
    start();
    assert_int_equal(watch_set_get(set, 0, 0).policy->caa_domain_count, 1);
    assert_true(watch_set_get(set, 0, 1).policy->reports_new);
    assert_int_equal(watch_set_get(set, 0, 1).policy->caa_domain_count, 0);
    assert_null(watch_set_get(set, 1, 0).policy);
    assert_null(watch_set_get(set, 3, 0).policy);
    watch_set_free(set);
}

static void below_a_suffix_means_whole_labels(void **state) {
    (void) state;
    start();
    struct watch_of_tenant found[10];
    assert_int_equal(watch_set_under(set, "com", found, 10), 4);
    assert_int_equal(watch_set_under(set, "example.com", found, 10), 3);
    assert_int_equal(watch_set_under(set, "", found, 10), 4);
    assert_int_equal(watch_set_under(set, "", found, 2), 2);
    assert_int_equal(watch_set_under(set, "ample.com", found, 10), 0);
    watch_set_free(set);
}

static void a_watch_is_found_by_tenant_and_row(void **state) {
    (void) state;
    start();
    struct watch_of_tenant found;
    assert_true(watch_set_find(set, 2, 101, &found));
    assert_string_equal(found.watch->value, "www.example.com");
    assert_true(found.policy->reports_new);
    assert_false(watch_set_find(set, 1, 101, &found));
    assert_false(watch_set_find(set, 1, 999, &found));
    watch_set_free(set);
}

static void an_unusable_policy_refuses_the_whole_set_by_name(void **state) {
    (void) state;
    rows = (struct watch_rows){0};
    row_policy(&rows, 1, "fine", "{}");
    row_policy(&rows, 1, "broken", "{\"max_lifetime_days\":\"many\"}");
    row_add(&rows, 1, WATCH_NAME, "example.com", "fine");
    struct reason reason = {{0}};
    struct watch_set *none = NULL;
    assert_ptr_equal(rows_load(&rows, &none, &reason), &fault_policy);
    assert_null(none);
    assert_non_null(strstr(reason.text, "policy 'broken'"));
}

static void nothing_watched_is_a_set_too(void **state) {
    (void) state;
    rows = (struct watch_rows){0};
    struct reason reason = {{0}};
    struct buffer bytes = buffer_with_limit(1000000);
    assert_null(rows_load(&rows, &set, &reason));
    assert_null(watch_set_build_image(set, &bytes));
    assert_int_equal(watch_set_behind(set, 0), 0);
    buffer_done(&bytes);
    watch_set_free(set);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_watches_of_two_tenants_are_one_terminal),
        cmocka_unit_test(the_image_reports_these_terminals_under_this_generation),
        cmocka_unit_test(own_keys_are_in_the_image_and_stand_for_no_watch),
        cmocka_unit_test(a_watch_has_the_policy_of_its_own_tenant),
        cmocka_unit_test(below_a_suffix_means_whole_labels),
        cmocka_unit_test(a_watch_is_found_by_tenant_and_row),
        cmocka_unit_test(an_unusable_policy_refuses_the_whole_set_by_name),
        cmocka_unit_test(nothing_watched_is_a_set_too),
        cmocka_unit_test(watches_and_pins_are_of_one_instant),
        cmocka_unit_test(watches_are_taken_without_pins_that_cannot_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
