#include "formats/name_fields.h"

#include <arpa/inet.h>

#include "base/utf8.h"
#include "formats/distinguished_name.h"

enum { IPV4_SIZE = 4, IPV6_SIZE = 16, COMMON_NAME_MAX = 4096 };

static void note(struct name_reader *reader, enum certificate_oddity oddity) {
    reader->budget.oddities |= ODDITY_BIT(oddity);
}

static void emit(struct name_reader *reader, const struct name_reading *reading) {
    reader->reading_count++;
    if (reading->origin == NAME_FROM_SAN)
        reader->san_reading_count++;
    reader->visit(reader->context, reading);
}

static void emit_dns(struct name_reader *reader, struct span host, enum name_origin origin) {
    emit(reader, &(struct name_reading){.type = NAME_DNS, .origin = origin, .text = host, .host = host});
}

static void emit_address(struct name_reader *reader, struct span address, enum name_origin origin) {
    char text[INET6_ADDRSTRLEN];
    int family = address.size == IPV4_SIZE ? AF_INET : AF_INET6;
    if (inet_ntop(family, address.bytes, text, sizeof text) != NULL)
        emit(reader, &(struct name_reading){
                         .type = NAME_IP, .origin = origin, .text = span_of_text(text), .address = address});
}

/* An IP address in text, IPv6 with or without brackets. Returns its size, 0 for none. */
static size_t address_of_text(struct span text, uint8_t ret_address[IPV6_SIZE]) {
    char copy[INET6_ADDRSTRLEN + 1];
    if (text.size >= 2 && text.bytes[0] == '[' && text.bytes[text.size - 1] == ']')
        text = span_of(text.bytes + 1, text.size - 2);
    if (text.size == 0 || text.size >= sizeof copy || memchr(text.bytes, 0, text.size) != NULL)
        return 0;
    memcpy(copy, text.bytes, text.size);
    copy[text.size] = '\0';
    if (inet_pton(AF_INET, copy, ret_address) == 1)
        return IPV4_SIZE;
    return inet_pton(AF_INET6, copy, ret_address) == 1 ? IPV6_SIZE : 0;
}

static bool is_separator(uint8_t symbol) {
    return symbol == ' ' || (symbol >= '\t' && symbol <= '\r') || symbol == ',' || symbol == ';';
}

/* Cuts the next piece off `rest`, up to a NUL. */
static bool next_piece(struct span *rest, struct span *ret_piece) {
    if (rest->bytes == NULL)
        return false;
    const uint8_t *end = rest->size == 0 ? NULL : memchr(rest->bytes, 0, rest->size);
    size_t size = end == NULL ? rest->size : (size_t) (end - rest->bytes);
    *ret_piece = span_of(rest->bytes, size);
    *rest = end == NULL ? span_of(NULL, 0) : span_of(end + 1, rest->size - size - 1);
    return true;
}

/* Cuts the next item of a list off `rest`: between white space, commas and semicolons. */
static bool next_item(struct span *rest, struct span *ret_item) {
    size_t begin = 0;
    while (begin < rest->size && is_separator(rest->bytes[begin]))
        begin++;
    size_t end = begin;
    while (end < rest->size && !is_separator(rest->bytes[end]))
        end++;
    *ret_item = span_of(rest->bytes + begin, end - begin);
    *rest = span_of(rest->bytes + end, rest->size - end);
    return end > begin;
}

static struct span up_to(struct span text, const char *stops) {
    size_t size = 0;
    while (size < text.size && (text.bytes[size] == 0 || strchr(stops, text.bytes[size]) == NULL))
        size++;
    return span_of(text.bytes, size);
}

static struct span behind(struct span text, size_t count) {
    return span_of(text.bytes + count, text.size - count);
}

/* Offset behind the last `symbol`; 0 when there is none. */
static size_t behind_last(struct span text, uint8_t symbol) {
    const uint8_t *last = text.size == 0 ? NULL : memrchr(text.bytes, symbol, text.size);
    return last == NULL ? 0 : (size_t) (last - text.bytes) + 1;
}

static struct span without_port(struct span host) {
    size_t digits = behind_last(host, ':');
    for (size_t i = digits; i < host.size; i++)
        if (host.bytes[i] < '0' || host.bytes[i] > '9')
            return host;
    return digits == 0 ? host : span_of(host.bytes, digits - 1);
}

/* The host in "scheme://user@host:port/path", of which everything but the host may be missing. */
static struct span host_of_url(struct span text) {
    const uint8_t *scheme = text.size == 0 ? NULL : memmem(text.bytes, text.size, "://", 3);
    if (scheme != NULL)
        text = behind(text, (size_t) (scheme - text.bytes) + 3);
    struct span host = up_to(text, scheme != NULL ? "/\\?#" : "/\\#");
    host = behind(host, behind_last(host, '@'));
    uint8_t address[IPV6_SIZE];
    return address_of_text(host, address) == IPV6_SIZE ? host : without_port(host);
}

typedef void host_reader(struct name_reader *reader, struct span host, const void *context);

