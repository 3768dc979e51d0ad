/* TLSA records as pins. */
#include "rules/pin_judge_work.h"

static bool is_usable(const struct tlsa_view *view, const struct pin *pin) {
    if (pin->tlsa_usage > PIN_TLSA_DANE_EE || pin->algorithm == PIN_SHA1)
        return false;
    if (view->is_smtp && pin->tlsa_usage <= PIN_TLSA_PKIX_EE) /* RFC 7672 3.1.3 */
        return false;
    return pin->algorithm != PIN_SHA256 || !view->has_sha512[pin->tlsa_usage][pin->kind];
}

typedef void visit(const struct pin_set *set, const struct pin *pin, struct tlsa_view *view, const struct pin_path *path,
                   struct pin_finding *finding);

static void each_record(const struct pin_court *court, struct tlsa_view *view, const struct pin_path *path, visit *visit_record,
                        struct pin_finding *finding) {
    struct pin_walk walk = {.place = 0};
    const struct pin *pin;
    while ((pin = pin_walk_next(court, &walk)) != NULL)
        if (is_usable(view, pin))
            visit_record(walk.set, pin, view, path, finding);
}

static void mark_strong(const struct pin_set *set, const struct pin *pin, struct tlsa_view *view, const struct pin_path *path,
                        struct pin_finding *finding) {
    (void) set, (void) path, (void) finding;
    view->has_sha512[pin->tlsa_usage][pin->kind] |= pin->algorithm == PIN_SHA512;
    view->has_usable = true;
}

/* Usage 2, RFC 7671 5.2: the anchor must be in the chain that the server sends; where it was only found in the shipped table, a client
 * may not have it. */
static void try_anchor(const struct pin_set *set, const struct pin *pin, struct tlsa_view *view, const struct pin_path *path,
                       struct pin_finding *finding) {
    (void) view;
    if (pin->tlsa_usage != PIN_TLSA_DANE_TA || finding->match == PIN_MATCH_YES)
        return;
    for (size_t place = 1; place < path->count; place++) {
        struct pin_finding found = {.match = PIN_MATCH_NO};
        pin_try(set, pin, path, place, place + 1, &found);
        if (found.match == PIN_MATCH_YES && path->links[place].is_given) {
            *finding = found;
            return;
        }
        if (found.match != PIN_MATCH_NO)
            pin_lacks(finding, found.match == PIN_MATCH_YES ? LACK_SENDING : LACK_BYTES);
    }
}

/* Is it known what the server sends above the leaf? */
static bool is_chain_known(const struct pin_question *question) {
    for (size_t i = 0; i < question->path_count; i++) {
        const struct pin_path *path = &question->paths[i];
        if (path->count == 1 && path->is_foreign)
            return true;
        for (size_t place = 1; place < path->count; place++)
            if (path->links[place].is_given)
                return true;
    }
    return false;
}

static void want_anchor(const struct pin_set *set, const struct pin *pin, struct tlsa_view *view, const struct pin_path *path,
                        struct pin_finding *finding) {
    (void) set, (void) view, (void) path;
    if (pin->tlsa_usage == PIN_TLSA_DANE_TA)
        pin_lacks(finding, LACK_END);
}

struct tlsa_view tlsa_look(const struct pin_court *court, const struct pin_question *question) {
    struct tlsa_view view = {.is_smtp = question->is_smtp, .anchor = {.match = PIN_MATCH_NO}};
    each_record(court, &view, NULL, mark_strong, NULL);
    for (size_t i = 0; i < question->path_count; i++)
        each_record(court, &view, &question->paths[i], try_anchor, &view.anchor);
    if (!is_chain_known(question))
        each_record(court, &view, NULL, want_anchor, &view.anchor);
    return view;
}

static void try_record(const struct pin_set *set, const struct pin *pin, struct tlsa_view *view, const struct pin_path *path,
                       struct pin_finding *finding) {
    (void) view;
    if (pin->tlsa_usage == PIN_TLSA_PKIX_EE || pin->tlsa_usage == PIN_TLSA_DANE_EE)
        pin_try(set, pin, path, 0, 1, finding);
    else if (pin->tlsa_usage == PIN_TLSA_PKIX_TA)
        pin_try(set, pin, path, 1, PIN_TO_THE_END, finding);
}

struct pin_finding tlsa_on_path(const struct pin_court *court, const struct tlsa_view *view, const struct pin_path *path) {
    struct tlsa_view same = *view;
    struct pin_finding finding = {.match = PIN_MATCH_NO};
    each_record(court, &same, path, try_record, &finding);
    if (finding.match != PIN_MATCH_YES && view->anchor.match == PIN_MATCH_YES)
        return view->anchor;
    if (view->anchor.match == PIN_MATCH_UNKNOWN)
        pin_lacks(&finding, view->anchor.lack);
    return finding;
}
