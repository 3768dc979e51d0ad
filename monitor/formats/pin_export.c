#include "formats/pin_export.h"

#include <jansson.h>
#include <stdio.h>

#include "base/text.h"

#define NO_ENTRY SIZE_MAX

enum { HTTPS_PORT = 443 };
#define HTTPS_PROTOCOL "tcp"

struct narrowed {
    size_t place;
    struct narrowed *next;
};

struct planning {
    const struct pin_document *document;
    const struct pin_abilities *abilities;
    struct pin_builder *lost;
    struct pin_export *plan;
    bool *is_joined; /* left out, as its pins stand in another entry of its host */
    json_t *first;   /* host -> place of its first entry; owned */
    size_t *next;    /* of each entry: the next one of its host, or NO_ENTRY */
    struct narrowed **below; /* of each entry: those below its host that hold for fewer hosts here, of formats that unite */
};

static const char *host_of(const struct pin_set *set) {
    return set->host != NULL ? set->host : set->name[0] != '\0' ? set->name : "the entry";
}

static result tell(struct planning *planning, enum pin_remark_kind kind, const struct pin_set *set, const char *rule, const char *what) {
    return pin_builder_remark(planning->lost, kind, set->line, rule, "%s: %s", host_of(set), what);
}

/* ── hosts ── */

/* Of the hosts at and below the lower one's host, those that are reached: itself (1), one label more (2), all beyond (4). */
static unsigned reach(const struct pin_export *entry, enum pin_host_match match, const struct pin_export *lower) {
    int below = pin_host_labels_below(lower->set->host, entry->set->host);
    unsigned hosts = 0;
    for (size_t depth = 0; below >= 0 && depth < 3; depth++)
        hosts |= pin_host_match_reaches(match, (size_t) below + depth) ? 1u << depth : 0;
    return hosts;
}

static const struct pin_export *lower_of(const struct pin_export *one, const struct pin_export *other) {
    return one->host_size > other->host_size ? one : other;
}

/* Does an entry with this match hold for some host for which the other one holds? */
static bool overlaps(const struct pin_export *one, enum pin_host_match match, const struct pin_export *other, enum pin_host_match other_match) {
    const struct pin_export *lower = lower_of(one, other);
    return (reach(one, match, lower) & reach(other, other_match, lower)) != 0;
}

/* Does the other one hold for some host of the entry where it comes from, and not here? */
static bool is_lost_to(const struct pin_export *entry, const struct pin_export *other) {
    const struct pin_export *lower = lower_of(entry, other);
    unsigned lost = reach(other, other->set->match, lower) & ~reach(other, other->match, lower);
    return (reach(entry, entry->match, lower) & lost) != 0;
}

/* Records of another port do not meet. */
static bool is_same_service(const struct pin_set *one, const struct pin_set *other) {
    return one->port == other->port && strcmp(one->protocol, other->protocol) == 0;
}

/* The same, once they are written: without a port it is this one, and with one only this can be written where there are no ports. */
static bool is_same_service_here(const struct pin_set *one, const struct pin_set *other) {
    unsigned port = one->port == 0 ? HTTPS_PORT : one->port, other_port = other->port == 0 ? HTTPS_PORT : other->port;
    const char *protocol = one->protocol[0] == '\0' ? HTTPS_PROTOCOL : one->protocol;
    return port == other_port && strcmp(protocol, other->protocol[0] == '\0' ? HTTPS_PROTOCOL : other->protocol) == 0;
}

/* The widest match that can be said and is no wider; false: none. */
static bool narrow(unsigned matches, enum pin_host_match match, enum pin_host_match *ret_match) {
    static const enum pin_host_match order[] = {PIN_HOST_EXACT_AND_BELOW, PIN_HOST_EXACT_AND_ONE_LABEL, PIN_HOST_EXACT, PIN_HOST_ONE_LABEL_BELOW};
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        bool is_within = true;
        for (size_t below = 0; below < 3; below++)
            is_within = is_within && (!pin_host_match_reaches(order[i], below) || pin_host_match_reaches(match, below));
        if (is_within && (matches & PIN_BIT(order[i])) != 0) {
            *ret_match = order[i];
            return true;
        }
    }
    return false;
}

/* ── one set ── */

