"""Command lines of the benchmark programs, and what is understood of their output."""

from __future__ import annotations

import statistics
from typing import Any

import pytest
import tool_outputs as outputs

from edgedepth.bench.device.tools import TOOLS, Ask, ToolResult
from edgedepth.bench.device.tools.operators import read_operators
from edgedepth.bench.schema import Plan
from edgedepth.errors import InputError, UsageError

CLASSIC, COMPILED, ORT = (TOOLS[name] for name in ("benchmark_model", "compiled_model", "onnxruntime_perf_test"))
CSV = "/data/local/tmp/w/onnxruntime_perf_test.csv"


def ask(accelerator: Any = "cpu", plan: Plan | None = None, **more: Any) -> Ask:
    return Ask(accelerator=accelerator, threads=more.pop("threads", 4), plan=plan or Plan(), **more)


def classic(stdout: str, stderr: str = "", code: int = 0, **more: Any) -> ToolResult:
    return CLASSIC.read(stdout, stderr, code, {}, ask(**more))


# ---- what is asked


def test_the_names_are_those_of_results():
    assert set(TOOLS) == {"benchmark_model", "compiled_model", "onnxruntime_perf_test"}
    assert all(tool.name == name for name, tool in TOOLS.items())


def test_classic_is_asked_for_count_and_time_of_both_series():
    plan = Plan(runs=200, seconds=10, warmup_runs=5, warmup_seconds=2, max_seconds=90)
    assert CLASSIC.command("/d/b", "/d/m.tflite", "/d", ask(plan=plan)) == [
        "/d/b", "--graph=/d/m.tflite", "--num_threads=4", "--num_runs=200", "--min_secs=10", "--max_secs=90",
        "--warmup_runs=5", "--warmup_min_secs=2",
    ]  # fmt: skip


def test_a_strict_accelerator_is_never_asked_to_share():
    assert CLASSIC.command("b", "m", "/w", ask("gpu", strict=True))[-2:] == [
        "--use_gpu=true",
        "--require_full_delegation=true",
    ]
    # The newer program ends itself where full delegation is asked for beside the processor, which is its default.
    assert COMPILED.command("b", "m", "/w", ask("gpu", strict=True))[-3:] == [
        "--use_gpu=true",
        "--use_cpu=false",
        "--require_full_delegation=true",
    ]
    npu = ORT.command("b", "m", "/w", ask("npu", strict=True, options={"provider": "qnn"}))
    assert npu[npu.index("-C") + 1] == "session.disable_cpu_ep_fallback|1"


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_the_processor_is_asked_for_without_delegation_flags(tool):
    words = tool.command("b", "m", "/w", ask("cpu", strict=True))
    assert not [word for word in words if "delegation" in word or "use_" in word or "fallback" in word]


@pytest.mark.parametrize("tool", TOOLS.values(), ids=TOOLS)
def test_threads_are_left_to_the_program_unless_given(tool):
    with_threads = tool.command("b", "m", "/w", ask(threads=3))
    without = tool.command("b", "m", "/w", ask(threads=None))
    assert "3" in " ".join(with_threads)
    assert len(without) < len(with_threads)


def test_onnxruntime_is_asked_for_time_first_and_by_count_where_that_was_too_little():
    plan = Plan(runs=50, seconds=2, warmup_runs=3, warmup_seconds=0.5, seed=7)
    first = ask(plan=plan)
    words = ORT.command("/d/b", "/d/m.onnx", "/d", first)
    assert words == [
        "/d/b", "-m", "duration", "-t", "4", "-I", "-S", "7", "-s", "-e", "cpu", "-x", "4", "-y", "1", "/d/m.onnx",
        "/d/onnxruntime_perf_test.csv",
    ]  # fmt: skip
    told = ORT.read(outputs.ORT, "", 0, {}, first)
    assert told.latency is not None
    second = ORT.again(first, told)
    assert second is not None
    # 12 runs of 21 ms where 50 and 2 s are asked: 2 s and a tenth, and the warm-up's.
    assert second.runs_only == 105 + 25
    assert ORT.command("b", "m", "/d", second)[1:5] == ["-m", "times", "-r", "130"]
    assert ORT.again(second, told) is None


