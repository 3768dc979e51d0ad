#include <stdio.h>

#include "base/digest.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/whole_json.h"
#include "cli/certificate_json.h"
#include "cli/pins.h"
#include "cli/read_file.h"
#include "cli/table.h"
#include "formats/certificate.h"
#include "formats/distinguished_name.h"
#include "rules/ca_edges.h"
#include "rules/report_cause.h"

#define ARENA_LIMIT (2 * CLIENT_REPORT_ARENA_SIZE)

struct report_options {
    struct pins_paths paths;
    bool is_json;
};

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct report_options *options = state->input;
    switch (key) {
    case 'j':
        options->is_json = true;
        return 0;
    case ARGP_KEY_ARG:
        pins_take_path(&options->paths, value, state);
        return 0;
    case ARGP_KEY_END:
        if (options->paths.count == 0)
            argp_error(state, "which reports? (- for standard input)");
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp_option options_taken[] = {COMMAND_OPTION_JSON, {0}};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .args_doc = "FILE...",
    .doc = "Explain reports of clients whose pins were not satisfied: those of HPKP (RFC 7469 3) and TrustKit, a JSON file each. What the certificates in it prove is told, and what "
           "of that follows: a stale pin, a private root (a proxy, an antivirus program), or that it cannot be told. Needs no database, and so never says that it was an attack: "
           "for that it must be known that no log has the certificate.\v"
           "Examples:\n"
           "  pinwatch pins report report.json\n"
           "  pinwatch pins report --json reports/*.json\n\n"
           "Anybody can write a report: only what its certificates prove is worth anything.\n\n"
           "Exit codes: 0 every report was read; 64 wrong usage; 65 a file cannot be read; 69 this machine lacks something.",
};

/* One report, and what is to be said of it. */
struct explained {
    const char *source;
    struct client_report report;
    struct report_facts facts;
    struct report_cause_found found;
};

static result explain(const char *path, struct arena *arena, struct explained *explained, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer content = buffer_with_limit(CLIENT_REPORT_SIZE_MAX);
    const struct report_seen seen = {.is_logged = false}; /* nothing was asked */
    struct reason why = {""};
    explained->source = strcmp(path, "-") == 0 ? "standard input" : path;
    TRY(read_file(path, &content, reason));
    result outcome = client_report_read(buffer_span(&content), arena, &explained->report, &why);
    if (outcome == OK)
        outcome = report_facts_find(&explained->report, report_store_of(&explained->report), arena, &explained->facts);
    if (outcome != OK)
        return why.text[0] == '\0' ? outcome : reason_set(reason, outcome, "%s: %s", explained->source, why.text);
    report_cause_find(&explained->report, &explained->facts, &seen, &explained->found);
    return OK;
}

/* ---- for people */

static const char *answer(enum report_known known) {
    return known == REPORT_YES ? "yes" : known == REPORT_NO ? "no" : "cannot tell";
}

static bool is_pinned(const struct client_report *report, const struct hash *spki_sha256) {
    for (size_t i = 0; i < report->pin_count; i++)
        if (span_equal(report->pins[i].value, span_of(spki_sha256->bytes, HASH_SIZE)))
            return true;
    return false;
}

static void print_certificate(const struct client_report *report, size_t number, struct span der) {
    CLEANUP(buffer_done) struct buffer subject = buffer_with_limit(65536);
    struct certificate certificate;
    struct hash spki;
    char pin[HASH_BASE64_SIZE], until[RFC3339_SIZE] = "?";
    if (certificate_parse(der, &certificate) != OK)
        return;
    digest_of(certificate.spki, &spki);
    hash_to_base64(&spki, pin);
    if (certificate.has_not_after)
        text_of_time(certificate.not_after, until);
    distinguished_name_text(certificate.subject, &subject);
    printf("    %zu  sha256/%s  until %.10s  %s", number, pin, until, is_pinned(report, &spki) ? "pinned  " : "");
    print_sentence(buffer_text(&subject));
    putchar('\n');
}

static void print_chain(const struct client_report *report, const char *title, const struct span *chain, size_t count) {
    if (count > 0)
        printf("  %s chain\n", title);
    for (size_t i = 0; i < count; i++)
        print_certificate(report, i, chain[i]);
}

