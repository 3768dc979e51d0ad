/* What each release says to the next key, on the day of the rotation and on all days after it. */
#include "base/digest.h"
#include "rules/pin_gate_work.h"
#include "rules/pin_holder.h"

enum { ZONE_LAST_S = 12 * 3600 }; /* UTC-12: where a day begins last */

/* ---- which roots count */

/* Our own rules are no platform's: there the release's word counts. */
static enum trust_store store_for(const struct gate_case *one, enum pin_format format) {
    static const struct {
        const char *platform;
        enum trust_store store;
    } platforms[] = {{"android", TRUST_ANDROID}, {"ios", TRUST_APPLE}, {"ipados", TRUST_APPLE}, {"macos", TRUST_APPLE}, {"java", TRUST_JAVA}, {"windows", TRUST_MICROSOFT}};
    const struct release *release = one->release->release;
    for (size_t i = 0; release != NULL && format == PIN_FORMAT_YAML && i < sizeof platforms / sizeof platforms[0]; i++)
        if (strcmp(release->platform, platforms[i].platform) == 0)
            return platforms[i].store;
    return trust_store_of(format);
}

static result paths_of(struct gate_work *work, size_t candidate, enum trust_store store, const struct trust_paths **ret_paths) {
    size_t place = candidate * trust_store_count + store;
    if (!work->has_paths[place]) {
        struct trust_question question = work->question->candidates[candidate];
        question.store = store;
        question.now = work->question->on;
        TRY(trust_paths_find(&question, work->arena, &work->paths[place]));
        work->has_paths[place] = true;
    }
    *ret_paths = &work->paths[place];
    return OK;
}

/* ---- one document */

const char gate_why_left_out[] = "entries of its pin file cannot be used (`pinwatch pins import` shows them), and one of them may be the one that counts";
static const char why_it_depends[] = "it depends on which of its intermediates the CA signs with: not all of them lead to a pin";

static int rank_of(const struct pin_judgement *judgement) {
    static const int ranks[] = {[PIN_VERDICT_NOT_PINNED] = 0, [PIN_VERDICT_ACCEPTS] = 2, [PIN_VERDICT_CANNOT_TELL] = 3, [PIN_VERDICT_REFUSES] = 4};
    bool is_only_reported = !judgement->is_enforced && judgement->verdict != PIN_VERDICT_NOT_PINNED && judgement->verdict != PIN_VERDICT_ACCEPTS;
    return is_only_reported ? 1 : ranks[judgement->verdict];
}

static void take_worse(const struct pin_judgement *one, struct pin_judgement *judgement) {
    if (rank_of(one) > rank_of(judgement) || (judgement->set == NULL && one->set != NULL && rank_of(one) == rank_of(judgement)))
        *judgement = *one;
}

enum gate_acceptance gate_acceptance_of(const struct pin_judgement *judgement) {
    int rank = rank_of(judgement);
    return rank == 4 ? GATE_REFUSES : rank == 3 ? GATE_UNKNOWN : GATE_ACCEPTS;
}

static struct pin_question question_of(const struct gate_work *work, int64_t now) {
    const struct gate_question *question = work->question;
    return (struct pin_question){.host = question->host, .port = question->port, .protocol = question->protocol, .is_smtp = question->is_smtp, .now = now};
}

/* Whoever signs it, and whatever stands above. */
static void judge_leaf(const struct gate_work *work, const struct pin_document *document, int64_t now, struct pin_judgement *judgement) {
    const struct pin_path stem = {.links = work->question->next, .count = 1};
    struct pin_question question = question_of(work, now);
    question.paths = &stem;
    question.path_count = 1;
    pin_judge(document, &question, judgement);
}

/* Over all ways in which it may be signed: where they differ, the CA chooses. */
static result judge_candidates(struct gate_work *work, const struct pin_document *document, enum trust_store store, int64_t now, struct pin_judgement *judgement) {
    for (size_t i = 0; i < work->question->candidate_count; i++) {
        const struct trust_paths *paths;
        struct pin_judgement one;
        TRY(paths_of(work, i, store, &paths));
        struct pin_question question = question_of(work, now);
        question.paths = paths->paths;
        question.path_count = paths->count;
        question.is_paths_whole = paths->is_whole;
        pin_judge(document, &question, &one);
        if (i == 0)
            *judgement = one;
        if (gate_acceptance_of(&one) == gate_acceptance_of(judgement))
            continue;
        if (gate_acceptance_of(&one) != GATE_ACCEPTS && gate_acceptance_of(judgement) != GATE_ACCEPTS) {
            *judgement = gate_acceptance_of(&one) == GATE_UNKNOWN ? one : *judgement;
            continue;
        }
        *judgement = (struct pin_judgement){.verdict = PIN_VERDICT_CANNOT_TELL, .is_enforced = true, .set = one.set,
                                            .why = why_it_depends};
        return OK;
    }
    return OK;
}

