/* Pin documents and releases in a real PostgreSQL: PINWATCH_TEST_DATABASE is the connection string of a superuser (tests/sql/store sets it). */
#include "store_database.h"

#include "base/digest.h"
#include "base/memory.h"
#include "formats/pin_file.h"
#include "store/pins.h"

#define require(is_so) assert_true(is_so)
#include "pin_checks.h"

#define NOW 1795262400000
#define SECOND 1000
#define PIN "sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

static struct world {
    struct store *owner, *monitor, *cli;
    struct arena *arena;
    bool is_ready;
} w;

static int set_up(void **state) {
    (void) state;
    w.owner = make_database("pinwatch_pins", NOW);
    if (w.owner == NULL)
        return 0;
    assert_ok(w.owner, store_do(w.owner, "INSERT INTO pinwatch.tenant SELECT (jsonb_populate_record(t, '{\"tenant_id\": 2, \"name\": \"other\"}')).* "
                                "FROM pinwatch.tenant t WHERE tenant_id = 1", NULL));
    w.monitor = open_as("pinwatch_pins", "pinwatch_monitor");
    w.cli = open_as("pinwatch_pins", "pinwatch_cli");
    w.arena = arena_new(64 << 20);
    w.is_ready = true;
    return 0;
}

static int tear_down(void **state) {
    (void) state;
    store_free(w.owner);
    store_free(w.monitor);
    store_free(w.cli);
    arena_free(w.arena);
    return 0;
}

static const struct store_author anna = {.tenant_id = 1, .who = "anna", .now_ms = NOW};
static const struct store_author other = {.tenant_id = 2, .who = "somebody else", .now_ms = NOW};

static struct store_pin_outcome set_document(const struct store_author *author, const char *name, const char *content) {
    struct store_pin_document document = {.name = name, .content = content, .source = "source", .format = PIN_FORMAT_ANDROID};
    struct store_pin_outcome *outcomes;
    digest_of(span_of_text(content), &document.sha256);
    assert_ok(w.cli, store_pin_documents_set(w.cli, author, &document, 1, w.arena, &outcomes));
    return outcomes[0];
}

static result set_release(const struct store_author *author, const char *version, const char *pins) {
    const char *names[] = {pins, NULL};
    struct release release = {.app = "Bank", .platform = "android", .version = version, .has_share = true, .share = 0.1, .has_released_on = true,
                              .released_on = 1772323200, .pins = names};
    struct store_releases_wish wish = {.author = author, .releases = &release, .count = 1};
    struct store_change *changes;
    size_t count;
    return store_releases_set(w.cli, &wish, w.arena, &changes, &count);
}

static struct store_pins load(void) {
    struct store_pins pins;
    assert_ok(w.monitor, store_pins_load(w.monitor, w.arena, &pins));
    return pins;
}

static size_t found(const struct store_pins *pins, int32_t tenant_id, const char *name, const char **ret_first) {
    size_t count;
    const struct store_pin_document *documents = store_pins_find(pins, tenant_id, name, &count);
    *ret_first = count == 0 ? "" : documents[0].name;
    return count;
}

static void everything_that_pins_can_say_comes_back_from_the_database(void **state) {
    static const char text[] = "pin_sets:\n  - {host: example.org, match: exact-and-below, rules: android, expires: 2027-01-31 local, report_to: [\"https://r.example/\"], pins: [{pin: " PIN
                               ", position: ca, role: backup, comment: \"\\\"ours\\\"\"}], and_pins: [" PIN "]}\n  - {name: key, rules: key, pins: [" PIN "]}\n"
                               "  - {host: mail.example, rules: tlsa, port: 25, protocol: tcp, secure: false, pins: [{pin: full/3000, usage: 2}]}\n";
    struct pin_document before = {.source = "a", .format = PIN_FORMAT_YAML}, after, lost = {.source = "lost"};
    struct pin_builder builder = pin_builder_of(w.arena, &lost);
    CLEANUP(buffer_done) struct buffer written = buffer_with_limit(1 << 20);
    struct reason reason = {""};
    NEEDS_DATABASE();
    assert_ptr_equal(pin_yaml_read(span_of_text(text), w.arena, &before, &reason), OK);
    assert_int_equal(before.set_count, 3);
    assert_ptr_equal(pin_yaml_write(&before, &builder, &written), OK);
    assert_int_equal(set_document(&anna, "lossless", buffer_text(&written)).version, 1);
    struct store_pins pins = load();
    size_t count;
    const struct store_pin_document *stored = store_pins_find(&pins, 1, "lossless", &count);
    assert_int_equal(count, 1);
    assert_int_equal(stored->format, PIN_FORMAT_ANDROID);
    assert_ptr_equal(store_pin_document_read(stored, w.arena, &after, &reason), OK);
    assert_string_equal(after.source, "lossless");
    assert_int_equal(after.set_count, before.set_count);
    for (size_t i = 0; i < before.set_count; i++)
        assert_true(pin_same_set(&before.sets[i], &after.sets[i]));
    assert_string_equal(after.sets[0].groups[0].pins[0].comment, "\"ours\"");
    assert_ok(w.cli, store_pin_document_remove(w.cli, &anna, "lossless"));
}

