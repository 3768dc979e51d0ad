/* What the gate says to a person: what was found, and what to do. */
#include <stdio.h>

#include "base/memory.h"
#include "base/text.h"
#include "rules/pin_gate_work.h"

enum { SENTENCES_MAX = 200, NAMED_MAX = 20, DATE_SIZE = sizeof "2026-11-21", DAY_S = 86400 };

#define SHARE_SLACK 1e-9 /* 0.1 + 0.2 is 0.3 */

struct speech {
    const struct gate_work *work;
    const struct gate_day *day;
    struct gate_answer *answer;
    const char **sentences;
    size_t count;
    bool has_failed;
};

/* NULL, when there was no memory for it, makes the whole speech fail. */
static void say(struct speech *speech, const char *sentence) {
    speech->has_failed = speech->has_failed || sentence == NULL;
    if (speech->count < SENTENCES_MAX)
        speech->sentences[speech->count++] = sentence;
}

static void write_date(int64_t time, char ret_date[DATE_SIZE]) {
    char text[RFC3339_SIZE];
    text_of_time(time, text);
    snprintf(ret_date, DATE_SIZE, "%.10s", text);
}

/* As `write_date`, of the first day that begins at that time or after it. */
static void write_day_after(int64_t time, char ret_date[DATE_SIZE]) {
    write_date(time % DAY_S == 0 ? time : time - time % DAY_S + DAY_S, ret_date);
}

const char *gate_release_name(const struct gate_release *release, struct arena *arena) {
    if (release == NULL)
        return "the TLSA records";
    if (release->release != NULL)
        return arena_printf(arena, "%s %s %s", release->release->app, release->release->platform, release->release->version);
    CLEANUP(buffer_done) struct buffer name = buffer_with_limit(16384);
    text_add_harmless(&name, span_of_text(release->document_count == 0 ? "pins" : release->documents[0].source));
    return name.has_no_memory ? NULL : arena_copy_text(arena, buffer_text(&name));
}

static const char *share_text(const struct gate_release *release, struct arena *arena) {
    if (release == NULL)
        return "";
    if (release->release == NULL || !release->release->has_share)
        return " (how many use it is not known: that counts as all)";
    return arena_printf(arena, " (%.4g %% of the users)", 100 * release->release->share);
}

/* ---- releases */

static const char *release_sentence(const struct speech *speech, const struct gate_release_answer *answer) {
    static const char *const words[] = {[GATE_ACCEPTS] = "would report it", [GATE_UNKNOWN] = "cannot be told", [GATE_REFUSES] = "refuses it"};
    struct arena *arena = speech->work->arena;
    const char *name = gate_release_name(answer->release, arena), *share = share_text(answer->release, arena);
    if (name == NULL || share == NULL)
        return NULL;
    if (answer->release == NULL)
        return arena_printf(arena, "%s: %s", name, answer->by.why);
    if (gate_acceptance_of(&answer->by) == GATE_ACCEPTS)
        share = "";
    return arena_printf(arena, "%s %s%s: %s", name, words[gate_acceptance_of(&answer->by)], share, answer->by.why);
}

/* Refusing and doubtful ones come first; reports alone are told, too. */
static void say_releases(struct speech *speech) {
    const struct gate_answer *answer = speech->answer;
    size_t told = 0, left_out = 0;
    for (size_t i = 0; i < answer->release_count; i++) {
        const struct gate_release_answer *one = &answer->releases[i];
        bool is_quiet = one->verdict == PIN_VERDICT_ACCEPTS || one->verdict == PIN_VERDICT_NOT_PINNED;
        if (!one->is_live || is_quiet)
            continue;
        if (told++ < NAMED_MAX)
            say(speech, release_sentence(speech, one));
        else
            left_out++;
    }
    if (left_out > 0)
        say(speech, arena_printf(speech->work->arena, "and %zu more like these", left_out));
}

static void say_share(struct speech *speech) {
    const struct gate_question *question = speech->work->question;
    const struct gate_answer *answer = speech->answer;
    const char *of = answer->refused_app[0] == '\0' ? "" : " of ";
    if (answer->refused_share <= 0)
        return;
    const char *compared = answer->refused_share > question->max_share + SHARE_SLACK ? "more than" : "no more than";
    say(speech, arena_printf(speech->work->arena, "%.4g %% of the users%s%s would be locked out, %s the %.4g %% that may be", 100 * answer->refused_share, of, answer->refused_app,
                             compared, 100 * question->max_share));
}

