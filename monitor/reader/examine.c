/* One entry: is it watched? And for the few that are: everything that can be said about it. */
#include "base/digest.h"
#include "formats/certificate_report.h"
#include "formats/names.h"
#include "formats/tbs_hash.h"
#include "reader/reader.h"
#include "rules/issuer_check.h"
#include "rules/sct_check.h"

FAULT(fault_leaf_index, FAULT_INPUT, "leaf.index", "entry", "static-ct-api, Log entries",
      "the leaf_index extension is missing or is not the entry's index", "the index at which the log serves the entry");

struct lookup {
    const struct watch_image *image;
    struct watch_hits *hits;
    bool has_names;
};

/* An empty host still reaches a watch on everything. */
static void look_up(void *context, const struct name_reading *reading) {
    struct lookup *lookup = context;
    lookup->has_names = true;
    if (reading->type == NAME_EMAIL)
        watch_find_email(lookup->image, reading->host, lookup->hits);
    else
        watch_find_dns(lookup->image, reading->host, lookup->hits);
    if (reading->address.size > 0)
        watch_find_address(lookup->image, reading->address, lookup->hits);
}

/* Names, then the key. `ret_certificate` is filled when the certificate could be taken apart. */
static result find_watches(struct reader *reader, const struct leaf *leaf, struct certificate *ret_certificate) {
    bool is_tbs = leaf->kind == ENTRY_PRECERTIFICATE;
    struct span der = is_tbs ? leaf->tbs : leaf->certificate;
    struct lookup lookup = {.image = &reader->image, .hits = &reader->hits};
    result outcome = is_tbs ? tbs_parse(der, ret_certificate) : certificate_parse(der, ret_certificate);
    if (outcome != OK) {
        uint64_t oddities = 0;
        result names = names_visit_refused(der, is_tbs, look_up, &lookup, &oddities);
        return names == OK ? outcome : names;
    }
    outcome = names_visit(ret_certificate, look_up, &lookup);
    if (!lookup.has_names)
        watch_find_dns(&reader->image, span_of("", 0), &reader->hits);
    if (watch_image_has_keys(&reader->image) && ret_certificate->spki.size > 0) {
        struct hash spki_sha256;
        digest_of(ret_certificate->spki, &spki_sha256);
        watch_find_key(&reader->image, &spki_sha256, &reader->hits);
    }
    return outcome;
}

/* ------------------------------------------------------------------ reports */

struct story {
    struct reader *reader;
    struct entry *entry;
    struct certificate certificate; /* of the leaf */
    struct entry_report report;
};

static void note(struct story *story, const char *sentence) {
    if (story->report.oddity_count < REPORT_ODDITIES_MAX)
        story->reader->has_no_memory |= !report_add_oddity(&story->report, story->reader->arena, sentence);
}

static void copy_hits(struct story *story) {
    const struct watch_hits *hits = &story->reader->hits;
    struct entry_report *report = &story->report;
    report->terminals = hits->terminals;
    report->terminal_count = hits->count;
    report->terminal_total = hits->total;
    report->matches_nearly_all = hits->is_nearly_all;
    report->broad_suffix = hits->is_nearly_all ? hits->broad_suffix : "";
}

/* extra_data with escapes that the scanner stepped over: Jansson reads the body as well. The list at hand stays as it is,
 * because entries that are still to come lie in it, and Jansson may refuse what the scanner took. */
static struct span unescaped(struct story *story, struct span text) {
    struct reader *reader = story->reader;
    size_t position = story->entry->position;
    if (reader->list.tree != NULL || !get_entries_is_escaped(text))
        return text;
    result outcome = reader->is_slow_tried ? OK : get_entries_read_slowly(&reader->slow_list, reader->plain);
    reader->has_no_memory |= outcome == &fault_no_memory;
    if (outcome != OK)
        get_entries_done(&reader->slow_list);
    reader->is_slow_tried = true;
    return position < reader->slow_list.count ? reader->slow_list.items[position].extra_data : text;
}

