/* Every field of every message of a reader set to lies: what the owner takes must be sound, whatever was sent. The last tests have the real
 * pool with this program as its reader: started with four arguments it plays one whose behaviour the request's first_index names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/digest.h"
#include "base/log.h"
#include "base/text.h"
#include "formats/entry_report.h"
#include "formats/reader_reports.h"
#include "rules/merkle.h"
#include "rules/watch_image.h"
#include "steps/reader_pool.h"
#include "tools/rogue_lies.h"

#define ROOM 8192 /* of the answer area */

/* ------------------------------------------------------------------ an honest answer */

struct exchange {
    struct reader_request request;
    struct reader_answer answer;
    uint8_t area[2 * ROOM]; /* with room to lie beyond its end */
};

static const uint8_t der[] = "not DER, but longer than any other field of the report, so that a bit in the middle of the report lies in it, "
                             "and then some more of the same: 0123456789 abcdefghijklmnopqrstuvwxyz 0123456789 abcdefghijklmnopqrstuvwxyz "
                             "0123456789 abcdefghijklmnopqrstuvwxyz 0123456789 abcdefghijklmnopqrstuvwxyz 0123456789 abcdefghijklmnopq";

static void add_report(struct buffer *out, uint64_t index, bool is_unreadable) {
    static const struct report_name names[] = {{NAME_DNS, NAME_FROM_SAN, "a.example.com"}, {NAME_DNS, NAME_FROM_CN, "b.example.com"}};
    static const uint32_t terminals[] = {0, 7};
    struct entry_report report = {.index = index, .timestamp_ms = 1795000000000, .kind = ENTRY_CERTIFICATE, .is_unreadable = is_unreadable,
                                  .reason = is_unreadable ? "der.length" : "", .reason_text = is_unreadable ? "too long" : "", .serial = "04a1",
                                  .issuer = "CN=a", .subject = "CN=b", .key_type = "ec-p256", .broad_suffix = "", .names = names, .name_count = 2,
                                  .terminals = terminals, .terminal_count = 2, .terminal_total = 2};
    if (!is_unreadable) {
        report.certificate = span_of(der, sizeof der);
        report.cert_sha256.is_known = true;
        digest_of(report.certificate, &report.cert_sha256.hash);
    }
    assert_null(entry_report_encode(&report, out));
}

/* 256..260 | 260..263: seven entries of the eight that were asked for, with `reports` reports. */
static void make_honest(struct exchange *e, unsigned reports) {
    struct buffer out = {.bytes = e->area, .capacity = ROOM, .limit = ROOM - 1};
    memset(e, 0, sizeof *e);
    e->request = (struct reader_request){.version = READER_MESSAGE_VERSION, .task = READER_DATA_TILE, .request_id = 9, .body_size = 100,
                                         .first_index = 256, .wanted_begin = 256, .wanted_end = 264, .report_from = 256, .cut_count = 1,
                                         .cuts = {260}};
    for (unsigned i = 0; i < reports; i++)
        add_report(&out, 257 + 2 * i, i == 1);
    e->answer = (struct reader_answer){.version = READER_MESSAGE_VERSION, .request_id = 9, .entry_count = 7, .report_count = reports,
                                       .answer_size = out.size, .match_count = reports > 1 ? reports - 1 : reports,
                                       .unreadable_count = reports > 1 ? 1 : 0, .node_count = 3,
                                       .nodes = {{.begin = 256, .height = 2, .hash = {{1}}}, {.begin = 260, .height = 1, .hash = {{2}}},
                                                 {.begin = 262, .height = 0, .hash = {{3}}}},
                                       .last_leaf = {{3}}};
}

static bool is_taken(const struct exchange *e) {
    struct arena *arena = arena_new(1 << 22);
    bool is_taken = reader_answer_check(&e->answer, &e->request, ROOM) == OK;
    if (is_taken) { /* in a block of just that size, so that a sanitizer sees every byte too much */
        uint8_t *copy = test_malloc(e->answer.answer_size + 1);
        memcpy(copy, e->area, e->answer.answer_size);
        is_taken = reader_reports_check(&e->answer, &e->request, span_of(copy, e->answer.answer_size), arena) == OK;
        test_free(copy);
    }
    arena_free(arena);
    return is_taken;
}

