package io.edgedepth.demo

import android.graphics.BitmapFactory
import io.edgedepth.demo.camera.CameraFault
import io.edgedepth.demo.camera.CameraSource
import io.edgedepth.demo.core.artifact.DirectoryFolder
import io.edgedepth.demo.core.engine.EngineOpener
import io.edgedepth.demo.core.picture.RgbPicture
import io.edgedepth.demo.desktop.DesktopOpener
import io.edgedepth.demo.model.Library
import io.edgedepth.demo.picture.rgb
import java.io.Closeable
import java.io.File
import kotlin.concurrent.thread

/** A path that app/check names. */
fun fixture(name: String): File = File(requireNotNull(System.getProperty("edgedepth.$name")) { "run app/check" })

/** LiteRT on this computer, once per process. */
val computer: EngineOpener by lazy {
    DesktopOpener(fixture("shim"), fixture("litert"), requireNotNull(System.getProperty("edgedepth.litert.version")))
}

/** The rendered street. */
val street: RgbPicture by lazy { rgb(BitmapFactory.decodeFile(fixture("street").path)) }

/** The app with the parts that a computer lacks: a runtime for its processor, and a camera. */
class TestApplication : DemoApplication() {
    /** Replaces the runtime. */
    var runtime: EngineOpener = computer

    /** Replaces what is bundled: folders of artifacts. */
    var artifacts: List<File>? = null

    /** Replaces the camera. */
    var source: CameraSource = Loop(street)

    /** Takes the shared storage away. */
    var isStorageThere = true

    override fun getExternalFilesDir(type: String?): File? =
        if (isStorageThere) super.getExternalFilesDir(type) else null

    override fun runtime(): EngineOpener = EngineOpener { model, options -> runtime.open(model, options) }

    override fun library(): Library = artifacts?.let { Library.of(it.map(::DirectoryFolder)) } ?: super.library()

    override fun camera(): CameraSource = source
}

/** A camera that shows one picture again and again, 50 times per second. */
class Loop(private val picture: RgbPicture) : CameraSource {
    override fun start(displayDegrees: Int, receiver: CameraSource.Receiver): Closeable {
        val worker = thread(isDaemon = true) {
            try {
                while (true) {
                    receiver.onPicture(picture.height, picture.width) { picture.bytes.copyInto(it.bytes) }
                    Thread.sleep(20)
                }
            } catch (_: InterruptedException) {
                // It was closed.
            }
        }
        return Closeable {
            worker.interrupt()
            worker.join()
        }
    }
}

/** A camera that gives nothing but a fault. */
class Broken(private val fault: CameraFault, private val detail: String) : CameraSource {
    override fun start(displayDegrees: Int, receiver: CameraSource.Receiver): Closeable {
        receiver.onFault(fault, detail)
        return Closeable {}
    }
}
