/* Pins on CA keys, and pins on keys that nobody knows. */
#include "rules/ca_edges.h"
#include "rules/pin_holder.h"
#include "rules/pin_lint_work.h"

enum { OWNERS_MAX = 64 }; /* of one set; more are not told apart */

struct cas {
    size_t unknown, roots, roots_in_store, intermediates, pins;
    const struct pin *first_unknown;
    const char *owners[OWNERS_MAX]; /* of intermediates */
    size_t owner_pins[OWNERS_MAX];
    bool has_root[OWNERS_MAX];
    size_t owner_count;
};

static const char *shown(struct pin_lint_work *work, const struct pin *pin) {
    return pin_lint_text(work, pin_short_text(pin, work->arena));
}

/* ---- keys that nobody knows */

static bool must_be_in_use(const struct pin *pin) {
    return pin->role == PIN_CURRENT || (pin->role == PIN_ROLE_NONE && (pin->position == PIN_CA || pin->position == PIN_INTERMEDIATE || pin->position == PIN_ROOT));
}

static void look_at_unknown(struct pin_lint_work *work, const struct pin_set *set, const struct pin *pin, struct cas *cas) {
    if (pin_lint_is_of_nothing(pin) || pin_lint_is_placeholder(pin) || pin_lint_is_served(work, set, pin))
        return;
    if (pin_lint_has_chain(work, set) && must_be_in_use(pin)) {
        pin_lint_say(work, PIN_LINT_PIN_DEAD, set, pin->line, "%s is %s, but it is not in the chain that is served, and no CA is known that has it", shown(work, pin),
                     pin->role == PIN_CURRENT ? "called current" : "to match a CA");
        return;
    }
    if (pin->role == PIN_NEXT || pin->role == PIN_BACKUP)
        return;
    cas->first_unknown = cas->first_unknown == NULL ? pin : cas->first_unknown;
    cas->unknown++;
}

static void say_unknown(struct pin_lint_work *work, const struct pin_set *set, const struct cas *cas) {
    if (cas->unknown == 0)
        return;
    if (pin_lint_has_chain(work, set))
        pin_lint_say(work, PIN_LINT_NOT_RECOGNISED, set, cas->first_unknown->line, "%zu of %zu pins (%s%s) match nothing in the chain that is served, and no CA key that is known: backup keys, or dead", cas->unknown, cas->pins,
                     shown(work, cas->first_unknown), cas->unknown > 1 ? ", …" : "");
    else
        pin_lint_say(work, PIN_LINT_NOT_RECOGNISED, set, cas->first_unknown->line, "%zu of %zu pins (%s%s) match no CA key in the table of %s: leaves, backup keys, or dead", cas->unknown, cas->pins,
                     shown(work, cas->first_unknown), cas->unknown > 1 ? ", …" : "", ca_table_date());
}

/* ---- CAs */

static size_t place_of_owner(struct cas *cas, const char *owner) {
    for (size_t i = 0; i < cas->owner_count; i++)
        if (strcmp(cas->owners[i], owner) == 0)
            return i;
    if (cas->owner_count == OWNERS_MAX)
        return OWNERS_MAX;
    cas->owners[cas->owner_count] = owner;
    cas->owner_pins[cas->owner_count] = 0;
    cas->has_root[cas->owner_count] = false;
    return cas->owner_count++;
}

static void take_ca(struct cas *cas, const struct pin_holder *holder, enum trust_store store) {
    size_t owner = holder->owner == NULL ? OWNERS_MAX : place_of_owner(cas, holder->owner);
    if (holder->kind == CA_ROOT) {
        cas->roots++;
        cas->roots_in_store += trust_store_has(store, &holder->spki_sha256);
        if (owner < OWNERS_MAX)
            cas->has_root[owner] = true;
        return;
    }
    cas->intermediates++;
    if (owner < OWNERS_MAX)
        cas->owner_pins[owner]++;
}

static bool has_ended(const struct pin_lint_work *work, const struct pin_holder *holder) {
    return holder->kind == CA_INTERMEDIATE && holder->has_end && holder->end < work->facts->now;
}

