#include "rules/pin_plan.h"

#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"

enum { STEPS_MAX = 8, DATE_SIZE = sizeof "2026-11-21", DAY_S = 86400 };

const char *plan_state_name(enum plan_state state) {
    static const char *const names[] = {[PLAN_DONE] = "done", [PLAN_TO_DO] = "to-do", [PLAN_WAITING] = "waiting"};
    return names[state];
}

struct making {
    const struct gate_question *question;
    struct arena *arena;
    struct plan *plan;
    bool has_failed, is_blocked; /* something must be done first */
};

static void write_date(int64_t time, char ret_date[DATE_SIZE]) {
    char text[RFC3339_SIZE];
    text_of_time(time, text);
    snprintf(ret_date, DATE_SIZE, "%.10s", text);
}

/* `date` INT64_MIN: not known. `what` NULL for want of memory. */
static void add_step(struct making *making, const char *name, enum plan_state state, int64_t date, const char *what) {
    making->has_failed = making->has_failed || what == NULL;
    making->plan->steps[making->plan->count++] = (struct plan_step){.name = name, .state = state, .has_date = date != INT64_MIN, .date = date == INT64_MIN ? 0 : date, .what = what};
}

/* ---- pins and records */

static bool is_app(const struct gate_release_answer *one) {
    return one->is_live && one->release != NULL;
}

static bool is_newer(const struct release *one, const struct release *other) {
    return !one->has_released_on || !other->has_released_on || one->released_on >= other->released_on;
}

/* Is there a release of the same app, out or planned, to which its users can go? */
static bool has_successor(const struct making *making, const struct release *release) {
    const struct gate_answer *gate = &making->plan->gate;
    for (size_t i = 0; release != NULL && i < gate->release_count; i++) {
        const struct gate_release_answer *one = &gate->releases[i];
        const struct release *other = one->release == NULL ? NULL : one->release->release;
        if (other == NULL || !release_is_same_app(other, release) || strcmp(other->platform, release->platform) != 0 || gate_acceptance_of(&one->by) != GATE_ACCEPTS)
            continue;
        bool is_planned = !other->is_retired && other->has_released_on && other->released_on > making->question->on;
        if ((one->is_live || is_planned) && is_newer(other, release))
            return true;
    }
    return false;
}

/* "Bank android 1.0, Shop ios 3": the live releases that do not surely accept it, and of which no later one does; with `has_later`, those
 * of which one does. "" when there is none; NULL without memory. */
static const char *lacking(const struct making *making, bool has_later) {
    const struct gate_answer *gate = &making->plan->gate;
    CLEANUP(buffer_done) struct buffer names = buffer_with_limit(4096);
    for (size_t i = 0; i < gate->release_count; i++) {
        const struct gate_release_answer *one = &gate->releases[i];
        if (!is_app(one) || gate_acceptance_of(&one->by) == GATE_ACCEPTS || has_successor(making, one->release->release) != has_later)
            continue;
        const char *name = gate_release_name(one->release, making->arena);
        if (name == NULL)
            return NULL;
        if (!buffer_printf(&names, "%s%s", names.size == 0 ? "" : ", ", name))
            break;
    }
    return names.has_no_memory ? NULL : arena_printf(making->arena, "%s%s", buffer_text(&names), names.failed ? " and more" : "");
}

static void add_pin_steps(struct making *making) {
    const struct gate_answer *gate = &making->plan->gate;
    char pin[HASH_BASE64_SIZE];
    const char *without = lacking(making, false), *old = lacking(making, true);
    bool has_spare = gate->backups_left > 0;
    hash_to_base64(&making->question->next->spki_sha256, pin);
    add_step(making, "spare-key", has_spare ? PLAN_DONE : PLAN_TO_DO, has_spare ? INT64_MIN : making->question->on,
             has_spare ? "a backup pin is left in every live release when the next key is in use"
                       : "make a spare key, keep it off line, and ship its pin with the next one: none would surely be left");
    if (without == NULL || old == NULL)
        making->has_failed = true;
    else if (without[0] != '\0')
        add_step(making, "stage-pin", PLAN_TO_DO, making->question->on, arena_printf(making->arena, "release with the pin sha256/%s; no release has it yet of: %s", pin, without));
    else
        add_step(making, "stage-pin", PLAN_DONE, gate->has_staged_since ? gate->staged_since : INT64_MIN,
                 arena_printf(making->arena, "sha256/%s is accepted by the newest release of every app, out or planned%s%s", pin, old[0] == '\0' ? "" : "; not surely, and still in use: ", old));
}

