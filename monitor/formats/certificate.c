#include "formats/certificate.h"

FAULT(fault_certificate_form, FAULT_INPUT, "certificate.form", "certificate", "RFC 5280 4.1",
      "it has not the frame of a certificate", "SEQUENCE of tbsCertificate, signatureAlgorithm and signatureValue");

static const uint8_t bytes_of_san[] = {0x55, 0x1d, 0x11};
static const uint8_t bytes_of_aki[] = {0x55, 0x1d, 0x23};
static const uint8_t bytes_of_ski[] = {0x55, 0x1d, 0x0e};
static const uint8_t bytes_of_basic_constraints[] = {0x55, 0x1d, 0x13};
static const uint8_t bytes_of_eku[] = {0x55, 0x1d, 0x25};
static const uint8_t bytes_of_poison[] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x03};
static const uint8_t bytes_of_sct_list[] = {0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x04, 0x02};
static const uint8_t bytes_of_common_name[] = {0x55, 0x04, 0x03};

const struct span oid_san = {bytes_of_san, sizeof bytes_of_san};
const struct span oid_aki = {bytes_of_aki, sizeof bytes_of_aki};
const struct span oid_poison = {bytes_of_poison, sizeof bytes_of_poison};
const struct span oid_sct_list = {bytes_of_sct_list, sizeof bytes_of_sct_list};
const struct span oid_common_name = {bytes_of_common_name, sizeof bytes_of_common_name};
static const struct span oid_ski = {bytes_of_ski, sizeof bytes_of_ski};
static const struct span oid_eku = {bytes_of_eku, sizeof bytes_of_eku};
static const struct span oid_basic_constraints = {bytes_of_basic_constraints, sizeof bytes_of_basic_constraints};

enum { VERSION_3 = 2, SERIAL_SIZE_MAX = 20 };

static void note(struct certificate *certificate, enum certificate_oddity oddity, bool is_so) {
    if (is_so)
        certificate->oddities |= ODDITY_BIT(oddity);
}

static result take_element(struct cursor *cursor, uint8_t tag, struct certificate *certificate,
                           struct der_element *ret_element) {
    bool is_ber = false;
    TRY(ber_read(cursor, ret_element, &is_ber));
    note(certificate, ODDITY_BER, is_ber);
    return ret_element->tag == tag ? OK : &fault_der_unexpected;
}

bool extension_next(struct cursor *extensions, struct extension *ret_extension, bool *is_ber) {
    struct der_element element, part = {0};
    struct extension extension = {0};
    if (cursor_at_end(extensions) || ber_read(extensions, &element, is_ber) != OK)
        return false;
    extension.whole = element.whole;
    struct cursor inside = cursor_of(element.content);
    bool is_good = element.tag == DER_SEQUENCE && ber_read(&inside, &part, is_ber) == OK && part.tag == DER_OID;
    struct span oid = part.content;
    if (is_good && der_is_next(&inside, DER_BOOLEAN)) {
        is_good = ber_read(&inside, &part, is_ber) == OK && part.content.size == 1;
        extension.is_critical = is_good && part.content.bytes[0] != 0;
    }
    is_good = is_good && ber_read(&inside, &part, is_ber) == OK && part.tag == DER_OCTET_STRING && cursor_at_end(&inside);
    if (is_good) {
        extension.oid = oid;
        extension.value = part.content;
    }
    *ret_extension = extension;
    return true;
}

static void keep_first(struct certificate *certificate, struct span *place, struct span value) {
    note(certificate, ODDITY_EXTENSION_TWICE, place->bytes != NULL);
    if (place->bytes == NULL)
        *place = value;
}

static void keep_san(struct certificate *certificate, const struct extension *extension) {
    note(certificate, ODDITY_SAN_TWICE, certificate->has_san);
    if (!certificate->has_san)
        certificate->san = extension->value;
    certificate->has_san = true;
}

static void keep_basic_constraints(struct certificate *certificate, struct span value) {
    struct cursor cursor = cursor_of(value);
    struct span body, flag;
    if (der_take(&cursor, DER_SEQUENCE, &body) != OK)
        return;
    cursor = cursor_of(body);
    if (der_take(&cursor, DER_BOOLEAN, &flag) == OK && flag.size == 1 && flag.bytes[0] != 0)
        certificate->is_ca = true;
}

static void keep_poison(struct certificate *certificate, const struct extension *extension) {
    static const uint8_t null_value[] = {DER_NULL, 0};
    note(certificate, ODDITY_EXTENSION_TWICE, certificate->has_poison);
    note(certificate, ODDITY_POISON_FORM,
         !extension->is_critical || !span_equal(extension->value, span_of(null_value, sizeof null_value)));
    certificate->has_poison = true;
}

