/* The shipped table of CA keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/text.h"
#include "rules/ca_table.h"

static struct hash hash_of(const char *hex) {
    struct hash hash;
    assert_ptr_equal(hash_from_hex(span_of_text(hex), &hash), OK);
    return hash;
}

static void known_keys_have_the_right_owner(void **state) {
    (void) state;
    static const struct {
        const char *spki, *owner;
        enum ca_kind kind;
    } cases[] = {
        /* SHA-256 of the SubjectPublicKeyInfo of well-known CAs */
        {"0b9fa5a59eed715c26c1020c711b4f6ec42d58b0015e14337a39dad301c5afc3", "Let's Encrypt", CA_ROOT}, /* ISRG Root X1 */
        {"8d02536c887482bc34ff54e41d2ba659bf85b341a0a20afadb5813dcfbcf286d", "Let's Encrypt", CA_INTERMEDIATE}, /* R3, cross-signed by IdenTrust */
        {"1c3c8c6c7d1f2d8b2a46d8e6d1f6d5c3bf1c6b6e0b7f3d6c0f5b6e3f8d2a1c00", NULL, CA_ROOT},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct hash spki = hash_of(cases[i].spki);
        struct ca_row row;
        assert_int_equal(ca_table_find(&spki, NULL, &row), cases[i].owner != NULL);
        if (cases[i].owner == NULL)
            continue;
        assert_string_equal(row.owner->name, cases[i].owner);
        assert_int_equal(row.kind, cases[i].kind);
        assert_true(hash_equal(&row.spki_sha256, &spki));
    }
}

static void rows_known_at_run_time_win_over_shipped_ones(void **state) {
    (void) state;
    static const char *const domains[] = {"drill.invalid", NULL};
    const struct ca_owner owner = {.name = CA_OWNER_DRILL, .caa_domains = domains, .problem_report = ""};
    struct ca_row rows[] = {{.spki_sha256 = hash_of("0b9fa5a59eed715c26c1020c711b4f6ec42d58b0015e14337a39dad301c5afc3"), .owner = &owner, .kind = CA_INTERMEDIATE}};
    const struct ca_extra_rows extra = {.rows = rows, .count = 1};
    struct ca_row found;
    assert_true(ca_table_find(&rows[0].spki_sha256, &extra, &found));
    assert_ptr_equal(found.owner, &owner);
    assert_true(ca_table_knows_domain("drill.invalid", &extra));
    assert_false(ca_table_knows_domain("drill.invalid", NULL));
    assert_true(ca_table_knows_owner("PINWATCH drill", &extra));
}

static void the_ends_of_the_hash_space_are_not_found(void **state) {
    (void) state;
    struct hash low = {{0}}, high;
    struct ca_row row;
    memset(high.bytes, 0xff, sizeof high.bytes);
    assert_false(ca_table_find(&low, NULL, &row));
    assert_false(ca_table_find(&high, NULL, &row));
}

static void domains_and_owners_are_known_by_name(void **state) {
    (void) state;
    assert_true(ca_table_knows_domain("letsencrypt.org", NULL));
    assert_true(ca_table_knows_domain("sectigo.com", NULL));
    assert_false(ca_table_knows_domain("letsencypt.org", NULL));
    assert_true(ca_table_knows_owner("digicert", NULL));
    assert_false(ca_table_knows_owner("", NULL));
    assert_false(ca_table_knows_domain("", NULL));
    assert_true(ca_table_size() > 7000);
    assert_int_equal(strlen(ca_table_date()), 10);
}

static void a_domain_that_several_recognise_is_that_of_the_one_that_lists_it_soonest(void **state) {
    static const char *const own[][2] = {{"amazon.com", "Amazon Trust Services"}, {"amazontrust.com", "Amazon Trust Services"},
                                         {"digicert.com", "DigiCert"}, {"quovadisglobal.com", "QuoVadis"}, {"cybertrust.ne.jp", "Cybertrust Japan"},
                                         {"entrust.net", "Entrust"}, {"affirmtrust.com", "Entrust"}, {"sectigo.com", "Sectigo"},
                                         {"dfn.de", "DFN-PKI"}, {"LetsEncrypt.org", "Let's Encrypt"}};
    (void) state;
    for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
        assert_string_equal(ca_table_owner_of(own[i][0])->name, own[i][1]);
    assert_null(ca_table_owner_of("ca.example"));
}

