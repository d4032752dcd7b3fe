"""The real `adb` program, typed: commands with exit codes, files with checked hashes, timeouts of its own."""

from __future__ import annotations

import re
import shlex
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from edgedepth.artifact import sha256
from edgedepth.bench.device.running import Answer, Running, end, marked, new_token
from edgedepth.bench.device.states import last_line, refused, remedy, state_said
from edgedepth.errors import DeviceError, MissingDependencyError

__all__ = ["Adb", "Answer", "Running"]

_SLOWEST = 500_000
"""Bytes per second below which a transfer counts as stuck."""

_LONGEST_PULL = 600.0
_PATIENCE = 5.0
"""Seconds that a device gets to end what runs on it."""


@dataclass(frozen=True)
class Adb:
    """The client, on one device.

    It holds no connection: copies and threads may use it at the same time.

    Attributes:
        serial: of the device; None for commands that concern none, or the only one.
        tool: the program; None for the one on PATH.
        server_port: of the server that the client talks to (and starts where there is none); None for the usual one.
    """

    serial: str | None = None
    tool: Path | None = None
    server_port: int | None = None

    def on(self, serial: str) -> Adb:
        """The same client on a device."""
        return replace(self, serial=serial)

    def client(self, *arguments: str, timeout: float = 30.0) -> Answer:
        """Run a command of the client itself, such as ``devices -l``; its exit code and text are not judged.

        Raises:
            MissingDependencyError: there is no client.
            DeviceError: it did not end in `timeout` seconds.
        """
        with self._process(*arguments) as process:
            try:
                out, err = process.communicate(timeout=timeout)
            except subprocess.TimeoutExpired as error:
                raise self._too_slow(f"adb {arguments[0]}", timeout) from error
            finally:
                end(process)
        return Answer(out.decode(errors="replace"), err.decode(errors="replace"), process.returncode)

    def shell(self, command: Sequence[str] | str, timeout: float = 30.0) -> Answer:
        """Run a command on the device to its end.

        Args:
            command: words, quoted here, or a script for the device's ``sh``.
            timeout: seconds after which it is ended, on the device too.

        Raises:
            DeviceError: the device took no command, went away, or did not finish in time.
            MissingDependencyError: there is no client.
        """
        with self.start(command) as running:
            if not running.wait(timeout):
                running.stop()
                raise self._too_slow(_brief(command), timeout)
            return running.answer()

    def start(self, command: Sequence[str] | str) -> Running:
        """Start a command on the device and return at once; use it as a context manager.

        Raises:
            MissingDependencyError: there is no client.
        """
        text, token = command if isinstance(command, str) else shlex.join(command), new_token()
        process = self._process("shell", "-n", marked(text, token))
        return Running(process, token, self._name, lambda script: self.client("shell", "-n", script, timeout=_PATIENCE))

    def sections(self, commands: Mapping[str, str], timeout: float = 30.0) -> dict[str, str]:
        """What several scripts print, by name, in one call; their errors and exit codes are left out.

        Raises:
            DeviceError: as `shell`.
        """
        token = new_token()
        parts = [f"echo; echo {token} {name}; {{ {script}\n}} 2>/dev/null" for name, script in commands.items()]
        text = "\n" + self.shell("\n".join(parts), timeout).stdout
        found = re.split(rf"\n{token} (\S+)\n", text)
        return dict(zip(found[1::2], found[2::2], strict=True))

    def features(self) -> frozenset[str]:
        """What device and client both can, such as ``shell_v2``; empty for old devices.

        Raises:
            DeviceError: the device is not ready.
        """
        answer = self.client("features")
        if answer.code:
            raise refused(self._name, answer.stderr)
        return frozenset(line.strip() for line in answer.stdout.splitlines() if re.fullmatch(r"\s*\w+\s*", line))

    def push(self, local: Path, remote: str) -> str:
        """Copy a file to the device and compare hashes there.

        Returns:
            Its SHA-256.

        Raises:
            DeviceError: it did not arrive whole; nothing is left of it.
            OSError: `local` cannot be read.
        """
        wanted, seconds = sha256(local), 60.0 + local.stat().st_size / _SLOWEST
        try:
            answer = self.client("push", str(local.absolute()), remote, timeout=seconds)
            if answer.code:
                raise self._transfer_failed("The file could not be copied to the device.", answer)
            found = self.sha256(remote, seconds)
            if found != wanted:
                raise DeviceError(
                    "The file arrived damaged.",
                    f"{self._name}: {remote} has SHA-256 {found[:12]}..., {local.name} has {wanted[:12]}...",
                    "Try another cable or port.",
                )
        except BaseException:
            with suppress(DeviceError):  # from a device that is gone nothing can be removed
                self.shell(["rm", "-f", remote], _PATIENCE)
            raise
        return wanted

    def pull(self, remote: str, local: Path) -> None:
        """Copy a file from the device and compare hashes; `local` is written whole or not at all.

        Raises:
            DeviceError: it is not there, or did not arrive whole.
            OSError: `local` cannot be written.
        """
        wanted = self.sha256(remote)
        with tempfile.TemporaryDirectory(prefix=".pull-", dir=local.absolute().parent) as folder:
            partial = Path(folder) / "file"
            answer = self.client("pull", remote, str(partial), timeout=_LONGEST_PULL)
            if answer.code or not partial.is_file():
                raise self._transfer_failed("The file could not be copied from the device.", answer)
            if sha256(partial) != wanted:
                cause = f"{self._name}: {remote} differs from what came."
                raise DeviceError("The file arrived damaged.", cause, "Try another cable or port.")
            partial.replace(local)

    def sha256(self, remote: str, timeout: float = 60.0) -> str:
        """The SHA-256 of a file on the device, as hexadecimal digits.

        Raises:
            DeviceError: it cannot be read, or the device has no ``sha256sum``.
        """
        path = shlex.quote(remote)
        script = (
            f"[ -r {path} ] || exit 66\n"
            f"if command -v sha256sum >/dev/null; then sha256sum <{path}; else toybox sha256sum <{path}; fi"
        )
        answer = self.shell(script, timeout)
        if answer.code == 66:
            raise DeviceError("A file is not on the device.", f"{self._name}: {remote} cannot be read.")
        found = re.match(r"\s*([0-9a-f]{64})\b", answer.stdout)
        if answer.code or found is None:
            raise DeviceError(
                "The device cannot say whether files arrived whole.",
                f"{self._name}: neither sha256sum nor toybox sha256sum runs: "
                f"{last_line(answer.stderr or answer.stdout) or 'no output'}",
                "Android 6 and later have it; push a static toybox to a folder on its PATH.",
            )
        return found[1]

    def exists(self, remote: str) -> bool:
        """Whether there is a file or folder of that name.

        Raises:
            DeviceError: as `shell`.
        """
        return self.shell(["test", "-e", remote]).code == 0

    def make_folder(self, remote: str) -> None:
        """Make a folder and those above it.

        Raises:
            DeviceError: it cannot be made.
        """
        self._changed(["mkdir", "-p", remote], "A folder could not be made on the device.")

    def remove(self, remote: str) -> None:
        """Remove a file or a whole folder; no error when there is none.

        Raises:
            DeviceError: something of it is still there.
            ValueError: `remote` is not absolute or too near the root to be ours.
        """
        path = PurePosixPath(remote)
        if not path.is_absolute() or ".." in path.parts or len(path.parts) < 4:
            raise ValueError(f"{remote!r} is not removed: it is not a folder of ours")
        self._changed(["rm", "-rf", remote], "Something could not be removed from the device.")

    def _changed(self, command: list[str], cause: str) -> None:
        answer = self.shell(command, timeout=120.0)
        if answer.code:
            raise self._transfer_failed(cause, answer)

    def _transfer_failed(self, cause: str, answer: Answer) -> DeviceError:
        said = f"{answer.stdout}\n{answer.stderr}"
        state = state_said(said)
        if state:
            help_ = remedy(state, self._name)
        elif "No space left" in said:
            help_ = "Free some room in /data on the device."
        else:
            help_ = "Use a folder under /data/local/tmp, the place where a shell may write and run programs."
        return DeviceError(cause, f"{self._name}: {last_line(said) or 'adb said nothing.'}", help_)

    def _too_slow(self, what: str, timeout: float) -> DeviceError:
        return DeviceError(
            f"The {'adb server' if self.serial is None else 'device'} did not answer in time.",
            f"{self._name}: {what} took more than {timeout:g} s.",
            "Unlock it, plug it in again, or restart it; `adb kill-server` starts the connection anew.",
        )

    @property
    def _name(self) -> str:
        return self.serial or "the device"

    def _process(self, *arguments: str) -> subprocess.Popen[bytes]:
        port = [] if self.server_port is None else ["-P", str(self.server_port)]
        serial = [] if self.serial is None else ["-s", self.serial]
        tool = "adb" if self.tool is None else str(self.tool)
        try:
            return subprocess.Popen(
                [tool, *port, *serial, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C is ours: what runs is ended on the device first
            )
        except OSError as error:
            raise MissingDependencyError(
                "The adb program is needed to reach devices.",
                f"{tool}: {error.strerror}.",
                "`apt-get install adb`, or Android's platform tools.",
            ) from error


def _brief(command: Sequence[str] | str) -> str:
    text = " ".join((command if isinstance(command, str) else shlex.join(command)).split())
    return text if len(text) <= 60 else text[:57] + "..."