static void content_that_this_version_cannot_read_is_a_fault_with_name_and_version(void **state) {
    static const char *const contents[] = {"pin_sets: [{host: example.org, pins: [\"" PIN "\"], later: true}]\n", "later: {}\n"};
    (void) state;
    for (size_t i = 0; i < sizeof contents / sizeof contents[0]; i++) {
        struct arena *arena = arena_new(1 << 20);
        struct store_pin_document stored = {.name = "later.yaml", .version = 7, .content = contents[i]};
        struct pin_document document;
        struct reason reason = {""};
        assert_ptr_equal(store_pin_document_read(&stored, arena, &document, &reason), &fault_pin_file);
        assert_non_null(strstr(reason.text, "pins \"later.yaml\", version 7: "));
        arena_free(arena);
    }
}

static void a_name_stands_for_the_document_of_that_name_or_for_the_parts_of_a_package_of_the_tenant(void **state) {
    const char *first;
    NEEDS_DATABASE();
    set_document(&anna, "app.apk/a.xml", "pin_sets: []\n");
    set_document(&anna, "app.apk/b.xml", "pin_sets: []\n");
    set_document(&anna, "app.apk-old", "pin_sets: []\n");
    set_document(&anna, "app.apk0", "pin_sets: []\n");
    set_document(&other, "app.apk", "pin_sets: []\n");
    set_document(&other, "z", "pin_sets: []\n");
    struct store_pins pins = load();
    assert_int_equal(pins.document_count, 6);
    assert_int_equal(found(&pins, 1, "app.apk", &first), 2);
    assert_string_equal(first, "app.apk/a.xml");
    assert_int_equal(found(&pins, 1, "app.apk/b.xml", &first), 1);
    assert_int_equal(found(&pins, 2, "app.apk", &first), 1);
    assert_string_equal(first, "app.apk");
    assert_int_equal(found(&pins, 1, "z", &first), 0);
    assert_int_equal(found(&pins, 1, "app.ap", &first), 0);
    assert_int_equal(found(&pins, 3, "app.apk", &first), 0);
    assert_ok(w.cli, set_release(&anna, "1", "app.apk"));
    assert_ptr_equal(set_release(&anna, "2", "z"), &fault_store_not_found);
    assert_ok(w.cli, store_pin_document_remove(w.cli, &anna, "app.apk/a.xml"));
    assert_ptr_equal(store_pin_document_remove(w.cli, &anna, "app.apk/b.xml"), &fault_store_not_found);
    assert_int_equal(load().document_count, 5);
}

static void the_monitor_loads_what_is_in_force_and_sees_by_the_generation_when_to(void **state) {
    struct release release = {.app = "Bank", .platform = "android", .version = "r"};
    uint64_t generation, later;
    bool was_live;
    NEEDS_DATABASE();
    set_document(&other, "pins", "pin_sets: []\n");
    assert_ok(w.monitor, store_pins_generation(w.monitor, &generation));
    assert_ok(w.cli, set_release(&other, "r", "pins"));
    struct store_pins pins = load();
    assert_int_equal(pins.generation, generation + 1);
    const struct store_release *last = &pins.releases[pins.release_count - 1];
    assert_int_equal(last->tenant_id, 2);
    assert_string_equal(last->facts.version, "r");
    assert_true(last->facts.has_share && last->facts.share == 0.1 && last->facts.released_on == 1772323200 && !last->facts.has_end_of_support);
    assert_string_equal(last->facts.pins[0], "pins");
    assert_null(last->facts.pins[1]);
    assert_string_equal(last->set_who, "");
    assert_ok(w.cli, store_release_retire(w.cli, &other, &release, &was_live));
    assert_true(was_live);
    assert_int_equal(load().release_count, pins.release_count - 1);
    assert_ok(w.monitor, store_pins_generation(w.monitor, &later));
    assert_int_equal(later, pins.generation + 1);
    assert_ok(w.cli, store_release_retire(w.cli, &other, &release, &was_live));
    assert_false(was_live);
    assert_ok(w.monitor, store_pins_generation(w.monitor, &generation));
    assert_int_equal(generation, later);
}

static void a_clock_that_was_set_back_makes_versions_that_follow_each_other_all_the_same(void **state) {
    struct store_author before = {.tenant_id = 1, .who = "anna", .now_ms = NOW - 3600 * SECOND};
    NEEDS_DATABASE();
    assert_int_equal(set_document(&anna, "clock", "pin_sets: [{host: a.example, pinned: false}]\n").version, 1);
    assert_int_equal(set_document(&before, "clock", "pin_sets: []\n").version, 2);
    struct store_pin_question question = {.tenant_id = 1, .name = "clock", .with_content = true};
    struct store_pin_document *documents;
    size_t count;
    assert_ok(w.cli, store_pin_documents_list(w.cli, &question, w.arena, &documents, &count));
    assert_int_equal(count, 2);
    assert_true(documents[1].has_ended && documents[1].until_ms == documents[0].from_ms && documents[0].from_ms == NOW && !documents[0].has_ended);
    assert_string_equal(documents[1].ended_who, "anna");
    assert_ok(w.cli, store_pin_document_remove(w.cli, &before, "clock"));
    assert_int_equal(set_document(&before, "clock", "pin_sets: []\n").version, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_that_pins_can_say_comes_back_from_the_database),
        cmocka_unit_test(content_that_this_version_cannot_read_is_a_fault_with_name_and_version),
        cmocka_unit_test(a_name_stands_for_the_document_of_that_name_or_for_the_parts_of_a_package_of_the_tenant),
        cmocka_unit_test(the_monitor_loads_what_is_in_force_and_sees_by_the_generation_when_to),
        cmocka_unit_test(a_clock_that_was_set_back_makes_versions_that_follow_each_other_all_the_same),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
