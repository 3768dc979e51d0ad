/* Certificates against the recorded CAA history: taken when they match, or when more is known of them, judged name by name, recorded. */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/dns_name.h"
#include "rules/ca_table.h"
#include "rules/caa_owners.h"
#include "steps/caa_evidence.h"
#include "steps/caa_verdict.h"
#include "store/caa_history.h"
#include "store/caa_verdicts.h"

#define CASES_AT_ONCE 8u
#define TURNS_PER_STEP 16u
#define STEP_MS 100               /* no further turn begins after that */
#define CASE_MS 2000              /* nobody else takes it meanwhile; one that is left alone is due again then */
#define ASKED_WITHIN_MS 60000     /* resolvers get that long to answer about names that were never asked for */
#define WAIT_FIRST_MS 30000       /* judge again then, later and later, while an answer is awaited */
#define WAIT_MAX_MS ((int64_t) 24 * 3600 * 1000)
#define HISTORY_MS ((int64_t) 15 * 24 * 3600 * 1000) /* a window that reaches further back is not covered */
#define CHUNK 64u                 /* names judged at a time */
#define OWNERS_MAX (CHUNK * 128u)
#define HISTORY_BYTES ((size_t) 1024 * 1024) /* of one owner by one resolver, the newest: who answers with 64 kB, other ones each time, is not judged */
#define EVIDENCE_BYTES ((size_t) 16 * 1024 * 1024) /* of all records behind the verdicts on one certificate; what is beyond is judged, and not kept */
#define PUT_OFF_MS ((int64_t) 15 * 60 * 1000) /* what cannot be judged now is no reason to judge nothing else */
#define PUT_OFF_PASSING_MS 30000
#define CHUNK_ARENA_LIMIT ((size_t) 256 * 1024 * 1024)
#define CASES_ARENA_LIMIT ((size_t) 64 * 1024 * 1024)

/* One certificate under judgement. Verdicts and their texts live in `arena`, histories only as long as their chunk. */
struct hearing {
    struct monitor *monitor;
    const struct store_caa_case *about;
    struct ca_path path;
    struct arena *arena;
    struct store_caa_verdict *verdicts;
    int64_t now_ms; /* by our own clock, which the history goes by, too */
    size_t evidence_bytes;
    bool is_unasked; /* some name was not asked for since the case was queued */
    bool is_waiting;
};

/* ---- names */

static bool is_onion(const char *name) {
    size_t size = strlen(name);
    return size >= 6 && strcmp(name + size - 6, ".onion") == 0;
}

/* What needs no history; false: ask it. `*ret_base` is the name to climb from. */
static bool settle_by_name(const struct store_caa_case_name *name, struct caa_judgement *ret_judgement, struct dns_name *ret_base) {
    *ret_judgement = (struct caa_judgement){.verdict = CAA_NOT_APPLICABLE, .reason = "", .resolver = "", .owner = "", .now = CAA_NOW_UNKNOWN};
    if (name->is_address) {
        ret_judgement->reason = "CAA is not about IP addresses";
        return true;
    }
    if (is_onion(name->value)) {
        ret_judgement->reason = "CAA records of onion names do not stand in the DNS";
        return true;
    }
    if (caa_owner_name_of(name->value, ret_base)) /* as the poller sees it: nobody waits for answers about what it never asks for */
        return false;
    ret_judgement->verdict = CAA_UNKNOWN;
    ret_judgement->reason = "it cannot be read as a name that somebody could ask the DNS about";
    return true;
}

static result add_owners(struct dns_name name, struct arena *arena, const char **owners, size_t *count) {
    for (; !dns_name_is_root(&name) && *count < OWNERS_MAX; name = dns_name_parent(&name)) {
        char text[DNS_NAME_TEXT_SIZE];
        dns_name_to_text(&name, text);
        if ((owners[(*count)++] = arena_copy_text(arena, text)) == NULL)
            return &fault_no_memory;
    }
    return OK;
}

/* ---- what the resolvers said */

