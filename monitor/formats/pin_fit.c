#include "formats/pin_fit.h"

#include "base/digest.h"

#define SHA256_ONLY PIN_BIT(PIN_SHA256)
#define DIGESTS (PIN_BIT(PIN_SHA256) | PIN_BIT(PIN_SHA512))
#define EXACT PIN_BIT(PIN_HOST_EXACT)
#define BELOW PIN_BIT(PIN_HOST_EXACT_AND_BELOW)
#define ONE_LABEL PIN_BIT(PIN_HOST_EXACT_AND_ONE_LABEL)
#define ONE_LABEL_BELOW PIN_BIT(PIN_HOST_ONE_LABEL_BELOW)
#define ANYWHERE PIN_BIT(PIN_ANY)
#define EVERYTHING (~0u)
#define DAY_S INT64_C(86400)

static const struct pin_ability abilities[pin_format_count] = {
    [PIN_FORMAT_ANDROID] = {.has_hosts = true, .has_unpinned = true, .has_comments = true, .has_anchors = true, .expiry = PIN_EXPIRES_LOCAL_DATE,
                            .matches = EXACT | BELOW, .algorithms = SHA256_ONLY, .positions = ANYWHERE, .group_max = 1},
    [PIN_FORMAT_TRUSTKIT_ANDROID] = {.has_hosts = true, .has_unpinned = true, .has_report_only = true, .has_report_uris = true,
                                     .has_comments = true, .has_anchors = true, .expiry = PIN_EXPIRES_LOCAL_DATE, .matches = EXACT | BELOW,
                                     .algorithms = SHA256_ONLY, .positions = ANYWHERE, .group_max = 1},
    [PIN_FORMAT_APPLE] = {.is_uniting = true, .has_hosts = true, .has_comments = true, .matches = EXACT | ONE_LABEL, .algorithms = SHA256_ONLY,
                          .positions = PIN_BIT(PIN_LEAF) | PIN_BIT(PIN_CA), .group_max = 2},
    [PIN_FORMAT_TRUSTKIT_IOS] = {.has_hosts = true, .has_unpinned = true, .has_report_only = true, .has_report_uris = true,
                                 .expiry = PIN_EXPIRES_UTC_DATE, .matches = EXACT | BELOW, .algorithms = SHA256_ONLY, .positions = ANYWHERE,
                                 .group_max = 1},
    [PIN_FORMAT_OKHTTP] = {.is_uniting = true, .has_hosts = true, .has_comments = true, .matches = EXACT | BELOW | ONE_LABEL | ONE_LABEL_BELOW,
                           .algorithms = SHA256_ONLY | PIN_BIT(PIN_SHA1), .positions = ANYWHERE, .group_max = 1},
    [PIN_FORMAT_HPKP] = {.has_max_age = true, .has_report_only = true, .has_report_uris = true, .matches = EXACT | BELOW,
                         .algorithms = SHA256_ONLY, .positions = ANYWHERE, .group_max = 1},
    [PIN_FORMAT_TLSA] = {.is_uniting = true, .has_hosts = true, .has_comments = true, .matches = EXACT, .algorithms = DIGESTS | PIN_BIT(PIN_FULL),
                         .certificate_algorithms = DIGESTS | PIN_BIT(PIN_FULL), .positions = EVERYTHING, .group_max = 1},
    [PIN_FORMAT_CHROMIUM] = {.has_hosts = true, .has_comments = true, .has_names = true, .matches = EXACT | BELOW, .has_report_uris = true,
                             .algorithms = SHA256_ONLY, .positions = ANYWHERE, .group_max = 1},
    [PIN_FORMAT_YAML] = {.is_uniting = true, .has_hosts = true, .has_unpinned = true, .has_report_only = true, .has_comments = true, .has_roles = true,
                         .has_names = true, .has_report_uris = true, .expiry = PIN_EXPIRES_ANY, .matches = EVERYTHING, .algorithms = DIGESTS | PIN_BIT(PIN_SHA1),
                         .certificate_algorithms = DIGESTS | PIN_BIT(PIN_SHA1), .positions = EVERYTHING, .group_max = 2},
    [PIN_FORMAT_KEY] = {.algorithms = 0},
};

