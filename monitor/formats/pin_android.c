/* Android's network security config, and what TrustKit adds to it. Android refuses the whole file, and the app does not start, where something
 * is wrong in it; here everything that can be read is read. */
#include <stdio.h>
#include <strings.h>

#include "base/text.h"
#include "formats/android_binary.h"
#include "formats/pin_date.h"
#include "formats/pin_file.h"
#include "formats/xml_tree.h"

/* What a config says or inherits. */
struct config {
    bool has_pin_set;
    size_t pins_written;   /* usable or not: an empty pin-set unpins, one whose pins are all wrong does not */
    struct pin_set pins;   /* groups and expiry; shared by the sets of all hosts */
    bool overrides_pins, trusts_system;
    bool is_report_only;
    bool has_default_reports;
    const char *const *report_uris;
};

struct reading {
    struct pin_builder builder;
    struct config base;
    struct config configs[XML_DEPTH_MAX]; /* by depth of the domain-config */
};

/* ---- what may stand where */

struct element {
    const char *name, *parents, *attributes; /* each name between blanks */
};

static const struct element elements[] = {
    {"network-security-config", " ", " "},
    {"base-config", " network-security-config ", " cleartextTrafficPermitted hstsEnforced "},
    {"domain-config", " network-security-config domain-config ", " cleartextTrafficPermitted hstsEnforced "},
    {"debug-overrides", " network-security-config ", " cleartextTrafficPermitted hstsEnforced "},
    {"domain", " domain-config ", " includeSubdomains "},
    {"pin-set", " domain-config ", " expiration "},
    {"pin", " pin-set ", " digest "},
    {"trust-anchors", " base-config domain-config debug-overrides ", " "},
    {"certificates", " trust-anchors ", " src overridePins "},
    {"certificateTransparency", " base-config domain-config ", " enabled "},
    {"trustkit-config", " domain-config ", " enforcePinning disableDefaultReportUri "},
    {"report-uri", " trustkit-config ", " "},
};

static const struct element *element_of(const char *name) {
    for (size_t i = 0; i < sizeof elements / sizeof elements[0]; i++)
        if (strcmp(elements[i].name, name) == 0)
            return &elements[i];
    return NULL;
}

static bool has_word(const char *words, const char *word) {
    char key[64];
    int size = snprintf(key, sizeof key, " %s ", word);
    return size > 0 && (size_t) size < sizeof key && strstr(words, key) != NULL;
}

static result check_attribute(struct reading *reading, const struct xml_node *node, const struct xml_attribute *attribute) {
    bool is_known = has_word(element_of(node->name)->attributes, attribute->name);
    if (attribute->space[0] != '\0' && is_known)
        return pin_builder_remark(&reading->builder, PIN_REMARK_WARNING, node->line, "attribute-namespace",
                                  "the attribute \"%s\" of <%s> is in a namespace and not seen by Android, wanted it without a prefix", attribute->name,
                                  node->name);
    if (attribute->space[0] == '\0' && !is_known)
        return pin_builder_remark(&reading->builder, PIN_REMARK_NOTE, node->line, "attribute-unknown",
                                  "the attribute \"%s\" of <%s> means nothing to Android and is skipped", attribute->name, node->name);
    return OK;
}

static const char *pins_misplaced(const struct xml_node *parent) {
    if (xml_node_is(parent, "base-config"))
        return "pins for all hosts (in base-config) are refused by Android, wanted a pin-set in a domain-config";
    if (xml_node_is(parent, "debug-overrides"))
        return "pins in debug-overrides are refused by Android, wanted a pin-set in a domain-config";
    return NULL;
}

/* Whether an element counts where it stands; a remark where it does not. */
static result check_element(struct reading *reading, const struct xml_node *node, bool *ret_counts) {
    const struct element *element = element_of(node->name);
    *ret_counts = element != NULL && has_word(element->parents, node->parent->name);
    if (!*ret_counts) {
        const char *misplaced = xml_node_is(node, "pin-set") ? pins_misplaced(node->parent) : NULL;
        if (misplaced != NULL)
            return pin_builder_remark(&reading->builder, PIN_REMARK_ERROR, node->line, "pins-misplaced", "%s", misplaced);
        bool is_refused = xml_node_is(node->parent, "base-config") && (xml_node_is(node, "domain") || xml_node_is(node, "domain-config"));
        return pin_builder_remark(&reading->builder, is_refused ? PIN_REMARK_ERROR : PIN_REMARK_NOTE, node->line,
                                  is_refused ? "element-misplaced" : "element-unknown", "<%s> in <%s> %s", node->name, node->parent->name,
                                  is_refused ? "is refused by Android, wanted it outside" : "means nothing to Android and is skipped");
    }
    for (size_t i = 0; i < node->attribute_count; i++)
        TRY(check_attribute(reading, node, &node->attributes[i]));
    return OK;
}

