#include "rules/caa_answer.h"

#include "formats/tlsa_record.h"

struct judge {
    const struct dns_message *message;
    struct arena *arena;
    struct caa_answer *answer;
    uint16_t type;      /* asked for */
    struct dns_name at; /* the owner that the chain has come to */
    struct dns_name passed[CAA_CHAIN_MAX];
    const char *chain[CAA_CHAIN_MAX];
    size_t links;
    uint32_t ttl_s; /* smallest so far */
    bool is_short;  /* a name could not be written for want of memory */
};

/* The judgement ends here: `why` for programs, a clause for people. Returns what the caller should return. */
static result end(struct judge *judge, enum caa_outcome outcome, const char *why, const char *detail) {
    if (detail == NULL || judge->is_short)
        return &fault_no_memory;
    judge->answer->outcome = outcome;
    judge->answer->why = why;
    judge->answer->detail = detail;
    judge->answer->is_authenticated = judge->answer->is_authenticated && (outcome == CAA_RECORDS || outcome == CAA_EMPTY);
    return OK;
}

static const char *type_name(const struct judge *judge) {
    return judge->type == DNS_TYPE_CAA ? "CAA" : judge->type == DNS_TYPE_TLSA ? "TLSA" : "wanted";
}

static const char *text_of(struct judge *judge, const struct dns_name *name) {
    char text[DNS_NAME_TEXT_SIZE];
    dns_name_to_text(name, text);
    const char *copy = arena_copy_text(judge->arena, text);
    judge->is_short = judge->is_short || copy == NULL;
    return copy != NULL ? copy : "";
}

/* ── does the message answer our question at all? ── */

/* False: *ret_detail says why not (NULL without memory). */
static bool answers_question(struct judge *judge, const struct dns_name *asked, const char **ret_detail) {
    const struct dns_message *message = judge->message;
    if (!message->is_response)
        *ret_detail = "the message is a query and no answer";
    else if (message->opcode != 0)
        *ret_detail = arena_printf(judge->arena, "the answer is to an operation %u, we sent a query, 0", message->opcode);
    else if (!message->has_question && (message->rcode == DNS_NOERROR || message->rcode == DNS_NXDOMAIN))
        *ret_detail = "the answer does not repeat the question";
    else if (message->has_question && message->question_type != judge->type)
        *ret_detail = arena_printf(judge->arena, "the answer is about records of type %u, we asked for %s, %u", message->question_type,
                                   type_name(judge), judge->type);
    else if (message->has_question && !dns_name_equal(&message->question, asked))
        *ret_detail = arena_printf(judge->arena, "the answer is about %s, we asked for %s", text_of(judge, &message->question),
                                   text_of(judge, asked));
    else
        return true;
    return false;
}

/* RFC 8914 4.7 to 4.13: validation failed. */
static const char *const bogus_errors[] = {
    "DNSSEC bogus", "signature expired", "signature not yet valid", "DNSKEY missing", "RRSIGs missing", "no zone key bit set", "NSEC missing",
};
enum { BOGUS_ERROR_FIRST = 6, BOGUS_ERROR_LAST = 12 };

static bool is_bogus_error(uint16_t code) {
    return code >= BOGUS_ERROR_FIRST && code <= BOGUS_ERROR_LAST;
}

/* The extended error that says most: one that means bogus, else the first; NULL when there is none. */
static const struct dns_extended_error *extended_error(const struct dns_message *message) {
    for (size_t i = 0; i < message->extended_error_count; i++)
        if (is_bogus_error(message->extended_errors[i].code))
            return &message->extended_errors[i];
    return message->extended_error_count > 0 ? &message->extended_errors[0] : NULL;
}

static const char *error_detail(struct judge *judge, const char *rcode) {
    const struct dns_extended_error *error = extended_error(judge->message);
    if (error == NULL)
        return arena_printf(judge->arena, "the resolver answered %s", rcode);
    const char *name = is_bogus_error(error->code) ? bogus_errors[error->code - BOGUS_ERROR_FIRST] : "";
    return arena_printf(judge->arena, "the resolver answered %s with extended error %u%s%s%s%s", rcode, error->code,
                        name[0] != '\0' ? ", " : "", name, error->text[0] != '\0' ? ": " : "", error->text);
}