static void add_extra_data(struct story *story) {
    struct entry *entry = story->entry;
    struct buffer *bytes = &story->reader->extra_bytes;
    if (entry->extra_text.size == 0)
        return;
    result outcome = decode_base64(unescaped(story, entry->extra_text), bytes);
    story->reader->has_no_memory |= outcome == &fault_no_memory;
    if (outcome != OK || leaf_add_extra_data(buffer_span(bytes), &entry->leaf) != OK)
        note(story, "extra_data, which the log does not sign, cannot be read (RFC 6962 4.6)");
}

static void add_fingerprints(struct story *story) {
    const struct leaf *leaf = &story->entry->leaf;
    struct entry_report *report = &story->report;
    struct hash *hashes = arena_take_array(story->reader->arena, REPORT_CHAIN_MAX, sizeof *hashes);
    struct cursor fingerprints = cursor_of(leaf->chain_fingerprints);
    struct cursor chain = cursor_of(leaf->chain);
    struct span certificate;
    size_t count = 0;
    if (hashes == NULL) {
        story->reader->has_no_memory = true;
        return;
    }
    while (count < REPORT_CHAIN_MAX && cursor_copy(&fingerprints, HASH_SIZE, hashes[count].bytes))
        count++;
    while (count < REPORT_CHAIN_MAX && leaf_chain_next(&chain, &certificate)) {
        if (count == 0)
            report->issuer_certificate = certificate;
        digest_of(certificate, &hashes[count++]);
    }
    report->chain_fingerprints = hashes;
    report->chain_count = count;
}

static bool is_issued_by(struct story *story, struct span issuer_der) {
    struct certificate issuer;
    struct known_hash *spki = &story->report.issuer_spki_sha256;
    if (certificate_parse(issuer_der, &issuer) != OK)
        return false;
    result outcome = issuer_check(&story->certificate, &issuer, &spki->hash);
    story->reader->has_no_memory |= outcome == &fault_no_memory;
    if (outcome != OK)
        return false;
    spki->is_known = true;
    return true;
}

/* The chain's first certificate issued it (RFC 6962 3.1); a later one is tried where its name is the issuer's; a root
 * that was logged alone may have signed itself. */
static void prove_issuer(struct story *story) {
    const struct leaf *leaf = &story->entry->leaf;
    struct entry_report *report = &story->report;
    struct cursor chain = cursor_of(leaf->chain);
    struct span der;
    for (size_t i = 0; i < REPORT_CHAIN_MAX && leaf_chain_next(&chain, &der); i++) {
        struct certificate candidate;
        bool is_named = certificate_parse(der, &candidate) == OK && span_equal(candidate.subject, story->certificate.issuer);
        if ((i == 0 || is_named) && is_issued_by(story, der)) {
            report->issuer_certificate = der;
            return;
        }
    }
    if (span_equal(story->certificate.issuer, story->certificate.subject) && is_issued_by(story, leaf->certificate))
        return;
    report->is_issuer_pending = leaf->chain.size == 0 && leaf->chain_fingerprints.size > 0;
    if (!report->is_issuer_pending)
        note(story, "no certificate of the delivered chain verifies its signature");
}

/* The leaf's issuer_key_hash is signed by the log; the precertificate beside it is not, so it must fit the leaf. */
static void add_precertificate(struct story *story) {
    const struct leaf *leaf = &story->entry->leaf;
    struct entry_report *report = &story->report;
    struct certificate precertificate;
    report->issuer_spki_sha256.is_known = true;
    memcpy(report->issuer_spki_sha256.hash.bytes, leaf->issuer_key_hash.bytes, HASH_SIZE);
    if (leaf->precertificate.size == 0)
        return;
    if (certificate_parse(leaf->precertificate, &precertificate) != OK ||
        !precertificate_fits(&precertificate, &story->certificate)) {
        note(story, "the precertificate that the log delivered does not fit the leaf (RFC 6962 3.2)");
        return;
    }
    report->certificate = leaf->precertificate;
    report->cert_sha256.is_known = true;
    digest_of(leaf->precertificate, &report->cert_sha256.hash);
}

