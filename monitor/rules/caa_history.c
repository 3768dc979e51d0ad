#include "rules/caa_history.h"

#include "base/text.h"
#include "rules/caa_track.h"
#include "rules/time_spans.h"

#define SECOND_MS ((int64_t) 1000)
#define HOUR_MS (3600 * SECOND_MS)
#define REUSE_MS (8 * HOUR_MS)      /* Baseline Requirements 3.2.2.8 */
#define LATE_LOGGING_MS HOUR_MS
#define CLOCKS_MS (60 * SECOND_MS)  /* by which the log's clock and ours may differ without anybody's fault */

const char *caa_verdict_name(enum caa_verdict verdict) {
    static const char *const names[caa_verdict_count] = {"consistent", "inconsistent", "unknown", "not-applicable"};
    return names[verdict];
}

const char *caa_now_name(enum caa_now now) {
    static const char *const names[] = {"permits", "forbids", "unknown"};
    return names[now];
}

/* One judgement under way. */
struct trial {
    const struct caa_case *question;
    const struct caa_resolver_history *resolvers;
    size_t resolver_count;
    struct arena *arena;
    struct time_span window;  /* of what a certificate may rest on */
    struct time_span looking; /* of a CA's look at it: the window less what its resolver may have cached */
    struct caa_judgement judgement;
};

/* What may have been at one owner as one resolver sees it: a run for certain, and the gap on either side of it possibly. */
struct possibility {
    const struct caa_run *run;
    struct time_span certain, possible;
    struct time_span undisputed; /* EMPTY: the possible less the gaps in which something else may have stood as well */
    enum caa_permission permission; /* RECORDS: of this issuer by the set */
    bool is_later;                  /* first heard after T: never certain */
};

static int64_t earlier(int64_t a, int64_t b) {
    return a < b ? a : b;
}

static int64_t later(int64_t a, int64_t b) {
    return a > b ? a : b;
}

static bool counts(const struct trial *trial, const struct caa_run *run) {
    return run->first_answered_ms <= trial->question->issued_ms;
}

static bool is_answer(const struct caa_run *run) {
    return run->answer.outcome == CAA_RECORDS || run->answer.outcome == CAA_EMPTY;
}

/* ---- what may have been */

static result permission_of(const struct trial *trial, const struct caa_answer *answer, enum caa_permission *ret_permission) {
    enum caa_purpose purpose = trial->question->is_wildcard ? CAA_FOR_WILDCARD : CAA_FOR_HOST;
    return caa_permission_of(answer->records, answer->record_count, purpose, trial->question->issuer_domains, trial->arena, ret_permission);
}

/* A gap over twice the poll interval hides anything; a shorter one what was before it or what came after it. How often was asked in the gap behind a run is
 * for that run to say, not for the next one. */
static int64_t gap_ms(const struct caa_run *before) {
    return caa_gap_ms(before->interval_s);
}

static struct time_span possible_span(const struct caa_owner_history *owner, size_t at, int64_t end_ms) {
    const struct caa_run *run = &owner->runs[at];
    struct time_span span = {.begin_ms = run->first_true_ms, .end_ms = run->last_true_ms};
    if (at > 0 && run->first_true_ms - owner->runs[at - 1].last_true_ms <= gap_ms(&owner->runs[at - 1]))
        span.begin_ms = earlier(span.begin_ms, owner->runs[at - 1].last_true_ms);
    if (at + 1 < owner->count && owner->runs[at + 1].first_true_ms - run->last_true_ms <= gap_ms(run))
        span.end_ms = later(span.end_ms, owner->runs[at + 1].first_true_ms);
    if (at + 1 == owner->count)
        span.end_ms = later(span.end_ms, run->last_true_ms + gap_ms(run));
    span.end_ms = earlier(span.end_ms, end_ms);
    return span;
}

static struct time_span undisputed_span(const struct caa_owner_history *owner, size_t at, struct time_span possible) {
    const struct caa_run *run = &owner->runs[at];
    if (at > 0 && owner->runs[at - 1].answer.outcome != CAA_EMPTY)
        possible.begin_ms = run->first_true_ms;
    if (at + 1 < owner->count && owner->runs[at + 1].answer.outcome != CAA_EMPTY)
        possible.end_ms = earlier(possible.end_ms, run->last_true_ms);
    return possible;
}

