/* TLSA records (RFC 6698) of a zone file or of dig's output. */
#include <stdio.h>

#include "base/ascii.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/dns_name.h"
#include "formats/pin_file.h"
#include "formats/pin_write.h"
#include "formats/zone_entry.h"

enum { SHOWN_MAX = 60, TYPE_TLSA = 52, HTTPS_PORT = 443, PROTOCOL_COUNT = 3, FIELDS = 3 };
enum owner_state { OWNER_NONE, OWNER_KNOWN, OWNER_NOT_UNDERSTOOD };

static const char *const protocols[PROTOCOL_COUNT] = {"tcp", "udp", "sctp"};
static const char flags_mark[] = ";; flags:"; /* of dig, before the flags of the answer's header */

struct reading {
    struct pin_builder *builder;
    struct zone_entry entry;
    struct cursor ahead;  /* of the flags that dig prints */
    unsigned ahead_line;
    bool has_flags, is_secure, is_authority; /* what dig says of the answer */
    bool has_zone_ttl, has_ttl;              /* by $TTL; of the record under way */
    uint32_t zone_ttl_s, ttl_s;
    bool has_origin;
    struct dns_name origin;
    enum owner_state owner_state; /* of the last owner that a line named */
    struct dns_name owner;
};

static int shown(struct span text) {
    return text.size < SHOWN_MAX ? (int) text.size : SHOWN_MAX;
}

#define REFUSE(reading, rule, ...) pin_builder_remark((reading)->builder, PIN_REMARK_ERROR, (reading)->entry.line, rule, __VA_ARGS__)

/* ── names ── */

static bool is_absolute(struct span name) {
    size_t backslashes = 0;
    while (backslashes + 1 < name.size && name.bytes[name.size - 2 - backslashes] == '\\')
        backslashes++;
    return name.size > 0 && name.bytes[name.size - 1] == '.' && backslashes % 2 == 0;
}

/* False after a remark. */
static result read_name(struct reading *reading, const struct zone_word *word, struct dns_name *ret_name, bool *ret_is_name) {
    struct reason reason;
    struct dns_name name;
    const struct dns_name root = {.size = 1};
    bool is_origin = zone_word_is(word, "@");
    *ret_is_name = false;
    if (!reading->has_origin && (is_origin || !is_absolute(word->raw)))
        return REFUSE(reading, "tlsa-relative", "the name \"%.*s\" is relative, and nothing says to what: wanted a dot at its end, or $ORIGIN (RFC 1035 "
                      "5.1)", shown(word->raw), (const char *) word->raw.bytes);
    if (!is_origin && dns_name_from_text(word->raw, &name, &reason) != OK)
        return REFUSE(reading, "tlsa-name", "\"%.*s\": %s", shown(word->raw), (const char *) word->raw.bytes, reason.text);
    if (!is_origin && !is_absolute(word->raw) && !dns_name_substitute(&name, &root, &reading->origin, &name))
        return REFUSE(reading, "tlsa-name", "the name \"%.*s\" is longer than 255 bytes below its origin (RFC 1035 2.3.4)", shown(word->raw),
                      (const char *) word->raw.bytes);
    *ret_name = is_origin ? reading->origin : name;
    *ret_is_name = true;
    return OK;
}

/* The label behind its underscore, and what stands behind its dot; false: it has none. */
static bool take_label(const char **text, char *ret_label, size_t size) {
    const char *dot = strchr(*text, '.');
    if ((*text)[0] != '_' || dot == NULL || (size_t) (dot - *text) > size)
        return false;
    memcpy(ret_label, *text + 1, (size_t) (dot - *text) - 1);
    ret_label[dot - *text - 1] = '\0';
    *text = dot + 1;
    return true;
}

/* What an owner "_443._tcp.host" says. */
struct place {
    uint16_t port;
    const char *protocol, *host;
};

