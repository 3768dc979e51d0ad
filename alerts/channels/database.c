#include "channels/database.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define ROLE          "pinwatch_alerts"
#define PASSWORD_SIZE 256
#define PATH_SIZE     1024

FAULT(fault_database_password, FAULT_SETTINGS, "database.password", "private database", "", "its password file cannot be read",
      "a cluster that `pinwatch run` has made");

/* Quotes a value as libpq's connection strings want it. */
static void add_quoted(struct buffer *out, const char *name, const char *value) {
    buffer_printf(out, " %s='", name);
    for (; *value != '\0'; value++) {
        if (*value == '\'' || *value == '\\')
            buffer_add_text(out, "\\");
        buffer_add(out, span_of(value, 1));
    }
    buffer_add_text(out, "'");
}

static result read_password(const struct settings *settings, char password[PASSWORD_SIZE], struct reason *reason) {
    char path[PATH_SIZE];
    snprintf(path, sizeof path, "%s/postgres-passwords/%s", settings->state_folder, ROLE);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t size = file < 0 ? -1 : read(file, password, PASSWORD_SIZE - 1);
    int error = errno;
    if (file >= 0)
        close(file);
    if (size <= 0)
        return reason_set(reason, &fault_database_password, "%s: cannot be read (%s)", path, size < 0 ? strerror(error) : "empty");
    password[size] = '\0';
    password[strcspn(password, "\n")] = '\0';
    return OK;
}

result database_of_alerts(const struct settings *settings, struct buffer *conninfo, struct reason *reason) {
    char password[PASSWORD_SIZE], folder[PATH_SIZE];
    if (settings->database != NULL && settings->database[0] != '\0') {
        bool names_user = strstr(settings->database, "user=") != NULL || strstr(settings->database, "://") != NULL;
        buffer_add_text(conninfo, settings->database);
        if (!names_user)
            add_quoted(conninfo, "user", ROLE);
        return buffer_check(conninfo);
    }
    TRY(read_password(settings, password, reason));
    snprintf(folder, sizeof folder, "%s/run", settings->state_folder);
    add_quoted(conninfo, "host", folder);
    add_quoted(conninfo, "dbname", "pinwatch");
    add_quoted(conninfo, "user", ROLE);
    add_quoted(conninfo, "password", password);
    explicit_bzero(password, sizeof password);
    return buffer_check(conninfo);
}
