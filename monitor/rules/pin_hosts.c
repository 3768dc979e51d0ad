/* Which pin sets hold for a host: what each platform looks up. */
#include <libpsl.h>
#include <string.h>

#include "rules/pin_judge_work.h"

enum { NO_FIT = 0, FIT_WITHOUT_HOST = 1, FIT_PARENT = 2 /* and the length of the parent */ };
#define FIT_EXACT SIZE_MAX

/* How several sets that hold for a host are taken together. */
enum pin_host_rule {
    HOST_UNITES,        /* all of them */
    HOST_MOST_SPECIFIC, /* the host itself, else its longest parent */
    HOST_OF_RECORDS,    /* owner names of a zone */
};

static const enum pin_host_rule rules[pin_format_count] = {
    /* ApplicationConfig.getConfigForHostname: the host, else the longest domain with includeSubdomains; nothing unites */
    [PIN_FORMAT_ANDROID] = HOST_MOST_SPECIFIC,
    [PIN_FORMAT_TRUSTKIT_ANDROID] = HOST_MOST_SPECIFIC,
    [PIN_FORMAT_APPLE] = HOST_UNITES,
    [PIN_FORMAT_TRUSTKIT_IOS] = HOST_MOST_SPECIFIC,
    [PIN_FORMAT_OKHTTP] = HOST_UNITES, /* CertificatePinner.findMatchingPins */
    [PIN_FORMAT_HPKP] = HOST_MOST_SPECIFIC, /* RFC 7469 2.6 */
    [PIN_FORMAT_TLSA] = HOST_OF_RECORDS, /* RFC 6698 3 */
    [PIN_FORMAT_CHROMIUM] = HOST_MOST_SPECIFIC,
    [PIN_FORMAT_YAML] = HOST_MOST_SPECIFIC,
    [PIN_FORMAT_KEY] = HOST_UNITES,
};

/* TrustKit for iOS compares the public suffixes first, private ones included: a parent above one pins nothing below it. */
static bool has_same_suffix(const char *host, const char *parent) {
    const char *one = psl_unregistrable_domain(psl_builtin(), host), *other = psl_unregistrable_domain(psl_builtin(), parent);
    return one == NULL || other == NULL ? one == other : strcmp(one, other) == 0;
}

static bool covers(const struct pin_set *set, const char *host) {
    int labels = pin_host_labels_below(host, set->host);
    if (labels < 0 || !pin_host_match_reaches(set->match, (size_t) labels))
        return false;
    return labels == 0 || set->format != PIN_FORMAT_TRUSTKIT_IOS || set->match != PIN_HOST_EXACT_AND_BELOW || has_same_suffix(host, set->host);
}

static bool is_of_service(const struct pin_set *set, const struct pin_question *question) {
    const char *protocol = question->protocol == NULL || question->protocol[0] == '\0' ? "tcp" : question->protocol;
    uint16_t port = question->port == 0 ? 443 : question->port;
    return set->port == port && strcmp(set->protocol, protocol) == 0;
}

static size_t fit_of(const struct pin_choice *choice, const struct pin_set *set) {
    const char *host = choice->question->host;
    if (set->format != choice->format)
        return NO_FIT;
    if (set->host == NULL)
        return choice->has_hosts ? NO_FIT : FIT_WITHOUT_HOST;
    if (!covers(set, host) || (rules[set->format] == HOST_OF_RECORDS && !is_of_service(set, choice->question)))
        return NO_FIT;
    if (rules[set->format] != HOST_MOST_SPECIFIC || strcmp(set->host, host) == 0)
        return FIT_EXACT;
    return FIT_PARENT + strlen(set->host);
}

struct pin_choice pin_choose(const struct pin_document *document, enum pin_format format, const struct pin_question *question) {
    struct pin_choice choice = {.document = document, .question = question, .format = format};
    const struct pin_set *pinned = NULL, *unpinned = NULL;
    for (size_t i = 0; i < document->set_count; i++)
        choice.has_hosts |= document->sets[i].format == format && document->sets[i].host != NULL;
    for (size_t i = 0; i < document->set_count; i++) {
        size_t fit = fit_of(&choice, &document->sets[i]);
        if (fit > choice.best)
            pinned = unpinned = NULL;
        if (fit == NO_FIT || fit < choice.best)
            continue;
        choice.best = fit;
        const struct pin_set **first = document->sets[i].is_pinned ? &pinned : &unpinned;
        *first = *first == NULL ? &document->sets[i] : *first;
    }
    /* Where entries unite, one without pins adds nothing; else it is the host's entry. */
    if (unpinned != NULL && (pinned == NULL || rules[format] == HOST_MOST_SPECIFIC))
        choice.alone = unpinned;
    return choice;
}

const struct pin_set *pin_choice_next(const struct pin_choice *choice, size_t *place) {
    const struct pin_document *document = choice->document;
    while (choice->best != NO_FIT && *place < document->set_count) {
        const struct pin_set *set = &document->sets[(*place)++];
        if (choice->alone != NULL ? set == choice->alone : set->is_pinned && fit_of(choice, set) == choice->best)
            return set;
    }
    return NULL;
}

size_t pin_sets_for_host(const struct pin_document *document, const char *host, uint16_t port, const char *protocol,
                         const struct pin_set **ret_sets, size_t rooms) {
    const struct pin_question question = {.host = host, .port = port, .protocol = protocol};
    size_t count = 0;
    unsigned formats = 0;
    for (size_t i = 0; i < document->set_count; i++)
        formats |= 1U << document->sets[i].format;
    for (unsigned format = 0; format < pin_format_count; format++) {
        if ((formats & 1U << format) == 0)
            continue;
        const struct pin_choice choice = pin_choose(document, (enum pin_format) format, &question);
        const struct pin_set *set;
        for (size_t place = 0; (set = pin_choice_next(&choice, &place)) != NULL; count++)
            if (count < rooms)
                ret_sets[count] = set;
    }
    return count;
}
