/* The DNS client against tests/tools/dns_server.c: what it tells, and when, whatever the server does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/dns_client.h"
#include "tools/dns_server.h"

static int start(void **state) {
    *state = server_new();
    return 0;
}

static int stop(void **state) {
    struct server *server = *state;
    dns_client_free(server->client);
    server_free(server);
    return 0;
}

/* ── asking ── */

struct asked {
    struct server *server;
    unsigned calls;
    enum caa_outcome outcome;
    char why[40], detail[300], first_value[80];
    size_t record_count;
    bool is_authenticated, is_from_validator, is_nonexistent;
    uint32_t ttl_s;
    int64_t answered_ms;
    bool ends_loop, frees_client;
    const char *asks_next;
    void *cancels;
};

static struct dns_name name_of(const char *text) {
    struct dns_name name;
    assert_true(dns_name_from_text(span_of_text(text), &name, NULL) == OK);
    return name;
}

static void on_answer(void *context, const struct caa_answer *answer) {
    struct asked *asked = context;
    asked->calls++;
    asked->outcome = answer->outcome;
    snprintf(asked->why, sizeof asked->why, "%s", answer->why);
    snprintf(asked->detail, sizeof asked->detail, "%s", answer->detail);
    asked->record_count = answer->record_count;
    if (answer->record_count > 0)
        snprintf(asked->first_value, sizeof asked->first_value, "%.*s", (int) answer->records[0].value.size, (const char *) answer->records[0].value.bytes);
    asked->is_authenticated = answer->is_authenticated;
    asked->is_from_validator = answer->is_from_validator;
    asked->is_nonexistent = answer->is_nonexistent;
    asked->ttl_s = answer->ttl_s;
    asked->answered_ms = answer->answered_ms;
    if (asked->asks_next != NULL) {
        struct dns_name next = name_of(asked->asks_next);
        asked->asks_next = NULL;
        assert_true(dns_ask_caa(asked->server->client, 0, &next, on_answer, asked) == OK);
        return;
    }
    if (asked->cancels != NULL)
        dns_cancel(asked->server->client, asked->cancels);
    if (asked->frees_client)
        dns_client_free(asked->server->client);
    if (asked->frees_client)
        asked->server->client = NULL;
    if (asked->ends_loop)
        event_base_loopbreak(asked->server->loop);
}

static const struct dns_client_options quick = {.attempt_ms = 150, .deadline_ms = 2000};

static void make_client(struct server *server, struct dns_client_options options) {
    struct dns_resolver resolver = {.address = "127.0.0.1", .port = server->port, .is_validating = true};
    struct reason reason = {""};
    options.resolvers = &resolver;
    options.resolver_count = 1;
    dns_client_free(server->client);
    assert_true(dns_client_new(server->loop, &options, &server->client, &reason) == OK);
}

static void begin(struct server *server, const char *name, struct asked *asked) {
    struct dns_name owner = name_of(name);
    asked->server = server;
    assert_true(dns_ask_caa(server->client, 0, &owner, on_answer, asked) == OK);
    assert_int_equal(asked->calls, 0);
}

static struct asked ask(struct server *server, const char *name) {
    struct asked asked = {.ends_loop = true};
    if (server->client == NULL)
        make_client(server, quick);
    begin(server, name, &asked);
    event_base_dispatch(server->loop);
    assert_int_equal(asked.calls, 1);
    assert_true(asked.answered_ms > 0);
    return asked;
}

/* Lets everything happen that happens within so many milliseconds. */
static void run_for(struct server *server, unsigned wait_ms) {
    struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
    event_base_loopexit(server->loop, &wait);
    event_base_dispatch(server->loop);
}

static void assert_fails(struct server *server, const char *name, const char *why) {
    struct asked asked = ask(server, name);
    assert_string_equal(asked.why, why);
    assert_int_equal(asked.outcome, CAA_FAILED);
    assert_true(asked.detail[0] != '\0');
}

/* ── tests ── */

