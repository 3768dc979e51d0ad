/* Says in lines how the product records CAA answers and judges certificates by them, for comparison with an independent model (replay/caa-model).
 * Orders, one a line; words are separated by blanks, times are milliseconds, sets are "tag=value,tag=value" or "-":
 *   world                                                   forgets everything
 *   resolver <name>, owner <name>                           what the following orders are about; an owner is known by its place
 *   at <number of a resolver> <number of an owner>
 *   run <outcome> <set> <first and last answered> <first and last true> <interval s> <ttl s>
 *   hear <least s> <most s> <outcome> <set> <ttl s> <AD> <answered>   as the poller takes an answer in
 *   restart                                                 as the poller goes on with what is recorded
 *   runs                                                    one line a run, then "."
 *   judge <wildcard> <T> <certain> <domain,domain or ->     one line */
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/text.h"
#include "rules/caa_history.h"
#include "rules/caa_track.h"

#define LINE_MAX_SIZE 4096
#define RESOLVERS 4
#define OWNERS 8
#define RUNS 512
#define WORDS 16
#define ARENA_LIMIT ((size_t) 64 * 1024 * 1024)

struct place {
    char name[64];
    struct caa_run runs[RUNS];
    size_t count;
    struct caa_track track;
    uint32_t ttl_first_s;
    struct caa_set *set, *good; /* of the last run; what it said before it failed */
};

static struct {
    struct arena *arena;
    struct caa_sets *sets;
    char resolvers[RESOLVERS][64];
    struct place places[RESOLVERS][OWNERS];
    size_t owner_counts[RESOLVERS], resolver_count;
    struct place *at;
} world;

static void reset(void) {
    arena_free(world.arena);
    caa_sets_free(world.sets);
    memset(&world, 0, sizeof world);
    world.arena = arena_new(ARENA_LIMIT);
    if (caa_sets_new(&world.sets) != OK)
        world.sets = NULL;
}

static int64_t number(const char *word) {
    int64_t value = 0;
    bool is_negative = word[0] == '-';
    for (const char *at = word + is_negative; *at >= '0' && *at <= '9'; at++)
        value = value * 10 + (*at - '0');
    return is_negative ? -value : value;
}

static enum caa_outcome outcome_of(const char *word) {
    int outcome = 0;
    while (outcome < caa_outcome_count - 1 && strcmp(caa_outcome_name((enum caa_outcome) outcome), word) != 0)
        outcome++;
    return (enum caa_outcome) outcome;
}

static size_t split(char *text, char separator, char **words, size_t room) {
    size_t count = 0;
    while (count < room && *text != '\0') {
        words[count++] = text;
        char *end = strchr(text, separator);
        if (end == NULL)
            break;
        *end = '\0';
        text = end + 1;
    }
    return count;
}

static struct caa_answer answer_of(const char *outcome, const char *set) {
    char *words[WORDS], *text = arena_copy_text(world.arena, set);
    size_t count = text == NULL || strcmp(set, "-") == 0 ? 0 : split(text, ',', words, WORDS);
    struct caa_record *records = arena_take_array(world.arena, count + 1, sizeof *records);
    for (size_t i = 0; records != NULL && i < count; i++) {
        char *value = strchr(words[i], '=');
        *value++ = '\0';
        records[i] = (struct caa_record){.tag = span_of_text(words[i]), .value = span_of_text(value)};
    }
    return (struct caa_answer){.outcome = outcome_of(outcome), .why = "", .detail = "", .records = records, .record_count = records == NULL ? 0 : caa_set_sort(records, count)};
}

static struct caa_set *set_of(const struct caa_answer *answer) {
    CLEANUP(buffer_done) struct buffer bytes = buffer_with_limit(LINE_MAX_SIZE);
    if ((answer->outcome != CAA_RECORDS && answer->outcome != CAA_EMPTY) || caa_set_encode(answer->records, answer->record_count, &bytes) != OK)
        return NULL;
    return caa_set_ref(world.sets, buffer_span(&bytes));
}

static void take_run(char **words) {
    struct place *at = world.at;
    struct caa_run *run = &at->runs[at->count++];
    *run = (struct caa_run){.answer = answer_of(words[1], words[2]), .first_answered_ms = number(words[3]), .last_answered_ms = number(words[4]),
                            .first_true_ms = number(words[5]), .last_true_ms = number(words[6]), .interval_s = (uint32_t) number(words[7]),
                            .ttl_max_s = (uint32_t) number(words[8])};
    run->answer.ttl_s = run->ttl_max_s;
    run->answer.answered_ms = run->last_answered_ms;
}

/* As caa_runs_begin and caa_runs_continue write it down. */
static void write_down(struct place *at, const struct caa_answer *answer, bool begins) {
    const struct caa_track *track = &at->track;
    struct caa_run *run = begins ? &at->runs[at->count++] : &at->runs[at->count - 1];
    if (begins) {
        *run = (struct caa_run){.answer = *answer, .first_answered_ms = track->last_answered_ms, .first_true_ms = track->last_true_ms};
        at->ttl_first_s = answer->ttl_s;
    } else {
        run->first_true_ms = track->first_true_ms;
    }
    run->last_answered_ms = run->answer.answered_ms = track->last_answered_ms;
    run->last_true_ms = track->last_true_ms;
    run->interval_s = track->interval_s;
    run->ttl_max_s = run->answer.ttl_s = track->ttl_max_s;
}

