/* Certificates against the pins of live releases: taken when they match, when more is known of them, or when pins, releases, CA keys or the day have changed;
 * judged tenant by tenant, recorded. */
#include <jansson.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "steps/monitor.h"
#include "steps/pin_evidence.h"
#include "steps/pin_world.h"

#define RULE_UNREADABLE "pins.unreadable"
#define CASES_AT_ONCE 16u
#define TURNS_PER_STEP 16u
#define STEP_MS 100               /* no further turn begins after that */
#define CASE_MS 2000              /* nobody else takes it meanwhile; one that is left alone is due again then */
#define RENEW_AT_ONCE 500u
#define SETTLE_AT_ONCE 5000u      /* of those that nobody's pins are about */
#define ISSUER_MS 60000           /* so long a verdict waits for who issued it to be proven: CA pins, and how grave a refusal is, depend on it */
#define PUT_OFF_MS ((int64_t) 15 * 60 * 1000) /* what cannot be judged now is no reason to judge nothing else */
#define PUT_OFF_PASSING_MS 30000
#define CASES_ARENA_LIMIT ((size_t) 64 * 1024 * 1024)
#define CASE_ARENA_LIMIT ((size_t) 256 * 1024 * 1024)

/* One certificate under judgement. */
struct trial {
    struct monitor *monitor;
    const struct store_pin_case *about;
    const struct ca_extra_rows *extra;
    struct arena *arena;
    int64_t now_ms;
};

/* ---- pins that cannot be read */

/* `why` NULL: they can be. */
static result tell_unreadable(struct monitor *monitor, const char *why) {
    char since[RFC3339_SIZE];
    text_of_time_ms(clock_wall_ms(), since);
    json_t *evidence = why == NULL ? json_object() : json_pack("{s:s, s:[s]}", "since", since, "reasons", why);
    char *text = evidence == NULL ? NULL : json_dumps(evidence, JSON_COMPACT);
    json_decref(evidence);
    if (text == NULL)
        return &fault_no_memory;
    struct log_event event = {.rule = RULE_UNREADABLE, .is_over = why == NULL, .detail = "", .evidence = text, .now_ms = clock_wall_ms()};
    result fault = monitor_tell(monitor, NULL, &event);
    memory_free_foreign(text);
    return fault;
}

/* Told once; that it is over, also after a start, because it may be open from before. */
static result note_readable(struct monitor *monitor) {
    if (monitor->told_pins_unreadable == TOLD_OVER)
        return OK;
    TRY(tell_unreadable(monitor, NULL));
    monitor->told_pins_unreadable = TOLD_OVER;
    return OK;
}

/* What memory or the database lacks is told elsewhere. Returns why nothing is judged. */
static result note_unreadable(struct monitor *monitor, result fault, const struct reason *reason) {
    log_say(LOG_ERROR, "pins.refused", LOG_TEXT("why", reason->text), LOG_FAULT(fault));
    if (fault != &fault_pin_file || monitor->told_pins_unreadable == TOLD_OPEN)
        return fault;
    TRY(tell_unreadable(monitor, reason->text));
    monitor->told_pins_unreadable = TOLD_OPEN;
    return fault;
}

/* ---- what is judged by */

/* Pins in force, newly loaded where they have changed. False: CA keys are not yet those of the database. */
static result refresh(struct monitor *monitor, struct store_pin_generations *ret_generations, bool *ret_is_ready) {
    TRY(store_pin_generations_load(monitor->store, ret_generations));
    *ret_is_ready = monitor->ca_arena != NULL && monitor->ca_generation == ret_generations->ca_keys;
    if (monitor->pins != NULL && pin_world_generation(monitor->pins) == ret_generations->pins)
        return note_readable(monitor);
    struct pin_world *world = NULL;
    struct reason reason = {{0}};
    result fault = pin_world_load(monitor->store, &world, &reason);
    if (fault != OK)
        return note_unreadable(monitor, fault, &reason);
    if (monitor->pins != NULL || pin_world_tenant_at(world, 0) != NULL)
        log_say(LOG_NOTICE, "pins.taken", LOG_NUMBER("generation", pin_world_generation(world)));
    pin_world_free(monitor->pins);
    monitor->pins = world;
    ret_generations->pins = pin_world_generation(world);
    return note_readable(monitor);
}

static result renew(struct monitor *monitor, const struct store_pin_generations *generations, int64_t now_ms) {
    int64_t turned = pin_world_turned(monitor->pins, now_ms / 1000);
    struct store_pin_renewal renewal = {.generations = *generations, .turned_ms = turned == INT64_MIN ? 0 : turned * 1000, .now_ms = now_ms, .limit = RENEW_AT_ONCE};
    bool has_more = false;
    return store_pin_cases_renew(monitor->store, &renewal, &has_more); /* the rest at the next step */
}

/* Beside what was imported: which root each authority of the drill stands under. */
static result extra_of(struct monitor *monitor, struct arena *arena, struct ca_extra_rows *ret_extra) {
    const struct drill_file *drill = &monitor->drill;
    size_t count = monitor->extra.link_count;
    struct ca_link *links = arena_take_array(arena, count + DRILL_FILE_AUTHORITIES_MAX, sizeof *links);
    if (links == NULL)
        return &fault_no_memory;
    if (count > 0)
        memcpy(links, monitor->extra.links, count * sizeof *links);
    for (size_t i = 0; monitor->drill_arena != NULL && i < drill->authority_count; i++)
        links[count++] = (struct ca_link){drill->authorities[i].spki_sha256, drill->authorities[i].root_spki_sha256};
    ca_links_sort(links, count);
    *ret_extra = monitor->extra;
    ret_extra->links = links;
    ret_extra->link_count = count;
    return OK;
}

/* ---- one certificate */

