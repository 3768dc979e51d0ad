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

static bool is_for_leaf(const struct pin *pin) {
    return pin->position == PIN_LEAF || pin->position == PIN_ANY;
}

static void write_pin(const struct pin *pin, struct buffer *out) {
    char text[HASH_BASE64_SIZE];
    pin_plist_comment(out, 5, pin->comment);
    pin_plist_line(out, 5, "<dict>");
    pin_plist_key(out, 6, DIGEST);
    text_of_base64(pin->value, text);
    pin_plist_string(out, 6, text);
    pin_plist_line(out, 5, "</dict>");
}

static void write_list(const struct pin **pins, size_t count, bool wants_leaves, struct buffer *out) {
    size_t written = 0;
    for (size_t i = 0; i < count; i++) {
        if (is_for_leaf(pins[i]) != wants_leaves)
            continue;
        if (written++ == 0) {
            pin_plist_key(out, 4, wants_leaves ? LEAVES : AUTHORITIES);
            pin_plist_line(out, 4, "<array>");
        }
        write_pin(pins[i], out);
    }
    if (written > 0)
        pin_plist_line(out, 4, "</array>");
}

static result tell_positions(const struct pin_export *entry, const struct pin **pins, size_t count, struct pin_builder *lost) {
    const struct pin_set *set = entry->set;
    unsigned positions = 0, leaves = 0;
    bool was_one_list = set->format != PIN_FORMAT_APPLE && (set->group_count == 1 || entry->united[0] != NULL);
    for (size_t i = 0; i < count; i++) {
        positions |= PIN_BIT(pins[i]->position);
        leaves += is_for_leaf(pins[i]);
    }
    if ((positions & PIN_BIT(PIN_ANY)) != 0)
        TRY(pin_builder_remark(lost, PIN_REMARK_WARNING, set->line, "export-position",
                               "%s: pins of any certificate are written as pins of the leaf; those of a CA refuse everything until they are moved to "
                               AUTHORITIES, set->host));
    if ((positions & (PIN_BIT(PIN_INTERMEDIATE) | PIN_BIT(PIN_ROOT))) != 0)
        TRY(pin_builder_remark(lost, PIN_REMARK_WARNING, set->line, "export-position",
                               "%s: pins of an intermediate or of a root match any CA of the chain here", set->host));
    if (was_one_list && leaves > 0 && leaves < count)
        TRY(pin_builder_remark(lost, PIN_REMARK_WARNING, set->line, "export-groups",
                               "%s: a leaf or a CA had to match, here both must", set->host));
    return OK;
}

static result write_host(const struct pin_export *entry, struct pin_builder *lost, struct buffer *out) {
    const struct pin **pins;
    size_t count;
    TRY(pin_write_pins(entry, lost->arena, &pins, &count));
    TRY(tell_positions(entry, pins, count, lost));
    pin_plist_key(out, 3, entry->set->host);
    pin_plist_line(out, 3, "<dict>");
    if (entry->match != PIN_HOST_EXACT) {
        pin_plist_key(out, 4, SUBDOMAINS);
        pin_plist_line(out, 4, "<true/>");
    }
    write_list(pins, count, true, out);
    write_list(pins, count, false, out);
    pin_plist_line(out, 3, "</dict>");
    return OK;
}

result pin_apple_write(const struct pin_document *document, struct pin_builder *lost, struct buffer *out) {
    static const struct pin_abilities abilities = {
        .name = "an Info.plist", .names_hosts = true, .unites = true, .has_groups = true, .has_comments = true, .kinds = PIN_BIT(PIN_SPKI),
        .algorithms = PIN_BIT(PIN_SHA256), .positions = ~0u, .matches = PIN_BIT(PIN_HOST_EXACT) | PIN_BIT(PIN_HOST_EXACT_AND_ONE_LABEL),
    };
    struct pin_export *plan;
    TRY(pin_export_plan(document, &abilities, lost, &plan));
    pin_plist_begin(out);
    pin_plist_line(out, 0, "<dict>");
    pin_plist_key(out, 1, "NSAppTransportSecurity");
    pin_plist_line(out, 1, "<dict>");
    pin_plist_key(out, 2, DOMAINS);
    pin_plist_line(out, 2, "<dict>");
    for (size_t i = 0; i < document->set_count; i++)
        if (!plan[i].is_left_out)
            TRY(write_host(&plan[i], lost, out));
    pin_plist_line(out, 2, "</dict>");
    pin_plist_line(out, 1, "</dict>");
    pin_plist_line(out, 0, "</dict>");
    pin_plist_end(out);
    return buffer_check(out);
}
