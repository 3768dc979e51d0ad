#include "formats/ccadb_report.h"

#include <strings.h>

#include "base/text.h"

FAULT(fault_ccadb_report, FAULT_INPUT, "ccadb.report", "CCADB report", "", "not a report that is known",
      "AllCAAIdentifiersReportCSVV2, AllCertificateRecordsCSVFormat… or AllCertificatePEMsCSVFormat, as downloaded");

enum column { SHA256, PARENT_SHA256, OWNER, SUBORDINATE_OWNER, NAME, RECORD_TYPE, SKI, CONTENT };
_Static_assert(CONTENT + 1 == CCADB_COLUMNS, "a place for each column");

struct column_name {
    enum ccadb_kind kind;
    enum column column;
    bool is_needed;
    const char *title;
};

static const struct column_name column_names[] = {
    {CCADB_IDENTIFIERS, CONTENT, true, "Recognized CAA Domains"},
    {CCADB_IDENTIFIERS, SKI, true, "Subject Key Identifier (Hex)"},
    {CCADB_IDENTIFIERS, NAME, false, "Subject"},
    {CCADB_RECORDS, OWNER, true, "CA Owner"},
    {CCADB_RECORDS, SHA256, true, "SHA-256 Fingerprint"},
    {CCADB_RECORDS, PARENT_SHA256, true, "Parent SHA-256 Fingerprint"},
    {CCADB_RECORDS, RECORD_TYPE, true, "Certificate Record Type"},
    {CCADB_RECORDS, SKI, true, "Subject Key Identifier"},
    {CCADB_RECORDS, NAME, false, "Certificate Name"},
    {CCADB_RECORDS, SUBORDINATE_OWNER, false, "Subordinate CA Owner"},
    {CCADB_CERTIFICATES, SHA256, true, "SHA-256 Fingerprint"},
    {CCADB_CERTIFICATES, CONTENT, true, "X.509 Certificate (PEM)"},
    {CCADB_CERTIFICATES, CONTENT, true, "PEM Info"},
};
#define COLUMN_NAMES (sizeof column_names / sizeof column_names[0])

static const char *const kind_names[ccadb_kind_count] = {
    [CCADB_IDENTIFIERS] = "AllCAAIdentifiersReportCSVV2",
    [CCADB_RECORDS] = "AllCertificateRecordsCSVFormat",
    [CCADB_CERTIFICATES] = "AllCertificatePEMsCSVFormat",
};

const char *ccadb_kind_name(enum ccadb_kind kind) {
    return kind_names[kind];
}

/* ------------------------------------------------------------------ the header */

static bool is_title(struct span field, const char *title) {
    return field.size == strlen(title) && strncasecmp((const char *) field.bytes, title, field.size) == 0;
}

static size_t find_column(const struct csv_reader *csv, const char *title) {
    for (size_t i = 0; i < csv->count; i++)
        if (!csv->fields[i].has_doubled_quotes && is_title(csv_field_value(&csv->fields[i], NULL), title))
            return i;
    return SIZE_MAX;
}

static void find_columns(struct ccadb_report *report) {
    for (size_t i = 0; i < CCADB_COLUMNS; i++)
        report->columns[i] = SIZE_MAX;
    for (size_t i = 0; i < COLUMN_NAMES; i++) {
        const struct column_name *wanted = &column_names[i];
        if (wanted->kind == report->kind && report->columns[wanted->column] == SIZE_MAX)
            report->columns[wanted->column] = find_column(&report->csv, wanted->title);
    }
}

/* A column that must be there and is not; NULL when all are. */
static const char *missing_column(const struct ccadb_report *report) {
    for (size_t i = 0; i < COLUMN_NAMES; i++)
        if (column_names[i].kind == report->kind && column_names[i].is_needed && report->columns[column_names[i].column] == SIZE_MAX)
            return column_names[i].title;
    return NULL;
}

static result refuse_header(const struct csv_reader *csv, struct reason *reason) {
    if (find_column(csv, "Recognized CAA Domains") != SIZE_MAX)
        return reason_set(reason, &fault_ccadb_report, "no column \"Subject Key Identifier (Hex)\": wanted version 2 of the report, %s, which says "
                          "of each certificate what its CA recognises", kind_names[CCADB_IDENTIFIERS]);
    return reason_set(reason, &fault_ccadb_report, "no CCADB report that is known by its header row: wanted %s (a column \"Recognized CAA Domains\"), "
                      "%s (\"CA Owner\", \"SHA-256 Fingerprint\", …) or %s (\"X.509 Certificate (PEM)\"), as CSV and as downloaded",
                      kind_names[CCADB_IDENTIFIERS], kind_names[CCADB_RECORDS], kind_names[CCADB_CERTIFICATES]);
}

