/* Asks what is due, as many at once and as many a second as the settings allow, and keeps the answers for the next commit. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "steps/caa_poller.h"

#define RETRY_MS 10000 /* after a question for which there was no memory */
#define PROBE_LOOKS 1000
#define OURS_MS 300000 /* how long what this machine lacks is no state of a name or of a resolver; then people shall hear of it */

static void asked_free(struct caa_asked *asked) {
    if (asked->before != NULL)
        asked->before->next = asked->next;
    else
        asked->poller->asked = asked->next;
    if (asked->next != NULL)
        asked->next->before = asked->before;
    memory_free(asked);
}

void caa_forget_asked(struct caa_poller *poller) {
    while (poller->asked != NULL) {
        dns_cancel(poller->client, poller->asked);
        asked_free(poller->asked);
    }
    for (size_t i = 0; i < poller->resolver_count; i++)
        poller->resolvers[i].in_flight = 0;
}

/* Later, when the next round comes: an answer that cannot be kept is as if it had not come. */
static void give_up(struct caa_poller *poller, struct caa_owner *owner, size_t resolver) {
    owner->slots[resolver].is_asked = owner->slots[resolver].is_probe = false;
    if (caa_owners_schedule(poller->owners, owner, resolver, clock_monotonic_ms() + RETRY_MS) != OK)
        caa_reset(poller);
}

static result canonical_set(struct caa_poller *poller, const struct caa_answer *answer, struct caa_set **ret_set) {
    CLEANUP(buffer_done) struct buffer bytes = buffer_with_limit(2 * DNS_MESSAGE_MAX);
    *ret_set = NULL;
    if (answer->outcome != CAA_RECORDS && answer->outcome != CAA_EMPTY)
        return OK;
    if (answer->outcome == CAA_RECORDS)
        TRY(caa_set_encode(answer->records, answer->record_count, &bytes));
    *ret_set = caa_set_ref(poller->owners->sets, buffer_span(&bytes));
    return *ret_set == NULL ? &fault_no_memory : OK;
}

static result keep(struct caa_poller *poller, const struct caa_asked *asked, const struct caa_answer *answer) {
    struct caa_batch *batch = poller->gathering;
    void *grown = memory_grow(batch->answers, batch->count, &batch->room, sizeof *batch->answers);
    if (grown == NULL)
        return &fault_no_memory;
    batch->answers = grown;
    struct caa_waiting *waiting = &batch->answers[batch->count];
    *waiting = (struct caa_waiting){.owner = asked->owner, .resolver = asked->resolver, .is_probe = asked->owner->slots[asked->resolver].is_probe};
    struct caa_answer plain = *answer;
    plain.records = NULL; /* the set is kept once for all */
    plain.record_count = 0;
    plain.answered_ms = world_clock_time(&poller->monitor->clock, answer->answered_ms); /* it is held against the logs' time */
    TRY(caa_answer_copy(&plain, batch->arena, &waiting->answer));
    TRY(canonical_set(poller, answer, &waiting->set));
    batch->count++;
    batch->bytes += caa_set_span(waiting->set).size;
    return OK;
}

static void note(struct caa_resolver *resolver, const struct caa_asked *asked, const struct caa_answer *answer) {
    resolver->in_flight -= resolver->in_flight > 0;
    resolver->answers++;
    if (answer->outcome == CAA_RECORDS || answer->outcome == CAA_EMPTY) {
        resolver->last_success_ms = answer->answered_ms;
        return;
    }
    resolver->last_error_ms = answer->answered_ms;
    snprintf(resolver->last_error, sizeof resolver->last_error, "%.80s: %s%s%.90s", asked->owner->name, answer->why, answer->detail[0] != '\0' ? ", " : "",
             answer->detail);
}

/* What passes is not recorded: it would be held against the resolver. */
static bool is_passing_trouble(struct caa_resolver *resolver, const struct caa_answer *answer) {
    int64_t now_ms = clock_monotonic_ms();
    bool is_new = answer->is_ours && resolver->ours_since_ms == 0;
    if (is_new)
        log_say(LOG_WARNING, "caa.not-asked", LOG_TEXT("resolver", resolver->name), LOG_TEXT("why", answer->detail));
    resolver->ours_since_ms = !answer->is_ours ? 0 : is_new ? now_ms : resolver->ours_since_ms;
    return answer->is_ours && now_ms - resolver->ours_since_ms < OURS_MS;
}

