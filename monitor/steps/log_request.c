#include "steps/log_request.h"

#include "base/memory.h"
#include "steps/follow_steps.h"

#define TIMEOUT_MS 60000
#define STALL_MS 20000
#define URL_LIMIT 2048

result log_request_start(struct followed_log *log, const struct log_request *request, transfer_done done, void *context,
                         struct transfer **ret_transfer) {
    const struct listed_log *listed = &log->identity.log;
    CLEANUP(buffer_done) struct buffer url = buffer_with_limit(URL_LIMIT);
    buffer_printf(&url, "%s%s", follow_is_static(log) ? listed->monitoring_url : listed->url, request->path);
    TRY(buffer_check(&url));
    struct transfer_request transfer = {
        .url = buffer_text(&url),
        .body = request->body,
        .body_room = request->body_room,
        .timeout_ms = TIMEOUT_MS,
        .stall_ms = STALL_MS,
        .accepts_gzip = request->accepts_gzip,
        .verifies_tls = true,
    };
    return transfer_start(log->world->net, &transfer, done, context, ret_transfer);
}
