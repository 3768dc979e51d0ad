/* The certificates behind the roots of a platform, for rules/trust_paths. */
#pragma once

#include "rules/ca_edges.h"
#include "rules/trust_paths.h"

/* The store's certificate number `number` (mostly there is one) of that key; false: there are not so many. */
bool trust_store_root(enum trust_store store, const struct hash *spki_sha256, size_t number, struct ca_edge *ret_edge);
/* Does the platform refuse a root whose own certificate is not valid? */
bool trust_store_checks_roots(enum trust_store store);
