#include "steps/list_step.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "net/budget.h"
#include "rules/log_choice.h"
#include "rules/signature.h"
#include "steps/kept_file.h"
#include "steps/told.h"

#define REFRESH_MS ((int64_t) 3600 * 1000)
#define RETRY_FIRST_MS 30000
#define RETRY_CAP_MS ((int64_t) 15 * 60 * 1000)
#define SIGNATURE_MAX 1024
#define SIGNATURE_NOW "sig"
#define SIGNATURE_NEXT "next-sig"
#define LIST_ARENA_LIMIT ((size_t) 64 * 1024 * 1024)
#define STALE_MS ((int64_t) 7 * 24 * 3600 * 1000)    /* lists are renewed daily: domain of DESIGN, How a log is followed 1 */
#define UNFETCHED_MS ((int64_t) 24 * 3600 * 1000)
#define MISMATCHES_TOLD 3
#define AHEAD_MAX_MS ((int64_t) 24 * 3600 * 1000)
#define JUMP_MS ((int64_t) 2 * 3600 * 1000)
#define UNSURE_MS ((int64_t) 3600 * 1000) /* at most: then our clock counts, though nobody has confirmed it */

/* One list: where it comes from, what is in use, what is under way. */
struct source {
    struct list_step *step;
    const char *name; /* "chrome", "apple" */
    const char *operator_name; /* of its server */
    const char *url, *signature_url; /* "" switches it off; no signature for Apple's */
    struct arena *arena;
    struct log_list *list; /* in use */
    struct transfer *transfer;
    uint8_t *body, *signature; /* owned */
    size_t body_size;
    char etag[256], etag_wanted[256];
    int64_t due_ms, fetched_ms;  /* monotonic */
    int64_t base_ms;             /* wall less monotonic, as it was last */
    int64_t unsure_since_ms;     /* the clock was set, or the machine slept: nothing is old before the servers were heard; 0: not */
    unsigned failures, mismatches;
    enum told told_stale, told_refused;
};

struct list_step {
    struct net *net;
    const char *state_folder;
    struct world_clock *clock;
    list_event tell;
    void *context;
    uint64_t version;
    struct source chrome, apple;
};

static void tell(struct source *source, const char *rule, enum told wanted, enum told *told, const char *detail) {
    if (*told == wanted)
        return;
    CLEANUP(buffer_done) struct buffer evidence = buffer_with_limit(4096);
    buffer_printf(&evidence, "{\"list\":\"%s\",\"detail\":\"", source->name);
    for (const char *at = detail; *at != '\0'; at++)
        buffer_printf(&evidence, *at == '"' || *at == '\\' ? "\\%c" : "%c", *at < ' ' || *at > '~' ? '?' : *at);
    buffer_add_text(&evidence, "\"}");
    if (buffer_check(&evidence) != OK)
        return; /* told later */
    if (source->step->tell(source->step->context, rule, source->name, wanted == TOLD_OVER, buffer_text(&evidence)))
        *told = wanted;
}

static result file_name(const struct source *source, const char *ending, struct buffer *ret_path) {
    buffer_printf(ret_path, "%s/lists/%s.%s", source->step->state_folder, source->name, ending);
    return buffer_check(ret_path);
}

/* ---- taking a list into use */

static result parse_checked(struct source *source, struct span json, struct span signature, struct arena *arena,
                            struct log_list **ret_list, struct reason *reason) {
    struct log_list *list = arena_take(arena, sizeof *list);
    if (list == NULL)
        return &fault_no_memory;
    if (source->signature_url[0] != '\0') {
        result fault = signature_check_log_list(json, signature);
        if (fault != OK)
            return reason_set(reason, fault, "the list and its signature do not belong together");
    }
    TRY(log_list_parse(json, arena, list, reason));
    if (list->count == 0)
        return reason_set(reason, &fault_log_list, "log list: names no log, wanted the logs that there are");
    if (list->has_timestamp && list->timestamp_ms > world_clock_time(source->step->clock, clock_wall_ms()) + AHEAD_MAX_MS) /* none after it would be taken any more */
        return reason_set(reason, &fault_log_list, "log list: its timestamp lies more than a day ahead of our clock, wanted the present");
    if (source->list != NULL)
        TRY(log_list_may_replace(source->list, list, reason));
    *ret_list = list;
    return OK;
}

static result take_into_use(struct source *source, struct span json, struct span signature, struct reason *reason) {
    struct arena *arena = arena_new(LIST_ARENA_LIMIT);
    struct log_list *list = NULL;
    result fault = arena == NULL ? &fault_no_memory : parse_checked(source, json, signature, arena, &list, reason);
    if (fault != OK) {
        arena_free(arena);
        return fault;
    }
    arena_free(source->arena);
    source->arena = arena;
    source->list = list;
    source->step->version++;
    log_say(LOG_NOTICE, "list.taken", LOG_TEXT("list", source->name), LOG_TEXT("version", list->version),
            LOG_NUMBER("logs", list->count), LOG_NUMBER("refused", list->refused_count));
    return OK;
}

