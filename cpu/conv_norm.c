/* The gradients of a convolution and the batch norm behind it: the norm's sums first, in a pass of their own, since they are
 * over all images; then, chunk by chunk, what the norm passes on goes to the convolution's gradients while it is in the cache.
 * It never reaches memory: of the seven trips that norm and ReLU make otherwise, four are left. */
#include "conv_plan.h"
#include "norm.h"

/* In blocks, pixels side by side. */
static bool in_blocks(socle_in v)
{
    return v->lanes == SOCLE_LANES && (v->dim[3] == 1 || v->stride[3] == SOCLE_LANES) &&
           (v->dim[2] == 1 || v->stride[2] == v->dim[3] * SOCLE_LANES);
}

socle_status cpu_conv_norm_grad(void *self, const socle_conv *conv, socle_epilogue e, const socle_norm *p,
                                const socle_conv_norm *v)
{
    if (!in_blocks(v->y) || !in_blocks(v->dz) || v->x->lanes != SOCLE_LANES ||
        (v->dx != NULL && v->dx->lanes != SOCLE_LANES))
        return SOCLE_ERR_UNSUPPORTED;
    cpu_device *d = self;
    workspace w = workspace_on(d);
    norm_grad_rest norm;
    socle_status s = norm_grad_begin(d, &w, p, v, &norm);
    if (s != SOCLE_OK)
        return workspace_end(&w, s);
    const conv_geometry g = conv_geometry_of(conv, v->x, v->w, v->y);
    s = conv_lanes_grad(d, &g, e, v->dx != NULL ? lane_map_of(v->dx) : (lane_map){ 0 },
                        v->dw != NULL ? view_floats(v->dw) : NULL, v->db != NULL ? view_floats(v->db) : NULL,
                        lane_map_of(v->dz), lane_map_of(v->x), view_floats(v->w), lane_map_of(v->y), &norm);
    return workspace_end(&w, s);
}
