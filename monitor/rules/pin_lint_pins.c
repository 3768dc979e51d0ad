/* How many pins, of what kind, and whether one is left when the key in use is lost. */
#include "rules/pin_holder.h"
#include "rules/pin_lint_work.h"

enum { PORT_SMTP = 25, PERIOD_MAX = 8 };

/* ---- pins that nothing can match */

bool pin_lint_is_of_nothing(const struct pin *pin) {
    /* SHA-256, SHA-512, SHA-1 of no bytes: what a pipe makes whose first command failed */
    static const uint8_t begins[][8] = {
        [PIN_SHA256] = {0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14},
        [PIN_SHA512] = {0xcf, 0x83, 0xe1, 0x35, 0x7e, 0xef, 0xb8, 0xbd},
        [PIN_SHA1] = {0xda, 0x39, 0xa3, 0xee, 0x5e, 0x6b, 0x4b, 0x0d},
    };
    return pin->algorithm != PIN_FULL && pin->value.size >= sizeof begins[0] && memcmp(pin->value.bytes, begins[pin->algorithm], sizeof begins[0]) == 0;
}

/* One digit or a short word again and again. */
bool pin_lint_is_placeholder(const struct pin *pin) {
    const uint8_t *bytes = pin->value.bytes;
    for (size_t period = 1; period <= PERIOD_MAX && pin->algorithm != PIN_FULL; period++) {
        size_t at = period;
        while (at < pin->value.size && bytes[at] == bytes[at - period])
            at++;
        if (at >= pin->value.size && pin->value.size > 2 * PERIOD_MAX)
            return true;
    }
    return false;
}

static bool is_of_a_key(const struct pin *pin) {
    return !pin_lint_is_of_nothing(pin) && !pin_lint_is_placeholder(pin);
}

static const char *shown(struct pin_lint_work *work, const struct pin *pin) {
    return pin_lint_text(work, pin_short_text(pin, work->arena));
}

static void look_at_pin(struct pin_lint_work *work, const struct pin_set *set, const struct pin *pin) {
    if (pin_lint_is_of_nothing(pin))
        pin_lint_say(work, PIN_LINT_PIN_OF_NOTHING, set, pin->line, "%s is the digest of no bytes: the command that made it got nothing to read, and no key matches it", shown(work, pin));
    if (pin_lint_is_placeholder(pin))
        pin_lint_say(work, PIN_LINT_PLACEHOLDER, set, pin->line, "%s is no digest of a key, but the same digits again and again: nobody can serve a key that matches it", shown(work, pin));
}

/* ---- repeated, SHA-1 */

static bool is_same_value(const struct pin *one, const struct pin *other) {
    return one->kind == other->kind && one->algorithm == other->algorithm && span_equal(one->value, other->value);
}

static bool stands_before(const struct pin_group *group, size_t place) {
    const struct pin *pin = &group->pins[place];
    for (size_t i = 0; i < place; i++)
        if (pin_is_same(pin, &group->pins[i]) && pin->tlsa_usage == group->pins[i].tlsa_usage)
            return true;
    return false;
}

static void look_for_repetitions(struct pin_lint_work *work, const struct pin_set *set) {
    for (size_t group = 0; group < set->group_count; group++)
        for (size_t i = 1; i < set->groups[group].count; i++)
            if (stands_before(&set->groups[group], i))
                pin_lint_say(work, PIN_LINT_REPEATED, set, set->groups[group].pins[i].line, "%s stands here a second time", shown(work, &set->groups[group].pins[i]));
}

static void look_for_sha1(struct pin_lint_work *work, const struct pin_set *set) {
    const struct pin *pin;
    for (size_t i = 0; (pin = pin_lint_pin_at(set, i)) != NULL; i++)
        if (pin->algorithm == PIN_SHA1) {
            pin_lint_say(work, PIN_LINT_SHA1, set, pin->line, "%s is a SHA-1 digest; clients drop support for it", shown(work, pin));
            return;
        }
}

/* ---- at least two */

static bool do_unite(const struct pin_set *set) {
    return set->format == PIN_FORMAT_OKHTTP || set->format == PIN_FORMAT_APPLE;
}

/* Sets that unite with this one where it holds, itself among them. */
static size_t united_with(struct pin_lint_work *work, const struct pin_set *set, const struct pin_set **rooms) {
    size_t count = 0;
    const char *name = set->host;
    if (do_unite(set) && set->match == PIN_HOST_ONE_LABEL_BELOW)
        name = pin_lint_text(work, arena_printf(work->arena, "pinwatch-probe.%s", set->host));
    if (do_unite(set))
        count = pin_index_sets_for(&work->index, name, 0, "", rooms);
    if (count == 0)
        rooms[count++] = set;
    return count;
}

/* Of the lists of pins that must each be matched: which one this pin is in. */
static unsigned list_of(const struct pin_set *set, size_t group, const struct pin *pin) {
    return set->format == PIN_FORMAT_APPLE ? (unsigned) pin->position : (unsigned) group;
}

