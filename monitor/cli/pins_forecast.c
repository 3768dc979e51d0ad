#include "cli/pins_forecast.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/table.h"

#define SCRATCH_LIMIT ((size_t) 256 * 1024 * 1024)

enum { DAY_S = 86400, DAYS_DEFAULT = 365, DAYS_MAX = 36500, KEY_DRILLS = 1000, KEY_REUSE, KEY_SVG };

/* ---- options */

static void take_rotation(const char *text, struct argp_state *state, struct forecast_options *options) {
    char day[RFC3339_SIZE];
    const char *equals = strchr(text, '=');
    if (equals == NULL || equals[1] == '\0' || (size_t) (equals - text) >= sizeof day)
        argp_error(state, "--rotation: '%s' is not DATE=FILE, like 2026-12-01=next.csr", text);
    else if (options->rotation_count == PINS_FILES_MAX)
        argp_error(state, "at most %d rotations are taken at once", PINS_FILES_MAX);
    else {
        snprintf(day, sizeof day, "%.*s", (int) (equals - text), text);
        options->rotations[options->rotation_count++] = (struct forecast_rotation){pins_date_of_argument("--rotation", day, state), equals + 1};
    }
}

/* "*.example.com" as well: the names below. */
static void take_host(const char *text, struct argp_state *state, struct forecast_options *options) {
    static char rooms[PINS_FILES_MAX][PINS_HOST_SIZE + 2];
    bool is_wildcard = strncmp(text, "*.", 2) == 0;
    const char *host = pins_host_of_argument(text + (is_wildcard ? 2 : 0), state);
    if (options->hosts.count == PINS_FILES_MAX) {
        argp_error(state, "at most %d hosts are asked about at once; without any all that are pinned are", PINS_FILES_MAX);
        return;
    }
    char *room = rooms[options->hosts.count];
    snprintf(room, sizeof rooms[0], "%s%s", is_wildcard ? "*." : "", host);
    options->hosts.items[options->hosts.count++] = room;
}

static void take_days(const char *text, struct argp_state *state, struct forecast_options *options) {
    uint64_t number = 0;
    if (text_to_number(span_of_text(text), DAYS_MAX, &number) != OK || number == 0)
        argp_error(state, "--days: '%s' is no number of days up to %d", text, DAYS_MAX);
    options->days = (unsigned) number;
    options->has_days = true;
}

