"""Outputs that were cut, doubled, shuffled, mixed and damaged: a parser says so, or gives numbers that stand there.

2 000 cases per parser; ``EDGEDEPTH_FUZZ=100000`` for more. Case n of a parser is always the same.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import statistics
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec
import pytest
import tool_outputs as outputs
from test_tools_app import ANSWER, FAILURE, REQUEST, SHA

from edgedepth.bench.device.app_contract import read_answer
from edgedepth.bench.device.tools import TOOLS, Ask, ToolResult
from edgedepth.bench.device.tools.operators import read_operators
from edgedepth.bench.schema import Latency, Plan
from edgedepth.errors import InputError

CASES = int(os.environ.get("EDGEDEPTH_FUZZ", "2000"))
CSV = "/w/onnxruntime_perf_test.csv"
MIB = Decimal("1.048576")
ARABIC = {ord("0") + digit: 0x660 + digit for digit in range(10)}
Streams = list[str]

# ---- mutations: each takes all streams and changes some


def _pick(rng: random.Random, streams: Streams) -> int:
    return rng.choice([index for index, text in enumerate(streams) if text] or [0])


def _by_lines(change: Callable[[random.Random, list[str]], list[str]]) -> Callable[[random.Random, Streams], Streams]:
    def mutate(rng: random.Random, streams: Streams) -> Streams:
        at = _pick(rng, streams)
        lines = streams[at].splitlines(keepends=True) or [""]
        return [*streams[:at], "".join(change(rng, lines)), *streams[at + 1 :]]

    return mutate


def _by_text(change: Callable[[random.Random, str], str]) -> Callable[[random.Random, Streams], Streams]:
    def mutate(rng: random.Random, streams: Streams) -> Streams:
        at = _pick(rng, streams)
        return [*streams[:at], change(rng, streams[at]), *streams[at + 1 :]]

    return mutate


def _cut(rng: random.Random, text: str) -> str:
    start = rng.choice([0, 0, 0, rng.randint(0, len(text))])
    return text[start : rng.randint(start, len(text))]


def _hole(rng: random.Random, text: str) -> str:
    start = rng.randint(0, len(text))
    return text[:start] + text[start + rng.choice([1, 2, 5, 20, 100, 400]) :]


def _drop_line(rng: random.Random, lines: list[str]) -> list[str]:
    at = rng.randrange(len(lines))
    return lines[:at] + lines[at + 1 :]


def _double(rng: random.Random, lines: list[str]) -> list[str]:
    start = rng.randrange(len(lines))
    end = rng.randint(start + 1, min(len(lines), start + 12))
    to = rng.choice([end, rng.randint(0, len(lines))])
    return lines[:to] + lines[start:end] + lines[to:]


def _swap(rng: random.Random, lines: list[str]) -> list[str]:
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]
    return lines


def _shuffle(rng: random.Random, lines: list[str]) -> list[str]:
    start = rng.randrange(len(lines))
    part = lines[start : start + 8]
    rng.shuffle(part)
    return lines[:start] + part + lines[start + 8 :]


def _columns(rng: random.Random, lines: list[str]) -> list[str]:
    at = rng.randrange(len(lines))
    end = "\n" if lines[at].endswith("\n") else ""
    cells = re.split(r"( +|\t|,)", lines[at].rstrip("\n"))
    for _ in range(rng.randint(1, 3)):
        if not cells:
            break
        where = rng.randrange(len(cells))
        if rng.random() < 0.7:
            del cells[where]
        else:
            cells.insert(rng.randrange(len(cells) + 1), cells[where])
    lines[at] = "".join(cells) + end
    return lines


def _flip(rng: random.Random, text: str) -> str:
    for _ in range(rng.randint(1, 3)):
        if text:
            at = rng.randrange(len(text))
            text = text[:at] + rng.choice("0123456789.,eE+-=:; ()[]\r\n\t\0xnsmu%\u0661\u2028\ufeff") + text[at + 1 :]
    return text


def _digits(rng: random.Random, text: str) -> str:
    found = list(re.finditer(r"[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?", text))
    if not found:
        return text
    number = rng.choice(found)
    old = number[0]
    new = rng.choice([
        "nan", "inf", "-inf", "-" + old, "1e999", "", "0", "9" * 4500, "0x1f", "--", old + "e3", old + "e-3",
        old.replace(".", ","), f"1,{old}", f"1.{old}", f"1 {old}", f"1'{old}", f"1_{old}", old[:-1], old[1:], old + "0",
        old[::-1], str(rng.randint(0, 10**6)), f"{rng.random() * 1e5:.3f}",
        old.translate(ARABIC), old + "ms", "+" + old,
    ])  # fmt: skip
    return text[: number.start()] + new + text[number.end() :]


def _unit(rng: random.Random, text: str) -> str:
    found = list(re.finditer(r"(?<=[0-9 ])(?:ms|us|sec|s|MB|bytes)\b", text))
    if not found:
        return text
    unit = rng.choice(found)
    return text[: unit.start()] + rng.choice(["ms", "us", "s", "sec", "MB", "", "ns", "min"]) + text[unit.end() :]


def _huge(rng: random.Random, text: str) -> str:
    at = rng.randint(0, len(text))
    much = rng.choice(["x", " ", "9", "count=", "=", "\t", "a=1 ", "[", "("]) * rng.choice([70_000, 3_000])
    return text[:at] + much + text[at:]


def _dress(rng: random.Random, text: str) -> str:
    return rng.choice([
        lambda: text.replace("\n", "\r\n"),
        lambda: text.replace("\n", "\r\r\n"),
        lambda: re.sub(r"(?m)^(?:INFO|VERBOSE): ", "", text),
        lambda: re.sub(r"(?m)^(?:INFO: )?", "11-21 08:10:11.123  4242  4250 I tflite  : ", text),
        lambda: re.sub(r"(?m)^(?:INFO: )?", "I/litert  ( 4242): ", text),
    ])()  # fmt: skip


def _join(rng: random.Random, streams: Streams) -> Streams:
    """The first two streams written into one, as a device without separate streams does: not always at line ends."""
    one, other = streams[0], streams[1]
    merged = []
    while one or other:
        size = rng.choice([rng.randint(1, 60), one.find("\n") + 1 or len(one), len(one)])
        merged.append(one[:size])
        one, other = other, one[size:]
    return ["".join(merged), "", *streams[2:]] if rng.random() < 0.5 else ["", "".join(merged), *streams[2:]]


MUTATIONS: list[Callable[[random.Random, Streams], Streams]] = [
    *map(_by_text, (_cut, _hole, _flip, _digits, _digits, _unit, _huge, _dress)),
    *map(_by_lines, (_drop_line, _double, _swap, _shuffle, _columns)),
    _join,
]


def cases(parser: str, samples: list[tuple[Any, Streams]]) -> Iterator[tuple[Any, Streams, Streams]]:
    """What is known of a sample, the sample, a mutation of it; sometimes with another one before, behind or inside."""
    for number in range(CASES):
        rng = random.Random(f"{parser} {number}")  # noqa: S311
        known, streams = rng.choice(samples)
        mutated = list(streams)
        if rng.random() < 0.25:
            stale = rng.choice(samples)[1]
            for at, text in enumerate(stale):
                where = rng.choice([0, 0, len(mutated[at]), rng.randint(0, len(mutated[at]))])
                mutated[at] = mutated[at][:where] + text + mutated[at][where:]
        for _ in range(rng.choice([1, 1, 1, 2, 2, 3, 5])):
            mutated = rng.choice(MUTATIONS)(rng, mutated)
        yield known, streams, mutated


# ---- the oracle: what literally stands in the text, found without the parsers' code

_PLAIN = r"[+]?[0-9]*\.?[0-9]+(?:[eE][+-]?[0-9]+)?|[+]?[0-9]+\."
_UNITS = {"us": Decimal("0.001"), "ms": Decimal(1), "s": Decimal(1000), "sec": Decimal(1000)}


def decimal(text: str) -> Decimal | None:
    try:
        return Decimal(text) if re.fullmatch(_PLAIN, text) and text.isascii() else None
    except InvalidOperation:
        return None


def near(value: float | None, standing: Decimal | None) -> bool:
    if value is None or standing is None:
        return value is None and standing is None
    return abs(Decimal(value) - standing) <= Decimal("1e-9") * max(abs(standing), Decimal("1e-12"))


def rows(text: str) -> list[dict[str, Decimal]]:
    """Every well-formed ``count=..`` line, in milliseconds but for the count."""
    found = []
    for line in text.split("\n"):
        _, start, rest = line.strip("\r\t ").partition("count=")
        cells = (start + rest).replace("(all same)", "").split()
        pairs = [cell.split("=") for cell in cells]
        if not start or any(len(pair) != 2 for pair in pairs) or len({p[0] for p in pairs}) != len(pairs):
            continue
        values = {name: decimal(text) for name, text in pairs}
        row = {name: value * _UNITS["us"] for name, value in values.items() if value is not None}
        if values["count"] is not None and len(row) == len(values):
            found.append(row | {"count": values["count"]})
    return found


LONGEST = 4200
"""Longer lines are damaged; regular expressions need not be tried on them."""


def labelled(text: str, label: str, units: bool = True) -> list[Decimal]:
    """Numbers behind a label: up to their unit and the line's end, or (without units) up to a comma or blank."""
    unit = r"[ \t]*(?P<unit>ms|us|sec|s|MB|bytes)?" if units else "(?P<unit>)"
    end = r"[ \t]*(?:\([0-9]+ runs\)|\.)?[ \t]*$" if units else r"[ \t]*$|, | "
    pattern = re.compile(rf"{label}[ \t]{{0,30}}(?::|=| is| )[ \t]*(?P<number>{_PLAIN}){unit}(?:{end})")
    found = []
    for line in text.split("\n"):
        blanks_apart = re.sub(r"[ \t]{3,}", "  ", line.strip("\r\t "))
        for match in pattern.finditer(blanks_apart) if len(line) < LONGEST else ():
            value = decimal(match["number"])
            if value is not None:
                found.append(value * _UNITS.get(match["unit"], Decimal(1)))
    return found


