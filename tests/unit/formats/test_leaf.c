#include "vector_notation.h"

#include <jansson.h>

#include "base/digest.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/certificate.h"
#include "formats/leaf.h"
#include "formats/names.h"

enum { TILE_WIDTH = 256 };

static void add_number(struct buffer *out, size_t width, uint64_t number) {
    assert_true(buffer_add_number(out, width, number));
}

/* A well-formed certificate leaf whose certificate is three bytes. */
static void build_leaf(struct buffer *out) {
    add_number(out, 1, 0);        /* version v1 */
    add_number(out, 1, 0);        /* leaf_type timestamped_entry */
    add_number(out, 8, 1234);     /* timestamp */
    add_number(out, 2, 0);        /* entry_type x509_entry */
    add_number(out, 3, 3);        /* length of the certificate */
    buffer_add_text(out, "abc");  /* certificate */
    add_number(out, 2, 8);        /* length of extensions */
    add_number(out, 1, 0);        /* extension_type leaf_index */
    add_number(out, 2, 5);        /* length of leaf_index */
    add_number(out, 5, 77);       /* leaf_index */
}

static void test_leaf_fields_are_found(void **state) {
    (void) state;
    struct buffer bytes = buffer_with_limit(1000);
    struct leaf leaf;
    build_leaf(&bytes);
    assert_ptr_equal(leaf_parse(buffer_span(&bytes), &leaf), OK);
    assert_int_equal(leaf.timestamp_ms, 1234);
    assert_int_equal(leaf.kind, ENTRY_CERTIFICATE);
    assert_true(span_equal(leaf.certificate, span_of_text("abc")));
    assert_true(leaf.has_leaf_index && !leaf.has_odd_extensions);
    assert_int_equal(leaf.leaf_index, 77);
    struct hash one, other;
    uint8_t zero = 0;
    const struct span parts[] = {span_of(&zero, 1), buffer_span(&bytes)};
    digest_of_parts(parts, 2, &one);
    leaf_hash(&leaf, &other);
    assert_true(hash_equal(&one, &other));
    buffer_done(&bytes);
}

static void test_every_cut_of_a_leaf_is_truncated(void **state) {
    (void) state;
    struct buffer bytes = buffer_with_limit(1000);
    struct leaf leaf;
    build_leaf(&bytes);
    for (size_t size = 0; size < bytes.size; size++)
        assert_ptr_equal(leaf_parse(span_of(bytes.bytes, size), &leaf), &fault_leaf_truncated);
    buffer_done(&bytes);
}

static void assert_leaf_fails(size_t at, uint8_t value, result wanted) {
    struct buffer bytes = buffer_with_limit(1000);
    struct leaf leaf = {.timestamp_ms = 42};
    build_leaf(&bytes);
    bytes.bytes[at] = value;
    assert_ptr_equal(leaf_parse(buffer_span(&bytes), &leaf), wanted);
    assert_int_equal(leaf.timestamp_ms, 42);
    buffer_done(&bytes);
}

static void test_wrong_fields_of_a_leaf_are_named(void **state) {
    (void) state;
    assert_leaf_fails(0, 1, &fault_leaf_version);
    assert_leaf_fails(1, 1, &fault_leaf_version);
    assert_leaf_fails(11, 2, &fault_leaf_entry_type);
    assert_leaf_fails(14, 2, &fault_leaf_truncated); /* the rest then reads as a huge list of extensions */
    struct buffer bytes = buffer_with_limit(1000);
    struct leaf leaf;
    build_leaf(&bytes);
    buffer_add_text(&bytes, "x");
    assert_ptr_equal(leaf_parse(buffer_span(&bytes), &leaf), &fault_leaf_trailing);
    buffer_done(&bytes);
}

static void test_an_odd_extension_list_hides_nothing(void **state) {
    (void) state;
    struct buffer bytes = buffer_with_limit(1000);
    struct leaf leaf;
    build_leaf(&bytes);
    bytes.bytes[22] = 4; /* length of leaf_index */
    assert_ptr_equal(leaf_parse(buffer_span(&bytes), &leaf), OK);
    assert_true(leaf.has_odd_extensions && !leaf.has_leaf_index);
    assert_true(span_equal(leaf.certificate, span_of_text("abc")));
    buffer_done(&bytes);
}

