/* Chromium's static pins: the .pins file with names of keys, the JSON with the hosts that refer to them, or both in one file, one behind the
 * other. Mozilla's JSON, which has the same form, is read too. */
#include "base/memory.h"
#include "base/text.h"
#include "formats/chromium_names.h"
#include "formats/pin_file.h"
#include "formats/yaml_tree.h"

enum { SHOWN_MAX = 60 };

struct reading {
    struct pin_builder *builder;
    const struct yaml_tree *tree;
    json_t *hex_of_name, *pinsets;    /* borrowed, and owned: name -> place in `templates` */
    json_t *seen;                     /* owned: hosts */
    struct pin_document templates;    /* a set without host for each pinset */
    struct pin_builder template_builder;
    int64_t expires;
    bool has_expiry;
};

static unsigned line_of(const struct reading *reading, const json_t *value) {
    return yaml_tree_line(reading->tree, value);
}

/* ── pinsets ── */

static result note_fields(struct reading *reading, const json_t *object, const char *const *known) {
    const char *name;
    json_t *value;
    json_object_foreach((json_t *) object, name, value) {
        size_t i = 0;
        while (known[i] != NULL && strcmp(known[i], name) != 0)
            i++;
        if (known[i] == NULL)
            TRY(pin_builder_remark(reading->builder, PIN_REMARK_NOTE, line_of(reading, object), "chromium-field", "the field \"%.*s\" is skipped", SHOWN_MAX,
                                   name));
    }
    return OK;
}

static result add_name(struct reading *reading, struct pin_set *set, const json_t *item, unsigned line) {
    const char *name = json_string_value(item);
    const char *hex = json_string_value(name == NULL ? NULL : json_object_get(reading->hex_of_name, name));
    if (hex == NULL)
        return pin_builder_remark(reading->builder, PIN_REMARK_ERROR, line, "chromium-unknown-name",
                                  "the pinset names \"%.*s\", which has no value in this file; wanted the .pins file and the JSON in one: cat NAME.pins NAME.json",
                                  SHOWN_MAX, name == NULL ? "" : name);
    struct pin *pin = pin_builder_add_pin(&reading->template_builder, set, 0);
    if (pin == NULL)
        return pin_builder_refusal(&reading->template_builder);
    uint8_t *value = arena_take(reading->builder->arena, HASH_SIZE);
    pin->comment = arena_copy_text(reading->builder->arena, name);
    pin->line = line;
    if (value == NULL || pin->comment == NULL)
        return &fault_no_memory;
    pin->value = span_of(value, HASH_SIZE);
    return text_to_hex(span_of_text(hex), value, HASH_SIZE);
}

static result take_report_uri(struct reading *reading, struct pin_set *set, const json_t *value) {
    if (!json_is_string(value))
        return OK;
    const char **uris = arena_take_array(reading->builder->arena, 2, sizeof *uris);
    char *uri = arena_copy_text(reading->builder->arena, json_string_value(value));
    if (uris == NULL || uri == NULL)
        return &fault_no_memory;
    text_make_harmless(uri);
    uris[0] = uri;
    set->report_uris = uris;
    return OK;
}

static result take_pinset(struct reading *reading, const json_t *object) {
    static const char *const known[] = {"name", "static_spki_hashes", "sha256_hashes", "bad_static_spki_hashes", "report_uri", NULL};
    const char *name = json_string_value(json_object_get(object, "name"));
    const json_t *good = json_object_get(object, "static_spki_hashes");
    const json_t *bad = json_object_get(object, "bad_static_spki_hashes");
    unsigned line = line_of(reading, object);
    if (good == NULL)
        good = json_object_get(object, "sha256_hashes");
    if (name == NULL || !json_is_array(good) || json_object_get(reading->pinsets, name) != NULL)
        return pin_builder_remark(reading->builder, PIN_REMARK_ERROR, line, "chromium-pinset", "a pinset lacks its name or its list static_spki_hashes, or "
                                  "has the name of another");
    TRY(note_fields(reading, object, known));
    struct pin_set *set = pin_builder_add_set(&reading->template_builder, line);
    if (set == NULL)
        return pin_builder_refusal(&reading->template_builder);
    char *copy = arena_copy_text(reading->builder->arena, name);
    if (copy == NULL || json_object_set_new(reading->pinsets, name, json_integer((json_int_t) reading->templates.set_count - 1)) != 0)
        return &fault_no_memory;
    text_make_harmless(copy);
    set->name = copy;
    TRY(take_report_uri(reading, set, json_object_get(object, "report_uri")));
    for (size_t i = 0; i < json_array_size(good); i++)
        TRY(add_name(reading, set, json_array_get(good, i), line));
    if (json_array_size(bad) == 0)
        return OK;
    return pin_builder_remark(reading->builder, PIN_REMARK_WARNING, line, "chromium-bad-hashes",
                              "the pinset \"%.*s\" forbids %zu keys (bad_static_spki_hashes), which is not judged here", SHOWN_MAX, set->name,
                              json_array_size(bad));
}

