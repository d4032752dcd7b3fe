package io.edgedepth.demo.core.artifact

/** The order of a tensor's dimensions: batch, channels, height and width. */
enum class Layout { NCHW, NHWC }

/** Integer types of one byte that a tensor may have, and their values. */
val BYTES = mapOf("uint8" to 0..255, "int8" to -128..127)

/**
 * What a tensor's integers stand for: `scale * (integer - zeroPoint)`.
 *
 * @property scale of one step, above 0.
 * @property zeroPoint the integer that stands for 0.
 */
data class TensorQuantization(val scale: Double, val zeroPoint: Int)

/**
 * One tensor of a graph's interface.
 *
 * @property name as the runtime knows it.
 * @property shape four fixed sizes in the order of [layout].
 * @property dtype NumPy's name, such as `float32` or `uint8`.
 * @property quantization of [BYTES]; null where values are as they are, of uint8 input the bytes of a picture.
 */
data class TensorSpec(
    val name: String,
    val shape: List<Int>,
    val layout: Layout,
    val dtype: String,
    val quantization: TensorQuantization? = null,
) {
    /** Pictures per run. */
    val batch: Int get() = shape[0]

    /** In pixels. */
    val height: Int get() = if (layout == Layout.NCHW) shape[2] else shape[1]

    /** In pixels. */
    val width: Int get() = if (layout == Layout.NCHW) shape[3] else shape[2]

    /** Values per pixel. */
    val channels: Int get() = if (layout == Layout.NCHW) shape[1] else shape[3]
}

/**
 * What to feed.
 *
 * @property low value of a black pixel; of integers with a scale, what they stand for.
 * @property high value of a white pixel, likewise.
 */
data class InputContract(val tensor: TensorSpec, val low: Double, val high: Double)

/** What a graph's output says. */
enum class OutputKind(val text: String) {
    SIGMOID_DISPARITY("sigmoid-disparity"),
    DEPTH("depth"),
    METRIC_DEPTH("metric-depth"),
    AFFINE_INVARIANT_DISPARITY("affine-invariant-disparity"),
}

/**
 * What comes out and what it means.
 *
 * @property decode the formula from output to depth, for people.
 * @property constants the formula's numbers.
 * @property metric whether depth is in metres; otherwise it is up to one unknown scale per picture.
 * @property low least value of the output; of integers, what they stand for.
 * @property high greatest value of the output, likewise.
 */
data class OutputContract(
    val tensor: TensorSpec,
    val kind: OutputKind,
    val decode: String,
    val constants: Map<String, Double>,
    val metric: Boolean,
    val low: Double,
    val high: Double,
)

/**
 * How far a file's output was from the PyTorch model's on one reference input, on the computer that exported it.
 *
 * @property maxAbs largest difference of the network's outputs.
 * @property meanAbs mean difference.
 */
data class Parity(val maxAbs: Double, val meanAbs: Double)

/**
 * One exported graph.
 *
 * @property path relative to the artifact's folder.
 * @property format `onnx` or `tflite`.
 * @property precision such as `fp32` or `w8a8`.
 * @property sha256 of the file, 64 lower-case hexadecimal digits.
 * @property bytes of the file.
 * @property parity by reference; empty when the export ran unchecked.
 */
data class FileEntry(
    val path: String,
    val format: String,
    val precision: String,
    val height: Int,
    val width: Int,
    val sha256: String,
    val bytes: Long,
    val input: InputContract,
    val output: OutputContract,
    val parity: Map<String, Parity>,
)

/** A stored reference: a picture of the graph's size and the PyTorch model's output on it, in an `.npz`. */
data class ReferenceEntry(
    val name: String,
    val path: String,
    val height: Int,
    val width: Int,
    val sha256: String,
    val description: String,
)

/**
 * The whole artifact, as far as the app needs it.
 *
 * @property name of the artifact.
 * @property model its name in edgedepth.
 * @property title of the model, a line for people.
 * @property parameters trainable ones of the model.
 * @property macs multiply-adds of one picture by size, such as `192x640`.
 * @property weights where they came from, a line for people.
 */
data class Manifest(
    val name: String,
    val model: String,
    val title: String,
    val licence: String,
    val parameters: Long,
    val macs: Map<String, Long>,
    val weights: String,
    val files: List<FileEntry>,
    val references: List<ReferenceEntry>,
) {
    /** The graphs that the app can run. */
    val graphs: List<FileEntry> get() = files.filter { it.format == "tflite" }
}
