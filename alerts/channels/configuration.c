#include "channels/configuration.h"

#include <arpa/inet.h>
#include <strings.h>

#include "channels/channel.h"

static const char *const type_names[] = {
    [CONFIGURATION_TEXT] = "a text",           [CONFIGURATION_NUMBER] = "a whole number", [CONFIGURATION_FLAG] = "true or false",
    [CONFIGURATION_TEXTS] = "a list of texts", [CONFIGURATION_MAP] = "an object of texts"};

static bool text_is_clean(const char *text) {
    for (; *text != '\0'; text++)
        if ((unsigned char) *text < ' ' || *text == 0x7f)
            return false;
    return true;
}

static bool type_fits(const json_t *value, enum configuration_type type) {
    switch (type) {
    case CONFIGURATION_TEXT:
        return json_is_string(value);
    case CONFIGURATION_NUMBER:
        return json_is_integer(value);
    case CONFIGURATION_FLAG:
        return json_is_boolean(value);
    case CONFIGURATION_TEXTS:
        return json_is_array(value);
    case CONFIGURATION_MAP:
        return json_is_object(value);
    }
    return false;
}

static int64_t measure(const json_t *value, enum configuration_type type) {
    if (type == CONFIGURATION_TEXT)
        return (int64_t) json_string_length(value);
    if (type == CONFIGURATION_NUMBER)
        return json_integer_value(value);
    return (int64_t) (type == CONFIGURATION_TEXTS ? json_array_size(value) : json_object_size(value));
}

static bool texts_are_clean(const json_t *value, enum configuration_type type) {
    const char *name;
    json_t *element;
    size_t index;
    if (type == CONFIGURATION_TEXT)
        return text_is_clean(json_string_value(value));
    if (type == CONFIGURATION_TEXTS)
        json_array_foreach(value, index, element)
            if (!json_is_string(element) || !text_is_clean(json_string_value(element)))
                return false;
    if (type == CONFIGURATION_MAP)
        json_object_foreach((json_t *) (uintptr_t) value, name, element)
            if (!json_is_string(element) || !text_is_clean(json_string_value(element)) || !text_is_clean(name))
                return false;
    return true;
}

static result check_field(const json_t *value, const struct configuration_field *field, struct reason *reason) {
    result fault = &fault_channel_configuration;
    if (value == NULL)
        return !field->is_required ? OK
                                   : reason_set(reason, fault, "field %s: missing, wanted %s", field->name, type_names[field->type]);
    if (!type_fits(value, field->type))
        return reason_set(reason, fault, "field %s: wrong type, wanted %s", field->name, type_names[field->type]);
    if (field->type == CONFIGURATION_FLAG)
        return OK;
    int64_t size = measure(value, field->type);
    if (size < field->least || size > field->most)
        return reason_set(reason, fault, "field %s: %s %lld, wanted %lld to %lld", field->name,
                          field->type == CONFIGURATION_NUMBER ? "value" : "size", (long long) size, (long long) field->least,
                          (long long) field->most);
    if (!texts_are_clean(value, field->type))
        return reason_set(reason, fault, "field %s: holds a control character or something that is no text, wanted %s",
                          field->name, type_names[field->type]);
    return OK;
}

static const struct configuration_field *find_field(const struct configuration_field *fields, const char *name) {
    while (fields->name != NULL && strcmp(fields->name, name) != 0)
        fields++;
    return fields->name == NULL ? NULL : fields;
}

result configuration_check(const json_t *configuration, const struct configuration_field *fields, struct reason *reason) {
    const char *name;
    json_t *value;
    if (!json_is_object(configuration))
        return reason_set(reason, &fault_channel_configuration, "configuration: no object, wanted an object with fields");
    json_object_foreach((json_t *) (uintptr_t) configuration, name, value)
        if (find_field(fields, name) == NULL)
            return reason_set(reason, &fault_channel_configuration,
                              "field %s: unknown for this kind of channel, wanted one that docs/channels.md lists", name);
    for (; fields->name != NULL; fields++)
        TRY(check_field(json_object_get(configuration, fields->name), fields, reason));
    return OK;
}

const char *configuration_text(const json_t *configuration, const char *name) {
    const char *text = json_string_value(json_object_get(configuration, name));
    return text == NULL ? "" : text;
}

int64_t configuration_number(const json_t *configuration, const struct configuration_field *fields, const char *name) {
    const json_t *value = json_object_get(configuration, name);
    const struct configuration_field *field = find_field(fields, name);
    return json_is_integer(value) ? json_integer_value(value) : field == NULL ? 0 : field->default_number;
}

bool configuration_flag(const json_t *configuration, const char *name) {
    return json_is_true(json_object_get(configuration, name));
}

bool host_is_loopback(const char *host) {
    struct in_addr v4;
    struct in6_addr v6;
    size_t size = strlen(host);
    if (strcasecmp(host, "localhost") == 0 || (size > 10 && strcasecmp(host + size - 10, ".localhost") == 0))
        return true;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, host, &v6) == 1 && memcmp(&v6, &in6addr_loopback, sizeof v6) == 0;
}
