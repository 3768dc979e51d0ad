/* Whole bodies through a reader, in this process: leaf hashes, subtrees, cuts, reports, and what breaks. */
#include "vector_files.h"

#include <jansson.h>
#include <libdeflate.h>

#include "base/digest.h"
#include "base/memory.h"
#include "base/text.h"
#include "reader/reader.h"

#define AREA_SIZE ((size_t) 4 * 1024 * 1024)

struct fixture {
    struct reader reader;
    struct buffer image;
    struct arena *arena;
};

static void start(struct fixture *f, const struct watch_item *items, size_t count) {
    *f = (struct fixture){.image = buffer_with_limit(1 << 20), .arena = arena_new(REPORT_SIZE_MAX)};
    assert_null(watch_image_build(items, count, 0, &f->image));
    assert_null(watch_image_open(buffer_span(&f->image), &f->reader.image));
    assert_null(reader_init(&f->reader));
    f->reader.slot_count = 1;
    f->reader.area_size = AREA_SIZE;
    f->reader.area = memory_new(AREA_SIZE);
}

#define START(f, ...) \
    start(f, (const struct watch_item[]){__VA_ARGS__}, \
          sizeof((const struct watch_item[]){__VA_ARGS__}) / sizeof(struct watch_item))

static void stop(struct fixture *f) {
    memory_free(f->reader.area);
    reader_done(&f->reader);
    buffer_done(&f->image);
    arena_free(f->arena);
}

static const struct reader_answer *ask(struct fixture *f, struct reader_request request, struct span body) {
    f->reader.slots = body.bytes;
    f->reader.slot_size = body.size;
    request.version = READER_MESSAGE_VERSION;
    request.body_size = body.size;
    assert_null(reader_request_check(&request, 1, body.size));
    reader_act(&f->reader, &request);
    assert_null(reader_answer_check(&f->reader.answer, &request, f->reader.area_size));
    return &f->reader.answer;
}

/* The report at `position`; it lives until the fixture stops. */
static struct entry_report report_at(struct fixture *f, uint64_t position) {
    struct cursor reports = cursor_of(span_of(f->reader.area, f->reader.answer.answer_size));
    struct entry_report report = {0};
    assert_true(position < f->reader.answer.report_count);
    for (uint64_t i = 0; i <= position; i++)
        assert_null(entry_report_decode(&reports, f->arena, &report));
    return report;
}

static struct reader_request tile_request(uint64_t begin, uint64_t end) {
    return (struct reader_request){.task = READER_DATA_TILE, .encoding = READER_SNIFF, .first_index = begin / 256 * 256,
                                   .wanted_begin = begin, .wanted_end = end, .report_from = begin,
                                   .flags = READER_FLAG_LEAF_INDEX};
}

static struct buffer tile(int number, const char *kind) {
    char name[100];
    snprintf(name, sizeof name, "a-ct/static-ct/navigli2025h2/tile/%s/%03d", kind, number);
    return corpus_read(name);
}

static const struct watch_item nobody = {WATCH_NAME, "nobody.example"};

/* ------------------------------------------------------------------ real tiles */

static void every_real_tile_has_the_leaf_hashes_of_its_hash_tile(void **state) {
    struct fixture f;
    (void) state;
    start(&f, &nobody, 1);
    for (int number = 0; number < 4; number++) {
        struct buffer body = tile(number, "data"), hashes = tile(number, "0");
        struct reader_request request = tile_request((uint64_t) number * 256, (uint64_t) number * 256 + 256);
        request.flags |= READER_FLAG_NODES_PER_LEAF;
        const struct reader_answer *answer = ask(&f, request, buffer_span(&body));
        assert_int_equal(answer->status, READER_DONE);
        assert_int_equal(answer->entry_count, 256);
        assert_int_equal(answer->node_count, 256);
        assert_int_equal(answer->unreadable_count, 0);
        for (size_t i = 0; i < 256; i++)
            assert_memory_equal(answer->nodes[i].hash.bytes, hashes.bytes + i * HASH_SIZE, HASH_SIZE);
        assert_memory_equal(answer->last_leaf.bytes, hashes.bytes + 255 * HASH_SIZE, HASH_SIZE);
        buffer_done(&body);
        buffer_done(&hashes);
    }
    stop(&f);
}

/* Root of the tree whose leaves are the hash tile's first `count`. */
static struct hash root_of(const struct buffer *hashes, size_t count) {
    struct compact_range range;
    struct hash root;
    compact_range_init(&range, 0);
    for (size_t i = 0; i < count; i++)
        assert_null(compact_range_append_leaf(&range, (const struct hash *) (const void *) (hashes->bytes + i * HASH_SIZE)));
    assert_null(compact_range_root(&range, &root));
    return root;
}

