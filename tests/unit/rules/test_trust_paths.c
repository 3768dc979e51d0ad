/* Paths up to the roots of platforms: through the shipped tables, and through authorities that a test makes up. */
#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "rules/ca_table.h"
#include "trust_case.h"

#define KEY_X1 "0b9fa5a59eed715c26c1020c711b4f6ec42d58b0015e14337a39dad301c5afc3"
#define KEY_X2 "762195c225586ee6c0237456e2107dc54f1efc21f61a792ebd515913cce68332"
#define KEY_R3 "8d02536c887482bc34ff54e41d2ba659bf85b341a0a20afadb5813dcfbcf286d"
#define KEY_E7 "cbbc559b44d524d6a132bdac672744da3407f12aae5d5f722c5f6c7913871c75"
#define KEY_BALTIMORE "63d9af9b47b1064d49a10e7b7fd566dbc8caa399459bfc2829c571ad8c6ef34a"
#define KEY_DST_X3 "563b3caf8cfef34c2335caf560a7a95906e8488462eb75ac59784830df9e5b2b"

static const char *paths_under(const char *issuer, enum trust_store store, const char *now) {
    struct hash key = hash_of(issuer);
    struct trust_paths paths = find(&(struct trust_question){.leaf_spki = span_of_text("key"), .issuer_spki_sha256 = &key, .store = store, .now = time_of(now)});
    return words_of(&paths);
}

/* ---- the tables */

static void the_tables_are_of_one_making(void **state) {
    (void) state;
    struct hash x1 = hash_of(KEY_X1);
    size_t first = 0, count = ca_edges_of(&x1, &first), self_signed = 0;
    assert_int_equal(count, 2);
    for (size_t i = 0; i < count; i++) {
        struct ca_edge edge, same;
        char hex[HASH_HEX_SIZE];
        ca_edge_at(first + i, &edge);
        hash_to_hex(&edge.certificate_sha256, hex);
        assert_string_equal(hex, edge.is_self_signed ? "96bcec06264976f37460779acf28c5a7cfe8a3c0aae11a8ffcee05c0bddf08c6"
                                                     : "6d99fb265eb1c5b3744765fcbc648f3cd8e1bffafdc4c2f99b9d47cf7ff1c24f");
        assert_true(ca_edge_of_certificate(&edge.certificate_sha256, &same));
        assert_true(hash_equal(&same.spki_sha256, &x1));
        edge.certificate_sha256.bytes[31] ^= 1;
        assert_false(ca_edge_of_certificate(&edge.certificate_sha256, &same));
        self_signed += edge.is_self_signed;
        assert_true(edge.is_self_signed || hash_equal(&edge.issuer_spki_sha256, &(struct hash[]){hash_of(KEY_DST_X3)}[0]));
    }
    assert_int_equal(self_signed, 1);
}

static void each_certificate_has_its_own_key_and_each_key_is_found(void **state) {
    (void) state;
    size_t certificates = 0;
    for (size_t place = 0; place < ca_table_key_count(); place++) {
        struct hash key;
        size_t first = 0;
        ca_table_key_at(place, &key);
        assert_int_equal(ca_table_key_place(&key), place);
        size_t count = ca_edges_of(&key, &first);
        for (size_t i = 0; i < count; i++) {
            struct ca_edge edge;
            ca_edge_at(first + i, &edge);
            assert_true(hash_equal(&edge.spki_sha256, &key));
            assert_true(edge.not_before < edge.not_after);
        }
        certificates += count;
    }
    assert_int_equal(certificates, ca_table_certificate_count());
    assert_true(certificates > 10000);
}

