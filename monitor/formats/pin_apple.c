/* NSPinnedDomains of App Transport Security, in an Info.plist (developer.apple.com, Information Property List, NSPinnedDomains). */
#include "base/text.h"
#include "formats/pin_file.h"
#include "formats/pin_plist.h"
#include "formats/pin_write.h"

#define DOMAINS "NSPinnedDomains"
#define SUBDOMAINS "NSIncludesSubdomains"
#define LEAVES "NSPinnedLeafIdentities"
#define AUTHORITIES "NSPinnedCAIdentities"
#define DIGEST "SPKI-SHA256-BASE64"

/* ---- reading */

static result read_identity(struct pin_builder *builder, const struct plist_node *identity, struct pin_set *set, size_t group, enum pin_position position) {
    const struct plist_node *digest = plist_member(identity, DIGEST);
    if (digest == NULL)
        return pin_builder_remark(builder, PIN_REMARK_ERROR, identity->line, "identity-digest", "an entry of %s has no " DIGEST ", wanted a dict with it",
                                  identity->parent->key);
    for (const struct plist_node *member = identity->first; member != NULL; member = member->next)
        if (strcmp(member->key, DIGEST) != 0)
            TRY(pin_builder_remark(builder, PIN_REMARK_NOTE, member->line, "key-unknown", "\"%s\" beside " DIGEST " is skipped", member->key));
    return pin_plist_pin(builder, digest, identity->comment[0] != '\0' ? identity->comment : digest->comment, set, group, position);
}

/* *ret_is_usable is false when the list is there and has nothing that can match: without it, less would have to match. */
static result read_identities(struct pin_builder *builder, const struct plist_node *domain, const char *name, struct pin_set *set, bool *ret_is_usable) {
    const struct plist_node *list = plist_member(domain, name);
    size_t group = set->group_count;
    *ret_is_usable = true;
    if (list == NULL)
        return OK;
    *ret_is_usable = false;
    if (list->type != PLIST_ARRAY)
        return pin_builder_remark(builder, PIN_REMARK_ERROR, list->line, "identities-type", "%s of %s is %s, wanted an array; the host is left out", name,
                                  domain->key, plist_type_name(list->type));
    for (const struct plist_node *identity = list->first; identity != NULL; identity = identity->next)
        TRY(read_identity(builder, identity, set, group, strcmp(name, LEAVES) == 0 ? PIN_LEAF : PIN_CA));
    *ret_is_usable = set->group_count > group;
    if (*ret_is_usable)
        return OK;
    return pin_builder_remark(builder, PIN_REMARK_ERROR, list->line, "identities-none", "%s of %s has no usable pin, wanted one at least; the host is left out",
                              name, domain->key);
}

static result check_keys(struct pin_builder *builder, const struct plist_node *domain) {
    static const char *const known[] = {SUBDOMAINS, LEAVES, AUTHORITIES};
    enum { KNOWN = sizeof known / sizeof known[0] };
    bool is_seen[KNOWN] = {false};
    for (const struct plist_node *member = domain->first; member != NULL; member = member->next) {
        size_t i = 0;
        while (i < KNOWN && strcmp(member->key, known[i]) != 0)
            i++;
        if (i == KNOWN)
            TRY(pin_builder_remark(builder, PIN_REMARK_NOTE, member->line, "key-unknown", "\"%s\" of %s means nothing to " DOMAINS " and is skipped",
                                   member->key, domain->key));
        else if (is_seen[i])
            TRY(pin_builder_remark(builder, PIN_REMARK_WARNING, member->line, "key-twice", "\"%s\" stands in %s twice, the last counts", member->key,
                                   domain->key));
        else
            is_seen[i] = true;
    }
    return OK;
}

