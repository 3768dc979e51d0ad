#include "vector_files.h"


#include <dirent.h>

#include "base/memory.h"
#include "rules/caa_answer.h"
#include "vector_notation.h"
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

static void judge(struct span input, char *ret_line, size_t size) {
    struct buffer line = buffer_with_limit(size);
    struct dns_name asked;
    assert_ptr_equal(dns_name_from_text(span_of_text("www.example"), &asked, NULL), OK);
    judge_message(span_of(input.bytes + 1, input.size - 1), &asked, input.bytes[0] != 0, &line);
    snprintf(ret_line, size, "%s", buffer_text(&line));
    buffer_done(&line);
}

static void an_answer_means_what_the_rules_say(void **state) {
    (void) state;
    vector_texts_check("caa-answer", judge);
}

/* An answer about www.example with so many records: issue "<number>.example", or the smallest that there can be. */
static struct buffer answer_of_records(size_t count, bool is_smallest) {
    static const uint8_t question[] = "\3www\7example\0\1\1\0\1";
    struct buffer message = buffer_with_limit(DNS_MESSAGE_MAX);
    const uint64_t header[] = {0x1234, 0x8180, 1, count, 0, 0};
    for (size_t i = 0; i < 6; i++)
        buffer_add_number(&message, 2, header[i]);
    buffer_add(&message, span_of(question, sizeof question - 1));
    for (size_t i = 0; i < count; i++) {
        char value[30];
        snprintf(value, sizeof value, "%zu.example", i);
        buffer_add_number(&message, 2, 0xc00c);
        buffer_add_number(&message, 2, DNS_TYPE_CAA);
        buffer_add_number(&message, 2, 1);
        buffer_add_number(&message, 4, 300);
        buffer_add_number(&message, 2, is_smallest ? 2 + 1 + 2 : 2 + 5 + strlen(value));
        buffer_add_number(&message, 1, 0);
        buffer_add_vector(&message, 1, span_of_text(is_smallest ? "x" : "issue"));
        if (is_smallest)
            buffer_add_number(&message, 2, i);
        else
            buffer_add_text(&message, value);
    }
    assert_false(message.failed);
    return message;
}

static void check_count(size_t count, bool is_smallest) {
    struct arena *arena = arena_new(DNS_MESSAGE_ARENA);
    struct buffer bytes = answer_of_records(count, is_smallest);
    struct dns_message message;
    struct reason reason;
    struct caa_answer answer;
    assert_ptr_equal(dns_message_parse(buffer_span(&bytes), arena, &message, &reason), OK);
    assert_ptr_equal(caa_answer_of_message(&message, &message.question, false, arena, &answer), OK);
    assert_int_equal(answer.outcome, CAA_RECORDS);
    assert_int_equal(answer.record_count, count);
    for (size_t i = 1; i < count; i++)
        assert_true(caa_record_compare(&answer.records[i - 1], &answer.records[i]) < 0);
    buffer_done(&bytes);
    arena_free(arena);
}

static void a_thousand_and_one_records_are_an_answer_like_any_other(void **state) {
    (void) state;
    check_count(1001, false);
}

static void as_many_records_as_64_kilobytes_can_hold_are_taken(void **state) {
    (void) state;
    check_count((DNS_MESSAGE_MAX - 29) / 17, true);
}

/* Owners are chains of pointers as long as may be, and each record is an alias of the next. */
static void a_message_full_of_pointers_fits_the_arena_and_is_judged(void **state) {
    (void) state;
    struct arena *arena = arena_new(DNS_MESSAGE_ARENA);
    struct buffer bytes = buffer_with_limit(DNS_MESSAGE_MAX);
    struct dns_message message;
    struct reason reason;
    struct caa_answer answer;
    size_t room = (DNS_MESSAGE_MAX - 29 - 254) / 14;
    const uint64_t header[] = {0x1234, 0x8180, 1, 1 + room, 0, 0};
    for (size_t i = 0; i < 6; i++)
        buffer_add_number(&bytes, 2, header[i]);
    buffer_add(&bytes, span_of("\3www\7example\0\1\1\0\1", 17));
    buffer_add(&bytes, span_of("\0\0\1\0\1\0\0\0\0\0\374", 11)); /* an address record whose data are 126 pointers */
    for (size_t i = 0; i < 126; i++)
        buffer_add_number(&bytes, 2, i == 0 ? 0xc00c : 0xc000 + bytes.size - 2);
    for (size_t i = 0; i < room; i++) {
        buffer_add_number(&bytes, 2, 0xc000 + 29 + 11 + 250);
        buffer_add_number(&bytes, 2, DNS_TYPE_CNAME);
        buffer_add_number(&bytes, 2, 1);
        buffer_add_number(&bytes, 4, 300);
        buffer_add_number(&bytes, 2, 2);
        buffer_add_number(&bytes, 2, 0xc000 + 29 + 11 + 250);
    }
    assert_ptr_equal(dns_message_parse(buffer_span(&bytes), arena, &message, &reason), OK);
    assert_int_equal(message.answer_count, 1 + room);
    assert_ptr_equal(caa_answer_of_message(&message, &message.question, false, arena, &answer), OK);
    assert_int_equal(answer.outcome, CAA_FAILED);
    assert_string_equal(answer.why, "chain");
    buffer_done(&bytes);
    arena_free(arena);
}

