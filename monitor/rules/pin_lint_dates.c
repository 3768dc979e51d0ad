/* When pinning stops, and how long releases live. */
#include "rules/pin_lint_work.h"

enum { DAY_S = 86400, SOON_DAYS = 30, EAST_S = 14 * 3600, WEST_S = 12 * 3600 };

static void look_at_today(struct pin_lint_work *work, const struct pin_set *set) {
    int64_t now = work->facts->now;
    int64_t first = set->expires - (set->is_expiry_local ? EAST_S : 0), last = set->expires + (set->is_expiry_local ? WEST_S : 0);
    struct lint_date date = pin_lint_date(set->expires);
    const char *when = date.text;
    if (now >= last)
        pin_lint_say(work, PIN_LINT_EXPIRED, set, 0, "pinning stopped on %s: clients accept every chain of a trusted CA since then, without a word", when);
    else if (now >= first)
        pin_lint_say(work, PIN_LINT_EXPIRED, set, 0, "pinning stops at the beginning of %s, device time: for part of the clients it has stopped", when);
    else if (first - now < (int64_t) SOON_DAYS * DAY_S)
        pin_lint_say(work, PIN_LINT_EXPIRES_SOON, set, 0, "pinning stops on %s, in %s: from then on clients accept every chain of a trusted CA", when, pin_lint_days(first - now).text);
}

static void hold_against(struct pin_lint_work *work, const struct pin_set *set, const struct pin_lint_release *release) {
    bool is_of_it = release->document == NULL || release->document == work->document;
    if (!is_of_it || !release->has_end_of_support || release->end_of_support <= work->facts->now)
        return;
    struct lint_date expires = pin_lint_date(set->expires), end = pin_lint_date(release->end_of_support);
    int64_t apart = set->expires - release->end_of_support;
    if (apart < 0)
        pin_lint_say(work, PIN_LINT_EXPIRES_EARLY, set, 0, "pinning stops on %s, but %s is supported until %s: for %s it is not pinned, without a word", expires.text, release->name, end.text, pin_lint_days(-apart).text);
    else if (apart > DAY_S)
        pin_lint_say(work, PIN_LINT_EXPIRES_LATE, set, 0, "pinning stops on %s, %s after the support of %s ends: who stays on it is locked out when the keys change", expires.text, pin_lint_days(apart).text, release->name);
}

void pin_lint_dates(struct pin_lint_work *work, const struct pin_set *set) {
    if (!set->has_expiry)
        return;
    look_at_today(work, set);
    for (size_t i = 0; i < work->facts->release_count; i++)
        hold_against(work, set, &work->facts->releases[i]);
}