static void keys_have_names(void **state) {
    (void) state;
    static const struct {
        const char *key, *name;
    } cases[] = {{KEY_X1, "ISRG Root X1"}, {KEY_X2, "ISRG Root X2"}, {KEY_R3, "R3"}, {KEY_DST_X3, "DST Root CA X3"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hash key = hash_of(cases[i].key);
        assert_string_equal(ca_key_name(&key), cases[i].name);
    }
    assert_null(ca_key_name(&(struct hash){{1}}));
}

/* Every CA's key that the real apps in the corpora pin; the others are of leaves and backups. */
static void the_ca_pins_of_real_apps_are_recognised(void **state) {
    (void) state;
    static const struct {
        const char *pin, *name, *owner;
    } cases[] = {
        {"++MBgDH5WGvL9Bcn5Be30cRcL0f5O+NyoXuWtQdX1aI=", "Amazon Root CA 1", "Amazon Trust Services"},
        {"cGuxAXyFXFkWm61cF4HPWX8S0srS9j0aSqN0k4AP+4A=", "GlobalSign Root CA - R3", "GlobalSign"},
        {"C5+lpZ7tcVwmwQIMcRtPbsQtWLABXhQzejna0wHFr8M=", "ISRG Root X1", "Let's Encrypt"},
        {"diGVwiVYbubAI3RW4hB9xU8e/CH2GnkuvVFZE8zmgzI=", "ISRG Root X2", "Let's Encrypt"},
        {"fk6IOKit1ild5647BH06ujSIq5XbCgqlbYl6ANhhi88=", "Root YR", "Let's Encrypt"},
        {"sCkq5UWXjg+7mKu9lMhhYF5bGLsy7VI/UNW3tccdR7w=", "Root YE", "Let's Encrypt"},
        {"YLh1dUR9y6Kja30RrAn7JKnbQG/uEtLMkBgFF2Fuihg=", "Let's Encrypt Authority X3", "Let's Encrypt"},
        {"KM3iZPSceB+hgYuNI+cSg4LRgTiUxCeGjrfXRQAY6Rs=", "QuoVadis Global SSL ICA G3", "QuoVadis"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hash key;
        struct ca_row row;
        assert_ptr_equal(hash_from_base64(span_of_text(cases[i].pin), &key), OK);
        assert_non_null(ca_key_name(&key));
        assert_string_equal(ca_key_name(&key), cases[i].name);
        assert_true(ca_table_find(&key, NULL, &row));
        assert_string_equal(row.owner->name, cases[i].owner);
    }
}

static void stores_have_names_dates_and_roots(void **state) {
    (void) state;
    static const char *const names[] = {"apple", "android", "mozilla", "microsoft", "java"};
    struct hash x1 = hash_of(KEY_X1), r3 = hash_of(KEY_R3), nobody = {{0}};
    for (unsigned i = 0; i < trust_store_count; i++) {
        enum trust_store store = (enum trust_store) i;
        assert_string_equal(trust_store_name(store), names[i]);
        assert_int_equal(strlen(trust_store_date(store)), 10);
        assert_true(trust_store_size(store) >= 80);
        assert_true(trust_store_has(store, &x1));
        assert_false(trust_store_has(store, &r3));
        assert_false(trust_store_has(store, &nobody));
    }
    assert_int_equal(trust_store_size(TRUST_APPLE), 140); /* of 156: its own 16 roots are not disclosed to CCADB */
    assert_int_equal(trust_store_size(TRUST_ANDROID), 145);
    assert_non_null(strstr(trust_store_version(TRUST_APPLE), "iOS 26"));
    assert_int_equal(trust_store_of(PIN_FORMAT_OKHTTP), TRUST_ANDROID);
    assert_int_equal(trust_store_of(PIN_FORMAT_TRUSTKIT_IOS), TRUST_APPLE);
    assert_int_equal(trust_store_of(PIN_FORMAT_TLSA), TRUST_MOZILLA);
}

/* ---- the shipped edges */

static void a_cross_signed_root_is_reached_on_each_way(void **state) {
    (void) state;
    assert_string_equal(paths_under(KEY_E7, TRUST_ANDROID, "2026-11-21T00:00:00Z"),
                        "leaf < E7 < ISRG Root X2; leaf < E7 < ISRG Root X2 < ISRG Root X1; leaf < E7 < ISRG Root X1");
}

static void a_certificate_that_has_expired_leads_nowhere(void **state) {
    (void) state;
    /* DST Root CA X3, which cross-signed R3 and X1, is in none of the lists any more */
    assert_string_equal(paths_under(KEY_R3, TRUST_MOZILLA, "2021-06-01T00:00:00Z"), "leaf < R3 < ISRG Root X1");
    assert_string_equal(paths_under(KEY_DST_X3, TRUST_MOZILLA, "2021-06-01T00:00:00Z"), "leaf < DST Root CA X3 !");
    assert_string_equal(paths_under(KEY_DST_X3, TRUST_MOZILLA, "2022-06-01T00:00:00Z"), "leaf …");
    assert_string_equal(paths_under(KEY_R3, TRUST_MOZILLA, "2026-06-01T00:00:00Z"), "leaf …");
    /* Baltimore CyberTrust Root ended on 2025-05-12: some clients refuse an anchor that has, some take it as it is */
    assert_string_equal(paths_under(KEY_BALTIMORE, TRUST_MICROSOFT, "2025-05-01T00:00:00Z"), "leaf < Baltimore CyberTrust Root");
    assert_string_equal(paths_under(KEY_BALTIMORE, TRUST_MICROSOFT, "2026-05-01T00:00:00Z"), "leaf …");
    assert_string_equal(paths_under(KEY_BALTIMORE, TRUST_JAVA, "2026-05-01T00:00:00Z"), "leaf < Baltimore CyberTrust Root");
}

static void no_key_of_the_table_has_more_ways_than_there_is_room_for(void **state) {
    (void) state;
    size_t most = 0;
    for (size_t place = 0; place < ca_table_key_count(); place++) {
        struct hash key;
        ca_table_key_at(place, &key);
        struct trust_paths paths = find(&(struct trust_question){.leaf_spki = span_of_text("key"), .issuer_spki_sha256 = &key,
                                                                 .store = place % 2 == 0 ? TRUST_APPLE : TRUST_MICROSOFT, .now = time_of("2020-06-01T00:00:00Z")});
        assert_true(paths.is_whole || paths.count == 1);
        most = paths.count > most ? paths.count : most;
        arena_reset(arena);
    }
    print_message("%zu paths at most\n", most);
    assert_in_range(most, 5, TRUST_PATHS_MAX / 2);
}

static void a_root_that_only_logs_accept_is_the_end_of_its_path(void **state) {
    (void) state;
    size_t roots = 0, first;
    for (size_t place = 0; place < ca_table_key_count(); place++) {
        struct hash key;
        ca_table_key_at(place, &key);
        if (!ca_edges_is_root_elsewhere(&key))
            continue;
        assert_int_equal(ca_edges_of(&key, &first), 0);
        struct trust_paths paths = find(&(struct trust_question){.leaf_spki = span_of_text("key"), .issuer_spki_sha256 = &key, .store = TRUST_MICROSOFT});
        assert_int_equal(paths.count, 1);
        assert_true(paths.paths[0].is_foreign && paths.paths[0].count == 2);
        roots++;
    }
    assert_in_range(roots, 10, 20);
}

static void an_unknown_issuer_is_the_end_of_what_is_known(void **state) {
    (void) state;
    struct hash key = {{1, 2, 3}};
    struct trust_paths paths = find(&(struct trust_question){.leaf_spki = span_of_text("key"), .issuer_spki_sha256 = &key, .store = TRUST_APPLE});
    assert_string_equal(words_of(&paths), "leaf < ? …");
    assert_false(paths.paths[0].links[1].has_certificate_sha256);
    paths = find(&(struct trust_question){.leaf_spki = span_of_text("key"), .store = TRUST_APPLE});
    assert_string_equal(words_of(&paths), "leaf …");
}

static void of_several_certificates_of_one_way_none_is_said_to_be_used(void **state) {
    (void) state;
    struct hash key = hash_of(KEY_X2); /* two certificates by X1, valid on that day */
    struct trust_paths paths = find(&(struct trust_question){.leaf_spki = span_of_text("key"), .issuer_spki_sha256 = &key, .store = TRUST_ANDROID,
                                                             .now = time_of("2026-11-21T00:00:00Z")});
    assert_string_equal(words_of(&paths), "leaf < ISRG Root X2; leaf < ISRG Root X2 < ISRG Root X1");
    assert_true(paths.paths[0].links[1].has_certificate_sha256);
    assert_false(paths.paths[1].links[1].has_certificate_sha256);
    assert_true(paths.paths[1].links[2].has_certificate_sha256);
    assert_false(paths.paths[0].links[1].is_given);
    assert_true(paths.paths[0].links[0].is_given);
}

/* ---- made-up authorities */

struct maker {
    const char *name;
    EVP_PKEY *key;
};

static struct maker maker_of(const char *name) {
    return (struct maker){.name = name, .key = EVP_EC_gen("P-256")};
}

static void set_name(X509_NAME *name, const char *text) {
    assert_int_equal(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *) text, -1, -1, 0), 1);
}

