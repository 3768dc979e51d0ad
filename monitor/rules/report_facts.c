/* What the certificates of a client's report say by themselves. */
#include "base/digest.h"
#include "base/memory.h"
#include "formats/names.h"
#include "formats/tbs_hash.h"
#include "rules/ca_edges.h"
#include "rules/report_cause.h"
#include "rules/sct_check.h"

/* Every given certificate is held against every other: twice what real chains have, and keys up to RSA's 4096 bits with small exponents, so that
 * nobody sends a receiver signatures to verify for seconds. */
enum { OTHERS_MAX = 8, KEY_SIZE_MAX = 600, TBS_SIZE_MAX = CLIENT_REPORT_SIZE_MAX };
enum { HOUR_S = 3600, EARLIEST_ZONE_S = 14 * HOUR_S, LATEST_ZONE_S = 12 * HOUR_S };

/* What one reader finds and another does not: a match is then no proof. */
#define ODDITIES_OF_READING \
    (ODDITIES_HIDE_NAMES | ODDITY_BIT(ODDITY_EXTENSION_TWICE) | ODDITY_BIT(ODDITY_NAME_NUL) | ODDITY_BIT(ODDITY_NAME_NOT_ASCII) | ODDITY_BIT(ODDITY_NAME_DOTS) | \
     ODDITY_BIT(ODDITY_NAME_IS_URL) | ODDITY_BIT(ODDITY_NAME_LIST) | ODDITY_BIT(ODDITY_SAN_TWICE) | ODDITY_BIT(ODDITY_SECOND_READING))

struct finding_facts {
    const struct client_report *report;
    struct certificate leaf;
    struct span others[OTHERS_MAX];
    size_t other_count;
    bool is_cut; /* some are not looked at */
    enum trust_store store;
    struct arena *arena;
    struct report_facts *facts;
};

enum trust_store report_store_of(const struct client_report *report) {
    if (report->format == CLIENT_REPORT_HPKP)
        return trust_store_of(PIN_FORMAT_HPKP);
    return trust_store_of(strcmp(report->platform, "android") == 0 ? PIN_FORMAT_TRUSTKIT_ANDROID : PIN_FORMAT_TRUSTKIT_IOS);
}

enum report_known report_locked_out(const struct client_report *report) {
    if (report->format == CLIENT_REPORT_HPKP || (report->has_enforcement && !report->is_enforced))
        return REPORT_NO;
    return report->has_enforcement ? REPORT_YES : REPORT_UNKNOWN;
}

/* ---- the leaf */

static bool is_known(const struct finding_facts *finding, struct span der) {
    for (size_t i = 0; i < finding->other_count; i++)
        if (span_equal(finding->others[i], der))
            return true;
    return span_equal(der, finding->facts->leaf);
}

static void add_others(struct finding_facts *finding, const struct span *chain, size_t count) {
    struct certificate certificate;
    for (size_t i = 0; i < count; i++) {
        if (is_known(finding, chain[i]))
            continue;
        if (finding->other_count == OTHERS_MAX || certificate_parse(chain[i], &certificate) != OK || certificate.spki.size > KEY_SIZE_MAX)
            finding->is_cut = true;
        else
            finding->others[finding->other_count++] = chain[i];
    }
}

static bool find_leaf(struct finding_facts *finding) {
    const struct client_report *report = finding->report;
    struct report_facts *facts = finding->facts;
    if (report->validated_count == 0 && report->served_count == 0)
        return false;
    facts->leaf = report->validated_count > 0 ? report->validated[0] : report->served[0];
    if (certificate_parse(facts->leaf, &finding->leaf) != OK)
        return false;
    facts->has_leaf = true;
    add_others(finding, report->validated, report->validated_count);
    add_others(finding, report->served, report->served_count);
    return true;
}