static result read_pins(struct pin_builder *builder, const struct plist_node *domain, struct pin_set *set) {
    bool has_subdomains, has_leaves, has_authorities;
    TRY(check_keys(builder, domain));
    TRY(pin_plist_boolean(builder, plist_member(domain, SUBDOMAINS), false, &has_subdomains));
    TRY(read_identities(builder, domain, LEAVES, set, &has_leaves));
    TRY(read_identities(builder, domain, AUTHORITIES, set, &has_authorities));
    set->match = has_subdomains ? PIN_HOST_EXACT_AND_ONE_LABEL : PIN_HOST_EXACT;
    bool is_empty = set->group_count == 0 && has_leaves && has_authorities;
    if (is_empty)
        TRY(pin_builder_remark(builder, PIN_REMARK_ERROR, domain->line, "identities-absent",
                               "%s has neither " LEAVES " nor " AUTHORITIES ", wanted one of them; it is left out", domain->key));
    if (is_empty || !has_leaves || !has_authorities)
        pin_plist_drop_set(builder);
    return OK;
}

static result read_domain(struct pin_builder *builder, const struct plist_node *domain, const char *host) {
    struct pin_set *set = pin_builder_add_set(builder, domain->line);
    if (set == NULL)
        return pin_builder_refusal(builder);
    set->host = host;
    return read_pins(builder, domain, set);
}

result pin_apple_read(struct span bytes, struct arena *arena, struct pin_document *document, struct reason *reason) {
    struct pin_builder builder = pin_builder_of(arena, document);
    struct plist plist;
    TRY(plist_load(bytes, &fault_pin_file, arena, &plist, reason));
    const struct plist_node *security = plist_dict(plist.root, "NSAppTransportSecurity");
    const struct plist_node *domains = plist_dict(security == NULL ? plist.root : security, DOMAINS);
    if (plist.has_leading_space)
        TRY(pin_builder_remark(&builder, PIN_REMARK_WARNING, 1, "xml-leading-space",
                               "white space stands before the XML declaration, which other readers refuse (XML 1.0 2.8)"));
    if (domains == NULL)
        TRY(pin_builder_remark(&builder, PIN_REMARK_WARNING, 0, "pins-absent", "nothing is pinned: there is no dict " DOMAINS " in NSAppTransportSecurity"));
    else
        TRY(pin_plist_hosts(&builder, domains, read_domain));
    return pin_builder_end(&builder);
}

bool pin_apple_is_likely(struct span bytes) {
    return pin_plist_mentions(bytes, DOMAINS);
}

/* ---- writing */

struct writing {
    const struct pin_document *document;
    const struct pin_export *plan;
    struct pin_builder *lost;
    struct buffer *out;
};

static bool is_written_before(const struct writing *writing, size_t number) {
    for (size_t i = 0; i < number; i++)
        if (!writing->plan[i].is_left_out && strcmp(writing->plan[i].set->host, writing->plan[number].set->host) == 0)
            return true;
    return false;
}

static bool is_for_leaf(const struct pin *pin) {
    return pin->position == PIN_LEAF || pin->position == PIN_ANY;
}

static size_t count_pins(const struct pin_set *set, bool wants_leaves) {
    size_t count = 0;
    for (size_t i = 0; i < set->group_count; i++)
        for (size_t k = 0; k < set->groups[i].count; k++)
            count += is_for_leaf(&set->groups[i].pins[k]) == wants_leaves;
    return count;
}

static void write_pin(struct writing *writing, const struct pin *pin) {
    char text[HASH_BASE64_SIZE];
    pin_plist_comment(writing->out, 5, pin->comment);
    pin_plist_line(writing->out, 5, "<dict>");
    pin_plist_key(writing->out, 6, DIGEST);
    text_of_base64(pin->value, text);
    pin_plist_string(writing->out, 6, text);
    pin_plist_line(writing->out, 5, "</dict>");
}

/* The lists of all entries of the host: here they are one. */
static result write_lists(struct writing *writing, size_t number, bool wants_leaves) {
    const char *host = writing->plan[number].set->host;
    size_t written = 0;
    for (size_t i = number; i < writing->document->set_count; i++) {
        const struct pin_export *entry = &writing->plan[i];
        const struct pin **pins;
        size_t count;
        if (entry->is_left_out || strcmp(entry->set->host, host) != 0)
            continue;
        TRY(pin_write_pins(entry, writing->lost->arena, &pins, &count));
        for (size_t k = 0; k < count; k++) {
            if (is_for_leaf(pins[k]) != wants_leaves)
                continue;
            if (written++ == 0) {
                pin_plist_key(writing->out, 4, wants_leaves ? LEAVES : AUTHORITIES);
                pin_plist_line(writing->out, 4, "<array>");
            }
            write_pin(writing, pins[k]);
        }
    }
    if (written > 0)
        pin_plist_line(writing->out, 4, "</array>");
    return OK;
}

