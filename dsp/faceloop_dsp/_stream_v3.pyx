# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True, freethreading_compatible=True
"""``_stream`` for x86-64-v3 processors (Haswell and Zen or newer): vectors of 32 bytes."""

include "_stream.pyx"
