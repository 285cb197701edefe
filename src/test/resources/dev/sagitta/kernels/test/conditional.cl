/* For KernelTextTest: a header that is included in a branch which is not taken, and then again for certain. */
#ifdef SG_NEVER_DEFINED
#include "test/conditional_outer.h"
#endif
#include "test/conditional_inner.h"
#include "test/conditional_inner.h"
kernel void conditional(global f32 *y) { y[get_global_id(0)] = INNER; }
