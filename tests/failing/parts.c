/* Each pure part over a valid input, with its n-th call of memory, of OpenSSL or of libidn2 failing, n = 1, 2, … until none fails: it says
 * that it has no memory, or gives the value that it gives otherwise; nothing leaks. */
#include <stdio.h>
#include <stdlib.h>

#include "base/digest.h"
#include "base/memory.h"
#include "base/text.h"
#include "caa_question.h"
#include "failing/failing_calls.h"
#include "formats/caa_text.h"
#include "formats/certificate_report.h"
#include "formats/data_file.h"
#include "formats/get_entries.h"
#include "formats/log_list.h"
#include "formats/names.h"
#include "formats/pin_file.h"
#include "formats/policy_rules.h"
#include "formats/proof_json.h"
#include "formats/tbs_hash.h"
#include "formats/tree_head.h"
#include "rules/caa_answer.h"
#include "rules/caa_permit.h"
#include "rules/caa_suggest.h"
#include "rules/issuer_policy.h"
#include "rules/log_choice.h"
#include "rules/log_list_key.h"
#include "rules/merkle.h"
#include "rules/signature.h"
#include "rules/trust_paths.h"
#include "rules/watch_image.h"

#define FILE_MAX ((size_t) 4 * 1024 * 1024)
#define CALLS_MAX 5000
#define ORIGIN "log.example/2026"

/* What a part made of its input, as bytes to compare; written after failing_calls_off, so that writing cannot fail. */
typedef result part_run(struct span input, struct arena *arena, struct buffer *ret_value);

static void write_value(struct buffer *value, const void *bytes, size_t size) {
    failing_calls_off();
    if (!buffer_add(value, span_of(bytes, size)))
        abort();
}

static void write_text(struct buffer *value, const char *text) {
    write_value(value, text, strlen(text) + 1);
}

static result run_head(struct span input, struct arena *unused, struct buffer *ret_value) {
    (void) unused;
    struct tree_head head = {0};
    TRY(tree_head_from_json(input, &head));
    write_value(ret_value, &head, sizeof head);
    return OK;
}

static result run_checkpoint(struct span input, struct arena *unused, struct buffer *ret_value) {
    (void) unused;
    struct tree_head head = {0};
    struct hash id;
    memset(id.bytes, 1, sizeof id.bytes);
    TRY(tree_head_from_checkpoint(input, ORIGIN, &id, &head));
    write_value(ret_value, &head, sizeof head);
    return OK;
}

static result run_consistency(struct span input, struct arena *unused, struct buffer *ret_value) {
    (void) unused;
    struct proof proof = {0};
    TRY(proof_from_consistency_json(input, &proof));
    write_value(ret_value, &proof, sizeof proof);
    return OK;
}

static result run_inclusion(struct span input, struct arena *unused, struct buffer *ret_value) {
    (void) unused;
    struct proof proof = {0};
    TRY(proof_from_inclusion_json(input, &proof));
    write_value(ret_value, &proof, sizeof proof);
    return OK;
}

static result run_entry_and_proof(struct span input, struct arena *unused, struct buffer *ret_value) {
    (void) unused;
    struct proof proof = {0};
    struct hash leaf;
    TRY(proof_from_entry_and_proof_json(input, 7, &leaf, &proof));
    write_value(ret_value, &leaf, sizeof leaf);
    write_value(ret_value, &proof, sizeof proof);
    return OK;
}

static result run_log_list(struct span input, struct arena *arena, struct buffer *ret_value) {
    struct log_list list;
    struct reason reason = {{0}};
    TRY(log_list_parse(input, arena, &list, &reason));
    for (size_t i = 0; i < list.count; i++) {
        write_value(ret_value, &list.logs[i].log_id, HASH_SIZE);
        write_text(ret_value, list.logs[i].description);
        write_text(ret_value, list.logs[i].url);
        write_text(ret_value, list.logs[i].operator_name);
    }
    for (size_t i = 0; i < list.refused_count; i++)
        write_text(ret_value, list.refused[i].reason.text);
    return OK;
}

