#include "cli/pins_tlsa.h"

#include <stdio.h>

#include "base/clock.h"
#include "cli/dns_lookup.h"
#include "formats/pin_tlsa_records.h"
#include "rules/tlsa_agreed.h"

bool rotation_asks_tlsa(const struct rotation_options *options) {
    return options->tlsa != NULL && strcmp(options->tlsa, "asked") == 0;
}

/* ---- a file */

static int read_file_of_records(const struct rotation_options *options, struct rotation *rotation) {
    static const enum pin_format format = PIN_FORMAT_TLSA;
    struct pins_paths paths = {{options->tlsa}, 1};
    int code = pins_read_files(&paths, &format, &rotation->records);
    if (code != EXIT_OK || rotation->records.count != 1)
        return ROTATION_EXIT_UNKNOWN;
    rotation->question.tlsa = &rotation->records.documents[0];
    return EXIT_OK;
}

/* ---- the DNS */

static result agree(const struct dns_all_said *said, struct arena *arena, struct tlsa_agreed *ret_agreed) {
    struct tlsa_voice *voices = arena_take_array(arena, said->count + 1, sizeof *voices);
    size_t kept = 0;
    if (voices == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < said->count; i++)
        if (!said->items[i].is_left_out)
            voices[kept++] = (struct tlsa_voice){said->items[i].resolver, said->items[i].is_validating, &said->items[i].answer};
    return tlsa_agree(voices, kept, arena, ret_agreed);
}

static result take_answer(const struct tlsa_agreed *agreed, const char *owner, struct rotation *rotation) {
    struct gate_question *question = &rotation->question;
    const struct caa_answer *answer = agreed->answer;
    struct tlsa_answer records = {.host = question->host, .port = question->port, .protocol = question->protocol, .data = answer->data, .count = answer->data_count,
                                  .is_secure = agreed->is_secure, .has_ttl = answer->has_zone_ttl, .ttl_s = answer->zone_ttl_s};
    struct pin_document *document = arena_take(rotation->arena, sizeof *document);
    records.source = arena_printf(rotation->arena, "%s, as %s says", owner, agreed->source);
    if (document == NULL || records.source == NULL)
        return &fault_no_memory;
    result outcome = pin_tlsa_of_records(&records, rotation->arena, document);
    if (outcome == &fault_limit_reached) {
        question->tlsa_trouble = "there are more than can be looked at";
        return OK;
    }
    question->tlsa = outcome == OK ? document : NULL;
    question->has_tlsa_seen = true;
    question->tlsa_seen = answer->answered_ms / 1000;
    return outcome;
}

static result take_said(const struct dns_all_said *said, const char *owner, struct rotation *rotation) {
    struct tlsa_agreed agreed;
    TRY(agree(said, rotation->arena, &agreed));
    rotation->question.tlsa_trouble = agreed.trouble;
    return agreed.trouble != NULL ? OK : take_answer(&agreed, owner, rotation);
}

static int ask(const struct rotation_options *options, struct rotation *rotation) {
    const struct gate_question *question = &rotation->question;
    struct dns_client_options client = {0};
    struct reason reason = {""};
    struct dns_name name;
    struct dns_all_said said;
    const char *owner = arena_printf(rotation->arena, "_%u._%s.%s", question->port, question->protocol, question->host);
    if (owner == NULL)
        return rotation_refused(&fault_no_memory, NULL);
    if (dns_name_from_text(span_of_text(owner), &name, &reason) != OK) {
        fprintf(stderr, "pinwatch: %s: %s\n", owner, reason.text);
        return ROTATION_EXIT_UNKNOWN;
    }
    if (caa_asking_resolvers(&options->asking, rotation->arena, &client) != EXIT_OK)
        return ROTATION_EXIT_UNKNOWN;
    result outcome = dns_look_up(&client, &name, DNS_TYPE_TLSA, rotation->arena, &said, &reason);
    if (outcome == OK)
        outcome = take_said(&said, owner, rotation);
    return outcome == OK ? EXIT_OK : rotation_refused(outcome, &reason);
}

/* ---- */

/* Of the zone; what a cache has left of it says nothing. */
static void take_ttl(struct gate_question *question) {
    const struct pin_set *set;
    if (pin_sets_for_host(question->tlsa, question->host, question->port, question->protocol, &set, 1) == 0)
        return;
    question->has_tlsa_ttl = set->has_ttl;
    question->tlsa_ttl_s = set->ttl_s;
}

int rotation_read_tlsa(const struct rotation_options *options, struct rotation *rotation) {
    if (options->tlsa == NULL)
        return EXIT_OK;
    int code = rotation_asks_tlsa(options) ? ask(options, rotation) : read_file_of_records(options, rotation);
    if (code != EXIT_OK || rotation->question.tlsa == NULL)
        return code;
    pins_print_remarks(rotation->question.tlsa);
    rotation->question.has_tlsa_since = options->has_tlsa_since;
    rotation->question.tlsa_since = options->tlsa_since;
    take_ttl(&rotation->question);
    return EXIT_OK;
}
