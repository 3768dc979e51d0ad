#include <stdio.h>

#include "base/clock.h"
#include "base/text.h"
#include "base/whole_json.h"
#include "cli/pins_rotation.h"
#include "cli/table.h"
#include "formats/pin_json.h"
#include "rules/pin_holder.h"

static error_t take_option(int key, char *value, struct argp_state *state) {
    return rotation_take(key, value, state, state->input);
}

static const struct argp_option options_taken[] = {
    ROTATION_OPTIONS,
    {"connect", 'x', "HOST:PORT", 0, "Judge what this server serves now, instead of --next: is it accepted everywhere?", 0},
    CAA_ASKING_OPTIONS,
    {0},
};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .args_doc = "",
    .doc = "Before a key or certificate is put into use: would every live release accept it? Says which refuse it, what share of users that is, since when the key is staged, "
           "from which day on nobody refuses, how many backup pins are left, and what to do. Files alone are judged; nothing is asked in the network but with --connect, "
           "--resolver or --caa asked.\v"
           "Examples:\n"
           "  pinwatch pins gate --host api.example.com --next new.csr --issuer letsencrypt.org --releases releases.yaml\n"
           "  pinwatch pins gate --host api.example.com --next cert.pem --chain chain.pem --pins network_security_config.xml Info.plist\n"
           "  pinwatch pins gate --connect api.example.com:443 --releases releases.yaml\n\n"
           "What is not known counts against: a release without a share as all of its app's users, an issuer that is not known as one that may not be pinned. "
           "docs/pins.md explains every clause.\n\n"
           "Exit codes: 0 safe; 1 would lock out; 2 cannot tell, also where a file cannot be read; 64 wrong usage; 69 this machine lacks something; 74 writing failed.",
};

/* ---- JSON */

static json_t *date_json(bool is_known, int64_t time) {
    char text[RFC3339_SIZE];
    if (!is_known)
        return json_null();
    text_of_time(time, text);
    text[sizeof "2026-11-21" - 1] = '\0';
    return json_string(text);
}

static json_t *acceptance_json(const struct gate_release_answer *answer) {
    static const enum gate_acceptance yes = GATE_ACCEPTS;
    enum gate_acceptance acceptance = gate_acceptance_of(&answer->by);
    return acceptance == GATE_UNKNOWN ? json_null() : json_boolean(acceptance == yes);
}

static json_t *release_json(const struct gate_release_answer *answer, struct arena *arena) {
    const struct release *release = answer->release == NULL ? NULL : answer->release->release;
    const char *name = release != NULL ? release->app : gate_release_name(answer->release, arena);
    json_t *object = json_object();
    json_object_set_new(object, "app", json_string(name));
    json_object_set_new(object, "version", release == NULL ? json_null() : json_string(release->version));
    json_object_set_new(object, "accepts", acceptance_json(answer));
    json_object_set_new(object, "share", release == NULL || !release->has_share ? json_null() : json_real(release->share));
    json_object_set_new(object, "by", answer->by.by == NULL ? json_null() : pin_to_json(answer->by.by, answer->by.set->format));
    if (release != NULL)
        json_object_set_new(object, "platform", json_string(release->platform));
    json_object_set_new(object, "why", json_string(answer->by.why));
    return object;
}

static json_t *caa_json(const struct rotation *rotation) {
    if (rotation->caa_verdict == NULL)
        return json_null();
    json_t *object = json_object();
    json_object_set_new(object, "verdict", json_string(rotation->caa_verdict));
    json_object_set_new(object, "issuer", rotation->caa_issuer == NULL ? json_null() : json_string(rotation->caa_issuer));
    json_object_set_new(object, "why", rotation->question.caa_why[0] == '\0' ? json_null() : json_string(rotation->question.caa_why));
    return object;
}

/* Releases that are not live are no part of the answer. */
static json_t *answer_json(const struct rotation *rotation, const struct gate_answer *answer) {
    json_t *object = json_object(), *releases = json_array(), *reasons = json_array();
    for (size_t i = 0; i < answer->release_count; i++)
        if (answer->releases[i].is_live)
            json_array_append_new(releases, release_json(&answer->releases[i], rotation->arena));
    for (size_t i = 0; answer->reasons[i] != NULL; i++)
        json_array_append_new(reasons, json_string(answer->reasons[i]));
    json_object_set_new(object, "verdict", json_string(gate_verdict_name(answer->verdict)));
    json_object_set_new(object, "releases", releases);
    json_object_set_new(object, "safe_from", date_json(answer->has_safe_from, answer->safe_from));
    json_object_set_new(object, "backups_left", json_integer((json_int_t) answer->backups_left));
    json_object_set_new(object, "caa", caa_json(rotation));
    json_object_set_new(object, "reasons", reasons);
    json_object_set_new(object, "host", json_string(rotation->question.host));
    json_object_set_new(object, "on", date_json(true, rotation->question.on));
    json_object_set_new(object, "refused_share", json_real(answer->refused_share));
    json_object_set_new(object, "staged_since", date_json(answer->has_staged_since, answer->staged_since));
    return object;
}

/* ---- for people */

