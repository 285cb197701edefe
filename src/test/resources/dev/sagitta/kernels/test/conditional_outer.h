/* For KernelTextTest. */
#ifndef SG_CONDITIONAL_OUTER_H
#define SG_CONDITIONAL_OUTER_H
#include "test/conditional_inner.h"
#endif
