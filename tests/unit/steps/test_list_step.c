/* The lists of Google and Apple: a server in the same loop plays both, and the clock is the test's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "steps/kept_file.h"
#include "steps/list_step.h"

#define CHROME_WRITTEN_MS INT64_C(1787232897000) /* log_list_timestamp of the corpus' list: 2026-08-20T13:34:57Z */
#define HOUR_MS ((int64_t) 3600 * 1000)
#define DAY_MS (24 * HOUR_MS)

static int64_t wall_ms, monotonic_ms;
static int64_t server_ahead_ms; /* of our clock */

int64_t clock_wall_ms(void) {
    return wall_ms;
}

int64_t clock_monotonic_ms(void) {
    return monotonic_ms;
}

struct page {
    struct span content; /* NULL: 500 */
    const char *etag;
    unsigned asked, unchanged;
};

struct told_event {
    char rule[40], list[10], detail[500];
    bool is_over;
};

struct fixture {
    struct event_base *loop;
    struct evhttp *server;
    struct net *net;
    struct list_step *step;
    struct world_clock clock;
    struct page chrome, signature, apple;
    char folder[60], chrome_url[100], signature_url[100], apple_url[100];
    struct settings settings;
    struct told_event events[20];
    size_t event_count;
    bool is_store_down;
};

static struct span chrome_json, chrome_signature, apple_json;

static struct span corpus(const char *name) {
    char path[600];
    snprintf(path, sizeof path, "%s/a-ct/log-lists/%s", CORPORA_FOLDER, name);
    struct buffer content = buffer_with_limit(LOG_LIST_SIZE_MAX);
    if (kept_file_read(path, &content) != OK)
        return span_of(NULL, 0);
    return buffer_span(&content);
}

static void on_request(struct evhttp_request *request, void *context) {
    struct fixture *f = context;
    const char *path = evhttp_request_get_uri(request);
    struct page *page = strcmp(path, "/chrome") == 0 ? &f->chrome : strcmp(path, "/signature") == 0 ? &f->signature : &f->apple;
    const char *known = evhttp_find_header(evhttp_request_get_input_headers(request), "If-None-Match");
    char date[40];
    time_t seconds = (time_t) ((wall_ms + server_ahead_ms) / 1000);
    struct tm parts;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&seconds, &parts));
    evhttp_add_header(evhttp_request_get_output_headers(request), "Date", date);
    page->asked++;
    if (page->etag != NULL)
        evhttp_add_header(evhttp_request_get_output_headers(request), "ETag", page->etag);
    if (page->content.bytes == NULL) {
        evhttp_send_reply(request, 500, "broken", NULL);
    } else if (known != NULL && page->etag != NULL && strcmp(known, page->etag) == 0) {
        page->unchanged++;
        evhttp_send_reply(request, 304, "unchanged", NULL);
    } else {
        struct evbuffer *body = evbuffer_new();
        evbuffer_add(body, page->content.bytes, page->content.size);
        evhttp_send_reply(request, 200, "fine", body);
        evbuffer_free(body);
    }
}

static bool on_event(void *context, const char *rule, const char *list, bool is_over, const char *evidence) {
    struct fixture *f = context;
    json_t *tree = json_loads(evidence, 0, NULL);
    assert_non_null(tree);
    assert_string_equal(json_string_value(json_object_get(tree, "list")), list);
    assert_true(f->event_count < 20);
    if (f->is_store_down) {
        json_decref(tree);
        return false;
    }
    struct told_event *event = &f->events[f->event_count++];
    event->is_over = is_over;
    snprintf(event->rule, sizeof event->rule, "%s", rule);
    snprintf(event->list, sizeof event->list, "%s", list);
    snprintf(event->detail, sizeof event->detail, "%s", json_string_value(json_object_get(tree, "detail")));
    json_decref(tree);
    return true;
}

static void restart(struct fixture *f) {
    list_step_free(f->step);
    f->step = NULL;
    assert_null(list_step_new(f->net, &f->settings, &f->clock, on_event, f, &f->step));
}

