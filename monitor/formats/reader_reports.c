#include "formats/reader_reports.h"

#include "base/digest.h"
#include "formats/entry_report.h"

/* Reports lie before this index. READER_MORE promises the rest from more_from on. */
static uint64_t end_of_reports(const struct reader_answer *answer, const struct reader_request *request) {
    uint64_t end = reader_request_is_about_entries(request) ? request->wanted_begin + answer->entry_count : request->wanted_end;
    return answer->status == READER_MORE && answer->more_from < end ? answer->more_from : end;
}

static bool hash_fits(const struct entry_report *report) {
    struct hash hash;
    if (report->cert_sha256.is_known != (report->certificate.size > 0))
        return false;
    if (!report->cert_sha256.is_known)
        return true;
    digest_of(report->certificate, &hash);
    return hash_equal(&hash, &report->cert_sha256.hash);
}

result reader_reports_check(const struct reader_answer *answer, const struct reader_request *request, struct span reports,
                            struct arena *arena) {
    struct cursor cursor = cursor_of(reports);
    uint64_t from = request->report_from, end = end_of_reports(answer, request), count = 0;
    for (; cursor_remaining(&cursor) > 0; count++) {
        struct entry_report report;
        arena_reset(arena);
        TRY(entry_report_decode(&cursor, arena, &report));
        if (report.index < from || report.index >= end || !hash_fits(&report))
            return &fault_reader_message;
        from = report.index + 1;
    }
    return count == answer->report_count ? OK : &fault_reader_message;
}
