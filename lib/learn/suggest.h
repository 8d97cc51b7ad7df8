/* Learning rates that a curve of losses suggests. */
#ifndef LEARN_SUGGEST_H
#define LEARN_SUGGEST_H

#include <stddef.h>

/* Index of the smallest loss; n where none is finite. */
size_t suggest_lowest(const float *loss, size_t n);
/* The rate of the steepest fall before the smallest loss: of means of five neighbours, by the logarithm of the
 * rate. NaN where the loss never falls or there are too few. */
double suggest_steep(const float *lr, const float *loss, size_t n);

#endif
