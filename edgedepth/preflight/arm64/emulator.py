"""One .tflite file, once or a few times, on an emulated ARM64 processor: its outputs and its instructions."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edgedepth.errors import MissingDependencyError, OperatorError
from edgedepth.preflight.arm64.library import Arm64Library, find_library
from edgedepth.preflight.arm64.programs import CROSS_COMPILER, EMULATOR, REMEDY, counter, runner, tool

Arrays = Mapping[str, npt.NDArray[np.generic]]


@dataclass(frozen=True)
class Processor:
    """An ARM core as QEMU emulates it and as Linux would describe it.

    Attributes:
        model: as QEMU calls it.
        part: number by which the core names itself.
        features: as /proc/cpuinfo lists them; LiteRT's kernels are chosen by these, so they must be QEMU's.
    """

    model: str
    part: int
    features: str


_ARM8 = "fp asimd evtstrm aes pmull sha1 sha2 crc32"
_ARM8_2 = f"{_ARM8} atomics fphp asimdhp cpuid asimdrdm lrcpc dcpop asimddp"
PROCESSORS = {
    "cortex-a53": Processor("cortex-a53", 0xD03, f"{_ARM8} cpuid"),
    "cortex-a76": Processor("cortex-a76", 0xD0B, _ARM8_2),
    "armv8.6": Processor("max,sve=off,sme=off", 0xD48, f"{_ARM8_2} i8mm bf16"),
}
"""A small core without dot products, a big one with them, and one with 8-bit matrix products, as phones since 2022.

QEMU's ``max`` as it is has SME too, where LiteRT's integer kernels give wrong results under QEMU 7.2.
"""
DEFAULT_PROCESSORS = ("cortex-a53", "cortex-a76")


@dataclass(frozen=True)
class Emulated:
    """What came of a run.

    Attributes:
        outputs: by name.
        instructions: of each inference in order; empty where they were not counted.
    """

    outputs: dict[str, npt.NDArray[np.generic]]
    instructions: tuple[int, ...]


@dataclass(frozen=True)
class Emulator:
    """Everything that a run needs, found."""

    qemu: Path
    runner: Path
    libraries: Path
    litert: Arm64Library

    def run(
        self,
        graph: Path,
        processor: str,
        inputs: Arrays,
        outputs: Arrays,
        *,
        runs: int = 1,
        count: bool = False,
        timeout: float = 3600.0,
    ) -> Emulated:
        """Run a graph on one thread.

        Args:
            graph: a .tflite file.
            processor: of `PROCESSORS`.
            inputs: by the name in the graph's signature, or of its tensor where it has none.
            outputs: arrays of the outputs' shapes and types, by name; their values are not used.
            runs: inferences; the outputs are the last one's.
            count: count instructions, which takes half as long again.
            timeout: seconds.

        Raises:
            OperatorError: LiteRT refuses the graph on this processor, or it did not end in time.
            MissingDependencyError: `count`, and the emulator takes no plugins.
        """
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _write_system(folder / "root", PROCESSORS[processor], self.libraries)
            command = [str(self.qemu), "-L", str(folder / "root"), "-cpu", PROCESSORS[processor].model]
            if count:
                command += ["-plugin", f"{counter()},out={folder / 'counts'}"]
            command += [str(self.runner), f"--graph={graph.resolve()}", f"--library={self.litert.path}"]
            command += [f"--num_runs={runs}", "--min_secs=0", "--warmup_runs=0", "--warmup_min_secs=0", "--marks=1"]
            command += ["--max_secs=1000000"]
            for i, (key, value) in enumerate(inputs.items()):
                (folder / f"in{i}").write_bytes(np.ascontiguousarray(value).tobytes())
                command.append(f"--input_file={key}:{folder / f'in{i}'}")
            command += [f"--output_file={key}:{folder / f'out{i}'}" for i, key in enumerate(outputs)]
            _start(command, graph, processor, timeout)
            got = {
                key: np.frombuffer((folder / f"out{i}").read_bytes(), like.dtype).reshape(like.shape)
                for i, (key, like) in enumerate(outputs.items())
            }
            return Emulated(got, _between_marks((folder / "counts").read_text()) if count else ())


def find_emulator() -> Emulator:
    """What a run needs.

    Raises:
        MissingDependencyError: the first thing that is not installed.
        InputError: what the environment names is not there.
    """
    qemu = tool(EMULATOR)
    compiler = tool(CROSS_COMPILER)
    folders = set()
    for name in ("libc.so.6", "libstdc++.so.6", "ld-linux-aarch64.so.1"):
        answer = subprocess.run([compiler, f"-print-file-name={name}"], capture_output=True, text=True, check=False)
        found = Path(answer.stdout.strip())
        # A library that the compiler does not find is answered with its bare name.
        if not found.is_absolute() or not found.exists():
            raise MissingDependencyError(f"{name} for ARM64 is not installed.", f"{compiler} does not find it.", REMEDY)
        folders.add(found.parent.resolve())
    if len(folders) != 1:
        places = ", ".join(sorted(map(str, folders)))
        raise MissingDependencyError("The ARM64 libraries lie in several folders.", places, REMEDY)
    return Emulator(qemu, runner(), folders.pop(), find_library())


def _write_system(root: Path, processor: Processor, libraries: Path) -> None:
    """What the program sees as / before the real one: the ARM64 libraries, and a processor that is told apart."""
    cpu = root / "sys" / "devices" / "system" / "cpu"
    cpu.mkdir(parents=True)
    for name in ("possible", "present"):
        (cpu / name).write_text("0\n")
    (root / "proc").mkdir()
    (root / "proc" / "cpuinfo").write_text(
        f"processor\t: 0\nBogoMIPS\t: 62.50\nFeatures\t: {processor.features}\nCPU implementer\t: 0x41\n"
        f"CPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: {processor.part:#05x}\nCPU revision\t: 0\n\n"
    )
    (root / "lib").symlink_to(libraries)


def _start(command: list[str], graph: Path, processor: str, timeout: float) -> None:
    try:
        done = subprocess.run(command, capture_output=True, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as error:
        raise OperatorError(
            f"{graph} did not finish on an emulated {processor}.",
            f"It was given {timeout:.0f} s.",
            "Use a smaller size.",
        ) from error
    if done.returncode == 0:
        return
    lines = [line for line in done.stderr.decode(errors="replace").splitlines() if line.startswith(("ERROR", "qemu"))]
    raise OperatorError(
        f"{graph} does not run on an emulated {processor}.",
        (lines[-1] if lines else f"It ended with code {done.returncode} and gave no reason.")[:200],
        "Export it with built-in operators of this LiteRT version only.",
    )


def _between_marks(text: str) -> tuple[int, ...]:
    """Instructions of each inference: the counter tells its state before and after each, and at the end."""
    states = [int(line) for line in text.split()][:-1]
    return tuple(after - before for before, after in zip(states[::2], states[1::2], strict=True))
