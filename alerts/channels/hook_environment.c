#include "channels/hook_environment.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "channels/configuration.h"

#define VARIABLES_MAX 128
#define VALUE_MAX     (32u << 10) /* a single variable may have 128 KiB in Linux; DNS_NAMES can be long */

struct variables {
    struct arena *arena;
    char *list[VARIABLES_MAX + 1];
    size_t count;
    bool failed;
};

/* Control characters and the like are shown as \xNN; a backslash of a distinguished name stays what it is, as hooks expect it. */
static void add_value(struct buffer *out, const char *value) {
    while (*value != '\0') {
        size_t run = strcspn(value, "\\");
        text_add_harmless(out, span_of(value, run));
        value += run;
        if (*value == '\\') {
            buffer_add_text(out, "\\");
            value++;
        }
    }
}

static void set(struct variables *variables, const char *name, const char *value) {
    CLEANUP(buffer_done) struct buffer line = buffer_with_limit(VALUE_MAX);
    buffer_printf(&line, "%s=", name);
    add_value(&line, value); /* what does not fit is cut */
    char *copy = arena_copy_text(variables->arena, buffer_text(&line));
    if (copy == NULL || variables->count == VARIABLES_MAX)
        variables->failed = true;
    else
        variables->list[variables->count++] = copy;
}

/* Facts that are missing are not set at all: hooks test for that. */
static void set_known(struct variables *variables, const char *name, const char *value) {
    if (value[0] != '\0')
        set(variables, name, value);
}

static void set_number(struct variables *variables, const char *name, int64_t number) {
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long) number);
    set(variables, name, text);
}

static void set_list(struct variables *variables, const char *name, const json_t *list, const char *type) {
    CLEANUP(buffer_done) struct buffer joined = buffer_with_limit(VALUE_MAX);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const char *own_type = json_string_value(json_object_get(json_array_get(list, i), "type"));
        if (type != NULL && own_type != NULL && strcmp(own_type, type) != 0)
            continue;
        if (joined.size > 0)
            buffer_add_text(&joined, ",");
        buffer_add_text(&joined, alert_list_text(list, i));
    }
    set_known(variables, name, buffer_text(&joined));
}

/* "2023-01-31 03:47:26 +0000 UTC", seconds, and RFC 3339; false when the field is no time. */
static bool set_time(struct variables *variables, const char *name, const char *value) {
    char variable[64], human[RFC3339_SIZE + 16];
    int64_t unix_ms;
    if (text_to_time_ms(span_of_text(value), &unix_ms) != OK)
        return false;
    char rfc[RFC3339_SIZE];
    text_of_time(unix_ms / 1000, rfc);
    snprintf(human, sizeof human, "%.10s %.8s +0000 UTC", rfc, strlen(rfc) > 11 ? rfc + 11 : "");
    set(variables, name, human);
    snprintf(variable, sizeof variable, "%s_UNIXTIME", name);
    set_number(variables, variable, unix_ms / 1000);
    snprintf(variable, sizeof variable, "%s_RFC3339", name);
    set(variables, variable, rfc);
    return true;
}

static void set_validity(struct variables *variables, const struct alert *alert) {
    size_t before = variables->count;
    if (set_time(variables, "NOT_BEFORE", alert_text(alert, "not_before")) &&
        set_time(variables, "NOT_AFTER", alert_text(alert, "not_after")))
        return;
    variables->count = before;
    set(variables, "VALIDITY_PARSE_ERROR", "the validity could not be read");
}

static void set_or_error(struct variables *variables, const struct alert *alert, const char *field, const char *name,
                         const char *error_name) {
    const json_t *value = json_object_get(alert->body, field);
    if (json_is_string(value))
        set(variables, name, json_string_value(value));
    else
        set(variables, error_name, "could not be read");
}

/* The first log that the certificate was seen in, or the log that the finding is about. */
static void set_log(struct variables *variables, const struct alert *alert) {
    const json_t *log = json_array_get(alert_list(alert, "logs"), 0);
    if (log == NULL)
        log = alert->body;
    const char *url = json_string_value(json_object_get(log, "url"));
    const json_t *index = json_object_get(log, "index");
    set_known(variables, "LOG_URI", url == NULL ? "" : url);
    if (json_is_integer(index))
        set_number(variables, "ENTRY_INDEX", json_integer_value(index));
}

static void set_certificate(struct variables *variables, const struct alert *alert) {
    set(variables, "EVENT", "discovered_cert");
    set_known(variables, "WATCH_ITEM", alert_first(alert, "watches"));
    set_known(variables, "TBS_SHA256", alert_text(alert, "tbs_sha256"));
    set_known(variables, "CERT_SHA256", alert_text(alert, "cert_sha256"));
    set_known(variables, "FINGERPRINT", alert_text(alert, "cert_sha256"));
    set_known(variables, "PUBKEY_SHA256", alert_text(alert, "spki_sha256"));
    set_list(variables, "DNS_NAMES", alert_list(alert, "names"), "dns");
    set_validity(variables, alert);
    set_or_error(variables, alert, "subject", "SUBJECT_DN", "SUBJECT_PARSE_ERROR");
    set_or_error(variables, alert, "issuer", "ISSUER_DN", "ISSUER_PARSE_ERROR");
    set_or_error(variables, alert, "serial", "SERIAL", "SERIAL_PARSE_ERROR");
    set_log(variables, alert);
}

