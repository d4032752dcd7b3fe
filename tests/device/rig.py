"""Devices made of the real adbd, for tests: the real adb client talks to them as it does to phones.

`Rig` is a private network (Linux namespaces, no privileges needed where user namespaces are allowed) with an adb
server of its own. `Rig.phone()` starts a device in it: Debian's adbd in a root folder of its own, with Android's shell
(mksh) and tools (toybox), and small scripts that answer ``getprop``, ``dumpsys``, ``cmd`` and ``settings`` as a phone
does (`edgedepth` must not notice). Two tiers:

* native: programs of this machine's processor; starts in a fraction of a second.
* arm64: an ARM64 userland under qemu's Cortex-A76 (``uname -m`` says aarch64), with LiteRT's ARM64 library at hand.

What a test gets::

    def test_something(rig):                      # or: rig, phone; or: arm64_phone
        phone = rig.phone()                       # a second one: rig.phone() again
        adb = Adb(serial=phone.serial, tool=rig.adb)

        phone.facts.battery(level=15)             # as seen by the next command on the device
        phone.facts.thermal(status=3, skin=47.0)
        phone.facts.property("ro.build.fingerprint", "another/phone:15")
        phone.state / "fixed_performance.history" # files that the device's scripts read and write

        phone.kill()       # adbd dies and with it the connection; `restart()` brings it back
        phone.stop()       # adbd hangs: the client waits for ever; `resume()` lets it go on
        phone.power_off()  # every process of the device dies, adbd included
        phone.root / "data/local/tmp"             # the device's files, seen from here

`rig.adb` is a program to be used as the adb client, wherever a path to one is asked for (or put ``rig.path`` in front
of PATH): a script that enters the private network and runs the real client there, with the same arguments, files and
exit code. Any other client on this machine sees none of these devices.

The userlands come from ``.ci/device-tools FOLDER``; EDGEDEPTH_DEVICE_TOOLS names that folder.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

from rig_phone import Phone
from rig_processes import SEARCH, UnavailableError, first_process, kill, members, program

__all__ = ["Phone", "Rig", "UnavailableError"]


class Rig:
    """A private network with an adb server; use it as a context manager.

    Attributes:
        folder: scratch files of the rig and its devices.
        adb: the client to use.
        path: folder that holds it under the name ``adb``.

    Raises:
        UnavailableError: this machine has no adb, or allows no namespaces.
    """

    def __init__(self) -> None:
        client = shutil.which("adb")
        if client is None:
            raise UnavailableError("adb is not installed")
        self._open = ExitStack()
        self._client = client
        self._ports = iter(range(6001, 6100))  # beyond those that the server tries for emulators
        self.path = Path()
        self._anchor = self._space = 0

    def __enter__(self) -> Rig:
        with ExitStack() as stack:
            self.folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="edgedepth-rig-")))
            stack.callback(self._end_stragglers)
            self._enter_network(stack)
            self._write_client()
            self._wait_for_server()
            self._open = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def phone(self, tier: str = "native") -> Phone:
        """Start a device and connect to it.

        Raises:
            UnavailableError: this machine cannot run that tier.
        """
        port = next(self._ports)
        return self._open.enter_context(Phone(self, port, tier, self.folder / str(port)))

    def client(self, *arguments: str, timeout: float = 20.0) -> subprocess.CompletedProcess[str]:
        """Run the client, plainly."""
        return subprocess.run(
            [str(self.adb), *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )

    def enter(self, process: int | None = None) -> list[str]:
        """What to put before a command to run it in the private network, or in that of a process within."""
        return [program("nsenter"), "-t", str(process or self._anchor), *self._flags]

    def _enter_network(self, stack: ExitStack) -> None:
        # The server ends with this script, and the script when its input does: at the latest with this process.
        script = 'ip link set lo up || exit; "$0" nodaemon server > "$1" 2>&1 & echo ready; cat; kill $!; wait'
        reasons = []
        environment = dict(os.environ) | {"PATH": SEARCH} | self._client_environment()
        for flags in (["-U", "-r"], []):
            if not flags and os.geteuid() != 0:
                continue
            try:
                anchor = first_process(
                    [program("unshare"), *flags, "-n", "sh", "-c", script, self._client, str(self._log)],
                    stack,
                    environment,
                )
            except UnavailableError as error:
                reasons.append(str(error))
                continue
            self._anchor = anchor.pid
            self._flags = ["-U", "--preserve-credentials", "-n"] if flags else ["-n"]
            self._space = Path(f"/proc/{anchor.pid}/ns/net").stat().st_ino
            return
        raise UnavailableError(f"no private network: {'; '.join(reasons)}")

    def _end_stragglers(self) -> None:
        """Nothing that was started in the private network outlives it, such as servers that clients started."""
        kill(members("net", self._space))

    def _write_client(self) -> None:
        self.path = self.folder / "bin"
        self.path.mkdir()
        self.adb = self.path / "adb"
        settings = "".join(f' {name}="{value}"' for name, value in self._client_environment().items())
        self.adb.write_text(f'#!/bin/sh\nexport{settings}\nexec {" ".join(self.enter())} "{self._client}" "$@"\n')
        self.adb.chmod(0o755)

    def _client_environment(self) -> dict[str, str]:
        # Its keys and logs go with the rig. The last two (newer and older clients): no search for emulators.
        folder = str(self.folder)
        return {"HOME": folder, "TMPDIR": folder, "ADB_EMU": "0", "ADB_LOCAL_TRANSPORT_MAX_PORT": "5553"}

    @property
    def _log(self) -> Path:
        return self.folder / "server.log"

    def _wait_for_server(self) -> None:
        """Until it listens: a client that is too early would start one of its own."""
        until = time.monotonic() + 20
        while ":13AD 00000000:0000 0A" not in Path(f"/proc/{self._anchor}/net/tcp").read_text():  # 5037, listening
            if time.monotonic() > until:
                raise UnavailableError(f"the adb server does not start: {self._log.read_text()[-500:].strip()}")
            time.sleep(0.01)