static result read_place(struct reading *reading, struct place *ret_place, bool *ret_is_place) {
    char text[DNS_NAME_TEXT_SIZE], port[8], protocol[8];
    const char *rest = text;
    uint64_t number = 0;
    size_t kind = 0;
    *ret_is_place = false;
    dns_name_to_text(&reading->owner, text);
    bool is_good = take_label(&rest, port, sizeof port) && text_to_number(span_of_text(port), UINT16_MAX, &number) == OK && number > 0 &&
                   take_label(&rest, protocol, sizeof protocol);
    while (is_good && kind < PROTOCOL_COUNT && strcmp(protocols[kind], protocol) != 0)
        kind++;
    if (!is_good || kind == PROTOCOL_COUNT)
        return REFUSE(reading, "tlsa-owner", "the owner is \"%s\", wanted _port._protocol.host with a port from 1 to 65535 and tcp, udp or sctp (RFC "
                      "6698 3)", text);
    *ret_place = (struct place){.port = (uint16_t) number, .protocol = protocols[kind]};
    return pin_host_read(reading->builder, span_of_text(rest), reading->entry.line, &ret_place->host, ret_is_place);
}

/* ── data ── */

struct record {
    uint8_t fields[FIELDS]; /* usage, selector, matching type */
    struct span data;
};

static result refuse_field(struct reading *reading, size_t number, unsigned value) {
    static const char *const names[FIELDS] = {"certificate usage", "selector", "matching type"};
    static const char *const wanted[FIELDS] = {"0 to 3 (RFC 6698 2.1.1)", "0 or 1 (RFC 6698 2.1.2)", "0, 1 or 2 (RFC 6698 2.1.3)"};
    static const char *const rules[FIELDS] = {"tlsa-usage", "tlsa-selector", "tlsa-matching"};
    return REFUSE(reading, rules[number], "the %s is %u, which is %s; wanted %s", names[number], value,
                  value == UINT8_MAX ? "for private use" : "not assigned", wanted[number]);
}

/* Are the data what the fields promise? */
static result check_record(struct reading *reading, const struct record *record, bool *ret_is_good) {
    static const uint8_t highest[FIELDS] = {PIN_TLSA_DANE_EE, 1, 2};
    static const size_t sizes[] = {0, 32, 64};
    *ret_is_good = false;
    for (size_t i = 0; i < FIELDS; i++)
        if (record->fields[i] > highest[i])
            return refuse_field(reading, i, record->fields[i]);
    size_t wanted = sizes[record->fields[2]];
    if (wanted != 0 && record->data.size != wanted)
        return REFUSE(reading, "tlsa-size", "the data have %zu bytes, wanted the %zu of a digest of matching type %u (RFC 6698 2.1.3)", record->data.size,
                      wanted, record->fields[2]);
    if (wanted == 0 && !pin_value_is_der(record->data))
        return REFUSE(reading, "tlsa-not-der", "the data of matching type 0 are not the DER of a %s (RFC 6698 2.1.4)",
                      record->fields[1] == 0 ? "certificate" : "public key");
    *ret_is_good = true;
    return OK;
}

static result join_hex(struct reading *reading, const struct zone_word *words, size_t count, struct span *ret_bytes, bool *ret_is_hex) {
    size_t digits = 0, at = 0;
    *ret_is_hex = false;
    for (size_t i = 0; i < count; i++)
        digits += words[i].raw.size;
    char *hex = arena_take(reading->builder->arena, digits + 1);
    uint8_t *bytes = arena_take(reading->builder->arena, digits / 2 + 1);
    if (hex == NULL || bytes == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; at += words[i++].raw.size)
        memcpy(hex + at, words[i].raw.bytes, words[i].raw.size);
    if (digits == 0 || digits / 2 > PIN_VALUE_SIZE_MAX || text_to_hex(span_of(hex, digits), bytes, digits / 2) != OK)
        return REFUSE(reading, "tlsa-hex", "the data are not hex digits, two for each of 1 to %d bytes (RFC 6698 2.2)", PIN_VALUE_SIZE_MAX);
    *ret_bytes = span_of(bytes, digits / 2);
    *ret_is_hex = true;
    return OK;
}

