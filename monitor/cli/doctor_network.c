#include <curl/curl.h>
#include <string.h>
#include <strings.h>

#include "base/clock.h"
#include "base/memory.h"
#include "cli/doctor.h"

#define HTTP_WAIT_S 10
#define CLOCK_SLACK_S 60 /* Date has whole seconds, and the answer was under way */

/* ---- the way out, and what time it is there */

static size_t take_header(char *line, size_t size, size_t count, void *context) {
    char date[64];
    time_t *ret_time = context;
    size_t length = size * count;
    if (length > 5 && length < sizeof date && strncasecmp(line, "date:", 5) == 0) {
        memcpy(date, line + 5, length - 5);
        date[length - 5] = '\0';
        *ret_time = curl_getdate(date, NULL);
    }
    return length;
}

static CURLcode ask_head(const struct settings *settings, time_t *ret_time) {
    CURL *easy = curl_easy_init();
    if (easy == NULL)
        return CURLE_OUT_OF_MEMORY;
    curl_easy_setopt(easy, CURLOPT_URL, settings->chrome_list_url);
    curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_TIMEOUT, (long) HTTP_WAIT_S);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "pinwatch/" PINWATCH_VERSION);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, ret_time);
    if (settings->ca_file[0] != '\0')
        curl_easy_setopt(easy, CURLOPT_CAINFO, settings->ca_file);
    CURLcode code = curl_easy_perform(easy);
    curl_easy_cleanup(easy);
    return code;
}

static void look_at_way_out(struct doctor *doctor, struct check_outcome *ret_outcome) {
    const struct settings *settings = doctor->settings;
    time_t there = -1;
    if (!settings->follows_public_logs || settings->chrome_list_url[0] == '\0') {
        check_set(ret_outcome, CHECK_OK, "not needed while no public log is followed");
        return;
    }
    CURLcode code = ask_head(settings, &there);
    if (code != CURLE_OK) {
        check_set(ret_outcome, CHECK_FAILED, "%s: %s", settings->chrome_list_url, curl_easy_strerror(code));
        check_advise(ret_outcome, "let HTTPS out, or set https_proxy in the service's environment");
        return;
    }
    int64_t off = there == -1 ? 0 : clock_wall_ms() / 1000 - (int64_t) there;
    if (off <= CLOCK_SLACK_S && off >= -CLOCK_SLACK_S) {
        check_set(ret_outcome, CHECK_OK, "the list of logs can be fetched, and its server has our time");
        return;
    }
    check_set(ret_outcome, CHECK_FAILED, "our clock is %lld seconds %s that of the list's server", (long long) (off < 0 ? -off : off),
              off < 0 ? "behind" : "ahead of");
    check_advise(ret_outcome, "set the clock; log.stale and validity are judged with it");
}

const struct check doctor_network_checks[] = {
    {"resolvers", false, doctor_look_at_resolvers}, {"way out", false, look_at_way_out}, {NULL, false, NULL}};
