#include "cli/ca_reports.h"

#include <stdlib.h>

#include "base/digest.h"
#include "base/memory.h"
#include "cli/cert_file.h"
#include "cli/read_file.h"

#define ARENA_LIMIT ((size_t) 1024 * 1024 * 1024)
#define ROW_LIMIT ((size_t) 16 * 1024 * 1024)
#define CERTIFICATES_AT_ONCE 1500 /* with those that issued them; a reader takes 4096 */

struct ca_reports *ca_reports_new(void) {
    struct ca_reports *reports = memory_new(sizeof *reports);
    if (reports == NULL)
        return NULL;
    reports->arena = arena_new(ARENA_LIMIT);
    if (reports->arena != NULL)
        return reports;
    memory_free(reports);
    return NULL;
}

void ca_reports_free(struct ca_reports *reports) {
    if (reports == NULL)
        return;
    for (size_t i = 0; i < reports->file_count; i++)
        buffer_done(&reports->files[i].content);
    memory_free(reports->records);
    memory_free(reports->identifiers);
    memory_free(reports->pems);
    memory_free(reports->certificates);
    memory_free(reports->complaints);
    arena_free(reports->arena);
    memory_free(reports);
}

/* Room for one more element in a list that memory_free releases; false without memory. */
#define HAS_ROOM(list, count, room) \
    __extension__({ \
        __typeof__(list) grown_ = memory_grow((list), (count), &(room), sizeof *(list)); \
        if (grown_ != NULL) \
            (list) = grown_; \
        grown_ != NULL; \
    })

result ca_reports_complain(struct ca_reports *reports, const char *file, size_t line, const char *text) {
    const char *copy = arena_copy_text(reports->arena, text);
    if (copy == NULL || !HAS_ROOM(reports->complaints, reports->complaint_count, reports->complaint_room))
        return &fault_no_memory;
    reports->complaints[reports->complaint_count++] = (struct ca_import_complaint){.file = file, .line = line, .text = copy};
    return OK;
}

/* ------------------------------------------------------------------ rows */

static struct span keep_span(struct ca_reports *reports, struct span bytes) {
    uint8_t *copy = arena_copy(reports->arena, bytes);
    return span_of(copy, copy == NULL ? 0 : bytes.size);
}

static result take_record(struct ca_reports *reports, const struct ccadb_row *row) {
    const char *owner = arena_copy_text(reports->arena, row->owner), *name = arena_copy_text(reports->arena, row->name);
    struct span ski = keep_span(reports, row->ski);
    bool has_room = HAS_ROOM(reports->records, reports->record_count, reports->record_room);
    if (owner == NULL || name == NULL || ski.size != row->ski.size || !has_room)
        return &fault_no_memory;
    reports->records[reports->record_count++] =
        (struct ca_record){.sha256 = row->sha256, .parent_sha256 = row->parent_sha256, .has_parent = row->has_parent, .is_root = row->is_root,
                           .is_subordinate = row->is_subordinate, .ski = ski, .owner = owner, .name = name};
    return OK;
}

static result take_identifier(struct ca_reports *reports, const struct ca_file *file, const struct ccadb_row *row) {
    if (row->domain_count == 0)
        return OK;
    const char **domains = arena_take_array(reports->arena, row->domain_count + 1, sizeof *domains);
    struct span ski = keep_span(reports, row->ski);
    bool has_room = HAS_ROOM(reports->identifiers, reports->identifier_count, reports->identifier_room);
    if (domains == NULL || ski.size != row->ski.size || !has_room)
        return &fault_no_memory;
    for (size_t i = 0; i < row->domain_count; i++) {
        domains[i] = arena_copy_text(reports->arena, row->domains[i]);
        if (domains[i] == NULL)
            return &fault_no_memory;
    }
    reports->identifiers[reports->identifier_count++] = (struct ca_identifier){.ski = ski, .domains = domains, .is_partial = row->is_partial, .file = file->path, .line = row->line};
    return OK;
}

/* The PEM may lie in the arena of the row, when somebody doubled quotes in it; then it is none. */
static result take_pem(struct ca_reports *reports, const struct ca_file *file, const struct ccadb_row *row) {
    bool is_inside = row->pem.bytes >= file->content.bytes && row->pem.bytes < file->content.bytes + file->content.size;
    if (!is_inside)
        return ca_reports_complain(reports, file->path, row->line, "its certificate is not PEM");
    if (!HAS_ROOM(reports->pems, reports->pem_count, reports->pem_room))
        return &fault_no_memory;
    reports->pems[reports->pem_count++] = (struct ca_pem){.sha256 = row->sha256, .pem = row->pem, .file = file->path, .line = row->line};
    return OK;
}

