/* Reports of CCADB: domains are lower-case names, each once; texts are harmless; a row that is of no use says why.
 *
 * parser: formats/ccadb_report.c
 * seeds: ccadb-report */
#include "base/memory.h"
#include "base/text.h"
#include "formats/ccadb_report.h"
#include "fuzz/harness.h"

#define ARENA_LIMIT ((size_t) 64 * 1024 * 1024)

static void require_domain(const char *domain) {
    size_t size = strlen(domain);
    require(size >= 3 && size <= 253 && strchr(domain, '.') != NULL);
    require(strspn(domain, "abcdefghijklmnopqrstuvwxyz0123456789-.") == size);
    require(strstr(domain, "..") == NULL && domain[0] != '.' && domain[size - 1] != '.');
}

static void require_row(const struct ccadb_row *row) {
    require(row->domain_count <= CCADB_DOMAINS_MAX && row->refused_count <= CCADB_REFUSED_MAX && row->ski.size <= CCADB_SKI_MAX);
    for (size_t i = 0; i < row->domain_count; i++) {
        require_domain(row->domains[i]);
        for (size_t k = 0; k < i; k++)
            require(strcmp(row->domains[i], row->domains[k]) != 0);
    }
    for (size_t i = 0; i < row->refused_count; i++)
        require(strstr(row->refused[i], "\": ") != NULL);
    require(strpbrk(row->name, "\x1b\n\r\x7f") == NULL && strpbrk(row->owner, "\x1b\n\r\x7f") == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size) {
    static struct ccadb_report report;
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct reason reason = {""};
    struct ccadb_row row;
    bool has_row = true;
    require(arena != NULL);
    result outcome = ccadb_report_open(span_of(bytes, size), &report, &reason);
    while (outcome == OK && has_row) {
        outcome = ccadb_report_next(&report, arena, &row, &has_row, &reason);
        if (outcome == OK && has_row)
            require_row(&row);
        arena_reset(arena);
    }
    require(outcome == OK || reason.text[0] != '\0');
    arena_free(arena);
    return 0;
}
