#include "formats/tbs_hash.h"

#include "base/digest.h"

FAULT(fault_tbs_not_der, FAULT_INPUT, "tbs.not-der", "TBSCertificate", "RFC 6962 3.2",
      "it is not DER, or holds poison and SCT lists again and again", "DER, from which an extension can be removed");

/* The bytes of a TBS as pieces; `headers` is memory that three of the pieces point into. */
struct tbs_pieces {
    struct span parts[TBS_PIECES_MAX];
    size_t count;
    uint8_t headers[3][6];
};

enum { PIECES_BEFORE_EXTENSIONS = 4 }; /* TBS header, head, [3] header, SEQUENCE header */

/* Collects the runs of extensions that stay behind PIECES_BEFORE_EXTENSIONS and returns their size. */
static result collect_extensions(struct span extensions, struct tbs_pieces *pieces, size_t *ret_size) {
    struct cursor cursor = cursor_of(extensions);
    struct extension extension;
    struct span *run = NULL;
    bool is_ber = false;
    *ret_size = 0;
    while (extension_next(&cursor, &extension, &is_ber)) {
        if (span_equal(extension.oid, oid_poison) || span_equal(extension.oid, oid_sct_list)) {
            run = NULL;
            continue;
        }
        if (run == NULL) {
            if (pieces->count == TBS_PIECES_MAX)
                return &fault_tbs_not_der;
            run = &pieces->parts[pieces->count++];
            *run = span_of(extension.whole.bytes, 0);
        }
        run->size += extension.whole.size;
        *ret_size += extension.whole.size;
    }
    return cursor.failed ? &fault_tbs_not_der : OK;
}

static struct span header_piece(struct tbs_pieces *pieces, size_t which, uint8_t tag, size_t size) {
    return span_of(pieces->headers[which], der_header(tag, size, pieces->headers[which]));
}

static result split(const struct certificate *certificate, struct tbs_pieces *pieces) {
    size_t size;
    if (!certificate->has_poison && !certificate->has_sct_list) {
        pieces->parts[0] = certificate->tbs;
        pieces->count = 1;
        return OK;
    }
    if ((certificate->oddities & (ODDITY_BIT(ODDITY_BER) | ODDITY_BIT(ODDITY_TBS_TRAILING_BYTES))) != 0)
        return &fault_tbs_not_der;
    pieces->count = PIECES_BEFORE_EXTENSIONS;
    TRY(collect_extensions(certificate->extensions, pieces, &size));
    struct span list = header_piece(pieces, 2, DER_SEQUENCE, size);
    struct span wrapper = header_piece(pieces, 1, DER_CONTEXT_CONSTRUCTED(3), list.size + size);
    if (size == 0)
        list.size = wrapper.size = 0;
    size_t content = certificate->tbs_head.size + wrapper.size + list.size + size;
    pieces->parts[0] = header_piece(pieces, 0, DER_SEQUENCE, content);
    pieces->parts[1] = certificate->tbs_head;
    pieces->parts[2] = wrapper;
    pieces->parts[3] = list;
    return OK;
}

result tbs_hash(const struct certificate *certificate, struct hash *ret_hash) {
    struct tbs_pieces pieces;
    TRY(split(certificate, &pieces));
    digest_of_parts(pieces.parts, pieces.count, ret_hash);
    return OK;
}

result tbs_without_ct(const struct certificate *certificate, struct buffer *out) {
    struct tbs_pieces pieces;
    TRY(split(certificate, &pieces));
    for (size_t i = 0; i < pieces.count; i++)
        buffer_add(out, pieces.parts[i]);
    return buffer_check(out);
}

/* The next extension that a precertificate shares with the leaf's TBS. */
static bool next_shared(struct cursor *cursor, struct extension *ret_extension) {
    bool is_ber = false;
    while (extension_next(cursor, ret_extension, &is_ber))
        if (!span_equal(ret_extension->oid, oid_poison))
            return true;
    return false;
}

static bool extensions_fit(const struct certificate *precertificate, const struct certificate *leaf_tbs) {
    struct cursor ours = cursor_of(precertificate->extensions), theirs = cursor_of(leaf_tbs->extensions);
    struct extension our = {0}, their = {0};
    for (;;) {
        bool has_our = next_shared(&ours, &our), has_their = next_shared(&theirs, &their);
        if (has_our != has_their || ours.failed || theirs.failed)
            return false;
        if (!has_our)
            return true;
        bool is_aki = span_equal(our.oid, oid_aki) && span_equal(their.oid, oid_aki);
        if (!is_aki && !span_equal(our.whole, their.whole))
            return false;
    }
}

/* The part of the head before the issuer, and the one behind it. */
static bool heads_fit_but_for_issuer(const struct certificate *a, const struct certificate *b) {
    size_t before_a = (size_t) (a->issuer.bytes - a->tbs_head.bytes);
    size_t before_b = (size_t) (b->issuer.bytes - b->tbs_head.bytes);
    size_t behind_a = before_a + a->issuer.size, behind_b = before_b + b->issuer.size;
    return span_equal(span_of(a->tbs_head.bytes, before_a), span_of(b->tbs_head.bytes, before_b)) &&
           span_equal(span_of(a->tbs_head.bytes + behind_a, a->tbs_head.size - behind_a),
                      span_of(b->tbs_head.bytes + behind_b, b->tbs_head.size - behind_b));
}

bool precertificate_fits(const struct certificate *precertificate, const struct certificate *leaf_tbs) {
    struct hash ours, theirs;
    if (!precertificate->has_poison)
        return false;
    if (tbs_hash(precertificate, &ours) == OK && leaf_tbs->tbs.size > 0) {
        digest_of(leaf_tbs->tbs, &theirs);
        if (hash_equal(&ours, &theirs))
            return true;
    }
    return heads_fit_but_for_issuer(precertificate, leaf_tbs) && precertificate->tbs_tail.size == 0 &&
           leaf_tbs->tbs_tail.size == 0 && extensions_fit(precertificate, leaf_tbs);
}
