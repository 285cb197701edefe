/* What the texts of norm/channel_norm share: kinds of sums, places of terms, uses of a mask. */
#ifndef SG_NORM_CHANNEL_NORM_H
#define SG_NORM_CHANNEL_NORM_H

/* Places of a channel's sums: of u, of u (x - mean) r, of v z, of squares. */
#define CHANNEL_SUMS_OF 4
/* Of u - shift and its square, the shift the first row of the segment. */
#define CHANNEL_SPREAD 0
/* Of u and u (x - mean) r. */
#define CHANNEL_BOTH 1
/* The same and of v z. */
#define CHANNEL_PAIRS 2
/* Of v z and v v. */
#define CHANNEL_SQUARES 3

/* Factors of u, v, z and x - mean, and what is added. */
#define CHANNEL_TERMS 5

/* The result's sign goes to the mask, and what is negative becomes 0. */
#define CHANNEL_WRITE_MASK 1
/* u and z count where the mask is set. */
#define CHANNEL_MASK_COTANGENTS 2
/* The result is 0 where the mask is not set. */
#define CHANNEL_MASK_RESULT 4

#endif
