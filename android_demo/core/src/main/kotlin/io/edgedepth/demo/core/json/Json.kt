package io.edgedepth.demo.core.json

/** Text that is no JSON, or JSON of another shape than asked for; [message] says where. */
class JsonException(message: String) : Exception(message)

/**
 * JSON as Kotlin values: `Map<String, Any?>`, `List<Any?>`, [String], [Double], [Long], [Boolean] and null.
 *
 * Android's `org.json` is no part of a plain JVM and takes much that is not JSON, so the core has its own.
 */
object Json {
    /**
     * Parses one JSON value (RFC 8259).
     *
     * @throws JsonException where the text is anything else, a name occurs twice, or it nests deeper than 64.
     */
    fun parse(text: String): Any? = Parser(text).document()

    /**
     * Writes a value; maps keep their order.
     *
     * @throws JsonException for a number that is not finite, or a value of another type.
     */
    fun write(value: Any?): String = StringBuilder().also { append(it, value) }.toString()

    private fun append(out: StringBuilder, value: Any?) {
        when (value) {
            null, is Boolean, is Int, is Long -> out.append(value)
            is Double -> out.append(if (value.isFinite()) value else throw JsonException("$value is no JSON number"))
            is String -> quote(out, value)
            is Map<*, *> -> joined(out, '{', '}', value.entries) { (key, inner) ->
                quote(out, key as String)
                out.append(':')
                append(out, inner)
            }
            is Iterable<*> -> joined(out, '[', ']', value) { append(out, it) }
            is DoubleArray -> joined(out, '[', ']', value.asIterable()) { append(out, it) }
            else -> throw JsonException("${value.javaClass.name} has no JSON form")
        }
    }

    private inline fun <T> joined(out: StringBuilder, open: Char, close: Char, items: Iterable<T>, each: (T) -> Unit) {
        out.append(open)
        items.forEachIndexed { index, item ->
            if (index > 0) out.append(',')
            each(item)
        }
        out.append(close)
    }

    private fun quote(out: StringBuilder, text: String) {
        out.append('"')
        for (char in text) {
            when {
                char == '"' || char == '\\' -> out.append('\\').append(char)
                char < ' ' -> out.append("\\u").append(char.code.toString(16).padStart(4, '0'))
                else -> out.append(char)
            }
        }
        out.append('"')
    }
}

private const val DEEPEST = 64
private val NUMBER = Regex("-?(0|[1-9][0-9]*)(\\.[0-9]+)?([eE][+-]?[0-9]+)?")

private class Parser(private val text: String) {
    private var at = 0

    fun document(): Any? {
        val value = value(0)
        space()
        if (at != text.length) fail("something follows the value")
        return value
    }

    private fun value(depth: Int): Any? {
        if (depth > DEEPEST) fail("it nests too deep")
        space()
        return when (peek()) {
            '{' -> map(depth)
            '[' -> list(depth)
            '"' -> string()
            't' -> word("true", true)
            'f' -> word("false", false)
            'n' -> word("null", null)
            else -> number()
        }
    }

    private fun map(depth: Int): Map<String, Any?> {
        val found = LinkedHashMap<String, Any?>()
        members('}') {
            if (peek() != '"') fail("a name is missing")
            val name = string()
            space()
            expect(':')
            if (name in found) fail("the name $name occurs twice")
            found[name] = value(depth + 1)
        }
        return found
    }

    private fun list(depth: Int): List<Any?> {
        val found = ArrayList<Any?>()
        members(']') { found += value(depth + 1) }
        return found
    }

    private inline fun members(close: Char, member: () -> Unit) {
        at++
        space()
        if (peek() == close) {
            at++
            return
        }
        while (true) {
            space()
            member()
            space()
            if (peek() == close) break
            expect(',')
        }
        at++
    }

    private fun string(): String {
        expect('"')
        val out = StringBuilder()
        while (true) {
            val char = next()
            when {
                char == '"' -> return out.toString()
                char == '\\' -> out.append(escaped())
                char < ' ' -> fail("a control character stands in a string")
                else -> out.append(char)
            }
        }
    }

    private fun escaped(): Char = when (val char = next()) {
        '"', '\\', '/' -> char
        'b' -> '\b'
        'f' -> '\u000c'
        'n' -> '\n'
        'r' -> '\r'
        't' -> '\t'
        'u' -> {
            if (at + 4 > text.length) fail("it ends too early")
            at += 4
            val digits = text.substring(at - 4, at)
            if (!digits.all { it in '0'..'9' || it in 'a'..'f' || it in 'A'..'F' }) fail("\\u$digits is no character")
            digits.toInt(16).toChar()
        }
        else -> fail("\\$char is no escape")
    }

    private fun number(): Any {
        val start = at
        while (at < text.length && (text[at] in "+-.eE" || text[at] in '0'..'9')) at++
        val digits = text.substring(start, at)
        if (!NUMBER.matches(digits)) {
            at = start
            fail("no value begins here")
        }
        return digits.toLongOrNull() ?: digits.toDouble().also { if (!it.isFinite()) fail("$digits is too large") }
    }

    private fun <T> word(word: String, value: T): T {
        if (!text.startsWith(word, at)) fail("no value begins here")
        at += word.length
        return value
    }

    private fun space() {
        while (at < text.length && text[at] in " \t\r\n") at++
    }

    private fun expect(char: Char) {
        if (peek() != char) fail("$char is missing")
        at++
    }

    private fun peek(): Char = if (at < text.length) text[at] else fail("it ends too early")

    private fun next(): Char = peek().also { at++ }

    private fun fail(why: String): Nothing = throw JsonException("character ${at + 1}: $why")
}
