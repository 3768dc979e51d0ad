/* bench_dns PORT [NAMES [IN_FLIGHT]]: how many names one process can ask a resolver on 127.0.0.1 about, a second, and what of its time
 * that takes. Asks "n0.example", "n1.example", …: tests/bench/caa serves them. */
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "net/dns_client.h"

#define NAME_LIMIT 64

struct bench {
    struct event_base *loop;
    struct dns_client *client;
    unsigned long names, asked, answered, outcomes[caa_outcome_count];
    unsigned in_flight_max;
};

static void die(const char *what) {
    fprintf(stderr, "bench_dns: %s\n", what);
    exit(1);
}

static void ask(struct bench *bench);

static void on_answer(void *context, const struct caa_answer *answer) {
    struct bench *bench = context;
    bench->answered++;
    bench->outcomes[answer->outcome]++;
    if (bench->asked < bench->names)
        ask(bench);
    if (bench->answered == bench->names)
        event_base_loopbreak(bench->loop);
}

static void ask(struct bench *bench) {
    char text[NAME_LIMIT];
    struct dns_name name;
    snprintf(text, sizeof text, "n%lu.example", bench->asked++);
    if (dns_name_from_text(span_of_text(text), &name, NULL) != OK || dns_ask_caa(bench->client, 0, &name, on_answer, bench) != OK)
        die("a question cannot be asked");
}

static double seconds_now(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return (double) now.tv_sec + (double) now.tv_nsec / 1e9;
}

static unsigned long number(const char *text, unsigned long otherwise) {
    return text == NULL ? otherwise : strtoul(text, NULL, 10);
}

int main(int argc, char **argv) {
    if (argc < 2)
        die("which port?");
    struct dns_resolver resolver = {.address = "127.0.0.1", .port = (uint16_t) number(argv[1], 0), .is_validating = true};
    struct bench bench = {.loop = event_base_new(), .names = number(argc > 2 ? argv[2] : NULL, 100000), .in_flight_max = (unsigned) number(argc > 3 ? argv[3] : NULL, 200)};
    struct dns_client_options options = {.resolvers = &resolver, .resolver_count = 1, .in_flight_max = bench.in_flight_max};
    struct reason reason = {""};
    if (bench.loop == NULL || dns_client_new(bench.loop, &options, &bench.client, &reason) != OK)
        die(reason.text);
    double began = seconds_now(CLOCK_MONOTONIC), cpu = seconds_now(CLOCK_PROCESS_CPUTIME_ID);
    for (unsigned i = 0; i < bench.in_flight_max && bench.asked < bench.names; i++)
        ask(&bench);
    event_base_dispatch(bench.loop);
    double lasted = seconds_now(CLOCK_MONOTONIC) - began, used = seconds_now(CLOCK_PROCESS_CPUTIME_ID) - cpu;
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%lu names in %.2f s: %.0f names/s; %.1f µs of CPU per name, %ld kB", bench.names, lasted, (double) bench.names / lasted, used / (double) bench.names * 1e6,
           usage.ru_maxrss);
    for (unsigned i = 0; i < caa_outcome_count; i++)
        printf(", %s %lu", caa_outcome_name((enum caa_outcome) i), bench.outcomes[i]);
    printf("\n");
    dns_client_free(bench.client);
    event_base_free(bench.loop);
    return bench.outcomes[CAA_FAILED] == 0 ? 0 : 1;
}
