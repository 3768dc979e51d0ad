#include "base/buffer.h"
#include "base/cursor.h"
#include "base/digest.h"
#include "base/memory.h"
#include "base/text.h"
#include "base/utf8.h"
#include "formats/tree_head.h"

FAULT(fault_checkpoint_form, FAULT_INPUT, "checkpoint.form", "checkpoint", "C2SP signed-note, tlog-checkpoint, static-ct-api",
      "not a signed note of three lines", "origin, size, root, an empty line and signature lines, each ended by a newline");
FAULT(fault_checkpoint_origin, FAULT_LOG, "checkpoint.origin", "checkpoint", "static-ct-api, Checkpoints",
      "the first line names another log", "the submission prefix without scheme and last slash");
FAULT(fault_checkpoint_unsigned, FAULT_LOG, "checkpoint.unsigned", "checkpoint", "static-ct-api, Checkpoints",
      "no signature line by this log", "a line with the log's origin and the key id of its log id");

#define KEY_ID_SIZE 4
#define TIMESTAMP_SIZE 8
#define SIGNATURE_TYPE_RFC6962 0x05 /* static-ct-api, Checkpoints */

static bool is_note_text(struct span text) {
    uint32_t point;
    for (size_t at = 0; at < text.size;) {
        size_t length = utf8_next(text, at, &point);
        if (length == 0 || (text.bytes[at] < ' ' && text.bytes[at] != '\n'))
            return false;
        at += length;
    }
    return true;
}

/* Takes one line without its newline; false at the end or when the newline is missing. */
static bool take_line(struct cursor *cursor, struct span *ret_line) {
    size_t rest = cursor_remaining(cursor);
    if (rest == 0)
        return false;
    const uint8_t *start = cursor->bytes + cursor->position;
    const uint8_t *newline = memchr(start, '\n', rest);
    if (newline == NULL || !cursor_take(cursor, (size_t) (newline - start), ret_line))
        return false;
    return cursor_skip(cursor, 1);
}

/* The last empty line separates the text from the signatures: the text may hold empty lines itself. */
static result split_note(struct span note, struct span *ret_text, struct span *ret_signatures) {
    if (note.size < 2 || note.size > CHECKPOINT_SIZE_MAX || note.bytes[note.size - 1] != '\n' || !is_note_text(note))
        return &fault_checkpoint_form;
    for (size_t at = note.size - 1; at > 0; at--) {
        if (note.bytes[at] != '\n' || note.bytes[at - 1] != '\n')
            continue;
        *ret_text = span_of(note.bytes, at);
        *ret_signatures = span_of(note.bytes + at + 1, note.size - at - 1);
        return OK;
    }
    return &fault_checkpoint_form;
}

/* Exactly three lines: static-ct-api allows no extension lines. */
static result parse_text(struct span text, const char *origin, struct tree_head *head) {
    struct cursor cursor = cursor_of(text);
    struct span name, size, root;
    if (!take_line(&cursor, &name) || !take_line(&cursor, &size) || !take_line(&cursor, &root) || !cursor_at_end(&cursor) ||
        name.size == 0)
        return &fault_checkpoint_form;
    if (!span_equal(name, span_of_text(origin)))
        return &fault_checkpoint_origin;
    if (text_to_number(size, INT64_MAX, &head->size) != OK || hash_from_base64(root, &head->root) != OK)
        return &fault_checkpoint_form;
    return OK;
}

struct signature_line {
    struct span name;
    struct span base64;
};

static result parse_line(struct span line, struct signature_line *ret_line) {
    static const char dash[] = "\xe2\x80\x94 ";
    struct span rest = {0};
    if (line.size < sizeof dash - 1 || memcmp(line.bytes, dash, sizeof dash - 1) != 0)
        return &fault_checkpoint_form;
    rest = span_of(line.bytes + sizeof dash - 1, line.size - (sizeof dash - 1));
    const uint8_t *space = memchr(rest.bytes, ' ', rest.size);
    if (space == NULL || space == rest.bytes || memchr(rest.bytes, '+', (size_t) (space - rest.bytes)) != NULL)
        return &fault_checkpoint_form;
    size_t name_size = (size_t) (space - rest.bytes);
    *ret_line = (struct signature_line){.name = span_of(rest.bytes, name_size),
                                        .base64 = span_of(space + 1, rest.size - name_size - 1)};
    return OK;
}

