#include "cli/caa.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "formats/name_normalise.h"

#define PORT_STANDARD 53

static const struct command sub_commands[] = {
    {"check", "", "Who may issue for a name, by the CAA records of this moment or by planned ones", caa_run_check},
    {"history", "", "Which CAA records a name had, when, and what changed", caa_run_history},
    {"lint", "", "What is wrong or unwise about CAA records, and what to write instead", caa_run_lint},
    {"suggest", "", "The CAA records that fit the certificates seen and the issuers expected", caa_run_suggest},
    {0},
};

int command_caa(int argc, char **argv) {
    return command_run_sub(sub_commands, "CAA records: which CAs may issue for a name (RFC 8659).", argc, argv);
}

static bool is_address(const char *text) {
    struct in6_addr ignored;
    return inet_pton(AF_INET, text, &ignored) == 1 || inet_pton(AF_INET6, text, &ignored) == 1;
}

static bool is_onion(const struct dns_name *name) {
    static const struct dns_name onion = {.wire = "\5onion", .size = 7};
    return dns_name_is_within(name, &onion);
}

/* As A-labels; false where a label is none. */
static bool to_ascii(const char *text, struct host_text *ret_host) {
    struct name_budget budget = {.slow_labels = 127};
    host_normalise(host_trim(span_of_text(text), &budget), CHARSET_UTF8, &budget, ret_host);
    return ret_host->unreadable_count == 0;
}

struct dns_name caa_name_of_argument(const char *text, struct argp_state *state) {
    struct dns_name name = {0};
    struct reason reason = {""};
    struct host_text host;
    struct span spelled = span_of_text(text);
    if (is_address(text))
        argp_error(state, "'%s' is an IP address: CAA does not apply to it, any CA may issue that can validate it", text);
    if (!span_is_ascii(spelled)) {
        if (!to_ascii(text, &host))
            argp_error(state, "'%s' is no host name", text);
        spelled = span_of(host.text, host.size);
    }
    if (dns_name_from_text(spelled, &name, &reason) != OK)
        argp_error(state, "'%s' is no host name: %s", text, reason.text);
    struct dns_name base = dns_name_is_wildcard(&name) ? dns_name_parent(&name) : name;
    if (dns_name_is_root(&base))
        argp_error(state, "'%s': CAA is looked up from a name up to its top-level domain; the root has none", text);
    if (is_onion(&base))
        argp_error(state, "'%s' is an onion name: its CAA records stand in its service descriptor (RFC 9799), not in the DNS", text);
    return name;
}

error_t caa_name_argument(int key, const char *value, struct argp_state *state, const char **given, struct dns_name *ret_name) {
    if (key == ARGP_KEY_ARG && *given == NULL)
        *ret_name = caa_name_of_argument(value, state);
    return command_one_argument(key, value, state, "name", "which name?", given);
}

bool caa_resolver_of_text(const char *text, char *room, struct dns_resolver *ret_resolver) {
    const char *port = NULL;
    size_t size = strlen(text);
    uint64_t number = PORT_STANDARD;
    const char *bracket = text[0] == '[' ? strchr(text, ']') : NULL;
    const char *colon = strchr(text, ':');
    if (text[0] == '[' && (bracket == NULL || (bracket[1] != ':' && bracket[1] != '\0')))
        return false;
    if (bracket != NULL) {
        port = bracket[1] == ':' ? bracket + 2 : NULL;
        size = (size_t) (bracket - ++text);
    } else if (colon != NULL && strchr(colon + 1, ':') == NULL) {
        port = colon + 1;
        size = (size_t) (colon - text);
    }
    if (size >= INET6_ADDRSTRLEN || (port != NULL && (text_to_number(span_of_text(port), UINT16_MAX, &number) != OK || number == 0)))
        return false;
    memcpy(room, text, size);
    room[size] = '\0';
    *ret_resolver = (struct dns_resolver){.address = room, .port = (uint16_t) number};
    return is_address(room);
}
