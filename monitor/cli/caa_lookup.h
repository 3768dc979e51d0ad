/* Asking for the relevant CAA set of a name: one climb per resolver, all at once; or one through a file of records. */
#pragma once

#include "base/reason.h"
#include "formats/caa_text.h"
#include "net/dns_client.h"
#include "rules/caa_climb.h"

#define CAA_LOOKUP_ARENA ((size_t) 256 * 1024 * 1024)

struct caa_lookup {
    const char *resolver; /* "192.0.2.1:53", or the file's name */
    bool is_file;         /* no resolver was asked */
    bool is_validating;
    bool is_left_out;     /* one of resolv.conf that does not answer, where another does: they are alternates, not witnesses */
    struct caa_climb climb;
};
struct caa_lookups {
    struct caa_lookup *items;
    size_t count;
};

/* Asks every resolver of the options. Everything in `arena`. Errors: fault_dns_resolver, fault_no_memory; what resolvers do not answer
 * is in the climbs. */
MUST_CHECK result caa_look_up(const struct dns_client_options *options, const struct dns_name *name, struct arena *arena,
                              struct caa_lookups *ret_lookups, struct reason *reason);
/* The same climb through records of a file, as if nothing else were in the DNS; borrows them. Fails without memory, and with
 * fault_caa_plan when the file holds none for the name and those above it. */
MUST_CHECK result caa_look_up_in(const struct caa_text *text, const char *file, const struct dns_name *name, struct arena *arena,
                                 struct caa_lookups *ret_lookups, struct reason *reason);
