#include "vector_text.h"

#include "base/text.h"
#include "formats/certificate_report.h"
#include "formats/key_type.h"
#include "formats/leaf.h"
#include "formats/names.h"
#include "formats/sct.h"

/* What a judge has to say so far. */
struct line {
    char *text;
    size_t size, used;
};

static void __attribute__((format(printf, 2, 3))) say(struct line *line, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int size = vsnprintf(line->text + line->used, line->size - line->used, format, arguments);
    va_end(arguments);
    assert_true(size >= 0 && (size_t) size < line->size - line->used);
    line->used += (size_t) size;
}

static bool said_fault(struct line *line, const char *what, result outcome) {
    if (outcome != OK)
        say(line, "%s%serror %s", what, what[0] == '\0' ? "" : " ", outcome->name);
    return outcome != OK;
}

/* A few bytes in hex; of many the first and how many. */
static void say_bytes(struct line *line, struct span bytes) {
    char hex[33];
    text_of_hex(span_of(bytes.bytes, bytes.size < 16 ? bytes.size : 16), hex);
    say(line, "%s", bytes.size == 0 ? "nothing" : hex);
    if (bytes.size > 16)
        say(line, "… (%zu)", bytes.size);
}

static void judge_element(struct span input, char *ret_line, size_t size) {
    struct line line = {.text = ret_line, .size = size};
    struct cursor strict = cursor_of(input), lenient = strict;
    struct der_element element;
    bool is_ber = false, is_odd = false;
    char oid[256];
    int64_t seconds;
    if (!said_fault(&line, "DER", der_read(&strict, &element)))
        say(&line, "DER %02x %zu", element.tag, element.content.size);
    if (said_fault(&line, "; BER", ber_read(&lenient, &element, &is_ber)))
        return;
    say(&line, "; %sBER %02x %zu", is_ber ? "only " : "", element.tag, element.content.size);
    if (element.tag == DER_OID)
        say(&line, "; %s", der_oid_text(element.content, oid, sizeof oid) ? oid : "no object identifier");
    if (element.tag != DER_UTC_TIME && element.tag != DER_GENERALIZED_TIME)
        return;
    result outcome = der_time(element.tag, element.content, &seconds, &is_odd);
    if (!said_fault(&line, ";", outcome))
        say(&line, "; %lld%s", (long long) seconds, is_odd ? " in an odd form" : "");
}

static void say_report(struct line *line, const struct entry_report *report) {
    say(line, "serial %s, %s", report->serial, report->key_type);
    if (report->has_validity)
        say(line, ", %lld to %lld", (long long) report->not_before, (long long) report->not_after);
    say(line, ", issuer %.200s, subject %.200s%s", report->issuer, report->subject, report->is_ca ? ", CA" : "");
    for (size_t i = 0; i < report->name_count; i++)
        say(line, "%s%s", i == 0 ? ", names " : " ", report->names[i].value);
    say(line, "%s", report->sct_count > 0 ? ", SCTs " : "");
    if (report->sct_count > 0)
        say(line, "%zu", report->sct_count);
    if (!report->tbs_sha256.is_known)
        say(line, ", no TBS hash");
}

static void judge_described(struct certificate *certificate, struct line *line) {
    struct arena *arena = arena_new(REPORT_SIZE_MAX);
    struct entry_report report = {0};
    said_fault(line, "", certificate_describe(certificate, arena, &report));
    say(line, "%s", line->used == 0 ? "" : "; ");
    say_report(line, &report);
    for (size_t i = 0; i < report.oddity_count; i++)
        say(line, "; %s", report.oddities[i]);
    arena_free(arena);
}

static void judge_refused(struct span input, bool is_tbs, result outcome, struct line *line) {
    struct arena *arena = arena_new(REPORT_SIZE_MAX);
    struct entry_report report = {0};
    said_fault(line, "", outcome);
    said_fault(line, ";", certificate_describe_refused(input, is_tbs, arena, &report));
    for (size_t i = 0; i < report.name_count; i++)
        say(line, "; %s", report.names[i].value);
    arena_free(arena);
}

static void judge_certificate(struct span input, char *ret_line, size_t size) {
    struct line line = {.text = ret_line, .size = size};
    struct certificate certificate;
    result outcome = certificate_parse(input, &certificate);
    if (outcome == OK)
        judge_described(&certificate, &line);
    else
        judge_refused(input, false, outcome, &line);
}

static void judge_tbs(struct span input, char *ret_line, size_t size) {
    struct line line = {.text = ret_line, .size = size};
    struct certificate certificate;
    result outcome = tbs_parse(input, &certificate);
    if (outcome == OK)
        judge_described(&certificate, &line);
    else
        judge_refused(input, true, outcome, &line);
}