/* Decodes a line's key id and signature into `scratch`; every line must be well-formed, also those by unknown keys. */
static result decode_line(struct span base64, struct buffer *scratch, struct span *ret_body) {
    size_t size;
    buffer_reset(scratch);
    uint8_t *bytes = buffer_reserve(scratch, base64.size + 1);
    if (bytes == NULL)
        return &fault_no_memory;
    if (text_to_base64(base64, bytes, &size) != OK || size <= KEY_ID_SIZE)
        return &fault_checkpoint_form;
    *ret_body = span_of(bytes, size);
    return OK;
}

/* The body of a type 5 signature: a timestamp before the DigitallySigned. */
static result take_signature(struct span body, struct tree_head *head) {
    struct cursor cursor = cursor_of(body);
    uint64_t timestamp = 0;
    bool is_long_enough = cursor_skip(&cursor, KEY_ID_SIZE) && cursor_number(&cursor, TIMESTAMP_SIZE, &timestamp);
    size_t size = cursor_remaining(&cursor);
    if (!is_long_enough || timestamp > INT64_MAX || size == 0 || size > TREE_HEAD_SIGNATURE_MAX)
        return &fault_checkpoint_form;
    bool is_second = head->signature_size > 0;
    if (is_second && (head->timestamp_ms != timestamp || head->signature_size != size ||
                      memcmp(head->signature, body.bytes + KEY_ID_SIZE + TIMESTAMP_SIZE, size) != 0))
        return &fault_checkpoint_form;
    head->timestamp_ms = timestamp;
    head->signature_size = size;
    return cursor_copy(&cursor, size, head->signature) ? OK : &fault_checkpoint_form;
}

static void key_id_of(const char *origin, const struct hash *log_id, uint8_t ret_id[KEY_ID_SIZE]) {
    static const uint8_t middle[] = {'\n', SIGNATURE_TYPE_RFC6962};
    struct hash hash;
    digest_of_parts((const struct span[]){span_of_text(origin), span_of(middle, 2), span_of(log_id->bytes, HASH_SIZE)}, 3,
                    &hash);
    memcpy(ret_id, hash.bytes, KEY_ID_SIZE);
}

static result parse_signatures(struct span lines, const char *origin, const uint8_t key_id[KEY_ID_SIZE],
                               struct tree_head *head) {
    CLEANUP(buffer_done) struct buffer scratch = buffer_with_limit(CHECKPOINT_SIZE_MAX + 1);
    struct cursor cursor = cursor_of(lines);
    if (lines.size == 0)
        return &fault_checkpoint_form;
    while (!cursor_at_end(&cursor)) {
        struct span line, body;
        struct signature_line parts;
        if (!take_line(&cursor, &line))
            return &fault_checkpoint_form;
        TRY(parse_line(line, &parts));
        TRY(decode_line(parts.base64, &scratch, &body));
        if (span_equal(parts.name, span_of_text(origin)) && memcmp(body.bytes, key_id, KEY_ID_SIZE) == 0)
            TRY(take_signature(body, head));
    }
    return head->signature_size > 0 ? OK : &fault_checkpoint_unsigned;
}

result tree_head_from_checkpoint(struct span note, const char *origin, const struct hash *log_id,
                                 struct tree_head *ret_head) {
    struct tree_head head = {0};
    struct span text, signatures;
    uint8_t key_id[KEY_ID_SIZE];
    TRY(split_note(note, &text, &signatures));
    TRY(parse_text(text, origin, &head));
    key_id_of(origin, log_id, key_id);
    TRY(parse_signatures(signatures, origin, key_id, &head));
    *ret_head = head;
    return OK;
}
