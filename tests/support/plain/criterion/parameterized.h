/* Parameterised tests are part of criterion.h here. */
#include "criterion.h"
