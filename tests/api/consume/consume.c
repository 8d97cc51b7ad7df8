/* One step of gradient descent on a mean, through the installed library. */
#include <stdio.h>
#include <socle/socle.h>

int main(void)
{
    socle_device *d = socle_device_open("ref", (socle_device_desc){ .threads = 1 });
    socle_ctx *c = socle_ctx_new(d, 0);
    float host[] = { 1, 2, 3, 6 };
    socle_tensor *w = socle_tensor_from(d, SOCLE_F32, socle_shape2(2, 2), host);
    socle_status s = socle_set_requires_grad(w, true);
    socle_tensor *loss = socle_mean(c, socle_square(c, w), 0, false);
    if (s == SOCLE_OK)
        s = socle_backward(c, loss);
    double value = 0;
    if (s == SOCLE_OK)
        s = socle_item(loss, &value);
    float g[4] = { 0 };
    if (s == SOCLE_OK)
        s = socle_read(socle_grad(w), g, sizeof g);
    if (s != SOCLE_OK)
        fprintf(stderr, "%s\n", socle_error());
    else
        printf("loss %g, gradient %g %g %g %g\n", value, (double)g[0], (double)g[1], (double)g[2], (double)g[3]);
    socle_release(w);
    socle_ctx_free(c);
    socle_device_close(d);
    return s == SOCLE_OK && value == 12.5 && g[3] == 3.0f && socle_version() == 1 ? 0 : 1;
}
