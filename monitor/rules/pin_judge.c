#include "rules/pin_judge.h"

#include "rules/pin_judge_work.h"

/* Where a day begins: UTC+14 is the first zone that it comes to, UTC-12 the last. */
enum { HOUR = 3600, ZONE_FIRST_S = 14 * HOUR, ZONE_LAST_S = 12 * HOUR };
#define FAR_AWAY ((int64_t) 1 << 60) /* no sum with it overflows */

/* ---- which sets decide */

enum set_state { SET_HOLDS, SET_FADES, SET_IS_OVER };

static int64_t clamp(int64_t time) {
    return time > FAR_AWAY ? FAR_AWAY : time < -FAR_AWAY ? -FAR_AWAY : time;
}

/* A date without a zone begins at the midnight of each device: while the day goes round the world some have stopped pinning. */
static enum set_state state_of(const struct pin_set *set, int64_t now) {
    int64_t expires = clamp(set->expires);
    now = clamp(now);
    if (!set->is_secure || (set->has_max_age && set->max_age_s == 0)) /* RFC 6698 4; RFC 7469 2.1.2 */
        return SET_IS_OVER;
    if (!set->has_expiry)
        return SET_HOLDS;
    if (!set->is_expiry_local)
        return now >= expires ? SET_IS_OVER : SET_HOLDS;
    return now >= expires + ZONE_LAST_S ? SET_IS_OVER : now >= expires - ZONE_FIRST_S ? SET_FADES : SET_HOLDS;
}

static enum pin_force force_of(const struct pin_set *set) {
    if (set->is_enforced && set->format != PIN_FORMAT_HPKP)
        return FORCE_LOCKS_OUT;
    return set->is_report_only ? FORCE_REPORTS : FORCE_NOTHING_LOCKED;
}

const struct pin_set *pin_court_next(const struct pin_court *court, size_t *place) {
    const struct pin_set *set;
    while ((set = pin_choice_next(&court->choice, place)) != NULL)
        if (force_of(set) == court->force && state_of(set, court->choice.question->now) != SET_IS_OVER)
            break;
    return set;
}

const struct pin *pin_walk_next(const struct pin_court *court, struct pin_walk *walk) {
    for (;;) {
        const struct pin_group *group = walk->set == NULL || walk->group == walk->set->group_count ? NULL : &walk->set->groups[walk->group];
        if (group != NULL && walk->number < group->count)
            return &group->pins[walk->number++];
        walk->number = 0;
        walk->group++;
        if (group != NULL)
            continue;
        walk->group = 0;
        walk->set = pin_court_next(court, &walk->place);
        if (walk->set == NULL)
            return NULL;
    }
}

/* Sets that are only reported say nothing beside one that is more. */
static struct pin_court call_court(const struct pin_choice *choice) {
    struct pin_court court = {.choice = *choice};
    const struct pin_set *set;
    for (size_t place = 0; (set = pin_choice_next(choice, &place)) != NULL;) {
        enum set_state state = state_of(set, choice->question->now);
        if (state == SET_IS_OVER) {
            court.last_out = set;
            continue;
        }
        enum pin_force force = force_of(set);
        if (court.first == NULL || force > court.force) {
            court.first = set;
            court.force = force;
            court.is_fading = false;
        }
        court.is_fading |= state == SET_FADES && force == court.force;
    }
    return court;
}

/* ---- one path */

void pin_try(const struct pin_set *set, const struct pin *pin, const struct pin_path *path, size_t from, size_t to, struct pin_finding *finding) {
    for (size_t place = from; place < to && place < path->count; place++) {
        enum pin_match match = pin_matches(pin, path, place);
        if (match == PIN_MATCH_YES && (finding->match != PIN_MATCH_YES || place < finding->by_place))
            *finding = (struct pin_finding){.match = PIN_MATCH_YES, .set = set, .by = pin, .by_place = place};
        else if (match == PIN_MATCH_UNKNOWN)
            pin_lacks(finding, LACK_BYTES);
    }
    if (to == PIN_TO_THE_END && pin_path_is_open(path) && pin->position != PIN_LEAF)
        pin_lacks(finding, LACK_END);
}

