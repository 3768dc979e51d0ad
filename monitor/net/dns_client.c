#include "net/dns_client.h"

#include <ares.h>

#include "base/memory.h"
#include "net/dns_question.h"

#define ATTEMPTS_STANDARD 2
#define ATTEMPT_MS_STANDARD 2000
#define DEADLINE_MS_STANDARD 10000
#define IN_FLIGHT_STANDARD 200
#define QUERIES_PER_CHANNEL_STANDARD 500

struct dns_client {
    struct dns_rules rules;
    unsigned in_flight_max;
    struct dns_upstream *upstreams;
    size_t upstream_count;
    struct arena *arena; /* of the answer at hand */
    bool has_ares;
    bool is_telling;     /* an answer is being told, so that the client may not go away under it */
    bool is_gone;
};

static unsigned or_standard(unsigned given, unsigned standard) {
    return given > 0 ? given : standard;
}

static void set_rules(struct dns_client *client, const struct dns_client_options *options, struct event_base *loop) {
    struct dns_rules *rules = &client->rules;
    unsigned attempts = or_standard(options->attempts, ATTEMPTS_STANDARD);
    rules->attempts = attempts < DNS_ATTEMPTS_MAX ? attempts : DNS_ATTEMPTS_MAX;
    rules->attempt_ms = or_standard(options->attempt_ms, ATTEMPT_MS_STANDARD);
    rules->deadline_ms = or_standard(options->deadline_ms, DEADLINE_MS_STANDARD);
    rules->queries_per_channel = or_standard(options->queries_per_channel, QUERIES_PER_CHANNEL_STANDARD);
    rules->channels.loop = loop;
    rules->channels.timeout_ms = rules->deadline_ms; /* answers to earlier tries are taken as long as the question is open */
    client->in_flight_max = or_standard(options->in_flight_max, IN_FLIGHT_STANDARD);
    TAILQ_INIT(&rules->asked);
    TAILQ_INIT(&rules->ended);
    LIST_INIT(&rules->channels.all);
}

/* Tells one answer; false when the client went away under it. */
static bool tell(struct dns_client *client, struct dns_question *question) {
    struct caa_answer answer;
    arena_reset(client->arena);
    if (!dns_question_judge(question, client->arena, &answer))
        return true;
    dns_caa_done *done = question->done;
    void *context = question->context;
    question->upstream->in_flight--;
    dns_question_free(question);
    client->is_telling = true;
    done(context, &answer);
    client->is_telling = false;
    return !client->is_gone;
}

static void start_waiting(struct dns_client *client, struct dns_upstream *upstream) {
    struct dns_question *question;
    while (upstream->in_flight < client->in_flight_max && (question = TAILQ_FIRST(&upstream->waiting)) != NULL)
        dns_question_start(question);
}

/* Outside c-ares, so that whoever is told may ask, cancel and free. */
static void on_work(evutil_socket_t unused_socket, short unused_events, void *context) {
    (void) unused_socket;
    (void) unused_events;
    struct dns_client *client = context;
    struct dns_question *question;
    while ((question = TAILQ_FIRST(&client->rules.ended)) != NULL)
        if (!tell(client, question)) {
            dns_client_free(client);
            return;
        }
    for (size_t i = 0; i < client->upstream_count; i++)
        start_waiting(client, &client->upstreams[i]);
}

CLEANUP_OF_POINTER(struct dns_client, dns_client_free)

result dns_client_new(struct event_base *loop, const struct dns_client_options *options, struct dns_client **ret_client, struct reason *reason) {
    CLEANUP(dns_client_free_at) struct dns_client *client = memory_new(sizeof *client);
    if (client == NULL)
        return &fault_no_memory;
    set_rules(client, options, loop);
    if (ares_library_init(ARES_LIB_INIT_ALL) != ARES_SUCCESS)
        return &fault_no_memory;
    client->has_ares = true;
    TRY(dns_upstreams_new(options, &client->upstreams, &client->upstream_count, reason));
    client->arena = arena_new(DNS_MESSAGE_ARENA);
    client->rules.work = event_new(loop, -1, 0, on_work, client);
    if (client->arena == NULL || client->rules.work == NULL)
        return &fault_no_memory;
    *ret_client = TAKE(client);
    return OK;
}

static void free_questions(struct dns_questions *questions) {
    while (!TAILQ_EMPTY(questions))
        dns_question_free(TAILQ_FIRST(questions));
}

void dns_client_free(struct dns_client *client) {
    if (client == NULL)
        return;
    client->is_gone = true;
    if (client->is_telling)
        return; /* on_work does it */
    free_questions(&client->rules.asked);
    free_questions(&client->rules.ended);
    for (size_t i = 0; i < client->upstream_count; i++)
        free_questions(&client->upstreams[i].waiting);
    dns_channels_done(&client->rules.channels);
    if (client->rules.work != NULL)
        event_free(client->rules.work);
    arena_free(client->arena);
    memory_free(client->upstreams);
    if (client->has_ares)
        ares_library_cleanup();
    memory_free(client);
}

size_t dns_client_resolver_count(const struct dns_client *client) {
    return client->upstream_count;
}

const char *dns_client_resolver_name(const struct dns_client *client, size_t resolver) {
    return client->upstreams[resolver].name;
}

bool dns_client_is_validating(const struct dns_client *client, size_t resolver) {
    return client->upstreams[resolver].is_validating;
}

result dns_ask(struct dns_client *client, size_t resolver, const struct dns_name *owner, uint16_t type, dns_caa_done *done, void *context) {
    struct dns_question *question = memory_new(sizeof *question);
    if (question == NULL)
        return &fault_no_memory;
    *question = (struct dns_question){
        .rules = &client->rules,
        .upstream = &client->upstreams[resolver],
        .owner = *owner,
        .type = type,
        .done = done,
        .context = context,
        .message = buffer_with_limit(DNS_MESSAGE_MAX),
        .refusal = buffer_with_limit(DNS_MESSAGE_MAX),
    };
    dns_question_move(question, &question->upstream->waiting);
    event_active(client->rules.work, EV_TIMEOUT, 0);
    return OK;
}

result dns_ask_caa(struct dns_client *client, size_t resolver, const struct dns_name *owner, dns_caa_done *done, void *context) {
    return dns_ask(client, resolver, owner, DNS_TYPE_CAA, done, context);
}

static void cancel_in(struct dns_questions *questions, const void *context) {
    struct dns_question *next;
    for (struct dns_question *question = TAILQ_FIRST(questions); question != NULL; question = next) {
        next = TAILQ_NEXT(question, entry);
        if (question->context != context)
            continue;
        if (question->list != &question->upstream->waiting)
            question->upstream->in_flight--;
        dns_question_free(question);
    }
}

void dns_cancel(struct dns_client *client, void *context) {
    cancel_in(&client->rules.asked, context);
    cancel_in(&client->rules.ended, context);
    for (size_t i = 0; i < client->upstream_count; i++)
        cancel_in(&client->upstreams[i].waiting, context);
    event_active(client->rules.work, EV_TIMEOUT, 0); /* there may be a turn for others now */
}
