/* The certificates of a file or a server as a chain: for what the commands `pinwatch pins …` hold against pins, and show. */
#pragma once

#include "base/reason.h"
#include "rules/pin_lint.h"

extern const struct fault fault_pins_chain; /* FAULT_INPUT: no certificate, or one that cannot be read */

struct pins_chain {
    const struct span *certificates; /* DER, the leaf first */
    size_t count;
    const char *const *names;        /* of the leaf, for hosts: A-labels, without repetitions */
    size_t name_count;
    int64_t not_before, not_after;
};

/* PEM (other kinds of blocks are passed over) or one DER certificate. Everything in `arena`. */
MUST_CHECK result pins_chain_read(const char *path, struct arena *arena, struct pins_chain *ret_chain, struct reason *reason);
/* Of certificates in the arena. */
MUST_CHECK result pins_chain_of(const struct span *certificates, size_t count, struct arena *arena, struct pins_chain *ret_chain, struct reason *reason);
/* With the paths to every platform's roots. */
MUST_CHECK result pins_chain_for_lint(const struct pins_chain *chain, const char *source, int64_t now, struct arena *arena, struct pin_lint_chain *ret_chain);
