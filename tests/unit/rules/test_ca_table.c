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
    const struct ca_extra_rows extra = {rows, 1};
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_keys_have_the_right_owner),
        cmocka_unit_test(rows_known_at_run_time_win_over_shipped_ones),
        cmocka_unit_test(the_ends_of_the_hash_space_are_not_found),
        cmocka_unit_test(domains_and_owners_are_known_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
