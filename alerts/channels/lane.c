#include "channels/lane.h"

#include "base/memory.h"
#include "channels/settlement.h"

#define CLAIM_ALLOWANCE_MS 5000 /* for writing the outcome down */

static char *copy_name(const char *name) {
    CLEANUP(buffer_done) struct buffer copy = buffer_with_limit(4096);
    buffer_add_text(&copy, name);
    return buffer_take_text(&copy);
}

static struct lane *add_lane(struct lanes *lanes, const struct store_delivery *delivery) {
    if (lanes->list == NULL)
        lanes->list = memory_new_array(LANES_MAX, sizeof(struct lane));
    if (lanes->list == NULL || lanes->count == LANES_MAX)
        return NULL;
    struct lane *lane = &lanes->list[lanes->count];
    *lane = (struct lane){.tenant_id = delivery->channel_tenant_id, .channel = copy_name(delivery->channel)};
    if (lane->channel == NULL)
        return NULL;
    lane->last = &lane->first; /* the list never moves */
    lanes->count++;
    return lane;
}

struct lane *lane_of(struct lanes *lanes, const struct sending *sending) {
    const struct store_delivery *delivery = sending->delivery;
    for (size_t i = 0; i < lanes->count; i++)
        if (lanes->list[i].tenant_id == delivery->channel_tenant_id && strcmp(lanes->list[i].channel, delivery->channel) == 0)
            return &lanes->list[i];
    return add_lane(lanes, delivery);
}

bool lane_enter(struct lanes *lanes, struct sending *sending) {
    struct lane *lane = lane_of(lanes, sending);
    if (lane == NULL || lane->waiting >= LANE_WAITING_MAX)
        return false;
    sending->next = NULL;
    *lane->last = sending;
    lane->last = &sending->next;
    lane->waiting++;
    return true;
}

char *lanes_full(const struct lanes *lanes, size_t count) {
    json_t *names = json_array();
    bool is_whole = names != NULL;
    for (size_t i = 0; i < lanes->count; i++) {
        const struct lane *lane = &lanes->list[i];
        if (lane->waiting + count > LANE_WAITING_MAX)
            is_whole &= json_array_append_new(names, json_sprintf("%d/%s", (int) lane->tenant_id, lane->channel)) == 0;
    }
    char *text = is_whole ? json_dumps(names, JSON_COMPACT) : NULL;
    json_decref(names);
    return text;
}

static struct sending *take_first(struct lane *lane) {
    struct sending *sending = lane->first;
    lane->first = sending->next;
    if (lane->first == NULL)
        lane->last = &lane->first;
    lane->waiting--;
    return sending;
}

static bool claim_is_long_enough(const struct sending *sending, int64_t now_ms) {
    int64_t needed = CLAIM_ALLOWANCE_MS;
    if (sending->kind != NULL && sending->configuration != NULL)
        needed += sending->kind->deadline_ms(sending->configuration);
    return now_ms + needed <= sending->claim_end_ms;
}

static bool may_start(const struct lanes *lanes, const struct lane *lane) {
    if (lane->first == NULL)
        return false;
    size_t at_once = lane->first->kind == NULL ? 1 : lane->first->kind->at_once;
    return lane->running < at_once && (lane->running == 0 || lanes->running < RUNNING_MAX);
}

void lanes_start(struct lanes *lanes, int64_t now_ms, void (*ended)(void *, struct sending *), void *context) {
    for (size_t i = 0; i < lanes->count; i++) {
        struct lane *lane = &lanes->list[i];
        while (may_start(lanes, lane)) {
            struct sending *sending = take_first(lane);
            if (!claim_is_long_enough(sending, now_ms)) {
                sending_free(sending);
                continue;
            }
            sending->next = lane->running_first;
            lane->running_first = sending;
            lane->running++;
            lanes->running++;
            sending_start(sending, ended, context);
        }
    }
}

void lane_left(struct lanes *lanes, struct sending *sending) {
    struct lane *lane = lane_of(lanes, sending);
    if (lane == NULL)
        return;
    for (struct sending **at = &lane->running_first; *at != NULL; at = &(*at)->next)
        if (*at == sending) {
            *at = sending->next;
            lane->running--;
            lanes->running--;
            return;
        }
}

static void give_back_list(struct sending *list, struct store *store, int64_t now_wall_ms) {
    while (list != NULL) {
        struct sending *sending = list;
        list = sending->next;
        if (store != NULL)
            settlement_give_back(store, sending->delivery, now_wall_ms, "pinwatch-alerts was stopped before this was sent");
        sending_free(sending);
    }
}

void lanes_give_back(struct lanes *lanes, struct store *store, int64_t now_wall_ms) {
    for (size_t i = 0; i < lanes->count; i++) {
        struct lane *lane = &lanes->list[i];
        give_back_list(lane->first, store, now_wall_ms);
        give_back_list(lane->running_first, store, now_wall_ms);
        lane->first = lane->running_first = NULL;
        lane->last = &lane->first;
        lane->waiting = lane->running = 0;
    }
    lanes->running = 0;
}

void lanes_done(struct lanes *lanes) {
    lanes_give_back(lanes, NULL, 0);
    for (size_t i = 0; i < lanes->count; i++)
        memory_free(lanes->list[i].channel);
    memory_free(lanes->list);
    *lanes = (struct lanes){0};
}
