/* One log of a log list; a part of formats/log_list.c with its own file because of its many members. */
#pragma once

#include <jansson.h>

#include "formats/log_list.h"

/* Fills everything but protocol and operator_name, which the caller has set. A broken rule gives fault_log_list_entry and
 * names the member in `reason`. */
MUST_CHECK result log_list_entry_parse(const json_t *json, struct arena *arena, struct listed_log *log,
                                       struct reason *reason);
/* The text member `name` as harmless text in `arena`, cut at a ceiling; "" when absent or no text. */
MUST_CHECK result log_list_text(const json_t *json, const char *name, struct arena *arena, const char **ret_text);