static const char *pin_not_said(const struct pin_abilities *abilities, const struct pin *pin) {
    if ((abilities->kinds & PIN_BIT(pin->kind)) == 0)
        return pin->kind == PIN_CERTIFICATE ? "it pins whole certificates, which cannot be said, so it is left out"
                                            : "it pins public keys, which cannot be said, so it is left out";
    if ((abilities->algorithms & PIN_BIT(pin->algorithm)) == 0)
        return "it has a pin of an algorithm that cannot be said, so it is left out";
    return NULL;
}

static const char *pins_not_said(const struct pin_abilities *abilities, const struct pin_set *set) {
    size_t count = 0;
    for (size_t i = 0; i < set->group_count; i++) {
        for (size_t k = 0; k < set->groups[i].count; k++, count++) {
            const char *why = pin_not_said(abilities, &set->groups[i].pins[k]);
            if (why != NULL)
                return why;
        }
        if (set->groups[i].count == 0 && !abilities->has_empty)
            return "a group without pins accepts nothing, which cannot be said, so it is left out";
    }
    return count == 0 && set->is_pinned && !abilities->has_empty ? "it has no pins and accepts nothing, which cannot be said, so it is left out" : NULL;
}

static const char *service_not_said(const struct pin_abilities *abilities, const struct pin_set *set) {
    if (!set->is_secure && !abilities->has_ports)
        return "its records are not known to be DNSSEC-secure, so nobody goes by them, and it is left out";
    bool is_https = (set->port == 0 || set->port == HTTPS_PORT) && (set->protocol[0] == '\0' || strcmp(set->protocol, HTTPS_PROTOCOL) == 0);
    if (!is_https && !abilities->has_ports)
        return "it holds for one port, here for every port, so it is left out";
    return NULL;
}

/* Why it cannot be written at all; NULL when it can. */
static const char *left_out_because(const struct pin_abilities *abilities, const struct pin_set *set) {
    if (abilities->names_hosts && set->host == NULL)
        return "it names no host, and here every entry has one, so it is left out";
    if (!set->is_pinned && !abilities->has_unpinning)
        return "that this host is not pinned cannot be said, so it is left out";
    if (set->is_report_only && !set->is_enforced && !abilities->has_report_only)
        return "it only reports, here it would refuse, so it is left out";
    if (!set->is_enforced && !abilities->has_unenforced && set->format != PIN_FORMAT_HPKP)
        return "it is not enforced, here it would be, so it is left out";
    const char *why = service_not_said(abilities, set);
    return why != NULL ? why : pins_not_said(abilities, set);
}

static bool has_role(const struct pin *pin) {
    return pin->role != PIN_ROLE_NONE;
}

static bool has_comment(const struct pin *pin) {
    return pin->comment[0] != '\0';
}

static bool is_dane(const struct pin *pin) {
    return pin->tlsa_usage == PIN_TLSA_DANE_TA || pin->tlsa_usage == PIN_TLSA_DANE_EE;
}

static bool any_pin(const struct pin_set *set, bool (*is_so)(const struct pin *)) {
    for (size_t i = 0; i < set->group_count; i++)
        for (size_t k = 0; k < set->groups[i].count; k++)
            if (is_so(&set->groups[i].pins[k]))
                return true;
    return false;
}

static bool has_lost_position(const struct pin_abilities *abilities, const struct pin_set *set) {
    for (size_t i = 0; i < set->group_count; i++)
        for (size_t k = 0; k < set->groups[i].count; k++)
            if ((abilities->positions & PIN_BIT(set->groups[i].pins[k].position)) == 0)
                return true;
    return false;
}

static result tell_expiry(struct planning *planning, const struct pin_set *set) {
    char time[RFC3339_SIZE], what[120];
    if (set->has_expiry && !planning->abilities->has_expiry) {
        text_of_time(set->expires, time);
        snprintf(what, sizeof what, "pinning ends on %.10s, here it never does", time);
        TRY(tell(planning, PIN_REMARK_WARNING, set, "export-expiry", what));
    }
    if (set->has_max_age && !planning->abilities->has_max_age)
        TRY(tell(planning, PIN_REMARK_WARNING, set, "export-max-age", "clients forget the pins some time after their last visit, here they never do"));
    return OK;
}