/* ---- the window */

/* How long after a set was seen last a certificate may rest on it. */
static int64_t reach_ms(uint32_t ttl_s) {
    int64_t ttl_ms = (int64_t) ttl_s * SECOND_MS;
    return later(REUSE_MS, ttl_ms) + ttl_ms + LATE_LOGGING_MS;
}

/* Each set reaches as far as its own TTL: one that was replaced long ago may have been cached for a day since. */
static uint32_t largest_ttl(const struct trial *trial, const struct caa_owner_history *owner) {
    uint32_t ttl_s = 0;
    for (size_t i = 0; i < owner->count; i++) {
        const struct caa_run *run = &owner->runs[i];
        bool reaches = possible_span(owner, i, trial->question->issued_ms).end_ms >= trial->question->issued_ms - reach_ms(run->ttl_max_s);
        if (is_answer(run) && counts(trial, run) && reaches && run->ttl_max_s > ttl_s)
            ttl_s = run->ttl_max_s;
    }
    return ttl_s;
}

static void set_window(struct trial *trial) {
    int64_t end_ms = trial->question->issued_ms;
    uint32_t ttl_s = 0;
    for (size_t r = 0; r < trial->resolver_count; r++)
        for (size_t o = 0; o < trial->resolvers[r].owner_count; o++) {
            uint32_t largest_s = largest_ttl(trial, &trial->resolvers[r].owners[o]);
            ttl_s = largest_s > ttl_s ? largest_s : ttl_s;
        }
    trial->window = (struct time_span){.begin_ms = end_ms - reach_ms(ttl_s), .end_ms = end_ms};
    trial->looking = (struct time_span){.begin_ms = trial->window.begin_ms + (int64_t) ttl_s * SECOND_MS, .end_ms = end_ms};
    trial->judgement.window_begin_ms = trial->window.begin_ms;
    trial->judgement.window_end_ms = end_ms;
}

/* ---- what may have been, for this issuer */

/* Heard only after T: it may have begun before, in the gap since the last answer that counts, or by a clock that differs from the log's. */
static bool is_doubt(const struct possibility *entry, bool is_first, int64_t issued_ms) {
    bool is_of_use = (entry->run->answer.outcome == CAA_EMPTY && !is_first) || (entry->run->answer.outcome == CAA_RECORDS && entry->permission != CAA_FORBIDS);
    return is_of_use && entry->possible.begin_ms <= issued_ms + CLOCKS_MS;
}

static struct possibility possibility_of(const struct trial *trial, const struct caa_owner_history *owner, size_t at) {
    const struct caa_run *run = &owner->runs[at];
    int64_t end_ms = trial->window.end_ms;
    struct possibility entry = {.run = run, .is_later = !counts(trial, run), .possible = possible_span(owner, at, end_ms)};
    entry.undisputed = undisputed_span(owner, at, entry.possible);
    entry.certain = (struct time_span){.begin_ms = run->first_true_ms, .end_ms = entry.is_later ? INT64_MIN : earlier(run->last_true_ms, end_ms)};
    return entry;
}

/* The runs that count, in order; behind them those that only cast doubt. */
static result possibilities_of(const struct trial *trial, const struct caa_owner_history *owner, struct possibility **ret_list, size_t *ret_count) {
    struct possibility *list = arena_take_array(trial->arena, owner->count + 1, sizeof *list);
    size_t count = 0;
    if (list == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < owner->count; i++) {
        struct possibility *entry = &list[count];
        *entry = possibility_of(trial, owner, i);
        if (entry->run->answer.outcome == CAA_RECORDS)
            TRY(permission_of(trial, &entry->run->answer, &entry->permission));
        if (entry->is_later && !is_doubt(entry, i == 0, trial->window.end_ms))
            continue;
        if (entry->is_later)
            entry->possible = (struct time_span){.begin_ms = earlier(entry->possible.begin_ms, trial->window.end_ms), .end_ms = trial->window.end_ms};
        count++;
    }
    *ret_list = list;
    *ret_count = count;
    return OK;
}

