#include "vector_files.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <ftw.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "formats/certificate_report.h"
#include "formats/names.h"

/* Holds our reading of every certificate in the corpora against OpenSSL's: whatever DNS name or address OpenSSL sees, we
 * see as well. */

enum { READINGS_MAX = 20000 };

struct seen {
    struct buffer text; /* every reading as "\n" value "\n" */
    size_t count;
};

static struct {
    unsigned files, inputs, parsed_by_openssl, names, only_lenient, refused_by_us;
    unsigned missed;
} tally;

static char temporary[200];

static void see(void *context, const struct name_reading *reading) {
    struct seen *seen = context;
    assert_true(reading->text.size <= NAME_TEXT_MAX);
    for (size_t i = 0; i < reading->text.size; i++)
        assert_in_range(reading->text.bytes[i], ' ', '~');
    for (size_t i = 0; i < reading->host.size; i++)
        assert_true(reading->host.bytes[i] == '?' || strchr("abcdefghijklmnopqrstuvwxyz0123456789-_.*", reading->host.bytes[i]) != NULL);
    if (seen->count++ < READINGS_MAX) {
        buffer_add_text(&seen->text, "\n");
        buffer_add(&seen->text, reading->text);
        buffer_add_text(&seen->text, "\n");
    }
}

static bool has_seen(const struct seen *seen, const char *value) {
    char line[2000];
    snprintf(line, sizeof line, "\n%s\n", value);
    return strstr(buffer_text(&seen->text), line) != NULL;
}

static bool is_ordinary(const char *name, size_t size) {
    if (size == 0 || size > 1000 || name[0] == '.' || name[size - 1] == '.')
        return false;
    for (size_t i = 0; i < size; i++)
        if ((!isalnum((unsigned char) name[i]) && strchr("-_.*", name[i]) == NULL) || name[i] == 0 || (i > 0 && name[i] == '.' && name[i - 1] == '.'))
            return false;
    return true;
}

static void check_dns(const struct seen *seen, const ASN1_STRING *string, const char *path) {
    const char *name = (const char *) ASN1_STRING_get0_data(string);
    size_t size = (size_t) ASN1_STRING_length(string);
    char lower[1001];
    tally.names++;
    bool is_fine = size == 0 || seen->count > 0;
    if (is_ordinary(name, size)) {
        for (size_t i = 0; i < size; i++)
            lower[i] = (char) tolower((unsigned char) name[i]);
        lower[size] = '\0';
        is_fine = has_seen(seen, lower);
    }
    if (!is_fine) {
        print_error("%s: DNS name %.*s is missed\n", path, (int) size, name);
        tally.missed++;
    }
}

static void check_address(const struct seen *seen, const ASN1_STRING *string, const char *path) {
    char text[INET6_ADDRSTRLEN];
    int size = ASN1_STRING_length(string);
    tally.names++;
    if (size != 4 && size != 16)
        return;
    inet_ntop(size == 4 ? AF_INET : AF_INET6, ASN1_STRING_get0_data(string), text, sizeof text);
    if (!has_seen(seen, text)) {
        print_error("%s: address %s is missed\n", path, text);
        tally.missed++;
    }
}

static void hold_against_openssl(struct span der, const struct seen *seen, bool is_refused, const char *path) {
    const unsigned char *at = der.bytes;
    X509 *x509 = d2i_X509(NULL, &at, (long) der.size);
    if (x509 == NULL)
        return;
    tally.parsed_by_openssl++;
    tally.refused_by_us += is_refused;
    for (int i = X509_get_ext_by_NID(x509, NID_subject_alt_name, -1); i >= 0;
         i = X509_get_ext_by_NID(x509, NID_subject_alt_name, i)) {
        GENERAL_NAMES *names = X509V3_EXT_d2i(X509_get_ext(x509, i));
        for (int j = 0; j < sk_GENERAL_NAME_num(names); j++) {
            const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, j);
            if (name->type == GEN_DNS)
                check_dns(seen, name->d.dNSName, path);
            else if (name->type == GEN_IPADD)
                check_address(seen, name->d.iPAddress, path);
        }
        GENERAL_NAMES_free(names);
    }
    X509_free(x509);
}

static void describe(struct certificate *certificate) {
    struct arena *arena = arena_new(REPORT_SIZE_MAX);
    struct arena *copy_arena = arena_new(REPORT_SIZE_MAX);
    struct entry_report report = {0}, copy;
    struct buffer bytes = buffer_with_limit(REPORT_SIZE_MAX);
    result outcome = certificate_describe(certificate, arena, &report);
    assert_true(outcome == OK || outcome == &fault_names_unreadable);
    assert_ptr_equal(entry_report_encode(&report, &bytes), OK);
    struct cursor cursor = cursor_of(buffer_span(&bytes));
    assert_ptr_equal(entry_report_decode(&cursor, copy_arena, &copy), OK);
    assert_true(cursor_at_end(&cursor));
    assert_int_equal(copy.name_count, report.name_count);
    assert_string_equal(copy.subject, report.subject);
    buffer_done(&bytes);
    arena_free(arena);
    arena_free(copy_arena);
}

