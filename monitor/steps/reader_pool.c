#include "steps/reader_pool.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "formats/entry_report.h"
#include "formats/reader_reports.h"
#include "rules/watch_image.h"
#include "steps/reader_process.h"

FAULT(fault_reader_died, FAULT_INPUT, "reader.died", "reader", "", "it died while it read this body", "an answer");
FAULT(fault_reader_starved, FAULT_RETRY, "reader.starved", "reader", "", "it had no memory for this body", "free memory, or a smaller body");
FAULT(fault_reader_killed, FAULT_INPUT, "reader.killed", "reader", "", "somebody else killed it while it read this body", "an answer");
FAULT(fault_reader_late, FAULT_INPUT, "reader.late", "reader", "", "it took longer than allowed for this body",
      "an answer in time");
FAULT(fault_reader_stalled, FAULT_RETRY, "reader.stalled", "reader", "", "others had the processor, or stopped it, while it read this body",
      "a machine that lets it work");
FAULT(fault_reader_lied, FAULT_INPUT, "reader.lied", "reader", "", "its answer does not fit the request", "an answer that does");
FAULT(fault_pool_hopeless, FAULT_RETRY, "reader.none", "readers", "", "no reader process stays alive", "memory, processes and a kernel with seccomp");

#define AREA_SIZE        ((size_t) 4 * 1024 * 1024) /* reports of one answer: about a thousand matches */
#define START_LIMIT_MS   30000                      /* to load libraries and map the image */
#define NEVER_MS ((int64_t) 365 * 24 * 3600 * 1000)
#define DEADLINE_MS      20000                      /* when the caller names none */
#define DEADLINES_MAX    10                         /* of one request, while the reader gets hardly any of a processor */
#define WORKED_SHARE     10                         /* who has used a tenth of its deadline had a processor */
#define BACKOFF_FIRST_MS 100                        /* a reader that dies without work is started later and later */
#define BACKOFF_LAST_MS  30000
#define HOPELESS_FAILURES 6                         /* of every seat in a row, before waiting for a reader is given up */
#define READERS_MAX      256
#define SLOTS_MAX        4096

/* When a reader that works is replaced by a fresh one: nothing that leaks in it, or in a library, may add up for ever. */
static const struct {
    uint64_t requests;
    uint64_t looks_every;    /* requests, at how much memory it holds */
    uint64_t resident_bytes; /* of its own, without slots and image; a full body needs half of it at most */
} reader_lasts = {.requests = 50000, .looks_every = 4, .resident_bytes = UINT64_C(256) << 20};

enum seat_state {
    SEAT_EMPTY,    /* no process: there is no image yet, or the timer will start one */
    SEAT_STARTING, /* not yet ready */
    SEAT_IDLE,
    SEAT_BUSY,
};

struct work {
    struct work *next;
    struct reader_request request;
    reader_done done;
    void *context;
};

/* A place for one reader; processes in it come and go. */
struct seat {
    struct reader_pool *pool;
    enum seat_state state;
    bool is_retiring; /* busy with the old image */
    unsigned failures; /* in a row, without an answer in between */
    struct reader_process process;
    struct event *readable;
    struct event *timer; /* empty: start; starting, busy: deadline */
    struct work *work;
    int64_t given_ms, given_cpu_ms; /* when it got `work`, and what it had used of a processor */
    unsigned deadlines;             /* that have passed over `work` */
    uint64_t served; /* requests, by this process */
    struct reader_answer answer;
    size_t received; /* bytes of `answer` */
};

struct reader_pool {
    struct event_base *loop;
    struct reader_slots slots;
    struct seat *seats;
    unsigned seat_count;
    int64_t deadline_ms;
    char program[PATH_MAX];
    int image; /* -1 until the first */
    uint64_t generation;
    uint64_t next_id;
    struct work *first, **last; /* queue */
    unsigned queued;
    struct reader_answer answer; /* being delivered */
    struct buffer reports;       /* being delivered */
    struct reader_pool_figures figures;
};

