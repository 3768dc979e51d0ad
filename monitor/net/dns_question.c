#include "net/dns_question.h"

#include <sys/random.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/text.h"

#define UNREACHABLE_PAUSE_PARTS 8 /* of attempt_ms: a resolver that is being started again needs a moment */

void dns_question_move(struct dns_question *question, struct dns_questions *list) {
    if (question->list != NULL)
        TAILQ_REMOVE(question->list, question, entry);
    question->list = list;
    if (list != NULL)
        TAILQ_INSERT_TAIL(list, question, entry);
}

static void forget_tries(struct dns_question *question) {
    for (size_t i = 0; i < sizeof question->tries / sizeof question->tries[0]; i++)
        if (question->tries[i].exchange != NULL)
            dns_exchange_forget(TAKE(question->tries[i].exchange));
}

static bool is_under_way(const struct dns_question *question) {
    for (size_t i = 0; i < question->sent; i++)
        if (question->tries[i].exchange != NULL)
            return true;
    return false;
}

static void end(struct dns_question *question, enum dns_transport how) {
    question->how = how;
    question->answered_ms = clock_wall_ms();
    forget_tries(question);
    if (question->pause != NULL)
        evtimer_del(question->pause);
    dns_question_move(question, &question->rules->ended);
    event_active(question->rules->work, EV_TIMEOUT, 0);
}

static bool start_timer(struct event *timer, unsigned wait_ms) {
    struct timeval wait = {.tv_sec = wait_ms / 1000, .tv_usec = (suseconds_t) (wait_ms % 1000) * 1000};
    return evtimer_add(timer, &wait) == 0;
}

static void pause_for(struct dns_question *question, unsigned wait_ms) {
    if (!start_timer(question->pause, wait_ms))
        end(question, DNS_NO_MEANS);
}

/* dns_exchange_done */
static void on_exchange(void *context, const struct dns_exchange *exchange, enum dns_transport how, struct span message) {
    struct dns_question *question = context;
    for (size_t i = 0; i < question->sent; i++) {
        if (question->tries[i].exchange != exchange)
            continue;
        question->tries[i].exchange = NULL;
        question->taken = question->tries[i];
    }
    question->how = how;
    buffer_reset(&question->message);
    if (how == DNS_CARRIED)
        end(question, buffer_add(&question->message, message) ? DNS_CARRIED : DNS_NO_MEANS);
    else if (!is_under_way(question))
        pause_for(question, question->rules->attempt_ms / UNREACHABLE_PAUSE_PARTS);
}

static result channel_for(struct dns_question *question, bool has_edns, struct dns_channel **ret_channel) {
    struct dns_channel **place = &question->upstream->channels[has_edns];
    if (*place != NULL && dns_channel_sent(*place) >= question->rules->queries_per_channel)
        dns_channel_retire(TAKE(*place));
    if (*place == NULL)
        TRY(dns_channel_new(&question->rules->channels, &question->upstream->address, has_edns, place));
    *ret_channel = *place;
    return OK;
}

/* The last try does without EDNS, where none was ever seen to work: some middleboxes drop what they do not know. */
static bool wants_edns(const struct dns_question *question) {
    bool is_last = question->sent > 0 && question->sent + 1 >= question->rules->attempts;
    return dns_upstream_takes_edns(question->upstream) && (question->upstream->edns == EDNS_WORKS || !is_last);
}

static result send_query(struct dns_question *question, bool has_edns) {
    struct dns_try *next = &question->tries[question->sent];
    struct dns_query query = {.name = question->owner, .type = question->type, .has_edns = has_edns, .wants_signatures = question->type != DNS_TYPE_CAA,
                              .is_checking_disabled = question->is_checking_disabled};
    CLEANUP(buffer_done) struct buffer message = buffer_with_limit(DNS_UDP_SIZE);
    struct dns_channel *channel;
    if (getrandom(&query.id, sizeof query.id, GRND_NONBLOCK) != (ssize_t) sizeof query.id)
        return &fault_machine;
    TRY(dns_query_write(&query, &message));
    TRY(channel_for(question, has_edns, &channel));
    next->id = query.id;
    next->has_edns = has_edns;
    question->sent++;
    return dns_channel_send(channel, buffer_span(&message), on_exchange, question, &next->exchange);
}

