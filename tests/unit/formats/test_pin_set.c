/* What readers of pins build with: sets, values, hosts, remarks, and the line of JSON. */
#include "vector_text.h"

#include "base/memory.h"
#include "base/text.h"
#include "formats/pin_file.h"

#define ARENA_LIMIT ((size_t) 64 * 1024 * 1024)

static const char *const kinds[] = {"note", "warning", "error"};

static struct pin_document new_document(void) {
    return (struct pin_document){.source = "app.xml", .format = PIN_FORMAT_ANDROID};
}

/* What was read first, or that it was refused; then warnings. */
static void say(const struct pin_document *document, const char *value, char *ret_line, size_t size) {
    struct buffer text = buffer_with_limit(size - 1);
    for (size_t i = document->remark_count; i-- > 0;)
        buffer_printf(&text, "%s%s %s", text.size == 0 && value == NULL ? "" : "; ", kinds[document->remarks[i].kind], document->remarks[i].rule);
    snprintf(ret_line, size, "%s%s", value == NULL ? "" : value, buffer_text(&text));
    for (size_t i = 0; i < document->remark_count; i++)
        assert_int_equal(document->remarks[i].line, 7);
    buffer_done(&text);
}

static void judge_value(struct span input, char *ret_line, size_t size) {
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct pin_document document = new_document();
    struct pin_builder builder = pin_builder_of(arena, &document);
    struct span value;
    bool is_value;
    char hex[2 * HASH_SIZE + 1];
    assert_ptr_equal(pin_value_read(&builder, input, (struct pin_value_form){.size = HASH_SIZE, .allows_hex = true}, 7, &value, &is_value), OK);
    if (is_value) {
        assert_int_equal(value.size, HASH_SIZE);
        text_of_hex(value, hex);
    }
    say(&document, is_value ? hex : NULL, ret_line, size);
    arena_free(arena);
}

static void judge_host(struct span input, char *ret_line, size_t size) {
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct pin_document document = new_document();
    struct pin_builder builder = pin_builder_of(arena, &document);
    const char *host = NULL;
    bool is_host;
    assert_ptr_equal(pin_host_read(&builder, input, 7, &host, &is_host), OK);
    assert_int_equal(is_host, host != NULL);
    say(&document, host, ret_line, size);
    arena_free(arena);
}

static void digests_are_read_as_people_write_them_and_what_is_odd_is_told(void **state) {
    (void) state;
    vector_texts_check("pin-value", judge_value);
}

static void hosts_are_read_as_people_write_them_and_what_is_no_host_is_refused(void **state) {
    (void) state;
    vector_texts_check("pin-host", judge_host);
}

static struct pin *add_pin(struct pin_builder *builder, struct pin_set *set, size_t group, const char *value) {
    struct pin *pin = pin_builder_add_pin(builder, set, group);
    assert_non_null(pin);
    pin->value = span_of_text(value);
    return pin;
}

static void a_set_begins_with_what_most_formats_mean(void **state) {
    (void) state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct pin_document document = new_document();
    struct pin_builder builder = pin_builder_of(arena, &document);
    const struct pin_set *set = pin_builder_add_set(&builder, 3);
    assert_true(set->is_pinned && set->is_enforced && set->trusts_system && set->is_secure);
    assert_false(set->is_report_only || set->has_expiry || set->overrides_pins || set->has_max_age || set->uses_default_reports);
    assert_int_equal(set->match, PIN_HOST_EXACT);
    assert_int_equal(set->format, PIN_FORMAT_ANDROID);
    assert_int_equal(set->line, 3);
    assert_int_equal(set->group_count, 0);
    assert_null(set->host);
    assert_null(set->report_uris[0]);
    assert_string_equal(set->name, "");
    assert_string_equal(set->protocol, "");
    arena_free(arena);
}

static void pins_stay_where_they_were_added_whatever_is_added_elsewhere(void **state) {
    (void) state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct pin_document document = new_document();
    struct pin_builder builder = pin_builder_of(arena, &document);
    for (unsigned i = 0; i < 100; i++) {
        struct pin_set *set = pin_builder_add_set(&builder, i);
        for (unsigned k = 0; k < i; k++)
            add_pin(&builder, set, k % 2, arena_printf(arena, "%u.%u", i, k));
    }
    assert_int_equal(document.set_count, 100);
    for (unsigned i = 0; i < 100; i++) {
        const struct pin_set *set = &document.sets[i];
        assert_int_equal(set->line, i);
        assert_int_equal(set->group_count, i < 2 ? i : 2);
        for (unsigned k = 0; k < i; k++)
            assert_true(span_equal(set->groups[k % 2].pins[k / 2].value, span_of_text(arena_printf(arena, "%u.%u", i, k))));
    }
    arena_free(arena);
}

