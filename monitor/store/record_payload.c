#include "base/text.h"
#include "store/record_payload.h"

static void add_names(struct payload *payload, json_t *item, const struct entry_report *report) {
    static const char *const types[name_type_count] = {"dns", "ip", "email", "uri"};
    static const char *const origins[name_origin_count] = {"san", "cn"};
    json_t *names = payload_array(payload, item, "names");
    for (size_t i = 0; i < report->name_count; i++) {
        json_t *name = payload_append(payload, names);
        payload_text(payload, name, "type", types[report->names[i].type]);
        payload_text(payload, name, "value", report->names[i].value);
        payload_text(payload, name, "from", origins[report->names[i].origin]);
    }
}

static void add_scts(struct payload *payload, json_t *item, const struct entry_report *report) {
    json_t *scts = payload_array(payload, item, "scts");
    for (size_t i = 0; i < report->sct_count; i++) {
        char log_id[HASH_BASE64_SIZE];
        hash_to_base64(&report->scts[i].log_id, log_id);
        json_t *sct = payload_append(payload, scts);
        payload_text(payload, sct, "log_id", log_id);
        payload_unsigned(payload, sct, "timestamp", report->scts[i].timestamp_ms);
        enum sct_verdict verdict = report->scts[i].verdict;
        payload_set(payload, sct, "valid", verdict == SCT_UNKNOWN ? json_null() : json_boolean(verdict == SCT_VALID));
    }
}

static void add_lists(struct payload *payload, json_t *item, const struct entry_report *report) {
    json_t *oddities = payload_array(payload, item, "oddities");
    for (size_t i = 0; i < report->oddity_count; i++)
        payload_append_value(payload, oddities, json_of_text(report->oddities[i]));
    json_t *chain = payload_array(payload, item, "chain");
    for (size_t i = 0; i < report->chain_count; i++) {
        char hex[HASH_HEX_SIZE];
        hash_to_hex(&report->chain_fingerprints[i], hex);
        payload_append_value(payload, chain, json_string(hex));
    }
}

/* A certificate whose TBS cannot be told apart is known by its own hash, or by its leaf's. */
static const struct hash *identity_hash(const struct entry_report *report) {
    if (report->tbs_sha256.is_known)
        return &report->tbs_sha256.hash;
    return report->cert_sha256.is_known ? &report->cert_sha256.hash : &report->leaf_hash;
}

static const char *issuer_state(const struct entry_report *report) {
    if (report->issuer_spki_sha256.is_known)
        return "verified";
    return report->is_issuer_pending ? "pending" : "unverifiable";
}

static const char *text_or_empty(const char *text) {
    return text == NULL ? "" : text;
}

static int64_t seconds_to_ms(int64_t seconds) {
    return seconds > INT64_MAX / 1000 ? INT64_MAX : seconds < INT64_MIN / 1000 ? INT64_MIN : seconds * 1000;
}

static void add_certificate(struct payload *payload, json_t *item, const struct entry_report *report) {
    bool is_precertificate = report->kind == ENTRY_PRECERTIFICATE;
    payload_text(payload, item, "kind", is_precertificate ? "precertificate" : "certificate");
    payload_known_hash(payload, item, "issuer_spki_sha256", &report->issuer_spki_sha256);
    payload_hash(payload, item, "tbs_sha256", identity_hash(report));
    payload_known_hash(payload, item, "spki_sha256", &report->spki_sha256);
    payload_known_hash(payload, item, "cert_sha256", &report->cert_sha256);
    payload_text(payload, item, "issuer_state", issuer_state(report));
    payload_text(payload, item, "serial", text_or_empty(report->serial));
    payload_text(payload, item, "issuer", text_or_empty(report->issuer));
    payload_text(payload, item, "subject", text_or_empty(report->subject));
    payload_text(payload, item, "key_type", text_or_empty(report->key_type));
    if (report->has_validity) {
        payload_number(payload, item, "not_before_ms", seconds_to_ms(report->not_before));
        payload_number(payload, item, "not_after_ms", seconds_to_ms(report->not_after));
    }
    payload_set(payload, item, "is_ca", json_boolean(report->is_ca));
    payload_blob(payload, item, "der", report->certificate);
    /* The leaf's TBS is evidence only where the precertificate itself could not be kept. */
    payload_blob(payload, item, "tbs", report->certificate.size > 0 ? span_of(NULL, 0) : report->tbs);
    payload_blob(payload, item, "issuer_der", report->issuer_certificate);
    add_names(payload, item, report);
    add_scts(payload, item, report);
    add_lists(payload, item, report);
}

void payload_add_findings(struct payload *payload, json_t *object, const struct store_finding *findings, size_t count) {
    json_t *array = payload_array(payload, object, "findings");
    for (size_t i = 0; i < count; i++) {
        json_t *item = payload_append(payload, array);
        payload_number(payload, item, "tenant", findings[i].tenant_id);
        payload_text(payload, item, "rule", findings[i].rule);
        payload_text(payload, item, "severity", findings[i].severity);
        payload_set(payload, item, "body", json_loads(findings[i].body, JSON_REJECT_DUPLICATES, NULL));
    }
}

void payload_add_judgement(struct payload *payload, json_t *items, const struct store_judgement *judgement) {
    const struct entry_report *report = judgement->report;
    char leaf_hash[HASH_BASE64_SIZE];
    json_t *item = payload_append(payload, items);
    payload_unsigned(payload, item, "index", report->index);
    payload_unsigned(payload, item, "timestamp_ms", report->timestamp_ms);
    payload_add_findings(payload, item, judgement->findings, judgement->finding_count);
    if (report->is_unreadable) {
        hash_to_base64(&report->leaf_hash, leaf_hash);
        payload_text(payload, item, "leaf_hash", leaf_hash);
        payload_text(payload, item, "reason", text_or_empty(report->reason));
        payload_text(payload, item, "reason_text", text_or_empty(report->reason_text));
        payload_blob(payload, item, "raw", report->raw);
        return;
    }
    payload_set(payload, item, "is_drill", json_boolean(judgement->is_drill));
    json_t *matches = payload_array(payload, item, "matches");
    for (size_t i = 0; i < judgement->match_count; i++) {
        const struct store_match *match = &judgement->matches[i];
        payload_append_value(payload, matches, json_pack("[I,I]", (json_int_t) match->tenant_id, (json_int_t) match->watch_id));
    }
    add_certificate(payload, item, report);
}
