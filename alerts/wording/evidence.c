#include "wording/evidence.h"

#include "base/memory.h"
#include "base/text.h"

#define EVIDENCE_LIST_MAX 50   /* elements shown; the rest is counted, webhook and JSON file carry all */
#define EVIDENCE_TEXT_MAX 2000 /* bytes of one text before escapes */
#define EVIDENCE_ROW_MAX  (4u << 10) /* 75 rows of this, escaped sixfold, fit in PAGE_SIZE_MAX */

enum evidence_type { EVIDENCE_TEXT, EVIDENCE_NUMBER, EVIDENCE_SECONDS, EVIDENCE_RATE, EVIDENCE_FLAG, EVIDENCE_LIST, EVIDENCE_EXPECTED, EVIDENCE_LOGS, EVIDENCE_CAA };

struct evidence_row {
    const char *label; /* at most 16 characters */
    const char *field;
    enum evidence_type type;
};

static const struct evidence_row rows[] = {
    {"watches", "watches", EVIDENCE_LIST},
    {"policy", "policy", EVIDENCE_TEXT},
    {"verdict", "verdict", EVIDENCE_TEXT},
    {"because", "reasons", EVIDENCE_LIST},
    {"expected", "expected", EVIDENCE_EXPECTED},
    {"refused by", "refused_by", EVIDENCE_LIST},
    {"reported by", "reported_by", EVIDENCE_LIST},
    {"reports", "reports_count", EVIDENCE_NUMBER},
    {"different ones", "distinct_count", EVIDENCE_NUMBER},
    {"sources", "sources_count", EVIDENCE_NUMBER},
    {"first report", "first_report_at", EVIDENCE_TEXT},
    {"last report", "last_report_at", EVIDENCE_TEXT},
    {"names matched", "matched_names", EVIDENCE_LIST},
    {"all names", "names", EVIDENCE_LIST},
    {"issuer's owner", "issuer_owner", EVIDENCE_TEXT},
    {"its CAA domains", "issuer_caa_domains", EVIDENCE_LIST},
    {"CAA, by name", "caa", EVIDENCE_CAA},
    {"issuer's name", "issuer", EVIDENCE_TEXT},
    {"issuer's key", "issuer_spki_sha256", EVIDENCE_TEXT},
    {"subject", "subject", EVIDENCE_TEXT},
    {"serial number", "serial", EVIDENCE_TEXT},
    {"valid from", "not_before", EVIDENCE_TEXT},
    {"valid to", "not_after", EVIDENCE_TEXT},
    {"key", "key_type", EVIDENCE_TEXT},
    {"logged as", "entry", EVIDENCE_TEXT},
    {"SHA-256", "cert_sha256", EVIDENCE_TEXT},
    {"SHA-256 of TBS", "tbs_sha256", EVIDENCE_TEXT},
    {"SHA-256 of key", "spki_sha256", EVIDENCE_TEXT},
    {"oddities", "oddities", EVIDENCE_LIST},
    {"seen in", "logs", EVIDENCE_LOGS},
    {"report to", "ca_problem_report", EVIDENCE_TEXT},
    {"log", "description", EVIDENCE_TEXT},
    {"operator", "operator", EVIDENCE_TEXT},
    {"address", "url", EVIDENCE_TEXT},
    {"log id", "log_id", EVIDENCE_TEXT},
    {"contradiction", "how", EVIDENCE_TEXT},
    {"tree size", "tree_size", EVIDENCE_NUMBER},
    {"head's time", "head_time", EVIDENCE_TEXT},
    {"head's age", "age_seconds", EVIDENCE_SECONDS},
    {"allowed (MMD)", "mmd_seconds", EVIDENCE_SECONDS},
    {"signed root", "signed_root", EVIDENCE_TEXT},
    {"signed at", "signed_at", EVIDENCE_TEXT},
    {"signature", "signature", EVIDENCE_TEXT},
    {"computed root", "computed_root", EVIDENCE_TEXT},
    {"verified to", "verified_size", EVIDENCE_NUMBER},
    {"silent for", "silent_seconds", EVIDENCE_SECONDS},
    {"behind, entries", "lag_entries", EVIDENCE_NUMBER},
    {"entries/second", "entries_per_second", EVIDENCE_RATE},
    {"caught up in", "eta_seconds", EVIDENCE_SECONDS},
    {"entry", "index", EVIDENCE_NUMBER},
    {"reason", "reason", EVIDENCE_TEXT},
    {"explanation", "reason_text", EVIDENCE_TEXT},
    {"leaf hash", "leaf_hash", EVIDENCE_TEXT},
    {"list", "list", EVIDENCE_TEXT},
    {"CAA owner", "owner", EVIDENCE_TEXT},
    {"resolver", "resolver", EVIDENCE_TEXT},
    {"changed at", "changed_at", EVIDENCE_TEXT},
    {"before", "before", EVIDENCE_LIST},
    {"after", "after", EVIDENCE_LIST},
    {"before stood at", "before_at", EVIDENCE_TEXT},
    {"after stands at", "after_at", EVIDENCE_TEXT},
    {"gained, as told", "permitted", EVIDENCE_LIST},
    {"may issue now", "gained", EVIDENCE_LIST},
    {"may no longer", "lost", EVIDENCE_LIST},
    {"wildcards now", "wildcard_gained", EVIDENCE_LIST},
    {"no wildcards now", "wildcard_lost", EVIDENCE_LIST},
    {"answers", "answers", EVIDENCE_LIST},
    {"CAA records", "records", EVIDENCE_LIST},
    {"last answer", "last_answer_at", EVIDENCE_TEXT},
    {"names in all", "names_count", EVIDENCE_NUMBER},
    {"DNSSEC", "dnssec", EVIDENCE_TEXT},
    {"channel", "channel", EVIDENCE_TEXT},
    {"channel kind", "kind", EVIDENCE_TEXT},
    {"attempts", "attempts", EVIDENCE_NUMBER},
    {"given up", "dead", EVIDENCE_FLAG},
    {"last error", "last_error", EVIDENCE_TEXT},
    {"detail", "detail", EVIDENCE_TEXT},
    {"times seen", "occurrences", EVIDENCE_NUMBER},
    {"entries so far", "count", EVIDENCE_NUMBER},
    {"times in a row", "times", EVIDENCE_NUMBER},
    {"found at", "opened_at", EVIDENCE_TEXT},
};

