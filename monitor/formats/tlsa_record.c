#include "formats/tlsa_record.h"

#include "base/cursor.h"
#include "formats/der.h"

FAULT(fault_tlsa_record, FAULT_INPUT, "tlsa.record", "TLSA record", "RFC 6698 2.1", "no client can use it", "usage 0 to 3, selector 0 or 1, matching type 0 to 2, and data that fit them");

enum { SIGNER_AT = 18 /* RFC 4034 3.1: behind the fixed fields */ };

static result check_data(const struct tlsa_record *record, struct reason *reason) {
    static const size_t sizes[] = {0, 32, 64};
    struct cursor cursor = cursor_of(record->data);
    struct span content;
    size_t wanted = sizes[record->matching];
    if (wanted != 0 && record->data.size != wanted)
        return reason_set(reason, &fault_tlsa_record, "the data have %zu bytes, wanted the %zu of a digest of matching type %u (RFC 6698 2.1.3)", record->data.size, wanted,
                          record->matching);
    if (wanted == 0 && (der_take(&cursor, DER_SEQUENCE, &content) != OK || !cursor_at_end(&cursor)))
        return reason_set(reason, &fault_tlsa_record, "the data of matching type 0 are not the DER of a %s (RFC 6698 2.1.4)", record->selector == 0 ? "certificate" : "public key");
    return OK;
}

result tlsa_record_parse(struct span rdata, struct tlsa_record *ret_record, struct reason *reason) {
    struct cursor cursor = cursor_of(rdata);
    struct tlsa_record record;
    if (!cursor_u8(&cursor, &record.usage) || !cursor_u8(&cursor, &record.selector) || !cursor_u8(&cursor, &record.matching) || cursor_at_end(&cursor))
        return reason_set(reason, &fault_tlsa_record, "it has %zu bytes, wanted usage, selector, matching type and data (RFC 6698 2.1)", rdata.size);
    if (record.usage > TLSA_USAGE_MAX)
        return reason_set(reason, &fault_tlsa_record, "the certificate usage is %u, wanted 0 to 3 (RFC 6698 2.1.1)", record.usage);
    if (record.selector > TLSA_SELECTOR_MAX)
        return reason_set(reason, &fault_tlsa_record, "the selector is %u, wanted 0 or 1 (RFC 6698 2.1.2)", record.selector);
    if (record.matching > TLSA_MATCHING_MAX)
        return reason_set(reason, &fault_tlsa_record, "the matching type is %u, wanted 0, 1 or 2 (RFC 6698 2.1.3)", record.matching);
    record.data = span_of(rdata.bytes + cursor.position, cursor_remaining(&cursor));
    TRY(check_data(&record, reason));
    *ret_record = record;
    return OK;
}

bool rrsig_original_ttl(struct span rdata, uint16_t type, uint32_t *ret_ttl_s) {
    struct cursor cursor = cursor_of(rdata);
    uint64_t covered, algorithm_and_labels, ttl_s;
    if (rdata.size <= SIGNER_AT || !cursor_number(&cursor, 2, &covered) || !cursor_number(&cursor, 2, &algorithm_and_labels) || !cursor_number(&cursor, 4, &ttl_s))
        return false;
    *ret_ttl_s = (uint32_t) ttl_s;
    return covered == type;
}
