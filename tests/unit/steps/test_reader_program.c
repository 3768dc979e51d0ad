/* The real reader program behind the pool, with its sandbox on: everything that libraries do must get by with the few calls
 * that are left. */
#include "vector_files.h"

#include <dirent.h>
#include <jansson.h>
#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "rules/watch_image.h"
#include "steps/reader_pool.h"

#define SLOT_SIZE ((size_t) 16 * 1024 * 1024)

struct fixture {
    struct event_base *loop;
    struct reader_pool *pool;
    struct buffer image;
    struct reader_answer answer;
    result fault;
    bool is_done;
    uint64_t reports, unreadable, proven;
};

static void start(struct fixture *f) {
    struct reader_pool_options options = {.reader_count = 1, .slot_count = 2, .slot_size = SLOT_SIZE,
                                          .program = BUILD_FOLDER "/pinwatch-reader"};
    struct watch_item everything = {WATCH_SUBTREE, ""};
    *f = (struct fixture){.loop = event_base_new(), .image = buffer_with_limit(1 << 20)};
    if (access(options.program, X_OK) != 0) {
        print_message("skipped: the reader program is not built\n");
        skip();
    }
    assert_null(reader_pool_new(f->loop, &options, &f->pool));
    assert_null(watch_image_build(&everything, 1, 3, &f->image));
    assert_null(reader_pool_set_image(f->pool, buffer_span(&f->image)));
}

static void stop(struct fixture *f) {
    struct reader_pool_figures figures;
    reader_pool_figures(f->pool, &figures);
    assert_int_equal(figures.deaths + figures.late + figures.lies, 0);
    reader_pool_free(f->pool);
    buffer_done(&f->image);
    event_base_free(f->loop);
}

static void look_at_reports(struct fixture *f, struct span bytes) {
    struct arena *arena = arena_new(REPORT_SIZE_MAX);
    struct cursor reports = cursor_of(bytes);
    struct entry_report report;
    for (uint64_t i = 0; i < f->answer.report_count; i++) {
        assert_null(entry_report_decode(&reports, arena, &report));
        f->proven += report.issuer_spki_sha256.is_known;
        f->unreadable += report.is_unreadable;
    }
    assert_true(cursor_at_end(&reports));
    f->reports += f->answer.report_count;
    arena_free(arena);
}

static void keep(void *context, const struct reader_outcome *outcome) {
    struct fixture *f = context;
    f->is_done = true;
    f->fault = outcome->fault;
    if (outcome->fault == OK) {
        f->answer = *outcome->answer;
        look_at_reports(f, outcome->reports);
    }
    event_base_loopbreak(f->loop);
}

static void ask(struct fixture *f, struct reader_request request, struct span body) {
    assert_true(body.size <= SLOT_SIZE);
    int slot = reader_pool_take_slot(f->pool);
    if (body.size > 0)
        memcpy(reader_pool_slot_bytes(f->pool, slot), body.bytes, body.size);
    request.slot = (uint32_t) slot;
    request.body_size = body.size;
    f->is_done = false;
    assert_null(reader_pool_submit(f->pool, &request, keep, f));
    while (!f->is_done)
        event_base_dispatch(f->loop);
    reader_pool_give_slot(f->pool, slot);
}

static void real_tiles_are_read_inside_the_sandbox(void **state) {
    struct fixture f;
    (void) state;
    start(&f);
    for (int i = 0; i < 4; i++) {
        char name[100];
        snprintf(name, sizeof name, "a-ct/static-ct/navigli2025h2/tile/data/%03d", i);
        struct buffer body = corpus_read(name);
        uint64_t begin = (uint64_t) i * 256;
        ask(&f, (struct reader_request){.task = READER_DATA_TILE, .encoding = READER_SNIFF, .first_index = begin,
                                        .wanted_begin = begin, .wanted_end = begin + 256, .flags = READER_FLAG_LEAF_INDEX},
            buffer_span(&body));
        assert_null(f.fault);
        buffer_done(&body);
    }
    assert_int_equal(f.reports, 1024);
    stop(&f);
}

