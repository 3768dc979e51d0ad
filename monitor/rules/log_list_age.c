#include "base/reason.h"
#include "base/text.h"
#include "rules/log_choice.h"

/* "89.25" is two numbers, not a fraction: 89.3 comes before it. Apple's "511" has the second number 0. */
static bool version_numbers(const char *version, uint64_t ret_numbers[2]) {
    const char *dot = strchr(version, '.');
    size_t first_size = dot == NULL ? strlen(version) : (size_t) (dot - version);
    ret_numbers[1] = 0;
    if (text_to_number(span_of(version, first_size), UINT32_MAX, &ret_numbers[0]) != OK)
        return false;
    return dot == NULL || text_to_number(span_of_text(dot + 1), UINT32_MAX, &ret_numbers[1]) == OK;
}

/* Versions that are no numbers cannot be compared and forbid nothing. */
static bool version_goes_back(const char *older, const char *newer) {
    uint64_t from[2], to[2];
    if (!version_numbers(older, from) || !version_numbers(newer, to))
        return false;
    return to[0] < from[0] || (to[0] == from[0] && to[1] < from[1]);
}

result log_list_may_replace(const struct log_list *older, const struct log_list *newer, struct reason *reason) {
    char from[RFC3339_SIZE], to[RFC3339_SIZE];
    text_of_time(older->timestamp_ms / 1000, from);
    text_of_time(newer->timestamp_ms / 1000, to);
    if (older->has_timestamp && !newer->has_timestamp)
        return reason_set(reason, &fault_log_list_older, "log list: without a timestamp, wanted one not before %s", from);
    if (older->has_timestamp && newer->timestamp_ms < older->timestamp_ms)
        return reason_set(reason, &fault_log_list_older, "log list: its timestamp goes back from %s to %s", from, to);
    if (version_goes_back(older->version, newer->version))
        return reason_set(reason, &fault_log_list_older, "log list: its version goes back from %s to %s", older->version,
                          newer->version);
    if (older->is_all_logs && !newer->is_all_logs)
        return reason_set(reason, &fault_log_list_older, "log list: names approved logs only, wanted all logs");
    if (newer->count < older->count / 2)
        return reason_set(reason, &fault_log_list_older, "log list: names %zu logs, wanted at least half of the %zu before", newer->count, older->count);
    reason->text[0] = '\0';
    return OK;
}
