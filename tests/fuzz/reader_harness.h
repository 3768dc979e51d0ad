/* A whole reader over one body; what it answers must satisfy its owner. */
#pragma once

#include <stdlib.h>

#include "base/memory.h"
#include "formats/reader_reports.h"
#include "reader/reader.h"

#define HARNESS_AREA ((size_t) 256 * 1024) /* small, so that "more" and "too large" happen */

static inline void harness_require(bool is_so) {
    if (!is_so)
        abort();
}

static inline struct reader *harness_reader(void) {
    static struct reader reader;
    static struct buffer image;
    static const struct watch_item items[] = {
        {WATCH_NAME, "example.com"}, {WATCH_SUBTREE, "example.org"}, {WATCH_ADDRESS, "192.0.2.0/24"},
        {WATCH_EMAIL, "example.com"},
        {WATCH_KEY, "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"},
    };
    if (reader.area != NULL)
        return &reader;
    image = buffer_with_limit(1 << 20);
    harness_require(watch_image_build(items, sizeof items / sizeof items[0], 1, &image) == OK);
    harness_require(watch_image_open(buffer_span(&image), &reader.image) == OK);
    harness_require(reader_init(&reader) == OK);
    reader.slot_count = 1;
    reader.area = memory_new(HARNESS_AREA);
    reader.area_size = HARNESS_AREA;
    return &reader;
}

static inline void harness_decode(const struct reader *reader, const struct reader_request *request) {
    struct arena *arena = arena_new(REPORT_SIZE_MAX);
    harness_require(arena != NULL);
    harness_require(reader_reports_check(&reader->answer, request, span_of(reader->area, reader->answer.answer_size), arena) == OK);
    arena_free(arena);
}

/* Asks until all reports were told. */
static inline void harness_run(struct reader_request request, struct span body) {
    struct reader *reader = harness_reader();
    reader->slots = body.bytes;
    reader->slot_count = 1;
    reader->slot_size = body.size;
    request.version = READER_MESSAGE_VERSION;
    request.body_size = body.size;
    harness_require(reader_request_check(&request, 1, body.size) == OK);
    do {
        reader_act(reader, &request);
        harness_require(reader_answer_check(&reader->answer, &request, reader->area_size) == OK);
        harness_decode(reader, &request);
        request.report_from = reader->answer.more_from;
    } while (reader->answer.status == READER_MORE);
}
