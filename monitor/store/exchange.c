#include "store/exchange.h"

#include <errno.h>
#include <poll.h>

#define SLICE_MS 500

/* Counts its own slices and asks no clock: a computer that slept has not waited. */
static bool wait_for(PGconn *connection, short events, int silence_ms) {
    struct pollfd watched = {.fd = PQsocket(connection), .events = events};
    for (int waited_ms = 0; waited_ms < silence_ms; waited_ms += SLICE_MS) {
        int ready = poll(&watched, 1, silence_ms - waited_ms < SLICE_MS ? silence_ms - waited_ms : SLICE_MS);
        if (ready > 0 || (ready < 0 && errno != EINTR))
            return true; /* libpq meets what ails it */
    }
    return false;
}

/* A server that sends while we send must be read, or both wait for each other. False: *ret_is_silent or the connection failed. */
static bool send_all(PGconn *connection, int silence_ms, bool *ret_is_silent) {
    int left;
    while ((left = PQflush(connection)) == 1) {
        if (!wait_for(connection, POLLIN | POLLOUT, silence_ms)) {
            *ret_is_silent = true;
            return false;
        }
        if (PQconsumeInput(connection) != 1)
            return true; /* what it said before it hung up is the answer */
    }
    return left == 0;
}

static PGresult *next_answer(PGconn *connection, int silence_ms, bool *ret_is_silent) {
    while (PQisBusy(connection) == 1) {
        if (!wait_for(connection, POLLIN, silence_ms)) {
            *ret_is_silent = true;
            return NULL;
        }
        if (PQconsumeInput(connection) != 1)
            break; /* PQgetResult makes an answer of that */
    }
    return PQgetResult(connection);
}

static PGresult *last_answer(PGconn *connection, int silence_ms, bool *ret_is_silent) {
    PGresult *last = NULL, *next;
    while ((next = next_answer(connection, silence_ms, ret_is_silent)) != NULL) {
        PQclear(last);
        last = next;
        if (PQstatus(connection) != CONNECTION_OK)
            break;
    }
    if (*ret_is_silent) {
        PQclear(last);
        return NULL;
    }
    return last;
}

static int ask(PGconn *connection, const char *sql, const struct store_params *params) {
    if (params == NULL)
        return PQsendQuery(connection, sql);
    return PQsendQueryParams(connection, sql, params->count, params->types, params->values, params->lengths, params->formats, 1);
}

PGresult *exchange(PGconn *connection, const char *sql, const struct store_params *params, int silence_ms, bool *ret_is_silent) {
    *ret_is_silent = false;
    if (PQsetnonblocking(connection, 1) != 0 || ask(connection, sql, params) != 1)
        return NULL;
    if (!send_all(connection, silence_ms, ret_is_silent))
        return NULL;
    return last_answer(connection, silence_ms, ret_is_silent);
}
