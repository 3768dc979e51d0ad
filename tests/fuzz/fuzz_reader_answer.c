/* What a taken-over reader might send: an answer up to its last node, then reports. The owner must survive all of it.
 *
 * parser: formats/reader_message.c formats/reader_reports.c
 * seeds: reader-answer
 * leaves: check_cuts reader_request_check */
#include <stddef.h>
#include <stdlib.h>

#include "base/memory.h"
#include "formats/entry_report.h"
#include "formats/reader_reports.h"
#include "rules/merkle.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define AREA_SIZE ((uint64_t) 4 * 1024 * 1024)

/* The nodes of an answer that was found good join without complaint and cover what they claim. */
static void join(const struct reader_answer *answer, const struct reader_request *request) {
    static struct compact_range range;
    compact_range_init(&range, request->wanted_begin);
    for (uint32_t i = 0; i < answer->node_count; i++)
        if (compact_range_append_subtree(&range, answer->nodes[i].height, &answer->nodes[i].hash) != OK)
            abort();
    if (range.end - range.begin != answer->entry_count)
        abort();
}

/* What the owner finds good is about entries that it asked for, in their order. */
static void check_reports(const struct reader_answer *answer, const struct reader_request *request, struct span reports) {
    struct arena *arena = arena_new(REPORT_SIZE_MAX);
    struct cursor input = cursor_of(reports);
    struct entry_report report;
    if (arena == NULL)
        abort();
    if (reader_reports_check(answer, request, reports, arena) == OK)
        for (uint64_t i = 0, before = 0; i < answer->report_count; i++, before = report.index) {
            bool is_read = entry_report_decode(&input, arena, &report) == OK;
            if (!is_read || report.index < 256 || report.index >= 512 || (i > 0 && report.index <= before))
                abort();
        }
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static struct reader_answer answer;
    struct reader_request request = {.version = READER_MESSAGE_VERSION, .task = READER_DATA_TILE, .wanted_begin = 256,
                                     .wanted_end = 512, .report_from = 256, .cut_count = 1, .cuts = {300}};
    struct cursor input = cursor_of(span_of(bytes, size));
    memset(&answer, 0, sizeof answer);
    size_t head = offsetof(struct reader_answer, nodes), taken = size < head ? size : head;
    (void) cursor_copy(&input, taken, &answer);
    size_t nodes = answer.node_count <= READER_NODES_MAX ? answer.node_count * sizeof answer.nodes[0] : 0;
    (void) cursor_copy(&input, nodes < cursor_remaining(&input) ? nodes : cursor_remaining(&input), answer.nodes);
    if (reader_answer_check(&answer, &request, AREA_SIZE) != OK)
        return 0;
    join(&answer, &request);
    check_reports(&answer, &request, span_of(input.bytes + input.position, cursor_remaining(&input)));
    return 0;
}
