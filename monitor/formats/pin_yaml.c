/* Our own file of pins: everything that the model can say (docs/pins.md has its fields). */
#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"
#include "formats/pin_file.h"
#include "formats/yaml_parts.h"

enum { SHOWN_MAX = 60, TEXT_MAX = 1024, URIS_MAX = 16, DATE_SIZE = 10 };

struct reading {
    struct pin_builder *builder;
    const struct yaml_tree *tree;
    const json_t *object; /* the set, or the pin, whose fields are read */
    unsigned line;        /* of `object`, or of the last value that had a place */
    bool is_wrong;        /* a remark says why it is left out */
    bool is_tlsa;         /* the set's rules are TLSA's: its pins need a usage, others have none */
};

/* ── fields ── */

#define REFUSE(reading, rule, ...) \
    ((reading)->is_wrong = true, pin_builder_remark((reading)->builder, PIN_REMARK_ERROR, (reading)->line, rule, __VA_ARGS__))

/* The field, and its line for remarks; NULL: absent. */
static const json_t *take_field(struct reading *reading, const char *name) {
    const json_t *value = json_object_get(reading->object, name);
    unsigned line = yaml_tree_line(reading->tree, value);
    reading->line = line != 0 ? line : yaml_tree_line(reading->tree, reading->object);
    return json_is_null(value) ? NULL : value;
}

static result check_fields(struct reading *reading, const char *const *names, const char *wanted) {
    const char *name;
    json_t *value;
    json_object_foreach((json_t *) reading->object, name, value) {
        size_t i = 0;
        while (names[i] != NULL && strcmp(names[i], name) != 0)
            i++;
        if (names[i] != NULL)
            continue;
        (void) take_field(reading, name);
        return REFUSE(reading, "yaml-field", "unknown field \"%.*s\", wanted %s", SHOWN_MAX, name, wanted);
    }
    return OK;
}

static result take_bool(struct reading *reading, const char *name, bool *ret_value) {
    const json_t *value = take_field(reading, name);
    if (value == NULL)
        return OK;
    if (!json_is_boolean(value))
        return REFUSE(reading, "yaml-value", "%s: wanted true or false", name);
    *ret_value = json_is_true(value);
    return OK;
}

static result take_number(struct reading *reading, const char *name, uint64_t least, uint64_t most, bool *ret_has, uint64_t *ret_number) {
    const json_t *value = take_field(reading, name);
    *ret_has = false;
    if (value == NULL)
        return OK;
    if (!json_is_integer(value) || (uint64_t) json_integer_value(value) < least || (uint64_t) json_integer_value(value) > most)
        return REFUSE(reading, "yaml-value", "%s: wanted a whole number from %llu to %llu", name, (unsigned long long) least, (unsigned long long) most);
    *ret_has = true;
    *ret_number = (uint64_t) json_integer_value(value);
    return OK;
}

/* A text as it stands there; unchanged when absent. */
static result take_text(struct reading *reading, const char *name, const char **ret_text) {
    const json_t *value = take_field(reading, name);
    if (value == NULL)
        return OK;
    if (!json_is_string(value) || json_string_length(value) > TEXT_MAX)
        return REFUSE(reading, "yaml-value", "%s: wanted a text of at most %d bytes%s", name, TEXT_MAX, json_is_integer(value) ? " (quote it)" : "");
    char *copy = arena_copy_text(reading->builder->arena, json_string_value(value));
    if (copy == NULL)
        return &fault_no_memory;
    text_make_harmless(copy);
    *ret_text = copy;
    return OK;
}

/* One of NULL-terminated words; *ret_number is unchanged when absent. */
static result take_word(struct reading *reading, const char *name, const char *const *words, unsigned *ret_number) {
    const json_t *value = take_field(reading, name);
    const char *text = json_string_value(value);
    if (value == NULL)
        return OK;
    for (unsigned i = 0; text != NULL && words[i] != NULL; i++) {
        if (strcmp(words[i], text) == 0) {
            *ret_number = i;
            return OK;
        }
    }
    char wanted[200] = "";
    for (size_t i = 0, size = 0; words[i] != NULL; i++)
        size += (size_t) snprintf(wanted + size, sizeof wanted - size, "%s%s", i == 0 ? "" : ", ", words[i]);
    return REFUSE(reading, "yaml-value", "%s: wanted one of: %s", name, wanted);
}