static result next_csv_row(struct csv_reader *csv, bool *ret_has_row, struct reason *reason) {
    result outcome = csv_next(csv, ret_has_row);
    for (size_t i = 0; outcome == OK && i < csv->count; i++)
        if (csv->fields[i].text.size > CCADB_FIELD_MAX)
            return reason_set(reason, &fault_ccadb_report, "line %zu: field %zu has %zu bytes, wanted %d at most", csv->line, i + 1,
                              csv->fields[i].text.size, CCADB_FIELD_MAX);
    return outcome == OK ? OK : reason_set(reason, &fault_ccadb_report, "line %zu: %s, wanted %s (%s)", csv->line, outcome->wrong, outcome->wanted,
                                           outcome->clause[0] == '\0' ? "our limit" : outcome->clause);
}

result ccadb_report_open(struct span text, struct ccadb_report *ret_report, struct reason *reason) {
    bool has_header;
    csv_reader_init(&ret_report->csv, text);
    TRY(next_csv_row(&ret_report->csv, &has_header, reason));
    if (!has_header)
        return reason_set(reason, &fault_ccadb_report, "the file is empty, wanted a header row");
    for (int kind = 0; kind < ccadb_kind_count; kind++) {
        ret_report->kind = (enum ccadb_kind) kind;
        find_columns(ret_report);
        if (missing_column(ret_report) == NULL)
            return OK;
    }
    return refuse_header(&ret_report->csv, reason);
}

/* ------------------------------------------------------------------ domains */

#define SHOWN_MAX 117 /* bytes of what is refused */

struct domains {
    struct arena *arena;
    const char *list[CCADB_DOMAINS_MAX + 1], *refused[CCADB_REFUSED_MAX];
    size_t count, refused_count;
    bool is_partial, has_no_memory;
};

static bool is_blank(uint8_t byte) {
    return byte == ' ' || byte == '\t';
}

static bool is_label_byte(uint8_t byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') || (byte >= '0' && byte <= '9') || byte == '-';
}

static bool is_label(struct span label) {
    if (label.size == 0 || label.size > 63 || label.bytes[0] == '-' || label.bytes[label.size - 1] == '-')
        return false;
    for (size_t i = 0; i < label.size; i++)
        if (!is_label_byte(label.bytes[i]))
            return false;
    return true;
}

static bool is_number(struct span label) {
    for (size_t i = 0; i < label.size; i++)
        if (label.bytes[i] < '0' || label.bytes[i] > '9')
            return false;
    return true;
}

/* Host names of two or more labels, the last one not a number (RFC 1123 2.1). */
static bool is_domain(struct span text) {
    struct span rest = text;
    for (size_t labels = 1; text.size <= 253; labels++) {
        const uint8_t *dot = rest.size == 0 ? NULL : memchr(rest.bytes, '.', rest.size);
        struct span label = span_of(rest.bytes, dot == NULL ? rest.size : (size_t) (dot - rest.bytes));
        if (!is_label(label))
            return false;
        if (dot == NULL)
            return labels >= 2 && !is_number(label);
        rest = span_of(dot + 1, rest.size - label.size - 1);
    }
    return false;
}

static struct span without_edges(struct span text, const char *edges) {
    while (text.size > 0 && strchr(edges, text.bytes[0]) != NULL && text.bytes[0] != '\0')
        text = span_of(text.bytes + 1, text.size - 1);
    while (text.size > 0 && strchr(edges, text.bytes[text.size - 1]) != NULL && text.bytes[text.size - 1] != '\0')
        text.size--;
    return text;
}

/* "letsencrypt.org." and "\"letsencrypt.org\"" are the name itself. */
static struct span bare(struct span word) {
    word = without_edges(word, "\"' \t");
    if (word.size > 1 && word.bytes[word.size - 1] == '.')
        word.size--;
    return word;
}

/* As a text that is safe to print; NULL without memory. */
static char *harmless_copy(struct span text, struct arena *arena) {
    char *copy = arena_copy_span_as_text(arena, text);
    if (copy != NULL)
        text_make_harmless(copy);
    return copy;
}

