/* What the certificates of a client's report prove: made here, but for those that public authorities and logs must have signed. */
#include <jansson.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "base/digest.h"
#include "formats/certificate.h"
#include "formats/leaf.h"
#include "rules/report_cause.h"
#include "trust_case.h"
#include "vector_notation.h"
#include "vector_text.h"

#define require(is_so) assert_true(is_so)
#include "client_report_case.h"

#define HOST "www.example.com"
#define HOUR 3600

/* ---- an authority */

struct maker {
    const char *name;
    EVP_PKEY *key;
};

static struct maker maker_of(const char *name) {
    return (struct maker){.name = name, .key = EVP_EC_gen("P-256")};
}

struct wish {
    const struct maker *subject, *issuer;
    bool is_ca;
    const char *from, *until;      /* NULL: 2026-01-01 and 2026-04-01 */
    struct span dns[3];            /* up to the first empty one */
    const char *common_name, *eku; /* NULL: the maker's name; no extension */
    const uint8_t *scts;           /* content of the extension's value */
    size_t scts_size;
};

static void add_extension(X509 *x509, int nid, const char *value) {
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);
    assert_non_null(extension);
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
}

static void add_names(X509 *x509, const struct wish *wish) {
    GENERAL_NAMES *names = sk_GENERAL_NAME_new_null();
    for (size_t i = 0; i < 3 && wish->dns[i].size > 0; i++) {
        ASN1_IA5STRING *text = ASN1_IA5STRING_new();
        GENERAL_NAME *name = GENERAL_NAME_new();
        ASN1_STRING_set(text, wish->dns[i].bytes, (int) wish->dns[i].size);
        GENERAL_NAME_set0_value(name, GEN_DNS, text);
        sk_GENERAL_NAME_push(names, name);
    }
    if (sk_GENERAL_NAME_num(names) > 0)
        X509_add1_ext_i2d(x509, NID_subject_alt_name, names, 0, X509V3_ADD_DEFAULT);
    GENERAL_NAMES_free(names);
}

static void add_scts(X509 *x509, const struct wish *wish) {
    ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
    ASN1_OCTET_STRING_set(value, wish->scts, (int) wish->scts_size);
    X509_EXTENSION *extension = X509_EXTENSION_create_by_NID(NULL, NID_ct_precert_scts, 0, value);
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
    ASN1_OCTET_STRING_free(value);
}

static struct span make(const struct wish *wish) {
    static long serial = 1;
    X509 *x509 = X509_new();
    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), serial++);
    const char *name = wish->common_name == NULL ? wish->subject->name : wish->common_name;
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x509), "CN", MBSTRING_ASC, (const unsigned char *) name, -1, -1, 0);
    X509_NAME_add_entry_by_txt(X509_get_issuer_name(x509), "CN", MBSTRING_ASC, (const unsigned char *) wish->issuer->name, -1, -1, 0);
    ASN1_TIME_set(X509_getm_notBefore(x509), (time_t) time_of(wish->from == NULL ? "2026-01-01T00:00:00Z" : wish->from));
    ASN1_TIME_set(X509_getm_notAfter(x509), (time_t) time_of(wish->until == NULL ? "2026-04-01T00:00:00Z" : wish->until));
    X509_set_pubkey(x509, wish->subject->key);
    add_extension(x509, NID_basic_constraints, wish->is_ca ? "critical,CA:TRUE" : "CA:FALSE");
    add_names(x509, wish);
    if (wish->eku != NULL)
        add_extension(x509, NID_ext_key_usage, wish->eku);
    if (wish->scts != NULL)
        add_scts(x509, wish);
    assert_true(X509_sign(x509, wish->issuer->key, EVP_sha256()) > 0);
    unsigned char *bytes = NULL;
    int size = i2d_X509(x509, &bytes);
    struct span copy = span_of(arena_copy(arena, span_of(bytes, (size_t) size)), (size_t) size);
    OPENSSL_free(bytes);
    X509_free(x509);
    return copy;
}

static struct span authority(const struct maker *subject, const struct maker *issuer) {
    return make(&(struct wish){.subject = subject, .issuer = issuer, .is_ca = true});
}

/* A leaf for the host, an intermediate and a root of nobody's. */
static struct world {
    struct maker server, inter, root, other;
    struct span leaf, inter_by_root, root_itself, other_itself;
} world;