static result run_choice(struct span input, struct arena *arena, struct buffer *ret_value) {
    struct log_list list;
    struct reason reason = {{0}};
    struct chosen_log *logs;
    size_t count;
    TRY(log_list_parse(input, arena, &list, &reason));
    struct log_choice_input wanted = {.chrome = &list, .now_ms = 1795000000000};
    TRY(log_choose(&wanted, arena, &logs, &count));
    for (size_t i = 0; i < count; i++) {
        write_value(ret_value, &logs[i].log.log_id, HASH_SIZE);
        write_text(ret_value, logs[i].reason);
        write_text(ret_value, logs[i].is_followed ? "followed" : "not followed");
    }
    return OK;
}

static result run_data_file(struct span input, struct arena *arena, struct buffer *ret_value) {
    struct data_file file;
    struct reason reason = {{0}};
    CLEANUP(buffer_done) struct buffer written = buffer_with_limit(FILE_MAX);
    TRY(data_file_read(input, arena, &file, &reason));
    TRY(data_file_write(&file, &written));
    write_value(ret_value, written.bytes, written.size);
    return OK;
}

static result run_policy(struct span input, struct arena *arena, struct buffer *ret_value) {
    struct policy_rules rules;
    struct reason reason = {{0}};
    CLEANUP(buffer_done) struct buffer written = buffer_with_limit(POLICY_JSON_MAX);
    TRY(policy_rules_from_json(input, arena, &rules, &reason));
    TRY(policy_rules_to_json(&rules, &written));
    write_value(ret_value, written.bytes, written.size);
    return OK;
}

static result run_judge(struct span input, struct arena *arena, struct buffer *ret_value) {
    static const struct report_name names[] = {{NAME_DNS, NAME_FROM_SAN, "*.example.com"}};
    struct policy_rules rules;
    struct reason reason = {{0}};
    struct judgement judgement;
    struct watch_item watch = {WATCH_SUBTREE, "example.com"};
    struct issuer_facts facts = {.issuer_state = ISSUER_VERIFIED, .key_type = "rsa-1024", .has_validity = true, .not_after = 99999999,
                                 .unverifiable_reason = "", .names = names, .name_count = 1, .now_ms = 5};
    TRY(policy_rules_from_json(input, arena, &rules, &reason));
    TRY(issuer_judge(&rules, &watch, &facts, NULL, arena, &judgement));
    for (size_t i = 0; i < judgement.finding_count; i++)
        for (size_t at = 0; at < judgement.findings[i].reason_count; at++)
            write_text(ret_value, judgement.findings[i].reasons[at]);
    return OK;
}

static result run_watch_image(struct span unused_input, struct arena *arena, struct buffer *ret_value) {
    static const char *const texts[] = {"example.com", ".stra\xc3\x9fo.example", "192.0.2.0/24", "2001:db8::/32", "@mail.example", ".",
                                        "sha256:0101010101010101010101010101010101010101010101010101010101010101"};
    enum { COUNT = sizeof texts / sizeof texts[0], MORE = 500 };
    (void) unused_input;
    struct reason reason = {{0}};
    struct watch_item *items = arena_take_array(arena, COUNT + MORE, sizeof *items);
    CLEANUP(buffer_done) struct buffer image = buffer_with_limit(FILE_MAX);
    if (items == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < COUNT + MORE; i++) {
        char value[256], text[64];
        snprintf(text, sizeof text, "%s", i < COUNT ? texts[i] : "");
        if (i >= COUNT)
            snprintf(text, sizeof text, "%shost%zu.example.net", i % 2 == 0 ? "." : "", i);
        TRY(watch_item_parse(span_of_text(i < COUNT ? texts[i] : text), &items[i].kind, value, &reason));
        items[i].value = arena_copy_text(arena, value);
        if (items[i].value == NULL)
            return &fault_no_memory;
    }
    TRY(watch_image_build(items, COUNT + MORE, 1, &image));
    write_value(ret_value, image.bytes, image.size);
    return OK;
}

