/* What becomes of pin sets in another format: never more hosts, never fewer keys, and a remark for each thing that is lost. */
#include "vector_text.h"

#define require(is_so) assert_true(is_so)
#include "pin_checks.h"
#include "pin_words.h"

#define ARENA_LIMIT ((size_t) 256 * 1024 * 1024)

/* "format\n", then sets in YAML: the file that is written, each line break as " / ", then what is remarked. */
static void judge_export(struct span input, char *ret_line, size_t size) {
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct pin_document document = {.source = "file", .format = PIN_FORMAT_YAML}, lost = {.source = "lost", .format = PIN_FORMAT_YAML};
    struct pin_builder builder = pin_builder_of(arena, &lost);
    struct buffer written = buffer_with_limit(1 << 20), text = buffer_with_limit(size - 1);
    struct reason reason = {""};
    enum pin_format format = pin_format_count;
    const uint8_t *end = memchr(input.bytes, '\n', input.size);
    assert_non_null(end);
    size_t head = (size_t) (end - input.bytes) + 1;
    char *name = arena_copy_span_as_text(arena, span_of(input.bytes, head - 1));
    assert_true(pin_format_of_name(name, &format));
    assert_ptr_equal(pin_yaml_read(span_of(input.bytes + head, input.size - head), arena, &document, &reason), OK);
    assert_int_equal(document.remark_count, 0);
    assert_ptr_equal(pin_format_entry_of(format)->write(&document, &builder, &written), OK);
    for (size_t i = 0; i < written.size; i++)
        buffer_add(&text, written.bytes[i] == '\n' ? span_of_text(" / ") : span_of(&written.bytes[i], 1));
    pin_words_of_remarks(&lost, &text);
    snprintf(ret_line, size, "%s", buffer_text(&text));
    buffer_done(&written);
    buffer_done(&text);
    arena_free(arena);
}

static void sets_are_written_in_another_format_only_where_they_refuse_no_more_and_pin_no_more(void **state) {
    (void) state;
    vector_texts_check("pin-export", judge_export);
}

static void our_own_yaml_loses_nothing_of_any_format(void **state) {
    (void) state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct pin_document document = {.source = "file", .format = PIN_FORMAT_ANDROID}, again = {.source = "again", .format = PIN_FORMAT_YAML};
    struct pin_document lost = {.source = "lost", .format = PIN_FORMAT_YAML};
    struct pin_builder builder = pin_builder_of(arena, &document), losing = pin_builder_of(arena, &lost);
    struct buffer written = buffer_with_limit(1 << 20);
    struct reason reason = {""};
    static const char *const uris[] = {"https://example.org/r", NULL};
    for (unsigned format = 0; format < pin_format_count; format++) {
        struct pin_set *set = pin_builder_add_set(&builder, 1);
        set->format = (enum pin_format) format;
        set->host = "example.org";
        bool is_tlsa = format == PIN_FORMAT_TLSA;
        set->match = is_tlsa ? PIN_HOST_EXACT : (enum pin_host_match) (format % 4);
        set->is_enforced = format % 2 == 0;
        set->is_report_only = format % 3 == 0;
        set->overrides_pins = format % 5 == 0;
        set->trusts_system = format % 5 == 1;
        set->has_expiry = true;
        set->is_expiry_local = format == PIN_FORMAT_ANDROID;
        set->expires = time_of_date(2027, 1, 1) + (int64_t) format;
        set->has_max_age = true;
        set->max_age_s = format;
        set->port = is_tlsa ? 443 : 0;
        set->protocol = is_tlsa ? "tcp" : "";
        set->report_uris = uris;
        for (unsigned k = 0; k < 5; k++) {
            struct pin *pin = pin_builder_add_pin(&builder, set, k % 2);
            pin->value = span_of("0123456789abcdef0123456789abcdef", HASH_SIZE);
            pin->position = is_tlsa ? PIN_LEAF : (enum pin_position) k;
            pin->tlsa_usage = is_tlsa ? PIN_TLSA_DANE_EE : 0;
            pin->role = (enum pin_role) (k % 4);
            pin->kind = k % 2 == 0 ? PIN_SPKI : PIN_CERTIFICATE;
            pin->comment = "one: \"two\" # three";
        }
    }
    assert_ptr_equal(pin_yaml_write(&document, &losing, &written), OK);
    assert_ptr_equal(pin_yaml_read(buffer_span(&written), arena, &again, &reason), OK);
    assert_int_equal(lost.remark_count + again.remark_count, 0);
    assert_int_equal(again.set_count, pin_format_count);
    for (unsigned i = 0; i < pin_format_count; i++) {
        assert_true(pin_same_set(&document.sets[i], &again.sets[i]));
        assert_string_equal(again.sets[i].groups[0].pins[0].comment, "one: \"two\" # three");
    }
    buffer_done(&written);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets_are_written_in_another_format_only_where_they_refuse_no_more_and_pin_no_more),
        cmocka_unit_test(our_own_yaml_loses_nothing_of_any_format),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