def test_a_profile_is_a_pass_of_its_own():
    words = CLASSIC.command("b", "m", "/w", ask(profile=True))
    assert "--enable_op_profiling=true" in words
    assert "--enable_op_profiling=true" not in CLASSIC.command("b", "m", "/w", ask())
    for tool in (COMPILED, ORT):
        with pytest.raises(UsageError, match="profile"):
            tool.command("b", "m", "/w", ask(profile=True))


@pytest.mark.parametrize(
    ("tool", "asked", "says"),
    [
        (CLASSIC, ask("npu"), "external_delegate_path"),
        (CLASSIC, ask("cuda"), "cannot be asked for cuda"),
        (CLASSIC, ask("npu", options={"external_delegate_pth": "x"}), "Did you mean external_delegate_path"),
        (COMPILED, ask("npu"), "dispatch_library_path"),
        (ORT, ask("gpu"), "It runs on cpu, npu"),
        (ORT, ask("npu"), "provider"),
        (ORT, ask("npu", options={"provider": "xnnpack"}), "qnn or nnapi"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(tool, asked, says):
    with pytest.raises(UsageError, match=says) as caught:
        tool.command("b", "m", "/w", asked)
    assert caught.value.remedy


def test_options_become_flags():
    words = CLASSIC.command("b", "m", "/w", ask("npu", options={"external_delegate_path": "/d/libQnn.so"}))
    assert words[-1] == "--external_delegate_path=/d/libQnn.so"
    assert COMPILED.command("b", "m", "/w", ask("gpu", options={"gpu_precision": "fp32"}))[-1] == "--gpu-precision=fp32"


# ---- the classic program's answer


def test_classic_gives_the_timed_runs_not_the_warm_up():
    got = classic(outputs.CLASSIC_CPU, outputs.XNNPACK_LINES)
    assert got.failure is None
    latency = got.latency
    assert latency is not None
    assert (latency.count, latency.mean, latency.std, latency.minimum) == (124, 16.1553, 0.287, 15.79)
    assert (latency.p5, latency.median, latency.p95, latency.maximum) == (15.864, 16.093, 16.702, 18.344)
    assert latency.samples_ms == []
    assert (got.phases.init_ms, got.phases.first_ms, got.phases.warmup_runs) == (41.873, 24.817, 31)
    assert got.phases.warmup_ms == pytest.approx((31 * 16.4206 - 24.817) / 30)
    # XNNPACK is the processor's own delegate.
    assert (got.delegated, got.nodes, got.partitions, got.fully_accelerated) == (146, 148, 3, True)


def test_sizes_are_in_million_bytes():
    growth = classic(outputs.CLASSIC_CPU).memory
    assert growth is not None
    assert growth.peak_mb == pytest.approx(30.8906 * 1024 * 1024 / 1e6)
    peak = classic(outputs.CLASSIC_SLOW).memory
    assert peak is not None
    assert peak.peak_mb == pytest.approx(88.2344 * 1024 * 1024 / 1e6)


def test_old_wording_without_percentiles_and_prefixes():
    got = classic(outputs.CLASSIC_OLD).latency
    assert got is not None
    assert (got.count, got.mean, got.median, got.centre) == (50, 104.036, None, 104.036)


def test_exponent_forms():
    got = classic(outputs.CLASSIC_SLOW)
    assert got.latency is not None
    assert got.latency.mean == pytest.approx(1866.6)
    assert got.phases.first_ms == pytest.approx(1874.523)
    assert got.phases.warmup_ms is None


def test_equal_runs_are_told_in_short():
    got = classic(outputs.CLASSIC_SAME)
    assert got.latency is not None
    assert (got.latency.count, got.latency.mean, got.latency.minimum, got.latency.maximum) == (3, 0.011, 0.011, 0.011)
    assert (got.latency.median, got.latency.std) == (0.011, 0.0)


@pytest.mark.parametrize("mean", ["0", "nan", "-nan"])
def test_no_warm_up_at_all(mean):
    warm = "count=31 first=24817 curr=15980 min=15871 max=24817 avg=16420.6 std=1588"
    text = outputs.CLASSIC_CPU.replace(warm, "count=0").replace("Warmup (avg): 16420.6", f"Warmup (avg): {mean}")
    got = classic(text.replace("First inference: 24817", "First inference: 0"))
    assert got.latency == classic(outputs.CLASSIC_CPU).latency
    assert (got.phases.first_ms, got.phases.warmup_ms, got.phases.warmup_runs) == (None, None, 0)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r\r\n"),
        lambda text: text.replace("INFO: ", ""),
        lambda text: "".join(
            f"11-21 08:10:11.123  4242  4250 I tflite  : {line}\n" for line in text.replace("INFO: ", "").splitlines()
        ),
        lambda text: "".join(f"I/tflite  ( 4242): {line}\n" for line in text.replace("INFO: ", "").splitlines()),
        lambda text: text.replace("\nINFO: Running", "\nERROR: something else altogether\nINFO: Running"),
    ],
    ids=["crlf", "crcrlf", "bare", "logcat", "logcat-brief", "interleaved"],
)
def test_what_surrounds_the_lines_does_not_matter(wrap):
    assert classic(wrap(outputs.CLASSIC_CPU)).latency == classic(outputs.CLASSIC_CPU).latency


def test_a_stale_run_before_this_one_is_not_taken():
    stale = outputs.CLASSIC_OLD.replace("STARTING!", "INFO: STARTING!")
    assert classic(stale + outputs.CLASSIC_CPU).latency == classic(outputs.CLASSIC_CPU).latency


def test_a_run_that_was_cut_is_not_replaced_by_the_stale_one():
    cut = outputs.CLASSIC_CPU[: outputs.CLASSIC_CPU.index("INFO: Inference timings")]
    got = classic(outputs.CLASSIC_OLD + cut)
    assert got.latency is None
    assert "cut off" in (got.failure or "")


def test_wherever_the_output_is_cut_there_is_no_result_or_the_right_one():
    whole = classic(outputs.CLASSIC_CPU)
    summary_end = outputs.CLASSIC_CPU.index("(avg): 16155.3\n") + len("(avg): 16155.3\n")
    for end in range(len(outputs.CLASSIC_CPU)):
        got = classic(outputs.CLASSIC_CPU[:end])
        assert (got.latency is None) == (got.failure is not None)
        assert got.latency == (whole.latency if got.latency else None)
        assert got.memory in (None, whole.memory)
        if end < summary_end:
            assert got.failure, outputs.CLASSIC_CPU[max(0, end - 80) : end]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("avg=16155.3", "avg=16,155.3"),
        ("avg=16155.3", "avg=16155,3"),
        ("avg=16155.3", "avg=nan"),
        ("avg=16155.3", "avg=inf"),
        ("avg=16155.3", "avg=-16155.3"),
        ("avg=16155.3", "avg=1e999"),
        ("avg=16155.3", "avg=1e4"),
        ("avg=16155.3", "avg=١٦١٥٥"),
        ("min=15790", "min=16790"),
        ("max=18344", "max=1834"),
        ("count=124", "count=0"),
        ("count=124", "count=-4"),
        ("count=124", "count=12.4"),
        ("count=124", "count=" + "9" * 5000),
        ("median=16093", "median=15093"),
        ("p95=16702", "p95=18345"),
        ("std=287", "std=28700"),
        ("Inference (avg): 16155.3", "Inference (avg): 16155.4"),
        ("Inference (avg): 16155.3", "Inference (avg): 16,155.3"),
        ("Init: 41873", "Init: 41973"),
        ("First inference: 24817", "First inference: 24917"),
    ],
)
def test_a_damaged_number_is_a_failure_that_names_the_line(old, new):
    assert old in outputs.CLASSIC_CPU
    got = classic(outputs.CLASSIC_CPU.replace(old, new))
    assert got.latency is None
    assert got.failure
    assert "\n" not in got.failure


