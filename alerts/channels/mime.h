/* One alert as an e-mail (RFC 5322, RFC 2045 to 2047). Pure. */
#pragma once

#include "base/buffer.h"

#define MAIL_SIZE_MAX    (8u << 20)
#define MAIL_ADDRESS_MAX 254

struct mail {
    const char *from;      /* checked address */
    const char *from_name; /* may be "" ; any UTF-8 */
    const char *const *to; /* checked addresses, NULL-terminated */
    const char *subject;   /* one line of UTF-8 */
    const char *text;
    const char *html;
    const char *idempotency_key; /* makes the Message-ID, so that a repeated mail is the same mail */
    int64_t tenant_id;
    int64_t finding_id;   /* 0: starts no thread */
    int64_t created_ms;   /* for Date: the same at every attempt */
};

/* True for an address that can stand in SMTP and in a header without quoting: printable ASCII, one '@', no other specials. */
bool mail_address_is_plain(const char *address);
/* Appends the whole message with CRLF line ends and no line over 998 bytes. */
MUST_CHECK result mail_write(const struct mail *mail, struct buffer *message);
/* Appends "Name: value" CRLF; what is not plain ASCII becomes encoded words (RFC 2047) in folded lines of at most 76 bytes. */
bool mail_add_header(struct buffer *message, const char *name, const char *value);
