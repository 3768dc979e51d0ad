/* Which names are polled, and when all of them are read anew. The store is played. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "steps/caa_poller.h"

#define WALL_MS INT64_C(1795262400000)
#define DAY_MS ((int64_t) 24 * 3600 * 1000)
#define CERTIFICATES 12 /* one a page, more than one call reads */

static struct monitor *monitor;
static struct caa_poller poller;
static struct store_generation generation;
static struct store_watch watch;
static int64_t now_ms;
static unsigned readings; /* begun */
static int64_t gone;      /* this certificate has expired */
static bool is_fresh_failing;

int64_t clock_wall_ms(void) {
    return WALL_MS + now_ms;
}

int64_t clock_monotonic_ms(void) {
    return now_ms;
}

const struct store_generation *watch_set_generation(const struct watch_set *unused_set) {
    (void) unused_set;
    return &generation;
}

size_t watch_set_count(const struct watch_set *unused_set) {
    (void) unused_set;
    return 1;
}

const struct store_watch *watch_set_row(const struct watch_set *unused_set, size_t unused_at) {
    (void) unused_set;
    (void) unused_at;
    return &watch;
}

result store_caa_names_forget(struct store *unused_store, const struct store_caa_lease *unused_lease) {
    (void) unused_store;
    (void) unused_lease;
    readings++;
    return OK;
}

result store_caa_names_page(struct store *unused_store, int64_t after_id, int64_t unused_now_ms, struct arena *arena, struct store_caa_name **ret_names,
                            size_t *ret_count) {
    (void) unused_store;
    (void) unused_now_ms;
    struct store_caa_name *name = arena_take(arena, sizeof *name);
    *ret_names = name;
    *ret_count = after_id < CERTIFICATES;
    int64_t id = after_id + 1;
    *name = (struct store_caa_name){.certificate_id = id, .name = id == gone ? "" : arena_printf(arena, "n%d.example.com", (int) id), .not_after_ms = WALL_MS + 1000 * DAY_MS};
    return OK;
}

result store_caa_names_fresh(struct store *unused_store, const struct store_caa_lease *unused_lease, int64_t unused_now_ms, struct arena *unused_arena,
                             struct store_caa_name **unused_names, size_t *ret_count) {
    (void) unused_store;
    (void) unused_lease;
    (void) unused_now_ms;
    (void) unused_arena;
    (void) unused_names;
    *ret_count = 0;
    return is_fresh_failing ? &fault_limit_reached : OK;
}

result store_caa_states_load(struct store *unused_store, const char *const *unused_names, size_t unused_count, struct arena *unused_arena,
                             struct store_caa_state **unused_states, size_t *ret_count) {
    (void) unused_store;
    (void) unused_names;
    (void) unused_count;
    (void) unused_arena;
    (void) unused_states;
    *ret_count = 0;
    return OK;
}

result store_caa_accepted_load(struct store *unused_store, const char *const *unused_names, size_t unused_count, struct arena *unused_arena,
                               struct store_caa_accepted **unused_rows, size_t *ret_count) {
    (void) unused_store;
    (void) unused_names;
    (void) unused_count;
    (void) unused_arena;
    (void) unused_rows;
    *ret_count = 0;
    return OK;
}

result store_caa_conditions_load(struct store *unused_store, struct arena *unused_arena, struct store_caa_condition **unused_rows, size_t *ret_count) {
    (void) unused_store;
    (void) unused_arena;
    (void) unused_rows;
    *ret_count = 0;
    return OK;
}

void caa_batch_end(struct caa_batch *unused_batch, const char *unused_rule, const char *unused_subject) {
    (void) unused_batch;
    (void) unused_rule;
    (void) unused_subject;
}

void caa_batch_end_noted(struct caa_batch *unused_batch, const struct store_caa_condition *unused_told, const char *unused_note) {
    (void) unused_batch;
    (void) unused_told;
    (void) unused_note;
}

result caa_know_unrest(struct caa_poller *unused_poller, struct caa_owner *unused_owner) {
    (void) unused_poller;
    (void) unused_owner;
    return OK;
}

void caa_leave_split(struct caa_poller *unused_poller, struct caa_owner *unused_owner) {
    (void) unused_poller;
    (void) unused_owner;
}

result caa_take_split(struct caa_poller *unused_poller, const char *unused_subject, bool *ret_holds) {
    (void) unused_poller;
    (void) unused_subject;
    *ret_holds = false;
    return OK;
}

void caa_make_dirty(struct caa_poller *unused_poller, struct caa_owner *unused_owner) {
    (void) unused_poller;
    (void) unused_owner;
}

static int set_up(void **state) {
    (void) state;
    now_ms = 100 * DAY_MS;
    readings = 0;
    gone = 0;
    is_fresh_failing = false;
    generation = (struct store_generation){.watches = 1};
    watch = (struct store_watch){.tenant_id = 1, .kind = WATCH_SUBTREE, .value = "example.com"};
    monitor = calloc(1, sizeof *monitor);
    poller = (struct caa_poller){.monitor = monitor, .resolver_count = 1, .bounds = {.least_s = 300, .most_s = 3600}};
    return monitor == NULL || caa_owners_new(1, 42, &poller.owners) != OK ? -1 : 0;
}

static int tear_down(void **state) {
    (void) state;
    caa_owners_free(poller.owners);
    arena_free(poller.watch_arena);
    memory_free(poller.fresh);
    free(monitor);
    return 0;
}

static void work(void) {
    assert_ptr_equal(caa_load_some(&poller, now_ms), OK);
    now_ms += 200;
}

/* Until a reading that is under way has ended. */
static void finish(void) {
    for (unsigned i = 0; i < 10; i++)
        work();
    assert_false(poller.is_scanning);
}

static bool is_named(const char *name) {
    const struct caa_owner *owner = caa_owners_find(poller.owners, name);
    return owner != NULL && owner->named_until_ms > 0;
}

static void all_names_are_read_once_and_then_once_a_day(void **state) {
    (void) state;
    finish();
    assert_true(poller.is_ready);
    assert_int_equal(readings, 1);
    assert_true(is_named("n12.example.com"));
    now_ms += DAY_MS - 60000;
    finish();
    assert_int_equal(readings, 1);
    gone = 12;
    now_ms += 60000;
    finish();
    assert_int_equal(readings, 2);
    assert_false(is_named("n12.example.com"));
}

static void a_change_of_watches_while_all_names_are_read_has_them_read_once_more(void **state) {
    (void) state;
    finish();
    now_ms += DAY_MS;
    work();
    assert_true(poller.is_scanning); /* some pages are read by the watches of before */
    gone = 1;                        /* a watch that goes takes its certificates' names with it */
    generation.watches++;
    finish();
    assert_int_equal(readings, 3);
    assert_false(is_named("n1.example.com"));
    finish();
    assert_int_equal(readings, 3);
}

static void matches_that_were_lost_while_all_names_are_read_have_them_read_once_more(void **state) {
    (void) state;
    finish();
    now_ms += DAY_MS;
    is_fresh_failing = true;
    assert_ptr_equal(caa_load_some(&poller, now_ms), &fault_limit_reached); /* it may have taken them from the list all the same */
    assert_true(poller.is_scanning);
    is_fresh_failing = false;
    finish();
    assert_int_equal(readings, 3);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_names_are_read_once_and_then_once_a_day, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_change_of_watches_while_all_names_are_read_has_them_read_once_more, set_up, tear_down),
        cmocka_unit_test_setup_teardown(matches_that_were_lost_while_all_names_are_read_have_them_read_once_more, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
