/* The leaf of a get-entries answer with one entry, for an entry that must be hashed without being read. */
#pragma once

#include "base/buffer.h"
#include "base/result.h"

extern const struct fault fault_single_entry;

/* Appends the decoded leaf_input of the only entry in `json` (RFC 6962 4.6). Errors: fault_single_entry, fault_text_base64. */
MUST_CHECK result single_entry_leaf(struct span json, struct buffer *ret_leaf);
