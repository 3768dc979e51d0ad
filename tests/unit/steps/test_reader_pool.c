/* The pool against readers that misbehave: this program is its own reader. Started with four arguments it plays one whose
 * behaviour the request's first_index names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/log.h"
#include "base/text.h"
#include "formats/entry_report.h"
#include "rules/watch_image.h"
#include "steps/reader_pool.h"
#include "steps/reader_process.h"
#include "steps/reader_slots.h"

enum behaviour { ANSWER, DIE, HANG, LIE_COUNT, LIE_ID, LIE_SIZE, SPEAK_TWICE, STUTTER, REPORT_SLOT, DIE_AFTER_ANSWER, BE_KILLED, WAIT_FOR_MACHINE, WAIT_FOR_EVER };

/* ------------------------------------------------------------------ the reader's side */

static void play_write(const struct reader_answer *answer, bool in_pieces) {
    const uint8_t *bytes = (const uint8_t *) answer;
    size_t piece = in_pieces ? 1000 : sizeof *answer;
    for (size_t at = 0; at < sizeof *answer; at += piece) {
        size_t size = sizeof *answer - at < piece ? sizeof *answer - at : piece;
        if (write(1, bytes + at, size) != (ssize_t) size)
            _exit(1);
        if (in_pieces)
            usleep(500);
    }
}

/* Whoever waits for a child that shares its memory cannot be disturbed: it looks like one that waits for a disk. */
static void play_waiting(unsigned milliseconds) {
    pid_t child = vfork();
    if (child == 0) {
        struct timespec time = {.tv_sec = milliseconds / 1000, .tv_nsec = (long) (milliseconds % 1000) * 1000000};
        (void) nanosleep(&time, NULL);
        _exit(0);
    }
}

static void play_one(const struct reader_request *request, const uint8_t *slots, size_t slot_size, uint8_t *area) {
    static struct reader_answer answer;
    enum behaviour behaviour = (enum behaviour) (request->first_index % 16);
    answer = (struct reader_answer){.version = READER_MESSAGE_VERSION, .request_id = request->request_id, .entry_count = 1,
                                    .node_count = 1, .nodes = {{.begin = request->wanted_begin}}};
    if (behaviour == DIE)
        _exit(1);
    if (behaviour == BE_KILLED)
        raise(SIGKILL); /* the real one's sandbox does not let it */
    if (behaviour == HANG)
        raise(SIGSTOP);
    if (behaviour == WAIT_FOR_MACHINE)
        play_waiting(900);
    if (behaviour == WAIT_FOR_EVER)
        play_waiting(10000);
    if (behaviour == LIE_COUNT)
        answer.entry_count = 2;
    if (behaviour == LIE_ID)
        answer.request_id++;
    if (behaviour == LIE_SIZE)
        answer.answer_size = (uint64_t) 1 << 40;
    if (behaviour == REPORT_SLOT) {
        struct buffer out = {.bytes = area, .capacity = 4096, .limit = 4095};
        struct entry_report report = {.index = request->wanted_begin, .is_unreadable = true, .reason = "test", .reason_text = "", .serial = "",
                                      .issuer = "", .subject = "", .key_type = "", .broad_suffix = "",
                                      .raw = span_of(slots + request->slot * slot_size, request->body_size)};
        if (entry_report_encode(&report, &out) != OK)
            _exit(1);
        answer.answer_size = out.size;
        answer.report_count = answer.unreadable_count = 1;
    }
    play_write(&answer, behaviour == STUTTER);
    if (behaviour == SPEAK_TWICE)
        play_write(&answer, false);
    if (behaviour == DIE_AFTER_ANSWER)
        _exit(1);
}

