/* Vectors of one number type, and the few operations that C has no operator for.
 *
 * Included once for float and once for double (REAL is set, no include guard): FL(name) becomes
 * name_f32 or name_f64. A vector is 32 bytes where the compiler may use AVX2, else 16: wider types
 * than the machine has are lowered almost to scalar code. With FACELOOP_SCALAR, or a compiler
 * without vector extensions, a vector is one number.
 *
 * A multiply-add is written fma() wherever one is meant, and the compiler is kept from making
 * others (-ffp-contract=off): a sample gives the same bits whichever loop it passes through.
 */

#define FL_JOIN2(name, suffix) name##_##suffix
#define FL_JOIN(name, suffix) FL_JOIN2(name, suffix)
#define FL(name) FL_JOIN(name, REAL_SUFFIX)
#define VEC FL(vec)
#define MASK FL(mask)
#define LANES 8 /* channels of a frame; unused ones are fed zeros */
#define ROW REAL ALIGNED /* arrays over LANES, to be read as vectors */

#ifndef FACELOOP_VEC_ONCE
#define FACELOOP_VEC_ONCE
#include <math.h>
#include <stdint.h>
#include <string.h>

#if !defined(__GNUC__) && !defined(FACELOOP_SCALAR)
#define FACELOOP_SCALAR
#endif
#if defined(FACELOOP_SCALAR)
#define FL_BYTES 0
#elif defined(__AVX2__) && defined(__FMA__)
#include <immintrin.h>
#define FL_BYTES 32
#else
#define FL_BYTES 16
#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON) && defined(__aarch64__)
#include <arm_neon.h>
#endif
#endif

/* Before a loop whose filters pass their memory on: in pairs of frames nothing is copied. Four at a
 * time are slower by a sixth, as the whole chain then leaves the processor's cache of decoded
 * instructions. */
#if defined(__GNUC__) && !defined(__clang__)
#define FL_UNROLL _Pragma("GCC unroll 2")
#else
#define FL_UNROLL
#endif

#if defined(__GNUC__)
#define FL_INLINE static inline __attribute__((always_inline))
#define FL_OUTLINE static __attribute__((noinline))
#define FL_LIKELY(x) __builtin_expect(!!(x), 1)
#define ALIGNED __attribute__((aligned(32)))
#else
#define FL_INLINE static inline
#define FL_OUTLINE static
#define FL_LIKELY(x) (x)
#define ALIGNED
#endif

/* The checked build stops at an index out of range; arrays in structures are watched by
 * -fsanitize=bounds, pointers here. */
#if defined(FACELOOP_CHECKED)
#include <stdio.h>
#include <stdlib.h>
#define FL_CHECK(x) \
    do { \
        if (!(x)) { \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #x); \
            abort(); \
        } \
    } while (0)
#else
#define FL_CHECK(x) ((void)0)
#endif

/* Digital silence decays into denormal numbers, which are 2-4 times slower: flush them. */
#if !defined(FACELOOP_SCALAR) && defined(__SSE2__)
FL_INLINE unsigned int fl_flush(void) {
    unsigned int before = _mm_getcsr();
    _mm_setcsr(before | 0x8040u);
    return before;
}
FL_INLINE void fl_unflush(unsigned int before) { _mm_setcsr(before); }
#elif defined(__aarch64__) && defined(__GNUC__)
FL_INLINE unsigned int fl_flush(void) {
    uint64_t before, flushing;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    flushing = before | (1u << 24);
    __asm__ volatile("msr fpcr, %0" : : "r"(flushing));
    return (unsigned int)before;
}
FL_INLINE void fl_unflush(unsigned int before) {
    uint64_t value = before;
    __asm__ volatile("msr fpcr, %0" : : "r"(value));
}
#else
FL_INLINE unsigned int fl_flush(void) { return 0; }
FL_INLINE void fl_unflush(unsigned int before) { (void)before; }
#endif
#endif /* FACELOOP_VEC_ONCE */

#undef REAL_BITS
#undef INTEGER
#if REAL_IS_DOUBLE
#define REAL_BITS 64
#define INTEGER int64_t
#else
#define REAL_BITS 32
#define INTEGER int32_t
#endif

