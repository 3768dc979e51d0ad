/* Once a day: partitions and retention. */
#include "base/clock.h"
#include "steps/monitor.h"
#include "store/caa_poll.h"
#include "store/client_reports.h"

#define DAY_MS ((int64_t) 24 * 3600 * 1000)

result step_keep_house(struct monitor *monitor, int64_t unused_now_ms) {
    (void) unused_now_ms;
    TRY(store_keep_house(monitor->store, monitor->settings->retention_days, clock_wall_ms()));
    if (monitor->settings->reports_retention_days > 0)
        TRY(store_client_reports_forget(monitor->store, clock_wall_ms() - (int64_t) monitor->settings->reports_retention_days * DAY_MS));
    return store_caa_keep_house(monitor->store, monitor->settings->caa_retention_days, clock_wall_ms());
}