static void records_come_with_their_ttl(void **state) {
    struct asked asked = ask(*state, "records.test");
    assert_int_equal(asked.outcome, CAA_RECORDS);
    assert_int_equal(asked.record_count, 1);
    assert_string_equal(asked.first_value, "ca.example");
    assert_int_equal(asked.ttl_s, 300);
    assert_false(asked.is_authenticated);
    assert_true(asked.is_from_validator);
}

static void queries_ask_for_recursion_and_authenticated_data(void **state) {
    struct server *server = *state;
    ask(server, "records.test");
    assert_int_equal(server->last_flags[0], 0x01); /* RD alone */
    assert_int_equal(server->last_flags[1], 0x20); /* AD alone */
    assert_int_equal(server->edns_queries, 1);
}

static void authenticated_data_count_from_a_validating_resolver_alone(void **state) {
    struct server *server = *state;
    struct dns_resolver resolver = {.address = "127.0.0.1", .port = server->port, .is_validating = false};
    struct dns_client_options options = quick;
    assert_true(ask(server, "secure.test").is_authenticated);
    options.resolvers = &resolver;
    options.resolver_count = 1;
    dns_client_free(server->client);
    assert_true(dns_client_new(server->loop, &options, &server->client, NULL) == OK);
    assert_false(dns_client_is_validating(server->client, 0));
    struct asked asked = ask(server, "secure.test");
    assert_false(asked.is_authenticated);
    assert_false(asked.is_from_validator);
}

static void no_data_and_no_name_are_empty(void **state) {
    struct asked asked = ask(*state, "nodata.test");
    assert_int_equal(asked.outcome, CAA_EMPTY);
    assert_false(asked.is_nonexistent);
    assert_int_equal(asked.ttl_s, 60);
    asked = ask(*state, "nxdomain.test");
    assert_int_equal(asked.outcome, CAA_EMPTY);
    assert_true(asked.is_nonexistent);
}

static void servfail_is_a_failure_when_nobody_has_an_answer(void **state) {
    struct server *server = *state;
    assert_fails(server, "servfail.test", "servfail");
    assert_int_equal(server->cd_queries, 1);
    assert_int_equal(server->udp_queries, 2);
}

static void servfail_with_an_answer_under_cd_is_bogus(void **state) {
    struct asked asked = ask(*state, "bogus.test");
    assert_int_equal(asked.outcome, CAA_BOGUS);
    assert_string_equal(asked.why, "bogus");
    assert_int_equal(asked.record_count, 0);
    assert_true(asked.is_from_validator);
}

static void an_extended_error_is_bogus_without_a_second_question(void **state) {
    struct server *server = *state;
    struct asked asked = ask(server, "expired.test");
    assert_int_equal(asked.outcome, CAA_BOGUS);
    assert_int_equal(server->udp_queries, 1);
}

static void refused_and_malformed_are_failures(void **state) {
    assert_fails(*state, "refused.test", "refused");
    assert_fails(*state, "malformed.test", "malformed");
}

static void silence_is_a_time_out_after_all_attempts(void **state) {
    struct server *server = *state;
    assert_fails(server, "silent.test", "timeout");
    assert_int_equal(server->udp_queries, 2);
    assert_int_equal(ask(server, "records.test").outcome, CAA_RECORDS);
}

static void the_deadline_ends_a_question_whatever_is_tried(void **state) {
    struct server *server = *state;
    struct timeval before, after;
    make_client(server, (struct dns_client_options){.attempts = 5, .attempt_ms = 10000, .deadline_ms = 200});
    evutil_gettimeofday(&before, NULL);
    assert_fails(server, "silent.test", "timeout");
    evutil_gettimeofday(&after, NULL);
    assert_true(after.tv_sec - before.tv_sec < 5);
}

static void a_slow_answer_to_an_earlier_attempt_counts(void **state) {
    struct server *server = *state;
    struct asked asked = ask(server, "slow300.test"); /* attempts are 150 ms apart */
    assert_int_equal(asked.outcome, CAA_RECORDS);
    assert_int_equal(server->udp_queries, 2);
}

