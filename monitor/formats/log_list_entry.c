#include "formats/log_list_entry.h"

#include <strings.h>

#include "base/buffer.h"
#include "base/digest.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/json_document.h"

#define TEXT_MAX 200  /* of descriptions and names; real ones have up to 70 characters */
#define URL_MAX 1000
#define KEY_DER_MAX 1024 /* an RSA-4096 SPKI has 550 bytes */

#define REFUSE(reason, ...) reason_set((reason), &fault_log_list_entry, __VA_ARGS__)

result log_list_text(const json_t *json, const char *name, struct arena *arena, const char **ret_text) {
    struct span text = {0};
    CLEANUP(buffer_done) struct buffer harmless = buffer_with_limit(TEXT_MAX * 4 + 1);
    if (json_member_text(json, name, &text) && text.size > TEXT_MAX)
        text.size = TEXT_MAX;
    if (!text_add_harmless(&harmless, text))
        return &fault_no_memory;
    const char *copy = arena_copy_text(arena, buffer_text(&harmless));
    if (copy == NULL)
        return &fault_no_memory;
    *ret_text = copy;
    return OK;
}

static result parse_key(const json_t *json, struct arena *arena, struct listed_log *log, struct reason *reason) {
    struct span text;
    struct hash named;
    uint8_t der[KEY_DER_MAX + 3];
    size_t size;
    if (!json_member_text(json, "key", &text) || text.size / 4 * 3 > sizeof der || text_to_base64(text, der, &size) != OK ||
        size == 0 || size > KEY_DER_MAX)
        return REFUSE(reason, "key: not base64 of a key, wanted DER of at most %d bytes", KEY_DER_MAX);
    digest_of(span_of(der, size), &log->log_id);
    if (!json_member_hash(json, "log_id", &named))
        return REFUSE(reason, "log_id: not base64 of 32 bytes, wanted SHA-256 of the key (RFC 6962 3.2)");
    if (!hash_equal(&named, &log->log_id)) {
        char wanted[HASH_BASE64_SIZE];
        hash_to_base64(&log->log_id, wanted);
        return REFUSE(reason, "log_id: not the hash of the key, wanted %s (RFC 6962 3.2)", wanted);
    }
    log->key = span_of(arena_copy(arena, span_of(der, size)), size);
    return log->key.bytes == NULL ? &fault_no_memory : OK;
}

/* Scheme, host and path of plain characters: what is later joined with the paths of the protocols. */
static bool is_log_url(struct span url) {
    static const char https[] = "https://", http[] = "http://";
    const char *text = (const char *) url.bytes;
    size_t scheme = url.size > 8 && strncasecmp(text, https, 8) == 0 ? 8 : url.size > 7 && strncasecmp(text, http, 7) == 0 ? 7 : 0;
    if (scheme == 0 || url.size > URL_MAX || text[scheme] == '/' || text[scheme] == ':')
        return false;
    for (size_t i = scheme; i < url.size; i++)
        if (text[i] <= ' ' || text[i] > '~' || strchr("@?#\\\"<>^`{|}", text[i]) != NULL)
            return false;
    return true;
}

static result parse_url(const json_t *json, const char *name, struct arena *arena, const char **ret_url, struct reason *reason) {
    struct span text;
    if (!json_member_text(json, name, &text) || !is_log_url(text))
        return REFUSE(reason, "%s: missing or not a URL of a log, wanted https:// or http://, a host and a path", name);
    bool has_slash = text.bytes[text.size - 1] == '/';
    *ret_url = arena_printf(arena, "%.*s%s", (int) text.size, (const char *) text.bytes, has_slash ? "" : "/");
    return *ret_url == NULL ? &fault_no_memory : OK;
}

static result parse_urls(const json_t *json, struct arena *arena, struct listed_log *log, struct reason *reason) {
    log->monitoring_url = "";
    if (log->protocol == LOG_RFC6962)
        return parse_url(json, "url", arena, &log->url, reason);
    TRY(parse_url(json, "submission_url", arena, &log->url, reason));
    return parse_url(json, "monitoring_url", arena, &log->monitoring_url, reason);
}

