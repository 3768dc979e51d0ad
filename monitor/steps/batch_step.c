/* Which entries are asked for next, and how many at a time: aligned batches of the size that the log allows. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/memory.h"
#include "steps/follow_steps.h"
#include "steps/log_request.h"

#define REPORTS_LIMIT ((size_t) 64 * 1024 * 1024)
#define SHORT_ANSWER_TRUSTED 32 /* a shorter answer may be an accident: it must come twice to be learned from */
#define GROW_AFTER_MAX 4096
#define BATCH_SIZE_MAX 4096

void batch_free(struct batch *batch) {
    if (batch == NULL)
        return;
    if (batch->transfer != NULL)
        transfer_cancel(batch->transfer);
    if (batch->slot >= 0)
        reader_pool_give_slot(batch->readers, batch->slot);
    memory_free(batch->body);
    memory_free(batch->nodes);
    buffer_done(&batch->reports);
    memory_free(batch);
}

static void batch_stop(struct batch *batch) {
    if (batch->state == BATCH_FETCHING || batch->state == BATCH_READING || batch->state == BATCH_HASHING)
        batch->log->active_count--;
    if (batch->state == BATCH_FETCHING)
        budget_finished(batch->log->options.budget, BUDGET_NEUTRAL, -1, clock_monotonic_ms());
    if (batch->state == BATCH_READING)
        batch->is_abandoned = true; /* its slot is the reader's until the answer comes */
    else
        batch_free(batch);
}

void batches_drop(struct followed_log *log) {
    struct batch *batch = log->batches;
    log->batches = NULL;
    while (batch != NULL) {
        struct batch *next = batch->next;
        batch_stop(batch);
        batch = next;
    }
    log->batch_count = 0;
    log->next_begin = log->frontier.end;
}

static struct batch *batch_new(struct followed_log *log, uint64_t begin, uint64_t end) {
    struct batch *batch = memory_new(sizeof *batch);
    if (batch == NULL)
        return NULL;
    batch->log = log;
    batch->readers = log->world->readers;
    batch->begin = begin;
    batch->end = end;
    batch->slot = -1;
    batch->reports = buffer_with_limit(REPORTS_LIMIT);
    return batch;
}

struct batch *batch_insert_after(struct batch *batch, uint64_t begin, uint64_t end) {
    struct batch *rest = batch_new(batch->log, begin, end);
    if (rest == NULL)
        return NULL;
    rest->next = batch->next;
    batch->next = rest;
    batch->log->batch_count++;
    return rest;
}

void batch_ready(struct batch *batch) {
    struct followed_log *log = batch->log;
    batch->state = BATCH_READY;
    log->active_count--;
    log->failures = 0;
    follow_success(log);
    if (batch->slot >= 0)
        reader_pool_give_slot(log->world->readers, batch->slot);
    batch->slot = -1;
}

void batch_failed(struct batch *batch, result fault, const char *what, int64_t pause_ms) {
    struct followed_log *log = batch->log;
    if (batch->slot >= 0)
        reader_pool_give_slot(log->world->readers, batch->slot);
    batch->slot = -1;
    batch->state = BATCH_WAITING;
    batch->tries++;
    log->active_count--;
    log->failures++;
    follow_error(log, fault, what);
    int64_t backoff = follow_backoff_ms(log, log->failures > batch->tries ? log->failures : batch->tries);
    if (pause_ms > RETRY_AFTER_OBEYED_MS)
        pause_ms = RETRY_AFTER_OBEYED_MS;
    batch->not_before_ms = clock_monotonic_ms() + (pause_ms > backoff ? pause_ms : backoff);
    if (log->options.is_one_shot && log->failures >= ONE_SHOT_TRIES * (log->parallel + 1))
        follow_end(log, fault);
}

/* ---- the size of a batch is learned from what comes back */

static void learn_from(struct batch *batch, uint64_t count) {
    struct followed_log *log = batch->log;
    uint64_t asked = batch->asked_end - batch->begin;
    if (batch->is_tile)
        return;
    if (count < asked && batch->begin % count == 0 && (count >= SHORT_ANSWER_TRUSTED || count == log->last_short_count)) {
        log->batch_size = count;
        log->is_batch_size_known = true;
        log->full_batches = 0;
        if (log->grow_after < GROW_AFTER_MAX)
            log->grow_after *= 2;
    } else if (count == asked && asked == log->batch_size) {
        log->is_batch_size_known = true;
        if (++log->full_batches >= log->grow_after && log->batch_size * 2 <= BATCH_SIZE_MAX) {
            log->batch_size *= 2; /* the log may allow more by now; a short answer takes it back */
            log->full_batches = 0;
        }
    }
    if (count < asked)
        log->last_short_count = count;
}

