package io.edgedepth.demo

import android.app.Application
import android.os.Handler
import android.os.Looper
import io.edgedepth.demo.bench.AndroidDevice
import io.edgedepth.demo.bench.ResultFolder
import io.edgedepth.demo.camera.Camera2Source
import io.edgedepth.demo.camera.CameraSource
import io.edgedepth.demo.core.engine.EngineOpener
import io.edgedepth.demo.engine.InterpreterOpener
import io.edgedepth.demo.engine.OneAtATime
import io.edgedepth.demo.model.Library
import java.util.concurrent.Executor

/** What the screens are built on, once per process; tests put their own in place. */
open class DemoApplication : Application() {
    private val handler = Handler(Looper.getMainLooper())

    /** Runs work on the main thread. */
    val main = Executor { handler.post(it) }

    /** Of the phone. */
    val device by lazy { AndroidDevice(this) }

    /** One engine at a time, whichever screen it belongs to. */
    val opener: EngineOpener by lazy { OneAtATime(runtime()) }

    /** Where `adb pull` finds results: below the app's own folder of the shared storage. */
    val results get() = ResultFolder(getExternalFilesDir("bench"))

    /** Of this app. */
    val version: String by lazy { packageManager.getPackageInfo(packageName, 0).versionName.orEmpty() }

    /** What runs graphs. */
    protected open fun runtime(): EngineOpener = InterpreterOpener()

    /** Reads what is bundled. */
    open fun library(): Library = Library.of(assets)

    /** Gives pictures. */
    open fun camera(): CameraSource = Camera2Source(this)
}