/* With an arena of any size an answer is what it is with a large one, or there is no memory: never something else. */
static void check_want_of_memory(struct span bytes) {
    struct buffer wanted = buffer_with_limit(4096), got = buffer_with_limit(4096);
    size_t without = 0, with = 0;
    judge_message(bytes, NULL, true, &wanted);
    for (size_t limit = 0; limit < 40000; limit += 7) {
        struct arena *arena = arena_new(limit);
        struct dns_message message;
        struct reason reason;
        struct caa_answer answer;
        result outcome = dns_message_parse(bytes, arena, &message, &reason);
        if (outcome == OK)
            outcome = caa_answer_of_message(&message, &message.question, true, arena, &answer);
        assert_true(outcome == OK || outcome == &fault_no_memory);
        without += outcome != OK;
        with += outcome == OK;
        if (outcome == OK) {
            buffer_reset(&got);
            describe(&answer, &got);
            assert_string_equal(buffer_text(&got), buffer_text(&wanted));
        }
        arena_free(arena);
    }
    assert_true(without > 20 && with > 20);
    buffer_done(&wanted);
    buffer_done(&got);
}

static void want_of_memory_never_changes_what_an_answer_says(void **state) {
    (void) state;
    struct buffer records = answer_of_records(7, false);
    struct buffer alias = vector_bytes("1234 8180 0001 0003 0000 0000 1<\"www\"> 1<\"example\"> 00 0101 0001 c00c 0005 0001 0000003c 2<1<\"a\"> 00>"
                                       "1<\"a\"> 00 0005 0001 0000003c 2<1<\"b\"> 00> 1<\"b\"> 00 0101 0001 0000012c 2<00 00>");
    check_want_of_memory(buffer_span(&records));
    check_want_of_memory(buffer_span(&alias));
    buffer_done(&records);
    buffer_done(&alias);
}

static unsigned judge_folder(const char *folder) {
    char path[300];
    unsigned count = 0;
    snprintf(path, sizeof path, "%s/%s", CORPORA_FOLDER, folder);
    DIR *directory = opendir(path);
    if (directory == NULL) {
        print_message("the corpora are not beside this checkout: %s\n", path);
        skip();
    }
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        char name[600];
        snprintf(name, sizeof name, "%s/%s", folder, entry->d_name);
        if (entry->d_name[0] == '.')
            continue;
        struct buffer bytes = corpus_read(name), line = buffer_with_limit(1024 * 1024);
        uint8_t *exact = memory_new(bytes.size + 1);
        memcpy(exact, bytes.bytes, bytes.size);
        judge_message(span_of(exact, bytes.size), NULL, true, &line);
        assert_true(line.size > 0);
        memory_free(exact);
        buffer_done(&bytes);
        buffer_done(&line);
        count++;
    }
    closedir(directory);
    return count;
}

static void the_odd_messages_and_names_of_c_ares_are_judged_without_harm(void **state) {
    (void) state;
    assert_int_equal(judge_folder("c-caa-dns/c-ares/fuzzinput"), 74);
    assert_int_equal(judge_folder("c-caa-dns/c-ares/fuzznames"), 45);
}

static void answers_say_the_same_by_outcome_and_records_alone(void **state) {
    (void) state;
    struct caa_record records[] = {{.tag = {(const uint8_t *) "issue", 5}, .value = {(const uint8_t *) "a", 1}},
                                   {.tag = {(const uint8_t *) "issue", 5}, .value = {(const uint8_t *) "b", 1}}};
    struct caa_answer one = {.outcome = CAA_RECORDS, .ttl_s = 1, .records = records, .record_count = 2};
    struct caa_answer other = {.outcome = CAA_RECORDS, .ttl_s = 9, .is_authenticated = true, .records = records, .record_count = 2};
    struct caa_answer fewer = {.outcome = CAA_RECORDS, .records = records, .record_count = 1};
    struct caa_answer nothing = {.outcome = CAA_EMPTY}, no_name = {.outcome = CAA_EMPTY, .is_nonexistent = true};
    struct caa_answer timeout = caa_answer_failed("timeout", "x"), refused = caa_answer_failed("refused", "y"), bogus = {.outcome = CAA_BOGUS};
    assert_true(caa_answer_says_same(&one, &other));
    assert_false(caa_answer_says_same(&one, &fewer));
    assert_false(caa_answer_says_same(&one, &nothing));
    assert_true(caa_answer_says_same(&nothing, &no_name));
    assert_true(caa_answer_says_same(&timeout, &refused));
    assert_false(caa_answer_says_same(&timeout, &bogus));
    assert_false(caa_answer_says_same(&timeout, &nothing));
    assert_true(timeout.ttl_s == 0 && timeout.record_count == 0 && !timeout.is_authenticated);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_means_what_the_rules_say),
        cmocka_unit_test(every_reply_file_of_c_ares_is_judged_as_it_should_be),
        cmocka_unit_test(a_thousand_and_one_records_are_an_answer_like_any_other),
        cmocka_unit_test(as_many_records_as_64_kilobytes_can_hold_are_taken),
        cmocka_unit_test(a_message_full_of_pointers_fits_the_arena_and_is_judged),
        cmocka_unit_test(want_of_memory_never_changes_what_an_answer_says),
        cmocka_unit_test(the_odd_messages_and_names_of_c_ares_are_judged_without_harm),
        cmocka_unit_test(answers_say_the_same_by_outcome_and_records_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
