/* Polls CAA records, where the lease is ours: one process at a time does, whatever the number of monitors. */
#include <openssl/rand.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "steps/caa_poller.h"

#define LEASE_SECONDS 60
#define LEASE_EVERY_MS 5000
#define CLIENT_AGAIN_MS 60000
#define STATUS_EVERY_MS 2000
#define CALM_EVERY_MS 60000

uint64_t caa_random(struct caa_poller *poller) { /* xorshift64: spreads questions, keeps no secret */
    poller->random ^= poller->random << 13;
    poller->random ^= poller->random >> 7;
    poller->random ^= poller->random << 17;
    return poller->random;
}

void caa_reset(struct caa_poller *poller) {
    caa_forget_asked(poller);
    caa_refusals_forget_parts(poller);
    caa_batch_free(TAKE(poller->gathering));
    caa_batch_free(TAKE(poller->sending));
    caa_left_out_forget(&poller->room.left_out);
    caa_owners_free(TAKE(poller->owners));
    arena_free(TAKE(poller->watch_arena));
    memory_free(TAKE(poller->fresh));
    memory_free(TAKE(poller->dirty));
    memory_free(TAKE(poller->torn));
    poller->watches = (struct caa_watches){0};
    poller->fresh_count = poller->fresh_room = poller->dirty_count = poller->dirty_room = poller->torn_count = poller->torn_room = 0;
    poller->none = NULL;
    poller->generation = 0;
    poller->is_scanning = poller->is_ready = poller->said_full = false;
    poller->scan_due_ms = poller->fresh_due_ms = 0;
    for (size_t i = 0; i < poller->resolver_count; i++) {
        poller->resolvers[i].health = (struct caa_health){0};
        poller->resolvers[i].is_told = false;
    }
}

/* ---- life */

static void client_free(struct caa_poller *poller) {
    caa_forget_asked(poller);
    if (poller->client != NULL)
        dns_client_free(poller->client);
    poller->client = NULL;
    poller->resolver_count = 0;
}

void caa_poller_free(struct monitor *monitor) {
    struct caa_poller *poller = monitor->caa;
    if (poller == NULL)
        return;
    if (poller->lease.fencing != 0 && store_caa_lease_release(monitor->store, &poller->lease) != OK)
        log_say(LOG_INFO, "caa.lease-kept", LOG_TEXT("effect", "it expires by itself"));
    caa_reset(poller);
    caa_refusals_forget(poller);
    client_free(poller);
    memory_free(poller);
    monitor->caa = NULL;
}

static result poller_new(struct monitor *monitor) {
    struct caa_poller *poller = memory_new(sizeof *poller);
    const struct settings *settings = monitor->settings;
    if (poller == NULL)
        return &fault_no_memory;
    poller->monitor = monitor;
    poller->lease = (struct store_caa_lease){.holder = monitor->holder, .predecessor = monitor->predecessor};
    poller->bounds = (struct caa_bounds){.least_s = settings->caa_poll_seconds_least, .most_s = settings->caa_poll_seconds_most};
    if (poller->bounds.most_s < poller->bounds.least_s)
        poller->bounds.most_s = poller->bounds.least_s;
    if (RAND_bytes((unsigned char *) &poller->random, sizeof poller->random) != 1) {
        memory_free(poller);
        return &fault_machine;
    }
    poller->random |= 1; /* never 0 */
    monitor->caa = poller;
    return OK;
}

/* Who cannot ask leaves the lease to whoever can, and is no trouble while somebody does. */
static result look_elsewhere(struct caa_poller *poller) {
    TRY(store_caa_lease_take(poller->monitor->store, LEASE_SECONDS, &poller->lease));
    poller->is_elsewhere = poller->lease.fencing == 0;
    if (!poller->is_elsewhere)
        TRY(store_caa_lease_release(poller->monitor->store, &poller->lease));
    poller->lease.fencing = 0;
    return OK;
}