/* Shares of live releases that are more than all users: somebody forgot to retire one. */
static void say_shares_together(struct speech *speech) {
    const struct gate_work *work = speech->work;
    double *sums = arena_take_array(work->arena, work->app_count + 1, sizeof *sums);
    speech->has_failed = speech->has_failed || sums == NULL;
    for (size_t i = 0; sums != NULL && i < work->case_count; i++) {
        const struct release *release = work->cases[i].release->release;
        if (release == NULL || !release->has_share || !gate_is_live(&work->cases[i], work->question->on))
            continue;
        bool was_more = sums[work->cases[i].app] > 1 + SHARE_SLACK;
        sums[work->cases[i].app] += release->share;
        if (!was_more && sums[work->cases[i].app] > 1 + SHARE_SLACK)
            say(speech, arena_printf(work->arena, "the shares of %s's live releases add up to more than all its users: retire those that are gone, or correct the shares", release->app));
    }
}

static size_t count_pinned(const struct speech *speech) {
    size_t count = 0;
    for (size_t i = 0; i < speech->answer->release_count; i++)
        count += speech->answer->releases[i].is_live && speech->answer->releases[i].verdict != PIN_VERDICT_NOT_PINNED;
    return count;
}

static void say_what_is_known(struct speech *speech) {
    const char *host = speech->work->question->host;
    if (speech->day->is_nothing_known)
        say(speech, "nothing that is out by that day was given: give the pin files or releases that are in use");
    else if (count_pinned(speech) == 0)
        say(speech, arena_printf(speech->work->arena, "nothing that is live pins %s: see that the host is written as clients call it", host));
}

/* Perhaps somebody forgot to name them. */
static void say_without_files(struct speech *speech) {
    const struct gate_release *first = NULL;
    size_t count = 0;
    for (size_t i = 0; i < speech->answer->release_count; i++) {
        const struct gate_release_answer *one = &speech->answer->releases[i];
        if (one->is_live && one->release != NULL && one->release->document_count == 0 && count++ == 0)
            first = one->release;
    }
    if (count == 0)
        return;
    struct arena *arena = speech->work->arena;
    const char *name = gate_release_name(first, arena);
    say(speech, name == NULL ? NULL : count == 1 ? arena_printf(arena, "%s has no pin file, and is taken to pin nothing", name)
                                                 : arena_printf(arena, "%s and %zu others have no pin file, and are taken to pin nothing", name, count - 1));
}

static bool comes_later(const struct gate_case *one, int64_t on) {
    const struct release *release = one->release->release;
    return release != NULL && !release->is_retired && release->has_released_on && release->released_on > on;
}

/* They are no part of the verdict. */
static void say_planned(struct speech *speech) {
    const struct gate_work *work = speech->work;
    for (size_t i = 0; i < work->case_count && speech->count + NAMED_MAX < SENTENCES_MAX; i++) {
        const struct gate_case *one = &work->cases[i];
        char date[DATE_SIZE];
        if (!comes_later(one, work->question->on) || gate_acceptance_of(gate_judgement_at(one, one->release->release->released_on)) == GATE_ACCEPTS)
            continue;
        const char *name = gate_release_name(one->release, work->arena);
        write_date(one->release->release->released_on, date);
        say(speech, name == NULL ? NULL : arena_printf(work->arena, "%s, which is to come out on %s, would not surely accept it: put the next pin into it", name, date));
    }
}

/* Where a CA's key decides, or may. */
static void say_issuers(struct speech *speech) {
    const char *note = speech->work->question->issuers_note;
    for (size_t i = 0; note != NULL && note[0] != '\0' && i < speech->answer->release_count; i++) {
        const struct gate_release_answer *one = &speech->answer->releases[i];
        if (one->is_live && gate_is_pinned(&one->by) && (one->verdict != PIN_VERDICT_ACCEPTS || one->by.by_place > 0)) {
            say(speech, note);
            return;
        }
    }
}