/* The timer is persistent and always set, if only for a year hence: libevent asks for memory, and may fail, only where it was not. */
static bool set_timer(struct seat *seat, int64_t after_ms) {
    struct timeval after = {.tv_sec = after_ms / 1000, .tv_usec = after_ms % 1000 * 1000 + 1}; /* of nothing it would be set once */
    return event_add(seat->timer, &after) == 0;
}

static void rest_timer(struct seat *seat) {
    (void) set_timer(seat, NEVER_MS);
}

/* ------------------------------------------------------------------ the queue */

static void queue_last(struct reader_pool *pool, struct work *work) {
    work->next = NULL;
    *pool->last = work;
    pool->last = &work->next;
    pool->queued++;
}

static void queue_first(struct reader_pool *pool, struct work *work) {
    work->next = pool->first;
    if (pool->first == NULL)
        pool->last = &work->next;
    pool->first = work;
    pool->queued++;
}

static struct work *queue_take(struct reader_pool *pool) {
    struct work *work = pool->first;
    pool->first = work->next;
    if (pool->first == NULL)
        pool->last = &pool->first;
    pool->queued--;
    return work;
}

/* ------------------------------------------------------------------ seats */

static void on_answer(evutil_socket_t file, short what, void *context);
static void give_up_if_hopeless(struct reader_pool *pool);

static void seat_clear(struct seat *seat) {
    if (seat->readable != NULL)
        event_free(seat->readable);
    seat->readable = NULL;
    rest_timer(seat);
    reader_process_stop(&seat->process);
    seat->state = SEAT_EMPTY;
    seat->is_retiring = false;
    seat->received = 0;
    seat->served = 0;
}

static void seat_start_later(struct seat *seat) {
    int64_t after_ms = 0;
    if (seat->failures > 0) {
        unsigned doublings = seat->failures > 10 ? 10 : seat->failures - 1;
        after_ms = (int64_t) BACKOFF_FIRST_MS << doublings;
        after_ms = after_ms > BACKOFF_LAST_MS ? BACKOFF_LAST_MS : after_ms;
    }
    (void) set_timer(seat, after_ms);
}

static void seat_start(struct seat *seat) {
    struct reader_pool *pool = seat->pool;
    struct reader_launch launch = {.program = pool->program, .slots = &pool->slots, .image = pool->image,
                                   .area_size = AREA_SIZE};
    if (pool->image < 0)
        return;
    result outcome = reader_process_start(&launch, &seat->process);
    if (outcome == OK) {
        seat->readable = event_new(pool->loop, seat->process.answers, EV_READ | EV_PERSIST, on_answer, seat);
        if (seat->readable == NULL || event_add(seat->readable, NULL) != 0)
            outcome = &fault_no_memory;
    }
    if (outcome != OK) {
        log_say(LOG_WARNING, "reader.start-failed", LOG_TEXT("path", pool->program), LOG_FAULT(outcome));
        seat_clear(seat);
        seat->failures++;
        seat_start_later(seat);
        give_up_if_hopeless(pool);
        return;
    }
    seat->state = SEAT_STARTING;
    (void) set_timer(seat, START_LIMIT_MS);
}

/* A request is smaller than PIPE_BUF and the pipe is empty, so that it is written whole or not at all. */
static bool seat_give(struct seat *seat, struct work *work) {
    _Static_assert(sizeof work->request <= PIPE_BUF, "a request must be written in one piece");
    work->request.request_id = ++seat->pool->next_id;
    work->request.generation = seat->pool->generation;
    if (write(seat->process.requests, &work->request, sizeof work->request) != (ssize_t) sizeof work->request)
        return false;
    seat->work = work;
    seat->given_ms = clock_monotonic_ms();
    seat->given_cpu_ms = reader_process_cpu_ms(&seat->process);
    seat->deadlines = 0;
    seat->state = SEAT_BUSY;
    seat->pool->figures.requests++;
    (void) set_timer(seat, seat->pool->deadline_ms);
    return true;
}

