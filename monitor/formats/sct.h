/* Signed certificate timestamps and their list in a certificate (RFC 6962 3.2, 3.3). */
#pragma once

#include "base/cursor.h"
#include "base/result.h"

struct sct {
    struct hash log_id;
    uint64_t timestamp_ms;
    struct span extensions; /* content */
    struct span signature;  /* DigitallySigned: two algorithm bytes, u16 length, value */
};

extern const struct fault fault_sct_list;
extern const struct fault fault_sct_version;
extern const struct fault fault_sct_form;

/* Opens the extension's value (an OCTET STRING around a SignedCertificateTimestampList) for sct_list_next. */
MUST_CHECK result sct_list_open(struct span extension_value, struct cursor *ret_list);
/* The next SerializedSCT; false at the end or where the list breaks (then list->failed). */
bool sct_list_next(struct cursor *list, struct span *ret_serialized);
/* One SCT, whole. Errors: fault_sct_version for anything but v1, fault_sct_form. */
MUST_CHECK result sct_parse(struct span serialized, struct sct *ret_sct);
