/* Certificates that are not log entries: a person's file, and issuers that were fetched later. */
#include "base/cursor.h"
#include "base/digest.h"
#include "formats/certificate_report.h"
#include "reader/reader.h"
#include "rules/issuer_check.h"
#include "rules/sct_check.h"

#define CERTIFICATES_MAX 4096 /* in one file */
#define ISSUERS_MAX      16   /* with the right name, tried for one certificate */

FAULT(fault_pem, FAULT_INPUT, "certificate.pem", "file", "RFC 7468", "neither a certificate in DER nor in PEM",
      "-----BEGIN CERTIFICATE----- or DER");
FAULT(fault_issuer_request, FAULT_BUG, "reader.issuer-request", "issuer question", "", "not two vectors",
      "certificate and issuer, each behind a u24 length");

struct bundle {
    struct span *certificates;
    struct span *subjects; /* of those that can be taken apart: each is looked at by all the others */
    size_t count;
};

static bool is_base64_space(uint8_t byte) {
    return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

/* Base64 with line breaks → bytes in the arena. */
static result unwrap(struct reader *reader, struct span text, struct span *ret_der) {
    uint8_t *packed = arena_take(reader->arena, text.size + 1);
    size_t size = 0;
    if (packed == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < text.size; i++)
        if (!is_base64_space(text.bytes[i]))
            packed[size++] = text.bytes[i];
    TRY(decode_base64(span_of(packed, size), &reader->extra_bytes));
    memcpy(packed, reader->extra_bytes.bytes, reader->extra_bytes.size);
    *ret_der = span_of(packed, reader->extra_bytes.size);
    return OK;
}

static bool find(struct span text, size_t from, const char *what, size_t *ret_at) {
    const uint8_t *found = memmem(text.bytes + from, text.size - from, what, strlen(what));
    if (found == NULL)
        return false;
    *ret_at = (size_t) (found - text.bytes);
    return true;
}

static bool is_certificate_label(struct span label) {
    static const char *const labels[] = {"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"};
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++)
        if (span_equal(label, span_of_text(labels[i])))
            return true;
    return false;
}

/* The next block of RFC 7468 from `*at` on; false when there is none. */
static bool next_block(struct span text, size_t *at, struct span *ret_label, struct span *ret_body) {
    static const char start[] = "-----BEGIN ", dashes[] = "-----";
    size_t begin, label_end, end;
    if (!find(text, *at, start, &begin))
        return false;
    begin += sizeof start - 1;
    if (!find(text, begin, dashes, &label_end))
        return false;
    size_t body = label_end + sizeof dashes - 1;
    if (!find(text, body, "-----END ", &end))
        end = text.size;
    *ret_label = span_of(text.bytes + begin, label_end - begin);
    *ret_body = span_of(text.bytes + body, end - body);
    *at = end;
    return true;
}

static result split_pem(struct reader *reader, struct span text, struct bundle *bundle) {
    struct span label, body;
    for (size_t at = 0; next_block(text, &at, &label, &body);) {
        if (!is_certificate_label(label))
            continue;
        if (bundle->count == CERTIFICATES_MAX)
            return &fault_limit_reached;
        result outcome = unwrap(reader, body, &bundle->certificates[bundle->count]);
        if (outcome == &fault_no_memory)
            return outcome;
        if (outcome != OK) /* told as unreadable in its place */
            bundle->certificates[bundle->count] = body;
        bundle->count++;
    }
    return bundle->count > 0 ? OK : &fault_pem;
}

static void find_subjects(struct bundle *bundle) {
    struct certificate certificate;
    for (size_t i = 0; i < bundle->count; i++)
        if (certificate_parse(bundle->certificates[i], &certificate) == OK)
            bundle->subjects[i] = certificate.subject;
}

static result split(struct reader *reader, struct span plain, struct bundle *bundle) {
    size_t ignored;
    bundle->certificates = arena_take_array(reader->arena, CERTIFICATES_MAX, sizeof *bundle->certificates);
    bundle->subjects = arena_take_array(reader->arena, CERTIFICATES_MAX, sizeof *bundle->subjects);
    if (bundle->certificates == NULL || bundle->subjects == NULL)
        return &fault_no_memory;
    if (plain.size == 0)
        return &fault_pem;
    if (find(plain, 0, "-----BEGIN ", &ignored))
        return split_pem(reader, plain, bundle);
    bundle->count = 1;
    bundle->certificates[0] = plain;
    if (plain.bytes[0] == DER_SEQUENCE && plain.size > 1 && plain.bytes[1] >= 0x80)
        return OK;
    result outcome = unwrap(reader, plain, &bundle->certificates[0]);
    return outcome == OK || outcome == &fault_no_memory ? outcome : &fault_pem;
}

