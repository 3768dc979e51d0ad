/* One question to one resolver, from its turn to its answer: tries, EDNS given up, the second question with CD=1. Private to net/. */
#pragma once

#include "base/arena.h"
#include "base/buffer.h"
#include "net/dns_upstream.h"

#define DNS_ATTEMPTS_MAX 5

/* What the questions of one client share. */
struct dns_rules {
    unsigned attempts, attempt_ms, deadline_ms, queries_per_channel;
    struct dns_channels channels;
    struct dns_questions asked, ended; /* whose turn has come; whose fate is known */
    struct event *work;                /* to be woken when something ended */
};

struct dns_try {
    struct dns_exchange *exchange; /* NULL: over */
    uint16_t id;
    bool has_edns;
};

struct dns_question {
    TAILQ_ENTRY(dns_question) entry;
    struct dns_questions *list; /* that it is in */
    struct dns_rules *rules;
    struct dns_upstream *upstream;
    struct dns_name owner;
    uint16_t type;
    dns_caa_done *done;
    void *context;
    struct event *pause, *deadline;
    struct dns_try tries[DNS_ATTEMPTS_MAX + 1]; /* one more: a resolver that cannot do EDNS is asked again at once */
    unsigned sent;
    bool is_checking_disabled; /* this is the second question, after SERVFAIL */
    enum dns_transport how;    /* how it ended: */
    struct dns_try taken;      /* the try that was answered */
    struct buffer message;
    int64_t answered_ms;
    struct buffer refusal;     /* the message with SERVFAIL */
};

/* Puts it at the end of `list`, off the one where it was. */
void dns_question_move(struct dns_question *question, struct dns_questions *list);
/* Its turn: sends it. It ends up in `ended`, which wakes `work`. */
void dns_question_start(struct dns_question *question);
/* Judges a question that has ended. False: it was asked once more, and is in `asked` again. Everything in the answer is in `arena`. */
bool dns_question_judge(struct dns_question *question, struct arena *arena, struct caa_answer *ret_answer);
void dns_question_free(struct dns_question *question);
