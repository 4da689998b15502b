"""First process image of the virtual machine: takes the terminal, then becomes MicroPython.

Run as a file, not imported: `python -I vm_entry.py OPTIONS SCRIPT`.
"""

from __future__ import annotations

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
    from micropython_unix import run_main  # type: ignore[import-untyped]

    sys.argv[0] = "micropython"
    sys.exit(run_main(sys.argv))


if __name__ == "__main__":
    main()
