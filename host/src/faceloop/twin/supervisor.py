"""Owns the board's USB terminal and the life of its virtual machine.

A host program opens the outer terminal; the virtual machine sits on an inner one; this relays.
What a real board does at a reset, the process cannot: it ends, and a new one is started here.

===========================  ==============================================================
the virtual machine ends     the board
===========================  ==============================================================
by itself (Ctrl-D)           soft reset: "MPY: soft reboot"; a raw REPL stays raw and skips
                             main.py, as MicroPython does
exit code 77, or a signal    hard reset: friendly REPL, main.py runs
===========================  ==============================================================
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from faceloop.twin.halt import catches, halted, send_to_main_thread
from faceloop.twin.terminal import PENDING_LIMIT, Terminal

__all__ = [
    "BOOT_LOOP_LIMIT",
    "HARD_RESET_CODE",
    "PWRON_RESET",
    "RUN_LOW_RESET",
    "WDT_RESET",
    "Supervisor",
]

log = logging.getLogger(__name__)

HARD_RESET_CODE = 77
BOOT_LOOP_LIMIT = 5
BOOT_LOOP_LIFE_S = 1.0
PWRON_RESET, WDT_RESET, RUN_LOW_RESET = 1, 3, 4
"""Values of ``machine.reset_cause()``; the last one stands for a register of the RP2350."""

BOOTED = b"\x1eboot\x1e"
BOOT_TIMEOUT_S = 5.0
CTRL_A, CTRL_C = b"\x01", b"\x03"
RAW_BANNER = b"raw REPL; CTRL-B to exit\r\n"
PROMPT = b">>> "
TAIL_BYTES = 200
AGAIN_S = 0.005  # a Ctrl-C for a program that did not come to stand still
STALL_S = 0.5
"""A real board's USB driver gives up on a host that reads nothing for this long."""


