/* From a body to an answer: reports wait for the examiner, then for the database, and are answered when they are committed. */
#pragma once

#include <event2/event.h>

#include "reports/rate.h"
#include "store/client_reports.h"

enum { INTAKE_WAITING_MAX = 256 };

/* What is to be answered: a status of HTTP (RFC 9110 15) and a sentence. */
struct intake_answer {
    unsigned status;
    const char *sentence;
    unsigned retry_after_s; /* 0: none */
};

/* A report on its way. Its owner keeps it until it is answered or forgotten. */
struct intake_item {
    struct intake_item *next;
    struct span body;                   /* the owner's, until it is answered */
    char source[RATE_SOURCE_SIZE];
    char *text;                         /* owned: what the examiner made of it */
    enum { INTAKE_NOWHERE, INTAKE_WAITS, INTAKE_ASKED, INTAKE_EXAMINED, INTAKE_STORED } place;
    void *owner;
};

struct intake_options {
    struct event_base *loop;
    struct store *store;
    struct rate *rate;
    unsigned room; /* distinct ones that a tenant keeps a day */
    void (*on_answer)(struct intake_item *item, const struct intake_answer *answer);
};

struct intake;
MUST_CHECK result intake_new(const struct intake_options *options, struct intake **ret_intake);
/* Forgets what waits, without an answer. */
void intake_free(struct intake *intake);
/* Takes an item with its body and source; on_answer follows, perhaps at once. */
void intake_take(struct intake *intake, struct intake_item *item);
/* Its owner goes: nobody is answered any more. */
void intake_forget(struct intake *intake, struct intake_item *item);
/* Counts one that was refused before its body was read. */
void intake_count(struct intake *intake, enum client_report_outcome outcome);
/* Stores what is examined and counted, now; at the end of the program. */
void intake_flush(struct intake *intake);
