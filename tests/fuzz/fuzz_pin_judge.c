/* Pins of all platforms over any paths: the verdict is that of a plain second reading. An input that is no case as text is taken for the
 * choices that make one.
 *
 * parser: rules/pin_judge.c rules/pin_judge_hpkp.c rules/pin_judge_tlsa.c rules/pin_hosts.c rules/pin_match.c
 * seeds: pin-judge pin-hosts */
#include <libpsl.h>
#include <openssl/sha.h>

#include "fuzz/harness.h"
#include "pin_case.h"

/* ---- a second, plain judgement of pins: every pin is asked of every link twice, once as if all that is not known matched, once as if none of it
 * did. Who is accepted either way is accepted, who is refused either way refused. Shares no code with rules/pin_*.c. */

enum { NAIVE_DAY_EARLY = 14 * 3600, NAIVE_DAY_LATE = 12 * 3600 };

struct naive {
    const struct pin_document *document;
    const struct pin_question *question;
    enum pin_format format;
    bool is_picked[PIN_SETS_MAX];
    bool is_enforced, is_fading, has_any, is_unpinned, is_hopeful;
};

static bool naive_below(const struct pin_set *set, const char *host, size_t *ret_labels) {
    char tail[300];
    snprintf(tail, sizeof tail, ".%s", set->host);
    size_t host_size = strlen(host), tail_size = strlen(tail);
    *ret_labels = 0;
    if (host_size <= tail_size || strcmp(host + host_size - tail_size, tail) != 0)
        return false;
    *ret_labels = 1;
    for (const char *at = host; at < host + host_size - tail_size; at++)
        *ret_labels += *at == '.';
    if (set->format != PIN_FORMAT_TRUSTKIT_IOS || set->match != PIN_HOST_EXACT_AND_BELOW)
        return true;
    const char *one = psl_unregistrable_domain(psl_builtin(), host), *two = psl_unregistrable_domain(psl_builtin(), set->host);
    return (one == NULL && two == NULL) || (one != NULL && two != NULL && strcmp(one, two) == 0);
}

static bool naive_covers(const struct naive *naive, const struct pin_set *set, bool some_name_hosts) {
    const struct pin_question *question = naive->question;
    size_t labels;
    if (set->format != naive->format)
        return false;
    if (set->host == NULL)
        return !some_name_hosts;
    if (set->format == PIN_FORMAT_TLSA &&
        (set->port != (question->port != 0 ? question->port : 443) || strcmp(set->protocol, question->protocol[0] != '\0' ? question->protocol : "tcp") != 0))
        return false;
    bool is_same = strcmp(set->host, question->host) == 0, is_below = naive_below(set, question->host, &labels);
    return (is_same && set->match != PIN_HOST_ONE_LABEL_BELOW) || (is_below && set->match == PIN_HOST_EXACT_AND_BELOW) ||
           (is_below && labels == 1 && set->match != PIN_HOST_EXACT);
}

static bool naive_unites(enum pin_format format) {
    return format == PIN_FORMAT_APPLE || format == PIN_FORMAT_OKHTTP || format == PIN_FORMAT_TLSA || format == PIN_FORMAT_KEY;
}

/* The longest host among the picked sets, where only that counts. */
static size_t naive_longest(const struct naive *naive) {
    const struct pin_document *document = naive->document;
    size_t longest = 0;
    for (size_t i = 0; i < document->set_count && !naive_unites(naive->format); i++)
        if (naive->is_picked[i] && document->sets[i].host != NULL && strlen(document->sets[i].host) > longest)
            longest = strlen(document->sets[i].host);
    return longest;
}

static bool naive_names_hosts(const struct naive *naive) {
    for (size_t i = 0; i < naive->document->set_count; i++)
        if (naive->document->sets[i].format == naive->format && naive->document->sets[i].host != NULL)
            return true;
    return false;
}

