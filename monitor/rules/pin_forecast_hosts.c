/* The documents of all releases by host, and the hosts that a forecast is about. */
#include <stdlib.h>

#include "rules/pin_forecast_work.h"

enum { PORT_HTTPS = 443 };

/* ---- documents */

bool forecast_is_over(const struct gate_release *release, int64_t time) {
    const struct release *facts = release->release;
    return facts != NULL && (facts->is_retired || (facts->has_end_of_support && facts->end_of_support <= time));
}

/* Several releases may have one document. */
static size_t find_view(const struct forecast *forecast, const struct pin_document *document) {
    for (size_t i = forecast->view_count; i-- > 0;)
        if (forecast->views[i].document->sets == document->sets && forecast->views[i].document->remarks == document->remarks && document->set_count > 0)
            return i;
    return forecast->view_count;
}

static result make_view(struct forecast *forecast, const struct pin_document *document, size_t *ret_place) {
    *ret_place = find_view(forecast, document);
    if (*ret_place < forecast->view_count)
        return OK;
    struct forecast_view *view = &forecast->views[forecast->view_count++];
    view->document = document;
    view->room = arena_take_array(forecast->arena, document->set_count + 1, sizeof *view->room);
    if (view->room == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < document->set_count; i++)
        view->has_hosts[document->sets[i].format] |= document->sets[i].host != NULL;
    for (size_t i = 0; i < document->remark_count; i++)
        view->has_errors |= document->remarks[i].kind == PIN_REMARK_ERROR;
    return pin_index_make(document, forecast->arena, &view->index);
}

/* Our own rules are no platform's: there the release's word may count, so all are asked for. */
static void note_stores(struct forecast *forecast, const struct pin_document *document) {
    for (size_t i = 0; i < document->set_count; i++) {
        forecast->needs_store[trust_store_of(document->sets[i].format)] = true;
        for (unsigned store = 0; document->sets[i].format == PIN_FORMAT_YAML && store < trust_store_count; store++)
            forecast->needs_store[store] = true;
    }
}

static result make_views(struct forecast *forecast) {
    const struct forecast_question *question = forecast->question;
    size_t count = 0;
    for (size_t i = 0; i < question->release_count; i++)
        count += question->releases[i].document_count;
    forecast->views = arena_take_array(forecast->arena, count + 1, sizeof *forecast->views);
    forecast->views_of = arena_take_array(forecast->arena, question->release_count + 1, sizeof *forecast->views_of);
    if (forecast->views == NULL || forecast->views_of == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < question->release_count; i++) {
        const struct gate_release *release = &question->releases[i];
        forecast->views_of[i] = arena_take_array(forecast->arena, release->document_count + 1, sizeof *forecast->views_of[i]);
        if (forecast->views_of[i] == NULL)
            return &fault_no_memory;
        for (size_t k = 0; k < release->document_count && !forecast_is_over(release, question->from); k++) {
            TRY(make_view(forecast, &release->documents[k], &forecast->views_of[i][k]));
            note_stores(forecast, &release->documents[k]);
        }
    }
    return OK;
}

result forecast_new(const struct forecast_question *question, struct arena *arena, struct forecast **ret_forecast) {
    struct forecast *forecast = arena_take(arena, sizeof *forecast);
    if (forecast == NULL)
        return &fault_no_memory;
    forecast->question = question;
    forecast->arena = arena;
    TRY(make_views(forecast));
    TRY(forecast_find_cas(forecast));
    *ret_forecast = forecast;
    return OK;
}

/* Those of its sets that hold for the service, alone; `room` has room for all. Judged by them it says the same. */
static size_t sets_for(struct forecast_view *view, const struct forecast_service *service) {
    size_t count = pin_index_sets_for(&view->index, service->host, service->port, service->protocol, view->room);
    for (size_t i = 0; i < view->document->set_count && view->index.count < view->document->set_count; i++) {
        const struct pin_set *set = &view->document->sets[i];
        if (set->host == NULL && !view->has_hosts[set->format])
            view->room[count++] = set;
    }
    return count;
}

result forecast_narrow(struct forecast_view *view, const struct forecast_service *service, struct arena *arena, struct pin_document *ret_document) {
    size_t count = sets_for(view, service);
    *ret_document = *view->document;
    ret_document->set_count = count;
    ret_document->sets = arena_take_array(arena, count + 1, sizeof *ret_document->sets);
    if (ret_document->sets == NULL)
        return &fault_no_memory;
    for (size_t i = 0; i < count; i++)
        ret_document->sets[i] = *view->room[i];
    return OK;
}

