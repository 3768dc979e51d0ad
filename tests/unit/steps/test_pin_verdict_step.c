/* Which certificates are judged by pins, by what, and what waits. The store is played: one release, which pins one key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/reason.h"
#include "formats/pin_file.h"
#include "settings/settings.h"
#include "steps/monitor.h"
#include "steps/pin_world.h"
#include "store/pin_verdicts.h"

#define WALL_MS INT64_C(1795262400000)
#define HOUR_MS ((int64_t) 3600 * 1000)
#define ROOT "sha256/BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define OTHER "sha256/AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define SET(pin) "pin_sets:\n  - {host: example.com, rules: android, pins: [" pin "]}\n"

static struct monitor *monitor;
static struct settings settings;
static int64_t monotonic_ms;
static struct store_pin_generations generations;
static const char *content;      /* of the one document; NULL: nobody has releases */
static bool is_refused_document, is_short_of_memory, has_failed, cannot_tell;
static unsigned opened, ended;
static char told_of[300];
static struct store_pin_case one;
static unsigned due, loads, renewals, settlings, saved;
static int64_t put_off_ms, turned_ms;
static size_t saved_tenants;
static char said[300];

int64_t clock_wall_ms(void) {
    return WALL_MS;
}

int64_t clock_monotonic_ms(void) {
    return monotonic_ms;
}

result store_pins_load(struct store *unused_store, struct arena *arena, struct store_pins *ret_pins) {
    static const char *const names[] = {"app", NULL};
    (void) unused_store;
    loads++;
    *ret_pins = (struct store_pins){.generation = generations.pins, .documents = arena_take_array(arena, 1, sizeof *ret_pins->documents),
                                    .releases = arena_take_array(arena, 1, sizeof *ret_pins->releases)};
    ret_pins->documents[0] = (struct store_pin_document){.tenant_id = 1, .name = "app", .content = content};
    ret_pins->releases[0] = (struct store_release){.tenant_id = 1, .facts = {.app = "Bank", .platform = "android", .version = "1", .pins = names, .has_released_on = true,
                                                                             .released_on = WALL_MS / 1000 - 86400}};
    ret_pins->document_count = ret_pins->release_count = content != NULL;
    return OK;
}

const struct store_pin_document *store_pins_find(const struct store_pins *pins, int32_t tenant_id, const char *name, size_t *ret_count) {
    assert_int_equal(tenant_id, 1);
    assert_string_equal(name, "app");
    *ret_count = 1;
    return pins->documents;
}

result store_pin_document_read(const struct store_pin_document *stored, struct arena *arena, struct pin_document *ret_document, struct reason *reason) {
    *ret_document = (struct pin_document){.source = stored->name, .format = PIN_FORMAT_YAML};
    if (is_short_of_memory)
        return &fault_no_memory;
    if (is_refused_document)
        return reason_set(reason, &fault_pin_file, "of a later version");
    return pin_yaml_read(span_of_text(stored->content), arena, ret_document, reason);
}

result store_pin_generations_load(struct store *unused_store, struct store_pin_generations *ret_generations) {
    (void) unused_store;
    *ret_generations = generations;
    return OK;
}

result store_pin_cases_renew(struct store *unused_store, const struct store_pin_renewal *renewal, bool *ret_has_more) {
    (void) unused_store;
    assert_int_equal(renewal->generations.pins, generations.pins);
    turned_ms = renewal->turned_ms;
    renewals++;
    *ret_has_more = false;
    return OK;
}

result store_pin_cases_settle(struct store *unused_store, uint64_t pins, int64_t unused_now_ms, unsigned unused_limit) {
    (void) unused_store;
    (void) unused_now_ms;
    (void) unused_limit;
    assert_int_equal(pins, generations.pins);
    settlings++;
    return OK;
}

result store_pin_cases_take(struct store *unused_store, const struct store_pin_taking *taking, struct arena *arena, struct store_pin_case **ret_cases,
                            size_t *ret_count) {
    (void) unused_store;
    assert_true(taking->until_ms > taking->now_ms);
    monotonic_ms += 60;
    *ret_count = due < taking->limit ? due : taking->limit;
    *ret_cases = arena_take_array(arena, *ret_count + 1, sizeof **ret_cases);
    for (size_t i = 0; i < *ret_count; i++, due--)
        (*ret_cases)[i] = one;
    return OK;
}

result store_pin_case_put_off(struct store *unused_store, int64_t unused_id, int64_t until_ms) {
    (void) unused_store;
    (void) unused_id;
    put_off_ms = until_ms;
    return OK;
}

