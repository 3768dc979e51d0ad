#include "drill/drill_client.h"

#include <errno.h>
#include <jansson.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "drill/folder.h"
#include "formats/drill_file.h"

FAULT(fault_drill_absent, FAULT_SETTINGS, "drill.absent", "drill", "", "it does not run", "a service with `has_drill: true` in its settings");
FAULT(fault_drill_silent, FAULT_RETRY, "drill.silent", "drill", "", "it does not answer", "a running service (`pinwatch doctor`)");
FAULT(fault_drill_refused, FAULT_INPUT, "drill.refused", "drill", "", "it refused the order", "a name that a certificate can hold");
FAULT(fault_drill_answer, FAULT_BUG, "drill.answer", "answer of the drill", "", "cannot be read", "the places of a logged certificate");

#define ARENA_LIMIT ((size_t) 1024 * 1024)
#define ANSWER_LIMIT ((size_t) 64 * 1024)

static void json_release(json_t **json) {
    json_decref(*json);
}

static void close_at(int *file) {
    if (*file >= 0)
        close(*file);
}

static result connect_to(const char *path, int64_t timeout_ms, int *ret_socket, struct reason *reason) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval wait = {.tv_sec = timeout_ms / 1000, .tv_usec = timeout_ms % 1000 * 1000};
    if (strlen(path) >= sizeof address.sun_path)
        return reason_set(reason, &fault_drill_silent, "%s: too long for a socket", path);
    memcpy(address.sun_path, path, strlen(path) + 1);
    CLEANUP(close_at) int peer = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (peer < 0 || setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait) != 0 ||
        setsockopt(peer, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait) != 0 ||
        connect(peer, (const struct sockaddr *) &address, sizeof address) != 0)
        return reason_set(reason, &fault_drill_silent, "%s: the drill does not answer (%s): does the service run? (`pinwatch doctor`)", path, strerrordesc_np(errno));
    *ret_socket = peer;
    peer = -1;
    return OK;
}

