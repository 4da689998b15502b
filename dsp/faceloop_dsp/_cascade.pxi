# The notch cascade's class; included by _stream.pyx.

cdef extern from "_kernel.h":
    cdef enum:
        MAX_NOTCHES
        MAX_WINDOW
        N_FULL
    cdef struct fl_cascade_setup:
        int n_channels
        int n_notches
        int window
        int energy_window
        int hold
        int target
        double scale
        double a1[4]
        double a2[4]
        double notch_b1[9]
        double notch_a1[9]
        double notch_a2[9]
        double envelope_g
        double index_limit
        double per_reference[8]
        double on_uv[8]
        double off_uv[8]
    cdef struct cascade_f32:
        int n_channels
    cdef struct cascade_f64:
        int n_channels
    void cascade_init_f32(cascade_f32 *s, const fl_cascade_setup *setup) noexcept nogil
    void cascade_init_f64(cascade_f64 *s, const fl_cascade_setup *setup) noexcept nogil
    void cascade_run_f32(
        cascade_f32 *s, const int32_t *source, int64_t n, float **outputs,
        unsigned char *on_out, unsigned char *alert_out,
    ) noexcept nogil
    void cascade_run_f64(
        cascade_f64 *s, const int32_t *source, int64_t n, double **outputs,
        unsigned char *on_out, unsigned char *alert_out,
    ) noexcept nogil


cdef class CascadeKernel:
    """State of the notch cascade and its call; ``cascade.NotchCascade`` is the interface.

    Parameters
    ----------
    setup : dict
        See ``cascade.NotchCascade``, which makes it.
    is_double : bool
        Compute in 64 bits instead of 32.
    """

    cdef cascade_f32 *f32
    cdef cascade_f64 *f64
    cdef void *memory
    cdef int n_channels
    cdef Py_ssize_t room
    cdef Py_ssize_t n_last
    cdef void *data[6]
    cdef void *on_data
    cdef void *alert_data
    cdef list arrays
    cdef dict results

    def __cinit__(self):
        self.memory = NULL

    def __dealloc__(self):
        PyMem_RawFree(self.memory)

    def __init__(self, dict setup, bint is_double=False):
        cdef fl_cascade_setup c
        cdef size_t size = sizeof(cascade_f64) if is_double else sizeof(cascade_f32)
        cdef void *at
        cdef int k
        c.n_channels = setup["n_channels"]
        c.n_notches = len(setup["notches"])
        c.window = setup["window"]
        c.energy_window = setup["energy_window"]
        c.hold = setup["hold"]
        c.target = setup["target"]
        c.scale = setup["scale"]
        c.envelope_g = setup["envelope_g"]
        c.index_limit = setup["index_limit"]
        if not 1 <= c.n_channels <= LANES or not 0 <= c.target < c.n_channels:
            raise ValueError(f"target {c.target} of {c.n_channels} channels is not possible")
        if c.n_notches > MAX_NOTCHES:
            raise ValueError(f"{c.n_notches} notches, at most {MAX_NOTCHES} are possible")
        if not 1 <= c.energy_window <= MAX_WINDOW // 2 or not 1 <= c.window <= MAX_WINDOW:
            raise ValueError(f"windows of {c.window} and {c.energy_window} frames are too long")
        for k in range(4):
            c.a1[k], c.a2[k] = setup["a1"][k], setup["a2"][k]
        for k in range(c.n_notches):
            c.notch_b1[k], c.notch_a1[k], c.notch_a2[k] = setup["notches"][k]
        for k in range(LANES):
            c.per_reference[k] = c.on_uv[k] = c.off_uv[k] = 0.0
            if k < c.n_channels:
                c.per_reference[k] = setup["per_reference"][k]
                c.on_uv[k] = setup["on_uv"][k]
                c.off_uv[k] = setup["off_uv"][k]
        PyMem_RawFree(self.memory)
        self.memory = PyMem_RawMalloc(size + ALIGNMENT)
        if self.memory == NULL:
            raise MemoryError
        at = <void *>((<uintptr_t>self.memory + ALIGNMENT) & ~<uintptr_t>(ALIGNMENT - 1))
        self.f32 = NULL
        self.f64 = NULL
        if is_double:
            self.f64 = <cascade_f64 *>at
            cascade_init_f64(self.f64, &c)
        else:
            self.f32 = <cascade_f32 *>at
            cascade_init_f32(self.f32, &c)
        self.n_channels = c.n_channels
        self.room = self.n_last = -1
        self.results = {}

    cdef int shape_outputs(self, Py_ssize_t n) except -1:
        """Let the results have n frames."""
        cdef Py_buffer view
        cdef int k
        if n > self.room:
            kind = np.float64 if self.f64 != NULL else np.float32
            self.arrays = [np.empty((n, LANES), kind) for k in range(N_FULL)]
            self.arrays += [np.empty(n, np.uint8) for k in range(2)]
            for k in range(N_FULL):
                self.data[k] = address(self.arrays[k], &view)
            self.on_data = address(self.arrays[N_FULL], &view)
            self.alert_data = address(self.arrays[N_FULL + 1], &view)
            self.room = n
        names = ("rms", "env", "tkeo", "share", "asymmetry", "index")
        self.results = {
            name: self.arrays[k][:n, : self.n_channels] for k, name in enumerate(names)
        }
        self.results["on"] = self.arrays[N_FULL][:n]
        self.results["alert"] = self.arrays[N_FULL + 1][:n]
        self.n_last = n
        return 0

    def push(self, counts):
        """Process counts, int32 of shape (n_frames, n_channels), C-contiguous."""
        cdef Block block
        cdef unsigned int before
        take_counts(counts, self.n_channels, &block)
        try:
            if block.n != self.n_last:
                self.shape_outputs(block.n)
            before = fl_flush()
            if self.f64 != NULL:
                cascade_run_f64(
                    self.f64, <const int32_t *>block.data, block.n, <double **>self.data,
                    <unsigned char *>self.on_data, <unsigned char *>self.alert_data,
                )
            else:
                cascade_run_f32(
                    self.f32, <const int32_t *>block.data, block.n, <float **>self.data,
                    <unsigned char *>self.on_data, <unsigned char *>self.alert_data,
                )
            fl_unflush(before)
        finally:
            give_back(&block)
        return self.results
