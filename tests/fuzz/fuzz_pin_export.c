/* Pin sets in another format: a client with what was written accepts every chain that one with the sets themselves accepts, but where a
 * warning or an error says otherwise. The first line names the format, behind it stand the sets in YAML.
 *
 * library: rules
 * parser: formats/pin_export.c
 * seeds: pin-export */
#include "base/memory.h"
#include "fuzz/harness.h"
#include "pin_checks.h"
#include "rules/pin_judge.h"

#define ARENA_LIMIT ((size_t) 256 * 1024 * 1024)

enum { HOSTS_TRIED = 20, PINS_TRIED = 10 };

/* A chain of one certificate with the key of the pin, or with one that nobody pins. */
static enum pin_verdict judge(const struct pin_document *document, const char *host, const struct pin *pin) {
    struct pin_link link = {.spki = span_of("", 0), .certificate = span_of("", 0)};
    struct pin_path path = {.links = &link, .count = 1, .is_complete = true};
    struct pin_question question = {.host = host, .protocol = "", .paths = &path, .path_count = 1, .is_paths_whole = true};
    struct pin_judgement judgement;
    if (pin != NULL)
        memcpy(link.spki_sha256.bytes, pin->value.bytes, HASH_SIZE);
    pin_judge(document, &question, &judgement);
    return judgement.verdict == PIN_VERDICT_REFUSES && !judgement.is_enforced ? PIN_VERDICT_NOT_PINNED : judgement.verdict;
}

/* Said by a remark: pins that nobody enforced at home, or that hold for one port. */
static bool is_told_apart(const struct pin_set *set) {
    return set->format == PIN_FORMAT_HPKP || set->format == PIN_FORMAT_TLSA || set->port != 0 || set->host == NULL || set->has_expiry;
}

static void check_set(const struct pin_document *document, const struct pin_document *written, const char *host, const struct pin_set *set) {
    for (size_t k = 0; k < set->group_count; k++)
        for (size_t m = 0; m < set->groups[k].count && m < PINS_TRIED; m++) {
            const struct pin *pin = &set->groups[k].pins[m];
            bool is_key = pin->algorithm == PIN_SHA256 && pin->kind == PIN_SPKI;
            require(!is_key || judge(document, host, pin) != PIN_VERDICT_ACCEPTS || judge(written, host, pin) != PIN_VERDICT_REFUSES);
        }
}

static void check_host(const struct pin_document *document, const struct pin_document *written, const char *host) {
    require(judge(document, host, NULL) != PIN_VERDICT_NOT_PINNED || judge(written, host, NULL) == PIN_VERDICT_NOT_PINNED);
    for (size_t i = 0; i < document->set_count && i < HOSTS_TRIED; i++)
        check_set(document, written, host, &document->sets[i]);
}

static void check_hosts(const struct pin_document *document, const struct pin_document *written, struct arena *arena) {
    for (size_t i = 0; i < document->set_count; i++)
        if (is_told_apart(&document->sets[i]))
            return;
    for (size_t i = 0; i < document->set_count && i < HOSTS_TRIED; i++) {
        const char *host = document->sets[i].host;
        check_host(document, written, host);
        check_host(document, written, arena_printf(arena, "x.%s", host));
        check_host(document, written, arena_printf(arena, "x.y.%s", host));
        if (strchr(host, '.') != NULL)
            check_host(document, written, strchr(host, '.') + 1);
    }
}

static void check_export(const struct pin_document *document, const struct pin_format_entry *entry, struct arena *arena) {
    struct buffer written = buffer_with_limit(16 * PIN_FILE_SIZE_MAX);
    struct pin_document again = {.source = "again", .format = entry->format}, lost = {.source = "lost", .format = entry->format};
    struct pin_builder builder = pin_builder_of(arena, &lost);
    struct reason reason = {""};
    require(entry->write(document, &builder, &written) == OK);
    pin_check_document(&lost);
    if (entry->read(buffer_span(&written), arena, &again, &reason) == OK) {
        pin_check_document(&again);
        for (size_t i = 0; i < again.remark_count; i++)
            require(again.remarks[i].kind != PIN_REMARK_ERROR);
        if (entry->format != PIN_FORMAT_HPKP && entry->format != PIN_FORMAT_TLSA)
            check_hosts(document, &again, arena);
    }
    buffer_done(&written);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct pin_document document = {.source = "file", .format = PIN_FORMAT_YAML};
    struct reason reason = {""};
    const uint8_t *end = size == 0 ? NULL : memchr(bytes, '\n', size);
    size_t head = end == NULL ? 0 : (size_t) (end - bytes) + 1;
    char *name = arena_copy_span_as_text(arena, span_of(bytes, head == 0 ? 0 : head - 1));
    enum pin_format format;
    require(name != NULL);
    if (pin_format_of_name(name, &format) && pin_entry_of(format)->write != NULL &&
        pin_yaml_read(span_of(bytes + head, size - head), arena, &document, &reason) == OK)
        check_export(&document, pin_entry_of(format), arena);
    arena_free(arena);
    return 0;
}