static result tell_keys(struct planning *planning, const struct pin_set *set) {
    const struct pin_abilities *abilities = planning->abilities;
    if (set->group_count > 1 && !abilities->has_groups)
        TRY(tell(planning, PIN_REMARK_WARNING, set, "export-groups", "a leaf pin and a CA pin must both match, here one of them suffices"));
    if (has_lost_position(abilities, set))
        TRY(tell(planning, PIN_REMARK_WARNING, set, "export-position", "its pins hold for one place of the chain, here they match anywhere in it"));
    if ((set->overrides_pins || !set->trusts_system) && !abilities->has_anchors)
        TRY(tell(planning, PIN_REMARK_WARNING, set, "export-anchors", "which trust anchors count, and which are exempt from pins, cannot be said"));
    if (set->format == PIN_FORMAT_TLSA && !abilities->has_ports && any_pin(set, is_dane))
        TRY(tell(planning, PIN_REMARK_WARNING, set, "export-trust", "DANE asks for no public CA (usages 2 and 3), here the chain must be trusted too"));
    if (set->format == PIN_FORMAT_HPKP && !abilities->has_unenforced)
        TRY(tell(planning, PIN_REMARK_WARNING, set, "export-enforced", "no browser enforces these pins any more, here they are enforced"));
    return OK;
}

static result tell_words(struct planning *planning, const struct pin_set *set) {
    const struct pin_abilities *abilities = planning->abilities;
    if (set->host != NULL && !abilities->names_hosts)
        TRY(tell(planning, PIN_REMARK_WARNING, set, "export-host", "its host is not said in this format: it holds wherever it is put"));
    if (set->name[0] != '\0' && !abilities->has_names)
        TRY(tell(planning, PIN_REMARK_NOTE, set, "export-name", "its name is lost"));
    if (!abilities->has_roles && any_pin(set, has_role))
        TRY(tell(planning, PIN_REMARK_NOTE, set, "export-role", "which pins are current, next or backup is lost"));
    if (!abilities->has_comments && any_pin(set, has_comment))
        TRY(tell(planning, PIN_REMARK_NOTE, set, "export-comment", "comments on its pins are lost"));
    if ((set->report_uris[0] != NULL || set->uses_default_reports) && !abilities->has_reports)
        TRY(tell(planning, PIN_REMARK_NOTE, set, "export-reports", "where failures are reported to is lost"));
    return OK;
}

static result leave_out(struct planning *planning, struct pin_export *entry, const char *why) {
    entry->is_left_out = true;
    return tell(planning, PIN_REMARK_ERROR, entry->set, "export-left-out", why);
}

static result plan_set(struct planning *planning, struct pin_export *entry) {
    const struct pin_set *set = entry->set;
    const char *why = left_out_because(planning->abilities, set);
    if (why != NULL)
        return leave_out(planning, entry, why);
    if (!narrow(planning->abilities->matches, set->match, &entry->match))
        return leave_out(planning, entry, "for which hosts below it holds cannot be said, so it is left out");
    if (entry->match != set->match && set->host != NULL)
        TRY(pin_builder_remark(planning->lost, PIN_REMARK_WARNING, set->line, "export-match", "%s: it holds for \"%s\", here only for \"%s\"",
                               host_of(set), pin_host_match_name(set->match), pin_host_match_name(entry->match)));
    if (!set->is_pinned)
        return OK;
    TRY(tell_expiry(planning, set));
    TRY(tell_keys(planning, set));
    return tell_words(planning, set);
}

/* ── sets beside each other ── */

/* By host, so that an entry meets only those at its host and above. */
static result index_hosts(struct planning *planning) {
    size_t count = planning->document->set_count;
    planning->next = arena_take_array(planning->lost->arena, count + 1, sizeof *planning->next);
    planning->below = arena_take_array(planning->lost->arena, count + 1, sizeof *planning->below);
    planning->is_joined = arena_take_array(planning->lost->arena, count + 1, sizeof *planning->is_joined);
    if (planning->first == NULL || planning->next == NULL || planning->below == NULL || planning->is_joined == NULL)
        return &fault_no_memory;
    for (size_t i = count; i-- > 0;) {
        const struct pin_export *entry = &planning->plan[i];
        if (entry->set->host == NULL)
            continue;
        const json_t *known = json_object_get(planning->first, entry->set->host);
        planning->next[i] = known == NULL ? NO_ENTRY : (size_t) json_integer_value(known);
        if (json_object_set_new(planning->first, entry->set->host, json_integer((json_int_t) i)) != 0)
            return &fault_no_memory;
    }
    return OK;
}