static void answers_with_another_id_name_or_type_are_not_taken(void **state) {
    struct server *server = *state;
    assert_fails(server, "wrong-id.test", "timeout");
    assert_fails(server, "wrong-type.test", "timeout");
    server->udp_queries = 2;
    assert_fails(server, "wrong-name.test", "timeout");
}

static void answers_of_another_sender_are_not_taken(void **state) {
    assert_fails(*state, "stranger.test", "timeout");
}

static void the_right_answer_is_taken_after_a_wrong_one(void **state) {
    struct server *server = *state;
    struct asked asked = ask(server, "wrong-name.test"); /* to the second query both come */
    assert_int_equal(asked.outcome, CAA_RECORDS);
    assert_string_equal(asked.first_value, "ca.example");
}

static void a_truncated_answer_is_asked_again_over_tcp(void **state) {
    struct server *server = *state;
    struct asked asked = ask(server, "big.test");
    assert_int_equal(asked.outcome, CAA_RECORDS);
    assert_int_equal(asked.record_count, BIG_RECORDS);
    assert_string_equal(asked.first_value, "0000.a-rather-long-issuer-domain-name.example");
    assert_int_equal(server->tcp_queries, 1);
}

static void a_tcp_connection_that_stays_silent_is_a_time_out_and_not_kept(void **state) {
    struct server *server = *state;
    server->is_wordless_tcp = true;
    assert_fails(server, "big.test", "timeout");
    server->is_wordless_tcp = false;
    assert_int_equal(ask(server, "big.test").record_count, BIG_RECORDS);
}

static void a_tcp_connection_that_hangs_is_left_though_others_wait_beside_it(void **state) {
    struct server *server = *state;
    struct asked hanging = {0}, other = {0};
    make_client(server, (struct dns_client_options){.attempts = 1, .attempt_ms = 400, .deadline_ms = 2000});
    server->is_wordless_tcp = true;
    begin(server, "big.test", &hanging);
    run_for(server, 200);
    begin(server, "silent.test", &other); /* so that the channel stays in use */
    run_for(server, 250);
    assert_int_equal(hanging.calls, 1);
    assert_int_equal(other.calls, 0);
    server->is_wordless_tcp = false;
    assert_int_equal(ask(server, "big.test").record_count, BIG_RECORDS);
}

static void a_closed_tcp_port_is_a_failure(void **state) {
    struct server *server = *state;
    stop_serving_tcp(server);
    assert_fails(server, "big.test", "unreachable");
    serve(server);
    assert_int_equal(ask(server, "big.test").record_count, BIG_RECORDS);
}

static void a_server_that_refuses_edns_is_asked_without(void **state) {
    struct server *server = *state;
    server->hates_edns = true;
    assert_int_equal(ask(server, "records.test").outcome, CAA_RECORDS);
    assert_int_equal(server->edns_queries, 1);
    assert_int_equal(ask(server, "nodata.test").outcome, CAA_EMPTY);
    assert_int_equal(ask(server, "bogus.test").outcome, CAA_BOGUS);
    assert_int_equal(ask(server, "big.test").record_count, BIG_RECORDS);
    assert_int_equal(server->edns_queries, 1); /* remembered */
}

static void many_questions_at_once_survive_a_server_that_refuses_edns(void **state) {
    struct server *server = *state;
    struct asked asked = {0};
    server->hates_edns = true;
    make_client(server, quick);
    for (unsigned i = 0; i < 10; i++)
        begin(server, "records.test", &asked);
    run_for(server, 500);
    assert_int_equal(asked.calls, 10);
    assert_int_equal(asked.outcome, CAA_RECORDS);
    assert_string_equal(asked.first_value, "ca.example");
}

static void formerr_with_opt_is_asked_without_edns_too(void **state) {
    struct server *server = *state;
    server->hates_edns_with_opt = true;
    assert_int_equal(ask(server, "records.test").outcome, CAA_RECORDS);
}

