"""One device of the rig; see `rig`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from phone_facts import PhoneFacts
from rig_processes import SEARCH, child, end, first_process, kill, members, program
from userlands import ADBD, userland

if TYPE_CHECKING:
    from rig import Rig

SCRIPTS = Path(__file__).parent / "on_device"
APPLETS = ("taskset", "ps", "pgrep", "pkill", "top", "find", "xargs", "free", "getconf", "which")
"""Tools of a phone that coreutils has not; toybox is all of them."""
ARM64_BINARIES = (
    r":edgedepth-aarch64:M::\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
    r":\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:{interpreter}:F"
)
"""How the kernel tells ARM64 programs; F: the interpreter is opened now, so a chroot need not hold it."""
CPU = "cortex-a76"


class Phone:
    """One device; made by `Rig.phone`.

    Attributes:
        serial: for ``adb -s``.
        tier: ``native`` or ``arm64``.
        root: its files, seen from here (``root / "data/local/tmp"``); what is mounted there (/usr, /bin) is not.
        state: files that its scripts read and write; ``/phone`` on the device.
        facts: its properties, battery and so on, to be changed at any time.
    """

    def __init__(self, rig: Rig, port: int, tier: str, folder: Path) -> None:
        self.serial = f"127.0.0.1:{port}"
        self.tier = tier
        self.root, self.state = folder / "root", folder / "state"
        self._rig, self._port = rig, port
        self._adbd: tuple[subprocess.Popen[bytes], int] | None = None
        self._open = ExitStack()

    def __enter__(self) -> Phone:
        with ExitStack() as stack:
            tree = userland(self.tier)
            self._furnish()
            self._boot(tree, stack)
            self._open = stack.pop_all()
        try:
            self.restart()
        except BaseException:
            self._open.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.power_off()
        self._open.close()

    @property
    def adbd(self) -> int:
        """Process number of its adbd."""
        assert self._adbd is not None
        return self._adbd[1]

    def kill(self) -> None:
        """Adbd dies: the connection is gone, what runs on the device goes on. The client is told at once."""
        if self._adbd is not None:
            outer, adbd = self._adbd
            self._adbd = None
            kill([adbd])
            outer.send_signal(signal.SIGCONT)  # it had stopped if its child had
            end(outer)

    def stop(self) -> None:
        """Adbd hangs: whoever asks it waits for ever."""
        os.kill(self.adbd, signal.SIGSTOP)

    def resume(self) -> None:
        """The end of `stop`."""
        assert self._adbd is not None
        os.kill(self._adbd[1], signal.SIGCONT)
        self._adbd[0].send_signal(signal.SIGCONT)  # the one that entered the device stopped with its child

    def power_off(self) -> None:
        """Every process of the device dies, except the one that holds its file systems."""
        self.kill()
        space = Path(f"/proc/{self._first}/ns/pid").stat().st_ino
        kill(process for process in members("pid", space) if process != self._first)

    def restart(self) -> None:
        """Start adbd where it does not run, and connect."""
        if self._adbd is None:
            self._adbd = self._start_adbd()
        self.connect()

    def connect(self, seconds: float = 5.0) -> None:
        """Have the server connect; returns when the device can be used."""
        until = time.monotonic() + seconds
        while True:
            said = self._rig.client("connect", self.serial).stdout.strip()
            if said.endswith(f"connected to {self.serial}"):
                state = self._rig.client("-s", self.serial, "get-state")
                if state.stdout.strip() == "device":
                    return
                said = state.stderr.strip()
                self._rig.client("disconnect", self.serial)
            if time.monotonic() > until:
                log = (self.state.parent / "adbd.log").read_text()[-500:]
                raise RuntimeError(f"{self.serial} cannot be connected to: {said}; adbd said: {log}")
            time.sleep(0.02)

    def disconnect(self) -> None:
        """Have the server forget it."""
        self._rig.client("disconnect", self.serial)

    def _furnish(self) -> None:
        for folder in ("dev", "proc", "phone", "tmp", "data/local/tmp", "sdcard", "etc", "system/bin"):
            (self.root / folder).mkdir(parents=True)
        (self.root / "etc" / "passwd").write_text("shell:x:0:0::/data/local/tmp:/bin/sh\n")
        self.state.mkdir()
        tools = self.root / "system" / "bin"
        for script in SCRIPTS.iterdir():
            if script.suffix != ".sh":
                shutil.copy(script, tools / script.name)
        for name in APPLETS:
            (tools / name).symlink_to("/bin/toybox")
        (tools / "sh").symlink_to("/bin/sh")
        self.facts = PhoneFacts(self.state, self.root, arm64=self.tier == "arm64", port=self._port)

    def _boot(self, tree: Path, stack: ExitStack) -> None:
        environment = dict(os.environ) | {"PATH": SEARCH}
        if self.tier == "arm64":
            environment["REGISTER"] = ARM64_BINARIES.format(interpreter=program("qemu-aarch64-static"))
        names = [str(path) for path in (SCRIPTS / "boot.sh", self.root, tree, self.state)]
        unshare = [program("unshare"), "-m", "-p", "-f", "--propagation", "private", "sh"]
        init = first_process([*self._rig.enter(), *unshare, *names], stack, environment)
        self._first = child(init.pid)

    def _start_adbd(self) -> tuple[subprocess.Popen[bytes], int]:
        """In the namespaces and the root folder of the device: the process that entered them, and adbd, its child."""
        environment = {
            "PATH": "/system/bin:/usr/bin:/bin",
            "ADBD_PORT": str(self._port),
            "TMPDIR": "/data/local/tmp",
            "QEMU_CPU": CPU,
        }
        enter = [*self._rig.enter(self._first), "-m", "-p", program("chroot"), str(self.root)]
        with (self.state.parent / "adbd.log").open("ab") as log:
            outer = subprocess.Popen(
                [*enter, ADBD],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,
            )
        until = time.monotonic() + 5
        while not (adbd := child(outer.pid)):
            if outer.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"adbd does not start: {(self.state.parent / 'adbd.log').read_text()[-500:]}")
            time.sleep(0.002)
        return outer, adbd
