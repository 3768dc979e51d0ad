/* What both ways of serving share: the loop that ends on a signal, the folder's lock, drill.json. Private to drill/. */
#pragma once

#include <event2/event.h>

#include "drill/http.h"
#include "formats/drill_file.h"

#define DRILL_URL_SIZE 128

struct stop_events {
    struct event *signals[2];
};

void loop_free_at(struct event_base **loop);
/* SIGTERM and SIGINT end the loop. */
MUST_CHECK result stop_events_init(struct event_base *loop, struct stop_events *events);
/* Until one of them. */
MUST_CHECK result run_loop(struct event_base *loop, struct reason *reason);
void stop_events_done(struct stop_events *events);

/* Holds the folder until `ret_lock` is closed or the process ends; refuses when another drill holds it. */
MUST_CHECK result folder_lock(const char *folder, int *ret_lock, struct reason *reason);
/* The port of the folder's drill.json, 0 when there is none. */
MUST_CHECK result remembered_port(const char *folder, unsigned *ret_port, struct reason *reason);

/* URLs and origin of a log follow from the port. */
struct log_place {
    char url[DRILL_URL_SIZE];
};
void place_log(struct drill_log *log, unsigned port, struct log_place *ret_place);
void describe_log(const struct drill_log *log, const struct log_place *place, struct drill_file_log *ret_log);
MUST_CHECK result save_drill_file(const char *folder, const struct drill_file *file, struct reason *reason);
