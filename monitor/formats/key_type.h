/* What kind of key a SubjectPublicKeyInfo holds. */
#pragma once

#include "base/span.h"

#define KEY_TYPE_SIZE 64

/* "rsa-2048", "rsa-pss-3072", "ec-p256", "ed25519", "dsa", or the algorithm's OID ("ec-" and the curve's OID for a curve that
 * has no name here); "?" when the SPKI cannot be read. NUL-terminated. */
void key_type_text(struct span spki, char ret_text[KEY_TYPE_SIZE]);