/* ---- one resolver's testimony, owner by owner from the name up to its top-level domain */

enum testimony { PERMITTED, MAY_HAVE_PERMITTED, FORBADE, SAW_BOGUS, CANNOT_TELL };

struct span_set {
    struct time_span *spans;
    size_t count;
};

struct climb {
    const struct trial *trial;
    const struct caa_resolver_history *resolver;
    struct span_set reached;  /* when every owner below may have been empty */
    struct span_set recorded; /* when they were, by what is recorded in the window, not only before or after it */
    struct span_set cached;   /* when every owner below may have seemed empty to a CA, out of a cache that still held what is no longer true */
    enum testimony testimony;
    const char *why;
    const char *owner;
    const struct caa_answer *answer; /* the evidence of PERMITTED and FORBADE */
    bool is_waiting;
};

static bool meets(const struct span_set *set, struct time_span span) {
    for (size_t i = 0; i < set->count; i++)
        if (span.begin_ms <= set->spans[i].end_ms && span.end_ms >= set->spans[i].begin_ms)
            return true;
    return false;
}

static struct time_span lasting(struct time_span span, const struct caa_run *run) {
    return (struct time_span){.begin_ms = span.begin_ms, .end_ms = span.end_ms + (int64_t) run->ttl_max_s * SECOND_MS};
}

/* May a CA have looked at this owner, and seen the run? Caches let it combine what one owner said before with what another says since. */
static bool may_be_seen(const struct climb *climb, const struct caa_run *run, struct time_span span) {
    return meets(&climb->reached, span) || meets(&climb->cached, lasting(span, run));
}

/* A worse testimony stays; of equal ones the first. */
static void note(struct climb *climb, enum testimony testimony, const char *owner, const struct caa_answer *answer, const char *why) {
    static const int weight[] = {[FORBADE] = 0, [CANNOT_TELL] = 1, [MAY_HAVE_PERMITTED] = 2, [SAW_BOGUS] = 3, [PERMITTED] = 4};
    bool is_first = testimony == FORBADE && climb->testimony == FORBADE && climb->answer == NULL;
    if (!is_first && weight[testimony] <= weight[climb->testimony])
        return;
    climb->testimony = testimony;
    climb->owner = owner;
    climb->answer = answer;
    climb->why = why;
    climb->is_waiting = false;
}

static const char *time_text(const struct climb *climb, int64_t unix_ms) {
    char text[RFC3339_SIZE];
    text_of_time(unix_ms / SECOND_MS, text);
    return arena_copy_text(climb->trial->arena, text);
}

static const char *why_doubt(const struct climb *climb, const struct caa_owner_history *owner, const struct possibility *entry) {
    if (entry->permission == CAA_MAY_PERMIT)
        return arena_printf(climb->trial->arena, "%s: a property that is not known here is critical: a CA may issue that knows it", owner->owner);
    if (entry->is_later)
        return arena_printf(climb->trial->arena, "%s: records that permit this issuer were first seen after the issuance, and may have stood before", owner->owner);
    if (!meets(&climb->reached, entry->possible))
        return arena_printf(climb->trial->arena, "%s: a cache may still have held what led to the records that permit this issuer", owner->owner);
    return arena_printf(climb->trial->arena, "%s: records that permit this issuer may have stood in a gap between two answers", owner->owner);
}

/* What a run says of the issuer; false: nothing, nobody can have seen it on the way. */
static bool testimony_of(const struct climb *climb, const struct possibility *entry, enum testimony *ret_testimony) {
    enum caa_outcome outcome = entry->run->answer.outcome;
    if (outcome == CAA_BOGUS || outcome == CAA_FAILED) {
        *ret_testimony = outcome == CAA_BOGUS ? SAW_BOGUS : CANNOT_TELL;
        return may_be_seen(climb, entry->run, entry->certain);
    }
    if (outcome != CAA_RECORDS)
        return false;
    if (entry->permission == CAA_PERMITS && meets(&climb->recorded, entry->certain)) {
        *ret_testimony = PERMITTED;
        return true;
    }
    *ret_testimony = entry->permission == CAA_FORBIDS ? FORBADE : MAY_HAVE_PERMITTED;
    return may_be_seen(climb, entry->run, entry->possible);
}

