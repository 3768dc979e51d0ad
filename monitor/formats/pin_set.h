/* Pin sets as their platforms read them: what every file format of pins is read into, and written from.
 *
 * One pin_set is what one host entry says, with everything that its format lets it inherit already applied: nothing has to be looked up in
 * its neighbours but which of them holds for a host (rules/pin_hosts.h). */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "base/reason.h"
#include "base/result.h"
#include "base/span.h"

/* Whose rules hold: for hosts, matching and expiry. */
enum pin_format {
    PIN_FORMAT_ANDROID,          /* network security config, as XML or compiled into an APK */
    PIN_FORMAT_APPLE,            /* NSAppTransportSecurity / NSPinnedDomains */
    PIN_FORMAT_TRUSTKIT_IOS,     /* TSKConfiguration, as plist or JSON */
    PIN_FORMAT_TRUSTKIT_ANDROID, /* a network security config with trustkit-config */
    PIN_FORMAT_OKHTTP,           /* CertificatePinner lines */
    PIN_FORMAT_HPKP,             /* RFC 7469 header */
    PIN_FORMAT_TLSA,             /* RFC 6698 records of a zone */
    PIN_FORMAT_CHROMIUM,         /* transport_security_state_static .pins and .json */
    PIN_FORMAT_YAML,             /* our own */
    PIN_FORMAT_KEY,              /* a certificate, request or public key: pins of it, for no host */
    pin_format_count
};

enum pin_kind { PIN_SPKI, PIN_CERTIFICATE };
enum pin_algorithm { PIN_SHA256, PIN_SHA512, PIN_SHA1, PIN_FULL /* TLSA matching type 0: the bytes themselves */ };
enum pin_position { PIN_ANY, PIN_LEAF, PIN_CA /* any but the leaf */, PIN_INTERMEDIATE, PIN_ROOT };
enum pin_role { PIN_ROLE_NONE, PIN_CURRENT, PIN_NEXT, PIN_BACKUP };

enum { PIN_TLSA_PKIX_TA, PIN_TLSA_PKIX_EE, PIN_TLSA_DANE_TA, PIN_TLSA_DANE_EE }; /* certificate usages 0 to 3, RFC 6698 2.1.1 */

struct pin {
    enum pin_kind kind;
    enum pin_algorithm algorithm;
    enum pin_position position;
    enum pin_role role;
    struct span value;  /* digest, or the whole SPKI or certificate (PIN_FULL) */
    uint8_t tlsa_usage; /* PIN_TLSA_…, meaning something in PIN_FORMAT_TLSA alone */
    const char *comment; /* what the file says about it (a name, a comment); "" when nothing */
    unsigned line;      /* 0: the format has no lines */
};

/* One pin of a group suffices. */
struct pin_group {
    struct pin *pins;
    size_t count;
};

enum pin_host_match { PIN_HOST_EXACT, PIN_HOST_ONE_LABEL_BELOW, PIN_HOST_EXACT_AND_ONE_LABEL, PIN_HOST_EXACT_AND_BELOW };

struct pin_set {
    enum pin_format format;
    const char *name;      /* in our YAML, of a Chromium pin set, of a key's file; "" when the format gives none */
    const char *host;      /* A-labels in lower case, without a trailing dot; NULL: the format names no host (Chromium .pins, keys, HPKP header) */
    enum pin_host_match match;
    bool is_pinned;        /* false: this entry says that the host is *not* pinned, and stands in the way of its parents' */
    bool is_enforced;      /* a mismatch refuses the connection, as the platform really acts */
    bool is_report_only;   /* the file asks for reports alone; is_enforced says whether the platform heeds that (TrustKit on Android: it does not) */
    bool overrides_pins;   /* Android: chains to the system's anchors are exempt (overridePins) */
    bool trusts_system;    /* Android, else true: chains to the system's anchors are trusted at all */
    bool has_expiry;
    bool is_expiry_local;  /* the date begins at the device's midnight: somewhere between expires - 14 h and expires + 12 h */
    int64_t expires;       /* Unix seconds at which pinning stops; of a local date: midnight UTC */
    bool has_max_age;      /* HPKP: expires max_age_s after the client's last visit */
    uint64_t max_age_s;
    uint16_t port;         /* TLSA; else 0 */
    const char *protocol;  /* TLSA: "tcp", "udp", "sctp"; else "" */
    bool is_secure;        /* TLSA: the records were seen DNSSEC-secure, or a person says so; else true */
    bool has_ttl;          /* TLSA: every record has one, and it is the zone's, not what is left of it in a cache */
    uint32_t ttl_s;        /* the largest of them */
    const char *const *report_uris; /* NULL-terminated; never NULL */
    bool uses_default_reports; /* TrustKit */
    struct pin_group *groups;  /* all must match. Pinned and no group, or an empty one: nothing is accepted */
    size_t group_count;
    unsigned line;         /* of the host's entry; 0: none */
};

