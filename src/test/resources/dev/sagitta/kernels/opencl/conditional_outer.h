/* For KernelTextTest. */
#ifndef SG_CONDITIONAL_OUTER_H
#define SG_CONDITIONAL_OUTER_H
#include "opencl/conditional_inner.h"
#endif
