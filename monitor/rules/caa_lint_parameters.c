/* Parameters behind a CA's domain: RFC 8657, and those that a CA defines for itself. */
#include "rules/caa_lint_work.h"

enum { METHOD_SIZE_MAX = 40 };

/* The IANA registry "ACME Validation Methods", and two of drafts that CAs already offer. */
static const char *const methods[] = {"http-01",        "dns-01",     "tls-alpn-01", "dns-account-01", "dns-persist-01",
                                      "email-reply-00", "tkauth-01", "onion-csr-01", "bp-nodeid-00"};
#define METHODS (sizeof methods / sizeof methods[0])

/* CA domain and the parameters that its CA is known to act upon (letsencrypt.org: boulder's source). */
static const struct {
    const char *domain, *parameter; /* domain "": any CA */
} known_parameters[] = {
    {"letsencrypt.org", "accounturi"}, {"letsencrypt.org", "validationmethods"}, {"digicert.com", "account"}, {"", "cansignhttpexchanges"}};
#define KNOWN_PARAMETERS (sizeof known_parameters / sizeof known_parameters[0])

struct check {
    struct lint_work *work;
    size_t record;
    const struct caa_issuer_value *value;
    const char *domain; /* lower case */
    size_t account_count, method_count;
};

static bool is_text(struct span text, const char *wanted) {
    return span_equal(text, span_of_text(wanted));
}

static bool is_of_rfc_8657(struct span tag) {
    return is_text(tag, "accounturi") || is_text(tag, "validationmethods");
}

static bool is_known_to_ca(const struct check *check, struct span tag) {
    for (size_t i = 0; i < KNOWN_PARAMETERS; i++)
        if (is_text(tag, known_parameters[i].parameter) &&
            (known_parameters[i].domain[0] == '\0' || strcmp(check->domain, known_parameters[i].domain) == 0))
            return true;
    return false;
}

/* The record with parameter `number` written anew, or left out (tag NULL). */
static const char *with_parameter(const struct check *check, size_t number, const char *tag, struct span new_value) {
    const struct caa_issuer_value *value = check->value;
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(2 * check->work->records[check->record].value.size + 4 * CAA_PARAMETERS_MAX + 64);
    buffer_add(&text, value->domain);
    for (size_t i = 0; i < value->parameter_count; i++) {
        bool is_changed = i == number;
        if (is_changed && tag == NULL)
            continue;
        buffer_add_text(&text, "; ");
        buffer_add(&text, is_changed ? span_of_text(tag) : value->parameters[i].tag);
        buffer_add_text(&text, "=");
        buffer_add(&text, is_changed ? new_value : value->parameters[i].value);
    }
    return buffer_check(&text) == OK ? lint_record_with(check->work, check->record, buffer_span(&text)) : NULL;
}

/* ---- validationmethods */

static bool is_label(struct span label) {
    for (size_t i = 0; i < label.size; i++) {
        uint8_t byte = label.bytes[i] | 0x20;
        if (!(byte >= 'a' && byte <= 'z') && !(label.bytes[i] >= '0' && label.bytes[i] <= '9') && label.bytes[i] != '-')
            return false;
    }
    return label.size > 0;
}

static bool is_method(struct span label) {
    for (size_t i = 0; i < METHODS; i++)
        if (is_text(label, methods[i]))
            return true;
    return label.size > 3 && memcmp(label.bytes, "ca-", 3) == 0 && is_label(label); /* RFC 8657 4: a CA's own */
}

static const char *nearest_method(struct lint_work *work, struct span label) {
    const char *word = label.size > METHOD_SIZE_MAX ? NULL : lint_lower(work, label);
    for (size_t i = 0; word != NULL && i < METHODS; i++)
        if (word_distance(word, methods[i], 2) <= 2 || (strlen(word) + 3 == strlen(methods[i]) && strncmp(word, methods[i], strlen(word)) == 0))
            return methods[i];
    return NULL;
}

/* The next label of a comma-separated list. */
static struct span next_label(struct span *list) {
    const uint8_t *comma = list->size == 0 ? NULL : memchr(list->bytes, ',', list->size);
    struct span label = span_of(list->bytes, comma == NULL ? list->size : (size_t) (comma - list->bytes));
    *list = comma == NULL ? span_of("", 0) : span_of(comma + 1, list->size - label.size - 1);
    return label;
}

/* The list with every label that was misspelt written right; false where one is not clear. */
static bool write_right(struct lint_work *work, struct span list, struct buffer *out) {
    while (list.size > 0) {
        struct span label = next_label(&list);
        const char *near = is_method(label) ? NULL : nearest_method(work, label);
        if (label.size == 0 || (!is_method(label) && near == NULL))
            return false;
        if (out->size > 0)
            buffer_add_text(out, ",");
        buffer_add(out, near == NULL ? label : span_of_text(near));
    }
    return out->size > 0;
}

