/* The reports that came with a reader's answer, checked against what was asked: a reader may have been taken over. */
#pragma once

#include "base/arena.h"
#include "formats/reader_message.h"

/* `answer` has passed reader_answer_check; `reports` is the owner's copy of the answer area. Each report must be readable, they go
 * upwards among the entries (certificates) that were asked for and that the answer covers, there are as many as the answer says,
 * and a certificate hashes to what the report says. `arena` is reset for each. Errors: fault_reader_message, fault_report_format,
 * fault_no_memory. */
MUST_CHECK result reader_reports_check(const struct reader_answer *answer, const struct reader_request *request, struct span reports,
                                       struct arena *arena);
