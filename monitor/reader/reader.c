#include "reader/reader.h"

#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"

/* Ceilings of inflated bodies. get-entries: logs send up to 1024 entries of 7 kB, chains and base64 included, and some
 * chains are longer. Tiles: 256 entries of 1 to 3 kB. A certificate may claim 16 MiB; a body full of such is cut smaller. */
#define GET_ENTRIES_CEILING ((size_t) 64 * 1024 * 1024)
#define TILE_CEILING        ((size_t) 32 * 1024 * 1024)
#define ENTRY_CEILING       ((size_t) 48 * 1024 * 1024)
#define DECODED_CEILING     ((size_t) 48 * 1024 * 1024)
#define REPORT_CEILING      ((size_t) 32 * 1024 * 1024)

FAULT(fault_report_size, FAULT_INPUT, "report.too-large", "entry", "", "what is to be said about it does not fit an answer",
      "a smaller certificate");

struct task {
    size_t ceiling;
    result (*read)(struct reader *reader, struct reason *reason);
};

static const struct task tasks[reader_task_count] = {
    [READER_GET_ENTRIES] = {GET_ENTRIES_CEILING, batch_read},
    [READER_DATA_TILE] = {TILE_CEILING, batch_read},
    [READER_RAW_ENTRY] = {ENTRY_CEILING, batch_read},
    [READER_CERTIFICATE] = {ENTRY_CEILING, certificates_read},
    [READER_ISSUER] = {ENTRY_CEILING, issuer_read},
};

result reader_init(struct reader *reader) {
    reader->leaf_bytes = buffer_with_limit(DECODED_CEILING);
    reader->extra_bytes = buffer_with_limit(DECODED_CEILING);
    reader->arena = arena_new(REPORT_CEILING);
    return reader->arena == NULL ? &fault_no_memory : inflater_init(&reader->inflater);
}

void reader_done(struct reader *reader) {
    inflater_done(&reader->inflater);
    get_entries_done(&reader->list);
    get_entries_done(&reader->slow_list);
    buffer_done(&reader->leaf_bytes);
    buffer_done(&reader->extra_bytes);
    arena_free(reader->arena);
    reader->arena = NULL;
}

static void refuse(struct reader_answer *answer, result fault, const struct reason *reason) {
    struct reason words = *reason;
    if (words.text[0] == '\0')
        reason_of_fault(fault, &words);
    answer->status = READER_REFUSED;
    snprintf(answer->reason, sizeof answer->reason, "%s", fault->name);
    snprintf(answer->reason_text, sizeof answer->reason_text, "%.*s", (int) sizeof answer->reason_text - 1, words.text);
    for (char *c = answer->reason_text; *c != '\0'; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
}

void reader_act(struct reader *reader, const struct reader_request *request) {
    struct reader_answer *answer = &reader->answer;
    struct span body = span_of(reader->slots + request->slot * reader->slot_size, request->body_size);
    struct reason reason = {.text = ""};
    uint64_t mark = memory_mark();
    memset(answer, 0, sizeof *answer);
    answer->version = READER_MESSAGE_VERSION;
    answer->request_id = request->request_id;
    reader->request = request;
    reader->reports = (struct buffer){.bytes = reader->area, .capacity = reader->area_size, .limit = reader->area_size - 1};
    reader->is_full = false;
    reader->has_no_memory = false;
    reader->is_slow_tried = false;
    get_entries_done(&reader->slow_list);
    const struct task *task = &tasks[request->task];
    result outcome = inflater_read(&reader->inflater, (enum reader_encoding) request->encoding, body, task->ceiling,
                                   &reader->plain);
    if (outcome == OK)
        outcome = task->read(reader, &reason);
    answer->status = reader->is_full ? READER_MORE : READER_DONE;
    if (outcome != OK && !reader->is_full) /* first the rest of what is to be told: the framing breaks there once more */
        refuse(answer, outcome, &reason);
    answer->answer_size = reader->reports.size;
    /* Whatever was refused memory on the way, a library's attempt at a key or a name included, the answer may lack something for it. */
    reader->has_no_memory |= outcome == &fault_no_memory || memory_mark() != mark;
}

result decode_base64(struct span text, struct buffer *ret_bytes) {
    buffer_reset(ret_bytes);
    uint8_t *place = buffer_reserve(ret_bytes, text.size / 4 * 3);
    size_t size;
    if (place == NULL)
        return &fault_no_memory;
    TRY(text_to_base64(text, place, &size));
    buffer_grew(ret_bytes, size);
    return OK;
}

/* Encodes at the end of the area; on failure the area is as it was. */
static bool encode(struct buffer *reports, const struct entry_report *report) {
    size_t before = reports->size;
    if (entry_report_encode(report, reports) == OK)
        return true;
    reports->failed = false;
    reports->size = before;
    return false;
}

/* What fits into any area: the identity of the entry, whom it concerns, and the start of its bytes. */
static void shrink(struct entry_report *report) {
    struct entry_report small = {
        .index = report->index,
        .timestamp_ms = report->timestamp_ms,
        .kind = report->kind,
        .leaf_hash = report->leaf_hash,
        .is_unreadable = true,
        .reason = fault_report_size.name,
        .reason_text = "what is to be said about the entry does not fit an answer",
        .raw = report->is_unreadable ? report->raw : report->kind == ENTRY_CERTIFICATE ? report->certificate : report->tbs,
        .terminals = report->terminals,
        .terminal_count = report->terminal_count,
        .terminal_total = report->terminal_total,
        .matches_nearly_all = report->matches_nearly_all,
        .broad_suffix = report->broad_suffix,
        .serial = "", .issuer = "", .subject = "", .key_type = "",
    };
    if (small.raw.size > REPORT_RAW_MAX)
        small.raw.size = REPORT_RAW_MAX;
    *report = small;
}

void answer_add(struct reader *reader, struct entry_report *report) {
    if (report->index < reader->request->report_from || reader->is_full)
        return;
    bool is_added = encode(&reader->reports, report);
    if (!is_added && reader->reports.size == 0) {
        shrink(report);
        is_added = encode(&reader->reports, report);
    }
    if (is_added) {
        reader->answer.report_count++;
        return;
    }
    reader->is_full = true;
    reader->answer.more_from = report->index;
}
