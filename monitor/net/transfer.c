#include "net/transfer.h"

#include <stdio.h>
#include <strings.h>

#include "base/clock.h"
#include "base/memory.h"
#include "net/job.h"

FAULT(fault_transfer_connect, FAULT_RETRY, "transfer.connect", "server", "", "cannot be reached", "a connection");
FAULT(fault_transfer_timeout, FAULT_RETRY, "transfer.timeout", "transfer", "", "takes too long", "an answer in time");
FAULT(fault_transfer_tls, FAULT_RETRY, "transfer.tls", "TLS connection", "RFC 8446", "cannot be set up",
      "a certificate for this name from a trusted CA");
FAULT(fault_transfer_too_large, FAULT_INPUT, "transfer.too-large", "answer", "", "is larger than its ceiling",
      "a body within the ceiling");
FAULT(fault_transfer_broken, FAULT_RETRY, "transfer.broken", "transfer", "RFC 9112", "broke off or breaks the protocol",
      "a whole answer");
FAULT(fault_transfer_url, FAULT_SETTINGS, "transfer.url", "address or header", "RFC 3986",
      "is none, or holds control characters", "an http or https address");
FAULT(fault_transfer_status, FAULT_RETRY, "transfer.status", "answer", "RFC 9110 15", "has a status of failure",
      "status 200");

#define CONNECT_MS_MAX 20000
#define STALL_BYTES_PER_SECOND 1000L
#define RECEIVE_BUFFER_SIZE (64L * 1024)
#define HEADERS_SIZE_MAX ((size_t) 128 * 1024)
#define ERROR_BODY_MAX ((size_t) 64 * 1024) /* read to keep the connection; more is not worth it */
#define SHOWN_URL_MAX 300
#define WAIT_WORDS_SIZE 48

struct transfer {
    struct net_job job; /* first, so that both have one address */
    transfer_done done;
    void *context;
    uint8_t *body; /* borrowed */
    size_t body_room;
    size_t dropped_size; /* of an error's body that did not fit */
    bool is_post;
    bool is_too_large;
    size_t header_size; /* of all header lines, trailers and 1xx answers included */
    bool is_loopback;
    bool is_whole;   /* ended well, so that its handle serves again */
    bool is_telling; /* inside `done`: a cancel then has nothing left to do */
    struct curl_slist *headers;
    char shown_url[SHOWN_URL_MAX];
    char curl_error[CURL_ERROR_SIZE];
    struct transfer_answer answer;
};

/* The handle of a transfer that failed early, at an unknown name for one, keeps its buffer over a reset and refuses CURLOPT_BUFFERSIZE
 * from then on (libcurl 7.88): only those of whole transfers are used again. */
static void transfer_release(struct transfer *transfer) {
    curl_slist_free_all(transfer->headers);
    if (transfer->is_whole)
        net_give_easy(transfer->job.net, transfer->job.easy);
    else
        curl_easy_cleanup(transfer->job.easy);
    memory_free(transfer);
}

static bool is_success(const struct transfer *transfer, long status) {
    return status == 200 || status == 304 || (transfer->is_post && status >= 200 && status < 300);
}

/* ---- while it runs ---- */

static size_t on_body(char *bytes, size_t one, size_t count, void *context) {
    (void) one;
    struct transfer *transfer = context;
    struct transfer_answer *answer = &transfer->answer;
    long status = 0;
    curl_off_t announced = -1;
    curl_easy_getinfo(transfer->job.easy, CURLINFO_RESPONSE_CODE, &status);
    size_t room = transfer->body_room - answer->body_size;
    if (count == 0)
        return 0;
    if (!is_success(transfer, status)) {
        size_t kept = count < room ? count : room;
        if (kept > 0)
            memcpy(transfer->body + answer->body_size, bytes, kept);
        answer->body_size += kept;
        transfer->dropped_size += count - kept;
        return transfer->dropped_size > ERROR_BODY_MAX ? 0 : count;
    }
    curl_easy_getinfo(transfer->job.easy, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &announced);
    if (count > room || announced > (curl_off_t) transfer->body_room) {
        transfer->is_too_large = true;
        return 0;
    }
    memcpy(transfer->body + answer->body_size, bytes, count);
    answer->body_size += count;
    return count;
}

static struct span trim(struct span text) {
    while (text.size > 0 && (text.bytes[0] == ' ' || text.bytes[0] == '\t'))
        text = span_of(text.bytes + 1, text.size - 1);
    while (text.size > 0 && strchr(" \t\r\n", text.bytes[text.size - 1]) != NULL)
        text.size--;
    return text;
}

static bool equals_ignoring_case(struct span text, const char *word) {
    return text.size == strlen(word) && strncasecmp((const char *) text.bytes, word, text.size) == 0;
}

