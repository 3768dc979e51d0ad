/* Walks that link issuer keys which no table maps to mapped ones. */
#pragma once

#include "steps/monitor.h"

/* Forgets a walk that is under way; after issuer_fetch_free. */
void ca_links_free(struct ca_links *links);
