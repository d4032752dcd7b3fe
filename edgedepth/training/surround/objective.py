"""What a metric stage minimises: supervised depth, and what a teacher adds (the students' paper, eq. 8)."""

from __future__ import annotations

import torch

from edgedepth.models.surround.metric_bins import Bins, expected_depth
from edgedepth.training.objectives import Setting, Terms
from edgedepth.training.surround.bins import bins_of
from edgedepth.training.surround.losses import by_moment, log_depth_loss, relation_loss, view_distances
from edgedepth.training.surround.rig_batch import RigBatch
from edgedepth.training.surround.teachers import Lesson, Teacher


def metric(setting: Setting, batch: RigBatch, teacher: Teacher | None) -> Terms:
    """The loss of one batch of moments in parts, each where its weight is above zero.

    ``supervised`` compares the student's depth with the targets. ``cross`` compares depth from the teacher's centres
    and the student's probabilities with the teacher's depth; ``relation`` the distances between neighbouring views'
    probabilities. ``dense``, of a teacher without bins, compares the student's depth with the teacher's.
    """
    settings = setting.recipe.distillation
    images = batch.images.flatten(0, 1)
    student = bins_of(setting.networks.depth, images, setting.precision, recompute=settings.recompute)
    parts = {}
    if settings.supervised:
        depths, weights = batch.depths.flatten(0, 1), batch.weights.flatten(0, 1)
        parts["supervised"] = settings.supervised * _depth_loss(setting, student.depth, depths, weights)
    if teacher is not None:
        parts |= _taught(setting, batch, student, teacher(batch))
    return Terms(parts)


def _taught(setting: Setting, batch: RigBatch, student: Bins, lesson: Lesson) -> dict[str, torch.Tensor]:
    settings = setting.recipe.distillation
    parts = {}
    told = lesson.depth.flatten(0, 1)
    weights = (batch.seen.flatten(0, 1) & (told > 0)).to(told.dtype)
    if lesson.centres is None or lesson.probabilities is None:
        if settings.cross:
            parts["dense"] = settings.cross * _depth_loss(setting, student.depth, told, weights)
        return parts
    if settings.cross:
        crossed = expected_depth(student.probabilities, lesson.centres.flatten(0, 1))
        parts["cross"] = settings.cross * _depth_loss(setting, crossed, told, weights)
    if settings.relation:
        probabilities = by_moment(student.probabilities, batch.seen)
        ours, counted = view_distances(probabilities, batch.seen, settings.distance, settings.pool)
        theirs, _ = view_distances(lesson.probabilities, batch.seen, settings.distance, settings.pool)
        loss = relation_loss(ours, theirs, counted, mean=settings.mean, huber=settings.huber)
        parts["relation"] = settings.relation * loss
    return parts


def _depth_loss(setting: Setting, predicted: torch.Tensor, target: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    recipe = setting.recipe
    focus, factor = recipe.loss.variance_focus, recipe.distillation.factor
    return log_depth_loss(predicted, target, weights, focus=focus, factor=factor)
