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

/** The orientations of Exif whose left and right change places before the turn. */
private val MIRRORED = setOf(
    ExifInterface.ORIENTATION_FLIP_HORIZONTAL,
    ExifInterface.ORIENTATION_FLIP_VERTICAL,
    ExifInterface.ORIENTATION_TRANSPOSE,
    ExifInterface.ORIENTATION_TRANSVERSE,
)

/** By how many degrees clockwise each orientation of Exif is turned to stand upright; of others: not at all. */
private val TURNS = mapOf(
    ExifInterface.ORIENTATION_ROTATE_90 to 90f,
    ExifInterface.ORIENTATION_TRANSVERSE to 90f,
    ExifInterface.ORIENTATION_ROTATE_180 to 180f,
    ExifInterface.ORIENTATION_FLIP_VERTICAL to 180f,
    ExifInterface.ORIENTATION_ROTATE_270 to 270f,
    ExifInterface.ORIENTATION_TRANSPOSE to 270f,
)

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
        return rgb(upright(bitmap, open(uri).use(::orientationOf)))
    }

    private fun open(uri: Uri): InputStream = try {
        resolver.openInputStream(uri)
    } catch (error: SecurityException) {
        throw IOException("The app may not read it any more.", error)
    } ?: throw IOException("It is gone.")

    private fun orientationOf(stream: InputStream): Int =
        ExifInterface(stream).getAttributeInt(ExifInterface.TAG_ORIENTATION, ExifInterface.ORIENTATION_NORMAL)

    private fun upright(bitmap: Bitmap, orientation: Int): Bitmap {
        val scale = minOf(1f, LONGEST.toFloat() / maxOf(bitmap.width, bitmap.height))
        val isMirrored = orientation in MIRRORED
        val turn = TURNS[orientation] ?: 0f
        if (turn == 0f && scale == 1f && !isMirrored) return bitmap
        val matrix = Matrix().apply {
            postScale(if (isMirrored) -scale else scale, scale)
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