/* RFC 3597 5: \# length hex. */
static result read_generic(struct reading *reading, const struct zone_word *words, size_t count, struct record *ret_record, bool *ret_is_good) {
    struct span bytes;
    uint64_t length = 0;
    *ret_is_good = false;
    if (count < 2 || text_to_number(words[0].raw, UINT16_MAX, &length) != OK)
        return REFUSE(reading, "tlsa-generic", "behind \\# stands no length from 0 to 65535 with hex digits behind it (RFC 3597 5)");
    TRY(join_hex(reading, words + 1, count - 1, &bytes, ret_is_good));
    if (!*ret_is_good)
        return OK;
    *ret_is_good = false;
    if (bytes.size != length || length <= FIELDS)
        return REFUSE(reading, "tlsa-generic", "behind \\# and the length %u stand %zu bytes, wanted as many, and more than %d (RFC 3597 5, RFC 6698 2.1)",
                      (unsigned) length, bytes.size, FIELDS);
    memcpy(ret_record->fields, bytes.bytes, FIELDS);
    ret_record->data = span_of(bytes.bytes + FIELDS, bytes.size - FIELDS);
    *ret_is_good = true;
    return OK;
}

static result read_record(struct reading *reading, size_t first, struct record *ret_record, bool *ret_is_good) {
    const struct zone_word *words = reading->entry.words + first;
    size_t count = reading->entry.count - first;
    *ret_is_good = false;
    if (reading->entry.has_more_words)
        return REFUSE(reading, "tlsa-hex", "the record has more than %d words", ZONE_WORDS_MAX);
    if (count > 0 && zone_word_is(&words[0], "\\#"))
        return read_generic(reading, words + 1, count - 1, ret_record, ret_is_good);
    if (count < FIELDS + 1)
        return REFUSE(reading, "tlsa-short", "the record has %zu of usage, selector, matching type and data, wanted all four (RFC 6698 2.2)", count);
    for (size_t i = 0; i < FIELDS; i++) {
        uint64_t number = 0;
        if (words[i].is_quoted || text_to_number(words[i].raw, UINT8_MAX, &number) != OK)
            return REFUSE(reading, "tlsa-number", "\"%.*s\" is no number from 0 to 255, wanted usage, selector and matching type (RFC 6698 2.2)",
                          shown(words[i].raw), (const char *) words[i].raw.bytes);
        ret_record->fields[i] = (uint8_t) number;
    }
    return join_hex(reading, words + FIELDS, count - FIELDS, &ret_record->data, ret_is_good);
}

/* ── sets ── */

static struct pin_set *find_set(const struct reading *reading, const struct place *place) {
    const struct pin_document *document = reading->builder->document;
    for (size_t i = document->set_count; i-- > 0;) {
        struct pin_set *set = &document->sets[i];
        if (set->port == place->port && strcmp(set->protocol, place->protocol) == 0 && strcmp(set->host, place->host) == 0)
            return set;
    }
    return NULL;
}

static result set_for(struct reading *reading, const struct place *place, struct pin_set **ret_set) {
    struct pin_set *set = find_set(reading, place);
    if (set == NULL) {
        set = pin_builder_add_set(reading->builder, reading->entry.line);
        if (set == NULL)
            return pin_builder_refusal(reading->builder);
        set->host = place->host;
        set->port = place->port;
        set->protocol = place->protocol;
        set->has_ttl = true;
    }
    set->has_ttl = set->has_ttl && reading->has_ttl;
    set->ttl_s = reading->ttl_s > set->ttl_s ? reading->ttl_s : set->ttl_s;
    set->is_secure = set->is_secure && (!reading->has_flags || reading->is_secure);
    *ret_set = set;
    return OK;
}

