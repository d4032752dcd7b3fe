package io.edgedepth.demo

import android.app.Application
import android.graphics.ImageFormat
import android.hardware.camera2.CameraCharacteristics
import android.hardware.camera2.CameraManager
import android.hardware.camera2.CameraMetadata
import android.util.Size
import io.edgedepth.demo.camera.Camera2Source
import io.edgedepth.demo.camera.CameraFault
import io.edgedepth.demo.camera.CameraSource
import io.edgedepth.demo.camera.closestSize
import io.edgedepth.demo.camera.onFrame
import io.edgedepth.demo.camera.uprightTurn
import io.edgedepth.demo.core.picture.Plane
import io.edgedepth.demo.core.picture.RgbPicture
import io.edgedepth.demo.core.picture.YuvFrame
import org.junit.After
import org.junit.Assert.assertEquals
import org.junit.Assert.assertNull
import org.junit.Assert.assertTrue
import org.junit.Test
import org.junit.runner.RunWith
import org.robolectric.RobolectricTestRunner
import org.robolectric.Shadows.shadowOf
import org.robolectric.shadows.ShadowCameraCharacteristics
import org.robolectric.shadows.StreamConfigurationMapBuilder
import java.nio.ByteBuffer
import java.util.Collections

/**
 * Camera2 as Robolectric has it: which camera and size are taken, what its faults become, that it is let go. No image
 * ever comes out of it there, so that is checked from the planes on.
 */
@RunWith(RobolectricTestRunner::class)
class CameraTest {
    private val manager = app.getSystemService(CameraManager::class.java)
    private val told = Told()

    private fun add(id: String, facing: Int, vararg sizes: Size) {
        val map = StreamConfigurationMapBuilder.newBuilder()
        sizes.forEach { map.addOutputSize(ImageFormat.YUV_420_888, it) }
        val facts = ShadowCameraCharacteristics.newCameraCharacteristics()
        shadowOf(facts).apply {
            set(CameraCharacteristics.LENS_FACING, facing)
            set(CameraCharacteristics.SENSOR_ORIENTATION, 90)
            set(CameraCharacteristics.SCALER_STREAM_CONFIGURATION_MAP, map.build())
        }
        shadowOf(manager).addCamera(id, facts)
    }

    private fun start() = Camera2Source(app as Application).start(0, told)

    /** Also before the next test, which would find the thread without its queue. */
    @After
    fun endOfThreads() = await("the end of the camera's threads") { cameraThreads() == 0 }

    private fun cameraThreads() = Thread.getAllStackTraces().keys.count { it.name == "edgedepth-camera" && it.isAlive }

    @Test
    fun `a camera that is taken away is told, and closing ends its thread`() {
        allowCamera()
        add("0", CameraMetadata.LENS_FACING_BACK, Size(640, 480))
        start().use {
            await("a fault") {
                shadowOf(manager).triggerDisconnect() // of no effect until it is open
                told.faults.isNotEmpty()
            }
        }
        assertEquals(CameraFault.IN_USE, told.faults.first())
    }

    @Test
    fun `starting and closing again and again leaves no thread and tells no fault`() {
        allowCamera()
        add("0", CameraMetadata.LENS_FACING_FRONT, Size(320, 240))
        repeat(20) { start().close() }
        endOfThreads()
        assertEquals(emptyList<CameraFault>(), told.faults)
    }

    @Test
    fun `no camera, or one without pictures, is told`() {
        allowCamera()
        start().use { await("a fault") { told.faults == listOf(CameraFault.NONE) } }
        add("0", CameraMetadata.LENS_FACING_EXTERNAL)
        start().use { await("a fault") { told.faults == listOf(CameraFault.NONE, CameraFault.NONE) } }
    }

    @Test
    fun `without the permission nothing is opened`() {
        add("0", CameraMetadata.LENS_FACING_BACK, Size(640, 480))
        start().close()
        assertEquals(listOf(CameraFault.NO_PERMISSION), told.faults)
        assertEquals(0, cameraThreads())
    }

    @Test
    fun `the smallest size with enough pixels is taken, or else the largest`() {
        val sizes = listOf(4000 to 3000, 640 to 480, 720 to 480, 320 to 240)
        assertEquals(640 to 480, closestSize(sizes, 640 * 480))
        assertEquals(720 to 480, closestSize(sizes, 640 * 480 + 1))
        assertEquals(4000 to 3000, closestSize(sizes, 100_000_000))
        assertNull(closestSize(emptyList(), 1))
    }

    /** CameraCharacteristics.SENSOR_ORIENTATION says what is subtracted for a back camera and added for a front one. */
    @Test
    fun `pictures stand upright however phone and sensor are turned`() {
        assertEquals(listOf(90, 0, 270, 180), listOf(0, 90, 180, 270).map { uprightTurn(90, it, facingFront = false) })
        assertEquals(listOf(270, 0, 90, 180), listOf(0, 90, 180, 270).map { uprightTurn(270, it, facingFront = true) })
    }

    @Test
    fun `a frame is given on at the size that it has when it stands`() {
        val luma = ByteBuffer.wrap(ByteArray(8 * 6) { (it * 5).toByte() })
        val grey = Plane(ByteBuffer.wrap(ByteArray(4 * 3) { 128.toByte() }), 4, 1)
        val frame = YuvFrame(6, 8, Plane(luma, 8, 1), grey, grey)
        for (turn in listOf(0, 90, 180, 270)) told.onFrame(frame, turn)
        assertEquals(listOf(6 to 8, 8 to 6, 6 to 8, 8 to 6), told.pictures.map { it.height to it.width })
        assertTrue(told.pictures.all { it.bytes.toSet().size == 48 })
        // What was at the lower left is at the upper left after a turn to the right.
        assertEquals((5 * 8 * 5).toByte(), told.pictures[1].bytes[0])
    }

    private class Told : CameraSource.Receiver {
        val faults: MutableList<CameraFault> = Collections.synchronizedList(ArrayList())
        val pictures = ArrayList<RgbPicture>()

        override fun onPicture(height: Int, width: Int, fill: (RgbPicture) -> Unit) {
            pictures += RgbPicture(height, width).also(fill)
        }

        override fun onFault(fault: CameraFault, detail: String) {
            faults += fault
        }
    }
}
