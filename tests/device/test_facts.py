"""What a device says it is."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedepth.bench.device.facts import cores_in, device_of, identity, read
from edgedepth.bench.device.socs import QUALCOMM, soc_of

pytest_plugins = ["fake_device"]

PROPERTIES = """[ro.build.fingerprint]: [samsung/dm3qxxx/dm3q:15/AP3A.240905.015.A2/S938BXXU1:user/release-keys]
[ro.build.type]: [user]
[ro.build.version.release]: [15]
[ro.build.version.sdk]: [35]
[ro.board.platform]: [sun]
[ro.hardware]: [qcom]
[ro.product.board]: [sun]
[ro.product.cpu.abilist]: [arm64-v8a,armeabi-v7a,armeabi]
[ro.product.device]: [dm3q]
[ro.product.manufacturer]: [samsung]
[ro.product.model]: [SM-S938B]
[ro.serialno]: [R5CX10ABCDE]
[ro.soc.manufacturer]: [QTI]
[ro.soc.model]: [SM8750]
[odd]: [with ] and [ inside]
"""
SECTIONS = {
    "properties": PROPERTIES,
    "present": "0-7\n",
    "kernel": "6.6.30-android15-8 aarch64\n",
    "cpuinfo": "",
    "gpu": "GLES: Qualcomm, Adreno (TM) 830, OpenGL ES 3.2 V@0800.0\n",
}


def test_a_phone():
    device = read(SECTIONS, "192.168.1.7:5555")
    assert device.place == "phone"
    assert device.name == "samsung SM-S938B"
    assert device.soc == "QTI SM8750"
    assert device.abi == "arm64-v8a"
    assert device.system == "Android 15 (SDK 35)"
    assert device.cores == 8
    assert device.fingerprint.startswith("samsung/dm3qxxx")
    assert device.facts["soc_name"] == "Snapdragon 8 Elite"
    assert device.facts["htp"] == "v79"
    assert device.facts["platform"] == "sun"
    assert device.facts["kernel"] == "6.6.30-android15-8"
    assert device.facts["gpu"] == "Qualcomm, Adreno (TM) 830, OpenGL ES 3.2 V@0800.0"
    assert read({name: text.replace("\n", "\r\n") for name, text in SECTIONS.items()}, "x") == device


def test_its_identity_is_the_same_by_cable_and_network_and_tells_no_serial():
    wifi, usb = read(SECTIONS, "192.168.1.7:5555"), read(SECTIONS, "R5CX10ABCDE")
    assert wifi.id == usb.id
    text = "R5CX10ABCDE\n" + wifi.fingerprint
    assert wifi.id == hashlib.sha256(text.encode()).hexdigest()[:16]
    assert "R5CX10ABCDE" not in repr(wifi)
    assert "192.168" not in repr(wifi)
    updated = read(SECTIONS | {"properties": PROPERTIES.replace("S938BXXU1", "S938BXXU2")}, "R5CX10ABCDE")
    assert updated.id != wifi.id
    assert identity("a", "b") != identity("b", "a")


def test_before_android_12_the_kernel_tells_the_chip():
    old = "".join(line + "\n" for line in PROPERTIES.splitlines() if "ro.soc." not in line)
    cpuinfo = "processor\t: 0\nprocessor\t: 1\n\nHardware\t: Qualcomm Technologies, Inc SM8350\n"
    device = read({"properties": old, "cpuinfo": cpuinfo}, "A")
    assert device.soc == "Qualcomm Technologies, Inc SM8350"
    assert device.facts["soc_name"] == "Snapdragon 888"
    assert device.facts["soc_source"] == "/proc/cpuinfo"
    assert "htp" not in device.facts  # no evidence, so none is told
    assert device.cores == 2


@pytest.mark.parametrize("name", ["ro.kernel.qemu", "ro.boot.qemu", "ro.edgedepth.emulated"])
def test_an_emulated_device_says_so(name):
    assert read({"properties": PROPERTIES + f"[{name}]: [1]\n"}, "A").place == "emulated"
    assert read({"properties": PROPERTIES + f"[{name}]: [0]\n"}, "A").place == "phone"


def test_nothing_told_is_nothing_guessed():
    device = read({}, "A")
    assert (device.soc, device.abi, device.system, device.fingerprint, device.cores) == ("", "", "", "", 0)
    assert device.facts == {}
    assert device.name == "unnamed device"
    assert read({"kernel": "6.1.0 aarch64"}, "A").abi == "arm64-v8a"
    assert read({"kernel": "6.1.0 riscv64"}, "A").abi == ""


def test_a_model_that_repeats_its_maker_is_named_once():
    text = "[ro.product.manufacturer]: [OnePlus]\n[ro.product.model]: [ONEPLUS A6003]\n"
    assert read({"properties": text}, "A").name == "ONEPLUS A6003"


@given(st.dictionaries(st.sampled_from(list(SECTIONS)), st.text()), st.text())
def test_any_text_is_read_without_an_exception(sections, serial):
    device = read(sections, serial)
    assert len(device.id) == 16
    assert 0 <= device.cores <= 1000


@pytest.mark.parametrize(
    ("text", "cores"),
    [
        ("0-3", (0, 1, 2, 3)),
        ("0-1,4,6-7\n", (0, 1, 4, 6, 7)),
        ("0 1 2", (0, 1, 2)),
        ("5", (5,)),
        ("", ()),
        ("3-0", ()),
        ("0-x", ()),
        ("٣", ()),
        ("0-99999", ()),
    ],
)
def test_lists_of_cores(text, cores):
    assert cores_in(text) == cores


def test_chips_and_their_variants():
    assert soc_of("SM8550P") == soc_of("sm8550") == QUALCOMM["SM8550"]
    assert soc_of("SM85501") is None
    assert soc_of("MT6989") is None
    assert {model: soc.htp for model, soc in QUALCOMM.items() if soc.htp} == {
        "SM8550": "v73",
        "SM8650": "v75",
        "SM8750": "v79",
        "SM8850": "v81",
    }


def test_through_the_real_client(fake_adb, fake_phone):
    fake_phone.say("getprop-", PROPERTIES)
    fake_phone.write("/sys/devices/system/cpu/present", "0-7\n")
    fake_phone.write("/proc/cpuinfo", "processor\t: 0\n")
    fake_phone.say("dumpsys SurfaceFlinger", "x\n GLES: Qualcomm, Adreno (TM) 830\nGLES: again\n")
    device = device_of(fake_adb)
    assert (device.name, device.soc, device.cores) == ("samsung SM-S938B", "QTI SM8750", 8)
    assert device.facts["gpu"] == "Qualcomm, Adreno (TM) 830"
