#include "formats/pin_object.h"

#include "base/buffer.h"
#include "base/memory.h"
#include "formats/certificate.h"
#include "formats/distinguished_name.h"

enum { SUBJECT_SIZE_MAX = 1024 };

/* The elements of the outermost SEQUENCE, as far as they matter. */
struct outline {
    struct der_element parts[4];
    size_t count;
    bool is_whole; /* all elements are in `parts` */
};

static bool outline_of(struct span der, struct outline *ret_outline) {
    struct cursor whole = cursor_of(der);
    struct span content;
    if (der_take(&whole, DER_SEQUENCE, &content) != OK || !cursor_at_end(&whole))
        return false;
    struct cursor inside = cursor_of(content);
    ret_outline->count = 0;
    while (!cursor_at_end(&inside) && ret_outline->count < sizeof ret_outline->parts / sizeof ret_outline->parts[0])
        if (der_read(&inside, &ret_outline->parts[ret_outline->count++]) != OK)
            return false;
    ret_outline->is_whole = cursor_at_end(&inside);
    return true;
}

static bool has_tags(const struct outline *outline, size_t count, uint8_t first, uint8_t second, uint8_t third) {
    const uint8_t tags[] = {first, second, third};
    if (outline->count < count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (outline->parts[i].tag != tags[i])
            return false;
    return true;
}

/* SubjectPublicKeyInfo (RFC 5280 4.1): an algorithm, which begins with an OID, and the bits. */
static bool is_spki(struct span der) {
    struct outline outline;
    struct cursor algorithm;
    if (!outline_of(der, &outline) || !outline.is_whole || outline.count != 2 || !has_tags(&outline, 2, DER_SEQUENCE, DER_BIT_STRING, 0))
        return false;
    algorithm = cursor_of(outline.parts[0].content);
    return der_is_next(&algorithm, DER_OID) && outline.parts[1].content.size > 1;
}

/* PKCS #8, plain or encrypted (RFC 5958), PKCS #1 (RFC 8017 A.1.2), SEC 1 (RFC 5915), DSA, PKCS #12. */
static bool is_private(const struct outline *outline) {
    return has_tags(outline, 2, DER_INTEGER, DER_SEQUENCE, 0) || has_tags(outline, 3, DER_INTEGER, DER_INTEGER, DER_INTEGER) ||
           has_tags(outline, 2, DER_INTEGER, DER_OCTET_STRING, 0) || has_tags(outline, 2, DER_SEQUENCE, DER_OCTET_STRING, 0);
}

/* CertificationRequest (RFC 2986 4.2). */
static bool take_request(const struct outline *outline, struct span *ret_subject, struct span *ret_spki) {
    struct outline info;
    if (!has_tags(outline, 3, DER_SEQUENCE, DER_SEQUENCE, DER_BIT_STRING) || outline->count != 3 || !outline_of(outline->parts[0].whole, &info) ||
        !has_tags(&info, 3, DER_INTEGER, DER_SEQUENCE, DER_SEQUENCE) || !is_spki(info.parts[2].whole))
        return false;
    *ret_subject = info.parts[1].whole;
    *ret_spki = info.parts[2].whole;
    return true;
}

/* What is too long is cut; no character of a distinguished name as text is harmful. */
static result subject_text(struct span subject, struct arena *arena, const char **ret_text) {
    CLEANUP(buffer_done) struct buffer name = buffer_with_limit(SUBJECT_SIZE_MAX);
    (void) distinguished_name_text(subject, &name);
    *ret_text = name.has_no_memory ? NULL : arena_copy_text(arena, buffer_text(&name));
    return *ret_text == NULL ? &fault_no_memory : OK;
}

result pin_object_read(struct span der, struct arena *arena, struct pin_object *ret_object) {
    struct outline outline;
    struct certificate certificate;
    struct span subject;
    *ret_object = (struct pin_object){.kind = PIN_OBJECT_UNKNOWN, .spki = span_of("", 0), .subject = ""};
    bool has_outline = outline_of(der, &outline);
    if (has_outline && is_private(&outline)) {
        ret_object->kind = PIN_OBJECT_PRIVATE;
        return OK;
    }
    if (has_outline && is_spki(der)) {
        ret_object->kind = PIN_OBJECT_KEY;
        ret_object->spki = der;
        return OK;
    }
    if (has_outline && take_request(&outline, &subject, &ret_object->spki)) {
        ret_object->kind = PIN_OBJECT_REQUEST;
        return subject_text(subject, arena, &ret_object->subject);
    }
    if (certificate_parse(der, &certificate) != OK || !is_spki(certificate.spki))
        return OK;
    ret_object->kind = PIN_OBJECT_CERTIFICATE;
    ret_object->spki = certificate.spki;
    return subject_text(certificate.subject, arena, &ret_object->subject);
}
