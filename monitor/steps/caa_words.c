#include <jansson.h>

#include "base/memory.h"
#include "formats/caa_record.h"
#include "steps/caa_poller.h"

#define RECORDS_TOLD 50
#define RECORD_TEXT_MAX 2048

static void add_record(json_t *list, const struct caa_record *record) {
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(RECORD_TEXT_MAX);
    if (!caa_record_to_text(record, &text))
        buffer_reset(&text);
    json_array_append_new(list, json_string(text.size > 0 ? buffer_text(&text) : "(a record that is too long to be shown)"));
}

json_t *caa_words_of_records(const struct caa_record *records, size_t count) {
    json_t *list = json_array();
    for (size_t i = 0; i < count && i < RECORDS_TOLD; i++)
        add_record(list, &records[i]);
    if (count > RECORDS_TOLD)
        json_array_append_new(list, json_sprintf("and %zu more", count - RECORDS_TOLD));
    return list;
}

json_t *caa_words_of_set(const struct caa_set *set, struct arena *arena) {
    struct caa_record *records = NULL;
    size_t count = 0;
    if (set == NULL || caa_set_decode(caa_set_span(set), arena, &records, &count) != OK)
        return json_null();
    return caa_words_of_records(records, count);
}

void caa_words_add_set(struct buffer *text, const struct caa_set *set, struct arena *arena) {
    json_t *records = caa_words_of_set(set, arena);
    for (size_t i = 0; i < json_array_size(records); i++)
        buffer_printf(text, "%s%s", i == 0 ? "" : "; ", json_string_value(json_array_get(records, i)));
    if (json_array_size(records) == 0)
        buffer_add_text(text, "no records");
    json_decref(records);
}

json_t *caa_words_of_issuers(const struct caa_issuers *issuers) {
    json_t *list = json_array();
    if (issuers->is_any)
        json_array_append_new(list, json_string("any CA"));
    for (size_t i = 0; i < issuers->count && i < RECORDS_TOLD; i++)
        json_array_append_new(list, json_string(issuers->domains[i]));
    return list;
}

void caa_words_of_concern(json_t *body, const struct caa_concerned *concerned) {
    json_t *names = json_array(), *watches = json_array();
    for (size_t i = 0; i < concerned->name_count && i < CAA_NAMES_TOLD; i++)
        json_array_append_new(names, json_string(concerned->names[i]));
    for (size_t i = 0; i < concerned->watch_count; i++)
        json_array_append_new(watches, json_string(concerned->watches[i]));
    json_object_set_new(body, "matched_names", names);
    json_object_set_new(body, "names_count", json_integer((json_int_t) concerned->name_count));
    json_object_set_new(body, "watches", watches);
}

result caa_words_finish(struct arena *arena, json_t *body, const char **ret_text) {
    char *dumped = body == NULL ? NULL : json_dumps(body, JSON_COMPACT);
    json_decref(body);
    if (dumped == NULL)
        return &fault_no_memory;
    *ret_text = arena_copy_text(arena, dumped);
    memory_free_foreign(dumped);
    return *ret_text == NULL ? &fault_no_memory : OK;
}
