#include "vector_files.h"


#include "base/memory.h"
#include "rules/caa_answer.h"
#include "vector_text.h"

static void add_records(const struct caa_answer *answer, struct buffer *out) {
    for (size_t i = 0; i < answer->record_count; i++) {
        buffer_add_text(out, i == 0 ? " [" : ", ");
        caa_record_to_text(&answer->records[i], out);
    }
    if (answer->record_count > 0)
        buffer_add_text(out, "]");
}

/* An answer in one line: outcome, why, marks, TTL, chain, records, detail. */
static void describe(const struct caa_answer *answer, struct buffer *out) {
    buffer_add_text(out, caa_outcome_name(answer->outcome));
    if (answer->why[0] != '\0')
        buffer_printf(out, " %s", answer->why);
    buffer_printf(out, "%s%s%s ttl=%u", answer->is_from_validator ? " validator" : "", answer->is_authenticated ? " ad" : "",
                  answer->is_nonexistent ? " nxdomain" : "", answer->ttl_s);
    for (size_t i = 0; i < answer->chain_count; i++)
        buffer_printf(out, " > %s", answer->chain[i]);
    add_records(answer, out);
    if (answer->detail[0] != '\0')
        buffer_printf(out, " (%s)", answer->detail);
}

/* As the client does it: parsed, judged, copied to where it is kept. What the parser refuses is its fault and sentence. */
static void judge_message(struct span bytes, const struct dns_name *asked, bool is_validator, struct buffer *out) {
    struct arena *arena = arena_new(DNS_MESSAGE_ARENA), *kept = arena_new(DNS_MESSAGE_ARENA);
    struct dns_message message;
    struct reason reason;
    struct caa_answer answer, copy;
    result outcome = dns_message_parse(bytes, arena, &message, &reason);
    if (outcome != OK) {
        buffer_printf(out, "error %s: %s", outcome->name, reason.text);
    } else {
        assert_ptr_equal(caa_answer_of_message(&message, asked != NULL ? asked : &message.question, is_validator, arena, &answer), OK);
        assert_ptr_equal(caa_answer_copy(&answer, kept, &copy), OK);
        assert_true(caa_answer_says_same(&answer, &copy));
        arena_reset(arena);
        describe(&copy, out);
    }
    arena_free(arena);
    arena_free(kept);
}

static void every_reply_file_of_c_ares_is_judged_as_it_should_be(void **state) {
    (void) state;
    static const struct {
        const char *file, *wanted;
    } replies[] = {
        {"01-ParseCaaReplyMultipleOK", "records ttl=547 [0 iodef \"mailto:dns-admin@wikimedia.org\", 0 issue \"digicert.com\", "
                                       "0 issue \"globalsign.com\", 0 issue \"letsencrypt.org\"]"},
        {"02-ParseCaaReplySingleOK", "records ttl=82878 [0 issue \"pki.goog\"]"},
        {"03-ParseCaaBogusReply1", "failed malformed ttl=0 (a CAA record of google.com: the tag is empty, wanted at least one letter or digit "
                                   "(RFC 8659 4.1))"},
        {"04-ParseCaaBogusReply2", "failed malformed ttl=0 (a CAA record of google.com: the tag should have 14 bytes, 13 are left (RFC 8659 4.1))"},
        {"05-ParseCaaBogusReply3", "error dns.message: record 1 of the answer section: its data are longer than what is left of the message "
                                   "(RFC 1035 4.1.3)"},
        {"06-ParseCaaEmptyReply", "empty ttl=600"},
        {"07-ParseNegativeReply", "empty ttl=600"},
    };
    for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
        char path[200];
        struct buffer line = buffer_with_limit(4096);
        snprintf(path, sizeof path, "c-caa-dns/c-ares/%s.bin", replies[i].file);
        struct buffer bytes = corpus_read(path);
        judge_message(buffer_span(&bytes), NULL, false, &line);
        assert_string_equal(buffer_text(&line), replies[i].wanted);
        buffer_done(&bytes);
        buffer_done(&line);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reply_file_of_c_ares_is_judged_as_it_should_be),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