const struct pin_ability *pin_ability_of(enum pin_format format) {
    return &abilities[format];
}

struct fitting {
    const struct pin_document *document;
    const struct pin_ability *ability, *source;
    struct pin_builder *lost;
    struct pin_builder builder;
    const char *to; /* name of the format */
    const struct pin_set *set; /* under way */
};

static const char *host_of(const struct pin_set *set) {
    return set->host == NULL ? "no host" : set->host;
}

/* "example.org: the sentence". */
#define TELL(fitting, kind, rule, ...) \
    TRY(pin_builder_remark((fitting)->lost, kind, (fitting)->set->line, rule, __VA_ARGS__))

/* ---- hosts */

/* How many labels `host` has more than `parent`, -1 when it is not of it. */
static int labels_below(const char *host, const char *parent) {
    size_t size = strlen(host), parent_size = strlen(parent);
    int labels = 0;
    if (size < parent_size || strcmp(host + size - parent_size, parent) != 0 || (size > parent_size && host[size - parent_size - 1] != '.'))
        return -1;
    for (size_t i = 0; i + parent_size < size; i++)
        labels += host[i] == '.';
    return labels;
}

static bool covers(const struct pin_set *set, const char *host) {
    int labels = set->host == NULL ? -1 : labels_below(host, set->host);
    switch (set->match) {
    case PIN_HOST_EXACT:
        return labels == 0;
    case PIN_HOST_ONE_LABEL_BELOW:
        return labels == 1;
    case PIN_HOST_EXACT_AND_ONE_LABEL:
        return labels == 0 || labels == 1;
    case PIN_HOST_EXACT_AND_BELOW:
        return labels >= 0;
    }
    return false;
}

static bool can_match(const struct fitting *fitting, enum pin_host_match match) {
    return (fitting->ability->matches & PIN_BIT(match)) != 0;
}

static result fit_match(struct fitting *fitting, struct pin_set *set, bool *ret_is_kept) {
    enum pin_host_match match = set->match;
    *ret_is_kept = true;
    if (can_match(fitting, match))
        return OK;
    *ret_is_kept = match != PIN_HOST_ONE_LABEL_BELOW;
    if (!*ret_is_kept) {
        TELL(fitting, PIN_REMARK_ERROR, "lost-host", "the hosts one label below %s are left out: %s cannot say it without %s itself", set->host,
             fitting->to, set->host);
        return OK;
    }
    set->match = match == PIN_HOST_EXACT_AND_BELOW && can_match(fitting, PIN_HOST_EXACT_AND_ONE_LABEL) ? PIN_HOST_EXACT_AND_ONE_LABEL
                                                                                                      : PIN_HOST_EXACT;
    TELL(fitting, PIN_REMARK_WARNING, "lost-subdomains", "%s: %s pins fewer of its subdomains: \"%s\" instead of \"%s\"", set->host, fitting->to,
         pin_host_match_name(set->match), pin_host_match_name(match));
    return OK;
}

/* ---- pins */

/* *ret_is_kept is false when the format has nothing that matches the same keys. */
static result fit_algorithm(const struct fitting *fitting, struct pin *pin, bool *ret_is_kept) {
    unsigned can = pin->kind == PIN_SPKI ? fitting->ability->algorithms : fitting->ability->certificate_algorithms;
    bool is_hashed = pin->algorithm == PIN_FULL && (can & PIN_BIT(PIN_FULL)) == 0;
    *ret_is_kept = (can & PIN_BIT(is_hashed ? PIN_SHA256 : pin->algorithm)) != 0;
    if (!*ret_is_kept || !is_hashed)
        return OK;
    struct hash *hash = arena_take(fitting->builder.arena, sizeof *hash);
    if (hash == NULL)
        return &fault_no_memory;
    digest_of(pin->value, hash);
    pin->value = span_of(hash->bytes, HASH_SIZE);
    pin->algorithm = PIN_SHA256;
    return OK;
}

