#include "rules/pin_lint.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "rules/pin_lint_work.h"

enum { REMARKS_PER_RULE = 100, SENTENCE_SIZE = 1024, DAY_S = 86400 };

static const struct pin_lint_rule rules[pin_lint_rule_count] = {
    [PIN_LINT_CHAIN_REFUSED] = {"chain-refused", SEVERITY_CRITICAL, "Serve a chain with one of the pinned keys, or ship pins of what is served."},
    [PIN_LINT_PINS_NONE] = {"pins-none", SEVERITY_CRITICAL, "Add the pins, or say openly that the host is not pinned."},
    [PIN_LINT_APP_REFUSES] = {"app-refuses", SEVERITY_CRITICAL, "Correct the entry before the app is built: it would end at its start."},
    [PIN_LINT_CERTIFICATE_RENEWED] = {"certificate-pin-renewed", SEVERITY_CRITICAL, "Pin the key (SPKI) instead of the certificate, and keep the key when the certificate is renewed."},
    [PIN_LINT_NOTHING_PINNED] = {"nothing-pinned", SEVERITY_WARNING, "Give the file that is built into the app; if it pins nothing, leave this check out."},
    [PIN_LINT_PIN_OF_NOTHING] = {"pin-of-nothing", SEVERITY_WARNING, "Make the pin again, with `pinwatch pins of FILE`."},
    [PIN_LINT_PLACEHOLDER] = {"pin-placeholder", SEVERITY_WARNING, "Put the pin of a key in its place whose private half you hold and do not use yet."},
    [PIN_LINT_PINS_ONE] = {"pins-one", SEVERITY_WARNING, "Make a second key, keep it off line, and add its pin: `pinwatch pins of FILE`."},
    [PIN_LINT_BACKUP_MISSING] = {"backup-missing", SEVERITY_WARNING, "Make a key that no served chain holds, keep it off line, and add its pin."},
    [PIN_LINT_BACKUP_IS_CURRENT] = {"backup-is-current", SEVERITY_WARNING, "A backup is a key that is not in use: make one, and pin that."},
    [PIN_LINT_EXPIRED] = {"expired", SEVERITY_WARNING, "Release a version with a later date, or take the pins out."},
    [PIN_LINT_EXPIRES_SOON] = {"expires-soon", SEVERITY_WARNING, "Release a version with a later date in time for users to get it."},
    [PIN_LINT_EXPIRES_EARLY] = {"expires-before-support-ends", SEVERITY_WARNING, "Let the pins hold as long as the release is supported, or plan an update before that date."},
    [PIN_LINT_PIN_DEAD] = {"pin-dead", SEVERITY_WARNING, "Take the pin out, or put that of the present key in its place."},
    [PIN_LINT_INTERMEDIATE] = {"intermediate-rotates", SEVERITY_WARNING, "Pin the owner's roots, or keys of your own: a CA changes intermediates without asking."},
    [PIN_LINT_NOT_IN_STORE] = {"ca-not-in-store", SEVERITY_WARNING, "Pin a root too that the platform trusts."},
    [PIN_LINT_PUBLIC_SUFFIX] = {"public-suffix", SEVERITY_WARNING, "Pin the names that are yours."},
    [PIN_LINT_PLATFORMS_DIFFER] = {"platforms-differ", SEVERITY_WARNING, "Ship the same keys on all platforms: `pinwatch pins diff` and `pins export` help."},
    [PIN_LINT_CERTIFICATE] = {"certificate-pin", SEVERITY_NOTICE, "Pin the key (SPKI): it can be kept when the certificate is renewed."},
    [PIN_LINT_EXPIRES_LATE] = {"expires-after-support-ends", SEVERITY_NOTICE, "Let the pins expire with the release, or keep a pinned key in use as long as users stay on it."},
    [PIN_LINT_SUBDOMAINS_MISSING] = {"subdomains-missing", SEVERITY_NOTICE, "Include the subdomains, if those that are not listed are to be pinned as well."},
    [PIN_LINT_SUBDOMAINS_ONE_LABEL] = {"subdomains-one-label", SEVERITY_NOTICE, "Add an entry for each deeper name that is to be pinned."},
    [PIN_LINT_APEX_MISSING] = {"apex-missing", SEVERITY_NOTICE, "Add an entry for the name itself, if it is to be pinned."},
    [PIN_LINT_SHADOWED] = {"entry-shadowed", SEVERITY_NOTICE, "Repeat the pins of the shorter entry in the longer one, if they are to hold there."},
    [PIN_LINT_WWW_ONLY] = {"www-only", SEVERITY_NOTICE, "Add an entry for the name without www, if clients connect to it."},
    [PIN_LINT_PLATFORM_MISSING] = {"platform-missing", SEVERITY_NOTICE, "Add the entry, if the app connects to the host on that platform too."},
    [PIN_LINT_REPORT_ONLY] = {"report-only", SEVERITY_NOTICE, "Enforce the pins once the reports are quiet: until then they protect nobody."},
    [PIN_LINT_SMTP_USAGE] = {"tlsa-smtp-usage", SEVERITY_NOTICE, "Use usage 3 (or 2): RFC 7672 3.1.3."},
    [PIN_LINT_NOT_SECURE] = {"tlsa-not-secure", SEVERITY_NOTICE, "Sign the zone, or check that its records come back secure."},
    [PIN_LINT_SHA1] = {"sha1-pin", SEVERITY_NOTICE, "Pin the SHA-256 of the same key."},
    [PIN_LINT_NOT_RECOGNISED] = {"pin-not-recognised", SEVERITY_INFO, "Give the chain that is served with --chain, and see that you hold the keys of those that are not in it."},
    [PIN_LINT_REPEATED] = {"pin-repeated", SEVERITY_INFO, "Leave one of them out."},
    [PIN_LINT_UNPINNED] = {"unpinned", SEVERITY_INFO, "Take the entry out, if the pins of the shorter name are to hold here too."},
    [PIN_LINT_NOBODY_ENFORCES] = {"nobody-enforces", SEVERITY_INFO, "Take the header out: it protects nobody any more."},
};