static void test_a_certificate_of_no_bytes_does_not_hide_the_entries_behind_it(void **state) {
    (void) state;
    struct buffer bytes = buffer_with_limit(1000);
    struct leaf leaf;
    for (int i = 0; i < 2; i++) {
        add_number(&bytes, 8, 5);
        add_number(&bytes, 2, 0); /* x509_entry */
        add_number(&bytes, 3, 0);
        add_number(&bytes, 2, 0); /* extensions */
        add_number(&bytes, 2, 0); /* chain */
    }
    struct cursor tile = cursor_of(buffer_span(&bytes));
    for (int i = 0; i < 2; i++) {
        assert_ptr_equal(leaf_next_in_tile(&tile, &leaf), OK);
        assert_true(leaf.certificate.size == 0 && leaf.kind == ENTRY_CERTIFICATE);
    }
    assert_true(cursor_at_end(&tile));
    buffer_done(&bytes);
}

static void test_fingerprints_must_be_whole_hashes(void **state) {
    (void) state;
    struct buffer bytes = buffer_with_limit(1000);
    struct leaf leaf;
    build_leaf(&bytes);
    add_number(&bytes, 2, 33);
    for (int i = 0; i < 33; i++)
        add_number(&bytes, 1, 7);
    struct cursor tile = cursor_of(span_of(bytes.bytes + 2, bytes.size - 2));
    assert_ptr_equal(leaf_next_in_tile(&tile, &leaf), &fault_leaf_fingerprints);
    assert_true(tile.failed && tile.position == 0);
    buffer_done(&bytes);
}

static void check_tile(const char *number, size_t width) {
    char path[200];
    snprintf(path, sizeof path, "a-ct/static-ct/navigli2025h2/tile/data/%s", number);
    struct buffer data = corpus_read(path);
    snprintf(path, sizeof path, "a-ct/static-ct/navigli2025h2/tile/0/%s", number);
    struct buffer hashes = corpus_read(path);
    struct cursor tile = cursor_of(buffer_span(&data));
    struct leaf leaf;
    struct hash hash;
    uint64_t base = strtoull(number, NULL, 10) * TILE_WIDTH;
    assert_int_equal(hashes.size, width * HASH_SIZE);
    for (size_t i = 0; i < width; i++) {
        assert_ptr_equal(leaf_next_in_tile(&tile, &leaf), OK);
        leaf_hash(&leaf, &hash);
        assert_memory_equal(hash.bytes, hashes.bytes + i * HASH_SIZE, HASH_SIZE);
        assert_true(leaf.has_leaf_index);
        assert_int_equal(leaf.leaf_index, base + i);
        struct certificate tbs;
        if (leaf.kind == ENTRY_PRECERTIFICATE)
            assert_ptr_equal(tbs_parse(leaf.tbs, &tbs), OK);
    }
    assert_true(cursor_at_end(&tile));
    buffer_done(&data);
    buffer_done(&hashes);
}

static void test_the_data_tiles_of_a_real_log_hash_to_its_hash_tiles(void **state) {
    (void) state;
    check_tile("000", TILE_WIDTH);
    check_tile("001", TILE_WIDTH);
    check_tile("002", TILE_WIDTH);
    check_tile("003", TILE_WIDTH);
    check_tile("003.p/10", 10);
}

/* Names that were found, one bit for each name in the list that the fixture expects. */
struct expected {
    const json_t *names;
    bool found[1000];
    size_t surprises;
};

static void tick_name(void *context, const struct name_reading *reading) {
    struct expected *expected = context;
    for (size_t i = 0; i < json_array_size(expected->names); i++) {
        if (span_equal(reading->text, span_of_text(json_string_value(json_array_get(expected->names, i))))) {
            expected->found[i] = true;
            return;
        }
    }
    expected->surprises++;
}

