#include "cli/pins_issuer.h"

#include <stdio.h>

#include "base/digest.h"
#include "cli/caa_judged.h"
#include "cli/pins_intermediates.h"
#include "cli/pins_tlsa.h"
#include "formats/certificate.h"
#include "rules/ca_table.h"

/* ---- the ways up */

/* All certificates beside the leaf, in one list. */
static struct span *others_of(const struct pins_keys *next, const struct pins_keys *chain, struct arena *arena, size_t *ret_count) {
    struct span *others = arena_take_array(arena, next->count + chain->count + 1, sizeof *others);
    *ret_count = 0;
    for (size_t i = 1; others != NULL && i < next->count; i++)
        if (next->items[i].certificate.size > 0)
            others[(*ret_count)++] = next->items[i].certificate;
    for (size_t i = 0; others != NULL && i < chain->count; i++)
        if (chain->items[i].certificate.size > 0)
            others[(*ret_count)++] = chain->items[i].certificate;
    return others;
}

/* The key of the first CA certificate: what signs, of a request or key; else what is named above the leaf. */
static const struct hash *first_ca(const struct span *others, size_t count, struct arena *arena) {
    for (size_t i = 0; i < count; i++) {
        struct certificate certificate;
        if (certificate_parse(others[i], &certificate) != OK || !certificate.is_ca)
            continue;
        struct hash *hash = arena_take(arena, sizeof *hash);
        if (hash != NULL)
            digest_of(certificate.spki, hash);
        return hash;
    }
    return NULL;
}

/* Any of them may sign. */
static result add_owner(const struct ca_owner *owner, const struct trust_question *model, struct rotation *rotation) {
    struct intermediates found;
    TRY(intermediates_find(rotation, owner, &found));
    struct trust_question *candidates = arena_take_array(rotation->arena, found.count + 1, sizeof *candidates);
    if (candidates == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < found.count; i++) {
        candidates[i] = *model;
        candidates[i].issuer_spki_sha256 = &found.keys[i];
    }
    rotation->question.candidates = candidates;
    rotation->question.candidate_count = found.count;
    rotation->question.issuers_note = found.note;
    return OK;
}

static result add_one(const struct trust_question *model, struct rotation *rotation) {
    struct trust_question *candidate = arena_take(rotation->arena, sizeof *candidate);
    if (candidate == NULL)
        return &fault_no_memory;
    *candidate = *model;
    rotation->question.candidates = candidate;
    rotation->question.candidate_count = 1;
    return OK;
}

static const struct ca_owner *owner_of(const struct caa_candidate *candidate) {
    return candidate->owner != NULL ? candidate->owner : candidate->domains[0] != NULL ? ca_table_owner_of(candidate->domains[0]) : NULL;
}

/* A chain says more than a name. `issuer` NULL: none was named. */
static result find_ways(const struct pins_keys *next, const struct pins_keys *chain, const struct caa_candidate *issuer, struct rotation *rotation, const struct hash **ret_first_ca) {
    struct trust_question model = {.leaf = next->items[0].certificate, .leaf_spki = next->items[0].spki, .extra = &rotation->extra};
    model.others = others_of(next, chain, rotation->arena, &model.other_count);
    if (model.others == NULL)
        return &fault_no_memory;
    *ret_first_ca = first_ca(model.others, model.other_count, rotation->arena);
    if (*ret_first_ca != NULL) {
        model.issuer_spki_sha256 = model.leaf.size > 0 ? NULL : *ret_first_ca;
        return add_one(&model, rotation);
    }
    if (issuer != NULL && owner_of(issuer) != NULL)
        return add_owner(owner_of(issuer), &model, rotation);
    return model.leaf.size > 0 ? add_one(&model, rotation) : OK;
}

/* ---- CAA */

/* The owner of the chain's CA, where nobody was named. */
static bool issuer_of_chain(const struct hash *first_ca, const struct ca_extra_rows *extra, struct caa_candidate *ret_issuer) {
    struct ca_row row;
    if (first_ca == NULL || !ca_table_find(first_ca, extra, &row))
        return false;
    *ret_issuer = (struct caa_candidate){row.owner->name, ca_row_domains(&row), row.owner, true};
    return true;
}

static result name_of(const struct rotation_options *options, struct dns_name *ret_name) {
    TRY(dns_name_from_text(span_of_text(options->host), ret_name, NULL));
    if (options->is_wildcard)
        *ret_name = dns_name_parent(ret_name);
    return OK;
}