static struct pin_path stem_of(const struct pin_path *path) {
    return (struct pin_path){.links = path->links, .count = 1};
}

/* All groups must match, one pin of each suffices. */
static struct pin_finding groups_on_path(const struct pin_set *set, const struct pin_path *path) {
    struct pin_finding all = {.match = set->group_count == 0 ? PIN_MATCH_NO : PIN_MATCH_YES, .set = set};
    for (size_t i = 0; i < set->group_count; i++) {
        struct pin_finding one = {.match = PIN_MATCH_NO};
        for (size_t k = 0; k < set->groups[i].count; k++)
            pin_try(set, &set->groups[i].pins[k], path, 0, PIN_TO_THE_END, &one);
        if (one.match == PIN_MATCH_NO)
            return one;
        if (one.match == PIN_MATCH_UNKNOWN)
            all = (struct pin_finding){.match = PIN_MATCH_UNKNOWN, .lack = one.lack > all.lack ? one.lack : all.lack};
        else if (all.by == NULL)
            all = (struct pin_finding){.match = all.match, .lack = all.lack, .set = set, .by = one.by, .by_place = one.by_place};
    }
    return all;
}

/* NetworkSecurityTrustManager: a chain to an anchor with overridePins is not asked for pins; and an app that does not trust the system's
 * anchors builds no path to one, but some other that nobody knows here. */
static struct pin_finding set_on_path(const struct pin_set *set, const struct pin_path *path) {
    const struct pin_path stem = stem_of(path);
    if (!set->trusts_system && path->is_complete)
        return groups_on_path(set, &stem);
    if (set->overrides_pins && path->is_complete)
        return (struct pin_finding){.match = PIN_MATCH_YES, .set = set};
    struct pin_finding finding = groups_on_path(set, path);
    if (set->overrides_pins && pin_path_is_open(path))
        pin_lacks(&finding, LACK_END);
    return finding;
}

/* Any of the sets that decide will do. */
static struct pin_finding sets_on_path(const struct pin_court *court, const struct pin_path *path) {
    struct pin_finding best = {.match = PIN_MATCH_NO};
    const struct pin_set *set;
    for (size_t place = 0; best.match != PIN_MATCH_YES && (set = pin_court_next(court, &place)) != NULL;) {
        struct pin_finding one = set_on_path(set, path);
        if (one.match == PIN_MATCH_YES)
            best = one;
        else if (one.match == PIN_MATCH_UNKNOWN)
            pin_lacks(&best, one.lack);
    }
    return best;
}

/* One of Apple's two lists, over all entries that hold: NSPinnedLeafIdentities, or NSPinnedCAIdentities. */
static struct pin_finding apple_list_on_path(const struct pin_court *court, bool is_leaf, const struct pin_path *path, bool *ret_is_listed) {
    struct pin_finding finding = {.match = PIN_MATCH_NO};
    struct pin_walk walk = {.place = 0};
    const struct pin *pin;
    *ret_is_listed = false;
    while ((pin = pin_walk_next(court, &walk)) != NULL) {
        if ((pin->position == PIN_LEAF) != is_leaf)
            continue;
        *ret_is_listed = true;
        pin_try(walk.set, pin, path, 0, PIN_TO_THE_END, &finding);
    }
    return finding;
}

static struct pin_finding apple_on_path(const struct pin_court *court, const struct pin_path *path) {
    bool has_leaves, has_cas;
    struct pin_finding leaf = apple_list_on_path(court, true, path, &has_leaves);
    struct pin_finding ca = apple_list_on_path(court, false, path, &has_cas);
    if (!has_leaves || !has_cas)
        return has_leaves ? leaf : ca;
    if (leaf.match == PIN_MATCH_NO || ca.match == PIN_MATCH_NO)
        return (struct pin_finding){.match = PIN_MATCH_NO};
    if (leaf.match == PIN_MATCH_UNKNOWN && ca.match == PIN_MATCH_UNKNOWN)
        pin_lacks(&leaf, ca.lack);
    return leaf.match == PIN_MATCH_UNKNOWN || ca.match == PIN_MATCH_YES ? leaf : ca;
}