def test_columns_may_be_reordered_or_missing():
    whole = classic(outputs.CLASSIC_CPU).latency
    reordered = outputs.CLASSIC_CPU.replace(
        "count=124 first=16002 curr=16110 min=15790 max=18344 avg=16155.3 std=287 p5=15864 median=16093 p95=16702",
        "count=124 median=16093 avg=16155.3 max=18344 p95=16702 p5=15864 min=15790 std=287 p99=18001 curr=16110",
    )
    assert classic(reordered).latency == whole
    less = classic(outputs.CLASSIC_CPU.replace(" min=15790 max=18344", "")).latency
    assert less is not None
    assert (less.minimum, less.mean) == (None, 16.1553)


def test_flags_that_the_program_ignored_are_a_failure():
    got = classic(
        outputs.CLASSIC_GPU.replace(
            "INFO: Loaded", "WARN: Unconsumed cmdline flags: --require_full_delegation=true\nINFO: Loaded"
        ),
        accelerator="gpu",
        strict=True,
    )
    assert got.latency is None
    assert "--require_full_delegation=true" in (got.failure or "")


# ---- where it ran


def test_a_graph_that_the_gpu_took_whole():
    got = classic(outputs.CLASSIC_GPU, outputs.GPU_WHOLE_STDERR, accelerator="gpu", strict=True)
    assert (got.delegated, got.nodes, got.partitions, got.fully_accelerated) == (148, 148, 1, True)


