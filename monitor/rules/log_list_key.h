/* The RSA-4096 key with which Google signs its log lists, as DER SPKI. SHA-256 of these bytes:
 * f1d8b68e50210d8e73d9a3e97f571773c52d7f28c0b1a71beee81d8562e6fd85 */
#pragma once

#include <stdint.h>

#define LOG_LIST_KEY_SIZE 550

extern const uint8_t log_list_key[LOG_LIST_KEY_SIZE];