static void keep_sct_list(struct certificate *certificate, const struct extension *extension) {
    note(certificate, ODDITY_EXTENSION_TWICE, certificate->has_sct_list);
    if (!certificate->has_sct_list)
        certificate->sct_list = extension->value;
    certificate->has_sct_list = true;
}

/* id-ce (2.5.29.n): the third byte tells them apart. */
static void keep_standard_extension(struct certificate *certificate, const struct extension *extension) {
    if (span_equal(extension->oid, oid_san))
        keep_san(certificate, extension);
    else if (span_equal(extension->oid, oid_aki))
        keep_first(certificate, &certificate->aki, extension->value);
    else if (span_equal(extension->oid, oid_ski))
        keep_first(certificate, &certificate->ski, extension->value);
    else if (span_equal(extension->oid, oid_eku))
        keep_first(certificate, &certificate->eku, extension->value);
    else if (span_equal(extension->oid, oid_basic_constraints))
        keep_basic_constraints(certificate, extension->value);
}

static void read_extensions(struct certificate *certificate) {
    struct cursor cursor = cursor_of(certificate->extensions);
    struct extension extension;
    bool is_ber = false;
    while (extension_next(&cursor, &extension, &is_ber)) {
        note(certificate, ODDITY_EXTENSION_UNREADABLE, extension.oid.size == 0);
        if (extension.oid.size == oid_san.size)
            keep_standard_extension(certificate, &extension);
        else if (span_equal(extension.oid, oid_poison))
            keep_poison(certificate, &extension);
        else if (span_equal(extension.oid, oid_sct_list))
            keep_sct_list(certificate, &extension);
    }
    note(certificate, ODDITY_BER, is_ber);
    note(certificate, ODDITY_EXTENSIONS_CUT, cursor.failed);
    note(certificate, ODDITY_POISON_AND_SCTS, certificate->has_poison && certificate->has_sct_list);
}

static void read_time(struct cursor *cursor, struct certificate *certificate, bool *ret_has, int64_t *ret_seconds) {
    struct der_element element;
    bool is_odd = false, is_ber = false;
    if (ber_read(cursor, &element, &is_ber) != OK) {
        note(certificate, ODDITY_TIME_UNREADABLE, true);
        return;
    }
    *ret_has = der_time(element.tag, element.content, ret_seconds, &is_odd) == OK;
    note(certificate, ODDITY_BER, is_ber);
    note(certificate, ODDITY_TIME_FORM, is_odd);
    note(certificate, ODDITY_TIME_UNREADABLE, !*ret_has);
}

static void read_validity(struct span content, struct certificate *certificate) {
    struct cursor cursor = cursor_of(content);
    read_time(&cursor, certificate, &certificate->has_not_before, &certificate->not_before);
    read_time(&cursor, certificate, &certificate->has_not_after, &certificate->not_after);
}

static result read_version(struct cursor *cursor, struct certificate *certificate) {
    struct der_element wrapper, number;
    if (!der_is_next(cursor, DER_CONTEXT_CONSTRUCTED(0)))
        return OK;
    TRY(take_element(cursor, DER_CONTEXT_CONSTRUCTED(0), certificate, &wrapper));
    struct cursor inside = cursor_of(wrapper.content);
    bool is_good = take_element(&inside, DER_INTEGER, certificate, &number) == OK && number.content.size == 1;
    certificate->version = is_good ? number.content.bytes[0] : UINT8_MAX;
    return OK;
}

static void judge_serial(struct certificate *certificate) {
    struct span serial = certificate->serial;
    bool is_zero = serial.size == 1 && serial.bytes[0] == 0;
    bool is_long = serial.size > SERIAL_SIZE_MAX + 1 || (serial.size == SERIAL_SIZE_MAX + 1 && serial.bytes[0] != 0);
    note(certificate, ODDITY_SERIAL, serial.size == 0 || is_zero || is_long || (serial.bytes[0] & 0x80) != 0);
}

static result read_head(struct cursor *cursor, struct certificate *certificate) {
    struct der_element element;
    TRY(read_version(cursor, certificate));
    TRY(take_element(cursor, DER_INTEGER, certificate, &element));
    certificate->serial = element.content;
    judge_serial(certificate);
    TRY(take_element(cursor, DER_SEQUENCE, certificate, &element));
    certificate->tbs_algorithm = element.whole;
    TRY(take_element(cursor, DER_SEQUENCE, certificate, &element));
    certificate->issuer = element.whole;
    TRY(take_element(cursor, DER_SEQUENCE, certificate, &element));
    read_validity(element.content, certificate);
    TRY(take_element(cursor, DER_SEQUENCE, certificate, &element));
    certificate->subject = element.whole;
    TRY(take_element(cursor, DER_SEQUENCE, certificate, &element));
    certificate->spki = element.whole;
    return OK;
}