static const char *why_of(const struct climb *climb, const struct caa_owner_history *owner, const struct possibility *entry, enum testimony testimony) {
    struct arena *arena = climb->trial->arena;
    const char *since = time_text(climb, entry->certain.begin_ms);
    if (since == NULL)
        return NULL;
    switch (testimony) {
    case SAW_BOGUS:
        return arena_printf(arena, "%s: DNSSEC validation failed at %s", owner->owner, since);
    case CANNOT_TELL:
        return arena_printf(arena, "%s: no answer at %s (%s)", owner->owner, since, entry->run->answer.why);
    case PERMITTED:
        return arena_printf(arena, "%s: the records from %s on permit this issuer", owner->owner, since);
    case FORBADE:
        return arena_printf(arena, "%s: the records from %s on do not permit this issuer", owner->owner, since);
    default:
        return why_doubt(climb, owner, entry);
    }
}

static result note_run(struct climb *climb, const struct caa_owner_history *owner, const struct possibility *entry) {
    enum testimony testimony;
    if (!testimony_of(climb, entry, &testimony))
        return OK;
    const char *why = why_of(climb, owner, entry, testimony);
    if (why == NULL)
        return &fault_no_memory;
    note(climb, testimony, owner->owner, &entry->run->answer, why);
    return OK;
}

static bool is_reached_at(const struct span_set *set, int64_t end_ms) {
    return set->count > 0 && set->spans[set->count - 1].end_ms == end_ms;
}

/* Which part of the time did this owner's answers not cover? The end of the window is covered only by an answer that was true then or later. */
static result note_gaps(struct climb *climb, const struct caa_owner_history *owner, const struct possibility *list, size_t count) {
    struct time_span *covered = arena_take_array(climb->trial->arena, count + 1, sizeof *covered);
    int64_t missing_ms, last_true_ms = INT64_MIN;
    size_t heard = 0;
    if (covered == NULL)
        return &fault_no_memory;
    for (; heard < count && !list[heard].is_later; heard++) {
        covered[heard] = list[heard].possible;
        last_true_ms = later(last_true_ms, list[heard].run->last_true_ms);
    }
    size_t covered_count = time_spans_unite(covered, heard);
    if (!time_spans_cover(covered, covered_count, climb->reached.spans, climb->reached.count, &missing_ms) ||
        !time_spans_cover(covered, covered_count, climb->cached.spans, climb->cached.count, &missing_ms)) {
        const char *when = time_text(climb, missing_ms);
        const char *why = when == NULL ? NULL : arena_printf(climb->trial->arena, "%s: nothing is recorded for %s", owner->owner, when);
        note(climb, CANNOT_TELL, owner->owner, NULL, why);
        return why == NULL ? &fault_no_memory : OK;
    }
    int64_t end_ms = climb->trial->window.end_ms;
    bool is_open = (is_reached_at(&climb->reached, end_ms) || is_reached_at(&climb->cached, end_ms)) && last_true_ms < end_ms;
    if (!is_open || climb->testimony != FORBADE)
        return OK;
    bool has_changed = heard < owner->count; /* another answer came after T: what stood in between will never be known */
    const char *when = time_text(climb, last_true_ms);
    const char *why = when == NULL ? NULL : arena_printf(climb->trial->arena, "%s: no answer is known to be true between %s and the issuance", owner->owner, when);
    note(climb, CANNOT_TELL, owner->owner, NULL, why);
    climb->is_waiting = !has_changed;
    return why == NULL ? &fault_no_memory : OK;
}

enum emptiness { AS_RECORDED, AS_POSSIBLE, AS_CACHED };

static struct time_span emptiness_of(const struct possibility *entry, enum emptiness kind) {
    if (kind == AS_RECORDED)
        return entry->undisputed;
    return kind == AS_CACHED ? lasting(entry->possible, entry->run) : entry->possible;
}

