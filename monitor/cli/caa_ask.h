/* What the commands share that look CAA records up: options that say whom to ask, the asking, and reading records from a file. */
#pragma once

#include <arpa/inet.h>

#include "cli/caa.h"
#include "cli/caa_lookup.h"

#define CAA_ASKED_MAX 16

struct caa_asking {
    const char *config;
    struct dns_resolver resolvers[CAA_ASKED_MAX];
    char addresses[CAA_ASKED_MAX][INET6_ADDRSTRLEN];
    size_t resolver_count;
    size_t validating_behind; /* how many resolvers stood before --validating */
    bool is_validating, is_json;
};

#define CAA_ASKING_OPTIONS \
    {"resolver", 'r', "ADDRESS[:PORT]", 0, "Ask this one; may be given several times, then all are asked. Without it: those of the settings file, or of /etc/resolv.conf", 0}, \
        {"validating", 'v', NULL, 0, "All these resolvers check DNSSEC and the way to them is safe: believe their AD bit", 0}, COMMAND_OPTION_CONFIG, COMMAND_OPTION_JSON

/* Takes --resolver, --validating, --config and --json; false for any other key. */
bool caa_asking_take(int key, char *value, struct argp_state *state, struct caa_asking *asking);
/* To be called at ARGP_KEY_END. */
void caa_asking_check(struct caa_asking *asking, struct argp_state *state);

/* Whom to ask: those of the options, of the settings, or of the system. In `arena`. Prints why when that is not possible, and returns the exit code. */
int caa_asking_resolvers(const struct caa_asking *asking, struct arena *arena, struct dns_client_options *client);
/* One climb per resolver. Prints why when that is not possible, and returns the exit code. */
int caa_ask(const struct caa_asking *asking, const struct dns_name *name, struct arena *arena, struct caa_lookups *ret_lookups);

/* The file's name for people. */
const char *caa_file_shown(const char *file);
/* The records of a file (- for standard input); `origin` may be NULL. Prints why when it cannot be read, and returns the exit code; lines
 * that are no records are for the caller to look at. */
int caa_read_file(const char *file, const struct dns_name *origin, struct arena *arena, struct caa_text *ret_text);
