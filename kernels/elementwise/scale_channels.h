/* What the texts of elementwise/scale_channels share. */
#ifndef SG_ELEMENTWISE_SCALE_CHANNELS_H
#define SG_ELEMENTWISE_SCALE_CHANNELS_H
#include "lib/dialect.h"

/* Channels that a work-group of a GPU sums side by side. */
#define CHANNEL_DOTS_TILE 32

/* Where copy k of an operand of n elements begins: at its front if all copies share it. */
SG_FN i64 channels_of(i32 copied, i32 operand, i64 k, i64 n) { return (copied >> operand & 1) ? k * n : 0; }

#endif
