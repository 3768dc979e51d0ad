/* TrustKit for iOS and macOS: TSKConfiguration in an Info.plist, or its dict alone, as plist or as JSON, in which the names of the constants (kTSK…)
 * stand as often. TrustKit raises an exception where something is wrong; here everything that can be read is read. */
#include "base/text.h"
#include "formats/pin_date.h"
#include "formats/pin_file.h"
#include "formats/pin_plist.h"

/* The value of the constant kTSKExcludeSubdomainFromParentPolicy up to TrustKit 3.0.0 is not its name without the k. */
#define EXCLUDE "kSKExcludeSubdomainFromParentPolicy"
#define EXCLUDE_AS_MEANT "TSKExcludeSubdomainFromParentPolicy"

/* Without the k of the constant's name. */
static const char *plain(const char *key) {
    return strncmp(key, "kTSK", 4) == 0 ? key + 1 : key;
}

static bool is_key(const struct plist_node *member, const char *key) {
    return strcmp(plain(member->key), key) == 0;
}

/* The last of that name, with the k or without. */
static const struct plist_node *member_of(const struct plist_node *dict, const char *key) {
    const struct plist_node *found = NULL;
    for (const struct plist_node *member = dict->type == PLIST_DICT ? dict->first : NULL; member != NULL; member = member->next)
        if (is_key(member, key))
            found = member;
    return found;
}

/* ---- one host */

struct domain {
    const struct plist_node *node;
    const struct plist_node *exclude, *subdomains, *expiration, *enforce, *no_default, *uris, *hashes;
    size_t member_count;
};

static result find_members(struct pin_builder *builder, const struct plist_node *node, struct domain *ret_domain) {
    struct domain domain = {.node = node};
    const struct {
        const char *key;
        const struct plist_node **place;
    } known[] = {{EXCLUDE, &domain.exclude}, {EXCLUDE_AS_MEANT, &domain.exclude}, {"TSKIncludeSubdomains", &domain.subdomains},
                 {"TSKExpirationDate", &domain.expiration}, {"TSKEnforcePinning", &domain.enforce},
                 {"TSKDisableDefaultReportUri", &domain.no_default}, {"TSKReportUris", &domain.uris}, {"TSKPublicKeyHashes", &domain.hashes}};
    for (const struct plist_node *member = node->first; member != NULL; member = member->next) {
        size_t i = 0;
        for (domain.member_count++; i < sizeof known / sizeof known[0] && !is_key(member, known[i].key);)
            i++;
        if (i < sizeof known / sizeof known[0])
            *known[i].place = member;
        else
            TRY(pin_builder_remark(builder, PIN_REMARK_NOTE, member->line, "key-unknown", "\"%s\" of %s is skipped: pins do not depend on it", member->key,
                                   node->key));
    }
    *ret_domain = domain;
    return OK;
}

static result read_expiration(struct pin_builder *builder, const struct domain *domain, struct pin_set *set) {
    const struct plist_node *node = domain->expiration;
    bool is_plain;
    if (node == NULL)
        return OK;
    if (!pin_date_read(node->text, &set->expires, &is_plain))
        return pin_builder_remark(builder, PIN_REMARK_ERROR, node->line, "expiration-unreadable",
                                  "the expiration \"%s\" is no date, wanted a string YYYY-MM-DD; taken as none", node->text);
    set->has_expiry = true;
    return is_plain ? OK
                    : pin_builder_remark(builder, PIN_REMARK_WARNING, node->line, "expiration-form", "the expiration \"%s\" is written unusually, wanted YYYY-MM-DD",
                                         node->text);
}