result store_pin_verdicts_save(struct store *unused_store, const struct store_pin_verdicts *verdicts, bool *ret_is_saved) {
    (void) unused_store;
    saved++;
    saved_tenants = verdicts->count;
    *ret_is_saved = true;
    said[0] = '\0';
    if (has_failed)
        return &fault_no_memory;
    for (size_t i = 0; i < verdicts->count; i++)
        for (size_t k = 0; k < verdicts->tenants[i].verdicts->count; k++) {
            const struct pin_verdict_row *row = &verdicts->tenants[i].verdicts->rows[k];
            snprintf(said + strlen(said), sizeof said - strlen(said), "%d %s %s%s", verdicts->tenants[i].tenant_id, pin_verdict_word(row->judgement.verdict),
                     pin_verdict_role(&row->judgement), verdicts->tenants[i].finding == NULL ? "" : strstr(verdicts->tenants[i].finding, "\"severity\":\"warning\"") != NULL ? " warning" : " notice");
        }
    return OK;
}

result monitor_tell(struct monitor *unused_monitor, const struct hash *log_id, const struct log_event *event) {
    (void) unused_monitor;
    assert_null(log_id);
    assert_string_equal(event->rule, "pins.unreadable");
    if (cannot_tell)
        return &fault_limit_reached;
    *(event->is_over ? &ended : &opened) += 1;
    snprintf(told_of, sizeof told_of, "%s", event->evidence);
    return OK;
}

int store_descriptor(const struct store *unused_store) {
    (void) unused_store;
    return 3;
}

const struct reason *store_why(const struct store *unused_store) {
    static const struct reason why = {"played"};
    (void) unused_store;
    return &why;
}

static int set_up(void **state) {
    static const char *const names[] = {"example.com"};
    static const int64_t tenants[] = {1, 2};
    (void) state;
    monotonic_ms = put_off_ms = 0;
    loads = renewals = settlings = saved = 0;
    is_refused_document = is_short_of_memory = has_failed = cannot_tell = false;
    opened = ended = 0;
    due = 1;
    content = SET(ROOT);
    generations = (struct store_pin_generations){.pins = 5, .ca_keys = 7};
    one = (struct store_pin_case){.certificate_id = 9, .queued_ms = WALL_MS - 1000, .is_news = true, .issuer_spki_sha256 = {true, {{3}}}, .spki_sha256 = {true, {{1}}},
                                  .tenants = tenants, .tenant_count = 2, .names = names, .name_count = 1};
    settings = (struct settings){.follows_caa = false};
    monitor = calloc(1, sizeof *monitor);
    if (monitor == NULL)
        return -1;
    monitor->settings = &settings;
    monitor->ca_generation = 7;
    monitor->ca_arena = arena_new(1000);
    return monitor->ca_arena == NULL;
}

static int tear_down(void **state) {
    (void) state;
    pin_world_free(monitor->pins);
    arena_free(monitor->ca_arena);
    arena_free(monitor->drill_arena);
    free(monitor);
    return 0;
}

static void judge(void) {
    assert_ptr_equal(step_judge_pins(monitor, monotonic_ms), OK);
}

static void a_certificate_is_judged_for_every_tenant_that_it_matched(void **state) {
    (void) state;
    content = SET("{pin: " OTHER ", position: leaf}");
    judge();
    assert_int_equal(saved, 1);
    assert_int_equal(saved_tenants, 2); /* the second one has no releases: what stood ends */
    assert_string_equal(said, "1 refuses  warning");
    assert_int_equal(turned_ms, WALL_MS - 24 * HOUR_MS);
    one.is_news = false;
    due = 1;
    judge();
    assert_string_equal(said, "1 refuses  notice");
    assert_int_equal(loads, 1);
}

