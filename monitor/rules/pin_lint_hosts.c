/* Which names an entry holds for, and which its author may have meant. */
#include <libpsl.h>

#include "rules/pin_lint_work.h"

static bool is_public_suffix(const char *host) {
    return psl_is_public_suffix2(psl_builtin(), host, PSL_TYPE_ANY | PSL_TYPE_NO_STAR_RULE);
}

static void look_at_suffix(struct pin_lint_work *work, const struct pin_set *set) {
    if (!is_public_suffix(set->host))
        return;
    if (set->match == PIN_HOST_EXACT)
        pin_lint_say_milder(work, PIN_LINT_PUBLIC_SUFFIX, set, 0, "a public suffix, below which strangers register names");
    else if (set->format == PIN_FORMAT_TRUSTKIT_IOS)
        pin_lint_say(work, PIN_LINT_APP_REFUSES, set, 0, "a public suffix: TrustKit ends the app where its subdomains are included");
    else
        pin_lint_say(work, PIN_LINT_PUBLIC_SUFFIX, set, 0, "a public suffix: this pins the names of strangers, with keys that they do not have");
}

/* ---- neighbours */

static void look_below(struct pin_lint_work *work, const struct pin_set *set) {
    const struct pin_set *child = set->match == PIN_HOST_EXACT && strncmp(set->host, "www.", 4) != 0 ? pin_index_first(&work->index, set->host)->below : NULL;
    const char *probe = child == NULL ? NULL : pin_lint_text(work, arena_printf(work->arena, "pinwatch-probe.%s", set->host));
    if (child != NULL && !pin_index_holds(&work->index, probe))
        pin_lint_say(work, PIN_LINT_SUBDOMAINS_MISSING, set, 0, "pinned without its subdomains, though there is an entry for %s below it: names that are not listed are not pinned", child->host);
    if (set->format == PIN_FORMAT_APPLE && set->match == PIN_HOST_EXACT_AND_ONE_LABEL)
        pin_lint_say(work, PIN_LINT_SUBDOMAINS_ONE_LABEL, set, 0, "NSIncludesSubdomains reaches one label down: a.%s is pinned, b.a.%s is not", set->host, set->host);
}

static void look_at_apex(struct pin_lint_work *work, const struct pin_set *set) {
    if (set->match == PIN_HOST_ONE_LABEL_BELOW && !is_public_suffix(set->host) && !pin_index_holds(&work->index, set->host))
        pin_lint_say(work, PIN_LINT_APEX_MISSING, set, 0, "*.%s does not hold for %s itself, and no other entry does", set->host, set->host);
    if (set->match == PIN_HOST_ONE_LABEL_BELOW || strncmp(set->host, "www.", 4) != 0 || is_public_suffix(set->host + 4) || strchr(set->host + 4, '.') == NULL)
        return;
    if (!pin_index_holds(&work->index, set->host + 4))
        pin_lint_say(work, PIN_LINT_WWW_ONLY, set, 0, "pinned, but %s is not", set->host + 4);
}

/* ---- longer entries that stand alone */

static bool reaches(const struct pin_set *parent, size_t labels_below) {
    return parent->is_pinned && pin_host_match_reaches(parent->match, labels_below);
}

static const struct pin_set *parent_of(const struct pin_lint_work *work, const struct pin_set *set) {
    size_t labels = 0;
    for (const char *dot = strchr(set->host, '.'); dot != NULL; dot = strchr(dot + 1, '.')) {
        const struct pin_index_entry *entry = pin_index_first(&work->index, dot + 1);
        labels++;
        if (entry != NULL && reaches(entry->set, labels))
            return entry->set;
    }
    return NULL;
}

static size_t missing_from(const struct pin_set *set, const struct pin_set *parent) {
    const struct pin *pin, *own;
    size_t missing = 0;
    for (size_t i = 0; (pin = pin_lint_pin_at(parent, i)) != NULL; i++) {
        bool is_there = false;
        for (size_t k = 0; !is_there && (own = pin_lint_pin_at(set, k)) != NULL; k++)
            is_there = pin_is_same(pin, own);
        missing += !is_there;
    }
    return missing;
}

static void look_above(struct pin_lint_work *work, const struct pin_set *set) {
    const struct pin_set *parent = set->match == PIN_HOST_ONE_LABEL_BELOW ? NULL : parent_of(work, set);
    bool do_unite = parent != NULL && pin_format_unites(parent->format);
    size_t missing = parent == NULL || do_unite ? 0 : missing_from(set, parent);
    if (missing == 0)
        return;
    size_t count = set->format == parent->format ? 0 : pin_index_sets_for(&work->index, set->host, 0, "", work->rooms);
    for (size_t i = 0; i < count; i++) /* of the set's own format its own entry holds alone */
        if (work->rooms[i] == parent)
            return;
    pin_lint_say(work, PIN_LINT_SHADOWED, set, 0, "this entry stands alone: %zu pin%s of %s, whose entry includes its subdomains, do%s not hold here", missing, missing == 1 ? "" : "s", parent->host, missing == 1 ? "es" : "");
}

void pin_lint_hosts(struct pin_lint_work *work, const struct pin_set *set) {
    if (!pin_lint_is_for_clients(set))
        return;
    look_at_suffix(work, set);
    look_below(work, set);
    look_at_apex(work, set);
    look_above(work, set);
}
