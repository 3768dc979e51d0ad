/* A request with any fields: what a reader finds good it acts on without harm, and answers what its owner finds good.
 *
 * The input: a struct reader_request as far as it goes, then the body.
 *
 * parser: formats/reader_message.c
 * seeds: reader-request
 * leaves: is_ended_text spans_a_cut nodes_fit has_progress covers_reports entries_fit counts_fit reader_answer_check */
#include "fuzz/harness.h"
#include "fuzz/reader_harness.h"

enum { SLOTS = 2, SLOT_SIZE = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static uint8_t slots[SLOTS * SLOT_SIZE];
    static struct reader_request request;
    struct reader *reader = harness_reader();
    struct cursor input = cursor_of(span_of(bytes, size));
    memset(&request, 0, sizeof request);
    memset(slots, 0, sizeof slots);
    size_t fields = size < offsetof(struct reader_request, cuts) ? size : offsetof(struct reader_request, cuts);
    (void) cursor_copy(&input, fields, &request);
    for (uint32_t i = 0; i < request.cut_count && i < READER_CUTS_MAX; i++)
        request.cuts[i] = (i == 0 ? request.wanted_begin : request.cuts[i - 1]) + next_choice(&input);
    struct span body = rest_of(&input);
    memcpy(slots + SLOT_SIZE, body.bytes, body.size < SLOT_SIZE ? body.size : SLOT_SIZE);
    reader->slots = slots;
    reader->slot_count = SLOTS;
    reader->slot_size = SLOT_SIZE;
    if (reader_request_check(&request, SLOTS, SLOT_SIZE) != OK)
        return 0;
    /* An owner goes on only where an answer to the same body told it to, and asks for all certificates. */
    bool is_about_entries = reader_request_is_about_entries(&request);
    request.report_from = is_about_entries ? request.wanted_begin : 0;
    request.wanted_end = is_about_entries ? request.wanted_end : 4096;
    reader_act(reader, &request);
    require(reader->has_no_memory || reader_answer_check(&reader->answer, &request, reader->area_size) == OK);
    if (!reader->has_no_memory)
        harness_decode(reader, &request);
    return 0;
}
