/* What OpenSSL sees in a certificate whose names our own walk may have missed. Slow; only for odd certificates. */
#pragma once

#include "formats/name_fields.h"

/* Reads all names of a Certificate, or of a TBSCertificate. False when OpenSSL refuses it, or its SAN. */
bool names_of_openssl(struct span der, bool is_tbs, struct name_reader *reader);
