#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/ca.h"
#include "cli/cert_file.h"
#include "cli/plain.h"
#include "cli/read_file.h"
#include "cli/table.h"

struct show_options {
    struct ca_options common;
    const char *what;
};

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct show_options *options = state->input;
    if (ca_option_take(key, value, &options->common))
        return 0;
    return command_one_argument(key, value, state, "owner, domain, key or file",
                                "what? (an owner's name, a CAA domain, the SHA-256 of a key, or a file with certificates)", &options->what);
}

static const struct argp_option options_taken[] = {COMMAND_OPTION_CONFIG, COMMAND_OPTION_JSON, CA_OPTION_SHIPPED, {0}};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .args_doc = "OWNER|DOMAIN|KEY|FILE",
    .doc = "Explain the table of CA keys: an owner with its keys; a CAA domain with who recognises it; a key (SHA-256 of its SubjectPublicKeyInfo, in "
           "hex or base64); or the certificates of FILE (PEM or DER; a name with a / in it is always a file), each with its signature checked by "
           "the others, and whose the key is that signed it.\v"
           "Exit codes: 0 shown; 65 nothing is known of it; 69 the database cannot be reached (--shipped needs none).",
};

FAULT(fault_ca_unknown, FAULT_INPUT, "ca.unknown", "argument", "", "nothing is known of it", "an owner, CAA domain, key or file");
FAULT(fault_ca_print, FAULT_RETRY, "output.failed", "standard output", "", "it takes no more", "room for what is printed");

struct show {
    const struct show_options *options;
    struct ca_view view;
    size_t shown;
};

/* ------------------------------------------------------------------ what is said */

static json_t *list_json(const char *const *list) {
    json_t *array = json_array();
    for (size_t i = 0; list != NULL && list[i] != NULL; i++)
        json_array_append_new(array, json_string(list[i]));
    return array;
}

static json_t *hash_json(const struct hash *hash) {
    char hex[HASH_HEX_SIZE];
    hash_to_hex(hash, hex);
    return json_string(hex);
}

static json_t *text_json(const char *text) {
    CLEANUP(buffer_done) struct buffer shown = buffer_with_limit(65536);
    return text_add_harmless(&shown, span_of_text(text)) ? json_string(buffer_text(&shown)) : json_null();
}

/* Why a verdict may accuse by this row, or not. */
static const char *certainty_of(const struct ca_row *row) {
    if (row->is_certain)
        return "certain: whose it is was reviewed or disclosed, and everybody on every path to a root is known";
    if (!row->is_path_complete)
        return "not certain: somebody on a path to a root is not known, or discloses no CAA domain; a verdict will not accuse by it";
    return "not certain: its certificates bear another name than its owner's, or several owners signed it; whoever runs it may recognise CAA domains of its own, so a verdict will not accuse by it";
}

static json_t *row_json(const struct show *show, const struct ca_row *row) {
    const struct ca_import_row *imported = row->source == CA_FROM_IMPORT ? ca_view_imported(&show->view, &row->spki_sha256) : NULL;
    const char *source = ca_view_source(&show->view, row);
    json_t *object = json_pack("{s:o, s:s, s:s, s:o, s:o, s:b, s:s, s:s}", "spki_sha256", hash_json(&row->spki_sha256), "owner", row->owner->name, "kind",
                               row->kind == CA_ROOT ? "root" : "intermediate", "recognises", list_json(row->owner->caa_domains), "paths_recognise",
                               list_json(ca_row_domains(row)), "certain", row->is_certain, "certainty", certainty_of(row), "source", source == NULL ? "" : source);
    if (imported != NULL) {
        json_object_set_new(object, "disclosed_certificate", hash_json(&imported->certificate_sha256));
        json_object_set_new(object, "disclosed_name", text_json(imported->name));
    }
    if (row->owner->problem_report[0] != '\0')
        json_object_set_new(object, "problem_report", json_string(row->owner->problem_report));
    return object;
}

/* Takes the object over. */
static result print_object(struct show *show, const char *title, json_t *object) {
    const char *name;
    json_t *value;
    show->shown++;
    if (show->options->common.is_json)
        return print_json_line(object) ? OK : &fault_ca_print;
    puts(title);
    json_object_foreach(object, name, value)
        if (strcmp(name, "type") != 0)
            plain_print(name, value);
    json_decref(object);
    return OK;
}

static result print_row(struct show *show, const char *type, const struct ca_row *row) {
    json_t *object = json_pack("{s:s}", "type", type);
    json_t *more = row_json(show, row);
    json_object_update(object, more);
    json_decref(more);
    return print_object(show, "Key", object);
}

/* ------------------------------------------------------------------ a key, an owner, a domain */

static bool key_of_text(const char *text, struct hash *ret_key) {
    struct span span = span_of_text(text);
    return hash_from_hex(span, ret_key) == OK || hash_from_base64(span, ret_key) == OK;
}

/* Keys that no table maps, but verified signatures lead to ones that are. */
static result show_key(struct show *show, const struct hash *key) {
    struct ca_row row;
    struct ca_path path;
    if (ca_table_find(key, &show->view.extra, &row))
        return print_row(show, "key", &row);
    TRY(ca_table_path(key, &show->view.extra, show->view.arena, &path));
    if (path.domains == NULL)
        return OK;
    return print_object(show, "Key", json_pack("{s:s, s:o, s:n, s:s, s:o, s:b, s:s}", "type", "key", "spki_sha256", hash_json(key), "owner", "below",
                                               path.owner->name, "paths_recognise", list_json(path.domains), "certain", 0, "certainty",
                                               "derived: in no table, but verified signatures lead from it to mapped keys; a verdict will not accuse by it"));
}

