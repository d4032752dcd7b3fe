"""The sections of a training recipe."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Objective = Literal["supervised", "photometric", "masked", "metric", "coarse", "noisy", "refined", "sharpened"]
SELF_SUPERVISED: tuple[Objective, ...] = ("photometric", "masked")
"""Objectives that compare views of one clip with each other."""
REFINING: tuple[Objective, ...] = ("coarse", "noisy", "refined", "sharpened")
"""Objectives of refiners, in the order in which they may follow each other."""
PATCH = (256, 320)
"""Height and width of the patches that refiners are trained on; a step sees a part of each."""
THRESHOLDS = (0.08, 0.15)
"""Between these the threshold network's output lies."""


@dataclass(frozen=True)
class Source:
    """One folder of training frames.

    Attributes:
        folder: relative to the data root.
        hold_out: names of frames, or of folders of them such as a rig's moments, that are never trained on and that
            the monitor measures.
        right_view: also train on the right pictures, with depth carried over from the left view.
        repeat: how often each frame comes per pass over the data.
        step: self-supervised stages compare each frame with those so many frames before and after it; 0 is none.
        stereo: they compare it with the other view of its rectified pair.
        masks: of a rig in metric stages: a folder with ``CAMERA.png`` for each camera, 0 where it sees its own vehicle,
            relative to the data root; empty is no masks.
    """

    folder: str
    hold_out: tuple[str, ...] = ()
    right_view: bool = False
    repeat: int = 1
    step: int = 0
    stereo: bool = False
    masks: str = ""


@dataclass(frozen=True)
class Rendered:
    """Streets rendered with exact depth, beside the sources.

    Attributes:
        count: how many pictures, or for metric stages moments of a rig; each shows a street of its own.
        seed: of the streets.
    """

    count: int = 0
    seed: int = 0


@dataclass(frozen=True)
class Stage:
    """A run of steps at one input size.

    Attributes:
        steps: optimizer steps.
        height, width: pixels, both divisible by 32.
        batch: pictures per step; of a metric stage, moments, each with all views of its rig.
        rendered: how many of them are rendered streets.
        objective: what is minimised: depth against targets; the photometric error of FlexDepth's first stage; its
            masked likelihood, the second stage, which has to follow a photometric one; for surround students,
            metric depth of all views of a rig against targets and against a teacher; or, for refiners, depth of
            the coarse model alone, depth of patches alone with noise in place of a coarse model, refined depth by both
            networks, or refined depth by the refiner alone, without the scale-invariant log loss.
        supervised: weight of the supervised loss beside a self-supervised one.
    """

    steps: int
    height: int
    width: int
    batch: int
    rendered: int = 0
    objective: Objective = "supervised"
    supervised: float = 0.0


@dataclass(frozen=True)
class Optimisation:
    """Optimizer and learning rate; both start anew where the objective changes.

    Attributes:
        learning_rate: the peak, after a linear warm-up.
        final_fraction: what the cosine leaves of it at the last step.
        weight_decay: on convolution weights only.
        warmup: steps.
        clip: largest gradient norm.
        ema: decay of the moving average of weights, which is what gets evaluated and shipped.
        optimizer: both decay weights apart from the gradient.
        schedule: ``cosine`` decay; or ``stepped``, as FlexDepth's release has it by default: a tenth after three
            quarters of the steps, but in masked stages 0.8 times the rate after each pass over the data.
        bfloat16: whether the network, all but its heads, computes in bfloat16; weights stay in float32.
        float16: the same in float16, on CUDA only.
    """

    learning_rate: float = 1e-3
    final_fraction: float = 0.01
    weight_decay: float = 0.02
    warmup: int = 300
    clip: float = 5.0
    ema: float = 0.999
    bfloat16: bool = False
    float16: bool = False
    optimizer: Literal["adamw", "nadam"] = "adamw"
    schedule: Literal["cosine", "stepped"] = "cosine"


@dataclass(frozen=True)
class LossWeights:
    """How the loss is put together.

    Attributes:
        variance_focus: lambda of the scale-invariant log loss; 1 ignores each picture's scale.
        absolute: weight of the mean absolute log error.
        gradient: weight of multi-scale log-gradient matching, on the finest disparity.
        scales: weight of each disparity, finest first.
    """

    variance_focus: float = 0.85
    absolute: float = 0.5
    gradient: float = 0.5
    scales: tuple[float, ...] = (1.0, 0.5, 0.25, 0.125)


@dataclass(frozen=True)
class Targets:
    """What becomes of measured and teacher depth.

    Attributes:
        metres_per_unit: metres that one unit of the network's depth stands for.
        max_depth: metres; farther targets are ignored.
        lidar_weight, teacher_weight: weight per pixel.
        teacher_top_weight: the teacher's weight above `trusted_row`, where no LiDAR supports it.
        trusted_row: fraction of the height from the top.
        sky_depth, sky_weight: target in metres and weight where the picture looks like sky in a frame with a
            teacher; a weight of 0 ignores those pixels.
    """

    metres_per_unit: float = 16.0
    max_depth: float = 80.0
    lidar_weight: float = 1.0
    teacher_weight: float = 1.0
    teacher_top_weight: float = 0.3
    trusted_row: float = 0.33
    sky_depth: float = 80.0
    sky_weight: float = 0.1