static const char *by_text(const struct gate_release_answer *answer, struct arena *arena) {
    struct pin_holder holder;
    if (answer->by.by == NULL)
        return answer->by.why;
    return pin_holder_find(answer->by.by, NULL, &holder) ? pin_holder_text(&holder, arena) : pin_short_text(answer->by.by, arena);
}

static const char *acceptance_text(const struct gate_release_answer *answer) {
    static const char *const words[] = {[GATE_ACCEPTS] = "yes", [GATE_REFUSES] = "NO", [GATE_UNKNOWN] = "unknown"};
    enum gate_acceptance acceptance = gate_acceptance_of(&answer->by);
    if (answer->verdict == PIN_VERDICT_NOT_PINNED)
        return "not pinned";
    return acceptance == GATE_ACCEPTS && answer->verdict != PIN_VERDICT_ACCEPTS ? "not enforced" : words[acceptance];
}

static void add_release(struct table *table, const struct gate_release_answer *answer, struct arena *arena) {
    static const enum table_tone tones[] = {[GATE_ACCEPTS] = TONE_GOOD, [GATE_REFUSES] = TONE_BAD, [GATE_UNKNOWN] = TONE_WARNING};
    const struct release *release = answer->release == NULL ? NULL : answer->release->release;
    const char *name = gate_release_name(answer->release, arena), *by = by_text(answer, arena);
    table_text(table, 0, name == NULL ? "" : name);
    if (release != NULL && release->has_share) {
        const char *share = arena_printf(arena, "%.4g %%", 100 * release->share);
        table_text(table, 1, share == NULL ? "" : share);
    }
    table_text(table, 2, acceptance_text(answer));
    table_tone(table, 2, tones[gate_acceptance_of(&answer->by)]);
    table_text(table, 3, by == NULL ? "" : by);
    table_end_row(table);
}

static int print_releases(const struct gate_answer *answer, struct arena *arena) {
    static const struct table_column columns[] = {{.title = "release"}, {.title = "share"}, {.title = "accepts"}, {.title = "by", .is_wide = true}};
    CLEANUP(table_free_at) struct table *table = table_new(columns, sizeof columns / sizeof columns[0], false);
    if (table == NULL)
        return exit_with(&fault_no_memory, NULL);
    for (size_t i = 0; i < answer->release_count; i++)
        if (answer->releases[i].is_live)
            add_release(table, &answer->releases[i], arena);
    return table_print(table, "No release is live on that day.");
}

static void print_date(const char *title, bool is_known, int64_t time, const char *unknown) {
    char text[RFC3339_SIZE] = "";
    if (is_known)
        text_of_time(time, text);
    printf("%-14s %.10s%s\n", title, text, is_known ? "" : unknown);
}

static void print_pin(const struct pin_link *next) {
    char pin[HASH_BASE64_SIZE];
    hash_to_base64(&next->spki_sha256, pin);
    printf("key            sha256/%s\n", pin);
}

static int print_answer(const struct rotation *rotation, const struct gate_answer *answer) {
    static const char *const words[] = {[GATE_SAFE] = "SAFE", [GATE_LOCKS_OUT] = "WOULD LOCK OUT", [GATE_CANNOT_TELL] = "CANNOT TELL"};
    printf("%s: %s\n\n", words[answer->verdict], rotation->question.host);
    int code = print_releases(answer, rotation->arena);
    putchar('\n');
    print_pin(&rotation->next);
    print_date("on", true, rotation->question.on, "");
    print_date("staged since", answer->has_staged_since, answer->staged_since, "not known, or not everywhere");
    print_date("safe from", answer->has_safe_from, answer->safe_from, "no day is known");
    printf("backups left   %zu\nCAA            %s\n", answer->backups_left, rotation->caa_verdict == NULL ? "not asked" : rotation->caa_verdict);
    for (size_t i = 0; answer->reasons[i] != NULL; i++) {
        fputs(i == 0 ? "\n* " : "* ", stdout);
        print_sentence(answer->reasons[i]);
        putchar('\n');
    }
    return code;
}

/* ---- */

static int show(const struct rotation_options *options, const struct rotation *rotation, const struct gate_answer *answer) {
    static const int codes[] = {[GATE_SAFE] = EXIT_OK, [GATE_LOCKS_OUT] = EXIT_FINDING, [GATE_CANNOT_TELL] = ROTATION_EXIT_UNKNOWN};
    uint64_t mark = memory_mark();
    if (!options->asking.is_json) {
        int code = print_answer(rotation, answer);
        if (code != EXIT_OK)
            return code;
    } else {
        json_t *object = json_if_whole(answer_json(rotation, answer), mark);
        if (object == NULL)
            return rotation_refused(&fault_no_memory, NULL);
        if (!print_json_line(object))
            return EXIT_IO;
    }
    return ferror(stdout) ? EXIT_IO : codes[answer->verdict];
}

int pins_run_gate(int argc, char **argv) {
    static struct rotation_options options;
    struct rotation rotation;
    struct gate_answer answer;
    options.on = clock_wall_ms() / 1000;
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    int code = rotation_read(&options, &rotation);
    if (code != EXIT_OK)
        return code;
    result outcome = pin_gate(&rotation.question, rotation.arena, &answer);
    code = outcome == OK ? show(&options, &rotation, &answer) : rotation_refused(outcome, NULL);
    rotation_done(&rotation);
    return code;
}
