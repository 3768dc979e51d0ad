/* A POST request as clients and proxies send it (RFC 9112), read piece by piece. Pure: no input, no output, no clock. */
#pragma once

#include "base/buffer.h"
#include "base/span.h"

enum { REQUEST_HEAD_MAX = 8 * 1024, REQUEST_FORWARDED_MAX = 64, REQUEST_CHUNK_LINE_MAX = 64 };

struct request_head {
    bool is_post;
    bool is_chunked;
    bool wants_continue;      /* Expect: 100-continue */
    size_t body_size;         /* unless chunked */
    char path[64];            /* without the query; "" when it is longer */
    char forwarded[REQUEST_FORWARDED_MAX]; /* last element of the last X-Forwarded-For; "" without, or when it is longer */
};

/* Size of the head with its empty line, 0 when that has not come yet. `begin`: where the search may start; bytes before it were searched. */
size_t request_head_size(struct span bytes, size_t begin);
/* The head with its empty line. 0, or the status that refuses it (RFC 9110): 400 not a request, 405 no POST, 411 no length, 413 larger than `body_max`, 415 encoded,
 * 417 another expectation, 501 another transfer coding, 505 another version. */
unsigned request_head_read(struct span head, size_t body_max, struct request_head *ret_head);

/* A chunked body (RFC 9112 7.1) on its way; zeroed: nothing has come. */
struct request_chunks {
    enum { CHUNK_SIZE, CHUNK_DATA, CHUNK_END, CHUNK_TRAILER, CHUNK_DONE } state;
    char line[REQUEST_CHUNK_LINE_MAX];
    size_t line_size, left, trailer_size;
};
/* Takes `bytes` and appends what they carry to `body`. False: that is no such body, or larger than the buffer's limit. Complete when the state is CHUNK_DONE;
 * bytes behind that are passed over. */
bool request_chunks_take(struct request_chunks *chunks, struct span bytes, struct buffer *body);
