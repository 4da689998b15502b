"""First process image of the virtual machine: takes the terminal, then becomes MicroPython.

Run as a file, not imported: `python -I vm_entry.py OPTIONS SCRIPT`.
"""

from __future__ import annotations

import ctypes
import fcntl
import signal
import sys
import termios


def main() -> None:
    """Make standard input the controlling terminal, so that its end ends this process too."""
    # In the background, or under nohup, a program is started with these ignored, and so would be
    # what it starts: the board's Ctrl-C, and the hang-up that ends it with its supervisor.
    for name in (signal.SIGHUP, signal.SIGINT):
        signal.signal(name, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    import micropython_run  # type: ignore[import-not-found]
    from micropython_unix import run_main  # type: ignore[import-untyped]

    _interrupt_between_steps(ctypes.CDLL(micropython_run.__file__))
    sys.argv[0] = "micropython"
    sys.exit(run_main(sys.argv))


def _interrupt_between_steps(micropython: ctypes.CDLL) -> None:
    """Let SIGUSR1 be a Ctrl-C that the program notices between two of its steps.

    On SIGINT the unix port raises the exception out of its handler, wherever it is: inside the
    memory manager that leaves a lock behind, and the board is dead. The ports of boards call this
    function instead, from their handler of the byte.
    """
    handler = ctypes.cast(micropython.mp_sched_keyboard_interrupt, ctypes.c_void_p)
    ctypes.CDLL(None).signal(int(signal.SIGUSR1), handler)
    signal.siginterrupt(signal.SIGUSR1, True)


if __name__ == "__main__":
    main()