static int set_up(void **state) {
    if (chrome_json.size == 0) { /* no corpora here: each test says so */
        *state = NULL;
        return 0;
    }
    struct fixture *f = calloc(1, sizeof *f);
    *state = f;
    wall_ms = CHROME_WRITTEN_MS + DAY_MS;
    monotonic_ms = 1000000;
    server_ahead_ms = 0;
    f->clock.asked = 2;
    strcpy(f->folder, "/tmp/pinwatch-lists-XXXXXX");
    struct net_options options = {.user_agent = "pinwatch/test", .connections_max = 4, .connections_host_max = 4};
    if (mkdtemp(f->folder) == NULL)
        return -1;
    f->loop = event_base_new();
    f->server = evhttp_new(f->loop);
    evhttp_set_gencb(f->server, on_request, f);
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(f->server, "127.0.0.1", 0);
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (bound == NULL || getsockname(evhttp_bound_socket_get_fd(bound), (struct sockaddr *) &address, &size) != 0 ||
        net_new(f->loop, &options, &f->net) != OK)
        return -1;
    unsigned port = ntohs(((const struct sockaddr_in *) &address)->sin_port);
    snprintf(f->chrome_url, sizeof f->chrome_url, "http://127.0.0.1:%u/chrome", port);
    snprintf(f->signature_url, sizeof f->signature_url, "http://127.0.0.1:%u/signature", port);
    snprintf(f->apple_url, sizeof f->apple_url, "http://127.0.0.1:%u/apple", port);
    f->settings = (struct settings){.state_folder = f->folder, .follows_public_logs = true, .chrome_list_url = f->chrome_url,
                                    .chrome_list_signature_url = f->signature_url, .apple_list_url = f->apple_url};
    f->chrome = (struct page){.content = chrome_json, .etag = "\"c1\""};
    f->signature = (struct page){.content = chrome_signature};
    f->apple = (struct page){.content = apple_json, .etag = "\"a1\""};
    restart(f);
    return 0;
}

static int tear_down(void **state) {
    struct fixture *f = *state;
    if (f == NULL)
        return 0;
    list_step_free(f->step);
    net_free(f->net);
    evhttp_free(f->server);
    event_base_free(f->loop);
    char command[100];
    static const char *const names[] = {"chrome.json", "chrome.sig", "chrome.next-sig", "apple.json"};
    for (size_t i = 0; i < 4; i++) {
        snprintf(command, sizeof command, "%s/lists/%s", f->folder, names[i]);
        unlink(command);
    }
    snprintf(command, sizeof command, "%s/lists", f->folder);
    rmdir(command);
    int outcome = rmdir(f->folder); /* fails when anything else was left there */
    free(f);
    return outcome;
}

#define FIXTURE(name) \
    struct fixture *name = *state; \
    if (name == NULL) { \
        print_message("skipped: no corpora\n"); \
        skip(); \
    }

/* One round of the loop, a hundredth of a second at most. */
static void turn(struct fixture *f) {
    struct timeval wait = {.tv_usec = 10000};
    list_step_run(f->step, monotonic_ms);
    event_base_loopexit(f->loop, &wait);
    event_base_dispatch(f->loop);
}

/* Turns until both lists were fetched, or tried, `times` times more; what waits for its time need not. */
static void fetch(struct fixture *f, unsigned times) {
    for (unsigned i = 0; i < times; i++) {
        unsigned chrome = f->chrome.asked, apple = f->apple.asked;
        monotonic_ms += HOUR_MS;
        for (unsigned rounds = 0; rounds < 500 && (f->chrome.asked == chrome || f->apple.asked == apple); rounds++)
            turn(f);
        assert_int_equal(f->chrome.asked, chrome + 1);
        assert_int_equal(f->apple.asked, apple + 1);
        for (unsigned rounds = 0; rounds < 10; rounds++) /* the answers, and Google's signature */
            turn(f);
    }
}

static const struct told_event *last_event(const struct fixture *f, const char *rule, const char *list) {
    for (size_t i = f->event_count; i > 0; i--)
        if (strcmp(f->events[i - 1].rule, rule) == 0 && strcmp(f->events[i - 1].list, list) == 0)
            return &f->events[i - 1];
    return NULL;
}

static bool is_open(const struct fixture *f, const char *rule, const char *list) {
    const struct told_event *event = last_event(f, rule, list);
    return event != NULL && !event->is_over;
}

/* ---- the tests */

static void both_lists_are_taken_into_use_and_kept_for_the_owner_alone(void **state) {
    FIXTURE(f);
    assert_null(list_step_chrome(f->step));
    fetch(f, 1);
    assert_int_equal(list_step_version(f->step), 2);
    assert_true(list_step_chrome(f->step)->count > 100);
    assert_true(list_step_apple(f->step)->count > 100);
    static const char *const names[] = {"chrome.json", "chrome.sig", "apple.json"};
    const struct span wanted[] = {chrome_json, chrome_signature, apple_json};
    for (size_t i = 0; i < 3; i++) {
        char path[100];
        struct stat status;
        struct buffer content = buffer_with_limit(LOG_LIST_SIZE_MAX);
        snprintf(path, sizeof path, "%s/lists/%s", f->folder, names[i]);
        assert_int_equal(stat(path, &status), 0);
        assert_int_equal(status.st_mode & 07777, 0600);
        assert_null(kept_file_read(path, &content));
        assert_true(span_equal(buffer_span(&content), wanted[i]));
        buffer_done(&content);
    }
    assert_false(is_open(f, "log.list-stale", "chrome"));
    assert_false(is_open(f, "log.list-refused", "chrome"));
}