static void add_text(struct buffer *value, const char *text) {
    size_t size = strnlen(text, EVIDENCE_TEXT_MAX + 1);
    size_t cut = size;
    if (size > EVIDENCE_TEXT_MAX) {
        cut = EVIDENCE_TEXT_MAX;
        while (cut > 0 && ((uint8_t) text[cut] & 0xc0) == 0x80)
            cut--;
    }
    text_add_harmless(value, span_of(text, cut));
    if (cut < size)
        buffer_add_text(value, "…");
}

typedef void element_adder(struct buffer *value, const json_t *list, size_t index);

static void add_list(struct buffer *value, const json_t *list, const char *separator, element_adder *add) {
    size_t count = json_array_size(list);
    size_t shown = count > EVIDENCE_LIST_MAX ? EVIDENCE_LIST_MAX : count;
    for (size_t i = 0; i < shown; i++) {
        if (i > 0)
            buffer_add_text(value, separator);
        add(value, list, i);
    }
    if (shown < count)
        buffer_printf(value, " and %zu more", count - shown);
}

static void add_element(struct buffer *value, const json_t *list, size_t index) {
    add_text(value, alert_list_text(list, index));
}

static void add_expected(struct buffer *value, const json_t *expected) {
    static const struct {
        const char *field, *words;
    } parts[] = {{"caa_domains", "CAA domain "}, {"owners", "owner "}, {"ca_keys", "CA key "}};
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        const json_t *list = json_object_get(expected, parts[i].field);
        if (json_array_size(list) == 0)
            continue;
        if (value->size > 0)
            buffer_add_text(value, "; ");
        buffer_add_text(value, parts[i].words);
        add_list(value, list, ", ", add_element);
    }
    if (json_is_true(json_object_get(expected, "caa_records")))
        buffer_add_text(value, value->size > 0 ? "; whom the CAA records allow" : "whom the CAA records allow");
}

