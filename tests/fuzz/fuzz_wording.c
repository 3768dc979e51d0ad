/* Alerts with any body, for every rule: what a person is shown cannot steer a terminal, holds no markup of others, and is one line
 * where it must be.
 *
 * The input: one byte that chooses the rule, then the body in JSON.
 *
 * library: wording
 * parser: wording/sentence.c wording/evidence.c wording/message.c wording/page.c wording/alert.c
 * seeds: alert-body
 * leaves: alert_number */
#include <jansson.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "fuzz/harness.h"
#include "wording/message.h"
#include "wording/rules.h"

static bool is_harmless(struct span text, bool may_break) {
    for (size_t at = 0; at < text.size;) {
        uint32_t point = 0;
        size_t step = utf8_next(text, at, &point);
        if (step == 0 || (point < ' ' && !(may_break && point == '\n')) || (point >= 0x7f && point < 0xa0) ||
            (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) || (point >= 0x2066 && point <= 0x2069))
            return false;
        at += step;
    }
    return true;
}

/* Nothing of the body may become markup: a text that begins a tag stands in it only as a reference. */
static void check(const struct message *message) {
    require(is_harmless(buffer_span(&message->subject), false) && is_harmless(buffer_span(&message->sentence), false));
    require(message->subject.size <= SUBJECT_SIZE_MAX);
    require(is_harmless(buffer_span(&message->page.text), true) && is_harmless(buffer_span(&message->page.html), true));
    require(memmem(message->page.html.bytes, message->page.html.size, "<script", 7) == NULL);
}

static const struct rule *rule_of(uint8_t choice) {
    const struct rule *table = rule_table();
    size_t count = 1;
    while (table[count - 1].name[0] != '\0')
        count++;
    return &table[choice % count];
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct cursor input = cursor_of(span_of(bytes, size));
    uint8_t choice = next_choice(&input);
    const struct rule *rule = rule_of(choice);
    struct span text = rest_of(&input);
    json_t *body = json_loadb((const char *) text.bytes, text.size, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(body)) {
        CLEANUP(message_done) struct message message;
        struct alert alert = {.tenant_id = 1, .alert_id = 5, .finding_id = 9, .rule = rule->name, .severity = "critical", .body = body,
                              .is_test = choice >= 0x80, .pem = ""};
        require(message_write(&alert, &message) == OK);
        check(&message);
    }
    json_decref(body);
    return 0;
}