static void pass_on(struct name_reader *reader, const struct host_text *host, host_reader *read, const void *context) {
    if (host->unreadable_count > 0)
        note(reader, ODDITY_NAME_LABEL);
    read(reader, span_of(host->text, host->size), context);
}

/* As UTF-8 and as Latin-1. Where one of them can read more labels, the other is no reading of anybody: its "?" would
 * match every name around. */
static void read_both_charsets(struct name_reader *reader, struct span host, host_reader *read, const void *context) {
    struct host_text utf8 = {.size = 0}, latin1;
    bool is_utf8 = utf8_is_valid(host);
    note(reader, ODDITY_NAME_NOT_ASCII);
    host_normalise(host, CHARSET_LATIN1, &reader->budget, &latin1);
    if (is_utf8) {
        host_normalise(host, CHARSET_UTF8, &reader->budget, &utf8);
        if (utf8.unreadable_count <= latin1.unreadable_count)
            pass_on(reader, &utf8, read, context);
        if (utf8.unreadable_count < latin1.unreadable_count ||
            span_equal(span_of(utf8.text, utf8.size), span_of(latin1.text, latin1.size)))
            return;
    }
    pass_on(reader, &latin1, read, context);
}

/* Calls `read` for every way to read the bytes of a trimmed, non-empty host name. */
static void read_host(struct name_reader *reader, struct span host, host_reader *read, const void *context) {
    struct host_text text;
    if (host_is_plain(host)) {
        read(reader, host, context);
    } else if (span_is_ascii(host)) {
        host_normalise(host, CHARSET_UTF8, &reader->budget, &text);
        pass_on(reader, &text, read, context);
    } else {
        read_both_charsets(reader, host, read, context);
    }
}

static void read_dns_host(struct name_reader *reader, struct span host, const void *context) {
    emit_dns(reader, host, *(const enum name_origin *) context);
}

/* One host name, perhaps dressed up as a URL or an address. */
static void read_dns_item(struct name_reader *reader, struct span item, enum name_origin origin) {
    uint8_t address[IPV6_SIZE];
    struct span url_host = host_of_url(item);
    if (url_host.size != item.size)
        note(reader, ODDITY_NAME_IS_URL);
    struct span host = host_trim(url_host, &reader->budget);
    if (host.size == 0) {
        note(reader, ODDITY_NAME_EMPTY);
        return;
    }
    size_t address_size = address_of_text(host, address);
    if (address_size > 0) {
        if (origin == NAME_FROM_SAN)
            note(reader, ODDITY_ADDRESS_AS_NAME);
        emit_address(reader, span_of(address, address_size), origin);
        if (origin == NAME_FROM_CN || address_size == IPV6_SIZE)
            return;
    }
    read_host(reader, host, read_dns_host, &origin);
}

static bool has_inner_dot(struct span item) {
    return item.size > 2 && memchr(item.bytes + 1, '.', item.size - 2) != NULL;
}

/* The items of a list that look like host names; returns how many. */
static size_t read_list_items(struct name_reader *reader, struct span list, enum name_origin origin) {
    struct span item;
    size_t count = 0;
    while (next_item(&list, &item)) {
        if (memchr(item.bytes, '@', item.size) != NULL && origin == NAME_FROM_CN)
            name_read_email(reader, item, origin);
        else if (has_inner_dot(item) || memchr(item.bytes, ':', item.size) != NULL)
            read_dns_item(reader, item, origin);
        else
            continue;
        count++;
    }
    return count;
}

static bool is_list(struct span text) {
    struct span item, rest = text;
    return next_item(&rest, &item) && next_item(&rest, &item);
}

/* A plain name that might be a dotted quad ends in a digit. */
static bool ends_like_address(struct span name) {
    uint8_t last = name.bytes[name.size - 1];
    return last >= '0' && last <= '9';
}

void name_read_dns(struct name_reader *reader, struct span field) {
    struct span piece, rest = field;
    if (host_is_plain(field) && !ends_like_address(field)) {
        emit_dns(reader, field, NAME_FROM_SAN);
        return;
    }
    while (next_piece(&rest, &piece)) {
        if (piece.size != field.size)
            note(reader, ODDITY_NAME_NUL);
        read_dns_item(reader, piece, NAME_FROM_SAN);
        if (is_list(piece) && read_list_items(reader, piece, NAME_FROM_SAN) > 1)
            note(reader, ODDITY_NAME_LIST);
    }
}

/* A single word without a dot is a host name only when it could be one. */
static bool is_single_label(struct span item) {
    struct name_budget ignored = {0};
    struct host_text host;
    if (!span_is_ascii(item) || item.size > 63)
        return false;
    host_normalise(item, CHARSET_UTF8, &ignored, &host);
    return host.unreadable_count == 0;
}

/* Common names are often words for people: only what looks like a name in the net is read as one. */
static void read_common_name_piece(struct name_reader *reader, struct span piece) {
    struct span item, rest = piece;
    if (host_is_plain(piece) && !ends_like_address(piece)) {
        emit_dns(reader, piece, NAME_FROM_CN);
        return;
    }
    size_t count = read_list_items(reader, piece, NAME_FROM_CN);
    if (count > 1)
        note(reader, ODDITY_NAME_LIST);
    if (count == 0 && !is_list(piece) && next_item(&rest, &item) && is_single_label(item))
        read_dns_item(reader, item, NAME_FROM_CN);
}

