#include "rules/caa_timeline.h"

#include <stdlib.h>
#include <string.h>

#include "rules/caa_track.h"

struct stretch {
    int64_t begin_ms, end_ms;
    const struct caa_run *run;
};
struct row {
    const char *owner;
    struct stretch *stretches;
    size_t count;
    size_t at; /* the first that does not end before the instant that is looked at */
};

static int64_t end_of(const struct caa_owner_history *owner, size_t at, int64_t now_ms) {
    const struct caa_run *run = &owner->runs[at], *next = at + 1 < owner->count && run[1].first_true_ms <= now_ms ? run + 1 : NULL;
    int64_t end_ms = run->last_true_ms + caa_gap_ms(run->interval_s);
    if (next == NULL) {
        end_ms = end_ms < now_ms ? end_ms : now_ms;
        return end_ms > run->last_true_ms ? end_ms : run->last_true_ms;
    }
    return next->first_true_ms <= end_ms ? next->first_true_ms : run->last_true_ms;
}

static int compare_times(const void *a, const void *b) {
    int64_t left = *(const int64_t *) a, right = *(const int64_t *) b;
    return (left > right) - (left < right);
}

/* The owner's runs as half-open stretches; every begin and end goes to `moments`. */
static result lay_out(const struct caa_owner_history *owner, int64_t now_ms, struct arena *arena, struct row *ret_row, int64_t *moments, size_t *count) {
    *ret_row = (struct row){.owner = owner->owner, .stretches = arena_take_array(arena, owner->count + 1, sizeof *ret_row->stretches)};
    if (ret_row->stretches == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < owner->count; i++) {
        if (owner->runs[i].first_true_ms > now_ms) /* by a clock that was ahead */
            continue;
        struct stretch *stretch = &ret_row->stretches[ret_row->count++];
        *stretch = (struct stretch){owner->runs[i].first_true_ms, end_of(owner, i, now_ms), &owner->runs[i]};
        if (stretch->end_ms <= stretch->begin_ms)
            stretch->end_ms = stretch->begin_ms + 1; /* a single answer */
        moments[(*count)++] = stretch->begin_ms;
        moments[(*count)++] = stretch->end_ms;
    }
    return OK;
}

/* What was heard of the owner last before the instant; instants only grow. */
static const struct caa_run *run_at(struct row *row, int64_t instant_ms) {
    while (row->at < row->count && row->stretches[row->at].end_ms <= instant_ms)
        row->at++;
    return row->at < row->count && row->stretches[row->at].begin_ms <= instant_ms ? row->stretches[row->at].run : NULL;
}

static struct caa_period period_at(struct row *rows, size_t count, int64_t instant_ms) {
    for (size_t i = 0; i < count; i++) {
        const struct caa_run *run = run_at(&rows[i], instant_ms);
        if (run == NULL)
            return (struct caa_period){.kind = CAA_PERIOD_UNRECORDED, .owner = rows[i].owner};
        if (run->answer.outcome != CAA_EMPTY)
            return (struct caa_period){.kind = run->answer.outcome == CAA_RECORDS ? CAA_PERIOD_RECORDS : CAA_PERIOD_FAILED, .owner = rows[i].owner, .answer = &run->answer};
    }
    return (struct caa_period){.kind = CAA_PERIOD_EMPTY, .owner = ""};
}

static bool is_same(const struct caa_period *a, const struct caa_period *b) {
    if (a->kind != b->kind || strcmp(a->owner, b->owner) != 0)
        return false;
    return a->answer == b->answer || (caa_answer_says_same(a->answer, b->answer) && strcmp(a->answer->why, b->answer->why) == 0);
}

static void append(struct caa_period *periods, size_t *count, struct caa_period period) {
    struct caa_period *last = *count == 0 ? NULL : &periods[*count - 1];
    if (last != NULL && is_same(last, &period))
        last->end_ms = period.end_ms;
    else if (last != NULL || period.kind != CAA_PERIOD_UNRECORDED)
        periods[(*count)++] = period;
}

result caa_timeline(const struct caa_resolver_history *resolver, int64_t now_ms, struct arena *arena, struct caa_period **ret_periods, size_t *ret_count) {
    size_t runs = 0, moment_count = 0, count = 0;
    for (size_t i = 0; i < resolver->owner_count; i++)
        runs += resolver->owners[i].count;
    struct row *rows = arena_take_array(arena, resolver->owner_count + 1, sizeof *rows);
    int64_t *moments = arena_take_array(arena, 2 * runs + 1, sizeof *moments);
    struct caa_period *periods = arena_take_array(arena, 2 * runs + 1, sizeof *periods);
    if (rows == NULL || moments == NULL || periods == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < resolver->owner_count; i++)
        TRY(lay_out(&resolver->owners[i], now_ms, arena, &rows[i], moments, &moment_count));
    qsort(moments, moment_count, sizeof *moments, compare_times);
    for (size_t i = 0; i + 1 < moment_count; i++) {
        if (moments[i] == moments[i + 1])
            continue;
        struct caa_period period = period_at(rows, resolver->owner_count, moments[i]);
        period.begin_ms = moments[i];
        period.end_ms = moments[i + 1];
        append(periods, &count, period);
    }
    if (count > 0 && periods[count - 1].kind == CAA_PERIOD_UNRECORDED)
        count--;
    *ret_periods = periods;
    *ret_count = count;
    return OK;
}