static result take_row(struct ca_reports *reports, struct ca_file *file, const struct ccadb_row *row) {
    size_t before = reports->complaint_count;
    result outcome = OK;
    file->rows++;
    for (size_t i = 0; outcome == OK && i < row->refused_count; i++)
        outcome = ca_reports_complain(reports, file->path, row->line, row->refused[i]);
    if (outcome != OK)
        return outcome;
    bool says_nothing = file->kind == CCADB_IDENTIFIERS && row->domain_count == 0; /* then it does not matter of whom */
    if (row->complaint[0] != '\0')
        outcome = says_nothing ? OK : ca_reports_complain(reports, file->path, row->line, row->complaint);
    else if (file->kind == CCADB_RECORDS)
        outcome = take_record(reports, row);
    else
        outcome = file->kind == CCADB_IDENTIFIERS ? take_identifier(reports, file, row) : take_pem(reports, file, row);
    file->complaints += reports->complaint_count - before;
    return outcome;
}

static result take_rows(struct ca_reports *reports, struct ca_file *file, struct ccadb_report *report, struct reason *reason) {
    struct arena *arena = arena_new(ROW_LIMIT);
    struct ccadb_row row;
    bool has_row = true;
    result outcome = arena == NULL ? &fault_no_memory : ccadb_report_open(buffer_span(&file->content), report, reason);
    if (outcome == OK)
        file->kind = report->kind;
    while (outcome == OK && has_row) {
        arena_reset(arena);
        outcome = ccadb_report_next(report, arena, &row, &has_row, reason);
        if (outcome == OK && has_row)
            outcome = take_row(reports, file, &row);
    }
    arena_free(arena);
    return outcome;
}

result ca_reports_add(struct ca_reports *reports, const char *path, struct reason *reason) {
    AUTO_FREE struct ccadb_report *report = memory_new(sizeof *report);
    struct reason why = {""};
    if (report == NULL)
        return &fault_no_memory;
    if (reports->file_count == CA_FILES_MAX)
        return reason_set(reason, &fault_limit_reached, "more than %d files", CA_FILES_MAX);
    struct ca_file *file = &reports->files[reports->file_count++];
    *file = (struct ca_file){.path = path, .content = buffer_with_limit(CA_FILE_SIZE_MAX)};
    TRY(read_file(path, &file->content, reason));
    digest_of(buffer_span(&file->content), &file->sha256);
    result outcome = take_rows(reports, file, report, &why);
    return outcome == OK || why.text[0] == '\0' ? outcome : reason_set(reason, outcome, "%s: %s", path, why.text);
}

static bool has_kind(const struct ca_reports *reports, enum ccadb_kind kind) {
    for (size_t i = 0; i < reports->file_count; i++)
        if (reports->files[i].kind == kind)
            return true;
    return false;
}

result ca_reports_check(const struct ca_reports *reports, struct reason *reason) {
    static const enum ccadb_kind needed[] = {CCADB_IDENTIFIERS, CCADB_RECORDS};
    for (size_t i = 0; i < sizeof needed / sizeof needed[0]; i++)
        if (!has_kind(reports, needed[i]))
            return reason_set(reason, &fault_ccadb_report, "no %s report among the files: an import needs %s, which says what is recognised, together with %s, "
                              "which says of which certificates and whose", ccadb_kind_name(needed[i]), ccadb_kind_name(CCADB_IDENTIFIERS),
                              ccadb_kind_name(CCADB_RECORDS));
    return OK;
}

struct ca_import_input ca_reports_input(const struct ca_reports *reports) {
    return (struct ca_import_input){.records = reports->records, .record_count = reports->record_count, .identifiers = reports->identifiers,
                                    .identifier_count = reports->identifier_count, .certificates = reports->certificates,
                                    .certificate_count = reports->certificate_count};
}

/* ------------------------------------------------------------------ certificates */

static int compare_pems(const void *a, const void *b) {
    return memcmp(&((const struct ca_pem *) a)->sha256, &((const struct ca_pem *) b)->sha256, HASH_SIZE);
}

static int compare_records(const void *a, const void *b) {
    return memcmp(&((const struct ca_record *) a)->sha256, &((const struct ca_record *) b)->sha256, HASH_SIZE);
}

static int compare_certificates(const void *a, const void *b) {
    return memcmp(&((const struct ca_certificate *) a)->sha256, &((const struct ca_certificate *) b)->sha256, HASH_SIZE);
}