def stands(value: float | None, *candidates: Decimal) -> bool:
    return value is None or any(near(value, candidate) for candidate in candidates)


def is_row(latency: Latency, row: dict[str, Decimal]) -> bool:
    """Whether a result's numbers are those of one line."""
    same = "curr" in row and not row.keys() & {"first", "min", "max", "avg", "std"}
    told = {"avg": latency.mean, "min": latency.minimum, "max": latency.maximum}
    percentiles = {"p5": latency.p5, "median": latency.median, "p95": latency.p95}
    if latency.count != row["count"]:
        return False
    if same:
        return all(near(value, row["curr"]) for value in told.values()) and latency.std == 0
    return all(near(value, row.get(name)) for name, value in (told | percentiles | {"std": latency.std}).items())


def check_litert(got: ToolResult, text: str, warm: dict[str, Decimal], blocks: bool) -> None:
    assert got.latency is not None
    lines = rows(text)
    for mean in labelled(text, r"Inference \(avg\)") + labelled(text, "no stats", units=False):
        lines += [{"avg": mean / (1 if blocks else 1000)} | row for row in rows(text) if "avg" not in row]
    if not any(is_row(got.latency, row) for row in lines):
        assert blocks, "the numbers stand in no line"
        for value, label in (
            (got.latency.mean, r"Inference \(avg\)"),
            (got.latency.minimum, r"Inference \(min\)"),
            (got.latency.maximum, r"Inference \(max\)"),
            (got.latency.std, r"Inference \(std\)"),
        ):
            assert stands(value, *labelled(text, label)), label
    assert not is_row(got.latency, warm), "the warm-up is given as the result"
    init = labelled(text, r"Initialized session in") + labelled(text, r"Model initialization")
    init += [value / 1000 for value in labelled(text, "Init", units=False)]
    assert stands(got.phases.init_ms, *init)
    firsts = [row["first"] for row in lines if "first" in row] + [row["curr"] for row in lines if "curr" in row]
    assert stands(got.phases.first_ms, *firsts, *labelled(text, r"Warmup \(first\)"))
    if got.phases.warmup_ms is not None:
        means = [(row["avg"], row["count"], row["first"]) for row in lines if {"avg", "first"} <= row.keys()]
        means += [(row["curr"], row["count"], row["curr"]) for row in lines if "avg" not in row and "curr" in row]
        runs = [Decimal(n) for n in set(re.findall(r"\(([0-9]{1,9}) runs\)", text))]
        means += itertools.product(labelled(text, r"Warmup \(avg\)"), runs, labelled(text, r"Warmup \(first\)"))
        derived = [max(mean * n - first, Decimal(0)) / (n - 1) for mean, n, first in means if n > 1]
        assert any(abs(Decimal(got.phases.warmup_ms) - value) <= Decimal("1e-6") * (value + 1) for value in derived)
    if got.memory is not None:
        sizes = labelled(text, r"overall", units=False) + labelled(text, r"via periodic monitoring", units=False)
        sizes += labelled(text, r"(?:Overall footprint|Peak memory)")
        assert stands(got.memory.peak_mb, *(size * MIB for size in sizes))