/* ---- values */

static bool is_space(char byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

static struct span trimmed(const char *text) {
    size_t size = strlen(text);
    for (; size > 0 && is_space(text[0]); text++)
        size--;
    for (; size > 0 && is_space(text[size - 1]);)
        size--;
    return span_of(text, size);
}

/* As aapt compiles it: true, false, or a number; any other text is the default. */
static result read_boolean(struct reading *reading, const struct xml_node *node, const char *name, bool otherwise, bool *ret_is_true) {
    const char *value = xml_attribute_value(node, name);
    uint64_t number;
    *ret_is_true = otherwise;
    if (value == NULL)
        return OK;
    if (strcmp(value, "true") == 0 || strcmp(value, "TRUE") == 0 || strcmp(value, "True") == 0)
        *ret_is_true = true;
    else if (strcmp(value, "false") == 0 || strcmp(value, "FALSE") == 0 || strcmp(value, "False") == 0)
        *ret_is_true = false;
    else if (text_to_number(span_of_text(value), UINT32_MAX, &number) == OK)
        *ret_is_true = number != 0;
    else
        return pin_builder_remark(&reading->builder, PIN_REMARK_WARNING, node->line, "boolean-unclear",
                                  "%s=\"%s\" is neither true nor false, and counts as %s", name, value, otherwise ? "true" : "false");
    return OK;
}

static result read_expiration(struct reading *reading, const struct xml_node *node, struct pin_set *pins) {
    const char *text = xml_attribute_value(node, "expiration");
    bool is_plain;
    if (text == NULL)
        return OK;
    if (!pin_date_read(text, &pins->expires, &is_plain))
        return pin_builder_remark(&reading->builder, PIN_REMARK_ERROR, node->line, "expiration-unreadable",
                                  "expiration=\"%s\" is no date, wanted YYYY-MM-DD; taken as none", text);
    pins->has_expiry = pins->is_expiry_local = true;
    if (!is_plain)
        return pin_builder_remark(&reading->builder, PIN_REMARK_WARNING, node->line, "expiration-form",
                                  "expiration=\"%s\" is read as Android does, wanted YYYY-MM-DD", text);
    return OK;
}

/* ---- pins */

static result read_pin(struct reading *reading, const struct xml_node *node, struct config *config) {
    const char *digest = xml_attribute_value(node, "digest");
    struct span value;
    bool is_value;
    config->pins_written++;
    if (digest == NULL || strcasecmp(digest, "SHA-256") != 0)
        return pin_builder_remark(&reading->builder, PIN_REMARK_ERROR, node->line, "pin-digest", "digest=\"%s\" is not known to Android, wanted \"SHA-256\"",
                                  digest == NULL ? "" : digest);
    if (node->first != NULL)
        return pin_builder_remark(&reading->builder, PIN_REMARK_ERROR, node->line, "pin-elements", "there is an element in <pin>, wanted base64 alone");
    TRY(pin_value_read(&reading->builder, trimmed(node->text), PIN_BASE64(HASH_SIZE), node->line, &value, &is_value));
    if (!is_value)
        return OK;
    struct pin *pin = pin_builder_add_pin(&reading->builder, &config->pins, 0);
    if (pin == NULL)
        return pin_builder_refusal(&reading->builder);
    *pin = (struct pin){.kind = PIN_SPKI, .algorithm = PIN_SHA256, .value = value, .comment = node->comment, .line = node->line};
    return OK;
}

static result read_pin_set(struct reading *reading, const struct xml_node *node, struct config *config) {
    bool counts;
    if (config->has_pin_set)
        return pin_builder_remark(&reading->builder, PIN_REMARK_ERROR, node->line, "pin-set-twice",
                                  "a second pin-set in one domain-config is refused by Android, wanted one");
    config->has_pin_set = true;
    config->pins_written = 0;
    config->pins = (struct pin_set){.groups = NULL};
    TRY(read_expiration(reading, node, &config->pins));
    for (const struct xml_node *child = node->first; child != NULL; child = child->next) {
        TRY(check_element(reading, child, &counts));
        if (counts)
            TRY(read_pin(reading, child, config));
    }
    if (config->pins_written > 0 && config->pins.group_count == 0)
        return pin_builder_remark(&reading->builder, PIN_REMARK_ERROR, node->line, "pin-set-unusable",
                                  "no pin of this pin-set can be used, wanted one at least; the hosts that have it are left out");
    return OK;
}

/* ---- anchors */

static result read_certificates(struct reading *reading, const struct xml_node *node, struct config *config) {
    const char *source = xml_attribute_value(node, "src");
    bool overrides;
    TRY(read_boolean(reading, node, "overridePins", false, &overrides));
    if (source != NULL && strcmp(source, "system") == 0) {
        config->trusts_system = true;
        config->overrides_pins |= overrides;
        return OK;
    }
    bool is_user = source != NULL && strcmp(source, "user") == 0;
    if (source == NULL || (!is_user && source[0] != '@' && strcmp(source, "wfa") != 0))
        return pin_builder_remark(&reading->builder, PIN_REMARK_ERROR, node->line, "anchors-unknown",
                                  "src=\"%s\" is refused by Android, wanted \"system\", \"user\" or a resource \"@raw/…\"", source == NULL ? "" : source);
    if (overrides)
        return pin_builder_remark(&reading->builder, is_user ? PIN_REMARK_WARNING : PIN_REMARK_NOTE, node->line, "anchors-override",
                                  "chains to the anchors of src=\"%s\" are exempt from pins%s", source,
                                  is_user ? ": whoever may install a CA on the device" : "");
    return OK;
}

static result read_anchors(struct reading *reading, const struct xml_node *node, struct config *config) {
    bool counts;
    config->trusts_system = config->overrides_pins = false;
    for (const struct xml_node *child = node->first; child != NULL; child = child->next) {
        TRY(check_element(reading, child, &counts));
        if (counts)
            TRY(read_certificates(reading, child, config));
    }
    if (!config->trusts_system)
        return pin_builder_remark(&reading->builder, PIN_REMARK_NOTE, node->line, "anchors-own",
                                  "chains to the device's own roots are not trusted here, whatever the pins say");
    return OK;
}

/* ---- TrustKit */

static bool is_text_true(const char *text) {
    return text != NULL && strcasecmp(text, "true") == 0; /* Boolean.parseBoolean */
}

static result read_report_uris(struct reading *reading, const struct xml_node *node, struct config *config) {
    size_t count = 0;
    bool counts;
    for (const struct xml_node *child = node->first; child != NULL; child = child->next)
        count += xml_node_is(child, "report-uri");
    const char **uris = arena_take_array(reading->builder.arena, count + 1, sizeof *uris);
    if (uris == NULL)
        return &fault_no_memory;
    config->report_uris = uris;
    for (const struct xml_node *child = node->first; child != NULL; child = child->next) {
        TRY(check_element(reading, child, &counts));
        struct span text = trimmed(child->text);
        if (!counts || text.size == 0)
            continue;
        char *uri = arena_copy_span_as_text(reading->builder.arena, text);
        if (uri == NULL)
            return &fault_no_memory;
        text_make_harmless(uri);
        *uris++ = uri;
    }
    return OK;
}

static result read_trustkit(struct reading *reading, const struct xml_node *node, struct config *config) {
    const char *no_default = xml_attribute_value(node, "disableDefaultReportUri");
    config->is_report_only = !is_text_true(xml_attribute_value(node, "enforcePinning"));
    if (no_default != NULL)
        config->has_default_reports = !is_text_true(no_default);
    return read_report_uris(reading, node, config);
}

static bool is_trustkit(const struct reading *reading) {
    return reading->builder.document->format == PIN_FORMAT_TRUSTKIT_ANDROID;
}

static result check_trustkit(struct reading *reading, const struct pin_set *set) {
    size_t count = set->group_count == 0 ? 0 : set->groups[0].count;
    if (!is_trustkit(reading) || !set->is_pinned)
        return OK;
    if (set->is_report_only)
        return pin_builder_remark(&reading->builder, PIN_REMARK_WARNING, set->line, "trustkit-enforced-anyway",
                                  "%s: TrustKit would only report, but Android 7 and later enforce the pin-set", set->host);
    if (count < 2)
        return pin_builder_remark(&reading->builder, PIN_REMARK_WARNING, set->line, "trustkit-one-pin",
                                  "%s: TrustKit refuses to start with enforcePinning and fewer than two pins", set->host);
    return OK;
}

/* ---- hosts */

static result read_domain(struct reading *reading, const struct xml_node *node, const struct config *config) {
    const struct pin_set *known;
    const char *host;
    bool is_host, has_subdomains;
    TRY(read_boolean(reading, node, "includeSubdomains", false, &has_subdomains));
    if (node->first != NULL)
        return pin_builder_remark(&reading->builder, PIN_REMARK_ERROR, node->line, "domain-elements", "there is an element in <domain>, wanted a host alone");
    TRY(pin_host_read(&reading->builder, trimmed(node->text), node->line, &host, &is_host));
    if (!is_host)
        return OK;
    TRY(pin_builder_set_of(&reading->builder, host, &known));
    if (known != NULL)
        return pin_builder_remark(&reading->builder, PIN_REMARK_ERROR, node->line, "domain-twice",
                                  "%s stands here twice, which Android refuses; this entry is left out", host);
    if (config->pins_written > 0 && config->pins.group_count == 0)
        return OK; /* told where the pin-set stands */
    struct pin_set *set = pin_builder_add_set(&reading->builder, node->line);
    if (set == NULL)
        return pin_builder_refusal(&reading->builder);
    set->host = host;
    set->match = has_subdomains ? PIN_HOST_EXACT_AND_BELOW : PIN_HOST_EXACT;
    set->is_pinned = config->pins_written > 0;
    set->overrides_pins = config->overrides_pins;
    set->trusts_system = config->trusts_system;
    set->is_report_only = is_trustkit(reading) && config->is_report_only;
    set->uses_default_reports = is_trustkit(reading) && config->has_default_reports;
    set->report_uris = config->report_uris;
    if (set->is_pinned) {
        set->groups = config->pins.groups;
        set->group_count = config->pins.group_count;
        set->has_expiry = config->pins.has_expiry;
        set->is_expiry_local = config->pins.is_expiry_local;
        set->expires = config->pins.expires;
    }
    return check_trustkit(reading, set);
}

/* ---- configs */

/* What the config says itself, over what it inherits. */
static result read_facts(struct reading *reading, const struct xml_node *node, struct config *config) {
    bool counts, has_anchors = false, has_own_pins = false;
    for (const struct xml_node *child = node->first; child != NULL; child = child->next) {
        TRY(check_element(reading, child, &counts));
        if (!counts)
            continue;
        if (xml_node_is(child, "pin-set")) {
            config->has_pin_set = has_own_pins;
            TRY(read_pin_set(reading, child, config));
            has_own_pins = true;
        } else if (xml_node_is(child, "trust-anchors") && has_anchors) {
            TRY(pin_builder_remark(&reading->builder, PIN_REMARK_ERROR, child->line, "anchors-twice",
                                   "second trust-anchors in one config are refused by Android, wanted one"));
        } else if (xml_node_is(child, "trust-anchors")) {
            has_anchors = true;
            TRY(read_anchors(reading, child, config));
        } else if (xml_node_is(child, "trustkit-config")) {
            TRY(read_trustkit(reading, child, config));
        }
    }
    return OK;
}

static result read_domains(struct reading *reading, const struct xml_node *node, const struct config *config) {
    size_t count = 0;
    for (const struct xml_node *child = node->first; child != NULL; child = child->next) {
        if (!xml_node_is(child, "domain"))
            continue;
        count++;
        TRY(read_domain(reading, child, config));
    }
    if (count == 0)
        return pin_builder_remark(&reading->builder, PIN_REMARK_ERROR, node->line, "domain-missing",
                                  "a domain-config without a domain is refused by Android, wanted at least one");
    if (count > 1 && is_trustkit(reading))
        return pin_builder_remark(&reading->builder, PIN_REMARK_WARNING, node->line, "trustkit-domains",
                                  "TrustKit sees only the last of several domains in one domain-config; Android sees all");
    return OK;
}

/* How many domain-configs it stands in, itself included; 0 when it does not count where it stands. */
static size_t depth_of(const struct xml_node *node) {
    size_t depth = 0;
    for (; xml_node_is(node, "domain-config") && node->parent != NULL; node = node->parent)
        depth++;
    return xml_node_is(node, "network-security-config") && node->parent == NULL ? depth : 0;
}

/* Outer configs come before inner ones, so that a config finds what it inherits one step above. */
static result read_domain_configs(struct reading *reading, const struct xml_node *root) {
    for (const struct xml_node *node = root; node != NULL; node = xml_node_after(root, node)) {
        size_t depth = xml_node_is(node, "domain-config") ? depth_of(node) : 0;
        if (depth == 0 || depth >= XML_DEPTH_MAX)
            continue;
        struct config *config = &reading->configs[depth];
        *config = depth == 1 ? reading->base : reading->configs[depth - 1];
        TRY(read_facts(reading, node, config));
        TRY(read_domains(reading, node, config));
    }
    return OK;
}

static result read_debug_overrides(struct reading *reading, const struct xml_node *node) {
    bool counts;
    TRY(pin_builder_remark(&reading->builder, PIN_REMARK_NOTE, node->line, "debug-overrides", "debug-overrides hold in debuggable builds alone and are skipped"));
    for (const struct xml_node *child = node->first; child != NULL; child = child->next)
        TRY(check_element(reading, child, &counts));
    return OK;
}

static result read_top(struct reading *reading, const struct xml_node *root) {
    const struct xml_node *base = NULL, *debug = NULL;
    bool counts;
    for (const struct xml_node *child = root->first; child != NULL; child = child->next) {
        TRY(check_element(reading, child, &counts));
        const struct xml_node **first = xml_node_is(child, "base-config") ? &base : xml_node_is(child, "debug-overrides") ? &debug : NULL;
        if (!counts || first == NULL)
            continue;
        if (*first != NULL) {
            TRY(pin_builder_remark(&reading->builder, PIN_REMARK_ERROR, child->line, "config-twice", "a second <%s> is refused by Android, wanted one",
                                   child->name));
            continue;
        }
        *first = child;
        if (child == base)
            TRY(read_facts(reading, child, &reading->base));
        else
            TRY(read_debug_overrides(reading, child));
    }
    return read_domain_configs(reading, root);
}

static bool has_trustkit(const struct xml_node *root) {
    for (const struct xml_node *node = root; node != NULL; node = xml_node_after(root, node))
        if (xml_node_is(node, "trustkit-config"))
            return true;
    return false;
}

static result read_tree(struct reading *reading, const struct xml_tree *tree, struct reason *reason) {
    if (!xml_node_is(tree->root, "network-security-config"))
        return reason_set(reason, &fault_pin_file, "line %u: the root element is <%s>, wanted <network-security-config>", tree->root->line,
                          tree->root->name);
    if (has_trustkit(tree->root))
        reading->builder.document->format = PIN_FORMAT_TRUSTKIT_ANDROID;
    if (tree->has_leading_space)
        TRY(pin_builder_remark(&reading->builder, PIN_REMARK_WARNING, 1, "xml-leading-space",
                               "white space stands before the XML declaration, which other readers refuse (XML 1.0 2.8)"));
    TRY(read_top(reading, tree->root));
    return pin_builder_end(&reading->builder);
}

result pin_android_read(struct span bytes, struct arena *arena, struct pin_document *document, struct reason *reason) {
    static const char *const no_uris[] = {NULL};
    struct xml_tree tree;
    struct reading *reading = arena_take(arena, sizeof *reading);
    if (reading == NULL)
        return &fault_no_memory;
    reading->builder = pin_builder_of(arena, document);
    reading->base = (struct config){.trusts_system = true, .is_report_only = true, .has_default_reports = true, .report_uris = no_uris};
    if (android_binary_is_xml(bytes))
        TRY(android_binary_load(bytes, &fault_pin_file, arena, &tree, reason));
    else
        TRY(xml_tree_load(bytes, &fault_pin_file, arena, &tree, reason));
    return read_tree(reading, &tree, reason);
}

bool pin_android_is_likely(struct span bytes) {
    static const char root[] = "<network-security-config";
    return bytes.size > 0 && (android_binary_is_xml(bytes) || memmem(bytes.bytes, bytes.size, root, sizeof root - 1) != NULL);
}