def test_a_graph_that_was_shared_and_the_processors_delegate_does_not_count():
    got = classic(outputs.CLASSIC_GPU_PARTIAL, outputs.GPU_PARTIAL_STDERR, accelerator="gpu")
    assert got.failure is None
    assert (got.delegated, got.nodes, got.partitions, got.fully_accelerated) == (64, 138, 5, False)


def test_xnnpack_taking_all_is_not_the_gpu_taking_all():
    xnnpack = outputs.GPU_WHOLE_STDERR.replace("TfLiteGpuDelegateV2", "TfLiteXNNPackDelegate")
    got = classic(outputs.CLASSIC_CPU, xnnpack, accelerator="gpu")
    assert (got.delegated, got.fully_accelerated) == (None, False)


def test_silence_about_delegates_is_not_full_acceleration():
    assert classic(outputs.CLASSIC_CPU, accelerator="gpu").fully_accelerated is None
    idle = "INFO: Though GPU delegate is explicitly applied, the model graph will not be executed by the delegate.\n"
    assert classic(idle + outputs.CLASSIC_CPU, accelerator="gpu").fully_accelerated is None, "another run's line"
    inside = outputs.CLASSIC_CPU.replace("INFO: The input", idle + "INFO: The input")
    assert classic(inside, accelerator="gpu").fully_accelerated is False


def test_subgraphs_and_an_external_delegate_are_added_up():
    line = (
        "VERBOSE: Replacing {} out of {} node(s) with delegate ({}) node, yielding 1 partitions for subgraph {} ({}).\n"
    )
    stderr = line.format(90, 90, "VendorThing", 0, "main") + line.format(8, 10, "VendorThing", 1, "body")
    got = classic(outputs.CLASSIC_CPU, stderr, accelerator="npu", options={"external_delegate_path": "x"})
    assert (got.delegated, got.nodes, got.partitions, got.fully_accelerated) == (98, 100, 2, False)


def test_a_refusal_names_the_operators():
    got = classic(outputs.CLASSIC_DISALLOWED, outputs.CLASSIC_DISALLOWED_STDERR, 1, accelerator="gpu", strict=True)
    assert got.latency is None
    assert got.fully_accelerated is False
    for said in ("gpu does not run the whole graph", "BROADCAST_TO", "DEQUANTIZE", "GATHER_ND: Operation is not", "74"):
        assert said in (got.failure or "")
    assert "GATHER_ND" in got.log_tail


@pytest.mark.parametrize(
    ("code", "says"),
    [(127, "build for Linux"), (126, "executed"), (137, "SIGKILL, as when memory"), (139, "SIGSEGV"), (3, "code 3")],
)
def test_a_program_that_ended_badly_says_how(code, says):
    got = classic("INFO: STARTING!\n", "", code)
    assert got.latency is None
    assert says in (got.failure or "")


def test_a_bad_ending_beats_good_numbers():
    assert classic(outputs.CLASSIC_CPU, "", 139).latency is None


def test_the_first_error_explains_a_failure():
    stderr = "ERROR: Node number 57 (BATCH_MATMUL) failed to prepare.\nERROR: Benchmarking failed.\n"
    assert "BATCH_MATMUL" in (classic("INFO: STARTING!\n", stderr, 1).failure or "")
    assert "BATCH_MATMUL" in (classic("INFO: STARTING!\n", stderr, 0).failure or "")


# ---- the newer program's answer


def test_compiled_takes_the_finer_of_two_agreeing_figures():
    got = COMPILED.read(outputs.COMPILED_STDOUT, outputs.COMPILED_STDERR, 0, {}, ask("gpu", strict=True))
    assert got.failure is None
    assert got.latency is not None
    assert (got.latency.count, got.latency.mean, got.latency.median, got.latency.p95) == (254, 7.90327, 7.88, 8.12)
    assert (got.phases.init_ms, got.phases.first_ms, got.phases.warmup_runs) == (pytest.approx(812.33), 9.127, 63)
    assert (got.delegated, got.nodes, got.partitions, got.fully_accelerated) == (148, 148, 1, True)
    assert got.memory is not None
    assert got.memory.peak_mb == pytest.approx(104.25 * 1.048576)


