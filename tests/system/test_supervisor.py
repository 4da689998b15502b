"""The supervisor: terminal, resets and interrupts behave like those of a board on a cable."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from faceloop.twin import halt
from faceloop.twin import supervisor as supervisor_module
from faceloop.twin.supervisor import BOOT_LOOP_LIMIT

RAW_BANNER = b"raw REPL; CTRL-B to exit\n>"


def is_running(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


async def until(condition, timeout_s: float = 5.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not condition():
            await asyncio.sleep(0.005)


async def enter_raw(console) -> None:
    console.send(b"\r\x03")
    await console.expect(b">>> ")
    console.send(b"\x01")
    await console.expect(RAW_BANNER)


async def test_main_runs_then_prompt_with_its_names(make_supervisor, open_console):
    supervisor = make_supervisor(boot="early = 1", main="late = early + 1; print('main', late)")
    console = open_console(supervisor._tty_link)
    await console.expect(b"main 2\n")
    await console.expect(b">>> ")
    console.send(b"early, late, __name__\r")
    await console.expect(b"(1, 2, '__main__')")


async def test_boot_mark_is_not_seen_by_the_host(make_supervisor, open_console):
    supervisor = make_supervisor(main="print('hello')")
    console = open_console(supervisor._tty_link)
    assert b"\x1e" not in await console.expect(b"hello")


async def test_ctrl_d_in_friendly_repl_is_a_soft_reset_with_main(make_supervisor, open_console):
    supervisor = make_supervisor(main="print('main runs')")
    console = open_console(supervisor._tty_link)
    await console.expect(b">>> ")
    console.text = b""
    console.send(b"\x04")
    seen = await console.expect(b"main runs")
    assert b"MPY: soft reboot\n" in seen
    assert supervisor.stops == [False]
    assert supervisor.resets == 1


async def test_prompt_leaves_no_history_in_the_home_folder(
    make_supervisor, open_console, tmp_path, monkeypatch
):
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    supervisor = make_supervisor(main="print('main runs')")
    console = open_console(supervisor._tty_link)
    await console.expect(b">>> ")
    console.send(b"6 * 7\r")
    await console.expect(b"42")
    console.send(b"\x04")
    await console.expect(b"MPY: soft reboot\n")
    await console.expect(b">>> ")
    assert list(home.iterdir()) == []


async def test_ctrl_d_in_raw_repl_stays_raw_and_skips_main(make_supervisor, open_console):
    supervisor = make_supervisor(main="print('main runs')")
    console = open_console(supervisor._tty_link)
    await console.expect(b">>> ")
    await enter_raw(console)
    console.send(b"\x04")
    await console.expect(b"soft reboot\n")
    assert b"main runs" not in await console.expect(RAW_BANNER)
    console.send(b"print(6 * 7)\x04")
    await console.expect(b"OK42\n")


async def test_leaving_raw_repl_is_noticed(make_supervisor, open_console):
    supervisor = make_supervisor(main="print('main runs')")
    console = open_console(supervisor._tty_link)
    await console.expect(b">>> ")
    await enter_raw(console)
    assert supervisor.is_raw
    console.send(b"\x02")
    await console.expect(b">>> ")
    assert not supervisor.is_raw


@pytest.mark.parametrize("how", ["import sys; sys.exit(77)", "signal"])
async def test_exit_77_or_a_signal_is_a_hard_reset(make_supervisor, open_console, how):
    supervisor = make_supervisor(main="print('main runs')")
    console = open_console(supervisor._tty_link)
    await console.expect(b">>> ")
    await enter_raw(console)
    console.text = b""
    if how == "signal":
        os.kill(supervisor.pid, signal.SIGSEGV)
    else:
        console.send(how.encode() + b"\x04")
    seen = await console.expect(b"main runs")
    assert b"soft reboot" not in seen
    assert supervisor.stops == [True]
    assert not supervisor.is_raw


async def test_reset_cause_tells_power_on_from_reset(make_supervisor, open_console):
    cause = "import os; print('cause', os.getenv('FACELOOP_RESET_CAUSE'))"
    supervisor = make_supervisor(main=cause)
    console = open_console(supervisor._tty_link)
    await console.expect(b"cause 1")
    await console.expect(b">>> ")
    supervisor.reset("watchdog")
    await console.expect(b"cause 3")
    await console.expect(b">>> ")
    supervisor.power(False)
    supervisor.power(True)
    await console.expect(b"cause 1")


async def test_ctrl_c_interrupts_a_running_main_and_keeps_names(make_supervisor, open_console):
    main = "count = 0\nwhile True:\n    count += 1\n    if count == 9:\n        print('go')\n"
    supervisor = make_supervisor(main=main)
    console = open_console(supervisor._tty_link)
    await console.expect(b"go\n")
    console.send(b"\x03")
    await console.expect(b"KeyboardInterrupt")
    await console.expect(b">>> ")
    console.send(b"count > 0\r")
    await console.expect(b"True")
    assert supervisor.resets == 0


async def test_ctrl_c_is_ordinary_input_when_the_program_says_so(make_supervisor, open_console):
    main = (
        "import micropython, sys\nmicropython.kbd_intr(-1)\nprint('go')\n"
        "print(sys.stdin.buffer.read(4))\nmicropython.kbd_intr(3)\n"
    )
    supervisor = make_supervisor(main=main)
    console = open_console(supervisor._tty_link)
    await console.expect(b"go\n")
    console.send(b"a\x03\x03b")
    await console.expect(b"b'a\\x03\\x03b'")


async def test_ctrl_c_right_after_the_start_is_not_lost(make_supervisor, open_console):
    main = "print('go')\nimport time\nwhile True:\n    time.sleep_ms(1)\n"
    supervisor = make_supervisor(main=main)
    console = open_console(supervisor._tty_link)
    for _ in range(5):
        console.send(b"\r\x03")  # the virtual machine is still starting
        await console.expect(b"KeyboardInterrupt")
        await console.expect(b">>> ")
        console.send(b"\x04")
        await console.expect(b"soft reboot")


@pytest.mark.parametrize("wait", ["time.sleep_ms(1)", "pass", "sys.stdin.read(1)"])
async def test_ctrl_c_never_falls_into_the_memory_manager(make_supervisor, open_console, wait):
    """There it would leave a lock behind, and a board that answers no more."""
    main = f"""