/* What is missing in a document may be the entry that counts. */
static void doubt(const struct pin_document *document, struct pin_judgement *judgement) {
    bool has_errors = false;
    for (size_t i = 0; i < document->remark_count; i++)
        has_errors = has_errors || document->remarks[i].kind == PIN_REMARK_ERROR;
    if (!has_errors || gate_acceptance_of(judgement) != GATE_ACCEPTS)
        return;
    *judgement = (struct pin_judgement){.verdict = PIN_VERDICT_CANNOT_TELL, .is_enforced = true, .set = judgement->set,
                                        .why = gate_why_left_out};
}

static const struct pin_set **sets_of(const struct gate_work *work, const struct pin_document *document, size_t *ret_count) {
    const struct gate_question *question = work->question;
    size_t count = pin_sets_for_host(document, question->host, question->port, question->protocol, NULL, 0);
    const struct pin_set **sets = arena_take_array(work->arena, count + 1, sizeof *sets);
    *ret_count = count;
    if (sets != NULL)
        pin_sets_for_host(document, question->host, question->port, question->protocol, sets, count);
    return sets;
}

static bool has_chain(const struct gate_question *question) {
    for (size_t i = 0; i < question->candidate_count; i++)
        if (question->candidates[i].other_count > 0)
            return true;
    return false;
}

/* May some pin be a CA's: one whose certificates are disclosed, or that the set itself calls one? */
static bool may_pin_ca(const struct pin_set *set, const struct ca_extra_rows *extra) {
    struct pin_holder holder;
    if (set->overrides_pins || !set->trusts_system)
        return true;
    for (size_t i = 0; i < set->group_count; i++)
        for (size_t k = 0; k < set->groups[i].count; k++) {
            const struct pin *pin = &set->groups[i].pins[k];
            if ((pin->position != PIN_ANY && pin->position != PIN_LEAF) || pin_holder_find(pin, extra, &holder))
                return true;
        }
    return false;
}

/* Who signs is not known, or not with which key; but no pin is of any CA that is: whoever it is, a chain of a public CA holds none of them. */
static result judge_without_cas(const struct gate_work *work, const struct pin_document *document, int64_t now, struct pin_judgement *judgement) {
    const struct pin_link links[] = {*work->question->next, {.has_certificate_sha256 = true}};
    const struct pin_path path = {.links = links, .count = 2, .is_complete = true};
    struct pin_question question = question_of(work, now);
    struct pin_judgement judged;
    size_t count;
    const struct pin_set **sets = sets_of(work, document, &count);
    if (sets == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; i++)
        if (may_pin_ca(sets[i], work->question->extra))
            return OK;
    question.paths = &path;
    question.path_count = 1;
    question.is_paths_whole = true;
    pin_judge(document, &question, &judged);
    if (judged.verdict != PIN_VERDICT_REFUSES)
        return OK;
    *judgement = judged;
    judgement->why = "no pin is this key's, and none is of a CA that is known; if a CA of your own signs it, give its chain";
    return OK;
}

static result judge_document(struct gate_work *work, struct gate_case *one, const struct pin_document *document, int64_t now, struct pin_judgement *judgement) {
    struct pin_judgement worst;
    bool is_asked[trust_store_count] = {false};
    size_t count;
    judge_leaf(work, document, now, &worst);
    if (worst.verdict == PIN_VERDICT_CANNOT_TELL && work->question->candidate_count > 0) {
        const struct pin_set **sets = sets_of(work, document, &count);
        if (sets == NULL)
            return &fault_no_memory;
        worst = (struct pin_judgement){.verdict = PIN_VERDICT_NOT_PINNED, .why = ""};
        for (size_t i = 0; i < count; i++) {
            enum trust_store store = store_for(one, sets[i]->format);
            struct pin_judgement judged;
            if (is_asked[store])
                continue;
            is_asked[store] = true;
            TRY(judge_candidates(work, document, store, now, &judged));
            take_worse(&judged, &worst);
        }
    }
    if (worst.verdict == PIN_VERDICT_CANNOT_TELL && worst.why != why_it_depends && !has_chain(work->question))
        TRY(judge_without_cas(work, document, now, &worst));
    doubt(document, &worst);
    take_worse(&worst, judgement);
    return OK;
}