static int play_reader(char **arguments) {
    static struct reader_answer greeting = {.version = READER_MESSAGE_VERSION};
    struct reader_request request;
    uint64_t slots, slot_size, area_size;
    if (text_to_number(span_of_text(arguments[1]), 1000, &slots) != OK ||
        text_to_number(span_of_text(arguments[2]), 1 << 30, &slot_size) != OK ||
        text_to_number(span_of_text(arguments[3]), 1 << 30, &area_size) != OK)
        return 1;
    const uint8_t *bytes = mmap(NULL, slots * slot_size, PROT_READ, MAP_SHARED, 3, 0);
    uint8_t *area = mmap(NULL, area_size, PROT_READ | PROT_WRITE, MAP_SHARED, 4, 0);
    if (bytes == MAP_FAILED || area == MAP_FAILED || fcntl(6, F_GETFD) >= 0 || environ[0] != NULL ||
        mmap(NULL, slot_size, PROT_READ | PROT_WRITE, MAP_SHARED, 3, 0) != MAP_FAILED ||
        mmap(NULL, 64, PROT_READ | PROT_WRITE, MAP_SHARED, 5, 0) != MAP_FAILED)
        return 1;
    uint8_t first[64];
    if (pread(5, first, sizeof first, 0) != (ssize_t) sizeof first)
        return 1;
    play_write(&greeting, false);
    while (read(0, &request, sizeof request) == (ssize_t) sizeof request)
        play_one(&request, bytes, slot_size, area);
    return 0;
}

/* ------------------------------------------------------------------ the owner's side */

struct fixture {
    struct event_base *loop;
    struct reader_pool *pool;
    struct buffer image;
    unsigned wanted, done, answered;
    result last_fault;
    char reports[64];
    bool is_inside_submit;
};

static void keep_raw(struct fixture *f, struct span reports) {
    struct arena *arena = arena_new(1 << 20);
    struct cursor cursor = cursor_of(reports);
    struct entry_report report;
    f->reports[0] = '\0';
    if (reports.size > 0) {
        assert_null(entry_report_decode(&cursor, arena, &report));
        snprintf(f->reports, sizeof f->reports, "%.*s", (int) report.raw.size, (const char *) report.raw.bytes);
    }
    arena_free(arena);
}

static void count_done(void *context, const struct reader_outcome *outcome) {
    struct fixture *f = context;
    assert_false(f->is_inside_submit);
    f->done++;
    f->last_fault = outcome->fault;
    if (outcome->fault == OK) {
        f->answered++;
        assert_non_null(outcome->answer);
        keep_raw(f, outcome->reports);
    } else {
        assert_null(outcome->answer);
    }
    if (f->done == f->wanted)
        event_base_loopbreak(f->loop);
}

static void set_image(struct fixture *f, uint64_t generation) {
    struct watch_item item = {WATCH_NAME, "example.com"};
    assert_null(watch_image_build(&item, 1, generation, &f->image));
    assert_null(reader_pool_set_image(f->pool, buffer_span(&f->image)));
}

static void start_timed(struct fixture *f, const char *program, unsigned readers, int64_t deadline_ms) {
    struct reader_pool_options options = {.reader_count = readers, .slot_count = 4, .slot_size = 1 << 20, .deadline_ms = deadline_ms,
                                          .program = program};
    *f = (struct fixture){.loop = event_base_new(), .image = buffer_with_limit(1 << 20)};
    assert_null(reader_pool_new(f->loop, &options, &f->pool));
}

static void start_with(struct fixture *f, const char *program, unsigned readers) {
    start_timed(f, program, readers, 2000);
}

static void start(struct fixture *f, unsigned readers) {
    start_with(f, "/proc/self/exe", readers);
    set_image(f, 1);
}

static void stop(struct fixture *f) {
    reader_pool_free(f->pool);
    buffer_done(&f->image);
    event_base_free(f->loop);
}

static void submit_from(struct fixture *f, enum behaviour behaviour, int slot, uint64_t body_size) {
    struct reader_request request = {.task = READER_DATA_TILE, .slot = (uint32_t) slot, .body_size = body_size,
                                     .first_index = behaviour, .wanted_begin = behaviour, .wanted_end = behaviour + 1u};
    f->is_inside_submit = true;
    assert_null(reader_pool_submit(f->pool, &request, count_done, f));
    f->is_inside_submit = false;
    f->wanted++;
}

static void submit(struct fixture *f, enum behaviour behaviour) {
    submit_from(f, behaviour, 0, 0);
}

static void out_of_time(evutil_socket_t file, short what, void *context) {
    (void) file;
    (void) what;
    (void) context;
    fail_msg("%s", "a request was never answered");
}

