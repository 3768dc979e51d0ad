#include "rules/caa_climb.h"

static void go_on_with(struct caa_climb *climb, struct dns_name name) {
    climb->is_done = dns_name_is_root(&name) || climb->step_count == CAA_STEPS_MAX;
    climb->next = name;
}

void caa_climb_start(struct caa_climb *climb, const struct dns_name *name) {
    climb->is_wildcard = dns_name_is_wildcard(name);
    climb->name = climb->is_wildcard ? dns_name_parent(name) : *name;
    climb->step_count = 0;
    go_on_with(climb, climb->name);
}

bool caa_climb_next(const struct caa_climb *climb, struct dns_name *ret_owner) {
    if (climb->is_done)
        return false;
    *ret_owner = climb->next;
    return true;
}

void caa_climb_answer(struct caa_climb *climb, const struct caa_answer *answer) {
    if (climb->is_done)
        return;
    climb->steps[climb->step_count++] = (struct caa_step){.owner = climb->next, .answer = *answer};
    if (answer->outcome == CAA_EMPTY)
        go_on_with(climb, dns_name_parent(&climb->next));
    else
        climb->is_done = true;
}

static const struct caa_step *last_step(const struct caa_climb *climb) {
    return climb->step_count == 0 ? NULL : &climb->steps[climb->step_count - 1];
}

const struct caa_step *caa_climb_relevant(const struct caa_climb *climb) {
    const struct caa_step *last = last_step(climb);
    return last != NULL && last->answer.outcome == CAA_RECORDS ? last : NULL;
}

bool caa_climb_has_failed(const struct caa_climb *climb) {
    const struct caa_step *last = last_step(climb);
    return last != NULL && (last->answer.outcome == CAA_FAILED || last->answer.outcome == CAA_BOGUS);
}

const char *caa_dnssec_name(enum caa_dnssec dnssec) {
    static const char *const names[] = {"secure", "insecure", "bogus", "unknown"};
    return names[dnssec];
}

enum caa_dnssec caa_climb_dnssec(const struct caa_climb *climb) {
    const struct caa_step *last = last_step(climb);
    bool is_secure = true;
    if (last == NULL || !climb->is_done)
        return CAA_DNSSEC_UNKNOWN;
    if (last->answer.outcome == CAA_BOGUS)
        return CAA_DNSSEC_BOGUS;
    for (size_t i = 0; i < climb->step_count; i++) {
        const struct caa_answer *answer = &climb->steps[i].answer;
        if (answer->outcome == CAA_FAILED || !answer->is_from_validator)
            return CAA_DNSSEC_UNKNOWN;
        is_secure = is_secure && answer->is_authenticated;
    }
    return is_secure ? CAA_DNSSEC_SECURE : CAA_DNSSEC_INSECURE;
}
