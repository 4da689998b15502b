/* Decoder of a stream packet's payload: adaptive Rice code per channel, explained in
 * faceloop_protocol's reference codec, which gives the same verdict on any bytes.
 *
 * A register holds at least 57 bits from any bit position. A symbol takes at most 40 (fifteen ones
 * and 25 - shift bits), usually five to eight, so several are taken from one load as if they were
 * short, and one by one when it turns out that they were not. What they add up to is worked out for
 * all channels side by side afterwards.
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
    _BitScanReverse64(&i, x | 1);
    return 63 - (int)i;
}
#define RICE_LEADING_ZEROS(x) rice_leading_zeros(x)
#define RICE_SWAP64(x) _byteswap_uint64(x)
#else
#if defined(__LZCNT__)
#define RICE_LEADING_ZEROS(x) ((x) ? __builtin_clzll(x) : 64) /* one instruction */
#else
#define RICE_LEADING_ZEROS(x) __builtin_clzll((x) | 1)
#endif
#define RICE_SWAP64(x) __builtin_bswap64(x)
#endif

/* Counts of neighbouring channels. */
#if defined(__GNUC__)
enum { RICE_WIDTH = 4 };
typedef uint32_t rice_row __attribute__((vector_size(16), aligned(4), may_alias));
#else
enum { RICE_WIDTH = 1 };
typedef uint32_t rice_row;
#endif

enum { RICE_CHANNELS = 8, RICE_K_BITS = 4, RICE_K_RAW = 15, RICE_ESCAPE = 15, RICE_VALID = 57 };
enum { RICE_DECODED, RICE_TOO_SHORT, RICE_OUT_OF_RANGE, RICE_LEFT_OVER };

static inline uint64_t rice_load(const unsigned char *data) {
    uint64_t word;
    memcpy(&word, data, 8);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return word;
#else
    return RICE_SWAP64(word);
#endif
}

/* The bits from ``bit`` on, left-aligned; zeros stand behind the end of the data. */
static inline uint64_t rice_window(const unsigned char *data, int64_t size, int64_t bit) {
    const int64_t first = bit >> 3;
    uint64_t word = 0;
    if (first + 8 <= size) {
        word = rice_load(data + first);
    } else if (size >= 8) {
        if (first < size) word = rice_load(data + size - 8) << (8 * (first + 8 - size));
    } else {
        for (int64_t i = first; i < first + 8; i++)
            word = word << 8 | (i < size ? data[i] : 0);
    }
    return word << (bit & 7);
}

/* Where a channel stands; symbols are put without ``ends``, which all of it share. */
struct rice_channel {
    int k, width;
    uint32_t ends; /* the zero behind a symbol's ones, and k bits: all set */
    uint32_t *out;
};

/* One symbol of any length; its bits. */
static inline int rice_one(struct rice_channel *c, uint64_t word) {
    const int k = c->k, q = RICE_LEADING_ZEROS(~word);
    uint32_t u;
    if (q < RICE_ESCAPE) /* two shifts: one by 64 would be undefined when k is 0 */
        u = (uint32_t)((uint64_t)q << k | word << (q + 1) >> 1 >> (63 - k));
    else
        u = (uint32_t)(word << RICE_ESCAPE >> (63 - c->width));
    *c->out = u - c->ends;
    c->out += RICE_CHANNELS;
    return q < RICE_ESCAPE ? q + 1 + k : RICE_ESCAPE + c->width + 1;
}

/* ``n`` symbols from the first ``valid`` bits of a word: their bits, or 0 and nothing done when one
 * may be long or all together do not fit. A symbol begins three cycles after the one before. */
static inline int rice_some(struct rice_channel *c, uint64_t word, int valid, const int n) {
    const int k = c->k;
    uint64_t turned = ~word; /* ones end a run of zeros */
    int used = n * (k + 1), longest = 0;
    for (int i = 0; i < n; i++) {
        const int q = RICE_LEADING_ZEROS(turned);
        turned <<= q & 63;
        c->out[i * RICE_CHANNELS] = ((uint32_t)q << k) - (uint32_t)(turned >> (63 - k));
        turned <<= k + 1;
        longest |= q; /* as long as the longest, or longer */
        used += q;
    }
    if (longest >= RICE_ESCAPE || used > valid) return 0;
    c->out += n * RICE_CHANNELS;
    return used;
}

