#include "rules/time_spans.h"

#include <stdlib.h>

static int by_begin(const void *a, const void *b) {
    const struct time_span *x = a, *y = b;
    return (x->begin_ms > y->begin_ms) - (x->begin_ms < y->begin_ms);
}

size_t time_spans_unite(struct time_span *spans, size_t count) {
    size_t kept = 0;
    if (count > 1)
        qsort(spans, count, sizeof *spans, by_begin);
    for (size_t i = 0; i < count; i++) {
        struct time_span span = spans[i];
        if (span.end_ms < span.begin_ms)
            continue;
        bool touches = kept > 0 && span.begin_ms - 1 <= spans[kept - 1].end_ms;
        if (!touches)
            spans[kept++] = span;
        else if (span.end_ms > spans[kept - 1].end_ms)
            spans[kept - 1].end_ms = span.end_ms;
    }
    return kept;
}

size_t time_spans_intersect(const struct time_span *a, size_t a_count, const struct time_span *b, size_t b_count, struct time_span *ret_spans) {
    size_t count = 0;
    for (size_t i = 0, j = 0; i < a_count && j < b_count;) {
        struct time_span both = {.begin_ms = a[i].begin_ms > b[j].begin_ms ? a[i].begin_ms : b[j].begin_ms,
                                 .end_ms = a[i].end_ms < b[j].end_ms ? a[i].end_ms : b[j].end_ms};
        if (both.begin_ms <= both.end_ms)
            ret_spans[count++] = both;
        if (a[i].end_ms < b[j].end_ms)
            i++;
        else
            j++;
    }
    return count;
}

bool time_spans_cover(const struct time_span *whole, size_t whole_count, const struct time_span *part, size_t part_count, int64_t *ret_missing_ms) {
    size_t at = 0;
    for (size_t i = 0; i < part_count; i++) {
        while (at < whole_count && whole[at].end_ms < part[i].begin_ms)
            at++;
        if (at == whole_count || whole[at].begin_ms > part[i].begin_ms) {
            *ret_missing_ms = part[i].begin_ms;
            return false;
        }
        if (whole[at].end_ms < part[i].end_ms) {
            *ret_missing_ms = whole[at].end_ms + 1;
            return false;
        }
    }
    return true;
}
