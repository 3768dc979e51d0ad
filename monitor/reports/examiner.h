/* The process that reads reports: started anew from the same program, with one socket and nothing else, and closed in like a reader of certificates before it sees
 * the first foreign byte. Who was taken over by a report can say what it likes of that report, and of those after it, and nothing more. */
#pragma once

#include <stdint.h>

#define EXAMINER_WORD "--examine" /* the argument that makes the program one */

struct examiner_request {
    uint32_t size; /* of the body that follows; at most CLIENT_REPORT_SIZE_MAX */
    uint32_t zero;
    int64_t now;   /* Unix seconds */
};

enum examiner_status { EXAMINER_TEXT = 1, EXAMINER_REFUSAL = 2 };

struct examiner_answer {
    uint32_t status; /* what follows: the report's text, or why it was refused; 0 at the start, when it is ready */
    uint32_t size;   /* at most EXAMINE_TEXT_MAX */
};

/* Serves standard input and output until that ends. The exit code. */
int examiner_serve(void);
