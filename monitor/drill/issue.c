#include "drill/issue.h"

#include <jansson.h>

#include "base/digest.h"
#include "base/memory.h"
#include "base/text.h"

#define DER_LIMIT ((size_t) 256 * 1024)
#define LIFETIME_DAYS_MAX 398
#define DAY_SECONDS ((int64_t) 24 * 3600)
#define ENTRIES_MAX (2 * DRILL_LIVE_LOGS)

static void json_release(json_t **json) {
    json_decref(*json);
}

struct order {
    struct certificate_order certificate; /* names point into the JSON */
    const struct authority *authority;
    bool takes_log[DRILL_LIVE_LOGS];
    bool wants_precertificate, wants_final;
    EVP_PKEY *key;
};

static void order_done(struct order *order) {
    EVP_PKEY_free(order->key);
}

/* What was logged, for the answer. */
struct outcome {
    struct {
        const struct drill_log *log;
        enum entry_kind kind;
        uint64_t index, timestamp_ms;
        struct hash cert_sha256;
    } entries[ENTRIES_MAX];
    size_t count;
    struct hash tbs_sha256;
    struct spki spki;
};

/* ---- the order ---- */

static const char *member_text(const json_t *root, const char *name, const char *otherwise) {
    const json_t *value = json_object_get(root, name);
    return value == NULL ? otherwise : json_string_value(value);
}

static result read_names(const json_t *root, struct certificate_order *order, struct reason *reason) {
    const json_t *names = json_object_get(root, "names");
    const char *first = member_text(root, "issue", NULL);
    if (first == NULL)
        return reason_set(reason, &fault_drill_order, "\"issue\" is missing or no text");
    if (names == NULL) {
        order->names[0] = first;
        order->name_count = 1;
        return OK;
    }
    order->name_count = json_array_size(names);
    if (order->name_count == 0 || order->name_count > DRILL_NAMES_MAX)
        return reason_set(reason, &fault_drill_order, "\"names\": wanted a list of 1 to %d", DRILL_NAMES_MAX);
    for (size_t i = 0; i < order->name_count; i++) {
        order->names[i] = json_string_value(json_array_get(names, i));
        if (order->names[i] == NULL)
            return reason_set(reason, &fault_drill_order, "\"names\": item %zu is no text", i + 1);
    }
    return OK;
}

static result read_key(const char *text, EVP_PKEY **ret_key, struct reason *reason) {
    uint8_t der[DRILL_SPKI_MAX];
    size_t size = 0;
    if (text != NULL && strcmp(text, "new") == 0)
        return key_new(ret_key);
    if (text == NULL || strlen(text) > sizeof der || text_to_base64(span_of_text(text), der, &size) != OK)
        return reason_set(reason, &fault_drill_order, "\"key\": wanted \"new\" or base64 of an SPKI");
    const uint8_t *at = der;
    *ret_key = d2i_PUBKEY(NULL, &at, (long) size);
    return *ret_key != NULL ? OK : reason_set(reason, &fault_drill_order, "\"key\": not an SPKI");
}

static result read_choices(const json_t *root, struct issue_desk *desk, struct order *order, struct reason *reason) {
    const char *by = member_text(root, "by", "expected"), *into = member_text(root, "into", "both");
    for (size_t i = 0; i < DRILL_AUTHORITIES && by != NULL; i++)
        if (strcmp(by, desk->authorities[i].name) == 0)
            order->authority = &desk->authorities[i];
    if (order->authority == NULL)
        return reason_set(reason, &fault_drill_order, "\"by\": wanted \"expected\" or \"unexpected\"");
    bool takes_any = false;
    for (size_t i = 0; i < DRILL_LIVE_LOGS && into != NULL; i++) {
        order->takes_log[i] = strcmp(into, "both") == 0 || strcmp(into, desk->logs[i].name) == 0;
        takes_any = takes_any || order->takes_log[i];
    }
    if (!takes_any)
        return reason_set(reason, &fault_drill_order, "\"into\": wanted \"rfc6962\", \"static\" or \"both\"");
    order->wants_precertificate = !json_is_false(json_object_get(root, "precertificate"));
    order->wants_final = !json_is_false(json_object_get(root, "final"));
    if (!order->wants_precertificate && !order->wants_final)
        return reason_set(reason, &fault_drill_order, "neither precertificate nor final certificate is wanted");
    return OK;
}