static void answered(void *context, const struct caa_answer *answer) {
    struct caa_asked asked = *(struct caa_asked *) context;
    struct caa_poller *poller = asked.poller;
    struct caa_resolver *resolver = &poller->resolvers[asked.resolver];
    asked_free(context);
    note(resolver, &asked, answer);
    if (is_passing_trouble(resolver, answer) || keep(poller, &asked, answer) != OK)
        give_up(poller, asked.owner, asked.resolver);
    if (poller->owners != NULL)
        caa_ask_due(poller, clock_monotonic_ms());
}

static result ask(struct caa_poller *poller, struct caa_owner *owner, size_t resolver) {
    struct dns_name name;
    struct caa_asked *asked = memory_new(sizeof *asked);
    if (asked == NULL)
        return &fault_no_memory;
    *asked = (struct caa_asked){.poller = poller, .owner = owner, .resolver = resolver, .next = poller->asked};
    if (poller->asked != NULL)
        poller->asked->before = asked;
    poller->asked = asked;
    result fault = dns_name_from_text(span_of_text(owner->name), &name, NULL);
    if (fault == OK)
        fault = dns_ask_caa(poller->client, resolver, &name, answered, asked);
    if (fault != OK) {
        asked_free(asked);
        return fault;
    }
    owner->slots[resolver].is_asked = true;
    poller->resolvers[resolver].in_flight++;
    return OK;
}

static bool has_token(struct caa_poller *poller, struct caa_resolver *resolver, int64_t now_ms) {
    unsigned per_second = poller->monitor->settings->caa_queries_per_second;
    if (per_second == 0)
        return true;
    resolver->tokens += (double) (now_ms - resolver->tokens_ms) * per_second / 1000;
    resolver->tokens = resolver->tokens > per_second ? per_second : resolver->tokens;
    resolver->tokens_ms = now_ms;
    return resolver->tokens >= 1;
}

/* What a commit that does not get through has left room for. */
static bool has_room(const struct caa_poller *poller, const struct caa_resolver *resolver) {
    size_t waiting = poller->gathering->count;
    for (size_t i = 0; i < poller->resolver_count; i++)
        waiting += poller->resolvers[i].in_flight;
    return resolver->in_flight < CAA_IN_FLIGHT && waiting < CAA_BATCH_MAX && poller->gathering->bytes < CAA_BATCH_BYTES && !store_is_paused(poller->monitor);
}

static void ask_one_resolver(struct caa_poller *poller, size_t at, int64_t now_ms) {
    struct caa_resolver *resolver = &poller->resolvers[at];
    while (has_room(poller, resolver) && has_token(poller, resolver, now_ms)) {
        struct caa_owner *owner = caa_owners_take_due(poller->owners, at, now_ms);
        if (owner == NULL)
            return;
        resolver->tokens -= 1;
        if (ask(poller, owner, at) != OK) {
            give_up(poller, owner, at);
            return;
        }
    }
}

void caa_ask_due(struct caa_poller *poller, int64_t now_ms) {
    for (size_t i = 0; i < poller->resolver_count && poller->owners != NULL && poller->is_ready; i++)
        ask_one_resolver(poller, i, now_ms);
}

static struct caa_owner *well_answered(const struct caa_poller *poller, size_t resolver) {
    const struct caa_heap *heap = &poller->owners->heaps[resolver];
    for (struct caa_owner *top = poller->owners->tops; top != NULL; top = top->next) /* of nobody's zone that is watched */
        if (caa_track_is_good(&top->slots[resolver].track))
            return top;
    for (size_t i = 0; i < heap->count && i < PROBE_LOOKS; i++)
        if (caa_track_is_good(&heap->items[heap->count - 1 - i].owner->slots[resolver].track))
            return heap->items[heap->count - 1 - i].owner;
    return NULL;
}

/* Something that this resolver answered well, asked again at once: is it the names, or is it the resolver? */
void caa_probe(struct caa_poller *poller, size_t resolver, int64_t now_ms) {
    struct caa_owner *owner = well_answered(poller, resolver);
    poller->resolvers[resolver].probed_ms = now_ms;
    if (owner != NULL)
        owner->slots[resolver].is_probe = caa_owners_schedule(poller->owners, owner, resolver, now_ms) == OK;
    else if (caa_health_nothing_to_probe(&poller->resolvers[resolver].health, now_ms))
        caa_health_changed(poller, resolver, now_ms);
}
