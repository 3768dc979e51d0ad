/* Tags, flags, and the values that name no CA. */
#include "rules/caa_lint_work.h"

enum { TAG_SIZE_OLD = 15 };

static const char *const tags[] = {"issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"};
#define TAGS (sizeof tags / sizeof tags[0])

/* What people write and what no count of differences brings together. */
static const struct {
    const char *written, *meant;
} nicknames[] = {{"wild", "issuewild"}, {"wildcard", "issuewild"}, {"issuewildcard", "issuewild"}, {"wildissue", "issuewild"},
                 {"issuer", "issue"},   {"issues", "issue"},       {"email", "contactemail"},      {"phone", "contactphone"}};
#define NICKNAMES (sizeof nicknames / sizeof nicknames[0])

static const char *nearest_tag(const char *tag) {
    const char *nearest = NULL;
    unsigned best = strlen(tag) < 5 ? 2 : 3; /* fewer differences than this */
    for (size_t i = 0; i < NICKNAMES; i++)
        if (strcmp(tag, nicknames[i].written) == 0)
            return nicknames[i].meant;
    for (size_t i = 0; i < TAGS; i++) {
        unsigned distance = word_distance(tag, tags[i], best - 1);
        if (distance < best) {
            best = distance;
            nearest = tags[i];
        }
    }
    return nearest;
}

static const char *corrected(struct lint_work *work, size_t number, unsigned flags, const char *tag) {
    return lint_record(work, flags, tag, work->records[number].value);
}

static void check_unknown_tag(struct lint_work *work, size_t number, const char *tag) {
    const struct caa_record *record = &work->records[number];
    const char *meant = nearest_tag(tag);
    if (caa_is_critical(record))
        lint_say(work, LINT_CRITICAL_UNKNOWN, number, corrected(work, number, meant == NULL ? 0 : record->flags, meant == NULL ? tag : meant),
                 "this tag is defined nowhere, and the critical flag forbids every CA that does not know it to issue, so nobody may (RFC 8659 4.1); %s%s",
                 meant == NULL ? "set the flags to 0, or remove the record" : "perhaps you meant ", meant == NULL ? "" : meant);
    else if (meant != NULL)
        lint_say(work, LINT_TAG_MISSPELT, number, corrected(work, number, record->flags, meant),
                 "CAs do not know this tag and pass over the record; perhaps you meant %s", meant);
    else
        lint_say(work, LINT_TAG_UNKNOWN, number, "", "CAs do not know this tag and pass over the record; remove it unless some other program reads it");
    if (record->tag.size > TAG_SIZE_OLD)
        lint_say(work, LINT_TAG_TOO_LONG, number, "",
                 "the tag has more than 15 characters, which RFC 6844 did not allow: name servers and tools made for it may refuse the record; shorten it");
}

static bool has_upper_case(struct span text) {
    for (size_t i = 0; i < text.size; i++)
        if (text.bytes[i] >= 'A' && text.bytes[i] <= 'Z')
            return true;
    return false;
}

/* A critical record of a kind that some CA software in use does not know. */
static void check_critical(struct lint_work *work, size_t number, const char *tag) {
    if (strcmp(tag, "contactemail") == 0 || strcmp(tag, "contactphone") == 0)
        lint_say(work, LINT_CRITICAL_FOR_SOME, number, corrected(work, number, 0, tag),
                 "the software of Let's Encrypt (boulder) does not know this tag and refuses to issue at all because of the critical flag; set the flags to 0 unless you want that");
    if (strcmp(tag, "issuevmc") == 0)
        lint_say(work, LINT_CRITICAL_FOR_SOME, number, corrected(work, number, 0, tag),
                 "CAs that check CAA with open-mpic do not know this tag and refuse to issue at all because of the critical flag; set the flags to 0 unless you want that");
}

static void check_flags(struct lint_work *work, size_t number, const char *tag, bool is_known) {
    const struct caa_record *record = &work->records[number];
    bool is_for_all = work->values[number].kind <= LINT_ISSUEWILD || strcmp(tag, "iodef") == 0; /* every CA must know it */
    unsigned wanted = is_for_all ? CAA_FLAG_CRITICAL : record->flags & CAA_FLAG_CRITICAL;
    if ((record->flags & ~CAA_FLAG_CRITICAL) == 0)
        return;
    if (!is_known && !caa_is_critical(record) && (record->flags & 1) != 0)
        lint_say(work, LINT_CRITICAL_FOR_SOME, number, corrected(work, number, 0, tag),
                 "the software of Let's Encrypt (boulder) takes 1 for the critical flag as well, and so refuses to issue because of this record; set the flags to 0");
    else
        lint_say(work, LINT_FLAG_RESERVED, number, corrected(work, number, wanted, tag),
                 "the critical flag is 128; the other bits of %u mean nothing (RFC 8659 4.1); write 128 or 0", record->flags);
}