/* "Not proven" is recorded for good: what memory did not suffice for must not look like it. */
static result prove(const struct certificate *certificate, struct span issuer_der, struct entry_report *report) {
    struct certificate issuer;
    if (report->issuer_spki_sha256.is_known || certificate_parse(issuer_der, &issuer) != OK)
        return OK;
    result outcome = issuer_check(certificate, &issuer, &report->issuer_spki_sha256.hash);
    report->issuer_spki_sha256.is_known = outcome == OK;
    if (outcome == OK)
        report->issuer_certificate = issuer_der;
    return outcome == &fault_no_memory ? outcome : OK;
}

static result prove_in_bundle(const struct certificate *certificate, const struct bundle *bundle,
                            struct entry_report *report) {
    size_t tried = 0;
    for (size_t i = 0; i < bundle->count && tried < ISSUERS_MAX && !report->issuer_spki_sha256.is_known; i++) {
        if (bundle->subjects[i].size == 0 || !span_equal(bundle->subjects[i], certificate->issuer))
            continue;
        tried++;
        TRY(prove(certificate, bundle->certificates[i], report));
    }
    return OK;
}

static result describe(struct reader *reader, struct certificate *certificate, const struct bundle *bundle, const struct span *issuer,
                       struct entry_report *report) {
    report->kind = certificate->has_poison ? ENTRY_PRECERTIFICATE : ENTRY_CERTIFICATE;
    result outcome = certificate_describe(certificate, reader->arena, report);
    result proof = issuer != NULL ? prove(certificate, *issuer, report) : prove_in_bundle(certificate, bundle, report);
    result checked = sct_check_report(certificate, report);
    return outcome != OK ? outcome : proof != OK ? proof : checked;
}

static struct entry_report empty_report(uint64_t index) {
    return (struct entry_report){.index = index, .reason = "", .reason_text = "", .serial = "", .issuer = "",
                                 .subject = "", .key_type = "", .broad_suffix = ""};
}

static void mark_unreadable(struct entry_report *report, struct arena *arena, struct span der, result fault) {
    struct reason words;
    reason_of_fault(fault, &words);
    report->is_unreadable = true;
    report->reason = fault->name;
    report->reason_text = arena_copy_text(arena, words.text);
    if (report->reason_text == NULL)
        report->reason_text = fault->wrong;
    report->raw = span_of(der.bytes, der.size < REPORT_RAW_MAX ? der.size : REPORT_RAW_MAX);
}

static void tell_certificate(struct reader *reader, struct span der, uint64_t index, const struct bundle *bundle,
                             const struct span *issuer) {
    struct certificate certificate;
    struct entry_report report = empty_report(index);
    result outcome = certificate_parse(der, &certificate);
    if (outcome != OK) {
        result described = certificate_describe_refused(der, false, reader->arena, &report);
        reader->has_no_memory |= described == &fault_no_memory;
        if (described != OK)
            report.name_count = 0;
    } else {
        outcome = describe(reader, &certificate, bundle, issuer, &report);
    }
    reader->has_no_memory |= outcome == &fault_no_memory;
    if (outcome != OK) {
        mark_unreadable(&report, reader->arena, der, outcome);
        reader->answer.unreadable_count++;
    }
    answer_add(reader, &report);
}

result certificates_read(struct reader *reader, struct reason *reason) {
    struct bundle bundle = {0};
    (void) reason;
    arena_reset(reader->arena);
    TRY(split(reader, reader->plain, &bundle));
    find_subjects(&bundle);
    for (size_t i = 0; i < bundle.count && !reader->is_full; i++)
        if (i >= reader->request->report_from)
            tell_certificate(reader, bundle.certificates[i], i, &bundle, NULL);
    reader->answer.entry_count = bundle.count;
    return OK;
}

result issuer_read(struct reader *reader, struct reason *reason) {
    struct cursor body = cursor_of(reader->plain);
    struct span certificate, issuer;
    (void) reason;
    arena_reset(reader->arena);
    if (!cursor_vector(&body, 3, &certificate) || !cursor_vector(&body, 3, &issuer) || !cursor_at_end(&body))
        return &fault_issuer_request;
    tell_certificate(reader, certificate, reader->request->report_from, NULL, &issuer);
    return OK;
}
