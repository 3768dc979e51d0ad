/* One reading of one or many logs: sets up loop, readers and logs, runs until all are done, prints the summaries. */
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/memory.h"
#include "base/text.h"
#include "cli/exit_code.h"
#include "cli/read_file.h"
#include "cli/scan.h"
#include "cli/table.h"
#include "net/user_agent.h"
#include "rules/signature.h"
#include "steps/drive.h"

#define AGENT_LIMIT 512
#define KEY_FILE_MAX 65536
#define IMAGE_LIMIT ((size_t) 8 * 1024 * 1024 * 1024)
#define READER_DEADLINE_MS 20000
#define SLOT_SIZE ((size_t) 16 * 1024 * 1024)
#define PROGRESS_MS 200
#define HOLD_AT_WAITING 2000
#define LISTS_ARENA_LIMIT ((size_t) 64 * 1024 * 1024)

struct scan_log {
    struct followed_log *log;
    struct budget *budget; /* shared by the logs of one operator */
    bool is_done;
};

struct scan {
    const struct scan_options *options;
    const struct scan_watch *watch;
    struct arena *arena;
    struct follow_world world;
    struct drive *drive;
    struct scan_printer *printer;
    struct issuer_fetch *issuers;
    struct scan_log *logs;
    struct budget *budgets;
    size_t count, done_count;
    bool should_stop, is_on_terminal;
    int64_t started_ms, progress_ms;
    int code;
};

/* ---- figures */

static double cpu_seconds_of(clockid_t clock) {
    struct timespec spent = {0};
    clock_gettime(clock, &spent);
    return (double) spent.tv_sec + (double) spent.tv_nsec / 1e9;
}

/* CPU time of this process and of all readers, ended ones included. */
static double cpu_seconds(const struct scan *scan) {
    int pids[256];
    struct rusage ended = {0};
    double sum = cpu_seconds_of(CLOCK_PROCESS_CPUTIME_ID);
    size_t count = reader_pool_pids(scan->world.readers, pids, sizeof pids / sizeof pids[0]);
    for (size_t i = 0; i < count; i++) {
        clockid_t clock;
        if (clock_getcpuclockid(pids[i], &clock) == 0)
            sum += cpu_seconds_of(clock);
    }
    getrusage(RUSAGE_CHILDREN, &ended);
    return sum + (double) (ended.ru_utime.tv_sec + ended.ru_stime.tv_sec) +
           (double) (ended.ru_utime.tv_usec + ended.ru_stime.tv_usec) / 1e6;
}

static int worse(int a, int b) {
    /* 1, a contradiction, is the worst that can be said of a log. */
    static const int order[] = {EXIT_OK, EXIT_USAGE_WRONG, EXIT_IO, EXIT_DATA, EXIT_UNAVAILABLE, EXIT_BUG, EXIT_FINDING};
    size_t rank_a = 0, rank_b = 0;
    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++) {
        rank_a = order[i] == a ? i : rank_a;
        rank_b = order[i] == b ? i : rank_b;
    }
    return rank_a > rank_b ? a : b;
}

/* A note signed by nobody we know, or for another origin, is as good as a bad signature. */
static int code_of_fault(result fault) {
    if (fault == OK)
        return EXIT_OK;
    bool is_contradiction = fault->family == FAULT_LOG || fault == &fault_checkpoint_unsigned || fault == &fault_checkpoint_origin ||
                            fault == &fault_signature_form || fault == &fault_merkle_root;
    return is_contradiction ? EXIT_FINDING : fault->family == FAULT_BUG ? EXIT_BUG : EXIT_UNAVAILABLE;
}

static json_t *summary_line(const struct scan *scan, const struct scan_log *entry, const struct follow_figures *figures) {
    char log_id[HASH_BASE64_SIZE], root[HASH_HEX_SIZE];
    uint64_t from = scan->options->from, to = figures->read_to < scan->options->to ? figures->read_to : scan->options->to;
    hash_to_base64(&followed_log_identity(entry->log)->log.log_id, log_id);
    hash_to_hex(&figures->head_root, root);
    if (to < from)
        to = from;
    return json_pack("{s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o, s:b, s:f, s:f}", "type", "summary", "log_id", log_id, "from",
                     (json_int_t) from, "to", (json_int_t) to, "entries", (json_int_t) (to - from), "matches",
                     (json_int_t) figures->matches, "unreadable", (json_int_t) figures->unreadable, "tree_size",
                     (json_int_t) figures->head_size, "head_timestamp", (json_int_t) figures->head_time_ms, "root",
                     figures->is_verified ? json_string(root) : json_null(), "verified", figures->is_verified, "seconds",
                     (double) (clock_monotonic_ms() - scan->started_ms) / 1000.0, "cpu_seconds", cpu_seconds(scan));
}