static void naive_pick_hosts(struct naive *naive) {
    const struct pin_document *document = naive->document;
    bool some_pinned = false, some_unpinned = false;
    for (size_t i = 0; i < document->set_count; i++)
        naive->is_picked[i] = naive_covers(naive, &document->sets[i], naive_names_hosts(naive));
    size_t longest = naive_longest(naive);
    for (size_t i = 0; i < document->set_count; i++) {
        const struct pin_set *set = &document->sets[i];
        if (set->host != NULL && strlen(set->host) < longest)
            naive->is_picked[i] = false;
        some_pinned = some_pinned || (naive->is_picked[i] && set->is_pinned);
        some_unpinned = some_unpinned || (naive->is_picked[i] && !set->is_pinned);
    }
    naive->is_unpinned = some_unpinned && (!some_pinned || !naive_unites(naive->format));
    for (size_t i = 0; i < document->set_count; i++)
        naive->is_picked[i] = naive->is_picked[i] && document->sets[i].is_pinned;
}

/* 0: does not count; 1: for a part of the users; 2: for all. */
static int naive_force(const struct pin_set *set, int64_t now) {
    if (!set->is_secure || (set->has_max_age && set->max_age_s == 0))
        return 0;
    if (!set->has_expiry)
        return 2;
    if (!set->is_expiry_local)
        return now < set->expires ? 2 : 0;
    return now < set->expires - NAIVE_DAY_EARLY ? 2 : now < set->expires + NAIVE_DAY_LATE ? 1 : 0;
}

static int naive_bite(const struct pin_set *set) {
    return set->format != PIN_FORMAT_HPKP && set->is_enforced ? 2 : set->is_report_only ? 0 : 1;
}

static void naive_pick(struct naive *naive) {
    const struct pin_document *document = naive->document;
    int strongest = -1;
    naive_pick_hosts(naive);
    for (size_t i = 0; i < document->set_count; i++) {
        naive->is_picked[i] = naive->is_picked[i] && naive_force(&document->sets[i], naive->question->now) > 0;
        if (naive->is_picked[i] && naive_bite(&document->sets[i]) > strongest)
            strongest = naive_bite(&document->sets[i]);
    }
    for (size_t i = 0; i < document->set_count; i++) {
        naive->is_picked[i] = naive->is_picked[i] && naive_bite(&document->sets[i]) == strongest;
        naive->is_enforced = strongest == 2;
        naive->has_any = naive->has_any || naive->is_picked[i];
        naive->is_fading = naive->is_fading || (naive->is_picked[i] && naive_force(&document->sets[i], naive->question->now) == 1);
    }
}

static bool naive_same(struct span value, const unsigned char *digest, size_t size) {
    return value.size == size && memcmp(value.bytes, digest, size) == 0;
}

static bool naive_bytes_match(const struct naive *naive, const struct pin *pin, const struct pin_link *link) {
    struct span bytes = pin->kind == PIN_SPKI ? link->spki : link->certificate;
    const struct hash *known = pin->kind == PIN_SPKI ? &link->spki_sha256 : link->has_certificate_sha256 ? &link->certificate_sha256 : NULL;
    unsigned char digest[64];
    if (bytes.size == 0 && known == NULL)
        return naive->is_hopeful;
    if (bytes.size == 0 && pin->algorithm != PIN_SHA256 && pin->algorithm != PIN_FULL)
        return naive->is_hopeful;
    if (bytes.size == 0) {
        if (pin->algorithm == PIN_SHA256)
            return naive_same(pin->value, known->bytes, 32);
        SHA256(pin->value.bytes, pin->value.size, digest);
        return memcmp(digest, known->bytes, 32) == 0;
    }
    if (pin->algorithm == PIN_FULL)
        return naive_same(pin->value, bytes.bytes, bytes.size);
    if (pin->algorithm == PIN_SHA1)
        return naive_same(pin->value, SHA1(bytes.bytes, bytes.size, digest), 20);
    return pin->algorithm == PIN_SHA512 ? naive_same(pin->value, SHA512(bytes.bytes, bytes.size, digest), 64)
                                        : naive_same(pin->value, SHA256(bytes.bytes, bytes.size, digest), 32);
}

