/* Lists of releases in YAML and CSV, and which of the releases are live. */
#include "vector_text.h"

#include "base/memory.h"
#include "base/text.h"
#include "formats/release_file.h"

#define ARENA_LIMIT ((size_t) 64 * 1024 * 1024)

static void add_date(struct buffer *text, const char *word, bool has_date, int64_t date) {
    char room[RFC3339_SIZE];
    text_of_time(date, room);
    if (has_date)
        buffer_printf(text, " %s %.10s", word, room);
}

static void add_release(struct buffer *text, const struct release *release) {
    buffer_printf(text, "%s%u: %s %s %s", text->size == 0 ? "" : " | ", release->line, release->app, release->platform, release->version);
    add_date(text, "from", release->has_released_on, release->released_on);
    add_date(text, "until", release->has_end_of_support, release->end_of_support);
    if (release->has_share)
        buffer_printf(text, " share %g", release->share);
    buffer_add_text(text, " pins");
    for (size_t i = 0; release->pins[i] != NULL; i++)
        buffer_printf(text, " %s", release->pins[i]);
}

static void judge(struct span input, char *ret_line, size_t size) {
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct buffer text = buffer_with_limit(size - 1);
    struct release *releases = NULL;
    struct reason reason = {""};
    size_t count = 0;
    result outcome = release_file_read(input, arena, &releases, &count, &reason);
    for (size_t i = 0; outcome == OK && i < count; i++)
        add_release(&text, &releases[i]);
    if (outcome != OK) {
        assert_ptr_equal(outcome, &fault_release_file);
        assert_null(releases);
        buffer_printf(&text, "refused: %s", reason.text);
    }
    snprintf(ret_line, size, "%s", buffer_text(&text));
    buffer_done(&text);
    arena_free(arena);
}

static void lists_of_releases_are_read_strictly(void **state) {
    (void) state;
    vector_texts_check("release-file", judge);
}

static result read_many(unsigned count, const char *head, const char *row, size_t *ret_count, struct reason *reason) {
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct buffer text = buffer_with_limit(ARENA_LIMIT);
    struct release *releases;
    buffer_add_text(&text, head);
    for (unsigned i = 0; i < count; i++)
        buffer_printf(&text, "%s%u%s\n", row, i, row[0] == ' ' ? "\", pins: []}" : ",");
    result outcome = release_file_read(buffer_span(&text), arena, &releases, ret_count, reason);
    buffer_done(&text);
    arena_free(arena);
    return outcome;
}

static void ten_thousand_releases_are_read_and_not_one_more(void **state) {
    static const char yaml[] = "releases:\n", item[] = "  - {app: a, platform: b, version: \"", csv[] = "app,platform,version,pins\n", row[] = "a,b,";
    struct reason reason = {""};
    size_t count = 0;
    (void) state;
    assert_ptr_equal(read_many(RELEASES_MAX, yaml, item, &count, &reason), OK);
    assert_int_equal(count, RELEASES_MAX);
    assert_ptr_equal(read_many(RELEASES_MAX + 1, yaml, item, &count, &reason), &fault_release_file);
    assert_string_equal(reason.text, "there are 10001 releases, wanted at most 10000");
    count = 0;
    assert_ptr_equal(read_many(RELEASES_MAX, csv, row, &count, &reason), OK);
    assert_int_equal(count, RELEASES_MAX);
    assert_ptr_equal(read_many(RELEASES_MAX + 1, csv, row, &count, &reason), &fault_release_file);
    assert_string_equal(reason.text, "line 10002: there are more releases than 10000, wanted fewer");
}

static void a_release_is_live_from_its_first_day_until_its_support_has_ended_or_somebody_retires_it(void **state) {
    struct release release = {.has_released_on = true, .released_on = 1000, .has_end_of_support = true, .end_of_support = 2000};
    (void) state;
    assert_false(release_is_live(&release, 999));
    assert_true(release_is_live(&release, 1000));
    assert_true(release_is_live(&release, 1999));
    assert_false(release_is_live(&release, 2000));
    release.is_retired = true;
    assert_false(release_is_live(&release, 1500));
    release = (struct release){.is_retired = false};
    assert_true(release_is_live(&release, 0));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lists_of_releases_are_read_strictly),
        cmocka_unit_test(ten_thousand_releases_are_read_and_not_one_more),
        cmocka_unit_test(a_release_is_live_from_its_first_day_until_its_support_has_ended_or_somebody_retires_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