static void check_methods(struct check *check, size_t number) {
    struct span list = check->value->parameters[number].value, rest = list, unknown = {0};
    bool is_bad = list.size == 0 || list.bytes[list.size - 1] == ',';
    CLEANUP(buffer_done) struct buffer right = buffer_with_limit(16 * list.size + 64);
    while (rest.size > 0) {
        struct span label = next_label(&rest);
        is_bad = is_bad || !is_label(label);
        if (!is_method(label))
            unknown = label;
    }
    if (!is_bad && unknown.size == 0)
        return;
    bool is_clear = write_right(check->work, list, &right) && buffer_check(&right) == OK;
    check->work->is_short = check->work->is_short || right.has_no_memory;
    const char *suggest = is_clear ? with_parameter(check, number, "validationmethods", buffer_span(&right)) : "";
    if (is_bad)
        lint_say(check->work, LINT_METHODS_INVALID, check->record, suggest,
                 "validationmethods wants labels of letters, digits and '-' with commas between them (RFC 8657 4); boulder refuses the record at the first label that is none");
    else
        lint_say(check->work, LINT_METHODS_UNKNOWN, check->record, suggest,
                 "%.*s is no validation method that ACME knows (http-01, dns-01, tls-alpn-01 …) and no CA's own (ca-…), so nobody can use it",
                 unknown.size > METHOD_SIZE_MAX ? METHOD_SIZE_MAX : (int) unknown.size, (const char *) unknown.bytes);
}

/* ---- the others */

static const char *nearest_parameter(struct lint_work *work, struct span tag) {
    const char *word = tag.size > METHOD_SIZE_MAX ? NULL : lint_lower(work, tag);
    if (word == NULL)
        return NULL;
    if (word_distance(word, "accounturi", 2) <= 2)
        return "accounturi";
    return word_distance(word, "validationmethods", 3) <= 3 ? "validationmethods" : NULL;
}

static void check_foreign(struct check *check, size_t number) {
    const struct caa_parameter *parameter = &check->value->parameters[number];
    const char *near = nearest_parameter(check->work, parameter->tag);
    if (near != NULL)
        lint_say(check->work, LINT_PARAMETER_MISSPELT, check->record, with_parameter(check, number, near, parameter->value),
                 "CAs pass over a parameter that they do not know, so this one restricts nothing; perhaps you meant %s (in lower case)", near);
    else if (!is_known_to_ca(check, parameter->tag))
        lint_say(check->work, LINT_PARAMETER_UNKNOWN, check->record, "",
                 "a parameter means what its CA says; what %.255s makes of this one is not known here, so look in its practice statement", check->domain);
    if (memchr(parameter->tag.bytes, '-', parameter->tag.size) != NULL)
        lint_say(check->work, LINT_PARAMETER_HYPHEN, check->record, with_parameter(check, number, near, parameter->value),
                 "RFC 8659 4.2 allows '-' in a parameter's tag, but the software of Let's Encrypt (boulder) then passes over the whole record; leave the parameter out");
}

static void check_account(struct check *check, size_t number) {
    if (check->account_count++ > 0) {
        if (check->account_count == 2)
            lint_say(check->work, LINT_ACCOUNTURI_REPEATED, check->record, "",
                     "with more than one accounturi nobody can satisfy the record (RFC 8657 3); write one record for each account");
        return;
    }
    if (!word_is_uri(check->value->parameters[number].value))
        lint_say(check->work, LINT_ACCOUNTURI_INVALID, check->record, "",
                 "accounturi wants the URI of the account as the CA gave it (https://…), and one that is none can be satisfied by nobody (RFC 8657 3)");
}

static void check_method_list(struct check *check, size_t number) {
    if (check->method_count++ > 0)
        lint_say(check->work, LINT_METHODS_REPEATED, check->record, "",
                 "RFC 8657 does not say what more than one validationmethods means; boulder then refuses the record; join them into one, with commas");
    check_methods(check, number);
}

void lint_parameters(struct lint_work *work, size_t record, const struct caa_issuer_value *value) {
    struct check check = {.work = work, .record = record, .value = value, .domain = lint_lower(work, value->domain)};
    bool is_not_honoured = false;
    for (size_t i = 0; check.domain != NULL && i < value->parameter_count; i++) {
        struct span tag = value->parameters[i].tag;
        if (is_text(tag, "accounturi"))
            check_account(&check, i);
        else if (is_text(tag, "validationmethods"))
            check_method_list(&check, i);
        else
            check_foreign(&check, i);
        is_not_honoured = is_not_honoured || (is_of_rfc_8657(tag) && !is_known_to_ca(&check, tag));
    }
    if (is_not_honoured)
        lint_say(work, LINT_PARAMETER_NOT_HONOURED, record, "",
                 "whether %.255s acts upon accounturi and validationmethods is not known here; the Baseline Requirements oblige every CA to from 2027-03-15 on, until then ask it", check.domain);
}