enum pin_remark_kind {
    PIN_REMARK_NOTE,    /* skipped, because pins do not depend on it */
    PIN_REMARK_WARNING, /* read, but another reader may not, or somebody meant something else */
    PIN_REMARK_ERROR,   /* this entry or pin was left out */
};

struct pin_remark {
    enum pin_remark_kind kind;
    unsigned line;    /* 0: none */
    const char *rule; /* stable, "pin-not-base64": docs/pins.md has the table */
    const char *text; /* one harmless sentence: what was found, what was wanted */
};

/* One file, or one member of a package. */
struct pin_document {
    const char *source; /* file name, "app.apk!res/xml/network_security_config.xml" */
    enum pin_format format;
    struct pin_set *sets;
    size_t set_count;
    struct pin_remark *remarks; /* in the order of the file */
    size_t remark_count;
};

extern const struct fault fault_pin_file;  /* FAULT_INPUT: the file as a whole is refused; `reason` has line and what was wanted */

#define PIN_FILE_SIZE_MAX ((size_t) 4 * 1024 * 1024) /* real ones have a few kB; packages have a limit of their own */
enum { PIN_SETS_MAX = 10000, PINS_OF_SET_MAX = 1000, PIN_REMARKS_MAX = 1000, PIN_VALUE_SIZE_MAX = 65535 };

/* Bytes of a digest; 0 for PIN_FULL. */
size_t pin_algorithm_size(enum pin_algorithm algorithm);
/* "android", "apple", "trustkit-ios", "trustkit-android", "okhttp", "hpkp", "tlsa", "chromium", "yaml", "key" */
const char *pin_format_name(enum pin_format format);
bool pin_format_of_name(const char *name, enum pin_format *ret_format);
const char *pin_kind_name(enum pin_kind kind);             /* "spki", "certificate" */
const char *pin_algorithm_name(enum pin_algorithm algorithm); /* "sha256", "sha512", "sha1", "full" */
const char *pin_position_name(enum pin_position position); /* "any", "leaf", "ca", "intermediate", "root" */
const char *pin_role_name(enum pin_role role);             /* "", "current", "next", "backup" */
const char *pin_host_match_name(enum pin_host_match match); /* "exact", "one-label-below", "exact-and-one-label", "exact-and-below" */
/* How many labels the host has more than the one above it; 0: they are the same, -1: it is not below. */
int pin_host_labels_below(const char *host, const char *parent);
/* Does a set hold for a name that many labels below its host? 0: the host itself. */
bool pin_host_match_reaches(enum pin_host_match match, size_t labels_below);
/* Do all sets that hold for a host unite, by this format's rules? */
bool pin_format_unites(enum pin_format format);

/* The same bytes, kind and algorithm: of one key or certificate, wherever in the chain it must stand. */
bool pin_is_of_same(const struct pin *one, const struct pin *other);
/* And the same position; role, usage, comment and line do not count. */
bool pin_is_same(const struct pin *one, const struct pin *other);
/* One line of JSON without newline, as `pins import --json` prints it (docs/json.md). Of a PIN_FULL pin `value` is the SHA-256 of the bytes,
 * `algorithm` sha256, and `full` has the bytes; positions "intermediate" and "root" are "ca" with `only`. */
MUST_CHECK result pin_set_to_json(const struct pin_document *document, const struct pin_set *set, struct buffer *out);
