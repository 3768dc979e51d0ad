/* Pin files into the database: under which names, what changed, and what clients of the next release will do otherwise. */
#pragma once

#include "cli/database.h"
#include "cli/pins.h"
#include "store/pins.h"

struct pins_keeping {
    const struct pins_paths *paths;
    const struct pins_files *files;
    const char *name;    /* NULL: the files' base names */
    struct store_pin_document *documents; /* as many as there are in `files` */
    struct store_pin_outcome *outcomes;   /* NULL: nothing was stored */
};

/* Names and contents of all documents, in the files' arena: the base name of the file; where a file has several, "app.apk/res/xml/pins.xml". Error:
 * fault_pin_file with the reason, where two would have one name, or a name cannot be used. */
MUST_CHECK result pins_keep_prepare(struct pins_keeping *keeping, struct reason *reason);
/* Stores all of them, in one transaction; says on standard error which parts of an earlier import of the files are in force beside them. */
MUST_CHECK result pins_keep(struct pins_keeping *keeping, struct database *database);
/* For people: each document's version, and what changes for clients. */
MUST_CHECK result pins_keep_tell(const struct pins_keeping *keeping);
/* "added", "changed", "unchanged" */
const char *pins_outcome_word(const struct store_pin_outcome *outcome);
