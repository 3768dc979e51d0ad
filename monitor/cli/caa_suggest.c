#include "rules/caa_suggest.h"

#include <stdio.h>
#include <string.h>

#include "base/whole_json.h"
#include "cli/caa_ask.h"
#include "cli/caa_judged.h"
#include "cli/caa_print.h"
#include "cli/caa_seen.h"
#include "cli/table.h"
#include "formats/policy_rules.h"
#include "store/caa_shown.h"

FAULT(fault_caa_standing, FAULT_RETRY, "caa.standing", "CAA records", "RFC 8659 3", "the lookup failed", "an answer");

enum zone_form { ZONE_STANDARD, ZONE_RFC3597, ZONE_VALUES };
static const char *const form_names[] = {"standard", "rfc3597", "values"};

struct suggest_options {
    struct caa_asking asking;
    struct dns_name name;
    const char *given_name;
    enum zone_form form;
};

static enum zone_form form_of(const char *value, struct argp_state *state) {
    for (size_t i = 0; i < sizeof form_names / sizeof form_names[0]; i++)
        if (strcmp(value, form_names[i]) == 0)
            return (enum zone_form) i;
    argp_error(state, "--zone: '%s' is none of standard, rfc3597, values", value);
    return ZONE_STANDARD;
}

static error_t take_option(int key, char *value, struct argp_state *state) {
    struct suggest_options *options = state->input;
    if (caa_asking_take(key, value, state, &options->asking))
        return 0;
    switch (key) {
    case 'z':
        options->form = form_of(value, state);
        return 0;
    case ARGP_KEY_END:
        caa_asking_check(&options->asking, state);
        if (dns_name_is_wildcard(&options->name))
            options->name = dns_name_parent(&options->name);
        return 0;
    default:
        return caa_name_argument(key, value, state, &options->given_name, &options->name);
    }
}

static const struct argp_option options_taken[] = {
    {"zone", 'z', "FORM", 0, "standard: as zone files have it (usual); rfc3597: for servers that do not know CAA; values: flags, tag and value alone, for the forms of providers", 0},
    CAA_ASKING_OPTIONS,
    {0},
};
static const struct argp parser = {
    .options = options_taken,
    .parser = take_option,
    .args_doc = "NAME",
    .doc = "Suggest the CAA records of NAME: they allow the CAs whose unexpired certificates were seen for NAME and what is below it, and those that your "
           "policies expect; what stands already and names such a CA is kept with its parameters. With a sentence for each record, and the certificates "
           "that it all rests on. Names that have records of their own, as recorded, are left out: these count for them.\v"
           "The text is a zone file: what is no record is a comment. Look at it before you use it: certificates that pinwatch did not see, because they are "
           "older than it or not for watched names, would be refused at their renewal. `pinwatch caa check --records FILE NAME` tries a set.\n\n"
           "Exit codes: 0 suggested; 1 nothing can be suggested; 2 the lookup of what stands failed, or the resolvers do not say the same; 64 wrong usage; "
           "69 the database cannot be reached; 78 settings are wrong.",
};

/* ---- facts */

struct proposal {
    const struct suggest_options *options;
    struct arena *arena; /* the database's */
    const struct caa_step *standing;
    struct caa_usage seen;
    const struct store_caa_policy *policies;
    size_t policy_count;
    struct caa_suggest_facts facts;
    struct caa_suggestion *suggestions;
    size_t count;
};

/* One per owner; who is not mapped, by name. */
static result take_uses(struct proposal *proposal) {
    const struct caa_usage *seen = &proposal->seen;
    struct caa_use *uses = arena_take_array(proposal->arena, seen->issuer_count + 1, sizeof *uses);
    size_t count = 0, at;
    if (uses == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < seen->issuer_count; i++) {
        const struct caa_seen_issuer *issuer = &seen->issuers[i];
        for (at = 0; at < count && (issuer->owner != NULL ? uses[at].owner != issuer->owner : uses[at].owner != NULL || strcmp(uses[at].name, issuer->name) != 0);)
            at++;
        count += at == count;
        uses[at].owner = issuer->owner;
        uses[at].name = issuer->name;
        uses[at].plain_count += issuer->plain_count;
        uses[at].wildcard_count += issuer->wildcard_count;
    }
    proposal->facts.uses = uses;
    proposal->facts.use_count = count;
    return OK;
}

struct domains {
    const char **items;
    size_t count, room;
};

static void add_domain(struct domains *domains, const char *domain) {
    if (domain != NULL && domains->count < domains->room)
        domains->items[domains->count++] = domain;
}

