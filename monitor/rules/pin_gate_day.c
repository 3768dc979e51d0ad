/* The gate on one day: everything that is live then, taken together. */
#include "rules/pin_gate_work.h"

enum { DAY_S = 86400 };

/* Sums of shares that people wrote: 0.1 + 0.2 is 0.3. */
static const double share_slack = 1e-9;

/* What is known of one app on one day. */
struct app_sum {
    double refused, doubtful;
};

/* Of one app on one platform: its users get no release of another. */
struct staging {
    bool is_pinned;           /* some release has the next pin */
    bool has_date, lacks_date;
    int64_t first;            /* when the first of them came out */
};

static double share_of(const struct gate_case *one) {
    const struct release *release = one->release->release;
    return release != NULL && release->has_share ? release->share : 1;
}

static bool was_out(const struct gate_case *one, int64_t time) {
    const struct release *release = one->release->release;
    return release == NULL || !release->has_released_on || release->released_on <= time;
}

/* Ended releases had the pin, too: their users are used to it. */
static void add_age(const struct gate_case *one, int64_t time, struct staging *staging) {
    const struct release *release = one->release->release;
    bool is_live = gate_is_live(one, time);
    if (!was_out(one, time))
        return;
    staging->is_pinned = staging->is_pinned || is_live;
    if (release == NULL || !release->has_released_on) {
        staging->lacks_date = staging->lacks_date || is_live;
        return;
    }
    staging->first = staging->has_date && staging->first < release->released_on ? staging->first : release->released_on;
    staging->has_date = true;
}

static void add_case(const struct gate_case *one, int64_t time, struct app_sum *app, struct staging *staging) {
    const struct pin_judgement *judgement = gate_judgement_at(one, time);
    enum gate_acceptance acceptance = gate_acceptance_of(judgement);
    if (acceptance == GATE_ACCEPTS && gate_is_pinned(judgement) && !one->is_records)
        add_age(one, time, staging);
    if (!gate_is_live(one, time) || acceptance == GATE_ACCEPTS)
        return;
    app->doubtful += share_of(one);
    if (acceptance == GATE_REFUSES)
        app->refused += share_of(one);
}

static void look_at_age(const struct gate_work *work, const struct staging *staging, int64_t time, struct gate_day *day) {
    int64_t wait = (int64_t) work->question->min_age_days * DAY_S;
    if (wait == 0 || !staging->is_pinned)
        return;
    bool is_old = staging->has_date && staging->first + wait <= time;
    if (!is_old && staging->lacks_date) {
        day->is_age_unknown = true;
    } else if (!is_old) {
        day->age_reached = day->is_too_young && day->age_reached > staging->first + wait ? day->age_reached : staging->first + wait;
        day->is_too_young = true;
    }
}

/* The same certificate, or, where only its key counts, the same key. */
static bool is_in_use_already(const struct pin_link *current, const struct pin_link *next, bool is_key) {
    bool is_same_key = hash_equal(&current->spki_sha256, &next->spki_sha256);
    return is_same_key && (is_key || (next->certificate.size > 0 && span_equal(current->certificate, next->certificate)));
}

static void look_at_record_age(const struct gate_question *question, int64_t time, struct gate_day *day) {
    if (!question->has_tlsa_ttl || !(question->has_tlsa_since || question->has_tlsa_seen)) {
        day->is_tlsa_age_unknown = true;
        return;
    }
    day->tlsa_usable = (question->has_tlsa_since ? question->tlsa_since : question->tlsa_seen) + 2 * (int64_t) question->tlsa_ttl_s;
    bool *is_early = question->has_tlsa_since ? &day->is_tlsa_waiting : &day->is_tlsa_age_unknown; /* what was seen may have been there for long */
    *is_early = *is_early || time < day->tlsa_usable;
}

