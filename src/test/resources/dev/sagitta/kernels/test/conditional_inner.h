/* For KernelTextTest: includes what includes it. */
#ifndef SG_CONDITIONAL_INNER_H
#define SG_CONDITIONAL_INNER_H
#include "lib/dialect.h"
#include "test/conditional_outer.h"
#define INNER 3.0f
#endif
