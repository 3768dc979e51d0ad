/* What is made of clients' reports: an object that the database's function can take, or a refusal with a sentence; the same for the same bytes.
 *
 * library: reports
 * parser: reports/examine.c
 * seeds: client-report */
#include <jansson.h>

#include "base/memory.h"
#include "fuzz/harness.h"
#include "reports/examine.h"

static bool is_text(const json_t *object, const char *name) {
    return json_is_string(json_object_get(object, name));
}

static void check(const struct buffer *text) {
    static const char *const texts[] = {"format", "host", "noted_host", "app", "version", "platform", "library", "key", "is_for_host", "is_valid_then", "is_public", "is_refused_by_pins"};
    static const char *const lists[] = {"pins", "notes", "chain"};
    require(text->size > 2 && text->size <= EXAMINE_TEXT_MAX && text->bytes[0] == '{' && text->bytes[text->size - 1] == '}');
    json_t *object = json_loadb((const char *) text->bytes, text->size, JSON_REJECT_DUPLICATES, NULL);
    require(json_is_object(object));
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        require(is_text(object, texts[i]));
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++)
        require(json_is_array(json_object_get(object, lists[i])));
    require(strlen(json_string_value(json_object_get(object, "key"))) == 64);
    bool has_leaf = json_is_true(json_object_get(object, "has_leaf"));
    require(has_leaf == is_text(object, "certificate_sha256") && (has_leaf || json_array_size(json_object_get(object, "chain")) == 0));
    json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    const int64_t now = 1795000000;
    struct reason reason = {""}, again_reason = {""};
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(EXAMINE_TEXT_MAX), again = buffer_with_limit(EXAMINE_TEXT_MAX);
    result outcome = examine_report(span_of(bytes, size), now, &text, &reason);
    require(examine_report(span_of(bytes, size), now, &again, &again_reason) == outcome);
    if (outcome == OK) {
        check(&text);
        require(span_equal(buffer_span(&text), buffer_span(&again)));
    } else {
        require(outcome == &fault_client_report && reason.text[0] != '\0');
    }
    return 0;
}
