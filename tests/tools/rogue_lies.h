/* Lies in a reader's answer, one field at a time: a statement that turns an honest answer into one that its owner must refuse. `a` is the
 * answer, `r` the request, `area` the reports of at least `room` bytes. A lie about reports changes nothing where there is none. */
#pragma once

#define REPORT_INDEX 4 /* offsets in an encoded report, formats/entry_report.c */
#define REPORT_KIND 20
#define REPORT_FLAGS 53

#define LIES(X) \
    X("version 0", a->version = 0) \
    X("next version", a->version++) \
    X("version max", a->version = UINT32_MAX) \
    X("unknown status", a->status = reader_status_count) \
    X("status max", a->status = UINT32_MAX) \
    X("refused without a reason", a->status = READER_REFUSED) \
    X("a reason without refusal", a->reason[0] = 'x') \
    X("a reason without an end", (a->status = READER_REFUSED, memset(a->reason, 'a', sizeof a->reason))) \
    X("a reason that is no name", (a->status = READER_REFUSED, a->reason[0] = '\n')) \
    X("a sentence without an end", (a->status = READER_REFUSED, a->reason[0] = 'a', memset(a->reason_text, 'a', sizeof a->reason_text))) \
    X("a sentence that steers terminals", (a->status = READER_REFUSED, a->reason[0] = 'a', a->reason_text[0] = '\033')) \
    X("id 0", a->request_id = 0) \
    X("the id before", a->request_id--) \
    X("the next id", a->request_id++) \
    X("id max", a->request_id = UINT64_MAX) \
    X("one entry more", a->entry_count++) \
    X("one entry less", a->entry_count--) \
    X("no entries but their tree", a->entry_count = 0) \
    X("all entries of the world", a->entry_count = UINT64_MAX) \
    X("entries that wrap around", a->entry_count = UINT64_MAX - r->wanted_begin) \
    X("more, from the beginning", (a->status = READER_MORE, a->more_from = r->report_from)) \
    X("more, from 0", (a->status = READER_MORE, a->more_from = 0)) \
    X("more, from the end", (a->status = READER_MORE, a->more_from = r->wanted_end)) \
    X("more, from beyond all", (a->status = READER_MORE, a->more_from = UINT64_MAX)) \
    X("more, with nothing told", (a->status = READER_MORE, a->more_from = r->report_from + 1, a->report_count = 0, a->answer_size = 0)) \
    X("one report more", a->report_count++) \
    X("reports without number", a->report_count = UINT64_MAX) \
    X("reports that are not counted", a->report_count = a->report_count > 0 ? 0 : 1) \
    X("a byte of reports more", a->answer_size++) \
    X("a byte of reports less", a->answer_size = a->answer_size > 0 ? a->answer_size - 1 : 1) \
    X("reports larger than the area", a->answer_size = room + 1) \
    X("reports of all memory", a->answer_size = UINT64_MAX) \
    X("more matches than entries", a->match_count = a->entry_count + 1) \
    X("matches without number", a->match_count = UINT64_MAX) \
    X("more unreadable than entries", a->unreadable_count = a->entry_count + 1) \
    X("unreadable without number", a->unreadable_count = UINT64_MAX) \
    X("no nodes", a->node_count = 0) \
    X("a node less", a->node_count--) \
    X("a node more", a->node_count++) \
    X("one node too many for any answer", a->node_count = READER_NODES_MAX + 1) \
    X("nodes without number", a->node_count = UINT32_MAX) \
    X("a node that begins later", a->nodes[0].begin++) \
    X("a node that begins before", a->nodes[0].begin--) \
    X("a node at the end of the world", a->nodes[0].begin = UINT64_MAX) \
    X("a higher node", a->nodes[0].height++) \
    X("a node of height 63", a->nodes[0].height = 63) \
    X("a node of height 64", a->nodes[0].height = 64) \
    X("a node of height max", a->nodes[0].height = UINT32_MAX) \
    X("the last node higher", a->nodes[a->node_count - 1].height++) \
    X("a report about another entry", area[REPORT_INDEX] ^= (uint8_t) (a->report_count > 0)) \
    X("a report about the entry behind", about_entry(area, a, r->wanted_end)) \
    X("a report about the entry before", about_entry(area, a, r->wanted_begin - 1)) \
    X("a report of another kind", area[REPORT_KIND] = a->report_count > 0 ? 2 : area[REPORT_KIND]) \
    X("a report with unknown flags", area[REPORT_FLAGS] ^= (uint8_t) (a->report_count > 0 ? 0x80 : 0)) \
    X("a report longer than it is", area[3] = (uint8_t) (area[3] + (a->report_count > 0))) \
    X("a report longer than all", area[0] ^= (uint8_t) (a->report_count > 0 ? 0xff : 0)) \
    X("the same report twice", twice(area, a)) \
    X("a certificate that is another", other_certificate(area, a))

static inline void about_entry(uint8_t *area, const struct reader_answer *a, uint64_t index) {
    for (int i = 0; i < 8 && a->report_count > 0; i++)
        area[REPORT_INDEX + i] = (uint8_t) (index >> (8 * (7 - i)));
}

/* Only where it is the one report, for then its end is known. */
static inline void twice(uint8_t *area, struct reader_answer *a) {
    if (a->report_count != 1)
        return;
    memcpy(area + a->answer_size, area, a->answer_size);
    a->answer_size *= 2;
    a->report_count = 2;
    a->match_count = 2;
}

/* One bit in the middle: inside the DER, which is by far the longest field. */
static inline void other_certificate(uint8_t *area, const struct reader_answer *a) {
    if (a->report_count == 1)
        area[a->answer_size / 3] ^= 1;
}
