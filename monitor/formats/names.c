#include "formats/names.h"

#include "formats/name_fields.h"
#include "formats/names_openssl.h"

FAULT(fault_names_unreadable, FAULT_INPUT, "names.unreadable", "certificate", "RFC 5280 4.2.1.6",
      "none of its names can be read", "a subject alternative name extension or a common name that can be read");

/* GeneralName tags (RFC 5280 4.2.1.6). */
enum { GENERAL_EMAIL = 1, GENERAL_DNS = 2, GENERAL_URI = 6, GENERAL_ADDRESS = 7 };

static void note(struct certificate *certificate, enum certificate_oddity oddity, bool is_so) {
    if (is_so)
        certificate->oddities |= ODDITY_BIT(oddity);
}

static void read_general_name(struct certificate *certificate, const struct der_element *name,
                              struct name_reader *reader) {
    switch (name->tag) {
    case DER_CONTEXT(GENERAL_DNS):
        name_read_dns(reader, name->content);
        break;
    case DER_CONTEXT(GENERAL_ADDRESS):
        name_read_address(reader, name->content);
        break;
    case DER_CONTEXT(GENERAL_EMAIL):
        name_read_email(reader, name->content, NAME_FROM_SAN);
        break;
    case DER_CONTEXT(GENERAL_URI):
        name_read_uri(reader, name->content);
        break;
    case DER_CONTEXT_CONSTRUCTED(GENERAL_DNS):
    case DER_CONTEXT_CONSTRUCTED(GENERAL_ADDRESS):
    case DER_CONTEXT_CONSTRUCTED(GENERAL_EMAIL):
    case DER_CONTEXT_CONSTRUCTED(GENERAL_URI):
        note(certificate, ODDITY_SAN_CONSTRUCTED, true);
        break;
    default:
        break;
    }
}

static void read_san(struct certificate *certificate, struct span value, struct name_reader *reader) {
    struct cursor cursor = cursor_of(value);
    struct der_element list, name;
    bool is_ber = false;
    if (ber_read(&cursor, &list, &is_ber) != OK || list.tag != DER_SEQUENCE) {
        note(certificate, ODDITY_SAN_UNREADABLE, true);
        return;
    }
    note(certificate, ODDITY_SAN_TRAILING_BYTES, !cursor_at_end(&cursor));
    note(certificate, ODDITY_SAN_EMPTY, list.content.size == 0);
    cursor = cursor_of(list.content);
    while (!cursor_at_end(&cursor) && ber_read(&cursor, &name, &is_ber) == OK)
        read_general_name(certificate, &name, reader);
    note(certificate, ODDITY_SAN_UNREADABLE, cursor.failed);
    note(certificate, ODDITY_BER, is_ber);
}

static void read_all_sans(struct certificate *certificate, struct name_reader *reader) {
    struct cursor cursor = cursor_of(certificate->extensions);
    struct extension extension;
    bool is_ber = false;
    while (extension_next(&cursor, &extension, &is_ber))
        if (span_equal(extension.oid, oid_san))
            read_san(certificate, extension.value, reader);
}

/* AttributeTypeAndValue; false when it is none. */
static bool read_attribute(struct cursor *set, struct name_reader *reader, bool *is_ber) {
    struct der_element pair, type, value;
    if (ber_read(set, &pair, is_ber) != OK || pair.tag != DER_SEQUENCE)
        return false;
    struct cursor cursor = cursor_of(pair.content);
    if (ber_read(&cursor, &type, is_ber) != OK || type.tag != DER_OID || ber_read(&cursor, &value, is_ber) != OK)
        return false;
    if (span_equal(type.content, oid_common_name))
        name_read_common_name(reader, value.tag, value.content);
    return true;
}

static void read_subject(struct certificate *certificate, struct name_reader *reader) {
    struct cursor cursor = cursor_of(certificate->subject);
    struct der_element element;
    bool is_ber = false;
    bool is_good = ber_read(&cursor, &element, &is_ber) == OK;
    cursor = cursor_of(is_good ? element.content : span_of(NULL, 0));
    while (is_good && !cursor_at_end(&cursor)) {
        is_good = ber_read(&cursor, &element, &is_ber) == OK && element.tag == DER_SET;
        struct cursor set = cursor_of(element.content);
        while (is_good && !cursor_at_end(&set))
            is_good = read_attribute(&set, reader, &is_ber);
    }
    note(certificate, ODDITY_SUBJECT_UNREADABLE, !is_good);
    note(certificate, ODDITY_BER, is_ber);
}

static result ask_openssl(struct certificate *certificate, struct name_reader *reader) {
    size_t count = reader->reading_count, san_count = reader->san_reading_count;
    bool is_tbs = certificate->whole.size == 0;
    if (names_of_openssl(is_tbs ? certificate->tbs : certificate->whole, is_tbs, reader)) {
        bool sees_more = reader->reading_count - count > count;
        note(certificate, ODDITY_SECOND_READING, sees_more);
        return OK;
    }
    uint64_t broken = ODDITY_BIT(ODDITY_SAN_UNREADABLE) | ODDITY_BIT(ODDITY_EXTENSIONS_CUT) |
                      ODDITY_BIT(ODDITY_EXTENSION_UNREADABLE) | ODDITY_BIT(ODDITY_SAN_CONSTRUCTED);
    bool is_san_lost = san_count == 0 && (certificate->oddities & broken) != 0;
    bool is_subject_lost = count == 0 && (certificate->oddities & ODDITY_BIT(ODDITY_SUBJECT_UNREADABLE)) != 0;
    return is_san_lost || is_subject_lost ? &fault_names_unreadable : OK;
}

result names_visit(struct certificate *certificate, name_visitor *visit, void *context) {
    struct name_reader reader = {.visit = visit, .context = context, .budget = {.slow_labels = NAMES_SLOW_MAX}};
    result outcome = OK;
    if ((certificate->oddities & ODDITY_BIT(ODDITY_SAN_TWICE)) != 0)
        read_all_sans(certificate, &reader);
    else if (certificate->has_san)
        read_san(certificate, certificate->san, &reader);
    read_subject(certificate, &reader);
    if ((certificate->oddities & ODDITIES_HIDE_NAMES) != 0)
        outcome = ask_openssl(certificate, &reader);
    certificate->oddities |= reader.budget.oddities;
    return reader.budget.has_no_memory ? &fault_no_memory : outcome;
}

result names_visit_refused(struct span der, bool is_tbs, name_visitor *visit, void *context, uint64_t *oddities) {
    struct name_reader reader = {.visit = visit, .context = context, .budget = {.slow_labels = NAMES_SLOW_MAX}};
    if (!names_of_openssl(der, is_tbs, &reader))
        return &fault_names_unreadable;
    *oddities |= reader.budget.oddities;
    if (reader.reading_count > 0)
        *oddities |= ODDITY_BIT(ODDITY_SECOND_READING);
    return reader.budget.has_no_memory ? &fault_no_memory : OK;
}
