#include "rules/pin_forecast.h"

#include <stdlib.h>

#include "rules/pin_forecast_work.h"
#include "rules/pin_holder.h"

static const char why_no_key_is_known[] = "no certificate of this host is known";

/* ---- words of the contract */

const char *forecast_state_name(enum forecast_state state) {
    static const char *const names[] = {[FORECAST_NOT_LIVE] = "not-live", [FORECAST_NOT_PINNED] = "not-pinned", [FORECAST_ACCEPTED] = "accepted",
                                        [FORECAST_CANNOT_TELL] = "cannot-tell", [FORECAST_NO_KEY] = "no-key"};
    return names[state];
}

const char *forecast_cause_name(enum forecast_cause cause) {
    static const char *const names[] = {[FORECAST_NOW] = "now", [FORECAST_CERTIFICATE_ENDS] = "certificate-ends", [FORECAST_CA_ENDS] = "ca-ends",
                                        [FORECAST_ROTATION] = "rotation", [FORECAST_RELEASE_BEGINS] = "release-begins", [FORECAST_PINS_END] = "pins-end"};
    return names[cause];
}

const char *forecast_event_name(enum forecast_event_kind kind) {
    static const char *const names[] = {[FORECAST_LOSES] = "loses", [FORECAST_UNSURE] = "cannot-tell", [FORECAST_CERTIFICATE] = "certificate-ends", [FORECAST_CA] = "ca-ends",
                                        [FORECAST_PINS] = "pins-end", [FORECAST_ROTATES] = "rotation", [FORECAST_COMES_OUT] = "release-begins", [FORECAST_ENDS] = "release-ends"};
    return names[kind];
}

const char *forecast_verdict_name(enum forecast_verdict verdict) {
    static const char *const names[] = {[FORECAST_FINE] = "fine", [FORECAST_LOSS] = "loses", [FORECAST_UNKNOWN] = "cannot-tell"};
    return names[verdict];
}

/* ---- one release at one time */

static bool is_better(const struct forecast_sight *one, const struct forecast_sight *other) {
    return one->state < other->state || (one->state == other->state && other->offer == NULL);
}

static result look_at_offers(struct forecast_work *work, const struct gate_release *release, int64_t time, struct forecast_sight *sight) {
    static const enum forecast_state states[] = {[GATE_ACCEPTS] = FORECAST_ACCEPTED, [GATE_UNKNOWN] = FORECAST_CANNOT_TELL, [GATE_REFUSES] = FORECAST_NO_KEY};
    for (size_t i = 0; i < work->offer_count && sight->state != FORECAST_ACCEPTED; i++) {
        struct forecast_offer *offer = &work->offers[i];
        struct forecast_sight one = {.offer = offer};
        if (time < offer->begin || time >= offer->end)
            continue;
        TRY(forecast_ask(work, offer, release, time, &one.judgement));
        one.state = states[gate_acceptance_of(&one.judgement)];
        if (is_better(&one, sight))
            *sight = one;
    }
    return OK;
}

static bool is_rotated(const struct forecast_work *work, int64_t time) {
    for (size_t i = 0; i < work->answer->key_count; i++)
        if (work->answer->keys[i]->is_rotation && work->answer->keys[i]->from <= time)
            return true;
    return false;
}

static result look(struct forecast_work *work, const struct gate_release *release, int64_t time, struct forecast_sight *ret_sight) {
    *ret_sight = (struct forecast_sight){.state = FORECAST_NOT_LIVE, .judgement = {.why = "it is not out, or its support has ended"}};
    if (release->release != NULL && !release_is_live(release->release, time))
        return OK;
    TRY(forecast_ask(work, &work->nothing, release, time, &ret_sight->judgement));
    ret_sight->state = FORECAST_NOT_PINNED;
    if (!gate_is_pinned(&ret_sight->judgement))
        return OK;
    bool is_known = is_rotated(work, time) || (work->has_served && time >= work->first_served);
    ret_sight->state = ret_sight->judgement.why == gate_why_left_out || !is_known ? FORECAST_CANNOT_TELL : FORECAST_NO_KEY;
    if (!is_known)
        ret_sight->judgement.why = ret_sight->judgement.why == gate_why_left_out ? gate_why_left_out : why_no_key_is_known;
    TRY(look_at_offers(work, release, time, ret_sight));
    if (ret_sight->state == FORECAST_CANNOT_TELL && forecast_are_pins_over(work->forecast, release, time))
        ret_sight->state = FORECAST_NO_KEY;
    return OK;
}