static result fit_position(struct fitting *fitting, struct pin *pin) {
    unsigned can = fitting->ability->positions;
    enum pin_position position = pin->position;
    if ((can & PIN_BIT(position)) != 0)
        return OK;
    if (position == PIN_ANY) {
        pin->position = PIN_LEAF;
        TELL(fitting, PIN_REMARK_WARNING, "lost-position", "%s: a pin of any certificate is written as one of the leaf, because %s must say "
             "which; the key of a CA is refused until it stands among the CAs", host_of(fitting->set), fitting->to);
        return OK;
    }
    pin->position = position != PIN_LEAF && (can & PIN_BIT(PIN_CA)) != 0 ? PIN_CA : PIN_ANY;
    TELL(fitting, PIN_REMARK_WARNING, "lost-position", "%s: %s accepts a pin of \"%s\" in more places: \"%s\"", host_of(fitting->set), fitting->to,
         pin_position_name(position), pin_position_name(pin->position));
    return OK;
}

static bool has_pin(const struct pin_set *set, size_t group, const struct pin *pin) {
    for (size_t i = 0; group < set->group_count && i < set->groups[group].count; i++)
        if (pin_is_same(&set->groups[group].pins[i], pin))
            return true;
    return false;
}

static result fit_pin(struct fitting *fitting, const struct pin *pin, size_t group, struct pin_set *set) {
    struct pin fitted = *pin;
    bool is_kept = false;
    TRY(fit_algorithm(fitting, &fitted, &is_kept));
    if (!is_kept) {
        TELL(fitting, PIN_REMARK_ERROR, "lost-pin", "%s: a pin of %s is left out, %s has none by %s: it will refuse what the pin accepted",
             host_of(fitting->set), pin->kind == PIN_SPKI ? "a key" : "a whole certificate", fitting->to, pin_algorithm_name(pin->algorithm));
        return OK;
    }
    TRY(fit_position(fitting, &fitted));
    if (pin->role != PIN_ROLE_NONE && !fitting->ability->has_roles)
        fitted.role = PIN_ROLE_NONE;
    if (has_pin(set, group, &fitted))
        return OK;
    struct pin *added = pin_builder_add_pin(&fitting->builder, set, group);
    if (added == NULL)
        return pin_builder_refusal(&fitting->builder);
    *added = fitted;
    return OK;
}

static result fit_pins(struct fitting *fitting, const struct pin_set *from, struct pin_set *set) {
    for (size_t i = 0; i < from->group_count; i++)
        for (size_t j = 0; j < from->groups[i].count; j++)
            TRY(fit_pin(fitting, &from->groups[i].pins[j], i < fitting->ability->group_max ? i : fitting->ability->group_max - 1, set));
    return OK;
}

static bool is_of_same_host(const struct pin_set *one, const struct pin_set *other) {
    bool is_below = one->match == PIN_HOST_ONE_LABEL_BELOW || other->match == PIN_HOST_ONE_LABEL_BELOW;
    return !is_below && one->host != NULL && other->host != NULL && strcmp(one->host, other->host) == 0;
}

/* Of a format in which all entries unite: what other entries say about this host has to stand here too. */
static result unite_pins(struct fitting *fitting, struct pin_set *set) {
    const struct pin_document *document = fitting->document;
    for (size_t i = 0; i < document->set_count; i++) {
        const struct pin_set *other = &document->sets[i];
        if (other == fitting->set || !other->is_pinned || other->host == NULL)
            continue;
        bool is_same_host = is_of_same_host(other, fitting->set);
        if (covers(other, fitting->set->host) || is_same_host)
            TRY(fit_pins(fitting, other, set));
        if (is_same_host && other->match != set->match) {
            TELL(fitting, PIN_REMARK_WARNING, "lost-union", "%s: its entries \"%s\" and \"%s\" become one, because %s has one per host; it accepts "
                 "the pins of both", set->host, pin_host_match_name(fitting->set->match), pin_host_match_name(other->match), fitting->to);
            if (other->match == PIN_HOST_EXACT_AND_BELOW)
                set->match = other->match;
        }
    }
    return OK;
}

