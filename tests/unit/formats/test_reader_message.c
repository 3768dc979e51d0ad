#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "formats/reader_message.h"

#define AREA 1000

static struct reader_request good_request(void) {
    return (struct reader_request){.version = READER_MESSAGE_VERSION, .task = READER_DATA_TILE, .request_id = 9, .slot = 1,
                                   .body_size = 100, .first_index = 256, .wanted_begin = 256, .wanted_end = 264,
                                   .cut_count = 1, .cuts = {260}};
}

/* 256..260 | 260..264, eight entries */
static struct reader_answer good_answer(void) {
    return (struct reader_answer){.version = READER_MESSAGE_VERSION, .status = READER_DONE, .request_id = 9,
                                  .entry_count = 8, .report_count = 2, .answer_size = 500, .match_count = 2, .node_count = 2,
                                  .nodes = {{.begin = 256, .height = 2}, {.begin = 260, .height = 2}}};
}

static bool takes_request(struct reader_request request) {
    return reader_request_check(&request, 2, 100) == OK;
}

static bool takes_answer(struct reader_answer answer) {
    struct reader_request request = good_request();
    return reader_answer_check(&answer, &request, AREA) == OK;
}

#define REFUSES_REQUEST(change) \
    do { \
        struct reader_request r = good_request(); \
        change; \
        assert_false(takes_request(r)); \
    } while (0)

#define REFUSES_ANSWER(change) \
    do { \
        struct reader_answer a = good_answer(); \
        change; \
        assert_false(takes_answer(a)); \
    } while (0)

static void a_request_must_name_what_the_reader_has(void **state) {
    (void) state;
    assert_true(takes_request(good_request()));
    REFUSES_REQUEST(r.version++);
    REFUSES_REQUEST(r.task = reader_task_count);
    REFUSES_REQUEST(r.encoding = reader_encoding_count);
    REFUSES_REQUEST(r.slot = 2);
    REFUSES_REQUEST(r.body_size = 101);
    REFUSES_REQUEST(r.flags = 8);
}

static void a_request_must_have_an_ordered_range_and_ordered_cuts_inside(void **state) {
    (void) state;
    REFUSES_REQUEST(r.wanted_end = 256);
    REFUSES_REQUEST(r.wanted_begin = 255);
    REFUSES_REQUEST(r.report_from = 265);
    REFUSES_REQUEST(r.cuts[0] = 256);
    REFUSES_REQUEST(r.cuts[0] = 264);
    REFUSES_REQUEST(r.cut_count = 2; r.cuts[1] = 260);
    REFUSES_REQUEST(r.cut_count = READER_CUTS_MAX + 1);
}

static void an_answer_must_fit_its_request(void **state) {
    (void) state;
    assert_true(takes_answer(good_answer()));
    REFUSES_ANSWER(a.version++);
    REFUSES_ANSWER(a.request_id++);
    REFUSES_ANSWER(a.status = reader_status_count);
    REFUSES_ANSWER(a.answer_size = AREA + 1);
    REFUSES_ANSWER(a.report_count = 9);
    REFUSES_ANSWER(a.match_count = 9);
    REFUSES_ANSWER(a.unreadable_count = 9);
    REFUSES_ANSWER(a.entry_count = 9);
    REFUSES_ANSWER(a.answer_size = 1);
}

static void nodes_must_be_aligned_gapless_split_at_cuts_and_end_with_the_entries(void **state) {
    (void) state;
    REFUSES_ANSWER(a.node_count = READER_NODES_MAX + 1);
    REFUSES_ANSWER(a.node_count = 1);
    REFUSES_ANSWER(a.nodes[0].begin = 255);
    REFUSES_ANSWER(a.nodes[1].begin = 261);
    REFUSES_ANSWER(a.nodes[1].height = 3);
    REFUSES_ANSWER(a.nodes[1].height = 64);
    REFUSES_ANSWER(a.nodes[1].height = 63);
    REFUSES_ANSWER(a.node_count = 1; a.nodes[0].height = 3); /* swallows the cut */
    REFUSES_ANSWER(a.entry_count = 7; a.match_count = 0; a.report_count = 0);
    struct reader_request request = good_request();
    struct reader_answer answer = good_answer();
    request.flags = READER_FLAG_NODES_PER_LEAF;
    assert_ptr_equal(reader_answer_check(&answer, &request, AREA), &fault_reader_message);
}

static void asking_again_must_make_progress(void **state) {
    (void) state;
    struct reader_answer more = good_answer();
    more.status = READER_MORE;
    more.more_from = 258;
    assert_true(takes_answer(more));
    more.more_from = 264;
    assert_false(takes_answer(more));
    more.more_from = 0;
    assert_false(takes_answer(more));
}

static void texts_must_end_and_be_harmless(void **state) {
    (void) state;
    REFUSES_ANSWER(memset(a.reason, 'a', sizeof a.reason));
    REFUSES_ANSWER(memset(a.reason_text, 'a', sizeof a.reason_text));
    REFUSES_ANSWER(a.reason_text[0] = '\033');
    REFUSES_ANSWER(a.status = READER_REFUSED);
    REFUSES_ANSWER(a.status = READER_REFUSED; snprintf(a.reason, sizeof a.reason, "Bad Name"));
    REFUSES_ANSWER(snprintf(a.reason, sizeof a.reason, "fault.name"));
    struct reader_answer refused = good_answer();
    refused.status = READER_REFUSED;
    snprintf(refused.reason, sizeof refused.reason, "leaf.truncated");
    assert_true(takes_answer(refused));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_request_must_name_what_the_reader_has),
        cmocka_unit_test(a_request_must_have_an_ordered_range_and_ordered_cuts_inside),
        cmocka_unit_test(an_answer_must_fit_its_request),
        cmocka_unit_test(nodes_must_be_aligned_gapless_split_at_cuts_and_end_with_the_entries),
        cmocka_unit_test(asking_again_must_make_progress),
        cmocka_unit_test(texts_must_end_and_be_harmless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
