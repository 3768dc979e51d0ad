#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/digest.h"
#include "base/memory.h"
#include "formats/drill_file.h"

#define ARENA_LIMIT ((size_t) 100000)

static struct drill_file sample(void) {
    struct drill_file file = {.port = 8000, .socket = "/run/orders.sock", .log_count = 2, .authority_count = 1};
    file.logs[0] = (struct drill_file_log){"rfc6962", "one", "drill", LOG_RFC6962, "http://127.0.0.1:8000/rfc6962/", "", "",
                                           span_of_text("key 1"), {{0}}, 60};
    file.logs[1] = (struct drill_file_log){"static", "two", "drill", LOG_STATIC_CT, "http://127.0.0.1:8000/static/",
                                           "http://127.0.0.1:8000/static/", "127.0.0.1:8000/static", span_of_text("key 2"), {{0}}, 60};
    for (size_t i = 0; i < 2; i++)
        digest_of(file.logs[i].key, &file.logs[i].log_id);
    file.authorities[0] = (struct drill_file_authority){"expected", "pinwatch drill", "ca.invalid", {{1}}, {{2}}, span_of_text("der")};
    return file;
}

static struct buffer text_of(const struct drill_file *file) {
    struct buffer text = buffer_with_limit(DRILL_FILE_SIZE_MAX);
    assert_true(drill_file_write(file, &text));
    return text;
}

static void what_is_written_is_read_again(void **state) {
    (void) state;
    struct drill_file wanted = sample(), got;
    CLEANUP(buffer_done) struct buffer text = text_of(&wanted);
    CLEANUP(arena_free_at) struct arena *arena = arena_new(ARENA_LIMIT);
    assert_ptr_equal(drill_file_read(buffer_span(&text), arena, &got), OK);
    assert_int_equal(got.port, 8000);
    assert_string_equal(got.socket, wanted.socket);
    assert_int_equal(got.log_count, 2);
    assert_int_equal(got.logs[1].protocol, LOG_STATIC_CT);
    assert_string_equal(got.logs[1].monitoring_url, wanted.logs[1].monitoring_url);
    assert_true(span_equal(got.logs[0].key, wanted.logs[0].key));
    assert_memory_equal(got.logs[1].log_id.bytes, wanted.logs[1].log_id.bytes, HASH_SIZE);
    assert_string_equal(got.authorities[0].owner, "pinwatch drill");
    assert_memory_equal(got.authorities[0].spki_sha256.bytes, wanted.authorities[0].spki_sha256.bytes, HASH_SIZE);
}

static void a_log_id_that_is_not_of_the_key_is_refused(void **state) {
    (void) state;
    struct drill_file file = sample(), got;
    file.logs[1].log_id.bytes[0] ^= 1;
    CLEANUP(buffer_done) struct buffer text = text_of(&file);
    CLEANUP(arena_free_at) struct arena *arena = arena_new(ARENA_LIMIT);
    assert_ptr_equal(drill_file_read(buffer_span(&text), arena, &got), &fault_drill_file);
}

static void a_file_cut_anywhere_is_refused(void **state) {
    (void) state;
    struct drill_file file = sample(), got;
    CLEANUP(buffer_done) struct buffer text = text_of(&file);
    for (size_t size = 0; size + 2 < text.size; size++) {
        CLEANUP(arena_free_at) struct arena *arena = arena_new(ARENA_LIMIT);
        assert_ptr_equal(drill_file_read(span_of(text.bytes, size), arena, &got), &fault_drill_file);
    }
}

static void no_memory_is_no_success(void **state) {
    (void) state;
    struct drill_file file = sample(), got;
    CLEANUP(buffer_done) struct buffer text = text_of(&file);
    CLEANUP(arena_free_at) struct arena *arena = arena_new(100);
    assert_ptr_equal(drill_file_read(buffer_span(&text), arena, &got), &fault_drill_file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(a_log_id_that_is_not_of_the_key_is_refused),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(no_memory_is_no_success),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