def test_compiled_by_its_summary_alone():
    got = COMPILED.read("", outputs.COMPILED_STDERR, 0, {}, ask("gpu")).latency
    assert got is not None
    assert (got.count, got.mean, got.minimum, got.maximum, got.std) == (254, 7.9, 7.69, 9.61, 0.15)
    assert got.median is None


def test_compiled_with_both_streams_in_one():
    merged = outputs.COMPILED_STDOUT + outputs.COMPILED_STDERR
    assert COMPILED.read(merged.replace("\n", "\r\n"), "", 0, {}, ask("gpu")).latency is not None


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("7.90 ms (254 runs)", "7.80 ms (254 runs)"),
        ("7.90 ms (254 runs)", "7.90 ms (25 runs)"),
        ("7.90 ms (254 runs)", "7,90 ms (254 runs)"),
        ("7.90 ms (254 runs)", "7.90 s (254 runs)"),
        ("7.90 ms (254 runs)", "7.90 (254 runs)"),
        ("7.90 ms (254 runs)", "7.90 MB (254 runs)"),
        ("9.61 ms", "9.16 ms"),
        ("======================================\n", ""),
        ("========== BENCHMARK RESULTS ==========", ""),
    ],
)
def test_compiled_figures_that_disagree_are_a_failure(old, new):
    assert old in outputs.COMPILED_STDERR
    got = COMPILED.read(outputs.COMPILED_STDOUT, outputs.COMPILED_STDERR.replace(old, new), 0, {}, ask("gpu"))
    assert got.latency is None
    assert got.failure


def test_compiled_that_is_refused_names_the_operators():
    stderr = outputs.GPU_REFUSED_STDERR + (
        "ERROR: Hint fully delegated to single delegate is set, but the graph is not fully delegated.\n"
        "ERROR: [benchmark_litert_model.cc:140] Failed to compile model.\nERROR: Benchmarking failed.\n"
    )
    got = COMPILED.read("INFO: STARTING!\n", stderr, 1, {}, ask("gpu", strict=True))
    assert "GATHER_ND" in (got.failure or "")


# ---- onnxruntime_perf_test


def test_onnxruntime_gives_raw_samples_without_the_warm_up():
    plan = Plan(warmup_runs=3, warmup_seconds=0.05)
    got = ORT.read(outputs.ORT, "", 0, {CSV: outputs.ORT_FILE.encode()}, ask(plan=plan))
    assert got.failure is None
    assert got.latency is not None
    timed = [1e3 * t for t in outputs.ORT_SECONDS[3:]]
    assert got.latency.samples_ms == pytest.approx(timed)
    assert got.latency.median == pytest.approx(statistics.median(timed))
    assert got.latency.seconds == pytest.approx((sum(timed) + 0.14) / 1e3)
    assert got.phases.warmup_ms == pytest.approx(22.5)
    # The program's own single run comes before those in the file.
    assert (got.phases.init_ms, got.phases.first_ms, got.phases.warmup_runs) == (89.4071, 31.0, 4)
    assert got.memory is not None
    assert got.memory.peak_mb == pytest.approx(96.452608)


@pytest.mark.parametrize("text", [outputs.ORT, outputs.ORT_OLD], ids=["new", "old"])
def test_onnxruntime_units_flip_and_come_out_in_milliseconds(text):
    got = ORT.read(text, "", 0, {}, ask()).latency
    assert got is not None
    assert (got.count, got.mean, got.median, got.maximum) == (12, 21.0, pytest.approx(20.8), pytest.approx(24.5))
    assert got.minimum == pytest.approx(20.0001)


