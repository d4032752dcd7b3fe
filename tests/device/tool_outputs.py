"""What benchmark programs print, in the layouts of the field notes; the figures are made up, and consistent."""

# ruff: noqa: E501 - lines are as long as the programs print them
from __future__ import annotations

XNNPACK_LINES = """\
INFO: Created TensorFlow Lite XNNPACK delegate for CPU.
VERBOSE: Replacing 146 out of 148 node(s) with delegate (TfLiteXNNPackDelegate) node, yielding 3 partitions for subgraph 0.
"""

CLASSIC_CPU = """\
INFO: STARTING!
INFO: Log parameter values verbosely: [0]
INFO: Min num runs: [50]
INFO: Num threads: [4]
INFO: Graph: [/data/local/tmp/edgedepth/r1/model.tflite]
INFO: Signature to run: []
INFO: Loaded model /data/local/tmp/edgedepth/r1/model.tflite
INFO: The input model file size (MB): 11.2046
INFO: Initialized session in 41.873ms.
INFO: Running benchmark for at least 3 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
INFO: count=31 first=24817 curr=15980 min=15871 max=24817 avg=16420.6 std=1588

INFO: Running benchmark for at least 50 iterations and at least 2 seconds but terminate if exceeding 150 seconds.
INFO: count=124 first=16002 curr=16110 min=15790 max=18344 avg=16155.3 std=287 p5=15864 median=16093 p95=16702

INFO: Inference timings in us: Init: 41873, First inference: 24817, Warmup (avg): 16420.6, Inference (avg): 16155.3
INFO: Note: as the benchmark tool itself affects memory footprint, the following is only APPROXIMATE to the actual \
memory footprint of the model at runtime. Take the information at your discretion.
INFO: Memory footprint delta from the start of the tool (MB): init=21.375 overall=30.8906
"""

CLASSIC_OLD = """\
STARTING!
Log parameter values verbosely: [0]
Graph: [/data/local/tmp/m.tflite]
Loaded model /data/local/tmp/m.tflite
The input model file size (MB): 3.20105
Initialized session in 3.33ms.
Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
count=5 first=118829 curr=105453 min=102652 max=118829 avg=107354 std=5819

Running benchmark for at least 50 iterations and at least 1 seconds but terminate if exceeding 150 seconds.
count=50 first=102919 curr=102428 min=101417 max=109982 avg=104036 std=1565

Average inference timings in us: Warmup: 107354, Init: 3330, no stats: 104036
"""

CLASSIC_SLOW = """\
INFO: STARTING!
INFO: Loaded model /data/local/tmp/m.tflite
INFO: Initialized session in 2150.42ms.
INFO: Running benchmark for at least 1 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
INFO: count=1 curr=1874523

INFO: Running benchmark for at least 2 iterations and at least 1 seconds but terminate if exceeding 150 seconds.
INFO: count=2 first=1862001 curr=1871207 min=1862001 max=1871207 avg=1.8666e+06 std=4603 p5=1862001 median=1871207 \
p95=1871207

INFO: Inference timings in us: Init: 2150422, First inference: 1874523, Warmup (avg): 1.87452e+06, \
Inference (avg): 1.8666e+06
INFO: Memory footprint delta from the start of the tool (MB): init=0.5 overall=1.25
INFO: Overall peak memory footprint (MB) via periodic monitoring: 88.2344
INFO: Memory status at the end of exeution:
INFO: - VmRSS              : 80 MB
"""

CLASSIC_SAME = """\
INFO: STARTING!
INFO: Initialized session in 0.9ms.
INFO: Running benchmark for at least 1 iterations and at least 0 seconds but terminate if exceeding 150 seconds.
INFO: count=2 curr=12(all same)

INFO: Running benchmark for at least 3 iterations and at least 0 seconds but terminate if exceeding 150 seconds.
INFO: count=3 curr=11(all same)

INFO: Inference timings in us: Init: 900, First inference: 12, Warmup (avg): 12, Inference (avg): 11
"""

GPU_WHOLE_STDERR = """\
INFO: Created TensorFlow Lite delegate for GPU.
INFO: Initialized OpenCL-based API.
VERBOSE: Replacing 148 out of 148 node(s) with delegate (TfLiteGpuDelegateV2) node, yielding 1 partitions for subgraph 0.
INFO: Created 1 GPU delegate kernels.
"""

