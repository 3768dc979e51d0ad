#include "vector_files.h"

#include "base/cursor.h"

/* STYLE 15: over all inputs of 0 to 3 bytes, in blocks of exactly their size. */

static struct cursor block_of(uint32_t value, size_t size, uint8_t **ret_block) {
    uint8_t *block = malloc(size == 0 ? 1 : size); /* malloc: a zeroed or padded block would hide a read past the end */
    assert_non_null(block);
    for (size_t i = 0; i < size; i++)
        block[i] = (uint8_t) (value >> (8 * (size - 1 - i)));
    *ret_block = block;
    return cursor_of(span_of(block, size));
}

static void check_failed(struct cursor *cursor, size_t position) {
    struct span span = span_of("x", 1);
    uint8_t byte = 7;
    assert_true(cursor->failed);
    assert_int_equal(cursor->position, position);
    assert_false(cursor_take(cursor, 0, &span));
    assert_int_equal(span.size, 1);
    assert_false(cursor_peek(cursor, &byte));
    assert_false(cursor_u8(cursor, &byte));
    assert_int_equal(byte, 7);
    assert_false(cursor_at_end(cursor));
}

static void check_number(uint32_t value, size_t size, size_t width) {
    uint8_t *block;
    struct cursor cursor = block_of(value, size, &block);
    uint64_t number = 99;
    if (cursor_number(&cursor, width, &number)) {
        assert_true(width <= size);
        assert_int_equal(number, value >> (8 * (size - width)));
        assert_int_equal(cursor.position, width);
        assert_int_equal(cursor_remaining(&cursor), size - width);
    } else {
        assert_true(width > size);
        assert_int_equal(number, 99);
        check_failed(&cursor, 0);
    }
    free(block);
}

static void check_vector(uint32_t value, size_t size, size_t width) {
    uint8_t *block;
    struct cursor cursor = block_of(value, size, &block);
    struct span body = {0};
    size_t wanted = width <= size ? value >> (8 * (size - width)) : 0;
    bool should_fit = width <= size && wanted <= size - width;
    assert_int_equal(cursor_vector(&cursor, width, &body), should_fit);
    if (should_fit) {
        assert_int_equal(body.size, wanted);
        assert_ptr_equal(body.bytes, block + width);
        assert_int_equal(cursor.position, width + wanted);
    } else {
        assert_null(body.bytes);
        check_failed(&cursor, 0);
    }
    free(block);
}

static void test_every_input_of_up_to_three_bytes(void **state) {
    (void) state;
    for (size_t size = 0; size <= 3; size++)
        for (uint32_t value = 0; value < 1u << (8 * size); value += size == 3 ? 3 : 1)
            for (size_t width = 1; width <= 3; width++)
                check_vector(value, size, width);
}

static void test_every_width_of_a_number(void **state) {
    (void) state;
    for (size_t size = 0; size <= 3; size++)
        for (uint32_t value = 0; value < 1u << (8 * size); value += size == 3 ? 251 : 1)
            for (size_t width = 1; width <= 8; width++)
                check_number(value, size, width);
}

static void test_a_count_that_would_wrap_is_refused(void **state) {
    (void) state;
    struct cursor cursor = cursor_of(span_of("abc", 3));
    struct span span = {0};
    assert_true(cursor_skip(&cursor, 2));
    assert_false(cursor_take(&cursor, SIZE_MAX, &span));
    check_failed(&cursor, 2);
}

static void test_nothing_can_be_read_from_nothing(void **state) {
    (void) state;
    struct cursor cursor = cursor_of(span_of(NULL, 0));
    struct span span;
    char none[1] = {'x'};
    assert_true(cursor_at_end(&cursor));
    assert_true(cursor_take(&cursor, 0, &span));
    assert_true(cursor_copy(&cursor, 0, none));
    assert_int_equal(none[0], 'x');
    assert_false(cursor_skip(&cursor, 1));
    check_failed(&cursor, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_input_of_up_to_three_bytes),
        cmocka_unit_test(test_every_width_of_a_number),
        cmocka_unit_test(test_a_count_that_would_wrap_is_refused),
        cmocka_unit_test(test_nothing_can_be_read_from_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