/* The next entry at the host or at one above it. Begin with *host, and *ret_place as NO_ENTRY; false: there is no more. */
static bool next_above(const struct planning *planning, const char **host, size_t *ret_place) {
    if (*ret_place != NO_ENTRY)
        *ret_place = planning->next[*ret_place];
    while (*ret_place == NO_ENTRY && *host != NULL) {
        const json_t *known = json_object_get(planning->first, *host);
        const char *dot = strchr(*host, '.');
        *ret_place = known == NULL ? NO_ENTRY : (size_t) json_integer_value(known);
        *host = dot == NULL ? NULL : dot + 1;
    }
    return *ret_place != NO_ENTRY;
}

/* May the entry stay as it is although `gone` is left out? A more exact one holds alone, except where all unite. */
static bool is_untouched(const struct pin_export *gone, const struct pin_export *entry) {
    bool is_more_exact = !pin_format_unites(entry->set->format) && pin_host_labels_below(entry->set->host, gone->set->host) > 0;
    return is_more_exact || !is_same_service(entry->set, gone->set) || !overlaps(entry, entry->match, gone, gone->set->match);
}

/* A host whose entry is left out must not fall to another entry: that one is narrowed, or left out as well. */
static result shrink(struct planning *planning, const struct pin_export *gone, struct pin_export *entry, bool *ret_is_gone) {
    enum pin_host_match narrower;
    *ret_is_gone = false;
    if (entry->is_left_out || entry == gone || entry->set->host == NULL || is_untouched(gone, entry))
        return OK;
    for (unsigned matches = planning->abilities->matches; narrow(matches, entry->match, &narrower); matches &= ~PIN_BIT(narrower)) {
        if (overlaps(entry, narrower, gone, gone->set->match))
            continue;
        entry->match = narrower;
        return pin_builder_remark(planning->lost, PIN_REMARK_WARNING, entry->set->line, "export-match",
                                  "%s: it holds only for \"%s\" here, as the entry of %s is left out", host_of(entry->set),
                                  pin_host_match_name(narrower), host_of(gone->set));
    }
    *ret_is_gone = true;
    return leave_out(planning, entry, "it would hold for hosts of an entry that is left out, so it is left out too");
}

/* The next entry that may hold for a host of this one; as next_above. */
static bool next_beside(const struct planning *planning, const struct pin_export *entry, const char **host, size_t *place) {
    if (entry->set->match == PIN_HOST_EXACT)
        return next_above(planning, host, place);
    *place = *place == NO_ENTRY ? 0 : *place + 1;
    return *place < planning->document->set_count;
}

static result shrink_around_gaps(struct planning *planning) {
    size_t count = planning->document->set_count, todo = 0;
    size_t *gone = arena_take_array(planning->lost->arena, count + 1, sizeof *gone);
    if (gone == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; i++)
        if (planning->plan[i].is_left_out && planning->plan[i].set->host != NULL)
            gone[todo++] = i;
    while (todo > 0) {
        const struct pin_export *gap = &planning->plan[gone[--todo]];
        const char *host = gap->set->host;
        for (size_t place = NO_ENTRY; next_beside(planning, gap, &host, &place);) {
            bool is_gone;
            TRY(shrink(planning, gap, &planning->plan[place], &is_gone));
            if (is_gone)
                gone[todo++] = place;
        }
    }
    return OK;
}

/* Tells the entries above a narrowed one of it. */
static result index_narrowed(struct planning *planning, size_t number) {
    const char *host = planning->plan[number].set->host;
    size_t place = NO_ENTRY;
    while (next_above(planning, &host, &place)) {
        struct narrowed *narrowed;
        if (planning->plan[place].host_size == planning->plan[number].host_size)
            continue;
        narrowed = arena_take(planning->lost->arena, sizeof *narrowed);
        if (narrowed == NULL)
            return &fault_no_memory;
        *narrowed = (struct narrowed){.place = number, .next = planning->below[place]};
        planning->below[place] = narrowed;
    }
    return OK;
}

static result index_all_narrowed(struct planning *planning) {
    for (size_t i = planning->document->set_count; i-- > 0;) { /* so that the lists are in the document's order */
        const struct pin_export *entry = &planning->plan[i];
        if (!entry->is_left_out && pin_format_unites(entry->set->format) && entry->match != entry->set->match)
            TRY(index_narrowed(planning, i));
    }
    return OK;
}

/* Where sets unite here too, only what is narrowed has to be made up for. */
static bool makes_up_for(const struct pin_export *entry, const struct pin_export *other) {
    bool is_narrowed = !other->is_left_out && other->match != other->set->match;
    return is_narrowed && pin_format_unites(other->set->format) && other->set->format == entry->set->format && is_lost_to(entry, other);
}