static void read_etag(struct transfer_answer *answer, struct span value) {
    answer->etag[0] = '\0';
    if (value.size >= sizeof answer->etag || memchr(value.bytes, '\0', value.size) != NULL)
        return;
    memcpy(answer->etag, value.bytes, value.size);
    answer->etag[value.size] = '\0';
}

static void read_encoding(struct transfer_answer *answer, struct span value) {
    if (equals_ignoring_case(value, "gzip") || equals_ignoring_case(value, "x-gzip"))
        answer->encoding = TRANSFER_GZIP;
    else if (value.size > 0 && !equals_ignoring_case(value, "identity"))
        answer->encoding = TRANSFER_ENCODING_OTHER;
}

static void read_retry_after(struct transfer_answer *answer, struct span value) {
    answer->retry_after_ms = retry_after_parse(value, clock_wall_ms());
}

static void read_date(struct transfer_answer *answer, struct span value) {
    answer->date_ms = http_date_parse(value);
}

static const struct {
    const char *name;
    void (*read)(struct transfer_answer *answer, struct span value);
} header_readers[] = {{"date", read_date}, {"etag", read_etag}, {"content-encoding", read_encoding}, {"retry-after", read_retry_after}};

static size_t on_header(char *bytes, size_t one, size_t count, void *context) {
    (void) one;
    struct transfer *transfer = context;
    struct transfer_answer *answer = &transfer->answer;
    struct span line = span_of(bytes, count);
    transfer->header_size += count;
    if (transfer->header_size > HEADERS_SIZE_MAX)
        return 0; /* libcurl keeps every line */
    if (line.size >= 5 && memcmp(line.bytes, "HTTP/", 5) == 0) { /* a new answer, after 1xx or a proxy's */
        answer->etag[0] = '\0';
        answer->encoding = TRANSFER_IDENTITY;
        answer->retry_after_ms = answer->date_ms = -1;
    }
    const uint8_t *colon = memchr(line.bytes, ':', line.size);
    if (colon == NULL)
        return count;
    struct span name = span_of(line.bytes, (size_t) (colon - line.bytes));
    for (size_t i = 0; i < sizeof header_readers / sizeof header_readers[0]; i++)
        if (equals_ignoring_case(name, header_readers[i].name))
            header_readers[i].read(answer, trim(span_of(colon + 1, line.size - name.size - 1)));
    return count;
}

/* ---- when it ends ---- */

static result fault_of_curl(CURLcode code) {
    static const struct {
        CURLcode code;
        result fault;
    } table[] = {
        {CURLE_COULDNT_RESOLVE_PROXY, &fault_transfer_connect}, {CURLE_COULDNT_RESOLVE_HOST, &fault_transfer_connect},
        {CURLE_COULDNT_CONNECT, &fault_transfer_connect},       {CURLE_INTERFACE_FAILED, &fault_transfer_connect},
        {CURLE_PROXY, &fault_transfer_connect},                 {CURLE_OPERATION_TIMEDOUT, &fault_transfer_timeout},
        {CURLE_SSL_CONNECT_ERROR, &fault_transfer_tls},         {CURLE_PEER_FAILED_VERIFICATION, &fault_transfer_tls},
        {CURLE_SSL_CERTPROBLEM, &fault_transfer_tls},           {CURLE_SSL_CIPHER, &fault_transfer_tls},
        {CURLE_SSL_CACERT_BADFILE, &fault_transfer_tls},        {CURLE_SSL_ENGINE_INITFAILED, &fault_transfer_tls},
        {CURLE_SSL_ISSUER_ERROR, &fault_transfer_tls},          {CURLE_URL_MALFORMAT, &fault_transfer_url},
        {CURLE_UNSUPPORTED_PROTOCOL, &fault_transfer_url},      {CURLE_OUT_OF_MEMORY, &fault_no_memory},
    };
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (table[i].code == code)
            return table[i].fault;
    return &fault_transfer_broken;
}