static struct pin_finding ask(const struct pin_court *court, const struct tlsa_view *records, const struct pin_path *path) {
    if (court->choice.format == PIN_FORMAT_TLSA)
        return tlsa_on_path(court, records, path);
    return court->choice.format == PIN_FORMAT_APPLE ? apple_on_path(court, path) : sets_on_path(court, path);
}

/* ---- all paths */

struct tally {
    size_t yes, no, unknown;
    enum pin_lack lack;
    bool is_foreign; /* the paths asked end at roots that the platform does not have */
    struct pin_finding accepting;
};

static bool has_complete_path(const struct pin_question *question) {
    for (size_t i = 0; i < question->path_count; i++)
        if (question->paths[i].is_complete)
            return true;
    return false;
}

static struct tally ask_all(const struct pin_court *court, const struct tlsa_view *records) {
    const struct pin_question *question = court->choice.question;
    struct tally tally = {.is_foreign = false};
    bool has_complete = has_complete_path(question);
    for (size_t i = 0; i < question->path_count; i++) {
        const struct pin_path *path = &question->paths[i];
        if (path->is_foreign && has_complete)
            continue;
        struct pin_finding finding = ask(court, records, path);
        tally.is_foreign |= path->is_foreign;
        tally.lack = finding.match == PIN_MATCH_UNKNOWN && finding.lack > tally.lack ? finding.lack : tally.lack;
        tally.yes += finding.match == PIN_MATCH_YES;
        tally.no += finding.match == PIN_MATCH_NO;
        tally.unknown += finding.match == PIN_MATCH_UNKNOWN;
        if (finding.match == PIN_MATCH_YES && (tally.yes == 1 || finding.by_place < tally.accepting.by_place))
            tally.accepting = finding;
    }
    return tally;
}

static void accept(const struct pin_finding *finding, const char *why, struct pin_judgement *judgement) {
    judgement->verdict = PIN_VERDICT_ACCEPTS;
    judgement->set = finding->set;
    judgement->by = finding->by;
    judgement->by_place = finding->by_place;
    judgement->why = finding->by == NULL ? "pins do not count for chains to the system's anchors (overridePins)" : why;
}

static void say(enum pin_verdict verdict, const char *why, struct pin_judgement *judgement) {
    judgement->verdict = verdict;
    judgement->why = why;
}

static const char *const lacks[] = {
    [LACK_NOTHING] = "",
    [LACK_BYTES] = "what is pinned cannot be compared: a certificate that does not exist yet, or bytes of which only a SHA-256 is known",
    [LACK_SENDING] = "the pinned trust anchor is not in the chain that was given, and clients need it from the server (RFC 7671 5.2)",
    [LACK_END] = "no pin matches what is known of the chain, and its upper end is not known",
};

static void judge_tally(const struct tally *tally, bool is_whole, struct pin_judgement *judgement) {
    if (tally->yes > 0 && tally->no == 0 && tally->unknown == 0)
        accept(&tally->accepting, tally->is_foreign ? "a pin matches; the chain ends at a root that the platform does not have" : "a pin matches on every path",
               judgement);
    else if (tally->yes > 0)
        say(PIN_VERDICT_CANNOT_TELL, "the paths differ: a pin matches on some of them only", judgement);
    else if (tally->unknown > 0)
        say(PIN_VERDICT_CANNOT_TELL, lacks[tally->lack], judgement);
    else if (!is_whole)
        say(PIN_VERDICT_CANNOT_TELL, "no pin matches on the known paths, and there may be others", judgement);
    else
        say(PIN_VERDICT_REFUSES, "no pin matches on any path", judgement);
}

