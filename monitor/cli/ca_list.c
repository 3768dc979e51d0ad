#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/ca.h"
#include "cli/table.h"

static error_t take_option(int key, char *value, struct argp_state *state) {
    if (ca_option_take(key, value, state->input))
        return 0;
    if (key == ARGP_KEY_ARG)
        argp_error(state, "no argument is taken; `pinwatch ca show %s` explains one", value);
    return ARGP_ERR_UNKNOWN;
}

static const struct argp_option options_taken[] = {COMMAND_OPTION_CONFIG, COMMAND_OPTION_JSON, CA_OPTION_SHIPPED, {0}};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .doc = "List the owners of CA keys, how many keys of each are known, of how many it is certain which CAA domains count, and the CAA domains "
           "that the owner recognises.\v"
           "Exit codes: 0 listed; 69 the database cannot be reached (--shipped needs none).",
};

static int compare_owners(const void *a, const void *b) {
    const struct ca_row *left = a, *right = b;
    int order = strcmp(left->owner->name, right->owner->name);
    return order != 0 ? order : memcmp(&left->spki_sha256, &right->spki_sha256, HASH_SIZE);
}

enum column { OWNER, KEYS, ROOTS, CERTAIN, IMPORTED, DOMAINS, PROBLEM_REPORT, column_count };
static const struct table_column columns[column_count] = {
    [OWNER] = {"Owner", "owner", false, false, false},
    [KEYS] = {"Keys", "keys", true, false, false},
    [ROOTS] = {"Roots", "roots", true, false, false},
    [CERTAIN] = {"Certain", "certain", true, false, false},
    [IMPORTED] = {"Imported", "imported", true, false, true},
    [DOMAINS] = {"Recognises", "caa_domains", false, true, false},
    [PROBLEM_REPORT] = {NULL, "problem_report", false, false, false},
};

static bool is_listed(const json_t *list, const char *name) {
    size_t at;
    const json_t *item;
    json_array_foreach(list, at, item)
        if (strcmp(json_string_value(item), name) == 0)
            return true;
    return false;
}

/* Of all its keys together: what an import says differs from key to key. */
static json_t *domains_of(const struct ca_row *rows, size_t count, struct buffer *shown) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && rows[i].owner == rows[i - 1].owner)
            continue;
        for (const char *const *domain = rows[i].owner->caa_domains; *domain != NULL; domain++) {
            if (is_listed(list, *domain))
                continue;
            json_array_append_new(list, json_string(*domain));
            buffer_printf(shown, "%s%s", shown->size > 0 ? " " : "", *domain);
        }
    }
    return list;
}

static void add_owner(struct table *table, const struct ca_row *rows, size_t count) {
    CLEANUP(buffer_done) struct buffer shown = buffer_with_limit(1024 * 1024);
    int64_t roots = 0, certain = 0, imported = 0;
    for (size_t i = 0; i < count; i++) {
        roots += rows[i].kind == CA_ROOT;
        certain += rows[i].is_certain;
        imported += rows[i].source == CA_FROM_IMPORT;
    }
    json_t *domains = domains_of(rows, count, &shown);
    table_text(table, OWNER, rows[0].owner->name);
    table_number(table, KEYS, (int64_t) count);
    table_number(table, ROOTS, roots);
    table_number(table, CERTAIN, certain);
    table_number(table, IMPORTED, imported);
    table_json(table, DOMAINS, domains, shown.size > 0 ? buffer_text(&shown) : "-");
    table_text(table, PROBLEM_REPORT, rows[0].owner->problem_report);
    table_end_row(table);
}

static void print_origin(const struct ca_view *view, size_t keys) {
    const struct store_ca_import *import = &view->keys.import;
    char when[RFC3339_SIZE];
    printf("%zu keys; the shipped table is of %s and maps %zu.", keys, ca_table_date(), ca_table_size());
    if (view->has_imports && import->import_id > 0 && !import->is_reset) {
        text_of_time_ms(import->imported_ms, when);
        printf(" Imported %s by ", when);
        print_harmless(span_of_text(import->imported_by));
        printf(": %zu keys%s.", view->keys.count, view->extra.count < view->keys.count ? ", set aside where the shipped table is newer" : "");
    } else if (view->has_imports) {
        fputs(" Nothing is imported.", stdout);
    }
    putchar('\n');
}

static int print_owners(const struct ca_view *view, bool is_json) {
    CLEANUP(table_free_at) struct table *table = table_new(columns, column_count, is_json);
    struct ca_row *rows = arena_take_array(view->arena, ca_table_size() + view->extra.count + 1, sizeof *rows);
    size_t count = 0, size, place = 0;
    if (table == NULL || rows == NULL)
        return exit_with(&fault_no_memory, NULL);
    while (ca_view_next(view, &place, &rows[count]))
        count++;
    qsort(rows, count, sizeof *rows, compare_owners);
    for (size_t i = 0; i < count; i += size) {
        for (size = 1; i + size < count && strcmp(rows[i].owner->name, rows[i + size].owner->name) == 0; size++)
            ;
        add_owner(table, &rows[i], size);
    }
    int code = table_print(table, "No owner is known.");
    if (code == EXIT_OK && !is_json)
        print_origin(view, count);
    return code;
}

int ca_list(int argc, char **argv) {
    struct ca_options options = {0};
    struct ca_view view;
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    int code = ca_view_open(&options, &view);
    if (code != EXIT_OK)
        return code;
    code = print_owners(&view, options.is_json);
    ca_view_done(&view);
    return code;
}