/* What the rest of the program relies on, worked out anew. */
static void expect_sound(const struct exchange *e) {
    struct compact_range range;
    uint64_t end = e->request.wanted_begin + e->answer.entry_count;
    assert_true(end <= e->request.wanted_end && end >= e->request.wanted_begin);
    compact_range_init(&range, e->request.wanted_begin);
    for (uint32_t i = 0; i < e->answer.node_count; i++) {
        assert_int_equal(e->answer.nodes[i].begin, range.end);
        assert_null(compact_range_append_subtree(&range, e->answer.nodes[i].height, &e->answer.nodes[i].hash));
    }
    assert_int_equal(range.end, end);
    assert_true(e->answer.answer_size <= ROOM && e->answer.status < reader_status_count);
    assert_true(e->answer.status != READER_MORE || (e->answer.more_from > e->request.report_from && e->answer.more_from < end));
    assert_non_null(memchr(e->answer.reason, '\0', sizeof e->answer.reason));
    assert_non_null(memchr(e->answer.reason_text, '\0', sizeof e->answer.reason_text));
    struct arena *arena = arena_new(1 << 22);
    struct cursor cursor = cursor_of(span_of(e->area, e->answer.answer_size));
    uint64_t before = 0, count = 0;
    for (; cursor_remaining(&cursor) > 0; count++) {
        struct entry_report report;
        assert_null(entry_report_decode(&cursor, arena, &report));
        assert_true(report.index >= e->request.wanted_begin && report.index < end && report.index > before);
        before = report.index;
    }
    assert_int_equal(count, e->answer.report_count);
    arena_free(arena);
}

/* ------------------------------------------------------------------ lies */

static void an_honest_answer_is_taken(void **state) {
    static struct exchange e;
    (void) state;
    for (unsigned reports = 0; reports <= 3; reports++) {
        make_honest(&e, reports);
        assert_true(is_taken(&e));
        expect_sound(&e);
    }
}

static void every_lie_by_name_is_refused(void **state) {
    static struct exchange honest, e;
    const size_t room = ROOM;
    unsigned told = 0;
    (void) state;
#define REFUSES(name, change) \
    for (unsigned reports = 0; reports <= 3; reports++) { \
        make_honest(&e, reports); \
        struct reader_answer *a = &e.answer; \
        const struct reader_request *r = &e.request; \
        uint8_t *area = e.area; \
        (void) r, (void) area, (void) room; \
        make_honest(&honest, reports); \
        change; \
        if (memcmp(&e, &honest, sizeof e) == 0) \
            continue; \
        told++; \
        if (is_taken(&e)) \
            fail_msg("with %u reports: %s", reports, name); \
    }
    LIES(REFUSES)
    print_message("%u lies told\n", told);
}

static const uint64_t values[] = {0, 1, 2, 3, 7, 8, 9, 63, 64, 255, 256, 259, 260, 261, 262, 263, 264, 265, 511, 512, 513, ROOM - 1, ROOM, ROOM + 1,
                                  INT32_MAX, (uint64_t) INT32_MAX + 1, UINT32_MAX, (uint64_t) UINT32_MAX + 1, INT64_MAX,
                                  (uint64_t) INT64_MAX + 1, UINT64_MAX - 256, UINT64_MAX - 1, UINT64_MAX};

/* Every aligned place of the message, whatever field it is, gets every value in four and in eight bytes; so does every place of the reports. */
static void any_number_anywhere_is_refused_or_harmless(void **state) {
    static struct exchange e;
    unsigned taken = 0, tried = 0;
    (void) state;
    size_t head = offsetof(struct reader_answer, nodes) + 4 * sizeof(struct reader_node);
    for (size_t at = 0; at < head + 1024; at += 4)
        for (size_t i = 0; i < 2 * sizeof values / sizeof values[0]; i++, tried++) {
            make_honest(&e, 2);
            uint8_t *place = at < head ? (uint8_t *) &e.answer + at : e.area + (at - head);
            memcpy(place, &values[i / 2], i % 2 == 0 ? 4 : 8);
            if (is_taken(&e)) {
                expect_sound(&e);
                taken++;
            }
        }
    print_message("%u of %u taken, all sound\n", taken, tried);
    assert_true(taken > 0 && taken < tried);
}

static uint64_t dice(uint64_t *seed) {
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return *seed >> 33;
}

static void any_bytes_in_the_reports_are_refused_or_harmless(void **state) {
    static struct exchange e;
    uint64_t seed = 20261121;
    unsigned taken = 0;
    (void) state;
    for (int round = 0; round < 60000; round++) {
        make_honest(&e, 3);
        for (uint64_t changes = 1 + dice(&seed) % 4; changes > 0; changes--) {
            uint64_t at = dice(&seed) % (e.answer.answer_size + 8);
            e.area[at] = (uint8_t) (dice(&seed) % 2 == 0 ? dice(&seed) : e.area[at] ^ UINT64_C(1) << dice(&seed) % 8);
        }
        if (is_taken(&e)) {
            expect_sound(&e);
            taken++;
        }
    }
    print_message("%u of 60000 taken, all sound\n", taken);
}

/* The limit of all this, so that nobody relies on more: names, issuers and matches are the reader's word, and a certificate that is
 * watched can go unmentioned. Only the hashes of its entries must be right, or the log's root is not reproduced. */