/* ---- hosts */

struct services {
    struct forecast_service *items;
    size_t count, rooms;
};

static void add_service(struct services *services, const char *host, uint16_t port, const char *protocol) {
    if (services->count < services->rooms)
        services->items[services->count++] = (struct forecast_service){host, port == 0 ? PORT_HTTPS : port, protocol[0] == '\0' ? "tcp" : protocol};
}

static int compare_services(const void *a, const void *b) {
    const struct forecast_service *one = a, *other = b;
    int order = strcmp(one->host, other->host);
    order = order != 0 ? order : one->port - other->port;
    return order != 0 ? order : strcmp(one->protocol, other->protocol);
}

static void sort_services(struct services *services) {
    size_t kept = 0;
    qsort(services->items, services->count, sizeof *services->items, compare_services);
    for (size_t i = 0; i < services->count; i++)
        if (kept == 0 || compare_services(&services->items[i], &services->items[kept - 1]) != 0)
            services->items[kept++] = services->items[i];
    services->count = kept;
}

static bool is_pinned_by_some(struct forecast *forecast, const char *host) {
    const struct forecast_service service = {host, PORT_HTTPS, "tcp"};
    for (size_t i = 0; i < forecast->view_count; i++) {
        size_t count = sets_for(&forecast->views[i], &service);
        for (size_t k = 0; k < count; k++)
            if (forecast->views[i].room[k]->is_pinned)
                return true;
    }
    return false;
}

static void add_named(const struct pin_set *set, const char *below, struct services *services) {
    if (set->format == PIN_FORMAT_TLSA)
        add_service(services, set->host, set->port, set->protocol);
    else if (set->match != PIN_HOST_ONE_LABEL_BELOW)
        add_service(services, set->host, PORT_HTTPS, "tcp");
    else
        add_service(services, below, PORT_HTTPS, "tcp");
}

static result add_entries(const struct forecast *forecast, struct arena *arena, struct services *services) {
    for (size_t i = 0; i < forecast->view_count; i++)
        for (size_t k = 0; k < forecast->views[i].document->set_count; k++) {
            const struct pin_set *set = &forecast->views[i].document->sets[k];
            const char *below = "";
            if (set->host == NULL || !set->is_pinned)
                continue;
            if (set->match == PIN_HOST_ONE_LABEL_BELOW && (below = arena_printf(arena, "*.%s", set->host)) == NULL)
                return &fault_no_memory;
            add_named(set, below, services);
        }
    return OK;
}

static void add_key_names(struct forecast *forecast, struct services *services) {
    const struct forecast_question *question = forecast->question;
    for (size_t i = 0; i < question->key_count; i++)
        for (const char *const *name = question->keys[i].hosts; name != NULL && *name != NULL; name++)
            if (is_pinned_by_some(forecast, *name))
                add_service(services, *name, PORT_HTTPS, "tcp");
}

static void add_other_ports(const struct forecast *forecast, const char *host, struct services *services) {
    for (size_t i = 0; i < forecast->view_count; i++)
        for (const struct pin_index_entry *entry = pin_index_first(&forecast->views[i].index, host), *end = forecast->views[i].index.entries + forecast->views[i].index.count;
             entry != NULL && entry < end && strcmp(entry->host, host) == 0; entry++)
            if (entry->set->format == PIN_FORMAT_TLSA && entry->set->is_pinned)
                add_service(services, host, entry->set->port, entry->set->protocol);
}

static size_t count_names(const struct forecast *forecast) {
    const struct forecast_question *question = forecast->question;
    size_t count = 1;
    for (size_t i = 0; i < forecast->view_count; i++)
        count += forecast->views[i].document->set_count;
    for (size_t i = 0; i < question->key_count; i++)
        for (const char *const *name = question->keys[i].hosts; name != NULL && *name != NULL; name++)
            count++;
    return count;
}

result forecast_services(struct forecast *forecast, const char *host, struct arena *arena, struct forecast_service **ret_services, size_t *ret_count) {
    struct services services = {.rooms = count_names(forecast)};
    services.items = arena_take_array(arena, services.rooms, sizeof *services.items);
    if (services.items == NULL)
        return &fault_no_memory;
    if (host != NULL) {
        add_service(&services, host, PORT_HTTPS, "tcp");
        add_other_ports(forecast, host, &services);
    } else {
        TRY(add_entries(forecast, arena, &services));
        add_key_names(forecast, &services);
    }
    sort_services(&services);
    *ret_services = services.items;
    *ret_count = services.count;
    return OK;
}
