/* Decoder of a stream packet's payload: adaptive Rice code per channel, explained in
 * faceloop_protocol's reference codec, which gives the same verdict on any bytes.
 *
 * A register holds at least 57 bits from any bit position. A symbol takes at most 40 (fifteen ones
 * and 25 - shift bits), usually five to eight, so six are taken from one load as if they were short,
 * and one by one when it turns out that they were not.
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
    _BitScanReverse64(&i, x);
    return 63 - (int)i;
}
#define RICE_LEADING_ZEROS(x) rice_leading_zeros(x)
#define RICE_SWAP64(x) _byteswap_uint64(x)
#else
#define RICE_LEADING_ZEROS(x) __builtin_clzll(x) /* x is not 0 */
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

/* Where a channel stands. */
struct rice_channel {
    int k, width, shift;
    uint32_t value, half, beyond; /* beyond: bits of values out of range */
    int32_t *out;
};

static inline void rice_put(struct rice_channel *c, uint64_t u) {
    /* Unfolded without a branch: even u is u / 2, odd u is -(u + 1) / 2. */
    c->value += (uint32_t)(u >> 1) ^ (0u - (uint32_t)(u & 1));
    c->beyond |= (c->value + c->half) >> c->width;
    *c->out = (int32_t)(c->value << c->shift);
    c->out += RICE_CHANNELS;
}

/* One symbol, of any length; its bits. */
static inline int rice_one(struct rice_channel *c, uint64_t word) {
    const int k = c->k, q = RICE_LEADING_ZEROS(~word | 1);
    if (q < RICE_ESCAPE) { /* two shifts: one by 64 would be undefined when k is 0 */
        rice_put(c, (uint64_t)q << k | word << (q + 1) >> 1 >> (63 - k));
        return q + 1 + k;
    }
    rice_put(c, word << RICE_ESCAPE >> (63 - c->width));
    return RICE_ESCAPE + c->width + 1;
}

/* ``n`` symbols from one load: their bits, or 0 and nothing done when one is long or all together
 * do not fit. Written so that a symbol begins three cycles after the one before. */
static inline int rice_some(struct rice_channel *c, uint64_t word, const int n) {
    const int k = c->k;
    uint64_t turned = ~word, u[8]; /* ones end a run of zeros */
    int used = 0, longest = 0;
    for (int i = 0; i < n; i++) {
        const int q = RICE_LEADING_ZEROS(turned | 1), length = (q + 1 + k) & 63;
        u[i] = (uint64_t)q << k | ~turned << ((q + 1) & 63) >> 1 >> (63 - k);
        turned <<= length;
        longest |= q + 1; /* 16 or more: an escape */
        used += length;
    }
    if (longest > RICE_ESCAPE || used > RICE_VALID) return 0;
    for (int i = 0; i < n; i++) rice_put(c, u[i]);
    return used;
}

/* All symbols of a channel but the first; the bit behind them. */
static inline int64_t rice_symbols(struct rice_channel *c, const unsigned char *data, int64_t size,
                                   int64_t bit, int64_t n, const int at_once) {
    while (n > 0 && bit <= size * 8) {
        const uint64_t word = rice_window(data, size, bit);
        const int used = n >= at_once ? rice_some(c, word, at_once) : 0;
        if (used) {
            bit += used;
            n -= at_once;
        } else {
            bit += rice_one(c, word);
            n--;
        }
    }
    return bit;
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
        const uint64_t word = rice_window(data, size, bit);
        const int k = (int)(word >> (64 - RICE_K_BITS));
        uint32_t value = (uint32_t)((word >> (64 - RICE_K_BITS - width)) & mask);
        value = (value ^ half) - half;
        out[channel] = (int32_t)(value << shift);
        bit += RICE_K_BITS + width;
        if (k == RICE_K_RAW) {
            for (int64_t i = 1; i < n_frames; i++) {
                value = (uint32_t)(rice_window(data, size, bit) >> (64 - width));
                value = (value ^ half) - half;
                bit += width;
                if (bit > n_bits) return RICE_TOO_SHORT;
                out[i * RICE_CHANNELS + channel] = (int32_t)(value << shift);
            }
        } else {
            struct rice_channel c = {k, width, shift, value, half, 0,
                                     out + RICE_CHANNELS + channel};
            if (k <= 6) /* as at rest; a symbol is rarely longer than k + 3 */
                bit = rice_symbols(&c, data, size, bit, n_frames - 1, 6);
            else
                bit = rice_symbols(&c, data, size, bit, n_frames - 1, 3);
            if (bit <= n_bits && c.beyond) return RICE_OUT_OF_RANGE;
        }
        if (bit > n_bits) return RICE_TOO_SHORT;
    }
    left = n_bits - bit;
    if (left >= 8 || (left && data[size - 1] & ((1 << left) - 1))) return RICE_LEFT_OVER;
    return RICE_DECODED;
}

#endif