static struct pin pin_of_record(const struct record *record, unsigned line) {
    static const enum pin_algorithm algorithms[] = {PIN_FULL, PIN_SHA256, PIN_SHA512};
    bool is_leaf = record->fields[0] == PIN_TLSA_PKIX_EE || record->fields[0] == PIN_TLSA_DANE_EE;
    return (struct pin){
        .kind = record->fields[1] == 0 ? PIN_CERTIFICATE : PIN_SPKI, .algorithm = algorithms[record->fields[2]],
        .position = is_leaf ? PIN_LEAF : PIN_CA, .value = record->data, .tlsa_usage = record->fields[0], .comment = "", .line = line,
    };
}

static bool has_pin(const struct pin_set *set, const struct pin *pin) {
    for (size_t i = 0; set->group_count > 0 && i < set->groups[0].count; i++)
        if (pin_is_same(&set->groups[0].pins[i], pin) && set->groups[0].pins[i].tlsa_usage == pin->tlsa_usage)
            return true;
    return false;
}

static result take_record(struct reading *reading, size_t first) {
    struct record record;
    struct place place;
    struct pin_set *set = NULL;
    bool is_good;
    if (reading->owner_state == OWNER_NONE)
        return REFUSE(reading, "tlsa-owner", "nothing says whose record this is: wanted _port._protocol.host before it (RFC 6698 3)");
    if (reading->owner_state == OWNER_NOT_UNDERSTOOD)
        return REFUSE(reading, "tlsa-owner", "the record repeats the owner of a line before it, which was not understood");
    TRY(read_place(reading, &place, &is_good));
    if (is_good)
        TRY(read_record(reading, first, &record, &is_good));
    if (is_good)
        TRY(check_record(reading, &record, &is_good));
    if (!is_good)
        return OK;
    struct pin pin = pin_of_record(&record, reading->entry.line);
    TRY(set_for(reading, &place, &set));
    if (has_pin(set, &pin))
        return pin_builder_remark(reading->builder, PIN_REMARK_NOTE, reading->entry.line, "tlsa-twice", "the same record stood there before");
    struct pin *added = pin_builder_add_pin(reading->builder, set, 0);
    if (added == NULL)
        return pin_builder_refusal(reading->builder);
    *added = pin;
    return OK;
}

/* ── entries ── */

/* [ttl] [class] type in any order of the first two, from word `at` on. False where no known type comes. */
static bool read_head(struct reading *reading, size_t at, bool *ret_is_tlsa, size_t *ret_data) {
    const struct zone_entry *entry = &reading->entry;
    bool has_ttl = false, has_class = false, is_in = true, is_caa;
    uint32_t ttl_s = reading->zone_ttl_s;
    for (; at < entry->count; at++) {
        const struct zone_word *word = &entry->words[at];
        if (zone_word_is_type(word, &is_caa)) {
            *ret_is_tlsa = is_in && (zone_word_is(word, "TLSA") || zone_word_is(word, "TYPE52"));
            *ret_data = at + 1;
            reading->has_ttl = (has_ttl || reading->has_zone_ttl) && (!reading->has_flags || reading->is_authority);
            reading->ttl_s = ttl_s;
            return true;
        }
        bool is_class = !has_class && zone_word_is_class(word, &is_in);
        if (!is_class && (has_ttl || !zone_word_to_ttl(word, &ttl_s)))
            return false;
        has_class |= is_class;
        has_ttl |= !is_class;
    }
    return false;
}

static result take_owner(struct reading *reading, bool is_tlsa) {
    size_t before = reading->builder->document->remark_count;
    bool is_name = false;
    reading->owner_state = OWNER_NOT_UNDERSTOOD;
    TRY(read_name(reading, &reading->entry.words[0], &reading->owner, &is_name));
    if (is_name)
        reading->owner_state = OWNER_KNOWN;
    else if (!is_tlsa) /* whose names other records have is of no interest */
        reading->builder->document->remark_count = before;
    return OK;
}

