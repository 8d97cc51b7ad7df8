// The headers in a C++ program: descs by value, a callback, no casts.
#include <cstdio>
#include <socle/socle.h>

static socle_tensor *twice(socle_ctx *c, socle_tensor *x, void *)
{
    return socle_add(c, x, x);
}

int main()
{
    socle_device_desc desc = {};
    desc.threads = 1;
    socle_device *d = socle_device_open("ref", desc);
    socle_ctx *c = socle_ctx_new(d, 0);
    socle_batch_fn f = twice;
    double value = 0;
    socle_status s = socle_item(f(c, socle_full(c, SOCLE_F32, socle_shape0(), 1.5), nullptr), &value);
    if (s != SOCLE_OK)
        std::fprintf(stderr, "%s\n", socle_error());
    else
        std::printf("%g\n", value);
    socle_ctx_free(c);
    socle_device_close(d);
    return s == SOCLE_OK && value == 3 ? 0 : 1;
}
