/* CCADB's reports joined to rows of the CA table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "base/text.h"
#include "rules/ca_table_import.h"

#define ARENA_LIMIT ((size_t) 16 * 1024 * 1024)
#define SKI(text) {(const uint8_t *) (text), sizeof(text) - 1}

static struct arena *arena;
static struct ca_import import;
static const char *const a_domains[] = {"a.example", NULL}, *const b_domains[] = {"b.example", "a.example", NULL}, *const c_domains[] = {"c.example", NULL};

static int set_up(void **state) {
    (void) state;
    arena = arena_new(ARENA_LIMIT);
    return arena == NULL ? -1 : 0;
}

static int tear_down(void **state) {
    (void) state;
    arena_free(arena);
    return 0;
}

static struct hash hash_of(const char *hex) {
    struct hash hash;
    assert_ptr_equal(hash_from_hex(span_of_text(hex), &hash), OK);
    return hash;
}

static void join(const struct ca_import_input *input) {
    assert_ptr_equal(ca_import_join(input, arena, &import), OK);
}

static void expect_list(const char *const *list, const char *wanted) {
    char said[512] = "";
    for (size_t i = 0; list[i] != NULL; i++)
        snprintf(said + strlen(said), sizeof said - strlen(said), "%s%s", i == 0 ? "" : " ", list[i]);
    assert_string_equal(said, wanted);
}

static void domains_of_all_rows_about_a_key_are_united(void **state) {
    (void) state;
    const struct ca_record records[] = {{.sha256 = {{1}}, .ski = SKI("s"), .owner = "A", .name = "Root", .is_root = true},
                                        {.sha256 = {{2}}, .ski = SKI("s"), .owner = "A", .name = "Root, renewed", .is_root = true}};
    const struct ca_identifier identifiers[] = {{.ski = SKI("s"), .domains = a_domains, .file = "f", .line = 2}, {.ski = SKI("s"), .domains = b_domains, .file = "f", .line = 3}};
    const struct ca_certificate certificates[] = {{.sha256 = {{2}}, .spki_sha256 = {{9}}, .issuer_spki_sha256 = {{9}}, .has_issuer = true},
                                                  {.sha256 = {{1}}, .spki_sha256 = {{9}}, .issuer_spki_sha256 = {{9}}, .has_issuer = true}};
    join(&(struct ca_import_input){records, 2, identifiers, 2, certificates, 2});
    assert_int_equal(import.count, 1);
    assert_int_equal(import.complaint_count, 0);
    assert_int_equal(import.rows[0].row.spki_sha256.bytes[0], 9);
    assert_int_equal(import.rows[0].row.kind, CA_ROOT);
    assert_int_equal(import.rows[0].row.source, CA_FROM_IMPORT);
    assert_string_equal(import.rows[0].row.owner->name, "A");
    expect_list(import.rows[0].row.owner->caa_domains, "a.example b.example");
    assert_true(import.rows[0].row.is_certain);
}

static void a_path_unites_what_is_recognised_above_and_is_certain_when_every_step_was_verified(void **state) {
    (void) state;
    const struct ca_record records[] = {{.sha256 = {{1}}, .ski = SKI("r"), .owner = "A", .name = "Root", .is_root = true},
                                        {.sha256 = {{2}}, .parent_sha256 = {{1}}, .has_parent = true, .ski = SKI("s"), .owner = "A", .name = "Sub"},
                                        {.sha256 = {{3}}, .parent_sha256 = {{2}}, .has_parent = true, .ski = SKI("t"), .owner = "B", .name = "Below", .is_subordinate = true},
                                        {.sha256 = {{4}}, .parent_sha256 = {{2}}, .has_parent = true, .ski = SKI("u"), .owner = "A", .name = "Unproven"}};
    const struct ca_identifier identifiers[] = {{.ski = SKI("t"), .domains = c_domains}, {.ski = SKI("r"), .domains = a_domains},
                                                {.ski = SKI("u"), .domains = c_domains}, {.ski = SKI("s"), .domains = b_domains}};
    const struct ca_certificate certificates[] = {{.sha256 = {{1}}, .spki_sha256 = {{11}}, .issuer_spki_sha256 = {{11}}, .has_issuer = true},
                                                  {.sha256 = {{2}}, .spki_sha256 = {{12}}, .issuer_spki_sha256 = {{11}}, .has_issuer = true},
                                                  {.sha256 = {{3}}, .spki_sha256 = {{13}}, .issuer_spki_sha256 = {{12}}, .has_issuer = true},
                                                  {.sha256 = {{4}}, .spki_sha256 = {{14}}}};
    join(&(struct ca_import_input){records, 4, identifiers, 4, certificates, 4});
    assert_int_equal(import.count, 4);
    expect_list(import.rows[2].row.path_domains, "c.example b.example a.example");
    expect_list(import.rows[2].row.owner->caa_domains, "c.example");
    assert_string_equal(import.rows[2].row.owner->name, "B");
    assert_true(import.rows[2].row.is_certain && import.rows[1].row.is_certain);
    expect_list(import.rows[3].row.path_domains, "c.example b.example a.example"); /* CCADB's word widens, */
    assert_false(import.rows[3].row.is_certain || import.rows[3].row.is_path_complete); /* and makes nothing certain */
}

