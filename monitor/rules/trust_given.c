#include "rules/trust_given.h"

#include "base/digest.h"
#include "rules/issuer_check.h"

static bool is_known(const struct given *given, const struct hash *certificate_sha256) {
    for (size_t i = 0; i < given->count; i++)
        if (hash_equal(&given->certificates[i].certificate_sha256, certificate_sha256))
            return true;
    return false;
}

static result add(struct given *given, struct span der) {
    struct given_certificate *room = &given->certificates[given->count];
    TRY(certificate_parse(der, &room->parsed));
    digest_of(room->parsed.whole, &room->certificate_sha256);
    if (is_known(given, &room->certificate_sha256))
        return OK;
    digest_of(room->parsed.spki, &room->spki_sha256);
    given->count++;
    return OK;
}

/* A leaf signs nothing; a root may be so old that it does not say that it is a CA. */
static bool may_sign(const struct given_certificate *signer, const struct given_certificate *signed_one) {
    bool is_itself = signer == signed_one;
    bool is_first_version = signer->parsed.version == 0 && span_equal(signer->parsed.issuer, signer->parsed.subject);
    return (is_itself || signer->parsed.is_ca || is_first_version) && span_equal(signer->parsed.subject, signed_one->parsed.issuer);
}

static result find_signers(struct given *given, size_t number) {
    struct given_certificate *certificate = &given->certificates[number];
    for (size_t i = 0; i < given->count; i++) {
        struct hash ignored;
        if (!may_sign(&given->certificates[i], certificate))
            continue;
        result outcome = issuer_check(&certificate->parsed, &given->certificates[i].parsed, &ignored);
        if (outcome == &fault_no_memory)
            return outcome;
        if (outcome == OK)
            certificate->signers |= 1u << i;
    }
    return OK;
}

result given_read(const struct trust_question *question, struct arena *arena, struct given *ret_given) {
    size_t others = question->other_count < TRUST_OTHERS_MAX ? question->other_count : TRUST_OTHERS_MAX;
    *ret_given = (struct given){.certificates = arena_take_array(arena, others + 1, sizeof *ret_given->certificates)};
    if (ret_given->certificates == NULL)
        return &fault_no_memory;
    if (question->leaf.size > 0) {
        TRY(add(ret_given, question->leaf));
        ret_given->has_leaf = true;
    }
    for (size_t i = 0; i < others; i++)
        (void) (add(ret_given, question->others[i]) == OK); /* what cannot be read leads nowhere */
    for (size_t i = 0; i < ret_given->count; i++)
        TRY(find_signers(ret_given, i));
    return OK;
}

bool given_is_self_signed(const struct given *given, size_t number) {
    return (given->certificates[number].signers >> number & 1) != 0;
}

bool given_is_valid(const struct given_certificate *certificate, int64_t now) {
    const struct certificate *parsed = &certificate->parsed;
    return parsed->has_not_before && parsed->has_not_after && parsed->not_before <= now && now <= parsed->not_after;
}
