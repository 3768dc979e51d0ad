/* What each rule is called, how grave it is, and what is said about it. */
#pragma once

#include <stdbool.h>

#define RULE_STEPS_MAX 5

/* Where the rule's facts come from, and which event an existing certspotter hook is told. */
enum rule_family { RULE_OF_CERTIFICATE, RULE_OF_ENTRY, RULE_OF_LOG, RULE_OF_SERVICE };

struct rule {
    const char *name;     /* "" stands for every rule that the table does not know */
    const char *severity; /* default: info, notice, warning, critical */
    enum rule_family family;
    const char *title;    /* a few words, for a subject line */
    const char *sentence; /* with {placeholders}, see sentence.h */
    const char *meaning;
    const char *steps[RULE_STEPS_MAX]; /* what to do next, with {placeholders}; a step whose fact is missing is left out */
};

/* Never NULL: an unknown name gives the entry with the name "". */
const struct rule *rule_find(const char *name);
/* The table, for documentation and tests; ends with the entry with the name "". */
const struct rule *rule_table(void);