/* ── pins ── */

static result take_value(struct reading *reading, const char *text, struct pin *pin, bool *ret_is_pin) {
    static const enum pin_algorithm algorithms[] = {PIN_SHA256, PIN_SHA512, PIN_SHA1, PIN_FULL};
    *ret_is_pin = false;
    for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++) {
        const char *name = pin_algorithm_name(algorithms[i]);
        size_t size = strlen(name);
        if (strncmp(text, name, size) != 0 || text[size] != '/')
            continue;
        pin->algorithm = algorithms[i];
        struct pin_value_form form = {.size = pin_algorithm_size(algorithms[i]), .allows_hex = true};
        TRY(pin_value_read(reading->builder, span_of_text(text + size + 1), form, reading->line, &pin->value, ret_is_pin));
        if (!*ret_is_pin || pin->algorithm != PIN_FULL || pin_value_is_der(pin->value))
            return OK;
        *ret_is_pin = false;
        return REFUSE(reading, "yaml-pin", "full/: the bytes are not the DER of a certificate or of a public key");
    }
    return REFUSE(reading, "yaml-pin", "the pin \"%.*s\" begins with no algorithm, wanted sha256/, sha512/, sha1/ or full/ and base64 or hex behind it",
                  SHOWN_MAX, text);
}

static result take_pin_fields(struct reading *reading, struct pin *pin) {
    static const char *const fields[] = {"pin", "of", "position", "role", "usage", "comment", NULL};
    static const char *const kinds[] = {"spki", "certificate", NULL};
    static const char *const positions[] = {"any", "leaf", "ca", "intermediate", "root", NULL};
    static const char *const roles[] = {"", "current", "next", "backup", NULL};
    unsigned kind = PIN_SPKI, position = PIN_ANY, role = PIN_ROLE_NONE;
    uint64_t usage = 0;
    bool has_usage = false;
    TRY(check_fields(reading, fields, "pin, of, position, role, usage or comment"));
    if (!reading->is_wrong)
        TRY(take_word(reading, "of", kinds, &kind));
    if (!reading->is_wrong)
        TRY(take_word(reading, "position", positions, &position));
    if (!reading->is_wrong)
        TRY(take_word(reading, "role", roles, &role));
    if (!reading->is_wrong)
        TRY(take_text(reading, "comment", &pin->comment));
    if (!reading->is_wrong)
        TRY(take_number(reading, "usage", PIN_TLSA_PKIX_TA, PIN_TLSA_DANE_EE, &has_usage, &usage));
    pin->kind = (enum pin_kind) kind;
    pin->position = (enum pin_position) position;
    pin->role = (enum pin_role) role;
    pin->tlsa_usage = (uint8_t) usage;
    if (!reading->is_wrong && has_usage != reading->is_tlsa)
        return REFUSE(reading, "yaml-usage", has_usage ? "usage: belongs to rules of tlsa alone" : "a pin by rules of tlsa needs its usage, 0 to 3");
    bool is_leaf = usage == PIN_TLSA_PKIX_EE || usage == PIN_TLSA_DANE_EE;
    if (has_usage) /* it says where the pin holds (RFC 6698 2.1.1) */
        pin->position = is_leaf ? PIN_LEAF : PIN_CA;
    return OK;
}