static result describe_leaf(struct finding_facts *finding) {
    struct report_facts *facts = finding->facts;
    const struct certificate *leaf = &finding->leaf;
    digest_of(leaf->whole, &facts->certificate_sha256);
    digest_of(leaf->spki, &facts->spki_sha256);
    result outcome = tbs_hash(leaf, &facts->tbs_sha256);
    facts->has_tbs = outcome == OK;
    facts->has_validity = leaf->has_not_before && leaf->has_not_after;
    if (facts->has_validity) {
        facts->not_before = leaf->not_before;
        facts->not_after = leaf->not_after;
    }
    return outcome == &fault_no_memory ? outcome : OK;
}

/* ---- for whom */

struct naming {
    struct span host;
    bool is_named, is_perhaps_named;
};

static size_t label_size(struct span name) {
    const uint8_t *dot = name.size == 0 ? NULL : memchr(name.bytes, '.', name.size);
    return dot == NULL ? name.size : (size_t) (dot - name.bytes);
}

/* A name whose labels may be "?": one that cannot be read. */
static bool may_be(struct span name, struct span host) {
    while (name.size > 0 && host.size > 0) {
        size_t size = label_size(name), host_size = label_size(host);
        struct span label = span_of(name.bytes, size);
        if (!span_equal(label, span_of_text("?")) && !span_equal(label, span_of(host.bytes, host_size)))
            return false;
        name = span_of(name.bytes + size + (size < name.size), name.size - size - (size < name.size));
        host = span_of(host.bytes + host_size + (host_size < host.size), host.size - host_size - (host_size < host.size));
    }
    return name.size == 0 && host.size == 0;
}

/* RFC 6125 6.4.3: "*" is one whole label, the first; below a single label no client takes it. */
static bool is_covered(struct span name, struct span host) {
    size_t size = label_size(host);
    if (name.size < 2 || name.bytes[0] != '*' || name.bytes[1] != '.' || size == host.size)
        return false;
    struct span below = span_of(name.bytes + 2, name.size - 2), parent = span_of(host.bytes + size + 1, host.size - size - 1);
    return label_size(below) < below.size && may_be(below, parent);
}

static void take_name(void *context, const struct name_reading *reading) {
    struct naming *naming = context;
    if (reading->type != NAME_DNS || reading->origin != NAME_FROM_SAN)
        return;
    if (!may_be(reading->host, naming->host) && !is_covered(reading->host, naming->host))
        return;
    if (memchr(reading->host.bytes, '?', reading->host.size) == NULL)
        naming->is_named = true;
    else
        naming->is_perhaps_named = true;
}

/* RFC 5280 4.2.1.12: without the extension for every purpose. */
static enum report_known is_for_servers(const struct certificate *leaf) {
    static const uint8_t server_auth[] = {0x2b, 6, 1, 5, 5, 7, 3, 1}, any[] = {0x55, 0x1d, 0x25, 0};
    struct cursor extension = cursor_of(leaf->eku), list;
    struct span content, oid;
    bool is_found = false;
    if (leaf->eku.size == 0)
        return REPORT_YES;
    if (der_take(&extension, DER_SEQUENCE, &content) != OK || !cursor_at_end(&extension))
        return REPORT_UNKNOWN;
    list = cursor_of(content);
    while (!cursor_at_end(&list)) {
        if (der_take(&list, DER_OID, &oid) != OK)
            return REPORT_UNKNOWN;
        is_found |= span_equal(oid, span_of(server_auth, sizeof server_auth)) || span_equal(oid, span_of(any, sizeof any));
    }
    return is_found ? REPORT_YES : REPORT_NO;
}

static enum report_known is_named(const struct naming *naming, bool is_odd) {
    if (is_odd)
        return REPORT_UNKNOWN;
    return naming->is_named ? REPORT_YES : naming->is_perhaps_named ? REPORT_UNKNOWN : REPORT_NO;
}

static result find_naming(struct finding_facts *finding) {
    struct naming naming = {.host = span_of_text(finding->report->host)};
    enum report_known for_servers = is_for_servers(&finding->leaf);
    result outcome = names_visit(&finding->leaf, take_name, &naming);
    if (outcome == &fault_no_memory)
        return outcome;
    enum report_known named = is_named(&naming, outcome != OK || (finding->leaf.oddities & ODDITIES_OF_READING) != 0);
    bool is_not = named == REPORT_NO || for_servers == REPORT_NO;
    finding->facts->is_for_host = is_not ? REPORT_NO : for_servers == REPORT_UNKNOWN ? REPORT_UNKNOWN : named;
    return OK;
}