static result exchange(int peer, const char *line, struct buffer *answer, struct reason *reason) {
    for (size_t sent = 0, size = strlen(line); sent < size;) {
        ssize_t count = send(peer, line + sent, size - sent, MSG_NOSIGNAL);
        if (count < 0 && errno != EINTR)
            return reason_set(reason, &fault_drill_silent, "the order cannot be sent: %s", strerrordesc_np(errno));
        sent += count > 0 ? (size_t) count : 0;
    }
    while (answer->size == 0 || answer->bytes[answer->size - 1] != '\n') {
        uint8_t chunk[4096];
        ssize_t count = recv(peer, chunk, sizeof chunk, 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return reason_set(reason, &fault_drill_silent, "the drill gave no answer: %s", count == 0 ? "it hung up" : strerrordesc_np(errno));
        if (!buffer_add(answer, span_of(chunk, (size_t) count)) && buffer_check(answer) == &fault_no_memory)
            return reason_set(reason, &fault_no_memory, "no memory for the drill's answer");
        if (answer->failed)
            return reason_set(reason, &fault_drill_answer, "the answer is larger than %zu bytes", ANSWER_LIMIT);
    }
    return OK;
}

static bool read_hex(const json_t *object, const char *name, struct hash *ret_hash) {
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL && hash_from_hex(span_of_text(text), ret_hash) == OK;
}

static bool read_place(const json_t *object, struct drill_place *place) {
    const char *log_id = json_string_value(json_object_get(object, "log_id"));
    const char *kind = json_string_value(json_object_get(object, "entry"));
    const json_t *index = json_object_get(object, "index"), *timestamp = json_object_get(object, "timestamp");
    if (log_id == NULL || kind == NULL || !json_is_integer(index) || json_integer_value(index) < 0 || !json_is_integer(timestamp))
        return false;
    place->index = (uint64_t) json_integer_value(index);
    place->timestamp_ms = json_integer_value(timestamp);
    place->is_precertificate = strcmp(kind, "precertificate") == 0;
    return hash_from_base64(span_of_text(log_id), &place->log_id) == OK && read_hex(object, "cert_sha256", &place->cert_sha256);
}

static result read_answer(struct span text, struct drill_issued *ret_issued, struct reason *reason) {
    uint64_t mark = memory_mark();
    CLEANUP(json_release) json_t *root = json_loadb((const char *) text.bytes, text.size, 0, NULL);
    const char *error = json_string_value(json_object_get(root, "error"));
    const json_t *places = json_object_get(root, "entries");
    struct drill_issued issued = {.place_count = json_array_size(places)};
    if (root == NULL && memory_mark() != mark)
        return reason_set(reason, &fault_no_memory, "no memory to read the drill's answer");
    if (error != NULL && json_is_true(json_object_get(root, "passes")))
        return reason_set(reason, &fault_machine, "the drill could not do it now: %s", error);
    if (error != NULL)
        return reason_set(reason, &fault_drill_refused, "the drill refused: %s", error);
    bool is_good = issued.place_count > 0 && issued.place_count <= DRILL_PLACES_MAX && read_hex(root, "tbs_sha256", &issued.tbs_sha256) &&
                   read_hex(root, "spki_sha256", &issued.spki_sha256) &&
                   read_hex(root, "issuer_spki_sha256", &issued.issuer_spki_sha256);
    for (size_t i = 0; i < issued.place_count && is_good; i++)
        is_good = read_place(json_array_get(places, i), &issued.places[i]);
    if (!is_good)
        return reason_set(reason, &fault_drill_answer, "the drill's answer cannot be read");
    *ret_issued = issued;
    return OK;
}

static result write_order(const struct drill_order *order, struct buffer *out) {
    json_t *root = json_pack("{s:s, s:s, s:s, s:b, s:b}", "issue", order->name, "by", order->is_mis_issued ? "unexpected" : "expected",
                             "into", order->into, "precertificate", !order->without_precertificate, "final", !order->without_final);
    char *text = root == NULL ? NULL : json_dumps(root, JSON_COMPACT);
    bool fits = text != NULL && buffer_printf(out, "%s\n", text);
    memory_free_foreign(text);
    json_decref(root);
    return fits ? OK : &fault_no_memory;
}

result drill_issue(const char *drill_folder, const struct drill_order *order, int64_t timeout_ms, struct drill_issued *ret_issued,
                   struct reason *reason) {
    CLEANUP(buffer_done) struct buffer file_text = buffer_with_limit(DRILL_FILE_SIZE_MAX), line = buffer_with_limit(ANSWER_LIMIT),
                                       answer = buffer_with_limit(ANSWER_LIMIT);
    CLEANUP(arena_free_at) struct arena *arena = arena_new(ARENA_LIMIT);
    CLEANUP(close_at) int peer = -1;
    struct drill_file file;
    uint64_t mark = memory_mark();
    result outcome = arena == NULL ? &fault_no_memory : write_order(order, &line);
    if (outcome != OK)
        return memory_mark() != mark || arena == NULL ? reason_set(reason, &fault_no_memory, "no memory to write the order")
                                                      : reason_set(reason, &fault_drill_refused, "the name is not valid UTF-8, or too long");
    outcome = folder_read(drill_folder, DRILL_FILE_NAME, &file_text, reason);
    if (outcome != OK && outcome->family == FAULT_RETRY)
        return outcome;
    if (outcome != OK)
        return reason_set(reason, &fault_drill_absent,
                          "no drill runs (%s/%s cannot be read): set `has_drill: true` in the settings and start the service with "
                          "`pinwatch run --detach`", drill_folder, DRILL_FILE_NAME);
    outcome = drill_file_read(buffer_span(&file_text), arena, &file);
    if (outcome != OK && memory_mark() != mark)
        return reason_set(reason, &fault_no_memory, "%s/%s: no memory to read it", drill_folder, DRILL_FILE_NAME);
    if (outcome != OK)
        return reason_set(reason, &fault_drill_answer, "%s/%s: not what the drill writes", drill_folder, DRILL_FILE_NAME);
    TRY(connect_to(file.socket, timeout_ms, &peer, reason));
    TRY(exchange(peer, buffer_text(&line), &answer, reason));
    return read_answer(buffer_span(&answer), ret_issued, reason);
}