static bool member_time(const json_t *object, const char *name, int64_t *ret_seconds) {
    struct span text;
    int64_t time_ms;
    if (!json_member_text(object, name, &text) || text_to_time_ms(text, &time_ms) != OK)
        return false;
    *ret_seconds = time_ms >= 0 || time_ms % 1000 == 0 ? time_ms / 1000 : time_ms / 1000 - 1;
    return true;
}

static result parse_mmd(const json_t *json, struct listed_log *log, struct reason *reason) {
    uint64_t mmd = 0;
    if (!json_member_is_absent(json, "mmd") && !json_member_number(json, "mmd", UINT32_MAX, &mmd))
        return REFUSE(reason, "mmd: not a number of seconds, wanted 0 to %u", UINT32_MAX);
    log->mmd_seconds = (uint32_t) mmd;
    return OK;
}

static result parse_interval(const json_t *json, struct listed_log *log, struct reason *reason) {
    if (json_member_is_absent(json, "temporal_interval"))
        return OK;
    const json_t *interval = json_object_get(json, "temporal_interval");
    if (!member_time(interval, "start_inclusive", &log->interval_begin) ||
        !member_time(interval, "end_exclusive", &log->interval_end))
        return REFUSE(reason, "temporal_interval: a time is missing or wrong, wanted start_inclusive and end_exclusive");
    if (log->interval_begin >= log->interval_end)
        return REFUSE(reason, "temporal_interval: ends before it starts, wanted start_inclusive before end_exclusive");
    log->has_interval = true;
    return OK;
}

static enum log_state state_of_name(const char *name) {
    for (enum log_state state = LOG_PENDING; state < log_state_count; state++)
        if (strcmp(log_state_name(state), name) == 0)
            return state;
    return LOG_STATE_NONE;
}

static result parse_final_head(const json_t *payload, struct listed_log *log, struct reason *reason) {
    if (json_member_is_absent(payload, "final_tree_head"))
        return OK;
    const json_t *head = json_object_get(payload, "final_tree_head");
    if (!json_member_number(head, "tree_size", INT64_MAX, &log->final_size) ||
        !json_member_hash(head, "sha256_root_hash", &log->final_root))
        return REFUSE(reason, "final_tree_head: a member is missing or wrong, wanted tree_size and sha256_root_hash");
    log->has_final_head = true;
    return OK;
}

static result parse_state(const json_t *json, struct listed_log *log, struct reason *reason) {
    if (json_member_is_absent(json, "state"))
        return OK;
    json_t *state = json_object_get(json, "state");
    if (json_object_size(state) != 1)
        return REFUSE(reason, "state: not an object with one member, wanted the name of one state");
    const char *name = json_object_iter_key(json_object_iter(state));
    log->state = state_of_name(name);
    log->is_state_unknown = log->state == LOG_STATE_NONE; /* generous: a new word must not make a log disappear */
    const json_t *payload = json_object_get(state, name);
    if (!json_is_object(payload))
        return REFUSE(reason, "state: without details, wanted an object with a timestamp");
    if (!json_member_is_absent(payload, "timestamp") && !member_time(payload, "timestamp", &log->state_since))
        return REFUSE(reason, "state: its timestamp is not a time, wanted RFC 3339");
    return parse_final_head(payload, log, reason);
}

static result parse_type(const json_t *json, struct arena *arena, struct listed_log *log) {
    log->is_tls_only = json_is_true(json_object_get(json, "tls_only"));
    TRY(log_list_text(json, "log_type", arena, &log->log_type));
    if (log->log_type[0] == '\0')
        log->log_type = "prod";
    return OK;
}

result log_list_entry_parse(const json_t *json, struct arena *arena, struct listed_log *log, struct reason *reason) {
    if (!json_is_object(json))
        return REFUSE(reason, "log: not an object, wanted a log as the schema describes it");
    TRY(log_list_text(json, "description", arena, &log->description));
    TRY(parse_key(json, arena, log, reason));
    TRY(parse_urls(json, arena, log, reason));
    TRY(parse_mmd(json, log, reason));
    TRY(parse_interval(json, log, reason));
    TRY(parse_state(json, log, reason));
    return parse_type(json, arena, log);
}
