#include "reports/intake.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/text.h"
#include "reports/examine.h"
#include "reports/examined.h"
#include "reports/examiner_process.h"

#define BATCH_MAX 64
#define BATCH_SIZE_MAX ((size_t) BATCH_MAX * (EXAMINE_TEXT_MAX + 256))
#define GATHER_MS 5           /* from the first examined report to the commit: others come along */
#define COUNTS_MS 5000
#define AWAY_FIRST_MS 250     /* that the database is not asked again */
#define AWAY_CAP_MS 5000
#define SAY_AGAIN_MS 60000

static const struct intake_answer answer_away = {503, "the database does not take it now; send it again later", 30};
static const struct intake_answer answer_busy = {503, "too many reports wait; send it again later", 10};

struct queue {
    struct intake_item *first, *last;
    size_t count;
};

struct intake {
    struct intake_options options;
    struct examiner_process *examiner;
    struct queue waiting, examined;
    struct intake_item *asked;   /* at the examiner; NULL: none is, or its owner has gone */
    struct event *store_soon, *count_soon;
    uint64_t refused[client_report_outcome_count];
    int64_t away_until_ms, said_ms;
    unsigned failures;
};

/* ---- queues */

static void append(struct queue *queue, struct intake_item *item) {
    item->next = NULL;
    *(queue->last == NULL ? &queue->first : &queue->last->next) = item;
    queue->last = item;
    queue->count++;
}

static struct intake_item *take_first(struct queue *queue) {
    struct intake_item *item = queue->first;
    if (item == NULL)
        return NULL;
    queue->first = item->next;
    queue->last = queue->first == NULL ? NULL : queue->last;
    queue->count--;
    return item;
}

static void take_out(struct queue *queue, struct intake_item *item) {
    struct intake_item *before = NULL, *at = queue->first;
    while (at != NULL && at != item) {
        before = at;
        at = at->next;
    }
    if (at == NULL)
        return;
    *(before == NULL ? &queue->first : &before->next) = at->next;
    queue->last = queue->last == at ? before : queue->last;
    queue->count--;
}

static void answer(struct intake *intake, struct intake_item *item, const struct intake_answer *answer) {
    memory_free(TAKE(item->text));
    item->place = INTAKE_NOWHERE;
    intake->options.on_answer(item, answer);
}

/* ---- the database */

static bool is_away(const struct intake *intake) {
    return clock_monotonic_ms() < intake->away_until_ms;
}

static void note_failure(struct intake *intake, result fault) {
    int64_t now_ms = clock_monotonic_ms(), pause = AWAY_FIRST_MS;
    for (unsigned i = 0; i < intake->failures && pause < AWAY_CAP_MS; i++)
        pause *= 2;
    intake->away_until_ms = now_ms + (pause > AWAY_CAP_MS ? AWAY_CAP_MS : pause);
    if (intake->failures++ == 0 || now_ms - intake->said_ms >= SAY_AGAIN_MS) {
        intake->said_ms = now_ms;
        log_say(LOG_WARNING, "reports.not-recorded", LOG_TEXT("why", store_why(intake->options.store)->text), LOG_TEXT("effect", "clients are told to come again"),
                LOG_FAULT(fault));
    }
}

static void note_success(struct intake *intake) {
    if (intake->failures > 0)
        log_say(LOG_NOTICE, "reports.recorded", LOG_TEXT("effect", "reports are taken again"), LOG_NUMBER("failures", intake->failures));
    intake->failures = 0;
    intake->away_until_ms = 0;
}

static const struct intake_answer *answer_of(enum client_report_outcome outcome) {
    static const struct intake_answer taken = {200, "taken: kept where its host is watched or pinned here, else counted", 0};
    static const struct intake_answer no_room = {503, "today has brought as many different reports as are kept; this one is only counted", 3600};
    static const struct intake_answer enough = {429, "this source has sent as many different reports as it may in a day", 3600};
    return outcome == CLIENT_REPORT_NO_ROOM ? &no_room : outcome == CLIENT_REPORT_SOURCE_LIMIT ? &enough : &taken;
}