static result client_new(struct caa_poller *poller, int64_t now_ms) {
    const struct settings *settings = poller->monitor->settings;
    struct dns_resolver resolvers[CAA_RESOLVERS_MAX];
    struct reason reason = {{0}};
    size_t count = settings->resolvers_count < CAA_RESOLVERS_MAX ? settings->resolvers_count : CAA_RESOLVERS_MAX;
    for (size_t i = 0; i < count; i++)
        resolvers[i] = (struct dns_resolver){.address = settings->resolvers[i].address, .port = (uint16_t) settings->resolvers[i].port,
                                             .is_validating = settings->resolvers[i].is_validating};
    struct dns_client_options options = {.resolvers = resolvers, .resolver_count = count, .in_flight_max = CAA_IN_FLIGHT};
    poller->client_due_ms = now_ms + CLIENT_AGAIN_MS;
    result fault = dns_client_new(poller->monitor->loop, &options, &poller->client, &reason);
    if (fault != OK) {
        log_say(LOG_WARNING, "caa.no-resolver", LOG_TEXT("why", reason.text), LOG_FAULT(fault));
        if (reason.text[0] == '\0')
            reason_of_fault(fault, &reason);
        caa_trouble_note(poller->monitor, reason.text);
        return look_elsewhere(poller);
    }
    poller->are_alternates = count == 0;
    poller->resolver_count = dns_client_resolver_count(poller->client);
    poller->resolver_count = poller->resolver_count < CAA_RESOLVERS_MAX ? poller->resolver_count : CAA_RESOLVERS_MAX;
    for (size_t i = 0; i < poller->resolver_count; i++)
        poller->resolvers[i] = (struct caa_resolver){.name = dns_client_resolver_name(poller->client, i),
                                                     .is_validating = dns_client_is_validating(poller->client, i), .tokens_ms = now_ms};
    return OK;
}

static result begin(struct caa_poller *poller) {
    result fault = caa_owners_new(poller->resolver_count, caa_random(poller), &poller->owners);
    if (fault == OK) {
        poller->owners->most = poller->monitor->settings->caa_names_most;
        poller->none = caa_set_ref(poller->owners->sets, span_of(NULL, 0));
        poller->gathering = caa_batch_new();
        fault = poller->none == NULL || poller->gathering == NULL ? &fault_no_memory : OK;
    }
    if (fault != OK)
        caa_reset(poller);
    return fault;
}

static result hold_lease(struct caa_poller *poller, int64_t now_ms) {
    int64_t before = poller->lease.fencing;
    if (now_ms < poller->lease_due_ms)
        return OK;
    TRY(store_caa_lease_take(poller->monitor->store, LEASE_SECONDS, &poller->lease));
    poller->lease_due_ms = now_ms + LEASE_EVERY_MS;
    if (poller->lease.fencing == before)
        return OK;
    caa_reset(poller);
    caa_refusals_forget(poller);
    poller->room.told = TOLD_UNKNOWN;
    if (before != 0)
        log_say(LOG_NOTICE, "caa.lease-lost", LOG_TEXT("effect", "another monitor polls"));
    return OK;
}

/* ---- status */

static struct store_caa_status status_of(struct caa_poller *poller, size_t at, int64_t now_ms) {
    struct caa_resolver *resolver = &poller->resolvers[at];
    struct store_caa_status status = {.resolver = resolver->name, .is_validating = resolver->is_validating, .last_error = resolver->last_error,
                                      .last_error_ms = resolver->last_error_ms, .last_success_ms = resolver->last_success_ms,
                                      .owners = poller->owners->count, .owners_failing = poller->owners->failing[at]};
    int64_t due_ms, span_ms = now_ms - poller->status_ms;
    status.state = resolver->health.is_down ? "failing" : resolver->answers == 0 ? "starting" : "answering";
    if (span_ms > 0)
        status.answers_per_second = (double) (resolver->answers - resolver->answers_before) * 1000 / (double) span_ms;
    if (caa_owners_next_due_ms(poller->owners, at, &due_ms) && due_ms < now_ms)
        status.overdue_seconds = (double) (now_ms - due_ms) / 1000;
    resolver->answers_before = resolver->answers;
    return status;
}

static result save_status(struct caa_poller *poller, int64_t now_ms) {
    struct store_caa_status rows[CAA_RESOLVERS_MAX];
    if (now_ms < poller->status_due_ms)
        return OK;
    for (size_t i = 0; i < poller->resolver_count; i++)
        rows[i] = status_of(poller, i, now_ms);
    poller->status_ms = now_ms;
    poller->status_due_ms = now_ms + STATUS_EVERY_MS;
    return store_caa_status_save(poller->monitor->store, &poller->lease, rows, poller->resolver_count, clock_wall_ms());
}

static result end_unrest(struct caa_poller *poller, int64_t now_ms) {
    if (now_ms < poller->calm_due_ms || !poller->is_ready)
        return OK;
    poller->calm_due_ms = now_ms + CALM_EVERY_MS;
    int64_t wall_ms = world_clock_time(&poller->monitor->clock, clock_wall_ms());
    return store_caa_unrest_end(poller->monitor->store, &poller->lease, wall_ms - CAA_CALM_MS, clock_wall_ms());
}

/* ---- not polled */

static result end_told(struct monitor *monitor) {
    static const char *const rules[] = {"caa.too-many-names", "caa.unrecordable"};
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
        struct log_event event = {.rule = rules[i], .is_over = true, .detail = "", .evidence = "{}", .now_ms = clock_wall_ms()};
        TRY(monitor_tell(monitor, NULL, &event));
    }
    return caa_trouble_end(monitor);
}