static void run(struct fixture *f) {
    struct timeval limit = {.tv_sec = 20};
    struct event *timer = evtimer_new(f->loop, out_of_time, NULL);
    event_add(timer, &limit);
    event_base_dispatch(f->loop);
    event_free(timer);
    assert_int_equal(f->done, f->wanted);
}

static struct reader_pool_figures figures_of(const struct fixture *f) {
    struct reader_pool_figures figures = {0};
    reader_pool_figures(f->pool, &figures);
    return figures;
}

static void every_request_is_answered_once_and_from_the_loop(void **state) {
    struct fixture f;
    (void) state;
    start(&f, 2);
    for (int i = 0; i < 100; i++)
        submit(&f, i % 10 == 0 ? STUTTER : ANSWER);
    run(&f);
    assert_int_equal(f.answered, 100);
    assert_int_equal(figures_of(&f).requests, 100);
    assert_int_equal(figures_of(&f).deaths, 0);
    stop(&f);
}

static void a_body_written_to_a_slot_is_what_the_reader_sees(void **state) {
    struct fixture f;
    (void) state;
    start(&f, 1);
    (void) reader_pool_take_slot(f.pool);
    int slot = reader_pool_take_slot(f.pool);
    assert_true(slot > 0);
    memcpy(reader_pool_slot_bytes(f.pool, slot), "bytes of a body", 15);
    submit_from(&f, REPORT_SLOT, slot, 15);
    run(&f);
    assert_string_equal(f.reports, "bytes of a body");
    stop(&f);
}

static void a_reader_that_somebody_kills_is_told_from_one_that_dies(void **state) {
    struct fixture f;
    (void) state;
    start(&f, 1);
    submit(&f, BE_KILLED);
    run(&f);
    assert_ptr_equal(f.last_fault, &fault_reader_killed);
    submit(&f, ANSWER);
    run(&f);
    assert_null(f.last_fault);
    stop(&f);
}

static void a_reader_that_dies_ends_its_request_and_is_replaced(void **state) {
    struct fixture f;
    (void) state;
    start(&f, 1);
    submit(&f, ANSWER);
    submit(&f, DIE);
    run(&f);
    assert_ptr_equal(f.last_fault, &fault_reader_died);
    submit(&f, ANSWER);
    run(&f);
    assert_null(f.last_fault);
    assert_int_equal(f.answered, 2);
    assert_int_equal(figures_of(&f).deaths, 1);
    stop(&f);
}

static void a_reader_that_stops_is_late_and_is_killed(void **state) {
    struct fixture f;
    (void) state;
    start(&f, 1);
    submit(&f, HANG);
    run(&f);
    assert_ptr_equal(f.last_fault, &fault_reader_stalled); /* somebody else stopped it */
    submit(&f, ANSWER);
    run(&f);
    assert_int_equal(figures_of(&f).late, 1);
    assert_int_equal(f.answered, 1);
    stop(&f);
}

static void a_reader_that_the_machine_keeps_from_work_gets_more_time(void **state) {
    struct fixture f;
    (void) state;
    start_timed(&f, "/proc/self/exe", 1, 200);
    set_image(&f, 1);
    submit(&f, WAIT_FOR_MACHINE);
    run(&f);
    assert_null(f.last_fault);
    assert_int_equal(figures_of(&f).late, 0);
    stop(&f);
}

static void but_not_for_ever_and_the_body_is_not_blamed(void **state) {
    struct fixture f;
    (void) state;
    start_timed(&f, "/proc/self/exe", 1, 100);
    set_image(&f, 1);
    submit(&f, WAIT_FOR_EVER);
    run(&f);
    assert_ptr_equal(f.last_fault, &fault_reader_stalled);
    assert_int_equal(figures_of(&f).late, 1);
    stop(&f);
}

