/* The commands about the table of CA keys, and what they share: the table as it is in force, imports included. */
#pragma once

#include "cli/database.h"
#include "store/ca_keys.h"

int ca_import(int argc, char **argv);
int ca_list(int argc, char **argv);
int ca_show(int argc, char **argv);

struct ca_view {
    struct arena *arena; /* owned */
    struct store_ca_keys keys;
    struct ca_extra_rows extra;
    bool has_imports;    /* the database was asked */
};

/* What they share on the command line. */
struct ca_options {
    const char *config;
    bool is_json, is_shipped_only;
};
#define CA_OPTION_SHIPPED {"shipped", 'S', NULL, 0, "The table that was shipped alone, without imports; needs no database", 0}
/* Takes --config, --json and --shipped; false for any other key. */
bool ca_option_take(int key, const char *value, struct ca_options *options);

/* With `is_shipped_only` nothing is asked, and no settings are needed. Prints why it failed, and returns an exit code. */
int ca_view_open(const struct ca_options *options, struct ca_view *ret_view);
void ca_view_done(struct ca_view *view);
/* One mapped key after the other, each once, by key among those of the shipped table; *place begins with 0. */
bool ca_view_next(const struct ca_view *view, size_t *place, struct ca_row *ret_row);
/* The import's words about an imported key, else NULL. */
const struct ca_import_row *ca_view_imported(const struct ca_view *view, const struct hash *spki_sha256);
/* "shipped table of 2026-11-21", "imported 2026-11-22T08:00:00Z by anna@host"; in the arena. */
const char *ca_view_source(const struct ca_view *view, const struct ca_row *row);
