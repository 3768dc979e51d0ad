#include "channels/dispatcher.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "channels/lane.h"
#include "channels/settlement.h"
#include "settings/place.h"
#include "store/schema.h"

#define POLL_MS        500            /* when no notification comes; also the pace of looking for what has become due */
#define SOON_MS        20             /* there was more than one claim could bring */
#define CLAIM_MS       (150 * 1000)   /* longer than any attempt may take, see the limits of the kinds */
#define CLAIM_LIMIT    64
#define CLAIM_LANE_MAX 8
#define ARENA_LIMIT    (64u << 20)
#define PAUSE_FIRST_MS 1000           /* while the database does not answer */
#define PAUSE_CAP_MS   15000
#define STOP_MS        4000
#define CLOCK_STEP_MS  60000          /* set back by less: the five minutes of the statement do as well */
#define SAY_AGAIN_MS   60000

struct dispatcher {
    const struct channel_tools *tools;
    struct store *store;
    const char *place;
    char holder[PLACE_NAME_SIZE + 40]; /* ends with the number of the claim */
    uint64_t claim_number;
    bool is_claim_unknown; /* it failed: what it claimed, if anything, nobody knows here */
    result fatal;          /* why this build cannot go on, NULL: it can */
    struct event *tick_event, *notify_event;
    struct lanes lanes;
    struct sending *ended; /* outcomes not yet written down */
    unsigned claim_limit;
    bool is_schema_known;    /* the database has the schema of this build */
    bool has_taken_over;     /* what a dead predecessor had claimed */
    uint64_t notified_connection; /* whose descriptor notify_event waits on; by number, since the next one often has the same descriptor */
    bool has_clock_base;
    int64_t clock_base_ms;   /* wall less monotonic, as it was last */
    int64_t pause_ms;        /* 0: the database answers */
    int64_t away_since_ms, said_away_ms;
    result said_why;
    int64_t stop_at_ms;      /* monotonic; 0: not stopping */
};

/* Persistent and always set: where it was not, libevent would ask for memory, and without it no alert would ever go out again. */
static bool tick_in(struct dispatcher *dispatcher, int64_t wait_ms) {
    struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000 + 1}; /* of nothing it would be set once */
    return event_add(dispatcher->tick_event, &wait) == 0;
}

static void forget_notifications(struct dispatcher *dispatcher) {
    if (dispatcher->notify_event != NULL)
        event_free(dispatcher->notify_event);
    dispatcher->notify_event = NULL;
}

/* A lost connection has closed its descriptor, which may be anybody's by now. */
static void forget_lost_connection(struct dispatcher *dispatcher) {
    if (dispatcher->notified_connection != store_connection_number(dispatcher->store) || store_descriptor(dispatcher->store) < 0)
        forget_notifications(dispatcher);
}

/* The database said nothing wrong: this process has no room for what it was to do. */
static bool is_own_trouble(result why) {
    return why == &fault_no_memory || why == &fault_limit_reached;
}

static void say_pause(const struct dispatcher *dispatcher, result why, int64_t for_ms) {
    if (is_own_trouble(why))
        log_say(LOG_WARNING, "alerts.no-room", LOG_FAULT(why), LOG_NUMBER("for_ms", for_ms),
                LOG_TEXT("effect", "no further alerts are sent until this process has room for them; nothing is lost"));
    else
        log_say(LOG_WARNING, "database.away", LOG_FAULT(why), LOG_TEXT("why", store_why(dispatcher->store)->text), LOG_NUMBER("for_ms", for_ms),
                LOG_TEXT("effect", "no alerts are sent until it answers; nothing is lost"));
}

/* Says why nothing is sent when that begins, when the reason changes and once a minute; waits longer each time. */
static void pause_for(struct dispatcher *dispatcher, result why) {
    int64_t now_ms = clock_monotonic_ms();
    if (dispatcher->pause_ms == 0)
        dispatcher->away_since_ms = now_ms;
    if (dispatcher->pause_ms == 0 || why != dispatcher->said_why || now_ms - dispatcher->said_away_ms >= SAY_AGAIN_MS) {
        say_pause(dispatcher, why, now_ms - dispatcher->away_since_ms);
        dispatcher->said_why = why;
        dispatcher->said_away_ms = now_ms;
    }
    dispatcher->pause_ms = dispatcher->pause_ms == 0 ? PAUSE_FIRST_MS : dispatcher->pause_ms * 2;
    if (dispatcher->pause_ms > PAUSE_CAP_MS)
        dispatcher->pause_ms = PAUSE_CAP_MS;
    forget_notifications(dispatcher);
}

static void resume(struct dispatcher *dispatcher) {
    if (dispatcher->pause_ms != 0)
        log_say(LOG_NOTICE, is_own_trouble(dispatcher->said_why) ? "alerts.room-again" : "database.back", LOG_TEXT("effect", "alerts are sent again"));
    dispatcher->pause_ms = 0;
}