static void how_a_reader_ended_is_said_in_words(void **state) {
    static const struct {
        struct reader_look look;
        const char *words;
    } cases[] = {{{.what = READER_EXITED, .number = 1}, "exit code 1"},
                 {{.what = READER_EXITED, .number = READER_EXIT_MEMORY}, "exit code 71, for want of memory"},
                 {{.what = READER_SIGNALLED, .number = SIGSYS}, "signal SIGSYS, for a system call that its filter forbids"},
                 {{.what = READER_SIGNALLED, .number = SIGKILL}, "signal SIGKILL, from somebody else or from a kernel without memory"},
                 {{.what = READER_SIGNALLED, .number = SIGSEGV}, "signal SIGSEGV"},
                 {{.what = READER_STOPPED}, "somebody else has stopped it"}};
    char words[READER_LOOK_WORDS];
    (void) state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        reader_look_words(&cases[i].look, words);
        assert_string_equal(words, cases[i].words);
    }
}

static void a_reader_that_lies_is_caught_and_replaced(void **state) {
    const enum behaviour lies[] = {LIE_COUNT, LIE_ID, LIE_SIZE};
    (void) state;
    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct fixture f;
        start(&f, 1);
        submit(&f, lies[i]);
        run(&f);
        assert_ptr_equal(f.last_fault, &fault_reader_lied);
        submit(&f, ANSWER);
        run(&f);
        assert_null(f.last_fault);
        assert_int_equal(figures_of(&f).lies, 1);
        stop(&f);
    }
}

static void a_reader_that_speaks_unasked_cannot_answer_the_next_request(void **state) {
    struct fixture f;
    (void) state;
    start(&f, 1);
    for (int i = 0; i < 4; i++)
        submit(&f, SPEAK_TWICE);
    submit(&f, ANSWER);
    run(&f);
    assert_true(figures_of(&f).lies >= 1);
    assert_int_equal(f.done, 5);
    stop(&f);
}

static void a_reader_killed_from_outside_is_replaced_while_others_work(void **state) {
    struct fixture f;
    int pids[4];
    (void) state;
    start(&f, 2);
    submit(&f, ANSWER);
    run(&f);
    for (int round = 0; round < 5; round++) {
        size_t count = reader_pool_pids(f.pool, pids, 4);
        assert_int_equal(count, 2);
        kill(pids[round % 2], SIGKILL);
        for (int i = 0; i < 20; i++)
            submit(&f, ANSWER);
        run(&f);
        while (reader_pool_pids(f.pool, pids, 4) < 2)
            event_base_loop(f.loop, EVLOOP_ONCE);
    }
    assert_true(f.answered >= 101 - 5); /* at most the one that it held */
    stop(&f);
}

static void readers_that_die_after_answering_cost_no_request(void **state) {
    struct fixture f;
    (void) state;
    start(&f, 2);
    for (int i = 0; i < 6; i++)
        submit(&f, DIE_AFTER_ANSWER);
    run(&f);
    assert_int_equal(f.answered, 6);
    submit(&f, ANSWER);
    run(&f);
    assert_int_equal(f.answered, 7);
    assert_int_equal(figures_of(&f).deaths, 6);
    stop(&f);
}

static void requests_wait_while_no_reader_can_start(void **state) {
    struct fixture f;
    struct timeval soon = {.tv_usec = 600000};
    (void) state;
    start_with(&f, "/bin/false", 2);
    set_image(&f, 1);
    submit(&f, ANSWER);
    event_base_loopexit(f.loop, &soon);
    event_base_dispatch(f.loop);
    assert_int_equal(f.done, 0);
    assert_int_equal(figures_of(&f).queued, 1);
    assert_in_range(figures_of(&f).deaths, 2, 10); /* at 0, 100, 300 ms and so on, not in a tight loop */
    stop(&f);
}

static void where_no_reader_stays_alive_whoever_waits_is_told(void **state) {
    struct fixture f;
    struct reader_request request = {.task = READER_DATA_TILE, .wanted_end = 1};
    (void) state;
    start_with(&f, "/bin/false", 2);
    set_image(&f, 1);
    submit(&f, ANSWER);
    submit(&f, ANSWER);
    run(&f);
    assert_string_equal(f.last_fault->name, "reader.none");
    assert_int_equal(f.last_fault->family, FAULT_RETRY);
    assert_ptr_equal(reader_pool_submit(f.pool, &request, count_done, &f), f.last_fault);
    stop(&f);
}

