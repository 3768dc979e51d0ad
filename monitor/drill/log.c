#include "drill/log.h"

#include "base/digest.h"
#include "base/text.h"
#include "formats/tree_head.h"

#define SIGNATURE_LIMIT ((size_t) 1024)
#define HEAD_KEPT_MS 1000
#define BATCH_DEFAULT 256
#define CHECKPOINT_KEY_TYPE "\x05" /* RFC 6962 TreeHeadSignature (static-ct-api, Checkpoints) */

result drill_log_init(struct drill_log *log, const char *name, bool is_static, EVP_PKEY *key) {
    *log = (struct drill_log){.name = name, .is_static = is_static, .key = key, .batch = BATCH_DEFAULT};
    log->head.signature = buffer_with_limit(SIGNATURE_LIMIT);
    return key_spki(key, &log->spki);
}

void drill_log_done(struct drill_log *log) {
    EVP_PKEY_free(log->key);
    tree_done(&log->tree);
    buffer_done(&log->head.signature);
}

result drill_log_head(struct drill_log *log, uint64_t now_ms, const struct drill_log_head **ret_head) {
    struct drill_log_head *head = &log->head;
    *ret_head = head;
    if (head->is_made && head->size == log->published_size && now_ms < head->timestamp_ms + HEAD_KEPT_MS)
        return OK;
    struct tree_head signed_head = {.size = log->published_size, .timestamp_ms = now_ms};
    if (head->is_made && now_ms <= head->timestamp_ms)
        signed_head.timestamp_ms = head->timestamp_ms + 1;
    tree_root(&log->tree, log->published_size, &signed_head.root);
    uint8_t message[TREE_HEAD_SIGNED_SIZE];
    tree_head_signed_bytes(&signed_head, message);
    head->is_made = false;
    buffer_reset(&head->signature);
    TRY(key_sign(log->key, span_of(message, sizeof message), &head->signature));
    head->size = signed_head.size;
    head->timestamp_ms = signed_head.timestamp_ms;
    head->root = signed_head.root;
    head->is_made = true;
    return OK;
}

bool drill_log_add_sth_json(const struct drill_log_head *head, struct buffer *out) {
    char root[HASH_BASE64_SIZE];
    hash_to_base64(&head->root, root);
    return buffer_printf(out, "{\"tree_size\":%llu,\"timestamp\":%llu,\"sha256_root_hash\":\"%s\",\"tree_head_signature\":\"",
                         (unsigned long long) head->size, (unsigned long long) head->timestamp_ms, root) &&
           buffer_add_base64(out, buffer_span(&head->signature)) && buffer_add_text(out, "\"}");
}

bool drill_log_add_checkpoint(const struct drill_log *log, const struct drill_log_head *head, struct buffer *out) {
    char root[HASH_BASE64_SIZE];
    hash_to_base64(&head->root, root);
    struct hash key_hash;
    const struct span parts[] = {span_of_text(log->origin), span_of("\n" CHECKPOINT_KEY_TYPE, 2),
                                 span_of(log->spki.sha256.bytes, HASH_SIZE)};
    digest_of_parts(parts, 3, &key_hash);
    CLEANUP(buffer_done) struct buffer signature = buffer_with_limit(SIGNATURE_LIMIT);
    buffer_add(&signature, span_of(key_hash.bytes, 4));
    buffer_add_number(&signature, 8, head->timestamp_ms);
    buffer_add(&signature, buffer_span(&head->signature));
    return !signature.failed &&
           buffer_printf(out, "%s\n%llu\n%s\n\n\xe2\x80\x94 %s ", log->origin, (unsigned long long) head->size, root, log->origin) &&
           buffer_add_base64(out, buffer_span(&signature)) && buffer_add_text(out, "\n");
}

result drill_log_add_sct(const struct drill_log *log, const struct drill_entry *entry, struct span leaf_input, struct buffer *out) {
    CLEANUP(buffer_done) struct buffer signature = buffer_with_limit(SIGNATURE_LIMIT);
    TRY(key_sign(log->key, leaf_input, &signature));
    return entry_add_sct(out, entry, &log->spki.sha256, buffer_span(&signature)) ? OK : &fault_no_memory;
}
