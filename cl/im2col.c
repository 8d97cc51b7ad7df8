/* im2col and its transpose. */
#include "map.h"
#include "slots.h"

enum { OPTIONS = 64 };

typedef struct conv_args {
    cl_int stride_h, stride_w, pad_h, pad_w, dilation_h, dilation_w; /* struct conv of im2col.cl */
} conv_args;

/* out and in: the result and what it is made from; x is the image of the two. */
static socle_status run(ocl_device *d, const char *function, const socle_conv *p, socle_out out, socle_in in,
                        socle_in x, int r, int s, int ho, int wo, int64_t pixels)
{
    char options[OPTIONS];
    bool wide = ocl_maps_wide(2, (socle_in[]){ out, in });
    ocl_call k = ocl_begin(d, "im2col.cl", function, ocl_index_options(wide, options, sizeof options, ""));
    conv_args args = { p->stride[0], p->stride[1], p->pad[0], p->pad[1], p->dilation[0], p->dilation[1] };
    ocl_arg(&k, sizeof args, &args);
    ocl_arg_map(&k, wide, out);
    ocl_arg_map(&k, wide, in);
    ocl_arg_buffer(&k, out->buffer);
    ocl_arg_buffer(&k, in->buffer);
    ocl_arg_int(&k, r);
    ocl_arg_int(&k, s);
    ocl_arg_int(&k, ho);
    ocl_arg_int(&k, wo);
    return ocl_run(&k, 3, (size_t[]){ (size_t)x->dim[0], (size_t)pixels, (size_t)x->dim[1] }, NULL);
}

socle_status ocl_im2col(void *self, const socle_conv *p, socle_out cols, socle_in x, int r, int s, int ho, int wo)
{
    return run(self, "im2col", p, cols, x, x, r, s, ho, wo, (int64_t)ho * wo);
}

socle_status ocl_col2im(void *self, const socle_conv *p, socle_out x, socle_in cols, int r, int s, int ho, int wo)
{
    return run(self, "col2im", p, x, cols, x, r, s, ho, wo, x->dim[2] * x->dim[3]);
}
