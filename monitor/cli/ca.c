#include "cli/ca.h"

#include "base/text.h"

#define ARENA_LIMIT ((size_t) 512 * 1024 * 1024)

static int load(const char *config, struct ca_view *view) {
    struct database database;
    int code = database_open(config, &database);
    if (code != EXIT_OK)
        return code;
    result outcome = store_ca_keys_load(database.store, true, view->arena, &view->keys);
    if (outcome == OK)
        outcome = store_ca_keys_use(&view->keys, view->arena, &view->extra);
    code = outcome == OK ? EXIT_OK : database_failed(&database, outcome);
    view->has_imports = true;
    database_done(&database);
    return code;
}

bool ca_option_take(int key, const char *value, struct ca_options *options) {
    switch (key) {
    case 'c':
        options->config = value;
        return true;
    case 'j':
        return options->is_json = true;
    case 'S':
        return options->is_shipped_only = true;
    default:
        return false;
    }
}

int ca_view_open(const struct ca_options *options, struct ca_view *ret_view) {
    *ret_view = (struct ca_view){.arena = arena_new(ARENA_LIMIT), .keys = {.table_date = ""}};
    int code = ret_view->arena == NULL ? exit_with(&fault_no_memory, NULL) : options->is_shipped_only ? EXIT_OK : load(options->config, ret_view);
    if (code != EXIT_OK)
        ca_view_done(ret_view);
    return code;
}

void ca_view_done(struct ca_view *view) {
    arena_free(view->arena);
    view->arena = NULL;
}

bool ca_view_next(const struct ca_view *view, size_t *place, struct ca_row *ret_row) {
    struct ca_row row;
    if (*place < ca_table_size()) {
        ca_table_row((*place)++, &row);
        return ca_table_find(&row.spki_sha256, &view->extra, ret_row);
    }
    while (*place - ca_table_size() < view->extra.count) {
        *ret_row = view->extra.rows[(*place)++ - ca_table_size()];
        if (!ca_table_find(&ret_row->spki_sha256, NULL, &row))
            return true;
    }
    return false;
}

const struct ca_import_row *ca_view_imported(const struct ca_view *view, const struct hash *spki_sha256) {
    for (size_t i = 0; i < view->keys.count; i++)
        if (hash_equal(&view->keys.rows[i].row.spki_sha256, spki_sha256))
            return &view->keys.rows[i];
    return NULL;
}

const char *ca_view_source(const struct ca_view *view, const struct ca_row *row) {
    char when[RFC3339_SIZE];
    if (row->source == CA_FROM_SHIPPED_TABLE)
        return arena_printf(view->arena, "shipped table of %s", ca_table_date());
    text_of_time_ms(view->keys.import.imported_ms, when);
    return arena_printf(view->arena, "imported %s by %s", when, view->keys.import.imported_by);
}

static const struct command sub_commands[] = {
    {"import", "", "Refresh the table from CCADB's reports, or take that back", ca_import},
    {"list", "", "List the owners of CA keys and the CAA domains that they recognise", ca_list},
    {"show", "", "Explain an owner, a CAA domain, a key, or the path of a certificate", ca_show},
    {0},
};

int command_ca(int argc, char **argv) {
    return command_run_sub(sub_commands, "Which CA holds which key, and which CAA domains it recognises.", argc, argv);
}