static const char *why_not_verified(const struct follow_figures *figures) {
    return figures->last_error.text[0] != '\0' ? figures->last_error.text : "the reading was stopped before its end";
}

static void print_for_people(const struct scan_log *entry, const struct follow_figures *figures, double seconds) {
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(8192);
    char root[HASH_HEX_SIZE];
    hash_to_hex(&figures->head_root, root);
    text_add_harmless(&text, span_of_text(followed_log_identity(entry->log)->log.description));
    buffer_printf(&text, ": %llu entries read in %.1f s (%.0f/s), %llu match, %llu unreadable; ", (unsigned long long) figures->entries,
                  seconds, seconds > 0 ? (double) figures->entries / seconds : 0.0, (unsigned long long) figures->matches,
                  (unsigned long long) figures->unreadable);
    if (figures->is_verified)
        buffer_printf(&text, "verified against the signed root %.16s… of %llu entries", root, (unsigned long long) figures->head_size);
    else
        buffer_printf(&text, "NOT VERIFIED: %s", why_not_verified(figures));
    fprintf(stderr, "%s\n", buffer_text(&text));
}

static void print_summary(struct scan *scan, const struct scan_log *entry) {
    struct follow_figures figures;
    followed_log_figures(entry->log, &figures);
    double seconds = (double) (clock_monotonic_ms() - scan->started_ms) / 1000.0;
    scan->code = worse(scan->code, figures.is_verified ? EXIT_OK : code_of_fault(figures.fault));
    if (scan->options->is_json) {
        if (!print_json_line(summary_line(scan, entry, &figures)))
            scan->code = worse(scan->code, EXIT_IO);
        if (!figures.is_verified)
            fprintf(stderr, "pinwatch: %s\n", why_not_verified(&figures));
        return;
    }
    fflush(stdout);
    print_for_people(entry, &figures, seconds);
}

/* ---- progress */

static void show_progress(struct scan *scan, int64_t now_ms) {
    uint64_t done = 0, wanted = 0;
    for (size_t i = 0; i < scan->count; i++) {
        struct follow_figures figures;
        followed_log_figures(scan->logs[i].log, &figures);
        uint64_t end = scan->options->to < figures.head_size ? scan->options->to : figures.head_size;
        wanted += end > scan->options->from ? end - scan->options->from : 0;
        done += figures.entries;
    }
    double seconds = (double) (now_ms - scan->started_ms) / 1000.0;
    double rate = seconds > 0 ? (double) done / seconds : 0;
    int percent = wanted > 0 ? (int) (100.0 * (double) done / (double) wanted) : 0;
    percent = percent > 100 ? 100 : percent;
    char bar[21];
    for (int i = 0; i < 20; i++)
        bar[i] = i < percent / 5 ? '#' : '.';
    bar[20] = '\0';
    fprintf(stderr, "\r[%s] %3d%%  %llu of %llu entries  %.0f/s  %.0f s left \033[K", bar, percent, (unsigned long long) done,
            (unsigned long long) wanted, rate, rate > 0 && wanted > done ? (double) (wanted - done) / rate : 0.0);
}

static int64_t after_round(void *context, int64_t now_ms) {
    struct scan *scan = context;
    if (scan_printer_has_failed(scan->printer)) {
        scan->code = worse(scan->code, EXIT_IO);
        scan->should_stop = true;
    }
    bool is_held = scan_printer_waiting(scan->printer) > HOLD_AT_WAITING;
    for (size_t i = 0; i < scan->count; i++)
        followed_log_hold(scan->logs[i].log, is_held);
    if (scan->done_count == scan->count && scan_printer_waiting(scan->printer) == 0)
        scan->should_stop = true;
    if (!scan->is_on_terminal)
        return now_ms + 1000;
    if (now_ms >= scan->progress_ms) {
        show_progress(scan, now_ms);
        scan->progress_ms = now_ms + PROGRESS_MS;
    }
    return scan->progress_ms;
}

