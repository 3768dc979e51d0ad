/* Chromium's static pins, written: names with their keys, and behind them, where there are hosts, the JSON. */
#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"
#include "formats/chromium_names.h"
#include "formats/pin_file.h"
#include "formats/pin_write.h"

enum { DAY_S = 86400, LIST_DAYS = 70, NAME_SIZE = 200 };

struct writing {
    struct pin_builder *lost;
    struct buffer *out;
    json_t *hex_of_name;    /* owned: names that are written */
    json_t *pinset_of_text; /* owned: what stands in a pinset -> its name */
    json_t *pinsets;        /* owned: names of pinsets */
    struct buffer entries, sets;
    bool has_hosts;
};

/* ── names of keys ── */

/* The name under which the pin is written, or was before: its comment where that is one and free, else made of its digest. */
static result name_pin(struct writing *writing, const char *wanted, const struct pin *pin, char ret_name[NAME_SIZE]) {
    char hex[HASH_HEX_SIZE], base64[HASH_BASE64_SIZE + 4];
    text_of_hex(pin->value, hex);
    snprintf(ret_name, NAME_SIZE, "%.*s", NAME_SIZE - 1, wanted);
    const char *known = json_string_value(json_object_get(writing->hex_of_name, ret_name));
    bool is_usable = chromium_name_is_valid(span_of_text(wanted)) && strlen(wanted) < NAME_SIZE && strcmp(wanted, "PinsListTimestamp") != 0;
    if (is_usable && known != NULL && strcmp(known, hex) == 0)
        return OK;
    if (!is_usable || known != NULL) {
        snprintf(ret_name, NAME_SIZE, "Pin_%s", hex);
        if (wanted[0] != '\0')
            TRY(pin_builder_remark(writing->lost, PIN_REMARK_NOTE, pin->line, "export-comment", "\"%s\" cannot be a name here, or is another key's: it is lost", wanted));
        if (json_object_get(writing->hex_of_name, ret_name) != NULL)
            return OK;
    }
    if (json_object_set_new(writing->hex_of_name, ret_name, json_string(hex)) != 0)
        return &fault_no_memory;
    text_of_base64(pin->value, base64);
    buffer_printf(writing->out, "%s\nsha256/%s\n\n", ret_name, base64);
    return OK;
}

/* ── pinsets ── */

static bool add_quoted(struct buffer *out, const char *text) {
    json_t *value = json_string(text);
    char *dumped = value == NULL ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
    json_decref(value);
    if (dumped != NULL)
        buffer_add_text(out, dumped);
    memory_free_foreign(dumped);
    return dumped != NULL;
}

static result add_names(struct writing *writing, const struct pin_export *entry, struct buffer *list) {
    char name[NAME_SIZE];
    const struct pin **pins;
    size_t count;
    TRY(pin_write_pins(entry, writing->lost->arena, &pins, &count));
    for (size_t i = 0; i < count; i++) {
        TRY(name_pin(writing, pins[i]->comment, pins[i], name));
        buffer_printf(list, "%s        \"%s\"", i == 0 ? "" : ",\n", name);
    }
    return OK;
}

/* A name that no other pinset has. */
static void name_pinset(const struct writing *writing, const char *wanted, char ret_name[NAME_SIZE]) {
    const char *base = wanted[0] == '\0' ? "pins" : wanted;
    snprintf(ret_name, NAME_SIZE, "%.100s", base);
    for (size_t i = 2; json_object_get(writing->pinsets, ret_name) != NULL; i++)
        snprintf(ret_name, NAME_SIZE, "%.100s-%zu-%zu", base, json_object_size(writing->pinsets), i);
}

static result add_pinset(struct writing *writing, const struct pin_export *entry, const char *content, char ret_name[NAME_SIZE]) {
    const char *report = entry->set->report_uris[0];
    name_pinset(writing, entry->set->name, ret_name);
    if (json_object_set_new(writing->pinset_of_text, content, json_string(ret_name)) != 0 ||
        json_object_set_new(writing->pinsets, ret_name, json_true()) != 0)
        return &fault_no_memory;
    buffer_printf(&writing->sets, "%s    {\n      \"name\": ", writing->sets.size == 0 ? "" : ",\n");
    bool is_written = add_quoted(&writing->sets, ret_name);
    buffer_printf(&writing->sets, ",\n      \"static_spki_hashes\": [\n%s\n      ]", content + strcspn(content, "\n") + 1);
    if (report != NULL) {
        buffer_add_text(&writing->sets, ",\n      \"report_uri\": ");
        is_written = add_quoted(&writing->sets, report) && is_written;
    }
    buffer_add_text(&writing->sets, "\n    }");
    return is_written ? OK : &fault_no_memory;
}