/* The day of --until is in it. */
static void settle(struct forecast_options *options, struct argp_state *state) {
    if (options->rotation.pins.count > 0 && options->rotation.releases != NULL)
        argp_error(state, "give --pins FILE... or --releases FILE, not both; with neither the database is asked");
    if (options->has_until && options->has_days)
        argp_error(state, "give --until DATE or --days N, not both");
    if (options->has_until)
        options->until += DAY_S - 1;
    else
        options->until = options->rotation.on + (int64_t) (options->has_days ? options->days : DAYS_DEFAULT) * DAY_S;
    if (options->until <= options->rotation.on)
        argp_error(state, "--until: that day is over before the forecast begins");
    if (options->svg != NULL && strcmp(options->svg, "-") == 0 && options->rotation.asking.is_json)
        argp_error(state, "standard output takes --json or the chart (--svg=-), not both");
}

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct forecast_options *options = state->input;
    switch (key) {
    case 'c':
        options->rotation.asking.config = value;
        return 0;
    case 'j':
        options->rotation.asking.is_json = true;
        return 0;
    case 'H':
        take_host(value, state, options);
        return 0;
    case 'p':
        options->rotation.wants_pins = true;
        pins_take_path(&options->rotation.pins, value, state);
        return 0;
    case 'R':
        options->rotation.releases = value;
        return 0;
    case 's':
        pins_take_path(&options->served, value, state);
        return 0;
    case 'r':
        take_rotation(value, state, options);
        return 0;
    case 'o':
        options->rotation.on = pins_date_of_argument("--on", value, state);
        return 0;
    case 'u':
        options->until = pins_date_of_argument("--until", value, state);
        options->has_until = true;
        return 0;
    case 'n':
        take_days(value, state, options);
        return 0;
    case KEY_REUSE:
        options->reuses_keys = true;
        return 0;
    case KEY_DRILLS:
        options->with_drills = true;
        return 0;
    case KEY_SVG:
        options->svg = value;
        return 0;
    case ARGP_KEY_ARG:
        if (options->rotation.wants_pins)
            pins_take_path(&options->rotation.pins, value, state);
        else
            take_host(value, state, options);
        return 0;
    case ARGP_KEY_END:
        settle(options, state);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options_taken[] = {
    {"host", 'H', "HOST", 0, "A name that clients connect to, or *.example.com; the same as HOST, which --pins does not leave room for. Without any: every host that is pinned", 0},
    {"served", 's', "FILE", 0, "What is served today: certificates (CA certificates among them are taken as their chains), or a public key; may be given several times. Without it, the "
                               "valid certificates that the database has seen", 0},
    {"rotation", 'r', "DATE=FILE", 0, "What is to be served from that day on in place of all before: a certificate with its chain, a request or a public key; may be given several times", 0},
    {"reuse-key", KEY_REUSE, NULL, 0, "Certificates are renewed in time with the same key: that one ends takes no key away", 0},
    {"pins", 'p', "FILE...", 0, "Judge these pin files; how many people use them is not known", 0},
    {"releases", 'R', "FILE", 0, "Judge the releases that this file (YAML or CSV) lists; pin files that it names lie beside it", 0},
    {"on", 'o', "DATE", 0, "Where the forecast begins, instead of now", 0},
    {"until", 'u', "DATE", 0, "The last day of the forecast", 0},
    {"days", 'n', "N", 0, "So many days of forecast (365)", 0},
    {"with-drills", KEY_DRILLS, NULL, 0, "Certificates of fire drills, too", 0},
    {"svg", KEY_SVG, "FILE", 0, "Draw a chart into this file, which is replaced; -: to standard output, in place of the table", 0},
    COMMAND_OPTION_CONFIG,
    COMMAND_OPTION_JSON,
    {0},
};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .args_doc = "[HOST...]",
    .doc = "What the calendar does to your pins: for each host the certificates, pins, CAs and releases that end, the rotations that are planned, and the days on which a release would "
           "lose the last key that it accepts, with the share of the users. Files alone are judged where they are given; nothing is asked in the network.\v"
           "Examples:\n"
           "  pinwatch pins forecast\n"
           "  pinwatch pins forecast api.example.com --releases releases.yaml --served fullchain.pem --rotation 2027-01-15=next.csr\n"
           "  pinwatch pins forecast --days 90 --svg forecast.svg\n\n"
           "A certificate is taken to be followed by one of the same CA with a new key, unless --reuse-key is given. docs/pins.md explains every date.\n\n"
           "Exit codes: 0 no release loses its last key; 1 some release does; 2 cannot tell, also where a file cannot be read; 64 wrong usage; 69 this machine lacks something; "
           "73 the chart cannot be written; 74 writing failed.",
};

/* ---- words */

const char *forecast_day(int64_t time, char room[RFC3339_SIZE]) {
    text_of_time(time, room);
    room[sizeof "2026-11-21" - 1] = '\0';
    return room;
}

const char *forecast_service_text(const struct forecast_service *service, struct arena *arena) {
    if (service->port == 443 && strcmp(service->protocol, "tcp") == 0)
        return service->host;
    return arena_printf(arena, "%s port %u/%s", service->host, service->port, service->protocol);
}

/* ---- hosts */

/* All services of all hosts that were asked about, one after the other. */
static result find_services(const struct forecast_options *options, const struct forecast_run *run, struct forecast_service **ret_services, size_t *ret_count) {
    struct arena *arena = run->rotation.arena;
    if (options->hosts.count == 0)
        return forecast_services(run->forecast, NULL, arena, ret_services, ret_count);
    *ret_services = NULL;
    *ret_count = 0;
    for (size_t i = 0; i < options->hosts.count; i++) {
        struct forecast_service *found, *all;
        size_t count;
        TRY(forecast_services(run->forecast, options->hosts.items[i], arena, &found, &count));
        all = arena_take_array(arena, *ret_count + count, sizeof *all);
        if (all == NULL)
            return &fault_no_memory;
        if (*ret_count > 0)
            memcpy(all, *ret_services, *ret_count * sizeof *all);
        memcpy(all + *ret_count, found, count * sizeof *all);
        *ret_services = all;
        *ret_count += count;
    }
    return OK;
}

