#include "cli/drill_order.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/read_file.h"
#include "formats/drill_file.h"
#include "formats/json_document.h"

#define ANSWER_LIMIT ((size_t) 64 * 1024)

FAULT(fault_drill_absent, FAULT_SETTINGS, "drill.absent", "drill", "", "it does not run", "a service with `drill: true` in its settings");
FAULT(fault_drill_refused, FAULT_INPUT, "drill.refused", "drill", "", "it refused the order", "a name that a certificate can hold");

static result find_socket(const char *state_folder, struct sockaddr_un *ret_address, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer path = buffer_with_limit(4096), json = buffer_with_limit(DRILL_FILE_SIZE_MAX);
    struct drill_file file;
    buffer_printf(&path, "%s/drill/%s", state_folder, DRILL_FILE_NAME);
    if (read_file(buffer_text(&path), &json, reason) != OK)
        return reason_set(reason, &fault_drill_absent,
                          "no drill runs (%s cannot be read): set `drill` in the settings and start the service with `pinwatch run --detach`",
                          buffer_text(&path));
    struct arena *arena = arena_new(4 * DRILL_FILE_SIZE_MAX);
    result outcome = arena == NULL ? &fault_no_memory : drill_file_read(buffer_span(&json), arena, &file);
    size_t size = outcome == OK ? strlen(file.socket) : 0;
    *ret_address = (struct sockaddr_un){.sun_family = AF_UNIX};
    if (outcome == OK && size >= sizeof ret_address->sun_path)
        outcome = reason_set(reason, &fault_drill_file, "%s: the socket's path is too long", buffer_text(&path));
    else if (outcome == OK)
        memcpy(ret_address->sun_path, file.socket, size + 1);
    else
        reason_of_fault(outcome, reason);
    arena_free(arena);
    return outcome;
}

static result send_all(int channel, struct span bytes) {
    for (size_t sent = 0; sent < bytes.size;) {
        ssize_t count = send(channel, bytes.bytes + sent, bytes.size - sent, MSG_NOSIGNAL);
        if (count < 0 && errno != EINTR)
            return &fault_drill_absent;
        sent += count > 0 ? (size_t) count : 0;
    }
    return OK;
}

static result receive_line(int channel, struct buffer *out) {
    for (;;) {
        uint8_t *room = buffer_reserve(out, 4096);
        ssize_t count = room == NULL ? 0 : recv(channel, room, 4096, 0);
        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return &fault_drill_absent;
        buffer_grew(out, (size_t) count);
        if (memchr(out->bytes, '\n', out->size) != NULL)
            return OK;
    }
}

static result exchange(const struct drill_wish *wish, const struct sockaddr_un *address, struct span order, struct buffer *out,
                       struct reason *reason) {
    const struct timeval wait = {.tv_sec = (time_t) (wish->timeout_ms / 1000 + 1)};
    int channel = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (channel < 0)
        return reason_set(reason, &fault_library, "no socket: %s", strerrordesc_np(errno));
    (void) setsockopt(channel, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    result outcome = connect(channel, (const struct sockaddr *) address, sizeof *address) == 0 ? OK : &fault_drill_absent;
    if (outcome == OK)
        outcome = send_all(channel, order);
    if (outcome == OK)
        outcome = receive_line(channel, out);
    close(channel);
    return outcome == OK ? OK : reason_set(reason, outcome, "%s: the drill does not answer: is the service running? (`pinwatch doctor`)", address->sun_path);
}

static bool member_hex(const json_t *answer, const char *name, struct hash *ret_hash) {
    const char *text = json_string_value(json_object_get(answer, name));
    return text != NULL && hash_from_hex(span_of_text(text), ret_hash) == OK;
}

static result take_answer(struct span line, struct drill_issued *ret_issued, struct reason *reason) {
    CLEANUP(json_document_free) json_t *answer = NULL;
    uint64_t timestamp_ms = 0;
    TRY(json_document_load(line, ANSWER_LIMIT, &fault_drill_refused, reason, &answer));
    const char *error = json_string_value(json_object_get(answer, "error"));
    if (error != NULL)
        return reason_set(reason, &fault_drill_refused, "the drill refused: %s", error);
    bool is_whole = json_member_hash(answer, "log_id", &ret_issued->log_id) && member_hex(answer, "tbs_sha256", &ret_issued->tbs_sha256) &&
                    json_member_number(answer, "index", INT64_MAX, &ret_issued->index) &&
                    json_member_number(answer, "timestamp", INT64_MAX, &timestamp_ms);
    ret_issued->timestamp_ms = (int64_t) timestamp_ms;
    return is_whole ? OK : reason_set(reason, &fault_drill_refused, "the drill's answer lacks log_id, index, timestamp or tbs_sha256");
}

result drill_order(const struct drill_wish *wish, struct drill_issued *ret_issued, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer order = buffer_with_limit(4096), answer = buffer_with_limit(ANSWER_LIMIT);
    struct sockaddr_un address;
    TRY(find_socket(wish->state_folder, &address, reason));
    CLEANUP(json_document_free) json_t *object = json_pack("{s:s, s:s}", "issue", wish->name, "by", wish->is_expected ? "expected" : "unexpected");
    char *dumped = object == NULL ? NULL : json_dumps(object, JSON_COMPACT);
    if (dumped == NULL)
        return reason_set(reason, &fault_drill_refused, "the name is not valid UTF-8");
    buffer_printf(&order, "%s\n", dumped);
    memory_free_foreign(dumped);
    TRY(buffer_check(&order));
    TRY(exchange(wish, &address, buffer_span(&order), &answer, reason));
    return take_answer(buffer_span(&answer), ret_issued, reason);
}