static void log_done(void *context, struct followed_log *log) {
    struct scan *scan = context;
    for (size_t i = 0; i < scan->count; i++)
        if (scan->logs[i].log == log && !scan->logs[i].is_done) {
            scan->logs[i].is_done = true;
            scan->done_count++;
        }
}

/* ---- set-up */

static result read_key(struct scan *scan, const char *given, struct span *ret_key, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(KEY_FILE_MAX);
    uint8_t der[1024];
    size_t size;
    if (access(given, F_OK) == 0)
        TRY(read_file(given, &text, reason));
    else
        buffer_add_text(&text, given);
    result fault = signature_key_read(buffer_span(&text), der, &size);
    if (fault != OK)
        return reason_set(reason, fault, "--key %s: neither a readable file nor base64 of a public key: %s, wanted %s", given,
                          fault->wrong, fault->wanted);
    ret_key->bytes = arena_copy(scan->arena, span_of(der, size));
    ret_key->size = size;
    return ret_key->bytes == NULL ? &fault_no_memory : OK;
}

static result choose_one(struct scan *scan, struct chosen_log *ret_log, struct reason *reason) {
    const struct scan_options *options = scan->options;
    size_t length = strlen(options->url);
    const char *url = arena_printf(scan->arena, "%s%s", options->url, length > 0 && options->url[length - 1] == '/' ? "" : "/");
    *ret_log = (struct chosen_log){.sources = SOURCE_SETTINGS, .is_followed = true, .reason = "given",
                                   .log = {.protocol = options->is_static ? LOG_STATIC_CT : LOG_RFC6962, .description = options->url,
                                           .operator_name = "", .url = url, .monitoring_url = options->is_static ? url : "", .log_type = "prod"}};
    if (url == NULL)
        return &fault_no_memory;
    ret_log->origin = options->origin != NULL ? options->origin : log_default_origin(scan->arena, url);
    TRY(read_key(scan, options->key, &ret_log->log.key, reason));
    digest_of(ret_log->log.key, &ret_log->log.log_id);
    return OK;
}

static result choose_from_list(struct scan *scan, struct chosen_log **ret_logs, size_t *ret_count, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(LOG_LIST_SIZE_MAX);
    struct log_list list;
    TRY(read_file(scan->options->log_list, &text, reason));
    TRY(log_list_parse(buffer_span(&text), scan->arena, &list, reason));
    struct log_choice_input input = {.chrome = &list, .now_ms = clock_wall_ms()};
    struct chosen_log *all;
    size_t all_count, kept = 0;
    TRY(log_choose(&input, scan->arena, &all, &all_count));
    for (size_t i = 0; i < all_count; i++)
        if (all[i].is_followed)
            all[kept++] = all[i];
    *ret_logs = all;
    *ret_count = kept;
    return kept > 0 ? OK : reason_set(reason, &fault_log_list, "%s: no log in it is to be followed", scan->options->log_list);
}

static result add_log(struct scan *scan, const struct chosen_log *chosen) {
    struct scan_log *entry = &scan->logs[scan->count];
    struct budget_options wish = {.transfers_max = scan->options->parallel, .transfers_first = 2};
    entry->budget = &scan->budgets[scan->count];
    budget_init(entry->budget, &wish, scan->count + 1, clock_monotonic_ms());
    for (size_t i = 0; i < scan->count; i++)
        if (strcmp(followed_log_identity(scan->logs[i].log)->log.operator_name, chosen->log.operator_name) == 0)
            entry->budget = scan->logs[i].budget;
    struct follow_options options = {.first_index = scan->options->from, .is_one_shot = true, .end = scan->options->to,
                                     .delivers_early = true, .poll_ms = 1000, .parallel_max = scan->options->parallel,
                                     .budget = entry->budget};
    TRY(followed_log_new(&scan->world, chosen, &options, NULL, &entry->log));
    followed_log_on_done(entry->log, log_done, scan);
    scan->count++;
    return drive_add(scan->drive, entry->log);
}