static const struct ca_pem *find_pem(const struct ca_reports *reports, const struct hash *sha256) {
    const struct ca_pem wanted = {.sha256 = *sha256};
    return reports->pem_count == 0 ? NULL : bsearch(&wanted, reports->pems, reports->pem_count, sizeof wanted, compare_pems);
}

static const struct ca_record *find_record(const struct ca_reports *reports, const struct hash *sha256) {
    const struct ca_record wanted = {.sha256 = *sha256};
    return reports->record_count == 0 ? NULL : bsearch(&wanted, reports->records, reports->record_count, sizeof wanted, compare_records);
}

static result take_report(void *context, const struct entry_report *report) {
    struct ca_reports *reports = context;
    if (report->is_unreadable || !report->cert_sha256.is_known || !report->spki_sha256.is_known)
        return OK;
    if (!HAS_ROOM(reports->certificates, reports->certificate_count, reports->certificate_room))
        return &fault_no_memory;
    reports->certificates[reports->certificate_count++] =
        (struct ca_certificate){.sha256 = report->cert_sha256.hash, .spki_sha256 = report->spki_sha256.hash, .issuer_spki_sha256 = report->issuer_spki_sha256.hash,
                                .has_issuer = report->issuer_spki_sha256.is_known};
    return OK;
}

static bool add_pem(struct buffer *bundle, const struct ca_pem *pem) {
    return buffer_add(bundle, pem->pem) && buffer_add_text(bundle, "\n");
}

/* Of a key that the shipped table maps it has walked the paths as well. */
static bool is_wanted(const struct ca_reports *reports, const struct ca_pem *pem) {
    struct hash key;
    struct ca_row row;
    bool is_mapped = ca_table_key_of(&pem->sha256, &key) && ca_table_find(&key, NULL, &row);
    return !is_mapped && find_record(reports, &pem->sha256) != NULL;
}

/* The certificate, and the one that CCADB says issued it: a reader checks whether that is so. */
static bool add_with_parent(const struct ca_reports *reports, struct buffer *bundle, const struct ca_pem *pem) {
    const struct ca_record *record = find_record(reports, &pem->sha256);
    const struct ca_pem *parent = record != NULL && record->has_parent ? find_pem(reports, &record->parent_sha256) : NULL;
    return add_pem(bundle, pem) && (parent == NULL || add_pem(bundle, parent));
}

static result look_at_some(struct ca_reports *reports, size_t *at, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer bundle = buffer_with_limit(CERT_FILE_SIZE_MAX);
    size_t count = 0;
    for (; *at < reports->pem_count && count < CERTIFICATES_AT_ONCE; ++*at) {
        bool is_twice = *at > 0 && hash_equal(&reports->pems[*at].sha256, &reports->pems[*at - 1].sha256);
        if (is_twice || !is_wanted(reports, &reports->pems[*at]))
            continue;
        if (!add_with_parent(reports, &bundle, &reports->pems[*at]))
            return buffer_check(&bundle);
        count++;
    }
    return count == 0 ? OK : cert_file_decode(buffer_span(&bundle), take_report, reports, reason);
}

/* A row whose certificate is another one than its fingerprint says, or none that can be read. */
static result complain_of_others(struct ca_reports *reports) {
    for (size_t i = 0; i < reports->pem_count; i++) {
        const struct ca_pem *pem = &reports->pems[i];
        const struct ca_certificate wanted = {.sha256 = pem->sha256};
        if (!is_wanted(reports, pem))
            continue;
        if (reports->certificate_count == 0 ||
            bsearch(&wanted, reports->certificates, reports->certificate_count, sizeof wanted, compare_certificates) == NULL)
            TRY(ca_reports_complain(reports, pem->file, pem->line, "its certificate cannot be read, or has another fingerprint than the row says"));
    }
    return OK;
}

result ca_reports_look_at_certificates(struct ca_reports *reports, struct reason *reason) {
    if (reports->pem_count == 0)
        return OK;
    qsort(reports->pems, reports->pem_count, sizeof *reports->pems, compare_pems);
    if (reports->record_count > 0)
        qsort(reports->records, reports->record_count, sizeof *reports->records, compare_records);
    for (size_t at = 0; at < reports->pem_count;)
        TRY(look_at_some(reports, &at, reason));
    if (reports->certificate_count > 0)
        qsort(reports->certificates, reports->certificate_count, sizeof *reports->certificates, compare_certificates);
    return complain_of_others(reports);
}