static result read_uris(struct pin_builder *builder, const struct domain *domain, struct pin_set *set) {
    size_t count = 0;
    if (domain->uris == NULL)
        return OK;
    for (const struct plist_node *uri = domain->uris->first; uri != NULL; uri = uri->next)
        count++;
    const char **uris = arena_take_array(builder->arena, count + 1, sizeof *uris);
    if (uris == NULL)
        return &fault_no_memory;
    set->report_uris = uris;
    for (const struct plist_node *uri = domain->uris->first; uri != NULL; uri = uri->next) {
        if (uri->type != PLIST_STRING || uri->text[0] == '\0')
            continue;
        char *copy = arena_copy_text(builder->arena, uri->text);
        if (copy == NULL)
            return &fault_no_memory;
        text_make_harmless(copy);
        *uris++ = copy;
    }
    return OK;
}

static result read_hashes(struct pin_builder *builder, const struct domain *domain, struct pin_set *set) {
    if (domain->hashes == NULL)
        return OK;
    if (domain->hashes->type != PLIST_ARRAY)
        return pin_builder_remark(builder, PIN_REMARK_ERROR, domain->hashes->line, "hashes-type", "TSKPublicKeyHashes of %s is %s, wanted an array",
                                  domain->node->key, plist_type_name(domain->hashes->type));
    for (const struct plist_node *hash = domain->hashes->first; hash != NULL; hash = hash->next)
        TRY(pin_plist_pin(builder, hash, hash->comment, set, 0, PIN_ANY));
    return OK;
}

static size_t different_pins(const struct pin_set *set) {
    size_t count = 0;
    for (size_t i = 0; set->group_count > 0 && i < set->groups[0].count && count < 2; i++)
        count += i == 0 || !pin_is_same(&set->groups[0].pins[0], &set->groups[0].pins[i]);
    return count;
}

/* With one pin TrustKit ends the app, which whoever judges it has to see. */
static result check_count(struct pin_builder *builder, const struct domain *domain, const struct pin_set *set, bool *ret_is_kept) {
    size_t count = different_pins(set);
    *ret_is_kept = count > 0;
    if (count == 0)
        return pin_builder_remark(builder, PIN_REMARK_ERROR, domain->node->line, "pins-none", "%s has no usable pin, wanted two; it is left out", set->host);
    if (count == 1 && set->is_enforced)
        return pin_builder_remark(builder, PIN_REMARK_WARNING, domain->node->line, "trustkit-one-pin",
                                  "%s has one pin, with which TrustKit refuses to start, wanted two", set->host);
    return OK;
}

/* Everything about a host that is pinned; *ret_is_kept is false when TrustKit would not take it. */
static result read_policy(struct pin_builder *builder, const struct domain *domain, struct pin_set *set, bool *ret_is_kept) {
    bool has_subdomains, is_enforced, has_no_default;
    TRY(pin_plist_boolean(builder, domain->subdomains, false, &has_subdomains));
    TRY(pin_plist_boolean(builder, domain->enforce, true, &is_enforced));
    TRY(pin_plist_boolean(builder, domain->no_default, false, &has_no_default));
    set->match = has_subdomains ? PIN_HOST_EXACT_AND_BELOW : PIN_HOST_EXACT;
    set->is_enforced = is_enforced;
    set->is_report_only = !is_enforced;
    set->uses_default_reports = !has_no_default;
    TRY(read_expiration(builder, domain, set));
    TRY(read_uris(builder, domain, set));
    TRY(read_hashes(builder, domain, set));
    return check_count(builder, domain, set, ret_is_kept);
}

/* Out of its parent's pins: the entry has to stand alone. */
static result read_exclusion(struct pin_builder *builder, const struct domain *domain, struct pin_set *set, bool *ret_is_kept) {
    *ret_is_kept = domain->member_count == 1;
    set->is_pinned = false;
    if (!*ret_is_kept)
        return pin_builder_remark(builder, PIN_REMARK_ERROR, domain->exclude->line, "exclusion-not-alone",
                                  "%s is excluded and has other settings, which TrustKit refuses; it is left out", set->host);
    if (strcmp(domain->exclude->key, EXCLUDE_AS_MEANT) == 0)
        return pin_builder_remark(builder, PIN_REMARK_WARNING, domain->exclude->line, "exclusion-name",
                                  "TrustKit up to 3.0.0 knows this setting in a plist as \"" EXCLUDE "\" alone");
    return OK;
}