#undef WIDTH
#if defined(FACELOOP_SCALAR)
#define WIDTH 1
typedef REAL VEC;
typedef REAL FL(vec_any);      /* at any address */
typedef INTEGER MASK;
typedef int32_t FL(counts);    /* the converter's 32-bit counts */
#define FL_CONVERT(x) ((REAL)(x))
#define FL_TRUNCATE(x) ((int32_t)(x))
#define FL_CONVERT_COUNTS(x) ((REAL)(x))
#else
#define WIDTH (FL_BYTES * 8 / REAL_BITS)
typedef REAL VEC __attribute__((vector_size(FL_BYTES), may_alias));
typedef REAL FL(vec_any) __attribute__((vector_size(FL_BYTES), aligned(4), may_alias));
typedef INTEGER MASK __attribute__((vector_size(FL_BYTES), may_alias));
typedef int32_t FL(counts) __attribute__((vector_size(4 * WIDTH), aligned(4), may_alias));
#endif

/* Vector number ``group`` of an array over LANES. */
#define AT(array, group) (((VEC *)(array))[group])
#define ANY(array, group) (((FL(vec_any) *)(array))[group]) /* where it need not be aligned */
#define GROUPS (LANES / WIDTH)

FL_INLINE VEC FL(all)(REAL x) {
#if defined(FACELOOP_SCALAR)
    return x;
#else
    VEC zero = {0};
    return x - zero; /* zero + x would be an addition: it turns -0 into 0 */
#endif
}

FL_INLINE VEC FL(from_counts)(FL(counts) x) {
#if defined(FACELOOP_SCALAR)
    return (REAL)x;
#elif FL_BYTES == 32 && !REAL_IS_DOUBLE
    return (VEC)_mm256_cvtepi32_ps((__m256i)x);
#else
    return __builtin_convertvector(x, VEC);
#endif
}

/* Of numbers between 0 and 2^31: the whole part. */
FL_INLINE VEC FL(whole)(VEC x) {
#if defined(FACELOOP_SCALAR)
    return (REAL)(int32_t)x;
#elif FL_BYTES == 32 && !REAL_IS_DOUBLE
    return (VEC)_mm256_cvtepi32_ps(_mm256_cvttps_epi32((__m256)x));
#else
    return __builtin_convertvector(__builtin_convertvector(x, FL(counts)), VEC);
#endif
}

/* For a few rows; the compiler would call memset or memcpy, which take longer to begin. */
FL_INLINE void FL(zero)(REAL *rows, int n_rows) {
    for (int i = 0; i < n_rows * GROUPS; i++) AT(rows, i) = FL(all)(0);
}
FL_INLINE void FL(copy)(REAL *to, const REAL *from, int n_rows) {
    for (int i = 0; i < n_rows * GROUPS; i++) AT(to, i) = AT(from, i);
}

/* a b + c, rounded once where the machine can */
FL_INLINE VEC FL(fma)(VEC a, VEC b, VEC c) {
#if FL_BYTES == 32 && REAL_IS_DOUBLE
    return (VEC)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif FL_BYTES == 32
    return (VEC)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif FL_BYTES == 16 && defined(__aarch64__) && defined(__ARM_NEON) && REAL_IS_DOUBLE
    return (VEC)vfmaq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#elif FL_BYTES == 16 && defined(__aarch64__) && defined(__ARM_NEON)
    return (VEC)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return a * b + c;
#endif
}

/* The same of numbers, for loops that the compiler makes vectors of. */
FL_INLINE REAL FL(fma1)(REAL a, REAL b, REAL c) {
#if FL_BYTES == 32 && REAL_IS_DOUBLE
    return __builtin_fma(a, b, c);
#elif FL_BYTES == 32
    return __builtin_fmaf(a, b, c);
#else
    return a * b + c;
#endif
}

/* c - a b */
FL_INLINE VEC FL(nfma)(VEC a, VEC b, VEC c) {
#if FL_BYTES == 32 && REAL_IS_DOUBLE
    return (VEC)_mm256_fnmadd_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif FL_BYTES == 32
    return (VEC)_mm256_fnmadd_ps((__m256)a, (__m256)b, (__m256)c);
#elif FL_BYTES == 16 && defined(__aarch64__) && defined(__ARM_NEON) && REAL_IS_DOUBLE
    return (VEC)vfmsq_f64((float64x2_t)c, (float64x2_t)a, (float64x2_t)b);
#elif FL_BYTES == 16 && defined(__aarch64__) && defined(__ARM_NEON)
    return (VEC)vfmsq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#else
    return c - a * b;
#endif
}

/* -a b - c */
FL_INLINE VEC FL(nfms)(VEC a, VEC b, VEC c) {
#if FL_BYTES == 32 && REAL_IS_DOUBLE
    return (VEC)_mm256_fnmsub_pd((__m256d)a, (__m256d)b, (__m256d)c);
#elif FL_BYTES == 32
    return (VEC)_mm256_fnmsub_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return -FL(fma)(a, b, c);
#endif
}