static void check_input(struct span der, const char *path) {
    struct seen seen = {.text = buffer_with_limit(FILE_LIMIT)};
    struct certificate certificate;
    uint64_t oddities = 0;
    bool is_refused = certificate_parse(der, &certificate) != OK;
    tally.inputs++;
    if (is_refused) {
        (void) !names_visit_refused(der, false, see, &seen, &oddities);
    } else {
        (void) !names_visit(&certificate, see, &seen);
        oddities = certificate.oddities;
        describe(&certificate);
    }
    tally.only_lenient += (oddities & ODDITY_BIT(ODDITY_SECOND_READING)) != 0;
    hold_against_openssl(der, &seen, is_refused, path);
    if (tbs_parse(der, &certificate) == OK) {
        (void) !names_visit(&certificate, see, &seen);
        describe(&certificate);
    }
    buffer_done(&seen.text);
    ERR_clear_error();
}

static void check_pem(const struct buffer *bytes, const char *path) {
    BIO *bio = BIO_new_mem_buf(bytes->bytes, (int) bytes->size);
    char *name, *header;
    unsigned char *data;
    long size;
    while (PEM_read_bio(bio, &name, &header, &data, &size) == 1) {
        check_input(span_of(data, (size_t) size), path);
        OPENSSL_free(name);
        OPENSSL_free(header);
        OPENSSL_free(data);
    }
    BIO_free(bio);
    ERR_clear_error();
}

static int check_file(const char *path, const struct stat *status, int kind, struct FTW *place) {
    struct buffer bytes;
    (void) place;
    if (kind != FTW_F || status->st_size == 0 || !file_read(path, &bytes))
        return 0;
    tally.files++;
    if (memmem(bytes.bytes, bytes.size, "-----BEGIN", 10) != NULL)
        check_pem(&bytes, path);
    else
        check_input(buffer_span(&bytes), path);
    buffer_done(&bytes);
    return 0;
}

static int remove_file(const char *path, const struct stat *status, int kind, struct FTW *place) {
    (void) status;
    (void) kind;
    (void) place;
    return remove(path);
}

static void unpack(const char *archive) {
    pid_t child = fork();
    if (child == 0) {
        execlp("tar", "tar", "-C", temporary, "-xJf", archive, (char *) NULL);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void check_archive(const char *name) {
    char archive[1000];
    snprintf(temporary, sizeof temporary, "%s/names-XXXXXX", BUILD_FOLDER);
    snprintf(archive, sizeof archive, "%s/b-x509/%s.tar.xz", CORPORA_FOLDER, name);
    assert_non_null(mkdtemp(temporary));
    unpack(archive);
    nftw(temporary, check_file, 16, FTW_PHYS);
    nftw(temporary, remove_file, 16, FTW_PHYS | FTW_DEPTH);
}

static void test_what_openssl_sees_we_see(void **state) {
    (void) state;
    static const char *const archives[] = {"zlint-testdata", "openssl-fuzz-x509", "openssl-fuzz-asn1", "openssl-fuzz-ct",
                                           "boringssl-pki-parse_certificate_unittest",
                                           "boringssl-pki-verify_name_match_unittest"};
    if (access(CORPORA_FOLDER "/b-x509", R_OK) != 0) {
        print_message("skipped: the corpora are not here: " CORPORA_FOLDER "\n");
        skip();
    }
    for (size_t i = 0; i < sizeof archives / sizeof *archives; i++)
        check_archive(archives[i]);
    nftw(CORPORA_FOLDER "/b-x509", check_file, 16, FTW_PHYS);
    nftw(CORPORA_FOLDER "/a-ct/rfc6962", check_file, 16, FTW_PHYS);
    print_message("%u files, %u inputs, %u that OpenSSL parses, %u names; %u shown only by the second reading, %u refused by "
                  "the walk, %u missed\n",
                  tally.files, tally.inputs, tally.parsed_by_openssl, tally.names, tally.only_lenient,
                  tally.refused_by_us, tally.missed);
    assert_int_equal(tally.missed, 0);
    assert_true(tally.parsed_by_openssl > 1500);
    assert_true(tally.names > 2000);
    assert_true(tally.only_lenient > 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_what_openssl_sees_we_see)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