/* Was everybody asked since the certificate came, as far as the climb goes? */
static bool was_asked(const struct hearing *hearing, const struct caa_resolver_history *resolvers, size_t count) {
    for (size_t r = 0; r < count; r++)
        for (size_t i = 0; i < resolvers[r].owner_count; i++) {
            const struct caa_owner_history *owner = &resolvers[r].owners[i];
            const struct caa_run *last = owner->count == 0 ? NULL : &owner->runs[owner->count - 1];
            if (last == NULL || last->last_answered_ms < hearing->about->queued_ms)
                return false;
            if (last->answer.outcome != CAA_EMPTY)
                break;
        }
    return count > 0;
}

static size_t weight_of(const struct caa_answer *answer) {
    size_t weight = 0;
    for (size_t i = 0; i < answer->record_count; i++)
        weight += sizeof answer->records[i] + answer->records[i].tag.size + answer->records[i].value.size;
    return weight;
}

static result keep_answer(struct hearing *hearing, const struct caa_answer *judged_by, const struct caa_answer **ret_kept) {
    size_t weight = weight_of(judged_by);
    *ret_kept = NULL;
    if (weight > EVIDENCE_BYTES - hearing->evidence_bytes)
        return OK;
    hearing->evidence_bytes += weight;
    struct caa_answer *answer = arena_take(hearing->arena, sizeof *answer);
    if (answer == NULL)
        return &fault_no_memory;
    *ret_kept = answer;
    return caa_answer_copy(judged_by, hearing->arena, answer);
}

static result keep(struct hearing *hearing, const struct caa_judgement *judgement, struct caa_judgement *ret_kept) {
    *ret_kept = *judgement;
    ret_kept->reason = arena_copy_text(hearing->arena, judgement->reason);
    ret_kept->resolver = arena_copy_text(hearing->arena, judgement->resolver);
    ret_kept->owner = arena_copy_text(hearing->arena, judgement->owner);
    if (ret_kept->reason == NULL || ret_kept->resolver == NULL || ret_kept->owner == NULL)
        return &fault_no_memory;
    return judgement->answer == NULL ? OK : keep_answer(hearing, judgement->answer, &ret_kept->answer);
}

/* Our clock says when records stood, the logs' when the certificate came: while they differ, nobody is accused by holding the one against the other. */
static void heed_clock(struct hearing *hearing, struct caa_judgement *judgement) {
    bool differs = hearing->monitor->clock.ahead_ms != 0;
    if (judgement->verdict != CAA_INCONSISTENT || !(differs || hearing->about->is_by_our_clock))
        return;
    judgement->verdict = CAA_UNKNOWN;
    judgement->reason = differs ? "the records do not permit the issuer, but this machine's clock, by which they were recorded, differs from those of the logs"
                                : "the records do not permit the issuer, but it was seen here minutes before the first log dated it: a clock was wrong, and so may be the time of issuance";
    judgement->resolver = judgement->owner = "";
    judgement->answer = NULL;
    judgement->is_waiting = differs;
}

static const char *why_unmapped(const struct store_caa_case *about) {
    if (strcmp(about->issuer_state, "pending") == 0)
        return "who issued it is not proven yet";
    return strcmp(about->issuer_state, "verified") == 0 ? "it is not known which CAA domains the issuer recognises" : "who issued it cannot be proven";
}

/* The owners of one climb among those of the chunk. */
struct climb_place {
    struct dns_name base;
    size_t first, count;
};

/* One name of the chunk, by what is recorded about its own climb. */
static result judge_name(struct hearing *hearing, size_t at, const struct climb_place *place, const struct caa_resolver_history *resolvers, size_t count,
                         struct arena *arena) {
    struct caa_resolver_history *own = arena_take_array(arena, count + 1, sizeof *own);
    if (own == NULL)
        return &fault_no_memory;
    for (size_t r = 0; r < count; r++)
        own[r] = (struct caa_resolver_history){.resolver = resolvers[r].resolver, .owners = resolvers[r].owners + place->first, .owner_count = place->count};
    const struct store_caa_case *about = hearing->about;
    struct caa_case question = {.is_wildcard = strncmp(about->names[at].value, "*.", 2) == 0, .issued_ms = about->issued_ms,
                                .issuer_domains = hearing->path.domains, .is_issuer_certain = hearing->path.is_certain};
    struct caa_judgement judgement;
    TRY(caa_judge(&question, own, count, arena, &judgement));
    if (judgement.verdict == CAA_UNKNOWN && question.issuer_domains == NULL)
        judgement.reason = why_unmapped(about);
    heed_clock(hearing, &judgement);
    hearing->is_unasked = hearing->is_unasked || !was_asked(hearing, own, count);
    hearing->is_waiting = hearing->is_waiting || judgement.is_waiting;
    return keep(hearing, &judgement, &hearing->verdicts[at].judgement);
}

