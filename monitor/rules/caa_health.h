/* Does a resolver answer at all? So that one that is down is told once, and not once for each name. Pure.
 *
 * What counts are answers about owners that were well before, or become well: names that stay broken say nothing about the resolver. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define CAA_DOWN_TOLD_AFTER_MS 30000 /* three tries: at once, after 10 and after 20 s more */

struct caa_health {
    double failing;        /* share of late answers that failed, newest weighted most */
    unsigned samples;
    bool is_down;          /* it fails for nearly everything */
    bool was_probed;       /* something that it knew well was asked, and failed too */
    int64_t down_since_ms; /* monotonic */
};

enum caa_sample { CAA_SAMPLE_NONE, CAA_SAMPLE_GOOD, CAA_SAMPLE_FAILED };

/* True when is_down has changed with it. */
bool caa_health_take(struct caa_health *health, enum caa_sample sample, bool is_probe, int64_t now_ms);
/* It may be down: names that fail are not blamed, and a probe is wanted: an owner that it answered well, asked again at once. */
bool caa_health_is_doubtful(const struct caa_health *health);
/* There is nothing that it ever answered well, or it was asked and failed. */
bool caa_health_nothing_to_probe(struct caa_health *health, int64_t now_ms);