static void a_second_group_makes_an_empty_first_one(void **state) {
    (void) state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct pin_document document = new_document();
    struct pin_builder builder = pin_builder_of(arena, &document);
    struct pin_set *set = pin_builder_add_set(&builder, 0);
    add_pin(&builder, set, 1, "b");
    assert_int_equal(set->group_count, 2);
    assert_int_equal(set->groups[0].count, 0);
    add_pin(&builder, set, 0, "a");
    assert_int_equal(set->groups[0].count, 1);
    arena_free(arena);
}

static void more_pins_or_hosts_than_may_be_are_a_limit_and_no_memory_is_not(void **state) {
    (void) state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct pin_document document = new_document();
    struct pin_builder builder = pin_builder_of(arena, &document);
    struct pin_set *set = pin_builder_add_set(&builder, 0);
    for (unsigned i = 0; i < PINS_OF_SET_MAX; i++)
        add_pin(&builder, set, i % 2, "x");
    assert_null(pin_builder_add_pin(&builder, set, 0));
    assert_ptr_equal(pin_builder_refusal(&builder), &fault_limit_reached);
    builder.is_full = false;
    while (document.set_count < PIN_SETS_MAX)
        assert_non_null(pin_builder_add_set(&builder, 0));
    assert_null(pin_builder_add_set(&builder, 0));
    assert_ptr_equal(pin_builder_refusal(&builder), &fault_limit_reached);
    arena_free(arena);

    struct arena *small = arena_new(100);
    struct pin_document none = new_document();
    struct pin_builder poor = pin_builder_of(small, &none);
    assert_null(pin_builder_add_set(&poor, 0));
    assert_ptr_equal(pin_builder_refusal(&poor), &fault_no_memory);
    arena_free(small);
}

static void remarks_are_harmless_and_those_left_out_are_counted_by_the_worst(void **state) {
    (void) state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct pin_document document = new_document();
    struct pin_builder builder = pin_builder_of(arena, &document);
    for (unsigned i = 0; i < PIN_REMARKS_MAX; i++)
        assert_ptr_equal(pin_builder_remark(&builder, PIN_REMARK_NOTE, i, "a", "%s", "\x1b[2J"), OK);
    assert_ptr_equal(pin_builder_remark(&builder, PIN_REMARK_ERROR, 1, "a", "b"), OK);
    assert_ptr_equal(pin_builder_remark(&builder, PIN_REMARK_NOTE, 1, "a", "b"), OK);
    assert_int_equal(document.remark_count, PIN_REMARKS_MAX);
    assert_ptr_equal(pin_builder_end(&builder), OK);
    assert_ptr_equal(pin_builder_end(&builder), OK);
    assert_int_equal(document.remark_count, PIN_REMARKS_MAX + 1);
    assert_string_equal(document.remarks[0].text, "?[2J");
    assert_int_equal(document.remarks[PIN_REMARKS_MAX].kind, PIN_REMARK_ERROR);
    assert_string_equal(document.remarks[PIN_REMARKS_MAX].text, "2 remarks more are left out, the first 1000 are told");
    arena_free(arena);
}

static void check_line(const struct pin_document *document, const char *wanted) {
    struct buffer out = buffer_with_limit(10000);
    assert_ptr_equal(pin_set_to_json(document, &document->sets[0], &out), OK);
    assert_string_equal(buffer_text(&out), wanted);
    buffer_done(&out);
}

