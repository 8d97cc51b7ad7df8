/* The reference in float: the device "ref". Elementwise functions round every operation to float; whatever adds up
 * does so in double and rounds once. */
#include <float.h>
#include <math.h>

typedef float real;
#define REAL_TYPE SOCLE_F32
#define R(x)      ((float)(x))
#define R_MAX     fmaxf
#define R_ABS     fabsf
#define R_EXP     expf
#define R_LOG     logf
#define R_SQRT    sqrtf
#define R_TANH    tanhf
#define R_CDF(x)  (0.5f * erfcf((x) * -0.70710678f))

#define TABLE      socle_backend_ref
#define TABLE_NAME "ref"
#define TABLE_CAPS "scalar reference in float"

#include "body_table.h"
