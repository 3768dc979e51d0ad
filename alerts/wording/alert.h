/* One row of the outbox, as the senders see it. docs/alerts.md lists the fields of the body. */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct alert {
    int64_t tenant_id;
    int64_t alert_id;
    int64_t finding_id; /* 0: none, a test */
    const char *rule;
    const char *severity;
    bool is_test;
    int64_t created_ms; /* wall time */
    const json_t *body; /* an object; borrowed */
    const char *pem;    /* "" when there is none */
};

/* The text of a field, "" when it is missing or no text. Borrowed from the body; not yet harmless. */
const char *alert_text(const struct alert *alert, const char *field);
/* A whole number; false when it is missing or no whole number. */
bool alert_number(const struct alert *alert, const char *field, int64_t *ret_number);
bool alert_flag(const struct alert *alert, const char *field);
/* A list with at least one element, or NULL. */
const json_t *alert_list(const struct alert *alert, const char *field);
/* Element `index` of a list as text: itself, or the "value" of an object; "" when it is neither. */
const char *alert_list_text(const json_t *list, size_t index);
/* The text of the first element of a list, "" when there is none. */
const char *alert_first(const struct alert *alert, const char *field);
