#include "settings/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/ownership.h"

FAULT(fault_settings_file, FAULT_SETTINGS, "settings.file", "settings file", "", "a file that cannot be used",
      "a readable file that only its owner may write");

#define SYSTEM_PATH "/etc/pinwatch/pinwatch.yaml"
#define SYSTEM_STATE "/var/lib/pinwatch"

static const char *variable(const char *name) {
    const char *value = getenv(name);
    return value == NULL ? "" : value;
}

/* $first/rest, or $HOME/under_home/rest; NULL when neither variable holds an absolute path. */
static const char *xdg_path(struct arena *arena, const char *first, const char *under_home, const char *rest) {
    if (variable(first)[0] == '/')
        return arena_printf(arena, "%s/%s", variable(first), rest);
    if (variable("HOME")[0] == '/')
        return arena_printf(arena, "%s/%s/%s", variable("HOME"), under_home, rest);
    return NULL;
}

const char *settings_find_file(struct arena *arena) {
    if (variable("PINWATCH_CONFIG")[0] != '\0')
        return arena_copy_text(arena, variable("PINWATCH_CONFIG")); /* named: used even when it cannot be read */
    const char *home = variable("HOME");
    const char *const places[] = {
        xdg_path(arena, "XDG_CONFIG_HOME", ".config", "pinwatch/pinwatch.yaml"),
        home[0] == '/' ? arena_printf(arena, "%s/.config/pinwatch/pinwatch.yaml", home) : NULL,
        SYSTEM_PATH,
    };
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++)
        if (places[i] != NULL && access(places[i], F_OK) == 0)
            return places[i];
    return NULL;
}

const char *settings_standard_path(struct arena *arena) {
    if (variable("PINWATCH_CONFIG")[0] != '\0')
        return arena_copy_text(arena, variable("PINWATCH_CONFIG"));
    const char *path = geteuid() == 0 ? NULL : xdg_path(arena, "XDG_CONFIG_HOME", ".config", "pinwatch/pinwatch.yaml");
    return path == NULL ? SYSTEM_PATH : path;
}

const char *settings_standard_state_folder(const char *settings_path, struct arena *arena) {
    bool is_system = strncmp(settings_path, "/etc/", 5) == 0;
    const char *folder = is_system ? NULL : xdg_path(arena, "XDG_STATE_HOME", ".local/state", "pinwatch");
    return folder == NULL ? SYSTEM_STATE : folder;
}

static result check_file(const char *path, int file, struct reason *reason) {
    struct stat status;
    if (fstat(file, &status) != 0)
        return reason_set(reason, fault_of_errno(errno, &fault_settings_file), "%s: cannot be looked at: %s", path, strerror(errno));
    if (!S_ISREG(status.st_mode))
        return reason_set(reason, &fault_settings_file, "%s: is no regular file, wanted a YAML file", path);
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
        return reason_set(reason, &fault_settings_file,
                          "%s: its mode %04o lets others write it, wanted at most 0644; `chmod go-w` it", path,
                          (unsigned) (status.st_mode & 07777));
    TRY(ownership_check_file(file, path, false, reason));
    return ownership_check_way(path, reason);
}

static result read_all(const char *path, int file, struct buffer *text, struct reason *reason) {
    for (;;) {
        uint8_t *room = buffer_reserve(text, 4096);
        if (buffer_check(text) == &fault_no_memory)
            return reason_set(reason, &fault_no_memory, "%s: no memory to read it into", path);
        if (room == NULL)
            return reason_set(reason, &fault_settings_file, "%s: is too large, wanted at most %u bytes", path,
                              SETTINGS_FILE_MAX - 4096);
        ssize_t count = read(file, room, 4096);
        if (count < 0 && errno == EINTR)
            continue;
        if (count < 0)
            return reason_set(reason, fault_of_errno(errno, &fault_settings_file), "%s: cannot be read: %s", path, strerror(errno));
        buffer_grew(text, (size_t) count);
        if (count == 0)
            return OK;
    }
}

static bool write_all(int file, struct span text) {
    for (size_t done = 0; done < text.size;) {
        ssize_t count = write(file, text.bytes + done, text.size - done);
        if (count < 0 && errno != EINTR)
            return false;
        done += count > 0 ? (size_t) count : 0;
    }
    return fsync(file) == 0;
}

result settings_write_file(const char *path, struct span text, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer beside = buffer_with_limit(4096);
    if (!buffer_printf(&beside, "%s.new", path))
        return &fault_no_memory;
    int file = open(buffer_text(&beside), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    bool is_written = file >= 0 && write_all(file, text);
    int error = errno;
    if (file >= 0)
        close(file);
    if (is_written && rename(buffer_text(&beside), path) == 0)
        return OK;
    return reason_set(reason, &fault_settings_file, "%s: cannot be written: %s", path, strerror(is_written ? errno : error));
}

result settings_read_file(const char *path, struct buffer *text, struct reason *reason) {
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0)
        return reason_set(reason, fault_of_errno(errno, &fault_settings_file), "%s: cannot be opened: %s%s", path, strerror(errno),
                          errno == ENOENT   ? "; `pinwatch init` writes a commented one"
                          : errno == EACCES ? "; run pinwatch as root, or as the user that the service runs as"
                                            : "");
    result outcome = check_file(path, file, reason);
    if (outcome == OK)
        outcome = read_all(path, file, text, reason);
    close(file);
    return outcome;
}

/* user:password@ of a URI, or password= of keywords and of a URI's query; passfile= names a file and is none. */
static bool has_password(const char *database) {
    const char *user = strstr(database, "://");
    const char *at = user == NULL ? NULL : strchr(user, '@');
    const char *colon = user == NULL ? NULL : strchr(user + 3, ':');
    return strcasestr(database, "password") != NULL || (at != NULL && colon != NULL && colon < at);
}

result settings_check_readers(const char *path, const char *database, struct reason *reason) {
    struct stat status;
    if (database == NULL || !has_password(database) || stat(path, &status) != 0 || (status.st_mode & S_IROTH) == 0)
        return OK;
    return reason_set(reason, &fault_settings_file,
                      "%s: its mode %04o lets everybody read the password in `database`, wanted 0600 or 0640; `chmod o-r` it, or keep the "
                      "password in ~/.pgpass", path, (unsigned) (status.st_mode & 07777));
}