/* issuerUniqueID [1] and subjectUniqueID [2], IMPLICIT BIT STRING. */
static bool next_is_unique_id(const struct cursor *cursor) {
    return der_is_next(cursor, DER_CONTEXT(1)) || der_is_next(cursor, DER_CONTEXT(2)) ||
           der_is_next(cursor, DER_CONTEXT_CONSTRUCTED(1)) || der_is_next(cursor, DER_CONTEXT_CONSTRUCTED(2));
}

static void read_extensions_wrapper(struct cursor *cursor, struct certificate *certificate) {
    struct der_element wrapper, list;
    if (take_element(cursor, DER_CONTEXT_CONSTRUCTED(3), certificate, &wrapper) != OK) {
        note(certificate, ODDITY_EXTENSIONS_CUT, true);
        return;
    }
    struct cursor inside = cursor_of(wrapper.content);
    if (take_element(&inside, DER_SEQUENCE, certificate, &list) != OK) {
        note(certificate, ODDITY_EXTENSIONS_CUT, true);
        return;
    }
    note(certificate, ODDITY_TBS_TRAILING_BYTES, !cursor_at_end(&inside));
    certificate->has_extensions = true;
    certificate->extensions = list.content;
    read_extensions(certificate);
}

static void read_tail(struct cursor *cursor, struct certificate *certificate, struct span content) {
    struct der_element ignored;
    bool is_ber = false;
    while (next_is_unique_id(cursor) && ber_read(cursor, &ignored, &is_ber) == OK)
        continue;
    note(certificate, ODDITY_BER, is_ber);
    size_t head_size = cursor->position;
    certificate->tbs_head = span_of(content.bytes, head_size);
    if (der_is_next(cursor, DER_CONTEXT_CONSTRUCTED(3)))
        read_extensions_wrapper(cursor, certificate);
    certificate->tbs_tail = span_of(content.bytes + cursor->position, content.size - cursor->position);
    note(certificate, ODDITY_TBS_TRAILING_BYTES, certificate->tbs_tail.size > 0);
    note(certificate, ODDITY_VERSION,
         certificate->version > VERSION_3 || (certificate->has_extensions && certificate->version != VERSION_3));
}

static result read_tbs(const struct der_element *tbs, struct certificate *certificate) {
    struct cursor cursor = cursor_of(tbs->content);
    certificate->tbs = tbs->whole;
    TRY(read_head(&cursor, certificate));
    read_tail(&cursor, certificate, tbs->content);
    return OK;
}

/* Neither algorithm nor value matters for the names, so nothing in here refuses the certificate. */
static void read_signature(struct cursor *cursor, struct certificate *certificate) {
    struct der_element algorithm, value;
    bool is_good = take_element(cursor, DER_SEQUENCE, certificate, &algorithm) == OK;
    if (is_good) {
        certificate->algorithm = algorithm.whole;
        note(certificate, ODDITY_SIGNATURE_ALGORITHM_DIFFERS,
             !span_equal(algorithm.whole, certificate->tbs_algorithm));
        is_good = take_element(cursor, DER_BIT_STRING, certificate, &value) == OK && value.content.size > 1 &&
                  value.content.bytes[0] == 0;
    }
    if (is_good)
        certificate->signature = span_of(value.content.bytes + 1, value.content.size - 1);
    note(certificate, ODDITY_SIGNATURE_FORM, !is_good || !cursor_at_end(cursor));
}

result certificate_parse(struct span der, struct certificate *ret_certificate) {
    struct certificate certificate = {0};
    struct cursor cursor = cursor_of(der);
    struct der_element outer, tbs;
    TRY(take_element(&cursor, DER_SEQUENCE, &certificate, &outer));
    note(&certificate, ODDITY_TRAILING_BYTES, !cursor_at_end(&cursor));
    certificate.whole = outer.whole;
    cursor = cursor_of(outer.content);
    if (take_element(&cursor, DER_SEQUENCE, &certificate, &tbs) != OK)
        return &fault_certificate_form;
    TRY(read_tbs(&tbs, &certificate));
    read_signature(&cursor, &certificate);
    *ret_certificate = certificate;
    return OK;
}

result tbs_parse(struct span tbs, struct certificate *ret_certificate) {
    struct certificate certificate = {0};
    struct cursor cursor = cursor_of(tbs);
    struct der_element element;
    TRY(take_element(&cursor, DER_SEQUENCE, &certificate, &element));
    note(&certificate, ODDITY_TRAILING_BYTES, !cursor_at_end(&cursor));
    TRY(read_tbs(&element, &certificate));
    *ret_certificate = certificate;
    return OK;
}