static result run_get_entries(struct span input, struct arena *unused, struct buffer *ret_value) {
    (void) unused;
    struct get_entries list = {0};
    result outcome = get_entries_read_slowly(&list, input);
    if (outcome == OK)
        for (size_t i = 0; i < list.count; i++)
            write_value(ret_value, list.items[i].leaf_input.bytes, list.items[i].leaf_input.size);
    get_entries_done(&list);
    return outcome;
}

static result report_to_value(const struct entry_report *report, struct buffer *ret_value) {
    CLEANUP(buffer_done) struct buffer bytes = buffer_with_limit(FILE_MAX), again = buffer_with_limit(FILE_MAX);
    CLEANUP(arena_free_at) struct arena *arena = arena_new(FILE_MAX);
    struct entry_report back;
    if (arena == NULL)
        return &fault_no_memory;
    TRY(entry_report_encode(report, &bytes));
    struct cursor cursor = cursor_of(buffer_span(&bytes));
    TRY(entry_report_decode(&cursor, arena, &back));
    TRY(entry_report_encode(&back, &again));
    write_value(ret_value, again.bytes, again.size);
    return OK;
}

static result run_certificate(struct span input, struct arena *arena, struct buffer *ret_value) {
    struct certificate certificate;
    struct entry_report report = {.reason = "", .reason_text = "", .serial = "", .issuer = "", .subject = "", .key_type = "",
                                  .broad_suffix = ""};
    TRY(certificate_parse(input, &certificate));
    TRY(certificate_describe(&certificate, arena, &report));
    return report_to_value(&report, ret_value);
}

/* Bytes that a strict reading refuses and OpenSSL shows the names of. */
static result run_refused_certificate(struct span input, struct arena *arena, struct buffer *ret_value) {
    struct entry_report report = {.reason = "", .reason_text = "", .serial = "", .issuer = "", .subject = "", .key_type = "",
                                  .broad_suffix = ""};
    TRY(certificate_describe_refused(input, false, arena, &report));
    return report_to_value(&report, ret_value);
}

static result run_signature(struct span unused_input, struct arena *unused_arena, struct buffer *ret_value) {
    (void) unused_input;
    (void) unused_arena;
    static const uint8_t wrong[4 + 512] = {4, 1, 2, 0};
    struct signature_key *key = NULL;
    TRY(signature_key_new(span_of(log_list_key, LOG_LIST_KEY_SIZE), &key));
    result outcome = signature_check(key, span_of_text("text"), span_of(wrong, sizeof wrong));
    signature_key_free(key);
    if (outcome != &fault_signature_wrong)
        return outcome;
    write_text(ret_value, "wrong");
    return OK;
}

/* The ways from a key that Let's Encrypt's E7 will sign for, with a certificate beside it that leads nowhere. */
static result run_paths(struct span input, struct arena *arena, struct buffer *ret_value) {
    struct trust_question question = {.leaf_spki = input, .others = &input, .other_count = 1, .store = TRUST_ANDROID, .now = 1795219200};
    struct trust_paths paths;
    struct hash issuer;
    TRY(hash_from_hex(span_of_text("cbbc559b44d524d6a132bdac672744da3407f12aae5d5f722c5f6c7913871c75"), &issuer));
    question.issuer_spki_sha256 = &issuer;
    TRY(trust_paths_find(&question, arena, &paths));
    for (size_t i = 0; i < paths.count; i++)
        for (size_t place = 0; place < paths.paths[i].count; place++)
            write_value(ret_value, &paths.paths[i].links[place].spki_sha256, HASH_SIZE);
    return paths.count == 3 ? OK : &fault_library;
}

