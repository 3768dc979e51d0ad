#include "vector_text.h"

#include "base/text.h"
#include "formats/dns_name.h"

static struct dns_name name_of(const char *text) {
    struct dns_name name;
    assert_ptr_equal(dns_name_from_text(span_of_text(text), &name, NULL), OK);
    return name;
}

static void judge_text(struct span input, char *ret_line, size_t size) {
    struct dns_name name;
    struct reason reason;
    char text[DNS_NAME_TEXT_SIZE];
    result outcome = dns_name_from_text(input, &name, &reason);
    if (outcome != OK) {
        snprintf(ret_line, size, "error %s: %s", outcome->name, reason.text);
        return;
    }
    dns_name_to_text(&name, text);
    snprintf(ret_line, size, "%s, %zu bytes, %u labels%s", text, name.size, dns_name_label_count(&name), dns_name_is_wildcard(&name) ? ", *" : "");
}

static void judge_wire(struct span input, char *ret_line, size_t size) {
    struct cursor cursor = cursor_of(input);
    uint64_t at = 0;
    struct dns_name name = {.size = 77};
    char text[DNS_NAME_TEXT_SIZE];
    assert_true(cursor_number(&cursor, 2, &at));
    struct cursor message = cursor_of(span_of(input.bytes + 2, input.size - 2));
    message.position = (size_t) at;
    result outcome = dns_name_read(&message, &name);
    if (outcome != OK) {
        assert_true(message.position == at && !message.failed && name.size == 77);
        snprintf(ret_line, size, "error %s", outcome->name);
        return;
    }
    dns_name_to_text(&name, text);
    snprintf(ret_line, size, "%s, %zu bytes, went on %zu", text, name.size, message.position - (size_t) at);
}

static void names_are_read_from_text(void **state) {
    (void) state;
    vector_texts_check("dns-name", judge_text);
}

static void names_are_read_from_messages(void **state) {
    (void) state;
    vector_texts_check("dns-name-wire", judge_wire);
}

static void a_name_is_within_itself_its_ancestors_and_the_root_by_whole_labels(void **state) {
    (void) state;
    static const struct {
        const char *name, *ancestor;
        bool is_within;
    } rows[] = {
        {"www.example.com", "example.com", true}, {"example.com", "example.com", true},    {"EXAMPLE.com", "example.COM", true},
        {"example.com", ".", true},               {".", ".", true},                        {".", "com", false},
        {"com", "example.com", false},            {"badexample.com", "example.com", false}, {"a.example.net", "example.com", false},
        {"a\\.example.com", "example.com", false}, {"\\007example.com", "example.com", false}, {"x\\007example.com", "example.com", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dns_name name = name_of(rows[i].name), ancestor = name_of(rows[i].ancestor);
        if (dns_name_is_within(&name, &ancestor) != rows[i].is_within)
            fail_msg("%s within %s", rows[i].name, rows[i].ancestor);
    }
}

static void the_parent_lacks_the_first_label_and_the_root_is_its_own(void **state) {
    (void) state;
    char text[DNS_NAME_TEXT_SIZE];
    struct dns_name name = name_of("a\\.b.example.com");
    static const char *const wanted[] = {"example.com", "com", ".", "."};
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        name = dns_name_parent(&name);
        dns_name_to_text(&name, text);
        assert_string_equal(text, wanted[i]);
    }
    assert_true(dns_name_is_root(&name));
    assert_int_equal(dns_name_label_count(&name), 0);
}

static void equal_names_have_the_same_bytes_whatever_their_case(void **state) {
    (void) state;
    struct dns_name a = name_of("WWW.example.com"), b = name_of("www.EXAMPLE.com."), c = name_of("www.example.co");
    assert_true(dns_name_equal(&a, &b));
    assert_false(dns_name_equal(&a, &c));
}

static void a_dname_puts_its_target_in_its_owners_place(void **state) {
    (void) state;
    static const struct {
        const char *name, *owner, *target, *wanted; /* RFC 6672 table 1 */
    } rows[] = {
        {"a.example.com", "example.com", "example.net", "a.example.net"},   {"a.b.example.com", "example.com", "example.net", "a.b.example.net"},
        {"ab.example.com", "b.example.com", "example.net", NULL},           {"foo.example.com", "example.com", "example.net", "foo.example.net"},
        {"a.x.example.com", "x.example.com", "example.net", "a.example.net"}, {"a.example.com", "example.com", "y.example.com", "a.y.example.com"},
        {"cyc.example.com", "example.com", "example.com", "cyc.example.com"}, {"shortloop.x.x", "x", ".", "shortloop.x"},
        {"x", ".", "example", "x.example"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct dns_name name = name_of(rows[i].name), owner = name_of(rows[i].owner), target = name_of(rows[i].target), got;
        char text[DNS_NAME_TEXT_SIZE];
        assert_true(dns_name_is_within(&name, &owner) == (rows[i].wanted != NULL));
        if (rows[i].wanted == NULL)
            continue;
        assert_true(dns_name_substitute(&name, &owner, &target, &got));
        dns_name_to_text(&got, text);
        assert_string_equal(text, rows[i].wanted);
    }
}

static void a_substitution_may_have_255_bytes_and_no_more(void **state) {
    (void) state;
    char longest[] = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb."
                     "ccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc.ddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd";
    struct dns_name name = name_of("x.old"), owner = name_of("old"), target = name_of(longest), got = {.size = 77};
    assert_int_equal(target.size, 253);
    assert_true(dns_name_substitute(&name, &owner, &target, &got));
    assert_int_equal(got.size, 255);
    name = name_of("xy.old");
    got.size = 77;
    assert_false(dns_name_substitute(&name, &owner, &target, &got));
    assert_int_equal(got.size, 77);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_read_from_text),
        cmocka_unit_test(names_are_read_from_messages),
        cmocka_unit_test(a_name_is_within_itself_its_ancestors_and_the_root_by_whole_labels),
        cmocka_unit_test(the_parent_lacks_the_first_label_and_the_root_is_its_own),
        cmocka_unit_test(equal_names_have_the_same_bytes_whatever_their_case),
        cmocka_unit_test(a_dname_puts_its_target_in_its_owners_place),
        cmocka_unit_test(a_substitution_may_have_255_bytes_and_no_more),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
