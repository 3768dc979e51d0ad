#include "formats/certificate_report.h"

#include <stdlib.h>

#include "base/digest.h"
#include "base/memory.h"
#include "base/text.h"
#include "formats/distinguished_name.h"
#include "formats/key_type.h"
#include "formats/names.h"
#include "formats/sct.h"
#include "formats/tbs_hash.h"

/* The same name comes as SAN and as common name, and some in several readings. */
enum { READINGS_MAX = 2 * REPORT_NAMES_MAX, SERIAL_TEXT_BYTES = 64 };

struct reading_node {
    struct report_name name;
    struct reading_node *next;
};

struct reading_list {
    struct arena *arena;
    struct reading_node *last;
    size_t count;
    bool failed;
};

static void collect(void *context, const struct name_reading *reading) {
    struct reading_list *list = context;
    if (list->count == READINGS_MAX || list->failed)
        return;
    struct reading_node *node = arena_take(list->arena, sizeof *node);
    char *value = arena_copy_span_as_text(list->arena, reading->text);
    if (node == NULL || value == NULL) {
        list->failed = true;
        return;
    }
    *node = (struct reading_node){
        .name = {.type = reading->type, .origin = reading->origin, .value = value}, .next = list->last};
    list->last = node;
    list->count++;
}

static int compare_names(const void *left, const void *right) {
    const struct report_name *a = left, *b = right;
    int order = strcmp(a->value, b->value);
    if (order == 0)
        order = (int) a->type - (int) b->type;
    return order == 0 ? (int) a->origin - (int) b->origin : order;
}

static size_t unique_names(struct report_name *names, size_t count) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++) {
        bool is_same = kept > 0 && names[kept - 1].type == names[i].type &&
                       strcmp(names[kept - 1].value, names[i].value) == 0;
        if (!is_same)
            names[kept++] = names[i];
    }
    return kept < REPORT_NAMES_MAX ? kept : REPORT_NAMES_MAX;
}

static result keep_names(const struct reading_list *list, struct entry_report *report) {
    report->names = NULL;
    report->name_count = 0;
    if (list->failed)
        return &fault_no_memory;
    if (list->count == 0)
        return OK;
    struct report_name *names = arena_take_array(list->arena, list->count, sizeof *names);
    if (names == NULL)
        return &fault_no_memory;
    size_t count = 0;
    for (const struct reading_node *node = list->last; node != NULL; node = node->next)
        names[count++] = node->name;
    qsort(names, count, sizeof *names, compare_names);
    report->names = names;
    report->name_count = unique_names(names, count);
    return OK;
}

bool report_add_oddity(struct entry_report *report, struct arena *arena, const char *sentence) {
    if (report->oddity_count == REPORT_ODDITIES_MAX)
        return false;
    const char **oddities = arena_take_array(arena, report->oddity_count + 1, sizeof *oddities);
    char *copy = arena_copy_text(arena, sentence);
    if (oddities == NULL || copy == NULL)
        return false;
    for (size_t i = 0; i < report->oddity_count; i++)
        oddities[i] = report->oddities[i];
    oddities[report->oddity_count++] = copy;
    report->oddities = oddities;
    return true;
}

static result keep_oddities(uint64_t oddities, struct arena *arena, struct entry_report *report) {
    for (int i = 0; i < certificate_oddity_count; i++)
        if ((oddities & ODDITY_BIT(i)) != 0 &&
            !report_add_oddity(report, arena, certificate_oddity_sentence((enum certificate_oddity) i)))
            return &fault_no_memory;
    return OK;
}

static result keep_scts(struct certificate *certificate, struct arena *arena, struct entry_report *report) {
    struct cursor list;
    struct span serialized;
    struct sct sct;
    report->scts = NULL;
    report->sct_count = 0;
    if (!certificate->has_sct_list)
        return OK;
    bool is_good = sct_list_open(certificate->sct_list, &list) == OK;
    struct report_sct *scts = arena_take_array(arena, REPORT_SCTS_MAX, sizeof *scts);
    if (scts == NULL)
        return &fault_no_memory;
    report->scts = scts;
    while (is_good && report->sct_count < REPORT_SCTS_MAX && sct_list_next(&list, &serialized)) {
        is_good = sct_parse(serialized, &sct) == OK;
        if (is_good)
            scts[report->sct_count++] =
                (struct report_sct){.log_id = sct.log_id, .timestamp_ms = sct.timestamp_ms, .verdict = SCT_UNKNOWN};
    }
    if (!is_good || list.failed)
        certificate->oddities |= ODDITY_BIT(ODDITY_SCT_LIST_UNREADABLE);
    return OK;
}

static char *name_text(struct span name, struct arena *arena) {
    struct buffer text = buffer_with_limit(REPORT_TEXT_MAX - 1);
    (void) distinguished_name_text(name, &text);
    char *copy = arena_copy_text(arena, buffer_text(&text));
    buffer_done(&text);
    return copy;
}

static result keep_texts(const struct certificate *certificate, struct arena *arena, struct entry_report *report) {
    char serial[2 * SERIAL_TEXT_BYTES + 1], key_type[KEY_TYPE_SIZE];
    struct span number = certificate->serial;
    if (number.size > SERIAL_TEXT_BYTES)
        number.size = SERIAL_TEXT_BYTES;
    text_of_hex(number, serial);
    key_type_text(certificate->spki, key_type);
    report->serial = arena_copy_text(arena, serial);
    report->key_type = arena_copy_text(arena, key_type);
    report->issuer = name_text(certificate->issuer, arena);
    report->subject = name_text(certificate->subject, arena);
    bool is_good = report->serial != NULL && report->key_type != NULL && report->issuer != NULL;
    return is_good && report->subject != NULL ? OK : &fault_no_memory;
}

static void keep_hashes(const struct certificate *certificate, struct entry_report *report) {
    if (certificate->whole.size > 0) {
        report->certificate = certificate->whole;
        report->cert_sha256.is_known = true;
        digest_of(certificate->whole, &report->cert_sha256.hash);
    } else {
        report->tbs = certificate->tbs;
    }
    report->tbs_sha256.is_known = tbs_hash(certificate, &report->tbs_sha256.hash) == OK;
    report->spki_sha256.is_known = true;
    digest_of(certificate->spki, &report->spki_sha256.hash);
}

result certificate_describe(struct certificate *certificate, struct arena *arena, struct entry_report *report) {
    struct reading_list list = {.arena = arena};
    uint64_t mark = memory_mark();
    keep_hashes(certificate, report);
    report->is_ca = certificate->is_ca;
    report->has_validity = certificate->has_not_before && certificate->has_not_after;
    report->not_before = certificate->not_before;
    report->not_after = certificate->not_after;
    TRY(keep_texts(certificate, arena, report));
    TRY(keep_scts(certificate, arena, report));
    result outcome = names_visit(certificate, collect, &list);
    TRY(keep_names(&list, report));
    TRY(keep_oddities(certificate->oddities, arena, report));
    return memory_mark() != mark ? &fault_no_memory : outcome;
}

result certificate_describe_refused(struct span der, bool is_tbs, struct arena *arena, struct entry_report *report) {
    struct reading_list list = {.arena = arena};
    uint64_t oddities = 0;
    TRY(names_visit_refused(der, is_tbs, collect, &list, &oddities));
    TRY(keep_names(&list, report));
    return keep_oddities(oddities, arena, report);
}