static void the_next_start_needs_no_network(void **state) {
    FIXTURE(f);
    fetch(f, 1);
    restart(f);
    assert_null(list_step_chrome(f->step));
    list_step_load(f->step);
    assert_true(list_step_chrome(f->step)->count > 100);
    assert_true(list_step_apple(f->step)->count > 100);
    assert_int_equal(f->chrome.asked, 1);
}

static void write_kept(const struct fixture *f, const char *name, struct span content) {
    char path[100];
    snprintf(path, sizeof path, "%s/lists/%s", f->folder, name);
    assert_null(kept_file_write(path, content));
}

static void a_list_on_disk_that_was_touched_is_not_used(void **state) {
    FIXTURE(f);
    fetch(f, 1);
    write_kept(f, "chrome.json", span_of(chrome_json.bytes, chrome_json.size - 1));
    write_kept(f, "apple.json", span_of(apple_json.bytes, apple_json.size / 2));
    restart(f);
    list_step_load(f->step);
    assert_null(list_step_chrome(f->step));
    assert_null(list_step_apple(f->step));
    assert_int_equal(list_step_version(f->step), 0);
}

static void a_crash_between_list_and_signature_leaves_a_usable_pair(void **state) {
    FIXTURE(f);
    fetch(f, 1);
    write_kept(f, "chrome.sig", span_of_text("of the list before")); /* new list and next signature stand, the signature is the old one */
    restart(f);
    list_step_load(f->step);
    assert_non_null(list_step_chrome(f->step));
    write_kept(f, "chrome.sig", chrome_signature);
    write_kept(f, "chrome.next-sig", span_of_text("of a list that was never written"));
    restart(f);
    list_step_load(f->step);
    assert_non_null(list_step_chrome(f->step));
}

static void an_unchanged_list_is_asked_for_by_its_tag_and_kept(void **state) {
    FIXTURE(f);
    fetch(f, 1);
    const struct log_list *in_use = list_step_chrome(f->step);
    monotonic_ms += HOUR_MS - 60000;
    for (unsigned i = 0; i < 5; i++)
        turn(f);
    assert_int_equal(f->chrome.asked, 1); /* hourly, no sooner */
    fetch(f, 2);
    assert_int_equal(f->chrome.unchanged, 2);
    assert_int_equal(f->apple.unchanged, 2);
    assert_int_equal(f->signature.asked, 1);
    assert_int_equal(list_step_version(f->step), 2);
    assert_ptr_equal(list_step_chrome(f->step), in_use);
}

static void list_and_signature_of_two_versions_are_told_at_the_third_time_and_over_when_they_fit(void **state) {
    FIXTURE(f);
    f->signature.content = span_of(apple_json.bytes, 512);
    fetch(f, 2);
    assert_null(list_step_chrome(f->step));
    assert_null(last_event(f, "log.list-refused", "chrome"));
    fetch(f, 1);
    assert_true(is_open(f, "log.list-refused", "chrome"));
    assert_string_equal(last_event(f, "log.list-refused", "chrome")->detail, "the list and its signature do not belong together");
    assert_false(is_open(f, "log.list-refused", "apple"));
    size_t events = f->event_count;
    fetch(f, 2);
    assert_int_equal(f->event_count, events); /* told once */
    f->signature.content = chrome_signature;
    fetch(f, 1);
    assert_false(is_open(f, "log.list-refused", "chrome"));
    assert_non_null(list_step_chrome(f->step));
}

static void one_changed_byte_of_the_signed_list_refuses_it(void **state) {
    FIXTURE(f);
    uint8_t *changed = malloc(chrome_json.size);
    memcpy(changed, chrome_json.bytes, chrome_json.size);
    changed[chrome_json.size / 2] ^= 1;
    f->chrome.content = span_of(changed, chrome_json.size);
    fetch(f, 1);
    assert_null(list_step_chrome(f->step));
    assert_non_null(list_step_apple(f->step));
    free(changed);
}