/* Allocates nothing, so that nothing may fail: the first round already succeeds. */
static result run_merkle(struct span unused_input, struct arena *unused_arena, struct buffer *ret_value) {
    (void) unused_input;
    (void) unused_arena;
    struct compact_range range;
    struct hash hash;
    compact_range_init(&range, 0);
    for (uint8_t i = 0; i < 100; i++) {
        merkle_leaf_hash(span_of(&i, 1), &hash);
        TRY(compact_range_append_leaf(&range, &hash));
    }
    TRY(compact_range_root(&range, &hash));
    write_value(ret_value, &hash, sizeof hash);
    return OK;
}

static result run_caa_lint(struct span input, struct arena *arena, struct buffer *ret_value) {
    struct caa_question question;
    struct caa_answer answer;
    struct caa_lint_remark *remarks;
    size_t count;
    if (!question_read(input, arena, &question))
        return &fault_no_memory;
    struct caa_lint_facts facts = question_facts(&question, &answer);
    TRY(caa_lint(question.records, question.count, &facts, arena, &remarks, &count));
    for (size_t i = 0; i < count; i++) {
        write_text(ret_value, remarks[i].rule);
        write_text(ret_value, remarks[i].message);
        write_text(ret_value, remarks[i].suggest);
    }
    return OK;
}

static result run_caa_suggest(struct span input, struct arena *arena, struct buffer *ret_value) {
    struct caa_question question;
    struct caa_suggestion *suggestions;
    struct caa_issuers issuers;
    struct caa_use uses[] = {{.owner = ca_table_owner_at(0), .name = "", .plain_count = 1}, {.name = "Example CA", .wildcard_count = 2}};
    size_t count;
    if (!question_read(input, arena, &question))
        return &fault_no_memory;
    struct caa_suggest_facts facts = {.owner = &question.owner, .uses = uses, .use_count = 2, .expected_domains = question.seen.texts,
                                      .standing = question.records, .standing_count = question.count};
    TRY(caa_suggest(&facts, arena, &suggestions, &count));
    for (size_t i = 0; i < count; i++) {
        write_text(ret_value, suggestions[i].record);
        write_text(ret_value, suggestions[i].why);
    }
    TRY(caa_issuers_of(question.records, question.count, CAA_FOR_WILDCARD, arena, &issuers));
    for (size_t i = 0; i < issuers.count; i++)
        write_text(ret_value, issuers.domains[i]);
    return OK;
}

/* Input: the message in hex. */
static result run_caa_answer(struct span input, struct arena *arena, struct buffer *ret_value) {
    uint8_t bytes[1024];
    struct dns_message message;
    struct caa_answer answer, copy;
    struct reason reason;
    TRY(text_to_hex(input, bytes, input.size / 2));
    TRY(dns_message_parse(span_of(bytes, input.size / 2), arena, &message, &reason));
    TRY(caa_answer_of_message(&message, &message.question, true, arena, &answer));
    TRY(caa_answer_copy(&answer, arena, &copy));
    write_text(ret_value, caa_outcome_name(copy.outcome));
    write_text(ret_value, copy.why);
    write_text(ret_value, copy.detail);
    for (size_t i = 0; i < copy.chain_count; i++)
        write_text(ret_value, copy.chain[i]);
    for (size_t i = 0; i < copy.record_count; i++)
        caa_record_to_text(&copy.records[i], ret_value);
    return OK;
}

static result run_caa_text(struct span input, struct arena *arena, struct buffer *ret_value) {
    struct dns_name origin;
    struct caa_text text;
    struct reason reason;
    TRY(dns_name_from_text(span_of_text("example.org"), &origin, &reason));
    TRY(caa_text_parse(input, &origin, arena, &text, &reason));
    write_text(ret_value, "");
    for (size_t i = 0; i < text.record_count; i++)
        caa_record_to_text(&text.records[i].record, ret_value);
    for (size_t i = 0; i < text.complaint_count; i++)
        write_text(ret_value, text.complaints[i].sentence);
    return OK;
}