/* Do its pins count for hosts for which `entry` will hold? */
static bool belongs_in(const struct planning *planning, const struct pin_export *entry, size_t place) {
    const struct pin_export *other = &planning->plan[place];
    bool is_joined = planning->is_joined[place], is_joined_here = is_joined && other->host_size == entry->host_size; /* the same host, then */
    if (planning->abilities->unites && !is_joined_here)
        return other != entry && makes_up_for(entry, other) && is_same_service_here(other->set, entry->set);
    bool has_pins = is_joined_here || (pin_format_unites(other->set->format) && (!other->is_left_out || is_joined));
    return other != entry && has_pins && is_same_service_here(other->set, entry->set) && overlaps(entry, entry->match, other, other->set->match);
}

/* Adds the entry's set to `united`, where it is not NULL, if its pins belong in this one too; returns how many were added. */
static size_t collect_one(const struct planning *planning, const struct pin_export *entry, size_t place, const struct pin_set **united) {
    if (!belongs_in(planning, entry, place))
        return 0;
    if (united != NULL)
        *united = planning->plan[place].set;
    return 1;
}

static size_t collect(const struct planning *planning, const struct pin_export *entry, const struct pin_set **united) {
    const char *host = entry->set->host;
    size_t place = NO_ENTRY, count = 0;
    while (next_above(planning, &host, &place))
        count += collect_one(planning, entry, place, united == NULL ? NULL : united + count);
    for (const struct narrowed *one = planning->below[entry - planning->plan]; one != NULL; one = one->next)
        count += collect_one(planning, entry, one->place, united == NULL ? NULL : united + count);
    return count;
}

/* Where sets unite at home and not here, an entry gets the pins of every other that holds for some of its hosts: fewer keys are refused. */
static result unite(struct planning *planning, struct pin_export *entry) {
    size_t count = collect(planning, entry, NULL);
    if (count == 0)
        return OK;
    const struct pin_set **united = arena_take_array(planning->lost->arena, count + 1, sizeof *united);
    if (united == NULL)
        return &fault_no_memory;
    (void) collect(planning, entry, united);
    entry->united = united;
    return tell(planning, PIN_REMARK_WARNING, entry->set, "export-united", "it has the pins of other entries that hold for its hosts too");
}

static unsigned mildness(const struct pin_set *set) {
    return !set->is_pinned ? 2 : !set->is_enforced;
}

/* Which of several is kept: one that says that the host is not pinned goes before all, for else more would be refused. */
static unsigned rank(const struct pin_export *entry) {
    return mildness(entry->set) * (PIN_HOST_EXACT_AND_BELOW + 1) + entry->match;
}

static bool is_twin(const struct pin_export *entry, const struct pin_export *other) {
    return other != entry && !other->is_left_out && is_same_service_here(other->set, entry->set) &&
           (rank(other) < rank(entry) || (rank(other) == rank(entry) && other > entry));
}

/* One entry a host: of several, the one that holds for the most. The others' pins stand in it. */
static result drop_twins(struct planning *planning, const struct pin_export *entry) {
    size_t place = (size_t) json_integer_value(json_object_get(planning->first, entry->set->host));
    for (; place != NO_ENTRY; place = planning->next[place]) {
        struct pin_export *other = &planning->plan[place];
        if (!is_twin(entry, other))
            continue;
        bool is_within = overlaps(entry, entry->match, other, other->match) && mildness(entry->set) == mildness(other->set);
        other->is_left_out = planning->is_joined[place] = true;
        TRY(pin_builder_remark(planning->lost, is_within ? PIN_REMARK_NOTE : PIN_REMARK_WARNING, other->set->line, "export-joined", "%s: %s",
                               host_of(other->set), is_within ? "joined with the other entry of this host"
                                                              : "left out, as there may be one entry for this host, and another holds for more, or refuses less"));
    }
    return OK;
}

static result drop_all_twins(struct planning *planning) {
    for (size_t i = 0; i < planning->document->set_count; i++)
        if (!planning->plan[i].is_left_out && planning->plan[i].set->host != NULL)
            TRY(drop_twins(planning, &planning->plan[i]));
    return OK;
}

