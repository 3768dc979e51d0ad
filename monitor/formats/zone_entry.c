#include "formats/zone_entry.h"

#include "base/ascii.h"
#include "base/text.h"
#include "formats/dns_name.h"

enum { CLASS_IN = 1, TYPE_CAA = 257 };

#define TTL_MAX UINT64_C(0x7fffffff) /* RFC 2181 8 */

struct zone_reader zone_reader_of(struct span text) {
    struct zone_reader reader = {.cursor = cursor_of(text), .line = 1};
    static const char mark[] = "\xef\xbb\xbf"; /* some editors begin a file with it */
    if (text.size >= sizeof mark - 1 && memcmp(text.bytes, mark, sizeof mark - 1) == 0)
        (void) cursor_skip(&reader.cursor, sizeof mark - 1);
    return reader;
}

/* ── words ── */

static bool is_blank(uint8_t byte) {
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\f' || byte == '\v';
}

static bool ends_word(uint8_t byte) {
    return is_blank(byte) || byte == '\n' || byte == ';' || byte == '"' || byte == '(' || byte == ')';
}

static void skip_line(struct zone_reader *reader) {
    uint8_t byte;
    while (cursor_peek(&reader->cursor, &byte) && byte != '\n')
        (void) cursor_skip(&reader->cursor, 1);
}

static void keep_word(struct zone_entry *entry, struct span raw, bool is_quoted) {
    if (entry->count == ZONE_WORDS_MAX)
        entry->has_more_words = true;
    else
        entry->words[entry->count++] = (struct zone_word){.raw = raw, .is_quoted = is_quoted};
}

/* The run of bytes up to one that ends it, which stays; a backslash takes the next byte with it, except the end of the line. */
static struct span take_run(struct cursor *cursor, bool is_quoted) {
    size_t start = cursor->position;
    uint8_t byte;
    while (cursor_peek(cursor, &byte) && byte != '\n' && (is_quoted ? byte != '"' : !ends_word(byte))) {
        (void) cursor_skip(cursor, 1);
        if (byte == '\\' && cursor_peek(cursor, &byte) && byte != '\n')
            (void) cursor_skip(cursor, 1);
    }
    return span_of(cursor->bytes + start, cursor->position - start);
}

static void take_quoted(struct zone_reader *reader, struct zone_entry *entry) {
    uint8_t end;
    (void) cursor_skip(&reader->cursor, 1);
    struct span raw = take_run(&reader->cursor, true);
    if (!cursor_peek(&reader->cursor, &end) || end != '"') {
        entry->wrong = "a quoted text does not end on its line (RFC 1035 5.1)";
        return;
    }
    (void) cursor_skip(&reader->cursor, 1);
    keep_word(entry, raw, true);
}

/* ── entries ── */

/* One step on; `depth` counts open parentheses. False: the entry is at its end. */
static bool take_piece(struct zone_reader *reader, struct zone_entry *entry, unsigned *depth) {
    uint8_t byte;
    if (!cursor_peek(&reader->cursor, &byte))
        return false;
    if (byte == '\n') {
        (void) cursor_skip(&reader->cursor, 1);
        reader->line++;
        return *depth > 0;
    }
    if (byte == ';') {
        entry->has_comment = true;
        skip_line(reader);
    } else if (byte == '"') {
        take_quoted(reader, entry);
    } else if (is_blank(byte)) {
        (void) cursor_skip(&reader->cursor, 1);
    } else if (byte == '(') {
        (void) cursor_skip(&reader->cursor, 1);
        ++*depth;
    } else if (byte == ')') {
        (void) cursor_skip(&reader->cursor, 1);
        if (*depth == 0)
            entry->wrong = "a parenthesis is closed that was not opened (RFC 1035 5.1)";
        else
            --*depth;
    } else {
        keep_word(entry, take_run(&reader->cursor, false), false);
    }
    return entry->wrong == NULL;
}

static void read_entry(struct zone_reader *reader, struct zone_entry *entry) {
    struct zone_word *words = entry->words;
    *entry = (struct zone_entry){.words = words, .line = reader->line};
    uint8_t first;
    entry->is_indented = cursor_peek(&reader->cursor, &first) && is_blank(first);
    unsigned depth = 0;
    while (take_piece(reader, entry, &depth))
        continue;
    if (entry->wrong != NULL)
        skip_line(reader);
    else if (depth > 0)
        entry->wrong = "a parenthesis is not closed up to the end of the text (RFC 1035 5.1)";
}

bool zone_entry_next(struct zone_reader *reader, struct zone_entry *entry) {
    while (!cursor_at_end(&reader->cursor)) {
        read_entry(reader, entry);
        if (entry->count > 0 || entry->wrong != NULL)
            return true;
    }
    return false;
}

/* ── what a word means ── */

bool zone_word_decode(const struct zone_word *word, uint8_t *ret_bytes, size_t *ret_size) {
    struct cursor raw = cursor_of(word->raw);
    size_t size = 0;
    while (!cursor_at_end(&raw)) {
        uint8_t byte = 0;
        if (!cursor_u8(&raw, &byte) || (byte == '\\' && !dns_escape_read(&raw, &byte)))
            return false;
        ret_bytes[size++] = byte;
    }
    *ret_size = size;
    return true;
}