static void a_full_tile_is_answered_as_one_subtree_and_cuts_split_it(void **state) {
    struct fixture f;
    struct buffer body = tile(0, "data"), hashes = tile(0, "0");
    struct hash whole = root_of(&hashes, 256);
    (void) state;
    start(&f, &nobody, 1);
    const struct reader_answer *answer = ask(&f, tile_request(0, 256), buffer_span(&body));
    assert_int_equal(answer->node_count, 1);
    assert_int_equal(answer->nodes[0].height, 8);
    assert_true(hash_equal(&answer->nodes[0].hash, &whole));

    struct reader_request request = tile_request(0, 256);
    request.cut_count = 3;
    request.cuts[0] = 1;
    request.cuts[1] = 100;
    request.cuts[2] = 255;
    answer = ask(&f, request, buffer_span(&body));
    struct compact_range range;
    struct hash root;
    size_t cut = 0;
    compact_range_init(&range, 0);
    for (uint32_t i = 0; i < answer->node_count; i++) {
        assert_null(compact_range_append_subtree(&range, answer->nodes[i].height, &answer->nodes[i].hash));
        if (cut < 3 && range.end == request.cuts[cut]) {
            struct hash wanted = root_of(&hashes, request.cuts[cut++]);
            assert_null(compact_range_root(&range, &root));
            assert_true(hash_equal(&root, &wanted));
        }
    }
    assert_int_equal(cut, 3);
    assert_null(compact_range_root(&range, &root));
    assert_true(hash_equal(&root, &whole));
    stop(&f);
    buffer_done(&body);
    buffer_done(&hashes);
}

static void entries_outside_the_wanted_range_are_left_out(void **state) {
    struct fixture f;
    struct buffer body = tile(0, "data"), hashes = tile(0, "0");
    (void) state;
    start(&f, &nobody, 1);
    const struct reader_answer *answer = ask(&f, tile_request(3, 5), buffer_span(&body));
    assert_int_equal(answer->entry_count, 2);
    assert_int_equal(answer->node_count, 2);
    assert_memory_equal(answer->nodes[0].hash.bytes, hashes.bytes + 3 * HASH_SIZE, HASH_SIZE);
    stop(&f);
    buffer_done(&body);
    buffer_done(&hashes);
}

static void a_gzipped_tile_is_recognised_by_its_first_bytes(void **state) {
    struct fixture f;
    struct buffer body = tile(1, "data");
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(1);
    uint8_t *sent = memory_new(body.size);
    size_t size = libdeflate_gzip_compress(compressor, body.bytes, body.size, sent, body.size);
    (void) state;
    start(&f, &nobody, 1);
    assert_int_equal(ask(&f, tile_request(256, 512), span_of(sent, size))->entry_count, 256);
    sent[size / 2] ^= 0x55;
    const struct reader_answer *answer = ask(&f, tile_request(256, 512), span_of(sent, size));
    assert_int_equal(answer->status, READER_REFUSED);
    assert_string_equal(answer->reason, "gzip.format");
    stop(&f);
    libdeflate_free_compressor(compressor);
    memory_free(sent);
    buffer_done(&body);
}

static void all_matches_are_told_with_more_when_the_area_is_full(void **state) {
    struct fixture f;
    struct buffer body = tile(0, "data");
    uint64_t told = 0, rounds = 0;
    (void) state;
    START(&f, {WATCH_SUBTREE, ""});
    f.reader.area_size = 100000;
    for (struct reader_request request = tile_request(0, 256);; request.report_from = f.reader.answer.more_from) {
        const struct reader_answer *answer = ask(&f, request, buffer_span(&body));
        assert_int_equal(answer->match_count, 256);
        assert_int_equal(answer->entry_count, 256);
        for (uint64_t i = 0; i < answer->report_count; i++) {
            struct entry_report report = report_at(&f, i);
            assert_int_equal(report.index, told + i);
            assert_int_equal(report.kind, ENTRY_PRECERTIFICATE);
            assert_int_equal(report.terminal_count, 1);
            assert_true(report.issuer_spki_sha256.is_known && report.cert_sha256.is_known && report.name_count > 0);
            assert_int_equal(report.chain_count, 2);
        }
        told += answer->report_count;
        rounds++;
        if (answer->status != READER_MORE)
            break;
    }
    assert_int_equal(told, 256);
    assert_true(rounds > 2);
    stop(&f);
    buffer_done(&body);
}

