"""The board's heat supervisor (``faceloop_heat``), compiled from the same files.

Not another implementation: the build gives ``firmware/lib/faceloop_heat/*.py`` to Cython, and the
``.pxd`` files here say which integers are C integers. A test runs both side by side. ``hal`` and
what the supervisor does not compute with stay where they are.
"""
