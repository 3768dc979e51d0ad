/* Releases: builds of an app that are out there with pins in them, as a person lists them in YAML or CSV (docs/pins.md). */
#pragma once

#include "formats/pin_set.h"

struct release {
    const char *app;      /* 1 to 128 bytes, harmless: "Bank" */
    const char *platform; /* lower case: "android", "ios", … any word; it names nobody's rules, the pins' format does */
    const char *version;  /* "4.2.1"; with app and platform the release's name */
    bool has_released_on, has_end_of_support, has_share, is_retired;
    int64_t released_on;    /* Unix seconds of the day's beginning, UTC */
    int64_t end_of_support; /* from this day on nobody needs it to work */
    double share;           /* of the app's users, 0 to 1 */
    const char *const *pins; /* names of its pin documents: of files beside this one, or as `pins import --name` called them; NULL-terminated */
    unsigned line;
};

enum { RELEASES_MAX = 10000, PINS_OF_RELEASE_MAX = 100 };

extern const struct fault fault_release_file; /* FAULT_INPUT: line and what was wanted in `reason` */

/* YAML (`releases:` with a list) or CSV with a header row (app, platform, version, released_on, share, end_of_support, pins: several apart
 * by ";"), by what stands in it. Strict: unknown fields, dates that are none, shares outside 0 to 1 (or "12.5%"), one release twice are refused. */
MUST_CHECK result release_file_read(struct span bytes, struct arena *arena, struct release **ret_releases, size_t *ret_count,
                                    struct reason *reason);

/* Is it live on this day: out (or no date), not retired, support not ended? */
bool release_is_live(const struct release *release, int64_t now);
/* Of one app, whose users they share? Its name may be written in other cases. */
bool release_is_same_app(const struct release *one, const struct release *other);
