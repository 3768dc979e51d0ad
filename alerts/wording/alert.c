#include "wording/alert.h"

static const char *text_or_nothing(const json_t *value) {
    const char *text = json_string_value(value);
    return text == NULL ? "" : text;
}

const char *alert_text(const struct alert *alert, const char *field) {
    return text_or_nothing(json_object_get(alert->body, field));
}

bool alert_number(const struct alert *alert, const char *field, int64_t *ret_number) {
    const json_t *value = json_object_get(alert->body, field);
    if (!json_is_integer(value))
        return false;
    *ret_number = json_integer_value(value);
    return true;
}

bool alert_flag(const struct alert *alert, const char *field) {
    return json_is_true(json_object_get(alert->body, field));
}

const json_t *alert_list(const struct alert *alert, const char *field) {
    const json_t *value = json_object_get(alert->body, field);
    return json_array_size(value) > 0 ? value : NULL;
}

const char *alert_list_text(const json_t *list, size_t index) {
    const json_t *element = json_array_get(list, index);
    if (json_is_object(element))
        element = json_object_get(element, "value");
    return text_or_nothing(element);
}

const char *alert_first(const struct alert *alert, const char *field) {
    return alert_list_text(alert_list(alert, field), 0);
}
