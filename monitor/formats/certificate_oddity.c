#include "formats/certificate.h"

static const char *const sentences[certificate_oddity_count] = {
    [ODDITY_BER] = "a length is not encoded as DER wants it",
    [ODDITY_TRAILING_BYTES] = "bytes follow the certificate",
    [ODDITY_TBS_TRAILING_BYTES] = "elements follow the extensions",
    [ODDITY_VERSION] = "the version does not fit the contents",
    [ODDITY_SERIAL] = "the serial number is not positive or is longer than 20 bytes",
    [ODDITY_TIME_FORM] = "a validity time is written in a form that RFC 5280 forbids",
    [ODDITY_TIME_UNREADABLE] = "a validity time cannot be read",
    [ODDITY_SIGNATURE_FORM] = "the signature is missing or malformed",
    [ODDITY_SIGNATURE_ALGORITHM_DIFFERS] = "the two signature algorithms differ",
    [ODDITY_EXTENSION_UNREADABLE] = "an extension is malformed",
    [ODDITY_EXTENSIONS_CUT] = "the list of extensions breaks off",
    [ODDITY_EXTENSION_TWICE] = "an extension occurs twice",
    [ODDITY_SAN_TWICE] = "there are several subject alternative name extensions",
    [ODDITY_SAN_UNREADABLE] = "the subject alternative name extension is malformed",
    [ODDITY_SAN_TRAILING_BYTES] = "bytes follow the names in the subject alternative name extension",
    [ODDITY_SAN_EMPTY] = "the subject alternative name extension holds no name",
    [ODDITY_SAN_CONSTRUCTED] = "a name is written in pieces",
    [ODDITY_SUBJECT_UNREADABLE] = "the subject is malformed",
    [ODDITY_NAME_NUL] = "a name holds a NUL",
    [ODDITY_NAME_NOT_ASCII] = "a name holds characters beyond ASCII",
    [ODDITY_NAME_LABEL] = "a label of a name cannot be read",
    [ODDITY_NAME_TOO_LONG] = "a name is longer than any host name",
    [ODDITY_NAME_DOTS] = "a name begins or ends with a dot",
    [ODDITY_NAME_IS_URL] = "a host name holds a scheme, a port or a path",
    [ODDITY_NAME_LIST] = "one name field holds several names",
    [ODDITY_NAME_EMPTY] = "a name is empty",
    [ODDITY_ADDRESS_SIZE] = "an IP address has neither 4 nor 16 bytes",
    [ODDITY_ADDRESS_AS_NAME] = "an IP address is written as a DNS name",
    [ODDITY_POISON_FORM] = "the precertificate poison is not a critical NULL",
    [ODDITY_POISON_AND_SCTS] = "it holds both the precertificate poison and SCTs",
    [ODDITY_SCT_LIST_UNREADABLE] = "the SCT list is malformed",
    [ODDITY_SLOW_NAMES_CUT] = "so many names are beyond plain ASCII that the rest was taken as unreadable",
    [ODDITY_SECOND_READING] = "a lenient reader sees names that a strict one does not",
};

const char *certificate_oddity_sentence(enum certificate_oddity oddity) {
    return (unsigned) oddity < certificate_oddity_count ? sentences[oddity] : "";
}
