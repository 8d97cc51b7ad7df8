/* Options of a command, as a table: every mistake gets one sentence. */
#include "socle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool whole_number(const char *option, const char *text, int most, int *out)
{
    char *end = NULL;
    errno = 0;
    long v = text[0] >= '0' && text[0] <= '9' ? strtol(text, &end, 10) : 0;
    if (end == NULL || *end != '\0' || errno != 0 || v < 1 || v > most) {
        complain("%s takes a whole number from 1 to %d, not \"%s\"", option, most, text);
        return false;
    }
    *out = (int)v;
    return true;
}

static const option_slot *find(const char *name, const option_slot *slots, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(slots[i].name, name) == 0)
            return &slots[i];
    return NULL;
}

bool options_take(const char *command, int argc, char **argv, const option_slot *slots, size_t n)
{
    for (int i = 0; i < argc; i++) {
        const option_slot *slot = find(argv[i], slots, n);
        if (slot == NULL) {
            complain("%s: \"%s\" is no option of this command (see socle help)", command, argv[i]);
            return false;
        }
        if (slot->given != NULL) {
            *slot->given = true;
            continue;
        }
        if (++i == argc) {
            complain("%s: %s needs a value (see socle help)", command, slot->name);
            return false;
        }
        if (slot->text != NULL)
            *slot->text = argv[i];
        else if (!whole_number(slot->name, argv[i], slot->most, slot->number))
            return false;
    }
    return true;
}