/* What was told while it was polled would stay open for ever. */
static result end_conditions(struct caa_poller *poller) {
    CLEANUP(arena_free_at) struct arena *arena = arena_new(CAA_LOAD_ARENA);
    struct store_caa_condition *rows = NULL;
    size_t count = 0;
    if (arena == NULL)
        return &fault_no_memory;
    TRY(store_caa_lease_take(poller->monitor->store, LEASE_SECONDS, &poller->lease));
    if (poller->lease.fencing == 0) /* somebody else polls */
        return OK;
    TRY(end_told(poller->monitor));
    TRY(store_caa_conditions_load(poller->monitor->store, arena, &rows, &count));
    if (count == 0)
        return OK;
    struct caa_batch *batch = caa_batch_new();
    if (batch == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; i++)
        caa_batch_end(batch, rows[i].rule, rows[i].subject);
    result fault = store_caa_commit_send(poller->monitor->store, &poller->lease, batch->commit, clock_wall_ms());
    caa_batch_free(batch);
    return fault;
}

/* Once, at the start; then there is no poller until the next one. */
static result rest(struct monitor *monitor) {
    if (monitor->caa != NULL && monitor->caa->is_ready)
        return OK;
    if (monitor->caa == NULL)
        TRY(poller_new(monitor));
    monitor->caa->lease.fencing = 0;
    TRY(end_conditions(monitor->caa));
    if (monitor->caa->lease.fencing != 0)
        TRY(store_caa_lease_release(monitor->store, &monitor->caa->lease));
    monitor->caa->lease.fencing = 0;
    monitor->caa->is_ready = true;
    return OK;
}

/* ---- the step */

static result work(struct caa_poller *poller, int64_t now_ms) {
    if (poller->owners == NULL)
        TRY(begin(poller));
    result fault = caa_load_some(poller, now_ms);
    if (fault == &fault_no_memory)
        caa_reset(poller); /* half of something may be loaded */
    TRY(fault);
    caa_ask_due(poller, now_ms);
    if (poller->is_ready)
        TRY(caa_commit_some(poller, now_ms));
    if (poller->owners == NULL)
        return OK;
    TRY(end_unrest(poller, now_ms));
    return save_status(poller, now_ms);
}

static result poll(struct monitor *monitor, int64_t now_ms) {
    if (monitor->caa == NULL)
        TRY(poller_new(monitor));
    struct caa_poller *poller = monitor->caa;
    if (poller->client == NULL && now_ms >= poller->client_due_ms)
        TRY(client_new(poller, now_ms));
    if (poller->client == NULL)
        return OK;
    TRY(hold_lease(poller, now_ms));
    poller->is_elsewhere = poller->lease.fencing == 0;
    if (poller->is_elsewhere)
        return OK;
    result fault = work(poller, now_ms);
    if (fault == &fault_store_lease_expired) /* nobody took it: the next round renews it and goes on */
        poller->lease_due_ms = 0;
    if (fault == &fault_store_lease_lost) {
        caa_reset(poller);
        poller->lease.fencing = 0;
    }
    return fault == &fault_store_lease_lost ? OK : fault;
}

static enum caa_standing standing_of(const struct caa_poller *poller) {
    if (poller == NULL)
        return CAA_STANDS_STILL;
    bool is_polling = poller->owners != NULL && poller->is_ready && poller->lease.fencing != 0;
    bool is_well = is_polling && (!poller->refusals.awaits_commit || poller->owners->count == 0);
    return poller->is_elsewhere ? CAA_STANDS_ELSEWHERE : is_well ? CAA_STANDS_WELL : CAA_STANDS_STILL;
}

static result look(struct monitor *monitor, int64_t now_ms) {
    TRY(caa_trouble_look(monitor, standing_of(monitor->caa), now_ms));
    if (monitor->caa == NULL || monitor->caa->lease.fencing == 0)
        return OK;
    TRY(caa_room_look(monitor->caa, now_ms));
    return caa_refusals_look(monitor->caa, now_ms);
}

static void note_trouble(struct monitor *monitor, result fault) {
    const char *why = store_why(monitor->store)->text;
    struct reason own;
    reason_of_fault(fault, &own);
    if (fault != &fault_store_lease_expired)
        caa_trouble_note(monitor, why[0] != '\0' ? why : own.text);
}

result step_poll_caa(struct monitor *monitor, int64_t now_ms) {
    if (monitor->watches == NULL)
        return OK;
    if (!monitor->settings->follows_caa)
        return rest(monitor);
    result fault = poll(monitor, now_ms);
    if (fault != OK)
        note_trouble(monitor, fault);
    result told = look(monitor, now_ms);
    return fault != OK ? fault : told;
}
