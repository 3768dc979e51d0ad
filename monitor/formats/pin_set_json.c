#include <jansson.h>

#include "base/digest.h"
#include "base/text.h"
#include "base/whole_json.h"
#include "formats/pin_json.h"

enum { DAY_S = 86400, DATE_SIZE = 10 };

/* Files have dates: what begins at midnight is written as one. */
static json_t *expiry_to_json(const struct pin_set *set) {
    char text[RFC3339_SIZE];
    if (!set->has_expiry)
        return json_null();
    text_of_time(set->expires, text);
    if (set->expires % DAY_S == 0)
        text[DATE_SIZE] = '\0';
    return json_string(text);
}

static json_t *hex_to_json(struct span bytes) {
    AUTO_FREE char *text = memory_new(2 * bytes.size + 1);
    if (text == NULL)
        return NULL;
    text_of_hex(bytes, text);
    return json_string(text);
}

json_t *pin_to_json(const struct pin *pin, enum pin_format format) {
    bool is_full = pin->algorithm == PIN_FULL;
    bool is_one_of_cas = pin->position == PIN_INTERMEDIATE || pin->position == PIN_ROOT;
    json_t *object = json_object();
    struct hash hash;
    if (is_full)
        digest_of(pin->value, &hash);
    json_object_set_new(object, "kind", json_string(pin_kind_name(pin->kind)));
    json_object_set_new(object, "algorithm", json_string(pin_algorithm_name(is_full ? PIN_SHA256 : pin->algorithm)));
    json_object_set_new(object, "value", hex_to_json(is_full ? span_of(hash.bytes, HASH_SIZE) : pin->value));
    json_object_set_new(object, "position", json_string(pin_position_name(is_one_of_cas ? PIN_CA : pin->position)));
    if (is_one_of_cas)
        json_object_set_new(object, "only", json_string(pin_position_name(pin->position)));
    if (is_full)
        json_object_set_new(object, "full", hex_to_json(pin->value));
    if (format == PIN_FORMAT_TLSA)
        json_object_set_new(object, "usage", json_integer(pin->tlsa_usage));
    if (pin->role != PIN_ROLE_NONE)
        json_object_set_new(object, "role", json_string(pin_role_name(pin->role)));
    return object;
}

static json_t *groups_to_json(const struct pin_set *set) {
    json_t *groups = json_array();
    for (size_t i = 0; i < set->group_count; i++) {
        json_t *group = json_array();
        for (size_t k = 0; k < set->groups[i].count; k++)
            json_array_append_new(group, pin_to_json(&set->groups[i].pins[k], set->format));
        json_array_append_new(groups, group);
    }
    return groups;
}

/* What only some formats have. */
static void add_rarities(const struct pin_set *set, json_t *object) {
    if (set->name[0] != '\0')
        json_object_set_new(object, "name", json_string(set->name));
    if (set->has_max_age)
        json_object_set_new(object, "max_age", json_integer((json_int_t) set->max_age_s));
    if (set->port != 0)
        json_object_set_new(object, "port", json_integer(set->port));
    if (set->protocol[0] != '\0')
        json_object_set_new(object, "protocol", json_string(set->protocol));
    if (!set->is_secure)
        json_object_set_new(object, "secure", json_false());
    if (set->overrides_pins)
        json_object_set_new(object, "overrides_pins", json_true());
    if (!set->trusts_system)
        json_object_set_new(object, "trusts_system", json_false());
}

static json_t *set_to_json(const struct pin_document *document, const struct pin_set *set) {
    json_t *object = json_object();
    CLEANUP(buffer_done) struct buffer source = buffer_with_limit(8192);
    text_add_harmless(&source, span_of_text(document->source == NULL ? "" : document->source));
    json_object_set_new(object, "source", json_string(buffer_text(&source)));
    json_object_set_new(object, "format", json_string(pin_format_name(set->format)));
    json_object_set_new(object, "host", set->host == NULL ? json_null() : json_string(set->host));
    json_object_set_new(object, "match", json_string(pin_host_match_name(set->match)));
    json_object_set_new(object, "pinned", json_boolean(set->is_pinned));
    json_object_set_new(object, "enforced", json_boolean(set->is_enforced));
    json_object_set_new(object, "expires", expiry_to_json(set));
    json_object_set_new(object, "report_only", json_boolean(set->is_report_only));
    json_object_set_new(object, "groups", groups_to_json(set));
    add_rarities(set, object);
    return object;
}

result pin_set_to_json(const struct pin_document *document, const struct pin_set *set, struct buffer *out) {
    uint64_t mark = memory_mark();
    json_t *object = json_if_whole(set_to_json(document, set), mark);
    char *line = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (line == NULL)
        return &fault_no_memory;
    buffer_add_text(out, line);
    memory_free_foreign(line);
    return buffer_check(out);
}