static void judge_paths(const struct pin_court *court, const struct tlsa_view *records, struct pin_judgement *judgement) {
    const struct pin_question *question = court->choice.question;
    if (question->path_count == 0) {
        say(PIN_VERDICT_CANNOT_TELL, "the chain is not known", judgement);
        return;
    }
    const struct pin_path stem = stem_of(&question->paths[0]);
    struct pin_finding finding = ask(court, records, &stem);
    if (finding.match == PIN_MATCH_YES) {
        accept(&finding, "a pin matches, whatever the path", judgement);
    } else if (finding.match == PIN_MATCH_NO) {
        say(PIN_VERDICT_REFUSES, "no pin matches, whatever the path", judgement);
    } else {
        struct tally tally = ask_all(court, records);
        judge_tally(&tally, question->is_paths_whole, judgement);
    }
}

/* ---- one format, all formats */

static const char *why_not_pinned(const struct pin_choice *choice, const struct pin_court *court) {
    if (choice->alone != NULL)
        return "its entry says that this host is not pinned";
    if (court->last_out == NULL)
        return "no pin set holds for this host";
    return court->last_out->is_secure ? "its pins have expired" : "the records are not DNSSEC-secure, so that they do not count (RFC 6698 4)";
}

static void judge_format(const struct pin_document *document, enum pin_format format, const struct pin_question *question,
                         struct pin_judgement *judgement) {
    const struct pin_choice choice = pin_choose(document, format, question);
    const struct pin_court court = choice.alone != NULL ? (struct pin_court){.choice = choice} : call_court(&choice);
    const struct tlsa_view records = format == PIN_FORMAT_TLSA ? tlsa_look(&court, question) : (struct tlsa_view){.has_usable = true};
    *judgement = (struct pin_judgement){.verdict = PIN_VERDICT_NOT_PINNED, .set = choice.alone != NULL ? choice.alone : court.last_out};
    if (court.first == NULL) {
        judgement->why = why_not_pinned(&choice, &court);
        return;
    }
    judgement->set = court.first;
    if (!records.has_usable) {
        judgement->why = "no record is usable for such a client (RFC 7672 3.1.3, RFC 7671 10.3)";
        return;
    }
    if (format == PIN_FORMAT_HPKP && hpkp_lacks_backup(&court)) {
        judgement->why = "no pin stands outside the chain, and clients ignore a header without a backup (RFC 7469 2.5)";
        return;
    }
    judgement->is_enforced = court.force == FORCE_LOCKS_OUT;
    judge_paths(&court, &records, judgement);
    if (court.is_fading && judgement->verdict == PIN_VERDICT_REFUSES)
        say(PIN_VERDICT_CANNOT_TELL, "pinning stops at midnight where the device is: east of it they accept already, west of it they still refuse", judgement);
}

/* Which of two verdicts is told: the worse. */
static int badness(const struct pin_judgement *judgement) {
    static const int grades[] = {[PIN_VERDICT_NOT_PINNED] = 0, [PIN_VERDICT_ACCEPTS] = 2, [PIN_VERDICT_CANNOT_TELL] = 4, [PIN_VERDICT_REFUSES] = 6};
    bool is_only_reported = judgement->verdict == PIN_VERDICT_CANNOT_TELL || judgement->verdict == PIN_VERDICT_REFUSES;
    return is_only_reported && !judgement->is_enforced ? grades[judgement->verdict] - 3 : grades[judgement->verdict];
}

void pin_judge(const struct pin_document *document, const struct pin_question *question, struct pin_judgement *ret_judgement) {
    *ret_judgement = (struct pin_judgement){.verdict = PIN_VERDICT_NOT_PINNED, .why = "no pin set holds for this host"};
    for (unsigned format = 0; format < pin_format_count; format++) {
        struct pin_judgement judgement;
        judge_format(document, (enum pin_format) format, question, &judgement);
        bool tells_more = judgement.verdict == PIN_VERDICT_NOT_PINNED && judgement.set != NULL && ret_judgement->set == NULL;
        if (badness(&judgement) > badness(ret_judgement) || tells_more)
            *ret_judgement = judgement;
    }
}
