/* A database for tests of the store, in the cluster of PINWATCH_TEST_DATABASE: the connection string of a superuser (tests/sql/store sets it). */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "store/schema.h"
#include "store/statement.h"

#define assert_ok(store, expression) \
    do { \
        result outcome_ = (expression); \
        if (outcome_ != OK) \
            fail_msg("%s: %s: %s", #expression, outcome_->name, store_why(store)->text); \
    } while (0)

#define NEEDS_DATABASE() \
    do { \
        (void) state; \
        if (!w.is_ready) { \
            print_message("skipped: needs a cluster; tests/sql/store runs it with one\n"); \
            skip(); \
        } \
    } while (0)

static struct store *open_as(const char *database, const char *role) {
    char conninfo[1024];
    struct store *store = NULL;
    const struct store_options options = {.application_name = "test", .role = role};
    snprintf(conninfo, sizeof conninfo, "%s dbname=%s", getenv("PINWATCH_TEST_DATABASE"), database);
    assert_ptr_equal(store_new(conninfo, &options, &store), OK);
    return store;
}

/* Makes it anew, with our schema in it; NULL without a cluster. */
static struct store *make_database(const char *name, int64_t now_ms) {
    struct schema_outcome outcome;
    char drop[100], create[100];
    if (getenv("PINWATCH_TEST_DATABASE") == NULL)
        return NULL;
    snprintf(drop, sizeof drop, "DROP DATABASE IF EXISTS %s", name);
    snprintf(create, sizeof create, "CREATE DATABASE %s TEMPLATE template0 ENCODING 'UTF8'", name);
    struct store *first = open_as("postgres", NULL);
    assert_ok(first, store_do(first, drop, NULL));
    assert_ok(first, store_do(first, create, NULL));
    store_free(first);
    struct store *owner = open_as(name, NULL);
    assert_ok(owner, schema_apply(owner, TESTS_FOLDER "/../sql", now_ms, &outcome));
    assert_int_equal(outcome.version_before, 0);
    assert_int_equal(outcome.version_after, schema_version_known());
    return owner;
}