/* Valid from 1000 to `until`. */
static struct span signed_until(const struct maker *subject, const struct maker *issuer, bool is_ca, int64_t until) {
    static long serial = 1;
    X509 *x509 = X509_new();
    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), serial++);
    set_name(X509_get_subject_name(x509), subject->name);
    set_name(X509_get_issuer_name(x509), issuer->name);
    ASN1_TIME_set(X509_getm_notBefore(x509), 1000);
    ASN1_TIME_set(X509_getm_notAfter(x509), (time_t) until);
    X509_set_pubkey(x509, subject->key);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints, is_ca ? "critical,CA:TRUE" : "CA:FALSE");
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
    assert_true(X509_sign(x509, issuer->key, EVP_sha256()) > 0);
    unsigned char *bytes = NULL;
    int size = i2d_X509(x509, &bytes);
    struct span copy = span_of(arena_copy(arena, span_of(bytes, (size_t) size)), (size_t) size);
    OPENSSL_free(bytes);
    X509_free(x509);
    return copy;
}

static struct span signed_by(const struct maker *subject, const struct maker *issuer) {
    return signed_until(subject, issuer, true, 1000000);
}

static struct trust_paths paths_of(struct span leaf, const struct span *others, size_t count) {
    return find(&(struct trust_question){.leaf = leaf, .others = others, .other_count = count, .store = TRUST_APPLE, .now = 5000});
}