static int setup_world(void **state) {
    if (setup(state) != 0)
        return 1;
    world = (struct world){.server = maker_of("server"), .inter = maker_of("inter"), .root = maker_of("root"), .other = maker_of("other")};
    world.leaf = make(&(struct wish){.subject = &world.server, .issuer = &world.inter, .dns = {span_of_text(HOST)}});
    world.inter_by_root = authority(&world.inter, &world.root);
    world.root_itself = authority(&world.root, &world.root);
    world.other_itself = authority(&world.other, &world.other);
    return 0;
}

static int teardown_world(void **state) {
    EVP_PKEY_free(world.server.key);
    EVP_PKEY_free(world.inter.key);
    EVP_PKEY_free(world.root.key);
    EVP_PKEY_free(world.other.key);
    return teardown(state);
}

/* ---- reports */

static const char *const no_notes[] = {NULL};

static struct pin pin_of(struct span der) {
    struct certificate certificate;
    struct hash hash;
    assert_ptr_equal(certificate_parse(der, &certificate), OK);
    digest_of(certificate.spki, &hash);
    return (struct pin){.kind = PIN_SPKI, .algorithm = PIN_SHA256, .comment = "", .value = span_of(arena_copy(arena, span_of(hash.bytes, HASH_SIZE)), HASH_SIZE)};
}

static struct client_report report_of(const struct span *chain, size_t count, const struct pin *pins, size_t pin_count) {
    return (struct client_report){.format = CLIENT_REPORT_TRUSTKIT, .host = HOST, .noted_host = "example.com", .has_date = true, .date = time_of("2026-02-01T00:00:00Z"),
                                  .app = "", .version = "", .platform = "ios", .library = "trustkit", .has_enforcement = true, .is_enforced = true, .has_result = true, .result = 1,
                                  .validated = chain, .validated_count = count, .pins = pins, .pin_count = pin_count, .notes = no_notes};
}

static struct report_facts facts_in(const struct client_report *report, enum trust_store store) {
    struct report_facts facts;
    assert_ptr_equal(report_facts_find(report, store, arena, &facts), OK);
    return facts;
}

static const char *word(enum report_known known) {
    return known == REPORT_YES ? "yes" : known == REPORT_NO ? "no" : "?";
}

/* "host yes, valid yes, public no, refused ?" */
static const char *words_of_facts(const struct report_facts *facts) {
    return arena_printf(arena, "host %s, valid %s, public %s, refused %s", word(facts->is_for_host), word(facts->is_valid_then), word(facts->is_public), word(facts->is_refused_by_pins));
}

static const char *words_in(const struct client_report *report) {
    struct report_facts facts = facts_in(report, TRUST_APPLE);
    return facts.has_leaf ? words_of_facts(&facts) : "nothing";
}

static const char *words_of_chain(const struct span *chain, size_t count) {
    struct client_report report = report_of(chain, count, NULL, 0);
    return words_in(&report);
}

static const char *cause_in(const struct client_report *report) {
    struct report_facts facts = facts_in(report, TRUST_APPLE);
    struct report_cause_found found;
    report_cause_find(report, &facts, &(struct report_seen){.is_life_covered = true}, &found);
    return report_cause_name(found.cause);
}

/* ---- whose root it is */

static void a_chain_to_a_root_of_nobodys_is_private(void **state) {
    (void) state;
    const struct span chain[] = {world.leaf, world.inter_by_root, world.root_itself};
    assert_string_equal(words_of_chain(chain, 3), "host yes, valid yes, public no, refused ?");
    struct client_report report = report_of(chain, 3, NULL, 0);
    assert_string_equal(cause_in(&report), "private-root");
}

static void a_certificate_that_signs_itself_is_its_own_private_root(void **state) {
    (void) state;
    struct span own = make(&(struct wish){.subject = &world.server, .issuer = &world.server, .dns = {span_of_text(HOST)}});
    assert_string_equal(words_of_chain(&own, 1), "host yes, valid yes, public no, refused ?");
}

static void an_incomplete_chain_is_not_known_to_be_private(void **state) {
    (void) state;
    const struct span chain[] = {world.leaf, world.inter_by_root};
    assert_string_equal(words_of_chain(chain, 2), "host yes, valid ?, public ?, refused ?");
    assert_string_equal(words_of_chain(chain, 1), "host yes, valid ?, public ?, refused ?");
    struct client_report report = report_of(chain, 2, NULL, 0);
    assert_string_equal(cause_in(&report), "cannot-tell");
}