static result add_host(struct writing *writing, const struct pin_export *entry) {
    CLEANUP(buffer_done) struct buffer names = buffer_with_limit(PIN_FILE_SIZE_MAX), content = buffer_with_limit(PIN_FILE_SIZE_MAX);
    char name[NAME_SIZE];
    const char *report = entry->set->report_uris[0];
    TRY(add_names(writing, entry, &names));
    buffer_printf(&content, "%s %s\n%s", entry->set->name, report == NULL ? "" : report, buffer_text(&names));
    TRY(buffer_check(&names));
    TRY(buffer_check(&content));
    const char *known = json_string_value(json_object_get(writing->pinset_of_text, buffer_text(&content)));
    if (known != NULL)
        snprintf(name, sizeof name, "%s", known);
    else
        TRY(add_pinset(writing, entry, buffer_text(&content), name));
    buffer_printf(&writing->entries, "%s    { \"name\": \"%s\", \"include_subdomains\": %s%s, \"pins\": ", writing->entries.size == 0 ? "" : ",\n",
                  entry->set->host, entry->match == PIN_HOST_EXACT_AND_BELOW ? "true" : "false",
                  entry->set->is_enforced ? "" : ", \"test_mode\": true");
    if (!add_quoted(&writing->entries, name))
        return &fault_no_memory;
    buffer_add_text(&writing->entries, " }");
    return OK;
}

/* ── the file ── */

/* Of a set without host: its name is the key's. */
static result add_key(struct writing *writing, const struct pin_export *entry) {
    char name[NAME_SIZE];
    const struct pin_set *set = entry->set;
    for (size_t i = 0; i < set->group_count; i++)
        for (size_t k = 0; k < set->groups[i].count; k++)
            TRY(name_pin(writing, k == 0 && i == 0 && set->name[0] != '\0' ? set->name : set->groups[i].pins[k].comment, &set->groups[i].pins[k], name));
    return OK;
}

static result write_all(struct writing *writing, const struct pin_document *document, const struct pin_export *plan) {
    for (size_t i = 0; i < document->set_count; i++)
        if (!plan[i].is_left_out)
            TRY(writing->has_hosts ? add_host(writing, &plan[i]) : add_key(writing, &plan[i]));
    TRY(buffer_check(&writing->sets));
    TRY(buffer_check(&writing->entries));
    if (writing->entries.size > 0)
        buffer_printf(writing->out, "{\n  \"pinsets\": [\n%s\n  ],\n  \"entries\": [\n%s\n  ]\n}\n", buffer_text(&writing->sets),
                      buffer_text(&writing->entries));
    return buffer_check(writing->out);
}

static bool is_any_left(const struct pin_document *document, const struct pin_export *plan) {
    for (size_t i = 0; i < document->set_count; i++)
        if (!plan[i].is_left_out)
            return true;
    return false;
}

/* One time for the whole list is all that can be said. */
static bool has_one_expiry(const struct pin_document *document) {
    bool is_one = document->set_count > 0;
    for (size_t i = 0; is_one && i < document->set_count; i++) {
        const struct pin_set *set = &document->sets[i];
        is_one = set->has_expiry && !set->is_expiry_local && set->expires == document->sets[0].expires && set->expires >= LIST_DAYS * DAY_S &&
                 set->expires - LIST_DAYS * DAY_S <= UINT32_MAX;
    }
    return is_one;
}

result pin_chromium_write(const struct pin_document *document, struct pin_builder *lost, struct buffer *out) {
    struct writing writing = {.lost = lost, .out = out, .hex_of_name = json_object(), .pinset_of_text = json_object(), .pinsets = json_object(),
                              .entries = buffer_with_limit(4 * PIN_FILE_SIZE_MAX), .sets = buffer_with_limit(4 * PIN_FILE_SIZE_MAX)};
    struct pin_export *plan;
    for (size_t i = 0; i < document->set_count; i++)
        writing.has_hosts |= document->sets[i].host != NULL;
    const struct pin_abilities abilities = {
        .name = "Chromium's list", .names_hosts = writing.has_hosts, .has_report_only = true, .has_unenforced = true, .has_names = true, .has_comments = true,
        .has_reports = true, .has_expiry = has_one_expiry(document), .kinds = PIN_BIT(PIN_SPKI), .algorithms = PIN_BIT(PIN_SHA256),
        .positions = PIN_BIT(PIN_ANY), .matches = PIN_BIT(PIN_HOST_EXACT) | PIN_BIT(PIN_HOST_EXACT_AND_BELOW),
    };
    result outcome = pin_export_plan(document, &abilities, lost, &plan);
    if (outcome == OK && abilities.has_expiry && is_any_left(document, plan))
        buffer_printf(out, "PinsListTimestamp\n%lld\n\n", (long long) (document->sets[0].expires - LIST_DAYS * DAY_S));
    if (outcome == OK)
        outcome = writing.hex_of_name == NULL || writing.pinset_of_text == NULL || writing.pinsets == NULL ? &fault_no_memory
                                                                                                          : write_all(&writing, document, plan);
    json_decref(writing.hex_of_name);
    json_decref(writing.pinset_of_text);
    json_decref(writing.pinsets);
    buffer_done(&writing.entries);
    buffer_done(&writing.sets);
    return outcome;
}