static void dispatch(struct reader_pool *pool) {
    for (unsigned i = 0; i < pool->seat_count && pool->first != NULL; i++) {
        struct seat *seat = &pool->seats[i];
        if (seat->state != SEAT_IDLE)
            continue;
        struct work *work = queue_take(pool);
        if (seat_give(seat, work))
            continue;
        queue_first(pool, work);
        (void) set_timer(seat, 0); /* whatever ails it, it is replaced from the loop */
        return;
    }
}

static void deliver(struct work *work, const struct reader_outcome *outcome) {
    struct work kept = *work;
    memory_free(work);
    kept.done(kept.context, outcome);
}

static bool is_hopeless(const struct reader_pool *pool) {
    for (unsigned i = 0; i < pool->seat_count; i++)
        if (pool->seats[i].state >= SEAT_IDLE || pool->seats[i].failures < HOPELESS_FAILURES)
            return false;
    return true;
}

/* Where no reader stays alive, whoever waits is to hear of it. */
static void give_up_if_hopeless(struct reader_pool *pool) {
    for (unsigned waiting = is_hopeless(pool) ? pool->queued : 0; waiting > 0; waiting--)
        deliver(queue_take(pool), &(struct reader_outcome){.fault = &fault_pool_hopeless});
}

/* What a reader was lost in, for whoever reads the log: how it ended or what it does, and how long it had. */
static void say_lost(const struct seat *seat, const char *event, const struct reader_look *look) {
    static const char *const tasks[reader_task_count] = {"get-entries", "data-tile", "certificate", "issuer", "raw-entry"};
    char how[READER_LOOK_WORDS];
    reader_look_words(look, how);
    if (seat->work == NULL) {
        log_say(LOG_WARNING, event, LOG_NUMBER("pid", seat->process.pid), LOG_TEXT("busy", "no"), LOG_TEXT("how", how), LOG_NUMBER("cpu_ms", look->cpu_ms),
                LOG_NUMBER("requests", seat->served));
        return;
    }
    const struct reader_request *request = &seat->work->request;
    log_say(LOG_WARNING, event, LOG_NUMBER("pid", seat->process.pid), LOG_TEXT("busy", "yes"), LOG_TEXT("how", how),
            LOG_NUMBER("ms", clock_monotonic_ms() - seat->given_ms), LOG_NUMBER("cpu_ms", look->cpu_ms - seat->given_cpu_ms), LOG_TEXT("task", tasks[request->task]),
            LOG_NUMBER("begin", request->wanted_begin), LOG_NUMBER("end", request->wanted_end), LOG_NUMBER("bytes", request->body_size),
            LOG_NUMBER("requests", seat->served));
}

/* The process is gone or must go. Its work, if any, ends with `fault`. */
static void seat_fail(struct seat *seat, result fault, const char *event, const struct reader_look *look) {
    say_lost(seat, event, look);
    struct work *work = TAKE(seat->work);
    seat->failures += work == NULL ? 1 : 0;
    seat_clear(seat);
    seat_start_later(seat);
    if (work != NULL)
        deliver(work, &(struct reader_outcome){.fault = fault});
    give_up_if_hopeless(seat->pool);
}

/* A request that still lies in the pipe did not kill anybody: another reader gets it. */
static void save_unread_request(struct seat *seat) {
    int unread = 0;
    if (seat->work == NULL || ioctl(seat->process.requests, FIONREAD, &unread) != 0 ||
        unread != (int) sizeof seat->work->request)
        return;
    queue_first(seat->pool, TAKE(seat->work));
    seat->state = SEAT_STARTING;
    dispatch(seat->pool);
}

