package io.edgedepth.demo

import android.Manifest
import android.app.Activity
import android.app.Application
import android.graphics.Bitmap
import android.graphics.Canvas
import android.os.Looper
import android.view.View
import android.view.ViewGroup
import android.widget.TextView
import org.junit.Assert.fail
import org.robolectric.RuntimeEnvironment
import org.robolectric.Shadows.shadowOf
import java.io.File

private const val PATIENCE_SECONDS = 60

/** The application under test. */
val app: TestApplication get() = RuntimeEnvironment.getApplication() as TestApplication

/** Lets the app use the camera. */
fun allowCamera() = shadowOf(app as Application).grantPermissions(Manifest.permission.CAMERA)

/** Runs what is due on the main thread until something holds; the worker's threads are real. */
fun await(what: String, holds: () -> Boolean) = await({ what }, holds)

private fun await(what: () -> String, holds: () -> Boolean) {
    val end = System.nanoTime() + PATIENCE_SECONDS * 1_000_000_000L
    while (true) {
        shadowOf(Looper.getMainLooper()).idle()
        if (holds()) return
        if (System.nanoTime() > end) fail("after $PATIENCE_SECONDS s there is not: ${what()}")
        Thread.sleep(20)
    }
}

/** What a view says; empty where it is not shown. */
fun Activity.said(id: Int): String = findViewById<TextView>(id).let { if (it.isShown) it.text.toString() else "" }

/** Waits until a view says it. */
fun Activity.awaitText(id: Int, part: String) = await({ "'$part' on the screen, but ${all()}" }) { part in said(id) }

/** Everything that the screen says. */
private fun Activity.all(): String = texts(window.decorView).joinToString(" | ")

private fun texts(view: View): List<String> = when {
    !view.isShown -> emptyList()
    view is ViewGroup -> (0 until view.childCount).flatMap { texts(view.getChildAt(it)) }
    view is TextView -> listOf(view.text.toString())
    else -> emptyList()
}

/** Presses a button. */
fun Activity.press(id: Int) {
    findViewById<View>(id).performClick()
    shadowOf(Looper.getMainLooper()).idle()
}

/** Draws a screen as it is into `screenshots/NAME.png`. */
fun Activity.picture(name: String): Bitmap = draw(window.decorView, name)

/** Draws a view. */
fun draw(view: View, name: String): Bitmap {
    shadowOf(Looper.getMainLooper()).idle()
    val bitmap = Bitmap.createBitmap(view.width, view.height, Bitmap.Config.ARGB_8888)
    view.draw(Canvas(bitmap))
    val file = File(fixture("screenshots"), "$name.png")
    file.parentFile?.mkdirs()
    file.outputStream().use { bitmap.compress(Bitmap.CompressFormat.PNG, 100, it) }
    return bitmap
}

/** How many different colours a picture has. */
fun colours(bitmap: Bitmap): Int {
    val pixels = IntArray(bitmap.width * bitmap.height)
    bitmap.getPixels(pixels, 0, bitmap.width, 0, 0, bitmap.width, bitmap.height)
    return pixels.toHashSet().size
}