static void a_reader_can_hide_or_invent_a_match_among_its_own_entries(void **state) {
    static struct exchange e;
    struct buffer out = {.bytes = e.area, .capacity = ROOM, .limit = ROOM - 1};
    (void) state;
    make_honest(&e, 0);
    assert_true(is_taken(&e));
    add_report(&out, 262, false);
    e.answer.report_count = e.answer.match_count = 1;
    e.answer.answer_size = out.size;
    assert_true(is_taken(&e));
}

/* ------------------------------------------------------------------ the reader's side of the pool */

enum behaviour { ANSWER, REWRITE_AREA, SILENCE, HALF, TWICE, ONE_AND_A_HALF, UNASKED, TRICKLE, JUNK, MORE_FOR_EVER, behaviour_count };

static uint8_t *played_area;

static void *rewrite_for_ever(void *context) {
    uint64_t seed = 1;
    (void) context;
    for (;;)
        ((volatile uint8_t *) played_area)[dice(&seed) % ROOM] = (uint8_t) dice(&seed);
    return NULL;
}

static void say(const void *bytes, size_t size) {
    if (write(1, bytes, size) != (ssize_t) size)
        _exit(1);
}

static void be_silent(void) {
    for (;;)
        pause();
}

static void play_one(const struct reader_request *request) {
    static struct exchange e;
    static bool is_rewriting;
    pthread_t thread;
    enum behaviour behaviour = (enum behaviour) (request->first_index % 16);
    struct buffer out = {.bytes = played_area, .capacity = ROOM, .limit = ROOM - 1};
    e.answer = (struct reader_answer){.version = READER_MESSAGE_VERSION, .request_id = request->request_id, .entry_count = 1, .node_count = 1,
                                      .report_count = 1, .match_count = 1, .nodes = {{.begin = request->wanted_begin}}};
    if (behaviour == REWRITE_AREA && !is_rewriting)
        is_rewriting = pthread_create(&thread, NULL, rewrite_for_ever, NULL) == 0;
    add_report(&out, request->wanted_begin, false);
    e.answer.answer_size = out.size;
    if (behaviour == REWRITE_AREA && request->request_id % 2 == 0)
        usleep(2000); /* else it is a race */
    if (behaviour == JUNK)
        memset(&e.answer, 0xa5, sizeof e.answer);
    if (behaviour == MORE_FOR_EVER) {
        e.answer.status = READER_MORE;
        e.answer.more_from = request->report_from + 1;
    }
    if (behaviour == SILENCE)
        be_silent();
    if (behaviour == HALF) {
        say(&e.answer, sizeof e.answer / 2);
        be_silent();
    }
    for (size_t at = 0; behaviour == TRICKLE; at++) {
        say((const uint8_t *) &e.answer + at % sizeof e.answer, 1);
        usleep(20000);
    }
    say(&e.answer, sizeof e.answer);
    if (behaviour == TWICE)
        say(&e.answer, sizeof e.answer);
    if (behaviour == ONE_AND_A_HALF)
        say(&e.answer, sizeof e.answer / 2);
    if (behaviour == UNASKED) {
        usleep(50000);
        e.answer.request_id++;
        say(&e.answer, sizeof e.answer);
    }
}

static int play_reader(void) {
    static struct reader_answer greeting = {.version = READER_MESSAGE_VERSION};
    struct reader_request request;
    played_area = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_SHARED, 4, 0);
    if (played_area == MAP_FAILED || digest_init() != OK)
        return 1;
    say(&greeting, sizeof greeting);
    while (read(0, &request, sizeof request) == (ssize_t) sizeof request)
        play_one(&request);
    return 0;
}

/* ------------------------------------------------------------------ the owner's side of the pool */

struct fixture {
    struct event_base *loop;
    struct reader_pool *pool;
    struct buffer image;
    unsigned done;
    result fault;
};

static void look(void *context, const struct reader_outcome *outcome) {
    struct fixture *f = context;
    f->done++;
    f->fault = outcome->fault;
    if (outcome->fault == OK) {
        struct arena *arena = arena_new(1 << 22);
        struct cursor cursor = cursor_of(outcome->reports);
        struct entry_report report;
        assert_int_equal(outcome->answer->report_count, 1);
        assert_null(entry_report_decode(&cursor, arena, &report)); /* the copy is what was checked */
        arena_free(arena);
    }
    event_base_loopbreak(f->loop);
}