static void hear(char **words) {
    struct place *at = world.at;
    const struct caa_bounds bounds = {.least_s = (uint32_t) number(words[1]), .most_s = (uint32_t) number(words[2])};
    struct caa_answer answer = answer_of(words[3], words[4]);
    answer.ttl_s = (uint32_t) number(words[5]);
    answer.is_authenticated = number(words[6]) != 0;
    answer.answered_ms = number(words[7]);
    struct caa_set *set = set_of(&answer);
    struct caa_step_taken taken = caa_track_take(&at->track, (struct caa_heard){.answer = &answer, .set = set}, &bounds);
    caa_set_unref(world.sets, taken.good_before);
    write_down(at, &answer, taken.begins);
    if (set != NULL)
        at->good = set;
    printf("wait\t%u\n", at->track.wait_s);
}

static void restart(void) {
    struct place *at = world.at;
    if (at->count == 0)
        return;
    const struct caa_run *run = &at->runs[at->count - 1];
    struct caa_recorded recorded = {.outcome = run->answer.outcome, .is_authenticated = run->answer.is_authenticated, .first_answered_ms = run->first_answered_ms,
                                    .last_answered_ms = run->last_answered_ms, .first_true_ms = run->first_true_ms, .last_true_ms = run->last_true_ms,
                                    .interval_s = run->interval_s, .ttl_max_s = run->ttl_max_s, .ttl_first_s = at->ttl_first_s, .good = at->good};
    at->track = caa_track_of_record(&recorded);
}

static void print_runs(void) {
    for (size_t i = 0; i < world.at->count; i++) {
        const struct caa_run *run = &world.at->runs[i];
        printf("run\t%s\t", caa_outcome_name(run->answer.outcome));
        for (size_t k = 0; k < run->answer.record_count; k++)
            printf("%s%.*s=%.*s", k == 0 ? "" : ",", (int) run->answer.records[k].tag.size, (const char *) run->answer.records[k].tag.bytes,
                   (int) run->answer.records[k].value.size, (const char *) run->answer.records[k].value.bytes);
        printf("%s\t%d\t%lld\t%lld\t%lld\t%lld\t%u\t%u\n", run->answer.record_count == 0 ? "-" : "", run->answer.is_authenticated, (long long) run->first_answered_ms,
               (long long) run->last_answered_ms, (long long) run->first_true_ms, (long long) run->last_true_ms, run->interval_s, run->ttl_max_s);
    }
    printf(".\n");
}

static void judge(char **words) {
    char *domains[WORDS + 1];
    size_t count = strcmp(words[4], "-") == 0 ? 0 : split(words[4], ',', domains, WORDS);
    domains[count] = NULL;
    struct caa_owner_history owners[RESOLVERS][OWNERS];
    struct caa_resolver_history resolvers[RESOLVERS];
    for (size_t r = 0; r < world.resolver_count; r++) {
        for (size_t i = 0; i < world.owner_counts[r]; i++)
            owners[r][i] = (struct caa_owner_history){.owner = world.places[r][i].name, .runs = world.places[r][i].runs, .count = world.places[r][i].count};
        resolvers[r] = (struct caa_resolver_history){.resolver = world.resolvers[r], .owners = owners[r], .owner_count = world.owner_counts[r]};
    }
    struct caa_case question = {.is_wildcard = number(words[1]) != 0, .issued_ms = number(words[2]), .is_issuer_certain = number(words[3]) != 0,
                                .issuer_domains = count == 0 ? NULL : (const char *const *) domains};
    struct caa_judgement judgement;
    if (caa_judge(&question, resolvers, world.resolver_count, world.arena, &judgement) != OK)
        printf("failed\n");
    else
        printf("%s\t%s\t%d\t%s\t%s\t%lld\t%s\n", caa_verdict_name(judgement.verdict), caa_now_name(judgement.now), judgement.is_waiting, judgement.resolver, judgement.owner,
               (long long) judgement.window_begin_ms, judgement.reason);
}

static void name_of(char *place, const char *word) {
    snprintf(place, 64, "%s", word);
}

static void obey(char *line) {
    char *words[WORDS] = {0};
    if (split(line, ' ', words, WORDS) == 0)
        return;
    if (strcmp(words[0], "world") == 0)
        reset();
    else if (strcmp(words[0], "resolver") == 0)
        name_of(world.resolvers[world.resolver_count++], words[1]);
    else if (strcmp(words[0], "owner") == 0) {
        size_t at = world.resolver_count - 1;
        world.at = &world.places[at][world.owner_counts[at]++];
        name_of(world.at->name, words[1]);
    } else if (strcmp(words[0], "at") == 0)
        world.at = &world.places[number(words[1])][number(words[2])];
    else if (strcmp(words[0], "run") == 0)
        take_run(words);
    else if (strcmp(words[0], "hear") == 0)
        hear(words);
    else if (strcmp(words[0], "restart") == 0)
        restart();
    else if (strcmp(words[0], "runs") == 0)
        print_runs();
    else if (strcmp(words[0], "judge") == 0)
        judge(words);
}

int main(void) {
    char line[LINE_MAX_SIZE];
    reset();
    while (fgets(line, sizeof line, stdin) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        obey(line);
        fflush(stdout);
    }
    arena_free(world.arena);
    caa_sets_free(world.sets);
    return 0;
}
