#include "channels/hook_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "channels/payload.h"

#define FOLDER_NAME      "hook-files"
#define LEFT_OVER_AGE_MS (3600 * 1000)

FAULT(fault_hook_files, FAULT_RETRY, "hook.files", "temporary files of a hook", "", "cannot be written",
      "room and rights in the state folder");

static result write_file(const char *folder, const char *name, struct span bytes, char ret_path[HOOK_PATH_SIZE],
                         struct reason *reason) {
    int size = snprintf(ret_path, HOOK_PATH_SIZE, "%s/%s", folder, name);
    int file = size < HOOK_PATH_SIZE ? open(ret_path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600) : -1;
    if (file < 0)
        return reason_set(reason, &fault_hook_files, "%s: cannot be made (%s)", ret_path, strerror(errno));
    while (bytes.size > 0) {
        ssize_t count = write(file, bytes.bytes, bytes.size);
        if (count < 0) {
            (void) reason_set(reason, &fault_hook_files, "%s: cannot be written (%s)", ret_path, strerror(errno));
            close(file);
            return &fault_hook_files;
        }
        bytes = span_of(bytes.bytes + count, bytes.size - (size_t) count);
    }
    if (close(file) != 0)
        return reason_set(reason, &fault_hook_files, "%s: cannot be written (%s)", ret_path, strerror(errno));
    return OK;
}

static void remove_in(const char *folder) {
    static const char *const names[] = {"certificate.pem", "certificate.json", "alert.txt", "entry.json"};
    char path[HOOK_PATH_SIZE + 32];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        snprintf(path, sizeof path, "%s/%s", folder, names[i]);
        unlink(path);
    }
    rmdir(folder);
}

void hook_files_remove(struct hook_files *files) {
    if (files->folder[0] != '\0')
        remove_in(files->folder);
    files->folder[0] = '\0';
}

static result make_folder(const struct settings *settings, char ret_folder[HOOK_PATH_SIZE], struct reason *reason) {
    int size = snprintf(ret_folder, HOOK_PATH_SIZE - 32, "%s/%s", settings->state_folder, FOLDER_NAME);
    if (size >= HOOK_PATH_SIZE - 32)
        return reason_set(reason, &fault_hook_files, "%s: path too long", settings->state_folder);
    if (mkdir(ret_folder, 0700) != 0 && errno != EEXIST)
        return reason_set(reason, &fault_hook_files, "%s: cannot be made (%s)", ret_folder, strerror(errno));
    memcpy(ret_folder + size, "/XXXXXX", sizeof "/XXXXXX");
    if (mkdtemp(ret_folder) == NULL) {
        result outcome = reason_set(reason, &fault_hook_files, "%s: cannot be made (%s)", ret_folder, strerror(errno));
        ret_folder[0] = '\0';
        return outcome;
    }
    return OK;
}

static result write_json(const struct channel_job *job, struct hook_files *files, struct reason *reason) {
    char *json = payload_of_hook(job);
    if (json == NULL)
        return reason_set(reason, &fault_no_memory, "hook: no memory");
    result outcome = write_file(files->folder, "certificate.json", span_of_text(json), files->json, reason);
    memory_free_foreign(json);
    return outcome;
}

static result write_text(const struct channel_job *job, struct hook_files *files, struct reason *reason) {
    CLEANUP(buffer_done) struct buffer text = buffer_with_limit(PAGE_SIZE_MAX + SUBJECT_SIZE_MAX + 2);
    buffer_add(&text, buffer_span(&job->message->subject));
    buffer_add_text(&text, "\n\n");
    buffer_add(&text, buffer_span(&job->message->page.text));
    result outcome = buffer_check(&text);
    if (outcome != OK)
        return reason_set(reason, outcome, "hook: no memory for alert.txt");
    return write_file(files->folder, "alert.txt", buffer_span(&text), files->text, reason);
}

/* {"leaf_input","extra_data"} of RFC 6962 4.6, where the monitor could carry them. */
static result write_entry(const struct channel_job *job, struct hook_files *files, struct reason *reason) {
    const char *leaf = alert_text(job->alert, "leaf_input");
    if (leaf[0] == '\0')
        return OK;
    json_t *entry = json_pack("{s:s, s:s}", "leaf_input", leaf, "extra_data", alert_text(job->alert, "extra_data"));
    char *json = entry == NULL ? NULL : json_dumps(entry, JSON_COMPACT);
    json_decref(entry);
    if (json == NULL)
        return reason_set(reason, &fault_no_memory, "hook: no memory");
    result outcome = write_file(files->folder, "entry.json", span_of_text(json), files->entry, reason);
    memory_free_foreign(json);
    return outcome;
}

static result write_all(const struct channel_job *job, struct hook_files *files, struct reason *reason) {
    if (job->alert->pem[0] != '\0')
        TRY(write_file(files->folder, "certificate.pem", span_of_text(job->alert->pem), files->certificate, reason));
    TRY(write_json(job, files, reason));
    TRY(write_text(job, files, reason));
    return write_entry(job, files, reason);
}

result hook_files_write(const struct settings *settings, const struct channel_job *job, struct hook_files *ret_files,
                        struct reason *reason) {
    *ret_files = (struct hook_files){0};
    TRY(make_folder(settings, ret_files->folder, reason));
    result outcome = write_all(job, ret_files, reason);
    if (outcome != OK)
        hook_files_remove(ret_files);
    return outcome;
}

void hook_files_sweep(const struct settings *settings, int64_t now_wall_ms) {
    char parent[HOOK_PATH_SIZE], path[HOOK_PATH_SIZE + 256];
    struct stat status;
    snprintf(parent, sizeof parent, "%s/%s", settings->state_folder, FOLDER_NAME);
    DIR *folder = opendir(parent);
    if (folder == NULL)
        return;
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        if (entry->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "%s/%s", parent, entry->d_name);
        if (lstat(path, &status) == 0 && S_ISDIR(status.st_mode) &&
            (int64_t) status.st_mtim.tv_sec * 1000 < now_wall_ms - LEFT_OVER_AGE_MS)
            remove_in(path);
    }
    closedir(folder);
}