static bool is_told_before(const struct fitting *fitting) {
    const struct pin_document *document = fitting->document;
    for (const struct pin_set *other = document->sets; other < fitting->set; other++)
        if (is_of_same_host(other, fitting->set))
            return true;
    return false;
}

/* ---- the rest of a set */

static result fit_expiry(struct fitting *fitting, struct pin_set *set) {
    enum pin_expiry_ability can = fitting->ability->expiry;
    if (set->max_age_s > 0 && !fitting->ability->has_max_age) {
        TELL(fitting, PIN_REMARK_WARNING, "lost-expiry", "%s: pins that end with max-age are pinned for good in %s", host_of(set), fitting->to);
        set->has_max_age = false;
    }
    if (!set->has_expiry || can == PIN_EXPIRES_ANY)
        return OK;
    set->has_expiry = can != PIN_EXPIRES_NEVER;
    if (can == PIN_EXPIRES_NEVER) {
        TELL(fitting, PIN_REMARK_WARNING, "lost-expiry", "%s: the pins expire, in %s they never do", host_of(set), fitting->to);
        return OK;
    }
    bool is_local = can == PIN_EXPIRES_LOCAL_DATE;
    if (is_local != set->is_expiry_local || set->expires % DAY_S != 0)
        TELL(fitting, PIN_REMARK_WARNING, "lost-expiry", "%s: in %s pinning stops at midnight %s, up to 14 hours off", host_of(set), fitting->to,
             is_local ? "of the device" : "UTC");
    set->is_expiry_local = is_local;
    set->expires -= (set->expires % DAY_S + DAY_S) % DAY_S;
    return OK;
}

static result fit_enforcement(struct fitting *fitting, struct pin_set *set) {
    if (!set->is_enforced && !fitting->ability->has_report_only)
        TELL(fitting, PIN_REMARK_WARNING, "lost-report-only", "%s: refused nobody so far, %s will refuse", host_of(set), fitting->to);
    if (!fitting->ability->has_report_only) {
        set->is_report_only = false;
        set->is_enforced = true;
    }
    if (set->report_uris[0] != NULL && !fitting->ability->has_report_uris)
        TELL(fitting, PIN_REMARK_NOTE, "lost-report-uri", "%s: %s has no place for where failures are reported to", host_of(set), fitting->to);
    if ((set->overrides_pins || !set->trusts_system) && !fitting->ability->has_anchors)
        TELL(fitting, PIN_REMARK_WARNING, "lost-anchors", "%s: which anchors are trusted, and exempt from pins, cannot be said in %s", host_of(set),
             fitting->to);
    if (set->port != 0)
        TELL(fitting, PIN_REMARK_WARNING, "lost-port", "%s: holds for port %u alone, in %s for all ports", host_of(set), set->port, fitting->to);
    return OK;
}

static bool has_any(const struct pin_set *set, bool wants_role) {
    for (size_t i = 0; i < set->group_count; i++)
        for (size_t j = 0; j < set->groups[i].count; j++)
            if (wants_role ? set->groups[i].pins[j].role != PIN_ROLE_NONE : set->groups[i].pins[j].comment[0] != '\0')
                return true;
    return false;
}

static result tell_texts(struct fitting *fitting, const struct pin_set *set) {
    if (set->name[0] != '\0' && !fitting->ability->has_names)
        TELL(fitting, PIN_REMARK_NOTE, "lost-name", "%s: the name \"%s\" has no place in %s", host_of(set), set->name, fitting->to);
    if (has_any(set, true) && !fitting->ability->has_roles)
        TELL(fitting, PIN_REMARK_NOTE, "lost-role", "%s: which pin is current, next or backup has no place in %s", host_of(set), fitting->to);
    if (has_any(set, false) && !fitting->ability->has_comments)
        TELL(fitting, PIN_REMARK_NOTE, "lost-comment", "%s: comments have no place in %s", host_of(set), fitting->to);
    return OK;
}

