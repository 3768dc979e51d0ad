#include "vector_files.h"

#include "base/text.h"
#include "formats/log_list.h"

#define ARENA_LIMIT ((size_t) 8 * 1024 * 1024)

static void describe_log(const struct listed_log *log, struct buffer *line) {
    char id[HASH_HEX_SIZE];
    hash_to_hex(&log->log_id, id);
    buffer_printf(line, " [%.8s %s %s %s%s%s op=%s mmd=%u since=%lld", id, log_protocol_name(log->protocol),
                  log->state == LOG_STATE_NONE ? "-" : log_state_name(log->state), log->url,
                  log->monitoring_url[0] ? " " : "", log->monitoring_url, log->operator_name, log->mmd_seconds,
                  (long long) log->state_since);
    if (log->has_interval)
        buffer_printf(line, " interval=%lld..%lld", (long long) log->interval_begin, (long long) log->interval_end);
    if (log->has_final_head)
        buffer_printf(line, " final=%llu", (unsigned long long) log->final_size);
    buffer_printf(line, " %s%s]", log->log_type, log->is_tls_only ? " tls-only" : "");
}

static void judge(struct span input, char *ret_line, size_t size) {
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct log_list list;
    struct reason reason;
    struct buffer line = buffer_with_limit(4000);
    result outcome = log_list_parse(input, arena, &list, &reason);
    if (outcome != OK) {
        buffer_printf(&line, "%s", outcome->name);
        assert_true(reason.text[0] != '\0');
    } else {
        buffer_printf(&line, "version=%s time=%lld all=%d", list.version, list.has_timestamp ? (long long) list.timestamp_ms : -1,
                      list.is_all_logs);
        for (size_t i = 0; i < list.count; i++)
            describe_log(&list.logs[i], &line);
        for (size_t i = 0; i < list.refused_count; i++)
            buffer_printf(&line, " refused(%s: %s)", list.refused[i].description, list.refused[i].reason.text);
    }
    snprintf(ret_line, size, "%s", buffer_text(&line));
    buffer_done(&line);
    arena_free(arena);
}

static void every_log_list_vector_gives_its_logs_or_exact_error(void **state) {
    (void) state;
    vectors_check("log-list", judge);
}

struct counted {
    size_t rfc6962, tiled, states[log_state_count], with_final, tls_only, test_type;
};

static struct counted count(const struct log_list *list) {
    struct counted counted = {0};
    for (size_t i = 0; i < list->count; i++) {
        const struct listed_log *log = &list->logs[i];
        counted.rfc6962 += log->protocol == LOG_RFC6962;
        counted.tiled += log->protocol == LOG_STATIC_CT;
        counted.states[log->state]++;
        counted.with_final += log->has_final_head;
        counted.tls_only += log->is_tls_only;
        counted.test_type += strcmp(log->log_type, "test") == 0;
    }
    return counted;
}

static void chromes_real_list_yields_every_log(void **state) {
    (void) state;
    struct buffer file = corpus_read("a-ct/log-lists/chrome/all_logs_list.json");
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct log_list list;
    struct reason reason;
    assert_ptr_equal(log_list_parse(buffer_span(&file), arena, &list, &reason), OK);
    struct counted counted = count(&list);
    assert_string_equal(list.version, "89.25");
    assert_true(list.has_timestamp && list.is_all_logs);
    assert_int_equal(list.timestamp_ms, 1787232897000);
    assert_int_equal(list.refused_count, 0);
    assert_int_equal(counted.rfc6962, 42);
    assert_int_equal(counted.tiled, 75);
    assert_int_equal(counted.states[LOG_USABLE], 37);
    assert_int_equal(counted.states[LOG_QUALIFIED], 6);
    assert_int_equal(counted.states[LOG_PENDING], 16);
    assert_int_equal(counted.states[LOG_READONLY], 2);
    assert_int_equal(counted.states[LOG_RETIRED], 3);
    assert_int_equal(counted.states[LOG_REJECTED], 14);
    assert_int_equal(counted.states[LOG_STATE_NONE], 39);
    assert_int_equal(counted.with_final, 2);
    assert_int_equal(counted.test_type, 24);
    arena_free(arena);
    buffer_done(&file);
}

static void apples_real_list_yields_every_log_though_its_schema_differs(void **state) {
    (void) state;
    struct buffer file = corpus_read("a-ct/log-lists/apple/current_log_list.json");
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct log_list list;
    struct reason reason;
    assert_ptr_equal(log_list_parse(buffer_span(&file), arena, &list, &reason), OK);
    struct counted counted = count(&list);
    assert_string_equal(list.version, "511");
    assert_false(list.has_timestamp || list.is_all_logs);
    assert_int_equal(list.refused_count, 0);
    assert_int_equal(counted.rfc6962, 135);
    assert_int_equal(counted.tiled, 31);
    assert_int_equal(counted.states[LOG_USABLE], 51);
    assert_int_equal(counted.states[LOG_READONLY], 6);
    assert_int_equal(counted.states[LOG_PENDING], 1);
    assert_int_equal(counted.states[LOG_REJECTED], 108);
    assert_int_equal(counted.tls_only, 30);
    arena_free(arena);
    buffer_done(&file);
}

static void a_list_longer_than_the_ceiling_is_refused_with_a_reason(void **state) {
    (void) state;
    struct buffer file = buffer_with_limit(LOG_LIST_SIZE_MAX + 100);
    struct arena *arena = arena_new(ARENA_LIMIT);
    struct log_list list;
    struct reason reason;
    buffer_add_text(&file, "{\"operators\":[]}");
    while (file.size <= LOG_LIST_SIZE_MAX)
        buffer_add_text(&file, "          ");
    assert_ptr_equal(log_list_parse(buffer_span(&file), arena, &list, &reason), &fault_log_list);
    assert_string_equal(reason.text, "log list: longer than any real one");
    arena_free(arena);
    buffer_done(&file);
}

static void without_room_in_the_arena_the_fault_is_memory_not_a_refused_log(void **state) {
    (void) state;
    struct buffer file = corpus_read("a-ct/log-lists/mimics/log_mimics_list.json");
    unsigned failures = 0;
    for (size_t limit = 1; limit < 20000; limit += 97) {
        struct arena *arena = arena_new(limit);
        struct log_list list;
        struct reason reason;
        result outcome = log_list_parse(buffer_span(&file), arena, &list, &reason);
        assert_true(outcome == OK || outcome == &fault_no_memory);
        failures += outcome != OK;
        if (outcome == OK)
            assert_int_equal(list.count, 2);
        arena_free(arena);
    }
    assert_true(failures > 0);
    buffer_done(&file);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_log_list_vector_gives_its_logs_or_exact_error),
        cmocka_unit_test(chromes_real_list_yields_every_log),
        cmocka_unit_test(apples_real_list_yields_every_log_though_its_schema_differs),
        cmocka_unit_test(a_list_longer_than_the_ceiling_is_refused_with_a_reason),
        cmocka_unit_test(without_room_in_the_arena_the_fault_is_memory_not_a_refused_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