static void other_pins_are_loaded_at_once(void **state) {
    (void) state;
    content = SET("{pin: " OTHER ", position: leaf}");
    judge();
    content = SET("sha256/AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
    generations.pins++;
    due = 1;
    judge();
    assert_string_equal(said, "1 accepts leaf");
    assert_int_equal(loads, 2);
}

static void nothing_is_judged_by_ca_keys_that_are_not_those_of_the_database(void **state) {
    (void) state;
    generations.ca_keys++;
    judge();
    assert_int_equal(saved + renewals, 0);
    monitor->ca_generation++;
    judge();
    assert_int_equal(saved, 1);
}

static void pins_that_cannot_be_read_refuse_all(void **state) {
    (void) state;
    is_refused_document = true;
    assert_ptr_equal(step_judge_pins(monitor, 0), &fault_pin_file);
    assert_int_equal(saved + renewals, 0);
}

static void pins_that_cannot_be_read_are_told_once_until_they_can(void **state) {
    (void) state;
    judge();
    assert_int_equal(ended, 1); /* open from before the start, perhaps */
    is_refused_document = true;
    generations.pins++;
    for (unsigned i = 0; i < 3; i++)
        assert_ptr_equal(step_judge_pins(monitor, 0), &fault_pin_file);
    assert_int_equal(opened, 1);
    assert_non_null(strstr(told_of, "\"reasons\":[\"of a later version\"]"));
    assert_int_equal(ended, 1);
    is_refused_document = false;
    due = 1;
    judge();
    judge();
    assert_int_equal(ended, 2);
    assert_string_equal(told_of, "{}");
    assert_int_equal(opened, 1);
    assert_int_equal(saved, 2); /* what waited is judged */
}

static void what_could_not_be_told_is_told_again(void **state) {
    (void) state;
    cannot_tell = is_refused_document = true;
    assert_ptr_equal(step_judge_pins(monitor, 0), &fault_limit_reached);
    cannot_tell = false;
    assert_ptr_equal(step_judge_pins(monitor, 0), &fault_pin_file);
    assert_int_equal(opened, 1);
    cannot_tell = true;
    is_refused_document = false;
    assert_ptr_equal(step_judge_pins(monitor, 0), &fault_limit_reached);
    cannot_tell = false;
    judge();
    assert_int_equal(ended, 1);
    assert_int_equal(loads, 3); /* the pins themselves stay */
}

static void want_of_memory_is_no_unreadable_pin(void **state) {
    (void) state;
    is_short_of_memory = true;
    assert_ptr_equal(step_judge_pins(monitor, 0), &fault_no_memory);
    assert_int_equal(opened + ended, 0);
}

static void the_issuer_is_waited_for_a_minute(void **state) {
    (void) state;
    one.is_pending = true;
    one.issuer_spki_sha256.is_known = false;
    judge();
    assert_int_equal(saved, 0);
    assert_int_equal(put_off_ms, one.queued_ms + 60000);
    one.queued_ms = WALL_MS - 60000;
    due = 1;
    judge();
    assert_string_equal(said, "1 cannot-tell ");
    one.queued_ms = WALL_MS + HOUR_MS; /* by a clock that was wrong */
    due = 1;
    judge();
    assert_int_equal(saved, 2);
}

static void who_has_expired_is_settled_and_not_judged(void **state) {
    (void) state;
    one.is_over = one.is_pending = true;
    judge();
    assert_int_equal(saved, 1);
    assert_int_equal(saved_tenants, 0);
}

static void the_drill_leads_to_its_root(void **state) {
    (void) state;
    judge();
    assert_string_equal(said, "1 cannot-tell ");
    monitor->drill_arena = arena_new(1000);
    monitor->drill.authorities[0] = (struct drill_file_authority){.spki_sha256 = {{3}}, .root_spki_sha256 = {{4}}};
    monitor->drill.authority_count = 1;
    due = 1;
    judge();
    assert_string_equal(said, "1 accepts ca");
}

static void one_that_fails_keeps_nobody_waiting(void **state) {
    (void) state;
    has_failed = true;
    due = 3;
    judge();
    assert_int_equal(saved, 3);
    assert_int_equal(put_off_ms, WALL_MS + 15 * 60 * 1000);
}

static void a_step_ends_after_a_tenth_of_a_second(void **state) {
    (void) state;
    due = 1000;
    judge();
    assert_int_equal(saved, 32); /* two turns of 60 ms */
}

static void while_nobody_has_releases_cases_are_settled_together(void **state) {
    (void) state;
    judge();
    assert_int_equal(settlings, 0);
    content = NULL;
    generations.pins++;
    judge();
    assert_int_equal(settlings, 1);
}

#define A(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        A(a_certificate_is_judged_for_every_tenant_that_it_matched),
        A(other_pins_are_loaded_at_once),
        A(nothing_is_judged_by_ca_keys_that_are_not_those_of_the_database),
        A(pins_that_cannot_be_read_refuse_all),
        A(pins_that_cannot_be_read_are_told_once_until_they_can),
        A(what_could_not_be_told_is_told_again),
        A(want_of_memory_is_no_unreadable_pin),
        A(the_issuer_is_waited_for_a_minute),
        A(who_has_expired_is_settled_and_not_judged),
        A(the_drill_leads_to_its_root),
        A(one_that_fails_keeps_nobody_waiting),
        A(a_step_ends_after_a_tenth_of_a_second),
        A(while_nobody_has_releases_cases_are_settled_together),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
