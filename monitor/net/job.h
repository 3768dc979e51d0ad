/* What net.c and transfer.c share: one easy handle under way on the loop. Private to net/. */
#pragma once

#include "net/transfer.h"

struct net_job {
    struct net *net;
    CURL *easy;
    void (*finished)(struct net_job *job, CURLcode code); /* the job is off the list; may free it */
    void (*dropped)(struct net_job *job);                 /* the same without any call back */
    struct net_job *next;
    struct net_job **back; /* what points here; NULL when not under way */
};

/* Puts the job's handle on the loop. CURLOPT_PRIVATE of the handle is taken. */
MUST_CHECK result net_job_start(struct net *net, struct net_job *job);
/* Takes it off without any call. */
void net_job_stop(struct net_job *job);

const struct net_options *net_options_of(const struct net *net);
/* A handle without options, kept from an earlier transfer where there is one; NULL without memory. */
CURL *net_take_easy(struct net *net);
void net_give_easy(struct net *net, CURL *easy);
