#include "rules/pin_verdict.h"

#include <string.h>

/* ---- views */

static result view_of_store(const struct pin_document *document, enum trust_store store, struct arena *arena, struct pin_document *ret_part) {
    *ret_part = *document;
    ret_part->set_count = 0;
    ret_part->sets = arena_take_array(arena, document->set_count, sizeof *ret_part->sets);
    if (ret_part->sets == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < document->set_count; i++)
        if (trust_store_of(document->sets[i].format) == store)
            ret_part->sets[ret_part->set_count++] = document->sets[i];
    return OK;
}

result pin_views_of(const struct pin_document *document, size_t number, struct arena *arena, struct pin_view *ret_views, size_t *ret_count) {
    bool has_store[trust_store_count] = {false};
    *ret_count = 0;
    for (size_t i = 0; i < document->set_count; i++)
        has_store[trust_store_of(document->sets[i].format)] = true;
    for (unsigned store = 0; store < trust_store_count; store++) {
        if (!has_store[store])
            continue;
        struct pin_view *view = &ret_views[(*ret_count)++];
        view->store = (enum trust_store) store;
        view->number = number;
        TRY(view_of_store(document, view->store, arena, &view->document));
    }
    return OK;
}

/* ---- words */

unsigned pin_verdict_badness(const struct pin_judgement *judgement) {
    static const unsigned grades[] = {[PIN_VERDICT_NOT_PINNED] = 0, [PIN_VERDICT_ACCEPTS] = 2, [PIN_VERDICT_CANNOT_TELL] = 4, [PIN_VERDICT_REFUSES] = 6};
    bool is_only_reported = judgement->verdict >= PIN_VERDICT_REFUSES && !judgement->is_enforced;
    return is_only_reported ? grades[judgement->verdict] - 3 : grades[judgement->verdict];
}

const char *pin_verdict_role(const struct pin_judgement *judgement) {
    if (judgement->verdict != PIN_VERDICT_ACCEPTS || judgement->by == NULL)
        return "";
    if (judgement->by_place > 0)
        return "ca";
    return judgement->by->role == PIN_ROLE_NONE ? "leaf" : pin_role_name(judgement->by->role);
}

const char *pin_verdict_word(enum pin_verdict verdict) {
    static const char *const words[] = {[PIN_VERDICT_NOT_PINNED] = "not-pinned", [PIN_VERDICT_ACCEPTS] = "accepts",
                                        [PIN_VERDICT_REFUSES] = "refuses", [PIN_VERDICT_CANNOT_TELL] = "cannot-tell"};
    return words[verdict];
}

/* ---- one name, one view */

struct verdict {
    struct pin_judgement judgement;
    const char *host;
    size_t view;
};

struct work {
    const struct pin_verdict_question *question;
    struct arena *arena;
    struct trust_paths paths[trust_store_count];
    bool has_paths[trust_store_count];
    struct verdict *by_view; /* what each view makes of the name at hand */
    struct pin_verdicts *verdicts;
};

static result paths_for(struct work *work, enum trust_store store) {
    const struct pin_verdict_question *about = work->question;
    struct trust_question question = {.leaf_spki_sha256 = about->spki_sha256, .leaf_certificate_sha256 = about->certificate_sha256,
                                      .issuer_spki_sha256 = about->issuer_spki_sha256, .extra = about->extra, .store = store, .now = about->now};
    if (work->has_paths[store] || about->spki_sha256 == NULL)
        return OK;
    work->has_paths[store] = true;
    return trust_paths_find(&question, work->arena, &work->paths[store]);
}

static bool ends_with_labels(const char *name, const char *suffix) {
    size_t size = strlen(name), own = strlen(suffix);
    return size > own && name[size - own - 1] == '.' && strcmp(name + size - own, suffix) == 0;
}

/* Is the host one that a certificate for "*.base" is valid for? */
static bool is_one_below(const char *host, const char *base) {
    return ends_with_labels(host, base) && memchr(host, '.', strlen(host) - strlen(base) - 1) == NULL;
}

static const char *base_of(const char *name) {
    return strncmp(name, "*.", 2) == 0 ? name + 2 : NULL;
}

/* May one of its sets hold for the name? Cheap: most names of most certificates are nobody's. */
static bool is_of_interest(const struct pin_view *view, const char *name) {
    const char *base = base_of(name);
    for (size_t i = 0; i < view->document.set_count; i++) {
        const char *host = view->document.sets[i].host;
        if (host == NULL || strcmp(host, name) == 0 || ends_with_labels(name, host) || (base != NULL && is_one_below(host, base)))
            return true;
    }
    return false;
}

static bool is_worse(const struct pin_judgement *one, const struct pin_judgement *other) {
    unsigned badness = pin_verdict_badness(one), known = pin_verdict_badness(other);
    return badness > known || (badness == known && one->set != NULL && other->set == NULL);
}

static void judge_host(struct work *work, size_t place, struct pin_question *question) {
    struct pin_judgement judgement;
    struct verdict *known = &work->by_view[place];
    pin_judge(&work->question->views[place].document, question, &judgement);
    if (known->host == NULL || is_worse(&judgement, &known->judgement))
        *known = (struct verdict){.judgement = judgement, .host = question->host, .view = place};
}