static bool has_position(const struct pin_set *set, enum pin_position position) {
    for (size_t i = 0; i < set->group_count; i++)
        for (size_t k = 0; k < set->groups[i].count; k++)
            if (set->groups[i].pins[k].position == position)
                return true;
    return false;
}

static result tell_positions(struct writing *writing, const struct pin_set *set) {
    if (has_position(set, PIN_ANY))
        TRY(pin_builder_remark(writing->lost, PIN_REMARK_WARNING, set->line, "export-position",
                               "%s: pins of any certificate are written as pins of the leaf; those of a CA refuse everything until they are moved to "
                               AUTHORITIES, set->host));
    if (has_position(set, PIN_INTERMEDIATE) || has_position(set, PIN_ROOT))
        TRY(pin_builder_remark(writing->lost, PIN_REMARK_WARNING, set->line, "export-position",
                               "%s: pins of an intermediate or of a root match any CA of the chain here", set->host));
    if (set->group_count == 1 && count_pins(set, true) > 0 && count_pins(set, false) > 0)
        TRY(pin_builder_remark(writing->lost, PIN_REMARK_WARNING, set->line, "export-groups",
                               "%s: a leaf or a CA had to match, here both must", set->host));
    return OK;
}

static result write_host(struct writing *writing, size_t number) {
    const struct pin_export *entry = &writing->plan[number];
    bool has_subdomains = false;
    TRY(tell_positions(writing, entry->set));
    if (is_written_before(writing, number))
        return pin_builder_remark(writing->lost, PIN_REMARK_WARNING, entry->set->line, "export-joined", "%s: joined with the other entry of this host",
                                  entry->set->host);
    for (size_t i = number; i < writing->document->set_count; i++)
        has_subdomains |= !writing->plan[i].is_left_out && strcmp(writing->plan[i].set->host, entry->set->host) == 0 &&
                          writing->plan[i].match != PIN_HOST_EXACT;
    pin_plist_key(writing->out, 3, entry->set->host);
    pin_plist_line(writing->out, 3, "<dict>");
    if (has_subdomains) {
        pin_plist_key(writing->out, 4, SUBDOMAINS);
        pin_plist_line(writing->out, 4, "<true/>");
    }
    TRY(write_lists(writing, number, true));
    TRY(write_lists(writing, number, false));
    pin_plist_line(writing->out, 3, "</dict>");
    return OK;
}

result pin_apple_write(const struct pin_document *document, struct pin_builder *lost, struct buffer *out) {
    static const struct pin_abilities abilities = {
        .name = "an Info.plist", .names_hosts = true, .unites = true, .has_groups = true, .has_comments = true, .kinds = PIN_BIT(PIN_SPKI),
        .algorithms = PIN_BIT(PIN_SHA256), .positions = ~0u, .matches = PIN_BIT(PIN_HOST_EXACT) | PIN_BIT(PIN_HOST_EXACT_AND_ONE_LABEL),
    };
    struct pin_export *plan;
    TRY(pin_export_plan(document, &abilities, lost, &plan));
    struct writing writing = {.document = document, .plan = plan, .lost = lost, .out = out};
    pin_plist_begin(out);
    pin_plist_line(out, 0, "<dict>");
    pin_plist_key(out, 1, "NSAppTransportSecurity");
    pin_plist_line(out, 1, "<dict>");
    pin_plist_key(out, 2, DOMAINS);
    pin_plist_line(out, 2, "<dict>");
    for (size_t i = 0; i < document->set_count; i++)
        if (!plan[i].is_left_out)
            TRY(write_host(&writing, i));
    pin_plist_line(out, 2, "</dict>");
    pin_plist_line(out, 1, "</dict>");
    pin_plist_line(out, 0, "</dict>");
    pin_plist_end(out);
    return buffer_check(out);
}
