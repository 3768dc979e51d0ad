/* What a person is told about one alert, in the forms that channels need. */
#pragma once

#include "base/result.h"
#include "wording/alert.h"
#include "wording/page.h"
#include "wording/rules.h"

#define SUBJECT_SIZE_MAX  250
#define SENTENCE_SIZE_MAX 2000

struct message {
    const struct rule *rule;
    struct buffer subject;  /* one line, harmless, UTF-8, at most SUBJECT_SIZE_MAX bytes */
    struct buffer sentence; /* one line: what happened */
    struct page page;
};

/* Fills `ret_message` (message_done). The alert's texts are made harmless here; nothing of it is borrowed. Errors: no memory. */
MUST_CHECK result message_write(const struct alert *alert, struct message *ret_message);
void message_done(struct message *message);