static bool is_word_for_nothing(struct span item) {
    static const char *const nothing[] = {"none", "n/a", "na", "not applicable", "-", "null", "nil"};
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++)
        if (is_title(item, nothing[i]))
            return true;
    return false;
}

static const char *why_refused(struct span item) {
    if (is_word_for_nothing(item))
        return "a word for nothing, wanted an empty field";
    return memchr(item.bytes, '@', item.size) != NULL ? "an e-mail address, wanted a domain name" : "no domain name";
}

static void refuse_item(struct domains *domains, struct span item, const char *why) {
    domains->is_partial |= !is_word_for_nothing(item);
    if (domains->refused_count == CCADB_REFUSED_MAX)
        return;
    bool is_cut = item.size > SHOWN_MAX;
    const char *shown = harmless_copy(span_of(item.bytes, is_cut ? SHOWN_MAX : item.size), domains->arena);
    const char *sentence = shown == NULL ? NULL : arena_printf(domains->arena, "\"%s%s\": %s", shown, is_cut ? "..." : "", why);
    domains->has_no_memory |= sentence == NULL;
    if (sentence != NULL)
        domains->refused[domains->refused_count++] = sentence;
}

static void take_domain(struct domains *domains, struct span word) {
    char *name = arena_copy_span_as_text(domains->arena, word);
    domains->has_no_memory |= name == NULL;
    if (name == NULL)
        return;
    for (char *at = name; *at != '\0'; at++)
        *at = (char) (*at >= 'A' && *at <= 'Z' ? *at + ('a' - 'A') : *at);
    for (size_t i = 0; i < domains->count; i++)
        if (strcmp(domains->list[i], name) == 0)
            return;
    if (domains->count == CCADB_DOMAINS_MAX)
        refuse_item(domains, word, "one domain too many, wanted 128 at most");
    else
        domains->list[domains->count++] = name;
}

_Static_assert(CCADB_DOMAINS_MAX == 128, "as the sentence has it");

/* The next word of an item, none at its end. */
static bool next_word(struct span item, size_t *at, struct span *ret_word) {
    while (*at < item.size && is_blank(item.bytes[*at]))
        ++*at;
    size_t start = *at;
    while (*at < item.size && !is_blank(item.bytes[*at]))
        ++*at;
    *ret_word = bare(span_of(item.bytes + start, *at - start));
    return *at > start;
}

/* What stands between two commas: one name, or several with blanks between; a sentence is none, whatever words it has. */
static void take_item(struct domains *domains, struct span item) {
    struct span word;
    item = without_edges(item, "\"' \t");
    if (item.size == 0)
        return;
    for (size_t at = 0; next_word(item, &at, &word);) {
        if (!is_domain(word)) {
            refuse_item(domains, item, why_refused(item));
            return;
        }
    }
    for (size_t at = 0; next_word(item, &at, &word);)
        take_domain(domains, word);
}

static void take_domains(struct domains *domains, struct span text) {
    size_t start = 0;
    for (size_t i = 0; i <= text.size; i++) {
        if (i < text.size && memchr(",;\r\n", text.bytes[i], 4) == NULL)
            continue;
        take_item(domains, span_of(text.bytes + start, i - start));
        start = i + 1;
    }
}

/* ------------------------------------------------------------------ rows */

struct reading {
    const struct ccadb_report *report;
    struct arena *arena;
    struct ccadb_row *row;
    bool has_no_memory;
};

static struct span value_of(struct reading *reading, enum column column) {
    size_t place = reading->report->columns[column];
    if (place >= reading->report->csv.count) /* not there, or the row is short */
        return span_of("", 0);
    struct span value = csv_field_value(&reading->report->csv.fields[place], reading->arena);
    reading->has_no_memory |= value.bytes == NULL && reading->report->csv.fields[place].has_doubled_quotes;
    return value.bytes == NULL ? span_of("", 0) : value;
}

static const char *text_of(struct reading *reading, enum column column) {
    struct span value = value_of(reading, column);
    const char *copy = harmless_copy(span_of(value.bytes, value.size > CCADB_TEXT_MAX ? CCADB_TEXT_MAX : value.size), reading->arena);
    reading->has_no_memory |= copy == NULL;
    return copy == NULL ? "" : copy;
}

/* "AB:CD" and "abcd" are the same. False when it is no hash. */
static bool hash_of(struct span hex, struct hash *ret_hash) {
    uint8_t digits[2 * HASH_SIZE];
    size_t size = 0;
    for (size_t i = 0; i < hex.size; i++) {
        if (hex.bytes[i] == ':')
            continue;
        if (size == sizeof digits)
            return false;
        digits[size++] = hex.bytes[i];
    }
    return hash_from_hex(span_of(digits, size), ret_hash) == OK;
}