static void send_next(struct dns_question *question, bool has_edns) {
    unsigned wait_ms = question->rules->attempt_ms << question->sent;
    result outcome = send_query(question, has_edns);
    if (outcome != OK)
        end(question, DNS_NO_MEANS);
    else if (question->list == &question->rules->asked && is_under_way(question))
        pause_for(question, wait_ms);
}

/* A connection that went silent may stay so, and so may a port: the next questions get new ones. */
static void retire_silent_channels(struct dns_question *question) {
    for (size_t i = 0; i < question->sent; i++) {
        if (question->tries[i].exchange == NULL)
            continue;
        struct dns_channel **place = &question->upstream->channels[question->tries[i].has_edns];
        if (*place == dns_exchange_channel(question->tries[i].exchange))
            dns_channel_retire(TAKE(*place));
    }
}

static void on_pause(evutil_socket_t unused_socket, short unused_events, void *context) {
    (void) unused_socket;
    (void) unused_events;
    struct dns_question *question = context;
    bool is_silent = is_under_way(question);
    retire_silent_channels(question);
    if (question->sent < question->rules->attempts) {
        send_next(question, wants_edns(question));
        return;
    }
    if (is_silent && question->upstream->edns == EDNS_WORKS)
        question->upstream->edns = EDNS_UNKNOWN; /* perhaps another one answers there next time */
    end(question, is_silent ? DNS_SILENT : question->how);
}

static void on_deadline(evutil_socket_t unused_socket, short unused_events, void *context) {
    (void) unused_socket;
    (void) unused_events;
    struct dns_question *question = context;
    if (question->list == &question->rules->asked)
        end(question, is_under_way(question) ? DNS_SILENT : question->how);
}

void dns_question_start(struct dns_question *question) {
    struct event_base *loop = question->rules->channels.loop;
    dns_question_move(question, &question->rules->asked);
    question->upstream->in_flight++;
    question->how = DNS_NO_MEANS;
    question->pause = evtimer_new(loop, on_pause, question);
    question->deadline = evtimer_new(loop, on_deadline, question);
    if (question->pause == NULL || question->deadline == NULL || !start_timer(question->deadline, question->rules->deadline_ms))
        end(question, DNS_NO_MEANS);
    else
        send_next(question, wants_edns(question));
}

static const char *const transport_words[][2] = {
    [DNS_UNREACHABLE] = {"unreachable", "the resolver cannot be reached"},
    [DNS_SILENT] = {"timeout", "no answer came in time"},
    [DNS_NO_MEANS] = {"unreachable", "this machine lacked memory or descriptors to ask"},
};

static bool is_the_answer(const struct dns_question *question, const struct dns_message *message) {
    return message->is_response && message->opcode == 0 && message->id == question->taken.id && message->has_question &&
           message->question_type == question->type && dns_name_equal(&message->question, &question->owner);
}

static result read_message(const struct dns_question *question, const struct buffer *bytes, struct arena *arena, struct dns_message *ret_message,
                           struct caa_answer *ret_answer) {
    struct reason reason = {""};
    result outcome = dns_message_parse(buffer_span(bytes), arena, ret_message, &reason);
    if (outcome != OK && outcome->family == FAULT_RETRY)
        return outcome;
    if (outcome != OK) {
        const char *detail = arena_copy_text(arena, reason.text);
        *ret_answer = caa_answer_failed("malformed", detail != NULL ? detail : "");
        return OK;
    }
    return dns_answer_of_message(ret_message, &question->owner, question->type, question->upstream->is_validating, arena, ret_answer);
}

/* Asks the same with CD=1. False when the time is over. */
static bool ask_unchecked(struct dns_question *question) {
    if (!evtimer_pending(question->deadline, NULL))
        return false;
    struct buffer nothing = question->refusal;
    question->refusal = question->message;
    question->message = nothing;
    question->is_checking_disabled = true;
    question->sent = 0;
    dns_question_move(question, &question->rules->asked);
    send_next(question, wants_edns(question));
    return true;
}