static void a_list_that_goes_back_is_refused_and_the_newer_stays_in_use(void **state) {
    FIXTURE(f);
    fetch(f, 1);
    const struct log_list *in_use = list_step_apple(f->step);
    char *older = calloc(1, apple_json.size + 1);
    memcpy(older, apple_json.bytes, apple_json.size);
    char *version = NULL; /* the last one is the list's own */
    for (char *at = older; (at = strstr(at, "\"511\"")) != NULL; at++)
        version = at;
    assert_non_null(version);
    memcpy(version, "\"510\"", 5);
    f->apple = (struct page){.content = span_of(older, apple_json.size), .etag = "\"a0\""};
    fetch(f, 3);
    assert_ptr_equal(list_step_apple(f->step), in_use);
    assert_string_equal(in_use->version, "511");
    assert_true(is_open(f, "log.list-refused", "apple"));
    assert_non_null(strstr(last_event(f, "log.list-refused", "apple")->detail, "goes back from 511 to 510"));
    restart(f); /* and not after a restart either */
    list_step_load(f->step);
    fetch(f, 1);
    assert_string_equal(list_step_apple(f->step)->version, "511");
    free(older);
}

static void empty_pages_html_and_what_is_too_large_are_refused(void **state) {
    FIXTURE(f);
    fetch(f, 1);
    uint64_t version = list_step_version(f->step);
    uint8_t *large = calloc(1, LOG_LIST_SIZE_MAX + 1);
    const struct span bad[] = {span_of("", 0), span_of_text("<html><body>Please log in to the hotel's network</body></html>"),
                               span_of_text("{}"), span_of_text("[]"), span_of_text("{\"operators\":[]"), span_of(large, LOG_LIST_SIZE_MAX + 1)};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        f->chrome = (struct page){.content = bad[i]};
        f->apple = (struct page){.content = bad[i]};
        fetch(f, 1);
        assert_int_equal(list_step_version(f->step), version);
        assert_non_null(list_step_chrome(f->step));
        assert_non_null(list_step_apple(f->step));
    }
    assert_true(is_open(f, "log.list-refused", "chrome"));
    assert_true(is_open(f, "log.list-refused", "apple"));
    free(large);
}

static void a_server_in_trouble_is_asked_again_and_refuses_nothing(void **state) {
    FIXTURE(f);
    f->chrome.content = f->apple.content = span_of(NULL, 0);
    fetch(f, 5);
    assert_null(last_event(f, "log.list-refused", "chrome"));
    f->chrome.content = chrome_json;
    f->apple.content = apple_json;
    fetch(f, 1);
    assert_int_equal(list_step_version(f->step), 2);
}

static void a_list_older_than_a_week_is_stale_until_a_newer_comes(void **state) {
    FIXTURE(f);
    fetch(f, 1);
    wall_ms = CHROME_WRITTEN_MS + 7 * DAY_MS + 1000;
    fetch(f, 1);
    assert_true(is_open(f, "log.list-stale", "chrome"));
    assert_string_equal(last_event(f, "log.list-stale", "chrome")->detail, "the list itself is older than a week");
    assert_false(is_open(f, "log.list-stale", "apple")); /* Apple's has no time of its own */
    wall_ms -= 2000; /* as good as a newer list */
    turn(f);
    assert_false(is_open(f, "log.list-stale", "chrome"));
}

static void a_list_not_fetched_for_a_day_is_stale(void **state) {
    FIXTURE(f);
    fetch(f, 1);
    f->apple.content = span_of(NULL, 0);
    f->apple.etag = NULL;
    wall_ms += DAY_MS + 1000;
    monotonic_ms += DAY_MS + 1000;
    fetch(f, 1);
    assert_true(is_open(f, "log.list-stale", "apple"));
    assert_string_equal(last_event(f, "log.list-stale", "apple")->detail, "the list could not be fetched for a day");
    f->apple.content = apple_json;
    fetch(f, 1);
    turn(f);
    assert_false(is_open(f, "log.list-stale", "apple"));
}

static void a_clock_that_is_set_and_a_machine_that_slept_make_no_list_stale(void **state) {
    FIXTURE(f);
    fetch(f, 1);
    unsigned asked = f->apple.asked;
    wall_ms += 30 * DAY_MS; /* the servers know better */
    server_ahead_ms = -30 * DAY_MS;
    list_step_run(f->step, monotonic_ms);
    assert_false(is_open(f, "log.list-stale", "chrome")); /* not before they were asked */
    fetch(f, 1);
    turn(f);
    assert_true(f->apple.asked > asked);
    assert_false(is_open(f, "log.list-stale", "chrome"));
    assert_false(is_open(f, "log.list-stale", "apple"));
    wall_ms -= 60 * DAY_MS;
    server_ahead_ms = 30 * DAY_MS;
    fetch(f, 1);
    turn(f);
    assert_false(is_open(f, "log.list-stale", "chrome"));
    wall_ms += 30 * DAY_MS;
    server_ahead_ms = 0;
    fetch(f, 1);
    turn(f);
    assert_false(is_open(f, "log.list-stale", "chrome"));
}