static result judge_error(struct judge *judge) {
    static const struct {
        const char *why, *name;
    } rcodes[] = {
        [DNS_FORMERR] = {"formerr", "FORMERR"},
        [DNS_SERVFAIL] = {"servfail", "SERVFAIL"},
        [DNS_NOTIMP] = {"notimp", "NOTIMP"},
        [DNS_REFUSED] = {"refused", "REFUSED"},
    };
    const struct dns_message *message = judge->message;
    const struct dns_extended_error *error = extended_error(message);
    if (message->rcode == DNS_SERVFAIL && error != NULL && is_bogus_error(error->code))
        return end(judge, CAA_BOGUS, "bogus", error_detail(judge, "SERVFAIL"));
    if (message->rcode < sizeof rcodes / sizeof rcodes[0])
        return end(judge, CAA_FAILED, rcodes[message->rcode].why, error_detail(judge, rcodes[message->rcode].name));
    const char *why = arena_printf(judge->arena, "rcode-%u", message->rcode);
    const char *name = arena_printf(judge->arena, "rcode %u", message->rcode);
    return why == NULL || name == NULL ? &fault_no_memory : end(judge, CAA_FAILED, why, error_detail(judge, name));
}

/* ── the chain ── */

static void note_ttl(struct judge *judge, uint32_t ttl_s) {
    if (ttl_s < judge->ttl_s)
        judge->ttl_s = ttl_s;
}

/* What the records say about the owner that the chain has come to. */
struct link {
    bool has_target, is_by_dname;
    struct dns_name target;
    uint32_t ttl_s;
    size_t count; /* records of the type */
};

/* Where this record sends the owner: its CNAME, or a DNAME above it (RFC 6672 2.2). False: nowhere. */
static bool target_of(const struct judge *judge, const struct dns_record *record, struct dns_name *ret_target, const char **ret_wrong) {
    if (record->type == DNS_TYPE_CNAME && dns_name_equal(&record->owner, &judge->at)) {
        *ret_target = record->target;
        return true;
    }
    if (record->type != DNS_TYPE_DNAME || dns_name_equal(&record->owner, &judge->at) || !dns_name_is_within(&judge->at, &record->owner))
        return false;
    if (dns_name_substitute(&judge->at, &record->owner, &record->target, ret_target))
        return true;
    *ret_wrong = "is renamed by a DNAME to a name longer than 255 bytes";
    return false;
}

/* A CNAME made from a DNAME may have the TTL 0 (RFC 6672 3.1): the DNAME's counts. */
static const char *add_target(struct link *link, const struct dns_record *record, const struct dns_name *target) {
    bool is_by_dname = record->type == DNS_TYPE_DNAME;
    if (link->has_target && !dns_name_equal(&link->target, target))
        return "is an alias of two different names";
    if (!link->has_target || (is_by_dname && !link->is_by_dname))
        link->ttl_s = record->ttl_s;
    else if (is_by_dname == link->is_by_dname && record->ttl_s < link->ttl_s)
        link->ttl_s = record->ttl_s;
    link->is_by_dname = link->is_by_dname || is_by_dname;
    link->has_target = true;
    link->target = *target;
    return NULL;
}

/* Looks at every record; NULL, or what is wrong with the owner. */
static const char *find_link(const struct judge *judge, struct link *ret_link) {
    struct link link = {0};
    for (size_t i = 0; i < judge->message->answer_count; i++) {
        const struct dns_record *record = &judge->message->answers[i];
        struct dns_name target;
        const char *wrong = NULL;
        if (record->type == judge->type && dns_name_equal(&record->owner, &judge->at))
            link.count++;
        else if (target_of(judge, record, &target, &wrong))
            wrong = add_target(&link, record, &target);
        if (wrong != NULL)
            return wrong;
    }
    if (link.has_target && link.count > 0)
        return judge->type == DNS_TYPE_CAA ? "has CAA records beside its alias (RFC 1034 3.6.2)" : "has other records beside its alias (RFC 1034 3.6.2)";
    *ret_link = link;
    return NULL;
}

