#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/caa_seen.h"
#include "cli/certificate_json.h"
#include "cli/database.h"
#include "cli/table.h"
#include "store/certificates.h"

struct certs_options {
    struct list_options list;
    const char *name;
    struct known_hash sha256;
    bool with_drills;
};

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct certs_options *options = state->input;
    if (list_option_take(key, value, state, &options->list))
        return 0;
    switch (key) {
    case 'N':
        options->name = value;
        return 0;
    case 'H':
        options->sha256.is_known = true;
        if (hash_from_hex(span_of_text(value), &options->sha256.hash) != OK)
            argp_error(state, "--sha256: '%s' is not 64 hexadecimal digits", value);
        return 0;
    case 'D':
        options->with_drills = true;
        return 0;
    default:
        return command_no_argument(key, value, state);
    }
}

static const struct argp_option options_taken[] = {
    LIST_OPTIONS,
    LIST_OPTION_SINCE,
    {"name", 'N', "NAME", 0, "Only with this name; .example.com also everything below", 0},
    {"sha256", 'H', "HEX", 0, "Only with this SHA-256, of certificate, precertificate, TBS, key or issuer's key", 0},
    {"drills", 'D', NULL, 0, "Also certificates of fire drills", 0},
    {0},
};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .doc = "List the certificates that were seen for what is watched, newest first.\v"
           "Exit codes: 0 listed; 69 the database cannot be reached; 78 settings are wrong.",
};

/* For people; scripts get the whole object. */
static const struct table_column columns[] = {
    {"Id", NULL, true, false, false},        {"First seen", NULL, false, false, true}, {"Names", NULL, false, true, false}, {"Issued by (key of)", NULL, false, false, false},
    {"Valid until", NULL, false, false, false}, {"Seen", NULL, true, false, true},
    {"CAA", NULL, false, false, true},
};

static void shown_names(const struct store_certificate_row *row, struct buffer *out) {
    json_t *names = json_loads(row->names, 0, NULL), *name;
    size_t at;
    json_array_foreach(names, at, name) {
        const char *value = json_string_value(json_object_get(name, "value"));
        if (at < 8 && value != NULL)
            buffer_printf(out, "%s%s", at == 0 ? "" : " ", value);
    }
    if (json_array_size(names) > 8)
        buffer_printf(out, " and %zu more", json_array_size(names) - 8);
    json_decref(names);
}

static void add_row(struct table *table, const struct store_certificate_row *row, const struct ca_extra_rows *extra) {
    CLEANUP(buffer_done) struct buffer names = buffer_with_limit(16384);
    const char *owner = certificate_owner(&row->issuer_spki_sha256, extra);
    shown_names(row, &names);
    table_number(table, 0, row->certificate_id);
    table_time_ms(table, 1, row->first_seen_ms);
    table_text(table, 2, buffer_text(&names));
    table_text(table, 3, row->is_drill ? "(drill)" : owner != NULL ? owner : row->issuer_spki_sha256.is_known ? "(unknown key)" : row->issuer_state);
    if (row->has_validity)
        table_time_ms(table, 4, row->not_after_ms);
    table_number(table, 5, (int64_t) row->observation_count);
    if (row->caa_verdict[0] != '\0')
        table_text(table, 6, row->caa_verdict);
    table_tone(table, 6, strcmp(row->caa_verdict, "inconsistent") == 0 ? TONE_BAD : TONE_PLAIN);
    table_end_row(table);
}

/* One page after the other. */
struct listing {
    const struct certs_options *options;
    struct table *table;
    struct ca_extra_rows extra;
};

static int print_page(const struct listing *listing, const struct store_certificate_row *rows, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (!listing->options->list.is_json)
            add_row(listing->table, &rows[i], &listing->extra);
        else if (!print_json_line(certificate_row_json(&rows[i], &listing->extra)))
            return EXIT_IO;
    }
    return EXIT_OK;
}

static int print_certificates(const struct certs_options *options, struct database *database) {
    CLEANUP(table_free_at) struct table *table = table_new(columns, sizeof columns / sizeof columns[0], false);
    struct store_certificate_filter filter = {.tenant_id = -1, .name = options->name == NULL ? "" : options->name, .sha256 = options->sha256,
                                              .issuer_state = "", .since_ms = options->list.since_ms, .with_drills = options->with_drills};
    struct listing listing = {.options = options, .table = table};
    if (table == NULL)
        return exit_with(&fault_no_memory, NULL);
    result fault = caa_seen_extra(database, &listing.extra);
    if (fault != OK)
        return database_failed(database, fault);
    for (unsigned left = options->list.limit; left > 0; left -= filter.limit) {
        struct store_certificate_row *rows;
        size_t count;
        filter.limit = left < LIST_PAGE ? left : LIST_PAGE;
        result outcome = store_certificates_list(database->store, &filter, database->arena, &rows, &count);
        if (outcome != OK)
            return database_failed(database, outcome);
        int code = print_page(&listing, rows, count);
        if (code != EXIT_OK)
            return code;
        if (count < filter.limit)
            break;
        filter.before_id = rows[count - 1].certificate_id;
    }
    return options->list.is_json ? EXIT_OK : table_print(table, options->with_drills ? "No such certificate was seen yet."
                                                                               : "No such certificate was seen yet; those of fire drills are left out (--drills shows them).");
}

int command_certs(int argc, char **argv) {
    struct certs_options options = {.list = {.limit = LIST_LIMIT_DEFAULT}};
    struct database database;
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    int code = database_open(options.list.config, &database);
    if (code != EXIT_OK)
        return code;
    code = print_certificates(&options, &database);
    database_done(&database);
    return code;
}
