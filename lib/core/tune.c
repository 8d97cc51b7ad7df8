/* Variants and tuning (sys/tune.h): asks the device's backend, which may have nothing to choose. */
#include "device.h"

#include <socle/sys/tune.h>
#include "error.h"

socle_status socle_device_variants(socle_device *d, bool check, socle_variant_report fn, void *user)
{
    SOCLE_CHECK(d != NULL && fn != NULL, SOCLE_ERR_ARG, "device_variants: the device or the report is NULL");
    return d->backend->variants == NULL ? SOCLE_OK : d->backend->variants(d->self, check, fn, user);
}

socle_status socle_device_tune(socle_device *d, socle_tune_report fn, void *user)
{
    SOCLE_CHECK(d != NULL, SOCLE_ERR_ARG, "device_tune: the device is NULL");
    SOCLE_CHECK(d->backend->tune != NULL, SOCLE_ERR_UNSUPPORTED, "device '%s' has nothing to tune", d->name);
    return d->backend->tune(d->self, fn, user);
}
