#include "formats/dns_message.h"

#include "base/text.h"

FAULT(fault_dns_message, FAULT_INPUT, "dns.message", "DNS message", "RFC 1035 4, RFC 6891 6.1", "it does not add up",
      "a header and exactly the sections that it counts");

enum {
    CLASS_IN = 1,
    FLAGS_QR = 0x8000, FLAGS_TC = 0x0200, FLAGS_RD = 0x0100, FLAGS_RA = 0x0080, FLAGS_AD = 0x0020, FLAGS_CD = 0x0010,
    FLAGS_OPCODE_SHIFT = 11, FLAGS_OPCODE_MASK = 0xf, FLAGS_RCODE_MASK = 0xf,
    RECORD_SIZE_MIN = 11, /* root, type, class, TTL, no data */
    EDNS_RCODE_SHIFT = 24 - 4,
    OPTION_EXTENDED_ERROR = 15, /* RFC 8914 2 */
    EDNS_DO = 0x8000,           /* RFC 3225 3 */
    EXTENDED_ERROR_TEXT_MAX = 200,
};

#define TTL_MAX UINT32_C(0x7fffffff) /* RFC 2181 8 */

enum section { SECTION_ANSWER, SECTION_AUTHORITY, SECTION_ADDITIONAL, section_count };

static const char *const section_names[] = {
    [SECTION_ANSWER] = "answer",
    [SECTION_AUTHORITY] = "authority",
    [SECTION_ADDITIONAL] = "additional",
};

/* ── a query ── */

result dns_query_write(const struct dns_query *query, struct buffer *out) {
    uint16_t flags = FLAGS_RD | FLAGS_AD | (query->is_checking_disabled ? FLAGS_CD : 0);
    const uint16_t header[] = {query->id, flags, 1, 0, 0, query->has_edns ? 1 : 0};
    for (size_t i = 0; i < sizeof header / sizeof header[0]; i++)
        buffer_add_number(out, 2, header[i]);
    buffer_add(out, span_of(query->name.wire, query->name.size));
    buffer_add_number(out, 2, query->type);
    buffer_add_number(out, 2, CLASS_IN);
    if (query->has_edns) { /* RFC 6891 6.1.2: root, OPT, size, extended rcode, version and flags, no options */
        buffer_add_number(out, 1, 0);
        buffer_add_number(out, 2, DNS_TYPE_OPT);
        buffer_add_number(out, 2, DNS_UDP_SIZE);
        buffer_add_number(out, 4, query->wants_signatures ? EDNS_DO : 0);
        buffer_add_number(out, 2, 0);
    }
    return buffer_check(out);
}

/* ── a message ── */

struct parser {
    struct cursor cursor;
    struct arena *arena;
    struct dns_message *message;
    struct reason *reason;
    uint16_t counts[section_count];
    uint16_t question_count;
    enum section section;
    unsigned number; /* of the record in its section, from 1 */
    bool has_authority_ns;
    size_t answers_room;
};

/* A record with what stands before its data. */
struct raw_record {
    struct dns_name owner;
    uint16_t type, class_or_size;
    uint32_t ttl;
    struct cursor data; /* begins with the message, stands at the data, ends with it */
};

static result refuse(const struct parser *parser, const char *wrong) {
    return reason_set(parser->reason, &fault_dns_message, "record %u of the %s section: %s", parser->number,
                      section_names[parser->section], wrong);
}

static bool read_u16(struct cursor *cursor, uint16_t *ret_number) {
    uint64_t number;
    if (!cursor_number(cursor, 2, &number))
        return false;
    *ret_number = (uint16_t) number;
    return true;
}

static bool read_u32(struct cursor *cursor, uint32_t *ret_number) {
    uint64_t number;
    if (!cursor_number(cursor, 4, &number))
        return false;
    *ret_number = (uint32_t) number;
    return true;
}

static uint32_t ttl_of(uint32_t raw) {
    return raw > TTL_MAX ? 0 : raw;
}

static struct span rest_of(const struct cursor *cursor) {
    return span_of(cursor->bytes + cursor->position, cursor_remaining(cursor));
}

static result read_header(struct parser *parser) {
    struct dns_message *message = parser->message;
    uint16_t flags;
    struct cursor *cursor = &parser->cursor;
    if (!read_u16(cursor, &message->id) || !read_u16(cursor, &flags) || !read_u16(cursor, &parser->question_count) ||
        !read_u16(cursor, &parser->counts[SECTION_ANSWER]) || !read_u16(cursor, &parser->counts[SECTION_AUTHORITY]) ||
        !read_u16(cursor, &parser->counts[SECTION_ADDITIONAL]))
        return reason_set(parser->reason, &fault_dns_message, "the message has %zu bytes, wanted a header of 12 (RFC 1035 4.1.1)",
                          cursor->size);
    message->is_response = (flags & FLAGS_QR) != 0;
    message->opcode = flags >> FLAGS_OPCODE_SHIFT & FLAGS_OPCODE_MASK;
    message->is_truncated = (flags & FLAGS_TC) != 0;
    message->is_recursion_available = (flags & FLAGS_RA) != 0;
    message->is_authenticated = (flags & FLAGS_AD) != 0;
    message->is_checking_disabled = (flags & FLAGS_CD) != 0;
    message->rcode = flags & FLAGS_RCODE_MASK;
    return OK;
}