static int look_up(const struct rotation_options *options, const struct dns_name *name, struct rotation *rotation, struct caa_lookups *ret_lookups) {
    struct caa_text *text = arena_take(rotation->arena, sizeof *text);
    struct reason reason = {""};
    if (text == NULL)
        return rotation_refused(&fault_no_memory, NULL);
    if (options->caa == NULL || strcmp(options->caa, "asked") == 0)
        return caa_ask(&options->asking, name, rotation->arena, ret_lookups) == EXIT_OK ? EXIT_OK : ROTATION_EXIT_UNKNOWN;
    if (caa_read_file(options->caa, name, rotation->arena, text) != EXIT_OK)
        return ROTATION_EXIT_UNKNOWN;
    if (text->complaint_count > 0) {
        fprintf(stderr, "pinwatch: %s:%u: %s\n", caa_file_shown(options->caa), text->complaints[0].line, text->complaints[0].sentence);
        return ROTATION_EXIT_UNKNOWN;
    }
    result outcome = caa_look_up_in(text, caa_file_shown(options->caa), name, rotation->arena, ret_lookups, &reason);
    return outcome == OK ? EXIT_OK : rotation_refused(outcome, &reason);
}

static result judge(const struct rotation_options *options, const struct caa_lookups *lookups, const struct caa_candidate *issuer, struct rotation *rotation) {
    static const enum gate_caa verdicts[] = {[CAA_CHECK_NONE] = GATE_CAA_UNKNOWN, [CAA_CHECK_ALLOWED] = GATE_CAA_ALLOWED, [CAA_CHECK_FORBIDDEN] = GATE_CAA_FORBIDDEN,
                                             [CAA_CHECK_UNKNOWN] = GATE_CAA_UNKNOWN};
    struct gate_question *question = &rotation->question;
    struct caa_judged *judged = arena_take(rotation->arena, sizeof *judged);
    if (judged == NULL)
        return &fault_no_memory;
    TRY(caa_judge_lookups(lookups, options->is_wildcard, issuer, rotation->arena, judged));
    question->caa = verdicts[judged->verdict];
    rotation->caa_verdict = caa_check_verdict_name(issuer == NULL ? CAA_CHECK_UNKNOWN : judged->verdict);
    if (issuer == NULL)
        question->caa_why = "who will issue is not known: give --issuer";
    else if (judged->agreed == NULL)
        question->caa_why = caa_judged_failure(judged, rotation->arena);
    return question->caa_why == NULL ? &fault_no_memory : OK;
}

static int ask_caa(const struct rotation_options *options, const struct caa_candidate *issuer, struct rotation *rotation) {
    struct caa_lookups lookups;
    struct dns_name name;
    if (options->caa == NULL && (options->asking.resolver_count == 0 || rotation_asks_tlsa(options)))
        return EXIT_OK;
    if (name_of(options, &name) != OK) {
        fprintf(stderr, "pinwatch: %s has no CAA records in the DNS\n", options->host);
        return ROTATION_EXIT_UNKNOWN;
    }
    int code = look_up(options, &name, rotation, &lookups);
    if (code != EXIT_OK)
        return code;
    result outcome = judge(options, &lookups, issuer, rotation);
    return outcome == OK ? EXIT_OK : rotation_refused(outcome, NULL);
}

int rotation_find_issuer(const struct rotation_options *options, const struct pins_keys *next, const struct pins_keys *chain, struct rotation *rotation) {
    struct caa_candidate *issuer = arena_take(rotation->arena, sizeof *issuer);
    const struct hash *first = NULL;
    struct reason reason = {""};
    if (issuer == NULL)
        return rotation_refused(&fault_no_memory, NULL);
    result outcome = options->issuer == NULL ? OK : caa_candidate_of(options->issuer, rotation->arena, issuer, &reason);
    if (outcome != OK) {
        int code = exit_with(outcome, &reason);
        return code == EXIT_DATA ? EXIT_USAGE_WRONG : ROTATION_EXIT_UNKNOWN;
    }
    outcome = find_ways(next, chain, options->issuer == NULL ? NULL : issuer, rotation, &first);
    if (outcome != OK)
        return rotation_refused(outcome, NULL);
    bool is_known = options->issuer != NULL || issuer_of_chain(first, &rotation->extra, issuer);
    rotation->caa_issuer = is_known ? issuer->text : NULL;
    return next->count == 0 ? EXIT_OK : ask_caa(options, is_known ? issuer : NULL, rotation); /* of a key that is still to be chosen the gate is asked */
}