/* Below ISRG Root X1, which IdenTrust has signed as well. */
/* "a.example, and every name below b.example" */
static void who_may_recognise_more_than_could_be_read_is_not_certain_nor_is_what_stands_below(void **state) {
    (void) state;
    const struct ca_record records[] = {{.sha256 = {{1}}, .ski = SKI("r"), .owner = "A", .name = "Root", .is_root = true},
                                        {.sha256 = {{2}}, .ski = SKI("s"), .owner = "A", .name = "Sub", .parent_sha256 = {{1}}, .has_parent = true}};
    const struct ca_certificate certificates[] = {{.sha256 = {{1}}, .spki_sha256 = {{8}}, .issuer_spki_sha256 = {{8}}, .has_issuer = true},
                                                  {.sha256 = {{2}}, .spki_sha256 = {{9}}, .issuer_spki_sha256 = {{8}}, .has_issuer = true}};
    for (unsigned is_partial = 0; is_partial <= 1; is_partial++) {
        const struct ca_identifier identifiers[] = {{.ski = SKI("r"), .domains = a_domains, .is_partial = is_partial, .file = "f", .line = 2},
                                                    {.ski = SKI("s"), .domains = b_domains, .file = "f", .line = 3}};
        join(&(struct ca_import_input){records, 2, identifiers, 2, certificates, 2});
        assert_int_equal(import.count, 2);
        assert_int_equal(import.rows[0].row.is_certain, !is_partial);
        assert_int_equal(import.rows[1].row.is_certain, !is_partial);
    }
}

static void a_new_key_below_a_shipped_one_takes_its_owner_and_its_path(void **state) {
    (void) state;
    struct ca_record records[] = {{.sha256 = {{2}}, .has_parent = true, .ski = SKI("s"), .owner = "Internet Security Research Group", .name = "R99"},
                                  {.is_root = true, .ski = SKI("x1"), .owner = "Internet Security Research Group", .name = "ISRG Root X1"}};
    const struct ca_identifier identifiers[] = {{.ski = SKI("s"), .domains = a_domains}};
    struct ca_certificate certificates[] = {{.sha256 = {{2}}, .spki_sha256 = {{12}}, .has_issuer = true}};
    records[1].sha256 = hash_of("96bcec06264976f37460779acf28c5a7cfe8a3c0aae11a8ffcee05c0bddf08c6");
    records[0].parent_sha256 = records[1].sha256;
    certificates[0].issuer_spki_sha256 = hash_of("0b9fa5a59eed715c26c1020c711b4f6ec42d58b0015e14337a39dad301c5afc3");
    join(&(struct ca_import_input){records, 2, identifiers, 1, certificates, 1});
    assert_int_equal(import.count, 1);
    assert_string_equal(import.rows[0].row.owner->name, "Let's Encrypt");
    assert_true(import.rows[0].row.is_certain);
    expect_list(import.rows[0].row.owner->caa_domains, "a.example");
    expect_list(import.rows[0].row.path_domains, "a.example letsencrypt.org identrust.com www.identrust.com");
}

static void a_key_that_the_shipped_table_knows_needs_no_certificate_and_keeps_its_owner(void **state) {
    (void) state;
    struct ca_record records[] = {{.is_root = true, .ski = SKI("x1"), .owner = "Internet Security Research Group", .name = "ISRG Root X1"}};
    const struct ca_identifier identifiers[] = {{.ski = SKI("x1"), .domains = a_domains}};
    records[0].sha256 = hash_of("96bcec06264976f37460779acf28c5a7cfe8a3c0aae11a8ffcee05c0bddf08c6");
    join(&(struct ca_import_input){records, 1, identifiers, 1, NULL, 0});
    assert_int_equal(import.count, 1);
    assert_string_equal(import.rows[0].row.owner->name, "Let's Encrypt");
    expect_list(import.rows[0].row.owner->caa_domains, "a.example");
    expect_list(import.rows[0].row.path_domains, "letsencrypt.org identrust.com www.identrust.com a.example");
}