static void nothing_is_answered_before_the_first_image(void **state) {
    struct fixture f;
    struct timeval soon = {.tv_usec = 100000};
    (void) state;
    start_with(&f, "/proc/self/exe", 1);
    submit(&f, ANSWER);
    event_base_loopexit(f.loop, &soon);
    event_base_dispatch(f.loop);
    assert_int_equal(f.done, 0);
    set_image(&f, 1);
    run(&f);
    assert_int_equal(f.answered, 1);
    stop(&f);
}

static void a_new_image_replaces_readers_without_losing_a_request(void **state) {
    struct fixture f;
    (void) state;
    start(&f, 2);
    for (uint64_t generation = 2; generation < 8; generation++) {
        for (int i = 0; i < 20; i++)
            submit(&f, ANSWER);
        event_base_loop(f.loop, EVLOOP_ONCE);
        set_image(&f, generation);
    }
    run(&f);
    assert_int_equal(f.answered, 120);
    assert_int_equal(figures_of(&f).deaths, 0);
    stop(&f);
}

static void a_missing_program_is_a_matter_for_the_settings(void **state) {
    struct event_base *loop = event_base_new();
    struct reader_pool_options options = {.reader_count = 1, .slot_count = 1, .slot_size = 4096, .program = "/nowhere"};
    struct reader_pool *pool = NULL;
    (void) state;
    result outcome = reader_pool_new(loop, &options, &pool);
    assert_non_null(outcome);
    assert_int_equal(outcome->family, FAULT_SETTINGS);
    assert_null(pool);
    event_base_free(loop);
}

static void slots_are_taken_once_and_memory_of_large_bodies_is_given_back(void **state) {
    struct reader_slots slots;
    const size_t size = (size_t) 48 * 1024 * 1024;
    (void) state;
    assert_null(reader_slots_init(2, size, &slots));
    int a = reader_slots_take(&slots), b = reader_slots_take(&slots);
    assert_true(a >= 0 && b >= 0 && a != b);
    assert_int_equal(reader_slots_take(&slots), -1);
    memset(slots.bytes, 1, 2 * size);
    reader_slots_give(&slots, a);
    assert_int_equal(slots.bytes[(size_t) a * size], 0);
    reader_slots_give(&slots, b); /* what is left fits: it stays warm */
    assert_int_equal(slots.bytes[(size_t) b * size], 1);
    reader_slots_give(&slots, b);
    assert_int_equal(slots.free_count, 2);
    assert_ptr_equal(mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, slots.readable_file, 0), MAP_FAILED);
    reader_slots_done(&slots);
}

int main(int count, char **arguments) {
    if (count == 4)
        return play_reader(arguments);
    log_init("test", LOG_ERROR, true);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_request_is_answered_once_and_from_the_loop),
        cmocka_unit_test(a_body_written_to_a_slot_is_what_the_reader_sees),
        cmocka_unit_test(a_reader_that_dies_ends_its_request_and_is_replaced),
        cmocka_unit_test(a_reader_that_somebody_kills_is_told_from_one_that_dies),
        cmocka_unit_test(a_reader_that_stops_is_late_and_is_killed),
        cmocka_unit_test(a_reader_that_the_machine_keeps_from_work_gets_more_time),
        cmocka_unit_test(but_not_for_ever_and_the_body_is_not_blamed),
        cmocka_unit_test(how_a_reader_ended_is_said_in_words),
        cmocka_unit_test(a_reader_that_lies_is_caught_and_replaced),
        cmocka_unit_test(a_reader_that_speaks_unasked_cannot_answer_the_next_request),
        cmocka_unit_test(a_reader_killed_from_outside_is_replaced_while_others_work),
        cmocka_unit_test(readers_that_die_after_answering_cost_no_request),
        cmocka_unit_test(requests_wait_while_no_reader_can_start),
        cmocka_unit_test(where_no_reader_stays_alive_whoever_waits_is_told),
        cmocka_unit_test(nothing_is_answered_before_the_first_image),
        cmocka_unit_test(a_new_image_replaces_readers_without_losing_a_request),
        cmocka_unit_test(a_missing_program_is_a_matter_for_the_settings),
        cmocka_unit_test(slots_are_taken_once_and_memory_of_large_bodies_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
