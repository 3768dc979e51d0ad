/* Arrays that grow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/memory.h"

static void an_array_keeps_what_it_holds_while_it_grows(void **state) {
    uint64_t *numbers = NULL;
    size_t room = 0;
    (void) state;
    for (size_t count = 0; count < 1000; count++) {
        uint64_t *grown = memory_grow(numbers, count, &room, sizeof *numbers);
        assert_non_null(grown);
        assert_true(count < room);
        numbers = grown;
        numbers[count] = count;
    }
    for (size_t i = 0; i < 1000; i++)
        assert_int_equal(numbers[i], i);
    memory_free(numbers);
}

static void an_array_with_room_stays_where_it_is(void **state) {
    size_t room = 0;
    (void) state;
    AUTO_FREE uint64_t *numbers = memory_grow(NULL, 0, &room, sizeof *numbers);
    size_t first = room;
    assert_ptr_equal(memory_grow(numbers, first - 1, &room, sizeof *numbers), numbers);
    assert_int_equal(room, first);
}

static void a_size_that_would_wrap_is_refused_and_counted(void **state) {
    uint64_t one = 1;
    size_t room = SIZE_MAX / sizeof one / 2 + 1;
    const size_t before = room;
    uint64_t mark = memory_mark();
    (void) state;
    assert_null(memory_grow(&one, room, &room, sizeof one));
    assert_int_equal(room, before);
    assert_int_equal(memory_mark(), mark + 1);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_array_keeps_what_it_holds_while_it_grows),
        cmocka_unit_test(an_array_with_room_stays_where_it_is),
        cmocka_unit_test(a_size_that_would_wrap_is_refused_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
