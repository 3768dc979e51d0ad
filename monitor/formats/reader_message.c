#include "formats/reader_message.h"

#include "base/text.h"

FAULT(fault_reader_message, FAULT_BUG, "reader.message", "message between monitor and reader", "",
      "a version, number, size or order that does not fit", "a message of this build about the request at hand");

#define HEIGHT_MAX 63u

bool reader_request_is_about_entries(const struct reader_request *request) {
    return request->task == READER_GET_ENTRIES || request->task == READER_DATA_TILE || request->task == READER_RAW_ENTRY;
}

static result check_cuts(const struct reader_request *request) {
    if (request->cut_count > READER_CUTS_MAX)
        return &fault_reader_message;
    uint64_t before = request->wanted_begin;
    for (uint32_t i = 0; i < request->cut_count; i++) {
        if (request->cuts[i] <= before || request->cuts[i] >= request->wanted_end)
            return &fault_reader_message;
        before = request->cuts[i];
    }
    return OK;
}

result reader_request_check(const struct reader_request *request, uint32_t slot_count, uint64_t slot_size) {
    const uint32_t known_flags = READER_FLAG_LEAF_INDEX | READER_FLAG_ALL_MATCH | READER_FLAG_NODES_PER_LEAF;
    bool fits = request->version == READER_MESSAGE_VERSION && request->task < reader_task_count &&
                request->encoding < reader_encoding_count && request->slot < slot_count &&
                request->body_size <= slot_size && (request->flags & ~known_flags) == 0;
    bool is_range = request->first_index <= request->wanted_begin && request->wanted_begin < request->wanted_end &&
                    request->report_from <= request->wanted_end;
    if (!fits)
        return &fault_reader_message;
    if (!reader_request_is_about_entries(request))
        return request->cut_count == 0 ? OK : &fault_reader_message;
    return is_range ? check_cuts(request) : &fault_reader_message;
}

static bool is_ended_text(const char *text, size_t size, bool is_name) {
    const char *end = memchr(text, '\0', size);
    if (end == NULL || !text_is_printable(span_of(text, (size_t) (end - text))))
        return false;
    for (; is_name && text < end; text++)
        if (!((*text >= 'a' && *text <= 'z') || (*text >= '0' && *text <= '9') || *text == '.' || *text == '-'))
            return false;
    return true;
}

/* Does a node [begin, begin + 2^height) swallow a cut in its inside? */
static bool spans_a_cut(const struct reader_request *request, uint64_t begin, uint64_t end) {
    for (uint32_t i = 0; i < request->cut_count; i++)
        if (request->cuts[i] > begin && request->cuts[i] < end)
            return true;
    return false;
}

/* Perfect, aligned subtrees from wanted_begin on that end exactly where the counted entries end. */
static bool nodes_fit(const struct reader_answer *answer, const struct reader_request *request) {
    uint64_t at = request->wanted_begin;
    uint64_t end = request->wanted_begin + answer->entry_count;
    for (uint32_t i = 0; i < answer->node_count; i++) {
        const struct reader_node *node = &answer->nodes[i];
        if (node->begin != at || node->height > HEIGHT_MAX || at % ((uint64_t) 1 << node->height) != 0 ||
            (uint64_t) 1 << node->height > end - at)
            return false;
        if ((request->flags & READER_FLAG_NODES_PER_LEAF) != 0 && node->height != 0)
            return false;
        at += (uint64_t) 1 << node->height;
        if (spans_a_cut(request, node->begin, at))
            return false;
    }
    return at == end;
}

/* MORE moves on with every answer, so that asking comes to an end whatever a reader says: something was told, and the next report is
 * about an entry (a certificate) further on, among those that were asked for. */
static bool has_progress(const struct reader_answer *answer, const struct reader_request *request) {
    return answer->status != READER_MORE || (answer->report_count > 0 && answer->more_from > request->report_from &&
                                             answer->more_from < request->wanted_end);
}

/* What was told before, or is still to be told, was about entries that this answer counts too. */
static bool covers_reports(const struct reader_answer *answer, const struct reader_request *request) {
    uint64_t end = request->wanted_begin + answer->entry_count;
    bool is_continued = request->report_from > request->wanted_begin;
    return (!is_continued || request->report_from < end) && (answer->status != READER_MORE || answer->more_from < end);
}

static bool entries_fit(const struct reader_answer *answer, const struct reader_request *request) {
    return answer->entry_count <= request->wanted_end - request->wanted_begin && answer->match_count <= answer->entry_count &&
           answer->unreadable_count <= answer->entry_count && answer->report_count <= answer->entry_count &&
           answer->report_count <= answer->match_count + answer->unreadable_count && covers_reports(answer, request);
}

static bool counts_fit(const struct reader_answer *answer, const struct reader_request *request, uint64_t area_size) {
    if (answer->answer_size > area_size || answer->report_count > answer->answer_size ||
        answer->node_count > READER_NODES_MAX || !has_progress(answer, request))
        return false;
    return reader_request_is_about_entries(request) ? entries_fit(answer, request) : answer->node_count == 0;
}

/* A proof is asked for by the last leaf. */
static bool last_leaf_fits(const struct reader_answer *answer) {
    static const struct hash none;
    if (answer->node_count == 0)
        return hash_equal(&answer->last_leaf, &none);
    const struct reader_node *last = &answer->nodes[answer->node_count - 1];
    return last->height > 0 || hash_equal(&answer->last_leaf, &last->hash);
}

result reader_answer_check(const struct reader_answer *answer, const struct reader_request *request,
                           uint64_t area_size) {
    bool fits = answer->version == READER_MESSAGE_VERSION && answer->status < reader_status_count &&
                answer->request_id == request->request_id && counts_fit(answer, request, area_size) &&
                is_ended_text(answer->reason, sizeof answer->reason, true) &&
                is_ended_text(answer->reason_text, sizeof answer->reason_text, false) &&
                (answer->status == READER_REFUSED) == (answer->reason[0] != '\0');
    if (!fits || !last_leaf_fits(answer) || (reader_request_is_about_entries(request) && !nodes_fit(answer, request)))
        return &fault_reader_message;
    return OK;
}
