package io.edgedepth.demo.camera

import android.Manifest
import android.content.Context
import android.content.pm.PackageManager
import android.graphics.ImageFormat
import android.hardware.camera2.CameraAccessException
import android.hardware.camera2.CameraCaptureSession
import android.hardware.camera2.CameraCharacteristics
import android.hardware.camera2.CameraDevice
import android.hardware.camera2.CameraManager
import android.hardware.camera2.CaptureRequest
import android.media.Image
import android.media.ImageReader
import android.os.Handler
import android.os.HandlerThread
import io.edgedepth.demo.core.picture.Plane
import io.edgedepth.demo.core.picture.YuvFrame
import java.io.Closeable

private const val WANTED_PIXELS = 640 * 480

/** The phone's back camera, or else any, through Camera2. */
class Camera2Source(private val context: Context) : CameraSource {
    override fun start(displayDegrees: Int, receiver: CameraSource.Receiver): Closeable {
        if (context.checkSelfPermission(Manifest.permission.CAMERA) != PackageManager.PERMISSION_GRANTED) {
            receiver.onFault(CameraFault.NO_PERMISSION, "")
            return Closeable {}
        }
        return CameraRun(context, displayDegrees, receiver).also { it.open() }
    }
}

/** One camera from opening to closing; everything but [close] happens on its own thread. */
private class CameraRun(
    context: Context,
    private val displayDegrees: Int,
    private val receiver: CameraSource.Receiver,
) : Closeable {
    private val manager = context.getSystemService(CameraManager::class.java)
    private val thread = HandlerThread("edgedepth-camera").apply { start() }
    private val handler = Handler(thread.looper)
    private var device: CameraDevice? = null
    private var reader: ImageReader? = null
    private var isClosed = false

    /** From asking for the camera until it says that it is closed: what it has to say needs the thread. */
    private var isHeld = false

    fun open() {
        handler.post { guarded(::openHere) }
    }

    override fun close() {
        handler.post {
            isClosed = true
            release()
            if (!isHeld) thread.quitSafely()
        }
    }

    private fun release() {
        device?.close()
        device = null
        reader?.close()
        reader = null
    }

    private fun openHere() {
        val ids = manager.cameraIdList
        val id = ids.firstOrNull { facing(it) == CameraCharacteristics.LENS_FACING_BACK } ?: ids.firstOrNull()
        val facts = id?.let(manager::getCameraCharacteristics)
        val sizes = facts?.get(CameraCharacteristics.SCALER_STREAM_CONFIGURATION_MAP)
            ?.getOutputSizes(ImageFormat.YUV_420_888)?.map { it.width to it.height }
        val size = closestSize(sizes.orEmpty(), WANTED_PIXELS)
        if (id == null || facts == null || size == null) return receiver.onFault(CameraFault.NONE, "")
        val turn = uprightTurn(
            facts.get(CameraCharacteristics.SENSOR_ORIENTATION) ?: 0,
            displayDegrees,
            facing(id) == CameraCharacteristics.LENS_FACING_FRONT,
        )
        reader = ImageReader.newInstance(size.first, size.second, ImageFormat.YUV_420_888, 2).apply {
            setOnImageAvailableListener(
                { guarded { it.acquireLatestImage()?.use { image -> pass(image, turn) } } },
                handler,
            )
        }
        openCamera(id)
    }

    private fun facing(id: String) = manager.getCameraCharacteristics(id).get(CameraCharacteristics.LENS_FACING)

    private fun pass(image: Image, turn: Int) {
        val planes = image.planes.map { Plane(it.buffer, it.rowStride, it.pixelStride) }
        receiver.onFrame(YuvFrame(image.height, image.width, planes[0], planes[1], planes[2]), turn)
    }

    /** The permission was checked in [Camera2Source.start]; that it was withdrawn since is a fault like others. */
    private fun openCamera(id: String) {
        isHeld = true
        var isAsked = false
        try {
            manager.openCamera(id, listener(), handler)
            isAsked = true
        } finally {
            if (!isAsked) isHeld = false
        }
    }

    private fun listener() = object : CameraDevice.StateCallback() {
        override fun onOpened(camera: CameraDevice) {
            device = camera
            if (isClosed) release() else guarded { begin(camera) }
        }

        override fun onDisconnected(camera: CameraDevice) = end(camera, CameraFault.IN_USE, "")

        override fun onError(camera: CameraDevice, error: Int) = end(camera, faultOf(error), "Error $error.")

        override fun onClosed(camera: CameraDevice) {
            isHeld = false
            if (isClosed) thread.quitSafely()
        }
    }

    private fun end(camera: CameraDevice, fault: CameraFault, detail: String) {
        camera.close()
        release()
        if (!isClosed) receiver.onFault(fault, detail)
    }

    @Suppress("DEPRECATION") // what replaced it needs Android 9
    private fun begin(camera: CameraDevice) {
        val surface = requireNotNull(reader).surface
        val request = camera.createCaptureRequest(CameraDevice.TEMPLATE_PREVIEW).apply { addTarget(surface) }.build()
        camera.createCaptureSession(
            listOf(surface),
            object : CameraCaptureSession.StateCallback() {
                override fun onConfigured(session: CameraCaptureSession) = guarded { repeat(session, request) }

                override fun onConfigureFailed(session: CameraCaptureSession) =
                    end(camera, CameraFault.BROKEN, "It refused the picture's size or format.")
            },
            handler,
        )
    }

    private fun repeat(session: CameraCaptureSession, request: CaptureRequest) {
        if (!isClosed) session.setRepeatingRequest(request, null, handler)
    }

    /** What Camera2 and its drivers throw becomes a fault; after [close] it is of no interest. */
    private fun guarded(step: () -> Unit) {
        val (fault, error) = try {
            return step()
        } catch (error: CameraAccessException) {
            accessFault(error) to error
        } catch (error: SecurityException) {
            CameraFault.NO_PERMISSION to error
        } catch (error: RuntimeException) {
            CameraFault.BROKEN to error
        } catch (error: OutOfMemoryError) {
            CameraFault.BROKEN to error
        }
        release()
        if (!isClosed) receiver.onFault(fault, error.message ?: error.javaClass.simpleName)
    }
}

private fun accessFault(error: CameraAccessException): CameraFault = when (error.reason) {
    CameraAccessException.CAMERA_DISABLED -> CameraFault.FORBIDDEN
    CameraAccessException.CAMERA_IN_USE, CameraAccessException.MAX_CAMERAS_IN_USE -> CameraFault.IN_USE
    else -> CameraFault.BROKEN
}

private fun faultOf(error: Int): CameraFault = when (error) {
    CameraDevice.StateCallback.ERROR_CAMERA_IN_USE, CameraDevice.StateCallback.ERROR_MAX_CAMERAS_IN_USE ->
        CameraFault.IN_USE
    CameraDevice.StateCallback.ERROR_CAMERA_DISABLED -> CameraFault.FORBIDDEN
    else -> CameraFault.BROKEN
}
