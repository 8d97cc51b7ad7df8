/* A training and a validation loader as one value. */
#include <socle/data.h>

#include "core/alloc.h"
#include "core/error.h"

/* A loader that could not be made has explained itself already. */
static socle_status check(const socle_loader *train, const socle_loader *valid, int c_in, int c_out)
{
    if ((!train || !valid) && socle_error_status() != SOCLE_OK)
        return socle_error_status();
    SOCLE_CHECK(train && valid, SOCLE_ERR_ARG, "data: the %s loader is missing", train ? "validation" : "training");
    SOCLE_CHECK(c_in >= 0 && c_out >= 0, SOCLE_ERR_ARG, "data: %d channels and %d classes", c_in, c_out);
    return SOCLE_OK;
}

socle_data *socle_data_new(socle_loader *train, socle_loader *valid, int c_in, int c_out, const char *const *vocab)
{
    socle_data *d = check(train, valid, c_in, c_out) == SOCLE_OK ? socle_mem_alloc(sizeof *d) : NULL;
    if (!d) {
        socle_loader_free(train);
        socle_loader_free(valid);
        return NULL;
    }
    *d = (socle_data){ .train = train, .valid = valid, .c_in = c_in, .c_out = c_out, .vocab = vocab };
    return d;
}

void socle_data_free(socle_data *d)
{
    if (!d)
        return;
    socle_loader_free(d->train);
    socle_loader_free(d->valid);
    socle_mem_free(d);
}
