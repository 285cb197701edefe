/* How constants are written, for the test of KernelText.defaults. */
#ifndef TILE
#define TILE 16 /* rows of a tile */
#endif
#ifndef WIDE
#define WIDE (2 * TILE)  // two tiles
#endif
#ifndef GUARD_H
#define GUARD_H
#endif
#define NOT_A_CONSTANT 3
