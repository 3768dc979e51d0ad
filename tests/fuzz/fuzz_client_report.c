/* Reports of clients: as JSON, and as certificates in DER where the input begins with a zero. What was read keeps to its limits, names are held
 * against OpenSSL's, and no cause is graver than the facts allow.
 *
 * parser: formats/client_report.c rules/report_facts.c rules/report_cause.c
 * seeds: client-report report-facts
 * corpora: d-pins/trustkit/sample_report.json */
#include <openssl/x509v3.h>

#include "base/digest.h"
#include "formats/entry_report.h"
#include "fuzz/harness.h"
#include "client_report_case.h"
#include "client_report_words.h"

#define CHECK_FLAGS (X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS | X509_CHECK_FLAG_NEVER_CHECK_SUBJECT)

/* Another reader's opinion, where it can read the certificate and all of its extensions. */
static void check_names(const struct client_report *report, const struct report_facts *facts) {
    const unsigned char *bytes = facts->leaf.bytes;
    X509 *x509 = d2i_X509(NULL, &bytes, (long) facts->leaf.size);
    if (x509 != NULL && (X509_get_extension_flags(x509) & EXFLAG_INVALID) == 0) {
        bool is_found = X509_check_host(x509, report->host, strlen(report->host), CHECK_FLAGS, NULL) == 1;
        bool is_limited = (X509_get_extension_flags(x509) & EXFLAG_XKUSAGE) != 0;
        bool is_server = !is_limited || (X509_get_extended_key_usage(x509) & (XKU_SSL_SERVER | XKU_ANYEKU)) != 0;
        require(facts->is_for_host != REPORT_YES || (is_found && is_server));
        require(facts->is_for_host != REPORT_NO || !is_found || !is_server);
    }
    X509_free(x509);
}

static void check_facts(const struct client_report *report, const struct report_facts *facts) {
    struct hash hash;
    require(facts->has_leaf == (report->validated_count + report->served_count > 0));
    require(facts->scts_verified <= facts->scts && facts->scts <= REPORT_SCTS_MAX);
    require(facts->scts_verified == 0 || facts->has_issuer);
    if (!facts->has_leaf)
        return;
    digest_of(facts->leaf, &hash);
    require(hash_equal(&hash, &facts->certificate_sha256));
    require(facts->is_valid_then != REPORT_YES || (report->has_date && facts->has_validity && facts->not_before <= report->date && report->date <= facts->not_after));
    require(facts->is_refused_by_pins == REPORT_UNKNOWN || report->pin_count > 0);
    check_names(report, facts);
}

static bool is_attack_allowed(const struct report_facts *facts, const struct report_seen *seen) {
    return facts->has_leaf && facts->is_for_host == REPORT_YES && facts->is_public == REPORT_YES && facts->is_valid_then == REPORT_YES && facts->has_validity &&
           facts->not_before >= 1525132800 && facts->scts_verified == 0 && facts->is_refused_by_pins != REPORT_NO && !seen->is_logged && seen->is_life_covered;
}

static bool is_stale_allowed(const struct client_report *report, const struct report_facts *facts, const struct report_seen *seen) {
    bool is_untrusted = report->format == CLIENT_REPORT_TRUSTKIT && report->has_result && report->result == 2;
    return facts->has_leaf && facts->is_for_host == REPORT_YES && facts->is_public == REPORT_YES && facts->is_valid_then != REPORT_NO && facts->is_refused_by_pins != REPORT_NO &&
           !is_untrusted && (seen->is_logged || facts->scts_verified > 0);
}

static void check_causes(const struct client_report *report, const struct report_facts *facts) {
    for (unsigned i = 0; i < 16; i++) {
        struct report_seen seen = {.is_logged = (i & 1) != 0, .is_life_covered = (i & 2) != 0, .is_pinned_by_live = (i & 4) != 0, .is_refused_by_live = (i & 8) != 0};
        struct report_cause_found found;
        report_cause_find(report, facts, &seen, &found);
        require(found.why != NULL && report_cause_name(found.cause) != NULL);
        require((found.cause == REPORT_ATTACK) == is_attack_allowed(facts, &seen));
        require((found.cause == REPORT_STALE_PIN) == is_stale_allowed(report, facts, &seen));
        require((found.cause == REPORT_PRIVATE_ROOT) == (facts->has_leaf && facts->is_public == REPORT_NO));
    }
}

/* The same for any public chain, which no input can make: what the other facts allow then. */
static void check_as_public(const struct client_report *report, const struct report_facts *facts) {
    struct report_facts raised = *facts;
    raised.is_public = REPORT_YES;
    check_causes(report, &raised);
    raised.scts_verified = raised.scts;
    check_causes(report, &raised);
}

static void judge(const struct client_report *report, enum trust_store store, struct arena *arena) {
    struct report_facts facts;
    require(report_facts_find(report, store, arena, &facts) == OK);
    check_facts(report, &facts);
    check_causes(report, &facts);
    check_as_public(report, &facts);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct arena *arena = arena_new(CLIENT_REPORT_ARENA_SIZE), *second = arena_new(CLIENT_REPORT_ARENA_SIZE);
    struct span input = span_of(bytes, size);
    struct client_report report;
    struct reason reason = {""};
    enum client_report_format format;
    require(arena != NULL && second != NULL);
    bool is_likely = client_report_is_likely(input, &format);
    if (size > 0 && bytes[0] == 0) {
        if (client_report_of_case(input, arena, &report)) {
            judge(&report, report_store_of(&report), second);
            arena_reset(second);
            judge(&report, TRUST_JAVA, second);
        }
    } else {
        result outcome = client_report_read(input, arena, &report, &reason);
        require(outcome == OK || (outcome == &fault_client_report && reason.text[0] != '\0'));
        if (outcome == OK) {
            client_report_check(&report);
            require(!is_likely || report.format == CLIENT_REPORT_HPKP || format == CLIENT_REPORT_TRUSTKIT || memchr(bytes, '\\', size) != NULL);
            judge(&report, TRUST_JAVA, second);
        }
    }
    arena_free(arena);
    arena_free(second);
    return 0;
}
