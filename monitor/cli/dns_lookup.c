#include "cli/dns_lookup.h"

#include "base/memory.h"

struct round {
    struct event_base *loop;
    struct dns_client *client;
    struct arena *arena;
    size_t under_way;
    result outcome;
};
/* One resolver's part in it. */
struct part {
    struct round *round;
    struct dns_said *said;
};

static void on_answer(void *context, const struct caa_answer *answer) {
    struct part *part = context;
    struct round *round = part->round;
    round->outcome = caa_answer_copy(answer, round->arena, &part->said->answer);
    if (round->outcome != OK || --round->under_way == 0)
        event_base_loopbreak(round->loop);
}

static bool is_silent(const struct dns_said *said) {
    return said->answer.outcome == CAA_FAILED && (strcmp(said->answer.why, "timeout") == 0 || strcmp(said->answer.why, "unreachable") == 0);
}

/* resolv.conf names alternates: the system itself asks the next one when the first is silent. */
static void leave_out_silent(struct dns_said *said, size_t count) {
    size_t silent = 0;
    for (size_t i = 0; i < count; i++)
        silent += is_silent(&said[i]);
    for (size_t i = 0; i < count && silent < count; i++)
        said[i].is_left_out = is_silent(&said[i]);
}

static result ask_all(struct round *round, const struct dns_name *name, uint16_t type, struct dns_all_said *ret_said) {
    size_t count = dns_client_resolver_count(round->client);
    struct dns_said *said = arena_take_array(round->arena, count + 1, sizeof *said);
    struct part *parts = arena_take_array(round->arena, count + 1, sizeof *parts);
    if (said == NULL || parts == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; i++) {
        said[i].resolver = arena_copy_text(round->arena, dns_client_resolver_name(round->client, i));
        said[i].is_validating = dns_client_is_validating(round->client, i);
        parts[i] = (struct part){round, &said[i]};
        if (said[i].resolver == NULL)
            return &fault_no_memory;
        TRY(dns_ask(round->client, i, name, type, on_answer, &parts[i]));
        round->under_way++;
    }
    if (round->under_way > 0 && event_base_dispatch(round->loop) < 0)
        return &fault_machine;
    *ret_said = (struct dns_all_said){said, count};
    return round->outcome;
}

result dns_look_up(const struct dns_client_options *options, const struct dns_name *name, uint16_t type, struct arena *arena, struct dns_all_said *ret_said,
                   struct reason *reason) {
    struct round round = {.loop = event_base_new(), .arena = arena, .outcome = OK};
    if (round.loop == NULL)
        return &fault_no_memory;
    result outcome = dns_client_new(round.loop, options, &round.client, reason);
    if (outcome == OK)
        outcome = ask_all(&round, name, type, ret_said);
    if (outcome == OK && options->resolver_count == 0)
        leave_out_silent(ret_said->items, ret_said->count);
    dns_client_free(round.client);
    event_base_free(round.loop);
    return outcome;
}