struct tally {
    const struct pin *first;     /* of a key */
    const struct pin *first_any; /* placeholders count */
    bool has_second, has_second_any;
};

static void count_pin(struct tally *tally, const struct pin *pin) {
    tally->has_second_any = tally->has_second_any || (tally->first_any != NULL && !is_same_value(tally->first_any, pin));
    tally->first_any = tally->first_any == NULL ? pin : tally->first_any;
    if (!is_of_a_key(pin))
        return;
    tally->has_second = tally->has_second || (tally->first != NULL && !is_same_value(tally->first, pin));
    tally->first = tally->first == NULL ? pin : tally->first;
}

static void count_set(struct tally *tally, const struct pin_set *set, unsigned list) {
    for (size_t group = 0; group < set->group_count; group++)
        for (size_t i = 0; i < set->groups[group].count; i++)
            if (list_of(set, group, &set->groups[group].pins[i]) == list)
                count_pin(tally, &set->groups[group].pins[i]);
}

static struct tally tally_of(const struct pin_set *const *sets, size_t count, unsigned list) {
    struct tally tally = {.first = NULL};
    for (size_t i = 0; i < count; i++)
        count_set(&tally, sets[i], list);
    return tally;
}

static void say_one(struct pin_lint_work *work, const struct pin_set *set, const struct tally *tally, const char *which) {
    struct pin_holder holder;
    bool is_ca = pin_holder_find(tally->first, work->facts->extra, &holder);
    const char *owner = is_ca ? pin_lint_text(work, pin_holder_text(&holder, work->arena)) : "";
    pin_lint_say(work, PIN_LINT_PINS_ONE, set, 0, "%sone pin that a key can match, %s%s%s: when %s, clients refuse every connection until they are updated", which, shown(work, tally->first),
                 is_ca ? " of " : "", owner, is_ca ? "that CA is left or signs with another key" : "its key is lost or changed");
}

/* Sets of one host and match unite: what is to be said is said with the first. */
static bool is_first_of_its_pattern(const struct pin_lint_work *work, const struct pin_set *set) {
    const struct pin_index_entry *entry = pin_index_first(&work->index, set->host);
    while (do_unite(set) && entry->set != set && (entry->set->format != set->format || entry->set->match != set->match || !entry->set->is_pinned))
        entry++;
    return !do_unite(set) || entry->set == set;
}

static void count_pins(struct pin_lint_work *work, const struct pin_set *set) {
    if (!is_first_of_its_pattern(work, set))
        return;
    size_t count = united_with(work, set, work->rooms);
    for (unsigned list = 0; list <= PIN_ROOT; list++) {
        struct tally tally = tally_of(work->rooms, count, list);
        const char *which = set->format != PIN_FORMAT_APPLE ? "" : list == PIN_LEAF ? "leaf: " : "CA: ";
        if (tally.first_any != NULL && !tally.has_second_any && set->format == PIN_FORMAT_TRUSTKIT_IOS && set->is_enforced)
            pin_lint_say(work, PIN_LINT_APP_REFUSES, set, 0, "one pin: TrustKit ends the app where pinning is enforced with fewer than two");
        else if (tally.first_any != NULL && tally.first == NULL)
            pin_lint_say(work, PIN_LINT_PINS_NONE, set, 0, "%spinned, without a pin that a key can match: clients refuse every connection", which);
        else if (tally.first != NULL && !tally.has_second)
            say_one(work, set, &tally, which);
    }
}

static bool has_an_empty_list(const struct pin_set *set) {
    for (size_t group = 0; group < set->group_count; group++)
        if (set->groups[group].count == 0)
            return true;
    return set->group_count == 0;
}

/* ---- whole certificates */

static void look_at_certificate_pin(struct pin_lint_work *work, const struct pin_set *set, const struct pin *pin) {
    struct hash ignored;
    enum { DAY_S = 86400, MACHINE_DAYS = 100 }; /* nobody renews certificates of 90 days by hand */
    if (pin->position == PIN_CA || pin->position == PIN_ROOT || pin->position == PIN_INTERMEDIATE || pin_key_hash(pin, &ignored))
        return;
    for (size_t i = 0; i < work->facts->chain_count; i++) {
        const struct pin_lint_chain *chain = &work->facts->chains[i];
        int64_t lifetime = chain->not_after - chain->not_before;
        bool is_of_machine = work->facts->is_renewed_automatically || (lifetime > 0 && lifetime <= (int64_t) MACHINE_DAYS * DAY_S);
        if (!pin_lint_is_chain_of(chain, set) || pin_lint_place(chain, set, pin) != 0 || !is_of_machine)
            continue;
        pin_lint_say(work, PIN_LINT_CERTIFICATE_RENEWED, set, pin->line, "%s is the whole certificate that %s holds, which lives %s and is renewed by machine: the next one does not match, even with the same key",
                     shown(work, pin), chain->source, pin_lint_days(lifetime).text);
        return;
    }
    if (work->facts->is_renewed_automatically)
        pin_lint_say(work, PIN_LINT_CERTIFICATE_RENEWED, set, pin->line, "%s is a whole certificate, and certificates are renewed by machine: the next one does not match, even with the same key", shown(work, pin));
    else
        pin_lint_say(work, PIN_LINT_CERTIFICATE, set, pin->line, "%s is a whole certificate: it stops matching at the next renewal, even with the same key", shown(work, pin));
}