static bool begins_with(struct span text, const char *start) {
    size_t size = strlen(start);
    if (text.size < size)
        return false;
    for (size_t i = 0; i < size; i++)
        if (ascii_lower(text.bytes[i]) != ascii_lower((uint8_t) start[i]))
            return false;
    return true;
}

bool zone_word_is(const struct zone_word *word, const char *text) {
    return !word->is_quoted && word->raw.size == strlen(text) && begins_with(word->raw, text);
}

static bool unit_of(uint8_t byte, uint64_t *ret_seconds) {
    static const struct {
        char letter;
        uint32_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (ascii_lower(byte) == units[i].letter) {
            *ret_seconds = units[i].seconds;
            return true;
        }
    return false;
}

/* Digits; false where there are none, or too many. */
static bool take_digits(struct cursor *raw, uint64_t *ret_number) {
    uint8_t byte;
    bool is_any = false;
    uint64_t number = 0;
    while (cursor_peek(raw, &byte) && ascii_is_digit(byte)) {
        number = number * 10 + (byte - '0');
        is_any = true;
        if (number > TTL_MAX)
            return false;
        (void) cursor_skip(raw, 1);
    }
    *ret_number = number;
    return is_any;
}

bool zone_word_to_ttl(const struct zone_word *word, uint32_t *ret_ttl_s) {
    struct cursor raw = cursor_of(word->raw);
    uint64_t total = 0, number, unit;
    if (word->is_quoted || word->raw.size == 0)
        return false;
    while (!cursor_at_end(&raw)) {
        uint8_t letter;
        if (!take_digits(&raw, &number))
            return false;
        unit = 1; /* a number alone, or at the end, counts seconds */
        if (!cursor_at_end(&raw) && (!cursor_u8(&raw, &letter) || !unit_of(letter, &unit)))
            return false;
        total += number * unit;
        if (total > TTL_MAX)
            return false;
    }
    *ret_ttl_s = (uint32_t) total;
    return true;
}

static bool is_one_of(const struct zone_word *word, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (zone_word_is(word, names[i]))
            return true;
    return false;
}

/* CLASS17, TYPE257 (RFC 3597 5). */
static bool number_behind(const struct zone_word *word, const char *start, uint64_t *ret_number) {
    if (word->is_quoted || !begins_with(word->raw, start))
        return false;
    size_t size = strlen(start);
    return text_to_number(span_of(word->raw.bytes + size, word->raw.size - size), UINT16_MAX, ret_number) == OK;
}

bool zone_word_is_class(const struct zone_word *word, bool *ret_is_in) {
    static const char *const others[] = {"CH", "HS", "CS"};
    uint64_t number = 0;
    *ret_is_in = zone_word_is(word, "IN");
    if (*ret_is_in || is_one_of(word, others, sizeof others / sizeof others[0]))
        return true;
    bool is_class = number_behind(word, "CLASS", &number);
    *ret_is_in = is_class && number == CLASS_IN;
    return is_class;
}

/* IANA, Domain Name System Parameters, Resource Record TYPEs, and what older zone files hold. */
static const char *const types[] = {
    "A", "A6", "AAAA", "AFSDB", "ALIAS", "AMTRELAY", "ANAME", "APL", "ATMA", "AVC", "BRID", "CDNSKEY", "CDS", "CERT", "CLA", "CNAME", "CSYNC",
    "DHCID", "DLV", "DNAME", "DNSKEY", "DOA", "DS", "DSYNC", "EID", "EUI48", "EUI64", "GID", "GPOS", "HHIT", "HINFO", "HIP", "HTTPS",
    "IPN", "IPSECKEY", "ISDN", "KEY", "KX", "L32", "L64", "LOC", "LP", "MB", "MD", "MF", "MG", "MINFO", "MR", "MX", "NAPTR", "NID",
    "NIMLOC", "NINFO", "NS", "NSAP", "NSAP-PTR", "NSEC", "NSEC3", "NSEC3PARAM", "NULL", "NXNAME", "NXT", "OPENPGPKEY", "PTR", "PX",
    "RESINFO", "RKEY", "RP", "RRSIG", "RT", "SIG", "SINK", "SMIMEA", "SOA", "SPF", "SRV", "SSHFP", "SVCB", "TA", "TALINK", "TKEY",
    "TLSA", "TSIG", "TXT", "UID", "UINFO", "UNSPEC", "URI", "WALLET", "WKS", "X25", "ZONEMD",
};

bool zone_word_is_text_type(const struct zone_word *word) {
    static const char *const text_types[] = {"TXT", "SPF", "AVC", "CLA", "ISDN", "NINFO", "RESINFO", "WALLET", "X25"};
    return is_one_of(word, text_types, sizeof text_types / sizeof text_types[0]);
}

bool zone_word_is_type(const struct zone_word *word, bool *ret_is_caa) {
    uint64_t number = 0;
    *ret_is_caa = zone_word_is(word, "CAA");
    if (*ret_is_caa || is_one_of(word, types, sizeof types / sizeof types[0]))
        return true;
    bool is_type = number_behind(word, "TYPE", &number);
    *ret_is_caa = is_type && number == TYPE_CAA;
    return is_type;
}