static void print_pins(const struct client_report *report) {
    if (report->pin_count > 0)
        puts("  pins of the client");
    for (size_t i = 0; i < report->pin_count; i++) {
        struct hash hash;
        char text[HASH_BASE64_SIZE];
        memcpy(hash.bytes, report->pins[i].value.bytes, HASH_SIZE);
        hash_to_base64(&hash, text);
        const char *name = ca_key_name(&hash);
        printf("    sha256/%s%s%s\n", text, name == NULL ? "" : "  ", name == NULL ? "" : name);
    }
}

static void print_who(const struct client_report *report) {
    char text[RFC3339_SIZE];
    printf("  client         %s%s%s", report->app[0] == '\0' ? "not said" : report->app, report->version[0] == '\0' ? "" : " ", report->version);
    printf("%s%s%s%s%s\n", report->platform[0] == '\0' ? "" : " on ", report->platform, report->library[0] == '\0' ? "" : " (", report->library, report->library[0] == '\0' ? "" : ")");
    printf("  host           %s", report->host);
    if (report->port != 0)
        printf(" port %u", report->port);
    printf(", by the pins of %s%s\n", report->noted_host, report->has_subdomains && report->includes_subdomains ? " and below" : "");
    if (report->has_date) {
        text_of_time(report->date, text);
        printf("  reported       %s%s\n", text, report->is_date_local ? ", in the device's own time zone" : "");
    }
    if (report->has_expiry) {
        text_of_time(report->expiry, text);
        printf("  pins end       %s\n", text);
    }
    printf("  locked out     %s\n", answer(report_locked_out(report)));
}

static void print_facts(const struct report_facts *facts, enum trust_store store) {
    char hex[HASH_HEX_SIZE], from[RFC3339_SIZE], until[RFC3339_SIZE];
    if (!facts->has_leaf)
        return;
    hash_to_hex(&facts->certificate_sha256, hex);
    printf("  certificate    %s\n", hex);
    if (facts->has_validity) {
        text_of_time(facts->not_before, from);
        text_of_time(facts->not_after, until);
        printf("  valid          %.10s to %.10s; at the time of the report: %s\n", from, until, answer(facts->is_valid_then));
    }
    printf("  for the host   %s\n  public         %s, by the roots of %s of %s\n", answer(facts->is_for_host), answer(facts->is_public), trust_store_name(store), trust_store_date(store));
    printf("  pins refuse it %s\n  SCTs           %zu embedded, %zu of them verified\n", answer(facts->is_refused_by_pins), facts->scts, facts->scts_verified);
}

static void print_explained(const struct explained *explained, bool is_first) {
    const struct client_report *report = &explained->report;
    if (!is_first)
        putchar('\n');
    print_harmless(span_of_text(explained->source));
    printf(": %s report\n", report->format == CLIENT_REPORT_HPKP ? "HPKP" : "TrustKit");
    print_who(report);
    print_facts(&explained->facts, report_store_of(report));
    print_chain(report, "validated", report->validated, report->validated_count);
    print_chain(report, "served", report->served, report->served_count);
    print_pins(report);
    for (const char *const *note = report->notes; *note != NULL; note++)
        printf("  note: %s\n", *note);
    printf("  %s: %s\n", report_cause_name(explained->found.cause), explained->found.why);
    if (explained->facts.has_leaf && explained->facts.is_public != REPORT_NO && explained->facts.scts_verified == 0)
        puts("  Whether a log has the certificate was not asked: that takes the service's database.");
}

/* ---- JSON */

static json_t *known_json(enum report_known known) {
    return known == REPORT_UNKNOWN ? json_null() : json_boolean(known == REPORT_YES);
}

static json_t *time_json(bool has, int64_t time) {
    return has ? time_json_ms(time * 1000) : json_null();
}

static json_t *hex_json(bool has, struct span bytes) {
    char text[HASH_HEX_SIZE];
    if (!has || bytes.size != HASH_SIZE)
        return json_null();
    text_of_hex(bytes, text);
    return json_string(text);
}

static json_t *hash_json(bool has, const struct hash *hash) {
    return hex_json(has, span_of(hash->bytes, HASH_SIZE));
}