static bool key_identifier_of(struct reading *reading, bool is_hex, struct span *ret_ski) {
    struct span text = value_of(reading, SKI);
    uint8_t bytes[CCADB_SKI_MAX + 3];
    size_t size = text.size / 2;
    *ret_ski = span_of("", 0);
    if (text.size > (is_hex ? 2 * (size_t) CCADB_SKI_MAX : (size_t) CCADB_SKI_MAX / 3 * 4))
        return false;
    bool is_read = is_hex ? text.size % 2 == 0 && text_to_hex(text, bytes, size) == OK : text_to_base64(text, bytes, &size) == OK;
    if (!is_read || size == 0)
        return is_read;
    uint8_t *copy = arena_copy(reading->arena, span_of(bytes, size));
    reading->has_no_memory |= copy == NULL;
    *ret_ski = span_of(copy, copy == NULL ? 0 : size);
    return true;
}

static void read_identifiers(struct reading *reading) {
    struct ccadb_row *row = reading->row;
    struct domains domains = {.arena = reading->arena};
    row->name = text_of(reading, NAME);
    take_domains(&domains, value_of(reading, CONTENT));
    domains.list[domains.count] = NULL;
    const char **list = arena_take_array(reading->arena, domains.count + 1, sizeof *list);
    const char **refused = arena_take_array(reading->arena, domains.refused_count + 1, sizeof *refused);
    reading->has_no_memory |= domains.has_no_memory || list == NULL || refused == NULL;
    if (reading->has_no_memory)
        return;
    memcpy(list, domains.list, (domains.count + 1) * sizeof *list);
    memcpy(refused, domains.refused, domains.refused_count * sizeof *refused);
    row->domains = list;
    row->domain_count = domains.count;
    row->refused = refused;
    row->refused_count = domains.refused_count;
    row->is_partial = domains.is_partial;
    if (!key_identifier_of(reading, true, &row->ski) || row->ski.size == 0)
        row->complaint = "no subject key identifier in hex";
}

static void read_record(struct reading *reading) {
    struct ccadb_row *row = reading->row;
    struct span type = value_of(reading, RECORD_TYPE), parent = value_of(reading, PARENT_SHA256);
    row->owner = text_of(reading, SUBORDINATE_OWNER);
    row->is_subordinate = row->owner[0] != '\0';
    if (!row->is_subordinate)
        row->owner = text_of(reading, OWNER);
    row->name = text_of(reading, NAME);
    row->is_root = is_title(type, "Root Certificate");
    row->has_parent = hash_of(parent, &row->parent_sha256);
    if (!hash_of(value_of(reading, SHA256), &row->sha256))
        row->complaint = "no SHA-256 fingerprint";
    else if (!row->is_root && !is_title(type, "Intermediate Certificate"))
        row->complaint = "neither a root nor an intermediate certificate";
    else if (parent.size > 0 && !row->has_parent)
        row->complaint = "a parent's fingerprint that is no SHA-256";
    else if (!key_identifier_of(reading, false, &row->ski))
        row->complaint = "a subject key identifier that is not base64";
}

static void read_certificate(struct reading *reading) {
    struct ccadb_row *row = reading->row;
    row->pem = value_of(reading, CONTENT);
    if (!hash_of(value_of(reading, SHA256), &row->sha256))
        row->complaint = "no SHA-256 fingerprint";
    else if (row->pem.size == 0)
        row->complaint = "no certificate";
}

result ccadb_report_next(struct ccadb_report *report, struct arena *arena, struct ccadb_row *ret_row, bool *ret_has_row, struct reason *reason) {
    static void (*const readers[ccadb_kind_count])(struct reading *) = {
        [CCADB_IDENTIFIERS] = read_identifiers, [CCADB_RECORDS] = read_record, [CCADB_CERTIFICATES] = read_certificate};
    struct reading reading = {.report = report, .arena = arena, .row = ret_row};
    TRY(next_csv_row(&report->csv, ret_has_row, reason));
    *ret_row = (struct ccadb_row){.line = report->csv.line, .complaint = "", .owner = "", .name = "", .ski = span_of("", 0), .pem = span_of("", 0)};
    if (!*ret_has_row)
        return OK;
    readers[report->kind](&reading);
    return reading.has_no_memory ? &fault_no_memory : OK;
}
