/* Which fault an error of the database is decides who must act. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "store/connection.h"
#include "store/sqlstate.h"

static void every_sqlstate_leads_to_the_one_who_can_act(void **state) {
    (void) state;
    static const struct {
        const char *sqlstate;
        result fault;
        enum fault_family family;
    } cases[] = {
        {NULL, &fault_store_unreachable, FAULT_RETRY},      {"08006", &fault_store_unreachable, FAULT_RETRY},
        {"57P01", &fault_store_unreachable, FAULT_RETRY},   {"57P03", &fault_store_unreachable, FAULT_RETRY},
        {"40001", &fault_store_busy, FAULT_RETRY},          {"40P01", &fault_store_busy, FAULT_RETRY},
        {"57014", &fault_store_busy, FAULT_RETRY},          {"53100", &fault_store_full, FAULT_RETRY},
        {"53300", &fault_store_full, FAULT_RETRY},          {"25006", &fault_store_read_only, FAULT_RETRY},
        {"42501", &fault_store_rights, FAULT_SETTINGS},     {"28P01", &fault_store_rights, FAULT_SETTINGS},
        {"42P01", &fault_store_missing, FAULT_SETTINGS},    {"PW001", &fault_store_lease_lost, FAULT_SETTINGS},
        {"PW004", &fault_store_lease_expired, FAULT_RETRY}, {"PW003", &fault_store_not_found, FAULT_INPUT},
        {"42601", &fault_store_statement, FAULT_BUG},       {"XX000", &fault_store_statement, FAULT_BUG},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_ptr_equal(fault_of_sqlstate(cases[i].sqlstate), cases[i].fault);
        assert_int_equal(cases[i].fault->family, cases[i].family);
    }
}

static void a_refused_connection_is_told_from_an_absent_server(void **state) {
    (void) state;
    assert_ptr_equal(fault_of_connect_message("FATAL:  password authentication failed for user \"x\""), &fault_store_rights);
    assert_ptr_equal(fault_of_connect_message("FATAL:  role \"x\" does not exist"), &fault_store_rights);
    assert_ptr_equal(fault_of_connect_message("FATAL:  database \"x\" does not exist"), &fault_store_missing);
    assert_ptr_equal(fault_of_connect_message("FATAL:  sorry, too many clients already"), &fault_store_full);
    assert_ptr_equal(fault_of_connect_message("connection to server failed: Connection refused"), &fault_store_unreachable);
}

static void an_unreachable_server_leaves_a_sentence_and_may_be_asked_again(void **state) {
    (void) state;
    struct store *store;
    const struct store_options options = {.application_name = "test"};
    assert_true(store_new("host=/nonexistent dbname=x user=y", &options, &store) == OK);
    assert_ptr_equal(store_connect(store), &fault_store_unreachable);
    assert_non_null(strstr(store_why(store)->text, "/nonexistent"));
    assert_int_equal(store_descriptor(store), -1);
    store_free(store);
    assert_true(store_new("this is = no connection string", &options, &store) == OK);
    assert_ptr_equal(store_connect(store), &fault_store_rights);
    store_free(store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_sqlstate_leads_to_the_one_who_can_act),
        cmocka_unit_test(a_refused_connection_is_told_from_an_absent_server),
        cmocka_unit_test(an_unreachable_server_leaves_a_sentence_and_may_be_asked_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