/* ``n`` symbols; the bit behind them. */
static inline int64_t rice_symbols(struct rice_channel *c, const unsigned char *data, int64_t size,
                                   int64_t bit, int64_t n) {
    while (n > 0 && bit <= size * 8) {
        const uint64_t word = rice_window(data, size, bit);
        const int valid = 64 - (int)(bit & 7), is_short = c->k <= 4; /* as at rest */
        int m = 1, used = 0;
        if (n >= 8 && is_short)
            used = rice_some(c, word, valid, m = 8);
        else if (n >= 7 && is_short)
            used = rice_some(c, word, valid, m = 7);
        else if (n >= 3)
            used = rice_some(c, word, valid, m = 3);
        if (!used) used = rice_one(c, word), m = 1;
        bit += used;
        n -= m;
    }
    return bit;
}

/* From symbols to counts: running sums, behind the first row, which holds the first values. Tells
 * whether those of the first ``n_channels`` stay in range; the others may hold anything. */
static inline int rice_sum(int32_t *out, int64_t n_frames, const uint32_t *ends, int n_channels,
                           int width, int shift) {
    const uint32_t half = 1u << (width - 1);
    uint32_t beyond[RICE_CHANNELS], any = 0;
    for (int c = 0; c < RICE_CHANNELS; c += RICE_WIDTH) {
        rice_row *row = (rice_row *)(out + c), value = *row, left = value + half;
        const rice_row end = *(const rice_row *)(ends + c);
        *row = value << shift;
        for (int64_t i = 1; i < n_frames; i++) {
            rice_row u;
            row += RICE_CHANNELS / RICE_WIDTH;
            u = *row + end;
            value += u >> 1 ^ -(u & 1); /* even u is u / 2, odd u is -(u + 1) / 2 */
            left |= value + half;
            *row = value << shift;
        }
        *(rice_row *)(beyond + c) = left;
    }
    for (int c = 0; c < n_channels; c++) any |= beyond[c] >> width;
    return !any;
}

/* Decode into ``out`` (n_frames, 8), shifted back to counts of 24 bits. */
static int rice_decode(const unsigned char *data, int64_t size, int64_t n_frames, int shift,
                       int32_t *out) {
    const int width = 24 - shift;
    const uint32_t half = 1u << (width - 1);
    const uint64_t mask = ((uint64_t)1 << width) - 1;
    const int64_t n_bits = size * 8;
    uint32_t ends[RICE_CHANNELS] = {0};
    int64_t bit = 0, left;
    for (int channel = 0; channel < RICE_CHANNELS; channel++) {
        const uint64_t word = rice_window(data, size, bit);
        const int k = (int)(word >> (64 - RICE_K_BITS)), head = RICE_K_BITS + width;
        const int valid = 64 - (int)(bit & 7) - head;
        int64_t n = n_frames - 1;
        uint32_t value = (uint32_t)(word >> (64 - head) & mask);
        struct rice_channel c = {k, width, ((uint32_t)2 << k) - 1,
                                 (uint32_t *)out + RICE_CHANNELS + channel};
        value = (value ^ half) - half;
        out[channel] = (int32_t)value;
        ends[channel] = c.ends;
        bit += head;
        if (k == RICE_K_RAW) {
            for (; n > 0 && bit <= n_bits; n--, c.out += RICE_CHANNELS) {
                const uint32_t before = value;
                value = (uint32_t)(rice_window(data, size, bit) >> (64 - width));
                value = (value ^ half) - half;
                bit += width; /* as if it were a symbol */
                *c.out = ((value - before) << 1 ^ (0u - ((value - before) >> 31))) - c.ends;
            }
        } else {
            if (k <= 4 && n >= 4) { /* a few are in the word already */
                const int used = rice_some(&c, word << head, valid, 4);
                bit += used;
                if (used) n -= 4;
            }
            bit = rice_symbols(&c, data, size, bit, n);
        }
        if (bit > n_bits)
            return rice_sum(out, n_frames, ends, channel, width, shift) ? RICE_TOO_SHORT
                                                                        : RICE_OUT_OF_RANGE;
    }
    if (!rice_sum(out, n_frames, ends, RICE_CHANNELS, width, shift)) return RICE_OUT_OF_RANGE;
    left = n_bits - bit;
    if (left >= 8 || (left && data[size - 1] & ((1 << left) - 1))) return RICE_LEFT_OVER;
    return RICE_DECODED;
}

#endif