/* What they say in section 4.2 of their practice statements; without it a certificate of theirs would be accused. */
static void what_a_ca_recognises_of_others_counts_for_it(void **state) {
    static const char *const also[][2] = {{"DigiCert", "amazon.com"}, {"DigiCert", "cybertrust.ne.jp"}, {"DigiCert", "quovadisglobal.com"},
                                          {"DigiCert", "pkioverheid.nl"}, {"QuoVadis", "thawte.com"}, {"Sectigo", "entrust.net"},
                                          {"Sectigo", "affirmtrust.com"}, {"SSL.com", "entrust.net"}, {"Deutsche Telekom Security", "dfn.de"}, {"Microsoft", "digicert.com"}};
    (void) state;
    for (size_t i = 0; i < sizeof also / sizeof also[0]; i++) {
        const struct ca_owner *owner = ca_table_owner_at(0);
        for (size_t k = 0; owner != NULL && strcmp(owner->name, also[i][0]) != 0; k++)
            owner = ca_table_owner_at(k);
        assert_non_null(owner);
        assert_true(ca_owner_recognises(owner, also[i][1]));
    }
}

static bool is_in(const char *const *list, const char *wanted) {
    for (size_t i = 0; list[i] != NULL; i++)
        if (strcmp(list[i], wanted) == 0)
            return true;
    return false;
}

static void a_path_unites_what_its_owners_recognise(void **state) {
    (void) state;
    struct hash r3 = hash_of("8d02536c887482bc34ff54e41d2ba659bf85b341a0a20afadb5813dcfbcf286d"); /* also signed by IdenTrust */
    struct ca_row row;
    assert_true(ca_table_find(&r3, NULL, &row));
    assert_true(is_in(ca_row_domains(&row), "letsencrypt.org"));
    assert_true(is_in(ca_row_domains(&row), "identrust.com"));
    assert_false(is_in(ca_row_domains(&row), "sectigo.com"));
    assert_false(ca_owner_recognises(row.owner, "identrust.com"));
    assert_true(row.is_certain && row.is_path_complete);
    assert_int_equal(row.source, CA_FROM_SHIPPED_TABLE);
}

/* "Cloudflare Inc ECC CA-3": DigiCert's key, but whoever bears the name may recognise domains of its own. */
static void a_key_under_another_name_than_its_owners_is_not_certain(void **state) {
    (void) state;
    struct hash key = hash_of("144cd5394a78745de02346553d126115b48955747eb9098c1fae7186cd60947e"), certificate, found;
    struct ca_row row;
    certificate = hash_of("3abbe63daf756c5016b6b85f52015fd8e8acbe277c5087b127a60563a841ed8a");
    assert_true(ca_table_key_of(&certificate, &found));
    assert_true(hash_equal(&found, &key));
    assert_true(ca_table_find(&key, NULL, &row));
    assert_string_equal(row.owner->name, "DigiCert");
    assert_false(row.is_certain);
    certificate.bytes[5] ^= 1;
    assert_false(ca_table_key_of(&certificate, &found));
}

static void every_shipped_row_is_found_and_only_complete_paths_are_certain(void **state) {
    (void) state;
    for (size_t i = 0; i < ca_table_size(); i++) {
        struct ca_row row, found;
        ca_table_row(i, &row);
        assert_true(ca_table_find(&row.spki_sha256, NULL, &found));
        assert_ptr_equal(found.path_domains, row.path_domains);
        assert_true(row.is_path_complete || !row.is_certain);
        assert_true(!row.is_path_complete || row.owner->caa_domains[0] != NULL);
        for (size_t k = 0; row.owner->caa_domains[k] != NULL; k++)
            assert_true(is_in(ca_row_domains(&row), row.owner->caa_domains[k]));
    }
}

static const char *const some_domains[] = {"ca.example", NULL}, *const other_domains[] = {"other.example", "ca.example", NULL};
static const struct ca_owner some_owner = {"Some CA", some_domains, ""}, other_owner = {"Other CA", other_domains, ""};