static void the_line_of_json_has_the_members_that_are_promised(void **state) {
    (void) state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct pin_document document = new_document();
    struct pin_builder builder = pin_builder_of(arena, &document);
    struct pin_set *set = pin_builder_add_set(&builder, 1);
    check_line(&document, "{\"source\":\"app.xml\",\"format\":\"android\",\"host\":null,\"match\":\"exact\",\"pinned\":true,\"enforced\":true,"
                          "\"expires\":null,\"report_only\":false,\"groups\":[]}");
    set->host = "example.org";
    set->match = PIN_HOST_EXACT_AND_BELOW;
    set->has_expiry = true;
    set->expires = time_of_date(2027, 1, 1);
    add_pin(&builder, set, 0, "ab");
    struct pin *other = add_pin(&builder, set, 1, "c");
    other->kind = PIN_CERTIFICATE;
    other->algorithm = PIN_SHA512;
    other->position = PIN_ROOT;
    other->role = PIN_BACKUP;
    check_line(&document, "{\"source\":\"app.xml\",\"format\":\"android\",\"host\":\"example.org\",\"match\":\"exact-and-below\",\"pinned\":true,"
                          "\"enforced\":true,\"expires\":\"2027-01-01\",\"report_only\":false,\"groups\":[[{\"kind\":\"spki\",\"algorithm\":\"sha256\","
                          "\"value\":\"6162\",\"position\":\"any\"}],[{\"kind\":\"certificate\",\"algorithm\":\"sha512\",\"value\":\"63\","
                          "\"position\":\"ca\",\"only\":\"root\",\"role\":\"backup\"}]]}");
    arena_free(arena);
}

static void the_line_of_json_tells_what_only_some_formats_have(void **state) {
    (void) state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct pin_document document = {.source = "zone\x1b\xff", .format = PIN_FORMAT_TLSA};
    struct pin_builder builder = pin_builder_of(arena, &document);
    struct pin_set *set = pin_builder_add_set(&builder, 1);
    set->host = "example.org";
    set->name = "mail";
    set->port = 25;
    set->protocol = "tcp";
    set->is_secure = false;
    set->overrides_pins = true;
    set->trusts_system = false;
    set->has_max_age = true;
    set->max_age_s = 60;
    set->has_expiry = true;
    set->expires = 1;
    struct pin *pin = add_pin(&builder, set, 0, "abc");
    pin->algorithm = PIN_FULL;
    pin->tlsa_usage = PIN_TLSA_DANE_EE;
    pin->position = PIN_LEAF;
    check_line(&document, "{\"source\":\"zone\\\\x1b\\\\xff\",\"format\":\"tlsa\",\"host\":\"example.org\",\"match\":\"exact\",\"pinned\":true,"
                          "\"enforced\":true,\"expires\":\"1970-01-01T00:00:01Z\",\"report_only\":false,\"groups\":[[{\"kind\":\"spki\","
                          "\"algorithm\":\"sha256\",\"value\":\"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad\","
                          "\"position\":\"leaf\",\"full\":\"616263\",\"usage\":3}]],\"name\":\"mail\",\"max_age\":60,\"port\":25,\"protocol\":\"tcp\","
                          "\"secure\":false,\"overrides_pins\":true,\"trusts_system\":false}");
    arena_free(arena);
}

static void every_format_has_a_name_by_which_it_is_found(void **state) {
    (void) state;
    for (unsigned i = 0; i < pin_format_count; i++) {
        enum pin_format format = pin_format_count;
        assert_true(pin_format_of_name(pin_format_name((enum pin_format) i), &format));
        assert_int_equal(format, i);
    }
    enum pin_format format = PIN_FORMAT_KEY;
    assert_false(pin_format_of_name("ios", &format));
    assert_int_equal(format, PIN_FORMAT_KEY);
}

static void pins_are_the_same_by_what_they_match(void **state) {
    (void) state;
    struct pin one = {.value = span_of_text("a"), .comment = "x", .line = 1, .role = PIN_BACKUP, .tlsa_usage = 3};
    struct pin other = {.value = span_of_text("a"), .comment = ""};
    assert_true(pin_is_same(&one, &other));
    other.position = PIN_CA;
    assert_false(pin_is_same(&one, &other));
    other = one;
    other.kind = PIN_CERTIFICATE;
    assert_false(pin_is_same(&one, &other));
    other = one;
    other.algorithm = PIN_SHA1;
    assert_false(pin_is_same(&one, &other));
    other = one;
    other.value = span_of_text("b");
    assert_false(pin_is_same(&one, &other));
}

