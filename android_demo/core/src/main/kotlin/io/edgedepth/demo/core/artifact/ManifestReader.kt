package io.edgedepth.demo.core.artifact

import io.edgedepth.demo.core.ArtifactException
import io.edgedepth.demo.core.ArtifactException.Fault
import io.edgedepth.demo.core.json.Fields
import io.edgedepth.demo.core.json.JsonException

/** The newest schema of `manifest.json` that this version reads. */
const val NEWEST_SCHEMA = 4

private val KINDS = OutputKind.entries.associateBy { it.text }
private val LAYOUTS = Layout.entries.associateBy { it.name }
private val ONLY_RGB = mapOf("RGB" to Unit)
private val ONLY_LANCZOS = mapOf("lanczos" to Unit)
private val HASH = Regex("[0-9a-f]{64}")
private val PARITIES = { table: Fields, name: String ->
    val figures = table.fields(name)
    Parity(figures.number("max_abs"), figures.number("mean_abs"))
}

/**
 * Reads a manifest; fields that the app has no use for (such as `rig`) are passed over.
 *
 * @param content of `manifest.json`: UTF-8.
 * @param where names the artifact in messages.
 * @throws ArtifactException not a manifest, of a newer schema, or naming files outside its folder; the evidence names
 *     the field.
 */
fun readManifest(content: ByteArray, where: String): Manifest {
    try {
        val document = Fields.of(content.toString(Charsets.UTF_8))
        requireKnown(document.count("schema_version"), where)
        return manifest(document).also { requireInside(it, where) }
    } catch (error: JsonException) {
        throw ArtifactException(
            Fault.UNREADABLE,
            "The manifest of $where cannot be read.",
            "manifest.json: ${error.message}.",
            "Export the model again and bundle it anew.",
            error,
        )
    }
}

private fun requireKnown(schema: Int, where: String) {
    if (schema <= NEWEST_SCHEMA) return
    throw ArtifactException(
        Fault.NEWER,
        "$where was written by a newer edgedepth.",
        "Its schema is $schema; this app reads up to $NEWEST_SCHEMA.",
        "Update the app, or export with the edgedepth that it came with.",
    )
}

private fun requireInside(manifest: Manifest, where: String) {
    val paths = manifest.files.map { it.path } + manifest.references.map { it.path }
    val outside = paths.firstOrNull { it.startsWith("/") || it.isEmpty() || ".." in it.split('/', '\\') } ?: return
    throw ArtifactException(
        Fault.UNREADABLE,
        "$where names a file outside its folder.",
        "It is '$outside'.",
        "Export the model again.",
    )
}

private fun manifest(document: Fields): Manifest {
    val model = document.fields("model")
    return Manifest(
        name = document.text("name"),
        model = model.text("name"),
        title = model.text("title"),
        licence = model.text("licence"),
        parameters = model.long("parameters"),
        macs = model.table("macs", Fields::long),
        weights = document.fields("source").text("statement"),
        files = document.list("files").map(::file),
        references = document.list("references").map(::reference),
    )
}

private fun file(entry: Fields): FileEntry {
    val (height, width) = size(entry)
    return FileEntry(
        path = entry.text("path"),
        format = entry.text("format"),
        precision = entry.text("precision"),
        height = height,
        width = width,
        sha256 = hash(entry),
        bytes = entry.long("bytes").also { if (it < 0) throw JsonException("a file has $it bytes") },
        input = input(entry.fields("input")),
        output = output(entry.fields("output")),
        parity = entry.table("parity", PARITIES),
    )
}

private fun reference(entry: Fields): ReferenceEntry {
    val (height, width) = size(entry)
    return ReferenceEntry(
        name = entry.text("name"),
        path = entry.text("path"),
        height = height,
        width = width,
        sha256 = hash(entry),
        description = entry.text("description"),
    )
}

private fun input(contract: Fields): InputContract {
    contract.choice("color", ONLY_RGB)
    contract.choice("resize", ONLY_LANCZOS)
    val (low, high) = range(contract)
    return InputContract(tensor(contract.fields("tensor"), channels = 3), low, high)
}

private fun output(contract: Fields): OutputContract {
    val (low, high) = range(contract)
    val tensor = tensor(contract.fields("tensor"), channels = 1)
    if (!tensor.dtype.startsWith("float") && tensor.quantization == null) {
        throw JsonException("output ${tensor.name} is ${tensor.dtype} without a scale and a zero point")
    }
    return OutputContract(
        tensor = tensor,
        kind = contract.choice("meaning", KINDS),
        decode = contract.text("decode"),
        constants = contract.table("constants", Fields::number),
        metric = contract.flag("metric"),
        low = low,
        high = high,
    )
}

private fun range(contract: Fields): List<Double> = pair("value_range", contract.numbers("value_range"))

private fun tensor(spec: Fields, channels: Int): TensorSpec {
    val shape = spec.counts("shape")
    if (shape.size != 4 || shape.any { it < 1 }) throw JsonException("a shape is $shape, not four sizes")
    val dtype = spec.text("dtype")
    val tensor = TensorSpec(spec.text("name"), shape, spec.choice("layout", LAYOUTS), dtype, quantization(spec, dtype))
    if (tensor.channels != channels) {
        throw JsonException("${tensor.name} is ${tensor.layout} $shape, which has not $channels channels")
    }
    return tensor
}

private fun quantization(spec: Fields, dtype: String): TensorQuantization? {
    if (!spec.has("quantization")) return null
    val values = BYTES[dtype] ?: throw JsonException("a tensor of $dtype has a scale and a zero point")
    val table = spec.fields("quantization")
    val scale = table.number("scale")
    val zero = table.long("zero_point")
    if (!(scale > 0) || scale.isInfinite()) throw JsonException("a scale is $scale, not a number above 0")
    if (zero < values.first || zero > values.last) throw JsonException("a zero point is $zero, which is no $dtype")
    return TensorQuantization(scale, zero.toInt())
}

private fun size(entry: Fields): List<Int> = pair("size", entry.counts("size"))

private fun <T> pair(name: String, values: List<T>): List<T> =
    if (values.size == 2) values else throw JsonException("$name has ${values.size} numbers, not two")

private fun hash(entry: Fields): String {
    val text = entry.text("sha256")
    return if (HASH.matches(text)) text else throw JsonException("$text is no SHA-256")
}