/* Names from `first` on, together because they share most of their owners. */
static result judge_chunk(struct hearing *hearing, size_t first, size_t last) {
    CLEANUP(arena_free_at) struct arena *arena = arena_new(CHUNK_ARENA_LIMIT);
    const char **owners = arena == NULL ? NULL : arena_take_array(arena, OWNERS_MAX, sizeof *owners);
    struct climb_place *places = arena == NULL ? NULL : arena_take_array(arena, CHUNK, sizeof *places);
    bool is_settled[CHUNK];
    size_t owner_count = 0, resolver_count = 0;
    if (owners == NULL || places == NULL)
        return &fault_no_memory;
    for (size_t i = first; i < last; i++) {
        hearing->verdicts[i].name = hearing->about->names[i].value;
        struct climb_place *place = &places[i - first];
        place->first = owner_count;
        is_settled[i - first] = settle_by_name(&hearing->about->names[i], &hearing->verdicts[i].judgement, &place->base);
        if (!is_settled[i - first])
            TRY(add_owners(place->base, arena, owners, &owner_count));
        place->count = owner_count - place->first;
    }
    struct caa_resolver_history *resolvers = NULL;
    struct store_caa_wish wish = {.owners = owners, .owner_count = owner_count, .from_ms = hearing->about->issued_ms - HISTORY_MS, .to_ms = hearing->now_ms + CASE_MS,
                                  .bytes_max = HISTORY_BYTES};
    if (owner_count > 0)
        TRY(store_caa_history_load(hearing->monitor->store, &wish, arena, &resolvers, &resolver_count));
    for (size_t i = first; i < last; i++)
        if (!is_settled[i - first])
            TRY(judge_name(hearing, i, &places[i - first], resolvers, resolver_count, arena));
    return OK;
}

/* Somebody's records take all the room: his names are not judged, all others are. */
static result judge_singly(struct hearing *hearing, size_t first, size_t last) {
    for (size_t i = first; i < last; i++) {
        uint64_t mark = memory_mark();
        result fault = judge_chunk(hearing, i, i + 1);
        if (fault == &fault_no_memory && memory_mark() == mark)
            hearing->verdicts[i].judgement = (struct caa_judgement){.verdict = CAA_UNKNOWN, .reason = "more is recorded about it than can be judged", .resolver = "",
                                                                    .owner = "", .now = CAA_NOW_UNKNOWN, .window_begin_ms = hearing->about->issued_ms,
                                                                    .window_end_ms = hearing->about->issued_ms};
        else
            TRY(fault);
    }
    return OK;
}

static result judge_names(struct hearing *hearing) {
    size_t count = hearing->about->name_count;
    for (size_t first = 0; first < count; first += CHUNK) {
        size_t last = first + CHUNK < count ? first + CHUNK : count;
        uint64_t mark = memory_mark();
        result fault = judge_chunk(hearing, first, last);
        if (fault == &fault_no_memory && memory_mark() == mark) /* it is the arena's limit */
            fault = judge_singly(hearing, first, last);
        TRY(fault);
    }
    return OK;
}

/* ---- what is recorded */

/* When to judge again: never once an answer that could decide has come, or a day has gone by. */
static int64_t due_after(const struct hearing *hearing) {
    int64_t age_ms = hearing->now_ms - hearing->about->issued_ms;
    if (!hearing->is_waiting || age_ms > WAIT_MAX_MS)
        return 0;
    return hearing->now_ms + (age_ms / 4 > WAIT_FIRST_MS ? age_ms / 4 : WAIT_FIRST_MS);
}

