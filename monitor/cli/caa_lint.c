#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/caa_ask.h"
#include "cli/caa_judged.h"
#include "cli/caa_linted.h"
#include "cli/table.h"

#define COMPARED_MAX 100 /* sets of a file */

struct lint_options {
    struct caa_asking asking;
    const char *what, *file, *given_origin;
    struct dns_name name, origin;
};

static bool is_file(const char *text) {
    struct stat about;
    return strcmp(text, "-") == 0 || strchr(text, '/') != NULL || (stat(text, &about) == 0 && !S_ISDIR(about.st_mode) && access(text, R_OK) == 0);
}

static void check_together(struct lint_options *options, struct argp_state *state) {
    caa_asking_check(&options->asking, state);
    if (options->file != NULL && options->what != NULL)
        argp_error(state, "either a name or --file is taken, '%s' and '%s' are too much", options->what, options->file);
    if (options->file == NULL && options->what == NULL)
        argp_error(state, "which name, or which file?");
    if (options->file == NULL && is_file(options->what))
        options->file = options->what;
    if (options->file == NULL)
        options->name = caa_name_of_argument(options->what, state);
    if (options->file == NULL && options->given_origin != NULL)
        argp_error(state, "--origin speaks of a file, and '%s' is none that can be read", options->what);
    if (options->file != NULL && options->asking.resolver_count > 0)
        argp_error(state, "'%s' is a file: nobody is asked, leave --resolver out", options->file);
}

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct lint_options *options = state->input;
    if (caa_asking_take(key, value, state, &options->asking))
        return 0;
    switch (key) {
    case 'f':
        options->file = value;
        return 0;
    case 'o':
        options->given_origin = value;
        options->origin = caa_name_of_argument(value, state);
        return 0;
    case ARGP_KEY_END:
        check_together(options, state);
        return 0;
    case ARGP_KEY_NO_ARGS:
        return 0;
    default:
        return command_one_argument(key, value, state, "name or file", NULL, &options->what);
    }
}

static const struct argp_option options_taken[] = {
    {"file", 'f', "FILE", 0, "Look at the CAA records of this file (a zone file, or one record a line); - for standard input", 0},
    {"origin", 'o', "NAME", 0, "The file's records are of this name where they name no owner, and relative names are below it", 0},
    CAA_ASKING_OPTIONS,
    {0},
};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .args_doc = "NAME|FILE",
    .doc = "Say what is wrong or unwise about CAA records, and what to write instead: about those that count for NAME at this moment, or about those of "
           "FILE (an argument that names a file which can be read, or holds a /, is one). With a database that can be reached they are compared with the unexpired "
           "certificates that were seen: CAs that may issue and never did, CAs that did and may not.\v"
           "Examples:\n"
           "  pinwatch caa lint www.example.com\n"
           "  pinwatch caa lint --file example.com.zone\n"
           "  echo '0 issue \"letsencrypt.com\"' | pinwatch caa lint --origin example.com -\n\n"
           "docs/caa.md explains every rule.\n\n"
           "Exit codes: 0 nothing of severity warning or worse; 1 there is, or lines that are no records; 2 the lookup failed, or the resolvers do not say "
           "the same; 64 wrong usage; 65 the file cannot be used; 69 this machine lacks something; 78 settings are wrong.",
};

/* ---- sets of a file */

static int compare_owners(const void *a, const void *b) {
    const struct caa_text_record *left = *(const struct caa_text_record *const *) a, *right = *(const struct caa_text_record *const *) b;
    size_t size = left->owner.size < right->owner.size ? left->owner.size : right->owner.size;
    int order = memcmp(left->owner.wire, right->owner.wire, size);
    if (order == 0)
        order = (left->owner.size > right->owner.size) - (left->owner.size < right->owner.size);
    return order != 0 ? order : (left > right) - (left < right);
}

static int compare_lines(const void *a, const void *b) {
    const struct caa_linted_set *left = a, *right = b;
    return (left->line > right->line) - (left->line < right->line);
}

/* Records of one owner, in the order of the file. */
static result take_set(const struct caa_text_record *const *items, size_t count, bool has_origin, struct arena *arena, struct caa_linted_set *set) {
    struct caa_record *records = arena_take_array(arena, count, sizeof *records);
    uint32_t *ttl_s = arena_take(arena, sizeof *ttl_s);
    if (records == NULL || ttl_s == NULL)
        return &fault_no_memory;
    *set = (struct caa_linted_set){.owner = items[0]->owner, .has_owner = has_origin || items[0]->has_owner, .line = items[0]->line, .records = records, .record_count = count};
    for (size_t i = 0; i < count; i++) {
        records[i] = items[i]->record;
        if (items[i]->has_ttl && (set->ttl_s == NULL || items[i]->ttl_s > *ttl_s)) {
            *ttl_s = items[i]->ttl_s;
            set->ttl_s = ttl_s;
        }
    }
    return OK;
}

static result take_sets(const struct caa_text *text, bool has_origin, struct arena *arena, struct caa_linted *linted) {
    const struct caa_text_record **items = arena_take_array(arena, text->record_count + 1, sizeof *items);
    linted->sets = arena_take_array(arena, text->record_count + 1, sizeof *linted->sets);
    if (items == NULL || linted->sets == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < text->record_count; i++)
        items[i] = &text->records[i];
    qsort(items, text->record_count, sizeof *items, compare_owners);
    for (size_t at = 0, size; at < text->record_count; at += size) {
        for (size = 1; at + size < text->record_count && dns_name_equal(&items[at]->owner, &items[at + size]->owner);)
            size++;
        TRY(take_set(items + at, size, has_origin, arena, &linted->sets[linted->count++]));
    }
    qsort(linted->sets, linted->count, sizeof *linted->sets, compare_lines);
    return OK;
}

