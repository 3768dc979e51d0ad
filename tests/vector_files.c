#include "vector_files.h"

#include <dirent.h>

bool file_read(const char *path, struct buffer *ret_bytes) {
    *ret_bytes = buffer_with_limit(FILE_LIMIT);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        return false;
    uint8_t chunk[4096];
    for (size_t count; (count = fread(chunk, 1, sizeof chunk, file)) > 0;)
        buffer_add(ret_bytes, span_of(chunk, count));
    fclose(file);
    return !ret_bytes->failed;
}

struct buffer corpus_read(const char *name) {
    char path[1000];
    struct buffer bytes;
    snprintf(path, sizeof path, "%s/%s", CORPORA_FOLDER, name);
    if (!file_read(path, &bytes)) {
        print_message("skipped: the corpora are not here: %s\n", path);
        skip();
    }
    return bytes;
}

void vector_folder_check(const char *folder, const char *ending, vector_checker *check, vector_judge *judge) {
    char path[1000];
    struct vector_count count = {0};
    size_t ending_length = strlen(ending);
    snprintf(path, sizeof path, "%s/vectors/%s", TESTS_FOLDER, folder);
    DIR *directory = opendir(path);
    assert_non_null(directory);
    for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
        size_t length = strlen(entry->d_name);
        if (length <= ending_length || strcmp(entry->d_name + length - ending_length, ending) != 0)
            continue;
        snprintf(path, sizeof path, "%s/vectors/%s/%s", TESTS_FOLDER, folder, entry->d_name);
        check(path, judge, &count);
    }
    closedir(directory);
    assert_int_equal(count.wrong, 0);
    assert_true(count.checked > 0);
}

static void check_pair(const char *path, vector_judge *judge, struct vector_count *count) {
    char out_path[1000], got[1000] = "";
    struct buffer input, wanted;
    assert_true(file_read(path, &input));
    snprintf(out_path, sizeof out_path, "%.*s.out", (int) strlen(path) - 3, path);
    if (!file_read(out_path, &wanted))
        fail_msg("%s is missing", out_path);
    judge(buffer_span(&input), got, sizeof got);
    const char *line = buffer_text(&wanted);
    while (*line == '#')
        line = strchr(line, '\n') + 1;
    bool is_same = strlen(line) == strlen(got) + 1 && strncmp(line, got, strlen(got)) == 0;
    if (!is_same)
        print_error("%s\n  wanted %s  got    %s\n", path, line, got);
    count->wrong += !is_same;
    count->checked++;
    buffer_done(&input);
    buffer_done(&wanted);
}

void vectors_check(const char *folder, vector_judge *judge) {
    vector_folder_check(folder, ".in", check_pair, judge);
}