/* ---- who vouches for it */

static result paths_at(const struct finding_facts *finding, int64_t now, struct trust_paths *ret_paths) {
    return trust_paths_find(&(struct trust_question){.leaf = finding->leaf.whole, .others = finding->others, .other_count = finding->other_count,
                                                     .store = finding->store, .now = now},
                            finding->arena, ret_paths);
}

/* A key that CCADB, a platform or the logs know: no path through it is nobody's, whatever today's lists say. */
static bool is_known_key(const struct hash *key) {
    if (ca_table_key_place(key) != SIZE_MAX || ca_edges_is_root_elsewhere(key))
        return true;
    for (unsigned store = 0; store < trust_store_count; store++)
        if (trust_store_has((enum trust_store) store, key))
            return true;
    return false;
}

static bool is_nobodys(const struct pin_path *path) {
    for (size_t i = 0; i < path->count; i++)
        if (is_known_key(&path->links[i].spki_sha256))
            return false;
    return path->is_foreign;
}

static enum report_known publicity(const struct finding_facts *finding, const struct trust_paths *paths) {
    bool is_private = paths->is_whole && !finding->is_cut;
    for (size_t i = 0; i < paths->count; i++) {
        if (paths->paths[i].is_complete)
            return REPORT_YES;
        is_private &= is_nobodys(&paths->paths[i]);
    }
    return is_private ? REPORT_NO : REPORT_UNKNOWN;
}

static bool is_leaf_valid(const struct report_facts *facts, int64_t now) {
    return facts->not_before <= now && now <= facts->not_after;
}

/* Leaf and chain at one time, to which the paths belong. Where nothing leads up at any time, nothing says that it ended. */
static enum report_known validity(const struct finding_facts *finding, const struct trust_paths *paths, int64_t now) {
    bool is_public = finding->facts->is_public == REPORT_YES;
    if (!is_leaf_valid(finding->facts, now))
        return REPORT_NO;
    for (size_t i = 0; i < paths->count; i++)
        if (paths->paths[i].is_complete || (paths->paths[i].is_foreign && !is_public))
            return REPORT_YES;
    return is_public ? REPORT_NO : REPORT_UNKNOWN;
}

static result validity_at(const struct finding_facts *finding, int64_t now, enum report_known *ret_known) {
    struct trust_paths paths = {.count = 0};
    if (is_leaf_valid(finding->facts, now))
        TRY(paths_at(finding, now, &paths));
    *ret_known = validity(finding, &paths, now);
    return OK;
}

/* Within the hours that a date without a time zone may mean. */
static result find_local_validity(struct finding_facts *finding) {
    enum report_known first, last;
    TRY(validity_at(finding, finding->report->date - EARLIEST_ZONE_S, &first));
    TRY(validity_at(finding, finding->report->date + LATEST_ZONE_S, &last));
    finding->facts->is_valid_then = first == last ? first : REPORT_UNKNOWN;
    return OK;
}

/* By what the client's pins would have to match: every path, as in rules/pin_judge.h. */
static enum report_known refusal(const struct finding_facts *finding, const struct trust_paths *paths, int64_t now) {
    const struct client_report *report = finding->report;
    static const char *const no_uris[] = {NULL};
    struct pin_group group = {.pins = (struct pin *) report->pins, .count = report->pin_count};
    struct pin_set set = {.format = PIN_FORMAT_TRUSTKIT_IOS, .name = "", .host = report->host, .is_pinned = true, .is_enforced = true, .trusts_system = true,
                          .protocol = "", .is_secure = true, .report_uris = no_uris, .groups = &group, .group_count = 1};
    struct pin_document document = {.source = "", .format = PIN_FORMAT_TRUSTKIT_IOS, .sets = &set, .set_count = 1};
    struct pin_judgement judgement;
    if (report->pin_count == 0)
        return REPORT_UNKNOWN;
    pin_judge(&document, &(struct pin_question){.host = report->host, .protocol = "", .paths = paths->paths, .path_count = paths->count,
                                                .is_paths_whole = paths->is_whole && !finding->is_cut, .now = now}, &judgement);
    if (judgement.verdict == PIN_VERDICT_ACCEPTS)
        return REPORT_NO;
    return judgement.verdict == PIN_VERDICT_REFUSES ? REPORT_YES : REPORT_UNKNOWN;
}