def test_onnxruntime_appends_and_only_the_last_block_is_this_run():
    stale = "model,1.5,1,1,0\nmodel,1.6,1,1,1\n"
    files = {CSV: (stale + outputs.ORT_FILE).encode()}
    got = ORT.read(outputs.ORT, "", 0, files, ask(plan=Plan(warmup_seconds=0.05)))
    assert got.latency is not None
    assert got.latency.maximum == pytest.approx(21.0)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("21.000000 ms", "21.000000"),
        ("21.000000 ms", "21.000000 s"),
        ("21.000000 ms", "22.000000 ms"),
        ("21.000000 ms", "21,000000 ms"),
        ("P50 Latency: 0.0208 s", "P50 Latency: 0.0258 s"),
        ("P999 Latency: 0.0245 s\n", ""),
        ("P999 Latency: 0.0245 s\n", "P999 Latency: 0.02"),
        ("requests: 12", "requests: 1.2"),
        ("Runs:12", "Runs:13"),
    ],
)
def test_onnxruntime_damage_is_a_failure(old, new):
    assert old in outputs.ORT
    got = ORT.read(outputs.ORT.replace(old, new), "", 0, {}, ask())
    assert got.latency is None
    assert got.failure


@pytest.mark.parametrize(
    "content",
    [
        outputs.ORT_FILE.replace("model,0.0209,", "model,0.0309,"),
        outputs.ORT_FILE.replace("model,0.0209,96452608,392,2\n", ""),
        outputs.ORT_FILE.replace(",392,11", ",392,12"),
        outputs.ORT_FILE[:120],
        "",
    ],
)
def test_onnxruntime_a_file_that_does_not_fit_is_a_failure(content):
    got = ORT.read(outputs.ORT, "", 0, {CSV: content.encode()}, ask(plan=Plan(warmup_seconds=0.0, warmup_runs=0)))
    assert got.latency is None
    assert got.failure


def test_onnxruntime_fallback_that_was_forbidden():
    stderr = (
        "2026-01-01 00:00:00 [E:onnxruntime] This session contains graph nodes that are assigned to the default CPU "
        "EP, but fallback to CPU EP has been explicitly disabled by the user.\n"
    )
    got = ORT.read("", stderr, 255, {}, ask("npu", strict=True, options={"provider": "qnn"}))
    assert "npu does not run the whole graph" in (got.failure or "")


# ---- operators


@pytest.mark.parametrize("text", [outputs.PROFILE, outputs.PROFILE.replace("\n", "\r\n")])
def test_the_profile_counts_every_call_and_not_the_initialization(text):
    profile = read_operators(text, "m.tflite")
    assert [operator.kind for operator in profile.operators] == [
        "QUANTIZE",
        "Convolution (NHWC, QC8) DWConv",
        "Convolution (NHWC, QC8) GEMM",
    ]
    assert [operator.ms for operator in profile.operators] == pytest.approx([0.203, 0.51, 0.287])
    assert profile.operators[0].name == "[tfl.quantize]:0"
    assert profile.total_ms == pytest.approx(1.0)


def test_older_and_comma_separated_profiles():
    old = read_operators(outputs.PROFILE_OLD, "m")
    assert [(o.kind, o.ms) for o in old.operators] == [("CONV_2D", 6.957), ("DEPTHWISE_CONV_2D", 0.773)]
    assert old.operators[0].name == "[net/Conv2d_0, net/Relu]:0"
    table = read_operators(outputs.PROFILE_CSV, "m")
    assert [(o.kind, o.ms) for o in table.operators] == [
        ("QUANTIZE", 0.203),
        ("Convolution (NHWC, QC8) DWConv", pytest.approx(0.51)),
    ]


def test_a_delegate_that_tells_its_own_operators():
    head, body = outputs.PROFILE_OLD.split("\n", 1)
    whole = (
        f"{head}\n{body.splitlines()[0]}\n{body.splitlines()[1]}\n"
        "\t     TfLiteGpuDelegateV2\t   0.0\t   7.7\t    7.73\t100.000%\t100.000%\t   0.000\t       1\t[out]:2\n"
        "\n============================== Top by Computation Time ==============================\n"
        f"Delegate internal:\n{body}"
    )
    assert [o.kind for o in read_operators(whole, "m").operators] == ["CONV_2D", "DEPTHWISE_CONV_2D"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        outputs.CLASSIC_CPU,
        outputs.PROFILE_OLD[: outputs.PROFILE_OLD.index("Top by")],
        outputs.PROFILE_OLD.replace("[avg ms]", "[average]"),
        outputs.PROFILE_OLD.replace("6.957", "6,957"),
    ],
)
def test_a_profile_that_is_not_whole_is_refused(text):
    with pytest.raises(InputError):
        read_operators(text, "m")
