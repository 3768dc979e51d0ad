/* What the files of `pinwatch pins forecast` share. */
#pragma once

#include "base/text.h"
#include "cli/pins_rotation.h"
#include "rules/pin_forecast.h"

#define FORECAST_FULL_MAX 10 /* with more hosts those that are fine are told in a line each */

struct forecast_rotation {
    int64_t from;
    const char *path;
};

struct forecast_options {
    struct rotation_options rotation; /* releases, pins, --config, --json; `on` is where the forecast begins */
    struct pins_paths served, hosts;
    struct forecast_rotation rotations[PINS_FILES_MAX];
    size_t rotation_count;
    const char *svg;
    int64_t until;
    unsigned days;
    bool has_until, has_days, reuses_keys, with_drills;
};

/* Everything that was found, with what owns it. */
struct forecast_run {
    struct rotation rotation;
    struct forecast_question question;
    struct forecast *forecast;
    struct forecast_answer *answers; /* by host */
    size_t count;
    const struct forecast_answer **ordered; /* those that lose a key first, by date; then those that cannot be told */
    size_t loss_count, unknown_count;
};

/* The keys that are served and planned. Prints why when they cannot be read, and returns the exit code. */
int forecast_read_keys(const struct forecast_options *options, struct forecast_run *run);

/* "2026-11-21" */
const char *forecast_day(int64_t time, char room[RFC3339_SIZE]);
/* "api.example.com", "mail.example.com port 25/tcp". In `arena`; NULL without memory. */
const char *forecast_service_text(const struct forecast_service *service, struct arena *arena);

/* For people, for scripts, and as a chart. Return the exit code, or EXIT_OK. */
int forecast_print(const struct forecast_run *run);
int forecast_print_json(const struct forecast_run *run);
/* To a file, which is replaced; "-": standard output. */
int forecast_draw(const struct forecast_run *run, const char *path);
/* The chart as text. */
MUST_CHECK result forecast_svg(const struct forecast_run *run, struct buffer *out);