static result read_question(struct parser *parser) {
    struct dns_message *message = parser->message;
    uint16_t class;
    if (parser->question_count == 0)
        return OK;
    if (parser->question_count > 1) /* RFC 9619 4 */
        return reason_set(parser->reason, &fault_dns_message, "the header counts %u questions, wanted one (RFC 9619 4)",
                          parser->question_count);
    if (dns_name_read(&parser->cursor, &message->question) != OK)
        return reason_set(parser->reason, &fault_dns_message, "the question's name cannot be read, wanted %s", fault_dns_name.wanted);
    if (!read_u16(&parser->cursor, &message->question_type) || !read_u16(&parser->cursor, &class))
        return reason_set(parser->reason, &fault_dns_message, "the message ends within the question (RFC 1035 4.1.2)");
    if (class != CLASS_IN)
        return reason_set(parser->reason, &fault_dns_message, "the question is of class %u, wanted IN, 1 (RFC 1035 3.2.4)", class);
    message->has_question = true;
    return OK;
}

static result read_record(struct parser *parser, struct raw_record *ret_record) {
    uint16_t size;
    struct cursor *cursor = &parser->cursor;
    if (dns_name_read(cursor, &ret_record->owner) != OK)
        return refuse(parser, "its owner is no name (RFC 1035 3.1, 4.1.4)");
    if (!read_u16(cursor, &ret_record->type) || !read_u16(cursor, &ret_record->class_or_size) ||
        !read_u32(cursor, &ret_record->ttl) || !read_u16(cursor, &size))
        return refuse(parser, "the message ends within it (RFC 1035 4.1.3)");
    ret_record->data = *cursor;
    if (!cursor_skip(cursor, size))
        return refuse(parser, "its data are longer than what is left of the message (RFC 1035 4.1.3)");
    ret_record->data.size = cursor->position;
    return OK;
}

/* The answers that are of class IN; CNAME and DNAME data must be exactly a name. */
static result take_answer(struct parser *parser, struct raw_record *raw) {
    struct dns_message *message = parser->message;
    message->has_answers_of_other_class |= raw->class_or_size != CLASS_IN;
    if (raw->class_or_size != CLASS_IN || message->answer_count == parser->answers_room)
        return OK;
    struct dns_record *record = &message->answers[message->answer_count];
    *record = (struct dns_record){
        .owner = raw->owner, .type = raw->type, .ttl_s = ttl_of(raw->ttl), .rdata = rest_of(&raw->data)};
    if (raw->type == DNS_TYPE_CNAME || raw->type == DNS_TYPE_DNAME)
        if (dns_name_read(&raw->data, &record->target) != OK || !cursor_at_end(&raw->data))
            return refuse(parser, "an alias, its data are not exactly a name (RFC 1035 3.3.1, RFC 6672 2.1)");
    message->answer_count++;
    return OK;
}

/* RFC 2308 3, 5: a negative answer may be kept for the smaller of the SOA's TTL and its MINIMUM. */
static result take_soa(struct parser *parser, struct raw_record *raw) {
    struct dns_message *message = parser->message;
    struct dns_name ignored;
    uint32_t minimum;
    struct cursor *data = &raw->data;
    if (dns_name_read(data, &ignored) != OK || dns_name_read(data, &ignored) != OK || !cursor_skip(data, (size_t) 4 * 4) ||
        !read_u32(data, &minimum) || !cursor_at_end(data))
        return refuse(parser, "a SOA, its data are not two names and five numbers (RFC 1035 3.3.13)");
    uint32_t ttl = ttl_of(raw->ttl), negative = ttl_of(minimum) < ttl ? ttl_of(minimum) : ttl;
    if (message->has_soa && (!dns_name_equal(&message->soa_owner, &raw->owner) || message->soa_ttl_s != negative))
        return refuse(parser, "a second SOA, other than the first, wanted one (RFC 2308 3)");
    message->has_soa = true;
    message->soa_owner = raw->owner;
    message->soa_ttl_s = negative;
    return OK;
}

static result take_authority(struct parser *parser, struct raw_record *raw) {
    if (raw->class_or_size != CLASS_IN)
        return OK;
    if (raw->type == DNS_TYPE_NS)
        parser->has_authority_ns = true;
    return raw->type == DNS_TYPE_SOA ? take_soa(parser, raw) : OK;
}

/* A text that says nothing to a terminal; some append a NUL (RFC 8914 2). */
static result copy_harmless(struct arena *arena, struct span text, const char **ret_text) {
    while (text.size > 0 && text.bytes[text.size - 1] == '\0')
        text.size--;
    if (text.size > EXTENDED_ERROR_TEXT_MAX)
        text.size = EXTENDED_ERROR_TEXT_MAX;
    char *copy = arena_copy_span_as_text(arena, text);
    if (copy == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < text.size; i++)
        if (copy[i] == '\0')
            copy[i] = ' ';
    text_make_harmless(copy);
    *ret_text = copy;
    return OK;
}