static void add_policy(struct domains *domains, const struct policy_rules *rules, const struct ca_extra_rows *extra) {
    const struct ca_owner *owner;
    struct ca_row row;
    for (size_t i = 0; i < rules->caa_domain_count; i++)
        add_domain(domains, rules->caa_domains[i]);
    for (size_t i = 0; i < rules->owner_count; i++)
        for (size_t k = 0; (owner = ca_table_owner_at(k)) != NULL; k++)
            if (strcmp(owner->name, rules->owners[i]) == 0)
                add_domain(domains, owner->caa_domains[0]);
    for (size_t i = 0; i < rules->ca_key_count; i++)
        if (ca_table_find(&rules->ca_keys[i], extra, &row))
            add_domain(domains, row.owner->caa_domains[0]);
}

static result take_expected(struct proposal *proposal, const struct ca_extra_rows *extra) {
    struct domains domains = {.room = proposal->policy_count * 3 * POLICY_LIST_MAX};
    domains.items = arena_take_array(proposal->arena, domains.room + 1, sizeof *domains.items);
    if (domains.items == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < proposal->policy_count; i++) {
        struct policy_rules rules;
        struct reason reason;
        if (policy_rules_from_json(span_of_text(proposal->policies[i].rules), proposal->arena, &rules, &reason) == OK)
            add_policy(&domains, &rules, extra);
    }
    proposal->facts.expected_domains = domains.items;
    return OK;
}

static result propose(struct proposal *proposal, struct database *database, struct ca_extra_rows *extra) {
    char owner[DNS_NAME_TEXT_SIZE];
    struct store_caa_policy *policies;
    struct caa_seen_wish wish = {.owner = &proposal->options->name};
    dns_name_to_text(&proposal->options->name, owner);
    TRY(caa_seen_extra(database, extra));
    TRY(caa_seen_load(database, &wish, extra, &proposal->seen));
    TRY(store_caa_policies_load(database->store, owner, database->arena, &policies, &proposal->policy_count));
    proposal->policies = policies;
    proposal->facts = (struct caa_suggest_facts){.owner = &proposal->options->name, .extra = extra};
    if (proposal->standing != NULL) {
        proposal->facts.standing = proposal->standing->answer.records;
        proposal->facts.standing_count = proposal->standing->answer.record_count;
    }
    TRY(take_uses(proposal));
    TRY(take_expected(proposal, extra));
    return caa_suggest(&proposal->facts, proposal->arena, &proposal->suggestions, &proposal->count);
}

/* ---- shown */

/* The record of a suggestion, taken apart again; false without memory. */
static bool record_of(const struct proposal *proposal, const char *line, struct caa_record *ret_record) {
    struct caa_text text;
    struct reason reason;
    if (caa_text_parse(span_of_text(line), &proposal->options->name, proposal->arena, &text, &reason) != OK || text.record_count != 1)
        return false;
    *ret_record = text.records[0].record;
    return true;
}

static const char *in_form(const struct proposal *proposal, const char *line, const struct caa_record *record) {
    char owner[DNS_NAME_TEXT_SIZE];
    CLEANUP(buffer_done) struct buffer out = buffer_with_limit((size_t) 300000);
    if (proposal->options->form == ZONE_STANDARD)
        return line;
    dns_name_to_text(&proposal->options->name, owner);
    if (proposal->options->form == ZONE_VALUES)
        (void) caa_record_to_text(record, &out);
    else {
        buffer_printf(&out, "%s. TYPE257 \\# %zu %02X%02zX", owner, 2 + record->tag.size + record->value.size, record->flags, record->tag.size);
        for (size_t i = 0; i < record->tag.size; i++)
            buffer_printf(&out, "%02X", record->tag.bytes[i]);
        for (size_t i = 0; i < record->value.size; i++)
            buffer_printf(&out, "%02X", record->value.bytes[i]);
    }
    return out.failed ? NULL : arena_copy_text(proposal->arena, buffer_text(&out));
}

static json_t *records_json(const struct proposal *proposal, json_t *remarks) {
    json_t *list = json_array();
    for (size_t i = 0; i < proposal->count; i++) {
        const struct caa_suggestion *suggestion = &proposal->suggestions[i];
        struct caa_record record;
        if (suggestion->record[0] == '\0') {
            json_array_append_new(remarks, json_string(suggestion->why));
            continue;
        }
        const char *line = record_of(proposal, suggestion->record, &record) ? in_form(proposal, suggestion->record, &record) : NULL;
        json_t *fields = line == NULL ? NULL : caa_records_json(&record, 1), *item = json_incref(json_array_get(fields, 0));
        json_decref(fields);
        if (item == NULL) {
            json_decref(list);
            return NULL;
        }
        json_object_set_new(item, "zone", json_string(line));
        json_object_set_new(item, "why", json_string(suggestion->why));
        json_array_append_new(list, item);
    }
    return list;
}

static json_t *texts_json(const char *const *texts) {
    json_t *list = json_array();
    for (size_t i = 0; texts[i] != NULL; i++)
        json_array_append_new(list, json_string(texts[i]));
    return list;
}