static void a_server_that_drops_edns_is_asked_without(void **state) {
    struct server *server = *state;
    server->drops_edns = true;
    assert_int_equal(ask(server, "records.test").outcome, CAA_RECORDS);
    assert_int_equal(server->edns_queries, 1);
    assert_int_equal(ask(server, "nxdomain.test").outcome, CAA_EMPTY);
    assert_int_equal(server->edns_queries, 1);
}

static void a_server_that_knows_edns_is_not_asked_without_for_one_silence(void **state) {
    struct server *server = *state;
    ask(server, "records.test");
    assert_fails(server, "silent.test", "timeout");
    assert_int_equal(server->edns_queries, 3);
    assert_int_equal(server->udp_queries, 3);
}

static void a_resolver_that_dies_is_unreachable_and_comes_back(void **state) {
    struct server *server = *state;
    ask(server, "records.test");
    stop_serving(server);
    assert_fails(server, "records.test", "unreachable");
    serve(server);
    assert_int_equal(ask(server, "records.test").outcome, CAA_RECORDS);
}

static void a_resolver_that_dies_under_questions_answers_the_second_attempt(void **state) {
    struct server *server = *state;
    struct asked asked = {0};
    make_client(server, (struct dns_client_options){.attempt_ms = 800, .deadline_ms = 5000});
    stop_serving(server);
    for (unsigned i = 0; i < 5; i++)
        begin(server, "records.test", &asked);
    run_for(server, 20);
    serve(server);
    run_for(server, 400);
    assert_int_equal(asked.calls, 5);
    assert_int_equal(asked.outcome, CAA_RECORDS);
}

static void ids_are_not_in_order(void **state) {
    struct server *server = *state;
    unsigned near = 0;
    for (unsigned i = 0; i < 20; i++)
        ask(server, "records.test");
    for (unsigned i = 1; i < 20; i++)
        near += (uint16_t) (server->ids[i] - server->ids[i - 1]) < 100;
    assert_true(near < 5);
}

static void the_port_changes_after_so_many_queries_though_others_are_under_way(void **state) {
    struct server *server = *state;
    struct asked asked = {0};
    make_client(server, (struct dns_client_options){.attempt_ms = 2000, .queries_per_channel = 4});
    for (unsigned i = 0; i < 20; i++)
        begin(server, "slow100.test", &asked);
    run_for(server, 400);
    assert_int_equal(asked.calls, 20);
    assert_int_equal(server->port_count, 5);
}

static void questions_beyond_the_cap_wait_in_order(void **state) {
    struct server *server = *state;
    struct asked asked = {0};
    make_client(server, (struct dns_client_options){.attempt_ms = 2000, .in_flight_max = 3});
    for (unsigned i = 0; i < 3; i++)
        begin(server, "slow50.test", &asked);
    begin(server, "a.test", &asked);
    begin(server, "b.test", &asked);
    begin(server, "c.test", &asked);
    begin(server, "slow60.test", &asked);
    run_for(server, 300);
    assert_int_equal(asked.calls, 7);
    assert_int_equal(server->open_most, 3);
    assert_string_equal(server->order, "slow50 slow50 slow50 a b c slow60 ");
}

static void waiting_in_line_does_not_use_up_the_deadline(void **state) {
    struct server *server = *state;
    struct asked first = {0}, last = {0};
    make_client(server, (struct dns_client_options){.attempt_ms = 100, .deadline_ms = 400, .in_flight_max = 1});
    begin(server, "silent.test", &first);
    begin(server, "silent.test", &first);
    begin(server, "records.test", &last);
    run_for(server, 1500);
    assert_int_equal(first.calls, 2);
    assert_int_equal(last.calls, 1);
    assert_int_equal(last.outcome, CAA_RECORDS);
}

static void cancelled_questions_call_nobody(void **state) {
    struct server *server = *state;
    struct asked kept = {0}, cancelled = {0};
    make_client(server, (struct dns_client_options){.attempt_ms = 150, .in_flight_max = 3});
    begin(server, "slow50.test", &cancelled);
    begin(server, "slow50.test", &kept);
    begin(server, "bogus.test", &cancelled);
    begin(server, "records.test", &cancelled);
    run_for(server, 20);
    dns_cancel(server->client, &cancelled);
    begin(server, "records.test", &kept);
    dns_cancel(server->client, server);
    run_for(server, 500);
    assert_true(cancelled.calls <= 2); /* those that were answered before */
    assert_int_equal(kept.calls, 2);
}

