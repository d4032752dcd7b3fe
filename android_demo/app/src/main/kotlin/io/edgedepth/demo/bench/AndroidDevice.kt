package io.edgedepth.demo.bench

import android.annotation.SuppressLint
import android.content.Context
import android.content.Intent
import android.content.IntentFilter
import android.os.BatteryManager
import android.os.Build
import android.os.Debug
import android.os.PowerManager
import android.provider.Settings
import io.edgedepth.demo.core.artifact.sha256
import io.edgedepth.demo.core.bench.BenchDevice
import io.edgedepth.demo.core.bench.DeviceFacts
import io.edgedepth.demo.core.bench.DeviceState

private const val TENTHS = 10.0
private const val KIB_PER_MB = 1e6 / 1024

/** What this phone tells about itself and its state. */
class AndroidDevice(private val context: Context) : BenchDevice {
    private val power = context.getSystemService(PowerManager::class.java)

    override val memoryMethod = "Debug.MemoryInfo total PSS"

    override fun state(): DeviceState {
        val battery = context.registerReceiver(null, IntentFilter(Intent.ACTION_BATTERY_CHANGED))
        val full = battery?.number(BatteryManager.EXTRA_SCALE)
        return DeviceState(
            thermalStatus = thermalStatus(),
            batteryLevel = battery?.number(BatteryManager.EXTRA_LEVEL)?.takeIf { full != null && full > 0 }
                ?.let { it * 100 / requireNotNull(full) },
            batteryCelsius = battery?.number(BatteryManager.EXTRA_TEMPERATURE)?.let { it / TENTHS },
            plugged = battery?.number(BatteryManager.EXTRA_PLUGGED)?.let { it != 0 },
            lowPower = power.isPowerSaveMode,
            screenOn = power.isInteractive,
            headroom = headroom(),
        )
    }

    /** 0 none to 6 shutdown; null before Android 10, which does not tell. */
    fun thermalStatus(): Int? = if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.Q) power.currentThermalStatus else null

    private fun headroom(): Double? =
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.R) power.getThermalHeadroom(0).toDouble() else null

    override fun memoryMb(): Double? {
        val info = Debug.MemoryInfo()
        Debug.getMemoryInfo(info)
        return (info.totalPss / KIB_PER_MB).takeIf { it > 0 }
    }

    /** The phone itself, for a result's record. */
    fun facts(): DeviceFacts = DeviceFacts(
        place = "phone",
        id = identity(),
        name = "${Build.MANUFACTURER} ${Build.MODEL}",
        soc = soc(),
        abi = Build.SUPPORTED_ABIS.first(),
        system = "Android ${Build.VERSION.RELEASE} (SDK ${Build.VERSION.SDK_INT})",
        fingerprint = Build.FINGERPRINT,
        cores = Runtime.getRuntime().availableProcessors(),
    )

    private fun soc(): String =
        if (Build.VERSION.SDK_INT >= Build.VERSION_CODES.S) "${Build.SOC_MANUFACTURER} ${Build.SOC_MODEL}" else ""

    /** A hash: the same for this phone and this app, and of no use to find either. Apps do not learn serial numbers. */
    @SuppressLint("HardwareIds")
    private fun identity(): String {
        val own = Settings.Secure.getString(context.contentResolver, Settings.Secure.ANDROID_ID).orEmpty()
        return sha256("$own\n${Build.FINGERPRINT}".toByteArray()).take(16)
    }

    private fun Intent.number(name: String): Int? = if (hasExtra(name)) getIntExtra(name, 0) else null
}
