#include "cli/caa_lookup.h"

#include "base/memory.h"

FAULT(fault_caa_plan, FAULT_INPUT, "caa.plan", "planned CAA records", "RFC 8659 3", "none for the name", "records of the name or one above it");

struct hunt {
    struct event_base *loop;
    struct dns_client *client;
    struct arena *arena;
    size_t under_way;
    result outcome;
};
/* One resolver's part in it. */
struct climber {
    struct hunt *hunt;
    struct caa_lookup *lookup;
    size_t resolver;
};

static void ask_next(struct climber *climber);

static void on_answer(void *context, const struct caa_answer *answer) {
    struct climber *climber = context;
    struct caa_answer copy;
    result outcome = caa_answer_copy(answer, climber->hunt->arena, &copy);
    if (outcome == OK) {
        caa_climb_answer(&climber->lookup->climb, &copy);
        ask_next(climber);
        return;
    }
    climber->hunt->outcome = outcome;
    event_base_loopbreak(climber->hunt->loop);
}

static void ask_next(struct climber *climber) {
    struct dns_name owner;
    struct hunt *hunt = climber->hunt;
    result outcome = OK;
    bool has_next = caa_climb_next(&climber->lookup->climb, &owner);
    if (has_next)
        outcome = dns_ask_caa(hunt->client, climber->resolver, &owner, on_answer, climber);
    if (outcome != OK)
        hunt->outcome = outcome;
    if (!has_next)
        hunt->under_way--;
    if (outcome != OK || hunt->under_way == 0)
        event_base_loopbreak(hunt->loop);
}

static bool is_silent(const struct caa_lookup *lookup) {
    if (!caa_climb_has_failed(&lookup->climb))
        return false;
    const char *why = lookup->climb.steps[lookup->climb.step_count - 1].answer.why;
    return strcmp(why, "timeout") == 0 || strcmp(why, "unreachable") == 0;
}

/* resolv.conf names alternates: the system itself asks the next one when the first is silent. */
static void leave_out_silent(struct caa_lookups *lookups) {
    size_t silent = 0;
    for (size_t i = 0; i < lookups->count; i++)
        silent += is_silent(&lookups->items[i]);
    for (size_t i = 0; i < lookups->count && silent < lookups->count; i++)
        lookups->items[i].is_left_out = is_silent(&lookups->items[i]);
}

static result climb_all(struct hunt *hunt, const struct dns_name *name, struct caa_lookups *ret_lookups) {
    size_t count = dns_client_resolver_count(hunt->client);
    struct caa_lookups lookups = {arena_take_array(hunt->arena, count, sizeof *lookups.items), count};
    struct climber *climbers = arena_take_array(hunt->arena, count, sizeof *climbers);
    if (lookups.items == NULL || climbers == NULL)
        return &fault_no_memory;
    hunt->under_way = count;
    for (size_t i = 0; i < count; i++) {
        struct caa_lookup *lookup = &lookups.items[i];
        lookup->resolver = arena_copy_text(hunt->arena, dns_client_resolver_name(hunt->client, i));
        lookup->is_validating = dns_client_is_validating(hunt->client, i);
        if (lookup->resolver == NULL)
            return &fault_no_memory;
        caa_climb_start(&lookup->climb, name);
        climbers[i] = (struct climber){hunt, lookup, i};
        ask_next(&climbers[i]);
    }
    if (hunt->outcome == OK && hunt->under_way > 0 && event_base_dispatch(hunt->loop) < 0)
        return &fault_machine;
    *ret_lookups = lookups;
    return hunt->outcome;
}

result caa_look_up(const struct dns_client_options *options, const struct dns_name *name, struct arena *arena,
                   struct caa_lookups *ret_lookups, struct reason *reason) {
    struct hunt hunt = {.loop = event_base_new(), .arena = arena, .outcome = OK};
    if (hunt.loop == NULL)
        return &fault_no_memory;
    result outcome = dns_client_new(hunt.loop, options, &hunt.client, reason);
    if (outcome == OK)
        outcome = climb_all(&hunt, name, ret_lookups);
    if (outcome == OK && options->resolver_count == 0)
        leave_out_silent(ret_lookups);
    dns_client_free(hunt.client);
    event_base_free(hunt.loop);
    return outcome;
}

/* What the file says about an owner. */
static result answer_from(const struct caa_text *text, const struct dns_name *owner, struct arena *arena, struct caa_answer *ret_answer) {
    struct caa_record *records = arena_take_array(arena, text->record_count + 1, sizeof *records);
    size_t count = 0;
    if (records == NULL)
        return &fault_no_memory;
    *ret_answer = (struct caa_answer){.outcome = CAA_EMPTY, .why = "", .detail = ""};
    for (size_t i = 0; i < text->record_count; i++) {
        const struct caa_text_record *record = &text->records[i];
        if (!dns_name_equal(&record->owner, owner))
            continue;
        if (record->has_ttl && (count == 0 || record->ttl_s < ret_answer->ttl_s))
            ret_answer->ttl_s = record->ttl_s;
        records[count++] = record->record;
    }
    ret_answer->records = records;
    ret_answer->record_count = caa_set_sort(records, count);
    if (count > 0)
        ret_answer->outcome = CAA_RECORDS;
    return OK;
}

result caa_look_up_in(const struct caa_text *text, const char *file, const struct dns_name *name, struct arena *arena,
                      struct caa_lookups *ret_lookups, struct reason *reason) {
    struct caa_lookup *lookup = arena_take(arena, sizeof *lookup);
    char shown[DNS_NAME_TEXT_SIZE];
    struct dns_name owner;
    if (lookup == NULL)
        return &fault_no_memory;
    lookup->resolver = file;
    lookup->is_file = true;
    caa_climb_start(&lookup->climb, name);
    while (caa_climb_next(&lookup->climb, &owner)) {
        struct caa_answer answer;
        TRY(answer_from(text, &owner, arena, &answer));
        caa_climb_answer(&lookup->climb, &answer);
    }
    if (caa_climb_relevant(&lookup->climb) == NULL) {
        dns_name_to_text(&lookup->climb.name, shown);
        return reason_set(reason, &fault_caa_plan, "%s: no CAA record of %s or a name above it, wanted the set that is planned", file, shown);
    }
    *ret_lookups = (struct caa_lookups){lookup, 1};
    return OK;
}
