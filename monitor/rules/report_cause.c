#include "rules/report_cause.h"

#define LOGGED_SINCE 1525132800 /* 2018-05-01: Chrome takes no certificate from then on without SCTs */

enum { TRUSTKIT_CHAIN_NOT_TRUSTED = 2 }; /* validation-result of TrustKit for iOS and Android */

const char *report_cause_name(enum report_cause cause) {
    static const char *const names[] = {[REPORT_STALE_PIN] = "stale-pin", [REPORT_PRIVATE_ROOT] = "private-root", [REPORT_ATTACK] = "attack", [REPORT_CANNOT_TELL] = "cannot-tell"};
    return names[cause];
}

static bool has_refused_chain(const struct client_report *report) {
    return report->format == CLIENT_REPORT_TRUSTKIT && report->has_result && report->result == TRUSTKIT_CHAIN_NOT_TRUSTED;
}

/* What keeps a report from telling anything about a certificate of the host that somebody's users trust; NULL: nothing does. */
static const char *doubt(const struct client_report *report, const struct report_facts *facts) {
    if (facts->is_public == REPORT_UNKNOWN)
        return "the chain ends at nothing that is known: it is incomplete, or ends at a root that only other platforms or older releases have";
    if (facts->is_for_host == REPORT_NO)
        return "the certificate is not one for this host";
    if (facts->is_for_host == REPORT_UNKNOWN)
        return "whether the certificate is for this host cannot be told: its names are odd";
    if (facts->is_refused_by_pins == REPORT_NO && !has_refused_chain(report))
        return "the report contradicts itself: the pins that it names accept the chain that it shows";
    return NULL;
}

static const char *why_stale(const struct client_report *report, const struct report_seen *seen) {
    if (report->format == CLIENT_REPORT_HPKP)
        return "the certificate is publicly trusted and logged, and the client's pins do not know it; no browser enforces HPKP any more, so nobody was locked out";
    if (report_locked_out(report) == REPORT_NO)
        return "the certificate is publicly trusted and logged, and the client's pins do not know it; the client only reports, so nobody was locked out";
    if (seen->is_refused_by_live)
        return "the certificate is publicly trusted and logged, and releases in use refuse it: their users are locked out";
    if (seen->is_pinned_by_live)
        return "the certificate is publicly trusted and logged, and the releases in use accept it: an older one, or one that nobody told of, is locked out";
    return "the certificate is publicly trusted and logged, and the client's pins do not know it: whoever uses this release is locked out";
}

/* For a certificate that some log has or promised to take. */
static void judge_logged(const struct client_report *report, const struct report_facts *facts, const struct report_seen *seen, struct report_cause_found *found) {
    if (has_refused_chain(report)) {
        found->why = "the certificate is publicly trusted and logged, but the client did not trust its chain, so its pins were not asked: its clock or its roots may be wrong";
    } else if (facts->is_valid_then == REPORT_NO) {
        found->why = "the certificate is publicly trusted and logged, but was not valid when the client saw it: the certificate had ended, or the client's clock is wrong";
    } else if (seen->is_over) {
        found->why = "the certificate is publicly trusted and logged, but was not valid when the report came: nothing proves that a client was shown it while it was";
    } else {
        found->cause = REPORT_STALE_PIN;
        found->why = why_stale(report, seen);
    }
}

/* For a certificate of which no log is known to have it. */
static void judge_unlogged(const struct report_facts *facts, const struct report_seen *seen, struct report_cause_found *found) {
    if (facts->is_refused_by_pins == REPORT_NO) {
        found->why = "the certificate is in no log that was read, but the client's pins accept its chain: it may be one's own that was kept from the logs";
    } else if (!facts->has_validity || facts->not_before < LOGGED_SINCE) {
        found->why = "the certificate is in no log that was read, which says nothing of one from before 2018-05-01";
    } else if (facts->is_valid_then != REPORT_YES) {
        found->why = "the certificate is in no log that was read, but nothing proves that it was valid when the client saw it";
    } else if (!seen->is_life_covered) {
        found->why = "the certificate was not seen in a log, but the logs have not been read for all of its life";
    } else {
        found->cause = REPORT_ATTACK;
        found->why = "a publicly trusted certificate for this host that no log has, though every log was read: somebody keeps it from being seen";
    }
}

void report_cause_find(const struct client_report *report, const struct report_facts *facts, const struct report_seen *seen, struct report_cause_found *ret_found) {
    *ret_found = (struct report_cause_found){.cause = REPORT_CANNOT_TELL};
    if (!facts->has_leaf) {
        ret_found->why = "the report shows no certificate that can be read";
        return;
    }
    if (facts->is_public == REPORT_NO) {
        ret_found->cause = REPORT_PRIVATE_ROOT;
        ret_found->why = "the chain ends at a root that no platform ships: a proxy, an antivirus program or a test machine stands between client and server";
        return;
    }
    ret_found->why = doubt(report, facts);
    if (ret_found->why != NULL)
        return;
    if (seen->is_logged || facts->scts_verified > 0)
        judge_logged(report, facts, seen, ret_found);
    else
        judge_unlogged(facts, seen, ret_found);
}