static bool is_valid(const struct hash *spki_sha256, int64_t now) {
    size_t first, count = ca_edges_of(spki_sha256, &first);
    for (size_t i = 0; i < count; i++) {
        struct ca_edge edge;
        ca_edge_at(first + i, &edge);
        if (edge.not_before <= now && now <= edge.not_after)
            return true;
    }
    return false;
}

/* Those that have a certificate which is valid now. */
static size_t intermediates_of(const struct pin_lint_work *work, const char *owner) {
    size_t count = 0;
    for (size_t i = 0; i < ca_table_size(); i++) {
        struct ca_row row;
        ca_table_row(i, &row);
        if (row.kind == CA_INTERMEDIATE && strcmp(row.owner->name, owner) == 0)
            count += is_valid(&row.spki_sha256, work->facts->now);
    }
    return count;
}

static void look_at_ca(struct pin_lint_work *work, const struct pin_set *set, const struct pin *pin, const struct pin_holder *holder, struct cas *cas) {
    if (has_ended(work, holder) && !pin_lint_is_served(work, set, pin))
        pin_lint_say(work, PIN_LINT_PIN_DEAD, set, pin->line, "%s is of %s, an intermediate whose last certificate ended on %s: no chain holds it any more", shown(work, pin),
                     pin_lint_text(work, pin_holder_text(holder, work->arena)), pin_lint_date(holder->end).text);
    else
        take_ca(cas, holder, trust_store_of(set->format));
}

/* Where other pins may match as well, it is not certain that clients are locked out. */
static void look_at_intermediates(struct pin_lint_work *work, const struct pin_set *set, const struct cas *cas) {
    for (size_t i = 0; i < cas->owner_count; i++) {
        size_t all = cas->owner_pins[i] == 0 || cas->has_root[i] ? 0 : intermediates_of(work, cas->owners[i]);
        if (all <= cas->owner_pins[i])
            continue;
        void (*say)(struct pin_lint_work *, enum pin_lint_rule_number, const struct pin_set *, unsigned, const char *, ...) __attribute__((format(printf, 5, 6))) =
            cas->intermediates == cas->pins ? pin_lint_say : pin_lint_say_milder;
        say(work, PIN_LINT_INTERMEDIATE, set, 0, "%zu of the %zu intermediates that %s has by the table of %s %s pinned, and none of its roots: the next certificate may come from another one",
            cas->owner_pins[i], all, cas->owners[i], ca_table_date(), cas->owner_pins[i] == 1 ? "is" : "are");
    }
}

static void look_at_stores(struct pin_lint_work *work, const struct pin_set *set, const struct cas *cas) {
    enum trust_store store = trust_store_of(set->format);
    const struct pin *pin;
    if (cas->roots_in_store == cas->roots || !set->trusts_system || set->format == PIN_FORMAT_TLSA)
        return;
    for (size_t i = 0; (pin = pin_lint_pin_at(set, i)) != NULL; i++) {
        struct pin_holder holder;
        if (!pin_holder_find(pin, work->facts->extra, &holder) || holder.kind != CA_ROOT || trust_store_has(store, &holder.spki_sha256))
            continue;
        bool is_alone = cas->roots == cas->pins && cas->roots_in_store == 0;
        (is_alone ? pin_lint_say : pin_lint_say_milder)(work, PIN_LINT_NOT_IN_STORE, set, pin->line, "%s is of %s, a root that is not in the root store of %s of %s: it counts only where a root of that store signed it%s",
                                                        shown(work, pin), pin_lint_text(work, pin_holder_text(&holder, work->arena)), trust_store_name(store), trust_store_date(store),
                                                        is_alone ? ", and no other pin is of a root in it" : "");
    }
}

void pin_lint_cas(struct pin_lint_work *work, const struct pin_set *set) {
    struct cas cas = {.owner_count = 0};
    const struct pin *pin;
    if (set->format == PIN_FORMAT_KEY)
        return;
    for (size_t i = 0; (pin = pin_lint_pin_at(set, i)) != NULL; i++) {
        struct pin_holder holder;
        cas.pins++;
        if (pin_holder_find(pin, work->facts->extra, &holder))
            look_at_ca(work, set, pin, &holder, &cas);
        else
            look_at_unknown(work, set, pin, &cas);
    }
    say_unknown(work, set, &cas);
    look_at_intermediates(work, set, &cas);
    look_at_stores(work, set, &cas);
}
