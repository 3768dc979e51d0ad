/* Stored sets: only the canonical form is read, and any list of records has exactly one.
 *
 * library: formats
 * parser: formats/caa_record.c
 * seeds: caa-set caa-record
 * leaves: caa_tag_is */
#include <stdlib.h>

#include "formats/caa_record.h"
#include "fuzz/harness.h"

#define LIMIT ((size_t) 16 * 1024 * 1024)

enum { RECORDS_MAX = 500 };

static void check_stored(const uint8_t *bytes, size_t size, struct arena *arena) {
    struct buffer again = buffer_with_limit(LIMIT);
    struct caa_record *records;
    size_t count;
    result outcome = caa_set_decode(span_of(bytes, size), arena, &records, &count);
    require(outcome == OK || outcome == &fault_caa_set);
    if (outcome == OK) {
        require(count <= CAA_RECORDS_MAX && caa_set_sort(records, count) == count);
        require(caa_set_encode(records, count, &again) == OK && span_equal(buffer_span(&again), span_of(bytes, size)));
    }
    buffer_done(&again);
}

/* Records behind their lengths. */
static size_t read_list(const uint8_t *bytes, size_t size, struct caa_record records[RECORDS_MAX]) {
    struct cursor input = cursor_of(span_of(bytes, size));
    struct reason reason;
    struct span rdata;
    size_t count = 0;
    while (count < RECORDS_MAX && cursor_vector(&input, 1, &rdata))
        count += caa_record_parse(rdata, &records[count], &reason) == OK;
    return count;
}

static void check_text(const struct caa_record *record) {
    struct buffer text = buffer_with_limit(LIMIT);
    require(caa_record_to_text(record, &text));
    for (size_t i = 0; i < text.size; i++)
        require(text.bytes[i] >= ' ' && text.bytes[i] <= '~');
    buffer_done(&text);
}

static void check_copies(const struct caa_record *records, size_t count, struct arena *arena) {
    for (size_t i = 0; i < count; i++) {
        struct caa_record copy;
        require(caa_record_copy(&records[i], arena, &copy) == OK && caa_set_equal(&copy, 1, &records[i], 1));
    }
}

static void check_list(const uint8_t *bytes, size_t size, struct arena *arena) {
    static struct caa_record one[RECORDS_MAX], other[RECORDS_MAX];
    struct buffer a = buffer_with_limit(LIMIT), b = buffer_with_limit(LIMIT);
    size_t count = read_list(bytes, size, one);
    for (size_t i = 0; i < count; i++) {
        other[i] = one[count - 1 - i];
        check_text(&one[i]);
    }
    check_copies(one, count, arena);
    size_t one_count = caa_set_sort(one, count), other_count = caa_set_sort(other, count);
    require(caa_set_equal(one, one_count, other, other_count));
    if (one_count > 0) {
        require(!caa_set_equal(one, one_count, one, one_count - 1));
        other[0].flags = (uint8_t) (other[0].flags ^ 1);
        require(!caa_set_equal(one, one_count, other, one_count));
        other[0].flags = (uint8_t) (other[0].flags ^ 1);
    }
    require(caa_set_encode(one, one_count, &a) == OK && caa_set_encode(other, other_count, &b) == OK);
    require(span_equal(buffer_span(&a), buffer_span(&b)));
    check_stored(a.bytes, a.size, arena);
    struct caa_record *ignored;
    require(caa_set_decode(buffer_span(&a), arena, &ignored, &count) == OK && count == one_count);
    buffer_done(&a);
    buffer_done(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct arena *arena = arena_new(LIMIT);
    struct caa_record record;
    struct reason reason;
    check_stored(bytes, size, arena);
    check_list(bytes, size, arena);
    if (caa_record_parse(span_of(bytes, size), &record, &reason) == OK)
        check_text(&record);
    arena_free(arena);
    return 0;
}
