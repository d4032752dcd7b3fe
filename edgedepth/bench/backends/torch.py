"""PyTorch on the CPU and on CUDA: eager or compiled, half precision in channels-last, CUDA graphs."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from edgedepth.bench.backends import Delegation, Placement
from edgedepth.bench.job import FLOOR, Job
from edgedepth.bench.picture import seeded_picture
from edgedepth.errors import MissingDependencyError, OperatorError
from edgedepth.models import build, card, initialise, shipped_weights
from edgedepth.models import checkpoint as checkpoints

CAPTURE_RUNS = 3
"""Runs on a side stream before a CUDA graph is captured: libraries make their workspaces then."""


def network(name: str, seed: int) -> tuple[nn.Module, str]:
    """A registered model with its shipped weights, or with seeded ones, and one line on where they came from.

    Raises:
        UsageError: there is no such model.
    """
    chosen = card(name)
    shipped = shipped_weights(chosen)
    if shipped is not None:
        return checkpoints.load(shipped, name).model, f"weights that ship with edgedepth ({shipped.name})"
    module: nn.Module = initialise(build(chosen), seed)  # type: ignore[operator]
    return module, f"seeded random weights (seed {seed}): proves arithmetic, never depth"


class PyTorch:
    """A registered model, or the floor's convolutions, run by PyTorch.

    Args:
        job: `Job.options` may hold ``precision`` (``fp16``), ``layout`` (``channels-last``), ``compile`` and
            ``graphs`` (CUDA only).

    Raises:
        MissingDependencyError: CUDA is asked for and not there.
        UsageError: there is no such model.
    """

    def __init__(self, job: Job) -> None:
        self.version = str(torch.__version__)
        require_cuda(job.accelerator, available=torch.cuda.is_available())
        if job.threads is not None:
            torch.set_num_threads(job.threads)
        _import(job)
        self._job = job
        self._device = torch.device(job.accelerator)
        self._dtype = torch.float16 if job.options.get("precision") == "fp16" else torch.float32
        self._layout = torch.channels_last if "layout" in job.options else torch.contiguous_format

    @contextmanager
    def explained(self) -> Iterator[None]:
        """Out of memory, missing kernels and compilers."""
        try:
            yield
        except (RuntimeError, NotImplementedError, torch.cuda.OutOfMemoryError) as error:
            raise OperatorError(
                f"{self._job.graph} does not run in PyTorch like this.",
                next(iter(str(error).splitlines()), type(error).__name__)[:200],
                "Choose a smaller --batch, or leave --compile out.",
            ) from error

    def open(self) -> None:
        """Build, load the weights, bring them to the device, in the asked precision and layout."""
        if self._device.type == "cuda":
            # One shape runs again and again; and what is called fp32 is computed in fp32.
            torch.backends.cudnn.benchmark = True
            torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
        model = _floor() if self._job.graph == FLOOR else network(self._job.graph, self._job.seed)[0]
        model = model.eval().to(self._device, self._dtype).to(memory_format=self._layout)
        self._forward: Callable[[torch.Tensor], torch.Tensor] = model
        if "compile" in self._job.options:
            self._forward = torch.compile(model)
        _settle(self._device)

    def feed(self) -> None:
        """Put the input on the device, and make room for the result here."""
        picture = torch.from_numpy(seeded_picture(self._shape(), "float32", self._job.seed))
        self._input = picture.to(self._device, self._dtype).contiguous(memory_format=self._layout)
        if "graphs" in self._job.options:
            self._forward = _captured(self._forward, self._input)
        _settle(self._device)

    @torch.inference_mode()
    def run(self) -> object:
        """One inference; from a GPU, the result is read back and waited for."""
        output = self._forward(self._input)
        return output if self._device.type == "cpu" else output.cpu()

    def placement(self) -> Placement:
        """The GPU's name and driver."""
        if self._device.type == "cpu":
            return Placement()
        return Placement(gpu=f"{torch.cuda.get_device_name()}, CUDA {torch.version.cuda}", fully_accelerated=True)

    def delegation(self) -> Delegation | None:
        """Nothing is delegated."""
        return None

    def _shape(self) -> tuple[int, int, int, int]:
        if self._job.graph == FLOOR:
            from edgedepth.bench import floor  # noqa: PLC0415 - writing graphs needs their schemas

            return self._job.batch, floor.CHANNELS, floor.HEIGHT, floor.WIDTH
        spec = card(self._job.graph).input
        return self._job.batch, 3, *(self._job.size or (spec.height, spec.width))


def require_cuda(accelerator: str, *, available: bool) -> None:
    """Check that PyTorch sees a GPU if one is asked for.

    Raises:
        MissingDependencyError: it does not.
    """
    if accelerator == "cuda" and not available:
        raise MissingDependencyError(
            "PyTorch sees no CUDA device.",
            f"This is PyTorch {torch.__version__}, built "
            + (f"for CUDA {torch.version.cuda}." if torch.version.cuda else "without CUDA."),
            "Install a CUDA build of PyTorch on a machine with an NVIDIA GPU, or leave --accel cuda out.",
        )


def _import(job: Job) -> None:
    """Load what opening would otherwise load first: modules are no part of its time."""
    if "compile" in job.options:
        importlib.import_module("torch._inductor.compile_fx")
    if job.graph != FLOOR:
        with torch.device("meta"):
            build(card(job.graph))


def _floor() -> nn.Module:
    from edgedepth.bench import floor  # noqa: PLC0415 - writing graphs needs their schemas

    layers = []
    for weight in floor.weights():
        layer = nn.Conv2d(floor.CHANNELS, floor.CHANNELS, 3, padding=1, bias=False)
        layer.weight = nn.Parameter(torch.from_numpy(weight), requires_grad=False)
        layers.append(layer)
    return nn.Sequential(*layers)


def _settle(device: torch.device) -> None:
    """Wait until the GPU has done what was asked so far: its calls return early."""
    if device.type == "cuda":
        torch.cuda.synchronize()


@torch.inference_mode()
def _captured(
    forward: Callable[[torch.Tensor], torch.Tensor], given: torch.Tensor
) -> Callable[[torch.Tensor], torch.Tensor]:
    """The same computation as one CUDA graph, which a run replays without launching each kernel from Python."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(CAPTURE_RUNS):
            forward(given)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        result = forward(given)

    def replay(_: torch.Tensor) -> torch.Tensor:
        graph.replay()
        return result

    return replay
