/* Once a day: partitions and retention. */
#include "base/clock.h"
#include "steps/monitor.h"

result step_keep_house(struct monitor *monitor, int64_t unused_now_ms) {
    (void) unused_now_ms;
    return store_keep_house(monitor->store, monitor->settings->retention_days, clock_wall_ms());
}