@dataclass(frozen=True)
class Augmentation:
    """Strength of each random change; zero switches it off.

    Attributes:
        flip: chance of a horizontal flip.
        zoom: a crop is enlarged by 1 to this factor, and its depth divided by the same.
        aspect: the crop's width is stretched by up to this fraction either way.
        rotation: degrees either way.
        colour: scale of brightness, contrast, saturation, gamma and white-balance changes.
        grey, blur, erase, seam: chances of losing colour, of blurring, of blanking boxes, and of continuing
            with another frame to the right of a vertical seam.
        noise: largest standard deviation, in units of the full range.
    """

    flip: float = 0.5
    zoom: float = 1.5
    aspect: float = 0.1
    rotation: float = 2.0
    colour: float = 0.4
    grey: float = 0.1
    blur: float = 0.15
    noise: float = 0.03
    erase: float = 0.3
    seam: float = 0.3


@dataclass(frozen=True)
class Photometric:
    """Choices of the self-supervised stages.

    Attributes:
        automask: leave out pixels that look no worse without warping (Monodepth2).
        inside_only: leave out pixels whose match lies outside of a view; Monodepth2 and FlexDepth do not.
        resnet18: a state dict of torchvision's resnet18, relative to the data, that the pose and variance networks
            start from; empty starts them at random.
    """

    automask: bool = True
    inside_only: bool = False
    resnet18: str = ""


@dataclass(frozen=True)
class Masked:
    """Choices of the masked stage, where FlexDepth's paper and release differ.

    Attributes:
        mask: ``hard`` is the release's, whose threshold network gets no gradient.
        likelihood: ``paper`` has the factor 0.5 of its eq. 13, ``released`` has none.
        average: of the masked likelihood: over the ``static`` pixels, so that a threshold that learns has no gain in
            masking everything; or over ``all``, as published.
        early_pass: the early network is the one after so many passes over the data in the photometric stage. 1 is
            what the release calls epoch 0; the release takes 3 on KITTI and 2 on Cityscapes.
        refresh_passes: after each so many passes of the masked stage the early network becomes the one in
            training; the release has 1 on KITTI and 5 on Cityscapes; 0 is never.
        threshold: where the threshold network starts, 0.08 to 0.15; the release has 0.1 on KITTI and 0.12 on
            Cityscapes.
        restart: the depth network starts again as the run did; otherwise it goes on.
    """

    mask: Literal["hard", "straight-through", "soft"] = "straight-through"
    likelihood: Literal["paper", "released"] = "paper"
    average: Literal["all", "static"] = "static"
    early_pass: int = 1
    refresh_passes: int = 0
    threshold: float = 0.1
    restart: bool = True


@dataclass(frozen=True)
class Distillation:
    """What metric stages minimise: the loss of eq. 8 in the surround students' paper, and what that leaves open.

    All depth losses are the scale-invariant log loss with `variance_focus` of the loss section; the other fields of
    that section do not apply.

    Attributes:
        teacher: relative to the data: a checkpoint of a model with the same head, or a folder of its predictions or
            of dense depth maps; empty trains on targets alone.
        factor: on the scale-invariant log loss, as in ZoeDepth.
        supervised: weight of the loss against targets.
        cross: weight of cross-interaction distillation: depth from the teacher's centres and the student's
            probabilities against the teacher's depth. With dense maps it weighs the student's own depth against
            them.
        relation: weight of view-relational distillation: distances of neighbouring views' probabilities.
        distance: over all pixels and bins of a ``view``, or over the bins of each ``pixel``.
        mean: the distances' unit is their mean over the whole ``batch``, or over each ``moment``.
        huber: where the loss on distances goes from square to linear.
        pool: distances are taken of probabilities averaged over squares of so many pixels a side.
        recompute: compute the head's maps again in the backward pass instead of keeping them: less memory, more time.
    """

    teacher: str = ""
    factor: float = 10.0
    supervised: float = 1.0
    cross: float = 0.1
    relation: float = 1.0
    distance: Literal["view", "pixel"] = "view"
    mean: Literal["batch", "moment"] = "batch"
    huber: float = 1.0
    pool: int = 1
    recompute: bool = False


@dataclass(frozen=True)
class Refinement:
    """What stages with patches minimise, in log depth, all of it on rendered pictures.

    `height` and `width` of such a stage are of the part of a patch that a step sees, its `batch` counts pictures.
    Targets are exact, so they serve where a teacher's pseudo labels do: for detail.

    Attributes:
        coarse_rate: the coarse model's learning rate over the refiner's in refined stages; 0 leaves it as it is.
        patches: of each picture in a step.
        hold_out: pictures of other streets that the monitor measures.
        softest: patches are shrunk by up to this factor and enlarged again, as those of small pictures are.
        silog: weight of the scale-invariant log loss; a square prefers a smeared border to a misplaced one, so
            sharpened stages do without.
        absolute: weight of the mean absolute log error.
        gradient: weight of multi-scale log-gradient matching.
        local: weight of local scale-and-shift-invariant gradient matching, on 100 windows of 23 pixels.
        detail: weight of the ranking and the scale-and-shift-invariant loss (detail-and-scale disentangling).
        pairs: edge pixels per patch that the ranking loss draws points around.
    """

    coarse_rate: float = 0.2
    patches: int = 4
    hold_out: int = 8
    softest: float = 4.0
    silog: float = 0.1
    absolute: float = 1.0
    gradient: float = 1.0
    local: float = 5.0
    detail: float = 0.2
    pairs: int = 256
