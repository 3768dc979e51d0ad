#include "channels/sending.h"

#include "base/memory.h"

FAULT(fault_alert_body, FAULT_BUG, "alert.body", "body of an alert", "docs/alerts.md", "no JSON object", "a JSON object");

struct claim_batch *claim_batch_new(size_t arena_limit) {
    struct claim_batch *batch = memory_new(sizeof *batch);
    if (batch == NULL)
        return NULL;
    batch->arena = arena_new(arena_limit);
    batch->open_count = 1; /* its maker's */
    if (batch->arena == NULL) {
        memory_free(batch);
        return NULL;
    }
    return batch;
}

void claim_batch_leave(struct claim_batch *batch) {
    if (batch == NULL || --batch->open_count > 0)
        return;
    arena_free(batch->arena);
    memory_free(batch);
}

void sending_free(struct sending *sending) {
    if (sending == NULL)
        return;
    if (sending->attempt != NULL)
        sending->kind->cancel(sending->attempt);
    if (sending->deadline_event != NULL)
        event_free(sending->deadline_event);
    message_done(&sending->message);
    json_decref(sending->body);
    json_decref(sending->configuration);
    claim_batch_leave(sending->batch);
    memory_free(sending);
}

/* Set from the beginning: to set it earlier takes no memory, so that no attempt stays without an end. */
#define NEVER_S ((time_t) 365 * 24 * 3600)

static void on_deadline(evutil_socket_t file, short what, void *context);

CLEANUP_OF_POINTER(struct sending, sending_free)

struct sending *sending_new(const struct channel_tools *tools, struct claim_batch *batch, const struct store_delivery *delivery,
                            int64_t claim_end_ms) {
    CLEANUP(sending_free_at) struct sending *sending = memory_new(sizeof *sending);
    if (sending == NULL)
        return NULL;
    *sending = (struct sending){.tools = tools, .batch = batch, .delivery = delivery, .claim_end_ms = claim_end_ms};
    batch->open_count++;
    sending->deadline_event = evtimer_new(tools->loop, on_deadline, sending);
    struct timeval later = {.tv_sec = NEVER_S};
    if (sending->deadline_event == NULL || event_add(sending->deadline_event, &later) != 0)
        return NULL;
    uint64_t mark = memory_mark();
    sending->kind = channel_kind_find(delivery->channel_kind);
    sending->body = json_loads(delivery->body, JSON_REJECT_DUPLICATES, NULL);
    sending->configuration = json_loads(delivery->configuration, JSON_REJECT_DUPLICATES, NULL);
    if (memory_mark() != mark) /* else it would look as if there was no body, or no configuration */
        return NULL;
    sending->alert = (struct alert){
        .tenant_id = delivery->tenant_id,
        .alert_id = delivery->alert_id,
        .finding_id = delivery->finding_id,
        .rule = delivery->rule,
        .severity = delivery->severity,
        .is_test = delivery->is_test,
        .created_ms = delivery->created_ms,
        .body = sending->body,
        .pem = delivery->pem,
    };
    sending->job = (struct channel_job){
        .alert = &sending->alert,
        .message = &sending->message,
        .configuration = sending->configuration,
        .channel = delivery->channel,
        .secret_name = delivery->secret_name,
        .idempotency_key = delivery->idempotency_key,
        .attempt = delivery->attempts,
    };
    return TAKE(sending);
}

static void end_with(struct sending *sending, const struct channel_outcome *outcome) {
    sending->outcome = *outcome;
    event_del(sending->deadline_event);
    sending->ended(sending->context, sending);
}

static void on_done(void *context, const struct channel_outcome *outcome) {
    struct sending *sending = context;
    sending->attempt = NULL; /* the kind has freed it */
    end_with(sending, outcome);
}

/* The end of the time, or (without an attempt) a start that failed: both are told from the loop. */
static void on_deadline(evutil_socket_t file, short what, void *context) {
    (void) file;
    (void) what;
    struct sending *sending = context;
    if (sending->attempt != NULL) {
        sending->kind->cancel(sending->attempt);
        sending->attempt = NULL;
        sending->outcome = (struct channel_outcome){.verdict = CHANNEL_RETRY, .retry_after_ms = -1};
        (void) reason_set(&sending->outcome.reason, &fault_transfer_timeout, "the attempt had no end within %lld s",
                          (long long) sending->kind->deadline_ms(sending->configuration) / 1000);
    }
    struct channel_outcome outcome = sending->outcome;
    end_with(sending, &outcome);
}

static result prepare(struct sending *sending, struct reason *reason) {
    if (sending->kind == NULL)
        return reason_set(reason, &fault_channel_kind, "channel %s: kind %s is not known to this version",
                          sending->delivery->channel, sending->delivery->channel_kind);
    if (!json_is_object(sending->body))
        return reason_set(reason, &fault_alert_body, "alert %lld: its body is no JSON object",
                          (long long) sending->delivery->alert_id);
    TRY(sending->kind->check_configuration(sending->configuration, sending->delivery->secret_name, reason));
    result outcome = message_write(&sending->alert, &sending->message);
    if (outcome != OK)
        reason_of_fault(outcome, reason);
    return outcome;
}

void sending_start(struct sending *sending, void (*ended)(void *, struct sending *), void *context) {
    struct timeval wait = {0};
    sending->ended = ended;
    sending->context = context;
    sending->outcome = (struct channel_outcome){.verdict = CHANNEL_RETRY, .retry_after_ms = -1};
    if (prepare(sending, &sending->outcome.reason) == OK &&
        sending->kind->start(sending->tools, &sending->job, on_done, sending, &sending->attempt, &sending->outcome.reason) == OK)
        wait.tv_sec = sending->kind->deadline_ms(sending->configuration) / 1000;
    else
        sending->attempt = NULL;
    (void) event_add(sending->deadline_event, &wait);
}