static void set_entry(struct variables *variables, const struct alert *alert, const struct hook_files *files) {
    const char *reason = alert_text(alert, "reason_text");
    set(variables, "EVENT", "malformed_cert");
    set_log(variables, alert);
    set_known(variables, "LEAF_HASH", alert_text(alert, "leaf_hash"));
    set(variables, "PARSE_ERROR", reason[0] != '\0' ? reason : alert_text(alert, "reason"));
    set_known(variables, "ENTRY_FILENAME", files->entry);
}

static void set_event(struct variables *variables, const struct channel_job *job, const struct hook_files *files) {
    if (job->message->rule->family == RULE_OF_CERTIFICATE ||
        (job->message->rule->name[0] == '\0' && strncmp(job->alert->rule, "certificate.", 12) == 0))
        set_certificate(variables, job->alert);
    else if (job->message->rule->family == RULE_OF_ENTRY)
        set_entry(variables, job->alert, files);
    else
        set(variables, "EVENT", "error");
    set(variables, "SUMMARY", buffer_text(&job->message->sentence));
    set_known(variables, "CERT_FILENAME", files->certificate);
    set_known(variables, "JSON_FILENAME", files->json);
    set_known(variables, "TEXT_FILENAME", files->text);
}

static void set_ours(struct variables *variables, const struct settings *settings, const struct channel_job *job) {
    const struct alert *alert = job->alert;
    set(variables, "PINWATCH_RULE", alert->rule);
    set(variables, "PINWATCH_SEVERITY", alert->severity);
    set(variables, "PINWATCH_SUBJECT", buffer_text(&job->message->subject));
    set(variables, "PINWATCH_CHANNEL", job->channel);
    set(variables, "PINWATCH_DELIVERY", job->idempotency_key);
    set_number(variables, "PINWATCH_ATTEMPT", job->attempt);
    set_number(variables, "PINWATCH_ALERT_ID", alert->alert_id);
    if (alert->finding_id > 0)
        set_number(variables, "PINWATCH_FINDING_ID", alert->finding_id);
    set(variables, "PINWATCH_IS_TEST", alert->is_test ? "1" : "0");
    set(variables, "PINWATCH_IS_DRILL", alert_flag(alert, "is_drill") ? "1" : "0");
    set(variables, "PINWATCH_STATE", settings->state_folder);
    set_list(variables, "PINWATCH_MATCHED_NAMES", alert_list(alert, "matched_names"), NULL);
    set_known(variables, "PINWATCH_ISSUER_OWNER", alert_text(alert, "issuer_owner"));
    set_known(variables, "PINWATCH_ISSUER_SPKI_SHA256", alert_text(alert, "issuer_spki_sha256"));
    set_known(variables, "PINWATCH_CA_PROBLEM_REPORT", alert_text(alert, "ca_problem_report"));
}

static void set_basics(struct variables *variables) {
    static const char *const kept[] = {"HOME", "USER", "LOGNAME", "TZ"};
    set(variables, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    set(variables, "LANG", "C.UTF-8");
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        const char *value = getenv(kept[i]);
        set_known(variables, kept[i], value == NULL ? "" : value);
    }
}

static void set_configured(struct variables *variables, const json_t *configuration) {
    const char *name;
    json_t *value;
    json_object_foreach(json_object_get(configuration, "environment"), name, value)
        set(variables, name, json_string_value(value));
}

char **hook_environment_make(struct arena *arena, const struct settings *settings, const struct channel_job *job,
                             const struct hook_files *files) {
    struct variables variables = {.arena = arena};
    set_basics(&variables);
    set_event(&variables, job, files);
    set_ours(&variables, settings, job);
    set_configured(&variables, job->configuration);
    char **list = arena_take_array(arena, variables.count + 1, sizeof *list);
    if (variables.failed || list == NULL)
        return NULL;
    memcpy(list, variables.list, (variables.count + 1) * sizeof *list);
    list[variables.count] = NULL;
    return list;
}

bool hook_environment_may_add(const char *name) {
    static const char *const own[] = {
        "EVENT", "SUMMARY", "WATCH_ITEM", "LOG_URI", "ENTRY_INDEX", "LEAF_HASH", "PARSE_ERROR", "FINGERPRINT", "DNS_NAMES",
        "SUBJECT_DN", "ISSUER_DN", "SERIAL", "CERT_FILENAME", "JSON_FILENAME", "TEXT_FILENAME", "ENTRY_FILENAME"};
    static const char *const prefixes[] = {"PINWATCH_", "NOT_BEFORE", "NOT_AFTER", "LD_"};
    static const char *const suffixes[] = {"_SHA256", "_PARSE_ERROR"};
    size_t size = strlen(name);
    if (size == 0 || isdigit((unsigned char) name[0]) || name[strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] != '\0')
        return false;
    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
        if (strcmp(own[i], name) == 0)
            return false;
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (strncmp(prefixes[i], name, strlen(prefixes[i])) == 0)
            return false;
    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
        if (size >= strlen(suffixes[i]) && strcmp(name + size - strlen(suffixes[i]), suffixes[i]) == 0)
            return false;
    return true;
}