static result record(struct hearing *hearing) {
    char *finding = NULL;
    bool is_saved = false;
    struct caa_evidence evidence = {.store = hearing->monitor->store, .about = hearing->about, .verdicts = hearing->verdicts, .path = &hearing->path};
    TRY(caa_evidence_write(&evidence, &finding));
    struct store_caa_verdicts verdicts = {.about = hearing->about, .verdicts = hearing->verdicts, .count = hearing->about->name_count,
                                          .finding = finding, .due_ms = due_after(hearing), .now_ms = hearing->now_ms};
    result fault = store_caa_verdicts_save(hearing->monitor->store, &verdicts, &is_saved);
    memory_free_foreign(finding);
    return fault; /* not saved: it has changed meanwhile, and is due again */
}

static result judge_case(struct monitor *monitor, const struct store_caa_case *about, int64_t now_ms) {
    CLEANUP(arena_free_at) struct arena *arena = arena_new(CHUNK_ARENA_LIMIT);
    struct hearing hearing = {.monitor = monitor, .about = about, .arena = arena, .now_ms = now_ms};
    if (arena == NULL || (hearing.verdicts = arena_take_array(arena, about->name_count + 1, sizeof *hearing.verdicts)) == NULL)
        return &fault_no_memory;
    if (about->issuer_spki_sha256.is_known)
        TRY(ca_table_path(&about->issuer_spki_sha256.hash, &monitor->extra, arena, &hearing.path));
    TRY(judge_names(&hearing));
    if (!hearing.is_unasked || now_ms >= about->queued_ms + ASKED_WITHIN_MS)
        return record(&hearing);
    int64_t wait_ms = (now_ms - about->queued_ms) / 2; /* it is due again after CASE_MS; many that wait together look less and less often */
    return wait_ms <= CASE_MS ? OK : store_caa_case_put_off(monitor->store, about->certificate_id, now_ms + wait_ms);
}

/* One that fails, now or for ever, keeps nobody else waiting. */
static result put_off(struct monitor *monitor, const struct store_caa_case *about, result fault, int64_t now_ms) {
    bool is_passing = fault->family == FAULT_RETRY && fault != &fault_no_memory;
    log_say(LOG_WARNING, "caa.not-judged", LOG_NUMBER("certificate_id", about->certificate_id), LOG_TEXT("why", store_why(monitor->store)->text), LOG_FAULT(fault));
    if (store_descriptor(monitor->store) < 0)
        return fault;
    TRY(store_caa_case_put_off(monitor->store, about->certificate_id, now_ms + (is_passing ? PUT_OFF_PASSING_MS : PUT_OFF_MS)));
    return is_passing ? fault : OK;
}

static result judge_some(struct monitor *monitor, int64_t now_ms, size_t *ret_count) {
    CLEANUP(arena_free_at) struct arena *arena = arena_new(CASES_ARENA_LIMIT);
    struct store_caa_case *cases;
    if (arena == NULL)
        return &fault_no_memory;
    struct store_caa_taking taking = {.now_ms = now_ms, .until_ms = now_ms + CASE_MS, .limit = CASES_AT_ONCE};
    TRY(store_caa_cases_take(monitor->store, &taking, arena, &cases, ret_count));
    for (size_t i = 0; i < *ret_count; i++) {
        result fault = judge_case(monitor, &cases[i], now_ms);
        if (fault != OK)
            TRY(put_off(monitor, &cases[i], fault, now_ms));
    }
    return OK;
}

result step_judge_caa(struct monitor *monitor, int64_t unused_now_ms) {
    (void) unused_now_ms;
    if (!monitor->settings->follows_caa || monitor->watches == NULL)
        return OK;
    int64_t begin_ms = clock_monotonic_ms(), now_ms = clock_wall_ms();
    size_t count = CASES_AT_ONCE;
    for (unsigned turn = 0; turn < TURNS_PER_STEP && count == CASES_AT_ONCE && clock_monotonic_ms() - begin_ms < STEP_MS; turn++)
        TRY(judge_some(monitor, now_ms, &count));
    return OK;
}