static result read_order(const json_t *root, struct issue_desk *desk, struct order *order, struct reason *reason) {
    const json_t *days = json_object_get(root, "days");
    json_int_t lifetime = days == NULL ? 90 : json_integer_value(days);
    if (lifetime < 1 || lifetime > LIFETIME_DAYS_MAX)
        return reason_set(reason, &fault_drill_order, "\"days\": wanted 1 to %d", LIFETIME_DAYS_MAX);
    TRY(read_names(root, &order->certificate, reason));
    TRY(read_choices(root, desk, order, reason));
    TRY(read_key(member_text(root, "key", "new"), &order->key, reason));
    order->certificate.key = order->key;
    order->certificate.not_before = desk->now_ms() / 1000 - 3600; /* as CAs do, against slow clocks */
    order->certificate.lifetime_seconds = lifetime * DAY_SECONDS;
    return OK;
}

/* ---- issuing ---- */

static struct drill_entry entry_of(const struct authority *authority) {
    return (struct drill_entry){.issuer_key_hash = authority->spki.sha256,
                                .chain = {buffer_span(&authority->intermediate_der), buffer_span(&authority->root_der)},
                                .chain_count = 2};
}

/* Puts the entry into each log of the order; appends each SCT as a SerializedSCT. */
static result log_everywhere(struct issue_desk *desk, const struct order *order, struct drill_entry *entry, struct outcome *outcome,
                             struct buffer *scts, struct reason *reason) {
    for (size_t i = 0; i < DRILL_LIVE_LOGS; i++) {
        struct live_receipt receipt;
        if (!order->takes_log[i])
            continue;
        TRY(live_add(desk->lives[i], entry, (uint64_t) desk->now_ms(), &receipt, reason));
        bool fits = buffer_add_vector(scts, 2, buffer_span(&receipt.sct));
        buffer_done(&receipt.sct);
        if (!fits)
            return reason_set(reason, &fault_limit_reached, "the SCT list is too long");
        size_t at = outcome->count++;
        outcome->entries[at].log = &desk->logs[i];
        outcome->entries[at].kind = entry->kind;
        outcome->entries[at].index = receipt.index;
        outcome->entries[at].timestamp_ms = receipt.timestamp_ms;
        digest_of(entry->kind == ENTRY_PRECERTIFICATE ? entry->precertificate : entry->certificate,
                  &outcome->entries[at].cert_sha256);
    }
    return OK;
}

static result log_precertificate(struct issue_desk *desk, const struct order *order, const struct draft *draft,
                                 struct outcome *outcome, struct buffer *scts, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer der = buffer_with_limit(DER_LIMIT);
    TRY(draft_precertificate(order->authority, draft, &der));
    struct drill_entry entry = entry_of(order->authority);
    entry.kind = ENTRY_PRECERTIFICATE;
    entry.tbs = buffer_span(&draft->tbs);
    entry.precertificate = buffer_span(&der);
    return log_everywhere(desk, order, &entry, outcome, scts, reason);
}

static result log_final(struct issue_desk *desk, const struct order *order, const struct draft *draft, struct outcome *outcome,
                        struct span scts, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer der = buffer_with_limit(DER_LIMIT), list = buffer_with_limit(DER_LIMIT),
                                       ignored = buffer_with_limit(DER_LIMIT);
    if (scts.size > 0 && !buffer_add_vector(&list, 2, scts))
        return &fault_limit_reached;
    TRY(draft_certificate(order->authority, draft, buffer_span(&list), &der));
    struct drill_entry entry = entry_of(order->authority);
    entry.kind = ENTRY_CERTIFICATE;
    entry.certificate = buffer_span(&der);
    return log_everywhere(desk, order, &entry, outcome, &ignored, reason);
}