/* ---- waiting */

static void say_age(struct speech *speech) {
    const struct gate_work *work = speech->work;
    char date[DATE_SIZE];
    if (speech->day->is_too_young) {
        write_day_after(speech->day->age_reached, date);
        say(speech, arena_printf(work->arena, "a release with the next pin is out for less than %u days: wait until %s", work->question->min_age_days, date));
    }
    if (speech->day->is_age_unknown)
        say(speech, "how long the releases with the next pin are out is not known, and a minimum age is wanted: say released_on of the releases");
}

/* Records that say nothing about the host are told: perhaps others were meant. */
static void say_records(struct speech *speech) {
    for (size_t i = 0; i < speech->answer->release_count; i++) {
        const struct gate_release_answer *one = &speech->answer->releases[i];
        if (one->release == NULL && one->verdict == PIN_VERDICT_NOT_PINNED)
            say(speech, arena_printf(speech->work->arena, "the TLSA records do not count for %s port %u: %s", speech->work->question->host, speech->work->question->port,
                                     one->by.set == NULL ? "none is for it" : one->by.why));
    }
}

static void say_tlsa(struct speech *speech) {
    const struct gate_question *question = speech->work->question;
    char date[DATE_SIZE];
    if (question->tlsa_trouble != NULL)
        say(speech, arena_printf(speech->work->arena, "the TLSA records of %s port %u are not known: %s", question->host, question->port, question->tlsa_trouble));
    if (speech->day->is_tlsa_waiting) {
        write_day_after(speech->day->tlsa_usable, date);
        say(speech, arena_printf(speech->work->arena, "the TLSA record of the next key is published for less than two TTLs (RFC 7671 8.1): use the key from %s on", date));
    }
    if (speech->day->is_tlsa_age_unknown)
        say(speech, "a TLSA record matches, but since when it is published, or its TTL, is not known: resolvers may still have the old ones for two TTLs (RFC 7671 8.1); say --tlsa-since, and "
                    "give the zone's own records");
}

/* ---- the certificate, and whoever issues it */

static void say_certificate(struct speech *speech) {
    const struct gate_certificate *certificate = &speech->work->certificate;
    int64_t on = speech->work->question->on;
    char date[DATE_SIZE];
    if (certificate->doubt != NULL)
        say(speech, certificate->doubt);
    if (!certificate->is_given)
        return;
    if (certificate->obstacle != NULL)
        say(speech, arena_printf(speech->work->arena, "clients refuse the certificate whatever they pin: %s", certificate->obstacle));
    if (!certificate->is_for_host)
        say(speech, arena_printf(speech->work->arena, "the certificate is not for %s: clients refuse it whatever they pin", speech->work->question->host));
    if (!certificate->has_validity) {
        say(speech, "the certificate's validity cannot be read");
    } else if (on < certificate->not_before) {
        write_day_after(certificate->not_before, date);
        say(speech, arena_printf(speech->work->arena, "the certificate is not valid yet: it is from %s on", date));
    } else if (on > certificate->not_after) {
        write_date(certificate->not_after, date);
        say(speech, arena_printf(speech->work->arena, "the certificate has ended on %s: get a new one", date));
    }
}

static void say_caa(struct speech *speech) {
    static const char *const words[] = {[GATE_CAA_NOT_ASKED] = "", [GATE_CAA_ALLOWED] = "", [GATE_CAA_FORBIDDEN] = "CAA forbids the CA to issue",
                                        [GATE_CAA_UNKNOWN] = "whether CAA lets the CA issue cannot be told"};
    const struct gate_question *question = speech->work->question;
    const char *change = speech->work->certificate.is_given          ? "; that counts when the next certificate is issued"
                         : question->caa == GATE_CAA_FORBIDDEN ? ": change the records before the certificate is asked for"
                                                               : "";
    if (words[question->caa][0] == '\0')
        return;
    const char *colon = question->caa_why[0] == '\0' ? "" : " (";
    say(speech, arena_printf(speech->work->arena, "%s%s%s%s%s", words[question->caa], colon, question->caa_why, colon[0] == '\0' ? "" : ")", change));
}

/* ---- what to do */

