#include "vector_text.h"

#include "reader/reader.h"

#define AREA_SIZE ((size_t) 1 << 22)

static void judge_gzip(struct span input, char *ret_line, size_t size) {
    struct inflater inflater;
    struct span plain;
    assert_ptr_equal(inflater_init(&inflater), OK);
    result outcome = inflater_read(&inflater, READER_GZIP, input, (size_t) 2 * 1024 * 1024, &plain);
    if (outcome == OK)
        snprintf(ret_line, size, "%zu bytes: %.*s", plain.size, (int) (plain.size < 20 ? plain.size : 20), (const char *) plain.bytes);
    else
        snprintf(ret_line, size, "error %s", outcome->name);
    inflater_done(&inflater);
}

/* The reader's answer in words: what was refused, else each certificate's subject, issuer and whether it is proven. */
static void judge_task(enum reader_task task, struct span input, char *ret_line, size_t size) {
    static struct reader reader;
    static uint8_t area[AREA_SIZE];
    struct buffer image = buffer_with_limit(1 << 20);
    struct reader_request request = {.version = READER_MESSAGE_VERSION, .task = task, .encoding = READER_SNIFF, .body_size = input.size,
                                     .wanted_end = 4096};
    memset(&reader, 0, sizeof reader);
    assert_ptr_equal(watch_image_build(NULL, 0, 1, &image), OK);
    assert_ptr_equal(watch_image_open(buffer_span(&image), &reader.image), OK);
    assert_ptr_equal(reader_init(&reader), OK);
    reader.slots = input.bytes;
    reader.slot_size = input.size;
    reader.slot_count = 1;
    reader.area = area;
    reader.area_size = sizeof area;
    reader_act(&reader, &request);
    assert_ptr_equal(reader_answer_check(&reader.answer, &request, sizeof area), OK);
    struct arena *arena = arena_new(REPORT_SIZE_MAX);
    struct cursor reports = cursor_of(span_of(area, reader.answer.answer_size));
    size_t used = (size_t) snprintf(ret_line, size, "%s", reader.answer.status == READER_REFUSED ? reader.answer.reason : "");
    for (uint64_t i = 0; i < reader.answer.report_count; i++) {
        struct entry_report report;
        static const char *const verdicts[] = {"unknown", "valid", "invalid"};
        assert_ptr_equal(entry_report_decode(&reports, arena, &report), OK);
        used += (size_t) snprintf(ret_line + used, size - used, "%s%s", i == 0 ? "" : "; ",
                                  report.is_unreadable ? report.reason : report.subject[0] == '\0' ? "nobody" : report.subject);
        if (!report.is_unreadable)
            used += (size_t) snprintf(ret_line + used, size - used, " by %s%s", report.issuer,
                                      report.issuer_spki_sha256.is_known ? ", proven" : "");
        for (size_t k = 0; k < report.sct_count; k++)
            used += (size_t) snprintf(ret_line + used, size - used, ", SCT %s", verdicts[report.scts[k].verdict]);
    }
    arena_free(arena);
    buffer_done(&image);
    reader_done(&reader);
}

static void judge_certificate_file(struct span input, char *ret_line, size_t size) {
    judge_task(READER_CERTIFICATE, input, ret_line, size);
}

static void judge_issuer(struct span input, char *ret_line, size_t size) {
    judge_task(READER_ISSUER, input, ret_line, size);
}

static void gzip_is_one_whole_member_below_the_ceiling(void **state) {
    (void) state;
    vector_texts_check("gzip", judge_gzip);
}

static void files_of_certificates_are_read_in_every_wrapping(void **state) {
    (void) state;
    vector_texts_check("certificate-file", judge_certificate_file);
}

static void an_issuer_is_proven_by_its_key_alone(void **state) {
    (void) state;
    vector_texts_check("issuer", judge_issuer);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gzip_is_one_whole_member_below_the_ceiling),
        cmocka_unit_test(files_of_certificates_are_read_in_every_wrapping),
        cmocka_unit_test(an_issuer_is_proven_by_its_key_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