/* Names in certificates are whatever the server likes. */
static void make_plain(struct reason *reason) {
    for (char *at = reason->text; *at != '\0'; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
}

/* " (asks to wait 120 s)" for whoever wonders why nothing happens. */
static const char *wait_words(const struct transfer_answer *answer, char ret_words[WAIT_WORDS_SIZE]) {
    if (answer->retry_after_ms <= 0)
        return "";
    snprintf(ret_words, WAIT_WORDS_SIZE, " (asks to wait %lld s)", (long long) (answer->retry_after_ms / 1000));
    return ret_words;
}

/* libcurl says so of a line above 100 kB. */
static bool is_header_too_long(const struct transfer_answer *answer, CURLcode code) {
    return code == CURLE_OUT_OF_MEMORY && answer->status != 0 && answer->body_size == 0;
}

static void judge(struct transfer *transfer, CURLcode code) {
    struct transfer_answer *answer = &transfer->answer;
    struct reason *reason = &answer->reason;
    const char *url = transfer->shown_url;
    char words[WAIT_WORDS_SIZE];
    bool has_bad_status = answer->status != 0 && !is_success(transfer, answer->status);
    if (transfer->header_size > HEADERS_SIZE_MAX)
        answer->fault = reason_set(reason, &fault_transfer_broken, "%s: more than %zu bytes of header lines", url, HEADERS_SIZE_MAX);
    else if (transfer->is_too_large)
        answer->fault = reason_set(reason, &fault_transfer_too_large, "%s: the answer is larger than the ceiling of %zu bytes",
                                   url, transfer->body_room);
    else if (has_bad_status && (code == CURLE_OK || code == CURLE_WRITE_ERROR))
        answer->fault = reason_set(reason, &fault_transfer_status, "%s: status %ld%s%s, wanted 200", url, answer->status,
                                   answer->status / 100 == 3 ? " (redirects are not followed)" : "", wait_words(answer, words));
    else if (is_header_too_long(answer, code))
        answer->fault = reason_set(reason, &fault_transfer_broken, "%s: a header line is longer than 100 kB, or memory ran out", url);
    else if (code != CURLE_OK)
        answer->fault = reason_set(reason, fault_of_curl(code), "%s: %s", url,
                                   transfer->curl_error[0] != '\0' ? transfer->curl_error : curl_easy_strerror(code));
    else
        answer->fault = OK;
    make_plain(reason);
}

static void transfer_finished(struct net_job *job, CURLcode code) {
    struct transfer *transfer = (struct transfer *) job;
    curl_off_t total_us = 0;
    curl_easy_getinfo(job->easy, CURLINFO_RESPONSE_CODE, &transfer->answer.status);
    curl_easy_getinfo(job->easy, CURLINFO_TOTAL_TIME_T, &total_us);
    transfer->answer.latency_ms = total_us / 1000;
    judge(transfer, code);
    transfer->is_whole = code == CURLE_OK;
    transfer->is_telling = true;
    transfer->done(transfer->context, &transfer->answer);
    transfer_release(transfer);
}

static void transfer_dropped(struct net_job *job) {
    transfer_release((struct transfer *) job);
}

/* ---- how it starts ---- */

static bool has_control(const char *text) {
    for (; *text != '\0'; text++)
        if ((unsigned char) *text < ' ' || *text == 0x7f)
            return true;
    return false;
}

static bool add_header(struct transfer *transfer, const char *line) {
    struct curl_slist *longer = curl_slist_append(transfer->headers, line);
    if (longer == NULL)
        return false;
    transfer->headers = longer;
    return true;
}

static result build_headers(struct transfer *transfer, const struct transfer_request *request) {
    char condition[300];
    bool fits = !request->accepts_gzip || add_header(transfer, "Accept-Encoding: gzip");
    if (request->if_none_match != NULL && request->if_none_match[0] != '\0') {
        int length = snprintf(condition, sizeof condition, "If-None-Match: %s", request->if_none_match);
        if (has_control(request->if_none_match) || length < 0 || (size_t) length >= sizeof condition)
            return &fault_transfer_url;
        fits = fits && add_header(transfer, condition);
    }
    /* Without this libcurl waits up to a second for "100 Continue" before a larger body. */
    fits = fits && (!transfer->is_post || add_header(transfer, "Expect:"));
    for (size_t i = 0; request->headers != NULL && request->headers[i] != NULL; i++) {
        if (has_control(request->headers[i]))
            return &fault_transfer_url;
        fits = fits && add_header(transfer, request->headers[i]);
    }
    return fits ? OK : &fault_no_memory;
}

struct url_part {
    char *text; /* libcurl's */
};

static void url_part_done(struct url_part *part) {
    curl_free(part->text);
}

static void url_done(CURLU **url) {
    curl_url_cleanup(*url);
}

/* Checks the address and keeps what may be shown of it: no user, no password, no query; of a POST not even the path, because
 * the address of a webhook is often its only secret. */
static result read_url(struct transfer *transfer, const char *text) {
    CLEANUP(url_done) CURLU *url = curl_url();
    CLEANUP(url_part_done) struct url_part scheme = {0}, host = {0}, port = {0}, path = {0};
    if (url == NULL)
        return &fault_no_memory;
    if (has_control(text))
        return &fault_transfer_url;
    CURLUcode code = curl_url_set(url, CURLUPART_URL, text, 0);
    code = code != CURLUE_OK ? code : curl_url_get(url, CURLUPART_SCHEME, &scheme.text, 0);
    code = code != CURLUE_OK ? code : curl_url_get(url, CURLUPART_HOST, &host.text, 0);
    code = code != CURLUE_OK ? code : curl_url_get(url, CURLUPART_PATH, &path.text, 0);
    if (code != CURLUE_OK)
        return code == CURLUE_OUT_OF_MEMORY ? &fault_no_memory : &fault_transfer_url;
    if (strcmp(scheme.text, "http") != 0 && strcmp(scheme.text, "https") != 0)
        return &fault_transfer_url;
    transfer->is_loopback = strcmp(host.text, "localhost") == 0 || strcmp(host.text, "[::1]") == 0 ||
                            strncmp(host.text, "127.", 4) == 0;
    bool has_port = curl_url_get(url, CURLUPART_PORT, &port.text, 0) == CURLUE_OK;
    snprintf(transfer->shown_url, sizeof transfer->shown_url, "%s://%s%s%s%s", scheme.text, host.text, has_port ? ":" : "",
             has_port ? port.text : "", transfer->is_post ? "" : path.text);
    return OK;
}

static bool set_limits(CURL *easy, const struct transfer_request *request) {
    long timeout_ms = (long) request->timeout_ms;
    long stall_seconds = (long) ((request->stall_ms + 999) / 1000);
    return curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, timeout_ms) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                            timeout_ms > 0 && timeout_ms < CONNECT_MS_MAX ? timeout_ms : (long) CONNECT_MS_MAX) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, stall_seconds) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, stall_seconds > 0 ? STALL_BYTES_PER_SECOND : 0L) == CURLE_OK;
}

