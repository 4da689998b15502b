/* The head of a NumPy array, read where it lies: the buffer protocol takes 0.1 us a call, as long as
 * a third of the whole chain. NumPy keeps this layout within its C interface (ndarraytypes.h,
 * PyArrayObject_fields), which is also what lets modules built years ago load today; no header of
 * NumPy is needed, so none at build time. ``_blocks.pxi`` compares it with an array when imported
 * and uses the buffer protocol should it ever differ. */

#ifndef FACELOOP_NDARRAY_H
#define FACELOOP_NDARRAY_H

struct fl_ndarray {
    PyObject_HEAD
    void *data;
    int ndim;
    Py_ssize_t *shape;
    Py_ssize_t *strides;
    PyObject *base;
    PyObject *dtype;
    int flags;
};

#define FL_PLAIN 0x0101 /* C-contiguous, aligned; the dtype tells the byte order */

/* Whether this is a plain array of so many columns; its type is known to be ndarray. */
static inline int fl_is_plain(PyObject *array, PyObject *dtype, int n_columns) {
    const struct fl_ndarray *a = (const struct fl_ndarray *)array;
    return a->dtype == dtype && a->ndim == 2 && a->shape[1] == n_columns &&
           (a->flags & FL_PLAIN) == FL_PLAIN;
}
static inline const void *fl_data(PyObject *array) {
    return ((const struct fl_ndarray *)array)->data;
}
static inline Py_ssize_t fl_rows(PyObject *array) {
    return ((const struct fl_ndarray *)array)->shape[0];
}

#endif