struct totals {
    const struct ca_owner *owner;
    size_t keys, certain, above_only; /* above_only: keys of others with it on a path */
};

static result show_owner(struct show *show, const char *name) {
    struct ca_row row;
    struct totals totals = {0};
    size_t hidden = 0;
    for (size_t place = 0; ca_view_next(&show->view, &place, &row);) {
        if (strcasecmp(row.owner->name, name) != 0)
            continue;
        totals.owner = row.owner;
        totals.keys++;
        totals.certain += row.is_certain;
        if (row.kind == CA_ROOT || show->options->common.is_json)
            TRY(print_row(show, "key", &row));
        else
            hidden++;
    }
    if (totals.owner == NULL)
        return OK;
    if (hidden > 0)
        printf("and %zu keys of intermediates; --json lists them\n", hidden);
    return print_object(show, "Owner", json_pack("{s:s, s:s, s:I, s:I, s:o, s:s}", "type", "owner", "owner", totals.owner->name, "keys", (json_int_t) totals.keys,
                                                 "certain", (json_int_t) totals.certain, "recognises", list_json(totals.owner->caa_domains),
                                                 "problem_report", totals.owner->problem_report));
}

static bool is_in(const char *const *list, const char *name) {
    for (size_t i = 0; list[i] != NULL; i++)
        if (strcasecmp(list[i], name) == 0)
            return true;
    return false;
}

static void count_domain(const struct ca_row *row, const char *domain, json_t *owners, size_t *above) {
    if (!ca_owner_recognises(row->owner, domain)) {
        *above += is_in(ca_row_domains(row), domain);
        return;
    }
    json_int_t keys = json_integer_value(json_object_get(owners, row->owner->name));
    json_object_set_new(owners, row->owner->name, json_integer(keys + 1));
}

static result show_domain(struct show *show, const char *domain) {
    json_t *owners = json_object();
    struct ca_row row;
    size_t above = 0;
    for (size_t place = 0; ca_view_next(&show->view, &place, &row);)
        count_domain(&row, domain, owners, &above);
    if (json_object_size(owners) == 0 && above == 0) {
        json_decref(owners);
        return OK;
    }
    return print_object(show, "CAA domain", json_pack("{s:s, s:s, s:o, s:I}", "type", "domain", "domain", domain, "keys_of_owners", owners,
                                                      "keys_with_it_above", (json_int_t) above));
}

/* ------------------------------------------------------------------ a file */

static result show_certificate(void *context, const struct entry_report *report) {
    struct show *show = context;
    struct ca_row row;
    struct ca_path path = {0};
    const struct known_hash *signer = &report->issuer_spki_sha256, *own = &report->spki_sha256;
    if (report->is_unreadable)
        return print_object(show, "Certificate", json_pack("{s:s, s:s}", "type", "certificate", "unreadable", report->reason_text));
    json_t *object = json_pack("{s:s, s:o, s:o, s:o, s:o}", "type", "certificate", "subject", text_json(report->subject), "sha256",
                               report->cert_sha256.is_known ? hash_json(&report->cert_sha256.hash) : json_null(), "key",
                               own->is_known ? hash_json(&own->hash) : json_null(), "signature",
                               json_string(!signer->is_known                            ? "verified by no certificate of this file"
                                           : own->is_known && hash_equal(&own->hash, &signer->hash) ? "verified with its own key"
                                                                                                    : "verified with the key of a certificate of this file"));
    if (signer->is_known) {
        json_object_set_new(object, "signed_by_key", hash_json(&signer->hash));
        TRY(ca_table_path(&signer->hash, &show->view.extra, show->view.arena, &path));
        json_object_set_new(object, "signed_by_owner", path.domains == NULL || path.is_derived ? json_null() : json_string(path.owner->name));
        json_object_set_new(object, "issuer_paths_recognise", path.domains == NULL ? json_null() : list_json(path.domains));
        json_object_set_new(object, "issuer_certain", json_boolean(path.is_certain));
    }
    if (own->is_known && ca_table_find(&own->hash, &show->view.extra, &row))
        json_object_set_new(object, "mapped_key", row_json(show, &row));
    return print_object(show, "Certificate", object);
}

static result show_file(struct show *show, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer content = buffer_with_limit(CERT_FILE_SIZE_MAX);
    TRY(read_file(show->options->what, &content, reason));
    return cert_file_decode(buffer_span(&content), show_certificate, show, reason);
}

/* ------------------------------------------------------------------ which of them */

static result show_any(struct show *show, struct reason *reason) {
    const char *what = show->options->what;
    struct hash key;
    if (strchr(what, '/') != NULL || strcmp(what, "-") == 0)
        return show_file(show, reason);
    if (key_of_text(what, &key)) {
        TRY(show_key(show, &key));
        return show->shown > 0 ? OK : reason_set(reason, &fault_ca_unknown, "key %s: in no table, and no verified signature leads from it to a key that is", what);
    }
    TRY(show_owner(show, what));
    if (show->shown == 0)
        TRY(show_domain(show, what));
    if (show->shown == 0 && access(what, R_OK) == 0)
        return show_file(show, reason);
    return show->shown > 0 ? OK : reason_set(reason, &fault_ca_unknown, "'%s': no owner, CAA domain, key or file of this name is known; `pinwatch ca list` "
                                             "lists the owners", what);
}

int ca_show(int argc, char **argv) {
    struct show_options options = {0};
    struct show show = {.options = &options};
    struct reason reason = {""};
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    int code = ca_view_open(&options.common, &show.view);
    if (code != EXIT_OK)
        return code;
    result outcome = show_any(&show, &reason);
    ca_view_done(&show.view);
    return outcome == OK ? EXIT_OK : outcome == &fault_ca_print ? EXIT_IO : exit_with(outcome, &reason);
}