static void of_equal_keys_the_row_that_stood_first_counts(void **state) {
    (void) state;
    struct ca_row rows[] = {{.spki_sha256 = {{3}}, .owner = &other_owner}, {.spki_sha256 = {{1}}, .owner = &some_owner}, {.spki_sha256 = {{3}}, .owner = &some_owner}};
    const struct ca_extra_rows extra = {.rows = rows, .count = 3};
    struct ca_row found;
    ca_rows_sort(rows, 3);
    assert_true(ca_table_find(&(struct hash){{3}}, &extra, &found));
    assert_ptr_equal(found.owner, &other_owner);
    assert_true(ca_table_find(&(struct hash){{1}}, &extra, &found));
    assert_false(ca_table_find(&(struct hash){{2}}, &extra, &found));
}

static void verified_links_lead_from_an_unmapped_key_to_the_domains_of_all_mapped_ones_above(void **state) {
    (void) state;
    struct ca_row rows[] = {{.spki_sha256 = {{1}}, .owner = &some_owner, .is_certain = true}, {.spki_sha256 = {{2}}, .owner = &other_owner, .is_certain = true}};
    struct ca_link links[] = {{{{9}}, {{8}}}, {{{8}}, {{9}}}, {{{8}}, {{2}}}, {{{9}}, {{1}}}, {{{7}}, {{6}}}, {{{5}}, {{9}}}};
    const struct ca_extra_rows extra = {.rows = rows, .count = 2, .links = links, .link_count = 6};
    struct arena *arena = arena_new(65536);
    struct ca_path path;
    ca_links_sort(links, 6);
    assert_ptr_equal(ca_table_path(&(struct hash){{5}}, &extra, arena, &path), OK);
    assert_true(path.is_derived && !path.is_certain);
    assert_true(is_in(path.domains, "ca.example") && is_in(path.domains, "other.example") && path.domains[2] == NULL);
    assert_ptr_equal(path.owner, &some_owner);
    assert_ptr_equal(ca_table_path(&(struct hash){{7}}, &extra, arena, &path), OK); /* leads nowhere */
    assert_null(path.domains);
    assert_ptr_equal(ca_table_path(&(struct hash){{1}}, &extra, arena, &path), OK);
    assert_true(path.is_certain && !path.is_derived);
    struct ca_row found;
    assert_false(ca_table_find(&(struct hash){{5}}, &extra, &found)); /* expectations are not built on links */
    arena_free(arena);
}

static void a_path_without_memory_fails_and_says_so(void **state) {
    (void) state;
    struct ca_row rows[] = {{.spki_sha256 = {{1}}, .owner = &some_owner}};
    const struct ca_link links[] = {{{{9}}, {{1}}}};
    const struct ca_extra_rows extra = {.rows = rows, .count = 1, .links = links, .link_count = 1};
    struct arena *arena = arena_new(1);
    struct ca_path path;
    assert_ptr_equal(ca_table_path(&(struct hash){{9}}, &extra, arena, &path), &fault_no_memory);
    arena_free(arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_keys_have_the_right_owner),
        cmocka_unit_test(rows_known_at_run_time_win_over_shipped_ones),
        cmocka_unit_test(the_ends_of_the_hash_space_are_not_found),
        cmocka_unit_test(domains_and_owners_are_known_by_name),
        cmocka_unit_test(a_domain_that_several_recognise_is_that_of_the_one_that_lists_it_soonest),
        cmocka_unit_test(what_a_ca_recognises_of_others_counts_for_it),
        cmocka_unit_test(a_path_unites_what_its_owners_recognise),
        cmocka_unit_test(a_key_under_another_name_than_its_owners_is_not_certain),
        cmocka_unit_test(every_shipped_row_is_found_and_only_complete_paths_are_certain),
        cmocka_unit_test(of_equal_keys_the_row_that_stood_first_counts),
        cmocka_unit_test(verified_links_lead_from_an_unmapped_key_to_the_domains_of_all_mapped_ones_above),
        cmocka_unit_test(a_path_without_memory_fails_and_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
