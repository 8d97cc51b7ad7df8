/* Names of the hyper-parameters. */
#include <string.h>
#include "rule.h"

static const char *const names[] = {
    [SOCLE_LR] = "lr",
    [SOCLE_MOM] = "mom",
    [SOCLE_DAMP] = "damp",
    [SOCLE_WD] = "wd",
    [SOCLE_L2] = "l2",
    [SOCLE_SQR_MOM] = "sqr_mom",
    [SOCLE_EPS] = "eps",
    [SOCLE_SQR_EPS] = "sqr_eps",
    [SOCLE_DEBIAS] = "debias",
    [SOCLE_START] = "start",
    [SOCLE_DECAY_AFTER] = "decay_after",
    [SOCLE_TRUST] = "trust",
};
enum { NAMES = sizeof names / sizeof *names };

int socle_hyper_named(const char *name)
{
    for (int i = 0; name != NULL && i < NAMES; i++)
        if (strcmp(names[i], name) == 0)
            return i;
    return -1;
}

const char *socle_hyper_name(int hyper)
{
    return hyper >= 0 && hyper < NAMES ? names[hyper] : NULL;
}
