/* Which of our faults an SQLSTATE or a refusal to connect is. Private to store/. */
#pragma once

#include "base/result.h"

/* Five characters (PostgreSQL, Appendix A; PW… are our own, sql/0002-recording.sql); NULL is fault_store_unreachable. */
result fault_of_sqlstate(const char *state);
/* libpq tells no SQLSTATE when a connection is refused, only words. */
result fault_of_connect_message(const char *message);
/* What a person should do, to stand before the server's own words; "" when those say it all. */
const char *sqlstate_hint(result fault);