static void a_wrong_leaf_index_is_told_and_the_rest_goes_on(void **state) {
    struct fixture f;
    struct buffer body = tile(0, "data");
    (void) state;
    start(&f, &nobody, 1);
    struct reader_request request = tile_request(512, 768); /* the tile of another place */
    const struct reader_answer *answer = ask(&f, request, buffer_span(&body));
    assert_int_equal(answer->entry_count, 256);
    assert_int_equal(answer->unreadable_count, 256);
    assert_string_equal(report_at(&f, 0).reason, "leaf.index");
    request.flags = 0;
    assert_int_equal(ask(&f, request, buffer_span(&body))->unreadable_count, 0);
    stop(&f);
    buffer_done(&body);
}

static void a_tile_that_breaks_off_says_how_many_entries_were_good(void **state) {
    struct fixture f;
    struct buffer body = tile(0, "data");
    (void) state;
    start(&f, &nobody, 1);
    const struct reader_answer *answer = ask(&f, tile_request(0, 256), span_of(body.bytes, body.size / 2));
    assert_int_equal(answer->status, READER_REFUSED);
    assert_in_range(answer->entry_count, 100, 156);
    assert_string_equal(answer->reason, "leaf.truncated");
    assert_non_null(strstr(answer->reason_text, "entry 1"));
    stop(&f);
    buffer_done(&body);
}

static void what_was_good_before_a_break_is_told_to_the_last_match(void **state) {
    struct fixture f;
    struct buffer body = tile(0, "data");
    uint64_t told = 0;
    (void) state;
    START(&f, {WATCH_SUBTREE, ""});
    f.reader.area_size = 100000;
    for (struct reader_request request = tile_request(0, 256);; request.report_from = f.reader.answer.more_from) {
        const struct reader_answer *answer = ask(&f, request, span_of(body.bytes, body.size / 2));
        told += answer->report_count;
        if (answer->status != READER_MORE)
            break;
    }
    assert_int_equal(f.reader.answer.status, READER_REFUSED);
    assert_int_equal(told, f.reader.answer.entry_count);
    stop(&f);
    buffer_done(&body);
}

/* ------------------------------------------------------------------ small bodies */

static const struct reader_answer *ask_text(struct fixture *f, const char *body, uint64_t end) {
    return ask(f, (struct reader_request){.task = READER_GET_ENTRIES, .wanted_end = end}, span_of_text(body));
}

static void a_leaf_that_cannot_be_read_still_counts_in_the_tree(void **state) {
    struct fixture f;
    const char *body = "{\"entries\":[{\"leaf_input\":\"AQ==\",\"extra_data\":\"\"},{\"leaf_input\":\"AgM=\",\"extra_data\":\"\"}]}";
    struct hash wanted;
    (void) state;
    start(&f, &nobody, 1);
    const struct reader_answer *answer = ask_text(&f, body, 9);
    assert_int_equal(answer->status, READER_DONE);
    assert_int_equal(answer->entry_count, 2);
    assert_int_equal(answer->unreadable_count, 2);
    struct entry_report report = report_at(&f, 1);
    merkle_leaf_hash(span_of("\2\3", 2), &wanted);
    assert_true(report.is_unreadable);
    assert_true(hash_equal(&report.leaf_hash, &wanted));
    assert_true(span_equal(report.raw, span_of("\2\3", 2)));
    stop(&f);
}

static void a_leaf_that_is_not_base64_ends_the_body(void **state) {
    struct fixture f;
    const char *body = "{\"entries\":[{\"leaf_input\":\"AQ==\",\"extra_data\":\"\"},{\"leaf_input\":\"!\",\"extra_data\":\"\"}]}";
    (void) state;
    start(&f, &nobody, 1);
    const struct reader_answer *answer = ask_text(&f, body, 9);
    assert_int_equal(answer->status, READER_REFUSED);
    assert_int_equal(answer->entry_count, 1);
    assert_string_equal(answer->reason, "get-entries.leaf-input");
    stop(&f);
}

static void escaped_slashes_are_undone(void **state) {
    struct fixture f;
    struct hash wanted;
    (void) state;
    start(&f, &nobody, 1);
    const struct reader_answer *answer =
        ask_text(&f, "{\"entries\":[{\"leaf_input\":\"\\/\\/8=\",\"extra_data\":\"\"},{\"leaf_input\":\"AA==\",\"extra_data\":\"\"}]}", 9);
    assert_int_equal(answer->entry_count, 2);
    merkle_leaf_hash(span_of("\xff\xff", 2), &wanted);
    struct entry_report report = report_at(&f, 0);
    assert_true(hash_equal(&report.leaf_hash, &wanted));
    stop(&f);
}

