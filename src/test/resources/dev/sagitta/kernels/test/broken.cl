/* Does not compile: the tests of failed builds read the message. */
#include "lib/dialect.h"

kernel void broken_f32(global f32 *x) {
    x[get_global_id(0)] = no_such_function(WIDTH);
}
