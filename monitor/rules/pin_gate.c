#include "rules/pin_gate.h"

#include <stdlib.h>

#include "rules/pin_gate_work.h"

enum { DAY_S = 86400 };

const char *gate_verdict_name(enum gate_verdict verdict) {
    static const char *const names[] = {[GATE_SAFE] = "safe", [GATE_LOCKS_OUT] = "locks-out", [GATE_CANNOT_TELL] = "cannot-tell"};
    return names[verdict];
}

/* ---- since when */

/* A release that has ended, and refused: until then the key was not staged everywhere. */
static void add_ended(const struct gate_case *one, int64_t on, int64_t *since) {
    const struct release *release = one->release->release;
    bool has_ended = !release->is_retired && release->has_end_of_support && release->end_of_support <= on;
    if (has_ended && gate_acceptance_of(gate_judgement_at(one, on)) != GATE_ACCEPTS && *since < release->end_of_support)
        *since = release->end_of_support;
}

/* False: it is not staged there, or nobody knows since when. */
static bool is_staged(const struct gate_case *one, int64_t on, bool *has_since, int64_t *since) {
    const struct pin_judgement *judgement = gate_judgement_at(one, on);
    const struct release *release = one->release->release;
    if (one->is_records || !gate_is_pinned(judgement))
        return true;
    if (!gate_is_live(one, on)) {
        add_ended(one, on, since);
        return true;
    }
    if (gate_acceptance_of(judgement) != GATE_ACCEPTS || release == NULL || !release->has_released_on)
        return false;
    *since = *since > release->released_on ? *since : release->released_on;
    *has_since = true;
    return true;
}

static void find_staged_since(const struct gate_work *work, struct gate_answer *answer) {
    answer->staged_since = INT64_MIN;
    for (size_t i = 0; i < work->case_count; i++)
        if (!is_staged(&work->cases[i], work->question->on, &answer->has_staged_since, &answer->staged_since)) {
            answer->has_staged_since = false;
            return;
        }
}

/* ---- from when on */

struct days {
    int64_t *items; /* in order, each once; the first is `on` */
    size_t count, rooms;
    int64_t on;
};

static void add_day(struct days *days, int64_t time) {
    if (time > days->on && days->count < days->rooms && time < INT64_MAX - DAY_S)
        days->items[days->count++] = time % DAY_S == 0 ? time : time - time % DAY_S + DAY_S;
}

static int compare_days(const void *a, const void *b) {
    int64_t one = *(const int64_t *) a, other = *(const int64_t *) b;
    return (one > other) - (one < other);
}

static void sort_days(struct days *days) {
    size_t kept = 1;
    qsort(days->items, days->count, sizeof *days->items, compare_days);
    for (size_t i = 1; i < days->count; i++)
        if (days->items[i] != days->items[kept - 1])
            days->items[kept++] = days->items[i];
    days->count = kept;
}

static size_t count_times(const struct gate_work *work) {
    size_t count = 5;
    for (size_t i = 0; i < work->case_count; i++)
        count += work->cases[i].era_count + 3;
    return count;
}

/* The days on which something changes. */
static result find_days(const struct gate_work *work, struct days *ret_days) {
    const struct gate_question *question = work->question;
    struct days days = {.rooms = count_times(work), .on = question->on};
    days.items = arena_take_array(work->arena, days.rooms, sizeof *days.items);
    if (days.items == NULL)
        return &fault_no_memory;
    days.items[days.count++] = question->on;
    for (size_t i = 0; i < work->case_count; i++) {
        const struct gate_case *one = &work->cases[i];
        const struct release *release = one->release->release;
        for (size_t era = 1; era < one->era_count; era++)
            add_day(&days, one->eras[era].from);
        if (release != NULL && release->has_released_on) {
            add_day(&days, release->released_on);
            add_day(&days, release->released_on + (int64_t) question->min_age_days * DAY_S);
        }
        if (release != NULL && release->has_end_of_support)
            add_day(&days, release->end_of_support);
    }
    if (question->has_tlsa_since && question->has_tlsa_ttl)
        add_day(&days, question->tlsa_since + 2 * (int64_t) question->tlsa_ttl_s);
    if (question->has_tlsa_seen && question->has_tlsa_ttl)
        add_day(&days, question->tlsa_seen + 2 * (int64_t) question->tlsa_ttl_s);
    if (work->certificate.has_validity)
        add_day(&days, work->certificate.not_before);
    sort_days(&days);
    *ret_days = days;
    return OK;
}

/* The first day from which on no day is unsafe; a day that is safe at once is told as such, whatever comes later. */
static result find_safe_from(const struct gate_work *work, struct gate_answer *answer) {
    struct days days;
    struct gate_day day;
    if (answer->verdict == GATE_SAFE) {
        answer->has_safe_from = true;
        answer->safe_from = work->question->on;
        return OK;
    }
    TRY(find_days(work, &days));
    for (size_t i = days.count; i-- > 1;) {
        TRY(gate_look_at_day(work, days.items[i], false, &day));
        if (day.verdict != GATE_SAFE)
            break;
        TRY(gate_look_at_day(work, days.items[i], true, &day));
        answer->has_safe_from = day.verdict == GATE_SAFE;
        answer->safe_from = day.verdict == GATE_SAFE ? days.items[i] : 0;
    }
    return OK;
}

/* ---- releases */

static unsigned gravity_of(const struct gate_release_answer *answer) {
    static const unsigned gravities[] = {[GATE_ACCEPTS] = 1, [GATE_UNKNOWN] = 2, [GATE_REFUSES] = 3};
    return answer->is_live ? gravities[gate_acceptance_of(&answer->by)] : 0;
}

static result answer_releases(const struct gate_work *work, struct gate_answer *answer) {
    struct gate_release_answer *answers = arena_take_array(work->arena, work->case_count + 1, sizeof *answers);
    if (answers == NULL)
        return &fault_no_memory;
    answer->releases = answers;
    for (unsigned gravity = 4; gravity-- > 0;)
        for (size_t i = 0; i < work->case_count; i++) {
            const struct gate_case *one = &work->cases[i];
            struct gate_release_answer made = {.release = one->is_records ? NULL : one->release, .by = *gate_judgement_at(one, work->question->on),
                                               .is_live = gate_is_live(one, work->question->on)};
            made.verdict = made.by.verdict;
            if (gravity_of(&made) == gravity)
                answers[answer->release_count++] = made;
        }
    return OK;
}

result pin_gate(const struct gate_question *question, struct arena *arena, struct gate_answer *ret_answer) {
    struct gate_work work = {.question = question, .arena = arena};
    struct gate_day day;
    *ret_answer = (struct gate_answer){.refused_app = ""};
    TRY(gate_judge_all(&work));
    TRY(gate_look_at_day(&work, question->on, true, &day));
    ret_answer->verdict = day.verdict;
    ret_answer->refused_share = day.refused_share;
    ret_answer->refused_app = day.refused_app;
    TRY(answer_releases(&work, ret_answer));
    TRY(find_safe_from(&work, ret_answer));
    find_staged_since(&work, ret_answer);
    TRY(gate_backups_left(&work, &ret_answer->backups_left));
    return gate_add_reasons(&work, &day, ret_answer);
}