/* Keeps of `set` the times at which this owner may have had no records. */
static result keep_empty_times(const struct climb *climb, const struct possibility *list, size_t count, enum emptiness kind, struct span_set *set) {
    struct time_span *empty = arena_take_array(climb->trial->arena, count + 1, sizeof *empty);
    struct time_span *kept = arena_take_array(climb->trial->arena, count + set->count + 1, sizeof *kept);
    size_t empty_count = 0;
    if (empty == NULL || kept == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; i++) {
        bool is_in_window = list[i].certain.end_ms >= climb->trial->window.begin_ms;
        if (list[i].run->answer.outcome == CAA_EMPTY && (is_in_window || kind != AS_RECORDED))
            empty[empty_count++] = emptiness_of(&list[i], kind);
    }
    empty_count = time_spans_unite(empty, empty_count);
    set->count = time_spans_intersect(set->spans, set->count, empty, empty_count, kept);
    set->spans = kept;
    return OK;
}

static result hear_owner(struct climb *climb, const struct caa_owner_history *owner) {
    struct possibility *list;
    size_t count;
    TRY(possibilities_of(climb->trial, owner, &list, &count));
    for (size_t i = 0; i < count; i++)
        TRY(note_run(climb, owner, &list[i]));
    TRY(note_gaps(climb, owner, list, count));
    TRY(keep_empty_times(climb, list, count, AS_RECORDED, &climb->recorded));
    TRY(keep_empty_times(climb, list, count, AS_CACHED, &climb->cached));
    return keep_empty_times(climb, list, count, AS_POSSIBLE, &climb->reached);
}

static result hear_resolver(const struct trial *trial, const struct caa_resolver_history *resolver, struct climb *ret_climb) {
    struct climb *climb = ret_climb;
    *climb = (struct climb){.trial = trial, .resolver = resolver, .testimony = FORBADE, .why = "", .owner = ""};
    struct time_span *spans = arena_take_array(trial->arena, 2, sizeof *spans);
    if (spans == NULL)
        return &fault_no_memory;
    spans[0] = trial->window;
    spans[1] = trial->looking;
    climb->reached = climb->recorded = (struct span_set){.spans = &spans[0], .count = 1};
    climb->cached = (struct span_set){.spans = &spans[1], .count = 1};
    for (size_t i = 0; i < resolver->owner_count && climb->reached.count + climb->cached.count > 0; i++)
        TRY(hear_owner(climb, &resolver->owners[i]));
    if (climb->recorded.count > 0)
        note(climb, PERMITTED, "", NULL, "no owner up to the top-level domain had records: every CA may issue");
    else if (climb->reached.count + climb->cached.count > 0)
        note(climb, MAY_HAVE_PERMITTED, "", NULL, "no owner up to the top-level domain may have had records in a gap between two answers, or as a cache saw them");
    return OK;
}

/* ---- the verdict */

static void decide(struct trial *trial, const struct climb *climb, enum caa_verdict verdict, const char *reason) {
    struct caa_judgement *judgement = &trial->judgement;
    judgement->verdict = verdict;
    judgement->reason = reason;
    judgement->resolver = verdict == CAA_UNKNOWN ? "" : climb->resolver->resolver;
    judgement->owner = verdict == CAA_UNKNOWN ? "" : climb->owner;
    judgement->answer = verdict == CAA_UNKNOWN ? NULL : climb->answer;
    judgement->is_waiting = verdict == CAA_UNKNOWN && climb->is_waiting;
}

static const struct climb *first_with(const struct climb *climbs, size_t count, enum testimony testimony) {
    for (size_t i = 0; i < count; i++)
        if (climbs[i].testimony == testimony)
            return &climbs[i];
    return NULL;
}

