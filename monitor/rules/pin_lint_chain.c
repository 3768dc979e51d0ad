/* What is served, held against the pins. */
#include <stdlib.h>

#include "rules/pin_lint_work.h"

/* ---- which chain is for which set */

static bool is_one_below(const char *name, const char *parent) {
    const char *dot = strchr(name, '.');
    return dot != NULL && dot > name && strcmp(dot + 1, parent) == 0;
}

static bool holds_for(const struct pin_set *set, const char *name) {
    int labels = pin_host_labels_below(name, set->host);
    return labels >= 0 && pin_host_match_reaches(set->match, (size_t) labels);
}

/* Is the chain for a name of the set? "*.example.com" is for x.example.com, and for every name that ends so and is listed. */
static bool is_name_of(const char *name, const struct pin_set *set) {
    if (strncmp(name, "*.", 2) != 0)
        return holds_for(set, name);
    return is_one_below(set->host, name + 2) || holds_for(set, name) || (strcmp(set->host, name + 2) == 0 && set->match != PIN_HOST_EXACT);
}

bool pin_lint_is_chain_of(const struct pin_lint_chain *chain, const struct pin_set *set) {
    for (size_t i = 0; set->host != NULL && i < chain->name_count; i++)
        if (is_name_of(chain->names[i], set))
            return true;
    return false;
}

bool pin_lint_has_chain(const struct pin_lint_work *work, const struct pin_set *set) {
    for (size_t i = 0; i < work->facts->chain_count; i++)
        if (pin_lint_is_chain_of(&work->facts->chains[i], set))
            return true;
    return false;
}

size_t pin_lint_place(const struct pin_lint_chain *chain, const struct pin_set *set, const struct pin *pin) {
    const struct trust_paths *paths = &chain->paths[trust_store_of(set->format)];
    for (size_t i = 0; i < paths->count; i++)
        for (size_t place = 0; place < paths->paths[i].count; place++)
            if (pin_matches(pin, &paths->paths[i], place) == PIN_MATCH_YES)
                return place;
    return SIZE_MAX;
}

bool pin_lint_is_served(const struct pin_lint_work *work, const struct pin_set *set, const struct pin *pin) {
    for (size_t i = 0; i < work->facts->chain_count; i++)
        if (pin_lint_is_chain_of(&work->facts->chains[i], set) && pin_lint_place(&work->facts->chains[i], set, pin) != SIZE_MAX)
            return true;
    return false;
}

/* ---- is it refused? */

/* A name of the chain for which the set is asked: its own where the leaf is for that, else one of the leaf's. NULL without memory. */
static const char *name_to_ask(struct pin_lint_work *work, const struct pin_lint_chain *chain, const struct pin_set *set) {
    const char *below = NULL;
    for (size_t i = 0; i < chain->name_count; i++) {
        const char *name = chain->names[i];
        bool is_wild = strncmp(name, "*.", 2) == 0;
        if (!is_name_of(name, set))
            continue;
        if (strcmp(name, set->host) == 0 || (is_wild && is_one_below(set->host, name + 2)))
            return set->host;
        if (below == NULL)
            below = is_wild ? arena_printf(work->arena, "pinwatch-probe%s", name + 1) : name;
    }
    return pin_lint_text(work, below);
}

static void hold_against(struct pin_lint_work *work, const struct pin_lint_chain *chain, const struct pin_set *set) {
    const struct trust_paths *paths = &chain->paths[trust_store_of(set->format)];
    struct pin_question question = {.host = name_to_ask(work, chain, set), .port = set->port, .protocol = set->protocol, .paths = paths->paths,
                                    .path_count = paths->count, .is_paths_whole = paths->is_whole, .now = work->facts->now};
    struct pin_judgement judgement;
    if (paths->count == 0 || question.host[0] == '\0')
        return;
    pin_judge(work->document, &question, &judgement);
    if (judgement.verdict != PIN_VERDICT_REFUSES || judgement.set != set)
        return;
    if (judgement.is_enforced)
        pin_lint_say(work, PIN_LINT_CHAIN_REFUSED, set, 0, "no pin matches the chain of %s for %s: clients with these pins refuse it now", chain->source, question.host);
    else
        pin_lint_say_milder(work, PIN_LINT_CHAIN_REFUSED, set, 0, "no pin matches the chain of %s for %s; the pins are not enforced", chain->source, question.host);
}

void pin_lint_chains(struct pin_lint_work *work) {
    for (size_t i = 0; i < work->facts->chain_count; i++)
        for (size_t k = 0; k < work->document->set_count; k++)
            if (work->document->sets[k].is_pinned && pin_lint_is_chain_of(&work->facts->chains[i], &work->document->sets[k]))
                hold_against(work, &work->facts->chains[i], &work->document->sets[k]);
}
