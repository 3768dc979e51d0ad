/* A finding while this machine's clock differs from those of the logs. */
#include <jansson.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "steps/monitor.h"

#define RULE "clock.wrong"
#define WRONG_FOR_MS 60000 /* the first to answer after a jump may be the one that is wrong */

static result tell(struct monitor *monitor, bool is_over, int64_t ahead_ms) {
    json_t *evidence = json_pack("{s:I, s:i}", "seconds_behind", (json_int_t) (ahead_ms / 1000), "operators", (int) monitor->clock.count);
    char *text = evidence == NULL ? NULL : json_dumps(evidence, JSON_COMPACT);
    json_decref(evidence);
    if (text == NULL)
        return &fault_no_memory;
    struct log_event event = {.rule = RULE, .is_over = is_over, .detail = "", .evidence = text, .now_ms = clock_wall_ms()};
    result fault = monitor_tell(monitor, NULL, &event);
    memory_free_foreign(text);
    return fault;
}

result step_check_clock(struct monitor *monitor, int64_t now_ms) {
    int64_t ahead_ms = monitor->clock.ahead_ms;
    enum told wanted = ahead_ms != 0 ? TOLD_OPEN : TOLD_OVER;
    if (ahead_ms == 0 || monitor->clock_wrong_since_ms == 0)
        monitor->clock_wrong_since_ms = ahead_ms == 0 ? 0 : now_ms;
    bool is_too_early = ahead_ms != 0 && now_ms - monitor->clock_wrong_since_ms < WRONG_FOR_MS;
    if (!world_clock_is_known(&monitor->clock) || is_too_early || monitor->told_clock == wanted)
        return OK;
    TRY(tell(monitor, wanted == TOLD_OVER, ahead_ms));
    if (wanted == TOLD_OPEN || monitor->told_clock == TOLD_OPEN)
        log_say(wanted == TOLD_OPEN ? LOG_ERROR : LOG_NOTICE, wanted == TOLD_OPEN ? RULE : "clock.right", LOG_NUMBER("seconds_behind", ahead_ms / 1000),
                LOG_NUMBER("operators", monitor->clock.count));
    monitor->told_clock = wanted;
    return OK;
}