void lint_tag_and_flags(struct lint_work *work, size_t number) {
    const struct caa_record *record = &work->records[number];
    bool is_known = caa_tag_is_known(record->tag);
    const char *tag = lint_lower(work, record->tag);
    if (tag == NULL)
        return;
    if (!is_known)
        check_unknown_tag(work, number, tag);
    else if (has_upper_case(record->tag))
        lint_say(work, LINT_TAG_UPPER_CASE, number, corrected(work, number, record->flags, tag),
                 "tags are compared without case, but are to be written in lower case (RFC 8659 4.1.1)");
    if (is_known && caa_is_critical(record))
        check_critical(work, number, tag);
    check_flags(work, number, tag, is_known);
}

/* ---- iodef, contactemail, contactphone */

static bool holds(struct span text, char wanted) {
    return text.size > 0 && memchr(text.bytes, wanted, text.size) != NULL;
}

static bool starts_with(struct span text, const char *start) {
    return text.size >= strlen(start) && memcmp(text.bytes, start, strlen(start)) == 0;
}

static struct span without(struct span text, const char *start) {
    return starts_with(text, start) ? word_trim(span_of(text.bytes + strlen(start), text.size - strlen(start))) : text;
}

/* The record with `before` and `rest` as value, if that is right then; else "". */
static const char *if_right(struct lint_work *work, size_t number, const char *before, struct span rest, bool (*is_right)(struct span)) {
    CLEANUP(buffer_done) struct buffer value = buffer_with_limit(strlen(before) + rest.size + 1);
    buffer_add_text(&value, before);
    buffer_add(&value, rest);
    if (buffer_check(&value) != OK)
        return NULL;
    return is_right(buffer_span(&value)) ? lint_record_with(work, number, buffer_span(&value)) : "";
}

static void check_iodef(struct lint_work *work, size_t number) {
    struct span value = work->records[number].value;
    if (word_is_report_url(value))
        return;
    struct span rest = without(without(word_trim(value), "mailto:"), "//");
    bool is_web = !word_is_email(rest) && holds(rest, '/') && !holds(rest, ':');
    lint_say(work, LINT_IODEF_NOT_URL, number,
             if_right(work, number, is_web ? "https://" : "mailto:", rest, word_is_report_url),
             "CAs cannot send reports there: iodef wants a URL, mailto:address or https://… (RFC 8659 4.4)");
}

static void check_contactemail(struct lint_work *work, size_t number) {
    struct span value = work->records[number].value;
    struct span rest = without(without(word_trim(value), "mailto:"), "//");
    if (!word_is_email(value))
        lint_say(work, LINT_CONTACTEMAIL_INVALID, number, if_right(work, number, "", rest, word_is_email),
                 "CAs may not use it: the whole value must be one e-mail address, nothing before or behind it (Baseline Requirements A.1.1)");
}

static void check_contactphone(struct lint_work *work, size_t number) {
    struct span value = work->records[number].value;
    struct span rest = without(word_trim(value), "tel:");
    bool is_dialled = starts_with(rest, "00");
    if (!word_is_phone(value))
        lint_say(work, LINT_CONTACTPHONE_INVALID, number,
                 if_right(work, number, is_dialled ? "+" : "", is_dialled ? without(rest, "00") : rest, word_is_phone),
                 "CAs may not use it: the whole value must be a number with + and country code, such as +1 555 123 4567 (Baseline Requirements A.1.2)");
}

static void check_any(struct lint_work *work, size_t number) {
    struct span value = work->records[number].value;
    for (size_t i = 0; i < value.size; i++)
        if (value.bytes[i] < ' ' || value.bytes[i] > '~') {
            lint_say(work, LINT_VALUE_NOT_ASCII, number, "", "byte %zu of the value is no printable ASCII character; programs differ in how they read it", i + 1);
            return;
        }
}

void lint_plain_value(struct lint_work *work, size_t number) {
    static const struct {
        const char *tag;
        void (*check)(struct lint_work *work, size_t number);
    } checks[] = {{"iodef", check_iodef}, {"contactemail", check_contactemail}, {"contactphone", check_contactphone}};
    for (size_t i = 0; i < sizeof checks / sizeof checks[0]; i++)
        if (caa_tag_is(&work->records[number], checks[i].tag)) {
            checks[i].check(work, number);
            return;
        }
    check_any(work, number);
}
