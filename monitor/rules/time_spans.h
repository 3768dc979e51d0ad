/* Sets of times: sorted, disjoint, closed spans of milliseconds. Room is the caller's. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct time_span {
    int64_t begin_ms, end_ms; /* both belong to it; begin <= end */
};

/* Sorts and joins what overlaps or touches, in place; spans that end before they begin are dropped. Returns how many are left. */
size_t time_spans_unite(struct time_span *spans, size_t count);
/* What two sets share; room for a_count + b_count spans. */
size_t time_spans_intersect(const struct time_span *a, size_t a_count, const struct time_span *b, size_t b_count, struct time_span *ret_spans);
/* Is all of `part` within `whole`? Otherwise *ret_missing_ms is the first instant that is not. */
bool time_spans_cover(const struct time_span *whole, size_t whole_count, const struct time_span *part, size_t part_count, int64_t *ret_missing_ms);
