#include "store/schema.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/text.h"
#include "store/statement.h"

#define STEPS_KNOWN 15      /* number of the last file in sql/ */
#define STEP_SIZE_MAX ((size_t) 1024 * 1024)
#define STEP_MS 3600000   /* an index over years of data takes its time */
#define STEP_LOCK_MS 60000 /* for the end of another program's step, and of the statements that run */
#define PATH_SIZE 4096

FAULT(fault_schema_newer, FAULT_SETTINGS, "schema.newer", "schema", "", "steps that this build does not know",
      "a pinwatch as new as the database");
FAULT(fault_schema_older, FAULT_SETTINGS, "schema.older", "schema", "", "steps are missing", "`pinwatch init`");
FAULT(fault_schema_changed, FAULT_SETTINGS, "schema.changed", "schema step", "", "applied from another file",
      "the file of this build");
FAULT(fault_schema_files, FAULT_SETTINGS, "schema.files", "folder of schema steps", "", "a missing or unreadable step",
      "0001-….sql and so on without gaps");

struct step {
    char name[128]; /* of the file; "" when it is missing */
    struct hash sha256;
    struct buffer text; /* owned */
};

struct steps {
    const char *folder;
    struct step list[STEPS_KNOWN];
};

unsigned schema_version_known(void) {
    return STEPS_KNOWN;
}

static void steps_done(struct steps *steps) {
    for (size_t i = 0; i < STEPS_KNOWN; i++)
        buffer_done(&steps->list[i].text);
}

/* "0002-recording.sql" is 2; 0 for everything else. */
static unsigned step_number(const char *name) {
    size_t size = strlen(name);
    unsigned number = 0;
    if (size < 10 || size >= sizeof(((struct step *) 0)->name) || name[4] != '-' || strcmp(name + size - 4, ".sql") != 0)
        return 0;
    for (size_t i = 0; i < 4; i++) {
        if (name[i] < '0' || name[i] > '9')
            return 0;
        number = number * 10 + (unsigned) (name[i] - '0');
    }
    return number;
}

static result step_fail(struct store *store, const struct steps *steps, const char *name, const char *why) {
    return store_fail(store, &fault_schema_files, "schema steps: %s/%s: %s", steps->folder, name, why);
}

static result step_fail_with(struct store *store, const struct steps *steps, const char *name, int error) {
    return store_fail(store, fault_of_errno(error, &fault_schema_files), "schema steps: %s/%s: %s", steps->folder, name, strerrordesc_np(error));
}

static result file_read(struct store *store, const struct steps *steps, int fd, struct step *step) {
    step->text = buffer_with_limit(STEP_SIZE_MAX);
    for (;;) {
        uint8_t *room = buffer_reserve(&step->text, 65536);
        if (buffer_check(&step->text) == &fault_no_memory)
            return store_no_memory(store);
        if (room == NULL)
            return step_fail(store, steps, step->name, "larger than 1 MB");
        ssize_t got = read(fd, room, 65536);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return step_fail_with(store, steps, step->name, errno);
        if (got == 0)
            break;
        buffer_grew(&step->text, (size_t) got);
    }
    digest_of(buffer_span(&step->text), &step->sha256);
    return OK;
}

static result step_read(struct store *store, struct steps *steps, const char *name, unsigned number) {
    char path[PATH_SIZE];
    struct step *step = &steps->list[number - 1];
    if (step->name[0] != '\0')
        return step_fail(store, steps, name, "its number is used twice");
    snprintf(step->name, sizeof(step->name), "%s", name);
    if (snprintf(path, sizeof(path), "%s/%s", steps->folder, name) >= (int) sizeof(path))
        return step_fail(store, steps, name, "the path is too long");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return step_fail_with(store, steps, name, errno);
    result outcome = file_read(store, steps, fd, step);
    close(fd);
    return outcome;
}

static result folder_read(struct store *store, struct steps *steps, DIR *folder) {
    const struct dirent *entry;
    while (errno = 0, (entry = readdir(folder)) != NULL) {
        unsigned number = step_number(entry->d_name);
        if (number > STEPS_KNOWN)
            return step_fail(store, steps, entry->d_name, "this build does not know that step");
        if (number > 0)
            TRY(step_read(store, steps, entry->d_name, number));
    }
    if (errno != 0)
        return step_fail_with(store, steps, "", errno);
    for (unsigned i = 0; i < STEPS_KNOWN; i++) {
        char missing[32];
        snprintf(missing, sizeof(missing), "%04u-*.sql", i + 1);
        if (steps->list[i].name[0] == '\0')
            return step_fail(store, steps, missing, "missing");
    }
    return OK;
}

static result steps_read(struct store *store, struct steps *steps) {
    DIR *folder = opendir(steps->folder);
    if (folder == NULL)
        return step_fail_with(store, steps, "", errno);
    result outcome = folder_read(store, steps, folder);
    closedir(folder);
    return outcome;
}