GPU_WHOLE_LINE = (
    "INFO: Explicitly applied GPU delegate, and the model graph will be completely executed by the delegate.\n"
)
CLASSIC_GPU = CLASSIC_CPU.replace("INFO: The input model", GPU_WHOLE_LINE + "INFO: The input model")

GPU_REFUSED_STDERR = """\
INFO: Created TensorFlow Lite delegate for GPU.
ERROR: Following operations are not supported by GPU delegate:
BROADCAST_TO: Operation is not supported.
DEQUANTIZE:
GATHER_ND: Operation is not supported.
TRANSPOSE: Permutation for transpose is invalid.
64 operations will run on the GPU, and the remaining 74 operations will run on the CPU.
"""

GPU_PARTIAL_STDERR = (
    GPU_REFUSED_STDERR
    + """\
VERBOSE: Replacing 64 out of 138 node(s) with delegate (TfLiteGpuDelegateV2) node, yielding 5 partitions for subgraph 0.
VERBOSE: Replacing 70 out of 79 node(s) with delegate (TfLiteXNNPackDelegate) node, yielding 6 partitions for subgraph 0.
"""
)
CLASSIC_GPU_PARTIAL = CLASSIC_CPU.replace(
    "INFO: The input model",
    "INFO: Explicitly applied GPU delegate, and the model graph will be partially executed by the delegate w/ 5 "
    "delegate kernels.\nINFO: The input model",
)
CLASSIC_DISALLOWED = """\
INFO: STARTING!
INFO: Loaded model /data/local/tmp/m.tflite
"""
CLASSIC_DISALLOWED_STDERR = (
    GPU_REFUSED_STDERR + "ERROR: Disallowed CPU fallback detected.\nERROR: Benchmarking failed.\n"
)

COMPILED_STDOUT = """\
INFO: STARTING!
INFO: Log parameter values verbosely: [0]
INFO: The input model file size (MB): 11.2046
INFO: Initialized session in 812.331ms.
INFO: Running benchmark for at least 3 iterations and at least 0.5 seconds but terminate if exceeding 150 seconds.
INFO: count=63 first=9127 curr=7881 min=7702 max=9127 avg=7958.41 std=203

INFO: Running benchmark for at least 50 iterations and at least 2 seconds but terminate if exceeding 150 seconds.
INFO: count=254 first=7869 curr=7911 min=7688 max=9610 avg=7903.27 std=148 p5=7731 median=7880 p95=8120

"""

COMPILED_STDERR = """\
INFO: [benchmark_litert_model.cc:118] Loading model from: /data/local/tmp/edgedepth/r1/model.tflite
INFO: [gpu_environment.h:155] Created LiteRT GpuEnvironment.
VERBOSE: Replacing 148 out of 148 node(s) with delegate (LITERT_CL) node, yielding 1 partitions for subgraph 0 (main).
INFO: [benchmark_litert_model.h:71]
========== BENCHMARK RESULTS ==========
INFO: [benchmark_litert_model.h:72] Model initialization: 812.33 ms
INFO: [benchmark_litert_model.h:73] Warmup (first):       9.13 ms
INFO: [benchmark_litert_model.h:75] Warmup (avg):         7.96 ms (63 runs)
INFO: [benchmark_litert_model.h:77] Inference (avg):      7.90 ms (254 runs)
INFO: [benchmark_litert_model.h:81] Inference (min):      7.69 ms
INFO: [benchmark_litert_model.h:83] Inference (max):      9.61 ms
INFO: [benchmark_litert_model.h:85] Inference (std):      0.15
INFO: [benchmark_litert_model.h:93] Throughput:           177.95 MB/s
INFO: [benchmark_litert_model.h:100]
Memory Usage:
INFO: [benchmark_litert_model.h:101] Init footprint:       102.52 MB
INFO: [benchmark_litert_model.h:103] Overall footprint:    104.25 MB
INFO: [benchmark_litert_model.h:109] Peak memory usage not available. (peak_mem_mb <= 0)
INFO: [benchmark_litert_model.h:113] ======================================

"""

