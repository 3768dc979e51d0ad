/* The parts of `pinwatch scan`: options, watch items, the printer of matches, the run itself. */
#pragma once

#include <jansson.h>

#include "rules/watch_image.h"
#include "steps/follow.h"
#include "steps/issuer_fetch.h"

struct scan_options {
    const char *url, *key, *origin, *log_list;
    bool is_static, is_json, is_quiet;
    uint64_t from, to; /* [from, to); to UINT64_MAX: the head */
    unsigned readers, parallel;
    const char *contact, *ca_file;
};

/* What is watched, in the order given; terminal n of the image is item n. */
struct scan_watch {
    struct arena *arena;
    struct watch_item *items;
    const char **texts; /* as the person wrote them */
    size_t count, room;
};
MUST_CHECK result scan_watch_init(struct scan_watch *watch);
void scan_watch_done(struct scan_watch *watch);
MUST_CHECK result scan_watch_add(struct scan_watch *watch, struct span text, struct reason *reason);
/* A watch list file: certspotter's format (docs/watches.md). */
MUST_CHECK result scan_watch_add_file(struct scan_watch *watch, const char *path, struct reason *reason);
/* The first item that a report reaches; "" when none (cannot be). */
const char *scan_watch_first(const struct scan_watch *watch, const struct entry_report *report);

/* Prints matches in the order of the log while issuers of static logs are still being looked up. */
struct scan_printer;
MUST_CHECK result scan_printer_new(const struct scan_watch *watch, struct scan_printer **ret_printer);
void scan_printer_free(struct scan_printer *printer);
void scan_printer_set_issuers(struct scan_printer *printer, struct issuer_fetch *issuers);
struct sink scan_printer_sink(struct scan_printer *printer);
/* Lines that wait for an issuer. */
size_t scan_printer_waiting(const struct scan_printer *printer);
/* Why an issuer could not be looked up, when that was our own fault; OK else. */
MUST_CHECK result scan_printer_trouble(const struct scan_printer *printer);
bool scan_printer_has_failed(const struct scan_printer *printer);

int command_scan(int argc, char **argv);

/* Reads everything that the options ask for; returns the exit code. */
int scan_run(const struct scan_options *options, const struct scan_watch *watch);