/* ---- one release */

result gate_judge_release(struct gate_work *work, struct gate_case *one, int64_t now, struct pin_judgement *judgement) {
    *judgement = (struct pin_judgement){.verdict = PIN_VERDICT_NOT_PINNED, .why = one->release->document_count == 0 ? "it has no pin file" : "no pin set holds for this host"};
    for (size_t i = 0; i < one->release->document_count; i++)
        TRY(judge_document(work, one, &one->release->documents[i], now, judgement));
    return OK;
}

/* When a set stops to pin for everybody. */
static int64_t end_of(const struct pin_set *set) {
    return set->expires + (set->is_expiry_local ? ZONE_LAST_S : 0);
}

static size_t count_sets(const struct gate_work *work, const struct gate_case *one) {
    const struct gate_question *question = work->question;
    size_t count = 0;
    for (size_t i = 0; i < one->release->document_count; i++)
        count += pin_sets_for_host(&one->release->documents[i], question->host, question->port, question->protocol, NULL, 0);
    return count;
}

static void add_time(int64_t *times, size_t *count, int64_t time) {
    size_t at = *count;
    for (size_t i = 0; i < *count; i++)
        if (times[i] == time)
            return;
    for (; at > 0 && times[at - 1] > time; at--)
        times[at] = times[at - 1];
    times[at] = time;
    ++*count;
}

/* The day of the rotation, and the later ones on which some of its sets end; in order. */
static result times_of(struct gate_work *work, struct gate_case *one, int64_t **ret_times, size_t *ret_count) {
    int64_t *times = arena_take_array(work->arena, count_sets(work, one) + 1, sizeof *times);
    if (times == NULL)
        return &fault_no_memory;
    times[0] = work->question->on;
    *ret_times = times;
    *ret_count = 1;
    for (size_t i = 0; i < one->release->document_count; i++) {
        size_t count;
        const struct pin_set **sets = sets_of(work, &one->release->documents[i], &count);
        if (sets == NULL)
            return &fault_no_memory;
        for (size_t k = 0; k < count; k++) {
            one->has_tlsa = one->has_tlsa || sets[k]->format == PIN_FORMAT_TLSA;
            if (sets[k]->has_expiry && sets[k]->expires < INT64_MAX - ZONE_LAST_S && end_of(sets[k]) > work->question->on)
                add_time(times, ret_count, end_of(sets[k]));
        }
    }
    return OK;
}

static result judge_times(struct gate_work *work, struct gate_case *one) {
    int64_t *times;
    size_t count;
    TRY(times_of(work, one, &times, &count));
    one->eras = arena_take_array(work->arena, count, sizeof *one->eras);
    if (one->eras == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; i++) {
        one->eras[i].from = times[i];
        TRY(gate_judge_release(work, one, times[i], &one->eras[i].judgement));
    }
    one->era_count = count;
    return OK;
}

const struct pin_judgement *gate_judgement_at(const struct gate_case *one, int64_t time) {
    size_t era = 0;
    while (era + 1 < one->era_count && one->eras[era + 1].from <= time)
        era++;
    return &one->eras[era].judgement;
}

bool gate_is_live(const struct gate_case *one, int64_t time) {
    return one->release->release == NULL || release_is_live(one->release->release, time);
}

/* ---- all */

static size_t app_of(struct gate_work *work, size_t number) {
    const struct release *release = work->cases[number].release->release;
    for (size_t i = number; release != NULL && i-- > 0;) {
        const struct release *other = work->cases[i].release->release;
        if (other != NULL && release_is_same_app(other, release))
            return work->cases[i].app;
    }
    return work->app_count++;
}

static size_t platform_of(struct gate_work *work, size_t number) {
    const struct release *release = work->cases[number].release->release;
    for (size_t i = number; release != NULL && i-- > 0;) {
        const struct release *other = work->cases[i].release->release;
        if (other != NULL && work->cases[i].app == work->cases[number].app && strcmp(other->platform, release->platform) == 0)
            return work->cases[i].platform;
    }
    return work->platform_count++;
}

