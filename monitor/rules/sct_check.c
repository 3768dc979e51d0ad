#include "rules/sct_check.h"

#include "base/memory.h"
#include "base/text.h"
#include "formats/tbs_hash.h"
#include "rules/known_logs.h"
#include "rules/signature.h"

enum { KEY_SIZE_MAX = 1024, SIGNED_SIZE_MAX = 17 * 1024 * 1024, SIGNATURE_TYPE_TIMESTAMP = 0, VERSION_1 = 0 };

/* digitally-signed struct of RFC 6962 3.2 */
static bool write_signed(const struct sct *sct, const struct signed_entry *entry, struct buffer *out) {
    buffer_add_number(out, 1, VERSION_1);
    buffer_add_number(out, 1, SIGNATURE_TYPE_TIMESTAMP);
    buffer_add_number(out, 8, sct->timestamp_ms);
    buffer_add_number(out, 2, entry->kind);
    if (entry->kind == ENTRY_PRECERTIFICATE)
        buffer_add(out, span_of(entry->issuer_key_hash->bytes, HASH_SIZE));
    buffer_add_vector(out, 3, entry->bytes);
    return buffer_add_vector(out, 2, sct->extensions);
}

CLEANUP_OF_POINTER(struct signature_key, signature_key_free)

static result find_verdict(const struct sct *sct, const struct signed_entry *entry, struct span key, enum sct_verdict *ret_verdict) {
    CLEANUP(signature_key_free_at) struct signature_key *decoded = NULL;
    if (entry->kind == ENTRY_PRECERTIFICATE && entry->issuer_key_hash == NULL)
        return OK;
    result outcome = signature_key_new(key, &decoded);
    if (outcome != OK)
        return outcome == &fault_no_memory ? outcome : OK;
    CLEANUP(buffer_done) struct buffer message = buffer_with_limit(SIGNED_SIZE_MAX);
    if (!write_signed(sct, entry, &message)) {
        outcome = buffer_check(&message);
        return outcome == &fault_no_memory ? outcome : OK;
    }
    outcome = signature_check(decoded, buffer_span(&message), sct->signature);
    if (outcome == OK)
        *ret_verdict = SCT_VALID;
    else if (outcome->family == FAULT_LOG)
        *ret_verdict = SCT_INVALID;
    return outcome == &fault_no_memory ? outcome : OK;
}

static result find_listed_verdict(const struct sct *sct, const struct signed_entry *entry, enum sct_verdict *ret_verdict) {
    uint8_t key[KEY_SIZE_MAX];
    size_t size;
    const struct known_log *log = known_log_find(&sct->log_id);
    if (log == NULL || strlen(log->key) / 4 * 3 > sizeof key || text_to_base64(span_of_text(log->key), key, &size) != OK)
        return OK;
    return find_verdict(sct, entry, span_of(key, size), ret_verdict);
}

enum sct_verdict sct_check_with_key(const struct sct *sct, const struct signed_entry *entry, struct span key) {
    enum sct_verdict verdict = SCT_UNKNOWN;
    return find_verdict(sct, entry, key, &verdict) == OK ? verdict : SCT_UNKNOWN;
}

enum sct_verdict sct_check(const struct sct *sct, const struct signed_entry *entry) {
    enum sct_verdict verdict = SCT_UNKNOWN;
    return find_listed_verdict(sct, entry, &verdict) == OK ? verdict : SCT_UNKNOWN;
}

result sct_check_report(const struct certificate *certificate, struct entry_report *report) {
    CLEANUP(buffer_done) struct buffer tbs = buffer_with_limit(SIGNED_SIZE_MAX);
    struct cursor list;
    struct span serialized;
    struct sct sct;
    /* certificate_describe took the array from the arena of this report */
    struct report_sct *scts = (struct report_sct *) report->scts;
    if (report->sct_count == 0 || !report->issuer_spki_sha256.is_known)
        return OK;
    result outcome = tbs_without_ct(certificate, &tbs);
    if (outcome != OK || sct_list_open(certificate->sct_list, &list) != OK)
        return outcome == &fault_no_memory ? outcome : OK;
    struct signed_entry entry = {.kind = ENTRY_PRECERTIFICATE,
                                 .bytes = buffer_span(&tbs),
                                 .issuer_key_hash = &report->issuer_spki_sha256.hash};
    for (size_t i = 0; i < report->sct_count && sct_list_next(&list, &serialized); i++)
        if (sct_parse(serialized, &sct) == OK) {
            enum sct_verdict verdict = SCT_UNKNOWN;
            TRY(find_listed_verdict(&sct, &entry, &verdict));
            scts[i].verdict = verdict;
        }
    return OK;
}
