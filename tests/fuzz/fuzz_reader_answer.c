/* What a taken-over reader might send: an answer, then reports. The owner must survive all of it.
 *
 * parser: formats/reader_message.c
 * seeds: reader-answer
 * leaves: check_cuts reader_request_check */
#include <stdlib.h>

#include "base/memory.h"
#include "formats/entry_report.h"
#include "formats/reader_message.h"
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

static void decode_all(struct span bytes) {
    struct arena *arena = arena_new(REPORT_SIZE_MAX);
    struct cursor input = cursor_of(bytes);
    struct entry_report report;
    if (arena == NULL)
        return;
    while (cursor_remaining(&input) > 0 && entry_report_decode(&input, arena, &report) == OK)
        ;
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static struct reader_answer answer;
    struct reader_request request = {.version = READER_MESSAGE_VERSION, .task = READER_DATA_TILE, .wanted_begin = 256,
                                     .wanted_end = 512, .cut_count = 1, .cuts = {300}};
    memset(&answer, 0, sizeof answer);
    size_t taken = size < sizeof answer ? size : sizeof answer;
    if (taken > 0)
        memcpy(&answer, bytes, taken);
    if (reader_answer_check(&answer, &request, AREA_SIZE) == OK)
        join(&answer, &request);
    decode_all(span_of(bytes, size));
    return 0;
}
