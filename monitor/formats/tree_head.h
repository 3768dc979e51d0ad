/* Signed tree heads, from both protocols, as one struct: RFC 6962 get-sth JSON and static-ct-api checkpoints. */
#pragma once

#include "base/result.h"
#include "base/span.h"

#define TREE_HEAD_SIGNATURE_MAX 1024 /* DigitallySigned: RSA-4096 needs 516 */
#define CHECKPOINT_SIZE_MAX ((size_t) 64 * 1024)
#define STH_JSON_SIZE_MAX ((size_t) 16 * 1024)
#define TREE_HEAD_SIGNED_SIZE 50 /* RFC 6962 3.5 TreeHeadSignature: version, type, timestamp, size, root */

struct tree_head {
    uint64_t size;
    uint64_t timestamp_ms;
    struct hash root;
    size_t signature_size;
    uint8_t signature[TREE_HEAD_SIGNATURE_MAX]; /* TLS DigitallySigned: hash, algorithm, u16 length, signature */
};

extern const struct fault fault_sth_json;        /* not the JSON of RFC 6962 4.3 */
extern const struct fault fault_checkpoint_form; /* not a signed note of three lines (C2SP signed-note, tlog-checkpoint) */
extern const struct fault fault_checkpoint_origin;
extern const struct fault fault_checkpoint_unsigned; /* no line by this log's key */

/* RFC 6962 4.3. Duplicate or missing members are refused. */
MUST_CHECK result tree_head_from_json(struct span json, struct tree_head *ret_head);
/* static-ct-api, Checkpoints: `origin` must be the first line, and one signature line must carry that name and the key id that
 * follows from `log_id`; others are ignored (any number within CHECKPOINT_SIZE_MAX). The signature itself is checked elsewhere
 * (rules/signature.h). */
MUST_CHECK result tree_head_from_checkpoint(struct span note, const char *origin, const struct hash *log_id,
                                            struct tree_head *ret_head);
/* The bytes that the log signed. */
void tree_head_signed_bytes(const struct tree_head *head, uint8_t ret_bytes[TREE_HEAD_SIGNED_SIZE]);
