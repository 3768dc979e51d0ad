#include "cli/certificate_json.h"

#include "base/memory.h"
#include "base/text.h"
#include "base/whole_json.h"
#include "cli/caa_print.h"

json_t *known_hash_json(const struct known_hash *known) {
    char hex[HASH_HEX_SIZE];
    if (!known->is_known)
        return json_null();
    hash_to_hex(&known->hash, hex);
    return json_string(hex);
}

json_t *time_json_ms(int64_t unix_ms) {
    char text[RFC3339_SIZE];
    text_of_time_ms(unix_ms, text);
    return text[0] == '\0' ? json_null() : json_string(text);
}

static json_t *seconds_json(bool is_known, int64_t seconds) {
    char text[RFC3339_SIZE];
    text_of_time(seconds, text);
    return is_known && text[0] != '\0' ? json_string(text) : json_null();
}

const char *certificate_owner(const struct known_hash *issuer_spki_sha256, const struct ca_extra_rows *extra) {
    struct ca_row row;
    return issuer_spki_sha256->is_known && ca_table_find(&issuer_spki_sha256->hash, extra, &row) ? row.owner->name : NULL;
}

static json_t *owner_json(const struct known_hash *issuer, const struct ca_extra_rows *extra) {
    const char *owner = certificate_owner(issuer, extra);
    return owner == NULL ? json_null() : json_string(owner);
}

/* JSON that the database keeps; an empty list where it is none. */
static json_t *loaded(const char *json) {
    json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
    return value == NULL ? json_array() : value;
}

json_t *certificate_row_json(const struct store_certificate_row *row, const struct ca_extra_rows *extra) {
    uint64_t mark = memory_mark();
    json_t *object = json_pack("{s:I, s:o, s:o, s:s, s:o, s:o}", "certificate_id", (json_int_t) row->certificate_id, "first_seen_at",
                               time_json_ms(row->first_seen_ms), "first_timestamp", time_json_ms(row->first_timestamp_ms), "serial",
                               row->serial, "names", loaded(row->names), "issuer", json_string(row->issuer));
    json_object_set_new(object, "subject", json_string(row->subject));
    json_object_set_new(object, "key_type", json_string(row->key_type));
    json_object_set_new(object, "not_before", seconds_json(row->has_validity, row->not_before_ms / 1000));
    json_object_set_new(object, "not_after", seconds_json(row->has_validity, row->not_after_ms / 1000));
    json_object_set_new(object, "precertificate_sha256", known_hash_json(&row->precertificate_sha256));
    json_object_set_new(object, "certificate_sha256", known_hash_json(&row->certificate_sha256));
    json_object_set_new(object, "tbs_sha256", known_hash_json(&(struct known_hash){true, row->tbs_sha256}));
    json_object_set_new(object, "spki_sha256", known_hash_json(&row->spki_sha256));
    json_object_set_new(object, "issuer_spki_sha256", known_hash_json(&row->issuer_spki_sha256));
    json_object_set_new(object, "issuer_state", json_string(row->issuer_state));
    json_object_set_new(object, "issuer_owner", owner_json(&row->issuer_spki_sha256, extra));
    json_object_set_new(object, "scts", loaded(row->scts));
    json_object_set_new(object, "oddities", loaded(row->oddities));
    json_object_set_new(object, "is_ca", json_boolean(row->is_ca));
    json_object_set_new(object, "is_drill", json_boolean(row->is_drill));
    json_object_set_new(object, "observations", json_integer((json_int_t) row->observation_count));
    json_object_set_new(object, "caa_verdict", row->caa_verdict[0] == '\0' ? json_null() : json_string(row->caa_verdict));
    return json_if_whole(object, mark);
}

static json_t *observations_json(const struct store_certificate_detail *detail) {
    json_t *list = json_array();
    for (size_t i = 0; i < detail->observation_count; i++) {
        const struct store_observation *seen = &detail->observations[i];
        char log_id[HASH_BASE64_SIZE];
        hash_to_base64(&seen->log_id, log_id);
        json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I, s:s, s:o, s:o}", "log_id", log_id, "log", seen->log_description, "index",
                                              (json_int_t) seen->log_index, "timestamp", (json_int_t) seen->timestamp_ms, "entry",
                                              seen->kind, "cert_sha256", known_hash_json(&seen->cert_sha256), "seen_at",
                                              time_json_ms(seen->seen_ms)));
    }
    return list;
}

static json_t *der_json(struct span der) {
    if (der.size == 0)
        return json_null();
    char *text = memory_new((der.size + 2) / 3 * 4 + 1);
    if (text == NULL)
        return json_null();
    text_of_base64(der, text);
    json_t *value = json_string(text);
    memory_free(text);
    return value;
}

static json_t *text_or_null(const char *text) {
    return text[0] == '\0' ? json_null() : json_string(text);
}

static json_t *verdict_json(const struct store_caa_verdict_row *row) {
    bool has_window = row->window_begin_ms != 0;
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o, s:o, s:o, s:b, s:s, s:o}", "name", row->name, "verdict", row->verdict, "reason", row->reason, "window_begin",
                     has_window ? time_json_ms(row->window_begin_ms) : json_null(), "window_end", has_window ? time_json_ms(row->issued_ms) : json_null(),
                     "resolver", text_or_null(row->resolver), "owner", text_or_null(row->owner), "records", caa_records_json(row->records, row->record_count),
                     "authenticated", row->is_authenticated, "now", row->today, "judged_at", time_json_ms(row->judged_ms));
}

