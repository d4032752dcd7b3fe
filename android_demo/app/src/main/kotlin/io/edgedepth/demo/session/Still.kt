package io.edgedepth.demo.session

import io.edgedepth.demo.core.depth.Colourizer
import io.edgedepth.demo.core.depth.Meaning
import io.edgedepth.demo.core.depth.RobustRange
import io.edgedepth.demo.core.depth.ValueRange
import io.edgedepth.demo.core.engine.DepthPipeline
import io.edgedepth.demo.core.engine.StageTimes
import io.edgedepth.demo.core.picture.RgbPicture

/**
 * One picture with its depth, to keep.
 *
 * @property colours one opaque ARGB number per pixel of [picture].
 * @property limits the closeness that is shown darkest and brightest; null where nothing is valid.
 */
class Still(
    val picture: RgbPicture,
    val colours: IntArray,
    val limits: ValueRange?,
    val meaning: Meaning,
    val times: StageTimes,
)

/** Depth of one picture; on the thread that owns the pipeline. */
internal fun lookAt(picture: RgbPicture, pipeline: DepthPipeline): Still {
    val start = pipeline.now()
    val depth = pipeline.depth(picture)
    val colours = IntArray(depth.values.size)
    val limits = RobustRange().of(depth.closeness)
    Colourizer().colourize(depth.closeness, limits, colours)
    return Still(picture, colours, limits, depth.meaning, pipeline.timesSince(start))
}
