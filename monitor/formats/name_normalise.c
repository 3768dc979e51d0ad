#include "formats/name_normalise.h"

#include <idn2.h>

#include "base/memory.h"
#include "base/utf8.h"
#include "formats/certificate.h"

enum {
    WORK_SIZE = 4 * HOST_SIZE_MAX + 64, /* two bytes of Latin-1 ("é.") become eight of an A-label and its dot */
    SLOW_LABEL_MAX = 252,               /* bytes of UTF-8; 63 code points of four bytes */
};

/* Characters that a normalised name may hold. */
static const bool plain[256] = {
    ['a' ... 'z'] = true, ['0' ... '9'] = true, ['-'] = true, ['_'] = true, ['.'] = true, ['*'] = true,
};

static bool is_space(uint8_t symbol) {
    return symbol == ' ' || (symbol >= '\t' && symbol <= '\r');
}

bool host_is_plain(struct span name) {
    uint8_t previous = '.';
    if (name.size > HOST_SIZE_MAX)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        uint8_t symbol = name.bytes[i];
        if (!plain[symbol] || (symbol == '.' && previous == '.'))
            return false;
        previous = symbol;
    }
    return previous != '.';
}

bool span_is_ascii(struct span text) {
    uint8_t all = 0;
    for (size_t i = 0; i < text.size; i++)
        all |= text.bytes[i];
    return all < 0x80;
}

struct span host_trim(struct span name, struct name_budget *budget) {
    size_t begin = 0, end = name.size;
    bool has_dots = false;
    for (; begin < end && (is_space(name.bytes[begin]) || name.bytes[begin] == '.'); begin++)
        has_dots = has_dots || name.bytes[begin] == '.';
    for (; end > begin && (is_space(name.bytes[end - 1]) || name.bytes[end - 1] == '.'); end--)
        has_dots = has_dots || name.bytes[end - 1] == '.';
    if (has_dots)
        budget->oddities |= ODDITY_BIT(ODDITY_NAME_DOTS);
    return span_of(name.bytes + begin, end - begin);
}

/* Text under construction: `work` has room for everything that WORK_SIZE promises, and is checked all the same. */
struct work {
    char text[WORK_SIZE];
    size_t size;
    size_t unreadable_count;
};

static void work_add(struct work *work, const char *text, size_t size) {
    if (size <= sizeof work->text - work->size) {
        memcpy(work->text + work->size, text, size);
        work->size += size;
    }
}

static void add_unreadable(struct work *work) {
    work->unreadable_count++;
    work_add(work, "?", 1);
}

static void add_ascii_label(struct span label, struct work *work) {
    bool is_redacted = label.size == 1 && label.bytes[0] == '?';
    size_t begin = work->size;
    bool is_good = label.size > 0;
    for (size_t i = 0; i < label.size && is_good; i++) {
        uint8_t symbol = label.bytes[i];
        char lower = (char) (symbol >= 'A' && symbol <= 'Z' ? symbol | 0x20 : symbol);
        is_good = plain[(uint8_t) lower] || is_redacted;
        work_add(work, &lower, 1);
    }
    if (!is_good) {
        work->size = begin;
        add_unreadable(work);
    }
}

static void add_slow_label(struct span label, struct work *work, struct name_budget *budget) {
    char text[SLOW_LABEL_MAX + 1];
    uint8_t *ascii = NULL;
    if (budget->slow_labels == 0 || label.size > SLOW_LABEL_MAX) {
        if (budget->slow_labels == 0)
            budget->oddities |= ODDITY_BIT(ODDITY_SLOW_NAMES_CUT);
        add_unreadable(work);
        return;
    }
    budget->slow_labels--;
    memcpy(text, label.bytes, label.size);
    text[label.size] = '\0';
    int outcome = idn2_lookup_u8((const uint8_t *) text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
    if (outcome != IDN2_OK)
        ascii = NULL;
    budget->has_no_memory |= outcome == IDN2_MALLOC;
    struct span converted = ascii == NULL ? span_of(NULL, 0) : span_of_text((const char *) ascii);
    if (converted.size > 0 && host_is_plain(converted))
        work_add(work, (const char *) converted.bytes, converted.size);
    else
        add_unreadable(work);
    memory_free_foreign(ascii);
}

static void add_labels(struct span name, struct work *work, struct name_budget *budget) {
    for (size_t begin = 0; begin <= name.size;) {
        const uint8_t *dot = begin == name.size ? NULL : memchr(name.bytes + begin, '.', name.size - begin);
        size_t end = dot == NULL ? name.size : (size_t) (dot - name.bytes);
        struct span label = span_of(name.bytes + begin, end - begin);
        if (span_is_ascii(label))
            add_ascii_label(label, work);
        else
            add_slow_label(label, work, budget);
        if (dot == NULL)
            break;
        work_add(work, ".", 1);
        begin = end + 1;
    }
}

/* UTS 46 maps these to a full stop, so they separate labels. */
static bool is_dot(uint32_t point) {
    return point == 0x3002 || point == 0xff0e || point == 0xff61;
}

/* The name as UTF-8 with plain dots. */
static void to_utf8(struct span name, enum name_charset charset, struct work *ret_text) {
    ret_text->size = 0;
    for (size_t at = 0; at < name.size;) {
        uint8_t bytes[4];
        uint32_t point = name.bytes[at];
        size_t step = charset == CHARSET_UTF8 ? utf8_next(name, at, &point) : 1;
        size_t length = utf8_put(is_dot(point) ? '.' : point, bytes);
        work_add(ret_text, (const char *) bytes, length);
        at += step == 0 ? 1 : step;
    }
}

/* The last labels of a name that is too long; the first of what is left stands for the rest. */
static struct span last_labels(struct span name, size_t size_max) {
    if (name.size <= size_max)
        return name;
    struct span tail = span_of(name.bytes + (name.size - size_max), size_max);
    const uint8_t *dot = memchr(tail.bytes, '.', tail.size);
    size_t cut = dot == NULL ? tail.size : (size_t) (dot - tail.bytes);
    return span_of(tail.bytes + cut, tail.size - cut);
}

void host_normalise(struct span name, enum name_charset charset, struct name_budget *budget,
                    struct host_text *ret_host) {
    struct work labels = {.size = 0};
    struct work text;
    struct span kept = last_labels(name, HOST_SIZE_MAX);
    bool is_cut = kept.size < name.size;
    /* a cut name begins with the dot behind its lost labels, or is empty: its first label then reads as "?" */
    if (span_is_ascii(kept)) {
        add_labels(kept, &labels, budget);
    } else {
        to_utf8(kept, charset, &text);
        add_labels(span_of(text.text, text.size), &labels, budget);
    }
    struct span whole = span_of(labels.text, labels.size);
    struct span result_text = last_labels(whole, HOST_SIZE_MAX - 1);
    bool is_cut_again = result_text.size < whole.size;
    ret_host->size = 0;
    if (is_cut_again)
        ret_host->text[ret_host->size++] = '?';
    if (is_cut || is_cut_again)
        budget->oddities |= ODDITY_BIT(ODDITY_NAME_TOO_LONG);
    memcpy(ret_host->text + ret_host->size, result_text.bytes, result_text.size);
    ret_host->size += result_text.size;
    ret_host->unreadable_count = labels.unreadable_count;
}
