package io.edgedepth.demo.picture

import android.content.ContentResolver
import android.graphics.Bitmap
import android.graphics.BitmapFactory
import android.graphics.Matrix
import android.media.ExifInterface
import android.net.Uri
import io.edgedepth.demo.core.picture.RgbPicture
import java.io.IOException
import java.io.InputStream

/** Pixels of the longer side that are kept; a picture of 1600 x 1200 takes about 40 MB with its depth. */
private const val LONGEST = 1600

/** Reads a picture that the user chose: upright, and at most 1600 pixels long. */
class PictureReader(private val resolver: ContentResolver) {
    /** @throws IOException it is gone, not allowed, or no picture. */
    fun read(uri: Uri): RgbPicture {
        val bounds = BitmapFactory.Options().apply { inJustDecodeBounds = true }
        open(uri).use { BitmapFactory.decodeStream(it, null, bounds) }
        if (bounds.outWidth <= 0) throw IOException("It is no picture that this phone can read.")
        var step = 1
        while (maxOf(bounds.outWidth, bounds.outHeight) / (2 * step) >= LONGEST) step *= 2
        val options = BitmapFactory.Options().apply { inSampleSize = step }
        val bitmap = open(uri).use { BitmapFactory.decodeStream(it, null, options) }
            ?: throw IOException("It is damaged, or of a kind that this phone cannot read.")
        return rgb(upright(bitmap, open(uri).use(::turnOf)))
    }

    private fun open(uri: Uri): InputStream = try {
        resolver.openInputStream(uri)
    } catch (error: SecurityException) {
        throw IOException("The app may not read it any more.", error)
    } ?: throw IOException("It is gone.")

    private fun turnOf(stream: InputStream): Float =
        when (ExifInterface(stream).getAttributeInt(ExifInterface.TAG_ORIENTATION, ExifInterface.ORIENTATION_NORMAL)) {
            ExifInterface.ORIENTATION_ROTATE_90 -> 90f
            ExifInterface.ORIENTATION_ROTATE_180 -> 180f
            ExifInterface.ORIENTATION_ROTATE_270 -> 270f
            else -> 0f
        }

    private fun upright(bitmap: Bitmap, turn: Float): Bitmap {
        val scale = minOf(1f, LONGEST.toFloat() / maxOf(bitmap.width, bitmap.height))
        if (turn == 0f && scale == 1f) return bitmap
        val matrix = Matrix().apply {
            postScale(scale, scale)
            postRotate(turn)
        }
        return Bitmap.createBitmap(bitmap, 0, 0, bitmap.width, bitmap.height, matrix, true)
    }
}

/** A bitmap's pixels, without what of them is transparent. */
fun rgb(bitmap: Bitmap): RgbPicture {
    val picture = RgbPicture(bitmap.height, bitmap.width)
    val row = IntArray(bitmap.width)
    var at = 0
    for (y in 0 until bitmap.height) {
        bitmap.getPixels(row, 0, bitmap.width, 0, y, bitmap.width, 1)
        for (pixel in row) {
            picture.bytes[at++] = (pixel shr 16).toByte()
            picture.bytes[at++] = (pixel shr 8).toByte()
            picture.bytes[at++] = pixel.toByte()
        }
    }
    return picture
}