static const struct gate_release_answer *records_of(const struct gate_answer *gate) {
    for (size_t i = 0; i < gate->release_count; i++)
        if (gate->releases[i].release == NULL)
            return &gate->releases[i];
    return NULL;
}

static void add_tlsa_step(struct making *making) {
    const struct gate_question *question = making->question;
    const struct gate_release_answer *records = records_of(&making->plan->gate);
    if (records == NULL || records->verdict == PIN_VERDICT_NOT_PINNED)
        return;
    if (gate_acceptance_of(&records->by) == GATE_ACCEPTS) {
        add_step(making, "publish-tlsa", PLAN_DONE, question->has_tlsa_since ? question->tlsa_since : INT64_MIN, "a TLSA record matches the next key; it is usable two TTLs after it was published");
        return;
    }
    making->is_blocked = true;
    add_step(making, "publish-tlsa", PLAN_TO_DO, question->on, "publish the TLSA record of the next key beside the one in use, two TTLs before the switch (RFC 7671 8.1)");
}

static void add_caa_step(struct making *making) {
    static const char *const words[] = {[GATE_CAA_ALLOWED] = "CAA lets the CA issue", [GATE_CAA_FORBIDDEN] = "let the CA issue by CAA records before the certificate is asked for",
                                        [GATE_CAA_UNKNOWN] = "find out whether CAA lets the CA issue: it cannot be told"};
    enum gate_caa caa = making->question->caa;
    if (caa == GATE_CAA_NOT_ASKED)
        return;
    making->is_blocked = making->is_blocked || caa != GATE_CAA_ALLOWED;
    add_step(making, "allow-ca", caa == GATE_CAA_ALLOWED ? PLAN_DONE : PLAN_TO_DO, caa == GATE_CAA_ALLOWED ? INT64_MIN : making->question->on, words[caa]);
}

/* ---- waiting, and the switch */

static const char *wait_text(const struct making *making, int64_t date) {
    const struct gate_answer *gate = &making->plan->gate;
    char day[DATE_SIZE];
    if (gate->verdict == GATE_SAFE)
        return "nothing has to be waited for";
    if (date == INT64_MIN && !making->is_blocked && gate->verdict == GATE_CANNOT_TELL)
        return "until it can be told who refuses: `pinwatch pins gate` says what is lacking";
    if (date == INT64_MIN)
        return making->is_blocked ? "until what is to do is done; then plan again"
                                  : "until no more users have a release that refuses than may be locked out (support of these has no end in the list); then plan again";
    write_date(date, day);
    return arena_printf(making->arena, "until %s: by what is known no more users than may be are refused from then on", day);
}

static void add_switch_steps(struct making *making) {
    const struct gate_answer *gate = &making->plan->gate;
    bool is_safe = gate->verdict == GATE_SAFE;
    int64_t date = gate->has_safe_from && !making->is_blocked ? gate->safe_from : INT64_MIN;
    enum plan_state state = is_safe ? PLAN_TO_DO : PLAN_WAITING;
    add_step(making, "wait", is_safe ? PLAN_DONE : PLAN_WAITING, date, wait_text(making, date));
    add_step(making, "gate", state, date, "ask `pinwatch pins gate` once more, with the certificate that was issued, and go on with exit code 0 alone");
    add_step(making, "switch", state, date, "serve the next key; keep the old one and its certificate until clients' reports are quiet");
    add_step(making, "retire", PLAN_WAITING, date, "afterwards: take the old key's TLSA record out, leave its pin out of the next releases, and destroy the key when no live release needs it as a backup");
}

result pin_plan(const struct gate_question *question, struct arena *arena, struct plan *ret_plan) {
    struct making making = {.question = question, .arena = arena, .plan = ret_plan};
    *ret_plan = (struct plan){.steps = arena_take_array(arena, STEPS_MAX, sizeof *ret_plan->steps)};
    if (ret_plan->steps == NULL)
        return &fault_no_memory;
    TRY(pin_gate(question, arena, &ret_plan->gate));
    add_pin_steps(&making);
    add_tlsa_step(&making);
    add_caa_step(&making);
    add_switch_steps(&making);
    return making.has_failed ? &fault_no_memory : OK;
}
