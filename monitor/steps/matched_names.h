/* Which names of a certificate the watches of one tenant matched. Pure. */
#pragma once

#include <jansson.h>

#include "steps/watch_set.h"

/* A new list of texts, at most `room`, in the report's order. Asks a small image of these watches as the readers ask the large
 * one, so that both agree. Fails only without memory. */
MUST_CHECK result matched_names_list(const struct entry_report *report, const struct watch_of_tenant *watches, size_t count,
                                     int32_t tenant_id, size_t room, json_t **ret_list);