import sys, time
print("at work")
while True:
    for _ in range(2000):
        bytearray(64)
    {wait}
"""
    supervisor = make_supervisor(main=main)
    console = open_console(supervisor._tty_link)
    for i in range(24):
        await console.expect(b"at work\n")
        await asyncio.sleep(0.001 * i)
        console.text = b""
        console.send(b"\x03")
        await console.expect(b">>> ")
        console.text = b""
        console.send(b"\x04")


async def test_ctrl_c_waits_for_a_program_that_does_not_come_to_stand_still(
    make_supervisor, open_console, monkeypatch
):
    """On a computer with no processor to spare; what was typed after it stays after it."""
    looks = []

    @contextlib.contextmanager
    def halted(pid):
        looks.append(pid)
        with halt.halted(pid) as stands:
            yield stands and len(looks) > 3

    monkeypatch.setattr(supervisor_module, "halted", halted)
    supervisor = make_supervisor(main="print('at work')\nwhile True: pass\n")
    console = open_console(supervisor._tty_link)
    await console.expect(b"at work\n")
    console.send(b"\x03print(6 * 7)\r")
    await console.expect(b"KeyboardInterrupt")
    await console.expect(b"42")
    assert len(looks) == 4


async def test_sys_exit_in_main_is_a_soft_reset(make_supervisor, open_console):
    main = """
import os, sys
if "again" not in os.listdir("/"):
    open("/again", "w").close()
    sys.exit()
