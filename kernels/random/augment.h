/* Where the pixels of an augmented image come from, by its number in the batch: the words of Philox block `image` give
     word 0   top bit: turned left to right, where `flip`
     word 1   rows down: -padding to padding, floor(word (2 padding + 1) 2^-32) - padding
     word 2   columns to the right, in the same way
   y[r, c] = x[r + row, first + step c], or 0 beyond the image: shifted, then turned. The transpose of that is of the same kind. */
#ifndef SG_RANDOM_AUGMENT_H
#define SG_RANDOM_AUGMENT_H
#include "lib/philox.h"

typedef struct {
    i32 row, first, step;
} sg_move;

SG_FN i32 sg_shift(u32 word, i32 padding) { return (i32)(((u64)word * (u64)(2 * padding + 1)) >> 32) - padding; }

SG_FN void sg_augment_move(sg_random_key key, i64 image, i32 flip, i32 padding, i32 transposed, i32 width, sg_move *move) {
    sg_philox_words words = sg_philox(key, image);
    i32 turned = flip && (words.x >> 31);
    move->row = sg_shift(words.y, padding);
    move->step = turned ? -1 : 1;
    move->first = sg_shift(words.z, padding) + (turned ? width - 1 : 0);
    if (transposed) {
        move->row = -move->row;
        move->first = -move->step * move->first;
    }
}
#endif
