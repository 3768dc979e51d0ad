/* Rows of watches and policies, shared by the files that read them. Private to store/. */
#pragma once

#include "store/statement.h"
#include "store/watches.h"

const char *watch_kind_text(enum watch_kind kind); /* as in the table: "subtree" */
/* Columns: tenant_id, watch_id, kind, value, policy?, set_by = 'apply', set_who?, set_at: "nittt?Bt?s". */
void take_watch(struct row_taker *taker, int row, struct store_watch *ret_watch);
/* Columns: tenant_id, name, rules, set_by = 'apply', set_who, set_at: "ntjBts". */
void take_policy(struct row_taker *taker, int row, struct store_policy *ret_policy);