/* ---- one release over time */

static void add_ends_of_pin(const struct forecast_work *work, const struct pin *pin, struct forecast_times *times) {
    struct pin_holder holder;
    if (pin_holder_find(pin, work->forecast->question->extra, &holder) && holder.has_end)
        forecast_times_add(times, forecast_after(holder.end));
}

static void add_ends_of_set(const struct forecast_work *work, const struct pin_set *set, struct forecast_times *times) {
    bool is_far = set->expires > INT64_MAX - FORECAST_ZONE_LAST_S || set->expires < INT64_MIN + FORECAST_ZONE_FIRST_S;
    if (set->has_expiry && !is_far) {
        forecast_times_add(times, set->expires - (set->is_expiry_local ? FORECAST_ZONE_FIRST_S : 0));
        forecast_times_add(times, set->expires + (set->is_expiry_local ? FORECAST_ZONE_LAST_S : 0));
    }
    for (size_t i = 0; i < set->group_count; i++)
        for (size_t k = 0; k < set->groups[i].count; k++)
            add_ends_of_pin(work, &set->groups[i].pins[k], times);
}

static size_t count_times(const struct forecast_work *work, const struct gate_release *release) {
    size_t count = 4 + work->eras.count + 3 * work->answer->key_count;
    for (size_t i = 0; i < release->document_count; i++)
        for (size_t k = 0; k < release->documents[i].set_count; k++) {
            const struct pin_set *set = &release->documents[i].sets[k];
            count += 2;
            for (size_t group = 0; group < set->group_count; group++)
                count += set->groups[group].count;
        }
    return count;
}

/* When anything may change for it. */
static result find_times(const struct forecast_work *work, const struct gate_release *release, struct forecast_times *ret_times) {
    const struct release *facts = release->release;
    TRY(forecast_times_make(work->forecast->question, count_times(work, release), work->scratch, ret_times));
    for (size_t i = 0; i < work->eras.count; i++)
        forecast_times_add(ret_times, work->eras.items[i]);
    for (size_t i = 0; i < work->answer->key_count; i++) {
        const struct forecast_key *key = work->answer->keys[i];
        if (key->is_rotation)
            forecast_times_add(ret_times, key->from);
        if (key->has_validity) {
            forecast_times_add(ret_times, key->not_before);
            forecast_times_add(ret_times, forecast_after(key->not_after));
        }
    }
    if (facts != NULL && facts->has_released_on)
        forecast_times_add(ret_times, facts->released_on);
    if (facts != NULL && facts->has_end_of_support)
        forecast_times_add(ret_times, facts->end_of_support);
    for (size_t i = 0; i < release->document_count; i++)
        for (size_t k = 0; k < release->documents[i].set_count; k++)
            add_ends_of_set(work, &release->documents[i].sets[k], ret_times);
    forecast_times_sort(ret_times);
    return OK;
}

/* A set that ends at this time, or begins to end somewhere. */
static bool has_set_ending(const struct gate_release *release, int64_t time) {
    for (size_t i = 0; i < release->document_count; i++)
        for (size_t k = 0; k < release->documents[i].set_count; k++) {
            const struct pin_set *set = &release->documents[i].sets[k];
            int64_t first = set->is_expiry_local ? FORECAST_ZONE_FIRST_S : 0, last = set->is_expiry_local ? FORECAST_ZONE_LAST_S : 0;
            if (set->has_expiry && (set->expires == time + first || set->expires == time - last))
                return true;
        }
    return false;
}

