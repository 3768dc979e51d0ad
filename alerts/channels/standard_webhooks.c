#include "channels/standard_webhooks.h"

#include <openssl/hmac.h>
#include <stdio.h>

#include "base/buffer.h"
#include "base/memory.h"
#include "base/text.h"

#define PREFIX   "whsec_"
#define KEY_MAX  4096
#define HEAD_MAX 200

FAULT(fault_webhook_secret, FAULT_SETTINGS, "webhook.secret", "secret of a webhook", "Standard Webhooks 1.0",
      "neither \"whsec_\" and base64 of 24 to 64 bytes, nor a raw key of 16 bytes or more", "such a secret");

static result read_key(const char *secret, uint8_t key[KEY_MAX], size_t *ret_size) {
    size_t size = strlen(secret);
    if (strncmp(secret, PREFIX, sizeof PREFIX - 1) == 0) {
        struct span text = span_of_text(secret + sizeof PREFIX - 1);
        if (text.size > 88 || text_to_base64(text, key, ret_size) != OK)
            return &fault_webhook_secret;
        return *ret_size >= 24 && *ret_size <= 64 ? OK : &fault_webhook_secret;
    }
    if (size < 16 || size > KEY_MAX)
        return &fault_webhook_secret;
    memcpy(key, secret, size);
    *ret_size = size;
    return OK;
}

result webhook_sign(const char *secret, const char *id, int64_t timestamp_s, struct span body,
                    char ret_signature[WEBHOOK_SIGNATURE_SIZE]) {
    CLEANUP(buffer_done) struct buffer content = buffer_with_limit(body.size + HEAD_MAX);
    uint8_t key[KEY_MAX];
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned mac_size = 0;
    size_t key_size = 0;
    buffer_printf(&content, "%s.%lld.", id, (long long) timestamp_s);
    buffer_add(&content, body);
    TRY(buffer_check(&content));
    result outcome = read_key(secret, key, &key_size);
    if (outcome == OK &&
        (HMAC(EVP_sha256(), key, (int) key_size, content.bytes, content.size, mac, &mac_size) == NULL || mac_size != HASH_SIZE))
        outcome = &fault_no_memory; /* HMAC fails for no other reason */
    explicit_bzero(key, sizeof key);
    TRY(outcome);
    memcpy(ret_signature, "v1,", 3);
    text_of_base64(span_of(mac, mac_size), ret_signature + 3);
    return OK;
}