const struct pin_lint_rule *pin_lint_rule_at(size_t number) {
    return number < pin_lint_rule_count ? &rules[number] : NULL;
}

enum finding_severity pin_lint_severity_of(enum pin_remark_kind kind) {
    return kind == PIN_REMARK_ERROR ? SEVERITY_WARNING : kind == PIN_REMARK_WARNING ? SEVERITY_NOTICE : SEVERITY_INFO;
}

/* ---- remarks */

static void add(struct pin_lint_work *work, const struct pin_lint_remark *remark) {
    if (remark->message == NULL)
        work->is_short = true;
    else
        work->remarks[work->remark_count++] = *remark;
}

__attribute__((format(printf, 4, 0)))
static void say(struct pin_lint_work *work, enum pin_lint_rule_number rule, const struct pin_lint_remark *about, const char *format, va_list arguments) {
    char sentence[SENTENCE_SIZE];
    struct pin_lint_remark remark = *about;
    if (work->seen[rule]++ >= REMARKS_PER_RULE)
        return;
    vsnprintf(sentence, sizeof sentence, format, arguments);
    text_make_harmless(sentence); /* names and comments come from files */
    remark.rule = rules[rule].name;
    remark.advice = rules[rule].advice;
    remark.document = work->document;
    remark.message = arena_copy_text(work->arena, sentence);
    if (remark.line == 0 && remark.set != NULL)
        remark.line = remark.set->line;
    add(work, &remark);
}

void pin_lint_say(struct pin_lint_work *work, enum pin_lint_rule_number rule, const struct pin_set *set, unsigned line, const char *format, ...) {
    struct pin_lint_remark about = {.set = set, .line = line, .severity = rules[rule].severity};
    va_list arguments;
    va_start(arguments, format);
    say(work, rule, &about, format, arguments);
    va_end(arguments);
}

void pin_lint_say_milder(struct pin_lint_work *work, enum pin_lint_rule_number rule, const struct pin_set *set, unsigned line, const char *format, ...) {
    struct pin_lint_remark about = {.set = set, .line = line, .severity = rules[rule].severity == SEVERITY_INFO ? SEVERITY_INFO : rules[rule].severity - 1};
    va_list arguments;
    va_start(arguments, format);
    say(work, rule, &about, format, arguments);
    va_end(arguments);
}

static void say_what_was_only_counted(struct pin_lint_work *work) {
    for (unsigned rule = 0; rule < pin_lint_rule_count; rule++) {
        if (work->seen[rule] <= REMARKS_PER_RULE)
            continue;
        struct pin_lint_remark remark = {.rule = rules[rule].name, .severity = rules[rule].severity, .advice = rules[rule].advice};
        remark.message = arena_printf(work->arena, "%zu more like the %d remarks by this rule", work->seen[rule] - REMARKS_PER_RULE, REMARKS_PER_RULE);
        add(work, &remark);
    }
}