static bool set_security(CURL *easy, const struct transfer_request *request, const struct net_options *options) {
    return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, request->verifies_tls ? 1L : 0L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, request->verifies_tls ? 2L : 0L) == CURLE_OK &&
           (options->ca_file == NULL || options->ca_file[0] == '\0' ||
            curl_easy_setopt(easy, CURLOPT_CAINFO, options->ca_file) == CURLE_OK);
}

static bool set_callbacks(struct transfer *transfer) {
    CURL *easy = transfer->job.easy;
    return curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->curl_error) == CURLE_OK;
}

static bool set_post(CURL *easy, struct span post) {
    return curl_easy_setopt(easy, CURLOPT_POST, 1L) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDS, post.bytes) == CURLE_OK &&
           curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t) post.size) == CURLE_OK;
}

static result configure(struct transfer *transfer, const struct transfer_request *request, const struct net_options *options) {
    CURL *easy = transfer->job.easy;
    TRY(read_url(transfer, request->url));
    TRY(build_headers(transfer, request));
    bool is_set = set_callbacks(transfer) && set_limits(easy, request) && set_security(easy, request, options) &&
                  curl_easy_setopt(easy, CURLOPT_URL, request->url) == CURLE_OK &&
                  curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
                  curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long) CURL_HTTP_VERSION_2TLS) == CURLE_OK &&
                  curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, RECEIVE_BUFFER_SIZE) == CURLE_OK &&
                  curl_easy_setopt(easy, CURLOPT_USERAGENT, options->user_agent) == CURLE_OK &&
                  curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->headers) == CURLE_OK &&
                  /* No proxy leads to this machine's own loopback, where the drill's logs are. */
                  (!transfer->is_loopback || curl_easy_setopt(easy, CURLOPT_NOPROXY, "*") == CURLE_OK) &&
                  (!transfer->is_post || set_post(easy, request->post));
    return is_set ? OK : &fault_no_memory;
}

static void transfer_release_at(struct transfer **transfer) {
    if (*transfer != NULL)
        transfer_release(*transfer);
}

result transfer_start(struct net *net, const struct transfer_request *request, transfer_done done, void *context,
                      struct transfer **ret_transfer) {
    CLEANUP(transfer_release_at) struct transfer *transfer = memory_new(sizeof *transfer);
    if (transfer == NULL)
        return &fault_no_memory;
    transfer->job = (struct net_job){.net = net, .finished = transfer_finished, .dropped = transfer_dropped};
    transfer->job.easy = net_take_easy(net);
    if (transfer->job.easy == NULL)
        return &fault_no_memory;
    transfer->done = done;
    transfer->context = context;
    transfer->body = request->body;
    transfer->body_room = request->body_room;
    transfer->is_post = request->post.bytes != NULL;
    transfer->answer.retry_after_ms = transfer->answer.date_ms = -1;
    TRY(configure(transfer, request, net_options_of(net)));
    TRY(net_job_start(net, &transfer->job));
    *ret_transfer = TAKE(transfer);
    return OK;
}

void transfer_cancel(struct transfer *transfer) {
    if (transfer == NULL || transfer->is_telling)
        return;
    net_job_stop(&transfer->job);
    transfer_release(transfer);
}
