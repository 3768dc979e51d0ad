#include "rules/log_choice.h"

#include <stdlib.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "rules/log_choice_words.h"

FAULT(fault_log_list_older, FAULT_INPUT, "log-list.older", "log list", "", "older or smaller than the one in use",
      "a later timestamp, a later version and all logs");

/* Logs for drills of list enforcement: their private keys are public, so their signatures prove nothing. */
static const struct hash mimic_ids[] = {
    {{0xf4, 0x41, 0x95, 0xd6, 0xf0, 0x0e, 0x2d, 0xb5, 0x54, 0x35, 0xca, 0xdd, 0x57, 0x78, 0x92, 0xe5,
      0x3e, 0x15, 0xad, 0x41, 0x70, 0x58, 0xf8, 0x78, 0xe1, 0x4f, 0xf6, 0xb9, 0x18, 0x74, 0x15, 0x89}},
    {{0xb2, 0x2f, 0x7e, 0xde, 0xb5, 0xaf, 0x6a, 0xfe, 0x50, 0x3d, 0xe0, 0x40, 0x81, 0xb2, 0xd7, 0x4c,
      0x12, 0x53, 0x84, 0x92, 0xfe, 0xdf, 0x2c, 0xb2, 0xa5, 0x26, 0x50, 0x3c, 0xef, 0x53, 0xce, 0xd2}},
};

static bool is_mimic(const struct hash *log_id) {
    for (size_t i = 0; i < sizeof mimic_ids / sizeof mimic_ids[0]; i++)
        if (hash_equal(log_id, &mimic_ids[i]))
            return true;
    return false;
}

/* Host of an http(s) URL is example.com or below: a placeholder that was never a log. */
static bool is_placeholder(const char *url) {
    static const char domain[] = "example.com";
    const char *host = strstr(url, "://");
    host = host == NULL ? url : host + 3;
    size_t length = strcspn(host, "/:"), tail = sizeof domain - 1;
    if (length < tail || strncasecmp(host + length - tail, domain, tail) != 0)
        return false;
    return length == tail || host[length - tail - 1] == '.';
}

/* Which state speaks when lists disagree: the one that asks more of us. A log that is readonly in one list and pending in
 * the other has stopped growing. */
static int weight_of(enum log_state state) {
    static const int weights[log_state_count] = {
        [LOG_STATE_NONE] = 0, [LOG_REJECTED] = 1,  [LOG_RETIRED] = 2, [LOG_PENDING] = 3,
        [LOG_READONLY] = 4,   [LOG_QUALIFIED] = 5, [LOG_USABLE] = 6,
    };
    return weights[state];
}

static bool is_alive(enum log_state state) {
    return weight_of(state) >= weight_of(LOG_PENDING);
}

static bool is_dead(enum log_state state) {
    return state == LOG_REJECTED || state == LOG_RETIRED;
}

static void merge_interval(struct listed_log *into, const struct listed_log *from) {
    if (!from->has_interval)
        return;
    if (!into->has_interval || from->interval_begin < into->interval_begin)
        into->interval_begin = from->interval_begin;
    if (!into->has_interval || from->interval_end > into->interval_end)
        into->interval_end = from->interval_end;
    into->has_interval = true;
}

/* `into` keeps its names and addresses; states, times and limits are united. */
static void merge_log(struct listed_log *into, const struct listed_log *from) {
    if (from->mmd_seconds > 0 && (into->mmd_seconds == 0 || from->mmd_seconds < into->mmd_seconds))
        into->mmd_seconds = from->mmd_seconds;
    if (weight_of(from->state) > weight_of(into->state)) {
        into->state = from->state;
        into->state_since = from->state_since;
    }
    if (from->has_final_head && (!into->has_final_head || from->final_size > into->final_size)) {
        into->has_final_head = true;
        into->final_size = from->final_size;
        into->final_root = from->final_root;
    }
    into->is_tls_only |= from->is_tls_only;
    into->is_state_unknown |= from->is_state_unknown;
    merge_interval(into, from);
}

struct log_union {
    struct chosen_log *logs;
    size_t count;
};

static struct chosen_log *find(const struct log_union *all, const struct hash *log_id) {
    for (size_t i = 0; i < all->count; i++)
        if (hash_equal(&all->logs[i].log.log_id, log_id))
            return &all->logs[i];
    return NULL;
}

/* Sources come in order of precedence: settings, Chrome, Apple. */
static void add_log(struct log_union *all, const struct listed_log *log, unsigned source, const char *origin) {
    struct chosen_log *place = find(all, &log->log_id);
    if (place == NULL) {
        place = &all->logs[all->count++];
        *place = (struct chosen_log){.log = *log, .origin = origin};
    } else {
        merge_log(&place->log, log);
    }
    place->sources |= source;
    if (source == SOURCE_CHROME)
        place->chrome_state = log->state;
    if (source == SOURCE_APPLE)
        place->apple_state = log->state;
}