def check_delegation(got: ToolResult, text: str) -> None:
    text = "\n".join(line for line in text.split("\n") if len(line) < LONGEST)
    told = re.findall(
        r"Replacing (\d+) out of (\d+) node\(s\) with delegate .*?, yielding (\d+) partitions", text, re.ASCII
    )
    for value, column in ((got.delegated, 0), (got.nodes, 1), (got.partitions, 2)):
        numbers = {int(row[column]) for row in told if len(row[column]) < 10}
        sums = {sum(part) for size in (1, 2, 3) for part in itertools.combinations(sorted(numbers), size)}
        sums |= {a + b for a in numbers for b in numbers} | {
            a + b + c for a in numbers for b in numbers for c in numbers
        }
        assert value is None or value in sums
    if got.delegated is not None:
        assert got.nodes is not None
        assert 0 <= got.delegated <= got.nodes


def settle(got: ToolResult, tally: Counter[str]) -> bool:
    """Whether there are numbers to check; what holds of every result is checked here."""
    assert (got.latency is None) == (got.failure is not None)
    tally["failed" if got.latency is None else "read"] += 1
    if got.failure is not None:
        assert got.failure.strip()
        assert "\n" not in got.failure
        assert len(got.failure) < 1500
        assert (got.phases.init_ms, got.memory) == (None, None)
    return got.latency is not None


