#include "vector_text.h"

#include "base/memory.h"
#include "reports/request.h"

enum { BODY_MAX = 100 };

static void judge_chunks(struct span rest, char *ret_line, size_t size) {
    CLEANUP(buffer_done) struct buffer whole = buffer_with_limit(BODY_MAX), single = buffer_with_limit(BODY_MAX);
    struct request_chunks at_once = {.left = 0}, bytewise = {.left = 0};
    bool is_good = request_chunks_take(&at_once, rest, &whole), is_good_bytewise = true;
    for (size_t i = 0; i < rest.size && is_good_bytewise; i++)
        is_good_bytewise = request_chunks_take(&bytewise, span_of(rest.bytes + i, 1), &single);
    assert_int_equal(is_good, is_good_bytewise); /* however it comes in pieces */
    if (!is_good)
        snprintf(ret_line, size, whole.failed ? "too large" : "broken chunks");
    else if (at_once.state != CHUNK_DONE)
        snprintf(ret_line, size, "not all chunks");
    else {
        assert_true(span_equal(buffer_span(&whole), buffer_span(&single)));
        snprintf(ret_line, size, "body of %zu", whole.size);
    }
}

static void judge(struct span input, char *ret_line, size_t size) {
    struct request_head head;
    size_t head_size = request_head_size(input, 0);
    for (size_t searched = 0; searched <= head_size && head_size > 0; searched++) /* an end that came in pieces is found all the same */
        assert_int_equal(request_head_size(input, searched > head_size - 1 ? head_size - 1 : searched), head_size);
    if (head_size == 0) {
        snprintf(ret_line, size, "no end of the head");
        return;
    }
    unsigned status = request_head_read(span_of(input.bytes, head_size), BODY_MAX, &head);
    if (status != 0) {
        snprintf(ret_line, size, "%u", status);
        return;
    }
    char rest[64];
    struct span body = span_of(input.bytes + head_size, input.size - head_size);
    if (head.is_chunked)
        judge_chunks(body, rest, sizeof rest);
    else if (body.size < head.body_size)
        snprintf(rest, sizeof rest, "%zu bytes are missing", head.body_size - body.size);
    else
        snprintf(rest, sizeof rest, "body of %zu", head.body_size);
    if (head.is_chunked && strncmp(rest, "body", 4) != 0)
        snprintf(ret_line, size, "%s", rest);
    else
        snprintf(ret_line, size, "%s%s%s%s, %s", head.path, head.wants_continue ? ", waits" : "", head.forwarded[0] == '\0' ? "" : ", for ", head.forwarded, rest);
}

static void requests_are_read_strictly(void **state) {
    (void) state;
    vector_texts_check("report-request", judge);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(requests_are_read_strictly)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