class Supervisor:
    """Runs the virtual machine.

    Parameters
    ----------
    command : list of str
        What to start: interpreter, options, boot script.
    environment : mapping
        Added to this process's environment; ``FACELOOP_RUN_MAIN`` and ``FACELOOP_RESET_CAUSE`` are
        set here.
    tty_link : Path
        Symbolic link to make to the outer terminal.
    on_stop : callable
        Called with ``is_hard`` (bool) after the virtual machine ended and before the next starts.
    """

    def __init__(
        self,
        command: list[str],
        environment: Mapping[str, str],
        tty_link: Path,
        on_stop: Callable[[bool], None],
    ) -> None:
        self.resets = 0
        self.state = "off"
        self.is_raw = False
        self.ready = asyncio.Event()
        self._command = command
        self._environment = dict(environment)
        self._tty_link = tty_link
        self._on_stop = on_stop
        self._loop = asyncio.get_running_loop()
        self._process: subprocess.Popen[bytes] | None = None
        self._pidfd = -1
        self._inner: Terminal | None = None
        self._cause = PWRON_RESET
        self._short_lives = 0
        self._tail = b""
        self._boot_output: bytearray | None = None
        self._boot_timer: asyncio.TimerHandle | None = None
        self._held_input = bytearray()
        self._had_input = False
        self._stall_timer: asyncio.TimerHandle | None = None
        self._interrupt_timer: asyncio.TimerHandle | None = None
        self._is_host_deaf = False
        self.outer = Terminal(self._from_host, self._host_took_all)
        with contextlib.suppress(FileNotFoundError):
            tty_link.unlink()
        tty_link.symlink_to(self.outer.name)
        self.outer.read(True)

    @property
    def pid(self) -> int | None:
        """Process id of the virtual machine, None when it does not run."""
        return self._process.pid if self._process else None

    def stats(self) -> dict[str, Any]:
        """Return what the control socket reports."""
        return {"pid": self.pid, "resets": self.resets, "state": self.state}

    # -- life ----------------------------------------------------------------------------------

    def power(self, is_on: bool) -> None:
        """Switch the board's processor on (power-on reset) or off."""
        if is_on and self._process is None:
            self._short_lives = 0
            self._cause = PWRON_RESET
            self.is_raw = False
            self._spawn(runs_main=True)
        elif not is_on:
            self.state = "off"
            self._kill()

    def reset(self, reason: str, cause: int = WDT_RESET) -> None:
        """Reset the processor as its watchdog, its reset register or its RUN pin does."""
        log.info("board reset: %s", reason)
        self._cause = cause
        if self._process is not None:
            self._process.kill()

    def close(self) -> None:
        """Stop the virtual machine and close the terminals; takes no time worth waiting for."""
        self.state = "off"
        self._kill()
        for timer in (self._stall_timer, self._boot_timer, self._interrupt_timer):
            if timer is not None:
                timer.cancel()
        self.outer.close()
        self._tty_link.unlink(missing_ok=True)

    def _spawn(self, *, runs_main: bool) -> None:
        self._inner = Terminal(self._from_board, self._board_took_all)
        # Without HOME the unix port keeps no history of its prompt; a board has nowhere to either.
        environment = {
            **{name: value for name, value in os.environ.items() if name != "HOME"},
            **self._environment,
            "FACELOOP_RUN_MAIN": "1" if runs_main else "0",
            "FACELOOP_RESET_CAUSE": str(self._cause),
        }
        slave = self._inner.slave
        # A Ctrl-C can not hit the interpreter while it is still starting: it has a session of its
        # own, and what comes from the host is held until it has booted.
        process = subprocess.Popen(
            self._command,
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=environment,
            start_new_session=True,
        )
        self._process = process
        self._inner.close_slave()
        self._pidfd = os.pidfd_open(process.pid)
        self._loop.add_reader(self._pidfd, self._ended)
        self._born_s = self._loop.time()
        self._had_input = False
        self._tail = b""
        self._boot_output = bytearray()
        self._boot_timer = self._loop.call_later(BOOT_TIMEOUT_S, self._finish_boot)
        self.state = "running"
        if self.is_raw:
            self._inner.write(CTRL_A)
        self._inner.read(True)

    def _kill(self) -> None:
        process = self._process
        if process is not None:
            process.kill()
            process.wait()
            self._ended()

    def _ended(self) -> None:
        process, inner = self._process, self._inner
        if process is None or inner is None or process.poll() is None:
            return
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._process = self._inner = None
        self._from_board(inner.drain())
        inner.close()
        self._finish_boot()
        is_hard = process.returncode == HARD_RESET_CODE or process.returncode < 0
        self._on_stop(is_hard or self.state == "off")
        if self.state == "off":
            return
        self.resets += 1
        if is_hard:
            self.is_raw = False
            self._cause = WDT_RESET
        else:
            self.outer.write(b"MPY: soft reboot\r\n")
        is_short = self._loop.time() - self._born_s < BOOT_LOOP_LIFE_S and not self._had_input
        self._short_lives = self._short_lives + 1 if is_short else 0
        if self._short_lives >= BOOT_LOOP_LIMIT:
            self.state = "boot loop"
            text = (
                f"The virtual board ended {BOOT_LOOP_LIMIT} times, each within "
                f"{BOOT_LOOP_LIFE_S:g} s of its start, and was switched off. Give it other "
                "firmware, then switch it on again."
            )
            log.error("%s Last output: %r", text, self._tail)
            self.outer.write(text.encode() + b"\r\n")
            self.ready.set()
            return
        self._spawn(runs_main=not self.is_raw)

    # -- from the host to the board ------------------------------------------------------------

    def _from_host(self, data: bytes) -> None:
        self._is_host_deaf = False
        self._had_input = True
        if self._boot_output is not None or self._interrupt_timer is not None:
            self._held_input += data
            return
        if self._inner is None:
            return  # switched off
        while CTRL_C in data:
            before, _, after = data.partition(CTRL_C)
            self._inner.write(before)
            if not self._interrupt():
                self._held_input[:0] = CTRL_C + after
                self._interrupt_timer = self._loop.call_later(AGAIN_S, self._interrupt_again)
                return
            data = after
        self._inner.write(data)
        if self._inner.pending > PENDING_LIMIT:
            self.outer.read(False)

    def _interrupt(self) -> bool:
        """Pass a Ctrl-C on: as a signal where the program would notice, else as a character.

        The unix port catches SIGINT exactly while ``micropython.kbd_intr`` allows Ctrl-C to
        interrupt; at a prompt and in a binary transfer the byte is ordinary input. The signal that
        interrupts is the one of ``vm_entry.py``. The program stands still meanwhile, or it could
        come to its prompt between the look and the signal, and begin to work before the byte.

        Returns
        -------
        bool
            Whether it was passed on; the program may not have come to stand still.
        """
        assert self._inner is not None and self._process is not None
        pid = self._process.pid
        with halted(pid) as stands:
            if stands and catches(pid, signal.SIGINT):
                send_to_main_thread(pid, signal.SIGUSR1)
            elif stands:
                self._inner.write(CTRL_C)
        return stands

    def _interrupt_again(self) -> None:
        self._interrupt_timer = None
        held, self._held_input = bytes(self._held_input), bytearray()
        self._from_host(held)

    def _board_took_all(self) -> None:
        self.outer.read(True)

    # -- from the board to the host ------------------------------------------------------------

    def _from_board(self, data: bytes) -> None:
        if self._boot_output is not None:
            self._boot_output += data
            if BOOTED in self._boot_output:
                data = bytes(self._boot_output).replace(BOOTED, b"", 1)
                self._boot_output.clear()
                self._finish_boot(data)
            return
        self._tail = (self._tail + data)[-TAIL_BYTES:]
        raw_at, prompt_at = self._tail.rfind(RAW_BANNER), self._tail.rfind(PROMPT)
        if raw_at >= 0 or prompt_at >= 0:
            self.is_raw = raw_at >= 0 and raw_at + len(RAW_BANNER) > prompt_at
        if self._is_host_deaf:
            return
        self.outer.write(data)
        if self.outer.pending > PENDING_LIMIT and self._inner is not None:
            self._inner.read(False)
            if self._stall_timer is None:
                self._stall_timer = self._loop.call_later(STALL_S, self._host_stalled)

    def _finish_boot(self, data: bytes | None = None) -> None:
        """End the time in which output is searched for the boot mark and input is held."""
        if self._boot_output is None:
            return
        rest = bytes(self._boot_output) if data is None else data
        self._boot_output = None
        if self._boot_timer is not None:
            self._boot_timer.cancel()
        self._from_board(rest)
        self.ready.set()
        held, self._held_input = bytes(self._held_input), bytearray()
        if held and self._process is not None:
            self._from_host(held)

    def _host_took_all(self) -> None:
        self._is_host_deaf = False
        if self._stall_timer is not None:
            self._stall_timer.cancel()
            self._stall_timer = None
        if self._inner is not None:
            self._inner.read(True)

    def _host_stalled(self) -> None:
        """Go on without a host that does not read, as a board's USB driver does."""
        self._stall_timer = None
        self._is_host_deaf = True
        self.outer.discard()
        if self._inner is not None:
            self._inner.read(True)


def virtual_machine_command(boot_script: Path, heap_kib: int) -> list[str]:
    """Return the command that runs MicroPython's unix port on ``boot_script``."""
    entry = Path(__file__).with_name("vm_entry.py")
    heap = f"heapsize={heap_kib}K"
    return [sys.executable, "-I", str(entry), "-X", heap, str(boot_script)]
