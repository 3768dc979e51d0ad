#include "formats/drill_file.h"

#include <jansson.h>

#include "base/digest.h"
#include "base/memory.h"
#include "base/text.h"

FAULT(fault_drill_file, FAULT_INPUT, "drill-file", "drill.json", "", "a member is missing, of another type or contradicts another",
      "the file that pinwatch-drill writes");

#define PORT_MAX 65535
#define MMD_MAX ((json_int_t) 31 * 24 * 3600)

static void json_release(json_t **json) {
    json_decref(*json);
}

/* What is being read; `failed` sticks. */
struct reading {
    struct arena *arena;
    bool failed;
};

static const char *read_text(struct reading *reading, const json_t *object, const char *name) {
    const json_t *value = json_object_get(object, name);
    const char *copy = NULL;
    struct span text = span_of(json_string_value(value), json_string_length(value));
    if (json_is_string(value) && text_is_printable(text))
        copy = arena_copy_span_as_text(reading->arena, text);
    if (copy == NULL)
        reading->failed = true;
    return copy == NULL ? "" : copy;
}

static struct span read_bytes(struct reading *reading, const json_t *object, const char *name) {
    const char *text = read_text(reading, object, name);
    size_t size = 0;
    uint8_t *bytes = arena_take(reading->arena, strlen(text) / 4 * 3 + 1);
    if (bytes == NULL || text_to_base64(span_of_text(text), bytes, &size) != OK)
        reading->failed = true;
    return span_of(bytes, size);
}

static void read_hex_hash(struct reading *reading, const json_t *object, const char *name, struct hash *ret_hash) {
    if (hash_from_hex(span_of_text(read_text(reading, object, name)), ret_hash) != OK)
        reading->failed = true;
}

static json_int_t read_number(struct reading *reading, const json_t *object, const char *name, json_int_t most) {
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > most) {
        reading->failed = true;
        return 0;
    }
    return json_integer_value(value);
}

static void read_log(struct reading *reading, const json_t *object, struct drill_file_log *log) {
    const char *protocol = read_text(reading, object, "protocol");
    log->protocol = strcmp(protocol, "static-ct") == 0 ? LOG_STATIC_CT : LOG_RFC6962;
    if (log->protocol == LOG_RFC6962 && strcmp(protocol, "rfc6962") != 0)
        reading->failed = true;
    log->name = read_text(reading, object, "name");
    log->description = read_text(reading, object, "description");
    log->operator_name = read_text(reading, object, "operator");
    log->url = read_text(reading, object, "url");
    log->monitoring_url = read_text(reading, object, "monitoring_url");
    log->origin = read_text(reading, object, "origin");
    log->key = read_bytes(reading, object, "key");
    log->mmd_seconds = (uint32_t) read_number(reading, object, "mmd", MMD_MAX);
    struct hash written;
    digest_of(log->key, &log->log_id);
    if (hash_from_base64(span_of_text(read_text(reading, object, "log_id")), &written) != OK || !hash_equal(&written, &log->log_id))
        reading->failed = true;
}

static void read_authority(struct reading *reading, const json_t *object, struct drill_file_authority *authority) {
    authority->name = read_text(reading, object, "name");
    authority->owner = read_text(reading, object, "owner");
    authority->caa_domain = read_text(reading, object, "caa_domain");
    read_hex_hash(reading, object, "spki_sha256", &authority->spki_sha256);
    read_hex_hash(reading, object, "root_spki_sha256", &authority->root_spki_sha256);
    authority->certificate = read_bytes(reading, object, "certificate");
}

result drill_file_read(struct span json, struct arena *arena, struct drill_file *ret_file) {
    struct reading reading = {.arena = arena};
    struct drill_file file = {0};
    if (json.size == 0 || json.size > DRILL_FILE_SIZE_MAX)
        return &fault_drill_file;
    CLEANUP(json_release) json_t *root = json_loadb((const char *) json.bytes, json.size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *logs = json_object_get(root, "logs"), *authorities = json_object_get(root, "authorities");
    file.log_count = json_array_size(logs);
    file.authority_count = json_array_size(authorities);
    if (file.log_count == 0 || file.log_count > DRILL_FILE_LOGS_MAX || file.authority_count > DRILL_FILE_AUTHORITIES_MAX)
        return &fault_drill_file;
    file.port = (unsigned) read_number(&reading, root, "port", PORT_MAX);
    file.socket = read_text(&reading, root, "socket");
    for (size_t i = 0; i < file.log_count; i++)
        read_log(&reading, json_array_get(logs, i), &file.logs[i]);
    for (size_t i = 0; i < file.authority_count; i++)
        read_authority(&reading, json_array_get(authorities, i), &file.authorities[i]);
    if (reading.failed)
        return &fault_drill_file;
    *ret_file = file;
    return OK;
}

static bool add_member(struct buffer *out, const char *name, const char *value) {
    return buffer_printf(out, "\"%s\":\"%s\",", name, value);
}

static bool add_bytes_member(struct buffer *out, const char *name, struct span bytes) {
    size_t size = (bytes.size + 2) / 3 * 4;
    buffer_printf(out, "\"%s\":\"", name);
    uint8_t *place = buffer_reserve(out, size);
    if (place == NULL)
        return false;
    text_of_base64(bytes, (char *) place);
    buffer_grew(out, size);
    return buffer_add_text(out, "\",");
}

static void write_log(const struct drill_file_log *log, struct buffer *out) {
    char log_id[HASH_BASE64_SIZE];
    hash_to_base64(&log->log_id, log_id);
    buffer_add_text(out, "{");
    add_member(out, "name", log->name);
    add_member(out, "description", log->description);
    add_member(out, "operator", log->operator_name);
    add_member(out, "protocol", log_protocol_name(log->protocol));
    add_member(out, "url", log->url);
    add_member(out, "monitoring_url", log->monitoring_url);
    add_member(out, "origin", log->origin);
    add_bytes_member(out, "key", log->key);
    add_member(out, "log_id", log_id);
    buffer_printf(out, "\"mmd\":%u}", (unsigned) log->mmd_seconds);
}

static void write_authority(const struct drill_file_authority *authority, struct buffer *out) {
    char spki[HASH_HEX_SIZE], root_spki[HASH_HEX_SIZE];
    hash_to_hex(&authority->spki_sha256, spki);
    hash_to_hex(&authority->root_spki_sha256, root_spki);
    buffer_add_text(out, "{");
    add_member(out, "name", authority->name);
    add_member(out, "owner", authority->owner);
    add_member(out, "caa_domain", authority->caa_domain);
    add_bytes_member(out, "certificate", authority->certificate);
    add_member(out, "spki_sha256", spki);
    buffer_printf(out, "\"root_spki_sha256\":\"%s\"}", root_spki);
}

bool drill_file_write(const struct drill_file *file, struct buffer *out) {
    buffer_printf(out, "{\"port\":%u,", file->port);
    add_member(out, "socket", file->socket);
    buffer_add_text(out, "\n\"logs\":[");
    for (size_t i = 0; i < file->log_count; i++) {
        buffer_add_text(out, i == 0 ? "\n" : ",\n");
        write_log(&file->logs[i], out);
    }
    buffer_add_text(out, "],\n\"authorities\":[");
    for (size_t i = 0; i < file->authority_count; i++) {
        buffer_add_text(out, i == 0 ? "\n" : ",\n");
        write_authority(&file->authorities[i], out);
    }
    return buffer_add_text(out, "]}\n");
}
