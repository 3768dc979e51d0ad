#include "wording/message.h"

#include "base/memory.h"
#include "base/text.h"
#include "wording/evidence.h"
#include "wording/sentence.h"

void message_done(struct message *message) {
    buffer_done(&message->subject);
    buffer_done(&message->sentence);
    page_done(&message->page);
}

/* A test, whatever its rule, is worded as one: nobody should take it for a finding. */
static const struct rule *rule_of(const struct alert *alert) {
    return rule_find(alert->is_test && alert->finding_id == 0 ? "channel.test" : alert->rule);
}

static void write_sentence(struct message *message, const struct alert *alert) {
    if (!sentence_add(&message->sentence, message->rule->sentence, alert))
        buffer_printf(&message->sentence, "%s.", message->rule->title);
}

static const char *mark_of(const struct alert *alert) {
    return alert->is_test ? "TEST: " : alert_flag(alert, "is_drill") ? "DRILL: " : "";
}

/* What the subject names after the title: the matched name, the log or the channel. */
static const char *object_of(const struct alert *alert) {
    static const char *const lists[] = {"matched_names", "names", "watches"};
    static const char *const texts[] = {"description", "url", "log_id", "list", "channel"};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        if (alert_first(alert, lists[i])[0] != '\0')
            return alert_first(alert, lists[i]);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (alert_text(alert, texts[i])[0] != '\0')
            return alert_text(alert, texts[i]);
    return "";
}

static void cut_at(struct buffer *text, size_t limit) {
    if (text->size <= limit)
        return;
    size_t size = limit;
    while (size > 0 && (text->bytes[size] & 0xc0) == 0x80)
        size--;
    text->size = size;
    text->bytes[size] = '\0';
}

static void write_subject(struct message *message, const struct alert *alert) {
    const char *object = object_of(alert);
    buffer_printf(&message->subject, "%s[pinwatch ", mark_of(alert));
    text_add_harmless(&message->subject, span_of(alert->severity, strnlen(alert->severity, 20)));
    buffer_printf(&message->subject, "] %s", message->rule->title);
    if (message->rule->name[0] == '\0') {
        buffer_add_text(&message->subject, " ");
        text_add_harmless(&message->subject, span_of(alert->rule, strnlen(alert->rule, 80)));
    }
    if (object[0] != '\0') {
        buffer_add_text(&message->subject, ": ");
        text_add_harmless(&message->subject, span_of(object, strnlen(object, SUBJECT_SIZE_MAX)));
    }
    cut_at(&message->subject, SUBJECT_SIZE_MAX);
}

static void write_steps(struct message *message, const struct alert *alert) {
    CLEANUP(buffer_done) struct buffer step = buffer_with_limit(SENTENCE_SIZE_MAX);
    unsigned number = 0;
    page_heading(&message->page, "What to do next");
    page_steps_begin(&message->page);
    for (size_t i = 0; i < RULE_STEPS_MAX && message->rule->steps[i] != NULL; i++) {
        buffer_reset(&step);
        if (sentence_add(&step, message->rule->steps[i], alert))
            page_step(&message->page, ++number, buffer_text(&step));
    }
    page_steps_end(&message->page);
}

static void write_footer(struct message *message, const struct alert *alert) {
    CLEANUP(buffer_done) struct buffer line = buffer_with_limit(SENTENCE_SIZE_MAX);
    buffer_add_text(&line, "rule ");
    text_add_harmless(&line, span_of(alert->rule, strnlen(alert->rule, 80)));
    buffer_add_text(&line, ", severity ");
    text_add_harmless(&line, span_of(alert->severity, strnlen(alert->severity, 20)));
    buffer_printf(&line, ", alert %lld", (long long) alert->alert_id);
    if (alert->finding_id > 0)
        buffer_printf(&line, ", finding %lld", (long long) alert->finding_id);
    page_paragraph(&message->page, buffer_text(&line));
}

static void write_page(struct message *message, const struct alert *alert) {
    CLEANUP(buffer_done) struct buffer meaning = buffer_with_limit(SENTENCE_SIZE_MAX);
    struct page *page = &message->page;
    page_begin(page, buffer_text(&message->subject));
    if (alert->is_test && alert->finding_id != 0)
        page_paragraph(page, "This is a test alert.");
    if (alert_flag(alert, "is_drill"))
        page_paragraph(page, "This is a fire drill: the certificate was made by pinwatch's own test authority.");
    page_paragraph(page, buffer_text(&message->sentence));
    if (sentence_add(&meaning, message->rule->meaning, alert))
        page_paragraph(page, buffer_text(&meaning));
    page_heading(page, "Evidence");
    evidence_add(page, alert);
    write_steps(message, alert);
    write_footer(message, alert);
    page_end(page);
}

result message_write(const struct alert *alert, struct message *ret_message) {
    uint64_t mark = memory_mark();
    CLEANUP(message_done) struct message message = {
        .rule = rule_of(alert),
        .subject = buffer_with_limit(4 * SENTENCE_SIZE_MAX),
        .sentence = buffer_with_limit(4 * SENTENCE_SIZE_MAX),
        .page = page_new(),
    };
    write_subject(&message, alert);
    write_sentence(&message, alert);
    write_page(&message, alert);
    TRY(buffer_check(&message.subject));
    TRY(buffer_check(&message.sentence));
    TRY(buffer_check(&message.page.text));
    TRY(buffer_check(&message.page.html));
    if (memory_mark() != mark) /* some sentence was left out */
        return &fault_no_memory;
    *ret_message = message;
    message = (struct message){0};
    return OK;
}
