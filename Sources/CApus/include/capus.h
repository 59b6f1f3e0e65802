// CApus: everything that Swift may call. One header a family of operations; each says what it
// computes.
#ifndef CAPUS_H
#define CAPUS_H

#include "capus/base.h"
#include "capus/threads.h"
#include "capus/peak.h"
#include "capus/memory.h"
#include "capus/elementwise.h"
#include "capus/random.h"
#include "capus/reduce.h"
#include "capus/index.h"
#include "capus/matmul.h"
#include "capus/linalg.h"
#include "capus/conv2d.h"
#include "capus/pool2d.h"
#include "capus/resample.h"
#include "capus/attention.h"
#include "capus/rope.h"
#include "capus/cache.h"
#include "capus/softmax.h"
#include "capus/normalize.h"
#include "capus/cross_entropy.h"
#include "capus/optimiser.h"
#include "capus/quantized.h"
#include "capus/opencl.h"

#endif
