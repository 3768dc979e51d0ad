/* Do the resolvers answer, and do those validate that the settings say do? */
#include <netdb.h>

#include "base/memory.h"
#include "cli/doctor.h"
#include "net/dns_client.h"

#define ATTEMPT_MS 1000
#define DEADLINE_MS 6000

struct round {
    struct event_base *loop;
    struct dns_client *client;
    struct arena *arena;
    size_t open, silent, lax;
    const char *silent_name, *silent_words, *lax_name; /* the last of those */
};
struct asked {
    struct round *round;
    size_t resolver;
};

static const char *name_of(const struct asked *asked) {
    const char *name = arena_copy_text(asked->round->arena, dns_client_resolver_name(asked->round->client, asked->resolver));
    return name == NULL ? "" : name;
}

static void on_answer(void *context, const struct caa_answer *answer) {
    const struct asked *asked = context;
    struct round *round = asked->round;
    bool has_answer = answer->outcome == CAA_RECORDS || answer->outcome == CAA_EMPTY;
    if (!has_answer) {
        round->silent++;
        round->silent_name = name_of(asked);
        round->silent_words = arena_printf(round->arena, "%s, %s", answer->why, answer->detail);
    } else if (dns_client_is_validating(round->client, asked->resolver) && !answer->is_authenticated) {
        round->lax++;
        round->lax_name = name_of(asked);
    }
    if (--round->open == 0)
        event_base_loopbreak(round->loop);
}

/* The root is signed, and every resolver can say something about it. */
static result ask_all(struct round *round, size_t *ret_count) {
    static const struct dns_name root = {.size = 1};
    size_t count = dns_client_resolver_count(round->client);
    struct asked *asked = arena_take_array(round->arena, count, sizeof *asked);
    if (asked == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; i++) {
        asked[i] = (struct asked){round, i};
        TRY(dns_ask_caa(round->client, i, &root, on_answer, &asked[i]));
        round->open++;
    }
    *ret_count = count;
    return event_base_dispatch(round->loop) < 0 ? &fault_machine : OK;
}

static result take_settings(const struct settings *settings, struct arena *arena, struct dns_client_options *options) {
    struct dns_resolver *resolvers = arena_take_array(arena, settings->resolvers_count + 1, sizeof *resolvers);
    if (resolvers == NULL)
        return &fault_no_memory;
    for (unsigned i = 0; i < settings->resolvers_count; i++)
        resolvers[i] = (struct dns_resolver){settings->resolvers[i].address, (uint16_t) settings->resolvers[i].port, settings->resolvers[i].is_validating};
    options->resolvers = resolvers;
    options->resolver_count = settings->resolvers_count;
    return OK;
}

static result go_round(const struct settings *settings, struct round *round, size_t *ret_count, struct reason *reason) {
    struct dns_client_options options = {.attempt_ms = ATTEMPT_MS, .deadline_ms = DEADLINE_MS};
    TRY(take_settings(settings, round->arena, &options));
    round->loop = event_base_new();
    if (round->loop == NULL)
        return &fault_no_memory;
    TRY(dns_client_new(round->loop, &options, &round->client, reason));
    return ask_all(round, ret_count);
}

static void say(const struct doctor *doctor, const struct round *round, size_t count, struct check_outcome *ret_outcome) {
    bool is_ours = doctor->settings->resolvers_count > 0;
    const char *path = settings_path(doctor->settings);
    if (round->silent > 0) {
        check_set(ret_outcome, round->silent == count && is_ours ? CHECK_FAILED : CHECK_WARNING, "%zu of %zu do not answer, the last %s: %s", round->silent,
                  count, round->silent_name, round->silent_words != NULL ? round->silent_words : "");
        check_advise(ret_outcome, is_ours ? "correct `resolvers` in %s, or let port 53 through" : "check /etc/resolv.conf, or name `resolvers` in %s", path);
    } else if (round->lax > 0) {
        check_set(ret_outcome, CHECK_WARNING, "%s does not validate: its answer about the root, which is signed, came without AD", round->lax_name);
        check_advise(ret_outcome, "let it validate DNSSEC (deploy/unbound/pinwatch.conf), or set its is_validating to false in %s", path);
    } else {
        check_set(ret_outcome, CHECK_OK, "%zu of %zu answer%s", count, count, is_ours ? "" : ", those of the system");
    }
}

static void look_at_dns(struct doctor *doctor, struct check_outcome *ret_outcome) {
    struct round round = {.arena = doctor->arena};
    struct reason reason = {""};
    size_t count = 0;
    result outcome = go_round(doctor->settings, &round, &count, &reason);
    if (outcome == OK) {
        say(doctor, &round, count, ret_outcome);
    } else {
        if (reason.text[0] == '\0')
            reason_of_fault(outcome, &reason);
        check_set(ret_outcome, CHECK_FAILED, "%s", reason.text);
        check_advise(ret_outcome, "correct `resolvers` in %s", settings_path(doctor->settings));
    }
    dns_client_free(round.client);
    if (round.loop != NULL)
        event_base_free(round.loop);
}

/* Transfers go by the system's resolver, whatever `resolvers` says. */
static bool can_find_lists(struct check_outcome *ret_outcome) {
    struct addrinfo *addresses = NULL;
    int status = getaddrinfo("www.gstatic.com", "https", NULL, &addresses);
    if (status == 0) {
        freeaddrinfo(addresses);
        check_set(ret_outcome, CHECK_OK, "the system's resolver answers");
        return true;
    }
    check_set(ret_outcome, CHECK_FAILED, "www.gstatic.com: %s", gai_strerror(status));
    check_advise(ret_outcome, "check /etc/resolv.conf; behind a proxy this may be as it should");
    return false;
}

void doctor_look_at_resolvers(struct doctor *doctor, struct check_outcome *ret_outcome) {
    const struct settings *settings = doctor->settings;
    check_set(ret_outcome, CHECK_OK, "the system's; nothing needs them while neither public logs nor CAA records are followed");
    if (settings->follows_public_logs && settings->resolvers_count == 0 && !can_find_lists(ret_outcome))
        return;
    if (settings->follows_caa || settings->resolvers_count > 0)
        look_at_dns(doctor, ret_outcome);
}