static void on_notification(evutil_socket_t file, short what, void *context) {
    (void) file;
    (void) what;
    struct dispatcher *dispatcher = context;
    unsigned count = 0;
    result outcome = store_take_notifications(dispatcher->store, &count);
    if (outcome != OK)
        forget_notifications(dispatcher);
    forget_lost_connection(dispatcher);
    if (outcome != OK || count > 0)
        (void) tick_in(dispatcher, 0);
}

static result listen_for_work(struct dispatcher *dispatcher) {
    forget_lost_connection(dispatcher);
    if (dispatcher->notify_event != NULL)
        return OK;
    TRY(store_listen(dispatcher->store, "pinwatch_outbox"));
    dispatcher->notified_connection = store_connection_number(dispatcher->store);
    dispatcher->notify_event = event_new(dispatcher->tools->loop, store_descriptor(dispatcher->store), EV_READ | EV_PERSIST, on_notification,
                                         dispatcher);
    if (dispatcher->notify_event != NULL && event_add(dispatcher->notify_event, NULL) != 0)
        forget_notifications(dispatcher); /* without memory for a hint polling goes on */
    return OK;
}

static void on_ended(void *context, struct sending *sending) {
    struct dispatcher *dispatcher = context;
    lane_left(&dispatcher->lanes, sending);
    sending->next = dispatcher->ended;
    dispatcher->ended = sending;
    (void) tick_in(dispatcher, 0);
}

/* Writes the outcomes down; what cannot be written stays, so that nothing is sent again because of it. */
static result settle_all(struct dispatcher *dispatcher) {
    while (dispatcher->ended != NULL) {
        struct sending *sending = dispatcher->ended;
        struct lane *lane = lane_of(&dispatcher->lanes, sending);
        TRY(settlement_write(dispatcher->store, sending, lane == NULL ? NULL : &lane->health, clock_wall_ms(), arc4random()));
        dispatcher->ended = sending->next;
        sending_free(sending);
    }
    return OK;
}

/* A row that finds no place, or no memory, is given back for later: it would else wait for its claim to run out. */
static size_t place(struct dispatcher *dispatcher, struct claim_batch *batch, const struct store_delivery *delivery) {
    int64_t claim_end_ms = clock_monotonic_ms() + CLAIM_MS;
    struct sending *sending = sending_new(dispatcher->tools, batch, delivery, claim_end_ms);
    if (sending != NULL && lane_enter(&dispatcher->lanes, sending))
        return 0;
    settlement_give_back(dispatcher->store, delivery, clock_wall_ms() + LANE_FULL_MS,
                         sending == NULL ? "waits: there was no memory to send it" : "waits: earlier alerts are still being sent");
    sending_free(sending);
    return 1;
}

static void text_free(char **text) {
    memory_free_foreign(*text);
}

/* Each claim has a name of its own: when its answer is lost, what it claimed is freed under that name, and what is being sent is not. */
static result name_claim(struct dispatcher *dispatcher) {
    if (dispatcher->is_claim_unknown)
        TRY(store_outbox_take_over(dispatcher->store, dispatcher->holder));
    dispatcher->is_claim_unknown = false;
    snprintf(dispatcher->holder, sizeof dispatcher->holder, "%s%d:%llu;", dispatcher->place, (int) getpid(),
             (unsigned long long) ++dispatcher->claim_number);
    return OK;
}

static result claim(struct dispatcher *dispatcher, bool *ret_is_more) {
    TRY(name_claim(dispatcher));
    CLEANUP(text_free) char *full = lanes_full(&dispatcher->lanes, CLAIM_LANE_MAX);
    if (full == NULL)
        return &fault_no_memory;
    struct store_claim wanted = {.holder = dispatcher->holder, .now_ms = clock_wall_ms(), .claim_ms = CLAIM_MS, .per_channel_max = CLAIM_LANE_MAX,
                                 .limit = dispatcher->claim_limit, .full_channels = full};
    struct store_delivery *deliveries = NULL;
    size_t count = 0, refused = 0;
    struct claim_batch *batch = claim_batch_new(ARENA_LIMIT);
    if (batch == NULL)
        return &fault_no_memory;
    result outcome = store_outbox_claim(dispatcher->store, &wanted, batch->arena, &deliveries, &count);
    dispatcher->is_claim_unknown = outcome != OK;
    for (size_t i = 0; outcome == OK && i < count; i++)
        refused += place(dispatcher, batch, &deliveries[i]);
    claim_batch_leave(batch);
    *ret_is_more = outcome == OK && count > 0 && refused == 0;
    /* Rows too large to be read together are read one by one. */
    dispatcher->claim_limit = outcome == &fault_no_memory || outcome == &fault_limit_reached ? 1 : CLAIM_LIMIT;
    return outcome;
}