static bool naive_pin_at(const struct naive *naive, const struct pin *pin, const struct pin_path *path, size_t place) {
    bool is_last = place == path->count - 1 && (path->is_complete || path->is_foreign);
    if ((pin->position == PIN_LEAF && place != 0) || (pin->position == PIN_CA && place == 0) ||
        (pin->position == PIN_INTERMEDIATE && (place == 0 || is_last)) || (pin->position == PIN_ROOT && !is_last))
        return false;
    return naive_bytes_match(naive, pin, &path->links[place]);
}

static bool naive_pin_from(const struct naive *naive, const struct pin *pin, const struct pin_path *path, size_t first) {
    for (size_t place = first; place < path->count; place++)
        if (naive_pin_at(naive, pin, path, place))
            return true;
    return !path->is_complete && !path->is_foreign && pin->position != PIN_LEAF && naive->is_hopeful;
}

static bool naive_set(const struct naive *naive, const struct pin_set *set, const struct pin_path *whole) {
    struct pin_path path = *whole;
    if (path.is_complete && !set->trusts_system) {
        path.count = 1;
        path.is_complete = false;
    } else if (path.is_complete && set->overrides_pins) {
        return true;
    }
    bool is_exempt = set->overrides_pins && !whole->is_complete && !whole->is_foreign && naive->is_hopeful;
    bool all = set->group_count > 0;
    for (size_t i = 0; i < set->group_count; i++) {
        bool one = false;
        for (size_t k = 0; k < set->groups[i].count; k++)
            one = one || naive_pin_from(naive, &set->groups[i].pins[k], &path, 0);
        all = all && one;
    }
    return all || is_exempt;
}

/* Walks over the pins of all picked sets. */
#define NAIVE_EACH_PIN(naive, pin) \
    for (size_t s_ = 0; s_ < (naive)->document->set_count; s_++) \
        for (size_t g_ = 0; (naive)->is_picked[s_] && g_ < (naive)->document->sets[s_].group_count; g_++) \
            for (size_t p_ = 0; p_ < (naive)->document->sets[s_].groups[g_].count; p_++) \
                for (const struct pin *pin = &(naive)->document->sets[s_].groups[g_].pins[p_]; pin != NULL; pin = NULL)

static bool naive_apple(const struct naive *naive, const struct pin_path *path) {
    bool has_leaves = false, has_cas = false, leaf = false, ca = false;
    NAIVE_EACH_PIN(naive, pin) {
        if (pin->position == PIN_LEAF) {
            has_leaves = true;
            leaf = leaf || naive_pin_from(naive, pin, path, 0);
        } else {
            has_cas = true;
            ca = ca || naive_pin_from(naive, pin, path, 0);
        }
    }
    return (has_leaves || has_cas) && (leaf || !has_leaves) && (ca || !has_cas);
}

static bool naive_is_usable(const struct naive *naive, const struct pin *record) {
    if (record->tlsa_usage > 3 || record->algorithm == PIN_SHA1 || (naive->question->is_smtp && record->tlsa_usage < 2))
        return false;
    NAIVE_EACH_PIN(naive, pin) {
        if (record->algorithm == PIN_SHA256 && pin->algorithm == PIN_SHA512 && pin->tlsa_usage == record->tlsa_usage && pin->kind == record->kind)
            return false;
    }
    return true;
}

static bool naive_anchor(const struct naive *naive, const struct pin *record) {
    const struct pin_question *question = naive->question;
    bool is_sent = false;
    for (size_t i = 0; i < question->path_count; i++) {
        const struct pin_path *path = &question->paths[i];
        is_sent = is_sent || (path->is_foreign && path->count == 1);
        for (size_t place = 1; place < path->count; place++) {
            is_sent = is_sent || path->links[place].is_given;
            if (naive_pin_at(naive, record, path, place) && (path->links[place].is_given || naive->is_hopeful))
                return true;
        }
    }
    return !is_sent && naive->is_hopeful;
}

