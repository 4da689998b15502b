# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, freethreading_compatible=True
"""Heat pad on skin: core, skin, deep tissue and dilation, a lumped model.

    C1 Tc' = P - G1a (Tc - Ta) - G12 (Tc - Ts)
    C2 Ts' = G12 (Tc - Ts) - G23 (Ts - Td) - Gb (1 + v) (Ts - Tb) + outside
    C3 Td' = G23 (Ts - Td) - G3b (Td - Tb)
    v'     = (vmax clip((Ts - 34) / 8, 0, 1.1) - v) / tv

Fitted to a model of 43 layers that is kept in ``tests/simulation/skin_layers.py``; a test compares
them. Neither has been compared with skin. They leave out lateral spread and sweat; both cool.
"""


cdef inline double _dilated(double skin_degc, double vmax) noexcept nogil:
    cdef double part = (skin_degc - 34.0) / 8.0
    if part < 0.0:
        part = 0.0
    elif part > 1.1:
        part = 1.1
    return vmax * part


cdef class Skin:
    """One wearer with one pad. Explicit Euler; steps up to 0.5 s are stable for every wearer.

    Attributes
    ----------
    c1, c2, c3 : float
        Heat capacities of core, skin, deep tissue, J/K.
    g1a, g12, g23, g3b, gb : float
        Conductances core-air, core-skin, skin-deep, deep-blood, skin-blood, W/K.
    rho : float
        Share of the core in what a face sensor reads.
    vmax, tv_s : float
        Most dilation, and its time constant.
    ambient_degc, blood_degc : float
    core_degc, skin_degc, deep_degc, dilation : float
        State.
    outside_w : float
        Heat that comes from elsewhere, a lamp or the sun.
    is_folded, is_fold_sensed, is_fold_at_spot : bool
        Half of the pad lies on the other half: twice the power, a third of the loss. A sensor is
        in it: Z, or A, C and H, which sit on one spot.
    """

    def __init__(self, values):
        """Take a mapping of the attributes above."""
        self.dilation = 0.0
        self.outside_w = 0.0
        self.is_folded = False
        for name, value in values.items():
            setattr(self, name, value)

    def fold(self, bint is_sensed=True, bint is_at_spot=False):
        """Fold the pad now, with or without sensors in the fold. It begins as warm as the rest."""
        self.is_folded = True
        self.is_fold_sensed = is_sensed
        self.is_fold_at_spot = is_at_spot
        self.fold_core_degc = self.core_degc
        self.fold_skin_degc = self.skin_degc
        self.fold_deep_degc = self.deep_degc

    def step(self, double power_w, double step_s):
        """Advance by ``step_s`` seconds (at most 0.5) with ``power_w`` watts in the pad."""
        self.advance(power_w, step_s)

    def face(self):
        """Return the temperature at the face of the pad, without lag of a sensor."""
        return self.face_degc()

    def hottest(self):
        """Return the temperature of the hottest skin."""
        return self.hottest_skin_degc()

    cdef void advance(self, double power_w, double step_s) noexcept nogil:
        cdef double to_skin_w = self.g12 * (self.core_degc - self.skin_degc)
        cdef double to_deep_w = self.g23 * (self.skin_degc - self.deep_degc)
        cdef double blood = self.gb * (1.0 + self.dilation)
        cdef double core = power_w - self.g1a * (self.core_degc - self.ambient_degc) - to_skin_w
        cdef double skin = to_skin_w - to_deep_w - blood * (self.skin_degc - self.blood_degc)
        cdef double deep = to_deep_w - self.g3b * (self.deep_degc - self.blood_degc)
        cdef double warmth = self.skin_degc
        if self.is_folded:
            self._advance_fold(power_w, blood, step_s)
        self.core_degc += step_s * core / self.c1
        self.skin_degc += step_s * (skin + self.outside_w) / self.c2
        self.deep_degc += step_s * deep / self.c3
        self.dilation += step_s * (_dilated(warmth, self.vmax) - self.dilation) / self.tv_s

    cdef void _advance_fold(self, double power_w, double blood, double step_s) noexcept nogil:
        cdef double to_skin_w = self.g12 * (self.fold_core_degc - self.fold_skin_degc)
        cdef double to_deep_w = self.g23 * (self.fold_skin_degc - self.fold_deep_degc)
        cdef double loss_w = self.g1a / 3.0 * (self.fold_core_degc - self.ambient_degc)
        cdef double skin = to_skin_w - to_deep_w - blood * (self.fold_skin_degc - self.blood_degc)
        cdef double deep = to_deep_w - self.g3b * (self.fold_deep_degc - self.blood_degc)
        self.fold_core_degc += step_s * (2.0 * power_w - loss_w - to_skin_w) / self.c1
        self.fold_skin_degc += step_s * (skin + self.outside_w) / self.c2
        self.fold_deep_degc += step_s * deep / self.c3

    cdef double face_degc(self) noexcept nogil:
        return self.skin_degc + self.rho * (self.core_degc - self.skin_degc)

    cdef double fold_face_degc(self) noexcept nogil:
        if not self.is_fold_sensed:
            return self.face_degc()
        return self.fold_skin_degc + self.rho * (self.fold_core_degc - self.fold_skin_degc)

    cdef double zone_face_degc(self) noexcept nogil:
        """Return what is under sensor Z."""
        return self.face_degc() if self.is_fold_at_spot else self.fold_face_degc()

    cdef double spot_face_degc(self) noexcept nogil:
        """Return what is under sensors A, C and H."""
        return self.fold_face_degc() if self.is_fold_at_spot else self.face_degc()

    cdef double hottest_skin_degc(self) noexcept nogil:
        if self.is_folded and self.fold_skin_degc > self.skin_degc:
            return self.fold_skin_degc
        return self.skin_degc
