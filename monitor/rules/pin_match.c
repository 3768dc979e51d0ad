/* Is a pin satisfied by one certificate of a path? */
#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/digest.h"
#include "rules/pin_judge.h"

static bool stands_right(enum pin_position position, const struct pin_path *path, size_t place) {
    bool is_root = place + 1 == path->count && (path->is_complete || path->is_foreign);
    switch (position) {
    case PIN_ANY:
        return true;
    case PIN_LEAF:
        return place == 0;
    case PIN_CA:
        return place > 0;
    case PIN_INTERMEDIATE:
        return place > 0 && !is_root;
    case PIN_ROOT:
        break;
    }
    return is_root;
}

static enum pin_match match_of(bool is_same) {
    return is_same ? PIN_MATCH_YES : PIN_MATCH_NO;
}

static enum pin_match match_hash(struct span value, const struct hash *hash) {
    return match_of(span_equal(value, span_of(hash->bytes, sizeof hash->bytes)));
}

/* The whole bytes against a digest of ours: two different ones with one SHA-256 are not to be had. */
static enum pin_match match_whole(struct span value, const struct hash *hash) {
    struct hash digest;
    digest_of(value, &digest);
    return match_of(hash_equal(&digest, hash));
}

static enum pin_match match_digest(const struct pin *pin, struct span bytes) {
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t size = 0;
    if (bytes.size == 0)
        return PIN_MATCH_UNKNOWN;
    if (EVP_Q_digest(NULL, pin->algorithm == PIN_SHA1 ? "SHA1" : "SHA512", NULL, bytes.bytes, bytes.size, digest, &size) != 1) {
        ERR_clear_error();
        return PIN_MATCH_UNKNOWN;
    }
    return match_of(span_equal(pin->value, span_of(digest, size)));
}

static bool certificate_digest_of(const struct pin_link *link, struct hash *ret_digest) {
    if (link->has_certificate_sha256)
        *ret_digest = link->certificate_sha256;
    else if (link->certificate.size > 0)
        digest_of(link->certificate, ret_digest);
    return link->has_certificate_sha256 || link->certificate.size > 0;
}

enum pin_match pin_matches(const struct pin *pin, const struct pin_path *path, size_t place) {
    const struct pin_link *link = &path->links[place];
    bool is_spki = pin->kind == PIN_SPKI;
    struct hash digest = link->spki_sha256;
    if (!stands_right(pin->position, path, place))
        return PIN_MATCH_NO;
    if (pin->algorithm == PIN_SHA512 || pin->algorithm == PIN_SHA1)
        return match_digest(pin, is_spki ? link->spki : link->certificate);
    if (!is_spki && !certificate_digest_of(link, &digest))
        return PIN_MATCH_UNKNOWN;
    return pin->algorithm == PIN_FULL ? match_whole(pin->value, &digest) : match_hash(pin->value, &digest);
}

const char *pin_verdict_name(enum pin_verdict verdict) {
    static const char *const names[] = {[PIN_VERDICT_NOT_PINNED] = "not pinned", [PIN_VERDICT_ACCEPTS] = "accepts",
                                        [PIN_VERDICT_REFUSES] = "refuses", [PIN_VERDICT_CANNOT_TELL] = "cannot tell"};
    return names[verdict];
}