/* "{…}" of the examiner gets what we know beside it; where a member stands twice the database takes the last, so ours comes last. */
static bool add_to_list(struct intake *intake, struct buffer *list, const struct intake_item *item) {
    bool may_add = rate_may_add(intake->options.rate, item->source, clock_monotonic_ms());
    buffer_add_text(list, list->size > 1 ? "," : "");
    buffer_add(list, span_of(item->text, strlen(item->text) - 1));
    return buffer_printf(list, ",\"source\":\"%s\",\"may_add\":%s}", item->source, may_add ? "true" : "false");
}

static result record(struct intake *intake, struct intake_item *const *items, size_t count, enum client_report_outcome *ret_outcomes) {
    CLEANUP(buffer_done) struct buffer list = buffer_with_limit(BATCH_SIZE_MAX);
    buffer_add_text(&list, "[");
    for (size_t i = 0; i < count; i++)
        add_to_list(intake, &list, items[i]);
    buffer_add_text(&list, "]");
    TRY(buffer_check(&list));
    struct store_client_reports reports = {.list = buffer_text(&list), .count = count, .refused = intake->refused, .room = intake->options.room, .now_ms = clock_wall_ms()};
    TRY(store_client_reports_take(intake->options.store, &reports, ret_outcomes));
    memset(intake->refused, 0, sizeof intake->refused);
    note_success(intake);
    return OK;
}

static void answer_recorded(struct intake *intake, struct intake_item *item, enum client_report_outcome outcome) {
    if (outcome == CLIENT_REPORT_KEPT)
        rate_note_added(intake->options.rate, item->source, clock_monotonic_ms());
    answer(intake, item, answer_of(outcome));
}

/* Else it is about the database, and passes or can be mended. */
static bool is_about_report(result fault) {
    return fault->family == FAULT_INPUT || fault->family == FAULT_BUG;
}

/* One by one, so that a report which the database refuses harms no other. */
static void record_each(struct intake *intake, struct intake_item *const *items, size_t count) {
    static const struct intake_answer refused = {500, "the database refuses this report", 0};
    for (size_t i = 0; i < count; i++) {
        enum client_report_outcome outcome = CLIENT_REPORT_KEPT;
        result fault = is_away(intake) ? &fault_store_unreachable : record(intake, &items[i], 1, &outcome);
        if (fault == OK) {
            answer_recorded(intake, items[i], outcome);
        } else if (!is_about_report(fault)) {
            note_failure(intake, fault);
            answer(intake, items[i], &answer_away);
        } else {
            log_say(LOG_WARNING, "report.refused", LOG_TEXT("why", store_why(intake->options.store)->text), LOG_FAULT(fault));
            answer(intake, items[i], &refused);
        }
    }
}

static void store_batch(struct intake *intake) {
    struct intake_item *items[BATCH_MAX];
    enum client_report_outcome outcomes[BATCH_MAX];
    size_t count = 0;
    while (count < BATCH_MAX && intake->examined.first != NULL) {
        items[count] = take_first(&intake->examined);
        items[count++]->place = INTAKE_STORED;
    }
    result fault = is_away(intake) ? &fault_store_unreachable : record(intake, items, count, outcomes);
    if (fault != OK && is_about_report(fault)) {
        record_each(intake, items, count);
        return;
    }
    if (fault != OK && !is_away(intake))
        note_failure(intake, fault);
    for (size_t i = 0; i < count; i++) {
        if (fault == OK)
            answer_recorded(intake, items[i], outcomes[i]);
        else
            answer(intake, items[i], &answer_away);
    }
}

static void wait_for(struct event *event, int64_t ms) {
    const struct timeval after = {.tv_sec = ms / 1000, .tv_usec = (ms % 1000) * 1000};
    if (!event_pending(event, EV_TIMEOUT, NULL))
        event_add(event, &after);
}

static void on_store(evutil_socket_t unused_socket, short unused_what, void *context) {
    (void) unused_socket;
    (void) unused_what;
    struct intake *intake = context;
    store_batch(intake);
    if (intake->examined.count > 0)
        wait_for(intake->store_soon, 0);
}

static bool has_counted(const struct intake *intake) {
    for (size_t i = 0; i < client_report_outcome_count; i++)
        if (intake->refused[i] > 0)
            return true;
    return false;
}

