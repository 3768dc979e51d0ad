/* Pins of all platforms over any paths: the verdict is that of a plain second reading. An input that is no case as text is taken for the
 * choices that make one.
 *
 * parser: rules/pin_judge.c rules/pin_judge_tlsa.c rules/pin_hosts.c rules/pin_match.c
 * seeds: pin-judge pin-hosts */
#include "fuzz/harness.h"
#include "fuzz/naive_pins.h"
#include "pin_case.h"

#define ARENA_LIMIT ((size_t) 16 * 1024 * 1024)

#define PICK(input, words) ((words)[next_choice(input) % (sizeof(words) / sizeof(words)[0])])

static void make_pins(struct cursor *input, bool is_tlsa, struct buffer *text) {
    static const char *const names[] = {"L", "I", "J", "R", "X", "B", "L/2", "I/2"}, *const kinds[] = {"", "", "cert:", "spki:"},
                      *const digests[] = {"", "", "", "sha1:", "sha512:", "full:"}, *const places[] = {"", "", "", "@leaf", "@ca", "@intermediate", "@root"};
    buffer_add_text(text, "pins");
    for (uint8_t count = next_choice(input) % 4; count > 0; count--)
        if (is_tlsa)
            buffer_printf(text, " %u.%u.%u:%s", next_choice(input) % 5u, next_choice(input) % 2u, next_choice(input) % 3u, PICK(input, names));
        else
            buffer_printf(text, " %s%s%s%s", PICK(input, kinds), PICK(input, digests), PICK(input, names), PICK(input, places));
    buffer_add_text(text, "\n");
}

static void make_set(struct cursor *input, struct buffer *text) {
    static const char *const hosts[] = {"example.com", "example.com", "www.example.com", "com", "-", "a.www.example.com", "s3.amazonaws.com", "amazonaws.com"},
                      *const matches[] = {"exact", "below", "exact-and-one", "one-below"},
                      *const flags[] = {"", "", "", "", "unpinned", "not-enforced", "report-only", "expires=2026-05-01T00:00:00Z",
                                        "expires=2026-05-01T00:00:00Z local", "overrides-pins", "own-anchors", "insecure", "max-age=0", "max-age=9", "port=25"};
    enum pin_format format = (enum pin_format) (next_choice(input) % pin_format_count);
    buffer_printf(text, "set %s %s %s", pin_format_name(format), PICK(input, hosts), PICK(input, matches));
    for (uint8_t count = next_choice(input) % 3; count > 0; count--)
        buffer_printf(text, " %s", PICK(input, flags));
    buffer_add_text(text, "\n");
    for (uint8_t groups = next_choice(input) % 3; groups > 0; groups--)
        make_pins(input, format == PIN_FORMAT_TLSA, text);
}

static void make_paths(struct cursor *input, struct buffer *text) {
    static const char *const ends[] = {"complete", "complete", "open", "foreign"}, *const leaves[] = {"L", "L!", "L~"},
                      *const links[] = {"I", "I~", "J", "R~", "X", "X~", "I/2", "R"};
    const char *leaf = PICK(input, leaves);
    for (uint8_t count = next_choice(input) % 4; count > 0; count--) {
        buffer_printf(text, "path %s %s", PICK(input, ends), leaf);
        for (uint8_t length = next_choice(input) % 4; length > 0; length--)
            buffer_printf(text, " %s", PICK(input, links));
        buffer_add_text(text, "\n");
    }
}

static void make_case(struct cursor *input, struct buffer *text) {
    static const char *const hosts[] = {"example.com", "www.example.com", "a.www.example.com", "x.s3.amazonaws.com"},
                      *const times[] = {"2026-04-30T09:59:59Z", "2026-04-30T10:00:00Z", "2026-05-01T00:00:00Z", "2026-05-01T12:00:00Z"},
                      *const more[] = {"", "", "smtp", "more", "port=25", "smtp port=25 more"};
    for (uint8_t sets = next_choice(input) % 4; sets > 0; sets--)
        make_set(input, text);
    make_paths(input, text);
    buffer_printf(text, "ask %s now=%s %s\n", PICK(input, hosts), PICK(input, times), PICK(input, more));
}

static bool is_judged(enum pin_verdict verdict) {
    return verdict == PIN_VERDICT_REFUSES || verdict == PIN_VERDICT_CANNOT_TELL;
}

/* As the worst of what the formats say, each read for itself. */
static void check_verdict(const struct pin_case *made, const struct pin_judgement *judgement) {
    static struct naive naive;
    bool is_found = false;
    for (unsigned format = 0; format < pin_format_count; format++) {
        bool is_enforced = false;
        enum pin_verdict verdict = naive_judge(&naive, &made->document, &made->question, (enum pin_format) format, &is_enforced);
        is_found |= verdict == judgement->verdict && (!is_judged(verdict) || is_enforced == judgement->is_enforced);
        if (verdict == PIN_VERDICT_REFUSES && is_enforced)
            require(judgement->verdict == PIN_VERDICT_REFUSES && judgement->is_enforced);
        if (verdict == PIN_VERDICT_CANNOT_TELL && is_enforced)
            require(judgement->is_enforced && is_judged(judgement->verdict));
        if (verdict == PIN_VERDICT_REFUSES)
            require(is_judged(judgement->verdict));
        if (verdict == PIN_VERDICT_ACCEPTS)
            require(judgement->verdict != PIN_VERDICT_NOT_PINNED && (judgement->verdict != PIN_VERDICT_CANNOT_TELL || judgement->is_enforced));
    }
    require(is_found);
}

static void check_case(const struct pin_case *made) {
    struct pin_judgement judgement;
    const struct pin_set *sets[4];
    pin_judge(&made->document, &made->question, &judgement);
    check_verdict(made, &judgement);
    require(judgement.why != NULL && judgement.why[0] != '\0');
    require(judgement.verdict != PIN_VERDICT_ACCEPTS || judgement.set != NULL);
    require(judgement.by == NULL || (judgement.verdict == PIN_VERDICT_ACCEPTS && judgement.by_place < CASE_LINKS_MAX));
    size_t count = pin_sets_for_host(&made->document, made->question.host, made->question.port, made->question.protocol, sets, 4);
    require(count > 0 || judgement.verdict == PIN_VERDICT_NOT_PINNED);
    require(count <= made->document.set_count);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static struct pin_case made;
    struct arena *arena = arena_new(ARENA_LIMIT);
    require(arena != NULL);
    if (!case_read(span_of(bytes, size), arena, &made)) {
        struct cursor input = cursor_of(span_of(bytes, size));
        struct buffer text = buffer_with_limit(100000);
        arena_reset(arena);
        make_case(&input, &text);
        require(case_read(buffer_span(&text), arena, &made));
        buffer_done(&text);
    }
    check_case(&made);
    arena_free(arena);
    return 0;
}