/* ── entries ── */

static result fill_set(struct reading *reading, const json_t *object, const struct pin_set *template, struct pin_set *set) {
    bool has_subdomains = json_is_true(json_object_get(object, "include_subdomains")) ||
                          json_is_true(json_object_get(object, "include_subdomains_for_pinning"));
    bool is_test = json_is_true(json_object_get(object, "test_mode"));
    set->name = template->name;
    set->match = has_subdomains ? PIN_HOST_EXACT_AND_BELOW : PIN_HOST_EXACT;
    set->report_uris = template->report_uris;
    set->is_enforced = !is_test;
    set->is_report_only = is_test;
    set->groups = template->groups; /* shared by all entries of the pinset */
    set->group_count = template->group_count;
    set->has_expiry = reading->has_expiry;
    set->expires = reading->expires;
    return OK;
}

/* The pinset of an entry, or NULL after a remark. */
static result find_template(struct reading *reading, const json_t *object, unsigned line, const struct pin_set **ret_template) {
    const char *pinset = json_string_value(json_object_get(object, "pins"));
    const json_t *place = pinset == NULL ? NULL : json_object_get(reading->pinsets, pinset);
    *ret_template = NULL;
    if (place == NULL)
        return pin_builder_remark(reading->builder, PIN_REMARK_ERROR, line, "chromium-entry", "an entry has pins \"%.*s\", wanted the name of a pinset", SHOWN_MAX,
                                  pinset == NULL ? "" : pinset);
    const struct pin_set *template = &reading->templates.sets[json_integer_value(place)];
    if (template->group_count == 0)
        return pin_builder_remark(reading->builder, PIN_REMARK_ERROR, line, "chromium-entry", "the pinset \"%.*s\" has no usable pin, so this entry is left out",
                                  SHOWN_MAX, template->name);
    *ret_template = template;
    return OK;
}

static result take_entry(struct reading *reading, const json_t *object) {
    const char *name = json_string_value(json_object_get(object, "name")), *host;
    const struct pin_set *template;
    unsigned line = line_of(reading, object);
    bool is_host;
    if (json_object_get(object, "pins") == NULL && name != NULL)
        return OK; /* HSTS alone */
    if (name == NULL)
        return pin_builder_remark(reading->builder, PIN_REMARK_ERROR, line, "chromium-entry", "an entry is no object with a name, wanted name and pins");
    TRY(pin_host_read(reading->builder, span_of_text(name), line, &host, &is_host));
    if (!is_host)
        return OK;
    if (json_object_get(reading->seen, host) != NULL)
        return pin_builder_remark(reading->builder, PIN_REMARK_ERROR, line, "chromium-host-twice", "there is an entry for %s before this one, which counts", host);
    TRY(find_template(reading, object, line, &template));
    if (template == NULL)
        return OK;
    struct pin_set *set = pin_builder_add_set(reading->builder, line);
    if (set == NULL)
        return pin_builder_refusal(reading->builder);
    set->host = host;
    if (json_object_set_new(reading->seen, host, json_true()) != 0)
        return &fault_no_memory;
    return fill_set(reading, object, template, set);
}

static result take_lists(struct reading *reading, struct reason *reason) {
    static const char *const known[] = {"pinsets", "entries", NULL};
    const json_t *root = reading->tree->root, *pinsets = json_object_get(root, "pinsets"), *entries = json_object_get(root, "entries");
    if (!json_is_array(pinsets) || !json_is_array(entries))
        return reason_set(reason, &fault_pin_file, "line %u: the JSON lacks a list \"pinsets\" or \"entries\"",
                          root == NULL ? 1 : line_of(reading, root));
    TRY(note_fields(reading, root, known));
    for (size_t i = 0; i < json_array_size(pinsets); i++)
        TRY(take_pinset(reading, json_array_get(pinsets, i)));
    for (size_t i = 0; i < json_array_size(entries); i++)
        TRY(take_entry(reading, json_array_get(entries, i)));
    return OK;
}

/* ── the file ── */

enum { DAY_S = 86400, LIST_DAYS = 70 /* for so long does Chromium trust a list that was not looked over again */ };

