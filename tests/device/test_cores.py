"""Core clusters and masks."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgedepth.bench.device.cores import cores_of, read
from edgedepth.errors import DeviceError, UsageError

pytest_plugins = ["fake_device"]


def _top(tops):
    return "".join(f"/sys/devices/system/cpu/cpu{core}/cpufreq/cpuinfo_max_freq {khz}\n" for core, khz in tops.items())


def _phone(tops, online=None, present="0-7"):
    return read({"present": present, "online": present if online is None else online, "top": _top(tops)})


FOUR_THREE_ONE = {0: 1804800, 1: 1804800, 2: 1804800, 3: 1804800, 4: 2419200, 5: 2419200, 6: 2419200, 7: 2841600}
SIX_TWO = {core: 3532800 if core < 6 else 4320000 for core in range(8)}


def test_masks_of_three_clusters():
    cores = _phone(FOUR_THREE_ONE)
    assert [(c.top_mhz, c.cores) for c in cores.clusters] == [
        (2841.6, (7,)),
        (2419.2, (4, 5, 6)),
        (1804.8, (0, 1, 2, 3)),
    ]
    assert (cores.mask("prime"), cores.mask("big"), cores.mask("little")) == ("80", "f0", "f")


def test_masks_of_two_clusters():
    cores = _phone(SIX_TWO)
    assert (cores.mask("prime"), cores.mask("big"), cores.mask("little")) == ("c0", "c0", "3f")


def test_fast_cores_may_come_first():
    cores = _phone({0: 3000000, 1: 3000000, 2: 1000000, 3: 2000000}, present="0-3")
    assert (cores.mask("prime"), cores.mask("big"), cores.mask("little")) == ("3", "b", "4")


def test_cores_that_sleep_are_left_out_and_told():
    cores = _phone({core: khz for core, khz in FOUR_THREE_ONE.items() if core != 7}, online="0-6")
    assert cores.offline == (7,)
    assert (cores.mask("prime"), cores.mask("big")) == ("70", "70")
    with pytest.raises(UsageError, match="not there or switched off") as caught:
        cores.mask("f0")
    assert "0-6" in caught.value.evidence
    assert "not: 7" in caught.value.evidence
    # A sleeping core's last frequency may still be readable; it sleeps nevertheless.
    assert _phone(FOUR_THREE_ONE, online="0-6") == cores


@pytest.mark.parametrize("name", ["prime", "big", "little"])
def test_one_kind_of_cores_has_no_clusters(name):
    cores = _phone(dict.fromkeys(range(4), 2000000), present="0-3")
    with pytest.raises(DeviceError, match="one kind of cores") as caught:
        cores.mask(name)
    assert "0-3 up to 2000 MHz" in caught.value.evidence
    assert cores.mask("3") == "3"


@pytest.mark.parametrize("name", ["prime", "big", "little"])
def test_a_core_without_a_frequency_forbids_a_guess(name):
    cores = _phone({core: khz for core, khz in FOUR_THREE_ONE.items() if core != 7})
    assert cores.untold == (7,)
    with pytest.raises(DeviceError, match="does not tell which cores") as caught:
        cores.mask(name)
    assert "7 do not tell" in caught.value.evidence
    assert cores.mask("80") == "80"


def test_nothing_readable_is_said():
    with pytest.raises(DeviceError, match="does not tell") as caught:
        read({}).mask("big")
    assert "no frequencies" in caught.value.evidence
    assert read({}).mask("off") == ""


@pytest.mark.parametrize(("given_", "mask"), [("f0", "f0"), ("0xF0", "f0"), ("01", "1"), ("off", "")])
def test_masks_of_the_users_own(given_, mask):
    assert _phone(FOUR_THREE_ONE).mask(given_) == mask


@pytest.mark.parametrize("wrong", ["", "0", "0x0", "biggest", "f0g", "-1", "f 0", "٣"])
def test_what_is_no_mask_is_refused(wrong):
    with pytest.raises(UsageError, match="is not a set of cores"):
        _phone(FOUR_THREE_ONE).mask(wrong)


@given(st.dictionaries(st.integers(0, 11), st.sampled_from([1000000, 2000000, 3000000]), min_size=1))
def test_masks_are_the_right_sets(tops):
    cores = _phone(tops, present="0-11", online=",".join(map(str, tops)))
    speeds = sorted(set(tops.values()))
    if len(speeds) < 2:
        with pytest.raises(DeviceError):
            cores.mask("big")
        return
    bits = {name: {i for i in range(12) if int(cores.mask(name), 16) >> i & 1} for name in ("prime", "big", "little")}
    assert bits["prime"] == {core for core, top in tops.items() if top == speeds[-1]}
    assert bits["little"] == {core for core, top in tops.items() if top == speeds[0]}
    assert bits["big"] == set(tops) - bits["little"]


@given(st.dictionaries(st.sampled_from(["present", "online", "top"]), st.text()))
def test_any_text_is_read_without_an_exception(sections):
    assert len(read(sections).online) <= 1000


def test_through_the_real_client(fake_adb, fake_phone):
    for core, khz in FOUR_THREE_ONE.items():
        fake_phone.write(f"/sys/devices/system/cpu/cpu{core}/cpufreq/cpuinfo_max_freq", f"{khz}\n")
    fake_phone.write("/sys/devices/system/cpu/present", "0-7\n")
    fake_phone.write("/sys/devices/system/cpu/online", "0-7\n")
    assert cores_of(fake_adb).mask("big") == "f0"
    fake_phone.path("/sys/devices/system/cpu/cpu5/cpufreq/cpuinfo_max_freq").unlink()
    assert cores_of(fake_adb).untold == (5,)