static result take_extended_error(struct parser *parser, struct span option) {
    struct dns_message *message = parser->message;
    struct cursor cursor = cursor_of(option);
    struct dns_extended_error error = {0};
    if (!read_u16(&cursor, &error.code))
        return refuse(parser, "OPT, an extended error without its code (RFC 8914 2)");
    if (message->extended_error_count == DNS_EXTENDED_ERRORS_MAX)
        return OK;
    TRY(copy_harmless(parser->arena, rest_of(&cursor), &error.text));
    message->extended_errors[message->extended_error_count++] = error;
    return OK;
}

/* RFC 6891 6.1: one OPT at most, owned by the root. Its version is what the other side can at most, and does not matter. */
static result take_opt(struct parser *parser, struct raw_record *raw) {
    struct dns_message *message = parser->message;
    if (parser->section != SECTION_ADDITIONAL)
        return refuse(parser, "an OPT, which belongs to the additional section (RFC 6891 6.1.1)");
    if (message->has_edns)
        return refuse(parser, "a second OPT, wanted one at most (RFC 6891 6.1.1)");
    if (!dns_name_is_root(&raw->owner))
        return refuse(parser, "an OPT whose owner is not the root (RFC 6891 6.1.2)");
    message->has_edns = true;
    message->rcode = (uint16_t) (message->rcode | (raw->ttl >> EDNS_RCODE_SHIFT & 0xff0));
    while (!cursor_at_end(&raw->data)) {
        uint16_t code;
        struct span option;
        if (!read_u16(&raw->data, &code) || !cursor_vector(&raw->data, 2, &option))
            return refuse(parser, "OPT, its options do not fill its data exactly (RFC 6891 6.1.2)");
        if (code == OPTION_EXTENDED_ERROR)
            TRY(take_extended_error(parser, option));
    }
    return OK;
}

static result take_record(struct parser *parser) {
    struct raw_record raw;
    TRY(read_record(parser, &raw));
    if (raw.type == DNS_TYPE_OPT)
        return take_opt(parser, &raw);
    if (parser->section == SECTION_ANSWER)
        return take_answer(parser, &raw);
    return parser->section == SECTION_AUTHORITY ? take_authority(parser, &raw) : OK;
}

/* Room for the answers: as many as the header counts and the bytes can hold. */
static result make_room(struct parser *parser) {
    size_t possible = cursor_remaining(&parser->cursor) / RECORD_SIZE_MIN;
    size_t counted = (size_t) parser->counts[SECTION_ANSWER] + parser->counts[SECTION_AUTHORITY] + parser->counts[SECTION_ADDITIONAL];
    if (counted > possible && !parser->message->is_truncated)
        return reason_set(parser->reason, &fault_dns_message,
                          "the header counts %zu records, the %zu bytes behind the question hold %zu at most (RFC 1035 4.1.1)", counted,
                          cursor_remaining(&parser->cursor), possible);
    parser->answers_room = parser->counts[SECTION_ANSWER] < possible ? parser->counts[SECTION_ANSWER] : possible;
    if (parser->answers_room == 0)
        return OK;
    parser->message->answers = arena_take_array(parser->arena, parser->answers_room, sizeof *parser->message->answers);
    return parser->message->answers != NULL ? OK : &fault_no_memory;
}

static result read_sections(struct parser *parser) {
    for (parser->section = SECTION_ANSWER; parser->section < section_count; parser->section++)
        for (parser->number = 1; parser->number <= parser->counts[parser->section]; parser->number++)
            TRY(take_record(parser));
    if (!cursor_at_end(&parser->cursor))
        return reason_set(parser->reason, &fault_dns_message, "%zu bytes are left over behind the last record (RFC 1035 4.1)",
                          cursor_remaining(&parser->cursor));
    return OK;
}

result dns_message_parse(struct span bytes, struct arena *arena, struct dns_message *ret_message, struct reason *reason) {
    struct dns_message message = {0};
    struct parser parser = {.cursor = cursor_of(bytes), .arena = arena, .message = &message, .reason = reason};
    reason->text[0] = '\0';
    if (bytes.size > DNS_MESSAGE_MAX)
        return reason_set(reason, &fault_dns_message, "the message has %zu bytes, wanted %zu at most (RFC 1035 4.2.2)", bytes.size,
                          DNS_MESSAGE_MAX);
    TRY(read_header(&parser));
    TRY(read_question(&parser));
    TRY(make_room(&parser));
    result outcome = read_sections(&parser);
    if (outcome == &fault_no_memory || (outcome != OK && !message.is_truncated))
        return outcome;
    message.is_referral = parser.has_authority_ns && !message.has_soa;
    reason->text[0] = '\0';
    *ret_message = message;
    return OK;
}
