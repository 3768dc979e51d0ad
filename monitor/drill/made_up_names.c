#include "drill/made_up_names.h"

#include <stdio.h>

#include "drill/weak_signer.h"

static const char *const words[] = {"alpine", "amber", "anchor", "apple", "atlas", "beacon", "birch", "bloom", "bridge", "brook", "cedar",
                                    "cloud", "cobalt", "coral", "craft", "crest", "delta", "drift", "ember", "falcon", "fern", "field",
                                    "flint", "forge", "garden", "glacier", "grove", "harbor", "hazel", "heron", "island", "ivory", "jade",
                                    "juniper", "kite", "lantern", "laurel", "ledger", "lumen", "maple", "market", "meadow", "mill", "mint",
                                    "north", "oak", "ocean", "olive", "orbit", "pebble", "pine", "prairie", "quartz", "raven", "river",
                                    "sable", "sierra", "silver", "spark", "stone", "summit", "thistle", "timber", "willow"};
static const char *const endings[] = {"com", "com", "com", "com", "com", "com", "net", "org", "de", "co.uk", "com.br", "nl", "fr", "it",
                                      "ru", "pl", "com.au", "io", "dev", "app", "shop", "online", "xyz", "info", "eu", "ca", "jp", "in"};
static const char *const hosts[] = {"www", "mail", "autodiscover", "cpanel", "webmail", "webdisk", "cpcontacts", "cpcalendars", "api",
                                    "dev", "staging", "shop", "blog", "cdn", "static", "vpn", "app", "test", "admin", "m"};

#define PICK(list, random) list[weak_random(random) % (sizeof(list) / sizeof((list)[0]))]

unsigned made_up_name_count(uint64_t *random) {
    uint64_t dice = weak_random(random) % 1000, second = weak_random(random);
    if (dice < 370)
        return 1;
    if (dice < 780)
        return 2;
    if (dice < 960)
        return 3 + (unsigned) (second % 8);
    if (dice < 993)
        return 11 + (unsigned) (second % 40);
    return 51 + (unsigned) (second % 50);
}

void made_up_domain(uint64_t *random, uint64_t index, char ret_name[MADE_UP_NAME_SIZE]) {
    const char *first = PICK(words, random), *second = PICK(words, random), *ending = PICK(endings, random);
    bool has_hyphen = weak_random(random) % 4 == 0;
    snprintf(ret_name, MADE_UP_NAME_SIZE, "%s%s%s%llu.%s", first, has_hyphen ? "-" : "", second, (unsigned long long) index, ending);
}

void made_up_host(uint64_t *random, const char *domain, unsigned place, char ret_name[MADE_UP_NAME_SIZE]) {
    uint64_t dice = weak_random(random) % 10;
    if (place == 0)
        snprintf(ret_name, MADE_UP_NAME_SIZE, "%s%s", dice == 0 ? "*." : "", domain);
    else if (place == 1)
        snprintf(ret_name, MADE_UP_NAME_SIZE, "%s.%s", dice < 8 ? "www" : "*", domain);
    else
        snprintf(ret_name, MADE_UP_NAME_SIZE, "%s%u.%s", PICK(hosts, random), place, domain);
}
