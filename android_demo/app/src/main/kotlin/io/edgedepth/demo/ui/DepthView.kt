package io.edgedepth.demo.ui

import android.content.Context
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Paint
import android.graphics.Rect
import android.util.AttributeSet
import android.view.View
import io.edgedepth.demo.core.picture.RgbPicture

/** A picture and its depth in colours, one above the other or side by side, whichever shows them larger. */
class DepthView(context: Context, attributes: AttributeSet?) : View(context, attributes) {
    private val lock = Any()
    private val paint = Paint(Paint.FILTER_BITMAP_FLAG)
    private val place = Rect()
    private val gap = (GAP_DP * resources.displayMetrics.density).toInt()
    private var pixels = IntArray(0)
    private var picture: Bitmap? = null
    private var depth: Bitmap? = null

    /**
     * Shows both; from any thread. Memory is allocated once per size.
     *
     * @param colours one opaque ARGB number per pixel of [shown]; copied.
     */
    fun show(shown: RgbPicture, colours: IntArray) {
        synchronized(lock) {
            if (pixels.size != colours.size) pixels = IntArray(colours.size)
            for (i in pixels.indices) pixels[i] = shown.argb(i)
            picture = filled(picture, shown, pixels)
            depth = filled(depth, shown, colours)
        }
        postInvalidate()
    }

    /** Shows nothing. */
    fun clear() {
        synchronized(lock) {
            picture = null
            depth = null
        }
        postInvalidate()
    }

    override fun onDraw(canvas: Canvas) {
        super.onDraw(canvas)
        synchronized(lock) {
            val above = picture ?: return
            val below = depth ?: return
            val side = scale(above, (width - gap) / 2, height)
            val stack = scale(above, width, (height - gap) / 2)
            if (stack >= side) {
                draw(canvas, above, stack, 0, 0, width, (height - gap) / 2)
                draw(canvas, below, stack, 0, (height + gap) / 2, width, (height - gap) / 2)
            } else {
                draw(canvas, above, side, 0, 0, (width - gap) / 2, height)
                draw(canvas, below, side, (width + gap) / 2, 0, (width - gap) / 2, height)
            }
        }
    }

    private fun draw(canvas: Canvas, bitmap: Bitmap, scale: Float, left: Int, top: Int, width: Int, height: Int) {
        val wide = (bitmap.width * scale).toInt()
        val high = (bitmap.height * scale).toInt()
        val x = left + (width - wide) / 2
        val y = top + (height - high) / 2
        place.set(x, y, x + wide, y + high)
        canvas.drawBitmap(bitmap, null, place, paint)
    }

    private fun scale(bitmap: Bitmap, width: Int, height: Int): Float =
        minOf(width.toFloat() / bitmap.width, height.toFloat() / bitmap.height).coerceAtLeast(0f)

    private fun filled(old: Bitmap?, size: RgbPicture, colours: IntArray): Bitmap {
        val bitmap = old?.takeIf { it.width == size.width && it.height == size.height }
            ?: Bitmap.createBitmap(size.width, size.height, Bitmap.Config.ARGB_8888)
        bitmap.setPixels(colours, 0, size.width, 0, 0, size.width, size.height)
        return bitmap
    }

    private fun RgbPicture.argb(index: Int): Int {
        val at = 3 * index
        val red = bytes[at].toInt() and 0xff
        val green = bytes[at + 1].toInt() and 0xff
        val blue = bytes[at + 2].toInt() and 0xff
        return (0xff shl 24) or (red shl 16) or (green shl 8) or blue
    }

    private companion object {
        const val GAP_DP = 4
    }
}