/* www.example, an alias of cdn.net, which has two records. */
static const char caa_answer[] = "123481a0000100030000000003777777076578616d706c650001010001c00c000500010000003c00090363646e036e6574000363646e036e65740001"
    "0100010000012c00110005697373756563612e6578616d706c650363646e036e657400010100010000012c00088005696f64656678";
/* SERVFAIL, and why. */
static const char caa_failure[] = "12348182000100000000000103777777076578616d706c65000101000100002904d000000000000d000f0009000765787069726564";
/* An alias, and somebody else's record. */
static const char caa_stranger[] = "12348180000100020000000003777777076578616d706c650001010001c00c000500010000003c00090363646e036e657400056f7468657200010100"
    "010000012c00110005697373756563612e6578616d706c65";
static const char caa_zone[] = "www 60 CAA 0 issue \"a\"\nhello there\n CAA \\# 7 00056973737565\nx A 192.0.2.1\n0 iodef \"b\" c\n";

/* One mistake of nearly every kind. */
static const char caa_set[] =
    "@owner example.com\n@chain edge.example.net\n@ttl 86400\n@answer insecure\n@seen sectigo.com\n"
    "1 issue \"LetsEncrypt.com; validationmethods=dns,http-1\"\n0 issue \"https://pki.goog/, ssl.com\"\n0 issue \"ssl.com; a=b c\"\n"
    "0 issue \"digicert.com; accounturi=1; a-b=c; AccountURI=d;\"\n0 issue \"digicert.com; accounturi=1; a-b=c; AccountURI=d\"\n"
    "0 issuewild certainly.com\n0 issuewild \"pki.goog;\"\n0 issuewild ca.example\n0 issuewild \"\"\n0 ideof a@example.com\n"
    "0 iodef a@example.com\n0 contactphone 001555\n128 contactemail mailto:a@example.com\n0 ISSUEMAIL digicert.co\n0 tbs \"\\200\"\n";

static const char policy[] = "{\"expected_issuers\":{\"caa_domains\":[\"letsencrypt.org\"],\"owners\":[\"Let's Encrypt\"]},\"key_types\":[\"ec-p256\"],"
                             "\"max_lifetime_days\":100,\"allows_wildcards\":false,\"reports_new\":true}";

/* Pin files of any format, each set as `pins import --json` prints it. */
static result run_pins(struct span input, struct arena *arena, struct buffer *ret_value) {
    CLEANUP(buffer_done) struct buffer line = buffer_with_limit(FILE_MAX);
    struct pin_file file = {.source = "file", .bytes = input};
    struct pin_document *documents;
    struct reason reason = {""};
    size_t count;
    TRY(pin_file_read(&file, NULL, arena, &documents, &count, &reason));
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < documents[i].set_count; k++)
            TRY(pin_set_to_json(&documents[i], &documents[i].sets[k], &line));
    write_value(ret_value, line.bytes, line.size);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < documents[i].remark_count; k++)
            write_text(ret_value, documents[i].remarks[k].text);
    return OK;
}

/* The same of the first vector of a file, which is hex. */
static result run_first_vector(struct span input, struct arena *arena, struct buffer *ret_value) {
    static const char begin[] = "\nin  ", end[] = "\nout";
    const uint8_t *from = memmem(input.bytes, input.size, begin, sizeof begin - 1);
    const uint8_t *to = memmem(input.bytes, input.size, end, sizeof end - 1);
    uint8_t *bytes = arena_take(arena, input.size);
    size_t count = 0;
    if (bytes == NULL)
        return &fault_no_memory;
    for (const uint8_t *at = from + sizeof begin - 1; at + 1 < to; at++)
        if (text_to_hex(span_of(at, 2), &bytes[count], 1) == OK) {
            count++;
            at++;
        }
    return run_pins(span_of(bytes, count), arena, ret_value);
}

