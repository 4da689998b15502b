cdef class Skin:
    cdef public double c1, c2, c3, g1a, g12, g23, g3b, gb, rho, vmax, tv_s
    cdef public double ambient_degc, blood_degc
    cdef public double core_degc, skin_degc, deep_degc, dilation
    cdef public double outside_w
    cdef public double fold_core_degc, fold_skin_degc, fold_deep_degc
    cdef public bint is_folded, is_fold_sensed, is_fold_at_spot
    cdef void advance(self, double power_w, double step_s) noexcept nogil
    cdef void _advance_fold(self, double power_w, double blood, double step_s) noexcept nogil
    cdef double face_degc(self) noexcept nogil
    cdef double fold_face_degc(self) noexcept nogil
    cdef double zone_face_degc(self) noexcept nogil
    cdef double spot_face_degc(self) noexcept nogil
    cdef double hottest_skin_degc(self) noexcept nogil