static bool is_rotation_day(const struct forecast_work *work, int64_t time) {
    for (size_t i = 0; i < work->answer->key_count; i++)
        if (work->answer->keys[i]->is_rotation && work->answer->keys[i]->from == time)
            return true;
    return false;
}

static bool has_certificate_ending(const struct forecast_work *work, int64_t time) {
    for (size_t i = 0; i < work->answer->key_count; i++)
        if (work->answer->keys[i]->has_validity && forecast_after(work->answer->keys[i]->not_after) == time)
            return true;
    return false;
}

static enum forecast_cause cause_of(const struct forecast_work *work, const struct gate_release *release, int64_t time, const struct forecast_sight *before) {
    if (before == NULL)
        return FORECAST_NOW;
    if (before->state == FORECAST_NOT_LIVE)
        return FORECAST_RELEASE_BEGINS;
    if (is_rotation_day(work, time))
        return FORECAST_ROTATION;
    if (has_certificate_ending(work, time))
        return FORECAST_CERTIFICATE_ENDS;
    return has_set_ending(release, time) ? FORECAST_PINS_END : FORECAST_CA_ENDS;
}

static result add_loss(struct forecast_work *work, const struct forecast_line *line, int64_t time, const struct forecast_sight *before, const struct forecast_sight *now) {
    struct forecast_answer *answer = work->answer;
    struct forecast_loss *losses = arena_take_array(work->arena, answer->loss_count + 1, sizeof *losses);
    if (losses == NULL)
        return &fault_no_memory;
    if (answer->loss_count > 0)
        memcpy(losses, answer->losses, answer->loss_count * sizeof *losses);
    struct forecast_loss *loss = &losses[answer->loss_count];
    *loss = (struct forecast_loss){.line = line, .at = time, .cause = cause_of(work, line->release, time, before)};
    loss->why = forecast_why(work, loss, before, &now->judgement);
    if (loss->why == NULL)
        return &fault_no_memory;
    answer->losses = losses;
    answer->loss_count++;
    return OK;
}

static void add_period(struct forecast_line *line, int64_t time, const struct forecast_sight *sight) {
    bool is_accepted = sight->state == FORECAST_ACCEPTED && sight->offer != NULL;
    line->periods[line->count++] = (struct forecast_period){.from = time, .state = sight->state, .key = is_accepted ? sight->offer->key : NULL,
                                                            .is_renewal = is_accepted && sight->offer->is_renewal, .judgement = sight->judgement};
}

static result follow(struct forecast_work *work, struct forecast_line *line) {
    struct forecast_times times;
    struct forecast_sight sight, before = {.state = FORECAST_NOT_LIVE};
    TRY(find_times(work, line->release, &times));
    struct forecast_period *periods = arena_take_array(work->scratch, times.count, sizeof *periods);
    line->periods = periods;
    if (periods == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < times.count; i++) {
        TRY(look(work, line->release, times.items[i], &sight));
        if (i == 0 || sight.state != before.state)
            add_period(line, times.items[i], &sight);
        if (sight.state == FORECAST_NO_KEY && (i == 0 || before.state != FORECAST_NO_KEY))
            TRY(add_loss(work, line, times.items[i], i == 0 ? NULL : &before, &sight));
        before = sight;
    }
    line->periods = arena_take_array(work->arena, line->count, sizeof *line->periods);
    if (line->periods == NULL)
        return &fault_no_memory;
    memcpy(line->periods, periods, line->count * sizeof *periods);
    return OK;
}

/* ---- losses */

static enum forecast_state state_at(const struct forecast_line *line, int64_t time) {
    size_t place = 0;
    while (place + 1 < line->count && line->periods[place + 1].from <= time)
        place++;
    return line->periods[place].state;
}

static bool is_same_app(const struct gate_release *one, const struct gate_release *other) {
    return one == other || (one->release != NULL && other->release != NULL && release_is_same_app(one->release, other->release));
}