static void a_root_of_the_same_name_that_did_not_sign_is_no_root(void **state) {
    (void) state;
    struct maker impostor = maker_of("root");
    const struct span chain[] = {world.leaf, world.inter_by_root, authority(&impostor, &impostor)};
    assert_string_equal(words_of_chain(chain, 3), "host yes, valid ?, public ?, refused ?");
    EVP_PKEY_free(impostor.key);
}

static void a_way_that_stays_open_beside_a_private_root_leaves_it_unknown(void **state) {
    (void) state;
    const struct span chain[] = {world.leaf, world.inter_by_root, world.root_itself, authority(&world.inter, &world.other)};
    assert_string_equal(words_of_chain(chain, 4), "host yes, valid yes, public ?, refused ?");
}

static void the_order_of_a_chain_and_which_of_both_it_is_make_no_difference(void **state) {
    (void) state;
    const struct span validated[] = {world.leaf}, served[] = {world.root_itself, world.leaf, world.inter_by_root, world.inter_by_root};
    struct client_report report = report_of(validated, 1, NULL, 0);
    report.served = served;
    report.served_count = 4;
    assert_string_equal(words_in(&report), "host yes, valid yes, public no, refused ?");
    report.validated_count = 0;
    assert_string_equal(words_in(&report), "host no, valid yes, public no, refused ?"); /* the first is the root */
    report.served = served + 1;
    report.served_count = 2;
    assert_string_equal(words_in(&report), "host yes, valid ?, public ?, refused ?");
    report.served_count = 0;
    assert_string_equal(words_in(&report), "nothing");
    assert_string_equal(cause_in(&report), "cannot-tell");
}

static void more_certificates_than_are_looked_at_leave_a_root_unknown(void **state) {
    (void) state;
    struct span chain[14] = {world.leaf, world.inter_by_root, world.root_itself};
    for (size_t count = 3; count < 14; count++)
        chain[count] = authority(&world.other, &world.other);
    assert_string_equal(words_of_chain(chain, 9), "host yes, valid yes, public no, refused ?");
    assert_string_equal(words_of_chain(chain, 10), "host yes, valid yes, public ?, refused ?");
    assert_string_equal(words_of_chain(chain, 14), "host yes, valid yes, public ?, refused ?");
}

/* Of four primes, which are found soon. */
static EVP_PKEY *rsa_key(int bits) {
    EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *key = NULL;
    assert_true(EVP_PKEY_keygen_init(maker) == 1 && EVP_PKEY_CTX_set_rsa_keygen_bits(maker, bits) == 1 && EVP_PKEY_CTX_set_rsa_keygen_primes(maker, 4) == 1);
    assert_int_equal(EVP_PKEY_generate(maker, &key), 1);
    EVP_PKEY_CTX_free(maker);
    return key;
}

/* Whoever sends one would have signatures verified for seconds. */
static void keys_larger_than_those_of_real_authorities_are_not_looked_at(void **state) {
    (void) state;
    struct maker small = {.name = "large root", .key = rsa_key(4096)}, large = {.name = "large root", .key = rsa_key(5120)};
    const struct span by_small[] = {make(&(struct wish){.subject = &world.server, .issuer = &small, .dns = {span_of_text(HOST)}}), authority(&small, &small)};
    const struct span by_large[] = {make(&(struct wish){.subject = &world.server, .issuer = &large, .dns = {span_of_text(HOST)}}), authority(&large, &large)};
    assert_string_equal(words_of_chain(by_small, 2), "host yes, valid yes, public no, refused ?");
    assert_string_equal(words_of_chain(by_large, 2), "host yes, valid ?, public ?, refused ?");
    EVP_PKEY_free(small.key);
    EVP_PKEY_free(large.key);
}

/* ---- for whom it is */

static const char *named(struct span one, struct span two, const char *eku) {
    const struct span chain[] = {make(&(struct wish){.subject = &world.server, .issuer = &world.inter, .common_name = HOST, .dns = {one, two}, .eku = eku})};
    struct client_report report = report_of(chain, 1, NULL, 0);
    struct report_facts facts = facts_in(&report, TRUST_APPLE);
    return word(facts.is_for_host);
}