static void add_list(struct log_union *all, const struct log_list *list, enum log_source source) {
    for (size_t i = 0; list != NULL && i < list->count; i++)
        add_log(all, &list->logs[i], source, "");
}

static bool is_configured(const struct chosen_log *chosen) {
    return (chosen->sources & (SOURCE_SETTINGS | SOURCE_DRILL)) != 0;
}

/* A head of a log that no longer takes certificates, or not yet, may be of any age. */
static bool is_stale_checked(const struct chosen_log *chosen, int64_t now_ms) {
    const struct listed_log *log = &chosen->log;
    bool is_still = log->state == LOG_READONLY || log->state == LOG_PENDING || chosen->chrome_state == LOG_READONLY ||
                    chosen->apple_state == LOG_READONLY || log->is_state_unknown;
    bool has_ended = log->has_interval && now_ms / 1000 >= log->interval_end;
    return chosen->is_followed && log->mmd_seconds > 0 && !is_still && !has_ended;
}

static const char *text_or(const char *text, const char *otherwise) {
    return text == NULL || text[0] == '\0' ? otherwise : text;
}

/* Configured logs may leave texts out. */
static void complete_texts(struct listed_log *log) {
    log->description = text_or(log->description, "");
    log->operator_name = text_or(log->operator_name, "");
    log->url = text_or(log->url, "");
    log->monitoring_url = text_or(log->monitoring_url, "");
    log->log_type = text_or(log->log_type, "prod");
}

static enum log_decision decide(const struct chosen_log *chosen) {
    if (is_mimic(&chosen->log.log_id))
        return DECISION_MIMIC;
    if (is_configured(chosen))
        return DECISION_CONFIGURED;
    if (is_placeholder(chosen->log.url))
        return DECISION_PLACEHOLDER;
    bool is_dead_somewhere = is_dead(chosen->chrome_state) || is_dead(chosen->apple_state);
    if (chosen->log.is_state_unknown && !is_dead_somewhere)
        return DECISION_LISTED;
    if (!is_alive(chosen->chrome_state) && !is_alive(chosen->apple_state))
        return chosen->log.state == LOG_STATE_NONE ? DECISION_STATELESS : DECISION_DEAD;
    return DECISION_LISTED;
}

static result finish(struct chosen_log *chosen, struct arena *arena, int64_t now_ms) {
    complete_texts(&chosen->log);
    enum log_decision decision = decide(chosen);
    chosen->is_followed = decision == DECISION_CONFIGURED || decision == DECISION_LISTED;
    chosen->is_unreachable_a_note =
        decision == DECISION_LISTED && (is_dead(chosen->chrome_state) || is_dead(chosen->apple_state));
    chosen->is_stale_checked = is_stale_checked(chosen, now_ms);
    if (chosen->log.protocol == LOG_RFC6962)
        chosen->origin = "";
    else if (text_or(chosen->origin, "")[0] == '\0')
        chosen->origin = log_default_origin(arena, chosen->log.url);
    chosen->reason = log_choice_sentence(chosen, decision, arena);
    return chosen->origin == NULL || chosen->reason == NULL ? &fault_no_memory : OK;
}

static int compare(const void *a, const void *b) {
    const struct listed_log *left = &((const struct chosen_log *) a)->log, *right = &((const struct chosen_log *) b)->log;
    int order = strcmp(left->operator_name, right->operator_name);
    if (order == 0)
        order = strcmp(left->description, right->description);
    return order != 0 ? order : memcmp(left->log_id.bytes, right->log_id.bytes, HASH_SIZE);
}

result log_choose(const struct log_choice_input *input, struct arena *arena, struct chosen_log **ret_logs,
                  size_t *ret_count) {
    size_t room = input->configured_count + 1;
    room += input->chrome == NULL ? 0 : input->chrome->count;
    room += input->apple == NULL ? 0 : input->apple->count;
    struct log_union all = {.logs = arena_take_array(arena, room, sizeof *all.logs)};
    if (all.logs == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < input->configured_count; i++)
        add_log(&all, &input->configured[i].log, input->configured[i].sources, input->configured[i].origin);
    add_list(&all, input->chrome, SOURCE_CHROME);
    add_list(&all, input->apple, SOURCE_APPLE);
    for (size_t i = 0; i < all.count; i++)
        TRY(finish(&all.logs[i], arena, input->now_ms));
    qsort(all.logs, all.count, sizeof *all.logs, compare);
    *ret_logs = all.logs;
    *ret_count = all.count;
    return OK;
}

const char *log_default_origin(struct arena *arena, const char *submission_url) {
    const char *start = strstr(submission_url, "://");
    start = start == NULL ? submission_url : start + 3;
    size_t length = strlen(start);
    if (length > 0 && start[length - 1] == '/')
        length--;
    return arena_copy_span_as_text(arena, span_of(start, length));
}
