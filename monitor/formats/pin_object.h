/* What a DER object is, and the public key in it: certificates, requests, public keys; private ones are known to be refused. */
#pragma once

#include "base/arena.h"
#include "base/result.h"
#include "base/span.h"

enum pin_object_kind { PIN_OBJECT_UNKNOWN, PIN_OBJECT_CERTIFICATE, PIN_OBJECT_REQUEST, PIN_OBJECT_KEY, PIN_OBJECT_PRIVATE };

struct pin_object {
    enum pin_object_kind kind;
    struct span spki;     /* DER of the SubjectPublicKeyInfo, as it stands there; empty of PRIVATE and UNKNOWN */
    const char *subject;  /* harmless; "" of a bare key */
};

#define PIN_PRIVATE_KEY_ADVICE \
    "holds a private key: never hand one to pinwatch, or to anybody; wanted its public key, as of: openssl pkey -in FILE -pubout"

/* Error: fault_no_memory. */
MUST_CHECK result pin_object_read(struct span der, struct arena *arena, struct pin_object *ret_object);
