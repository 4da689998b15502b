# Blocks as the caller brings them; included by _stream.pyx.

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE

cdef extern from "_ndarray.h":
    bint fl_is_plain(object array, object dtype, int n_columns) noexcept nogil
    const void *fl_data(object array) noexcept nogil
    Py_ssize_t fl_rows(object array) noexcept nogil


cdef struct Block:
    const void *data
    Py_ssize_t n # frames, or bytes
    bint is_held # by the buffer protocol, until given back
    Py_buffer view


cdef bint layout_is_known():
    """Whether an array's head reads as ``_ndarray.h`` says."""
    for shape, kind in (((3, 8), np.int32), ((0, 5), np.int32), ((3, 8), np.float32)):
        probe = np.zeros(shape, kind)
        plain = fl_is_plain(probe, INT32, shape[1])
        if plain != (kind is np.int32) or fl_is_plain(probe, INT32, shape[1] + 1):
            return False
        if <uintptr_t>fl_data(probe) != <uintptr_t>probe.__array_interface__["data"][0]:
            return False
        if fl_rows(probe) != shape[0]:
            return False
    probe = np.zeros((3, 8), np.int32)
    return not any(fl_is_plain(other, INT32, 4) for other in (probe[:, :4], probe[0, :4]))


cdef object NDARRAY = np.ndarray
cdef object INT32 = np.dtype(np.int32)
cdef bint READS_ARRAYS = layout_is_known()


cdef int take_counts(object counts, int n_channels, Block *block) except -1:
    """Find the frames of a block, int32 of shape (n_frames, n_channels), C-contiguous."""
    cdef Py_buffer *view = &block.view
    cdef char code
    if READS_ARRAYS and type(counts) is NDARRAY and fl_is_plain(counts, INT32, n_channels):
        block.data = fl_data(counts)
        block.n = fl_rows(counts)
        block.is_held = False
        return 0
    PyObject_GetBuffer(counts, view, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)
    code = view.format[0]
    # A C long is 32 bits on Windows.
    if (
        view.ndim != 2
        or view.shape[1] != n_channels
        or view.itemsize != 4
        or (code != b"i"[0] and code != b"l"[0])
    ):
        PyBuffer_Release(view)
        raise ValueError(
            f"a block must be int32 of shape (n, {n_channels}), not "
            f"{getattr(counts, 'dtype', '?')} of shape {getattr(counts, 'shape', '?')}"
        )
    block.data = view.buf
    block.n = view.shape[0]
    block.is_held = True
    return 0


cdef int take_bytes(object data, Block *block) except -1:
    """Find the bytes of anything that has some."""
    if PyBytes_CheckExact(data):
        block.data = PyBytes_AS_STRING(data)
        block.n = PyBytes_GET_SIZE(data)
        block.is_held = False
        return 0
    PyObject_GetBuffer(data, &block.view, PyBUF_SIMPLE)
    block.data = block.view.buf
    block.n = block.view.len
    block.is_held = True
    return 0


cdef inline void give_back(Block *block) noexcept:
    if block.is_held:
        PyBuffer_Release(&block.view)
