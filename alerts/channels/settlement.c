#include "channels/settlement.h"

#include "base/log.h"
#include "base/memory.h"
#include "channels/backoff.h"

static void say(enum log_level level, const char *event, const struct sending *sending, int64_t wait_ms) {
    const struct store_delivery *delivery = sending->delivery;
    log_say(level, event, LOG_TEXT("channel", delivery->channel), LOG_NUMBER("delivery", delivery->delivery_id),
            LOG_NUMBER("alert", delivery->alert_id), LOG_TEXT("rule", delivery->rule), LOG_TEXT("key", delivery->idempotency_key),
            LOG_NUMBER("attempt", delivery->attempts), LOG_NUMBER("next_in_ms", wait_ms),
            LOG_TEXT("reason", sending->outcome.reason.text));
}

/* The finding is about the channel: no error in telling it may hold up the deliveries themselves. */
static void tell(struct store *store, const struct sending *sending, bool is_over, bool is_dead, int64_t now_ms) {
    const struct store_delivery *delivery = sending->delivery;
    json_t *body = json_pack("{s:s, s:s, s:s, s:I, s:b}", "channel", delivery->channel, "kind", delivery->channel_kind,
                             "last_error", sending->outcome.reason.text, "attempts", (json_int_t) delivery->attempts, "dead",
                             is_dead ? 1 : 0);
    char *text = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    result outcome = text == NULL ? &fault_no_memory : store_tell_channel(store, delivery, is_over, text, now_ms);
    if (outcome != OK)
        log_say(LOG_ERROR, "channel.untold", LOG_TEXT("channel", delivery->channel), LOG_FAULT(outcome));
    memory_free_foreign(text);
    json_decref(body);
}

static result write_delivered(struct store *store, const struct sending *sending, struct lane_health *health, int64_t now_ms) {
    TRY(store_outbox_delivered(store, sending->delivery, now_ms));
    say(sending->outcome.reason.text[0] == '\0' ? LOG_INFO : LOG_WARNING, "alert.delivered", sending, 0);
    if (health != NULL && !health->was_told_working) {
        tell(store, sending, true, false, now_ms);
        *health = (struct lane_health){.was_told_working = true};
    }
    return OK;
}

static result write_dead(struct store *store, const struct sending *sending, struct lane_health *health, int64_t now_ms) {
    TRY(store_outbox_dead(store, sending->delivery, sending->outcome.reason.text));
    say(LOG_ERROR, "alert.given-up", sending, 0);
    tell(store, sending, false, true, now_ms);
    if (health != NULL)
        *health = (struct lane_health){.was_told_failing = true};
    return OK;
}

static result write_retry(struct store *store, const struct sending *sending, struct lane_health *health, int64_t now_ms,
                          uint32_t random) {
    const struct store_delivery *delivery = sending->delivery;
    int64_t wait_ms =
        backoff_delay_ms(&backoff_of_deliveries, delivery->attempts, sending->outcome.retry_after_ms, random);
    TRY(store_outbox_retry(store, delivery, now_ms + wait_ms, sending->outcome.reason.text));
    say(LOG_WARNING, "alert.not-delivered", sending, wait_ms);
    if (delivery->attempts >= SETTLEMENT_TELL_ATTEMPTS && health != NULL && !health->was_told_failing) {
        tell(store, sending, false, false, now_ms);
        *health = (struct lane_health){.was_told_failing = true};
    }
    return OK;
}

result settlement_write(struct store *store, const struct sending *sending, struct lane_health *health, int64_t now_ms,
                        uint32_t random) {
    const struct store_delivery *delivery = sending->delivery;
    if (sending->outcome.verdict == CHANNEL_DELIVERED)
        return write_delivered(store, sending, health, now_ms);
    if (sending->outcome.verdict == CHANNEL_GONE ||
        backoff_is_exhausted(&backoff_of_deliveries, delivery->attempts, now_ms - delivery->created_ms))
        return write_dead(store, sending, health, now_ms);
    return write_retry(store, sending, health, now_ms, random);
}

void settlement_give_back(struct store *store, const struct store_delivery *delivery, int64_t next_ms, const char *why) {
    result outcome = store_outbox_retry(store, delivery, next_ms, why);
    if (outcome != OK)
        log_say(LOG_DEBUG, "claim.kept", LOG_NUMBER("delivery", delivery->delivery_id), LOG_FAULT(outcome));
}