static void made_up_cross_signs_are_found_by_their_signatures(void **state) {
    (void) state;
    struct maker leaf = maker_of("leaf"), inter = maker_of("inter"), one = maker_of("one"), two = maker_of("two");
    struct span end = signed_until(&leaf, &inter, false, 1000000);
    const struct span others[] = {signed_by(&two, &two), signed_by(&inter, &one), signed_by(&one, &two), signed_by(&inter, &two), signed_by(&one, &one)};
    struct trust_paths paths = paths_of(end, others, 5);
    assert_string_equal(words_of(&paths), "leaf < ? < ? < ? !; leaf < ? < ? !; leaf < ? < ? !");
    assert_true(paths.is_whole);
    EVP_PKEY_free(leaf.key), EVP_PKEY_free(inter.key), EVP_PKEY_free(one.key), EVP_PKEY_free(two.key);
}

static void a_certificate_of_the_same_name_that_did_not_sign_is_no_issuer(void **state) {
    (void) state;
    struct maker leaf = maker_of("leaf"), good = maker_of("CA"), bad = maker_of("CA");
    struct span end = signed_until(&leaf, &good, false, 1000000), other = signed_by(&bad, &bad);
    struct trust_paths paths = paths_of(end, &other, 1);
    assert_string_equal(words_of(&paths), "leaf …");
    EVP_PKEY_free(leaf.key), EVP_PKEY_free(good.key), EVP_PKEY_free(bad.key);
}

static void clients_find_an_issuer_by_its_name_as_well(void **state) {
    (void) state;
    struct maker leaf = maker_of("leaf"), issuer = maker_of("CA"), renamed = {.name = "CA 2", .key = issuer.key};
    struct span end = signed_until(&leaf, &issuer, false, 1000000);
    const struct span others[] = {signed_by(&renamed, &renamed), signed_by(&issuer, &issuer)};
    struct trust_paths paths = paths_of(end, others, 1);
    assert_string_equal(words_of(&paths), "leaf …");
    paths = paths_of(end, others, 2);
    assert_string_equal(words_of(&paths), "leaf < ? !");
    EVP_PKEY_free(leaf.key), EVP_PKEY_free(issuer.key);
}

static void a_leaf_signs_nothing(void **state) {
    (void) state;
    struct maker leaf = maker_of("leaf"), middle = maker_of("middle"), root = maker_of("root");
    struct span end = signed_until(&leaf, &middle, false, 1000000);
    const struct span others[] = {signed_until(&middle, &root, false, 1000000), signed_by(&root, &root)};
    struct trust_paths paths = paths_of(end, others, 2);
    assert_string_equal(words_of(&paths), "leaf …");
    EVP_PKEY_free(leaf.key), EVP_PKEY_free(middle.key), EVP_PKEY_free(root.key);
}

