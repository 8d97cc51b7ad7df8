/* A raster at another size. */
#ifndef PLOT_RASTER_H
#define PLOT_RASTER_H

#include "figure.h"

/* The raster seen through a grid of rows x columns cells, row 0 on top: the mean of the finite values under cell (i, j), or
 * the value it lies in where cells are the smaller. As a share of low to high, [0, 1]; NaN where there is no value. */
double raster_share(const raster *r, size_t channel, size_t rows, size_t columns, size_t i, size_t j);

#endif