static result build_image(const struct scan_watch *watch, struct reader_pool *readers, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer image = buffer_with_limit(IMAGE_LIMIT);
    result fault = watch_image_build(watch->items, watch->count, 1, &image);
    if (fault == OK)
        fault = reader_pool_set_image(readers, buffer_span(&image));
    return fault == OK ? OK : reason_set(reason, fault, "the watch image: %s", fault->wrong);
}

static result set_up_world(struct scan *scan, size_t log_count, struct reason *reason) {
    const struct scan_options *options = scan->options;
    CLEANUP(buffer_done) struct buffer agent = buffer_with_limit(AGENT_LIMIT);
    TRY(user_agent_write(options->contact, &agent));
    struct net_options net = {.user_agent = buffer_text(&agent), .ca_file = options->ca_file, .connections_max = 256, .connections_host_max = 32};
    size_t slots = log_count * 2 + 32;
    struct reader_pool_options pool = {.reader_count = options->readers, .slot_count = slots > 160 ? 160 : (unsigned) slots,
                                       .slot_size = SLOT_SIZE, .deadline_ms = READER_DEADLINE_MS};
    scan->world.loop = event_base_new();
    if (scan->world.loop == NULL)
        return &fault_no_memory;
    TRY(net_new(scan->world.loop, &net, &scan->world.net));
    TRY(reader_pool_new(scan->world.loop, &pool, &scan->world.readers));
    TRY(build_image(scan->watch, scan->world.readers, reason));
    TRY(scan_printer_new(scan->watch, &scan->printer));
    scan->world.sink = scan_printer_sink(scan->printer);
    TRY(issuer_fetch_new(&scan->world, &scan->issuers));
    scan_printer_set_issuers(scan->printer, scan->issuers);
    TRY(drive_new(scan->world.loop, &scan->drive));
    drive_set_extra(scan->drive, after_round, scan);
    scan->logs = memory_new_array(log_count, sizeof *scan->logs);
    scan->budgets = memory_new_array(log_count, sizeof *scan->budgets);
    return scan->logs == NULL || scan->budgets == NULL ? &fault_no_memory : OK;
}

static result set_up(struct scan *scan, struct reason *reason) {
    struct chosen_log one, *logs = &one;
    size_t count = 1;
    TRY(digest_init());
    scan->arena = arena_new(LISTS_ARENA_LIMIT);
    if (scan->arena == NULL)
        return &fault_no_memory;
    if (scan->options->log_list != NULL)
        TRY(choose_from_list(scan, &logs, &count, reason));
    else
        TRY(choose_one(scan, &one, reason));
    TRY(set_up_world(scan, count, reason));
    for (size_t i = 0; i < count; i++)
        TRY(add_log(scan, &logs[i]));
    return OK;
}

static void tear_down(struct scan *scan) {
    issuer_fetch_free(scan->issuers);
    for (size_t i = 0; i < scan->count; i++)
        followed_log_free(scan->logs[i].log);
    if (scan->world.readers != NULL)
        reader_pool_free(scan->world.readers);
    scan_printer_free(scan->printer);
    drive_free(scan->drive);
    if (scan->world.net != NULL)
        net_free(scan->world.net);
    if (scan->world.loop != NULL)
        event_base_free(scan->world.loop);
    memory_free(scan->logs);
    memory_free(scan->budgets);
    arena_free(scan->arena);
}

int scan_run(const struct scan_options *options, const struct scan_watch *watch) {
    struct scan scan = {.options = options, .watch = watch, .is_on_terminal = isatty(STDERR_FILENO) && !options->is_quiet};
    struct reason reason = {{0}};
    signal(SIGPIPE, SIG_IGN);
    scan.started_ms = clock_monotonic_ms();
    result fault = set_up(&scan, &reason);
    if (fault == OK)
        fault = drive_run(scan.drive, &scan.should_stop);
    if (scan.is_on_terminal)
        fputs("\r\033[K", stderr);
    if (fault != OK)
        scan.code = exit_with(fault, &reason);
    for (size_t i = 0; i < scan.count && fault == OK; i++)
        print_summary(&scan, &scan.logs[i]);
    result trouble = scan.printer == NULL ? OK : scan_printer_trouble(scan.printer);
    if (trouble != OK)
        scan.code = worse(scan.code, exit_with(trouble, NULL));
    if (scan.code == EXIT_IO)
        fputs("pinwatch: a line could not be printed\n", stderr);
    tear_down(&scan);
    return scan.code;
}
