package io.edgedepth.demo.ui

import android.content.Context
import android.graphics.Bitmap
import android.graphics.Canvas
import android.graphics.Paint
import android.graphics.Rect
import android.util.AttributeSet
import android.view.View
import io.edgedepth.demo.R
import io.edgedepth.demo.core.depth.COLOURS
import io.edgedepth.demo.core.depth.DepthUnit
import io.edgedepth.demo.core.depth.Meaning
import io.edgedepth.demo.core.depth.ValueRange
import io.edgedepth.demo.core.depth.colourTable

/** The colours from far to near; in metres where the manifest says that depth is, and else without numbers. */
class LegendView(context: Context, attributes: AttributeSet?) : View(context, attributes) {
    private val texts = Texts(resources)
    private val bar = Bitmap.createBitmap(colourTable(), COLOURS, 1, Bitmap.Config.ARGB_8888)
    private val place = Rect()
    private val barPaint = Paint(Paint.FILTER_BITMAP_FLAG)
    private val textPaint = Paint(Paint.ANTI_ALIAS_FLAG).apply {
        color = context.getColor(R.color.text)
        textSize = resources.getDimension(R.dimen.small_text)
    }
    private var far = resources.getString(R.string.far)
    private var near = resources.getString(R.string.near)

    /** @param limits the closeness that is shown darkest and brightest. */
    fun show(meaning: Meaning, limits: ValueRange?) {
        val isMetric = meaning.unit == DepthUnit.METRES && limits != null && limits.low > 0
        far = label(R.string.far, if (isMetric) 1 / requireNotNull(limits).low else null)
        near = label(R.string.near, if (isMetric) 1 / requireNotNull(limits).high else null)
        contentDescription = resources.getString(R.string.legend, far, near, meaning.statement)
        invalidate()
    }

    override fun onMeasure(widthSpec: Int, heightSpec: Int) {
        val height = textPaint.fontSpacing * 2 + paddingTop + paddingBottom
        setMeasuredDimension(getDefaultSize(suggestedMinimumWidth, widthSpec), resolveSize(height.toInt(), heightSpec))
    }

    override fun onDraw(canvas: Canvas) {
        super.onDraw(canvas)
        val line = textPaint.fontSpacing
        place.set(paddingLeft, paddingTop, width - paddingRight, paddingTop + (line * BAR_SHARE).toInt())
        canvas.drawBitmap(bar, null, place, barPaint)
        val base = paddingTop + line * BAR_SHARE - textPaint.fontMetrics.ascent
        canvas.drawText(far, paddingLeft.toFloat(), base, textPaint)
        canvas.drawText(near, width - paddingRight - textPaint.measureText(near), base, textPaint)
    }

    private fun label(name: Int, metres: Double?): String =
        resources.getString(name) + if (metres == null) "" else " " + texts.metres(metres)

    private companion object {
        /** Height of the bar, in lines of text. */
        const val BAR_SHARE = 0.8f
    }
}