static void take_readers_remarks(struct pin_lint_work *work, const struct pin_document *document) {
    for (size_t i = 0; i < document->remark_count; i++) {
        const struct pin_remark *remark = &document->remarks[i];
        add(work, &(struct pin_lint_remark){.rule = remark->rule, .severity = pin_lint_severity_of(remark->kind), .document = document,
                                            .line = remark->line, .message = remark->text, .advice = ""});
    }
}

/* ---- words */

const char *pin_lint_text(struct pin_lint_work *work, const char *text) {
    work->is_short = work->is_short || text == NULL;
    return text == NULL ? "" : text;
}

struct lint_date pin_lint_date(int64_t unix_seconds) {
    char text[RFC3339_SIZE];
    struct lint_date date = {""};
    text_of_time(unix_seconds, text);
    snprintf(date.text, sizeof date.text, "%.10s", text);
    return date;
}

struct lint_days pin_lint_days(int64_t seconds) {
    struct lint_days days;
    int64_t count = (seconds + DAY_S - 1) / DAY_S;
    snprintf(days.text, sizeof days.text, "%jd day%s", (intmax_t) count, count == 1 ? "" : "s");
    return days;
}

bool pin_lint_is_for_clients(const struct pin_set *set) {
    return set->host != NULL && set->format != PIN_FORMAT_TLSA && set->format != PIN_FORMAT_HPKP && set->format != PIN_FORMAT_KEY;
}

const struct pin *pin_lint_pin_at(const struct pin_set *set, size_t number) {
    for (size_t group = 0; group < set->group_count; group++) {
        if (number < set->groups[group].count)
            return &set->groups[group].pins[number];
        number -= set->groups[group].count;
    }
    return NULL;
}

/* ---- */

static void look_at_set(struct pin_lint_work *work, const struct pin_set *set) {
    pin_lint_mode(work, set);
    if (!set->is_pinned)
        return;
    pin_lint_pins(work, set);
    pin_lint_backups(work, set);
    pin_lint_cas(work, set);
    pin_lint_dates(work, set);
    pin_lint_hosts(work, set);
}

static result look_at_document(struct pin_lint_work *work) {
    work->rooms = arena_take_array(work->arena, work->document->set_count + 1, sizeof *work->rooms);
    if (work->rooms == NULL)
        return &fault_no_memory;
    TRY(pin_index_make(work->document, work->arena, &work->index));
    if (work->document->set_count == 0)
        pin_lint_say(work, PIN_LINT_NOTHING_PINNED, NULL, 0, "no pin set is in this file: there is nothing to check, which is not the same as nothing wrong");
    for (size_t i = 0; i < work->document->set_count; i++)
        look_at_set(work, &work->document->sets[i]);
    pin_lint_chains(work);
    return OK;
}

static int compare_remarks(const void *a, const void *b) {
    const struct pin_lint_remark *left = a, *right = b;
    if (left->document != right->document) /* about several: at the end */
        return left->document == NULL ? 1 : right->document == NULL ? -1 : left->document < right->document ? -1 : 1;
    if (left->line != right->line)
        return left->line < right->line ? -1 : 1;
    if (left->severity != right->severity)
        return left->severity > right->severity ? -1 : 1;
    int order = strcmp(left->rule, right->rule);
    return order != 0 ? order : strcmp(left->message, right->message);
}

result pin_lint(const struct pin_document *documents, size_t count, const struct pin_lint_facts *facts, struct arena *arena,
                struct pin_lint_remark **ret_remarks, size_t *ret_count) {
    struct pin_lint_work work = {.arena = arena, .facts = facts, .documents = documents, .document_count = count};
    size_t rooms = pin_lint_rule_count * (REMARKS_PER_RULE + 1);
    for (size_t i = 0; i < count; i++)
        rooms += documents[i].remark_count;
    work.remarks = arena_take_array(arena, rooms, sizeof *work.remarks);
    if (work.remarks == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; i++) {
        work.document = &documents[i];
        take_readers_remarks(&work, work.document);
        TRY(look_at_document(&work));
    }
    work.document = NULL;
    pin_lint_platforms(&work);
    say_what_was_only_counted(&work);
    if (work.is_short)
        return &fault_no_memory;
    qsort(work.remarks, work.remark_count, sizeof *work.remarks, compare_remarks);
    *ret_remarks = work.remarks;
    *ret_count = work.remark_count;
    return OK;
}
