/* The kernel in both number types: float for the stream, double to verify it. */

#ifndef FACELOOP_KERNEL_H
#define FACELOOP_KERNEL_H

#define REAL float
#define REAL_SUFFIX f32
#define REAL_IS_DOUBLE 0
#include "_vec.h"
#include "_input.h"
#include "_bands.h"
#include "_features.h"
#include "_line.h"
#include "_hunt.h"
#include "_paths.h"
#include "_alert.h"
#include "_chain.h"
#include "_cascade.h"
#undef REAL
#undef REAL_SUFFIX
#undef REAL_IS_DOUBLE

#define REAL double
#define REAL_SUFFIX f64
#define REAL_IS_DOUBLE 1
#include "_vec.h"
#include "_bands.h"
#include "_features.h"
#include "_line.h"
#include "_hunt.h"
#include "_paths.h"
#include "_alert.h"
#include "_chain.h"
#include "_cascade.h"

#endif