static void a_clock_that_is_days_behind_refuses_no_list_of_today(void **state) {
    FIXTURE(f);
    wall_ms = CHROME_WRITTEN_MS - 30 * DAY_MS; /* as of a machine that lost its clock */
    server_ahead_ms = 31 * DAY_MS;
    fetch(f, 2); /* before the second list's server was heard, nobody knows */
    assert_non_null(list_step_chrome(f->step));
    assert_false(is_open(f, "log.list-refused", "chrome"));
    restart(f);
    list_step_load(f->step);
    assert_non_null(list_step_chrome(f->step));
}

static void a_lists_own_server_alone_does_not_say_how_old_the_list_is(void **state) {
    FIXTURE(f);
    static const char *const names[] = {LIST_OPERATOR_CHROME, "Operator of logs"};
    f->settings.apple_list_url = "";
    wall_ms = CHROME_WRITTEN_MS + 30 * DAY_MS;
    restart(f);
    world_clock_set_asked(&f->clock, names, 2);
    server_ahead_ms = -29 * DAY_MS; /* an old list, and a Date of when it was new */
    monotonic_ms += HOUR_MS;
    for (unsigned rounds = 0; rounds < 500 && list_step_chrome(f->step) == NULL; rounds++)
        turn(f);
    turn(f);
    assert_true(is_open(f, "log.list-stale", "chrome"));
}

static void the_end_is_told_after_a_restart_too(void **state) {
    FIXTURE(f);
    f->event_count = 0; /* a finding of the process before may be open */
    fetch(f, 1);
    turn(f);
    assert_true(last_event(f, "log.list-stale", "chrome")->is_over);
    assert_true(last_event(f, "log.list-refused", "chrome")->is_over);
    size_t events = f->event_count;
    fetch(f, 3);
    assert_int_equal(f->event_count, events);
}

static void what_could_not_be_recorded_is_told_again(void **state) {
    FIXTURE(f);
    f->is_store_down = true;
    f->signature.content = span_of_text("wrong");
    wall_ms = CHROME_WRITTEN_MS + 30 * DAY_MS;
    fetch(f, 4);
    assert_int_equal(f->event_count, 0);
    f->is_store_down = false;
    fetch(f, 1);
    assert_true(is_open(f, "log.list-refused", "chrome"));
}

static void without_public_logs_nothing_is_asked_for(void **state) {
    FIXTURE(f);
    f->settings.follows_public_logs = false;
    restart(f);
    monotonic_ms += HOUR_MS;
    for (unsigned i = 0; i < 5; i++)
        turn(f);
    list_step_load(f->step);
    assert_int_equal(f->chrome.asked + f->signature.asked + f->apple.asked, 0);
    assert_int_equal(f->event_count, 0);
}

#define A(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        A(both_lists_are_taken_into_use_and_kept_for_the_owner_alone),
        A(the_next_start_needs_no_network),
        A(a_list_on_disk_that_was_touched_is_not_used),
        A(a_crash_between_list_and_signature_leaves_a_usable_pair),
        A(an_unchanged_list_is_asked_for_by_its_tag_and_kept),
        A(list_and_signature_of_two_versions_are_told_at_the_third_time_and_over_when_they_fit),
        A(one_changed_byte_of_the_signed_list_refuses_it),
        A(a_list_that_goes_back_is_refused_and_the_newer_stays_in_use),
        A(empty_pages_html_and_what_is_too_large_are_refused),
        A(a_server_in_trouble_is_asked_again_and_refuses_nothing),
        A(a_list_older_than_a_week_is_stale_until_a_newer_comes),
        A(a_list_not_fetched_for_a_day_is_stale),
        A(a_clock_that_is_set_and_a_machine_that_slept_make_no_list_stale),
        A(a_clock_that_is_days_behind_refuses_no_list_of_today),
        A(a_lists_own_server_alone_does_not_say_how_old_the_list_is),
        A(the_end_is_told_after_a_restart_too),
        A(what_could_not_be_recorded_is_told_again),
        A(without_public_logs_nothing_is_asked_for),
    };
    setenv("no_proxy", "*", 1);
    chrome_json = corpus("chrome/all_logs_list.json");
    chrome_signature = corpus("chrome/all_logs_list.sig");
    apple_json = corpus("apple/current_log_list.json");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
