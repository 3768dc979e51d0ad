/* What the delivery loop says while it cannot work, and what it waits on when its connection is another one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "channels/dispatcher.h"
#include "channels/settlement.h"
#include "store/schema.h"

static int64_t monotonic_ms;
static result claim_answer;
static int ends[2]; /* the connection: what is written to the second is a notification */
static int descriptor;
static uint64_t connection_number;
static unsigned listened, taken, claims;
static bool breaks_at_claim; /* and is opened again by the next call, with the same descriptor */
static char said[10][32];
static size_t said_count;
static struct event_base *loop;
static struct channel_tools tools;
static struct dispatcher *dispatcher;

int64_t clock_wall_ms(void) {
    return INT64_C(1795262400000) + monotonic_ms;
}

int64_t clock_monotonic_ms(void) {
    return monotonic_ms;
}

void log_init(const char *unused_program, enum log_level unused_least, bool unused_as_json) {
    (void) unused_program;
    (void) unused_least;
    (void) unused_as_json;
}

void log_say_fields(enum log_level level, const char *event, const struct log_field *fields, size_t count) {
    (void) level;
    (void) fields;
    (void) count;
    assert_true(said_count < 10);
    snprintf(said[said_count++], sizeof said[0], "%s", event);
}

/* ---- a store that is played */

static struct store *const store = (struct store *) &descriptor; /* never looked into */

static void connect_anew(void) {
    int anew[2], old = ends[0];
    close(ends[1]);
    close(ends[0]);
    assert_int_equal(pipe(anew), 0); /* the lowest free numbers: the same */
    assert_int_equal(anew[0], old);
    ends[0] = descriptor = anew[0];
    ends[1] = anew[1];
    connection_number++;
}

const struct reason *store_why(const struct store *unused_store) {
    static const struct reason why = {"database: a sentence of the last call"};
    (void) unused_store;
    return &why;
}

int store_descriptor(const struct store *unused_store) {
    (void) unused_store;
    return descriptor;
}

uint64_t store_connection_number(const struct store *unused_store) {
    (void) unused_store;
    return connection_number;
}

result store_listen(struct store *unused_store, const char *topic) {
    (void) unused_store;
    assert_string_equal(topic, "pinwatch_outbox");
    listened++;
    return OK;
}

result store_take_notifications(struct store *unused_store, unsigned *ret_count) {
    char byte;
    (void) unused_store;
    assert_int_equal(read(descriptor, &byte, 1), 1);
    taken++;
    *ret_count = 0; /* no reason to look: only what is due is looked for */
    return OK;
}

result schema_check(struct store *unused_store) {
    (void) unused_store;
    return OK;
}

result store_outbox_take_over(struct store *unused_store, const char *unused_predecessor) {
    (void) unused_store;
    (void) unused_predecessor;
    return OK;
}

result store_outbox_clock_set_back(struct store *unused_store, const char *unused_mine, int64_t unused_now_ms) {
    (void) unused_store;
    (void) unused_mine;
    (void) unused_now_ms;
    return OK;
}

result store_outbox_claim(struct store *unused_store, const struct store_claim *unused_claim, struct arena *unused_arena,
                          struct store_delivery **unused_deliveries, size_t *ret_count) {
    (void) unused_store;
    (void) unused_claim;
    (void) unused_arena;
    (void) unused_deliveries;
    *ret_count = 0;
    claims++;
    if (breaks_at_claim)
        connect_anew();
    breaks_at_claim = false;
    return claim_answer;
}

result settlement_write(struct store *unused_store, const struct sending *unused_sending, struct lane_health *unused_health, int64_t unused_now_ms,
                        uint32_t unused_random) {
    (void) unused_store;
    (void) unused_sending;
    (void) unused_health;
    (void) unused_now_ms;
    (void) unused_random;
    return OK;
}

void settlement_give_back(struct store *unused_store, const struct store_delivery *unused_delivery, int64_t unused_next_ms, const char *unused_why) {
    (void) unused_store;
    (void) unused_delivery;
    (void) unused_next_ms;
    (void) unused_why;
}

FAULT(fault_schema_newer, FAULT_SETTINGS, "test.newer", "", "", "", "");
FAULT(fault_schema_older, FAULT_SETTINGS, "test.older", "", "", "", "");

/* ---- fixture */

static int set_up(void **state) {
    (void) state;
    monotonic_ms = 1000000;
    claim_answer = OK;
    listened = taken = claims = 0;
    connection_number = 1;
    breaks_at_claim = false;
    said_count = 0;
    loop = event_base_new();
    tools = (struct channel_tools){.loop = loop};
    if (pipe(ends) != 0)
        return -1;
    descriptor = ends[0];
    return dispatcher_new(&tools, store, "here;", &dispatcher) == OK ? 0 : -1;
}

static int tear_down(void **state) {
    (void) state;
    dispatcher_free(dispatcher);
    event_base_free(loop);
    close(ends[0]);
    close(ends[1]);
    return 0;
}

/* Until the outbox was looked at once more. */
static void look(void) {
    unsigned wanted = claims + 1;
    while (claims < wanted)
        assert_int_equal(event_base_loop(loop, EVLOOP_ONCE), 0);
}

/* ---- tests */

static void want_of_memory_is_not_called_a_database_that_is_away(void **state) {
    (void) state;
    claim_answer = &fault_no_memory;
    look();
    assert_int_equal(said_count, 1);
    assert_string_equal(said[0], "alerts.no-room");
    claim_answer = OK;
    look();
    assert_int_equal(said_count, 2);
    assert_string_equal(said[1], "alerts.room-again");
}

static void a_database_that_does_not_answer_is_said_once_and_that_it_is_back(void **state) {
    (void) state;
    claim_answer = &fault_store_unreachable;
    look();
    look();
    assert_int_equal(said_count, 1);
    assert_string_equal(said[0], "database.away");
    claim_answer = OK;
    look();
    assert_int_equal(said_count, 2);
    assert_string_equal(said[1], "database.back");
}

static void a_new_connection_with_the_old_ones_descriptor_is_listened_to(void **state) {
    (void) state;
    look();
    assert_int_equal(listened, 1);
    breaks_at_claim = true;
    look();
    look(); /* from here on it waits on the new one */
    assert_int_equal(listened, 2);
    assert_int_equal(write(ends[1], "n", 1), 1);
    assert_int_equal(event_base_loop(loop, EVLOOP_ONCE), 0);
    assert_int_equal(taken, 1);
    look();
    assert_int_equal(listened, 2); /* once for each connection */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(want_of_memory_is_not_called_a_database_that_is_away, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_database_that_does_not_answer_is_said_once_and_that_it_is_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_new_connection_with_the_old_ones_descriptor_is_listened_to, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