static bool naive_records(const struct naive *naive, const struct pin_path *path) {
    NAIVE_EACH_PIN(naive, pin) {
        if (!naive_is_usable(naive, pin))
            continue;
        if (pin->tlsa_usage == 0 ? naive_pin_from(naive, pin, path, 1) : pin->tlsa_usage == 2 ? naive_anchor(naive, pin) : naive_pin_at(naive, pin, path, 0))
            return true;
    }
    return false;
}

static bool naive_accepts(struct naive *naive, const struct pin_path *path, bool is_hopeful) {
    naive->is_hopeful = is_hopeful;
    if (naive->format == PIN_FORMAT_TLSA)
        return naive_records(naive, path);
    if (naive->format == PIN_FORMAT_APPLE)
        return naive_apple(naive, path);
    for (size_t i = 0; i < naive->document->set_count; i++)
        if (naive->is_picked[i] && naive_set(naive, &naive->document->sets[i], path))
            return true;
    return false;
}

static bool naive_same_pin(const struct pin *one, const struct pin *two) {
    return one->kind == two->kind && one->algorithm == two->algorithm && one->position == two->position && span_equal(one->value, two->value);
}

/* Two different pins, one of which may stand outside some path. */
static bool naive_has_backup(struct naive *naive) {
    const struct pin_question *question = naive->question;
    bool is_outside = question->path_count == 0, are_two = false;
    const struct pin *any = NULL;
    naive->is_hopeful = false;
    NAIVE_EACH_PIN(naive, pin) {
        any = any == NULL ? pin : any;
        are_two = are_two || !naive_same_pin(any, pin);
        for (size_t i = 0; i < question->path_count; i++)
            is_outside = is_outside || !naive_pin_from(naive, pin, &question->paths[i], 0);
    }
    return is_outside && are_two;
}

static bool naive_has_usable(const struct naive *naive) {
    NAIVE_EACH_PIN(naive, pin) {
        if (naive_is_usable(naive, pin))
            return true;
    }
    return naive->format != PIN_FORMAT_TLSA;
}

static enum pin_verdict naive_paths(struct naive *naive) {
    const struct pin_question *question = naive->question;
    bool all_surely = true, any_perhaps = false, has_complete = false;
    if (question->path_count == 0)
        return PIN_VERDICT_CANNOT_TELL;
    const struct pin_path leaf = {.links = question->paths[0].links, .count = 1};
    if (naive_accepts(naive, &leaf, false))
        return PIN_VERDICT_ACCEPTS;
    if (!naive_accepts(naive, &leaf, true))
        return PIN_VERDICT_REFUSES;
    for (size_t i = 0; i < question->path_count; i++)
        has_complete = has_complete || question->paths[i].is_complete;
    for (size_t i = 0; i < question->path_count; i++) {
        if (has_complete && question->paths[i].is_foreign)
            continue;
        all_surely = naive_accepts(naive, &question->paths[i], false) && all_surely;
        any_perhaps = naive_accepts(naive, &question->paths[i], true) || any_perhaps;
    }
    return all_surely ? PIN_VERDICT_ACCEPTS : any_perhaps || !question->is_paths_whole ? PIN_VERDICT_CANNOT_TELL : PIN_VERDICT_REFUSES;
}

/* Of one format; *ret_is_enforced says something where it refuses or cannot tell. */
static enum pin_verdict naive_judge(struct naive *naive, const struct pin_document *document, const struct pin_question *question,
                                    enum pin_format format, bool *ret_is_enforced) {
    memset(naive, 0, sizeof *naive);
    naive->document = document;
    naive->question = question;
    naive->format = format;
    naive_pick(naive);
    if (naive->is_unpinned || !naive->has_any || !naive_has_usable(naive) || (format == PIN_FORMAT_HPKP && !naive_has_backup(naive)))
        return PIN_VERDICT_NOT_PINNED;
    *ret_is_enforced = naive->is_enforced;
    enum pin_verdict verdict = naive_paths(naive);
    return verdict == PIN_VERDICT_REFUSES && naive->is_fading ? PIN_VERDICT_CANNOT_TELL : verdict;
}

/* ---- cases made up at random */

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