static void a_given_authority_that_is_not_valid_leads_nowhere(void **state) {
    (void) state;
    struct maker leaf = maker_of("leaf"), inter = maker_of("inter"), root = maker_of("root");
    struct span end = signed_until(&leaf, &inter, false, 2000); /* the leaf's own validity is not asked */
    const struct span others[] = {signed_until(&inter, &root, true, 4999), signed_by(&root, &root)};
    struct trust_paths paths = paths_of(end, others, 2);
    assert_string_equal(words_of(&paths), "leaf …");
    assert_false(paths.is_whole);
    const struct span valid[] = {signed_until(&inter, &root, true, 5000), others[1]};
    paths = paths_of(end, valid, 2);
    assert_string_equal(words_of(&paths), "leaf < ? < ? !");
    EVP_PKEY_free(leaf.key), EVP_PKEY_free(inter.key), EVP_PKEY_free(root.key);
}

static void circles_are_cut_and_lead_nowhere(void **state) {
    (void) state;
    struct maker leaf = maker_of("leaf"), one = maker_of("one"), two = maker_of("two"), root = maker_of("root");
    struct span end = signed_until(&leaf, &one, false, 1000000);
    const struct span others[] = {signed_by(&one, &two), signed_by(&two, &one), signed_by(&two, &root)};
    struct trust_paths paths = paths_of(end, others, 2);
    assert_string_equal(words_of(&paths), "leaf …");
    assert_false(paths.is_whole);
    paths = paths_of(end, others, 3);
    assert_string_equal(words_of(&paths), "leaf < ? < ? …");
    EVP_PKEY_free(leaf.key), EVP_PKEY_free(one.key), EVP_PKEY_free(two.key), EVP_PKEY_free(root.key);
}

static void a_self_signed_leaf_is_its_own_root(void **state) {
    (void) state;
    struct maker leaf = maker_of("leaf");
    struct trust_paths paths = paths_of(signed_until(&leaf, &leaf, false, 1000000), NULL, 0);
    assert_string_equal(words_of(&paths), "leaf !");
    EVP_PKEY_free(leaf.key);
}

/* Three steps, each through any of three. */
static void each_way_through_a_grid_is_found(void **state) {
    (void) state;
    struct maker leaf = maker_of("leaf"), steps[9], root = maker_of("root");
    struct span others[TRUST_OTHERS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < 9; i++)
        steps[i] = maker_of("CA");
    for (size_t i = 0; i < 9; i++)
        others[count++] = i < 3 ? signed_by(&steps[i], &root) : signed_by(&steps[i], &steps[(i / 3 - 1) * 3]);
    for (size_t i = 3; i < 9; i++)
        for (size_t k = 1; k < 3; k++)
            others[count++] = signed_by(&steps[i], &steps[(i / 3 - 1) * 3 + k]);
    others[count++] = signed_by(&root, &root);
    struct trust_paths paths = paths_of(signed_until(&leaf, &steps[6], false, 1000000), others, count);
    assert_int_equal(paths.count, 9);
    for (size_t i = 0; i < paths.count; i++)
        assert_true(paths.paths[i].is_foreign && paths.paths[i].count == 5);
    for (size_t i = 0; i < 9; i++)
        EVP_PKEY_free(steps[i].key);
    EVP_PKEY_free(leaf.key), EVP_PKEY_free(root.key);
}

