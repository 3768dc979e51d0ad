/* Every reading of every name in a certificate, in the form in which names are looked up.
 *
 * Names come from dNSName, iPAddress, rfc822Name and URI SANs (all SANs, were there several) and from every common
 * name. One name may have several readings: NUL splits it, bytes beyond ASCII are read as UTF-8 and as Latin-1, lists
 * are taken apart. Plain names cost no allocation and no copy. The work per certificate has a ceiling. */
#pragma once

#include "formats/certificate.h"
#include "formats/entry_report.h"

#define NAME_TEXT_MAX  1000 /* characters of one reading; longer names keep their last labels behind a "?" */
#define NAMES_SLOW_MAX 4096 /* labels beyond plain ASCII that are converted in one certificate */

/* Valid during the call only. */
struct name_reading {
    enum name_type type;
    enum name_origin origin;
    struct span text;    /* printable ASCII: what a report shows. dns: as `host`; ip: RFC 5952; email, uri: harmless */
    struct span host;    /* dns: the name; email: the domain; uri: its host. Lower case, A-labels, '.' between labels,
                          * "?" for a label that cannot be read, "*" kept, no dot at the ends. Empty for ip */
    struct span address; /* 4 or 16 bytes in network order: ip, or a uri whose host is an address; else empty */
};

typedef void name_visitor(void *context, const struct name_reading *reading);

extern const struct fault fault_names_unreadable; /* names are there, but neither we nor OpenSSL can read any of them */

/* Calls `visit` for every reading, SANs first, possibly with repetitions, and adds to certificate->oddities what is odd.
 * Where the walk meets something behind which names may hide (ODDITIES_HIDE_NAMES), OpenSSL is asked as well.
 * Error: fault_names_unreadable; a certificate without names is no error. */
MUST_CHECK result names_visit(struct certificate *certificate, name_visitor *visit, void *context);
/* For bytes that certificate_parse (or, with `is_tbs`, tbs_parse) refuses: what OpenSSL sees in them. Adds oddities.
 * Error: fault_names_unreadable when OpenSSL cannot read them either. */
MUST_CHECK result names_visit_refused(struct span der, bool is_tbs, name_visitor *visit, void *context,
                                      uint64_t *oddities);