static void a_bomb_is_refused_at_the_ceiling(void **state) {
    struct fixture f;
    const size_t size = (size_t) 80 * 1024 * 1024;
    uint8_t *zeros = memory_new(size), *sent = memory_new(1 << 20);
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(6);
    (void) state;
    assert_true(zeros != NULL && sent != NULL);
    size_t sent_size = libdeflate_gzip_compress(compressor, zeros, size, sent, 1 << 20);
    start(&f, &nobody, 1);
    const struct reader_answer *answer = ask(&f, tile_request(0, 256), span_of(sent, sent_size));
    assert_int_equal(answer->status, READER_REFUSED);
    assert_string_equal(answer->reason, "gzip.ceiling");
    memset(sent + sent_size - 4, 1, 4); /* ISIZE lies */
    assert_string_equal(ask(&f, tile_request(0, 256), span_of(sent, sent_size))->reason, "gzip.ceiling");
    stop(&f);
    libdeflate_free_compressor(compressor);
    memory_free(zeros);
    memory_free(sent);
}

static void bytes_behind_a_gzip_member_are_refused(void **state) {
    struct fixture f;
    uint8_t sent[200];
    struct libdeflate_compressor *compressor = libdeflate_alloc_compressor(6);
    (void) state;
    size_t size = libdeflate_gzip_compress(compressor, "{\"entries\":[]}", 14, sent, 90);
    start(&f, &nobody, 1);
    struct reader_request request = {.task = READER_GET_ENTRIES, .encoding = READER_GZIP, .wanted_end = 1};
    assert_int_equal(ask(&f, request, span_of(sent, size))->status, READER_DONE);
    sent[size] = 0;
    assert_string_equal(ask(&f, request, span_of(sent, size + 1))->reason, "gzip.trailing");
    memcpy(sent + size, sent, size);
    assert_string_equal(ask(&f, request, span_of(sent, 2 * size))->reason, "gzip.trailing");
    assert_string_equal(ask(&f, request, span_of("{}", 2))->reason, "gzip.format");
    stop(&f);
    libdeflate_free_compressor(compressor);
}

/* ------------------------------------------------------------------ real get-entries */

static void real_entries_are_proven_down_to_issuer_and_scts(void **state) {
    struct fixture f;
    struct buffer raw = corpus_read("a-ct/rfc6962/live_ct.json"), body = buffer_with_limit(1 << 24);
    json_t *list = json_loadb((const char *) raw.bytes, raw.size, 0, NULL);
    uint64_t certificates = 0, proven = 0, valid = 0, invalid = 0;
    (void) state;
    START(&f, {WATCH_SUBTREE, ""});
    buffer_add_text(&body, "{\"entries\":[");
    for (size_t i = 0; i < json_array_size(list); i++)
        buffer_printf(&body, "%s{\"leaf_input\":\"%s\",\"extra_data\":\"%s\"}", i == 0 ? "" : ",",
                      json_string_value(json_object_get(json_array_get(list, i), "leaf_input")),
                      json_string_value(json_object_get(json_array_get(list, i), "extra_data")));
    buffer_add_text(&body, "]}");
    const struct reader_answer *answer = ask_text(&f, buffer_text(&body), 40);
    assert_int_equal(answer->entry_count, 40);
    assert_int_equal(answer->report_count, 40);
    assert_int_equal(answer->unreadable_count, 0);
    for (uint64_t i = 0; i < 40; i++) {
        struct entry_report report = report_at(&f, i);
        proven += report.issuer_spki_sha256.is_known;
        assert_true(report.cert_sha256.is_known && report.tbs_sha256.is_known && report.spki_sha256.is_known);
        assert_true(report.issuer_certificate.size > 0 && report.chain_count > 0);
        certificates += report.kind == ENTRY_CERTIFICATE;
        for (size_t s = 0; s < report.sct_count; s++) {
            valid += report.scts[s].verdict == SCT_VALID;
            invalid += report.scts[s].verdict == SCT_INVALID;
        }
    }
    assert_int_equal(proven, 40);
    assert_true(certificates > 0);
    assert_true(valid >= certificates);
    assert_int_equal(invalid, 0);
    print_message("%d certificates of 40 entries, %d SCTs valid\n", (int) certificates, (int) valid);
    stop(&f);
    json_decref(list);
    buffer_done(&raw);
    buffer_done(&body);
}