/* Read, and written in every format. */
static result run_pins_written(struct span input, struct arena *arena, struct buffer *ret_value) {
    struct pin_file file = {.source = "file", .bytes = input};
    struct pin_document *documents, lost = {.source = "lost"};
    struct pin_builder builder = pin_builder_of(arena, &lost);
    const struct pin_format_entry *entry;
    struct reason reason = {""};
    size_t count;
    CLEANUP(buffer_done) struct buffer written = buffer_with_limit(FILE_MAX);
    TRY(pin_file_read(&file, NULL, arena, &documents, &count, &reason));
    for (size_t i = 0; (entry = pin_format_entry_at(i)) != NULL; i++)
        if (entry->write != NULL)
            TRY(entry->write(&documents[0], &builder, &written));
    write_value(ret_value, written.bytes, written.size);
    return OK;
}

static const char android_pins[] =
    "<?xml version=\"1.0\" encoding=\"utf-8\"?><network-security-config><domain-config x=\"&lt;\"><domain includeSubdomains=\"true\">example.org</domain>"
    "<pin-set expiration=\"2027-04-01\"><!-- now --><pin digest=\"SHA-256\">AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=</pin><pin/></pin-set>"
    "<trustkit-config><report-uri>https://r.example/?a&amp;b</report-uri></trustkit-config></domain-config></network-security-config>";
static const char apple_pins[] =
    "<plist><dict><key>NSPinnedDomains</key><dict><key>example.org</key><dict><key>NSPinnedCAIdentities</key><array><dict><key>SPKI-SHA256-BASE64</key>"
    "<string>AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=</string></dict></array></dict></dict></dict></plist>";
static const char trustkit_pins[] =
    "{\"kTSKPinnedDomains\": {\"example.org\": {\"kTSKReportUris\": [\"https://r.example/\"], \"kTSKPublicKeyHashes\": "
    "[\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\", \"ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=\"]}}}";

static const char okhttp_pins[] =
    ".add(\"*.example.org\", \"sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\") // \\u0061\n"
    ".add(\"b\303\274cher.example\", PIN, \"sha256/\" + \"ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8\")\n";
static const char hpkp_pins[] =
    "HTTP/1.1 200 OK\nPublic-Key-Pins: pin-sha256=\"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\"; max-age=60; x; report-uri=\"https://r.example/\"\n";
static const char tlsa_pins[] =
    "$ORIGIN example.org.\n_443._tcp.www TLSA 3 1 1 ( 00010203 0405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f )\n\tTLSA 255 1 1 00\n"
    "\tTYPE52 \\# 35 010001 202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f\n";
static const char chromium_pins[] =
    "PinsListTimestamp\n1704970000\nOne\nsha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\nTwo\n-----BEGIN PUBLIC KEY-----\n"
    "MCowBQYDK2VwAyEAERERERERERERERERERERERERERERERERERERERERERE=\n-----END PUBLIC KEY-----\n// hosts\n"
    "{\"pinsets\": [{\"name\": \"own\", \"static_spki_hashes\": [\"One\", \"Two\", \"Three\"], \"report_uri\": \"https://r.example/\"}],"
    " \"entries\": [{\"name\": \"example.org\", \"include_subdomains\": true, \"pins\": \"own\"}]}\n";
static const char key_pins[] =
    "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAERERERERERERERERERERERERERERERERERERERERERE=\n-----END PUBLIC KEY-----\n-----BEGIN PUBLIC KEY-----\n!\n";
static const char yaml_pins[] =
    "pin_sets:\n"
    "  - {host: example.org, match: exact-and-below, rules: okhttp, name: api, expires: 2027-01-31, report_to: [\"https://r.example/\"],\n"
    "     pins: [{pin: sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=, comment: Root_X1, role: backup}], port: x}\n"
    "  - {host: example.org, match: exact-and-below, rules: okhttp, name: api, expires: 2027-01-31, report_to: [\"https://r.example/\"],\n"
    "     pins: [{pin: sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=, comment: Root_X1, role: backup}]}\n"
    "  - {host: example.org, rules: okhttp, pins: [sha256/ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=]}\n"
    "  - {host: a.example.org, rules: okhttp, match: one-label-below, pins: [sha256/ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=]}\n"
    "  - {host: b.example.org, rules: okhttp, pins: [sha1/AAECAwQFBgcICQoLDA0ODxAREhM=]}\n"
    "  - {host: c.example, pins: [{pin: full/3000, position: leaf}], and_pins: [{pin: sha512/00, of: key}]}\n";

