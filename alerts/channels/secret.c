#include "channels/secret.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/ownership.h"

#define NAME_SIZE_MAX 64

FAULT(fault_secret, FAULT_SETTINGS, "channel.secret", "secret of a channel", "", "missing or unusable",
      "a credential, a file that only its owner can read, or an environment variable");

void secret_wipe(struct secret *secret) {
    explicit_bzero(secret, sizeof *secret);
}

static bool name_is_plain(const char *name) {
    size_t size = strlen(name);
    if (size == 0 || size > NAME_SIZE_MAX || name[0] == '.')
        return false;
    for (size_t i = 0; i < size; i++)
        if (!isalnum((unsigned char) name[i]) && strchr("-_.", name[i]) == NULL)
            return false;
    return true;
}

/* Drops the line break that editors leave; refuses what no header or login can carry. */
static result finish(struct secret *secret, const char *name, struct reason *reason) {
    if (secret->size > 0 && secret->text[secret->size - 1] == '\n')
        secret->size--;
    secret->text[secret->size] = '\0';
    if (secret->size == 0 || secret->size > SECRET_SIZE_MAX || memchr(secret->text, '\0', secret->size) != NULL)
        return reason_set(reason, &fault_secret, "secret %s: %s, wanted 1 to %d bytes without NUL", name,
                          secret->size == 0 ? "empty" : "too long or with a NUL", SECRET_SIZE_MAX);
    return OK;
}

static result read_all(int file, const char *name, struct secret *secret, struct reason *reason) {
    while (secret->size < SECRET_SIZE_MAX + 1) {
        ssize_t count = read(file, secret->text + secret->size, SECRET_SIZE_MAX + 1 - secret->size);
        if (count < 0)
            return reason_set(reason, fault_of_errno(errno, &fault_secret), "secret %s: cannot be read (%s)", name, strerror(errno));
        if (count == 0)
            break;
        secret->size += (size_t) count;
    }
    return finish(secret, name, reason);
}

/* systemd guards its folder itself, by an access list that shows as group bits. */
static bool mode_is_private(const struct stat *status, bool is_credential) {
    if (!S_ISREG(status->st_mode))
        return false;
    return is_credential || ((status->st_mode & 077) == 0 && (status->st_uid == geteuid() || status->st_uid == 0));
}

/* `ret_found` says whether there was such a file at all; only then do errors count. */
static result read_file(const char *folder, const char *name, bool is_credential, struct secret *secret, bool *ret_found,
                        struct reason *reason) {
    char path[4096];
    struct stat status;
    *ret_found = false;
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int) sizeof path)
        return OK;
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file < 0 && (errno == ENOENT || errno == ENOTDIR))
        return OK;
    *ret_found = true;
    if (file < 0)
        return reason_set(reason, fault_of_errno(errno, &fault_secret), "secret %s: %s cannot be opened (%s)", name, path, strerror(errno));
    result outcome = OK;
    if (fstat(file, &status) != 0)
        outcome = reason_set(reason, fault_of_errno(errno, &fault_secret), "secret %s: %s cannot be looked at (%s)", name, path, strerror(errno));
    else if (!mode_is_private(&status, is_credential))
        outcome = reason_set(reason, &fault_secret, "secret %s: %s may be read or written by others, wanted a file with mode 0600",
                             name, path);
    else if (!is_credential)
        outcome = ownership_check_way(path, reason);
    if (outcome == OK)
        outcome = read_all(file, name, secret, reason);
    close(file);
    return outcome;
}

static result read_environment(const char *name, struct secret *secret, struct reason *reason) {
    char variable[sizeof "PINWATCH_SECRET_" + NAME_SIZE_MAX] = "PINWATCH_SECRET_";
    size_t at = strlen(variable);
    for (; *name != '\0'; name++)
        variable[at++] = *name == '-' || *name == '.' ? '_' : (char) toupper((unsigned char) *name);
    variable[at] = '\0';
    const char *value = getenv(variable);
    if (value == NULL)
        return reason_set(reason, &fault_secret,
                          "secret %s: not found, wanted a systemd credential, a file in the secrets folder, or %s",
                          variable + sizeof "PINWATCH_SECRET_" - 1, variable);
    secret->size = strnlen(value, SECRET_SIZE_MAX + 1);
    memcpy(secret->text, value, secret->size);
    return finish(secret, variable, reason);
}

static result read_anywhere(const struct settings *settings, const char *name, struct secret *secret, struct reason *reason) {
    const char *credentials = getenv("CREDENTIALS_DIRECTORY");
    char folder[4096];
    bool is_found = false;
    if (credentials != NULL)
        TRY(read_file(credentials, name, true, secret, &is_found, reason));
    if (is_found)
        return OK;
    if (settings->secrets_folder != NULL && settings->secrets_folder[0] != '\0')
        snprintf(folder, sizeof folder, "%s", settings->secrets_folder);
    else
        snprintf(folder, sizeof folder, "%s/secrets", settings->state_folder);
    TRY(read_file(folder, name, false, secret, &is_found, reason));
    return is_found ? OK : read_environment(name, secret, reason);
}

result secret_read(const struct settings *settings, const char *name, struct secret *ret_secret, struct reason *reason) {
    ret_secret->size = 0;
    if (!name_is_plain(name))
        return reason_set(reason, &fault_secret, "secret %s: no usable name, wanted letters, digits, '-', '_' and '.'", name);
    result outcome = read_anywhere(settings, name, ret_secret, reason);
    if (outcome != OK)
        secret_wipe(ret_secret);
    return outcome;
}