static result take_directive(struct reading *reading) {
    const struct zone_word *words = reading->entry.words;
    if (zone_word_is(&words[0], "$TTL")) {
        reading->has_zone_ttl = reading->entry.count == 2 && zone_word_to_ttl(&words[1], &reading->zone_ttl_s);
        return OK;
    }
    if (!zone_word_is(&words[0], "$ORIGIN") || reading->entry.count != 2)
        return REFUSE(reading, "tlsa-directive", "\"%.*s\" with %zu words behind it is not followed, wanted the records themselves, $ORIGIN name or $TTL",
                      shown(words[0].raw), (const char *) words[0].raw.bytes, reading->entry.count - 1);
    struct dns_name origin;
    bool is_name;
    TRY(read_name(reading, &words[1], &origin, &is_name));
    if (is_name)
        reading->origin = origin;
    reading->has_origin |= is_name;
    return OK;
}

/* "3 1 1 abcd", as dig +short prints it. */
static bool is_bare(const struct zone_entry *entry) {
    uint64_t number;
    if (entry->count < FIELDS + 1)
        return false;
    for (size_t i = 0; i < FIELDS; i++)
        if (text_to_number(entry->words[i].raw, UINT8_MAX, &number) != OK)
            return false;
    return true;
}

static result take_entry(struct reading *reading) {
    const struct zone_entry *entry = &reading->entry;
    bool is_tlsa = false;
    size_t data = 0;
    if (entry->wrong != NULL)
        return REFUSE(reading, "tlsa-entry", "%s", entry->wrong);
    if (!entry->is_indented && !entry->words[0].is_quoted && entry->words[0].raw.bytes[0] == '$')
        return take_directive(reading);
    bool has_owner = !entry->is_indented && read_head(reading, 1, &is_tlsa, &data);
    if (!has_owner && !read_head(reading, 0, &is_tlsa, &data)) {
        if (is_bare(entry))
            return REFUSE(reading, "tlsa-owner", "nothing says whose record this is: wanted _port._protocol.host TLSA before it (RFC 6698 3)");
        return REFUSE(reading, "tlsa-entry", "no type of record is known in \"%.*s …\", wanted _port._protocol.host TLSA usage selector type data",
                      shown(entry->words[0].raw), (const char *) entry->words[0].raw.bytes);
    }
    if (has_owner)
        TRY(take_owner(reading, is_tlsa));
    bool is_told = has_owner && reading->owner_state == OWNER_NOT_UNDERSTOOD;
    return is_tlsa && !is_told ? take_record(reading, data) : OK;
}

/* dig says in a comment whether the resolver found the answer secure (RFC 4035 3.2.3): the flag ad. */
static void look_for_flags(struct reading *reading) {
    while (reading->ahead_line < reading->entry.line && !cursor_at_end(&reading->ahead)) {
        const uint8_t *line = reading->ahead.bytes + reading->ahead.position;
        const uint8_t *end = memchr(line, '\n', cursor_remaining(&reading->ahead));
        size_t size = end == NULL ? cursor_remaining(&reading->ahead) : (size_t) (end - line) + 1;
        if (size > sizeof flags_mark && memcmp(line, flags_mark, sizeof flags_mark - 1) == 0) {
            const uint8_t *flags_end = memchr(line + sizeof flags_mark, ';', size - sizeof flags_mark);
            size_t flags_size = flags_end == NULL ? size : (size_t) (flags_end - line) + 1;
            reading->has_flags = true;
            reading->is_secure = memmem(line, flags_size, " ad", 3) != NULL;
            reading->is_authority = memmem(line, flags_size, " aa", 3) != NULL;
        }
        (void) cursor_skip(&reading->ahead, size);
        reading->ahead_line++;
    }
}