/* The log sent fewer entries than were asked for (RFC 6962 4.6 allows it): the rest becomes a batch of its own. */
bool batch_shorten(struct batch *batch, uint64_t count) {
    if (count == 0)
        return false;
    learn_from(batch, count);
    if (batch->begin + count >= batch->end)
        return true;
    if (batch_insert_after(batch, batch->begin + count, batch->end) == NULL)
        return false;
    batch->end = batch->begin + count;
    return true;
}

/* ---- asking */

/* Asked differently at once; nothing failed. */
static void batch_ask_again(struct batch *batch) {
    batch->not_before_ms = 0;
    batch->state = BATCH_WAITING;
    batch->log->active_count--;
    reader_pool_give_slot(batch->readers, batch->slot);
    batch->slot = -1;
}

void batch_no_tiles(struct followed_log *log) {
    log->tiles = TILES_NOT_SERVED;
    log->probe_not_before_ms = clock_monotonic_ms() + PROBE_INTERVAL_MS;
}

/* May this batch be asked for as a data tile? RFC 6962 logs only owe full ones, if any. */
static bool is_asked_as_tile(const struct batch *batch, int64_t now_ms) {
    const struct followed_log *log = batch->log;
    if (follow_is_static(log))
        return true;
    bool is_full_tile = batch->begin % TILE_WIDTH == 0 && batch->end - batch->begin == TILE_WIDTH;
    bool is_worth_asking = log->tiles != TILES_NOT_SERVED || now_ms >= log->probe_not_before_ms;
    return is_full_tile && is_worth_asking && batch->tries < BATCH_TRIES_BEFORE_HALVING;
}

/* An RFC 6962 log that answers the way to a tile with a refusal serves none; anything else is trouble like any other. */
static bool is_without_tiles(const struct batch *batch, const struct transfer_answer *answer) {
    bool is_refusal = answer->status >= 400 && answer->status < 500 && answer->status != 408 && answer->status != 429;
    return batch->is_tile && !follow_is_static(batch->log) && (is_refusal || answer->fault == &fault_transfer_too_large);
}

/* static-ct-api: partial tiles may vanish once the full tile exists. */
static bool is_partial_gone(const struct batch *batch, const struct transfer_answer *answer) {
    return answer->status == 404 && batch->is_tile && !batch->wants_full_tile && batch->asked_end % TILE_WIDTH != 0;
}

static void ask_for_half(struct batch *batch, const struct transfer_answer *answer) {
    struct followed_log *log = batch->log;
    uint64_t middle = batch->begin + (batch->end - batch->begin) / 2;
    log->batch_size = log->batch_size > 1 ? log->batch_size / 2 : 1;
    if (batch_insert_after(batch, middle, batch->end) != NULL)
        batch->end = middle;
    batch_failed(batch, answer->fault, answer->reason.text, 0);
}

/* Too large for us, or, at the second time, for the line. */
static bool is_to_be_halved(const struct batch *batch, const struct transfer_answer *answer) {
    bool is_late = answer->fault == &fault_transfer_timeout && batch->tries > 0;
    return (answer->fault == &fault_transfer_too_large || is_late) && batch->end - batch->begin > 1 && !batch->is_tile;
}

static void tell_budget(const struct batch *batch, const struct transfer_answer *answer) {
    bool has_failed = answer->fault != OK && answer->fault != &fault_transfer_too_large;
    bool is_no_news = is_partial_gone(batch, answer) || is_without_tiles(batch, answer);
    budget_finished(batch->log->options.budget, is_no_news ? BUDGET_NEUTRAL : budget_outcome_of(answer->status, has_failed),
                    answer->retry_after_ms, clock_monotonic_ms());
}

static void fetch_done(void *context, const struct transfer_answer *answer) {
    struct batch *batch = context;
    batch->transfer = NULL;
    tell_budget(batch, answer);
    if (answer->fault == OK) {
        batch_read(batch, answer);
    } else if (is_without_tiles(batch, answer)) {
        batch_no_tiles(batch->log);
        batch_ask_again(batch);
    } else if (is_partial_gone(batch, answer)) {
        batch->wants_full_tile = true;
        batch_ask_again(batch);
    } else if (is_to_be_halved(batch, answer)) {
        ask_for_half(batch, answer);
    } else {
        batch->wants_full_tile = false; /* a partial tile that one answer missed may be there again */
        batch_failed(batch, answer->fault, answer->reason.text, answer->retry_after_ms);
    }
}