print("second time")
"""
    supervisor = make_supervisor(main=main)
    console = open_console(supervisor._tty_link)
    assert b"MPY: soft reboot\n" in await console.expect(b"second time")
    assert supervisor.stops == [False]


async def test_boot_loop_is_stopped_and_told(make_supervisor, open_console):
    supervisor = make_supervisor(main="import sys\nsys.exit(77)\n")
    console = open_console(supervisor._tty_link)
    await console.expect(b"was switched off")
    assert supervisor.resets == BOOT_LOOP_LIMIT
    assert supervisor.state == "boot loop"
    assert supervisor.pid is None
    supervisor.power(True)  # switching it on again tries again
    await console.expect(b"was switched off")


async def test_soft_resets_by_the_host_are_no_boot_loop(make_supervisor, open_console):
    supervisor = make_supervisor(main="print('main runs')")
    console = open_console(supervisor._tty_link)
    for _ in range(BOOT_LOOP_LIMIT + 3):
        await console.expect(b"main runs")
        await console.expect(b">>> ")
        console.send(b"\x04")
    await console.expect(b"main runs")
    assert supervisor.state == "running"


async def test_output_without_a_reader_does_not_stop_the_board(make_supervisor, tmp_path):
    main = "for _ in range(20000):\n    print('x' * 60)\nopen('/done', 'w').close()\n"
    supervisor = make_supervisor(main=main)
    flash = tmp_path / "flash.img"
    await until(lambda: b"done" in flash.read_bytes(), 15)
    assert supervisor.outer.pending <= 200_000


async def test_a_slow_reader_gets_every_byte(make_supervisor, open_console):
    supervisor = make_supervisor(main="for i in range(4000):\n    print('line', i, '.' * 30)\n")
    console = open_console(supervisor._tty_link)
    text = await console.expect(b"line 3999 ")
    lines = [line for line in text.split(b"\n") if line.startswith(b"line ")]
    assert [int(line.split()[1]) for line in lines] == list(range(4000))


async def test_long_input_reaches_a_busy_board_whole(make_supervisor, open_console):
    main = (
        "import sys, time, micropython\nmicropython.kbd_intr(-1)\nprint('go')\n"
        "time.sleep_ms(300)\nprint(sum(sys.stdin.buffer.read(30000)))\n"
    )
    supervisor = make_supervisor(main=main)
    console = open_console(supervisor._tty_link)
    await console.expect(b"go\n")
    data = bytes(range(250)) * 120
    for start in range(0, len(data), 1000):
        console.send(data[start : start + 1000])
        await asyncio.sleep(0.005)
    await console.expect(str(sum(data)).encode())


async def test_host_can_come_and_go(make_supervisor, open_console):
    supervisor = make_supervisor()
    for round_ in range(3):
        console = open_console(supervisor._tty_link)
        console.send(f"print('round', {round_} + 10)\r".encode())
        # MicroPython's unix port throws away what was typed before its prompt.
        await console.expect(f"round {round_ + 10}\n>>> ".encode())
        console.close()  # or it would read what the next one is to see


async def test_power_off_ends_the_virtual_machine_and_input_goes_nowhere(
    make_supervisor, open_console
):
    supervisor = make_supervisor(main="print('main runs')")
    console = open_console(supervisor._tty_link)
    await console.expect(b">>> ")
    pid = supervisor.pid
    supervisor.power(False)
    assert not is_running(pid)
    assert supervisor.stops == [True]
    console.send(b"print(1)\r")
    supervisor.power(True)
    await console.expect(b"main runs")
    assert supervisor.resets == 0


HOLDER = """
import asyncio, sys
from pathlib import Path
from faceloop.twin.supervisor import Supervisor, virtual_machine_command
from faceloop.twin.firmware_files import shim_dir
async def main():
    supervisor = Supervisor(
        virtual_machine_command(shim_dir() / "boot_virtual.py", 512),
        {"FACELOOP_FLASH": sys.argv[1], "FACELOOP_SHIM": str(shim_dir())},
        Path(sys.argv[2]), lambda is_hard: None)
    supervisor.power(True)
    await supervisor.ready.wait()
    print(supervisor.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def start_holder(folder: Path, *before: str) -> subprocess.Popen[bytes]:
    command = [*before, sys.executable, "-c", HOLDER, folder / "flash.img", folder / "tty2"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize("before", [(), ("nohup",)])
async def test_killing_the_supervisor_kills_the_virtual_machine(make_supervisor, tmp_path, before):
    make_supervisor(main="while True:\n    pass\n").power(False)
    with start_holder(tmp_path, *before) as holder:
        try:
            assert holder.stdout is not None
            pid = int(await asyncio.to_thread(holder.stdout.readline))
            assert is_running(pid)
        finally:
            holder.kill()
    await until(lambda: not is_running(pid))