result pin_tlsa_read(struct span bytes, struct arena *arena, struct pin_document *document, struct reason *reason) {
    struct pin_builder builder = pin_builder_of(arena, document);
    struct zone_reader zone = zone_reader_of(bytes);
    struct reading reading = {.builder = &builder, .ahead = cursor_of(bytes), .ahead_line = 1};
    if (bytes.size > 0 && memchr(bytes.bytes, '\0', bytes.size) != NULL)
        return reason_set(reason, &fault_pin_file, "the file holds NUL bytes, wanted a zone file or dig's output");
    reading.entry.words = arena_take_array(arena, ZONE_WORDS_MAX, sizeof *reading.entry.words);
    if (reading.entry.words == NULL)
        return &fault_no_memory;
    while (zone_entry_next(&zone, &reading.entry)) {
        look_for_flags(&reading);
        TRY(take_entry(&reading));
    }
    if (document->set_count == 0 && document->remark_count == 0)
        return reason_set(reason, &fault_pin_file, "line 1: no TLSA record is in the file, wanted _port._protocol.host TLSA usage selector type data");
    if (document->set_count > 0 && !reading.has_flags)
        TRY(pin_builder_remark(&builder, PIN_REMARK_NOTE, 0, "tlsa-secure", "the records are taken to be DNSSEC-secure: only then do they count (RFC 6698 4)"));
    return pin_builder_end(&builder);
}

bool pin_tlsa_is_likely(struct span bytes) {
    struct cursor text = cursor_of(bytes);
    size_t lines = 0;
    if (bytes.size > 0 && memchr(bytes.bytes, '\0', bytes.size) != NULL)
        return false;
    while (!cursor_at_end(&text) && lines++ < 100000) {
        const uint8_t *line = text.bytes + text.position;
        const uint8_t *end = memchr(line, '\n', cursor_remaining(&text));
        size_t size = end == NULL ? cursor_remaining(&text) : (size_t) (end - line) + 1;
        bool is_record = memmem(line, size, "TLSA ", 5) != NULL || memmem(line, size, "TLSA\t", 5) != NULL || memmem(line, size, "TYPE52 ", 7) != NULL;
        if (is_record && line[0] != '#' && line[0] != '/' && line[0] != '<' && memchr(line, '"', size) == NULL)
            return true;
        (void) cursor_skip(&text, size);
    }
    return false;
}

/* ── writing ── */

static void write_record(const struct pin_set *set, const struct pin *pin, unsigned usage, struct buffer *out) {
    static const unsigned types[] = {[PIN_SHA256] = 1, [PIN_SHA512] = 2, [PIN_SHA1] = 0, [PIN_FULL] = 0};
    buffer_printf(out, "_%u._%s.%s. IN TLSA %u %u %u ", set->port == 0 ? HTTPS_PORT : set->port, set->protocol[0] == '\0' ? "tcp" : set->protocol,
                  set->host, usage, pin->kind == PIN_CERTIFICATE ? 0 : 1, types[pin->algorithm]);
    uint8_t *hex = buffer_reserve(out, 2 * pin->value.size + 1);
    if (hex != NULL) {
        text_of_hex(pin->value, (char *) hex);
        buffer_grew(out, 2 * pin->value.size);
    }
    buffer_add_text(out, "\n");
}

/* What is no TLSA record is pinned beside the usual checks of a chain: usages 0 and 1 (RFC 6698 2.1.1). */
static void write_pin(const struct pin_set *owner, const struct pin_set *origin, const struct pin *pin, struct buffer *out) {
    if (origin->format == PIN_FORMAT_TLSA) {
        write_record(owner, pin, pin->tlsa_usage, out);
        return;
    }
    if (pin->position == PIN_LEAF || pin->position == PIN_ANY)
        write_record(owner, pin, PIN_TLSA_PKIX_EE, out);
    if (pin->position != PIN_LEAF)
        write_record(owner, pin, PIN_TLSA_PKIX_TA, out);
}

static bool makes_record_of(const struct pin_set *set, const struct pin *pin, bool is_record) {
    for (size_t i = 0; i < set->group_count; i++)
        for (size_t k = 0; k < set->groups[i].count; k++)
            if (pin_is_same(&set->groups[i].pins[k], pin) && (set->format == PIN_FORMAT_TLSA) == is_record && set->groups[i].pins[k].tlsa_usage == pin->tlsa_usage)
                return true;
    return false;
}