static json_t *facts_json(const struct report_facts *facts) {
    json_t *object = json_object();
    json_object_set_new(object, "sha256", hash_json(true, &facts->certificate_sha256));
    json_object_set_new(object, "spki_sha256", hash_json(true, &facts->spki_sha256));
    json_object_set_new(object, "issuer_spki_sha256", hash_json(facts->has_issuer, &facts->issuer_spki_sha256));
    json_object_set_new(object, "tbs_sha256", hash_json(facts->has_tbs, &facts->tbs_sha256));
    json_object_set_new(object, "not_before", time_json(facts->has_validity, facts->not_before));
    json_object_set_new(object, "not_after", time_json(facts->has_validity, facts->not_after));
    json_object_set_new(object, "for_host", known_json(facts->is_for_host));
    json_object_set_new(object, "valid_then", known_json(facts->is_valid_then));
    json_object_set_new(object, "public", known_json(facts->is_public));
    json_object_set_new(object, "refused_by_pins", known_json(facts->is_refused_by_pins));
    json_object_set_new(object, "scts", json_integer((json_int_t) facts->scts));
    json_object_set_new(object, "scts_verified", json_integer((json_int_t) facts->scts_verified));
    return object;
}

static json_t *chain_json(const struct span *chain, size_t count) {
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) {
        struct hash hash;
        digest_of(chain[i], &hash);
        json_array_append_new(array, hash_json(true, &hash));
    }
    return array;
}

static void add_client(json_t *object, const struct client_report *report) {
    json_object_set_new(object, "format", json_string(client_report_format_name(report->format)));
    json_object_set_new(object, "host", json_string(report->host));
    json_object_set_new(object, "noted_host", json_string(report->noted_host));
    json_object_set_new(object, "port", report->port == 0 ? json_null() : json_integer(report->port));
    json_object_set_new(object, "include_subdomains", report->has_subdomains ? json_boolean(report->includes_subdomains) : json_null());
    json_object_set_new(object, "enforced", report->has_enforcement ? json_boolean(report->is_enforced) : json_null());
    json_object_set_new(object, "locked_out", known_json(report_locked_out(report)));
    json_object_set_new(object, "date", time_json(report->has_date, report->date));
    json_object_set_new(object, "date_is_local", json_boolean(report->is_date_local));
    json_object_set_new(object, "expires", time_json(report->has_expiry, report->expiry));
    json_object_set_new(object, "app", json_string(report->app));
    json_object_set_new(object, "version", json_string(report->version));
    json_object_set_new(object, "platform", json_string(report->platform));
    json_object_set_new(object, "library", json_string(report->library));
    json_object_set_new(object, "result", report->has_result ? json_integer(report->result) : json_null());
}

static json_t *explained_json(const struct explained *explained) {
    CLEANUP(buffer_done) struct buffer source = buffer_with_limit(16384);
    const struct client_report *report = &explained->report;
    json_t *object = json_object(), *pins = json_array(), *notes = json_array();
    text_add_harmless(&source, span_of_text(explained->source));
    for (size_t i = 0; i < report->pin_count; i++)
        json_array_append_new(pins, hex_json(true, report->pins[i].value));
    for (const char *const *note = report->notes; *note != NULL; note++)
        json_array_append_new(notes, json_string(*note));
    json_object_set_new(object, "source", json_string(buffer_text(&source)));
    add_client(object, report);
    json_object_set_new(object, "pins", pins);
    json_object_set_new(object, "validated", chain_json(report->validated, report->validated_count));
    json_object_set_new(object, "served", chain_json(report->served, report->served_count));
    json_object_set_new(object, "certificate", explained->facts.has_leaf ? facts_json(&explained->facts) : json_null());
    json_object_set_new(object, "cause", json_string(report_cause_name(explained->found.cause)));
    json_object_set_new(object, "why", json_string(explained->found.why));
    json_object_set_new(object, "notes", notes);
    return object;
}

/* ---- */

static int show(const struct report_options *options, size_t number, struct arena *arena) {
    struct explained explained;
    struct reason reason = {""};
    result outcome = explain(options->paths.items[number], arena, &explained, &reason);
    if (outcome != OK)
        return exit_with(outcome, &reason);
    uint64_t mark = memory_mark();
    if (options->is_json)
        return print_json_line(json_if_whole(explained_json(&explained), mark)) ? EXIT_OK : EXIT_IO;
    print_explained(&explained, number == 0);
    return EXIT_OK;
}

int pins_run_report(int argc, char **argv) {
    struct report_options options = {.is_json = false};
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    struct arena *arena = arena_new(ARENA_LIMIT);
    int worst = arena == NULL ? exit_with(&fault_no_memory, NULL) : EXIT_OK;
    for (size_t i = 0; arena != NULL && i < options.paths.count; i++) {
        int code = show(&options, i, arena);
        worst = code == EXIT_OK ? worst : code;
        arena_reset(arena);
    }
    arena_free(arena);
    return worst;
}
