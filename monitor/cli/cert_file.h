/* Certificates of a file, decoded by a reader of our own; no database is needed. */
#pragma once

#include "base/reason.h"
#include "formats/entry_report.h"

#define CERT_FILE_SIZE_MAX ((size_t) 64 * 1024 * 1024)

/* Called once for each certificate, in the order of the file; the report is valid during the call. */
typedef result (*cert_file_taker)(void *context, const struct entry_report *report);

/* `content`: PEM or DER. Errors: what the reader refused, with its sentence (fault_cert_file); whatever the taker returns. */
extern const struct fault fault_cert_file;
MUST_CHECK result cert_file_decode(struct span content, cert_file_taker take, void *context, struct reason *reason);
