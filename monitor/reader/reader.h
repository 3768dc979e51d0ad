/* One reader: what it was given at start, and the memory that it reuses from request to request. */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/reason.h"
#include "formats/get_entries.h"
#include "formats/leaf.h"
#include "formats/reader_message.h"
#include "reader/inflate.h"
#include "rules/merkle.h"
#include "rules/watch_image.h"

struct reader {
    /* given */
    struct watch_image image;
    const uint8_t *slots;
    uint64_t slot_size;
    uint32_t slot_count;
    uint8_t *area; /* where reports are written for the owner */
    size_t area_size;
    /* reused */
    struct inflater inflater;
    struct get_entries list;
    struct get_entries slow_list; /* the same body by Jansson, when some extra_data wants it */
    struct buffer leaf_bytes;  /* a decoded leaf_input */
    struct buffer extra_bytes; /* a decoded extra_data, or a certificate out of PEM */
    struct arena *arena;       /* of one report */
    struct watch_hits hits;    /* of one entry */
    /* of the request at hand */
    const struct reader_request *request;
    struct reader_answer answer;
    struct span plain;     /* the body, inflated */
    bool is_slow_tried;    /* slow_list was filled, or cannot be */
    struct buffer reports; /* over `area`; never grows */
    bool is_full;          /* some report did not fit: the owner has to ask again */
    bool has_no_memory;    /* the answer would say of the entries what is true of this process: do not send it */
};

#define REPORT_RAW_MAX ((size_t) 64 * 1024) /* of an entry that could not be read */

/* One log entry on its way through the reader. */
struct entry {
    uint64_t index;
    struct leaf leaf;
    result fault;            /* why `leaf` could not be read; then only raw and hash are there */
    struct hash hash;        /* of the leaf */
    struct span raw;         /* leaf_input, or the entry in its tile */
    size_t position;         /* get-entries: in the list */
    struct span extra_text;  /* get-entries: extra_data in base64, decoded for matches alone */
};

/* Allocates what is reused. The given fields are filled in before. Errors: fault_no_memory, fault_library. */
MUST_CHECK result reader_init(struct reader *reader);
void reader_done(struct reader *reader);

/* Acts on one request, which reader_request_check has found good; leaves the outcome in reader->answer and the area. */
void reader_act(struct reader *reader, const struct reader_request *request);

/* ---- for the files of this folder */

/* Tasks; an error makes the answer READER_REFUSED with what was found until then. */
MUST_CHECK result batch_read(struct reader *reader, struct reason *reason);
MUST_CHECK result certificates_read(struct reader *reader, struct reason *reason);
MUST_CHECK result issuer_read(struct reader *reader, struct reason *reason);

/* Looks an entry's names, addresses and key up and, when they are watched or cannot be read, adds a report. */
void entry_examine(struct reader *reader, struct entry *entry);
/* Base64 into `ret_bytes` (its former contents go). */
MUST_CHECK result decode_base64(struct span text, struct buffer *ret_bytes);
/* Appends a report to the area, or notes that from its index on the owner must ask again. A report that would not even
 * fit into an empty area becomes one of an unreadable entry. */
void answer_add(struct reader *reader, struct entry_report *report);
