#include "store/connection.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "store/exchange.h"
#include "store/sqlstate.h"
#include "store/statement.h"

#define CONNECT_TIMEOUT_S 5
#define STATEMENT_TIMEOUT_MS 30000
#define LOCK_TIMEOUT_MS 5000  /* who waits for a lock holds up all other work of its program */
#define SILENCE_GRACE_MS 5000 /* for the server to say that its own timeout has struck */
#define KEYWORDS_MAX 64
#define NAME_SIZE 64

const struct store_retry store_retry_service = {.attempts = 1};
const struct store_retry store_retry_command = {.attempts = 6, .first_ms = 200, .cap_ms = 2000, .jitter_percent = 30};

struct store {
    char *conninfo;
    char application_name[NAME_SIZE];
    char role[NAME_SIZE]; /* "": none */
    unsigned connect_timeout_s, statement_timeout_ms, lock_timeout_ms;
    unsigned patience_ms; /* for the statements that come, instead of statement_timeout_ms; 0: none */
    struct store_retry retry;
    PGconn *connection; /* NULL: not connected */
    uint64_t connection_number;
    bool is_in_transaction, writes;
    char topic[NAME_SIZE]; /* listened to, again after each connect; "": none */
    struct reason why;
};

result store_fail(struct store *store, result fault, const char *format, ...) {
    char sentence[REASON_SIZE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(sentence, sizeof(sentence), format, arguments);
    va_end(arguments);
    return reason_set(&store->why, fault, "%s", sentence);
}

result store_no_memory(struct store *store) {
    return store_fail(store, &fault_no_memory, "memory: an answer or a question for the database does not fit, wanted more");
}

PGconn *store_raw(struct store *store) {
    return store->connection;
}

const struct reason *store_why(const struct store *store) {
    return &store->why;
}

/* Server notices (NOTICE, WARNING) are for a psql user; errors come with the answer. */
static void ignore_notice(void *context, const PGresult *notice) {
    (void) context;
    (void) notice;
}

result store_new(const char *conninfo, const struct store_options *options, struct store **ret_store) {
    struct store *store = memory_new(sizeof(*store));
    size_t size = strlen(conninfo) + 1;
    if (store != NULL)
        store->conninfo = memory_new(size);
    if (store == NULL || store->conninfo == NULL) {
        store_free(store);
        return &fault_no_memory;
    }
    memcpy(store->conninfo, conninfo, size);
    snprintf(store->application_name, NAME_SIZE, "%s", options->application_name ? options->application_name : "pinwatch");
    snprintf(store->role, NAME_SIZE, "%s", options->role ? options->role : "");
    store->connect_timeout_s = options->connect_timeout_s ? options->connect_timeout_s : CONNECT_TIMEOUT_S;
    store->statement_timeout_ms = options->statement_timeout_ms ? options->statement_timeout_ms : STATEMENT_TIMEOUT_MS;
    store->lock_timeout_ms = options->lock_timeout_ms ? options->lock_timeout_ms : LOCK_TIMEOUT_MS;
    store->writes = options->writes;
    store->retry = options->retry ? *options->retry : store_retry_service;
    *ret_store = store;
    return OK;
}

static void store_disconnect(struct store *store) {
    PQfinish(store->connection);
    store->connection = NULL;
}

void store_free(struct store *store) {
    if (store == NULL)
        return;
    store_disconnect(store);
    if (store->conninfo != NULL)
        explicit_bzero(store->conninfo, strlen(store->conninfo)); /* may hold a password */
    memory_free(store->conninfo);
    memory_free(store);
}

void store_free_at(struct store **store) {
    store_free(*store);
}

/* Keywords for PQconnectdbParams: conninfo as given, then what it leaves open. */
struct keywords {
    const char *names[KEYWORDS_MAX + 1];
    const char *values[KEYWORDS_MAX + 1];
    int count;
};

static const char *keyword_find(const struct keywords *keywords, const char *name) {
    for (int i = 0; i < keywords->count; i++)
        if (strcmp(keywords->names[i], name) == 0)
            return keywords->values[i];
    return NULL;
}

static void keyword_default(struct keywords *keywords, const char *name, const char *value) {
    if (keyword_find(keywords, name) != NULL || keywords->count >= KEYWORDS_MAX)
        return;
    keywords->names[keywords->count] = name;
    keywords->values[keywords->count++] = value;
}

/* Of several hosts the one that can be written to is wanted: a standby takes reads and refuses everything else. */
static const char *target_of(const struct store *store, const struct keywords *keywords) {
    const char *hosts = keyword_find(keywords, "host"), *addresses = keyword_find(keywords, "hostaddr");
    bool has_several = (hosts != NULL && strchr(hosts, ',') != NULL) || (addresses != NULL && strchr(addresses, ',') != NULL);
    return has_several || store->writes ? "read-write" : "any";
}

static void keywords_init(struct keywords *keywords, const PQconninfoOption *options) {
    *keywords = (struct keywords){0};
    keyword_default(keywords, "client_encoding", "UTF8"); /* all our texts are; another one would be believed and corrupt them */
    for (; options->keyword != NULL; options++)
        if (options->val != NULL)
            keyword_default(keywords, options->keyword, options->val);
}

/* Session settings that every statement of store/ counts on; typed like everything else. */
static result session_prepare(struct store *store, const char *role) {
    char statement_timeout[16], lock_timeout[16];
    snprintf(statement_timeout, sizeof(statement_timeout), "%u", store->statement_timeout_ms);
    snprintf(lock_timeout, sizeof(lock_timeout), "%u", store->lock_timeout_ms);
    CLEANUP(params_done) struct store_params params = {0};
    params_text(&params, statement_timeout);
    params_text(&params, role);
    params_text(&params, lock_timeout);
    return store_do(store,
                    "SELECT set_config('search_path', 'pinwatch, pg_temp', false), set_config('timezone', 'UTC', false),"
                    " set_config('statement_timeout', $1, false), set_config('lock_timeout', $3, false),"
                    " set_config('idle_in_transaction_session_timeout', '120s', false),"
                    " set_config('role', coalesce($2, 'none'), false)",
                    &params);
}

/* libpq adds lines of advice; the first says what happened. */
static int first_line(const char *message) {
    return (int) strcspn(message, "\n");
}

static result connect_failed(struct store *store) {
    result fault = fault_of_connect_message(PQerrorMessage(store->connection));
    const char *message = PQerrorMessage(store->connection);
    store_fail(store, fault, "database: %sno connection: %.*s", sqlstate_hint(fault), first_line(message), message);
    store_disconnect(store);
    return fault;
}

static result topic_listen(struct store *store) {
    char statement[NAME_SIZE + 16];
    if (store->topic[0] == '\0')
        return OK;
    snprintf(statement, sizeof(statement), "LISTEN %s", store->topic);
    return store_do(store, statement, NULL);
}

/* Names are Unicode: a database of another encoding would refuse some certificates, for ever. */
static result encoding_check(struct store *store) {
    const char *encoding = PQparameterStatus(store->connection, "server_encoding");
    if (encoding == NULL || strcmp(encoding, "UTF8") == 0)
        return OK;
    result fault = store_fail(store, &fault_store_encoding,
                              "database: its encoding is %.32s, wanted UTF8; make it anew as docs/schema.md says (ENCODING 'UTF8')", encoding);
    store_disconnect(store);
    return fault;
}

static result connect_with(struct store *store, struct keywords *keywords) {
    char timeout[16];
    snprintf(timeout, sizeof(timeout), "%u", store->connect_timeout_s);
    const char *user = keyword_find(keywords, "user");
    if (store->role[0] != '\0')
        keyword_default(keywords, "user", store->role);
    keyword_default(keywords, "application_name", store->application_name);
    keyword_default(keywords, "connect_timeout", timeout);
    keyword_default(keywords, "target_session_attrs", target_of(store, keywords));
    keyword_default(keywords, "keepalives_idle", "30");
    keyword_default(keywords, "tcp_user_timeout", "30000"); /* ms without acknowledgement */
    store->connection = PQconnectdbParams(keywords->names, keywords->values, 0);
    if (store->connection == NULL)
        return store_no_memory(store);
    store->connection_number++;
    if (PQstatus(store->connection) != CONNECTION_OK)
        return connect_failed(store);
    PQsetNoticeReceiver(store->connection, ignore_notice, NULL);
    TRY(encoding_check(store));
    bool steps_down = user != NULL && store->role[0] != '\0' && strcmp(store->role, "pinwatch_owner") != 0 &&
                      strcmp(user, store->role) != 0;
    result outcome = session_prepare(store, steps_down ? store->role : NULL);
    if (outcome == OK)
        outcome = topic_listen(store);
    if (outcome != OK)
        store_disconnect(store);
    return outcome;
}

static result connect_once(struct store *store) {
    char *message = NULL;
    PQconninfoOption *options = PQconninfoParse(store->conninfo, &message);
    if (options == NULL && (message == NULL || strstr(message, "out of memory") != NULL)) {
        PQfreemem(message);
        return store_no_memory(store);
    }
    if (options == NULL) {
        /* libpq quotes what it cannot read, and a password with a special character is what it most often cannot read. */
        bool may_hold_password = strcasestr(store->conninfo, "password") != NULL || strchr(store->conninfo, '@') != NULL;
        const char *why = may_hold_password ? "cannot be read; the place is not shown, because it may be the password's. Wanted keyword=value "
                                              "pairs, or postgresql:// with %XX for special characters"
                                            : message;
        result fault = store_fail(store, &fault_store_rights, "database: connection string: %s", why);
        PQfreemem(message);
        return fault;
    }
    struct keywords keywords;
    keywords_init(&keywords, options);
    result outcome = connect_with(store, &keywords);
    PQconninfoFree(options);
    return outcome;
}

static void pause_ms(const struct store_retry *retry, unsigned failures) {
    uint64_t ms = retry->first_ms;
    for (unsigned i = 1; i < failures && ms < retry->cap_ms; i++)
        ms *= 2;
    ms = ms > retry->cap_ms ? retry->cap_ms : ms;
    uint32_t chance = 0;
    if (getrandom(&chance, sizeof(chance), GRND_NONBLOCK) != (ssize_t) sizeof(chance))
        chance = 0; /* then without jitter */
    ms -= ms * (chance % (retry->jitter_percent + 1)) / 100;
    struct timespec rest = {.tv_sec = (time_t) (ms / 1000), .tv_nsec = (long) (ms % 1000) * 1000000};
    while (nanosleep(&rest, &rest) != 0 && errno == EINTR)
        ;
}

result store_connect(struct store *store) {
    if (store->connection != NULL && PQstatus(store->connection) == CONNECTION_OK)
        return OK;
    if (store->is_in_transaction)
        return store_fail(store, &fault_store_unreachable, "database: the connection was lost in mid-transaction");
    store_disconnect(store);
    for (unsigned failures = 1;; failures++) {
        result outcome = connect_once(store);
        if (outcome == OK)
            store->why.text[0] = '\0';
        if (outcome == OK || outcome->family != FAULT_RETRY || failures >= store->retry.attempts)
            return outcome;
        pause_ms(&store->retry, failures);
    }
}

/* Keeps the sentence of a failed answer and tells its fault; drops a connection that is of no more use. */
static result answer_failed(struct store *store, const PGresult *answer) {
    const char *state = PQresultErrorField(answer, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(answer, PG_DIAG_MESSAGE_PRIMARY);
    const char *detail = PQresultErrorField(answer, PG_DIAG_MESSAGE_DETAIL);
    /* Without a word of the server nobody knows how far the statement came; the next one would be refused as long as this one is open. */
    bool is_lost = state == NULL || PQstatus(store->connection) != CONNECTION_OK;
    result fault = is_lost ? &fault_store_unreachable : fault_of_sqlstate(state);
    if (message == NULL)
        message = PQerrorMessage(store->connection);
    store_fail(store, fault, "database: %s%.*s%s%s%s (%s)", sqlstate_hint(fault), first_line(message), message,
               detail ? "; " : "", detail ? detail : "", is_lost ? "; the connection is given up" : "", state ? state : "no SQLSTATE");
    /* What was the primary may be a standby now, and another host the primary: the next call looks for it. */
    if ((is_lost || fault == &fault_store_read_only) && !store->is_in_transaction)
        store_disconnect(store);
    return fault;
}

void store_be_patient(struct store *store, unsigned statement_ms) {
    store->patience_ms = statement_ms;
}

/* NULL when there is no answer and no connection any more; the sentence is set. */
static PGresult *execute(struct store *store, const char *sql, const struct store_params *params) {
    bool is_silent = false;
    unsigned silence_ms = (store->patience_ms > 0 ? store->patience_ms : store->statement_timeout_ms) + SILENCE_GRACE_MS;
    PGresult *answer = exchange(store->connection, sql, params, (int) silence_ms, &is_silent);
    if (is_silent) {
        store_fail(store, &fault_store_unreachable, "database: it accepted a statement and said nothing for %u s; the connection is given up",
                   silence_ms / 1000);
        store_disconnect(store);
    }
    return answer;
}

result store_ask(struct store *store, const char *sql, const struct store_params *params, const char *shape,
                 enum rows_wanted wanted, struct store_rows *ret_rows) {
    if (params != NULL && params->failed)
        return store_no_memory(store);
    static const struct store_params none = {0};
    TRY(store_connect(store));
    PGresult *answer = execute(store, sql, params == NULL ? &none : params);
    if (store->connection == NULL)
        return &fault_store_unreachable;
    if (PQresultStatus(answer) != PGRES_TUPLES_OK && PQresultStatus(answer) != PGRES_COMMAND_OK) {
        result fault = answer_failed(store, answer);
        PQclear(answer);
        return fault;
    }
    store->why.text[0] = '\0';
    if (shape == NULL) {
        PQclear(answer);
        return OK;
    }
    return store_rows_accept(store, answer, shape, wanted, ret_rows);
}

result store_do(struct store *store, const char *sql, const struct store_params *params) {
    return store_ask(store, sql, params, NULL, ROWS_ANY, NULL);
}

result store_script(struct store *store, const char *sql) {
    TRY(store_connect(store));
    PGresult *answer = execute(store, sql, NULL);
    if (store->connection == NULL)
        return &fault_store_unreachable;
    bool is_done = PQresultStatus(answer) == PGRES_COMMAND_OK || PQresultStatus(answer) == PGRES_TUPLES_OK;
    result fault = is_done ? OK : answer_failed(store, answer);
    PQclear(answer);
    return fault;
}

result store_begin(struct store *store) {
    TRY(store_do(store, "BEGIN", NULL));
    store->is_in_transaction = true;
    return OK;
}

result store_commit(struct store *store) {
    result outcome = store_do(store, "COMMIT", NULL);
    if (outcome == OK)
        store->is_in_transaction = false;
    else
        store_rollback(store);
    return outcome;
}

void store_rollback(struct store *store) {
    if (!store->is_in_transaction)
        return;
    store->is_in_transaction = false;
    PGresult *answer = store->connection == NULL ? NULL : execute(store, "ROLLBACK", NULL);
    if (PQresultStatus(answer) != PGRES_COMMAND_OK)
        store_disconnect(store); /* the server rolls back when the connection ends */
    PQclear(answer);
}

result store_listen(struct store *store, const char *topic) {
    for (const char *at = topic; *at != '\0'; at++)
        if ((*at < 'a' || *at > 'z') && *at != '_')
            return store_fail(store, &fault_store_value, "topic: wanted lower-case letters and underscores");
    snprintf(store->topic, sizeof(store->topic), "%s", topic);
    TRY(store_connect(store));
    return topic_listen(store);
}

int store_descriptor(const struct store *store) {
    return store->connection == NULL ? -1 : PQsocket(store->connection);
}

uint64_t store_connection_number(const struct store *store) {
    return store->connection_number;
}

result store_take_notifications(struct store *store, unsigned *ret_count) {
    *ret_count = 0;
    TRY(store_connect(store));
    if (PQconsumeInput(store->connection) != 1) {
        result fault = store_fail(store, &fault_store_unreachable, "database: %s", PQerrorMessage(store->connection));
        store_disconnect(store);
        return fault;
    }
    PGnotify *notification;
    while ((notification = PQnotifies(store->connection)) != NULL) {
        PQfreemem(notification);
        (*ret_count)++;
    }
    return OK;
}
