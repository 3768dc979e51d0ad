/* A body as received → plain bytes, in memory that is reused from body to body. */
#pragma once

#include "base/result.h"
#include "base/span.h"
#include "formats/reader_message.h"

struct libdeflate_decompressor;

/* Starts with inflater_init; one per process. */
struct inflater {
    struct libdeflate_decompressor *decompressor;
    uint8_t *bytes;
    size_t capacity;
};

extern const struct fault fault_gzip_format;
extern const struct fault fault_gzip_trailing; /* bytes or a second member behind the first (RFC 1952 2.2) */
extern const struct fault fault_gzip_ceiling;

MUST_CHECK result inflater_init(struct inflater *ret_inflater);
void inflater_done(struct inflater *inflater);
/* The plain body: `body` itself where nothing is to be inflated, else valid until the next call. READER_SNIFF looks for
 * gzip's first bytes (logs gzip without being asked). More than `ceiling` bytes are refused. */
MUST_CHECK result inflater_read(struct inflater *inflater, enum reader_encoding encoding, struct span body,
                                size_t ceiling, struct span *ret_plain);
