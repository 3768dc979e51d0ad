/* A received body goes to a reader; what comes back is kept until its turn. A body that kills readers is halved until the one entry
 * that did it stands alone. */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "steps/follow_steps.h"
#include "steps/reader_process.h"

FAULT(fault_reader_refused, FAULT_INPUT, "batch.refused", "answer with entries", "RFC 6962 4.6; static-ct-api, Log Entries",
      "not readable as entries, or fewer than the head implies", "the entries that were asked for");

#define TRIES_WITHOUT_A_TILE 10 /* about four minutes */
#define DEATHS_BEFORE_BLAME 2 /* of readers, over one entry alone */
#define STARVED_BEFORE_BLAME 8 /* with memory enough: one to two minutes */
#define STARVED_TRIES_OF_A_SCAN 6
#define KILLS_BEFORE_BLAME 20 /* by a person, or by a kernel that an entry may have brought into want of memory: seconds, they are not spaced; or kept from work.
                                 For want of memory, while the machine has none either: a quarter of an hour */

static result submit(struct batch *batch);

/* Where the machine has all the memory that a reader may take, the entry wants more than that; else the machine is short of it. */
static bool is_greedy(struct batch *batch, result fault) {
    struct followed_log *log = batch->log;
    bool is_scan = log->options.is_one_shot;
    batch->kills++;
    batch->starvations += reader_process_memory_is_free() ? 1 : 0;
    batch->not_before_ms = clock_monotonic_ms() + follow_backoff_ms(log, batch->kills);
    follow_error(log, fault, "no memory to read an entry with; reading it again");
    if (batch->starvations >= (is_scan ? STARVED_TRIES_OF_A_SCAN : STARVED_BEFORE_BLAME) || batch->kills >= KILLS_BEFORE_BLAME)
        return true;
    if (is_scan && batch->kills >= STARVED_TRIES_OF_A_SCAN)
        follow_end(log, &fault_no_memory);
    return false;
}

/* Has this entry, alone, cost so many readers that it must be the cause? */
static bool is_culprit(struct batch *batch, result fault) {
    if (fault == &fault_reader_starved)
        return is_greedy(batch, fault);
    if (fault == &fault_reader_killed || fault == &fault_reader_stalled)
        return ++batch->kills >= KILLS_BEFORE_BLAME;
    return ++batch->deaths >= DEATHS_BEFORE_BLAME;
}

/* The culprit, alone: its hash comes from elsewhere and it is reported as unreadable. */
static void halve(struct batch *batch, result fault) {
    struct followed_log *log = batch->log;
    log_say(LOG_WARNING, "reader.lost", LOG_TEXT("log", log->identity.log.description), LOG_NUMBER("begin", batch->begin),
            LOG_NUMBER("end", batch->end), LOG_FAULT(fault));
    reader_pool_give_slot(batch->readers, batch->slot);
    batch->slot = -1;
    batch->state = BATCH_WAITING;
    log->active_count--;
    buffer_reset(&batch->reports);
    batch->node_count = 0;
    uint64_t count = batch->end - batch->begin;
    if (count == 1 && !is_culprit(batch, fault))
        return; /* it is read again */
    if (count == 1) {
        batch->needs_hash_tile = true;
        batch->hash_reason = fault;
        return;
    }
    if (batch_insert_after(batch, batch->begin + count / 2, batch->end) != NULL)
        batch->end = batch->begin + count / 2;
}

static bool keep_nodes(struct batch *batch, const struct reader_answer *answer) {
    size_t size = answer->node_count * sizeof answer->nodes[0];
    struct reader_node *nodes = memory_resize(batch->nodes, size);
    if (nodes == NULL)
        return false;
    memcpy(nodes, answer->nodes, size);
    batch->nodes = nodes;
    batch->node_count = answer->node_count;
    return true;
}

/* What does not even begin like a tile is more likely a server's page of error, which passes in a while; a scan does not wait for that. */
static unsigned tries_before_giving_up(const struct batch *batch) {
    bool is_no_tile = follow_is_static(batch->log) && batch->begin % TILE_WIDTH == 0;
    return is_no_tile && !batch->log->options.is_one_shot ? TRIES_WITHOUT_A_TILE : BATCH_TRIES_BEFORE_HALVING;
}

/* The framing of the body broke after `entry_count` entries: those stand, the rest needs another way. */
static void refused(struct batch *batch, const struct reader_answer *answer, const char *why) {
    struct followed_log *log = batch->log;
    char what[READER_REASON_TEXT_SIZE];
    if (batch->is_tile && !follow_is_static(log))
        batch_no_tiles(log); /* what it serves there is no tile: get-entries decides */
    snprintf(what, sizeof what, "%s", why); /* `answer` may be gone after the next call */
    bool has_some = answer->entry_count > 0 && batch_shorten(batch, answer->entry_count);
    if (has_some) {
        batch_ready(batch);
        return;
    }
    buffer_reset(&batch->reports);
    batch_failed(batch, &fault_reader_refused, what, 0);
    if (batch->tries < tries_before_giving_up(batch))
        return;
    if (follow_is_static(log)) {
        batch->needs_hash_tile = true;
        batch->hash_reason = &fault_reader_refused;
    } else if (batch->end - batch->begin > 1) {
        uint64_t middle = batch->begin + (batch->end - batch->begin) / 2;
        batch->tries = 0;
        if (batch_insert_after(batch, middle, batch->end) != NULL)
            batch->end = middle;
    }
}

