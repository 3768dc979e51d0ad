/* add-chain and add-pre-chain: the chain must lead to a root of the drill (RFC 6962 3.1, 4.1, 4.2). */
#include <openssl/x509v3.h>

#include "base/memory.h"
#include "drill/issue.h"

#define DER_LIMIT ((size_t) 256 * 1024)

/* The chain as certificates, leaf first, ending with one of our roots. */
struct checked_chain {
    X509 *certificates[DRILL_CHAIN_MAX + 1]; /* owned, but the root */
    size_t own_count;
    const struct authority *root;
};

static void checked_chain_done(struct checked_chain *chain) {
    for (size_t i = 0; i < chain->own_count; i++)
        X509_free(chain->certificates[i]);
}

static X509 *decode(struct span der) {
    const uint8_t *at = der.bytes;
    X509 *certificate = d2i_X509(NULL, &at, (long) der.size);
    if (certificate != NULL && at != der.bytes + der.size) {
        X509_free(certificate);
        return NULL;
    }
    return certificate;
}

static const struct authority *find_root(const struct issue_desk *desk, const X509 *last) {
    for (size_t i = 0; i < DRILL_AUTHORITIES; i++)
        if (X509_NAME_cmp(X509_get_issuer_name(last), X509_get_subject_name(desk->authorities[i].root)) == 0)
            return &desk->authorities[i];
    return NULL;
}

static result check_chain(const struct issue_desk *desk, const struct span *chain, size_t count, struct checked_chain *ret_chain,
                          struct reason *reason) {
    for (size_t i = 0; i < count; i++) {
        X509 *certificate = decode(chain[i]);
        if (certificate == NULL)
            return reason_set(reason, &fault_drill_order, "certificate %zu of the chain is not one in DER", i + 1);
        ret_chain->certificates[ret_chain->own_count++] = certificate;
    }
    X509 *last = ret_chain->certificates[count - 1];
    ret_chain->root = find_root(desk, last);
    if (ret_chain->root == NULL)
        return reason_set(reason, &fault_drill_order, "the chain does not lead to a root of this log (RFC 6962 3.1)");
    for (size_t i = 0; i < count; i++) {
        X509 *issuer = i + 1 < count ? ret_chain->certificates[i + 1] : ret_chain->root->root;
        if (X509_verify(ret_chain->certificates[i], X509_get0_pubkey(issuer)) != 1)
            return reason_set(reason, &fault_drill_order, "certificate %zu of the chain is not signed by the next (RFC 6962 3.1)",
                              i + 1);
    }
    return OK;
}

/* The TBSCertificate without poison (RFC 6962 3.2). */
static result strip_poison(X509 *precertificate, struct buffer *out) {
    X509 *copy = X509_dup(precertificate);
    int at = copy == NULL ? -1 : X509_get_ext_by_NID(copy, NID_ct_precert_poison, -1);
    if (at >= 0)
        X509_EXTENSION_free(X509_delete_ext(copy, at));
    uint8_t *tbs = NULL;
    int size = at < 0 ? -1 : i2d_re_X509_tbs(copy, &tbs);
    X509_free(copy);
    if (size <= 0)
        return &fault_library;
    bool fits = buffer_add(out, span_of(tbs, (size_t) size));
    OPENSSL_free(tbs);
    return fits ? OK : &fault_no_memory;
}

static result hash_issuer_key(const struct checked_chain *checked, struct hash *ret_hash) {
    struct spki spki;
    X509 *issuer = checked->own_count > 1 ? checked->certificates[1] : checked->root->root;
    TRY(key_spki(X509_get0_pubkey(issuer), &spki));
    *ret_hash = spki.sha256;
    return OK;
}

static bool add_receipt_json(struct buffer *json, const struct drill_log *log, const struct drill_entry *entry,
                             const struct live_receipt *receipt) {
    CLEANUP(buffer_done) struct buffer extensions = buffer_with_limit(LEAF_INDEX_EXTENSION_SIZE);
    size_t head_size = 1 + HASH_SIZE + 8 + 2 + (entry->has_leaf_index ? LEAF_INDEX_EXTENSION_SIZE : 0);
    entry_add_extensions(&extensions, entry);
    buffer_add_text(json, "{\"sct_version\":0,\"id\":\"");
    buffer_add_base64(json, span_of(log->spki.sha256.bytes, HASH_SIZE));
    buffer_printf(json, "\",\"timestamp\":%llu,\"extensions\":\"", (unsigned long long) receipt->timestamp_ms);
    buffer_add_base64(json, buffer_span(&extensions));
    buffer_add_text(json, "\",\"signature\":\"");
    buffer_add_base64(json, span_of(receipt->sct.bytes + head_size, receipt->sct.size - head_size));
    return buffer_add_text(json, "\"}");
}

static result log_chain(struct issue_desk *desk, struct drill_log *log, struct drill_entry *entry, struct buffer *ret_json,
                        struct reason *reason) {
    struct live *live = log == &desk->logs[0] ? desk->lives[0] : desk->lives[1];
    struct live_receipt receipt;
    TRY(live_add(live, entry, (uint64_t) desk->now_ms(), &receipt, reason));
    bool fits = add_receipt_json(ret_json, log, entry, &receipt);
    buffer_done(&receipt.sct);
    return fits ? OK : &fault_no_memory;
}

static void set_chain(struct drill_entry *entry, const struct span *chain, size_t count, const struct authority *root) {
    struct span root_der = buffer_span(&root->root_der);
    for (size_t i = 1; i < count; i++)
        entry->chain[entry->chain_count++] = chain[i];
    if (entry->chain_count < DRILL_CHAIN_MAX && !span_equal(chain[count - 1], root_der))
        entry->chain[entry->chain_count++] = root_der;
}

static result submit(void *context, const struct submission *submission, struct buffer *ret_json, struct reason *reason) {
    struct issue_desk *desk = context;
    const struct span *chain = submission->chain;
    bool is_precertificate = submission->is_precertificate;
    CLEANUP(checked_chain_done) struct checked_chain checked = {0};
    CLEANUP(buffer_done) struct buffer tbs = buffer_with_limit(DER_LIMIT);
    TRY(check_chain(desk, chain, submission->count, &checked, reason));
    int poison = X509_get_ext_by_NID(checked.certificates[0], NID_ct_precert_poison, -1);
    if ((poison >= 0) != is_precertificate)
        return reason_set(reason, &fault_drill_order, is_precertificate ? "no precertificate: the poison is missing (RFC 6962 3.1)"
                                                                        : "a precertificate belongs to add-pre-chain (RFC 6962 4.2)");
    struct drill_entry entry = {.kind = is_precertificate ? ENTRY_PRECERTIFICATE : ENTRY_CERTIFICATE};
    set_chain(&entry, chain, submission->count, checked.root);
    if (!is_precertificate) {
        entry.certificate = chain[0];
        return log_chain(desk, submission->log, &entry, ret_json, reason);
    }
    TRY(strip_poison(checked.certificates[0], &tbs));
    TRY(hash_issuer_key(&checked, &entry.issuer_key_hash));
    entry.tbs = buffer_span(&tbs);
    entry.precertificate = chain[0];
    return log_chain(desk, submission->log, &entry, ret_json, reason);
}

result issue_submit(void *context, const struct submission *submission, struct buffer *ret_json, struct reason *reason) {
    uint64_t mark = memory_mark();
    result outcome = submit(context, submission, ret_json, reason);
    if (outcome != OK && memory_mark() != mark) /* then the chain is not to blame */
        return reason_set(reason, &fault_no_memory, "the chain was not logged: no memory");
    return outcome;
}
