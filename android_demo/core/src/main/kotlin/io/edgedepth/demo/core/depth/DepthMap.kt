package io.edgedepth.demo.core.depth

/** What a decoded value measures. */
enum class Quantity(val text: String) {
    /** Grows with distance. */
    DEPTH("depth"),

    /** Shrinks with distance. */
    INVERSE_DEPTH("inverse depth"),
}

/** What stands between a decoded value and metres. */
enum class DepthUnit { METRES, UP_TO_SCALE, UP_TO_SCALE_AND_SHIFT }

/** What decoded values are. */
data class Meaning(val quantity: Quantity, val unit: DepthUnit) {
    /** One line for people. */
    val statement: String
        get() = when (unit) {
            DepthUnit.METRES -> "${quantity.text} in metres"
            DepthUnit.UP_TO_SCALE -> "${quantity.text}, up to one unknown scale per picture"
            DepthUnit.UP_TO_SCALE_AND_SHIFT ->
                "${quantity.text}, up to one unknown scale and one unknown shift per picture"
        }
}

/**
 * One decoded picture, row by row.
 *
 * @property values in [meaning].
 * @property closeness large where near: what is coloured. Not finite or negative where invalid.
 */
class DepthMap(
    val height: Int,
    val width: Int,
    val values: FloatArray,
    val closeness: FloatArray,
    val meaning: Meaning,
)