static bool ask_without_edns(struct dns_question *question) {
    if (!question->taken.has_edns || !evtimer_pending(question->deadline, NULL))
        return false;
    dns_question_move(question, &question->rules->asked);
    send_next(question, false);
    return true;
}

/* A server that knows EDNS answers with OPT (RFC 6891 7); one that fails in other ways may leave it out. */
static void learn_edns(struct dns_question *question, const struct dns_message *message) {
    bool is_telling = message->rcode == DNS_NOERROR || message->rcode == DNS_NXDOMAIN || message->rcode == DNS_FORMERR || message->rcode == DNS_NOTIMP;
    bool was_silent = question->sent > 1 && question->tries[0].has_edns && question->upstream->edns == EDNS_UNKNOWN;
    if (question->taken.has_edns && message->has_edns)
        dns_upstream_learn_edns(question->upstream, true);
    else if (is_telling && (question->taken.has_edns || was_silent))
        dns_upstream_learn_edns(question->upstream, false);
}

static void refuse_for_transport(enum dns_transport how, struct caa_answer *ret_answer) {
    *ret_answer = caa_answer_failed(transport_words[how][0], transport_words[how][1]);
    ret_answer->is_ours = how == DNS_NO_MEANS;
}

/* Back to what the first message said, now that the second question brought nothing. */
static void judge_refusal(struct dns_question *question, struct arena *arena, struct caa_answer *ret_answer) {
    struct dns_message message;
    question->is_checking_disabled = false;
    if (read_message(question, &question->refusal, arena, &message, ret_answer) != OK)
        refuse_for_transport(DNS_NO_MEANS, ret_answer);
}

/* The second question: is there an answer once nobody validates? */
static void judge_unchecked(struct dns_question *question, struct arena *arena, struct caa_answer *ret_answer) {
    struct dns_message message = {0};
    bool has_answer = question->how == DNS_CARRIED && read_message(question, &question->message, arena, &message, ret_answer) == OK &&
                      is_the_answer(question, &message) && (message.rcode == DNS_NOERROR || message.rcode == DNS_NXDOMAIN);
    if (has_answer) {
        *ret_answer = caa_answer_failed("bogus", "the resolver answers SERVFAIL, and without validation (CD=1) it has an answer");
        ret_answer->outcome = CAA_BOGUS;
        return;
    }
    judge_refusal(question, arena, ret_answer);
}

/* False: asked once more. */
static bool judge_first(struct dns_question *question, struct arena *arena, struct caa_answer *ret_answer) {
    struct dns_message message = {0};
    if (question->how != DNS_CARRIED) {
        refuse_for_transport(question->how, ret_answer);
        return true;
    }
    if (read_message(question, &question->message, arena, &message, ret_answer) != OK) {
        refuse_for_transport(DNS_NO_MEANS, ret_answer);
        return true;
    }
    if (!is_the_answer(question, &message)) {
        if (ret_answer->outcome != CAA_FAILED)
            *ret_answer = caa_answer_failed("malformed", "the answer is not one to our question");
        return true;
    }
    learn_edns(question, &message);
    if ((message.rcode == DNS_FORMERR || message.rcode == DNS_NOTIMP) && ask_without_edns(question))
        return false;
    return !(message.rcode == DNS_SERVFAIL && ret_answer->outcome == CAA_FAILED && ask_unchecked(question));
}

bool dns_question_judge(struct dns_question *question, struct arena *arena, struct caa_answer *ret_answer) {
    if (question->is_checking_disabled)
        judge_unchecked(question, arena, ret_answer);
    else if (!judge_first(question, arena, ret_answer))
        return false;
    ret_answer->is_from_validator = question->upstream->is_validating;
    ret_answer->answered_ms = question->answered_ms;
    return true;
}

void dns_question_free(struct dns_question *question) {
    forget_tries(question);
    dns_question_move(question, NULL);
    if (question->pause != NULL)
        event_free(question->pause);
    if (question->deadline != NULL)
        event_free(question->deadline);
    buffer_done(&question->message);
    buffer_done(&question->refusal);
    memory_free(question);
}