static int compare_answers(const void *a, const void *b) {
    static const int ranks[] = {[FORECAST_LOSS] = 0, [FORECAST_UNKNOWN] = 1, [FORECAST_FINE] = 2};
    const struct forecast_answer *one = *(const struct forecast_answer *const *) a, *other = *(const struct forecast_answer *const *) b;
    if (one->verdict != other->verdict)
        return ranks[one->verdict] - ranks[other->verdict];
    if (one->loss_count > 0 && one->losses[0].at != other->losses[0].at)
        return one->losses[0].at > other->losses[0].at ? 1 : -1;
    return (one > other) - (one < other);
}

static result forecast_all(const struct forecast_options *options, struct forecast_run *run) {
    CLEANUP(arena_free_at) struct arena *scratch = arena_new(SCRATCH_LIMIT);
    struct arena *arena = run->rotation.arena;
    struct forecast_service *services;
    if (scratch == NULL)
        return &fault_no_memory;
    TRY(forecast_new(&run->question, arena, &run->forecast));
    TRY(find_services(options, run, &services, &run->count));
    run->answers = arena_take_array(arena, run->count + 1, sizeof *run->answers);
    run->ordered = arena_take_array(arena, run->count + 1, sizeof *run->ordered);
    if (run->answers == NULL || run->ordered == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < run->count; i++) {
        arena_reset(scratch);
        TRY(forecast_host(run->forecast, &services[i], scratch, arena, &run->answers[i]));
        run->ordered[i] = &run->answers[i];
        run->loss_count += run->answers[i].verdict == FORECAST_LOSS;
        run->unknown_count += run->answers[i].verdict == FORECAST_UNKNOWN;
    }
    if (run->count > 1)
        qsort(run->ordered, run->count, sizeof *run->ordered, compare_answers);
    return OK;
}

/* ---- all */

static int code_of(const struct forecast_run *run) {
    return run->loss_count > 0 ? EXIT_FINDING : run->unknown_count > 0 || run->count == 0 ? ROTATION_EXIT_UNKNOWN : EXIT_OK;
}

static int show(const struct forecast_options *options, const struct forecast_run *run) {
    int code = EXIT_OK;
    bool is_chart_alone = options->svg != NULL && strcmp(options->svg, "-") == 0;
    if (options->svg != NULL)
        code = forecast_draw(run, options->svg);
    if (code == EXIT_OK && !is_chart_alone)
        code = options->rotation.asking.is_json ? forecast_print_json(run) : forecast_print(run);
    if (code != EXIT_OK)
        return code;
    return ferror(stdout) ? EXIT_IO : code_of(run);
}

/* A bare key says for no name whose it is. */
static bool are_hosts_known(const struct forecast_options *options, const struct forecast_run *run) {
    for (size_t i = 0; options->hosts.count == 0 && i < run->question.key_count; i++)
        if (run->question.keys[i].hosts == NULL) {
            struct reason reason;
            (void) exit_with(reason_set(&reason, &fault_pins_key, "%s: a request or public key names no host; say with --host whose it is", run->question.keys[i].name), &reason);
            return false;
        }
    return true;
}

static int forecast(const struct forecast_options *options, struct forecast_run *run) {
    const struct gate_question *gate = &run->rotation.question;
    run->question = (struct forecast_question){.releases = gate->releases, .release_count = gate->release_count, .extra = gate->extra,
                                               .from = options->rotation.on, .until = options->until, .reuses_keys = options->reuses_keys};
    int code = forecast_read_keys(options, run);
    if (code != EXIT_OK)
        return code;
    if (!are_hosts_known(options, run))
        return EXIT_USAGE_WRONG;
    result outcome = forecast_all(options, run);
    return outcome == OK ? show(options, run) : rotation_refused(outcome, NULL);
}

int pins_run_forecast(int argc, char **argv) {
    static struct forecast_options options;
    static struct forecast_run run;
    options.rotation.on = clock_wall_ms() / 1000;
    options.rotation.host = "";
    options.rotation.needs_no_next = true;
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    int code = rotation_read(&options.rotation, &run.rotation);
    if (code != EXIT_OK)
        return code;
    code = forecast(&options, &run);
    rotation_done(&run.rotation);
    return code;
}