/* A text, or a mapping with one. */
static result take_pin(struct reading *outer, const json_t *item, struct pin *pin, bool *ret_is_pin) {
    struct reading reading = {.builder = outer->builder, .tree = outer->tree, .object = item, .is_tlsa = outer->is_tlsa};
    const json_t *text = item;
    *ret_is_pin = false;
    reading.line = yaml_tree_line(outer->tree, item) != 0 ? yaml_tree_line(outer->tree, item) : outer->line;
    *pin = (struct pin){.comment = "", .line = reading.line, .value = span_of("", 0)};
    if (json_is_object(item)) {
        TRY(take_pin_fields(&reading, pin));
        text = take_field(&reading, "pin");
    }
    if (reading.is_wrong)
        return OK;
    if (!json_is_string(text) || (reading.is_tlsa && text == item))
        return REFUSE(&reading, "yaml-pin", reading.is_tlsa ? "a pin by rules of tlsa: wanted a mapping with pin and usage" : "a pin: wanted a text \"sha256/…\", or a mapping with such a field \"pin\"");
    return take_value(&reading, json_string_value(text), pin, ret_is_pin);
}

static result take_pins(struct reading *reading, const char *name, size_t group, struct pin_set *set) {
    const json_t *list = take_field(reading, name);
    size_t number;
    json_t *item;
    if (list == NULL || reading->is_wrong)
        return OK;
    if (!json_is_array(list))
        return REFUSE(reading, "yaml-value", "%s: wanted a list of pins", name);
    json_array_foreach(list, number, item) {
        struct pin pin;
        bool is_pin;
        TRY(take_pin(reading, item, &pin, &is_pin));
        struct pin *added = is_pin ? pin_builder_add_pin(reading->builder, set, group) : NULL;
        if (is_pin && added == NULL)
            return pin_builder_refusal(reading->builder);
        if (is_pin)
            *added = pin;
    }
    return OK;
}

/* ── sets ── */

static bool take_time(const char *text, int64_t *ret_seconds) {
    char whole[RFC3339_SIZE];
    int64_t ms;
    bool is_date = strlen(text) == DATE_SIZE;
    if (strlen(text) >= sizeof whole)
        return false;
    snprintf(whole, sizeof whole, "%.*s%s", RFC3339_SIZE - 1 - DATE_SIZE, text, is_date ? "T00:00:00Z" : "");
    if (text_to_time_ms(span_of_text(is_date ? whole : text), &ms) != OK)
        return false;
    *ret_seconds = ms >= 0 ? ms / 1000 : -((999 - ms) / 1000);
    return true;
}

/* "2027-01-01", "2027-01-01T12:00:00Z", or one with " local" behind it. */
static result take_expiry(struct reading *reading, struct pin_set *set) {
    static const char local[] = " local";
    const char *written = "";
    char text[2 * RFC3339_SIZE];
    TRY(take_text(reading, "expires", &written));
    if (written[0] == '\0' || reading->is_wrong)
        return OK;
    snprintf(text, sizeof text, "%s", written);
    size_t size = strlen(text), end = sizeof local - 1;
    set->is_expiry_local = size > end && strcmp(text + size - end, local) == 0;
    if (set->is_expiry_local)
        text[size - end] = '\0';
    if (strlen(written) >= sizeof text || !take_time(text, &set->expires))
        return REFUSE(reading, "yaml-value", "expires: wanted a date as 2027-01-31, or a time as 2027-01-31T12:00:00Z (and \" local\" behind it where the "
                      "device's midnight counts)");
    set->has_expiry = true;
    return OK;
}

static result take_host(struct reading *reading, struct pin_set *set) {
    static const char *const matches[] = {"exact", "one-label-below", "exact-and-one-label", "exact-and-below", NULL};
    const json_t *value = take_field(reading, "host");
    unsigned match = PIN_HOST_EXACT;
    bool is_host = false;
    if (value != NULL && !json_is_string(value))
        return REFUSE(reading, "yaml-value", "host: wanted a host name");
    if (value != NULL) {
        TRY(pin_host_read(reading->builder, span_of_text(json_string_value(value)), reading->line, &set->host, &is_host));
        reading->is_wrong = !is_host;
    }
    if (!reading->is_wrong)
        TRY(take_word(reading, "match", matches, &match));
    set->match = (enum pin_host_match) match;
    return OK;
}

