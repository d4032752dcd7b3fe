package io.edgedepth.demo.core.json

/**
 * The members of a JSON object by name and type; whatever is amiss is told with its path.
 *
 * @param path of the object, such as `files[0].input`; empty for the document.
 */
class Fields(private val members: Map<*, *>, private val path: String) {
    /** Whether the member is there and not null. */
    fun has(name: String): Boolean = members[name] != null

    /** A string. */
    fun text(name: String): String = get(name, "a string")

    /** One of the strings in [known], as what stands beside it. */
    fun <T> choice(name: String, known: Map<String, T>): T {
        val text = text(name)
        return known[text] ?: throw JsonException("${at(name)} is $text, not one of ${known.keys.joinToString()}")
    }

    /** A boolean. */
    fun flag(name: String): Boolean = get(name, "true or false")

    /** A number, with or without a fraction. */
    fun number(name: String): Double = get<Number>(name, "a number").toDouble()

    /** A whole number that fits 64 bits. */
    fun long(name: String): Long = get(name, "a whole number")

    /** A whole number of 0 to 2^31 - 1. */
    fun count(name: String): Int = counted(at(name), long(name))

    /** An object. */
    fun fields(name: String): Fields = Fields(get<Map<*, *>>(name, "an object"), at(name))

    /** A list of objects. */
    fun list(name: String): List<Fields> = get<List<*>>(name, "a list").mapIndexed { index, item ->
        val where = "${at(name)}[$index]"
        Fields(typed<Map<*, *>>(where, item, "an object"), where)
    }

    /** A list of whole numbers of 0 to 2^31 - 1. */
    fun counts(name: String): List<Int> = get<List<*>>(name, "a list").mapIndexed { index, item ->
        val where = "${at(name)}[$index]"
        counted(where, typed(where, item, "a whole number"))
    }

    /** A list of numbers. */
    fun numbers(name: String): List<Double> = get<List<*>>(name, "a list").mapIndexed { index, item ->
        typed<Number>("${at(name)}[$index]", item, "a number").toDouble()
    }

    /** An object whose members are all of one kind, each read by [read] given this object and the member's name. */
    fun <T> table(name: String, read: (Fields, String) -> T): Map<String, T> {
        val inner = fields(name)
        return inner.members.keys.associate { (it as String) to read(inner, it) }
    }

    private fun at(name: String) = if (path.isEmpty()) name else "$path.$name"

    private inline fun <reified T> get(name: String, kind: String): T {
        if (name !in members) throw JsonException("${at(name)} is missing")
        return typed(at(name), members[name], kind)
    }

    private inline fun <reified T> typed(where: String, value: Any?, kind: String): T =
        value as? T ?: throw JsonException("$where is not $kind")

    private fun counted(where: String, value: Long): Int =
        if (value in 0..Int.MAX_VALUE) value.toInt() else throw JsonException("$where is $value")

    companion object {
        /**
         * The members of a document.
         *
         * @throws JsonException where it is no JSON object.
         */
        fun of(text: String): Fields =
            Fields(Json.parse(text) as? Map<*, *> ?: throw JsonException("it is no JSON object"), "")
    }
}