static void read_common_name_bytes(struct name_reader *reader, struct span bytes) {
    struct span piece, rest = bytes;
    while (next_piece(&rest, &piece)) {
        if (piece.size != bytes.size)
            note(reader, ODDITY_NAME_NUL);
        read_common_name_piece(reader, piece);
    }
}

void name_read_common_name(struct name_reader *reader, uint8_t tag, struct span content) {
    bool is_wide = tag == DER_BMP_STRING || tag == DER_UNIVERSAL_STRING;
    if (content.size == 0)
        return;
    if (is_wide && content.size <= COMMON_NAME_MAX) {
        struct buffer text = buffer_with_limit(4 * COMMON_NAME_MAX);
        if (asn1_string_to_utf8(tag, content, &text))
            read_common_name_bytes(reader, buffer_span(&text));
        buffer_done(&text);
    }
    /* some writers put plain bytes under a wide tag, and some readers believe them */
    if (!is_wide || (span_is_ascii(content) && memchr(content.bytes, 0, content.size) == NULL))
        read_common_name_bytes(reader, content);
}

void name_read_address(struct name_reader *reader, struct span field) {
    uint8_t address[IPV6_SIZE];
    if (field.size == IPV4_SIZE || field.size == IPV6_SIZE) {
        emit_address(reader, field, NAME_FROM_SAN);
        return;
    }
    note(reader, ODDITY_ADDRESS_SIZE);
    size_t size = address_of_text(field, address);
    if (size > 0)
        emit_address(reader, span_of(address, size), NAME_FROM_SAN);
    else if (field.size == 2 * IPV4_SIZE || field.size == 2 * IPV6_SIZE) /* address and mask, RFC 5280 4.2.1.10 */
        emit_address(reader, span_of(field.bytes, field.size / 2), NAME_FROM_SAN);
}

/* Text around a host: what stands before and behind it. */
struct frame {
    struct span before, after;
    enum name_type type;
    enum name_origin origin;
    struct span address;
};

static void add_harmless(struct host_text *text, struct span bytes) {
    for (size_t i = 0; i < bytes.size && text->size < sizeof text->text; i++) {
        bool is_printable = bytes.bytes[i] >= ' ' && bytes.bytes[i] <= '~';
        text->text[text->size++] = is_printable ? (char) bytes.bytes[i] : '?';
    }
}

static void read_framed_host(struct name_reader *reader, struct span host, const void *context) {
    const struct frame *frame = context;
    struct host_text text = {.size = 0};
    add_harmless(&text, frame->before);
    add_harmless(&text, host);
    add_harmless(&text, frame->after);
    emit(reader, &(struct name_reading){.type = frame->type, .origin = frame->origin, .host = host,
                                        .text = span_of(text.text, text.size), .address = frame->address});
}

static void read_email_item(struct name_reader *reader, struct span item, enum name_origin origin) {
    size_t at = behind_last(item, '@');
    struct span domain = host_trim(behind(item, at), &reader->budget);
    struct frame frame = {.before = span_of(item.bytes, at), .type = NAME_EMAIL, .origin = origin};
    if (domain.size == 0)
        note(reader, ODDITY_NAME_EMPTY);
    else
        read_host(reader, domain, read_framed_host, &frame);
}

void name_read_email(struct name_reader *reader, struct span field, enum name_origin origin) {
    struct span piece, item, rest = field;
    while (next_piece(&rest, &piece)) {
        if (piece.size != field.size)
            note(reader, ODDITY_NAME_NUL);
        while (next_item(&piece, &item))
            read_email_item(reader, item, origin);
    }
}

static void read_uri_piece(struct name_reader *reader, struct span uri) {
    uint8_t address[IPV6_SIZE];
    struct frame frame = {.type = NAME_URI, .origin = NAME_FROM_SAN, .before = uri};
    bool has_authority = uri.size > 0 && memmem(uri.bytes, uri.size, "://", 3) != NULL;
    if (!has_authority && (uri.size == 0 || memchr(uri.bytes, ':', uri.size) != NULL)) {
        read_framed_host(reader, span_of(NULL, 0), &frame);
        return;
    }
    struct span raw = host_of_url(uri);
    struct span host = host_trim(raw, &reader->budget);
    size_t begin = (size_t) (raw.bytes - uri.bytes);
    size_t address_size = address_of_text(host, address);
    if (host.size == 0 || address_size > 0) {
        frame.address = span_of(address, address_size);
        read_framed_host(reader, span_of(NULL, 0), &frame);
        return;
    }
    frame.before = span_of(uri.bytes, begin);
    frame.after = behind(uri, begin + raw.size);
    read_host(reader, host, read_framed_host, &frame);
}

void name_read_uri(struct name_reader *reader, struct span field) {
    struct span piece, rest = field;
    while (next_piece(&rest, &piece)) {
        if (piece.size != field.size)
            note(reader, ODDITY_NAME_NUL);
        read_uri_piece(reader, piece);
    }
}