/* Two good entries whose extra_data holds what stands for `spoilt`. */
static void ask_spoilt(struct fixture *f, const char *spoilt) {
    struct buffer raw = corpus_read("a-ct/rfc6962/live_ct.json"), body = buffer_with_limit(1 << 24);
    json_t *list = json_loadb((const char *) raw.bytes, raw.size, 0, NULL);
    buffer_add_text(&body, "{\"entries\":[");
    for (size_t i = 0; i < 2; i++)
        buffer_printf(&body, "%s{\"leaf_input\":\"%s\",\"extra_data\":\"%s\"}", i == 0 ? "" : ",",
                      json_string_value(json_object_get(json_array_get(list, i), "leaf_input")), spoilt);
    buffer_add_text(&body, "]}");
    const struct reader_answer *answer = ask_text(f, buffer_text(&body), 2);
    assert_int_equal(answer->status, READER_DONE);
    assert_int_equal(answer->entry_count, 2);
    assert_int_equal(answer->report_count, 2);
    json_decref(list);
    buffer_done(&raw);
    buffer_done(&body);
}

static void extra_data_that_cannot_be_read_loses_no_entry_and_is_told(void **state) {
    const char *const spoilt[] = {"!", "AA==", "\\q\\/", "\\/\x01"}; /* the last two are no JSON */
    struct fixture f;
    (void) state;
    START(&f, {WATCH_SUBTREE, ""});
    for (size_t i = 0; i < sizeof spoilt / sizeof spoilt[0]; i++) {
        ask_spoilt(&f, spoilt[i]);
        for (uint64_t k = 0; k < 2; k++) {
            struct entry_report report = report_at(&f, k);
            assert_true(report.oddity_count > 0 && report.name_count > 0 && !report.is_unreadable);
            assert_non_null(strstr(report.oddities[0], "extra_data"));
        }
    }
    stop(&f);
}

static void a_file_of_two_certificates_proves_one_by_the_other(void **state) {
    struct fixture f;
    struct buffer leaf = corpus_read("a-ct/rfc6962/google-ct-testdata/test-cert.pem");
    struct buffer issuer = corpus_read("a-ct/rfc6962/google-ct-testdata/ca-cert.pem");
    (void) state;
    start(&f, &nobody, 1);
    struct reader_request request = {.task = READER_CERTIFICATE, .wanted_end = 1};
    assert_int_equal(ask(&f, request, buffer_span(&leaf))->report_count, 1);
    assert_false(report_at(&f, 0).issuer_spki_sha256.is_known);
    buffer_add(&leaf, buffer_span(&issuer));
    assert_int_equal(ask(&f, request, buffer_span(&leaf))->report_count, 2);
    assert_true(report_at(&f, 0).issuer_spki_sha256.is_known);
    assert_true(report_at(&f, 1).is_ca);
    assert_string_equal(ask(&f, request, span_of_text("hello"))->reason, "certificate.pem");
    stop(&f);
    buffer_done(&leaf);
    buffer_done(&issuer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_real_tile_has_the_leaf_hashes_of_its_hash_tile),
        cmocka_unit_test(a_full_tile_is_answered_as_one_subtree_and_cuts_split_it),
        cmocka_unit_test(entries_outside_the_wanted_range_are_left_out),
        cmocka_unit_test(a_gzipped_tile_is_recognised_by_its_first_bytes),
        cmocka_unit_test(all_matches_are_told_with_more_when_the_area_is_full),
        cmocka_unit_test(a_wrong_leaf_index_is_told_and_the_rest_goes_on),
        cmocka_unit_test(a_tile_that_breaks_off_says_how_many_entries_were_good),
        cmocka_unit_test(what_was_good_before_a_break_is_told_to_the_last_match),
        cmocka_unit_test(a_leaf_that_cannot_be_read_still_counts_in_the_tree),
        cmocka_unit_test(a_leaf_that_is_not_base64_ends_the_body),
        cmocka_unit_test(escaped_slashes_are_undone),
        cmocka_unit_test(a_bomb_is_refused_at_the_ceiling),
        cmocka_unit_test(bytes_behind_a_gzip_member_are_refused),
        cmocka_unit_test(real_entries_are_proven_down_to_issuer_and_scts),
        cmocka_unit_test(extra_data_that_cannot_be_read_loses_no_entry_and_is_told),
        cmocka_unit_test(a_file_of_two_certificates_proves_one_by_the_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