/* All paths begin with the leaf and who signed it: one key alone verifies a signature. */
static void take_issuer(struct report_facts *facts, const struct trust_paths *paths) {
    for (size_t i = 0; i < paths->count && !facts->has_issuer; i++) {
        facts->has_issuer = paths->paths[i].count > 1;
        if (facts->has_issuer)
            facts->issuer_spki_sha256 = paths->paths[i].links[1].spki_sha256;
    }
}

/* As of the report; where the leaf was not valid then (or nobody says when), as of the leaf's beginning, so that a client's clock does not decide
 * who vouches for a chain. */
static result find_trust(struct finding_facts *finding) {
    struct report_facts *facts = finding->facts;
    const struct client_report *report = finding->report;
    bool has_date = report->has_date && facts->has_validity, is_valid = has_date && is_leaf_valid(facts, report->date);
    int64_t now = is_valid ? report->date : facts->not_before;
    struct trust_paths paths, then;
    TRY(paths_at(finding, now, &paths));
    then = paths;
    facts->is_public = publicity(finding, &paths);
    if (facts->is_public == REPORT_UNKNOWN && now != facts->not_before) {
        TRY(paths_at(finding, now = facts->not_before, &paths));
        facts->is_public = publicity(finding, &paths);
    }
    facts->is_refused_by_pins = refusal(finding, &paths, now);
    take_issuer(facts, &paths);
    if (has_date && report->is_date_local)
        return find_local_validity(finding);
    facts->is_valid_then = has_date ? validity(finding, &then, report->date) : REPORT_UNKNOWN;
    return OK;
}

/* ---- what logs promised */

static result check_scts(struct finding_facts *finding) {
    CLEANUP(buffer_done) struct buffer tbs = buffer_with_limit(TBS_SIZE_MAX);
    struct report_facts *facts = finding->facts;
    struct cursor list;
    struct span serialized;
    struct sct sct;
    if (!finding->leaf.has_sct_list || sct_list_open(finding->leaf.sct_list, &list) != OK)
        return OK;
    result outcome = tbs_without_ct(&finding->leaf, &tbs);
    if (outcome != OK)
        return outcome == &fault_no_memory ? outcome : OK;
    struct signed_entry entry = {.kind = ENTRY_PRECERTIFICATE, .bytes = buffer_span(&tbs), .issuer_key_hash = facts->has_issuer ? &facts->issuer_spki_sha256 : NULL};
    for (; facts->scts < REPORT_SCTS_MAX && sct_list_next(&list, &serialized); facts->scts++)
        if (sct_parse(serialized, &sct) == OK && sct_check(&sct, &entry) == SCT_VALID)
            facts->scts_verified++;
    return OK;
}

result report_facts_find(const struct client_report *report, enum trust_store store, struct arena *arena, struct report_facts *ret_facts) {
    *ret_facts = (struct report_facts){.is_for_host = REPORT_UNKNOWN, .is_valid_then = REPORT_UNKNOWN, .is_public = REPORT_UNKNOWN, .is_refused_by_pins = REPORT_UNKNOWN};
    struct finding_facts finding = {.report = report, .store = store, .arena = arena, .facts = ret_facts};
    if (!find_leaf(&finding))
        return OK;
    TRY(describe_leaf(&finding));
    TRY(find_naming(&finding));
    TRY(find_trust(&finding));
    return check_scts(&finding);
}
