#include "vector_files.h"

#include "base/arena.h"
#include "base/buffer.h"
#include "base/memory.h"

static void test_appending_past_the_ceiling_changes_nothing_and_sticks(void **state) {
    (void) state;
    struct buffer buffer = buffer_with_limit(5);
    assert_string_equal(buffer_text(&buffer), "");
    assert_true(buffer_add_text(&buffer, "abcd"));
    assert_false(buffer_add_text(&buffer, "ef"));
    assert_string_equal(buffer_text(&buffer), "abcd");
    assert_true(buffer.failed);
    assert_ptr_not_equal(buffer_check(&buffer), OK);
    assert_false(buffer_add_text(&buffer, "e"));
    assert_null(buffer_take_text(&buffer));
    buffer_reset(&buffer);
    assert_true(buffer_add_text(&buffer, "vwxyz"));
    assert_ptr_equal(buffer_check(&buffer), OK);
    assert_int_equal(buffer.size, 5);
    assert_false(buffer_printf(&buffer, "%d", 1));
    buffer_done(&buffer);
}

static void test_numbers_and_vectors_are_big_endian(void **state) {
    (void) state;
    static const uint8_t wanted[] = {0x01, 0x02, 0x03, 0x00, 0x02, 'h', 'i'};
    struct buffer buffer = buffer_with_limit(100);
    assert_true(buffer_add_number(&buffer, 3, 0x010203));
    assert_true(buffer_add_vector(&buffer, 2, span_of_text("hi")));
    assert_true(span_equal(buffer_span(&buffer), span_of(wanted, sizeof wanted)));
    buffer_done(&buffer);
}

static void test_a_vector_longer_than_its_length_field_is_refused(void **state) {
    (void) state;
    uint8_t bytes[256] = {0};
    struct buffer buffer = buffer_with_limit(1000);
    assert_true(buffer_add_vector(&buffer, 1, span_of(bytes, 255)));
    assert_false(buffer_add_vector(&buffer, 1, span_of(bytes, 256)));
    assert_int_equal(buffer.size, 256);
    buffer_done(&buffer);
}

static void test_a_taken_text_belongs_to_the_caller(void **state) {
    (void) state;
    struct buffer buffer = buffer_with_limit(100);
    assert_true(buffer_printf(&buffer, "%s-%d", "x", 42));
    char *text = buffer_take_text(&buffer);
    assert_string_equal(text, "x-42");
    memory_free(text);
    buffer_done(&buffer);
}

static void test_an_arena_hands_out_zeroed_memory_up_to_its_limit(void **state) {
    (void) state;
    struct arena *arena = arena_new(10000);
    for (int round = 0; round < 3; round++) {
        uint8_t *one = arena_take(arena, 100), *other = arena_take(arena, 4000);
        assert_non_null(one);
        assert_non_null(other);
        for (size_t i = 0; i < 100; i++)
            assert_int_equal(one[i], 0);
        for (size_t i = 0; i < 4000; i++)
            assert_int_equal(other[i], 0);
        assert_int_equal((uintptr_t) other % 8, 0);
        memset(one, 0xff, 100);
        memset(other, 0xff, 4000);
        assert_null(arena_take(arena, 10000));
        assert_null(arena_take(arena, SIZE_MAX));
        assert_null(arena_take_array(arena, SIZE_MAX / 2, 4));
        arena_reset(arena);
    }
    arena_free(arena);
    arena_free(NULL);
}

static void test_an_arena_copies_texts(void **state) {
    (void) state;
    struct arena *arena = arena_new(1000);
    assert_string_equal(arena_copy_text(arena, "abc"), "abc");
    assert_string_equal(arena_copy_span_as_text(arena, span_of("abcdef", 3)), "abc");
    assert_string_equal(arena_printf(arena, "%d.%s", 1, "x"), "1.x");
    assert_memory_equal(arena_copy(arena, span_of("\0\1", 2)), "\0\1", 2);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_appending_past_the_ceiling_changes_nothing_and_sticks),
        cmocka_unit_test(test_numbers_and_vectors_are_big_endian),
        cmocka_unit_test(test_a_vector_longer_than_its_length_field_is_refused),
        cmocka_unit_test(test_a_taken_text_belongs_to_the_caller),
        cmocka_unit_test(test_an_arena_hands_out_zeroed_memory_up_to_its_limit),
        cmocka_unit_test(test_an_arena_copies_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