/* RFC 7671 8.1: whoever has the records from before still in a cache does not know the new one. The key that they were for may stay. */
static void look_at_tlsa(const struct gate_work *work, const struct gate_case *one, int64_t time, struct gate_day *day) {
    const struct gate_question *question = work->question;
    const struct pin_judgement *judgement = gate_judgement_at(one, time);
    if (!(one->is_records || one->has_tlsa) || !gate_is_live(one, time) || judgement->verdict != PIN_VERDICT_ACCEPTS || !gate_is_pinned(judgement))
        return;
    bool is_key = judgement->by != NULL && judgement->by_place == 0 && judgement->by->kind == PIN_SPKI;
    if (question->current != NULL && is_in_use_already(question->current, question->next, is_key))
        return;
    look_at_record_age(question, time, day);
}

static bool certificate_locks_out(const struct gate_certificate *certificate, int64_t time, bool is_first) {
    if (!certificate->is_given)
        return false;
    bool is_early = certificate->has_validity && time < certificate->not_before, is_late = certificate->has_validity && time > certificate->not_after;
    return !certificate->is_for_host || certificate->obstacle != NULL || is_early || (is_first && is_late);
}

static bool certificate_leaves_open(const struct gate_certificate *certificate) {
    return certificate->doubt != NULL || (certificate->is_given && !certificate->has_validity);
}

static bool records_leave_open(const struct gate_question *question, const struct gate_day *day) {
    return question->tlsa_trouble != NULL || day->is_tlsa_age_unknown;
}

static void decide(const struct gate_work *work, int64_t time, bool is_first, struct gate_day *day) {
    const struct gate_question *question = work->question;
    bool needs_issuance = !work->certificate.is_given;
    bool locks_out = day->refused_share > question->max_share + share_slack || day->is_too_young || day->is_tlsa_waiting ||
                     certificate_locks_out(&work->certificate, time, is_first) || (needs_issuance && question->caa == GATE_CAA_FORBIDDEN);
    bool is_unknown = day->doubtful_share > question->max_share + share_slack || day->is_nothing_known || day->is_age_unknown || records_leave_open(question, day) ||
                      certificate_leaves_open(&work->certificate) || (needs_issuance && question->caa == GATE_CAA_UNKNOWN);
    day->verdict = locks_out ? GATE_LOCKS_OUT : is_unknown ? GATE_CANNOT_TELL : GATE_SAFE;
}

static double at_most_all(double share) {
    return share > 1 ? 1 : share;
}

result gate_look_at_day(const struct gate_work *work, int64_t time, bool is_first, struct gate_day *ret_day) {
    struct gate_day day = {.refused_app = "", .is_nothing_known = true};
    struct arena *arena = arena_new((work->app_count + 1) * sizeof(struct app_sum) + (work->platform_count + 1) * sizeof(struct staging) + 65536);
    struct app_sum *apps = arena == NULL ? NULL : arena_take_array(arena, work->app_count + 1, sizeof *apps);
    struct staging *stagings = arena == NULL ? NULL : arena_take_array(arena, work->platform_count + 1, sizeof *stagings);
    if (apps == NULL || stagings == NULL) {
        arena_free(arena);
        return &fault_no_memory;
    }
    for (size_t i = 0; i < work->case_count; i++) {
        const struct gate_case *one = &work->cases[i];
        day.is_nothing_known = day.is_nothing_known && !was_out(one, time);
        add_case(one, time, &apps[one->app], &stagings[one->platform]);
        look_at_tlsa(work, one, time, &day);
    }
    for (size_t i = 0; i < work->case_count; i++) {
        const struct app_sum *app = &apps[work->cases[i].app];
        const struct release *release = work->cases[i].release->release;
        double refused = at_most_all(app->refused), doubtful = at_most_all(app->doubtful);
        if (refused > day.refused_share)
            day.refused_app = release == NULL ? "" : release->app;
        day.refused_share = refused > day.refused_share ? refused : day.refused_share;
        day.doubtful_share = doubtful > day.doubtful_share ? doubtful : day.doubtful_share;
        look_at_age(work, &stagings[work->cases[i].platform], time, &day);
    }
    arena_free(arena);
    decide(work, time, is_first, &day);
    *ret_day = day;
    return OK;
}
