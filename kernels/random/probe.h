/* Probe vectors over the parameters of a network, drawn for all of them by one launch. The work is cut into chunks of 32 elements of one parameter of one
   probe, so that no chunk has two keys: parameter l has ceil(elements / 32) of them for each probe, those of a parameter's probes one after another. */
#ifndef SG_RANDOM_PROBE_H
#define SG_RANDOM_PROBE_H
#include "lib/dialect.h"

/* The parameter that has a chunk: the last whose chunks start at or before it. segments: [count, 4], the last column chunks of one vector before. */
SG_FN i64 sg_probe_segment(const SG_GLOBAL i64 *segments, i64 count, i64 probes, i64 chunk) {
    i64 l = 0;
    for (i64 beyond = count; l + 1 < beyond;) {
        i64 middle = (l + beyond) / 2;
        if (probes * segments[4 * middle + 3] <= chunk) l = middle;
        else beyond = middle;
    }
    return l;
}

#endif
