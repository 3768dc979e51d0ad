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

enum { HOSTS_TRIED = 20, PINS_TRIED = 20 };

/* A chain of a leaf and a CA, one of which has the key of the pin; the others' keys nobody pins. */
static enum pin_verdict judge(const struct pin_document *document, const char *host, const struct pin *pin, size_t place) {
    struct pin_link links[2] = {{.spki = span_of("", 0)}, {.spki = span_of("", 0)}};
    struct pin_path path = {.links = links, .count = 2, .is_complete = true};
    struct pin_question question = {.host = host, .protocol = "", .paths = &path, .path_count = 1, .is_paths_whole = true};
    struct pin_judgement judgement;
    if (pin != NULL)
        memcpy(links[place].spki_sha256.bytes, pin->value.bytes, HASH_SIZE);
    pin_judge(document, &question, &judgement);
    return judgement.verdict == PIN_VERDICT_REFUSES && !judgement.is_enforced ? PIN_VERDICT_NOT_PINNED : judgement.verdict;
}

/* Said by a remark: pins of DANE, which needs no CA, those that nobody enforced at home, that end, or for no host. */
static bool is_told_apart(const struct pin_set *set) {
    bool is_dane = false;
    for (size_t i = 0; i < set->group_count; i++)
        for (size_t k = 0; k < set->groups[i].count; k++)
            is_dane = is_dane || set->groups[i].pins[k].tlsa_usage > PIN_TLSA_PKIX_EE;
    return is_dane || set->format == PIN_FORMAT_HPKP || set->host == NULL || set->has_expiry;
}

static void check_set(const struct pin_document *document, const struct pin_document *written, const char *host, const struct pin_set *set) {
    for (size_t k = 0; k < set->group_count; k++)
        for (size_t m = 0; m < 2 * set->groups[k].count && m < PINS_TRIED; m++) {
            const struct pin *pin = &set->groups[k].pins[m / 2];
            bool is_key = pin->algorithm == PIN_SHA256 && pin->kind == PIN_SPKI;
            require(!is_key || judge(document, host, pin, m % 2) != PIN_VERDICT_ACCEPTS || judge(written, host, pin, m % 2) != PIN_VERDICT_REFUSES);
        }
}

/* In an Info.plist a leaf's and a CA's key must both match, and a key of any place is written as a leaf's; of records the strongest digest counts. */
static bool is_told_stricter(const struct pin_document *lost) {
    bool is_told = false;
    for (size_t i = 0; i < lost->remark_count; i++) {
        const char *rule = lost->remarks[i].rule;
        bool is_of_place = strcmp(rule, "export-groups") == 0 || strcmp(rule, "export-position") == 0;
        is_told = is_told || (is_of_place && lost->format == PIN_FORMAT_APPLE) || strcmp(rule, "export-digests") == 0;
    }
    return is_told;
}

struct checking {
    const struct pin_document *document, *written, *lost;
};

static void check_host(const struct checking *checking, const char *host) {
    const struct pin_document *document = checking->document, *written = checking->written;
    require(judge(document, host, NULL, 0) != PIN_VERDICT_NOT_PINNED || judge(written, host, NULL, 0) == PIN_VERDICT_NOT_PINNED);
    for (size_t i = 0; i < document->set_count && i < HOSTS_TRIED && !is_told_stricter(checking->lost); i++)
        check_set(document, written, host, &document->sets[i]);
}

static void check_hosts(const struct checking *checking, struct arena *arena) {
    const struct pin_document *document = checking->document;
    for (size_t i = 0; i < document->set_count; i++)
        if (is_told_apart(&document->sets[i]))
            return;
    for (size_t i = 0; i < document->set_count && i < HOSTS_TRIED; i++) {
        const char *host = document->sets[i].host;
        check_host(checking, host);
        check_host(checking, arena_printf(arena, "x.%s", host));
        check_host(checking, arena_printf(arena, "x.y.%s", host));
        if (strchr(host, '.') != NULL)
            check_host(checking, strchr(host, '.') + 1);
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
        if (entry->format != PIN_FORMAT_HPKP)
            check_hosts(&(struct checking){.document = document, .written = &again, .lost = &lost}, arena);
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
    if (pin_format_of_name(name, &format) && pin_format_entry_of(format)->write != NULL &&
        pin_yaml_read(span_of(bytes + head, size - head), arena, &document, &reason) == OK)
        check_export(&document, pin_format_entry_of(format), arena);
    arena_free(arena);
    return 0;
}