static const char data_pins[] =
    "pins:\n  - {name: a.xml, pin_sets: [{host: example.org, pins: [{pin: sha256/AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=, comment: Root}]}]}\n"
    "releases:\n  - {app: Bank, platform: iOS, version: \"4\", share: 1, released_on: 2026-01-01, pins: [a.xml]}\n";

static const struct part {
    const char *name;
    part_run *run;
    const char *file; /* below tests/vectors or, of certificates, hex below tests/failing; NULL: none */
    const char *text;
} parts[] = {
    {"tree head", run_head, "vectors/sth/plain.in", NULL},
    {"checkpoint", run_checkpoint, "vectors/checkpoint/twenty-other-signers.in", NULL},
    {"consistency proof", run_consistency, "vectors/proof-consistency/three.in", NULL},
    {"inclusion proof", run_inclusion, "vectors/proof-inclusion/two.in", NULL},
    {"entry and proof", run_entry_and_proof, "vectors/proof-entry/plain.in", NULL},
    {"log list", run_log_list, "vectors/log-list/plain.in", NULL},
    {"log list with refused logs", run_log_list, "vectors/log-list/description-steers-terminal.in", NULL},
    {"log choice", run_choice, "vectors/log-list/plain.in", NULL},
    {"data file", run_data_file, "vectors/data-file/everything.yaml", NULL},
    {"data file with pins and releases", run_data_file, NULL, data_pins},
    {"policy", run_policy, NULL, policy},
    {"issuer judgement", run_judge, NULL, policy},
    {"CAA answer", run_caa_answer, NULL, caa_answer},
    {"CAA failure", run_caa_answer, NULL, caa_failure},
    {"CAA of somebody else", run_caa_answer, NULL, caa_stranger},
    {"CAA text", run_caa_text, NULL, caa_zone},
    {"CAA lint", run_caa_lint, NULL, caa_set},
    {"CAA suggestion", run_caa_suggest, NULL, caa_set},
    {"pins of Android", run_pins, NULL, android_pins},
    {"pins of Android, compiled", run_first_vector, "vectors/pin-android/compiled.vectors", NULL},
    {"pins of Apple", run_pins, NULL, apple_pins},
    {"pins of Apple, binary", run_first_vector, "vectors/plist-binary/objects.vectors", NULL},
    {"pins of TrustKit, JSON", run_pins, NULL, trustkit_pins},
    {"pins in an APK", run_first_vector, "vectors/app-package/packages.vectors", NULL},
    {"pins of OkHttp", run_pins, NULL, okhttp_pins},
    {"pins of a header", run_pins, NULL, hpkp_pins},
    {"pins of a zone", run_pins, NULL, tlsa_pins},
    {"pins of Chromium", run_pins, NULL, chromium_pins},
    {"pins of keys", run_pins, NULL, key_pins},
    {"pins in YAML", run_pins, NULL, yaml_pins},
    {"pins written in every format", run_pins_written, NULL, trustkit_pins},
    {"pins that unite at home, written in every format", run_pins_written, NULL, yaml_pins},
    {"watch image", run_watch_image, NULL, ""},
    {"get-entries", run_get_entries, "vectors/get-entries/two-entries.in", NULL},
    {"certificate", run_certificate, "failing/certificate.der", NULL},
    {"refused certificate", run_refused_certificate, "failing/certificate.der", NULL},
    {"signature", run_signature, NULL, ""},
    {"paths to roots", run_paths, "failing/certificate.der", NULL},
    {"merkle", run_merkle, NULL, ""},
};