/* Any of six signed any other. What there is no room for is said by the leaf alone. */
static void too_many_ways_are_cut_to_what_all_have(void **state) {
    (void) state;
    struct maker leaf = maker_of("leaf"), far = maker_of("far"), any[6];
    struct span others[TRUST_OTHERS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < 6; i++)
        any[i] = maker_of("CA");
    for (size_t i = 0; i < 6; i++)
        for (size_t k = 0; k < 6 && count < TRUST_OTHERS_MAX; k++)
            if (i != k)
                others[count++] = signed_by(&any[i], &any[k]);
    others[count - 1] = signed_by(&any[5], &far);
    others[count - 2] = signed_by(&any[4], &far);
    others[count - 3] = signed_by(&any[3], &far);
    struct trust_paths paths = paths_of(signed_until(&leaf, &any[0], false, 1000000), others, count);
    assert_int_equal(paths.count, TRUST_PATHS_MAX);
    assert_false(paths.is_whole);
    assert_int_equal(paths.paths[TRUST_PATHS_MAX - 1].count, 1);
    assert_false(paths.paths[TRUST_PATHS_MAX - 1].is_complete || paths.paths[TRUST_PATHS_MAX - 1].is_foreign);
    for (size_t i = 0; i < 6; i++)
        EVP_PKEY_free(any[i].key);
    EVP_PKEY_free(leaf.key), EVP_PKEY_free(far.key);
}

static void what_cannot_be_read_is_refused_as_a_leaf_and_passed_over_beside_it(void **state) {
    (void) state;
    struct maker leaf = maker_of("leaf"), root = maker_of("root");
    struct span end = signed_until(&leaf, &root, false, 1000000);
    const struct span others[] = {span_of_text("no certificate"), signed_by(&root, &root), end, span_of("", 0)};
    struct trust_paths paths = paths_of(end, others, 4);
    assert_string_equal(words_of(&paths), "leaf < ? !");
    assert_true(paths.is_whole);
    struct span many[TRUST_OTHERS_MAX + 1] = {others[1]}; /* nobody looks at the last */
    paths = paths_of(end, many, TRUST_OTHERS_MAX + 1);
    assert_string_equal(words_of(&paths), "leaf < ? !; leaf …");
    assert_false(paths.is_whole);
    assert_ptr_not_equal(trust_paths_find(&(struct trust_question){.leaf = others[0]}, arena, &paths), OK);
    EVP_PKEY_free(leaf.key), EVP_PKEY_free(root.key);
}

static void no_memory_is_said(void **state) {
    (void) state;
    struct hash key = hash_of(KEY_E7);
    const struct trust_question question = {.leaf_spki = span_of_text("key"), .issuer_spki_sha256 = &key, .store = TRUST_ANDROID, .now = time_of("2026-11-21T00:00:00Z")};
    for (size_t limit = 100; limit < 100000; limit += 997) {
        struct arena *small = arena_new(limit);
        struct trust_paths paths;
        result outcome = trust_paths_find(&question, small, &paths);
        assert_true(outcome == OK ? paths.count == 3 : outcome == &fault_no_memory);
        arena_free(small);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        PATHS_TEST(the_tables_are_of_one_making),
        PATHS_TEST(each_certificate_has_its_own_key_and_each_key_is_found),
        PATHS_TEST(keys_have_names),
        PATHS_TEST(the_ca_pins_of_real_apps_are_recognised),
        PATHS_TEST(stores_have_names_dates_and_roots),
        PATHS_TEST(a_cross_signed_root_is_reached_on_each_way),
        PATHS_TEST(a_certificate_that_has_expired_leads_nowhere),
        PATHS_TEST(no_key_of_the_table_has_more_ways_than_there_is_room_for),
        PATHS_TEST(a_root_that_only_logs_accept_is_the_end_of_its_path),
        PATHS_TEST(an_unknown_issuer_is_the_end_of_what_is_known),
        PATHS_TEST(of_several_certificates_of_one_way_none_is_said_to_be_used),
        PATHS_TEST(made_up_cross_signs_are_found_by_their_signatures),
        PATHS_TEST(a_certificate_of_the_same_name_that_did_not_sign_is_no_issuer),
        PATHS_TEST(clients_find_an_issuer_by_its_name_as_well),
        PATHS_TEST(a_leaf_signs_nothing),
        PATHS_TEST(a_given_authority_that_is_not_valid_leads_nowhere),
        PATHS_TEST(circles_are_cut_and_lead_nowhere),
        PATHS_TEST(a_self_signed_leaf_is_its_own_root),
        PATHS_TEST(each_way_through_a_grid_is_found),
        PATHS_TEST(too_many_ways_are_cut_to_what_all_have),
        PATHS_TEST(what_cannot_be_read_is_refused_as_a_leaf_and_passed_over_beside_it),
        PATHS_TEST(no_memory_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