static result read_json(struct pin_builder *builder, struct span text, const struct chromium_names *names, struct reason *reason) {
    CLEANUP(yaml_tree_done) struct yaml_tree tree = {.root = NULL};
    struct reading reading = {.builder = builder, .tree = &tree, .hex_of_name = names->hex_of_name, .pinsets = json_object(),
                              .seen = json_object(), .has_expiry = names->has_timestamp, .expires = names->timestamp + LIST_DAYS * DAY_S};
    reading.templates.format = PIN_FORMAT_CHROMIUM;
    reading.template_builder = pin_builder_of(builder->arena, &reading.templates);
    result outcome = yaml_tree_load(text, builder->arena, &tree, reason);
    if (outcome == &fault_yaml)
        outcome = &fault_pin_file; /* with the reason that it gave */
    if (outcome == OK && (reading.pinsets == NULL || reading.seen == NULL))
        outcome = &fault_no_memory;
    if (outcome == OK)
        outcome = take_lists(&reading, reason);
    json_decref(reading.pinsets);
    json_decref(reading.seen);
    return outcome;
}

/* Names before the JSON, and behind it: only when all are known can it be read. */
static result read_parts(struct pin_builder *builder, struct span bytes, struct buffer *json, struct chromium_names *names, struct reason *reason) {
    struct cursor text = cursor_of(bytes);
    unsigned line = 1;
    bool has_json = bytes.size > 0 && memmem(bytes.bytes, bytes.size, "\"pinsets\"", 9) != NULL;
    TRY(chromium_names_read(builder, &text, &line, !has_json, names, reason));
    if (!cursor_at_end(&text)) {
        size_t before = text.position;
        for (unsigned i = 1; i < line; i++) /* so that its lines have the numbers of the file's */
            buffer_add_text(json, "\n");
        chromium_json_take(&text, json);
        for (size_t i = before; i < text.position; i++)
            line += bytes.bytes[i] == '\n';
        TRY(buffer_check(json));
        TRY(chromium_names_read(builder, &text, &line, !has_json, names, reason));
    }
    if (!cursor_at_end(&text))
        return reason_set(reason, &fault_pin_file, "line %u: a second JSON begins, wanted one at most", line);
    return json->size == 0 ? OK : read_json(builder, buffer_span(json), names, reason);
}

result pin_chromium_read(struct span bytes, struct arena *arena, struct pin_document *document, struct reason *reason) {
    struct pin_builder builder = pin_builder_of(arena, document);
    struct chromium_names names = {.hex_of_name = json_object()};
    struct buffer json = buffer_with_limit(2 * PIN_FILE_SIZE_MAX);
    char time[RFC3339_SIZE];
    result outcome = names.hex_of_name == NULL ? &fault_no_memory : read_parts(&builder, bytes, &json, &names, reason);
    json_decref(names.hex_of_name);
    buffer_done(&json);
    TRY(outcome);
    if (document->set_count == 0 && document->remark_count == 0)
        return reason_set(reason, &fault_pin_file, "line 1: no name with a key below it is in the file, and no entry of a host (docs/pins.md)");
    if (bytes.size > 0 && memmem(bytes.bytes, bytes.size, "\r\n", 2) != NULL)
        TRY(pin_builder_remark(&builder, PIN_REMARK_WARNING, 0, "chromium-line-ends", "lines end as on Windows: Chromium refuses such a file"));
    text_of_time(names.timestamp, time);
    if (names.has_timestamp)
        TRY(pin_builder_remark(&builder, PIN_REMARK_NOTE, 0, "chromium-timestamp", "the list is of %.10s: Chromium goes by it for %d days", time, LIST_DAYS));
    return pin_builder_end(&builder);
}

/* A name, and below it a key. */
static bool has_name_and_value(struct span bytes) {
    struct cursor text = cursor_of(bytes);
    bool has_name = false;
    while (!cursor_at_end(&text)) {
        const uint8_t *line = text.bytes + text.position;
        const uint8_t *end = memchr(line, '\n', cursor_remaining(&text));
        size_t size = end == NULL ? cursor_remaining(&text) : (size_t) (end - line) + 1;
        (void) cursor_skip(&text, size);
        while (size > 0 && line[size - 1] <= ' ')
            size--;
        if (size == 0 || line[0] == '#')
            continue;
        if (has_name)
            return size > 7 && (memcmp(line, "sha256/", 7) == 0 || memcmp(line, "-----BE", 7) == 0);
        has_name = chromium_name_is_valid(span_of(line, size));
        if (!has_name)
            return false;
    }
    return false;
}

bool pin_chromium_is_likely(struct span bytes) {
    static const char *const marks[] = {"\"static_spki_hashes\"", "\"sha256_hashes\"", "PinsListTimestamp\n"};
    for (size_t i = 0; bytes.size > 0 && i < sizeof marks / sizeof marks[0]; i++)
        if (memmem(bytes.bytes, bytes.size, marks[i], strlen(marks[i])) != NULL)
            return true;
    return has_name_and_value(bytes);
}
