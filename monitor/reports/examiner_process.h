/* The examiner as its owner sees it: started, asked one report at a time, ended when it takes too long, started again when it died. */
#pragma once

#include <event2/event.h>

#include "base/reason.h"
#include "base/span.h"

enum examination { EXAMINED, EXAMINATION_REFUSED, EXAMINATION_DIED };

struct examiner_options {
    struct event_base *loop;
    void *context;
    /* It is ready for the next report. */
    void (*on_ready)(void *context);
    /* About the report it was given: its text, why it is refused, or nothing (""). What stands in `text` is the examiner's word. */
    void (*on_answer)(void *context, enum examination what, struct span text);
};

struct examiner_process;
/* Starts it soon. Error: fault_no_memory. */
MUST_CHECK result examiner_process_new(const struct examiner_options *options, struct examiner_process **ret_process);
void examiner_process_free(struct examiner_process *process);
bool examiner_process_is_ready(const struct examiner_process *process);
/* Gives it a report; only while it is ready. `now`: Unix seconds. on_answer follows, always. */
void examiner_process_ask(struct examiner_process *process, struct span body, int64_t now);
