/* What a planned CAA set would do to certificates that the database has seen: whose issuer could not issue them again. */
#pragma once

#include "cli/caa_judged.h"
#include "cli/caa_seen.h"

struct caa_plan {
    bool is_known;            /* the database was asked; else why is on standard error */
    struct database database; /* owns everything here */
    size_t governed;          /* certificates that have not expired and have names that the set governs */
    bool is_cut;              /* there are more than were looked at */
    struct caa_seen_certificate *refused, *unmapped; /* issuers that it would refuse; that are in no table */
    size_t refused_count, unmapped_count;
};

/* `judged` is of the records of `text`. Without settings or database nothing is known, and standard error says so. Release with
 * caa_plan_done. */
void caa_plan_look(const struct caa_judged *judged, const struct caa_text *text, const char *config, struct caa_plan *ret_plan);
void caa_plan_done(struct caa_plan *plan);
void caa_plan_print(const struct caa_plan *plan);
/* Adds "refused" and "unmapped", lists, or null where nothing is known. */
void caa_plan_add_json(const struct caa_plan *plan, json_t *object);
