#include <libpsl.h>
#include <strings.h>

#include "base/ascii.h"
#include "rules/caa_lint_work.h"

enum { WORD_MAX = 63 };

static unsigned least(unsigned a, unsigned b) {
    return a < b ? a : b;
}

/* Optimal string alignment, three rows. */
unsigned word_distance(const char *a, const char *b, unsigned limit) {
    unsigned rows[3][WORD_MAX + 1];
    size_t a_size = strlen(a), b_size = strlen(b);
    if (a_size > WORD_MAX || b_size > WORD_MAX || (a_size > b_size ? a_size - b_size : b_size - a_size) > limit)
        return limit + 1;
    for (unsigned k = 0; k <= b_size; k++)
        rows[0][k] = k;
    for (unsigned i = 1; i <= a_size; i++) {
        unsigned *row = rows[i % 3], *before = rows[(i + 2) % 3], *twice_before = rows[(i + 1) % 3];
        row[0] = i;
        for (unsigned k = 1; k <= b_size; k++) {
            row[k] = least(least(before[k], row[k - 1]) + 1, before[k - 1] + (a[i - 1] != b[k - 1]));
            if (i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1])
                row[k] = least(row[k], twice_before[k - 2] + 1);
        }
    }
    return least(rows[a_size % 3][b_size], limit + 1);
}

struct span word_trim(struct span text) {
    while (text.size > 0 && strchr(" \t\r\n", text.bytes[0]) != NULL && text.bytes[0] != '\0')
        text = span_of(text.bytes + 1, text.size - 1);
    while (text.size > 0 && strchr(" \t\r\n", text.bytes[text.size - 1]) != NULL && text.bytes[text.size - 1] != '\0')
        text.size--;
    return text;
}

static bool is_one_of(uint8_t byte, const char *allowed) {
    return byte != '\0' && strchr(allowed, byte) != NULL;
}

static bool is_atext(uint8_t byte) {
    return ascii_is_letter_or_digit(byte) || byte >= 0x80 || is_one_of(byte, "!#$%&'*+-/=?^_`{|}~");
}

/* Words with single dots between them. */
static bool is_dotted(struct span text, bool (*is_allowed)(uint8_t)) {
    bool was_dot = true;
    for (size_t i = 0; i < text.size; i++) {
        bool is_dot = text.bytes[i] == '.';
        if (is_dot ? was_dot : !is_allowed(text.bytes[i]))
            return false;
        was_dot = is_dot;
    }
    return !was_dot;
}

static bool is_host_byte(uint8_t byte) {
    return ascii_is_letter_or_digit(byte) || byte == '-' || byte >= 0x80;
}

bool word_is_email(struct span text) {
    const uint8_t *at = text.size == 0 ? NULL : memrchr(text.bytes, '@', text.size);
    if (at == NULL)
        return false;
    struct span local = span_of(text.bytes, (size_t) (at - text.bytes));
    struct span host = span_of(at + 1, text.size - local.size - 1);
    bool is_quoted = local.size > 2 && local.bytes[0] == '"' && local.bytes[local.size - 1] == '"';
    return (is_quoted || is_dotted(local, is_atext)) && is_dotted(host, is_host_byte);
}

bool word_is_uri(struct span text) {
    const uint8_t *colon = text.size == 0 ? NULL : memchr(text.bytes, ':', text.size);
    if (colon == NULL || colon == text.bytes || colon == text.bytes + text.size - 1 || is_one_of(text.bytes[0], "0123456789+-."))
        return false;
    for (const uint8_t *at = text.bytes; at < colon; at++)
        if (!ascii_is_letter_or_digit(*at) && !is_one_of(*at, "+-."))
            return false;
    for (const uint8_t *at = colon; at < text.bytes + text.size; at++)
        if (*at <= ' ' || *at >= 0x7f || is_one_of(*at, "\"<>\\^`{|}"))
            return false;
    return true;
}

static bool has_scheme(struct span text, const char *scheme, struct span *ret_rest) {
    size_t size = strlen(scheme);
    if (text.size < size || strncasecmp((const char *) text.bytes, scheme, size) != 0)
        return false;
    *ret_rest = span_of(text.bytes + size, text.size - size);
    return true;
}

