/* The reference in double: the device "ref64", against which every other device and every gradient is judged. */
#include <float.h>
#include <math.h>

typedef double real;
#define REAL_TYPE SOCLE_F64
#define R(x)      ((double)(x))
#define R_MAX     fmax
#define R_ABS     fabs
#define R_EXP     exp
#define R_LOG     log
#define R_SQRT    sqrt
#define R_TANH    tanh
#define R_CDF(x)  (0.5 * erfc((x) * -0.70710678118654752))

#define TABLE      socle_backend_ref64
#define TABLE_NAME "ref64"
#define TABLE_CAPS "scalar reference in double"

#include "body_table.h"