static bool has_doubt_about_issuer(const struct speech *speech) {
    for (size_t i = 0; i < speech->answer->release_count; i++)
        if (speech->answer->releases[i].is_live && gate_acceptance_of(&speech->answer->releases[i].by) == GATE_UNKNOWN && speech->answer->releases[i].by.why != gate_why_left_out)
            return speech->work->question->candidate_count == 0;
    return false;
}

static void say_backups(struct speech *speech) {
    bool is_pinned = false;
    for (size_t i = 0; i < speech->answer->release_count; i++) {
        const struct gate_release_answer *one = &speech->answer->releases[i];
        is_pinned = is_pinned || (one->is_live && one->by.set != NULL && one->by.set->format != PIN_FORMAT_TLSA && gate_is_pinned(&one->by));
    }
    if (is_pinned && speech->answer->backups_left == 0)
        say(speech, speech->work->question->current == NULL
                        ? "no backup pin would surely be left: say which key is in use (--current), and ship the pin of a spare key before this one is lost"
                        : "no backup pin would be left: ship the pin of a spare key before this one is lost");
}

/* Has a later build of the same app and platform the next pin, be it out or to come? */
static bool is_followed(const struct gate_work *work, const struct release *old) {
    for (size_t i = 0; i < work->case_count; i++) {
        const struct release *release = work->cases[i].release->release;
        bool is_later = release != NULL && old->has_released_on && release->has_released_on && release->released_on > old->released_on && !release->is_retired;
        if (is_later && release_is_same_app(release, old) && strcmp(release->platform, old->platform) == 0 &&
            gate_acceptance_of(gate_judgement_at(&work->cases[i], release->released_on)) == GATE_ACCEPTS)
            return true;
    }
    return false;
}

static bool is_shipped_to_all(const struct speech *speech) {
    for (size_t i = 0; i < speech->answer->release_count; i++) {
        const struct gate_release_answer *one = &speech->answer->releases[i];
        bool refuses = one->is_live && gate_acceptance_of(&one->by) != GATE_ACCEPTS;
        if (refuses && (one->release == NULL || one->release->release == NULL || !is_followed(speech->work, one->release->release)))
            return false;
    }
    return true;
}

static const char *other_ways(const struct speech *speech) {
    char pin[HASH_BASE64_SIZE];
    if (is_shipped_to_all(speech))
        return "keep the current key until the releases that refuse it are out of use, and say when that is (`pinwatch releases`)";
    hash_to_base64(&speech->work->question->next->spki_sha256, pin);
    return arena_printf(speech->work->arena, "keep the current key, release with the pin sha256/%s, and ask again when enough users have it", pin);
}

static void say_advice(struct speech *speech) {
    const struct gate_answer *answer = speech->answer;
    char date[DATE_SIZE];
    if (has_doubt_about_issuer(speech))
        say(speech, "who signs the next certificate is not known: give --issuer, or --chain");
    if (answer->verdict == GATE_SAFE)
        return;
    if (answer->has_safe_from) {
        write_date(answer->safe_from, date);
        say(speech, arena_printf(speech->work->arena, "wait: by what is known it is safe from %s on", date));
    } else if (answer->refused_share > 0) {
        const char *ways = other_ways(speech);
        say(speech, ways == NULL ? NULL : arena_printf(speech->work->arena, "%s; or use a key that is pinned (`pinwatch pins plan --emergency`)", ways));
    }
}

result gate_add_reasons(const struct gate_work *work, const struct gate_day *day, struct gate_answer *answer) {
    struct speech speech = {.work = work, .day = day, .answer = answer};
    speech.sentences = arena_take_array(work->arena, SENTENCES_MAX + 1, sizeof *speech.sentences);
    if (speech.sentences == NULL)
        return &fault_no_memory;
    say_what_is_known(&speech);
    say_without_files(&speech);
    say_releases(&speech);
    say_issuers(&speech);
    say_share(&speech);
    say_shares_together(&speech);
    say_certificate(&speech);
    say_caa(&speech);
    say_records(&speech);
    say_tlsa(&speech);
    say_age(&speech);
    say_planned(&speech);
    say_backups(&speech);
    say_advice(&speech);
    answer->reasons = speech.sentences;
    return speech.has_failed ? &fault_no_memory : OK;
}