static result read_domain(struct pin_builder *builder, const struct plist_node *node, const char *host) {
    struct domain domain;
    bool is_excluded, is_kept = true;
    TRY(find_members(builder, node, &domain));
    TRY(pin_plist_boolean(builder, domain.exclude, false, &is_excluded));
    struct pin_set *set = pin_builder_add_set(builder, node->line);
    if (set == NULL)
        return pin_builder_refusal(builder);
    set->host = host;
    TRY(is_excluded ? read_exclusion(builder, &domain, set, &is_kept) : read_policy(builder, &domain, set, &is_kept));
    if (!is_kept)
        pin_plist_drop_set(builder);
    return OK;
}

/* ---- exclusions */

/* Does an entry above it include its subdomains? */
static result find_parent(struct pin_builder *builder, const struct pin_set *set, bool *ret_has_parent) {
    *ret_has_parent = false;
    for (const char *dot = strchr(set->host, '.'); dot != NULL && !*ret_has_parent; dot = strchr(dot + 1, '.')) {
        const struct pin_set *parent;
        TRY(pin_builder_set_of(builder, dot + 1, &parent));
        *ret_has_parent = parent != NULL && parent->match == PIN_HOST_EXACT_AND_BELOW;
    }
    return OK;
}

static result check_exclusion(struct pin_builder *builder, const struct pin_set *set, bool *ret_is_kept) {
    *ret_is_kept = set->is_pinned;
    if (set->is_pinned)
        return OK;
    TRY(find_parent(builder, set, ret_is_kept));
    return *ret_is_kept ? OK
                        : pin_builder_remark(builder, PIN_REMARK_ERROR, set->line, "exclusion-from-nothing",
                                             "%s is excluded from a parent's pins, but no parent includes its subdomains; it is left out", set->host);
}

/* TrustKit refuses an exclusion from nothing. */
static result check_exclusions(struct pin_builder *builder) {
    struct pin_document *document = builder->document;
    bool *is_kept = arena_take_array(builder->arena, document->set_count + 1, sizeof *is_kept);
    size_t kept = 0;
    if (is_kept == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < document->set_count; i++)
        TRY(check_exclusion(builder, &document->sets[i], &is_kept[i]));
    for (size_t i = 0; i < document->set_count; i++)
        if (is_kept[i])
            document->sets[kept++] = document->sets[i];
    document->set_count = kept;
    return OK;
}

result pin_trustkit_read(struct span bytes, struct arena *arena, struct pin_document *document, struct reason *reason) {
    struct pin_builder builder = pin_builder_of(arena, document);
    struct plist plist;
    TRY(plist_load(bytes, &fault_pin_file, arena, &plist, reason));
    const struct plist_node *settings = member_of(plist.root, "TSKConfiguration");
    const struct plist_node *domains = member_of(settings == NULL ? plist.root : settings, "TSKPinnedDomains");
    if (plist.has_leading_space)
        TRY(pin_builder_remark(&builder, PIN_REMARK_WARNING, 1, "xml-leading-space",
                               "white space stands before the XML declaration, which other readers refuse (XML 1.0 2.8)"));
    if (domains == NULL || domains->type != PLIST_DICT)
        TRY(pin_builder_remark(&builder, PIN_REMARK_WARNING, 0, "pins-absent", "nothing is pinned: there is no dict TSKPinnedDomains in TSKConfiguration"));
    else
        TRY(pin_plist_hosts(&builder, domains, read_domain));
    TRY(check_exclusions(&builder));
    return pin_builder_end(&builder);
}

bool pin_trustkit_is_likely(struct span bytes) {
    return pin_plist_mentions(bytes, "TSKPinnedDomains");
}
