"""A small device of our own behind the real `adb` client, for the faults that a real adbd does not produce.

`fake_device` has it connected. Commands run in this machine's shell, below a folder
of its own: ``/data``, ``/sys`` and a few files of ``/proc`` lead there (`FakeDevice.path`), and what ``getprop``,
``dumpsys X``, ``settings get global X`` print are its files ``says/...`` (`FakeDevice.say`). Faults are attributes
that a test sets at any time. Nothing here is a phone's time.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import stat
import struct
import subprocess
import threading
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

_HEADER = struct.Struct("<6I")
_MAX_DATA = 1 << 20
_VERSION = 0x01000001
_STDOUT, _STDERR, _EXIT = 1, 2, 3
_SAYS = """#!/bin/sh
cat "{root}/says/{name}$(printf -- '-%s' "$@" | tr / _)" 2>/dev/null || {{ echo "Can't find service: $*" >&2; exit 1; }}
"""


def _number(name: bytes) -> int:
    return int.from_bytes(name, "little")


class FakeDevice:
    """A device that listens on a port of this machine.

    Attributes:
        shell_v2: the newer shell protocol: exit codes and two streams. Without it lines end in ``\\r\\n``.
        banner: ``device``, ``recovery``, ``sideload`` ...
        unauthorized: it refuses every key.
        silent: it accepts connections and answers nothing.
        vanish_after: bytes of a command's output after which the connection is cut.
        truncate_after: bytes after which a command's output ends as if it were complete, without an exit code.
        hang: commands are taken and never answered.
        disk_full: pushes fail at their end.
        corrupt: one byte of every push is changed.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.shell_v2, self.banner = True, "device"
        self.unauthorized = self.silent = self.hang = self.disk_full = self.corrupt = False
        self.vanish_after: int | None = None
        self.truncate_after: int | None = None
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._connections: set[_Connection] = set()
        for folder in ("data/local/tmp", "sys", "proc", "says", "bin"):
            (root / folder).mkdir(parents=True)
        for name in ("getprop", "dumpsys", "settings", "cmd"):
            program = root / "bin" / name
            program.write_text(_SAYS.format(root=root, name=name))
            program.chmod(0o755)

    @property
    def serial(self) -> str:
        return f"127.0.0.1:{self.port}"

    def path(self, remote: str) -> Path:
        """Where a file of the device lies here."""
        return self.root / remote.lstrip("/")

    def write(self, remote: str, text: str) -> None:
        """A file on the device."""
        self.path(remote).parent.mkdir(parents=True, exist_ok=True)
        self.path(remote).write_text(text)

    def say(self, command: str, text: str) -> None:
        """What a command such as ``dumpsys battery`` prints."""
        (self.root / "says" / command.replace(" ", "-").replace("/", "_")).write_text(text)

    def properties(self, **values: str) -> None:
        """What getprop lists and gives singly; dots are written ``__``."""
        got = {name.replace("__", "."): value for name, value in values.items()}
        self.say("getprop-", "".join(f"[{name}]: [{value}]\n" for name, value in got.items()))
        for name, value in got.items():
            self.say(f"getprop {name}", value + "\n")

    def start(self) -> None:
        ready = threading.Event()

        def serve() -> None:
            asyncio.set_event_loop(self._loop)
            self._server = self._loop.run_until_complete(asyncio.start_server(self._accept, "127.0.0.1", self.port))
            self.port = self._server.sockets[0].getsockname()[1]
            ready.set()
            self._loop.run_forever()
            left = asyncio.all_tasks(self._loop)
            for task in left:
                task.cancel()
            self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
            self._loop.close()

        self._thread = threading.Thread(target=serve, daemon=True)
        self._thread.start()
        assert ready.wait(5)

    def stop(self) -> None:
        self._do(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    def drop(self) -> None:
        """Cut every connection; the client's server comes back by itself."""
        self._do(self._cut())

    def unplug(self) -> None:
        """Cut every connection and take no more."""
        self._do(self._end())

    def _do(self, work: Awaitable[None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(5)  # type: ignore[arg-type]

    async def _cut(self) -> None:
        for connection in list(self._connections):
            connection.cut()

    async def _end(self) -> None:
        self._server.close()
        await self._cut()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(self, reader, writer)
        self._connections.add(connection)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await connection.serve()
        self._connections.discard(connection)
        connection.cut()

    def local(self, text: str) -> str:
        """A command or path of the device for this machine's shell."""
        return re.sub(r"/data/|/proc/sys/|/proc/cpuinfo|/sys/", lambda found: f"{self.root}{found[0]}", text)


class _Connection:
    def __init__(self, device: FakeDevice, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.device, self.reader, self.writer = device, reader, writer
        self.streams: dict[int, _Stream] = {}

    def cut(self) -> None:
        for stream in list(self.streams.values()):
            stream.task.cancel()
        self.writer.transport.abort()

    def send(self, command: bytes, first: int, second: int, data: bytes = b"") -> None:
        number = _number(command)
        self.writer.write(_HEADER.pack(number, first, second, len(data), sum(data), number ^ 0xFFFFFFFF) + data)

    async def serve(self) -> None:
        while True:
            command, first, second, length, _, _ = _HEADER.unpack(await self.reader.readexactly(_HEADER.size))
            data = await self.reader.readexactly(length)
            name = command.to_bytes(4, "little")
            if self.device.silent:
                continue
            if name in (b"CNXN", b"AUTH"):
                self._greet(name, first)
            elif name == b"OPEN":
                number = len(self.streams) + 1
                stream = self.streams[number] = _Stream(self, number, first)
                self.send(b"OKAY", number, first)
                stream.task = asyncio.ensure_future(stream.run(data.rstrip(b"\0").decode()))
            elif second in self.streams:
                stream = self.streams[second]
                if name == b"OKAY":
                    stream.acknowledged.set()
                elif name == b"WRTE":
                    self.send(b"OKAY", second, first)
                    stream.received.feed_data(data)
                elif name == b"CLSE":
                    stream.received.feed_eof()
                    stream.task.cancel()
            await self.writer.drain()

    def _greet(self, name: bytes, kind: int) -> None:
        if self.device.unauthorized:
            if name == b"CNXN" or kind == 2:  # after a signature once more; after a public key never again
                self.send(b"AUTH", 1, 0, os.urandom(20))
            return
        features = "features=shell_v2,cmd" if self.device.shell_v2 else ""
        text = f"{self.device.banner}::ro.product.name=fake;ro.product.model=Fake;ro.product.device=fake;{features}"
        self.send(b"CNXN", _VERSION, _MAX_DATA, text.encode())


class _Stream:
    task: asyncio.Future[None]

    def __init__(self, connection: _Connection, number: int, other: int) -> None:
        self.connection, self.device, self.number, self.other = connection, connection.device, number, other
        self.acknowledged, self.received = asyncio.Event(), asyncio.StreamReader()
        self.sent = 0

    async def send(self, data: bytes) -> None:
        for start in range(0, len(data), 1 << 16):
            self.acknowledged.clear()
            self.connection.send(b"WRTE", self.number, self.other, data[start : start + (1 << 16)])
            await self.acknowledged.wait()

    async def run(self, service: str) -> None:
        name, _, rest = service.partition(":")
        try:
            if name.startswith("shell"):
                await self._shell(rest, v2="v2" in name.split(","))
            elif name == "sync":
                await self._sync()
        except asyncio.IncompleteReadError:
            pass  # the client closed it
        finally:
            self.connection.send(b"CLSE", self.number, self.other)

    async def _shell(self, command: str, *, v2: bool) -> None:
        if self.device.hang:
            await asyncio.Event().wait()
        process = await asyncio.create_subprocess_exec(
            "sh",
            "-c",
            self.device.local(command),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE if v2 else subprocess.STDOUT,
            cwd=self.device.root,
            env={"PATH": f"{self.device.root}/bin:/usr/bin:/bin"},
            start_new_session=True,
        )
        try:
            pipes = [(_STDOUT, process.stdout), (_STDERR, process.stderr)]
            lock = asyncio.Lock()
            await asyncio.gather(*(self._forward(kind, pipe, lock, v2=v2) for kind, pipe in pipes if pipe))
            code = await process.wait()
            if v2 and self.device.truncate_after is None:
                await self.send(struct.pack("<BIB", _EXIT, 1, code if code >= 0 else 128 - code))
        finally:
            if process.returncode is None:
                os.kill(process.pid, signal.SIGHUP)  # as adbd does: the shell only
            process._transport.close()  # type: ignore[attr-defined]

    async def _forward(self, kind: int, pipe: asyncio.StreamReader, lock: asyncio.Lock, *, v2: bool) -> None:
        while data := await pipe.read(1 << 15):
            async with lock:
                room = self.device.vanish_after if self.device.truncate_after is None else self.device.truncate_after
                if room is not None:
                    data = data[: max(0, room - self.sent)]
                self.sent += len(data)
                if data:
                    await self.send(struct.pack("<BI", kind, len(data)) + data if v2 else data.replace(b"\n", b"\r\n"))
            if self.device.vanish_after is not None and self.sent >= self.device.vanish_after:
                asyncio.get_running_loop().call_soon(self.connection.cut)
                await asyncio.Event().wait()

    async def _sync(self) -> None:
        work: dict[bytes, Callable[[str], Awaitable[None]]] = {
            b"STAT": self._stat,
            b"SEND": self._receive_file,
            b"RECV": self._send_file,
        }
        while True:
            name, length = struct.unpack("<4sI", await self.received.readexactly(8))
            if name == b"QUIT":
                return
            await work[name]((await self.received.readexactly(length)).decode())

    async def _stat(self, remote: str) -> None:
        try:
            found = Path(self.device.local(remote)).stat()
            await self.send(struct.pack("<4s3I", b"STAT", found.st_mode, found.st_size, int(found.st_mtime)))
        except OSError:
            await self.send(struct.pack("<4s3I", b"STAT", 0, 0, 0))

    async def _receive_file(self, target: str) -> None:
        remote, _, mode = target.rpartition(",")
        content = bytearray()
        while True:
            name, length = struct.unpack("<4sI", await self.received.readexactly(8))
            if name == b"DONE":
                break
            content += await self.received.readexactly(length)
        if self.device.disk_full:
            await self._fail("couldn't write: No space left on device")
            return
        if self.device.corrupt:
            content[len(content) // 2] ^= 1
        try:
            local = Path(self.device.local(remote))
            local.write_bytes(content)
            local.chmod(stat.S_IMODE(int(mode)))
        except OSError as error:
            await self._fail(f"couldn't create file: {error.strerror}")
        else:
            await self.send(struct.pack("<4sI", b"OKAY", 0))

    async def _send_file(self, remote: str) -> None:
        try:
            content = Path(self.device.local(remote)).read_bytes()
        except OSError as error:
            await self._fail(f"open failed: {error.strerror}")
            return
        for start in range(0, len(content), 1 << 16):
            part = content[start : start + (1 << 16)]
            await self.send(struct.pack("<4sI", b"DATA", len(part)) + part)
        await self.send(struct.pack("<4sI", b"DONE", 0))

    async def _fail(self, text: str) -> None:
        await self.send(struct.pack("<4sI", b"FAIL", len(text)) + text.encode())


def alive(marker: str) -> list[str]:
    """Numbers of the processes ``sleep MARKER``."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = process.read_bytes().split(b"\0")
        except OSError:
            continue
        if words[:2] == [b"sleep", marker.encode()]:
            found.append(process.parent.name)
    return found


def until_dead(marker: str) -> bool:
    """Whether they all end within seconds."""
    until = time.monotonic() + 5
    while alive(marker) and time.monotonic() < until:
        time.sleep(0.02)
    return not alive(marker)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