static result describe(struct story *story) {
    struct entry *entry = story->entry;
    add_extra_data(story);
    TRY(certificate_describe(&story->certificate, story->reader->arena, &story->report));
    add_fingerprints(story);
    if (entry->leaf.kind == ENTRY_CERTIFICATE)
        prove_issuer(story);
    else
        add_precertificate(story);
    TRY(sct_check_report(&story->certificate, &story->report));
    if (entry->leaf.has_odd_extensions)
        note(story, "the leaf's extensions are not the list of static-ct-api");
    return OK;
}

static void mark_unreadable(struct story *story, result fault) {
    struct entry_report *report = &story->report;
    struct reason words;
    reason_of_fault(fault, &words);
    const char *sentence = arena_copy_text(story->reader->arena, words.text);
    story->reader->has_no_memory |= sentence == NULL;
    report->is_unreadable = true;
    report->reason = fault->name;
    report->reason_text = sentence == NULL ? fault->wrong : sentence;
    report->raw = story->entry->raw;
    if (report->raw.size > REPORT_RAW_MAX)
        report->raw.size = REPORT_RAW_MAX;
}

static void begin(struct story *story) {
    struct entry *entry = story->entry;
    story->report = (struct entry_report){.index = entry->index, .leaf_hash = entry->hash, .reason = "", .reason_text = "",
                                          .serial = "", .issuer = "", .subject = "", .key_type = "", .broad_suffix = ""};
    arena_reset(story->reader->arena);
    if (entry->fault != OK)
        return;
    story->report.timestamp_ms = entry->leaf.timestamp_ms;
    story->report.kind = entry->leaf.kind;
    copy_hits(story);
}

/* Not all of a refused certificate can be read; its names perhaps, through OpenSSL. */
static void tell_refused(struct story *story, result fault) {
    const struct leaf *leaf = &story->entry->leaf;
    bool is_tbs = leaf->kind == ENTRY_PRECERTIFICATE;
    result outcome = certificate_describe_refused(is_tbs ? leaf->tbs : leaf->certificate, is_tbs, story->reader->arena, &story->report);
    story->reader->has_no_memory |= outcome == &fault_no_memory;
    if (outcome != OK)
        story->report.name_count = 0;
    mark_unreadable(story, fault);
}

static void tell(struct story *story, result fault, bool is_parsed) {
    begin(story);
    if (story->entry->fault != OK) {
        mark_unreadable(story, story->entry->fault);
    } else if (!is_parsed) {
        tell_refused(story, fault);
    } else {
        result outcome = describe(story);
        story->reader->has_no_memory |= outcome == &fault_no_memory;
        result worst = fault != OK ? fault : outcome;
        if (worst != OK)
            mark_unreadable(story, worst);
    }
    story->reader->has_no_memory |= fault == &fault_no_memory;
    answer_add(story->reader, &story->report);
}

static result check_index(const struct reader *reader, const struct entry *entry) {
    if ((reader->request->flags & READER_FLAG_LEAF_INDEX) == 0 || entry->fault != OK)
        return OK;
    return entry->leaf.has_leaf_index && entry->leaf.leaf_index == entry->index ? OK : &fault_leaf_index;
}

void entry_examine(struct reader *reader, struct entry *entry) {
    struct story story;
    bool is_parsed = false;
    watch_hits_reset(&reader->hits);
    result outcome = entry->fault;
    if (outcome == OK) {
        story.certificate.whole = span_of(NULL, 0);
        story.certificate.tbs = span_of(NULL, 0);
        outcome = find_watches(reader, &entry->leaf, &story.certificate);
        is_parsed = story.certificate.tbs.size > 0;
    }
    if (outcome == OK)
        outcome = check_index(reader, entry);
    bool is_match = reader->hits.total > 0 || reader->hits.is_nearly_all ||
                    (reader->request->flags & READER_FLAG_ALL_MATCH) != 0;
    reader->answer.match_count += is_match ? 1 : 0;
    reader->answer.unreadable_count += outcome != OK ? 1 : 0;
    if (outcome == OK && !is_match)
        return;
    story.reader = reader;
    story.entry = entry;
    tell(&story, outcome, is_parsed);
}