static int read_sets(const struct lint_options *options, struct arena *arena, struct caa_linted *linted) {
    struct caa_text *text = arena_take(arena, sizeof *text);
    if (text == NULL)
        return exit_with(&fault_no_memory, NULL);
    int code = caa_read_file(options->file, options->given_origin == NULL ? NULL : &options->origin, arena, text);
    if (code != EXIT_OK)
        return code;
    linted->file = caa_file_shown(options->file);
    linted->text = text;
    result outcome = take_sets(text, options->given_origin != NULL, arena, linted);
    return outcome == OK ? EXIT_OK : exit_with(outcome, NULL);
}

/* ---- the set that was resolved */

static int resolve_set(const struct lint_options *options, struct arena *arena, struct caa_linted *linted) {
    struct caa_lookups lookups;
    struct caa_judged judged;
    int code = caa_ask(&options->asking, &options->name, arena, &lookups);
    if (code != EXIT_OK)
        return code;
    linted->sets = arena_take(arena, sizeof *linted->sets);
    linted->name = options->what;
    result outcome = linted->sets == NULL ? &fault_no_memory : caa_judge_lookups(&lookups, false, NULL, arena, &judged);
    if (outcome != OK)
        return exit_with(outcome, NULL);
    if (judged.agreed == NULL) {
        linted->failure = caa_judged_failure(&judged, arena);
        return linted->failure == NULL ? exit_with(&fault_no_memory, NULL) : EXIT_OK;
    }
    const struct caa_step *relevant = judged.agreed->relevant;
    linted->is_nonexistent = judged.agreed->lookup->climb.steps[0].answer.is_nonexistent;
    if (relevant != NULL)
        linted->sets[linted->count++] = (struct caa_linted_set){.owner = relevant->owner, .has_owner = true, .records = relevant->answer.records,
                                                                .record_count = relevant->answer.record_count, .answer = &relevant->answer};
    return EXIT_OK;
}

/* ---- */

/* What was seen under each owner; what stands under another of the file is that one's. */
static result compare(struct database *database, struct caa_linted *linted, const struct ca_extra_rows *extra) {
    struct dns_name *owners = arena_take_array(database->arena, linted->count + 1, sizeof *owners);
    struct caa_usage *seen = arena_take_array(database->arena, linted->count + 1, sizeof *seen);
    if (owners == NULL || seen == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < linted->count; i++)
        owners[i] = linted->sets[i].owner;
    for (size_t i = 0; i < linted->count; i++) {
        struct caa_seen_wish wish = {.owner = &owners[i], .nearer = owners, .nearer_count = linted->count};
        if (!linted->sets[i].has_owner)
            continue;
        TRY(caa_seen_load(database, &wish, extra, &seen[i]));
        linted->sets[i].seen = &seen[i];
    }
    return OK;
}

static result look_at(struct caa_linted *linted, const struct ca_extra_rows *extra, struct arena *arena) {
    for (size_t i = 0; i < linted->count; i++) {
        struct caa_linted_set *set = &linted->sets[i];
        struct caa_lint_facts facts = {.owner = set->has_owner ? &set->owner : NULL, .answer = set->answer, .ttl_s = set->ttl_s, .extra = extra};
        if (set->seen != NULL)
            TRY(caa_usage_facts(set->seen, set->records, set->record_count, arena, &facts));
        TRY(caa_lint(set->records, set->record_count, &facts, arena, &set->remarks, &set->remark_count));
        if (set->seen != NULL)
            set->remark_count = caa_usage_drop_guesses(set->seen, set->remarks, set->remark_count);
    }
    return OK;
}

static int show(const struct lint_options *options, const struct caa_linted *linted) {
    if (!options->asking.is_json)
        caa_linted_print(linted);
    else {
        json_t *object = caa_linted_json(linted);
        if (object == NULL)
            return exit_with(&fault_no_memory, NULL);
        if (!print_json_line(object))
            return EXIT_IO;
    }
    if (linted->failure != NULL)
        return CAA_EXIT_UNKNOWN;
    return caa_linted_has_remarks(linted) ? EXIT_FINDING : EXIT_OK;
}

static int lint_and_show(const struct lint_options *options, struct arena *arena, struct caa_linted *linted) {
    struct database database;
    struct ca_extra_rows extra = {0};
    struct reason reason = {""};
    bool has_database = false;
    result outcome = OK;
    if (linted->count > COMPARED_MAX)
        linted->unseen = "there are more than 100 record sets";
    else if (linted->count > 0) {
        has_database = database_try(options->asking.config, &database, &reason);
        linted->unseen = has_database ? NULL : reason.text[0] == '\0' ? "the database cannot be reached" : reason.text;
    }
    if (has_database)
        outcome = caa_seen_extra(&database, &extra);
    if (has_database && outcome == OK)
        outcome = compare(&database, linted, &extra);
    if (outcome == OK)
        outcome = look_at(linted, &extra, arena);
    int code = outcome == OK ? show(options, linted) : !has_database || outcome == &fault_no_memory ? exit_with(outcome, NULL) : database_failed(&database, outcome);
    if (has_database)
        database_done(&database);
    return code;
}

int caa_run_lint(int argc, char **argv) {
    struct lint_options options = {0};
    struct caa_linted linted = {0};
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    struct arena *arena = arena_new(CAA_LOOKUP_ARENA);
    int code = arena == NULL ? exit_with(&fault_no_memory, NULL)
               : options.file != NULL ? read_sets(&options, arena, &linted) : resolve_set(&options, arena, &linted);
    if (code == EXIT_OK)
        code = lint_and_show(&options, arena, &linted);
    arena_free(arena);
    return code;
}