static void on_count(evutil_socket_t unused_socket, short unused_what, void *context) {
    (void) unused_socket;
    (void) unused_what;
    struct intake *intake = context;
    wait_for(intake->count_soon, COUNTS_MS);
    if (has_counted(intake) && !is_away(intake)) {
        result fault = record(intake, NULL, 0, NULL);
        if (fault != OK)
            note_failure(intake, fault);
    }
}

/* ---- the examiner */

static void ask_next(void *context) {
    struct intake *intake = context;
    if (intake->waiting.first == NULL || !examiner_process_is_ready(intake->examiner))
        return;
    intake->asked = take_first(&intake->waiting);
    intake->asked->place = INTAKE_ASKED;
    examiner_process_ask(intake->examiner, intake->asked->body, clock_wall_ms() / 1000);
}

static void on_examined(void *context, enum examination what, struct span text) {
    struct intake *intake = context;
    struct intake_item *item = TAKE(intake->asked);
    char sentence[REASON_SIZE] = "a report that cannot be read";
    struct intake_answer refusal = {400, sentence, 0};
    bool is_object = what == EXAMINED && examined_is_object(text);
    if (!is_object)
        intake->refused[CLIENT_REPORT_UNREADABLE]++;
    if (item == NULL)
        return;
    if (what == EXAMINATION_REFUSED && text.size < sizeof sentence) {
        memcpy(sentence, text.bytes, text.size);
        sentence[text.size] = '\0';
        text_make_harmless(sentence);
    }
    item->text = is_object ? memory_new(text.size + 1) : NULL;
    if (item->text == NULL) {
        answer(intake, item, is_object ? &answer_busy : &refusal);
        return;
    }
    memcpy(item->text, text.bytes, text.size);
    item->place = INTAKE_EXAMINED;
    append(&intake->examined, item);
    wait_for(intake->store_soon, intake->examined.count >= BATCH_MAX ? 0 : GATHER_MS);
}

/* ---- public */

result intake_new(const struct intake_options *options, struct intake **ret_intake) {
    struct intake *intake = memory_new(sizeof *intake);
    if (intake == NULL)
        return &fault_no_memory;
    intake->options = *options;
    intake->store_soon = event_new(options->loop, -1, 0, on_store, intake);
    intake->count_soon = event_new(options->loop, -1, 0, on_count, intake);
    const struct examiner_options examiner = {.loop = options->loop, .context = intake, .on_ready = ask_next, .on_answer = on_examined};
    result outcome = intake->store_soon == NULL || intake->count_soon == NULL ? &fault_no_memory : examiner_process_new(&examiner, &intake->examiner);
    if (outcome != OK) {
        intake_free(intake);
        return outcome;
    }
    wait_for(intake->count_soon, COUNTS_MS);
    *ret_intake = intake;
    return OK;
}

void intake_free(struct intake *intake) {
    if (intake == NULL)
        return;
    examiner_process_free(intake->examiner);
    for (struct intake_item *item = intake->examined.first; item != NULL; item = item->next)
        memory_free(TAKE(item->text));
    if (intake->store_soon != NULL)
        event_free(intake->store_soon);
    if (intake->count_soon != NULL)
        event_free(intake->count_soon);
    memory_free(intake);
}

void intake_take(struct intake *intake, struct intake_item *item) {
    if (is_away(intake) || intake->waiting.count >= INTAKE_WAITING_MAX) {
        answer(intake, item, is_away(intake) ? &answer_away : &answer_busy);
        return;
    }
    item->place = INTAKE_WAITS;
    append(&intake->waiting, item);
    ask_next(intake);
}

void intake_forget(struct intake *intake, struct intake_item *item) {
    if (item->place == INTAKE_ASKED)
        intake->asked = NULL;
    else if (item->place == INTAKE_WAITS)
        take_out(&intake->waiting, item);
    else if (item->place == INTAKE_EXAMINED)
        take_out(&intake->examined, item);
    memory_free(TAKE(item->text));
    item->place = INTAKE_NOWHERE;
}

void intake_count(struct intake *intake, enum client_report_outcome outcome) {
    intake->refused[outcome]++;
}

void intake_flush(struct intake *intake) {
    while (intake->examined.count > 0)
        store_batch(intake);
    if (has_counted(intake) && record(intake, NULL, 0, NULL) != OK)
        log_say(LOG_WARNING, "reports.not-counted", LOG_TEXT("why", store_why(intake->options.store)->text));
}
