#include "steps/caa_room.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "steps/caa_poller.h"

#define AGAIN_MS 60000 /* while their number changes */

static result tell_left_out(struct caa_poller *poller, size_t count) {
    char evidence[256];
    snprintf(evidence, sizeof evidence, "{\"left_out\":%zu,\"names_count\":%zu,\"reasons\":[\"%s%zu are left out, %zu are polled, as many as caa_names_most allows\"]}",
             count, poller->owners->count, poller->room.left_out.is_cut ? "at least " : "", count, poller->owners->count);
    struct log_event event = {.rule = "caa.too-many-names", .is_over = count == 0, .detail = "", .evidence = count == 0 ? "{}" : evidence,
                              .now_ms = clock_wall_ms()};
    return monitor_tell(poller->monitor, NULL, &event);
}

result caa_room_look(struct caa_poller *poller, int64_t now_ms) {
    if (!poller->is_ready || poller->is_scanning)
        return OK;
    size_t count = poller->room.left_out.count + (poller->room.left_out.is_cut && poller->room.left_out.count == 0);
    bool is_same = count == 0 ? poller->room.told == TOLD_OVER
                              : poller->room.told == TOLD_OPEN && (count == poller->room.told_count || now_ms < poller->room.due_ms);
    if (is_same)
        return OK;
    TRY(tell_left_out(poller, count));
    if (count == 0 && poller->room.told == TOLD_OPEN)
        log_say(LOG_NOTICE, "caa.all-names", LOG_NUMBER("names", poller->owners->count));
    poller->room.told = count == 0 ? TOLD_OVER : TOLD_OPEN;
    poller->room.told_count = count;
    poller->room.due_ms = now_ms + AGAIN_MS;
    poller->said_full &= count > 0;
    return OK;
}
