#include "settings/database.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/ownership.h"

#define PASSWORD_MAX 256

FAULT(fault_database_password, FAULT_SETTINGS, "database.password", "password file of a database role", "", "it cannot be read",
      "a file made by `pinwatch init`, readable for this user");

const char *database_role_name(enum database_role role) {
    static const char *const names[] = {
        [DATABASE_SUPERUSER] = "postgres",      [DATABASE_OWNER] = "pinwatch_owner", [DATABASE_MONITOR] = "pinwatch_monitor",
        [DATABASE_ALERTS] = "pinwatch_alerts", [DATABASE_CLI] = "pinwatch_cli",     [DATABASE_REPORT] = "pinwatch_report",
        [DATABASE_RECEIVER] = "pinwatch_receiver",
    };
    return names[role];
}

static result read_password(const char *path, struct buffer *out, struct reason *reason) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0)
        return reason_set(reason, fault_of_errno(errno, &fault_database_password), "%s: %s; `pinwatch init` makes it, and only its owner may read it", path,
                          strerrordesc_np(errno));
    result outcome = ownership_check_file(file, path, true, reason);
    if (outcome != OK) {
        close(file);
        return outcome;
    }
    uint8_t text[PASSWORD_MAX];
    ssize_t count = read(file, text, sizeof text);
    int error = count < 0 ? errno : 0;
    close(file);
    if (error != 0)
        return reason_set(reason, fault_of_errno(error, &fault_database_password), "%s: cannot be read: %s", path, strerrordesc_np(error));
    while (count > 0 && (text[count - 1] == '\n' || text[count - 1] == '\r'))
        count--;
    if (count <= 0)
        return reason_set(reason, &fault_database_password, "%s: empty or unreadable", path);
    buffer_add(out, span_of(text, (size_t) count));
    explicit_bzero(text, sizeof text);
    return buffer_check(out);
}

result database_password(const struct settings *settings, enum database_role role, struct buffer *out, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer path = buffer_with_limit(4096);
    buffer_printf(&path, "%s/postgres-passwords/%s", settings->state_folder, database_role_name(role));
    TRY(buffer_check(&path));
    return read_password(buffer_text(&path), out, reason);
}

/* A value between quotes, as libpq's keyword strings want it. */
static void add_quoted(struct buffer *out, const char *value) {
    buffer_add_text(out, "'");
    for (; *value != '\0'; value++)
        buffer_printf(out, *value == '\'' || *value == '\\' ? "\\%c" : "%c", *value);
    buffer_add_text(out, "'");
}

static result private_conninfo(const struct settings *settings, enum database_role role, struct buffer *out, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer folder = buffer_with_limit(4096);
    CLEANUP(buffer_done) struct buffer password = buffer_with_limit(PASSWORD_MAX);
    buffer_printf(&folder, "%s/run", settings->state_folder);
    TRY(database_password(settings, role, &password, reason));
    buffer_add_text(out, "host=");
    add_quoted(out, buffer_text(&folder));
    buffer_printf(out, " dbname=%s user=%s password=", role == DATABASE_SUPERUSER ? "postgres" : "pinwatch", database_role_name(role));
    add_quoted(out, buffer_text(&password));
    explicit_bzero(password.bytes, password.size);
    return buffer_check(out);
}

result database_conninfo(const struct settings *settings, enum database_role role, struct buffer *out, struct reason *reason) {
    const char *given = settings->database;
    if (given[0] == '\0')
        return private_conninfo(settings, role, out, reason);
    bool is_uri = strncmp(given, "postgresql://", 13) == 0 || strncmp(given, "postgres://", 11) == 0;
    const char *glue = !is_uri ? " " : strchr(given, '?') != NULL ? "&" : "?";
    buffer_printf(out, "%s%suser=%s", given, glue, database_role_name(role));
    return buffer_check(out);
}