static result keep_file(const struct source *source, const char *ending, struct span content) {
    CLEANUP(buffer_done) struct buffer path = buffer_with_limit(4096);
    TRY(file_name(source, ending, &path));
    return kept_file_write(buffer_text(&path), content);
}

/* List and signature are two files: whenever this ends, one of the two signatures belongs to the list. */
static result keep(const struct source *source, struct span json, struct span signature) {
    if (signature.size == 0)
        return keep_file(source, "json", json);
    TRY(keep_file(source, SIGNATURE_NEXT, signature));
    TRY(keep_file(source, "json", json));
    return keep_file(source, SIGNATURE_NOW, signature);
}

static result read_kept(const struct source *source, const char *ending, struct buffer *ret_content) {
    CLEANUP(buffer_done) struct buffer path = buffer_with_limit(4096);
    TRY(file_name(source, ending, &path));
    return kept_file_read(buffer_text(&path), ret_content);
}

static result take_from_disk(struct source *source, struct span json, const char *signature_ending, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer signature = buffer_with_limit(SIGNATURE_MAX);
    if (source->signature_url[0] != '\0')
        TRY(read_kept(source, signature_ending, &signature));
    return take_into_use(source, json, buffer_span(&signature), reason);
}

static void load_from_disk(struct source *source) {
    CLEANUP(buffer_done) struct buffer json = buffer_with_limit(LOG_LIST_SIZE_MAX);
    struct reason reason = {{0}};
    if (source->url[0] == '\0' || read_kept(source, "json", &json) != OK)
        return;
    result fault = take_from_disk(source, buffer_span(&json), SIGNATURE_NOW, &reason);
    if (fault != OK && source->signature_url[0] != '\0')
        fault = take_from_disk(source, buffer_span(&json), SIGNATURE_NEXT, &reason);
    if (fault != OK)
        log_say(LOG_WARNING, "list.on-disk-refused", LOG_TEXT("list", source->name), LOG_TEXT("why", reason.text), LOG_FAULT(fault));
}

/* ---- fetching */

static void fetched(struct source *source) {
    source->failures = source->mismatches = 0;
    source->fetched_ms = clock_monotonic_ms();
    source->due_ms = source->fetched_ms + REFRESH_MS;
    tell(source, "log.list-refused", TOLD_OVER, &source->told_refused, "");
}

static void failed(struct source *source, result fault, const char *why) {
    source->failures++;
    source->due_ms = clock_monotonic_ms() + backoff_ms(source->failures, RETRY_FIRST_MS, RETRY_CAP_MS, (uint64_t) clock_monotonic_ms() * 2654435761u);
    log_say(LOG_WARNING, "list.not-fetched", LOG_TEXT("list", source->name), LOG_TEXT("why", why), LOG_FAULT(fault));
    if (fault->family != FAULT_INPUT && fault->family != FAULT_LOG)
        return; /* the world's trouble or ours, no word about the list */
    if (++source->mismatches >= MISMATCHES_TOLD) /* two files are two fetches: once may be bad luck */
        tell(source, "log.list-refused", TOLD_OPEN, &source->told_refused, why);
}

static void received_all(struct source *source, size_t signature_size) {
    struct reason reason = {{0}};
    struct span json = span_of(source->body, source->body_size), signature = span_of(source->signature, signature_size);
    result fault = take_into_use(source, json, signature, &reason);
    if (fault != OK) {
        failed(source, fault, reason.text[0] != '\0' ? reason.text : fault->wrong);
        return;
    }
    memcpy(source->etag, source->etag_wanted, sizeof source->etag);
    fault = keep(source, json, signature);
    if (fault != OK)
        log_say(LOG_WARNING, "list.not-kept", LOG_TEXT("list", source->name), LOG_FAULT(fault));
    fetched(source);
}

static void signature_done(void *context, const struct transfer_answer *answer) {
    struct source *source = context;
    source->transfer = NULL;
    if (answer->fault != OK)
        failed(source, answer->fault, answer->reason.text);
    else
        received_all(source, answer->body_size);
}

static void hear_clock(const struct source *source, const struct transfer_answer *answer) {
    const struct world_clock_answer heard = {.operator_name = source->operator_name, .date_ms = answer->date_ms, .wall_ms = clock_wall_ms(),
                                             .now_ms = clock_monotonic_ms()};
    if (answer->date_ms >= 0)
        world_clock_hear(source->step->clock, &heard);
}

static void json_done(void *context, const struct transfer_answer *answer) {
    struct source *source = context;
    source->transfer = NULL;
    hear_clock(source, answer);
    if (answer->fault != OK) {
        failed(source, answer->fault, answer->reason.text);
        return;
    }
    if (answer->status == 304) {
        fetched(source);
        return;
    }
    source->body_size = answer->body_size;
    memcpy(source->etag_wanted, answer->etag, sizeof source->etag_wanted);
    if (source->signature_url[0] == '\0') {
        received_all(source, 0);
        return;
    }
    struct transfer_request request = {.url = source->signature_url, .body = source->signature, .body_room = SIGNATURE_MAX,
                                       .timeout_ms = 30000, .verifies_tls = true};
    result fault = transfer_start(source->step->net, &request, signature_done, source, &source->transfer);
    if (fault != OK)
        failed(source, fault, fault->wrong);
}

