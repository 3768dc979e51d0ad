/* The printer: one JSON line per match, in the order of the log. */
#include "base/memory.h"
#include "base/text.h"
#include "cli/scan.h"
#include "cli/table.h"

struct line {
    struct line *next;
    struct scan_printer *printer;
    json_t *object;
    bool is_waiting; /* for its issuer */
};

struct scan_printer {
    const struct scan_watch *watch;
    struct issuer_fetch *issuers;
    struct line *first, *last;
    size_t waiting;
    bool has_failed;
    result trouble; /* our own, while an issuer was looked up */
};

result scan_printer_new(const struct scan_watch *watch, struct scan_printer **ret_printer) {
    struct scan_printer *printer = memory_new(sizeof *printer);
    if (printer == NULL)
        return &fault_no_memory;
    printer->watch = watch;
    *ret_printer = printer;
    return OK;
}

void scan_printer_free(struct scan_printer *printer) {
    if (printer == NULL)
        return;
    while (printer->first != NULL) {
        struct line *next = printer->first->next;
        json_decref(printer->first->object);
        memory_free(printer->first);
        printer->first = next;
    }
    memory_free(printer);
}

void scan_printer_set_issuers(struct scan_printer *printer, struct issuer_fetch *issuers) {
    printer->issuers = issuers;
}

size_t scan_printer_waiting(const struct scan_printer *printer) {
    return printer->waiting;
}

result scan_printer_trouble(const struct scan_printer *printer) {
    return printer->trouble;
}

bool scan_printer_has_failed(const struct scan_printer *printer) {
    return printer->has_failed;
}

static void flush(struct scan_printer *printer) {
    while (printer->first != NULL && !printer->first->is_waiting) {
        struct line *line = printer->first;
        printer->first = line->next;
        if (printer->first == NULL)
            printer->last = NULL;
        if (!print_json_line(line->object))
            printer->has_failed = true;
        memory_free(line);
    }
}

static json_t *json_hash(const struct known_hash *known) {
    char hex[HASH_HEX_SIZE];
    hash_to_hex(&known->hash, hex);
    return known->is_known ? json_string(hex) : json_null();
}

static json_t *json_log_id(const struct followed_log *log) {
    char text[HASH_BASE64_SIZE];
    hash_to_base64(&followed_log_identity(log)->log.log_id, text);
    return json_string(text);
}

static json_t *json_time(const struct entry_report *report, int64_t seconds) {
    char text[RFC3339_SIZE];
    text_of_time(seconds, text);
    return report->has_validity && text[0] != '\0' ? json_string(text) : json_null();
}

static json_t *json_names(const struct entry_report *report) {
    json_t *names = json_array();
    const char *last = NULL;
    for (size_t i = 0; i < report->name_count; i++) {
        const char *value = report->names[i].value;
        bool is_new = last == NULL || strcmp(last, value) != 0;
        if (is_new && json_array_append_new(names, json_string(value)) != 0) {
            json_decref(names);
            return NULL; /* rather no line than one that lacks a name */
        }
        last = value;
    }
    return names;
}

static json_t *match_line(const struct scan_printer *printer, const struct followed_log *log, const struct entry_report *report) {
    return json_pack("{s:s, s:o, s:I, s:I, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "type", "match", "log_id",
                     json_log_id(log), "index", (json_int_t) report->index, "timestamp", (json_int_t) report->timestamp_ms, "entry",
                     report->kind == ENTRY_PRECERTIFICATE ? "precertificate" : "certificate", "watch",
                     scan_watch_first(printer->watch, report), "names", json_names(report), "cert_sha256",
                     json_hash(&report->cert_sha256), "tbs_sha256", json_hash(&report->tbs_sha256), "spki_sha256",
                     json_hash(&report->spki_sha256), "issuer_spki_sha256", json_hash(&report->issuer_spki_sha256), "not_before",
                     json_time(report, report->not_before), "not_after", json_time(report, report->not_after));
}

static json_t *unreadable_line(const struct followed_log *log, const struct entry_report *report) {
    const char *words = report->reason_text[0] != '\0' ? report->reason_text : report->reason;
    return json_pack("{s:s, s:o, s:I, s:s}", "type", "unreadable", "log_id", json_log_id(log), "index",
                     (json_int_t) report->index, "reason", words);
}

static void issuer_known(void *context, const struct issuer_answer *verdict) {
    struct line *line = context;
    struct scan_printer *printer = line->printer;
    if (verdict->issuer_spki.is_known &&
        json_object_set_new(line->object, "issuer_spki_sha256", json_hash(&verdict->issuer_spki)) != 0)
        printer->has_failed = true;
    bool is_ours = verdict->fault != OK && (verdict->fault == &fault_no_memory || verdict->fault->family == FAULT_BUG);
    if (is_ours)
        printer->trouble = verdict->fault;
    line->is_waiting = false;
    printer->waiting--;
    flush(printer);
}

static result ask_issuer(struct line *line, const struct followed_log *log, const struct entry_report *report) {
    const struct listed_log *listed = &followed_log_identity(log)->log;
    struct issuer_query query = {.monitoring_url = listed->monitoring_url[0] != '\0' ? listed->monitoring_url : listed->url,
                                 .fingerprint = report->chain_fingerprints[0], .certificate = report->certificate};
    TRY(issuer_fetch_ask(line->printer->issuers, &query, issuer_known, line));
    line->is_waiting = true;
    line->printer->waiting++;
    return OK;
}

static result add_report(struct scan_printer *printer, const struct followed_log *log, const struct entry_report *report) {
    struct line *line = memory_new(sizeof *line);
    if (line == NULL)
        return &fault_no_memory;
    line->printer = printer;
    line->object = report->is_unreadable ? unreadable_line(log, report) : match_line(printer, log, report);
    bool wants_issuer = !report->is_unreadable && report->is_issuer_pending && report->chain_count > 0 && report->certificate.size > 0;
    result fault = line->object == NULL ? &fault_no_memory : OK;
    if (fault == OK && wants_issuer && printer->issuers != NULL)
        fault = ask_issuer(line, log, report);
    if (fault != OK) {
        json_decref(line->object);
        memory_free(line);
        return fault;
    }
    if (printer->last != NULL)
        printer->last->next = line;
    else
        printer->first = line;
    printer->last = line;
    return OK;
}

static result commit(void *context, struct followed_log *log, const struct verified_range *range) {
    struct scan_printer *printer = context;
    for (size_t i = 0; i < range->report_count; i++)
        TRY(add_report(printer, log, &range->reports[i]));
    flush(printer);
    return OK;
}

static result tell(void *unused_context, struct followed_log *unused_log, const struct log_event *unused_event) {
    (void) unused_context;
    (void) unused_log;
    (void) unused_event;
    return OK; /* a scan ends with the verdict; see its exit code and last error */
}

struct sink scan_printer_sink(struct scan_printer *printer) {
    return (struct sink){.context = printer, .commit = commit, .tell = tell};
}