static result unite_all(struct planning *planning) {
    for (size_t i = 0; i < planning->document->set_count; i++) {
        struct pin_export *entry = &planning->plan[i];
        if (!entry->is_left_out && entry->set->host != NULL && entry->set->is_pinned)
            TRY(unite(planning, entry));
    }
    return OK;
}

/* Which lists of a format with groups its pins stand in: that of leaves (1), that of CAs (2). */
static unsigned lists_of(const struct pin_set *set) {
    unsigned lists = 0;
    for (size_t i = 0; i < set->group_count; i++)
        for (size_t k = 0; k < set->groups[i].count; k++)
            lists |= set->groups[i].pins[k].position == PIN_ANY || set->groups[i].pins[k].position == PIN_LEAF ? 1 : 2;
    return lists;
}

static unsigned lists_written(const struct pin_export *entry) {
    unsigned lists = lists_of(entry->set);
    for (const struct pin_set *const *other = entry->united; *other != NULL; other++)
        lists |= lists_of(*other);
    return lists;
}

enum { OVERLAPS = 1, FILLS_BOTH_LISTS = 2 };

/* Marks the entries that overlap with others. */
static void mark_unions(const struct planning *planning, const unsigned char *lists, unsigned char *marks) {
    for (size_t i = 0; i < planning->document->set_count; i++) {
        const struct pin_export *entry = &planning->plan[i];
        const char *host = entry->set->host;
        size_t place = NO_ENTRY;
        while (!entry->is_left_out && next_above(planning, &host, &place)) {
            const struct pin_export *other = &planning->plan[place];
            unsigned char mark = OVERLAPS | (planning->abilities->has_groups && (lists[i] | lists[place]) == 3 ? FILLS_BOTH_LISTS : 0);
            bool is_new = place != i && (marks[i] & marks[place] & mark) != mark && !other->is_left_out;
            if (!is_new || !is_same_service_here(entry->set, other->set) || !overlaps(entry, entry->match, other, other->match))
                continue;
            marks[i] |= mark;
            marks[place] |= mark;
        }
    }
}

/* Here sets unite: what overlaps accepts more keys than where it comes from; or fewer, where each list must be matched. */
static result tell_unions(struct planning *planning) {
    size_t count = planning->document->set_count;
    unsigned char *lists = arena_take_array(planning->lost->arena, count + 1, 1), *marks = arena_take_array(planning->lost->arena, count + 1, 1);
    if (lists == NULL || marks == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; i++)
        lists[i] = (unsigned char) lists_written(&planning->plan[i]);
    mark_unions(planning, lists, marks);
    for (size_t i = 0; i < count; i++) {
        const struct pin_set *set = planning->plan[i].set;
        if ((marks[i] & OVERLAPS) != 0 && !pin_format_unites(set->format))
            TRY(tell(planning, PIN_REMARK_WARNING, set, "export-unites", "another entry holds for some of its hosts too, and here both count"));
        if ((marks[i] & FILLS_BOTH_LISTS) != 0 && set->format != PIN_FORMAT_APPLE)
            TRY(tell(planning, PIN_REMARK_WARNING, set, "export-groups", "with another entry of its hosts it pins leaves and CAs, and here both must match"));
    }
    return OK;
}

static result plan_document(struct planning *planning) {
    TRY(index_hosts(planning));
    TRY(shrink_around_gaps(planning));
    TRY(index_all_narrowed(planning));
    if (!planning->abilities->has_twins)
        TRY(drop_all_twins(planning));
    TRY(unite_all(planning));
    return planning->abilities->unites ? tell_unions(planning) : OK;
}

result pin_export_plan(const struct pin_document *document, const struct pin_abilities *abilities, struct pin_builder *lost,
                       struct pin_export **ret_plan) {
    static const struct pin_set *const none[] = {NULL};
    struct planning planning = {.document = document, .abilities = abilities, .lost = lost};
    planning.plan = arena_take_array(lost->arena, document->set_count + 1, sizeof *planning.plan);
    if (planning.plan == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < document->set_count; i++) {
        planning.plan[i] = (struct pin_export){.set = &document->sets[i], .match = document->sets[i].match, .united = none};
        planning.plan[i].host_size = document->sets[i].host == NULL ? 0 : strlen(document->sets[i].host);
        TRY(plan_set(&planning, &planning.plan[i]));
    }
    planning.first = json_object();
    result outcome = plan_document(&planning);
    json_decref(planning.first);
    if (outcome == OK)
        *ret_plan = planning.plan;
    return outcome;
}