static void seat_died(struct seat *seat) {
    struct reader_look look;
    seat->pool->figures.deaths++;
    reader_process_look_at_end(&seat->process, &look);
    result fault = reader_look_was_killed(&look) ? &fault_reader_killed : reader_look_was_starved(&look) ? &fault_reader_starved : &fault_reader_died;
    save_unread_request(seat);
    seat_fail(seat, fault, "reader.died", &look);
}

static void seat_lied(struct seat *seat) {
    struct reader_look look;
    seat->pool->figures.lies++;
    reader_process_look(&seat->process, &look);
    seat_fail(seat, &fault_reader_lied, "reader.lied", &look);
}

/* ------------------------------------------------------------------ answers */

static result check_reports(const struct reader_pool *pool, const struct reader_request *request) {
    if (pool->answer.report_count == 0 && pool->reports.size == 0)
        return OK;
    CLEANUP(arena_free_at) struct arena *arena = arena_new(REPORT_SIZE_MAX);
    return arena == NULL ? &fault_no_memory : reader_reports_check(&pool->answer, request, buffer_span(&pool->reports), arena);
}

/* Copies once, then looks at the copy alone. */
static result take_answer(struct seat *seat) {
    struct reader_pool *pool = seat->pool;
    pool->answer = seat->answer;
    seat->received = 0;
    buffer_reset(&pool->reports);
    TRY(reader_answer_check(&pool->answer, &seat->work->request, seat->process.area_size));
    if (!buffer_add(&pool->reports, span_of(seat->process.area, pool->answer.answer_size)))
        return &fault_no_memory;
    return check_reports(pool, &seat->work->request);
}

static bool is_worn_out(struct seat *seat) {
    if (++seat->served >= reader_lasts.requests) {
        log_say(LOG_INFO, "reader.renewed", LOG_NUMBER("pid", seat->process.pid), LOG_NUMBER("requests", seat->served));
        return true;
    }
    uint64_t own = seat->served % reader_lasts.looks_every == 0 ? reader_process_memory(&seat->process) : 0;
    if (own <= reader_lasts.resident_bytes)
        return false;
    log_say(LOG_WARNING, "reader.grown", LOG_NUMBER("pid", seat->process.pid), LOG_NUMBER("requests", seat->served), LOG_NUMBER("bytes", own),
            LOG_TEXT("consequence", "it is replaced by a fresh one; nothing is lost"));
    return true;
}

static void finish(struct seat *seat) {
    struct reader_pool *pool = seat->pool;
    result taken = take_answer(seat);
    if (taken != OK && taken != &fault_no_memory) {
        seat_lied(seat);
        return;
    }
    struct work *work = TAKE(seat->work);
    rest_timer(seat);
    seat->failures = 0;
    seat->state = SEAT_IDLE;
    if (is_worn_out(seat) || seat->is_retiring) {
        seat_clear(seat);
        seat_start(seat);
    }
    dispatch(pool);
    if (taken != OK)
        deliver(work, &(struct reader_outcome){.fault = taken});
    else
        deliver(work, &(struct reader_outcome){.answer = &pool->answer, .reports = buffer_span(&pool->reports)});
}

static void greeted(struct seat *seat) {
    bool is_greeting = seat->answer.version == READER_MESSAGE_VERSION && seat->answer.request_id == 0;
    seat->received = 0;
    if (!is_greeting) {
        seat_lied(seat);
        return;
    }
    rest_timer(seat);
    seat->state = SEAT_IDLE;
    dispatch(seat->pool);
}