def finish(tally: Counter[str]) -> None:
    """Neither a parser that refuses all nor one that takes all would be tested by this."""
    assert sum(tally.values()) == CASES
    assert tally["read"] > CASES / 20, tally
    assert tally["failed"] > CASES / 20, tally


def ask(accelerator: Any, **more: Any) -> Ask:
    return Ask(accelerator=accelerator, threads=4, plan=more.pop("plan", Plan()), **more)


# ---- the parsers

CLASSIC_SAMPLES = [
    ("cpu", [outputs.CLASSIC_CPU, outputs.XNNPACK_LINES]),
    ("cpu", [outputs.CLASSIC_OLD, ""]),
    ("cpu", [outputs.CLASSIC_SLOW, ""]),
    ("cpu", [outputs.CLASSIC_SAME, ""]),
    ("gpu", [outputs.CLASSIC_GPU, outputs.GPU_WHOLE_STDERR]),
    ("gpu", [outputs.CLASSIC_GPU_PARTIAL, outputs.GPU_PARTIAL_STDERR]),
    ("gpu", [outputs.CLASSIC_DISALLOWED, outputs.CLASSIC_DISALLOWED_STDERR]),
]


def test_classic():
    tally: Counter[str] = Counter()
    for accelerator, original, (out, err) in cases("classic", CLASSIC_SAMPLES):
        got = TOOLS["benchmark_model"].read(out, err, 0, {}, ask(accelerator))
        check_delegation(got, f"{out}\n{err}")
        if settle(got, tally):
            warm = (rows(original[0]) or [{"count": Decimal(-1)}])[0]
            check_litert(got, f"{out}\n{err}\n", warm, blocks=False)
    finish(tally)


COMPILED_SAMPLES = [
    ("gpu", [outputs.COMPILED_STDOUT, outputs.COMPILED_STDERR]),
    ("gpu", ["INFO: STARTING!\n", outputs.COMPILED_STDERR]),
    ("cpu", [outputs.COMPILED_STDOUT, outputs.COMPILED_STDERR.replace("LITERT_CL", "TfLiteXNNPackDelegate")]),
]


def test_compiled():
    tally: Counter[str] = Counter()
    for accelerator, _, (out, err) in cases("compiled", COMPILED_SAMPLES):
        got = TOOLS["compiled_model"].read(out, err, 0, {}, ask(accelerator))
        check_delegation(got, f"{out}\n{err}")
        if settle(got, tally):
            check_litert(got, f"{out}\n{err}\n", rows(outputs.COMPILED_STDOUT)[0], blocks=True)
    finish(tally)