static void add_log(struct buffer *value, const json_t *logs, size_t index) {
    const json_t *log = json_array_get(logs, index);
    const char *name = json_string_value(json_object_get(log, "description"));
    if (name == NULL)
        name = json_string_value(json_object_get(log, "log_id"));
    add_text(value, name == NULL ? "a log" : name);
    if (json_is_integer(json_object_get(log, "index")))
        buffer_printf(value, " entry %lld", (long long) json_integer_value(json_object_get(log, "index")));
    const json_t *timestamp = json_object_get(log, "timestamp");
    if (json_is_integer(timestamp)) {
        char time[RFC3339_SIZE];
        text_of_time_ms(json_integer_value(timestamp), time);
        buffer_printf(value, " at %s", time);
    }
}

/* A labelled text of an object, if it has it. */
static void add_part(struct buffer *value, const char *label, const json_t *object, const char *field) {
    const char *text = json_string_value(json_object_get(object, field));
    if (text == NULL || text[0] == '\0')
        return;
    buffer_add_text(value, label);
    add_text(value, text);
}

/* One name of a certificate that was judged by the recorded CAA history. */
static void add_verdict(struct buffer *value, const json_t *names, size_t index) {
    const json_t *name = json_array_get(names, index), *records = json_object_get(name, "records");
    add_part(value, "", name, "name");
    add_part(value, ": ", name, "verdict");
    add_part(value, ", ", name, "reason");
    add_part(value, " (issued in the window from ", name, "window_begin");
    add_part(value, " to ", name, "window_end");
    buffer_add_text(value, json_is_string(json_object_get(name, "window_begin")) ? ")" : "");
    if (json_array_size(records) > 0) {
        add_part(value, ", records of ", name, "owner");
        add_part(value, " told by ", name, "resolver");
        buffer_add_text(value, ": ");
        add_list(value, records, ", ", add_element);
    }
    add_part(value, ", now: ", name, "now");
}

static void add_seconds(struct buffer *value, double seconds) {
    static const struct {
        double length;
        const char *name;
    } units[] = {{86400, "days"}, {3600, "hours"}, {60, "minutes"}, {1, "seconds"}};
    size_t unit = 0;
    while (units[unit].length > 1 && seconds < 2 * units[unit].length)
        unit++;
    buffer_printf(value, "%.0f %s", seconds / units[unit].length, units[unit].name);
}

static void add_value(struct buffer *value, const struct evidence_row *row, const json_t *field) {
    if (row->type == EVIDENCE_TEXT && json_is_string(field))
        add_text(value, json_string_value(field));
    else if (row->type == EVIDENCE_NUMBER && json_is_integer(field))
        buffer_printf(value, "%lld", (long long) json_integer_value(field));
    else if (row->type == EVIDENCE_SECONDS && json_is_number(field))
        add_seconds(value, json_number_value(field));
    else if (row->type == EVIDENCE_RATE && json_is_number(field))
        buffer_printf(value, "%.1f", json_number_value(field));
    else if (row->type == EVIDENCE_FLAG && json_is_true(field))
        buffer_add_text(value, "yes");
    else if (row->type == EVIDENCE_LIST)
        add_list(value, field, ", ", add_element);
    else if (row->type == EVIDENCE_EXPECTED)
        add_expected(value, field);
    else if (row->type == EVIDENCE_LOGS)
        add_list(value, field, "; ", add_log);
    else if (row->type == EVIDENCE_CAA)
        add_list(value, field, "; ", add_verdict);
}

/* A row that grew too long ends in an ellipsis; the whole is in the JSON forms. */
static void cut_row(struct buffer *value) {
    size_t size = value->size < EVIDENCE_ROW_MAX - 8 ? value->size : EVIDENCE_ROW_MAX - 8;
    while (size > 0 && size < value->size && (value->bytes[size] & 0xc0) == 0x80)
        size--;
    value->failed = false;
    value->size = size;
    buffer_add_text(value, " …");
}

void evidence_add(struct page *page, const struct alert *alert) {
    CLEANUP(buffer_done) struct buffer value = buffer_with_limit(EVIDENCE_ROW_MAX);
    page_rows_begin(page);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        buffer_reset(&value);
        add_value(&value, &rows[i], json_object_get(alert->body, rows[i].field));
        if (value.failed)
            cut_row(&value);
        if (value.size > 0)
            page_row(page, rows[i].label, buffer_text(&value));
    }
    page_rows_end(page);
}