/* An entry that another stands beside: in a uniting format both count. */
static result tell_union(struct fitting *fitting, const struct pin_set *set) {
    const struct pin_document *document = fitting->document;
    for (size_t i = 0; i < document->set_count; i++) {
        const struct pin_set *other = &document->sets[i];
        if (other == set || !other->is_pinned || other->host == NULL || set->host == NULL || !covers(other, set->host))
            continue;
        TELL(fitting, PIN_REMARK_WARNING, set->is_pinned ? "lost-closest" : "lost-unpinned", set->is_pinned ?
             "%s: in %s the pins of %s count for it too" : "%s: is not pinned, but in %s the pins of %s hold for it", set->host, fitting->to, other->host);
        return OK;
    }
    return OK;
}

static bool is_short_of_pins(const struct pin_set *from, const struct pin_set *set) {
    size_t groups = from->group_count < set->group_count ? from->group_count : set->group_count;
    if (set->group_count == 0)
        return true;
    for (size_t i = 0; i < groups; i++)
        if (set->groups[i].count == 0)
            return true;
    return false;
}

static result fit_details(struct fitting *fitting, struct pin_set *set) {
    const struct pin_set *from = fitting->set;
    if (from->group_count > fitting->ability->group_max)
        TELL(fitting, PIN_REMARK_WARNING, "lost-groups", "%s: has pins of which one each must match, in %s one of all suffices", host_of(from), fitting->to);
    TRY(fit_expiry(fitting, set));
    TRY(fit_enforcement(fitting, set));
    TRY(tell_texts(fitting, from));
    if (fitting->ability->is_uniting && !fitting->source->is_uniting)
        TRY(tell_union(fitting, from));
    return fit_pins(fitting, from, set);
}

static result leave_out(struct fitting *fitting, const char *why) {
    TELL(fitting, PIN_REMARK_ERROR, "lost-set", "%s: is left out: %s", host_of(fitting->set), why);
    return OK;
}

static result fit_unpinned(struct fitting *fitting) {
    if (!fitting->ability->has_unpinned)
        return tell_union(fitting, fitting->set);
    struct pin_set *set = pin_builder_add_set(&fitting->builder, fitting->set->line);
    if (set == NULL)
        return pin_builder_refusal(&fitting->builder);
    enum pin_format format = set->format;
    *set = *fitting->set;
    set->format = format;
    return fit_expiry(fitting, set);
}

static result fit_set(struct fitting *fitting) {
    const struct pin_set *from = fitting->set;
    bool is_kept = true, is_uniting = fitting->source->is_uniting && !fitting->ability->is_uniting;
    if (from->host == NULL && fitting->ability->has_hosts)
        return leave_out(fitting, "it names no host");
    if (!from->is_pinned)
        return fit_unpinned(fitting);
    if (is_uniting && is_told_before(fitting))
        return OK;
    struct pin_set fitted = *from;
    fitted.groups = NULL;
    fitted.group_count = 0;
    fitted.format = fitting->builder.document->format;
    TRY(fit_details(fitting, &fitted));
    if (is_uniting && from->host != NULL)
        TRY(unite_pins(fitting, &fitted));
    TRY(fit_match(fitting, &fitted, &is_kept));
    if (!is_kept)
        return OK;
    if (is_short_of_pins(from, &fitted))
        return leave_out(fitting, "no pin is left, so that every certificate would be refused");
    struct pin_set *set = pin_builder_add_set(&fitting->builder, from->line);
    if (set == NULL)
        return pin_builder_refusal(&fitting->builder);
    *set = fitted;
    return OK;
}

result pin_fit(const struct pin_document *document, enum pin_format format, struct pin_builder *lost, struct pin_document *ret_document) {
    *ret_document = *document;
    if (document->format == format)
        return OK;
    *ret_document = (struct pin_document){.source = document->source, .format = format};
    struct fitting fitting = {.document = document, .ability = pin_ability_of(format), .source = pin_ability_of(document->format), .lost = lost,
                              .builder = pin_builder_of(lost->arena, ret_document), .to = pin_format_name(format)};
    for (size_t i = 0; i < document->set_count; i++) {
        fitting.set = &document->sets[i];
        TRY(fit_set(&fitting));
    }
    return OK;
}