/* TLSA records hold for a service of the host. */
static void judge_services(struct work *work, size_t place, struct pin_question *question) {
    const struct pin_document *document = &work->question->views[place].document;
    judge_host(work, place, question);
    for (size_t i = 0; i < document->set_count; i++) {
        const struct pin_set *set = &document->sets[i];
        if (set->format != PIN_FORMAT_TLSA || set->host == NULL || strcmp(set->host, question->host) != 0)
            continue;
        struct pin_question other = *question;
        other.port = set->port;
        other.protocol = set->protocol;
        other.is_smtp = set->port == 25; /* RFC 7672 1 */
        judge_host(work, place, &other);
    }
}

/* There are more hosts than are looked at: what they would say is not known. */
static void leave_open(struct work *work, size_t place, const char *name) {
    const struct pin_set *set = &work->question->views[place].document.sets[0];
    const struct pin_judgement open = {.verdict = PIN_VERDICT_CANNOT_TELL, .is_enforced = true, .set = set, .why = "the wildcard covers more pinned hosts than are looked at"};
    struct verdict *known = &work->by_view[place];
    if (pin_verdict_badness(&known->judgement) < pin_verdict_badness(&open))
        *known = (struct verdict){.judgement = open, .host = name, .view = place};
}

static result judge_view(struct work *work, size_t place, const char *name) {
    const struct pin_view *view = &work->question->views[place];
    const char *base = base_of(name);
    work->by_view[place] = (struct verdict){.host = NULL};
    if (!is_of_interest(view, name))
        return OK;
    TRY(paths_for(work, view->store));
    const struct trust_paths *paths = &work->paths[view->store];
    struct pin_question question = {.host = name, .protocol = "", .paths = paths->paths, .path_count = paths->count, .is_paths_whole = paths->is_whole,
                                    .now = work->question->now};
    judge_services(work, place, &question);
    for (size_t i = 0, hosts = 0; base != NULL && i < view->document.set_count && hosts <= PIN_VERDICT_HOSTS_MAX; i++) {
        question.host = view->document.sets[i].host;
        if (question.host == NULL || !is_one_below(question.host, base))
            continue;
        if (++hosts <= PIN_VERDICT_HOSTS_MAX)
            judge_services(work, place, &question);
        else
            leave_open(work, place, name);
    }
    return OK;
}

/* ---- rows */

static struct pin_verdict_row *mildest(struct pin_verdicts *verdicts) {
    struct pin_verdict_row *found = &verdicts->rows[0];
    for (size_t i = 1; i < verdicts->count; i++)
        if (pin_verdict_badness(&verdicts->rows[i].judgement) < pin_verdict_badness(&found->judgement))
            found = &verdicts->rows[i];
    return found;
}

static void add_row(struct pin_verdicts *verdicts, const struct pin_verdict_row *row) {
    verdicts->row_count++;
    if (verdicts->count < PIN_VERDICT_ROWS_MAX) {
        verdicts->rows[verdicts->count++] = *row;
        return;
    }
    if (pin_verdict_badness(&row->judgement) <= 2) /* there is no room for what is well */
        return;
    struct pin_verdict_row *room = mildest(verdicts);
    if (pin_verdict_badness(&room->judgement) < pin_verdict_badness(&row->judgement))
        *room = *row;
}

static void add_client(struct work *work, const struct pin_client *client, const char *name) {
    const struct verdict *worst = NULL;
    for (size_t i = 0; i < client->view_count; i++) {
        const struct verdict *one = &work->by_view[client->views[i]];
        bool holds = one->host != NULL && one->judgement.set != NULL;
        if (holds && (worst == NULL || is_worse(&one->judgement, &worst->judgement)))
            worst = one;
    }
    if (worst != NULL)
        add_row(work->verdicts, &(struct pin_verdict_row){.client = client, .name = name, .host = worst->host, .judgement = worst->judgement, .view = worst->view});
}

result pin_verdicts_find(const struct pin_verdict_question *question, struct arena *arena, struct pin_verdicts *ret_verdicts) {
    struct work work = {.question = question, .arena = arena, .verdicts = ret_verdicts};
    work.by_view = arena_take_array(arena, question->view_count + 1, sizeof *work.by_view);
    *ret_verdicts = (struct pin_verdicts){.rows = arena_take_array(arena, PIN_VERDICT_ROWS_MAX, sizeof *ret_verdicts->rows)};
    if (work.by_view == NULL || ret_verdicts->rows == NULL)
        return &fault_no_memory;
    for (size_t n = 0; n < question->name_count; n++) {
        for (size_t place = 0; place < question->view_count; place++)
            TRY(judge_view(&work, place, question->names[n]));
        for (size_t i = 0; i < question->client_count; i++)
            if (release_is_live(question->clients[i].release, question->now))
                add_client(&work, &question->clients[i], question->names[n]);
    }
    return OK;
}