static const struct hash *hash_or_null(const struct known_hash *known) {
    return known->is_known ? &known->hash : NULL;
}

static result judge_tenant(const struct trial *trial, int32_t tenant_id, struct store_pin_tenant *ret_judged) {
    static const struct pin_tenant nobody = {0};
    const struct store_pin_case *about = trial->about;
    const struct pin_tenant *tenant = pin_world_tenant(trial->monitor->pins, tenant_id);
    tenant = tenant == NULL ? &nobody : tenant;
    struct pin_verdict_question question = {.views = tenant->views, .view_count = tenant->view_count, .clients = tenant->clients,
                                            .client_count = tenant->client_count, .spki_sha256 = hash_or_null(&about->spki_sha256),
                                            .certificate_sha256 = hash_or_null(&about->certificate_sha256),
                                            .issuer_spki_sha256 = hash_or_null(&about->issuer_spki_sha256), .extra = trial->extra, .names = about->names,
                                            .name_count = about->name_count, .now = trial->now_ms / 1000};
    struct pin_verdicts *verdicts = arena_take(trial->arena, sizeof *verdicts);
    if (verdicts == NULL)
        return &fault_no_memory;
    TRY(pin_verdicts_find(&question, trial->arena, verdicts));
    struct pin_evidence evidence = {.about = about, .verdicts = verdicts, .extra = trial->extra};
    *ret_judged = (struct store_pin_tenant){.tenant_id = tenant_id, .verdicts = verdicts, .documents = pin_world_documents(trial->monitor->pins), .views = tenant->views};
    return pin_evidence_write(&evidence, trial->arena, &ret_judged->finding);
}

/* An expired certificate is refused by everybody, whatever they pin: what was said of it stays. */
static result judge_case(struct trial *trial, const struct store_pin_generations *generations) {
    const struct store_pin_case *about = trial->about;
    bool is_saved = false;
    bool is_recent = about->queued_ms <= trial->now_ms && trial->now_ms < about->queued_ms + ISSUER_MS; /* one of the future is a wrong clock's */
    if (about->is_pending && !about->is_over && is_recent)
        return store_pin_case_put_off(trial->monitor->store, about->certificate_id, about->queued_ms + ISSUER_MS);
    CLEANUP(arena_free_at) struct arena *arena = arena_new(CASE_ARENA_LIMIT);
    struct store_pin_tenant *tenants = arena == NULL ? NULL : arena_take_array(arena, about->tenant_count + 1, sizeof *tenants);
    struct store_pin_verdicts verdicts = {.about = about, .generations = *generations, .tenants = tenants, .now_ms = trial->now_ms};
    if (tenants == NULL)
        return &fault_no_memory;
    trial->arena = arena;
    for (size_t i = 0; !about->is_over && i < about->tenant_count; i++)
        TRY(judge_tenant(trial, (int32_t) about->tenants[i], &tenants[verdicts.count++]));
    return store_pin_verdicts_save(trial->monitor->store, &verdicts, &is_saved); /* not saved: something has changed meanwhile, and it is due again */
}

/* One that fails, now or for ever, keeps nobody else waiting. */
static result put_off(struct monitor *monitor, const struct store_pin_case *about, result fault, int64_t now_ms) {
    bool is_passing = fault->family == FAULT_RETRY && fault != &fault_no_memory;
    log_say(LOG_WARNING, "pins.not-judged", LOG_NUMBER("certificate_id", about->certificate_id), LOG_TEXT("why", store_why(monitor->store)->text), LOG_FAULT(fault));
    if (store_descriptor(monitor->store) < 0)
        return fault;
    TRY(store_pin_case_put_off(monitor->store, about->certificate_id, now_ms + (is_passing ? PUT_OFF_PASSING_MS : PUT_OFF_MS)));
    return is_passing ? fault : OK;
}

static result judge_some(struct monitor *monitor, const struct store_pin_generations *generations, int64_t now_ms, size_t *ret_count) {
    CLEANUP(arena_free_at) struct arena *arena = arena_new(CASES_ARENA_LIMIT);
    struct ca_extra_rows extra;
    struct store_pin_case *cases;
    if (arena == NULL)
        return &fault_no_memory;
    TRY(extra_of(monitor, arena, &extra));
    struct store_pin_taking taking = {.now_ms = now_ms, .until_ms = now_ms + CASE_MS, .limit = CASES_AT_ONCE};
    TRY(store_pin_cases_take(monitor->store, &taking, arena, &cases, ret_count));
    for (size_t i = 0; i < *ret_count; i++) {
        struct trial trial = {.monitor = monitor, .about = &cases[i], .extra = &extra, .now_ms = now_ms};
        result fault = judge_case(&trial, generations);
        if (fault != OK)
            TRY(put_off(monitor, &cases[i], fault, now_ms));
    }
    return OK;
}

result step_judge_pins(struct monitor *monitor, int64_t unused_now_ms) {
    (void) unused_now_ms;
    struct store_pin_generations generations;
    bool is_ready;
    int64_t begin_ms = clock_monotonic_ms(), now_ms = clock_wall_ms();
    size_t count = CASES_AT_ONCE;
    TRY(refresh(monitor, &generations, &is_ready));
    if (!is_ready)
        return OK;
    TRY(renew(monitor, &generations, now_ms));
    if (pin_world_tenant_at(monitor->pins, 0) == NULL)
        TRY(store_pin_cases_settle(monitor->store, generations.pins, now_ms, SETTLE_AT_ONCE));
    for (unsigned turn = 0; turn < TURNS_PER_STEP && count == CASES_AT_ONCE && clock_monotonic_ms() - begin_ms < STEP_MS; turn++)
        TRY(judge_some(monitor, &generations, now_ms, &count));
    return OK;
}
