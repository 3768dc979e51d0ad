#include "formats/policy_rules.h"

#include "base/memory.h"
#include "base/text.h"
#include "formats/json_document.h"
#include "formats/policy_decode.h"

FAULT(fault_policy, FAULT_SETTINGS, "policy.value", "policy", "docs/watches.md", "a field is not as it should be",
      "expected_issuers, known_keys, key_types, max_lifetime_days, reports_new, allows_wildcards");

struct decoding {
    struct arena *arena;
    struct policy_rules rules;
    struct decode_culprit *culprit;
    struct reason *reason;
};

struct field {
    const char *name;
    result (*take)(struct decoding *decoding, const struct field *field, const json_t *value, const json_t *holder);
    size_t list_offset, count_offset; /* in struct policy_rules */
};

static result refuse(struct decoding *decoding, const json_t *value, const json_t *holder, const char *field, const char *wanted) {
    *decoding->culprit = (struct decode_culprit){.value = value, .holder = holder};
    return reason_set(decoding->reason, &fault_policy, "%s: wanted %s", field, wanted);
}

static bool is_short_text(const json_t *value) {
    size_t size = json_is_string(value) ? json_string_length(value) : 0;
    return size > 0 && size <= POLICY_TEXT_MAX;
}

static bool is_domain(const char *text) {
    if (text[0] == '.' || text[0] == '-' || strchr(text, '.') == NULL)
        return false;
    return text[strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-")] == '\0';
}

static void lower(char *text) {
    for (; *text != '\0'; text++)
        if (*text >= 'A' && *text <= 'Z')
            *text = (char) (*text - 'A' + 'a');
}

static result take_texts(struct decoding *decoding, const struct field *field, const json_t *value, const json_t *holder) {
    bool are_domains = strcmp(field->name, "caa_domains") == 0;
    if (!json_is_array(value) || json_array_size(value) > POLICY_LIST_MAX)
        return refuse(decoding, value, holder, field->name, "a list of at most 200 texts");
    size_t count = json_array_size(value);
    const char **list = arena_take_array(decoding->arena, count + 1, sizeof *list);
    if (list == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; i++) {
        const json_t *item = json_array_get(value, i);
        if (!is_short_text(item))
            return refuse(decoding, item, value, field->name, "texts of 1 to 255 characters");
        if (are_domains && !is_domain(json_string_value(item)))
            return refuse(decoding, item, value, field->name, "domains as CAA records name them, such as letsencrypt.org");
        char *copy = arena_copy_text(decoding->arena, json_string_value(item));
        if (copy == NULL)
            return &fault_no_memory;
        if (strcmp(field->name, "owners") != 0)
            lower(copy);
        list[i] = copy;
    }
    memcpy((char *) &decoding->rules + field->list_offset, &list, sizeof list);
    memcpy((char *) &decoding->rules + field->count_offset, &count, sizeof count);
    return OK;
}

/* "sha256:HEX" or the 64 digits alone. */
static bool hash_of_text(const json_t *item, struct hash *ret_hash) {
    if (!json_is_string(item))
        return false;
    struct span text = span_of(json_string_value(item), json_string_length(item));
    if (text.size > 7 && memcmp(text.bytes, "sha256:", 7) == 0)
        text = span_of(text.bytes + 7, text.size - 7);
    return hash_from_hex(text, ret_hash) == OK;
}

static result take_hashes(struct decoding *decoding, const struct field *field, const json_t *value, const json_t *holder) {
    if (!json_is_array(value) || json_array_size(value) > POLICY_LIST_MAX)
        return refuse(decoding, value, holder, field->name, "a list of at most 200 SHA-256 hashes of keys");
    size_t count = json_array_size(value);
    struct hash *list = arena_take_array(decoding->arena, count + 1, sizeof *list);
    if (list == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; i++)
        if (!hash_of_text(json_array_get(value, i), &list[i]))
            return refuse(decoding, json_array_get(value, i), value, field->name,
                          "the SHA-256 of a SubjectPublicKeyInfo as 64 hexadecimal digits (quote it when it has digits only)");
    memcpy((char *) &decoding->rules + field->list_offset, &list, sizeof list);
    memcpy((char *) &decoding->rules + field->count_offset, &count, sizeof count);
    return OK;
}

static result take_boolean(struct decoding *decoding, const struct field *field, const json_t *value, const json_t *holder) {
    if (!json_is_boolean(value))
        return refuse(decoding, value, holder, field->name, "true or false");
    bool is_true = json_is_true(value);
    memcpy((char *) &decoding->rules + field->list_offset, &is_true, sizeof is_true);
    return OK;
}

static result take_days(struct decoding *decoding, const struct field *field, const json_t *value, const json_t *holder) {
    json_int_t days = json_is_integer(value) ? json_integer_value(value) : 0;
    if (days < 1 || days > POLICY_LIFETIME_DAYS_MAX)
        return refuse(decoding, value, holder, field->name, "a number of days from 1 to 36500");
    decoding->rules.max_lifetime_days = (unsigned) days;
    return OK;
}

#define LIST(name, take, list, count) {name, take, offsetof(struct policy_rules, list), offsetof(struct policy_rules, count)}
static const struct field issuer_fields[] = {
    LIST("caa_domains", take_texts, caa_domains, caa_domain_count),
    LIST("owners", take_texts, owners, owner_count),
    LIST("ca_keys", take_hashes, ca_keys, ca_key_count),
    {"caa_records", take_boolean, offsetof(struct policy_rules, expects_caa_records), 0},
    {0},
};

static result take_fields(struct decoding *decoding, const struct field *fields, const json_t *tree, const char *wanted) {
    const char *name;
    json_t *value;
    json_object_foreach((json_t *) tree, name, value) {
        const struct field *field = fields;
        while (field->name != NULL && strcmp(field->name, name) != 0)
            field++;
        if (field->name == NULL)
            return refuse(decoding, value, tree, name, wanted);
        TRY(field->take(decoding, field, value, tree));
    }
    return OK;
}

static result take_issuers(struct decoding *decoding, const struct field *field, const json_t *value, const json_t *holder) {
    if (!json_is_object(value))
        return refuse(decoding, value, holder, field->name, "caa_domains, owners and ca_keys, each with a list, and caa_records with true");
    TRY(take_fields(decoding, issuer_fields, value, "one of caa_domains, owners, ca_keys, caa_records here"));
    const struct policy_rules *rules = &decoding->rules;
    if (rules->caa_domain_count + rules->owner_count + rules->ca_key_count == 0 && !rules->expects_caa_records)
        return refuse(decoding, value, holder, field->name, "at least one issuer (leave the field out to expect none)");
    return OK;
}

static const struct field policy_fields[] = {
    {"expected_issuers", take_issuers, 0, 0},
    LIST("known_keys", take_hashes, known_keys, known_key_count),
    LIST("key_types", take_texts, key_types, key_type_count),
    {"max_lifetime_days", take_days, 0, 0},
    {"reports_new", take_boolean, offsetof(struct policy_rules, reports_new), 0},
    {"allows_wildcards", take_boolean, offsetof(struct policy_rules, allows_wildcards), 0},
    {0},
};

struct policy_rules policy_rules_default(void) {
    return (struct policy_rules){.allows_wildcards = true};
}

result policy_decode(const json_t *tree, struct arena *arena, struct policy_rules *ret_rules, struct decode_culprit *ret_culprit,
                     struct reason *reason) {
    struct decoding decoding = {.arena = arena, .rules = policy_rules_default(), .culprit = ret_culprit, .reason = reason};
    if (json_is_null(tree)) {
        *ret_rules = decoding.rules;
        return OK;
    }
    if (!json_is_object(tree))
        return refuse(&decoding, tree, NULL, "policy", "a mapping of fields");
    TRY(take_fields(&decoding, policy_fields, tree,
                    "one of expected_issuers, known_keys, key_types, max_lifetime_days, reports_new, allows_wildcards here"));
    *ret_rules = decoding.rules;
    return OK;
}

result policy_rules_from_json(struct span json, struct arena *arena, struct policy_rules *ret_rules, struct reason *reason) {
    CLEANUP(json_document_free) json_t *tree = NULL;
    struct decode_culprit culprit;
    TRY(json_document_load(json, POLICY_JSON_MAX, &fault_policy, reason, &tree));
    return policy_decode(tree, arena, ret_rules, &culprit, reason);
}

/* ---- to JSON; takes over the reference, leaves empty lists out */

static void set_list(json_t *object, const char *name, json_t *list) {
    if (json_array_size(list) > 0)
        json_object_set_new(object, name, list);
    else
        json_decref(list);
}

static json_t *list_of_texts(const char *const *texts, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(list, json_string(texts[i]));
    return list;
}

static json_t *list_of_hashes(const struct hash *hashes, size_t count) {
    json_t *list = json_array();
    char hex[HASH_HEX_SIZE];
    for (size_t i = 0; i < count; i++) {
        hash_to_hex(&hashes[i], hex);
        json_array_append_new(list, json_string(hex));
    }
    return list;
}

static json_t *tree_of(const struct policy_rules *rules) {
    json_t *tree = json_object(), *issuers = json_object();
    set_list(issuers, "caa_domains", list_of_texts(rules->caa_domains, rules->caa_domain_count));
    set_list(issuers, "owners", list_of_texts(rules->owners, rules->owner_count));
    set_list(issuers, "ca_keys", list_of_hashes(rules->ca_keys, rules->ca_key_count));
    if (rules->expects_caa_records)
        json_object_set_new(issuers, "caa_records", json_true());
    if (json_object_size(issuers) > 0)
        json_object_set(tree, "expected_issuers", issuers);
    json_decref(issuers);
    set_list(tree, "known_keys", list_of_hashes(rules->known_keys, rules->known_key_count));
    set_list(tree, "key_types", list_of_texts(rules->key_types, rules->key_type_count));
    if (rules->max_lifetime_days > 0)
        json_object_set_new(tree, "max_lifetime_days", json_integer(rules->max_lifetime_days));
    if (rules->reports_new)
        json_object_set_new(tree, "reports_new", json_true());
    if (!rules->allows_wildcards)
        json_object_set_new(tree, "allows_wildcards", json_false());
    return tree;
}

result policy_rules_to_json(const struct policy_rules *rules, struct buffer *out) {
    uint64_t mark = memory_mark();
    CLEANUP(json_document_free) json_t *tree = tree_of(rules);
    char *dumped = json_dumps(tree, JSON_COMPACT);
    if (dumped == NULL)
        return &fault_no_memory;
    buffer_add_text(out, dumped);
    memory_free_foreign(dumped);
    return memory_mark() != mark ? &fault_no_memory : buffer_check(out);
}