bool word_is_report_url(struct span text) {
    struct span rest;
    if (!word_is_uri(text))
        return false;
    if (has_scheme(text, "mailto:", &rest)) {
        if (has_scheme(rest, "//", &rest)) /* RFC 6068 has none, though '/' may stand in an address */
            return false;
        const uint8_t *query = memchr(rest.bytes, '?', rest.size);
        return word_is_email(span_of(rest.bytes, query == NULL ? rest.size : (size_t) (query - rest.bytes)));
    }
    return (has_scheme(text, "https://", &rest) || has_scheme(text, "http://", &rest)) && rest.size > 0 &&
           (ascii_is_letter_or_digit(rest.bytes[0]) || rest.bytes[0] == '[');
}

bool word_is_phone(struct span text) {
    size_t digits = 0;
    if (text.size < 2 || text.bytes[0] != '+')
        return false;
    for (size_t i = 1; i < text.size && text.bytes[i] != ';'; i++) {
        bool is_digit = text.bytes[i] >= '0' && text.bytes[i] <= '9';
        if (!is_digit && !is_one_of(text.bytes[i], " -.()"))
            return false;
        digits += is_digit;
    }
    return digits > 0;
}

/* ---- which CA was meant */

/* Short domains lie close together: more differences only in long ones. */
static unsigned differences_allowed(const char *domain) {
    size_t size = strlen(domain);
    return size <= 10 ? 1 : size <= 12 ? 2 : 3;
}

static bool is_below(const char *name, const char *domain) {
    size_t name_size = strlen(name), domain_size = strlen(domain);
    return name_size > domain_size && name[name_size - domain_size - 1] == '.' && strcmp(name + name_size - domain_size, domain) == 0;
}

/* The label that somebody registered: "letsencrypt" of "www.letsencrypt.com"; empty when there is none. */
static struct span registered_label(const char *domain) {
    const char *registered = psl_registrable_domain(psl_builtin(), domain);
    const char *dot = registered == NULL ? NULL : strchr(registered, '.');
    return dot == NULL ? span_of("", 0) : span_of(registered, (size_t) (dot - registered));
}

/* "Let's Encrypt" is letsencrypt. */
static bool is_name_of(struct span label, const char *owner) {
    size_t at = 0;
    for (; *owner != '\0'; owner++) {
        if (!ascii_is_letter_or_digit((uint8_t) *owner))
            continue;
        if (at == label.size || (label.bytes[at] | 0x20) != (*owner | 0x20))
            return false;
        at++;
    }
    return at > 0 && at == label.size;
}

/* Names of a CA that no count of differences leads to: where it serves its revocation lists, who sells for it, whose it is. */
static const struct {
    const char *written, *meant;
} nicknames[] = {{"lencr.org", "letsencrypt.org"}, {"zerossl.com", "sectigo.com"}, {"google.com", "pki.goog"}};
#define NICKNAMES (sizeof nicknames / sizeof nicknames[0])

enum { NOT_NEAR = 100, BELOW = 1, SAME_LABEL = 2, SAME_NAME = 3, MISSPELT = 4 };

static unsigned farness(const char *domain, struct span label, const char *known, const char *owner) {
    unsigned limit = differences_allowed(known), distance;
    if (is_below(domain, known))
        return BELOW;
    if (label.size > 2 && span_equal(label, registered_label(known)))
        return SAME_LABEL;
    if (is_name_of(label, owner))
        return SAME_NAME;
    distance = word_distance(domain, known, limit);
    return distance <= limit ? MISSPELT + distance : NOT_NEAR;
}

static void nearest_of(const struct ca_owner *owner, const char *domain, struct span label, unsigned *best, const char **ret_nearest) {
    for (size_t i = 0; owner->caa_domains[i] != NULL; i++) {
        unsigned distance = farness(domain, label, owner->caa_domains[i], owner->name);
        if (distance < *best) {
            *best = distance;
            *ret_nearest = owner->caa_domains[i];
        }
    }
}

const char *word_nearest_domain(const char *domain, const struct ca_owner *const *owners, size_t owner_count) {
    struct span label = registered_label(domain);
    unsigned best = NOT_NEAR;
    const char *nearest = NULL;
    for (size_t i = 0; i < NICKNAMES; i++)
        if (strcmp(domain, nicknames[i].written) == 0)
            return nicknames[i].meant;
    for (size_t i = 0; i < owner_count; i++)
        nearest_of(owners[i], domain, label, &best, &nearest);
    return nearest;
}