static result carry_out(struct issue_desk *desk, const struct order *order, struct outcome *outcome, struct reason *reason) {
    CLEANUP(draft_done) struct draft draft = {0};
    CLEANUP(buffer_done) struct buffer scts = buffer_with_limit(DER_LIMIT);
    TRY(key_spki(order->key, &outcome->spki));
    TRY(authority_draft(order->authority, &order->certificate, &draft, reason));
    digest_of(buffer_span(&draft.tbs), &outcome->tbs_sha256);
    if (order->wants_precertificate)
        TRY(log_precertificate(desk, order, &draft, outcome, &scts, reason));
    return order->wants_final ? log_final(desk, order, &draft, outcome, buffer_span(&scts), reason) : OK;
}

/* ---- the answer ---- */

static void add_hash(struct buffer *out, const char *name, const struct hash *hash) {
    char hex[HASH_HEX_SIZE];
    hash_to_hex(hash, hex);
    buffer_printf(out, "\"%s\":\"%s\",", name, hex);
}

static void add_place(struct buffer *out, const struct outcome *outcome, size_t at) {
    char log_id[HASH_BASE64_SIZE];
    hash_to_base64(&outcome->entries[at].log->spki.sha256, log_id);
    buffer_printf(out, "\"log_id\":\"%s\",\"index\":%llu,\"timestamp\":%llu,", log_id,
                  (unsigned long long) outcome->entries[at].index, (unsigned long long) outcome->entries[at].timestamp_ms);
    add_hash(out, "cert_sha256", &outcome->entries[at].cert_sha256);
}

static bool add_answer(struct buffer *out, const struct order *order, const struct outcome *outcome) {
    buffer_add_text(out, "{");
    add_place(out, outcome, 0);
    add_hash(out, "tbs_sha256", &outcome->tbs_sha256);
    add_hash(out, "spki_sha256", &outcome->spki.sha256);
    add_hash(out, "issuer_spki_sha256", &order->authority->spki.sha256);
    buffer_add_text(out, "\"entries\":[");
    for (size_t i = 0; i < outcome->count; i++) {
        buffer_add_text(out, i == 0 ? "{" : ",{");
        add_place(out, outcome, i);
        buffer_printf(out, "\"log\":\"%s\",\"entry\":\"%s\"}", outcome->entries[i].log->name,
                      outcome->entries[i].kind == ENTRY_PRECERTIFICATE ? "precertificate" : "certificate");
    }
    return buffer_add_text(out, "]}\n");
}

static bool add_error(struct buffer *out, result fault, struct reason *reason) {
    CLEANUP(json_release) json_t *answer = NULL;
    if (reason->text[0] == '\0')
        reason_of_fault(fault, reason);
    answer = json_pack("{s:s%, s:b}", "error", reason->text, strnlen(reason->text, sizeof reason->text), "passes", fault->family == FAULT_RETRY);
    char *text = answer == NULL ? NULL : json_dumps(answer, JSON_COMPACT);
    bool fits = buffer_printf(out, "%s\n", text == NULL ? "{\"error\":\"no memory\",\"passes\":true}" : text);
    memory_free_foreign(text);
    return fits;
}

bool issue_answer(struct issue_desk *desk, struct span order_json, struct buffer *out) {
    struct reason reason = {""};
    CLEANUP(order_done) struct order order = {0};
    struct outcome outcome = {0};
    uint64_t mark = memory_mark();
    CLEANUP(json_release) json_t *root = json_loadb((const char *) order_json.bytes, order_json.size, JSON_REJECT_DUPLICATES, NULL);
    result fault = json_is_object(root) ? read_order(root, desk, &order, &reason)
                                        : reason_set(&reason, &fault_drill_order, "the order is not a JSON object");
    if (fault == OK)
        fault = carry_out(desk, &order, &outcome, &reason);
    if (fault != OK && memory_mark() != mark) /* then the order is not to blame */
        fault = reason_set(&reason, &fault_no_memory, "the certificate was not issued: no memory");
    return fault == OK ? add_answer(out, &order, &outcome) : add_error(out, fault, &reason);
}