static void answered(struct batch *batch, const struct reader_answer *answer) {
    struct followed_log *log = batch->log;
    uint64_t wanted = batch->end - batch->begin;
    if (!keep_nodes(batch, answer)) {
        batch_failed(batch, &fault_no_memory, "no memory for an answer", 0);
        return;
    }
    batch->last_leaf = answer->last_leaf;
    batch->matches = answer->match_count;
    batch->unreadable = answer->unreadable_count;
    if (answer->status == READER_REFUSED) {
        refused(batch, answer, answer->reason_text);
    } else if (answer->entry_count == wanted) {
        if (batch->is_tile)
            log->tiles = TILES_SERVED;
        batch_shorten(batch, wanted);
        batch_ready(batch);
    } else if (answer->entry_count == 0) {
        refused(batch, answer, "fewer entries than the log's head implies");
        batch->wants_full_tile = false;
    } else if (batch_shorten(batch, answer->entry_count)) {
        batch_ready(batch);
    } else {
        batch_failed(batch, &fault_no_memory, "no memory for the rest of a batch", 0);
    }
}

static bool is_loss_of_reader(result fault) {
    return fault == &fault_reader_died || fault == &fault_reader_killed || fault == &fault_reader_starved || fault == &fault_reader_stalled ||
           fault == &fault_reader_late || fault == &fault_reader_lied;
}

static void reader_finished(void *context, const struct reader_outcome *outcome) {
    struct batch *batch = context;
    if (batch->is_abandoned) {
        batch_free(batch);
        return;
    }
    if (outcome->fault != OK) {
        if (is_loss_of_reader(outcome->fault))
            halve(batch, outcome->fault);
        else
            batch_failed(batch, outcome->fault, outcome->fault->wrong, 0);
        return;
    }
    if (!buffer_add(&batch->reports, outcome->reports)) {
        buffer_reset(&batch->reports);
        batch->reports.failed = false;
        batch_failed(batch, &fault_limit_reached, "more reports from one batch than memory allows; asking for less", 0);
        uint64_t middle = batch->begin + (batch->end - batch->begin) / 2;
        if (middle > batch->begin && batch_insert_after(batch, middle, batch->end) != NULL)
            batch->end = middle;
        return;
    }
    if (outcome->answer->status == READER_MORE) {
        batch->request.report_from = outcome->answer->more_from;
        result fault = submit(batch);
        if (fault != OK)
            batch_failed(batch, fault, fault->wrong, 0);
        return;
    }
    answered(batch, outcome->answer);
}

static result submit(struct batch *batch) {
    return reader_pool_submit(batch->readers, &batch->request, reader_finished, batch);
}

static void add_cuts(struct batch *batch) {
    struct followed_log *log = batch->log;
    struct reader_request *request = &batch->request;
    for (size_t i = 0; i < log->head_count && request->cut_count < READER_CUTS_MAX; i++) {
        uint64_t size = log->heads[i].head.size;
        if (size > batch->begin && size < batch->end)
            request->cuts[request->cut_count++] = size;
    }
}

void batch_read(struct batch *batch, const struct transfer_answer *answer) {
    struct followed_log *log = batch->log;
    bool wants_index = follow_is_static(log) && !(log->identity.sources & SOURCE_SETTINGS && log->identity.log.log_type != NULL &&
                                      strcmp(log->identity.log.log_type, "archive") == 0);
    batch->request = (struct reader_request){
        .task = batch->is_tile ? READER_DATA_TILE : READER_GET_ENTRIES,
        .slot = (uint32_t) batch->slot,
        .encoding = READER_SNIFF, /* gzip may come without negotiation and without its header */
        .body_size = answer->body_size,
        .first_index = batch->is_tile ? batch->begin / TILE_WIDTH * TILE_WIDTH : batch->begin,
        .wanted_begin = batch->begin,
        .wanted_end = batch->end,
        .report_from = batch->begin,
        .flags = (wants_index ? READER_FLAG_LEAF_INDEX : 0u) | (log->options.reports_all ? READER_FLAG_ALL_MATCH : 0u),
    };
    add_cuts(batch);
    buffer_reset(&batch->reports);
    batch->state = BATCH_READING;
    result fault = submit(batch);
    if (fault != OK)
        batch_failed(batch, fault, fault->wrong, 0);
}
