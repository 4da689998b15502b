/* How counts come in: at the rail or not, 24-bit big-endian bytes, Rice-coded packets. */

#ifndef FACELOOP_INPUT_H
#define FACELOOP_INPUT_H

#define RAIL_COUNTS 0x7FFF80 /* 24 bits less the seven that a packet may cut off */

FL_INLINE int fl_is_rail(int32_t x) { return x >= RAIL_COUNTS || x <= -RAIL_COUNTS; }

/* Whether any of n rows of eight counts is at the rail. */
FL_INLINE int fl_any_rail(const int32_t (*x)[LANES], int n) {
#if FL_BYTES == 32
    __m256i highest = _mm256_setzero_si256(), other = highest;
    int i = 0;
    for (; i + 2 <= n; i += 2) {
        const __m256i row = _mm256_loadu_si256((const __m256i *)x[i]);
        const __m256i next = _mm256_loadu_si256((const __m256i *)x[i + 1]);
        highest = _mm256_max_epu32(highest, _mm256_abs_epi32(row));
        other = _mm256_max_epu32(other, _mm256_abs_epi32(next));
    }
    if (i < n)
        highest = _mm256_max_epu32(
            highest, _mm256_abs_epi32(_mm256_loadu_si256((const __m256i *)x[i])));
    highest = _mm256_max_epu32(highest, other);
    highest = _mm256_max_epu32(highest, _mm256_set1_epi32(RAIL_COUNTS - 1));
    return _mm256_movemask_epi8(_mm256_cmpeq_epi32(highest, _mm256_set1_epi32(RAIL_COUNTS - 1))) !=
           -1;
#else
    int32_t found[LANES] = {0};
    for (int i = 0; i < n; i++)
        for (int c = 0; c < LANES; c++)
            found[c] |= (x[i][c] >= RAIL_COUNTS) | (x[i][c] <= -RAIL_COUNTS);
    return (found[0] | found[1] | found[2] | found[3] | found[4] | found[5] | found[6] |
            found[7]) != 0;
#endif
}

FL_INLINE int32_t fl_be24(const unsigned char *p) {
    return (int32_t)((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8) >> 8;
}

/* Unpack n frames from frame ``at`` on, of ``n_source`` in all, into rows of eight. */
FL_INLINE void fl_unpack24(const unsigned char *source, int64_t at, int64_t n_source, int n,
                           int n_channels, int32_t (*x)[LANES]) {
    const unsigned char *p = source + at * 3 * n_channels;
    int i = 0;
#if FL_BYTES == 32
    /* Each half of a register takes the twelve bytes of four channels; a load of the second half
     * reads four bytes into the frame behind it, so the last frame is done below. */
    if (n_channels == LANES) {
        const __m256i order =
            _mm256_setr_epi8(-1, 2, 1, 0, -1, 5, 4, 3, -1, 8, 7, 6, -1, 11, 10, 9, -1, 2, 1, 0, -1,
                             5, 4, 3, -1, 8, 7, 6, -1, 11, 10, 9);
        const int safe = at + n < n_source ? n : n - 1;
        for (; i < safe; i++, p += 24) {
            const __m128i low = _mm_loadu_si128((const __m128i *)p);
            const __m128i high = _mm_loadu_si128((const __m128i *)(p + 12));
            __m256i both = _mm256_inserti128_si256(_mm256_castsi128_si256(low), high, 1);
            both = _mm256_srai_epi32(_mm256_shuffle_epi8(both, order), 8);
            _mm256_store_si256((__m256i *)x[i], both);
        }
    }
#endif
    (void)n_source;
    for (; i < n; i++)
        for (int c = 0; c < n_channels; c++, p += 3) x[i][c] = fl_be24(p);
}

#endif