static result take_service(struct reading *reading, struct pin_set *set) {
    static const char *const protocols[] = {"", "tcp", "udp", "sctp", NULL};
    unsigned protocol = 0;
    uint64_t number = 0;
    bool has_port = false;
    TRY(take_number(reading, "port", 1, UINT16_MAX, &has_port, &number));
    set->port = (uint16_t) (has_port ? number : 0);
    if (!reading->is_wrong)
        TRY(take_word(reading, "protocol", protocols, &protocol));
    set->protocol = protocols[protocol];
    if (!reading->is_wrong)
        TRY(take_number(reading, "max_age", 0, INT64_MAX, &set->has_max_age, &set->max_age_s));
    return OK;
}

static result take_flags(struct reading *reading, struct pin_set *set) {
    struct {
        const char *name;
        bool *flag;
    } flags[] = {
        {"pinned", &set->is_pinned}, {"enforced", &set->is_enforced}, {"report_only", &set->is_report_only},
        {"overrides_pins", &set->overrides_pins}, {"trusts_system", &set->trusts_system}, {"secure", &set->is_secure},
        {"default_reports", &set->uses_default_reports},
    };
    for (size_t i = 0; i < sizeof flags / sizeof flags[0] && !reading->is_wrong; i++)
        TRY(take_bool(reading, flags[i].name, flags[i].flag));
    /* By the rules of a platform it is the platform that decides: TrustKit on Android enforces what asks for reports alone. */
    if (set->is_report_only && set->format == PIN_FORMAT_YAML && json_object_get(reading->object, "enforced") == NULL)
        set->is_enforced = false;
    return OK;
}

static result take_reports(struct reading *reading, struct pin_set *set) {
    const json_t *list = take_field(reading, "report_to");
    if (list == NULL || reading->is_wrong)
        return OK;
    if (!json_is_array(list) || json_array_size(list) > URIS_MAX)
        return REFUSE(reading, "yaml-value", "report_to: wanted a list of at most %d addresses", URIS_MAX);
    const char **uris = arena_take_array(reading->builder->arena, json_array_size(list) + 1, sizeof *uris);
    if (uris == NULL)
        return &fault_no_memory;
    set->report_uris = uris;
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *text = json_string_value(json_array_get(list, i));
        char *copy = text == NULL || strlen(text) > TEXT_MAX ? NULL : arena_copy_text(reading->builder->arena, text);
        if (text == NULL || strlen(text) > TEXT_MAX)
            return REFUSE(reading, "yaml-value", "report_to: wanted addresses of at most %d bytes", TEXT_MAX);
        if (copy == NULL)
            return &fault_no_memory;
        text_make_harmless(copy);
        uris[i] = copy;
    }
    return OK;
}

static result take_rules(struct reading *reading, struct pin_set *set) {
    const json_t *value = take_field(reading, "rules");
    enum pin_format format = PIN_FORMAT_YAML;
    if (value != NULL && (!json_is_string(value) || !pin_format_of_name(json_string_value(value), &format)))
        return REFUSE(reading, "yaml-value", "rules: wanted the name of a format whose rules hold: android, apple, trustkit-ios, trustkit-android, okhttp, "
                      "hpkp, tlsa, chromium or yaml");
    set->format = format;
    reading->is_tlsa = format == PIN_FORMAT_TLSA;
    return OK;
}

static result take_set_fields(struct reading *reading, struct pin_set *set) {
    static const char *const fields[] = {
        "name", "host", "match", "rules", "pins", "and_pins", "expires", "max_age", "pinned", "enforced", "report_only", "overrides_pins",
        "trusts_system", "port", "protocol", "secure", "report_to", "default_reports", NULL,
    };
    static result (*const takers[])(struct reading *, struct pin_set *) = {take_host, take_rules, take_expiry, take_service, take_flags, take_reports};
    TRY(check_fields(reading, fields, "host, match, pins, and_pins, expires, report_only, or another of docs/pins.md"));
    if (!reading->is_wrong)
        TRY(take_text(reading, "name", &set->name));
    for (size_t i = 0; i < sizeof takers / sizeof takers[0] && !reading->is_wrong; i++)
        TRY(takers[i](reading, set));
    TRY(take_pins(reading, "pins", 0, set));
    return take_pins(reading, "and_pins", 1, set);
}