static result newer_fail(struct store *store, unsigned number) {
    return store_fail(store, &fault_schema_newer,
                      "schema: the database is at step %u, this build knows %u; wanted a pinwatch that is as new", number,
                      STEPS_KNOWN);
}

static result table_exists(struct store *store, bool *ret_exists) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT to_regclass('pinwatch.schema_step') IS NOT NULL", NULL, "B", ROWS_ONE, &rows));
    *ret_exists = rows_bool(&rows, 0, 0);
    return OK;
}

/* Compares what is applied with the files; *ret_version is the last applied step. */
static result applied_check(struct store *store, const struct steps *steps, unsigned *ret_version) {
    bool exists = false;
    *ret_version = 0;
    TRY(table_exists(store, &exists));
    if (!exists)
        return OK;
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT number, name, sha256 FROM pinwatch.schema_step ORDER BY number", NULL, "nth", ROWS_ANY, &rows));
    for (int row = 0; row < rows.count; row++) {
        unsigned number = (unsigned) rows_int4(&rows, row, 0);
        if (number > STEPS_KNOWN)
            return newer_fail(store, number);
        struct known_hash applied = rows_hash(&rows, row, 2);
        if (number != (unsigned) row + 1 || !hash_equal(&applied.hash, &steps->list[number - 1].sha256))
            return store_fail(store, &fault_schema_changed,
                              "schema step %u: \"%s\" was applied from a file that differs from %s/%s", number,
                              rows_text(&rows, row, 1), steps->folder, steps->list[number - 1].name);
        *ret_version = number;
    }
    return OK;
}

static result step_run(struct store *store, const struct step *step, unsigned number, int64_t now_ms) {
    TRY(store_script(store, buffer_text(&step->text)));
    CLEANUP(params_done) struct store_params params = {0};
    params_int4(&params, (int32_t) number);
    params_text(&params, step->name);
    params_hash(&params, &step->sha256);
    params_time_ms(&params, now_ms);
    return store_do(store, "INSERT INTO pinwatch.schema_step VALUES ($1, $2, $3, $4)", &params);
}

static result step_apply(struct store *store, const struct step *step, unsigned number, int64_t now_ms) {
    TRY(store_begin(store));
    result outcome = step_run(store, step, number, now_ms);
    if (outcome == OK)
        return store_commit(store);
    struct reason why = *store_why(store);
    store_rollback(store);
    return store_fail(store, outcome, "schema step %s: %s", step->name, why.text);
}

static result missing_apply(struct store *store, const struct steps *steps, int64_t now_ms, struct schema_outcome *outcome) {
    TRY(applied_check(store, steps, &outcome->version_before));
    outcome->version_after = outcome->version_before;
    for (unsigned number = outcome->version_before + 1; number <= STEPS_KNOWN; number++) {
        TRY(step_apply(store, &steps->list[number - 1], number, now_ms));
        outcome->version_after = number;
    }
    return OK;
}

/* For the rest of the session: nothing else is done with the owner's. */
static result timeouts_raise(struct store *store) {
    store_be_patient(store, STEP_MS);
    CLEANUP(params_done) struct store_params params = {0};
    params_int4(&params, STEP_MS);
    params_int4(&params, STEP_LOCK_MS);
    return store_do(store, "SELECT set_config('statement_timeout', $1::text, false), set_config('lock_timeout', $2::text, false)", &params);
}

result schema_apply(struct store *store, const char *folder, int64_t now_ms, struct schema_outcome *ret_outcome) {
    const char *chosen = getenv("PINWATCH_SQL");
    CLEANUP(steps_done) struct steps steps = {.folder = folder};
    if (folder == NULL)
        steps.folder = chosen != NULL && chosen[0] != '\0' ? chosen : PINWATCH_INSTALL_DATA "/sql";
    TRY(steps_read(store, &steps));
    TRY(timeouts_raise(store));
    /* Of the session, so that it spans the transactions; the connection's end frees it too. */
    TRY(store_do(store, "SELECT pg_advisory_lock(hashtext('pinwatch.schema'))", NULL));
    result outcome = missing_apply(store, &steps, now_ms, ret_outcome);
    struct reason why = *store_why(store);
    result unlocked = store_do(store, "SELECT pg_advisory_unlock(hashtext('pinwatch.schema'))", NULL);
    return outcome == OK ? unlocked : store_fail(store, outcome, "%s", why.text);
}

result schema_check(struct store *store) {
    CLEANUP(rows_done) struct store_rows rows = {0};
    TRY(store_ask(store, "SELECT coalesce(max(number), 0) FROM pinwatch.schema_step", NULL, "n", ROWS_ONE, &rows));
    unsigned version = (unsigned) rows_int4(&rows, 0, 0);
    if (version > STEPS_KNOWN)
        return newer_fail(store, version);
    if (version < STEPS_KNOWN)
        return store_fail(store, &fault_schema_older,
                          "schema: the database is at step %u, this build wants %u; run `pinwatch init`", version, STEPS_KNOWN);
    return OK;
}
