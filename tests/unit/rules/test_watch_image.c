#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/text.h"
#include "rules/watch_image.h"

/* ------------------------------------------------------------------ helpers */

struct fixture {
    struct buffer bytes;
    struct watch_image image;
    struct watch_hits hits;
};

static void build(struct fixture *fixture, const struct watch_item *items, size_t count) {
    fixture->bytes = buffer_with_limit((size_t) 1 << 30);
    assert_null(watch_image_build(items, count, 7, &fixture->bytes));
    assert_null(watch_image_open(buffer_span(&fixture->bytes), &fixture->image));
    watch_hits_reset(&fixture->hits);
}

#define BUILD(fixture, ...) \
    build(fixture, (const struct watch_item[]){__VA_ARGS__}, \
          sizeof((const struct watch_item[]){__VA_ARGS__}) / sizeof(struct watch_item))

static void drop(struct fixture *fixture) {
    buffer_done(&fixture->bytes);
}

/* Terminals as text, "!" and the suffix when nearly everything is reached. */
static const char *dns(struct fixture *fixture, const char *name) {
    static char text[4096];
    watch_hits_reset(&fixture->hits);
    watch_find_dns(&fixture->image, span_of_text(name), &fixture->hits);
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < fixture->hits.count; i++)
        used += (size_t) snprintf(text + used, sizeof text - used, i == 0 ? "%u" : " %u", fixture->hits.terminals[i]);
    if (fixture->hits.is_nearly_all)
        snprintf(text + used, sizeof text - used, "!%s", fixture->hits.broad_suffix);
    return text;
}

