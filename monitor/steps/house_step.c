/* Once a day: partitions and retention. */
#include "base/clock.h"
#include "steps/monitor.h"
#include "store/caa_poll.h"

result step_keep_house(struct monitor *monitor, int64_t unused_now_ms) {
    (void) unused_now_ms;
    TRY(store_keep_house(monitor->store, monitor->settings->retention_days, clock_wall_ms()));
    return store_caa_keep_house(monitor->store, monitor->settings->caa_retention_days, clock_wall_ms());
}