static void a_file_that_is_nothing_we_know_is_refused(void **state) {
    (void) state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct pin_file file = {.source = "x", .bytes = span_of_text("Dear Sir or Madam,\n")};
    struct pin_document *documents;
    size_t count;
    struct reason reason = {""};
    enum pin_format format;
    assert_false(pin_format_guess(file.bytes, &format));
    assert_ptr_equal(pin_file_read(&file, NULL, arena, &documents, &count, &reason), &fault_pin_file);
    assert_non_null(strstr(reason.text, "none of the formats"));
    static const struct {
        struct span bytes;
        const char *words;
    } others[] = {
        {{NULL, 0}, "the file is empty"},
        {{(const uint8_t *) "\xff\xfe<\0?\0", 6}, "UTF-16"},
        {{(const uint8_t *) "\xfe\xff\0<\0?", 6}, "UTF-16"},
        {{(const uint8_t *) "<\0?\0", 4}, "UTF-16"},
        {{(const uint8_t *) "<?xml version=\"1.0\"?><plist/>", 29}, "NSPinnedDomains"},
        {{(const uint8_t *) "bplist00", 8}, "NSPinnedDomains"},
    };
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        struct pin_file other = {.source = "x", .bytes = others[i].bytes};
        assert_ptr_equal(pin_file_read(&other, NULL, arena, &documents, &count, &reason), &fault_pin_file);
        assert_non_null(strstr(reason.text, others[i].words));
    }
    file.bytes.size = PIN_FILE_SIZE_MAX + 1;
    assert_ptr_equal(pin_file_read(&file, NULL, arena, &documents, &count, &reason), &fault_pin_file);
    assert_non_null(strstr(reason.text, "wanted 4194304 at most"));
    arena_free(arena);
}

static void pins_of_a_second_format_in_a_file_are_not_passed_over_in_silence(void **state) {
    (void) state;
    struct arena *arena = arena_new(ARENA_LIMIT);
    static const char text[] = ".add(\"example.org\", \"sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\")\n"
                               "Public-Key-Pins: pin-sha256=\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"; max-age=60\n";
    struct pin_file file = {.source = "x", .bytes = span_of_text(text)};
    struct pin_document *documents;
    size_t count;
    struct reason reason = {""};
    assert_ptr_equal(pin_file_read(&file, NULL, arena, &documents, &count, &reason), OK);
    assert_int_equal(documents[0].set_count, 1);
    assert_int_equal(documents[0].remark_count, 1);
    assert_string_equal(documents[0].remarks[0].rule, "format-second");
    enum pin_format format = PIN_FORMAT_OKHTTP;
    assert_ptr_equal(pin_file_read(&file, &format, arena, &documents, &count, &reason), OK);
    assert_int_equal(documents[0].remark_count, 0);
    struct buffer longer = buffer_with_limit(10000); /* behind remarks of its own */
    for (size_t i = 0; i < 20; i++)
        buffer_add_text(&longer, ".add(\"example.org\", pin)\n");
    buffer_add_text(&longer, text);
    file.bytes = buffer_span(&longer);
    assert_ptr_equal(pin_file_read(&file, NULL, arena, &documents, &count, &reason), OK);
    assert_int_equal(documents[0].remark_count, 21);
    assert_string_equal(documents[0].remarks[19].rule, "okhttp-pin-not-literal");
    assert_string_equal(documents[0].remarks[20].rule, "format-second");
    buffer_done(&longer);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digests_are_read_as_people_write_them_and_what_is_odd_is_told),
        cmocka_unit_test(hosts_are_read_as_people_write_them_and_what_is_no_host_is_refused),
        cmocka_unit_test(a_set_begins_with_what_most_formats_mean),
        cmocka_unit_test(pins_stay_where_they_were_added_whatever_is_added_elsewhere),
        cmocka_unit_test(a_second_group_makes_an_empty_first_one),
        cmocka_unit_test(more_pins_or_hosts_than_may_be_are_a_limit_and_no_memory_is_not),
        cmocka_unit_test(remarks_are_harmless_and_those_left_out_are_counted_by_the_worst),
        cmocka_unit_test(the_line_of_json_has_the_members_that_are_promised),
        cmocka_unit_test(the_line_of_json_tells_what_only_some_formats_have),
        cmocka_unit_test(every_format_has_a_name_by_which_it_is_found),
        cmocka_unit_test(pins_are_the_same_by_what_they_match),
        cmocka_unit_test(a_file_that_is_nothing_we_know_is_refused),
        cmocka_unit_test(pins_of_a_second_format_in_a_file_are_not_passed_over_in_silence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
