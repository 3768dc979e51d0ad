/* The messages between a reader and its owner: fixed-size structs over a pipe, bulk data in shared memory.
 *
 *   owner → reader: struct reader_request on the reader's descriptor 0; the body lies in body slot `slot`.
 *   reader → owner: struct reader_answer on descriptor 1; `answer_size` bytes of reports lie in the answer area.
 *
 * Both sides are one build on one machine, so integers are in host order. The owner copies the answer area once,
 * then checks the copy (reader_answer_check, entry_report_decode). */
#pragma once

/* With this code a reader ends that had no memory for what it was asked to read. */
#define READER_EXIT_MEMORY 71
/* Bytes that a reader may take besides what is mapped for it: inflated body, Jansson's tree of it, scratch, libraries. */
#define READER_WORKING_MEMORY ((uint64_t) 768 * 1024 * 1024)

#include "base/result.h"
#include "base/span.h"

#define READER_MESSAGE_VERSION 1u
#define READER_CUTS_MAX 64    /* tree sizes inside one batch at which roots are wanted: as many as heads are kept */
#define READER_NODES_MAX 512  /* subtree hashes in one answer: 2 log2(n) for each piece between cuts, with room */
#define READER_REASON_SIZE 64
#define READER_REASON_TEXT_SIZE 256

enum reader_task {
    READER_GET_ENTRIES, /* body: RFC 6962 get-entries JSON */
    READER_DATA_TILE,   /* body: static-ct-api data tile */
    READER_CERTIFICATE, /* body: PEM or DER of one certificate, for `cert show`; one report per certificate */
    READER_ISSUER,      /* body: u24 certificate DER, u24 issuer DER: does the issuer's key verify the signature? */
    READER_RAW_ENTRY,   /* body: u24 leaf_input, u24 extra_data, alone; as re-asked for an entry that killed a reader */
    reader_task_count,
};

enum reader_encoding { READER_IDENTITY, READER_GZIP, READER_SNIFF, reader_encoding_count };

enum {
    READER_FLAG_LEAF_INDEX = 1,    /* the leaf_index extension must be there and equal the index (static-ct-api) */
    READER_FLAG_ALL_MATCH = 2,     /* report every entry, whatever its names */
    READER_FLAG_NODES_PER_LEAF = 4 /* answer leaf hashes one by one, not joined */
};

struct reader_request {
    uint32_t version;
    uint32_t task;          /* enum reader_task */
    uint64_t request_id;
    uint64_t generation;    /* of the watch image that the owner believes the reader has */
    uint32_t slot;
    uint32_t encoding;      /* enum reader_encoding */
    uint64_t body_size;
    uint64_t first_index;   /* index in the log of the first entry in the body */
    uint64_t wanted_begin;  /* entries before this one are skipped (hashed for nothing) */
    uint64_t wanted_end;    /* entries from this one on are skipped; > first_index. CERTIFICATE, ISSUER: most reports there can be */
    uint64_t report_from;   /* reports start at this index ("more from entry k"); CERTIFICATE: at this certificate */
    uint32_t flags;
    uint32_t cut_count;
    uint64_t cuts[READER_CUTS_MAX]; /* ascending, strictly between wanted_begin and wanted_end */
};

enum reader_status { READER_DONE, READER_MORE, READER_REFUSED, reader_status_count };

/* One perfect subtree: leaves [begin, begin + 2^height). */
struct reader_node {
    uint64_t begin;
    uint32_t height;
    uint32_t reserved;
    struct hash hash;
};

struct reader_answer {
    uint32_t version;
    uint32_t status;          /* enum reader_status; REFUSED: the body's framing broke, see reason */
    uint64_t request_id;
    uint64_t entry_count;     /* entries of [wanted_begin, wanted_end) that the body held, from wanted_begin on without gap;
                               * fewer when `nodes` is full: ask for the rest as if the log had not sent it */
    uint64_t more_from;       /* status MORE: reports up to here are in the area; ask again with report_from = this */
    uint64_t report_count;
    uint64_t answer_size;     /* bytes in the answer area */
    struct hash last_leaf;    /* leaf hash of the last entry counted; zero when none */
    uint32_t node_count;
    uint32_t reserved;
    uint64_t match_count;     /* entries that matched, reported or not */
    uint64_t unreadable_count;
    char reason[READER_REASON_SIZE];           /* NUL-terminated fault name, "" unless REFUSED */
    char reason_text[READER_REASON_TEXT_SIZE]; /* NUL-terminated sentence */
    struct reader_node nodes[READER_NODES_MAX]; /* ascending, gapless from wanted_begin, split at every cut */
};

extern const struct fault fault_reader_message;

/* Does it ask for entries of a log, and not about certificates? */
bool reader_request_is_about_entries(const struct reader_request *request);
/* Is this request one that a reader of this build may act on? */
MUST_CHECK result reader_request_check(const struct reader_request *request, uint32_t slot_count, uint64_t slot_size);
/* Does this answer (a private copy) fit the request? Everything in it is hostile: version, id, counts, sizes, the shape
 * and order of nodes, texts. Does not look into the reports: reader_reports_check does. */
MUST_CHECK result reader_answer_check(const struct reader_answer *answer, const struct reader_request *request,
                                      uint64_t area_size);
