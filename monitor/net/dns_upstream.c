#include "net/dns_upstream.h"

#include <ares.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/memory.h"

#define EDNS_AGAIN_MS (15 * 60 * 1000)
#define PORT_STANDARD 53

FAULT(fault_dns_resolver, FAULT_SETTINGS, "dns.resolver", "DNS resolver", "", "none that can be asked", "an IPv4 or IPv6 address and a port");

static void set_name(struct dns_upstream *upstream) {
    char text[INET6_ADDRSTRLEN] = "";
    inet_ntop(upstream->address.family, &upstream->address.address, text, sizeof text);
    bool is_v6 = upstream->address.family == AF_INET6;
    snprintf(upstream->name, sizeof upstream->name, "%s%s%s:%u", is_v6 ? "[" : "", text, is_v6 ? "]" : "", (unsigned) upstream->address.port);
}

static result take_configured(const struct dns_resolver *resolver, struct dns_upstream *ret_upstream, struct reason *reason) {
    struct dns_upstream upstream = {.is_validating = resolver->is_validating, .address.port = resolver->port};
    if (inet_pton(AF_INET, resolver->address, &upstream.address.address) == 1)
        upstream.address.family = AF_INET;
    else if (inet_pton(AF_INET6, resolver->address, &upstream.address.address) == 1)
        upstream.address.family = AF_INET6;
    if (upstream.address.family == 0 || resolver->port == 0)
        return reason_set(reason, &fault_dns_resolver, "DNS resolver '%s' port %u: not usable, wanted an IPv4 or IPv6 address and a port from 1 to 65535",
                          resolver->address, resolver->port);
    set_name(&upstream);
    *ret_upstream = upstream;
    return OK;
}

static void take_found(const struct ares_addr_port_node *node, struct dns_upstream *ret_upstream) {
    *ret_upstream = (struct dns_upstream){.address = {.family = node->family, .port = PORT_STANDARD}};
    if (node->udp_port > 0)
        ret_upstream->address.port = (uint16_t) node->udp_port;
    if (node->family == AF_INET)
        memcpy(&ret_upstream->address.address.v4, &node->addr.addr4, sizeof node->addr.addr4);
    else
        memcpy(&ret_upstream->address.address.v6, &node->addr.addr6, sizeof node->addr.addr6);
    set_name(ret_upstream);
}

/* c-ares reads the file; where it names none, that is 127.0.0.1. */
static result find_in_system(const char *resolv_conf, struct ares_addr_port_node **ret_nodes) {
    ares_channel channel;
    struct ares_options options = {.resolvconf_path = (char *) (uintptr_t) resolv_conf};
    int status = ares_init_options(&channel, &options, resolv_conf != NULL ? ARES_OPT_RESOLVCONF : 0);
    if (status == ARES_SUCCESS) {
        status = ares_get_servers_ports(channel, ret_nodes);
        ares_destroy(channel);
    }
    return status == ARES_SUCCESS ? OK : status == ARES_ENOMEM ? &fault_no_memory : &fault_dns_resolver;
}

static result take_system(const char *resolv_conf, struct dns_upstream *upstreams, size_t *ret_count, struct reason *reason) {
    struct ares_addr_port_node *nodes = NULL;
    result outcome = find_in_system(resolv_conf, &nodes);
    size_t count = 0;
    for (const struct ares_addr_port_node *node = nodes; node != NULL && count < DNS_UPSTREAMS_MAX; node = node->next)
        take_found(node, &upstreams[count++]);
    ares_free_data(nodes);
    if (outcome == OK && count > 0) {
        *ret_count = count;
        return OK;
    }
    const char *path = resolv_conf != NULL ? resolv_conf : "/etc/resolv.conf";
    return outcome == &fault_no_memory ? outcome : reason_set(reason, &fault_dns_resolver, "%s: names no DNS resolver, wanted one there, or a resolver in the settings", path);
}

/* One that is named twice is asked once: what it says is recorded under its name. It validates where every mention says so. */
static size_t drop_repeated(struct dns_upstream *upstreams, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        size_t same = 0;
        while (same < kept && strcmp(upstreams[same].name, upstreams[i].name) != 0)
            same++;
        if (same < kept)
            upstreams[same].is_validating &= upstreams[i].is_validating;
        else
            upstreams[kept++] = upstreams[i];
    }
    return kept;
}

result dns_upstreams_new(const struct dns_client_options *options, struct dns_upstream **ret_upstreams, size_t *ret_count, struct reason *reason) {
    if (options->resolver_count > DNS_UPSTREAMS_MAX)
        return reason_set(reason, &fault_dns_resolver, "%zu DNS resolvers: too many, wanted at most %zu", options->resolver_count, DNS_UPSTREAMS_MAX);
    AUTO_FREE struct dns_upstream *upstreams = memory_new_array(DNS_UPSTREAMS_MAX, sizeof *upstreams);
    if (upstreams == NULL)
        return &fault_no_memory;
    size_t count = options->resolver_count;
    for (size_t i = 0; i < count; i++)
        TRY(take_configured(&options->resolvers[i], &upstreams[i], reason));
    if (count == 0)
        TRY(take_system(options->resolv_conf, upstreams, &count, reason));
    count = drop_repeated(upstreams, count);
    for (size_t i = 0; i < count; i++)
        TAILQ_INIT(&upstreams[i].waiting);
    *ret_upstreams = TAKE(upstreams);
    *ret_count = count;
    return OK;
}

bool dns_upstream_takes_edns(struct dns_upstream *upstream) {
    if (upstream->edns == EDNS_FAILS && clock_monotonic_ms() >= upstream->edns_until_ms)
        upstream->edns = EDNS_UNKNOWN;
    return upstream->edns != EDNS_FAILS;
}

void dns_upstream_learn_edns(struct dns_upstream *upstream, bool works) {
    upstream->edns = works ? EDNS_WORKS : EDNS_FAILS;
    upstream->edns_until_ms = clock_monotonic_ms() + EDNS_AGAIN_MS;
}
