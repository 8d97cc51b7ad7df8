/* Kernels of kernels_pool.h: a vector holds the same pixel of VW images, so that windows of any size and
 * position are plain vertical arithmetic. Backward of max compares where forward would scatter: every window
 * adds its gradient to the pixel whose number is the stored one, and 0 to the others. */
#include "kernels_pool.h"
#include "simd.h"

enum { POOL_LANES = 16 };

INLINE void pool_max_pixel(const cpu_pool_block *p, int32_t i, int32_t j, int lane, bool indexed)
{
    const cpu_window r = p->rows[i], c = p->cols[j];
    vf best = vf_load(p->x + r.from * p->xh + c.from * p->xw + lane);
    vi place = vi_set(r.from * p->width + c.from);
    for (int32_t h = r.from; h < r.to; h++)
        for (int32_t w = c.from; w < c.to; w++) {
            vf v = vf_load(p->x + h * p->xh + w * p->xw + lane);
            vi better = v > best;
            better |= (v != v) & (best == best);
            best = vf_select(better, v, best);
            if (indexed)
                place = vi_select(better, vi_set(h * p->width + w), place);
        }
    vf_store(p->y + i * p->yh + j * p->yw + lane, best);
    if (indexed)
        vi_store(p->index + i * p->ih + j * p->iw + lane, place);
}

static void pool_max(const cpu_pool_block *p)
{
    for (int32_t i = 0; i < p->ho; i++)
        for (int32_t j = 0; j < p->wo; j++)
            for (int lane = 0; lane < POOL_LANES; lane += VW) {
                if (p->index)
                    pool_max_pixel(p, i, j, lane, true);
                else
                    pool_max_pixel(p, i, j, lane, false);
            }
}

static void pool_average(const cpu_pool_block *p)
{
    for (int32_t i = 0; i < p->ho; i++)
        for (int32_t j = 0; j < p->wo; j++)
            for (int lane = 0; lane < POOL_LANES; lane += VW) {
                const cpu_window r = p->rows[i], c = p->cols[j];
                vf sum = vf_set(0.0f);
                for (int32_t h = r.from; h < r.to; h++)
                    for (int32_t w = c.from; w < c.to; w++)
                        sum += vf_load(p->x + h * p->xh + w * p->xw + lane);
                vf_store(p->y + i * p->yh + j * p->yw + lane, sum / vf_set((float)r.counted * (float)c.counted));
            }
}

static void pool_clear(const cpu_pool_block *p)
{
    for (int32_t h = 0; h < p->height; h++)
        for (int32_t w = 0; w < p->width; w++)
            for (int lane = 0; lane < POOL_LANES; lane += VW)
                vf_store(p->dx + h * p->xh + w * p->xw + lane, vf_set(0.0f));
}

static void pool_max_grad(const cpu_pool_block *p)
{
    if (!p->add)
        pool_clear(p);
    for (int32_t i = 0; i < p->ho; i++)
        for (int32_t j = 0; j < p->wo; j++)
            for (int lane = 0; lane < POOL_LANES; lane += VW) {
                const cpu_window r = p->rows[i], c = p->cols[j];
                vf g = vf_load(p->dy + i * p->yh + j * p->yw + lane);
                vi place = vi_load(p->index + i * p->ih + j * p->iw + lane);
                for (int32_t h = r.from; h < r.to; h++)
                    for (int32_t w = c.from; w < c.to; w++) {
                        float *dx = p->dx + h * p->xh + w * p->xw + lane;
                        vf here = vf_select(place == vi_set(h * p->width + w), g, vf_set(0.0f));
                        vf_store(dx, vf_load(dx) + here);
                    }
            }
}

static void pool_average_grad(const cpu_pool_block *p)
{
    if (!p->add)
        pool_clear(p);
    for (int32_t i = 0; i < p->ho; i++)
        for (int32_t j = 0; j < p->wo; j++)
            for (int lane = 0; lane < POOL_LANES; lane += VW) {
                const cpu_window r = p->rows[i], c = p->cols[j];
                vf g = vf_load(p->dy + i * p->yh + j * p->yw + lane);
                g /= vf_set((float)r.counted * (float)c.counted);
                for (int32_t h = r.from; h < r.to; h++)
                    for (int32_t w = c.from; w < c.to; w++) {
                        float *dx = p->dx + h * p->xh + w * p->xw + lane;
                        vf_store(dx, vf_load(dx) + g);
                    }
            }
}

static const struct cpu_pool_kernels pool_kernels = {
    .max = pool_max,
    .average = pool_average,
    .max_grad = pool_max_grad,
    .average_grad = pool_average_grad,
};
