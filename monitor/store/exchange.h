/* One question to PostgreSQL and its answer, with an end: libpq's own calls wait for ever. Private to store/. */
#pragma once

#include "store/statement.h"

/* Asks and waits as long as the server is never silent for more than `silence_ms`. `params` NULL: a script of several statements. The
 * answer (the last one of a script) is the caller's to PQclear; NULL when it could not be asked, see PQerrorMessage, or when
 * *ret_is_silent: then the connection is of no more use, because the answer may still come. */
PGresult *exchange(PGconn *connection, const char *sql, const struct store_params *params, int silence_ms, bool *ret_is_silent);