static void an_answer_that_is_there_is_not_told_to_who_was_cancelled_just_before(void **state) {
    struct server *server = *state;
    struct asked second = {0}, first = {.cancels = &second};
    make_client(server, quick);
    begin(server, "records.test", &first);
    begin(server, "records.test", &second);
    run_for(server, 100);
    assert_int_equal(first.calls, 1);
    assert_int_equal(second.calls, 0);
}

static void a_client_can_go_away_with_questions_under_way(void **state) {
    struct server *server = *state;
    struct asked asked = {0};
    make_client(server, (struct dns_client_options){.attempt_ms = 100, .in_flight_max = 4});
    begin(server, "silent.test", &asked);
    begin(server, "big.test", &asked);
    begin(server, "servfail.test", &asked);
    begin(server, "slow50.test", &asked);
    begin(server, "records.test", &asked);
    event_base_loop(server->loop, EVLOOP_ONCE);
    event_base_loop(server->loop, EVLOOP_ONCE);
    unsigned calls = asked.calls;
    dns_client_free(server->client);
    server->client = NULL;
    run_for(server, 300);
    assert_int_equal(asked.calls, calls);
}

static void a_client_can_go_away_while_it_tells_an_answer(void **state) {
    struct server *server = *state;
    struct asked asked = {.frees_client = true, .ends_loop = true};
    make_client(server, quick);
    begin(server, "records.test", &asked);
    begin(server, "records.test", &asked);
    event_base_dispatch(server->loop);
    assert_int_equal(asked.calls, 1);
    assert_null(server->client);
    run_for(server, 50);
    assert_int_equal(asked.calls, 1);
}

static void the_next_question_may_be_asked_while_an_answer_is_told(void **state) {
    struct server *server = *state;
    struct asked asked = {.asks_next = "nodata.test", .ends_loop = true};
    make_client(server, quick);
    begin(server, "records.test", &asked);
    event_base_dispatch(server->loop);
    assert_int_equal(asked.calls, 2);
    assert_int_equal(asked.outcome, CAA_EMPTY);
}

static void resolvers_have_names_and_are_checked(void **state) {
    struct server *server = *state;
    struct reason reason = {""};
    struct dns_resolver resolvers[] = {{"192.0.2.1", 53, false}, {"2001:db8::1", 5353, true}, {"resolver.example", 53, false}};
    struct dns_client_options options = {.resolvers = resolvers, .resolver_count = 2};
    assert_true(dns_client_new(server->loop, &options, &server->client, &reason) == OK);
    assert_int_equal(dns_client_resolver_count(server->client), 2);
    assert_string_equal(dns_client_resolver_name(server->client, 0), "192.0.2.1:53");
    assert_string_equal(dns_client_resolver_name(server->client, 1), "[2001:db8::1]:5353");
    assert_true(dns_client_is_validating(server->client, 1));
    options.resolver_count = 3;
    struct dns_client *none = NULL;
    assert_ptr_equal(dns_client_new(server->loop, &options, &none, &reason), &fault_dns_resolver);
    assert_non_null(strstr(reason.text, "resolver.example"));
    assert_null(none);
}

/* Its answers are recorded under its name: two rows of one name in a commit are refused, and nothing would be polled. */
static void a_resolver_that_is_named_twice_is_asked_once(void **state) {
    struct server *server = *state;
    struct reason reason = {""};
    struct dns_resolver resolvers[] = {{"192.0.2.1", 53, true}, {"2001:db8::1", 53, true}, {"2001:db8:0::1", 53, true}, {"192.0.2.1", 54, true}, {"192.0.2.1", 53, false}};
    struct dns_client_options options = {.resolvers = resolvers, .resolver_count = 5};
    assert_true(dns_client_new(server->loop, &options, &server->client, &reason) == OK);
    assert_int_equal(dns_client_resolver_count(server->client), 3);
    assert_string_equal(dns_client_resolver_name(server->client, 2), "192.0.2.1:54");
    assert_false(dns_client_is_validating(server->client, 0)); /* once it is said not to */
    assert_true(dns_client_is_validating(server->client, 1));
}