static json_t *proposal_json(const struct proposal *proposal) {
    char name[DNS_NAME_TEXT_SIZE], owner[DNS_NAME_TEXT_SIZE];
    uint64_t mark = memory_mark();
    json_t *remarks = json_array(), *policies = json_array(), *records = records_json(proposal, remarks);
    dns_name_to_text(&proposal->options->name, name);
    if (proposal->standing != NULL)
        dns_name_to_text(&proposal->standing->owner, owner);
    for (size_t i = 0; i < proposal->policy_count; i++)
        json_array_append_new(policies, json_string(proposal->policies[i].name));
    json_t *object = json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "name", name, "records", records, "remarks", remarks, "standing_at",
                               proposal->standing == NULL ? json_null() : json_string(owner), "standing",
                               caa_records_json(proposal->facts.standing, proposal->facts.standing_count), "certificates",
                               caa_seen_json(proposal->seen.certificates, proposal->seen.count), "policies", policies, "expected",
                               texts_json(proposal->facts.expected_domains));
    return json_if_whole(object, mark);
}

static void print_comment(const char *text) {
    fputs("; ", stdout);
    print_sentence(text);
    fputs("\n", stdout);
}

static void print_proposal(const struct proposal *proposal) {
    char name[DNS_NAME_TEXT_SIZE];
    dns_name_to_text(&proposal->options->name, name);
    fputs("; CAA records for ", stdout);
    print_sentence(name);
    fputs("\n", stdout);
    for (size_t i = 0; i < proposal->count; i++) {
        const struct caa_suggestion *suggestion = &proposal->suggestions[i];
        struct caa_record record;
        print_comment(suggestion->why);
        if (suggestion->record[0] == '\0' || !record_of(proposal, suggestion->record, &record))
            continue;
        const char *line = in_form(proposal, suggestion->record, &record);
        print_sentence(line == NULL ? "; no memory" : line);
        fputs("\n", stdout);
    }
    printf(";\n; It rests on %zu unexpired certificate%s%s:\n", proposal->seen.count, proposal->seen.count == 1 ? "" : "s", proposal->seen.is_cut ? ", and there are more" : "");
    caa_seen_print(";   ", proposal->seen.certificates, proposal->seen.count);
    fputs(proposal->policy_count == 0 ? "; and on no policy.\n" : "; and on the policies:\n", stdout);
    for (size_t i = 0; i < proposal->policy_count; i++) {
        fputs(";   ", stdout);
        print_harmless(span_of_text(proposal->policies[i].name));
        fputs("\n", stdout);
    }
}

static int show(const struct proposal *proposal) {
    bool has_records = proposal->count > 0 && proposal->suggestions[0].record[0] != '\0';
    if (!proposal->options->asking.is_json)
        print_proposal(proposal);
    else {
        json_t *object = proposal_json(proposal);
        if (object == NULL)
            return exit_with(&fault_no_memory, NULL);
        if (!print_json_line(object))
            return EXIT_IO;
    }
    return has_records ? EXIT_OK : EXIT_FINDING;
}

/* ---- */

/* What stands now; *ret_step is NULL where nothing does. */
static int find_standing(const struct suggest_options *options, struct arena *arena, const struct caa_step **ret_step) {
    struct caa_lookups lookups;
    struct caa_judged judged;
    struct reason reason;
    int code = caa_ask(&options->asking, &options->name, arena, &lookups);
    if (code != EXIT_OK)
        return code;
    result outcome = caa_judge_lookups(&lookups, false, NULL, arena, &judged);
    if (outcome != OK)
        return exit_with(outcome, NULL);
    *ret_step = judged.agreed == NULL ? NULL : judged.agreed->relevant;
    if (judged.agreed != NULL)
        return EXIT_OK;
    const char *why = caa_judged_failure(&judged, arena);
    (void) exit_with(reason_set(&reason, &fault_caa_standing, "what stands is not known, and a suggestion would lose it: %s", why == NULL ? "no memory" : why), &reason);
    return CAA_EXIT_UNKNOWN;
}

static int suggest(const struct suggest_options *options, struct arena *arena) {
    struct proposal proposal = {.options = options};
    struct ca_extra_rows extra;
    struct database database;
    int code = find_standing(options, arena, &proposal.standing);
    if (code == EXIT_OK)
        code = database_open(options->asking.config, &database);
    if (code != EXIT_OK)
        return code;
    proposal.arena = database.arena;
    result outcome = propose(&proposal, &database, &extra);
    code = outcome == OK ? show(&proposal) : outcome == &fault_no_memory ? exit_with(outcome, NULL) : database_failed(&database, outcome);
    database_done(&database);
    return code;
}

int caa_run_suggest(int argc, char **argv) {
    struct suggest_options options = {0};
    if (command_parse(&parser, argc, argv, &options) != 0)
        return EXIT_USAGE_WRONG;
    struct arena *arena = arena_new(CAA_LOOKUP_ARENA);
    int code = arena == NULL ? exit_with(&fault_no_memory, NULL) : suggest(&options, arena);
    arena_free(arena);
    return code;
}
