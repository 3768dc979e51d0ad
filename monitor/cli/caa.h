/* What the commands `pinwatch caa …` share: names and resolvers from the command line. */
#pragma once

#include "cli/command.h"
#include "formats/dns_name.h"
#include "net/dns_client.h"

#define CAA_EXIT_UNKNOWN 2 /* the lookup failed, or the resolvers disagree */

/* The sub-commands; caa.c has the table. */
int caa_run_check(int argc, char **argv);
int caa_run_history(int argc, char **argv);
int caa_run_lint(int argc, char **argv);
int caa_run_suggest(int argc, char **argv);

/* A host name from the command line, "*." before it allowed; not ASCII: as A-labels. Ends the process with a usage error where it is
 * none that can have CAA records in the DNS: an IP address, an onion name, the root. */
struct dns_name caa_name_of_argument(const char *text, struct argp_state *state);
/* What an option parser of a command about one name returns for the keys that it does not know itself. `given` is NULL until there is a name. */
error_t caa_name_argument(int key, const char *value, struct argp_state *state, const char **given, struct dns_name *ret_name);
/* "192.0.2.1", "192.0.2.1:5353", "2001:db8::1", "[2001:db8::1]:5353"; false where it is none of these. The address is written to
 * `room` (INET6_ADDRSTRLEN). */
bool caa_resolver_of_text(const char *text, char *room, struct dns_resolver *ret_resolver);
