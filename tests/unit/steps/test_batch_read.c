/* Which entries are blamed for readers that are lost over them, and after how long. The pool of readers is played. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/clock.h"
#include "steps/follow_steps.h"
#include "steps/reader_process.h"

FAULT(fault_reader_died, FAULT_INPUT, "reader.died", "", "", "", "");
FAULT(fault_reader_starved, FAULT_RETRY, "reader.starved", "", "", "", "");
FAULT(fault_reader_killed, FAULT_INPUT, "reader.killed", "", "", "", "");
FAULT(fault_reader_stalled, FAULT_RETRY, "reader.stalled", "", "", "", "");
FAULT(fault_reader_late, FAULT_INPUT, "reader.late", "", "", "", "");
FAULT(fault_reader_lied, FAULT_INPUT, "reader.lied", "", "", "", "");
FAULT(fault_pool_hopeless, FAULT_RETRY, "reader.none", "", "", "", "");

static int64_t monotonic_ms;
static bool is_memory_free;
static reader_done done;
static void *done_context;
static struct follow_world world;
static struct followed_log followed;
static struct batch batch;

int64_t clock_wall_ms(void) {
    return INT64_C(1795262400000) + monotonic_ms;
}

int64_t clock_monotonic_ms(void) {
    return monotonic_ms;
}

bool reader_process_memory_is_free(void) {
    return is_memory_free;
}

result reader_pool_submit(struct reader_pool *unused_pool, const struct reader_request *unused_request, reader_done ended, void *context) {
    (void) unused_pool;
    (void) unused_request;
    done = ended;
    done_context = context;
    return OK;
}

void reader_pool_renew(struct reader_pool *unused_pool) {
    (void) unused_pool;
}

int reader_pool_take_slot(struct reader_pool *unused_pool) {
    (void) unused_pool;
    return 0;
}

void reader_pool_give_slot(struct reader_pool *unused_pool, int unused_slot) {
    (void) unused_pool;
    (void) unused_slot;
}

uint8_t *reader_pool_slot_bytes(struct reader_pool *unused_pool, int unused_slot) {
    (void) unused_pool;
    (void) unused_slot;
    return NULL;
}

size_t reader_pool_slot_size(const struct reader_pool *unused_pool) {
    (void) unused_pool;
    return 0;
}

static int set_up(void **state) {
    (void) state;
    monotonic_ms = 1000000;
    is_memory_free = true;
    followed = (struct followed_log){.world = &world, .identity.log = {.description = "Example log", .url = "https://log.example/"}};
    batch = (struct batch){.log = &followed, .begin = 7, .end = 8, .slot = 1, .reports = buffer_with_limit(1000)};
    return 0;
}

/* Fetched and given to a reader, which is lost over it. Returns when it may be tried again. */
static int64_t lose(result fault) {
    batch.slot = 1;
    followed.active_count = 1;
    batch_read(&batch, &(struct transfer_answer){.body_size = 10});
    done(done_context, &(struct reader_outcome){.fault = fault});
    assert_int_equal(followed.active_count, 0);
    return batch.not_before_ms > monotonic_ms ? batch.not_before_ms : monotonic_ms;
}

/* How long it takes until the entry is blamed. */
static int64_t time_to_blame(result fault, unsigned *ret_tries) {
    int64_t begun_ms = monotonic_ms;
    for (*ret_tries = 0; !batch.needs_hash_tile && *ret_tries < 100; (*ret_tries)++) {
        int64_t next_ms = lose(fault);
        if (!batch.needs_hash_tile)
            monotonic_ms = next_ms;
    }
    assert_ptr_equal(batch.hash_reason, fault);
    return monotonic_ms - begun_ms;
}

static void an_entry_that_starves_readers_on_a_machine_with_memory_is_blamed_within_minutes(void **state) {
    (void) state;
    unsigned tries;
    assert_in_range(time_to_blame(&fault_reader_starved, &tries), 30000, 130000);
    assert_int_equal(tries, 8);
}

static void while_the_machine_is_short_of_memory_no_entry_is_blamed_for_minutes(void **state) {
    (void) state;
    unsigned tries;
    is_memory_free = false;
    assert_in_range(time_to_blame(&fault_reader_starved, &tries), 7 * 60 * 1000, 16 * 60 * 1000);
    assert_int_equal(tries, 20);
}

static void want_of_memory_that_passes_blames_nobody(void **state) {
    (void) state;
    is_memory_free = false;
    for (unsigned i = 0; i < 12; i++)
        lose(&fault_reader_starved);
    is_memory_free = true;
    for (unsigned i = 0; i < 7; i++)
        lose(&fault_reader_starved);
    assert_false(batch.needs_hash_tile);
}

static void readers_that_somebody_else_kills_blame_an_entry_after_twenty_alone(void **state) {
    (void) state;
    unsigned tries;
    assert_int_equal(time_to_blame(&fault_reader_killed, &tries), 0); /* they are not spaced */
    assert_int_equal(tries, 20);
    set_up(state);
    time_to_blame(&fault_reader_stalled, &tries); /* or keeps from work */
    assert_int_equal(tries, 20);
}

static void a_reader_that_dies_of_an_entry_twice_blames_it(void **state) {
    (void) state;
    unsigned tries;
    assert_int_equal(time_to_blame(&fault_reader_died, &tries), 0);
    assert_int_equal(tries, 2);
}

static void a_scan_blames_an_entry_that_wants_more_than_any_reader_may_take_and_ends_where_there_is_no_memory(void **state) {
    (void) state;
    unsigned tries;
    followed.options.is_one_shot = true;
    time_to_blame(&fault_reader_starved, &tries);
    assert_int_equal(tries, 6);
    assert_false(followed.is_finished);
    set_up(state);
    followed.options.is_one_shot = true;
    is_memory_free = false;
    for (unsigned i = 0; i < 6; i++)
        lose(&fault_reader_starved);
    assert_true(followed.is_finished);
    assert_ptr_equal(followed.fault, &fault_no_memory);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(an_entry_that_starves_readers_on_a_machine_with_memory_is_blamed_within_minutes, set_up),
        cmocka_unit_test_setup(while_the_machine_is_short_of_memory_no_entry_is_blamed_for_minutes, set_up),
        cmocka_unit_test_setup(want_of_memory_that_passes_blames_nobody, set_up),
        cmocka_unit_test_setup(readers_that_somebody_else_kills_blame_an_entry_after_twenty_alone, set_up),
        cmocka_unit_test_setup(a_reader_that_dies_of_an_entry_twice_blames_it, set_up),
        cmocka_unit_test_setup(a_scan_blames_an_entry_that_wants_more_than_any_reader_may_take_and_ends_where_there_is_no_memory, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
