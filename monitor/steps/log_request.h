/* One GET of a path below a log's address. */
#pragma once

#include "net/transfer.h"

struct followed_log;

struct log_request {
    const char *path;    /* below the log's address, e.g. "ct/v1/get-sth" or "tile/0/000" */
    uint8_t *body;
    size_t body_room;
    bool accepts_gzip;
};

MUST_CHECK result log_request_start(struct followed_log *log, const struct log_request *request, transfer_done done,
                                    void *context, struct transfer **ret_transfer);