ORT_SAMPLES = [
    (None, [outputs.ORT, "", outputs.ORT_FILE]),
    (None, [outputs.ORT, "", ""]),
    (None, [outputs.ORT_OLD, "", outputs.ORT_FILE]),
]


def test_onnxruntime():
    tally: Counter[str] = Counter()
    plan = Plan(warmup_runs=3, warmup_seconds=0.05)
    for _, original, (out, err, file) in cases("onnxruntime", ORT_SAMPLES):
        files = {CSV: file.encode("utf-8", "surrogateescape")} if original[2] else {}
        got = TOOLS["onnxruntime_perf_test"].read(out, err, 0, files, ask("cpu", plan=plan))
        if not settle(got, tally):
            continue
        assert got.latency is not None
        text = out + "\n"
        if files:
            standing = [decimal(row[1]) for line in file.split("\n") if len(row := line.strip().rsplit(",", 4)) == 5]
            seconds = [value for value in standing if value is not None]
            samples = got.latency.samples_ms
            assert samples
            assert any(
                all(near(ms, s * 1000) for ms, s in zip(samples, seconds[at:], strict=False))
                for at in range(len(seconds) - len(samples) + 1)
            )
            assert got.latency.median == pytest.approx(statistics.median(samples))
            assert got.latency.mean == pytest.approx(statistics.fmean(samples))
        else:
            averages = labelled(text, r"Average (?:inference )?time cost(?: total)?")
            assert stands(got.latency.mean, *averages)
            counts = re.findall(r"(?:requests|iterations):[ \t]*([0-9]{1,9})[ \t\r]*\n", text, re.ASCII)
            assert str(got.latency.count) in [count.lstrip("0") for count in counts]
            for value, name in (
                (got.latency.minimum, "Min"),
                (got.latency.median, "P50"),
                (got.latency.p90, "P90"),
                (got.latency.p95, "P95"),
                (got.latency.p99, "P99"),
                (got.latency.maximum, "Max"),
            ):
                assert stands(value, *labelled(text, f"{name} Latency"))
        assert stands(got.phases.init_ms, *labelled(text, "Session creation time cost"))
        assert stands(got.phases.first_ms, *labelled(text, "First inference time cost"))
        if got.memory is not None:
            sizes = labelled(text, "Peak working set size")
            assert stands(got.memory.peak_mb, *(size / 1_000_000 for size in sizes))
    finish(tally)


def test_operators():
    tally: Counter[str] = Counter()
    samples = [(None, [text, ""]) for text in (outputs.PROFILE, outputs.PROFILE_OLD, outputs.PROFILE_CSV)]
    for _, _, (out, err) in cases("operators", samples):
        text = out or err
        try:
            profile = read_operators(text, "m")
        except InputError:
            tally["failed"] += 1
            continue
        tally["read"] += 1
        lines = [line[:LONGEST] for line in text.split("\n")]
        for operator in profile.operators:
            kind = operator.kind.split(", ")[0]
            assert any(kind in line and _explains(operator.ms, line) for line in lines), operator
        assert profile.total_ms == pytest.approx(sum(operator.ms for operator in profile.operators))
    finish(tally)


def _explains(ms: float, line: str) -> bool:
    """Whether a time is a number of the line, or the product of two of them."""
    numbers = [value for cell in re.split(r"[\s,]+", line) if (value := decimal(cell.removesuffix("%"))) is not None]
    return any(near(ms, a) for a in numbers) or any(near(ms, a * b) for a in numbers for b in numbers)


def test_app():
    tally: Counter[str] = Counter()
    samples = [(None, [msgspec.json.encode(answer).decode(), ""]) for answer in (ANSWER, ANSWER, FAILURE)]
    for _, _, (out, err) in cases("app", samples):
        content = (out or err).encode("utf-8", "surrogateescape")
        got = read_answer(content, REQUEST, SHA).tool
        if got.latency is None:
            assert got.failure
            tally["failed"] += 1
            continue
        tally["read"] += 1
        told = json.loads(content)
        assert got.failure is None
        assert got.latency.samples_ms == told["times"]["samples_ms"]
        assert got.phases.init_ms == told.get("phases", {}).get("init_ms")
        assert all(0 < sample < float("inf") for sample in got.latency.samples_ms)
    assert tally["read"] > CASES / 200, tally
    assert tally["failed"] > CASES / 20, tally