static void batch_path(const struct batch *batch, struct buffer *path) {
    if (!batch->is_tile) {
        buffer_printf(path, "ct/v1/get-entries?start=%" PRIu64 "&end=%" PRIu64, batch->begin, batch->asked_end - 1);
        return;
    }
    char tile[TILE_PATH_SIZE];
    uint64_t number = batch->begin / TILE_WIDTH;
    uint64_t width = batch->wants_full_tile ? TILE_WIDTH : batch->asked_end - number * TILE_WIDTH;
    tile_path_data(number, (unsigned) width, tile);
    buffer_add_text(path, tile);
}

static void batch_start(struct batch *batch, int64_t now_ms) {
    struct followed_log *log = batch->log;
    batch->slot = reader_pool_take_slot(log->world->readers);
    if (batch->slot < 0)
        return;
    CLEANUP(buffer_done) struct buffer path = buffer_with_limit(256);
    batch->asked_end = batch->end;
    batch->is_tile = is_asked_as_tile(batch, now_ms);
    if (follow_is_static(log)) { /* a part of a tile is asked for as the tile that the newest head implies */
        uint64_t tile_end = (batch->begin / TILE_WIDTH + 1) * TILE_WIDTH;
        uint64_t known_size = log->has_best ? log->best.head.size : batch->end;
        if (known_size < batch->end)
            known_size = batch->end;
        batch->asked_end = known_size < tile_end ? known_size : tile_end;
    }
    batch_path(batch, &path);
    struct log_request request = {.path = buffer_text(&path), .accepts_gzip = true,
                                  .body = reader_pool_slot_bytes(log->world->readers, batch->slot),
                                  .body_room = reader_pool_slot_size(log->world->readers)};
    batch->state = BATCH_FETCHING;
    log->active_count++;
    result fault = log_request_start(log, &request, fetch_done, batch, &batch->transfer);
    if (fault != OK)
        batch_failed(batch, fault, fault->wrong, 0);
    else
        budget_started(log->options.budget, now_ms);
}

/* End of the batch that begins at `begin`: at the next multiple of the batch size, at the target at the latest. */
static uint64_t batch_end(const struct followed_log *log, uint64_t begin, uint64_t target) {
    bool is_by_tile = log->tiles == TILES_SERVED || (log->tiles == TILES_UNKNOWN && begin % TILE_WIDTH == 0 && target - begin >= TILE_WIDTH);
    uint64_t size = is_by_tile ? TILE_WIDTH : log->batch_size;
    uint64_t end = (begin / size + 1) * size;
    return end < target ? end : target;
}

static void batches_plan(struct followed_log *log) {
    uint64_t target = follow_target(log);
    bool is_learning = log->tiles != TILES_SERVED && !log->is_batch_size_known;
    unsigned wanted = is_learning ? 1 : log->parallel * 2;
    struct batch **last = &log->batches;
    while (*last != NULL)
        last = &(*last)->next;
    while (log->batch_count < wanted && log->next_begin < target) {
        struct batch *batch = batch_new(log, log->next_begin, batch_end(log, log->next_begin, target));
        if (batch == NULL)
            return;
        log->next_begin = batch->end;
        *last = batch;
        last = &batch->next;
        log->batch_count++;
    }
}

void batch_step(struct followed_log *log, int64_t now_ms) {
    bool is_held = !log->has_start || now_ms < log->pause_until_ms || log->pending_size > PENDING_REPORTS_MAX || log->is_finished ||
                   log->is_held;
    if (is_held)
        return;
    unsigned allowed = budget_parallel(log->options.budget);
    log->parallel = allowed < log->options.parallel_max ? allowed : log->options.parallel_max;
    batches_plan(log);
    for (struct batch *batch = log->batches; batch != NULL; batch = batch->next) {
        if (batch->state != BATCH_WAITING || now_ms < batch->not_before_ms)
            continue;
        if (log->active_count > 0 && log->active_count >= log->parallel)
            return;
        if (batch->needs_hash_tile)
            batch_hash(batch);
        else if (budget_may_start(log->options.budget, log->active_count, now_ms) == 0)
            batch_start(batch, now_ms);
        else
            return;
    }
}