static void start(struct fixture *f) {
    struct reader_pool_options options = {.reader_count = 1, .slot_count = 1, .slot_size = 4096, .deadline_ms = 1000, .program = "/proc/self/exe"};
    struct watch_item item = {WATCH_NAME, "example.com"};
    *f = (struct fixture){.loop = event_base_new(), .image = buffer_with_limit(1 << 20)};
    assert_null(reader_pool_new(f->loop, &options, &f->pool));
    assert_null(watch_image_build(&item, 1, 1, &f->image));
    assert_null(reader_pool_set_image(f->pool, buffer_span(&f->image)));
}

static void stop(struct fixture *f) {
    reader_pool_free(f->pool);
    buffer_done(&f->image);
    event_base_free(f->loop);
}

static result ask(struct fixture *f, enum behaviour behaviour) {
    struct reader_request request = {.task = READER_DATA_TILE, .first_index = behaviour, .wanted_begin = behaviour,
                                     .wanted_end = behaviour + 1u, .report_from = behaviour};
    unsigned before = f->done;
    assert_null(reader_pool_submit(f->pool, &request, look, f));
    while (f->done == before)
        assert_int_equal(event_base_loop(f->loop, EVLOOP_ONCE), 0);
    return f->fault;
}

static void whatever_a_reader_says_it_is_replaced_and_the_next_one_answers(void **state) {
    static const struct {
        enum behaviour behaviour;
        result fault;
    } cases[] = {{SILENCE, &fault_reader_late}, {HALF, &fault_reader_late},          {TRICKLE, &fault_reader_late},
                 {JUNK, &fault_reader_lied},    {MORE_FOR_EVER, &fault_reader_lied}, {TWICE, OK},
                 {ONE_AND_A_HALF, OK},          {UNASKED, OK}};
    struct reader_pool_figures figures;
    struct fixture f;
    int old[2], fresh[2];
    (void) state;
    start(&f);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_null(ask(&f, ANSWER));
        assert_int_equal(reader_pool_pids(f.pool, old, 2), 1);
        assert_ptr_equal(ask(&f, cases[i].behaviour), cases[i].fault);
        do /* what was said too much is noticed with the next request or before it */
            f.fault = ask(&f, ANSWER);
        while (f.fault == &fault_reader_lied);
        assert_null(f.fault);
        for (int round = 0; round < 100 && (reader_pool_pids(f.pool, fresh, 2) != 1 || fresh[0] == old[0]); round++) {
            usleep(10000); /* an unasked answer may still be under way */
            assert_true(event_base_loop(f.loop, EVLOOP_NONBLOCK) >= 0);
        }
        assert_int_not_equal(fresh[0], old[0]);
    }
    reader_pool_figures(f.pool, &figures);
    assert_int_equal(figures.late, 3);
    assert_true(figures.lies >= 5);
    stop(&f);
}

/* The area is copied once, and only the copy is looked at. */
static void an_area_that_changes_while_it_is_read_is_refused_or_whole(void **state) {
    struct fixture f;
    unsigned taken = 0, refused = 0;
    (void) state;
    start(&f);
    for (int round = 0; round < 100; round++)
        *(ask(&f, REWRITE_AREA) == OK ? &taken : &refused) += 1;
    print_message("%u taken, %u refused\n", taken, refused);
    assert_true(refused > 0);
    assert_null(ask(&f, ANSWER));
    stop(&f);
}

static void renewed_readers_get_what_the_old_ones_held(void **state) {
    struct reader_request request = {.task = READER_DATA_TILE, .first_index = ANSWER, .wanted_end = 1};
    struct fixture f;
    int old, fresh;
    (void) state;
    start(&f);
    assert_null(ask(&f, ANSWER));
    assert_int_equal(reader_pool_pids(f.pool, &old, 1), 1);
    for (int i = 0; i < 5; i++)
        assert_null(reader_pool_submit(f.pool, &request, look, &f));
    reader_pool_renew(f.pool);
    while (f.done < 6)
        assert_int_equal(event_base_loop(f.loop, EVLOOP_ONCE), 0);
    assert_null(f.fault);
    assert_int_equal(reader_pool_pids(f.pool, &fresh, 1), 1);
    assert_int_not_equal(old, fresh);
    stop(&f);
}

int main(int count, char **arguments) {
    (void) arguments;
    if (count == 4)
        return play_reader();
    log_init("test", LOG_ERROR, true);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_honest_answer_is_taken),
        cmocka_unit_test(every_lie_by_name_is_refused),
        cmocka_unit_test(any_number_anywhere_is_refused_or_harmless),
        cmocka_unit_test(any_bytes_in_the_reports_are_refused_or_harmless),
        cmocka_unit_test(a_reader_can_hide_or_invent_a_match_among_its_own_entries),
        cmocka_unit_test(whatever_a_reader_says_it_is_replaced_and_the_next_one_answers),
        cmocka_unit_test(an_area_that_changes_while_it_is_read_is_refused_or_whole),
        cmocka_unit_test(renewed_readers_get_what_the_old_ones_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