static void without_resolvers_those_of_resolv_conf_are_asked(void **state) {
    struct server *server = *state;
    struct reason reason = {""};
    char path[] = "/tmp/resolv.conf.XXXXXX";
    int file = mkstemp(path);
    const char text[] = "search example\nnameserver 192.0.2.7\noptions edns0 trust-ad\nnameserver 2001:db8::7\n";
    assert_int_equal(write(file, text, sizeof text - 1), sizeof text - 1);
    close(file);
    struct dns_client_options options = {.resolv_conf = path};
    assert_true(dns_client_new(server->loop, &options, &server->client, &reason) == OK);
    unlink(path);
    assert_int_equal(dns_client_resolver_count(server->client), 2);
    assert_string_equal(dns_client_resolver_name(server->client, 0), "192.0.2.7:53");
    assert_string_equal(dns_client_resolver_name(server->client, 1), "[2001:db8::7]:53");
    assert_false(dns_client_is_validating(server->client, 0));
}

int main(void) {
#define CASE(test) cmocka_unit_test_setup_teardown(test, start, stop)
    const struct CMUnitTest tests[] = {
        CASE(records_come_with_their_ttl),
        CASE(queries_ask_for_recursion_and_authenticated_data),
        CASE(authenticated_data_count_from_a_validating_resolver_alone),
        CASE(no_data_and_no_name_are_empty),
        CASE(servfail_is_a_failure_when_nobody_has_an_answer),
        CASE(servfail_with_an_answer_under_cd_is_bogus),
        CASE(an_extended_error_is_bogus_without_a_second_question),
        CASE(refused_and_malformed_are_failures),
        CASE(silence_is_a_time_out_after_all_attempts),
        CASE(the_deadline_ends_a_question_whatever_is_tried),
        CASE(a_slow_answer_to_an_earlier_attempt_counts),
        CASE(answers_with_another_id_name_or_type_are_not_taken),
        CASE(answers_of_another_sender_are_not_taken),
        CASE(the_right_answer_is_taken_after_a_wrong_one),
        CASE(a_truncated_answer_is_asked_again_over_tcp),
        CASE(a_tcp_connection_that_stays_silent_is_a_time_out_and_not_kept),
        CASE(a_tcp_connection_that_hangs_is_left_though_others_wait_beside_it),
        CASE(a_closed_tcp_port_is_a_failure),
        CASE(a_server_that_refuses_edns_is_asked_without),
        CASE(many_questions_at_once_survive_a_server_that_refuses_edns),
        CASE(formerr_with_opt_is_asked_without_edns_too),
        CASE(a_server_that_drops_edns_is_asked_without),
        CASE(a_server_that_knows_edns_is_not_asked_without_for_one_silence),
        CASE(a_resolver_that_dies_is_unreachable_and_comes_back),
        CASE(a_resolver_that_dies_under_questions_answers_the_second_attempt),
        CASE(ids_are_not_in_order),
        CASE(the_port_changes_after_so_many_queries_though_others_are_under_way),
        CASE(questions_beyond_the_cap_wait_in_order),
        CASE(waiting_in_line_does_not_use_up_the_deadline),
        CASE(cancelled_questions_call_nobody),
        CASE(an_answer_that_is_there_is_not_told_to_who_was_cancelled_just_before),
        CASE(a_client_can_go_away_with_questions_under_way),
        CASE(a_client_can_go_away_while_it_tells_an_answer),
        CASE(the_next_question_may_be_asked_while_an_answer_is_told),
        CASE(resolvers_have_names_and_are_checked),
        CASE(a_resolver_that_is_named_twice_is_asked_once),
        CASE(without_resolvers_those_of_resolv_conf_are_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