result gate_judge_all(struct gate_work *work) {
    const struct gate_question *question = work->question;
    size_t rooms = question->candidate_count * trust_store_count + 1;
    work->cases = arena_take_array(work->arena, question->release_count + 1, sizeof *work->cases);
    work->paths = arena_take_array(work->arena, rooms, sizeof *work->paths);
    work->has_paths = arena_take_array(work->arena, rooms, sizeof *work->has_paths);
    if (work->cases == NULL || work->paths == NULL || work->has_paths == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < question->release_count; i++)
        work->cases[work->case_count++].release = &question->releases[i];
    if (question->tlsa != NULL) {
        struct gate_case *records = &work->cases[work->case_count++];
        records->files = (struct gate_release){.documents = question->tlsa, .document_count = 1};
        records->release = &records->files;
        records->is_records = true;
    }
    gate_look_at_certificate(work);
    for (size_t i = 0; i < work->case_count; i++) {
        work->cases[i].app = app_of(work, i);
        work->cases[i].platform = platform_of(work, i);
        TRY(judge_times(work, &work->cases[i]));
    }
    return OK;
}

/* ---- backups */

static bool may_be(const struct pin *pin, const struct pin_link *link) {
    const struct pin_path path = {.links = link, .count = 1};
    return link != NULL && pin_matches(pin, &path, 0) != PIN_MATCH_NO;
}

static bool is_backup(const struct gate_question *question, const struct pin *pin) {
    struct pin_holder holder;
    if (pin->position != PIN_ANY && pin->position != PIN_LEAF)
        return false;
    return pin->role != PIN_CURRENT && !may_be(pin, question->next) && !may_be(pin, question->current) && !pin_holder_find(pin, question->extra, &holder);
}

struct backups {
    const struct pin **pins;
    size_t count;
    bool names_current; /* some pin is called current */
};

static result add_backups(const struct gate_question *question, const struct pin_set *set, struct arena *arena, struct backups *backups) {
    for (size_t i = 0; i < set->group_count; i++) {
        const struct pin **pins = arena_take_array(arena, backups->count + set->groups[i].count + 1, sizeof *pins);
        if (pins == NULL)
            return &fault_no_memory;
        if (backups->count > 0)
            memcpy(pins, backups->pins, backups->count * sizeof *pins);
        backups->pins = pins;
        for (size_t k = 0; k < set->groups[i].count; k++) {
            const struct pin *pin = &set->groups[i].pins[k];
            bool is_new = is_backup(question, pin);
            backups->names_current = backups->names_current || pin->role == PIN_CURRENT;
            for (size_t n = 0; is_new && n < backups->count; n++)
                is_new = !pin_is_of_same(pin, backups->pins[n]);
            if (is_new)
                backups->pins[backups->count++] = pin;
        }
    }
    return OK;
}

static result backups_of(const struct gate_work *work, const struct pin_document *document, size_t *least) {
    struct backups backups = {.count = 0};
    size_t count;
    bool is_pinned = false;
    const struct pin_set **sets = sets_of(work, document, &count);
    if (sets == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; i++) {
        const struct pin_set *set = sets[i];
        bool is_over = set->has_expiry && set->expires <= work->question->on;
        if (!set->is_pinned || !set->is_enforced || is_over || set->format == PIN_FORMAT_TLSA || set->format == PIN_FORMAT_HPKP)
            continue;
        is_pinned = true;
        TRY(add_backups(work->question, set, work->arena, &backups));
    }
    bool hides_current = work->question->current == NULL && !backups.names_current && backups.count > 0;
    size_t left = backups.count - (hides_current ? 1 : 0);
    *least = is_pinned && left < *least ? left : *least;
    return OK;
}

result gate_backups_left(const struct gate_work *work, size_t *ret_count) {
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < work->case_count; i++) {
        const struct gate_release *release = work->cases[i].release;
        for (size_t k = 0; gate_is_live(&work->cases[i], work->question->on) && k < release->document_count; k++)
            TRY(backups_of(work, &release->documents[k], &least));
    }
    *ret_count = least == SIZE_MAX ? 0 : least;
    return OK;
}
