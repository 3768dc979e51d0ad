#include "rules/known_logs.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"

#define KNOWN_LOG(log_id, key, operator_name, description) {log_id, key, operator_name, description},
static const struct known_log known_logs[] = {
#include "rules/known_logs_table.inc"
};

static int compare(const void *wanted, const void *row) {
    return strcmp(wanted, ((const struct known_log *) row)->log_id);
}

const struct known_log *known_log_find(const struct hash *log_id) {
    char text[HASH_BASE64_SIZE];
    hash_to_base64(log_id, text);
    return bsearch(text, known_logs, known_log_count(), sizeof *known_logs, compare);
}

size_t known_log_count(void) {
    return sizeof known_logs / sizeof *known_logs;
}

const struct known_log *known_log_at(size_t position) {
    return &known_logs[position];
}
