#include "steps/world_clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VIEW_LASTS_MS ((int64_t) 2 * 3600 * 1000) /* lists are asked for hourly */
#define JUMP_MS 60000 /* more than any step of a clock that is kept */

static int64_t magnitude(int64_t number) {
    return number < 0 ? -number : number;
}

static struct world_clock_view *view_of(struct world_clock *clock, const char *operator_name) {
    size_t oldest = 0;
    for (size_t i = 0; i < clock->count; i++) {
        if (strncmp(clock->views[i].operator_name, operator_name, sizeof clock->views[i].operator_name - 1) == 0)
            return &clock->views[i];
        oldest = clock->views[i].heard_ms < clock->views[oldest].heard_ms ? i : oldest;
    }
    struct world_clock_view *view = &clock->views[clock->count < WORLD_CLOCK_VIEWS_MAX ? clock->count++ : oldest];
    snprintf(view->operator_name, sizeof view->operator_name, "%s", operator_name);
    return view;
}

static void forget_old(struct world_clock *clock, int64_t now_ms) {
    for (size_t i = clock->count; i-- > 0;)
        if (now_ms - clock->views[i].heard_ms > VIEW_LASTS_MS)
            clock->views[i] = clock->views[--clock->count];
}

static int compare_numbers(const void *left, const void *right) {
    int64_t a = *(const int64_t *) left, b = *(const int64_t *) right;
    return (a > b) - (a < b);
}

/* Of two in the middle the one nearer to us: one operator alone among two moves nothing. */
static int64_t middle_of(const struct world_clock *clock) {
    int64_t sorted[WORLD_CLOCK_VIEWS_MAX];
    for (size_t i = 0; i < clock->count; i++)
        sorted[i] = clock->views[i].ahead_ms;
    qsort(sorted, clock->count, sizeof sorted[0], compare_numbers);
    int64_t below = sorted[(clock->count - 1) / 2], above = sorted[clock->count / 2];
    return magnitude(below) < magnitude(above) ? below : above;
}

bool world_clock_is_known(const struct world_clock *clock) {
    return clock->count >= 2 || (clock->count == 1 && clock->asked == 1);
}

void world_clock_set_asked(struct world_clock *clock, const char *const *names, size_t count) {
    clock->asked = 0;
    for (size_t i = 0; i < count; i++) {
        size_t first = 0;
        while (strcmp(names[first], names[i]) != 0)
            first++;
        clock->asked += first == i ? 1 : 0;
    }
}

void world_clock_forget(struct world_clock *clock) {
    clock->count = 0;
    clock->ahead_ms = 0;
}

void world_clock_hear(struct world_clock *clock, const struct world_clock_answer *answer) {
    int64_t base_ms = answer->wall_ms - answer->now_ms;
    if (magnitude(base_ms - clock->base_ms) > JUMP_MS)
        clock->count = 0; /* ours was set, or the machine slept: what was heard before says nothing */
    clock->base_ms = base_ms;
    forget_old(clock, answer->now_ms);
    struct world_clock_view *view = view_of(clock, answer->operator_name);
    view->ahead_ms = answer->date_ms - answer->wall_ms;
    view->heard_ms = answer->now_ms;
    int64_t middle_ms = middle_of(clock);
    clock->ahead_ms = world_clock_is_known(clock) && magnitude(middle_ms) > WORLD_CLOCK_WRONG_MS ? middle_ms : 0;
}

int64_t world_clock_time(const struct world_clock *clock, int64_t wall_ms) {
    return clock == NULL ? wall_ms : wall_ms + clock->ahead_ms;
}
