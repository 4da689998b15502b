/* Decoder of a stream packet's payload: adaptive Rice code per channel, explained in
 * faceloop_protocol's reference codec, which gives the same verdict on any bytes.
 *
 * A register holds at least 57 bits from any bit position. A symbol takes at most 40 (fifteen ones
 * and 25 - shift bits), usually five to eight, so several are taken from one load.
 */

#ifndef FACELOOP_RICE_H
#define FACELOOP_RICE_H

#include <stdint.h>
#include <string.h>

#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#include <stdlib.h>
static __inline int rice_leading_zeros(uint64_t x) {
    unsigned long i;
    return _BitScanReverse64(&i, x) ? 63 - (int)i : 64;
}
#define RICE_SWAP64(x) _byteswap_uint64(x)
#else
static inline int rice_leading_zeros(uint64_t x) { return x ? __builtin_clzll(x) : 64; }
#define RICE_SWAP64(x) __builtin_bswap64(x)
#endif

enum { RICE_CHANNELS = 8, RICE_K_BITS = 4, RICE_K_RAW = 15, RICE_ESCAPE = 15, RICE_VALID = 57 };
enum { RICE_DECODED, RICE_TOO_SHORT, RICE_OUT_OF_RANGE, RICE_LEFT_OVER };

/* The bits from ``bit`` on, left-aligned; zeros stand behind the end of the data. */
static inline uint64_t rice_window(const unsigned char *data, int64_t size, int64_t bit) {
    const int64_t first = bit >> 3;
    uint64_t word = 0;
    if (first + 8 <= size) {
        memcpy(&word, data + first, 8);
#if !(defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
        word = RICE_SWAP64(word);
#endif
    } else {
        for (int64_t i = first; i < first + 8; i++)
            word = word << 8 | (i < size ? data[i] : 0);
    }
    return word << (bit & 7);
}

/* Decode into ``out`` (n_frames, 8), shifted back to counts of 24 bits. */
static int rice_decode(const unsigned char *data, int64_t size, int64_t n_frames, int shift,
                       int32_t *out) {
    const int width = 24 - shift;
    const uint32_t half = 1u << (width - 1);
    const uint64_t mask = ((uint64_t)1 << width) - 1;
    const int64_t n_bits = size * 8;
    int64_t bit = 0, left;
    for (int channel = 0; channel < RICE_CHANNELS; channel++) {
        uint64_t word = rice_window(data, size, bit);
        const int k = (int)(word >> (64 - RICE_K_BITS));
        uint32_t value = (uint32_t)((word >> (64 - RICE_K_BITS - width)) & mask);
        uint32_t beyond = 0; /* bits of values out of range */
        int used = RICE_K_BITS + width;
        value = (value ^ half) - half;
        out[channel] = (int32_t)(value << shift);
        if (k == RICE_K_RAW) {
            bit += used;
            for (int64_t i = 1; i < n_frames; i++) {
                value = (uint32_t)(rice_window(data, size, bit) >> (64 - width));
                value = (value ^ half) - half;
                bit += width;
                if (bit > n_bits) return RICE_TOO_SHORT;
                out[i * RICE_CHANNELS + channel] = (int32_t)(value << shift);
            }
            if (bit > n_bits) return RICE_TOO_SHORT;
            continue;
        }
        word <<= used;
        for (int64_t i = 1; i < n_frames; i++) {
            int q = rice_leading_zeros(~word);
            int length = q < RICE_ESCAPE ? q + 1 + k : RICE_ESCAPE + width + 1;
            uint64_t u;
            if (used + length > RICE_VALID) {
                bit += used;
                if (bit > n_bits) return RICE_TOO_SHORT;
                used = 0;
                word = rice_window(data, size, bit);
                q = rice_leading_zeros(~word);
                length = q < RICE_ESCAPE ? q + 1 + k : RICE_ESCAPE + width + 1;
            }
            if (q < RICE_ESCAPE) /* two shifts: one by 64 would be undefined when k is 0 */
                u = (uint64_t)q << k | word << (q + 1) >> 1 >> (63 - k);
            else
                u = word << RICE_ESCAPE >> (63 - width);
            word <<= length;
            used += length;
            /* Unfolded without a branch: even u is u / 2, odd u is -(u + 1) / 2. */
            value += (uint32_t)(u >> 1) ^ (0u - (uint32_t)(u & 1));
            beyond |= (value + half) >> width;
            out[i * RICE_CHANNELS + channel] = (int32_t)(value << shift);
        }
        bit += used;
        if (bit > n_bits) return RICE_TOO_SHORT;
        if (beyond) return RICE_OUT_OF_RANGE;
    }
    left = n_bits - bit;
    if (left >= 8 || (left && data[size - 1] & ((1 << left) - 1))) return RICE_LEFT_OVER;
    return RICE_DECODED;
}

#endif
