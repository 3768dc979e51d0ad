#include "formats/log_list.h"

#include "base/memory.h"
#include "base/text.h"
#include "formats/json_document.h"
#include "formats/log_list_entry.h"

FAULT(fault_log_list, FAULT_INPUT, "log-list.file", "log list", "log list schema v3", "not a log list",
      "an object with operators, each with logs or tiled_logs, no member twice");
FAULT(fault_log_list_entry, FAULT_INPUT, "log-list.entry", "entry of a log list", "log list schema v3",
      "a member is missing or wrong", "a log as the schema describes it");

#define LOGS_MAX 4096 /* the largest real list names under 200 */

const char *log_state_name(enum log_state state) {
    static const char *const names[log_state_count] = {
        [LOG_STATE_NONE] = "",        [LOG_PENDING] = "pending",   [LOG_QUALIFIED] = "qualified", [LOG_USABLE] = "usable",
        [LOG_READONLY] = "readonly", [LOG_RETIRED] = "retired", [LOG_REJECTED] = "rejected",
    };
    return (unsigned) state < log_state_count ? names[state] : "";
}

const char *log_protocol_name(enum log_protocol protocol) {
    return protocol == LOG_STATIC_CT ? "static-ct" : "rfc6962";
}

struct list_parser {
    struct arena *arena;
    struct log_list *list;
    size_t room; /* places in list->logs and list->refused, each */
};

static bool is_listed_already(const struct log_list *list, const struct hash *log_id) {
    for (size_t i = 0; i < list->count; i++)
        if (hash_equal(&list->logs[i].log_id, log_id))
            return true;
    return false;
}

static result refuse_entry(struct list_parser *parser, const json_t *json, result fault, const struct reason *reason) {
    struct refused_log *refused = &parser->list->refused[parser->list->refused_count++];
    refused->fault = fault;
    refused->reason = *reason;
    return log_list_text(json, "description", parser->arena, &refused->description);
}

static result parse_entry(struct list_parser *parser, const json_t *json, enum log_protocol protocol,
                          const char *operator_name) {
    struct listed_log *log = &parser->list->logs[parser->list->count];
    struct reason reason = {0};
    *log = (struct listed_log){.protocol = protocol, .operator_name = operator_name};
    result outcome = log_list_entry_parse(json, parser->arena, log, &reason);
    if (outcome == OK && is_listed_already(parser->list, &log->log_id))
        outcome = reason_set(&reason, &fault_log_list_entry, "log_id: listed before, wanted each log once");
    if (outcome == OK)
        parser->list->count++;
    if (outcome != &fault_log_list_entry)
        return outcome;
    return refuse_entry(parser, json, outcome, &reason);
}

static size_t entries_of(const json_t *operator_json) {
    return json_array_size(json_object_get(operator_json, "logs")) +
           json_array_size(json_object_get(operator_json, "tiled_logs"));
}

/* Two lists and one refusal of the operator itself bound what an operator can add. */
static result make_room(struct list_parser *parser, const json_t *operators, struct reason *reason) {
    size_t index;
    const json_t *operator_json;
    json_array_foreach(operators, index, operator_json) {
        parser->room += entries_of(operator_json) + 1;
        if (parser->room > LOGS_MAX)
            return reason_set(reason, &fault_log_list, "log list: more than %d logs, wanted fewer", LOGS_MAX);
    }
    parser->list->logs = arena_take_array(parser->arena, parser->room + 1, sizeof *parser->list->logs);
    parser->list->refused = arena_take_array(parser->arena, parser->room + 1, sizeof *parser->list->refused);
    return parser->list->logs == NULL || parser->list->refused == NULL ? &fault_no_memory : OK;
}

static result parse_operator(struct list_parser *parser, const json_t *json) {
    const char *name;
    struct span ignored;
    struct reason reason = {0};
    if (!json_member_text(json, "name", &ignored)) {
        result fault = reason_set(&reason, &fault_log_list_entry, "operator: without a name, wanted an object with a name");
        return refuse_entry(parser, json, fault, &reason);
    }
    TRY(log_list_text(json, "name", parser->arena, &name));
    const json_t *logs = json_object_get(json, "logs"), *tiled = json_object_get(json, "tiled_logs");
    for (size_t i = 0; i < json_array_size(logs); i++)
        TRY(parse_entry(parser, json_array_get(logs, i), LOG_RFC6962, name));
    for (size_t i = 0; i < json_array_size(tiled); i++)
        TRY(parse_entry(parser, json_array_get(tiled, i), LOG_STATIC_CT, name));
    return OK;
}

static result parse_header(const json_t *document, struct log_list *list, struct arena *arena, struct reason *reason) {
    struct span text;
    TRY(log_list_text(document, "version", arena, &list->version));
    list->is_all_logs = json_is_true(json_object_get(document, "is_all_logs"));
    if (json_member_is_absent(document, "log_list_timestamp"))
        return OK;
    list->has_timestamp = json_member_text(document, "log_list_timestamp", &text) &&
                          text_to_time_ms(text, &list->timestamp_ms) == OK;
    if (!list->has_timestamp)
        return reason_set(reason, &fault_log_list, "log list: log_list_timestamp is not a time, wanted RFC 3339");
    return OK;
}

static result parse_document(const json_t *document, struct arena *arena, struct log_list *list, struct reason *reason) {
    struct list_parser parser = {.arena = arena, .list = list};
    const json_t *operators = json_object_get(document, "operators");
    if (!json_is_array(operators))
        return reason_set(reason, &fault_log_list, "log list: no list of operators, wanted log list schema v3");
    TRY(parse_header(document, list, arena, reason));
    TRY(make_room(&parser, operators, reason));
    for (size_t i = 0; i < json_array_size(operators); i++)
        TRY(parse_operator(&parser, json_array_get(operators, i)));
    return OK;
}

result log_list_parse(struct span json, struct arena *arena, struct log_list *ret_list, struct reason *reason) {
    CLEANUP(json_document_free) json_t *document = NULL;
    uint64_t mark = memory_mark();
    struct log_list list = {.version = ""};
    reason->text[0] = '\0';
    result outcome = json_document_load(json, LOG_LIST_SIZE_MAX, &fault_log_list, reason, &document);
    if (outcome == OK)
        outcome = parse_document(document, arena, &list, reason);
    if (memory_mark() != mark)
        outcome = &fault_no_memory;
    if (outcome != OK) {
        if (reason->text[0] == '\0')
            reason_of_fault(outcome, reason);
        return outcome;
    }
    *ret_list = list;
    return OK;
}