static const char *follow(struct judge *judge, const struct link *link) {
    if (judge->links == CAA_CHAIN_MAX)
        return "is the end of a chain with more than 16 aliases";
    judge->passed[judge->links] = judge->at;
    judge->at = link->target;
    judge->chain[judge->links++] = text_of(judge, &judge->at);
    note_ttl(judge, link->ttl_s);
    for (size_t i = 0; i < judge->links; i++)
        if (dns_name_equal(&judge->passed[i], &judge->at))
            return "is an alias of itself, by a loop";
    return NULL;
}

/* Goes to the end of the chain; *ret_wrong is NULL or what is wrong with judge->at. */
static void walk(struct judge *judge, struct link *ret_link, const char **ret_wrong) {
    for (;;) {
        *ret_wrong = find_link(judge, ret_link);
        if (*ret_wrong != NULL || !ret_link->has_target)
            return;
        *ret_wrong = follow(judge, ret_link);
        if (*ret_wrong != NULL)
            return;
    }
}

static result keep_chain(struct judge *judge) {
    const char **chain = arena_take_array(judge->arena, judge->links + 1, sizeof *chain);
    if (chain == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < judge->links; i++)
        chain[i] = judge->chain[i];
    judge->answer->chain = chain;
    judge->answer->chain_count = judge->links;
    return OK;
}

/* ── the end of the chain ── */

static result judge_records(struct judge *judge, size_t count) {
    struct reason reason;
    struct caa_record *records = arena_take_array(judge->arena, count, sizeof *records);
    if (records == NULL)
        return &fault_no_memory;
    for (size_t i = 0, kept = 0; i < judge->message->answer_count; i++) {
        const struct dns_record *record = &judge->message->answers[i];
        if (record->type != DNS_TYPE_CAA || !dns_name_equal(&record->owner, &judge->at))
            continue;
        struct caa_record parsed;
        if (caa_record_parse(record->rdata, &parsed, &reason) != OK)
            return end(judge, CAA_FAILED, "malformed", arena_printf(judge->arena, "a CAA record of %s: %s", text_of(judge, &judge->at), reason.text));
        TRY(caa_record_copy(&parsed, judge->arena, &records[kept++]));
        note_ttl(judge, record->ttl_s);
    }
    judge->answer->records = records;
    judge->answer->record_count = caa_set_sort(records, count);
    judge->answer->ttl_s = judge->ttl_s;
    return end(judge, CAA_RECORDS, "", "");
}

static bool is_here(const struct judge *judge, const struct dns_record *record, uint16_t type) {
    return record->type == type && dns_name_equal(&record->owner, &judge->at);
}

/* The signature over them, where the resolver sends and has verified it. */
static void note_zone_ttl(struct judge *judge) {
    struct caa_answer *answer = judge->answer;
    for (size_t i = 0; answer->is_authenticated && i < judge->message->answer_count; i++) {
        const struct dns_record *record = &judge->message->answers[i];
        uint32_t ttl_s;
        if (!is_here(judge, record, DNS_TYPE_RRSIG) || !rrsig_original_ttl(record->rdata, judge->type, &ttl_s))
            continue;
        answer->zone_ttl_s = ttl_s > answer->zone_ttl_s ? ttl_s : answer->zone_ttl_s;
        answer->has_zone_ttl = true;
    }
}

static result judge_data(struct judge *judge, size_t count) {
    struct span *data = arena_take_array(judge->arena, count, sizeof *data);
    if (data == NULL)
        return &fault_no_memory;
    for (size_t i = 0, kept = 0; i < judge->message->answer_count; i++) {
        const struct dns_record *record = &judge->message->answers[i];
        if (!is_here(judge, record, judge->type))
            continue;
        const uint8_t *copy = arena_copy(judge->arena, record->rdata);
        if (copy == NULL && record->rdata.size > 0)
            return &fault_no_memory;
        data[kept++] = span_of(copy, record->rdata.size);
        note_ttl(judge, record->ttl_s);
    }
    judge->answer->data = data;
    judge->answer->data_count = count;
    judge->answer->ttl_s = judge->ttl_s;
    note_zone_ttl(judge);
    return end(judge, CAA_RECORDS, "", "");
}

