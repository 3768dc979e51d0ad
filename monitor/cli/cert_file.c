#include "cli/cert_file.h"

#include "base/memory.h"
#include "rules/watch_image.h"
#include "steps/reader_pool.h"

#define CERTIFICATES_MAX 4096 /* as many as a reader looks at in one file */
#define DEADLINE_MS 60000
#define IMAGE_LIMIT ((size_t) 16 * 1024 * 1024)

FAULT(fault_cert_file, FAULT_INPUT, "cert-file.refused", "file", "", "it holds no certificate", "a certificate in PEM or DER");

struct decoding {
    struct event_base *loop;
    struct reader_pool *pool;
    struct arena *arena;
    cert_file_taker take;
    void *context;
    struct reason *reason;
    struct reader_request request;
    result outcome;
    bool is_finished;
};

static void finish(struct decoding *decoding, result outcome) {
    decoding->outcome = outcome;
    decoding->is_finished = true;
    (void) event_base_loopbreak(decoding->loop);
}

static result take_reports(struct decoding *decoding, const struct reader_outcome *outcome) {
    struct cursor input = cursor_of(outcome->reports);
    for (uint64_t i = 0; i < outcome->answer->report_count; i++) {
        struct entry_report report;
        arena_reset(decoding->arena);
        TRY(entry_report_decode(&input, decoding->arena, &report));
        TRY(decoding->take(decoding->context, &report));
    }
    return OK;
}

static void on_answer(void *context, const struct reader_outcome *outcome) {
    struct decoding *decoding = context;
    if (outcome->fault != OK) {
        reason_of_fault(outcome->fault, decoding->reason);
        finish(decoding, outcome->fault->family == FAULT_RETRY ? outcome->fault : &fault_cert_file); /* ours, or the file's */
        return;
    }
    if (outcome->answer->status == READER_REFUSED) {
        finish(decoding, reason_set(decoding->reason, &fault_cert_file, "%s", outcome->answer->reason_text));
        return;
    }
    result taken = take_reports(decoding, outcome);
    if (taken != OK || outcome->answer->status != READER_MORE) {
        finish(decoding, taken);
        return;
    }
    decoding->request.report_from = outcome->answer->more_from;
    taken = reader_pool_submit(decoding->pool, &decoding->request, on_answer, decoding);
    if (taken != OK)
        finish(decoding, taken);
}

/* Readers answer nothing without an image; a certificate of a file is described whatever is watched. */
static result set_empty_image(struct reader_pool *pool) {
    CLEANUP(buffer_done) struct buffer image = buffer_with_limit(IMAGE_LIMIT);
    TRY(watch_image_build(NULL, 0, 1, &image));
    return reader_pool_set_image(pool, buffer_span(&image));
}

static result submit(struct decoding *decoding, struct span content) {
    struct reader_pool_options options = {.reader_count = 1, .slot_count = 1, .slot_size = content.size < 4096 ? 4096 : content.size,
                                          .deadline_ms = DEADLINE_MS};
    TRY(reader_pool_new(decoding->loop, &options, &decoding->pool));
    TRY(set_empty_image(decoding->pool));
    int slot = reader_pool_take_slot(decoding->pool);
    if (slot < 0)
        return &fault_limit_reached;
    memcpy(reader_pool_slot_bytes(decoding->pool, slot), content.bytes, content.size);
    decoding->request = (struct reader_request){.task = READER_CERTIFICATE, .slot = (uint32_t) slot, .encoding = READER_IDENTITY,
                                                .body_size = content.size, .wanted_end = CERTIFICATES_MAX};
    return reader_pool_submit(decoding->pool, &decoding->request, on_answer, decoding);
}

result cert_file_decode(struct span content, cert_file_taker take, void *context, struct reason *reason) {
    struct decoding decoding = {.take = take, .context = context, .reason = reason};
    if (content.size == 0)
        return reason_set(reason, &fault_cert_file, "the file is empty");
    decoding.loop = event_base_new();
    decoding.arena = arena_new(2 * REPORT_SIZE_MAX);
    result outcome = decoding.loop == NULL || decoding.arena == NULL ? &fault_no_memory : submit(&decoding, content);
    while (outcome == OK && !decoding.is_finished && event_base_loop(decoding.loop, EVLOOP_ONCE) == 0)
        ;
    if (outcome == OK)
        outcome = decoding.is_finished ? decoding.outcome : &fault_no_memory; /* for want of which libevent gives up */
    if (decoding.pool != NULL)
        reader_pool_free(decoding.pool);
    if (decoding.loop != NULL)
        event_base_free(decoding.loop);
    arena_free(decoding.arena);
    return outcome;
}