/* A set for TLSA needs what a record has; one that pins needs a pin, or it would accept nothing without a word. */
static result check_set(struct reading *reading, const struct pin_set *set) {
    bool is_tlsa = set->format == PIN_FORMAT_TLSA;
    if (is_tlsa && (set->port == 0 || set->protocol[0] == '\0' || set->host == NULL))
        return REFUSE(reading, "yaml-tlsa", "rules of tlsa need host, port and protocol");
    if (is_tlsa && set->match != PIN_HOST_EXACT)
        return REFUSE(reading, "yaml-tlsa", "match: a record holds for its own name alone, wanted exact");
    if (!is_tlsa && (set->port != 0 || set->protocol[0] != '\0' || !set->is_secure))
        return REFUSE(reading, "yaml-tlsa", "port, protocol and secure belong to rules of tlsa alone");
    if (set->is_pinned && set->group_count == 0 && !json_is_array(json_object_get(reading->object, "pins")))
        return REFUSE(reading, "yaml-no-pins", "there are neither pins nor \"pinned: false\"; an empty list of pins accepts nothing");
    return OK;
}

static result take_set(struct pin_builder *builder, const struct yaml_tree *tree, const json_t *item, unsigned line) {
    struct reading reading = {.builder = builder, .tree = tree, .object = item, .line = yaml_tree_line(tree, item)};
    if (reading.line == 0)
        reading.line = line;
    if (!json_is_object(item))
        return REFUSE(&reading, "yaml-set", "a set: wanted fields such as host and pins");
    struct pin_set *set = pin_builder_add_set(builder, reading.line);
    if (set == NULL)
        return pin_builder_refusal(builder);
    TRY(take_set_fields(&reading, set));
    reading.line = set->line;
    if (!reading.is_wrong)
        TRY(check_set(&reading, set));
    builder->document->set_count -= reading.is_wrong;
    return OK;
}

result pin_yaml_take(const struct yaml_tree *tree, const json_t *object, struct arena *arena, struct pin_document *document, struct reason *reason) {
    struct pin_builder builder = pin_builder_of(arena, document);
    const json_t *list = json_object_get(object, "pin_sets");
    unsigned line = object == tree->root || yaml_tree_line(tree, object) == 0 ? 1 : yaml_tree_line(tree, object);
    const char *name;
    json_t *value;
    if (!json_is_array(list))
        return reason_set(reason, &fault_pin_file, "line %u: there is no list \"pin_sets\", wanted one (docs/pins.md)", line);
    json_object_foreach((json_t *) object, name, value)
        if (strcmp(name, "pin_sets") != 0 && (object == tree->root || strcmp(name, "name") != 0))
            return reason_set(reason, &fault_pin_file, "line %u: unknown field \"%.*s\", wanted \"pin_sets\" alone",
                              yaml_tree_line(tree, value) != 0 ? yaml_tree_line(tree, value) : yaml_tree_line(tree, object), SHOWN_MAX, name);
    for (size_t i = 0; i < json_array_size(list); i++)
        TRY(take_set(&builder, tree, json_array_get(list, i), yaml_tree_line(tree, list)));
    return pin_builder_end(&builder);
}

result pin_yaml_read(struct span bytes, struct arena *arena, struct pin_document *document, struct reason *reason) {
    CLEANUP(yaml_tree_done) struct yaml_tree tree = {.root = NULL};
    result outcome = yaml_tree_load(bytes, arena, &tree, reason);
    if (outcome == &fault_yaml)
        return &fault_pin_file; /* with the reason that it gave */
    TRY(outcome);
    return pin_yaml_take(&tree, tree.root, arena, document, reason);
}

bool pin_yaml_is_likely(struct span bytes) {
    static const char mark[] = "pin_sets:";
    const uint8_t *place = bytes.size == 0 ? NULL : memmem(bytes.bytes, bytes.size, mark, sizeof mark - 1);
    return place != NULL && (place == bytes.bytes || place[-1] == '\n');
}
