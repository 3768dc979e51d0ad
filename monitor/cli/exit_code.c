#include "cli/exit_code.h"

#include <stdio.h>

#include "base/buffer.h"
#include "base/last_words.h"
#include "base/memory.h"
#include "base/text.h"

int exit_code_of(result outcome) {
    static const int codes[] = {
        [FAULT_RETRY] = EXIT_UNAVAILABLE, [FAULT_INPUT] = EXIT_DATA, [FAULT_LOG] = EXIT_FINDING,
        [FAULT_SETTINGS] = EXIT_SETTINGS, [FAULT_BUG] = EXIT_BUG,
    };
    return outcome == OK ? EXIT_OK : codes[outcome->family];
}

int exit_with(result outcome, const struct reason *reason) {
    CLEANUP(buffer_done) struct buffer words = buffer_with_limit(8 * (size_t) REASON_SIZE);
    struct reason own;
    if (reason == NULL || reason->text[0] == '\0') {
        reason_of_fault(outcome, &own);
        reason = &own;
    }
    text_add_harmless(&words, span_of_text(reason->text));
    if (outcome != OK)
        fprintf(stderr, "pinwatch: %s\n", buffer_text(&words));
    if (outcome != OK)
        last_words_write(buffer_text(&words));
    return exit_code_of(outcome);
}