static unsigned wrong_count;
static uint64_t failed_calls;

static void complain(const struct part *part, enum call_family family, uint64_t n, const char *what) {
    wrong_count++;
    printf("NOT TRUE: %s, call %llu of family %d failing: %s\n", part->name, (unsigned long long) n, (int) family, what);
}

static void file_read(const char *name, struct buffer *ret_bytes) {
    char path[1000];
    uint8_t chunk[4096];
    snprintf(path, sizeof path, "%s/%s", TESTS_FOLDER, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        printf("%s is not there\n", path);
        exit(1);
    }
    for (size_t count; (count = fread(chunk, 1, sizeof chunk, file)) > 0;)
        buffer_add(ret_bytes, span_of(chunk, count));
    fclose(file);
}

/* One run with the n-th call failing (0: none); the value is in ret_value. */
static result run_once(const struct part *part, struct span input, enum call_family family, uint64_t n, struct buffer *ret_value) {
    CLEANUP(arena_free_at) struct arena *arena = arena_new(FILE_MAX);
    if (arena == NULL)
        abort();
    failing_calls_at(family, n);
    result outcome = part->run(input, arena, ret_value);
    failing_calls_off();
    return outcome;
}

static void run_family(const struct part *part, struct span input, const struct buffer *wanted, enum call_family family) {
    for (uint64_t n = 1; n <= CALLS_MAX; n++) {
        CLEANUP(buffer_done) struct buffer value = buffer_with_limit(FILE_MAX);
        int64_t before = failing_calls_live();
        result outcome = run_once(part, input, family, n, &value);
        uint64_t failed = failing_calls_failed(family);
        bool is_right = outcome == OK && span_equal(buffer_span(&value), buffer_span(wanted));
        buffer_done(&value);
        value = buffer_with_limit(FILE_MAX);
        if (failing_calls_live() != before)
            complain(part, family, n, "memory is lost");
        if (outcome == OK && !is_right)
            complain(part, family, n, "another value than without failing calls");
        /* OpenSSL does not say why it could not make a key: the documented faults stand. */
        bool is_honest = outcome == OK || outcome == &fault_no_memory || outcome == &fault_library || family != CALL_MEMORY;
        if (!is_honest)
            complain(part, family, n, outcome->name);
        failed_calls += failed;
        if (failed == 0) {
            if (!is_right)
                complain(part, family, n, "no success without a failing call");
            return;
        }
    }
    complain(part, family, CALLS_MAX, "still not done");
}

int main(void) {
    static const enum call_family families[] = {CALL_MEMORY, CALL_OPENSSL, CALL_IDN};
    size_t count = sizeof parts / sizeof parts[0];
    if (digest_init() != OK)
        return 1;
    for (size_t i = 0; i < count; i++) {
        const struct part *part = &parts[i];
        CLEANUP(buffer_done) struct buffer input = buffer_with_limit(FILE_MAX), wanted = buffer_with_limit(FILE_MAX);
        if (part->file != NULL)
            file_read(part->file, &input);
        else
            buffer_add_text(&input, part->text);
        /* Twice: what a library keeps from its first use on is no loss. */
        result outcome = run_once(part, buffer_span(&input), CALL_MEMORY, 0, &wanted);
        buffer_reset(&wanted);
        outcome = outcome != OK ? outcome : run_once(part, buffer_span(&input), CALL_MEMORY, 0, &wanted);
        if (outcome != OK || wanted.size == 0) {
            complain(part, CALL_MEMORY, 0, outcome != OK ? outcome->wrong : "no value");
            continue;
        }
        for (size_t at = 0; at < sizeof families / sizeof families[0]; at++)
            run_family(part, buffer_span(&input), &wanted, families[at]);
    }
    digest_done();
    printf("parts: %zu pure parts with %llu failed calls, each once; %u statements are not true\n", count,
           (unsigned long long) failed_calls, wrong_count);
    return wrong_count == 0 ? 0 : 1;
}
