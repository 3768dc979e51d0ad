/* Says in lines what the product makes of DNS messages and of CAA records as text, for comparison with another implementation. One order a
 * line: "message <hex>" (judged as an answer to its own question), "text <origin> <hex of the text>". Each answer ends with a line "."; parts
 * are separated by tabs, bytes are in hex. */
#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"
#include "formats/caa_text.h"
#include "rules/caa_answer.h"

#define LINE_MAX_SIZE ((size_t) 40 * 1024 * 1024)

static void print_hex(struct span bytes) {
    for (size_t i = 0; i < bytes.size; i++)
        printf("%02x", bytes.bytes[i]);
}

static void print_record(const char *owner, long long ttl_s, const struct caa_record *record) {
    printf("record\t%s\t%lld\t%u\t", owner, ttl_s, record->flags);
    print_hex(record->tag);
    printf("\t");
    print_hex(record->value);
    printf("\n");
}

static void print_answer(const struct caa_answer *answer) {
    printf("%s\t%s\t%u\t%s\n", caa_outcome_name(answer->outcome), answer->why, answer->ttl_s, answer->detail);
    for (size_t i = 0; i < answer->chain_count; i++)
        printf("alias\t%s\n", answer->chain[i]);
    for (size_t i = 0; i < answer->record_count; i++)
        print_record("", answer->ttl_s, &answer->records[i]);
}

static void judge_message(struct span bytes) {
    struct arena *arena = arena_new(DNS_MESSAGE_ARENA);
    struct dns_message message;
    struct reason reason;
    struct caa_answer answer;
    if (dns_message_parse(bytes, arena, &message, &reason) != OK)
        printf("refused\t%s\n", reason.text);
    else if (caa_answer_of_message(&message, &message.question, true, arena, &answer) == OK)
        print_answer(&answer);
    arena_free(arena);
}

static void judge_text(const char *origin_text, struct span bytes) {
    struct arena *arena = arena_new(CAA_TEXT_ARENA);
    struct dns_name origin;
    struct caa_text text;
    struct reason reason;
    char owner[DNS_NAME_TEXT_SIZE];
    if (dns_name_from_text(span_of_text(origin_text), &origin, &reason) != OK || caa_text_parse(bytes, &origin, arena, &text, &reason) != OK) {
        printf("refused\t%s\n", reason.text);
        arena_free(arena);
        return;
    }
    for (size_t i = 0; i < text.record_count; i++) {
        dns_name_to_text(&text.records[i].owner, owner);
        print_record(owner, text.records[i].has_ttl ? (long long) text.records[i].ttl_s : -1, &text.records[i].record);
    }
    for (size_t i = 0; i < text.complaint_count; i++)
        printf("complaint\t%u\t%s\n", text.complaints[i].line, text.complaints[i].sentence);
    printf("others\t%zu\n", text.other_records);
    arena_free(arena);
}

static void judge(char *line) {
    char *hex = strrchr(line, ' ');
    char *origin = strchr(line, ' ');
    if (hex == NULL)
        return;
    *hex++ = '\0';
    size_t size = strlen(hex) / 2;
    uint8_t *bytes = memory_new(size + (size == 0)); /* exactly sized, for sanitizers */
    if (bytes == NULL || text_to_hex(span_of_text(hex), bytes, size) != OK)
        printf("refused\tno hex\n");
    else if (strncmp(line, "text ", 5) == 0)
        judge_text(origin + 1, span_of(bytes, size));
    else
        judge_message(span_of(bytes, size));
    memory_free(bytes);
}

int main(void) {
    char *line = memory_new(LINE_MAX_SIZE);
    while (line != NULL && fgets(line, (int) LINE_MAX_SIZE, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        judge(line);
        printf(".\n");
        fflush(stdout);
    }
    memory_free(line);
    return 0;
}