/* Shares of one app add up, over its platforms. */
static void find_share(const struct forecast_answer *answer, struct forecast_loss *loss) {
    loss->has_app_share = true;
    for (size_t i = 0; i < answer->line_count; i++) {
        const struct gate_release *release = answer->lines[i].release;
        if (!is_same_app(release, loss->line->release) || state_at(&answer->lines[i], loss->at) != FORECAST_NO_KEY)
            continue;
        bool is_known = release->release != NULL && release->release->has_share;
        loss->has_app_share = loss->has_app_share && is_known;
        loss->app_share += is_known ? release->release->share : 0;
    }
    if (loss->app_share > 1) /* people's numbers: a sum may be a little too large */
        loss->app_share = 1;
}

static void find_end(struct forecast_loss *loss) {
    const struct forecast_line *line = loss->line;
    for (size_t i = 0; i < line->count && !loss->has_end; i++)
        if (line->periods[i].from > loss->at && line->periods[i].state != FORECAST_NO_KEY && line->periods[i].state != FORECAST_CANNOT_TELL) {
            loss->has_end = true;
            loss->end = line->periods[i].from;
        }
}

static int compare_losses(const void *a, const void *b) {
    const struct forecast_loss *one = a, *other = b;
    if (one->at != other->at)
        return one->at > other->at ? 1 : -1;
    return (one->line->number > other->line->number) - (one->line->number < other->line->number);
}

static void settle(struct forecast_answer *answer) {
    for (size_t i = 0; i < answer->loss_count; i++) {
        find_end(&answer->losses[i]);
        find_share(answer, &answer->losses[i]);
    }
    if (answer->loss_count > 1)
        qsort(answer->losses, answer->loss_count, sizeof *answer->losses, compare_losses);
    for (size_t i = 0; i < answer->line_count; i++)
        for (size_t k = 0; k < answer->lines[i].count; k++)
            if (answer->lines[i].periods[k].state == FORECAST_CANNOT_TELL)
                answer->verdict = FORECAST_UNKNOWN;
    if (answer->loss_count > 0)
        answer->verdict = FORECAST_LOSS;
}

/* ---- one host */

/* The release with what its documents say about the host; NULL in *ret_release: nothing. */
static result narrow_release(struct forecast_work *work, size_t number, struct gate_release **ret_release) {
    struct forecast *forecast = work->forecast;
    const struct gate_release *release = &forecast->question->releases[number];
    struct gate_release *made = arena_take(work->arena, sizeof *made);
    struct pin_document *documents = arena_take_array(work->arena, release->document_count + 1, sizeof *documents);
    bool says_something = false;
    *ret_release = NULL;
    if (made == NULL || documents == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < release->document_count; i++) {
        struct forecast_view *view = &forecast->views[forecast->views_of[number][i]];
        TRY(forecast_narrow(view, work->service, work->arena, &documents[i]));
        says_something = says_something || documents[i].set_count > 0 || view->has_errors;
    }
    *made = (struct gate_release){.release = release->release, .documents = documents, .document_count = release->document_count};
    *ret_release = says_something ? made : NULL;
    return OK;
}

static result follow_all(struct forecast_work *work) {
    const struct forecast_question *question = work->forecast->question;
    struct forecast_answer *answer = work->answer;
    answer->lines = arena_take_array(work->arena, question->release_count + 1, sizeof *answer->lines);
    if (answer->lines == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < question->release_count; i++) {
        struct gate_release *release;
        if (forecast_is_over(&question->releases[i], question->from))
            continue;
        TRY(narrow_release(work, i, &release));
        if (release == NULL)
            continue;
        struct forecast_line *line = &answer->lines[answer->line_count++];
        *line = (struct forecast_line){.release = release, .number = i};
        TRY(follow(work, line));
    }
    return OK;
}

result forecast_host(struct forecast *forecast, const struct forecast_service *service, struct arena *scratch, struct arena *arena, struct forecast_answer *ret_answer) {
    *ret_answer = (struct forecast_answer){.service = *service};
    struct forecast_work work = {.forecast = forecast, .service = service, .scratch = scratch, .arena = arena, .answer = ret_answer};
    TRY(forecast_make_offers(&work));
    TRY(follow_all(&work));
    settle(ret_answer);
    TRY(forecast_find_staged(&work));
    return forecast_find_events(&work);
}
