/* Everything a program needs. */
#ifndef SOCLE_SOCLE_H
#define SOCLE_SOCLE_H

#include "activations.h"
#include "augment.h"
#include "base.h"
#include "callbacks.h"
#include "ctx.h"
#include "data.h"
#include "finder.h"
#include "init.h"
#include "io.h"
#include "layers.h"
#include "learner.h"
#include "metrics.h"
#include "models.h"
#include "module.h"
#include "ops.h"
#include "optim.h"
#include "plot.h"
#include "predict.h"
#include "schedule.h"
#include "tensor.h"
#include "vision.h"
#include "weights.h"

#endif
