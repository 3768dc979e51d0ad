#include "rules/caa_health.h"

#define WEIGHT 0.25
#define DOUBTFUL 0.5
#define HOPELESS 0.9 /* eight in a row */
#define SAMPLES_LEAST 3

bool caa_health_is_doubtful(const struct caa_health *health) {
    return health->is_down || health->failing > DOUBTFUL;
}

static bool decide(struct caa_health *health, int64_t now_ms) {
    bool is_down = health->is_down;
    if (health->failing <= DOUBTFUL)
        is_down = health->was_probed = false;
    else if (health->samples >= SAMPLES_LEAST && (health->was_probed || health->failing >= HOPELESS))
        is_down = true;
    if (is_down == health->is_down)
        return false;
    health->is_down = is_down;
    health->down_since_ms = now_ms;
    return true;
}

bool caa_health_take(struct caa_health *health, enum caa_sample sample, bool is_probe, int64_t now_ms) {
    if (sample == CAA_SAMPLE_NONE && !is_probe)
        return false;
    health->was_probed |= is_probe && sample != CAA_SAMPLE_GOOD;
    health->failing += WEIGHT * ((sample == CAA_SAMPLE_GOOD ? 0.0 : 1.0) - health->failing);
    health->samples += health->samples < SAMPLES_LEAST;
    return decide(health, now_ms);
}

bool caa_health_nothing_to_probe(struct caa_health *health, int64_t now_ms) {
    health->was_probed = true;
    return decide(health, now_ms);
}
