/* Typed reading of a channel's configuration (a JSON object) against a table of its fields. */
#pragma once

#include <jansson.h>

#include "base/reason.h"
#include "base/span.h"

enum configuration_type { CONFIGURATION_TEXT, CONFIGURATION_NUMBER, CONFIGURATION_FLAG, CONFIGURATION_TEXTS, CONFIGURATION_MAP };

struct configuration_field {
    const char *name;
    enum configuration_type type;
    bool is_required;
    int64_t least, most;    /* of a number; of the bytes of a text; of the elements of a list or map */
    int64_t default_number; /* of a number that is not given */
};

/* Refuses a configuration that is no object, has an unknown field, lacks a required one, or has one of a wrong type or size.
 * Texts may not hold control characters. `fields` ends with a row without name. fault_channel_configuration with a reason. */
MUST_CHECK result configuration_check(const json_t *configuration, const struct configuration_field *fields,
                                      struct reason *reason);
/* For a checked configuration: "" , default or false where the field is not given. Borrowed. */
const char *configuration_text(const json_t *configuration, const char *name);
int64_t configuration_number(const json_t *configuration, const struct configuration_field *fields, const char *name);
bool configuration_flag(const json_t *configuration, const char *name);

/* True for names and literal addresses that can only mean this machine: localhost, *.localhost, 127.0.0.0/8, ::1. */
bool host_is_loopback(const char *host);