void pin_lint_pins(struct pin_lint_work *work, const struct pin_set *set) {
    const struct pin *pin;
    if (has_an_empty_list(set)) {
        pin_lint_say(work, PIN_LINT_PINS_NONE, set, 0, "pinned, without a pin that counts: clients refuse every connection");
        return;
    }
    for (size_t i = 0; (pin = pin_lint_pin_at(set, i)) != NULL; i++) {
        look_at_pin(work, set, pin);
        if (pin->kind == PIN_CERTIFICATE && set->format != PIN_FORMAT_KEY)
            look_at_certificate_pin(work, set, pin);
    }
    look_for_repetitions(work, set);
    look_for_sha1(work, set);
    if (pin_lint_is_for_clients(set))
        count_pins(work, set);
}

/* ---- a backup */

static bool is_backup(const struct pin *pin) {
    return pin->role == PIN_BACKUP || (pin->role == PIN_ROLE_NONE && strcasestr(pin->comment, "backup") != NULL);
}

static bool is_called_current(const struct pin_set *set, const struct pin *pin) {
    const struct pin *other;
    for (size_t i = 0; (other = pin_lint_pin_at(set, i)) != NULL; i++)
        if (other != pin && other->role == PIN_CURRENT && is_same_value(other, pin))
            return true;
    return false;
}

static void look_at_backup(struct pin_lint_work *work, const struct pin_set *set, const struct pin *pin) {
    if (is_called_current(set, pin))
        pin_lint_say(work, PIN_LINT_BACKUP_IS_CURRENT, set, pin->line, "the backup %s is the current pin as well", shown(work, pin));
    else if (pin_lint_is_served(work, set, pin))
        pin_lint_say(work, PIN_LINT_BACKUP_IS_CURRENT, set, pin->line, "the backup %s is in the chain that is served now: it goes when the chain goes", shown(work, pin));
}

void pin_lint_backups(struct pin_lint_work *work, const struct pin_set *set) {
    const struct pin *pin;
    size_t count = 0, served = 0, with_role = 0, to_come = 0;
    if (!pin_lint_is_for_clients(set))
        return;
    for (size_t i = 0; (pin = pin_lint_pin_at(set, i)) != NULL; i++) {
        if (is_backup(pin))
            look_at_backup(work, set, pin);
        if (!is_of_a_key(pin))
            continue;
        count++;
        served += pin_lint_is_served(work, set, pin);
        with_role += pin->role != PIN_ROLE_NONE;
        to_come += pin->role == PIN_NEXT || pin->role == PIN_BACKUP;
    }
    if (count > 1 && served == count)
        pin_lint_say(work, PIN_LINT_BACKUP_MISSING, set, 0, "all %zu pins are of keys in the chain that is served: none is left when it must be changed", count);
    else if (count > 1 && with_role == count && to_come == 0)
        pin_lint_say(work, PIN_LINT_BACKUP_MISSING, set, 0, "none of the %zu pins is a backup, by its role", count);
}

/* ---- what is done with the pins */

static void look_at_tlsa(struct pin_lint_work *work, const struct pin_set *set) {
    const struct pin *pin;
    if (!set->is_secure)
        pin_lint_say(work, PIN_LINT_NOT_SECURE, set, 0, "nothing says that these records are DNSSEC-secure, and clients use no others (RFC 6698 4)");
    for (size_t i = 0; set->port == PORT_SMTP && (pin = pin_lint_pin_at(set, i)) != NULL; i++)
        if (pin->tlsa_usage == PIN_TLSA_PKIX_TA || pin->tlsa_usage == PIN_TLSA_PKIX_EE)
            pin_lint_say(work, PIN_LINT_SMTP_USAGE, set, pin->line, "usage %u: mail servers treat the record as unusable", (unsigned) pin->tlsa_usage);
}

void pin_lint_mode(struct pin_lint_work *work, const struct pin_set *set) {
    if (!set->is_pinned) {
        pin_lint_say(work, PIN_LINT_UNPINNED, set, 0, "this entry says that the host is not pinned, whatever a shorter name says");
        return;
    }
    if (set->format == PIN_FORMAT_TLSA)
        look_at_tlsa(work, set);
    else if (set->format == PIN_FORMAT_HPKP)
        pin_lint_say(work, PIN_LINT_NOBODY_ENFORCES, set, 0, "an HPKP header (RFC 7469): no browser enforces it any more");
    else if (set->format != PIN_FORMAT_KEY && set->format != PIN_FORMAT_CHROMIUM && !set->is_enforced)
        pin_lint_say(work, PIN_LINT_REPORT_ONLY, set, 0, "%s: a connection with any other key is made all the same", set->is_report_only ? "mismatches are only reported" : "the pins are not enforced");
}