/* "30:AF:…" → 32 bytes */
static struct hash hash_of_colons(const char *text) {
    struct hash hash;
    char hex[HASH_HEX_SIZE];
    size_t size = 0;
    for (; *text != '\0'; text++)
        if (*text != ':')
            hex[size++] = *text;
    assert_ptr_equal(hash_from_hex(span_of(hex, size), &hash), OK);
    return hash;
}

static const json_t *get(const json_t *object, const char *a, const char *b, const char *c) {
    return json_object_get(json_object_get(json_object_get(object, a), b), c);
}

static void check_live_entry(const json_t *entry) {
    struct buffer leaf_input = base64_bytes(json_string_value(json_object_get(entry, "leaf_input")));
    struct buffer extra_data = base64_bytes(json_string_value(json_object_get(entry, "extra_data")));
    json_t *full = json_loads(json_string_value(json_object_get(entry, "expected_full")), 0, NULL);
    json_t *domains = json_loads(json_string_value(json_object_get(entry, "expected_domains_only")), 0, NULL);
    struct leaf leaf;
    struct certificate certificate;
    struct hash hash;
    assert_ptr_equal(leaf_parse(buffer_span(&leaf_input), &leaf), OK);
    assert_ptr_equal(leaf_add_extra_data(buffer_span(&extra_data), &leaf), OK);
    struct span der = leaf.kind == ENTRY_PRECERTIFICATE ? leaf.precertificate : leaf.certificate;
    digest_of(der, &hash);
    struct hash wanted = hash_of_colons(json_string_value(get(full, "data", "leaf_cert", "sha256")));
    assert_true(hash_equal(&hash, &wanted));
    assert_ptr_equal(certificate_parse(der, &certificate), OK);
    assert_int_equal(certificate.oddities, 0);
    assert_int_equal(certificate.not_before, json_integer_value(get(full, "data", "leaf_cert", "not_before")));
    assert_int_equal(certificate.not_after, json_integer_value(get(full, "data", "leaf_cert", "not_after")));
    struct expected expected = {.names = json_object_get(domains, "data")};
    assert_ptr_equal(names_visit(&certificate, tick_name, &expected), OK);
    assert_int_equal(certificate.oddities, 0);
    for (size_t i = 0; i < json_array_size(expected.names); i++)
        assert_true(expected.found[i]);
    assert_int_equal(expected.surprises, 0);
    json_decref(full);
    json_decref(domains);
    buffer_done(&leaf_input);
    buffer_done(&extra_data);
}

static void test_entries_of_real_logs_give_their_names_and_hashes(void **state) {
    (void) state;
    struct buffer text = corpus_read("a-ct/rfc6962/live_ct.json");
    json_t *entries = json_loadb((const char *) text.bytes, text.size, 0, NULL);
    assert_int_equal(json_array_size(entries), 40);
    for (size_t i = 0; i < json_array_size(entries); i++)
        check_live_entry(json_array_get(entries, i));
    json_decref(entries);
    buffer_done(&text);
}

static void test_extra_data_that_does_not_fit_leaves_the_leaf_alone(void **state) {
    (void) state;
    static const uint8_t cut[] = {0, 0, 4, 0, 0, 2, 1}; /* a chain of 4 bytes that holds a certificate of 2 */
    struct leaf leaf = {.kind = ENTRY_CERTIFICATE};
    assert_ptr_equal(leaf_add_extra_data(span_of(cut, sizeof cut), &leaf), &fault_extra_data);
    assert_null(leaf.chain.bytes);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_leaf_fields_are_found),
        cmocka_unit_test(test_every_cut_of_a_leaf_is_truncated),
        cmocka_unit_test(test_wrong_fields_of_a_leaf_are_named),
        cmocka_unit_test(test_an_odd_extension_list_hides_nothing),
        cmocka_unit_test(test_a_certificate_of_no_bytes_does_not_hide_the_entries_behind_it),
        cmocka_unit_test(test_fingerprints_must_be_whole_hashes),
        cmocka_unit_test(test_the_data_tiles_of_a_real_log_hash_to_its_hash_tiles),
        cmocka_unit_test(test_entries_of_real_logs_give_their_names_and_hashes),
        cmocka_unit_test(test_extra_data_that_does_not_fit_leaves_the_leaf_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
