#include "channels/mime.h"

#include <stdio.h>
#include <time.h>

#include "base/text.h"

#define WORD_BYTES 45 /* makes 60 of base64; with the frame an encoded word stays under 75 (RFC 2047 2) */
#define LINE_BYTES 57 /* makes 76 of base64 (RFC 2045 6.8) */
#define WORD_OPEN  "=?UTF-8?B?"
#define WORD_CLOSE "?="

bool mail_address_is_plain(const char *address) {
    const char *at = strchr(address, '@');
    size_t size = strlen(address);
    if (at == NULL || at == address || at[1] == '\0' || at - address > 64 || size > MAIL_ADDRESS_MAX || strchr(at + 1, '@') != NULL)
        return false;
    for (size_t i = 0; i < size; i++)
        if (address[i] <= ' ' || address[i] > '~' || strchr("()<>[]:;\\,\"", address[i]) != NULL)
            return false;
    return true;
}

static bool needs_words(const char *value) {
    return !text_is_printable(span_of_text(value)) || strstr(value, "=?") != NULL || strlen(value) > 600;
}

static void add_base64(struct buffer *message, struct span bytes) {
    char encoded[(LINE_BYTES + 2) / 3 * 4 + 1];
    text_of_base64(bytes, encoded);
    buffer_add_text(message, encoded);
}

static void add_words(struct buffer *message, const char *value) {
    size_t size = strlen(value);
    for (size_t at = 0; at < size;) {
        size_t end = size - at > WORD_BYTES ? at + WORD_BYTES : size;
        while (end < size && end > at + WORD_BYTES - 4 && ((uint8_t) value[end] & 0xc0) == 0x80)
            end--;
        buffer_add_text(message, at == 0 ? WORD_OPEN : "\r\n " WORD_OPEN);
        add_base64(message, span_of(value + at, end - at));
        buffer_add_text(message, WORD_CLOSE);
        at = end;
    }
}

bool mail_add_header(struct buffer *message, const char *name, const char *value) {
    buffer_printf(message, "%s: ", name);
    if (needs_words(value))
        add_words(message, value);
    else
        buffer_add_text(message, value);
    return buffer_add_text(message, "\r\n");
}

static void add_date(struct buffer *message, int64_t unix_ms) {
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t) (unix_ms / 1000);
    struct tm date;
    if (gmtime_r(&seconds, &date) == NULL)
        return;
    buffer_printf(message, "Date: %s, %02d %s %04d %02d:%02d:%02d +0000\r\n", days[date.tm_wday], date.tm_mday,
                  months[date.tm_mon], date.tm_year + 1900, date.tm_hour, date.tm_min, date.tm_sec);
}

static void add_from(struct buffer *message, const struct mail *mail) {
    if (mail->from_name[0] == '\0') {
        buffer_printf(message, "From: %s\r\n", mail->from);
        return;
    }
    buffer_add_text(message, "From: ");
    add_words(message, mail->from_name);
    buffer_printf(message, "\r\n <%s>\r\n", mail->from);
}

static void add_to(struct buffer *message, const struct mail *mail) {
    for (size_t i = 0; mail->to[i] != NULL; i++)
        buffer_printf(message, "%s%s", i == 0 ? "To: " : ",\r\n ", mail->to[i]);
    buffer_add_text(message, "\r\n");
}

/* All mails about one finding refer to an id that no mail has: clients then show them as one thread (RFC 5256 2.2). */
static void add_ids(struct buffer *message, const struct mail *mail) {
    const char *domain = strchr(mail->from, '@') + 1;
    buffer_printf(message, "Message-ID: <%s@%s>\r\n", mail->idempotency_key, domain);
    if (mail->finding_id > 0)
        for (int i = 0; i < 2; i++)
            buffer_printf(message, "%s: <pinwatch-finding.%lld.%lld@%s>\r\n", i == 0 ? "In-Reply-To" : "References",
                          (long long) mail->tenant_id, (long long) mail->finding_id, domain);
}

static void add_part(struct buffer *message, const char *type, const char *boundary, const char *body) {
    size_t size = strlen(body);
    buffer_printf(message, "--%s\r\nContent-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n", boundary,
                  type);
    for (size_t at = 0; at < size; at += LINE_BYTES) {
        add_base64(message, span_of(body + at, size - at > LINE_BYTES ? LINE_BYTES : size - at));
        buffer_add_text(message, "\r\n");
    }
}

result mail_write(const struct mail *mail, struct buffer *message) {
    char boundary[70]; /* "=_" cannot occur in base64 (RFC 2045 6.7) */
    snprintf(boundary, sizeof boundary, "=_pinwatch_%s", mail->idempotency_key);
    add_date(message, mail->created_ms);
    add_from(message, mail);
    add_to(message, mail);
    mail_add_header(message, "Subject", mail->subject);
    add_ids(message, mail);
    buffer_add_text(message, "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n");
    buffer_printf(message, "Content-Type: multipart/alternative;\r\n boundary=\"%s\"\r\n\r\n", boundary);
    add_part(message, "text/plain", boundary, mail->text);
    add_part(message, "text/html", boundary, mail->html);
    buffer_printf(message, "--%s--\r\n", boundary);
    return buffer_check(message);
}