static void weigh(struct trial *trial, const struct climb *climbs, size_t count) {
    const struct climb *permitted = first_with(climbs, count, PERMITTED), *forbade = first_with(climbs, count, FORBADE);
    const struct climb *bogus = first_with(climbs, count, SAW_BOGUS), *may_have = first_with(climbs, count, MAY_HAVE_PERMITTED);
    const struct climb *doubt = bogus != NULL ? bogus : may_have;
    if (permitted != NULL)
        decide(trial, permitted, CAA_CONSISTENT, permitted->why);
    else if (trial->question->issuer_domains == NULL)
        decide(trial, &climbs[0], CAA_UNKNOWN, "it is not known which CAA domains the issuer recognises");
    else if (doubt != NULL)
        decide(trial, doubt, CAA_UNKNOWN, doubt->why);
    else if (forbade == NULL)
        decide(trial, &climbs[0], CAA_UNKNOWN, climbs[0].why);
    else if (!trial->question->is_issuer_certain)
        decide(trial, forbade, CAA_UNKNOWN, "the records do not permit the issuer as far as it is known, but that is not certain enough to accuse it");
    else
        decide(trial, forbade, CAA_INCONSISTENT, forbade->why);
    for (size_t i = 0; trial->judgement.verdict == CAA_UNKNOWN && doubt == NULL && forbade == NULL && i < count; i++)
        trial->judgement.is_waiting = trial->judgement.is_waiting || climbs[i].is_waiting;
}

/* ---- today */

/* Of a clock that went back the run that was heard last is not the one that began last. */
static const struct caa_run *latest_run(const struct caa_owner_history *owner) {
    const struct caa_run *latest = NULL;
    for (size_t i = 0; i < owner->count; i++)
        if (latest == NULL || owner->runs[i].last_answered_ms >= latest->last_answered_ms)
            latest = &owner->runs[i];
    return latest;
}

/* When anybody was heard last: a resolver that is asked no longer says nothing about today. */
static int64_t newest_ms(const struct trial *trial) {
    int64_t newest = INT64_MIN;
    for (size_t r = 0; r < trial->resolver_count; r++)
        for (size_t o = 0; o < trial->resolvers[r].owner_count; o++) {
            const struct caa_run *run = latest_run(&trial->resolvers[r].owners[o]);
            newest = run == NULL ? newest : later(newest, run->last_answered_ms);
        }
    return newest;
}

static result judge_now(const struct trial *trial, const struct caa_resolver_history *resolver, int64_t now_ms, enum caa_now *ret_now) {
    *ret_now = CAA_NOW_UNKNOWN;
    for (size_t i = 0; i < resolver->owner_count; i++) {
        const struct caa_run *run = latest_run(&resolver->owners[i]);
        enum caa_permission permission;
        if (run == NULL || !is_answer(run) || run->last_answered_ms + gap_ms(run) < now_ms)
            return OK;
        if (run->answer.outcome == CAA_EMPTY)
            continue;
        TRY(permission_of(trial, &run->answer, &permission));
        if (permission == CAA_PERMITS)
            *ret_now = CAA_NOW_PERMITS;
        else if (permission == CAA_FORBIDS && trial->question->issuer_domains != NULL)
            *ret_now = CAA_NOW_FORBIDS;
        return OK;
    }
    *ret_now = resolver->owner_count > 0 ? CAA_NOW_PERMITS : CAA_NOW_UNKNOWN;
    return OK;
}

result caa_judge(const struct caa_case *question, const struct caa_resolver_history *resolvers, size_t resolver_count, struct arena *arena,
                 struct caa_judgement *ret_judgement) {
    struct trial trial = {.question = question, .resolvers = resolvers, .resolver_count = resolver_count, .arena = arena};
    struct climb *climbs = arena_take_array(arena, resolver_count + 1, sizeof *climbs);
    if (climbs == NULL)
        return &fault_no_memory;
    set_window(&trial);
    int64_t now_ms = newest_ms(&trial);
    trial.judgement.now = CAA_NOW_UNKNOWN;
    for (size_t i = 0; i < resolver_count; i++) {
        TRY(hear_resolver(&trial, &resolvers[i], &climbs[i]));
        if (trial.judgement.now == CAA_NOW_UNKNOWN)
            TRY(judge_now(&trial, &resolvers[i], now_ms, &trial.judgement.now));
    }
    if (resolver_count > 0)
        weigh(&trial, climbs, resolver_count);
    else
        trial.judgement = (struct caa_judgement){.verdict = CAA_UNKNOWN, .reason = "no resolver was asked", .resolver = "", .owner = "", .now = CAA_NOW_UNKNOWN,
                                                 .window_begin_ms = trial.window.begin_ms, .window_end_ms = trial.window.end_ms};
    *ret_judgement = trial.judgement;
    return OK;
}