static void on_answer(evutil_socket_t file, short what, void *context) {
    struct seat *seat = context;
    (void) what;
    ssize_t count = read(file, (uint8_t *) &seat->answer + seat->received, sizeof seat->answer - seat->received);
    if (count < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (count <= 0) {
        seat_died(seat);
        return;
    }
    seat->received += (size_t) count;
    if (seat->state == SEAT_IDLE)
        seat_lied(seat); /* it speaks unasked */
    else if (seat->received == sizeof seat->answer)
        (seat->state == SEAT_STARTING ? greeted : finish)(seat);
}

static bool has_worked(const struct seat *seat, const struct reader_look *look) {
    return look->cpu_ms - seat->given_cpu_ms >= seat->pool->deadline_ms / WORKED_SHARE;
}

/* Its time is over. One that others kept from the processor gets more of it, for a while. */
static void seat_late(struct seat *seat) {
    struct reader_look look;
    reader_process_look(&seat->process, &look);
    bool is_kept_waiting = seat->work != NULL && look.what == READER_WANTS_PROCESSOR && !has_worked(seat, &look);
    if (is_kept_waiting && ++seat->deadlines < DEADLINES_MAX) {
        say_lost(seat, "reader.slow", &look);
        (void) set_timer(seat, seat->pool->deadline_ms);
        return;
    }
    seat->pool->figures.late++;
    seat_fail(seat, is_kept_waiting || look.what == READER_STOPPED ? &fault_reader_stalled : &fault_reader_late, "reader.late", &look);
}

static void on_timer(evutil_socket_t file, short what, void *context) {
    struct seat *seat = context;
    (void) file;
    (void) what;
    rest_timer(seat);
    if (seat->state == SEAT_EMPTY)
        seat_start(seat);
    else
        seat_late(seat);
}

/* ------------------------------------------------------------------ the pool */

static result seats_init(struct reader_pool *pool) {
    pool->seats = memory_new_array(pool->seat_count, sizeof *pool->seats);
    if (pool->seats == NULL)
        return &fault_no_memory;
    for (unsigned i = 0; i < pool->seat_count; i++) {
        struct seat *seat = &pool->seats[i];
        seat->pool = pool;
        seat->process = (struct reader_process){.requests = -1, .answers = -1};
        seat->timer = event_new(pool->loop, -1, EV_PERSIST, on_timer, seat);
        if (seat->timer == NULL || !set_timer(seat, NEVER_MS))
            return &fault_no_memory;
    }
    return OK;
}

/* A reader that died while a request was written to it must not end the owner. */
static void ignore_sigpipe(void) {
    struct sigaction now;
    if (sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
        signal(SIGPIPE, SIG_IGN);
}

static unsigned processors(void) {
    long count = sysconf(_SC_NPROCESSORS_ONLN);
    return count < 1 ? 1 : count > READERS_MAX ? READERS_MAX : (unsigned) count;
}

result reader_pool_new(struct event_base *loop, const struct reader_pool_options *options, struct reader_pool **ret_pool) {
    if (options->slot_count == 0 || options->slot_count > SLOTS_MAX || options->slot_size == 0 ||
        options->reader_count > READERS_MAX)
        return &fault_limit_reached;
    struct reader_pool *pool = memory_new(sizeof *pool);
    if (pool == NULL)
        return &fault_no_memory;
    pool->loop = loop;
    pool->image = -1;
    pool->slots = (struct reader_slots){.file = -1, .readable_file = -1};
    pool->last = &pool->first;
    pool->reports = buffer_with_limit(AREA_SIZE);
    pool->seat_count = options->reader_count == 0 ? processors() : options->reader_count;
    pool->deadline_ms = options->deadline_ms > 0 ? options->deadline_ms : DEADLINE_MS;
    ignore_sigpipe();
    result outcome = seats_init(pool);
    if (outcome == OK)
        outcome = reader_program_find(options->program, pool->program, sizeof pool->program);
    if (outcome == OK)
        outcome = reader_slots_init(options->slot_count, options->slot_size, &pool->slots);
    if (outcome != OK) {
        reader_pool_free(pool);
        return outcome;
    }
    *ret_pool = pool;
    return OK;
}

void reader_pool_free(struct reader_pool *pool) {
    if (pool == NULL)
        return;
    for (unsigned i = 0; pool->seats != NULL && i < pool->seat_count; i++) {
        struct seat *seat = &pool->seats[i];
        if (seat->timer == NULL)
            continue;
        if (seat->work != NULL)
            queue_first(pool, TAKE(seat->work));
        seat_clear(seat);
        event_free(seat->timer);
    }
    pool->seat_count = 0;
    for (unsigned waiting = pool->queued; waiting > 0; waiting--) /* whoever gave it owns what it was about */
        deliver(queue_take(pool), &(struct reader_outcome){.fault = &fault_pool_hopeless});
    while (pool->first != NULL)
        memory_free(queue_take(pool));
    memory_free(pool->seats);
    if (pool->image >= 0)
        close(pool->image);
    reader_slots_done(&pool->slots);
    buffer_done(&pool->reports);
    memory_free(pool);
}

result reader_pool_set_image(struct reader_pool *pool, struct span image) {
    struct watch_image opened;
    int file;
    TRY(watch_image_open(image, &opened));
    TRY(shared_file_new_for_readers("pinwatch-watches", image, &file));
    if (pool->image >= 0)
        close(pool->image); /* readers hold their own mappings */
    pool->image = file;
    pool->generation = watch_image_generation(&opened);
    for (unsigned i = 0; i < pool->seat_count; i++) {
        struct seat *seat = &pool->seats[i];
        if (seat->state == SEAT_BUSY) {
            seat->is_retiring = true;
            continue;
        }
        seat_clear(seat);
        seat_start(seat);
    }
    return OK;
}

void reader_pool_renew(struct reader_pool *pool) {
    log_say(LOG_NOTICE, "readers.renewed", LOG_NUMBER("readers", pool->seat_count));
    for (unsigned i = 0; i < pool->seat_count; i++) {
        struct seat *seat = &pool->seats[i];
        if (seat->work != NULL)
            queue_first(pool, TAKE(seat->work));
        seat_clear(seat);
        seat_start(seat);
    }
}

int reader_pool_take_slot(struct reader_pool *pool) {
    return reader_slots_take(&pool->slots);
}

void reader_pool_give_slot(struct reader_pool *pool, int slot) {
    reader_slots_give(&pool->slots, slot);
}

uint8_t *reader_pool_slot_bytes(struct reader_pool *pool, int slot) {
    return pool->slots.bytes + (size_t) slot * pool->slots.slot_size;
}

size_t reader_pool_slot_size(const struct reader_pool *pool) {
    return pool->slots.slot_size;
}

result reader_pool_submit(struct reader_pool *pool, const struct reader_request *request, reader_done done,
                          void *context) {
    struct reader_request complete = *request;
    complete.version = READER_MESSAGE_VERSION;
    if (is_hopeless(pool))
        return &fault_pool_hopeless;
    TRY(reader_request_check(&complete, pool->slots.count, pool->slots.slot_size));
    struct work *work = memory_new(sizeof *work);
    if (work == NULL)
        return &fault_no_memory;
    *work = (struct work){.request = complete, .done = done, .context = context};
    queue_last(pool, work);
    dispatch(pool);
    return OK;
}

void reader_pool_figures(const struct reader_pool *pool, struct reader_pool_figures *ret_figures) {
    *ret_figures = pool->figures;
    ret_figures->queued = pool->queued;
    for (unsigned i = 0; i < pool->seat_count; i++) {
        ret_figures->readers += pool->seats[i].state >= SEAT_IDLE ? 1 : 0;
        ret_figures->busy += pool->seats[i].state == SEAT_BUSY ? 1 : 0;
    }
}

size_t reader_pool_pids(const struct reader_pool *pool, int *ret_pids, size_t room) {
    size_t count = 0;
    for (unsigned i = 0; i < pool->seat_count && count < room; i++)
        if (pool->seats[i].process.pid > 0)
            ret_pids[count++] = pool->seats[i].process.pid;
    return count;
}
