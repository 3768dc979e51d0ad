#include "channels/payload.h"

#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "base/whole_json.h"
#include "wording/sentence.h"

static void set_text(json_t *object, const char *name, const char *text) {
    json_object_set_new(object, name, json_string(text));
}

static void set_sentences(json_t *data, const struct rule *rule, const struct alert *alert) {
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(SENTENCE_SIZE_MAX);
    json_t *steps = json_array();
    if (sentence_add(&text, rule->meaning, alert))
        set_text(data, "meaning", buffer_text(&text));
    for (size_t i = 0; i < RULE_STEPS_MAX && rule->steps[i] != NULL; i++) {
        buffer_reset(&text);
        if (sentence_add(&text, rule->steps[i], alert))
            json_array_append_new(steps, json_string(buffer_text(&text)));
    }
    json_object_set_new(data, "steps", steps);
}

static json_t *data_of(const struct channel_job *job) {
    const struct alert *alert = job->alert;
    json_t *data = json_object();
    set_text(data, "rule", alert->rule);
    set_text(data, "severity", alert->severity);
    set_text(data, "title", buffer_text(&job->message->subject));
    set_text(data, "sentence", buffer_text(&job->message->sentence));
    set_sentences(data, job->message->rule, alert);
    json_object_set_new(data, "is_test", json_boolean(alert->is_test));
    json_object_set_new(data, "is_drill", json_boolean(alert_flag(alert, "is_drill")));
    json_object_set_new(data, "tenant_id", json_integer(alert->tenant_id));
    json_object_set_new(data, "alert_id", json_integer(alert->alert_id));
    json_object_set_new(data, "finding_id", alert->finding_id > 0 ? json_integer(alert->finding_id) : json_null());
    set_text(data, "channel", job->channel);
    json_object_set(data, "facts", (json_t *) (uintptr_t) alert->body);
    json_object_set_new(data, "pem", alert->pem[0] == '\0' ? json_null() : json_string(alert->pem));
    return data;
}

/* NULL when memory was refused since `mark`: half an alert is none. */
static char *dump_and_free(json_t *object, uint64_t mark) {
    object = json_if_whole(object, mark);
    char *text = object == NULL ? NULL : json_dumps(object, JSON_COMPACT | JSON_ENSURE_ASCII | JSON_PRESERVE_ORDER);
    json_decref(object);
    return text;
}

char *payload_of_webhook(const struct channel_job *job) {
    char time[RFC3339_SIZE];
    uint64_t mark = memory_mark();
    json_t *payload = json_object();
    text_of_time_ms(job->alert->created_ms, time);
    set_text(payload, "type", job->alert->rule);
    set_text(payload, "timestamp", time);
    json_object_set_new(payload, "data", data_of(job));
    return dump_and_free(payload, mark);
}

/* Names of one type; a name without a type counts as DNS name unless it reads as an address. */
static json_t *names_of_type(const struct alert *alert, const char *wanted) {
    const json_t *names = alert_list(alert, "names");
    json_t *list = json_array();
    for (size_t i = 0; i < json_array_size(names); i++) {
        const char *value = alert_list_text(names, i);
        const char *type = json_string_value(json_object_get(json_array_get(names, i), "type"));
        if (type == NULL)
            type = strchr(value, ':') != NULL || value[strspn(value, "0123456789./")] == '\0' ? "ip" : "dns";
        if (strcmp(type, wanted) == 0)
            json_array_append_new(list, json_string(value));
    }
    return list;
}

static void set_text_or_null(json_t *object, const char *name, const char *text) {
    json_object_set_new(object, name, text[0] == '\0' ? json_null() : json_string(text));
}

char *payload_of_hook(const struct channel_job *job) {
    const struct alert *alert = job->alert;
    uint64_t mark = memory_mark();
    json_t *object = json_object();
    set_text_or_null(object, "tbs_sha256", alert_text(alert, "tbs_sha256"));
    set_text_or_null(object, "cert_sha256", alert_text(alert, "cert_sha256"));
    set_text_or_null(object, "pubkey_sha256", alert_text(alert, "spki_sha256"));
    json_object_set_new(object, "dns_names", names_of_type(alert, "dns"));
    json_object_set_new(object, "ip_addresses", names_of_type(alert, "ip"));
    set_text_or_null(object, "not_before", alert_text(alert, "not_before"));
    set_text_or_null(object, "not_after", alert_text(alert, "not_after"));
    set_text_or_null(object, "serial_number", alert_text(alert, "serial"));
    json_object_set_new(object, "pinwatch", data_of(job));
    return dump_and_free(object, mark);
}