static void start_fetch(struct source *source) {
    struct transfer_request request = {.url = source->url, .body = source->body, .body_room = LOG_LIST_SIZE_MAX, .timeout_ms = 60000,
                                       .if_none_match = source->list != NULL && source->etag[0] != '\0' ? source->etag : NULL,
                                       .verifies_tls = true};
    result fault = transfer_start(source->step->net, &request, json_done, source, &source->transfer);
    if (fault != OK)
        failed(source, fault, fault->wrong);
}

/* A machine that slept for a week has an old list and asks at once. */
static void notice_jump(struct source *source, int64_t now_ms, int64_t wall_ms) {
    int64_t base_ms = wall_ms - now_ms, jump_ms = base_ms - source->base_ms;
    source->base_ms = base_ms;
    if (jump_ms < JUMP_MS && jump_ms > -JUMP_MS)
        return;
    source->unsure_since_ms = now_ms;
    world_clock_forget(source->step->clock);
    source->due_ms = now_ms;
}

static bool is_time_sure(struct source *source, int64_t now_ms) {
    if (world_clock_is_known(source->step->clock) || now_ms - source->unsure_since_ms > UNSURE_MS)
        source->unsure_since_ms = 0;
    return source->unsure_since_ms == 0;
}

static void check_age(struct source *source, int64_t now_ms, int64_t wall_ms) {
    bool is_sure = is_time_sure(source, now_ms);
    bool is_old = is_sure && source->list != NULL && source->list->has_timestamp && wall_ms - source->list->timestamp_ms > STALE_MS;
    bool is_unfetched = now_ms - source->fetched_ms > UNFETCHED_MS;
    bool is_stale = is_old || is_unfetched;
    if (!is_stale && (!is_sure || source->list == NULL))
        return; /* not known yet */
    tell(source, "log.list-stale", is_stale ? TOLD_OPEN : TOLD_OVER, &source->told_stale,
         is_old ? "the list itself is older than a week" : is_unfetched ? "the list could not be fetched for a day" : "");
}

static void source_run(struct source *source, int64_t now_ms) {
    if (source->url[0] == '\0')
        return;
    int64_t wall_ms = clock_wall_ms();
    notice_jump(source, now_ms, wall_ms);
    check_age(source, now_ms, world_clock_time(source->step->clock, wall_ms));
    if (source->transfer == NULL && now_ms >= source->due_ms)
        start_fetch(source);
}

int64_t list_step_run(struct list_step *step, int64_t now_ms) {
    source_run(&step->chrome, now_ms);
    source_run(&step->apple, now_ms);
    return now_ms + 5000;
}

/* ---- life */

static result source_init(struct source *source) {
    source->fetched_ms = clock_monotonic_ms();
    source->base_ms = clock_wall_ms() - source->fetched_ms;
    source->body = memory_new(LOG_LIST_SIZE_MAX);
    source->signature = memory_new(SIGNATURE_MAX);
    return source->body == NULL || source->signature == NULL ? &fault_no_memory : OK;
}

static void source_done(struct source *source) {
    if (source->transfer != NULL)
        transfer_cancel(source->transfer);
    arena_free(source->arena);
    memory_free(source->body);
    memory_free(source->signature);
}

result list_step_new(struct net *net, const struct settings *settings, struct world_clock *clock, list_event tell_event, void *context,
                     struct list_step **ret_step) {
    struct list_step *step = memory_new(sizeof *step);
    if (step == NULL)
        return &fault_no_memory;
    bool is_on = settings->follows_public_logs;
    step->net = net;
    step->state_folder = settings->state_folder;
    step->clock = clock;
    step->tell = tell_event;
    step->context = context;
    step->chrome = (struct source){.step = step, .name = "chrome", .operator_name = LIST_OPERATOR_CHROME,
                                   .url = is_on ? settings->chrome_list_url : "", .signature_url = settings->chrome_list_signature_url};
    step->apple = (struct source){.step = step, .name = "apple", .operator_name = LIST_OPERATOR_APPLE,
                                  .url = is_on ? settings->apple_list_url : "", .signature_url = ""};
    result fault = source_init(&step->chrome);
    if (fault == OK)
        fault = source_init(&step->apple);
    if (fault != OK) {
        list_step_free(step);
        return fault;
    }
    *ret_step = step;
    return OK;
}

void list_step_free(struct list_step *step) {
    if (step == NULL)
        return;
    source_done(&step->chrome);
    source_done(&step->apple);
    memory_free(step);
}

void list_step_load(struct list_step *step) {
    load_from_disk(&step->chrome);
    load_from_disk(&step->apple);
}

uint64_t list_step_version(const struct list_step *step) {
    return step->version;
}

const struct log_list *list_step_chrome(const struct list_step *step) {
    return step->chrome.list;
}

const struct log_list *list_step_apple(const struct list_step *step) {
    return step->apple.list;
}