/* Without this, alerts that wait for their next try would wait a day longer when the clock is set back by a day; at a start nobody knows. */
static result follow_clock(struct dispatcher *dispatcher) {
    int64_t wall_ms = clock_wall_ms(), base_ms = wall_ms - clock_monotonic_ms();
    if (!dispatcher->has_clock_base || base_ms < dispatcher->clock_base_ms - CLOCK_STEP_MS)
        TRY(store_outbox_clock_set_back(dispatcher->store, dispatcher->place, wall_ms));
    dispatcher->has_clock_base = true;
    dispatcher->clock_base_ms = base_ms;
    return OK;
}

static void finish_stopping(struct dispatcher *dispatcher) {
    bool is_over = clock_monotonic_ms() >= dispatcher->stop_at_ms;
    if ((dispatcher->lanes.running > 0 || dispatcher->ended != NULL) && !is_over)
        return;
    lanes_give_back(&dispatcher->lanes, dispatcher->store, clock_wall_ms());
    event_base_loopbreak(dispatcher->tools->loop);
}

/* A schema of another version is nothing that waiting mends. */
static result check_schema(struct dispatcher *dispatcher) {
    result outcome = schema_check(dispatcher->store);
    dispatcher->is_schema_known = outcome == OK;
    if (outcome == &fault_schema_newer || outcome == &fault_schema_older || outcome == &fault_store_encoding)
        dispatcher->fatal = outcome;
    return outcome;
}

static result work(struct dispatcher *dispatcher, bool *ret_is_more) {
    TRY(settle_all(dispatcher));
    if (dispatcher->stop_at_ms != 0)
        return OK;
    if (!dispatcher->is_schema_known)
        TRY(check_schema(dispatcher));
    if (!dispatcher->has_taken_over)
        TRY(store_outbox_take_over(dispatcher->store, dispatcher->place));
    dispatcher->has_taken_over = true;
    TRY(follow_clock(dispatcher));
    TRY(listen_for_work(dispatcher));
    return claim(dispatcher, ret_is_more);
}

static void tick(evutil_socket_t file, short what, void *context) {
    (void) file;
    (void) what;
    struct dispatcher *dispatcher = context;
    bool is_more = false;
    result outcome = work(dispatcher, &is_more);
    if (dispatcher->fatal != NULL) {
        event_base_loopbreak(dispatcher->tools->loop);
        return;
    }
    if (outcome == OK && dispatcher->stop_at_ms == 0)
        resume(dispatcher);
    else if (outcome != OK)
        pause_for(dispatcher, outcome);
    forget_lost_connection(dispatcher);
    if (dispatcher->stop_at_ms == 0)
        lanes_start(&dispatcher->lanes, clock_monotonic_ms(), on_ended, dispatcher);
    else
        finish_stopping(dispatcher);
    (void) tick_in(dispatcher, dispatcher->pause_ms != 0 ? dispatcher->pause_ms : is_more ? SOON_MS : POLL_MS);
}

CLEANUP_OF_POINTER(struct dispatcher, dispatcher_free)

result dispatcher_new(const struct channel_tools *tools, struct store *store, const char *place, struct dispatcher **ret_dispatcher) {
    CLEANUP(dispatcher_free_at) struct dispatcher *dispatcher = memory_new(sizeof *dispatcher);
    if (dispatcher == NULL)
        return &fault_no_memory;
    dispatcher->tools = tools;
    dispatcher->store = store;
    dispatcher->place = place;
    dispatcher->claim_limit = CLAIM_LIMIT;
    dispatcher->tick_event = event_new(tools->loop, -1, EV_PERSIST, tick, dispatcher);
    if (dispatcher->tick_event == NULL || !tick_in(dispatcher, 0))
        return &fault_no_memory;
    *ret_dispatcher = TAKE(dispatcher);
    return OK;
}

result dispatcher_outcome(const struct dispatcher *dispatcher) {
    return dispatcher->fatal;
}

void dispatcher_stop(struct dispatcher *dispatcher) {
    if (dispatcher->stop_at_ms != 0)
        return;
    dispatcher->stop_at_ms = clock_monotonic_ms() + STOP_MS;
    (void) tick_in(dispatcher, 0);
}

void dispatcher_free(struct dispatcher *dispatcher) {
    if (dispatcher == NULL)
        return;
    forget_notifications(dispatcher);
    if (dispatcher->tick_event != NULL)
        event_free(dispatcher->tick_event);
    lanes_done(&dispatcher->lanes);
    while (dispatcher->ended != NULL) {
        struct sending *sending = dispatcher->ended;
        dispatcher->ended = sending->next;
        sending_free(sending);
    }
    memory_free(dispatcher);
}
