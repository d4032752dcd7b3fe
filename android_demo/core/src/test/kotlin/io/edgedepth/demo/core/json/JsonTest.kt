package io.edgedepth.demo.core.json

import org.junit.Assert.assertEquals
import org.junit.Assert.assertThrows
import org.junit.Assert.assertTrue
import org.junit.Test

class JsonTest {
    @Test
    fun `values of every kind are read`() {
        val text = """ {"a": [1, -2.5e-1, true, false, null], "b": {"c": "\u00e9\n\"/\/"}, "": []} """
        val expected = mapOf(
            "a" to listOf(1L, -0.25, true, false, null),
            "b" to mapOf("c" to "é\n\"//"),
            "" to emptyList<Any?>(),
        )
        assertEquals(expected, Json.parse(text))
    }

    @Test
    fun `what is written is read again`() {
        val value = mapOf(
            "text" to "tab\t quote\" back\\slash é 深 \u0001",
            "numbers" to listOf(0L, -7L, 1e-9, 123456.789, 1.0e300),
            "none" to null,
            "flags" to listOf(true, false),
        )
        assertEquals(value, Json.parse(Json.write(value)))
    }

    @Test
    fun `what is no JSON is refused`() {
        val broken = listOf(
            "", " ", "{", "[1,]", "{\"a\":1,}", "{\"a\" 1}", "{a:1}", "'a'", "01", "1.", ".5", "+1", "NaN", "nul",
            "[1 2]", "\"\u0001\"", "\"\\x\"", "\"\\u12\"", "\"\\u+123\"", "\"open", "1 2", "{\"a\":1,\"a\":2}", "1e999",
            "[".repeat(100) + "]".repeat(100),
        )
        for (text in broken) assertThrows(text, JsonException::class.java) { Json.parse(text) }
    }

    @Test
    fun `no beginning of a document is one`() {
        val whole = """{"a": [1.5, {"b": "text"}], "c": null}"""
        for (length in 0 until whole.length) {
            assertThrows(JsonException::class.java) { Json.parse(whole.substring(0, length)) }
        }
    }

    @Test
    fun `numbers that are none are not written`() {
        for (value in listOf(Double.NaN, Double.POSITIVE_INFINITY)) {
            assertThrows(JsonException::class.java) { Json.write(listOf(value)) }
        }
    }

    @Test
    fun `a wrong member is told with its path`() {
        val fields = Fields.of("""{"files": [{"size": [1, "2"]}]}""")
        val error = assertThrows(JsonException::class.java) { fields.list("files")[0].counts("size") }
        assertTrue(error.message, "files[0].size[1] is not a whole number" in error.message!!)
        assertThrows(JsonException::class.java) { fields.text("name") }
        assertThrows(JsonException::class.java) { fields.fields("files") }
    }
}
