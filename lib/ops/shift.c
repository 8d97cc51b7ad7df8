/* Images moved, mirrored and cut, each by its own row of a table. */
#include <socle/augment.h>
#include "op.h"

typedef struct shift_attr {
    int64_t size[2];
    float pad;
} shift_attr;

static socle_status infer(const socle_call *k, socle_spec *out)
{
    const shift_attr *a = k->attr;
    SOCLE_TRY(op_check_real(k, "shift_images", 0));
    SOCLE_TRY(op_check_ndim(k, "shift_images", 0, 4, "(N, C, H, W)"));
    SOCLE_CHECK(k->spec[1].dtype == SOCLE_I32, SOCLE_ERR_DTYPE,
                "shift_images: place is of type %s, expected is i32", socle_dtype_name(k->spec[1].dtype));
    SOCLE_CHECK(a->size[0] >= 1 && a->size[1] >= 1, SOCLE_ERR_ARG,
                "shift_images: the result cannot have %lld by %lld pixels", (long long)a->size[0],
                (long long)a->size[1]);
    socle_shape table = socle_shape2(k->spec[0].shape.dim[0], 3);
    SOCLE_CHECK(socle_shape_equal(k->spec[1].shape, table), SOCLE_ERR_SHAPE,
                "shift_images: place has shape %s, expected %s", shape_text(k->spec[1].shape).text,
                shape_text(table).text);
    out[0] = k->spec[0];
    out[0].shape.dim[2] = a->size[0];
    out[0].shape.dim[3] = a->size[1];
    return SOCLE_OK;
}

static socle_status forward(socle_call *k)
{
    return socle_prim_shift_images(k->out[0], k->in[0], k->in[1], ((const shift_attr *)k->attr)->pad);
}

const socle_op socle_op_shift_images = {
    .name = "shift_images", .attr_size = sizeof(shift_attr), .n_out = 1, .infer = infer, .forward = forward
};

socle_tensor *socle_shift_images(socle_ctx *c, socle_tensor *x, socle_tensor *place, int64_t height, int64_t width,
                                 double pad)
{
    shift_attr a = { { height, width }, (float)pad };
    return socle_apply(c, &socle_op_shift_images, &a, 2, 2, (socle_tensor *[]){ x, place });
}