static void say_leaf(struct line *line, const struct leaf *leaf) {
    say(line, "%s at %llu", leaf->kind == ENTRY_CERTIFICATE ? "certificate " : "precertificate ", (unsigned long long) leaf->timestamp_ms);
    say(line, ", ");
    say_bytes(line, leaf->kind == ENTRY_CERTIFICATE ? leaf->certificate : leaf->tbs);
    if (leaf->has_leaf_index)
        say(line, ", index %llu", (unsigned long long) leaf->leaf_index);
    if (leaf->has_odd_extensions)
        say(line, ", odd extensions");
    if (leaf->chain_fingerprints.size > 0)
        say(line, ", %zu fingerprints", leaf->chain_fingerprints.size / HASH_SIZE);
}

static void judge_leaf(struct span input, char *ret_line, size_t size) {
    struct line line = {.text = ret_line, .size = size};
    struct leaf leaf;
    if (!said_fault(&line, "", leaf_parse(input, &leaf)))
        say_leaf(&line, &leaf);
}

static void judge_tile(struct span input, char *ret_line, size_t size) {
    struct line line = {.text = ret_line, .size = size};
    struct cursor tile = cursor_of(input);
    struct leaf leaf;
    size_t count = 0;
    result outcome = OK;
    while (!cursor_at_end(&tile) && (outcome = leaf_next_in_tile(&tile, &leaf)) == OK)
        count++;
    say(&line, "%zu", count);
    said_fault(&line, ",", outcome);
}

static void judge_extra_data(struct span input, char *ret_line, size_t size) {
    struct line line = {.text = ret_line, .size = size};
    for (int kind = ENTRY_CERTIFICATE; kind <= ENTRY_PRECERTIFICATE; kind++) {
        struct leaf leaf = {.kind = (enum entry_kind) kind};
        const char *word = kind == ENTRY_CERTIFICATE ? "certificate:" : "; precertificate:";
        if (said_fault(&line, word, leaf_add_extra_data(input, &leaf)))
            continue;
        say(&line, "%s ", word);
        say_bytes(&line, leaf.precertificate);
        say(&line, ", chain ");
        say_bytes(&line, leaf.chain);
    }
}

static void judge_sct(struct span input, char *ret_line, size_t size) {
    struct line line = {.text = ret_line, .size = size};
    struct sct sct;
    if (said_fault(&line, "", sct_parse(input, &sct)))
        return;
    say(&line, "at %llu, extensions ", (unsigned long long) sct.timestamp_ms);
    say_bytes(&line, sct.extensions);
    say(&line, ", signature ");
    say_bytes(&line, sct.signature);
}

static void judge_sct_list(struct span input, char *ret_line, size_t size) {
    struct line line = {.text = ret_line, .size = size};
    struct cursor list;
    struct span sct;
    size_t count = 0;
    if (said_fault(&line, "", sct_list_open(input, &list)))
        return;
    while (sct_list_next(&list, &sct))
        count++;
    say(&line, "%zu%s", count, list.failed ? ", then it breaks" : "");
}

static void elements_are_read_as_der_and_as_ber(void **state) {
    (void) state;
    vector_texts_check("der", judge_element);
}

static void what_is_odd_about_a_certificate_is_said_and_hides_nothing(void **state) {
    (void) state;
    vector_texts_check("certificate", judge_certificate);
}

static void tbs_certificates_are_read_alone(void **state) {
    (void) state;
    vector_texts_check("tbs", judge_tbs);
}

static void leaves_are_read_to_their_last_byte(void **state) {
    (void) state;
    vector_texts_check("leaf", judge_leaf);
}

static void tiles_are_read_up_to_where_their_frame_breaks(void **state) {
    (void) state;
    vector_texts_check("tile", judge_tile);
}

static void extra_data_is_read_by_the_kind_of_its_entry(void **state) {
    (void) state;
    vector_texts_check("extra-data", judge_extra_data);
}

static void scts_are_read_to_their_last_byte(void **state) {
    (void) state;
    vector_texts_check("sct", judge_sct);
}

static void lists_of_scts_say_where_they_break(void **state) {
    (void) state;
    vector_texts_check("sct-list", judge_sct_list);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(elements_are_read_as_der_and_as_ber),
        cmocka_unit_test(what_is_odd_about_a_certificate_is_said_and_hides_nothing),
        cmocka_unit_test(tbs_certificates_are_read_alone),
        cmocka_unit_test(leaves_are_read_to_their_last_byte),
        cmocka_unit_test(tiles_are_read_up_to_where_their_frame_breaks),
        cmocka_unit_test(extra_data_is_read_by_the_kind_of_its_entry),
        cmocka_unit_test(scts_are_read_to_their_last_byte),
        cmocka_unit_test(lists_of_scts_say_where_they_break),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