/* An answer without records may hold the aliases that led here, and no others: who sends them may be answering somebody else's question. */
static const struct dns_record *find_stranger(const struct judge *judge) {
    for (size_t i = 0; i < judge->message->answer_count; i++) {
        const struct dns_record *record = &judge->message->answers[i];
        bool is_ours = record->type != judge->type && record->type != DNS_TYPE_CNAME;
        for (size_t link = 0; link < judge->links && !is_ours; link++)
            is_ours = dns_name_equal(&record->owner, &judge->passed[link]);
        if (!is_ours)
            return record;
    }
    return NULL;
}

/* RFC 2308 5: without the SOA of a zone above the name, a negative answer is kept for no time. */
static result judge_none(struct judge *judge) {
    const struct dns_message *message = judge->message;
    bool has_soa = message->has_soa && dns_name_is_within(&judge->at, &message->soa_owner);
    const struct dns_record *stranger = find_stranger(judge);
    if (stranger != NULL)
        return end(judge, CAA_FAILED, "malformed",
                   arena_printf(judge->arena, "the answer holds records of %s, and none of %s", text_of(judge, &stranger->owner), text_of(judge, &judge->at)));
    if (message->has_answers_of_other_class)
        return end(judge, CAA_FAILED, "malformed", arena_printf(judge->arena, "the answer holds records of another class than IN, and no %s records of it", type_name(judge)));
    if (message->is_referral && message->rcode == DNS_NOERROR) /* RFC 2308 2.1 type 4: with NXDOMAIN it is an answer */
        return end(judge, CAA_FAILED, "referral", "the server answered with other servers to be asked, wanted a resolver that asks them");
    if (judge->links > 0 && !has_soa && !message->is_recursion_available)
        return end(judge, CAA_FAILED, "chain",
                   arena_printf(judge->arena, "the server does not recurse, and says nothing about %s, where the aliases lead", text_of(judge, &judge->at)));
    note_ttl(judge, has_soa ? message->soa_ttl_s : 0);
    judge->answer->is_nonexistent = message->rcode == DNS_NXDOMAIN;
    judge->answer->ttl_s = judge->ttl_s;
    return end(judge, CAA_EMPTY, "", "");
}

static result judge_chain(struct judge *judge) {
    struct link link = {0};
    const char *wrong;
    walk(judge, &link, &wrong);
    TRY(keep_chain(judge));
    if (wrong != NULL)
        return end(judge, CAA_FAILED, "chain", arena_printf(judge->arena, "%s %s", text_of(judge, &judge->at), wrong));
    if (link.count == 0)
        return judge_none(judge);
    if (judge->message->rcode == DNS_NXDOMAIN)
        return end(judge, CAA_FAILED, "malformed",
                   arena_printf(judge->arena, "the answer says that %s does not exist, and holds %s records of it", text_of(judge, &judge->at), type_name(judge)));
    return judge->type == DNS_TYPE_CAA ? judge_records(judge, link.count) : judge_data(judge, link.count);
}

result dns_answer_of_message(const struct dns_message *message, const struct dns_name *asked, uint16_t type, bool is_validator,
                             struct arena *arena, struct caa_answer *ret_answer) {
    struct caa_answer answer = caa_answer_failed("", "");
    struct judge judge = {.message = message, .arena = arena, .answer = &answer, .type = type, .at = *asked, .ttl_s = UINT32_MAX};
    answer.is_from_validator = is_validator;
    answer.is_authenticated = is_validator && message->is_authenticated;
    const char *detail;
    if (!answers_question(&judge, asked, &detail))
        TRY(end(&judge, CAA_FAILED, "malformed", detail));
    else if (message->is_truncated)
        TRY(end(&judge, CAA_FAILED, "truncated", "the answer is truncated (TC)"));
    else if (message->rcode != DNS_NOERROR && message->rcode != DNS_NXDOMAIN)
        TRY(judge_error(&judge));
    else
        TRY(judge_chain(&judge));
    *ret_answer = answer;
    return OK;
}

result caa_answer_of_message(const struct dns_message *message, const struct dns_name *asked, bool is_validator, struct arena *arena,
                             struct caa_answer *ret_answer) {
    return dns_answer_of_message(message, asked, DNS_TYPE_CAA, is_validator, arena, ret_answer);
}