static void a_host_is_named_exactly_or_by_a_wildcard_for_one_label(void **state) {
    (void) state;
    static const struct {
        const char *one, *two, *answer;
    } cases[] = {
        {HOST, NULL, "yes"},
        {"WWW.Example.COM", NULL, "yes"},
        {"other.example.com", HOST, "yes"},
        {"*.example.com", NULL, "yes"},
        {"example.com", NULL, "no"},
        {"a.www.example.com", NULL, "no"},
        {"*.www.example.com", NULL, "no"},
        {"*.com", NULL, "no"},
        {"*", NULL, "no"},
        {"w*.example.com", NULL, "no"},
        {"www.*.com", NULL, "no"},
        {"*.*.com", NULL, "no"},
        {"www.example.com.evil.test", NULL, "no"},
        {"evil.test", "*.evil.test", "no"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_string_equal(named(span_of_text(cases[i].one), cases[i].two == NULL ? span_of("", 0) : span_of_text(cases[i].two), NULL), cases[i].answer);
}

static const char *named_for(const char *host, const char *name) {
    const struct span chain[] = {make(&(struct wish){.subject = &world.server, .issuer = &world.inter, .dns = {span_of_text(name)}})};
    struct client_report report = report_of(chain, 1, NULL, 0);
    report.host = host;
    struct report_facts facts = facts_in(&report, TRUST_APPLE);
    return word(facts.is_for_host);
}

static void a_wildcard_needs_two_labels_below_it_and_one_in_its_place(void **state) {
    (void) state;
    assert_string_equal(named_for("example.com", "*.com"), "no");
    assert_string_equal(named_for("www.example.com", "*.example.com"), "yes");
    assert_string_equal(named_for("localhost", "*.localhost"), "no");
    assert_string_equal(named_for("localhost", "*.example.com"), "no");
    assert_string_equal(named_for("localhost", "localhost"), "yes");
}

static void a_common_name_does_not_count(void **state) {
    (void) state;
    assert_string_equal(named(span_of("", 0), span_of("", 0), NULL), "no");
}

static void a_name_that_readers_read_differently_proves_nothing(void **state) {
    (void) state;
    static const char with_nul[] = HOST "\0evil.test";
    struct span plain = span_of_text(HOST);
    assert_string_equal(named(span_of(with_nul, sizeof with_nul - 1), span_of("", 0), NULL), "?");
    assert_string_equal(named(span_of_text("https://" HOST "/"), span_of("", 0), NULL), "?");
    assert_string_equal(named(span_of_text("\xff.example.com"), span_of("", 0), NULL), "?");
    assert_string_equal(named(span_of_text("?.example.com"), span_of("", 0), NULL), "?");
    assert_string_equal(named(span_of_text("?.example.com"), plain, NULL), "yes");
    assert_string_equal(named(span_of_text("?.example.org"), span_of("", 0), NULL), "no");
}

static void a_certificate_for_other_purposes_is_for_no_host(void **state) {
    (void) state;
    struct span host = span_of_text(HOST);
    assert_string_equal(named(host, span_of("", 0), "serverAuth"), "yes");
    assert_string_equal(named(host, span_of("", 0), "emailProtection,serverAuth"), "yes");
    assert_string_equal(named(host, span_of("", 0), "anyExtendedKeyUsage"), "yes");
    assert_string_equal(named(host, span_of("", 0), "emailProtection,clientAuth"), "no");
}

/* ---- when it was valid */

static const char *valid_at(const char *date, bool is_local) {
    const struct span chain[] = {world.leaf, world.inter_by_root, world.root_itself};
    struct client_report report = report_of(chain, 3, NULL, 0);
    report.has_date = date != NULL;
    report.date = date == NULL ? 0 : time_of(date);
    report.is_date_local = is_local;
    struct report_facts facts = facts_in(&report, TRUST_APPLE);
    assert_int_equal(facts.is_public, REPORT_NO); /* whatever the client's clock says */
    assert_int_equal(facts.not_before, time_of("2026-01-01T00:00:00Z"));
    return word(facts.is_valid_then);
}

static void a_chain_is_valid_from_its_first_second_to_its_last(void **state) {
    (void) state;
    assert_string_equal(valid_at("2026-01-01T00:00:00Z", false), "yes");
    assert_string_equal(valid_at("2026-04-01T00:00:00Z", false), "yes");
    assert_string_equal(valid_at("2025-12-31T23:59:59Z", false), "no");
    assert_string_equal(valid_at("2026-04-01T00:00:01Z", false), "no");
    assert_string_equal(valid_at("1970-01-01T00:00:00Z", false), "no");
    assert_string_equal(valid_at("9999-12-31T23:59:59Z", false), "no");
    assert_string_equal(valid_at(NULL, false), "?");
}

static void a_time_without_a_zone_leaves_the_first_and_last_hours_open(void **state) {
    (void) state;
    assert_string_equal(valid_at("2026-01-01T14:00:00Z", true), "yes");
    assert_string_equal(valid_at("2026-01-01T13:59:59Z", true), "?");
    assert_string_equal(valid_at("2025-12-31T12:00:00Z", true), "?");
    assert_string_equal(valid_at("2025-12-31T11:59:59Z", true), "no");
    assert_string_equal(valid_at("2026-03-31T12:00:00Z", true), "yes");
    assert_string_equal(valid_at("2026-03-31T12:00:01Z", true), "?");
    assert_string_equal(valid_at("2026-04-01T14:00:01Z", true), "no");
}

static void an_authority_that_had_ended_leads_nowhere_then(void **state) {
    (void) state;
    const struct span chain[] = {world.leaf, make(&(struct wish){.subject = &world.inter, .issuer = &world.root, .is_ca = true, .until = "2026-01-20T00:00:00Z"}), world.root_itself};
    assert_string_equal(words_of_chain(chain, 3), "host yes, valid ?, public no, refused ?");
    struct client_report report = report_of(chain, 3, NULL, 0);
    report.date = time_of("2026-01-20T00:00:00Z");
    assert_string_equal(words_in(&report), "host yes, valid yes, public no, refused ?");
}

/* ---- what the client's pins make of it */

static const char *refused(const struct span *chain, size_t count, struct span pinned) {
    struct pin pin = pin_of(pinned);
    struct client_report report = report_of(chain, count, &pin, 1);
    struct report_facts facts = facts_in(&report, TRUST_APPLE);
    return word(facts.is_refused_by_pins);
}

static void pins_are_held_against_the_keys_of_the_path(void **state) {
    (void) state;
    const struct span chain[] = {world.leaf, world.inter_by_root, world.root_itself, world.other_itself};
    assert_string_equal(refused(chain, 3, world.leaf), "no");
    assert_string_equal(refused(chain, 3, world.inter_by_root), "no");
    assert_string_equal(refused(chain, 3, world.root_itself), "no");
    assert_string_equal(refused(chain, 3, world.other_itself), "yes");
    /* a pinned key that only lies beside the path satisfies nobody, whoever put it there */
    assert_string_equal(refused(chain, 4, world.other_itself), "yes");
    /* what may stand above an incomplete chain */
    assert_string_equal(refused(chain, 2, world.other_itself), "?");
    assert_string_equal(refused(chain, 2, world.inter_by_root), "no");
}

static void pins_that_hold_on_some_paths_only_leave_it_open(void **state) {
    (void) state;
    const struct span chain[] = {world.leaf, world.inter_by_root, world.root_itself, authority(&world.inter, &world.other), world.other_itself};
    assert_string_equal(refused(chain, 5, world.other_itself), "?");
    assert_string_equal(refused(chain, 5, world.inter_by_root), "no");
}

/* ---- what logs promised */

static const uint8_t promise[] = {0x04, 0x35, 0x00, 0x33, 0x00, 0x31, 0x00, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27,
                                  28, 29, 30, 31, 32, 0, 0, 1, 0x9b, 0, 0, 0, 0, 0x00, 0x00, 0x04, 0x03, 0x00, 0x02, 0x30, 0x00};

static void a_promise_of_an_unknown_log_is_counted_and_not_believed(void **state) {
    (void) state;
    const struct span chain[] = {make(&(struct wish){.subject = &world.server, .issuer = &world.inter, .dns = {span_of_text(HOST)}, .scts = promise, .scts_size = sizeof promise}),
                                 world.inter_by_root, world.root_itself};
    struct client_report report = report_of(chain, 3, NULL, 0);
    struct report_facts facts = facts_in(&report, TRUST_APPLE);
    assert_true(facts.has_tbs && facts.has_issuer);
    assert_int_equal(facts.scts, 1);
    assert_int_equal(facts.scts_verified, 0);
    report.validated_count = 1; /* without the issuer */
    facts = facts_in(&report, TRUST_APPLE);
    assert_false(facts.has_issuer);
    assert_int_equal(facts.scts, 1);
}

static void a_list_of_promises_that_cannot_be_read_holds_none(void **state) {
    (void) state;
    for (size_t cut = 1; cut < sizeof promise; cut++) {
        const struct span chain[] = {make(&(struct wish){.subject = &world.server, .issuer = &world.inter, .dns = {span_of_text(HOST)}, .scts = promise, .scts_size = sizeof promise - cut})};
        struct client_report report = report_of(chain, 1, NULL, 0);
        struct report_facts facts = facts_in(&report, TRUST_APPLE);
        assert_int_equal(facts.scts, 0);
        assert_int_equal(facts.scts_verified, 0);
    }
}

/* ---- the real ones */

/* The first name that is no wildcard. */
static const char *host_of(const struct certificate *certificate) {
    struct cursor san = cursor_of(certificate->san);
    struct span names;
    struct der_element name;
    assert_ptr_equal(der_take(&san, DER_SEQUENCE, &names), OK);
    struct cursor list = cursor_of(names);
    while (!cursor_at_end(&list) && der_read(&list, &name) == OK)
        if (name.tag == DER_CONTEXT(2) && memchr(name.content.bytes, '*', name.content.size) == NULL)
            return arena_copy_span_as_text(arena, name.content);
    return NULL;
}

static void check_logged(const struct leaf *leaf, unsigned *verified) {
    struct span chain[CLIENT_REPORT_CHAIN_MAX] = {leaf->certificate};
    size_t count = 1;
    struct cursor rest = cursor_of(leaf->chain);
    struct certificate certificate;
    struct report_cause_found found;
    while (count < CLIENT_REPORT_CHAIN_MAX && leaf_chain_next(&rest, &chain[count]))
        count++;
    assert_ptr_equal(certificate_parse(leaf->certificate, &certificate), OK);
    struct pin pin = pin_of(world.leaf), issuer = pin_of(chain[1]);
    struct client_report report = report_of(chain, count, &pin, 1);
    report.host = host_of(&certificate);
    if (report.host == NULL)
        return;
    report.date = certificate.not_before + 24 * HOUR;
    struct report_facts facts = facts_in(&report, TRUST_MOZILLA);
    if (facts.is_public != REPORT_YES)
        return;
    assert_string_equal(words_of_facts(&facts), "host yes, valid yes, public yes, refused yes");
    assert_true(facts.has_issuer && facts.scts >= 2 && facts.scts_verified == facts.scts);
    report_cause_find(&report, &facts, &(struct report_seen){.is_life_covered = true}, &found);
    assert_int_equal(found.cause, REPORT_STALE_PIN);
    report.pins = &issuer;
    facts = facts_in(&report, TRUST_MOZILLA);
    assert_string_equal(words_of_facts(&facts), "host yes, valid yes, public yes, refused no");
    report_cause_find(&report, &facts, &(struct report_seen){.is_life_covered = true}, &found);
    assert_int_equal(found.cause, REPORT_CANNOT_TELL);
    report.date = certificate.not_after + 1;
    facts = facts_in(&report, TRUST_MOZILLA);
    assert_string_equal(words_of_facts(&facts), "host yes, valid no, public yes, refused no");
    (*verified)++;
}

static void certificates_of_live_logs_are_public_and_promised(void **state) {
    (void) state;
    struct buffer text = corpus_read("a-ct/rfc6962/live_ct.json");
    json_t *entries = json_loadb((const char *) text.bytes, text.size, 0, NULL);
    unsigned verified = 0;
    for (size_t i = 0; i < json_array_size(entries); i++) {
        const json_t *entry = json_array_get(entries, i);
        struct buffer leaf_input = base64_bytes(json_string_value(json_object_get(entry, "leaf_input")));
        struct buffer extra_data = base64_bytes(json_string_value(json_object_get(entry, "extra_data")));
        struct leaf leaf;
        assert_ptr_equal(leaf_parse(buffer_span(&leaf_input), &leaf), OK);
        assert_ptr_equal(leaf_add_extra_data(buffer_span(&extra_data), &leaf), OK);
        if (leaf.kind == ENTRY_CERTIFICATE)
            check_logged(&leaf, &verified);
        buffer_done(&leaf_input);
        buffer_done(&extra_data);
    }
    print_message("%u chains\n", verified);
    assert_true(verified >= 5);
    json_decref(entries);
    buffer_done(&text);
}

static void a_root_that_a_platform_gave_up_is_not_a_private_one(void **state) {
    (void) state;
    struct buffer text = corpus_read("d-pins/trustkit/sample_report.json");
    struct client_report report;
    struct reason reason = {""};
    assert_ptr_equal(client_report_read(buffer_span(&text), arena, &report, &reason), OK);
    assert_int_equal(report_store_of(&report), TRUST_ANDROID);
    struct report_facts facts = facts_in(&report, TRUST_ANDROID);
    assert_string_equal(words_of_facts(&facts), "host yes, valid yes, public ?, refused yes");
    assert_string_equal(cause_in(&report), "cannot-tell");
    facts = facts_in(&report, TRUST_JAVA); /* whose list is older */
    assert_string_equal(words_of_facts(&facts), "host yes, valid yes, public yes, refused yes");
    buffer_done(&text);
}

/* ---- vectors, with which the fuzzer begins */

static void judge(struct span input, char *ret_line, size_t size) {
    struct buffer text = buffer_with_limit(size - 1);
    struct client_report report;
    struct report_facts facts;
    if (client_report_of_case(input, arena, &report)) {
        assert_ptr_equal(report_facts_find(&report, TRUST_APPLE, arena, &facts), OK);
        report_facts_words(&facts, &text);
    } else {
        buffer_add_text(&text, "no case");
    }
    snprintf(ret_line, size, "%s", buffer_text(&text));
    buffer_done(&text);
    arena_reset(arena);
}

static void certificates_prove_what_they_prove(void **state) {
    (void) state;
    vector_texts_check("report-facts", judge);
}

#define WORLD_TEST(test) cmocka_unit_test_setup_teardown(test, setup_world, teardown_world)

int main(void) {
    const struct CMUnitTest tests[] = {
        WORLD_TEST(a_chain_to_a_root_of_nobodys_is_private),
        WORLD_TEST(a_certificate_that_signs_itself_is_its_own_private_root),
        WORLD_TEST(an_incomplete_chain_is_not_known_to_be_private),
        WORLD_TEST(a_root_of_the_same_name_that_did_not_sign_is_no_root),
        WORLD_TEST(a_way_that_stays_open_beside_a_private_root_leaves_it_unknown),
        WORLD_TEST(the_order_of_a_chain_and_which_of_both_it_is_make_no_difference),
        WORLD_TEST(more_certificates_than_are_looked_at_leave_a_root_unknown),
        WORLD_TEST(keys_larger_than_those_of_real_authorities_are_not_looked_at),
        WORLD_TEST(a_host_is_named_exactly_or_by_a_wildcard_for_one_label),
        WORLD_TEST(a_wildcard_needs_two_labels_below_it_and_one_in_its_place),
        WORLD_TEST(a_common_name_does_not_count),
        WORLD_TEST(a_name_that_readers_read_differently_proves_nothing),
        WORLD_TEST(a_certificate_for_other_purposes_is_for_no_host),
        WORLD_TEST(a_chain_is_valid_from_its_first_second_to_its_last),
        WORLD_TEST(a_time_without_a_zone_leaves_the_first_and_last_hours_open),
        WORLD_TEST(an_authority_that_had_ended_leads_nowhere_then),
        WORLD_TEST(pins_are_held_against_the_keys_of_the_path),
        WORLD_TEST(pins_that_hold_on_some_paths_only_leave_it_open),
        WORLD_TEST(a_promise_of_an_unknown_log_is_counted_and_not_believed),
        WORLD_TEST(a_list_of_promises_that_cannot_be_read_holds_none),
        WORLD_TEST(certificates_of_live_logs_are_public_and_promised),
        PATHS_TEST(certificates_prove_what_they_prove),
        PATHS_TEST(a_root_that_a_platform_gave_up_is_not_a_private_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