static const char *address(struct fixture *fixture, const char *hex) {
    static char text[64];
    uint8_t bytes[16];
    size_t size = strlen(hex) / 2;
    assert_null(text_to_hex(span_of_text(hex), bytes, size));
    watch_hits_reset(&fixture->hits);
    watch_find_address(&fixture->image, span_of(bytes, size), &fixture->hits);
    text[0] = '\0';
    for (size_t i = 0; i < fixture->hits.count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%u ", fixture->hits.terminals[i]);
    return text;
}

/* ------------------------------------------------------------------ what people write */

static void expect_item(const char *text, enum watch_kind wanted_kind, const char *wanted_value) {
    enum watch_kind kind;
    char value[256];
    struct reason reason;
    assert_null(watch_item_parse(span_of_text(text), &kind, value, &reason));
    assert_int_equal(kind, wanted_kind);
    assert_string_equal(value, wanted_value);
}

static void a_watch_is_read_in_every_form_that_people_write(void **state) {
    (void) state;
    expect_item("Example.COM.", WATCH_NAME, "example.com");
    expect_item("*.Example.COM.", WATCH_SUBTREE, "example.com");
    expect_item(".example.com", WATCH_SUBTREE, "example.com");
    expect_item(".", WATCH_SUBTREE, "");
    expect_item("_dmarc.example.com", WATCH_NAME, "_dmarc.example.com");
    expect_item("b\xc3\xbc" "cher.example", WATCH_NAME, "xn--bcher-kva.example");
    expect_item("10.0.0.0/8", WATCH_ADDRESS, "10.0.0.0/8");
    expect_item("192.0.2.1", WATCH_ADDRESS, "192.0.2.1/32");
    expect_item("2001:DB8::/32", WATCH_ADDRESS, "2001:db8::/32");
    expect_item("::ffff:192.0.2.1", WATCH_ADDRESS, "192.0.2.1/32");
    expect_item("@Example.com", WATCH_EMAIL, "example.com");
    expect_item("sha256:00112233445566778899AABBCCDDEEFF00112233445566778899aabbccddeeff", WATCH_KEY,
                "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
    expect_item("sha256/ABEiM0RVZneImaq7zN3u/wARIjNEVWZ3iJmqu8zd7v8=", WATCH_KEY,
                "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
}

static void expect_refusal(const char *text, const char *words) {
    enum watch_kind kind;
    char value[256];
    struct reason reason;
    assert_ptr_equal(watch_item_parse(span_of_text(text), &kind, value, &reason), &fault_watch_value);
    assert_non_null(strstr(reason.text, words));
    assert_ptr_equal(watch_item_parse(span_of_text(text), &kind, value, NULL), &fault_watch_value);
}

static void a_watch_that_cannot_be_meant_is_refused_with_a_sentence(void **state) {
    (void) state;
    expect_refusal("", "empty");
    expect_refusal("a..b", "a label is empty");
    expect_refusal("*.", "a label is empty");
    expect_refusal("www.*.com", "a star may stand only for the first label");
    expect_refusal("exa mple.com", "letters, digits");
    expect_refusal("10.0.0.1/8", "no bits set behind the prefix");
    expect_refusal("10.0.0.0/33", "not an address or range");
    expect_refusal("300.0.0.1", "not an address or range");
    expect_refusal("sha256:0011", "not a key hash");
    expect_refusal("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.com", "more than 63");
    expect_refusal("@", "a label is empty");
}

/* ------------------------------------------------------------------ names */

static void a_name_watch_matches_that_name_alone_and_a_subtree_everything_below(void **state) {
    struct fixture f;
    (void) state;
    BUILD(&f, {WATCH_NAME, "example.com"}, {WATCH_SUBTREE, "example.org"});
    assert_string_equal(dns(&f, "example.com"), "0");
    assert_string_equal(dns(&f, "www.example.com"), "");
    assert_string_equal(dns(&f, "example.org"), "1");
    assert_string_equal(dns(&f, "a.b.c.example.org"), "1");
    assert_string_equal(dns(&f, "notexample.org"), "");
    assert_string_equal(dns(&f, "com"), "");
    assert_string_equal(dns(&f, ""), "");
    drop(&f);
}

static void the_root_subtree_matches_everything(void **state) {
    struct fixture f;
    (void) state;
    BUILD(&f, {WATCH_SUBTREE, ""});
    assert_string_equal(dns(&f, "anything.at.all"), "0");
    assert_string_equal(dns(&f, ""), "0");
    drop(&f);
}

static void duplicates_match_the_lowest_number(void **state) {
    struct fixture f;
    (void) state;
    BUILD(&f, {WATCH_NAME, "example.com"}, {WATCH_NAME, "example.com"}, {WATCH_ADDRESS, "192.0.2.0/24"},
          {WATCH_ADDRESS, "192.0.2.0/24"});
    assert_string_equal(dns(&f, "example.com"), "0");
    assert_string_equal(address(&f, "c0000207"), "2 ");
    drop(&f);
}

static void a_wildcard_covers_exactly_one_label(void **state) {
    struct fixture f;
    (void) state;
    BUILD(&f, {WATCH_NAME, "www.example.com"}, {WATCH_NAME, "example.com"}, {WATCH_NAME, "a.b.example.com"},
          {WATCH_SUBTREE, "sub.example.com"});
    assert_string_equal(dns(&f, "*.example.com"), "3 0"); /* siblings are in order of their labels */
    assert_string_equal(dns(&f, "*.b.example.com"), "2");
    assert_string_equal(dns(&f, "*.x.example.com"), "");
    assert_string_equal(dns(&f, "*.sub.example.com"), "3");
    drop(&f);
}

static void an_unreadable_label_matches_every_label_in_its_place(void **state) {
    struct fixture f;
    (void) state;
    BUILD(&f, {WATCH_NAME, "www.example.com"}, {WATCH_NAME, "www.x.example.com"}, {WATCH_NAME, "www.y.example.com"});
    assert_string_equal(dns(&f, "?.example.com"), "0");
    assert_string_equal(dns(&f, "www.?.example.com"), "1 2");
    assert_string_equal(dns(&f, "?.?.example.com"), "1 2");
    assert_string_equal(dns(&f, "mail.?.example.com"), "");
    assert_string_equal(dns(&f, "a?b.example.com"), "0");
    drop(&f);
}

static void a_partial_wildcard_matches_labels_with_that_start_and_end(void **state) {
    struct fixture f;
    (void) state;
    BUILD(&f, {WATCH_NAME, "www.example.com"}, {WATCH_NAME, "web.example.com"}, {WATCH_NAME, "mail.example.com"},
          {WATCH_NAME, "example.com"});
    assert_string_equal(dns(&f, "w*.example.com"), "1 0");
    assert_string_equal(dns(&f, "*l.example.com"), "2");
    assert_string_equal(dns(&f, "w*b.example.com"), "1");
    assert_string_equal(dns(&f, "www*www.example.com"), "");
    assert_string_equal(dns(&f, "ex*.com"), "3");
    drop(&f);
}

static void a_wildcard_below_a_public_suffix_is_nearly_everything(void **state) {
    struct fixture f;
    (void) state;
    BUILD(&f, {WATCH_NAME, "example.com"}, {WATCH_NAME, "shop.co.uk"}, {WATCH_NAME, "me.github.io"});
    assert_string_equal(dns(&f, "*.com"), "!com");
    assert_string_equal(dns(&f, "?.com"), "!com");
    assert_string_equal(dns(&f, "*.co.uk"), "!co.uk");
    assert_string_equal(dns(&f, "www.?.com"), "!com");
    assert_string_equal(dns(&f, "*"), "!");
    assert_string_equal(dns(&f, "*.org"), "");        /* nothing is watched there */
    assert_string_equal(dns(&f, "*.github.io"), "2"); /* a hoster's wildcard is its customers' business */
    drop(&f);
}

static void a_broad_suffix_never_holds_a_pattern_under_which_no_watch_could_lie(void **state) {
    struct fixture f;
    (void) state;
    BUILD(&f, {WATCH_NAME, "example.com"}, {WATCH_NAME, "shop.co.uk"});
    assert_string_equal(dns(&f, "*.*m"), "!");
    assert_string_equal(dns(&f, "?.c*.uk"), "!uk");
    drop(&f);
}

static void several_broad_names_become_the_suffix_that_covers_them(void **state) {
    struct fixture f;
    (void) state;
    BUILD(&f, {WATCH_NAME, "a.co.uk"}, {WATCH_NAME, "b.org.uk"}, {WATCH_NAME, "c.com"});
    watch_hits_reset(&f.hits);
    watch_find_dns(&f.image, span_of_text("*.co.uk"), &f.hits);
    watch_find_dns(&f.image, span_of_text("*.org.uk"), &f.hits);
    assert_string_equal(f.hits.broad_suffix, "uk");
    watch_find_dns(&f.image, span_of_text("*.com"), &f.hits);
    assert_string_equal(f.hits.broad_suffix, "");
    assert_true(f.hits.is_nearly_all);
    drop(&f);
}

static void more_terminals_than_fit_are_counted(void **state) {
    static struct watch_item items[300];
    static char names[300][32];
    struct fixture f;
    (void) state;
    for (int i = 0; i < 300; i++) {
        snprintf(names[i], sizeof names[i], "h%d.example.com", i);
        items[i] = (struct watch_item){WATCH_NAME, names[i]};
    }
    build(&f, items, 300);
    watch_find_dns(&f.image, span_of_text("*.example.com"), &f.hits);
    assert_int_equal(f.hits.count, REPORT_TERMINALS_MAX);
    assert_int_equal(f.hits.total, 300);
    drop(&f);
}

static void the_first_items_of_the_list_are_kept_whatever_is_found_first(void **state) {
    static struct watch_item items[300];
    static char names[300][32];
    struct fixture f;
    (void) state;
    for (int i = 0; i < 300; i++) {
        snprintf(names[i], sizeof names[i], "h%d.example.com", i);
        items[i] = (struct watch_item){WATCH_NAME, names[i]};
    }
    build(&f, items, 300);
    watch_hits_reset(&f.hits);
    for (int i = 300; i-- > 0;)
        watch_find_dns(&f.image, span_of_text(names[i]), &f.hits);
    assert_int_equal(f.hits.count, REPORT_TERMINALS_MAX);
    for (size_t i = 0; i < f.hits.count; i++)
        assert_in_range(f.hits.terminals[i], 0, REPORT_TERMINALS_MAX - 1);
    drop(&f);
}

static void one_entry_cannot_make_us_enumerate_without_end(void **state) {
    enum { many = 70000 };
    struct watch_item *items = memory_new_array(many, sizeof *items);
    char(*names)[32] = memory_new_array(many, sizeof *names);
    struct fixture f;
    (void) state;
    for (int i = 0; i < many; i++) {
        snprintf(names[i], sizeof names[i], "www.h%d.example.com", i);
        items[i] = (struct watch_item){WATCH_NAME, names[i]};
    }
    build(&f, items, many);
    assert_string_equal(dns(&f, "mail.?.example.com"), "!example.com");
    assert_string_equal(dns(&f, "h6999*.example.com"), "");
    assert_string_equal(dns(&f, "www.h6999*.example.com"), "6999 69990 69991 69992 69993 69994 69995 69996 69997 69998 69999");
    drop(&f);
    memory_free(items);
    memory_free(names);
}

/* ------------------------------------------------------------------ the rest */

static void addresses_match_every_range_that_holds_them(void **state) {
    struct fixture f;
    (void) state;
    BUILD(&f, {WATCH_ADDRESS, "10.0.0.0/8"}, {WATCH_ADDRESS, "10.1.2.3/32"}, {WATCH_ADDRESS, "2001:db8::/32"},
          {WATCH_ADDRESS, "::/0"});
    assert_string_equal(address(&f, "0a010203"), "0 1 ");
    assert_string_equal(address(&f, "0a010204"), "0 ");
    assert_string_equal(address(&f, "0b000000"), "");
    assert_string_equal(address(&f, "20010db8000000000000000000000001"), "3 2 ");
    assert_string_equal(address(&f, "00000000000000000000ffff0a010203"), "3 0 1 ");
    assert_string_equal(address(&f, "0a0102"), "");
    drop(&f);
}

static void keys_and_mail_domains_are_found(void **state) {
    struct fixture f;
    struct hash key;
    const char *hex = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    (void) state;
    BUILD(&f, {WATCH_KEY, hex}, {WATCH_EMAIL, "example.com"});
    assert_true(watch_image_has_keys(&f.image));
    assert_int_equal(watch_image_generation(&f.image), 7);
    assert_null(hash_from_hex(span_of_text(hex), &key));
    watch_find_key(&f.image, &key, &f.hits);
    assert_int_equal(f.hits.count, 1);
    key.bytes[31] ^= 1;
    watch_hits_reset(&f.hits);
    watch_find_key(&f.image, &key, &f.hits);
    assert_int_equal(f.hits.count, 0);
    watch_find_email(&f.image, span_of_text("example.com"), &f.hits);
    assert_int_equal(f.hits.terminals[0], 1);
    assert_string_equal(dns(&f, "example.com"), "");
    drop(&f);
}

static void an_empty_image_matches_nothing(void **state) {
    struct fixture f;
    (void) state;
    build(&f, NULL, 0);
    assert_false(watch_image_has_keys(&f.image));
    assert_string_equal(dns(&f, "example.com"), "");
    assert_string_equal(dns(&f, "*.com"), "");
    assert_string_equal(dns(&f, "*"), "");
    assert_string_equal(address(&f, "0a010203"), "");
    drop(&f);
}

static void an_image_cut_or_of_another_build_is_refused(void **state) {
    struct fixture f;
    struct watch_image image;
    (void) state;
    BUILD(&f, {WATCH_NAME, "example.com"});
    for (size_t size = 0; size < f.bytes.size; size++)
        assert_ptr_equal(watch_image_open(span_of(f.bytes.bytes, size), &image), &fault_watch_image);
    f.bytes.bytes[0] ^= 1;
    assert_ptr_equal(watch_image_open(buffer_span(&f.bytes), &image), &fault_watch_image);
    drop(&f);
}

static void a_value_that_was_not_normalised_is_refused_when_building(void **state) {
    struct buffer out = buffer_with_limit(1 << 20);
    (void) state;
    assert_ptr_equal(watch_image_build(&(struct watch_item){WATCH_ADDRESS, "10.0.0.1/8"}, 1, 1, &out), &fault_watch_value);
    assert_ptr_equal(watch_image_build(&(struct watch_item){WATCH_NAME, "a..b"}, 1, 1, &out), &fault_watch_value);
    buffer_done(&out);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_watch_is_read_in_every_form_that_people_write),
        cmocka_unit_test(a_watch_that_cannot_be_meant_is_refused_with_a_sentence),
        cmocka_unit_test(a_name_watch_matches_that_name_alone_and_a_subtree_everything_below),
        cmocka_unit_test(the_root_subtree_matches_everything),
        cmocka_unit_test(duplicates_match_the_lowest_number),
        cmocka_unit_test(a_wildcard_covers_exactly_one_label),
        cmocka_unit_test(an_unreadable_label_matches_every_label_in_its_place),
        cmocka_unit_test(a_partial_wildcard_matches_labels_with_that_start_and_end),
        cmocka_unit_test(a_wildcard_below_a_public_suffix_is_nearly_everything),
        cmocka_unit_test(a_broad_suffix_never_holds_a_pattern_under_which_no_watch_could_lie),
        cmocka_unit_test(several_broad_names_become_the_suffix_that_covers_them),
        cmocka_unit_test(more_terminals_than_fit_are_counted),
        cmocka_unit_test(the_first_items_of_the_list_are_kept_whatever_is_found_first),
        cmocka_unit_test(one_entry_cannot_make_us_enumerate_without_end),
        cmocka_unit_test(addresses_match_every_range_that_holds_them),
        cmocka_unit_test(keys_and_mail_domains_are_found),
        cmocka_unit_test(an_empty_image_matches_nothing),
        cmocka_unit_test(an_image_cut_or_of_another_build_is_refused),
        cmocka_unit_test(a_value_that_was_not_normalised_is_refused_when_building),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