ORT = """\
Setting intra_op_num_threads to 4
Session creation time cost: 0.0894071 s
First inference time cost: 31 ms
Total inference time cost: 0.252 s
Total inference requests: 12
Average inference time cost total: 21.000000 ms
Total inference run time: 0.25214 s
Number of inferences per second: 47.5926
Avg CPU usage: 392 %
Peak working set size: 96452608 bytes
Avg CPU usage:392
Peak working set size:96452608
Runs:12
Min Latency: 0.0200001 s
Max Latency: 0.0245 s
P50 Latency: 0.0208 s
P90 Latency: 0.0221 s
P95 Latency: 0.0245 s
P99 Latency: 0.0245 s
P999 Latency: 0.0245 s
"""

ORT_SECONDS = (
    0.0245, 0.0221, 0.0209, 0.0207, 0.0205, 0.0204, 0.0208, 0.0206, 0.0210, 0.0203, 0.0202, 0.0200001,
)  # fmt: skip
ORT_FILE = "".join(f"model,{t:g},96452608,392,{i}\n" for i, t in enumerate(ORT_SECONDS))

ORT_OLD = """\
Total time cost:0.252
Total iterations:12
Average time cost:21 ms
Total run time:0.25214 s
Min Latency is 0.0200001sec
Max Latency is 0.0245sec
P50 Latency is 0.0208sec
P90 Latency is 0.0221sec
P95 Latency is 0.0245sec
P99 Latency is 0.0245sec
P999 Latency is 0.0245sec
"""

_TABLE_HEAD = (
    "                                     [node type]          [first]        [avg ms]            [%]          [cdf%]"
    "          [mem KB]        [times called]  [Name]\n"
)

PROFILE = f"""\
INFO: Profiling Info for Benchmark Initialization:
============================== Run Order ==============================
{_TABLE_HEAD}\
                         ModifyGraphWithDelegate            6.348           6.348       100.000%        100.000%\
          7148.000                1       ModifyGraphWithDelegate/0

============================== Top by Computation Time ==============================
INFO: Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
{_TABLE_HEAD}\
                                        QUANTIZE            0.199           0.203        20.300%         20.300%\
             0.000                1       [tfl.quantize]:0
                  Convolution (NHWC, QC8) DWConv            0.428           0.051        51.000%         71.300%\
             0.000               10       Delegate/Convolution (NHWC, QC8) DWConv:1
                    Convolution (NHWC, QC8) GEMM            0.280           0.287        28.700%        100.000%\
             0.000                1       Delegate/Convolution (NHWC, QC8) GEMM:2

============================== Top by Computation Time ==============================
{_TABLE_HEAD}\
                    Convolution (NHWC, QC8) GEMM            0.280           0.287        28.700%        100.000%\
             0.000                1       Delegate/Convolution (NHWC, QC8) GEMM:2

Number of nodes executed: 3
============================== Summary by node type ==============================
                                     [Node type]          [count]         [avg ms]          [avg %]         [cdf %]\
       [mem KB]        [times called]
                  Convolution (NHWC, QC8) DWConv                1            0.510          51.000%         51.000%\
          0.000               10

Timings (microseconds): count=50 first=1010 curr=1000 min=990 max=1100 avg=1000 std=10
Memory (bytes): count=0
3 nodes observed
"""

PROFILE_OLD = (
    "Operator-wise Profiling Info for Regular Benchmark Runs:\n"
    "============================== Run Order ==============================\n"
    "\t             [node type]\t          [start]\t  [first]\t [avg ms]\t     [%]\t  [cdf%]\t  [mem KB]\t[times called]\t[Name]\n"
    "\t                 CONV_2D\t            0.066\t    7.754\t    6.957\t 90.000%\t 90.000%\t     0.000\t        0\t[net/Conv2d_0, net/Relu]:0\n"
    "\t       DEPTHWISE_CONV_2D\t            6.033\t    0.628\t    0.773\t 10.000%\t100.000%\t     0.000\t        0\t[net/dw]:1\n"
    "\n"
    "============================== Top by Computation Time ==============================\n"
)

PROFILE_CSV = """\
Operator-wise Profiling Info for Regular Benchmark Runs:
============================== Run Order ==============================
node type, first, avg_ms, %, cdf%, mem KB, times called, name
QUANTIZE, 0.199, 0.203, 20.3%, 20.3%, 0, 1, [tfl.quantize]:0
Convolution (NHWC, QC8) DWConv, 0.428, 0.051, 51%, 71.3%, 0, 10, Delegate/Convolution (NHWC, QC8) DWConv:1

============================== Top by Computation Time ==============================
"""