static void what_cannot_be_joined_without_doubt_is_complained_of(void **state) {
    (void) state;
    const struct ca_record records[] = {{.sha256 = {{1}}, .ski = SKI("two"), .owner = "A", .name = "1", .is_root = true}, {.sha256 = {{2}}, .ski = SKI("two"), .owner = "A", .name = "2", .is_root = true},
                                        {.sha256 = {{3}}, .ski = SKI("unknown"), .owner = "A", .name = "3", .is_root = true}};
    const struct ca_identifier identifiers[] = {{.ski = SKI("two"), .domains = a_domains, .file = "f", .line = 7}, {.ski = SKI("unknown"), .domains = a_domains, .file = "f", .line = 8},
                                                {.ski = SKI("nobody's"), .domains = a_domains, .file = "f", .line = 9}};
    const struct ca_certificate certificates[] = {{.sha256 = {{1}}, .spki_sha256 = {{11}}}, {.sha256 = {{2}}, .spki_sha256 = {{12}}}};
    join(&(struct ca_import_input){records, 3, identifiers, 3, certificates, 2});
    assert_int_equal(import.count, 0);
    assert_int_equal(import.complaint_count, 3);
    assert_int_equal(import.complaints[0].line, 7);
    assert_string_equal(import.complaints[0].text, "its subject key identifier stands for certificates with different keys");
    assert_non_null(strstr(import.complaints[1].text, "AllCertificatePEMsCSVFormat"));
    assert_non_null(strstr(import.complaints[2].text, "no row of AllCertificateRecords"));
    assert_int_equal(import.keys_missing, 1);
}

static void certificates_that_sign_each_other_come_to_an_end(void **state) {
    (void) state;
    const struct ca_record records[] = {{.sha256 = {{1}}, .parent_sha256 = {{2}}, .has_parent = true, .ski = SKI("1"), .owner = "A", .name = "1"},
                                        {.sha256 = {{2}}, .parent_sha256 = {{1}}, .has_parent = true, .ski = SKI("2"), .owner = "B", .name = "2"}};
    const struct ca_identifier identifiers[] = {{.ski = SKI("1"), .domains = a_domains}, {.ski = SKI("2"), .domains = c_domains}};
    const struct ca_certificate certificates[] = {{.sha256 = {{1}}, .spki_sha256 = {{11}}, .issuer_spki_sha256 = {{12}}, .has_issuer = true},
                                                  {.sha256 = {{2}}, .spki_sha256 = {{12}}, .issuer_spki_sha256 = {{77}}, .has_issuer = true}};
    join(&(struct ca_import_input){records, 2, identifiers, 2, certificates, 2});
    assert_int_equal(import.count, 2);
    expect_list(import.rows[0].row.path_domains, "a.example c.example");
    expect_list(import.rows[1].row.path_domains, "c.example a.example");
    assert_false(import.rows[0].row.is_certain || import.rows[1].row.is_certain); /* nobody knows key 77 */
}

static void an_empty_import_is_empty_and_one_without_memory_says_so(void **state) {
    (void) state;
    const struct ca_record records[] = {{.sha256 = {{1}}, .ski = SKI("s"), .owner = "A", .name = "Root", .is_root = true}};
    const struct ca_identifier identifiers[] = {{.ski = SKI("s"), .domains = a_domains}};
    const struct ca_certificate certificates[] = {{.sha256 = {{1}}, .spki_sha256 = {{9}}}};
    struct arena *small = arena_new(64);
    join(&(struct ca_import_input){0});
    assert_int_equal(import.count, 0);
    assert_ptr_equal(ca_import_join(&(struct ca_import_input){records, 1, identifiers, 1, certificates, 1}, small, &import), &fault_no_memory);
    arena_free(small);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(domains_of_all_rows_about_a_key_are_united),
        cmocka_unit_test(a_path_unites_what_is_recognised_above_and_is_certain_when_every_step_was_verified),
        cmocka_unit_test(who_may_recognise_more_than_could_be_read_is_not_certain_nor_is_what_stands_below),
        cmocka_unit_test(a_new_key_below_a_shipped_one_takes_its_owner_and_its_path),
        cmocka_unit_test(a_key_that_the_shipped_table_knows_needs_no_certificate_and_keeps_its_owner),
        cmocka_unit_test(what_cannot_be_joined_without_doubt_is_complained_of),
        cmocka_unit_test(certificates_that_sign_each_other_come_to_an_end),
        cmocka_unit_test(an_empty_import_is_empty_and_one_without_memory_says_so),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
