/* Requests with reports: the same however they come in pieces, never more of a body than may be, no path or address beyond its room.
 *
 * library: reports
 * parser: reports/request.c
 * seeds: report-request */
#include "fuzz/harness.h"
#include "base/memory.h"
#include "reports/request.h"

enum { BODY_MAX = 100 };

/* In pieces of 1, 2, 3 … bytes. */
static bool take_pieces(struct span rest, struct request_chunks *chunks, struct buffer *body) {
    for (size_t at = 0, step = 1; at < rest.size; at += step, step = step % 5 + 1)
        if (!request_chunks_take(chunks, span_of(rest.bytes + at, step < rest.size - at ? step : rest.size - at), body))
            return false;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct span input = span_of(bytes, size);
    struct request_head head;
    size_t head_size = request_head_size(input, 0);
    require(head_size <= size && (head_size == 0 || memcmp(bytes + head_size - 4, "\r\n\r\n", 4) == 0));
    for (size_t cut = 0; cut < head_size; cut++)
        require(request_head_size(span_of(bytes, cut), 0) == 0);
    unsigned status = request_head_read(span_of(bytes, head_size), BODY_MAX, &head);
    require(status == 0 || (status >= 400 && status <= 599));
    require(strlen(head.path) < sizeof head.path && strlen(head.forwarded) < sizeof head.forwarded);
    if (status == 0)
        require(head.is_post && head.body_size <= BODY_MAX && (head.path[0] == '/' || head.path[0] == '\0'));
    CLEANUP(buffer_done) struct buffer whole = buffer_with_limit(BODY_MAX), pieces = buffer_with_limit(BODY_MAX);
    struct request_chunks at_once = {.left = 0}, bit_by_bit = {.left = 0};
    struct span rest = span_of(bytes + head_size, size - head_size);
    bool is_good = request_chunks_take(&at_once, rest, &whole);
    require(take_pieces(rest, &bit_by_bit, &pieces) == is_good && whole.size <= BODY_MAX);
    if (is_good)
        require(at_once.state == bit_by_bit.state && span_equal(buffer_span(&whole), buffer_span(&pieces)));
    return 0;
}