/* Where ``m`` is all ones a, where it is zero b. */
FL_INLINE VEC FL(select)(MASK m, VEC a, VEC b) {
#if defined(FACELOOP_SCALAR)
    return m ? a : b;
#elif FL_BYTES == 32 && REAL_IS_DOUBLE
    return (VEC)_mm256_blendv_pd((__m256d)b, (__m256d)a, (__m256d)m);
#elif FL_BYTES == 32
    return (VEC)_mm256_blendv_ps((__m256)b, (__m256)a, (__m256)m);
#else
    return (VEC)(((MASK)a & m) | ((MASK)b & ~m));
#endif
}

FL_INLINE VEC FL(min)(VEC a, VEC b) {
#if FL_BYTES == 32 && REAL_IS_DOUBLE
    return (VEC)_mm256_min_pd((__m256d)a, (__m256d)b);
#elif FL_BYTES == 32
    return (VEC)_mm256_min_ps((__m256)a, (__m256)b);
#elif FL_BYTES == 16 && defined(__SSE2__) && REAL_IS_DOUBLE
    return (VEC)_mm_min_pd((__m128d)a, (__m128d)b);
#elif FL_BYTES == 16 && defined(__SSE2__)
    return (VEC)_mm_min_ps((__m128)a, (__m128)b);
#else
    return FL(select)((MASK)(a < b), a, b);
#endif
}

FL_INLINE VEC FL(max)(VEC a, VEC b) {
#if FL_BYTES == 32 && REAL_IS_DOUBLE
    return (VEC)_mm256_max_pd((__m256d)a, (__m256d)b);
#elif FL_BYTES == 32
    return (VEC)_mm256_max_ps((__m256)a, (__m256)b);
#elif FL_BYTES == 16 && defined(__SSE2__) && REAL_IS_DOUBLE
    return (VEC)_mm_max_pd((__m128d)a, (__m128d)b);
#elif FL_BYTES == 16 && defined(__SSE2__)
    return (VEC)_mm_max_ps((__m128)a, (__m128)b);
#else
    return FL(select)((MASK)(a > b), a, b);
#endif
}

FL_INLINE VEC FL(abs)(VEC a) {
#if defined(FACELOOP_SCALAR)
    return a < 0 ? -a : a;
#else
    const INTEGER sign = (INTEGER)((uint64_t)1 << (REAL_BITS - 1));
    MASK m = {0};
    m = ~(m + sign);
    return (VEC)((MASK)a & m);
#endif
}

FL_INLINE VEC FL(sqrt)(VEC a) {
#if FL_BYTES == 32 && REAL_IS_DOUBLE
    return (VEC)_mm256_sqrt_pd((__m256d)a);
#elif FL_BYTES == 32
    return (VEC)_mm256_sqrt_ps((__m256)a);
#elif FL_BYTES == 16 && defined(__SSE2__) && REAL_IS_DOUBLE
    return (VEC)_mm_sqrt_pd((__m128d)a);
#elif FL_BYTES == 16 && defined(__SSE2__)
    return (VEC)_mm_sqrt_ps((__m128)a);
#elif defined(FACELOOP_SCALAR)
    return (REAL)sqrt((double)a);
#else
    VEC root;
    for (int i = 0; i < WIDTH; i++) root[i] = (REAL)sqrt((double)a[i]);
    return root;
#endif
}

/* The sum of all lanes. */
FL_INLINE double FL(total)(VEC a) {
    REAL r[WIDTH];
    ANY(r, 0) = a;
    for (int half = WIDTH / 2; half; half /= 2)
        for (int i = 0; i < half; i++) r[i] += r[i + half];
    return (double)r[0];
}

/* One bit per lane that is all ones. */
FL_INLINE int FL(bits)(MASK m) {
#if defined(FACELOOP_SCALAR)
    return m != 0;
#elif FL_BYTES == 32 && REAL_IS_DOUBLE
    return _mm256_movemask_pd((__m256d)m);
#elif FL_BYTES == 32
    return _mm256_movemask_ps((__m256)m);
#elif FL_BYTES == 16 && defined(__SSE2__) && REAL_IS_DOUBLE
    return _mm_movemask_pd((__m128d)m);
#elif FL_BYTES == 16 && defined(__SSE2__)
    return _mm_movemask_ps((__m128)m);
#else
    int found = 0;
    for (int i = 0; i < WIDTH; i++) found |= (m[i] != 0) << i;
    return found;
#endif
}

/* Comparisons of scalars give 1, of vectors all ones: here always all ones. */
#if defined(FACELOOP_SCALAR)
#define FL_MASK(x) ((MASK)(-(INTEGER)(x)))
#else
#define FL_MASK(x) ((MASK)(x))
#endif