static json_t *verdicts_json(const struct certificate_verdicts *verdicts) {
    json_t *list = json_array();
    for (size_t i = 0; i < verdicts->count; i++)
        json_array_append_new(list, verdict_json(&verdicts->rows[i]));
    return list;
}

static json_t *pins_json(const struct certificate_verdicts *verdicts) {
    json_t *list = json_array();
    for (size_t i = 0; i < verdicts->pin_count; i++) {
        const struct store_pin_verdict_row *row = &verdicts->pins[i];
        json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:b, s:o, s:s, s:s, s:o}", "app", row->app, "platform", row->platform, "version",
                                              row->version, "name", row->name, "host", row->host, "verdict", row->verdict, "role", text_or_null(row->role), "enforced",
                                              row->is_enforced, "by", text_or_null(row->pin), "pins", row->document, "reason", row->why, "since",
                                              time_json_ms(row->from_ms)));
    }
    return list;
}

json_t *certificate_detail_json(const struct store_certificate_detail *detail, const struct certificate_verdicts *verdicts, const struct ca_extra_rows *extra) {
    uint64_t mark = memory_mark();
    json_t *object = certificate_row_json(&detail->certificate, extra);
    json_t *watches = json_array(), *findings = json_array(), *chain = json_array();
    for (size_t i = 0; i < detail->watch_count; i++)
        json_array_append_new(watches, json_pack("{s:I, s:s, s:s, s:o}", "watch_id", (json_int_t) detail->watches[i].watch_id, "kind",
                                                 detail->watches[i].kind, "value", detail->watches[i].value, "matched_at",
                                                 time_json_ms(detail->watches[i].matched_ms)));
    for (size_t i = 0; i < detail->finding_count; i++)
        json_array_append_new(findings, json_integer((json_int_t) detail->finding_ids[i]));
    for (size_t i = 0; i < detail->chain_count; i++)
        json_array_append_new(chain, known_hash_json(&(struct known_hash){true, detail->chain[i]}));
    json_object_set_new(object, "caa", verdicts_json(verdicts));
    json_object_set_new(object, "pins", pins_json(verdicts));
    json_object_set_new(object, "seen", observations_json(detail));
    json_object_set_new(object, "watches", watches);
    json_object_set_new(object, "finding_ids", findings);
    json_object_set_new(object, "chain_sha256", chain);
    json_object_set_new(object, "precertificate_der", der_json(detail->precertificate));
    json_object_set_new(object, "certificate_der", der_json(detail->der));
    return json_if_whole(object, mark);
}

static json_t *names_json(const struct entry_report *report) {
    static const char *const types[name_type_count] = {"dns", "ip", "email", "uri"};
    json_t *list = json_array();
    for (size_t i = 0; i < report->name_count; i++)
        json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "type", types[report->names[i].type], "value", report->names[i].value, "from",
                                              report->names[i].origin == NAME_FROM_SAN ? "san" : "cn"));
    return list;
}

static json_t *scts_json(const struct entry_report *report) {
    json_t *list = json_array();
    for (size_t i = 0; i < report->sct_count; i++) {
        const struct report_sct *sct = &report->scts[i];
        char log_id[HASH_BASE64_SIZE];
        hash_to_base64(&sct->log_id, log_id);
        json_array_append_new(list, json_pack("{s:s, s:I, s:o}", "log_id", log_id, "timestamp", (json_int_t) sct->timestamp_ms, "valid",
                                              sct->verdict == SCT_UNKNOWN ? json_null() : json_boolean(sct->verdict == SCT_VALID)));
    }
    return list;
}

static json_t *text_json(const char *text) {
    json_t *value = json_string(text);
    return value == NULL ? json_null() : value;
}

json_t *certificate_report_json(const struct entry_report *report) {
    uint64_t mark = memory_mark();
    json_t *object = json_object(), *oddities = json_array();
    for (size_t i = 0; i < report->oddity_count; i++)
        json_array_append_new(oddities, text_json(report->oddities[i]));
    json_object_set_new(object, "names", names_json(report));
    json_object_set_new(object, "precertificate", json_boolean(report->kind == ENTRY_PRECERTIFICATE));
    json_object_set_new(object, "serial", text_json(report->serial));
    json_object_set_new(object, "issuer", text_json(report->issuer));
    json_object_set_new(object, "subject", text_json(report->subject));
    json_object_set_new(object, "not_before", seconds_json(report->has_validity, report->not_before));
    json_object_set_new(object, "not_after", seconds_json(report->has_validity, report->not_after));
    json_object_set_new(object, "cert_sha256", known_hash_json(&report->cert_sha256));
    json_object_set_new(object, "tbs_sha256", known_hash_json(&report->tbs_sha256));
    json_object_set_new(object, "spki_sha256", known_hash_json(&report->spki_sha256));
    json_object_set_new(object, "issuer_spki_sha256", known_hash_json(&report->issuer_spki_sha256));
    json_object_set_new(object, "scts", scts_json(report));
    json_object_set_new(object, "oddities", oddities);
    json_object_set_new(object, "key_type", text_json(report->key_type));
    json_object_set_new(object, "is_ca", json_boolean(report->is_ca));
    json_object_set_new(object, "issuer_owner", owner_json(&report->issuer_spki_sha256, NULL));
    if (report->is_unreadable)
        json_object_set_new(object, "unreadable", text_json(report->reason_text[0] != '\0' ? report->reason_text : report->reason));
    return json_if_whole(object, mark);
}