/* Does it make a record that an earlier one of the entry's sets makes? NULL: is its own. */
static bool is_repeated(const struct pin_export *entry, const struct pin_set *const *origin, const struct pin *pin) {
    if (origin == NULL)
        return false;
    bool is_record = (*origin)->format == PIN_FORMAT_TLSA, is_there = makes_record_of(entry->set, pin, is_record);
    for (const struct pin_set *const *other = entry->united; other != origin && !is_there; other++)
        is_there = makes_record_of(*other, pin, is_record);
    return is_there;
}

static void write_set(const struct pin_export *entry, const struct pin_set *const *origin, struct buffer *out) {
    const struct pin_set *set = origin == NULL ? entry->set : *origin;
    for (size_t i = 0; i < set->group_count; i++)
        for (size_t k = 0; k < set->groups[i].count; k++)
            if (!is_repeated(entry, origin, &set->groups[i].pins[k]))
                write_pin(entry->set, set, &set->groups[i].pins[k], out);
}

static unsigned digests_of(const struct pin_set *set) {
    unsigned digests = 0;
    for (size_t i = 0; i < set->group_count; i++)
        for (size_t k = 0; k < set->groups[i].count; k++)
            digests |= PIN_BIT(set->groups[i].pins[k].algorithm);
    return digests;
}

static result write_entry(const struct pin_export *entry, struct pin_builder *lost, struct buffer *out) {
    const unsigned both = PIN_BIT(PIN_SHA256) | PIN_BIT(PIN_SHA512);
    unsigned digests = digests_of(entry->set);
    bool is_told = entry->set->format == PIN_FORMAT_TLSA && entry->united[0] == NULL;
    write_set(entry, NULL, out);
    for (const struct pin_set *const *other = entry->united; *other != NULL; other++) {
        write_set(entry, other, out);
        digests |= digests_of(*other);
    }
    if (!is_told && (digests & both) == both)
        TRY(pin_builder_remark(lost, PIN_REMARK_WARNING, entry->set->line, "export-digests",
                               "%s: its pins of SHA-256 do not count beside those of SHA-512: clients go by the strongest digest alone (RFC 7671 9)", entry->set->host));
    if (entry->set->port != 0)
        return OK;
    return pin_builder_remark(lost, PIN_REMARK_WARNING, entry->set->line, "export-port", "%s: it holds for every port, here only for %d", entry->set->host, HTTPS_PORT);
}

/* Where some are not secure, as dig says it. */
static void write_flags(const struct pin_document *document, const struct pin_set *set, struct buffer *out) {
    bool all_are_secure = true;
    for (size_t i = 0; i < document->set_count; i++)
        all_are_secure = all_are_secure && document->sets[i].is_secure;
    if (!all_are_secure)
        buffer_printf(out, "%s qr%s;\n", flags_mark, set->is_secure ? " ad" : "");
}

result pin_tlsa_write(const struct pin_document *document, struct pin_builder *lost, struct buffer *out) {
    static const struct pin_abilities abilities = {
        .name = "a TLSA record", .names_hosts = true, .has_ports = true, .kinds = PIN_BIT(PIN_SPKI) | PIN_BIT(PIN_CERTIFICATE),
        .algorithms = PIN_BIT(PIN_SHA256) | PIN_BIT(PIN_SHA512) | PIN_BIT(PIN_FULL),
        .positions = PIN_BIT(PIN_ANY) | PIN_BIT(PIN_LEAF) | PIN_BIT(PIN_CA), .matches = PIN_BIT(PIN_HOST_EXACT),
    };
    struct pin_export *plan;
    TRY(pin_export_plan(document, &abilities, lost, &plan));
    for (size_t i = 0; i < document->set_count; i++) {
        if (plan[i].is_left_out)
            continue;
        write_flags(document, plan[i].set, out);
        TRY(write_entry(&plan[i], lost, out));
    }
    return buffer_check(out);
}
