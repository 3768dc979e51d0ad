/* PEM (RFC 7468), generously: text before, between and behind blocks is skipped, headers inside one (RFC 1421) too. */
#pragma once

#include "base/arena.h"
#include "base/cursor.h"

struct pem_reader {
    struct cursor cursor;
    unsigned line;
};

struct pem_block {
    struct span label; /* "CERTIFICATE" */
    struct span der;
    unsigned line;     /* of BEGIN, from 1 */
    const char *wrong; /* NULL, or a clause: der is then empty, and reading goes on behind the block */
};

struct pem_reader pem_reader_of(struct span text);
/* The next block; *ret_has_block is false at the end. Error: fault_no_memory. */
MUST_CHECK result pem_next(struct pem_reader *reader, struct arena *arena, struct pem_block *ret_block, bool *ret_has_block);