static void real_issuers_and_scts_are_verified_inside_the_sandbox(void **state) {
    struct fixture f;
    struct buffer raw = corpus_read("a-ct/rfc6962/live_ct.json"), body = buffer_with_limit(1 << 24);
    json_t *list = json_loadb((const char *) raw.bytes, raw.size, 0, NULL);
    (void) state;
    start(&f);
    buffer_add_text(&body, "{\"more\":1,\"entries\":["); /* Jansson's turn */
    for (size_t i = 0; i < json_array_size(list); i++)
        buffer_printf(&body, "%s{\"leaf_input\":\"%s\",\"extra_data\":\"%s\"}", i == 0 ? "" : ",",
                      json_string_value(json_object_get(json_array_get(list, i), "leaf_input")),
                      json_string_value(json_object_get(json_array_get(list, i), "extra_data")));
    buffer_add_text(&body, "]}");
    ask(&f, (struct reader_request){.task = READER_GET_ENTRIES, .wanted_end = 40}, buffer_span(&body));
    assert_null(f.fault);
    assert_int_equal(f.proven, 40);
    stop(&f);
    json_decref(list);
    buffer_done(&raw);
    buffer_done(&body);
}

/* Every file of a folder of the corpora as a certificate. */
static void ask_folder(struct fixture *f, const char *folder) {
    char path[1000];
    snprintf(path, sizeof path, "%s/%s", CORPORA_FOLDER, folder);
    DIR *files = opendir(path);
    assert_non_null(files);
    for (struct dirent *file; (file = readdir(files)) != NULL;) {
        struct buffer body;
        char name[2000];
        snprintf(name, sizeof name, "%s/%s", path, file->d_name);
        if (file->d_name[0] == '.' || !file_read(name, &body))
            continue;
        ask(f, (struct reader_request){.task = READER_CERTIFICATE, .wanted_end = 4096}, buffer_span(&body));
        if (f->fault != OK)
            fail_msg("%s: %s", name, f->fault->name);
        buffer_done(&body);
    }
    closedir(files);
}

static void odd_certificates_do_not_kill_a_reader(void **state) {
    struct fixture f;
    (void) state;
    struct buffer probe = corpus_read("a-ct/rfc6962/google-ct-testdata/ca-cert.pem");
    buffer_done(&probe);
    start(&f);
    ask_folder(&f, "b-x509/google-ct-python-testdata");
    ask_folder(&f, "b-x509/asn1-ber-tests");
    ask_folder(&f, "a-ct/rfc6962/google-ct-testdata");
    ask_folder(&f, "a-ct/rfc6962/ct-go/trillian-testdata");
    print_message("%d certificates told, %d unreadable, %d issuers proven\n", (int) f.reports, (int) f.unreadable,
                  (int) f.proven);
    assert_true(f.reports > 100);
    stop(&f);
}

/* PINWATCH_READER_FILES names a file with one path a line: for runs over more than a test should take. */
static void files_that_a_person_names_do_not_kill_a_reader(void **state) {
    const char *list = getenv("PINWATCH_READER_FILES");
    struct fixture f;
    char path[2000];
    (void) state;
    if (list == NULL) {
        print_message("skipped: for people: PINWATCH_READER_FILES names a file of paths to try\n");
        skip();
    }
    FILE *paths = fopen(list, "r");
    assert_non_null(paths);
    start(&f);
    while (fgets(path, sizeof path, paths) != NULL) {
        struct buffer body;
        path[strcspn(path, "\n")] = '\0';
        if (!file_read(path, &body))
            continue;
        ask(&f, (struct reader_request){.task = READER_CERTIFICATE, .wanted_end = 4096}, buffer_span(&body));
        if (f.fault != OK)
            print_message("%s: %s\n", path, f.fault->name);
        buffer_done(&body);
    }
    fclose(paths);
    print_message("%d certificates told, %d unreadable, %d issuers proven\n", (int) f.reports, (int) f.unreadable,
                  (int) f.proven);
    stop(&f);
}

int main(void) {
    log_init("test", LOG_ERROR, true);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(real_tiles_are_read_inside_the_sandbox),
        cmocka_unit_test(real_issuers_and_scts_are_verified_inside_the_sandbox),
        cmocka_unit_test(odd_certificates_do_not_kill_a_reader),
        cmocka_unit_test(files_that_a_person_names_do_not_kill_a_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
