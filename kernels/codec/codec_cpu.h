/* What the texts of codes for CPU devices share: sixteen codes at a time out of memory. */
#ifndef SG_CODEC_CODEC_CPU_H
#define SG_CODEC_CODEC_CPU_H
#include "lib/cpu/pieces.h"

/* Sixteen codes from 2 bits bytes. */
SG_SPECIAL uint16 codec_get16(const i32 bits, const global u8 *at) {
    if (bits == 8) return sg_convert(vload16(0, at), uint16);
    if (bits == 4) {
        ulong8 pairs = sg_convert(vload8(0, at), ulong8);
        return as_uint16((pairs | pairs << 28) & 0x0000000F0000000Ful);
    }
    const uint16 lane = (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    if (bits == 2) return ((uint16)(*(const global u32 *)at) >> lane * 2u) & 3u;
    return ((uint16)((u32) * (const global u16 *)at) >> lane) & 1u;
}

#endif
