"""The state of a phone: tolerant readers that never give a wrong number, and the pinned mode."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgedepth.bench.device.conditions import cooling_temperature, fixed_performance, is_cool, look, parse
from edgedepth.bench.schema import Reading
from edgedepth.errors import DeviceError

pytest_plugins = ["fake_device"]

THERMAL = """IsStatusOverride: false
ThermalEventListeners:
\tcallbacks: 2
Thermal Status: 1
Cached temperatures:
\tTemperature{mValue=31.5, mType=3, mName=skin-therm, mStatus=0}
\tTemperature{mValue=29.0, mType=2, mName=battery, mStatus=0}
HAL Ready: true
HAL connection:
\tThermalHAL AIDL 1 connected: yes
Current temperatures from HAL:
\tTemperature{mValue=36.25, mType=3, mName=skin-therm, mStatus=0}
\tTemperature{mValue=52.1, mType=0, mName=cpu-1-0, mStatus=0}
\tTemperature{mValue=44.0, mType=1, mName=gpuss-0, mStatus=0}
\tTemperature{mValue=30.5, mType=2, mName=battery, mStatus=0}
\tTemperature{mValue=41.0, mType=9, mName=nspss-0, mStatus=0}
\tTemperature{mValue=4100.0, mType=6, mName=vbat, mStatus=0}
\tTemperature{mValue=85.0, mType=8, mName=socd, mStatus=0}
\tTemperature{mValue=0.0, mType=0, mName=cpu-unread, mStatus=0}
\tTemperature{mValue=NaN, mType=0, mName=cpu-broken, mStatus=0}
Current cooling devices from HAL:
\tCoolingDevice{mValue=3, mType=2, mName=cpufreq-cpu4}
Temperature static thresholds from HAL:
\tTemperatureThreshold{mType=3, mName=skin-therm, mHotThrottlingThresholds=[NaN, 39.0, 43.0, 47.0, 55.0, 57.0, 59.0]}
"""
SAMSUNG = """IsStatusOverride: false
Thermal Status: 0
Current temperatures from HAL:
\tTemperature{mValue=24.0, mType=1, mName=TYPE_CPU, mStatus=0}
\tTemperature{mValue=24.4, mType=3, mName=TYPE_BATTERY, mStatus=0}
\tTemperature{mValue=25.3, mType=4, mName=TYPE_SKIN, mStatus=0}
"""
BATTERY = """Current Battery Service state:
  AC powered: false
  USB powered: true
  Wireless powered: false
  Max charging current: 500000
  status: 2
  health: 2
  present: true
  level: 85
  scale: 100
  voltage: 4210
  temperature: 287
  technology: Li-ion
"""
CPUFREQ = "/sys/devices/system/cpu/cpu{}/cpufreq/{} {}\n"
FREQUENCIES = "".join(
    CPUFREQ.format(core, "scaling_cur_freq", 1804800 if core < 4 else 2841600)
    + CPUFREQ.format(core, "scaling_governor", "walt")
    + CPUFREQ.format(core, "related_cpus", "0 1 2 3" if core < 4 else "4 5 6 7")
    for core in range(8)
)
ZONE = "/sys/class/thermal/thermal_zone{}/{} {}\n"
ZONES = "".join(
    ZONE.format(number, "type", kind) + ZONE.format(number, "temp", value)
    for number, (kind, value) in enumerate(
        [
            ("cpu-0-0", 48300),
            ("quiet-therm", 35100),
            ("vbat", 4210000),
            ("ibat", 1200),
            ("socd", 85),
            ("pm8550-bcl-lvl0", 0),
            ("mystery", 5000),
            ("gpuss-1", 41),
            ("nspss-1", -273000),
            ("battery", 999000),
        ]
    )
)
SECTIONS = {
    "thermal": THERMAL,
    "battery": BATTERY,
    "power": "  mWakefulness=Awake\n  mIsPowerSaveMode=false\n",
    "low_power": "0\n",
    "airplane": "1\n",
    "frequencies": FREQUENCIES,
    "zones": ZONES,
}
FULL = Reading(
    at_s=1.5,
    thermal_status=1,
    temperatures={
        "cpu/cpu-0-0": 48.3,
        "skin/quiet-therm": 35.1,
        "skin/skin-therm": 36.25,
        "cpu/cpu-1-0": 52.1,
        "gpu/gpuss-0": 44.0,
        "battery/battery": 30.5,
        "npu/nspss-0": 41.0,
    },
    battery_level=85,
    battery_c=28.7,
    plugged=True,
    low_power=False,
    screen_on=True,
    airplane=True,
    governors={"cpu0-3": "walt", "cpu4-7": "walt"},
    frequencies={f"cpu{core}": 1804.8 if core < 4 else 2841.6 for core in range(8)},
)


def _read(**sections):
    """A reading of whole lines."""
    return parse({name: text + "\n" for name, text in sections.items()}, 0.0)


def _battery(text):
    found = _read(battery=text)
    return found.battery_level, found.battery_c, found.plugged


def test_everything_is_read():
    assert parse(SECTIONS, 1.5) == FULL
    assert parse({name: text.replace("\n", "\r\n") for name, text in SECTIONS.items()}, 1.5) == FULL


def test_nothing_told_is_none():
    assert parse({}, -2.0) == Reading(at_s=-2.0)
    assert parse(dict.fromkeys(SECTIONS, "Can't find service: x\n"), 0.0) == Reading(at_s=0.0)


def test_the_name_of_a_sensor_goes_before_its_number():
    got = _read(thermal=SAMSUNG).temperatures
    assert got == {"cpu/TYPE_CPU": 24.0, "battery/TYPE_BATTERY": 24.4, "skin/TYPE_SKIN": 25.3}
    silent = "Temperature{mType=3, mStatus=0, mName=xyz, mValue=33.0}"
    assert _read(thermal=silent).temperatures == {"skin/xyz": 33.0}


def test_without_current_temperatures_the_cached_ones_count():
    cut = THERMAL.partition("HAL Ready")[0]
    assert _read(thermal=cut).temperatures == {"skin/skin-therm": 31.5, "battery/battery": 29.0}


@pytest.mark.parametrize(
    "value", ["36,2", "٣٦.٢", "1e2", "0x20", "NaN", "Infinity", "-274.0", "151", "36.2C", "", "--5"]
)
def test_a_number_in_another_form_is_no_number(value):
    block = f"Temperature{{mValue={value}, mType=3, mName=skin, mStatus=0}}"
    assert _read(thermal=block).temperatures == {}


@pytest.mark.parametrize(
    "line", ["Thermal Status: 7", "Thermal Status: -1", "Thermal Status: 1,0", "Thermal Status:", ""]
)
def test_a_status_out_of_range_is_none(line):
    assert _read(thermal=line).thermal_status is None


def test_two_statuses_are_none():
    assert _read(thermal="Thermal Status: 0\nThermal Status: 3\n").thermal_status is None
    assert _read(thermal="Thermal Status: 3\nThermal Status: 3\n").thermal_status == 3


def test_battery():
    assert _battery(BATTERY) == (85, 28.7, True)
    assert _battery(BATTERY.replace("USB powered: true", "USB powered: false")) == (85, 28.7, False)
    assert _battery(BATTERY.replace("scale: 100", "scale: 200").replace("level: 85", "level: 150")) == (75, 28.7, True)
    assert _battery("\n".join(reversed(BATTERY.splitlines()))) == (85, 28.7, True)


@pytest.mark.parametrize(
    ("old", "new", "wanted"),
    [
        ("level: 85", "level: 850", (None, 28.7, True)),
        ("level: 85", "level: -1", (None, 28.7, True)),
        ("level: 85", "level: ٨٥", (None, 28.7, True)),
        ("level: 85", "level: 8,5", (None, 28.7, True)),
        ("scale: 100", "scale: 0", (None, 28.7, True)),
        ("temperature: 287", "temperature: 28,7", (85, None, True)),
        ("temperature: 287", "temperature: 28700", (85, None, True)),
        ("temperature: 287", "temperature: 0", (85, None, True)),
        ("temperature: 287", "temperature: -2147483648", (85, None, True)),
        ("present: true", "present: false", (None, None, True)),
        ("USB powered: true", "USB powered: maybe", (85, 28.7, None)),
    ],
)
def test_a_battery_that_tells_nonsense(old, new, wanted):
    assert _battery(BATTERY.replace(old, new)) == wanted


def test_values_that_somebody_typed_in_are_not_the_batterys():
    assert _battery("Current Battery Service state:\n  (UPDATES STOPPED -- use 'reset' to restart)\n" + BATTERY) == (
        None,
        None,
        None,
    )


def test_modes():
    assert _read(low_power="1").low_power is True
    assert _read(low_power="null", power="mIsPowerSaveMode=true").low_power is True
    assert _read(low_power="null", power="mIsPowerSaveMode=true\nmLowPowerModeEnabled=false").low_power is None
    assert _read(power="mWakefulness=Dozing").screen_on is False
    assert _read(power="mWakefulness=Dreaming").screen_on is None
    assert _read(power="mWakefulness=Awake\nmWakefulness=Asleep").screen_on is None
    assert _read(airplane="2").airplane is None


def test_frequencies_out_of_range_are_left_out():
    text = CPUFREQ.format(0, "scaling_cur_freq", 0) + CPUFREQ.format(1, "scaling_cur_freq", "<unsupported>")
    text += CPUFREQ.format(2, "scaling_cur_freq", 99999999999) + CPUFREQ.format(3, "scaling_cur_freq", 600000)
    assert _read(frequencies=text).frequencies == {"cpu3": 600.0}


def _numbers(reading):
    yield from reading.temperatures.values()
    yield from reading.frequencies.values()
    yield from (v for v in (reading.thermal_status, reading.battery_level, reading.battery_c) if v is not None)


def _in_range(reading):
    assert all(-30 <= value <= 150 for value in reading.temperatures.values())
    assert all(10 <= value <= 10_000 for value in reading.frequencies.values())
    assert reading.thermal_status in (None, 0, 1, 2, 3, 4, 5, 6)
    assert reading.battery_level is None or 0 <= reading.battery_level <= 100
    assert reading.battery_c is None or -30 <= reading.battery_c <= 100


@given(st.dictionaries(st.sampled_from(list(SECTIONS)), st.text()))
def test_any_text_gives_no_exception_and_no_impossible_number(sections):
    _in_range(parse(sections, 0.0))


PIECES = re.findall(r"\w+|\W", THERMAL + BATTERY + ZONES[:400] + FREQUENCIES[:400])


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from(list(SECTIONS)), st.lists(st.sampled_from(PIECES), max_size=60).map("".join)))
def test_words_of_the_formats_in_any_order_give_no_impossible_number(sections):
    _in_range(parse(sections, 0.0))


@settings(max_examples=300, deadline=None)
@given(st.randoms(use_true_random=False))
def test_lines_lost_doubled_and_reordered_give_no_other_number(chance):
    """Of a file whose lines were lost, doubled or reordered, each value is the file's or None."""

    def mutate(name):
        lines = SECTIONS[name].splitlines(keepends=True)
        for _ in range(chance.randrange(8)):
            kind, where = chance.randrange(4), chance.randrange(len(lines))
            if kind == 0 and len(lines) > 1:
                del lines[where]
            elif kind == 1:
                lines.insert(chance.randrange(len(lines)), lines[where])
            elif kind == 2:
                lines[where] = lines[where].rstrip("\n") + "\r\n"
            else:
                chance.shuffle(lines)
        return "".join(lines)

    found = parse({name: mutate(name) for name in SECTIONS}, 1.5)
    cached = {"skin/skin-therm": 31.5, "battery/battery": 29.0}
    for name, value in found.temperatures.items():
        assert value in (FULL.temperatures[name], cached.get(name))
    assert found.frequencies.items() <= FULL.frequencies.items()
    assert found.governors.keys() <= FULL.governors.keys() | {f"cpu{core}" for core in range(8)}
    for field in ("thermal_status", "battery_level", "battery_c", "low_power", "screen_on", "airplane"):
        assert getattr(found, field) in (None, getattr(FULL, field))


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(list(SECTIONS)), st.integers(0, 5000))
def test_a_cut_text_gives_no_other_number(name, end):
    """Whole lines count; a cut last line may lose its value, and must not become another one unnoticed."""
    text = SECTIONS[name]
    cut = text[: end % (len(text) + 1)]
    whole = cut[: cut.rfind("\n") + 1]
    assert parse({name: cut}, 0.0) == parse({name: whole}, 0.0)


def test_cooling_down_is_judged_by_skin_and_battery():
    warm = Reading(at_s=0, thermal_status=0, temperatures={"cpu/a": 80.0, "skin/b": 34.0}, battery_c=33.0)
    assert cooling_temperature(warm) == 34.0
    assert is_cool(warm, 32.0, 2.0) is True
    assert is_cool(warm, 31.9, 2.0) is False
    assert is_cool(Reading(at_s=0, thermal_status=2, battery_c=30.0), 40.0, 2.0) is False
    assert cooling_temperature(Reading(at_s=0, temperatures={"cpu/a": 50.0, "gpu/b": 45.0})) == 50.0
    assert cooling_temperature(Reading(at_s=0)) is None
    assert is_cool(Reading(at_s=0), 30.0, 2.0) is None
    assert is_cool(Reading(at_s=0, thermal_status=0), None, 2.0) is True


def test_a_look_through_the_real_client(fake_adb, fake_phone):
    fake_phone.properties(ro__serialno="A1", ro__build__fingerprint="maker/one:15")
    fake_phone.write("/proc/sys/kernel/random/boot_id", "1111\n")
    fake_phone.say("dumpsys thermalservice", THERMAL)
    fake_phone.say("dumpsys battery", BATTERY)
    fake_phone.say("dumpsys power", "POWER MANAGER\n  mWakefulness=Awake\n  other=1\n")
    fake_phone.say("settings get global low_power", "0\n")
    fake_phone.say("settings get global airplane_mode_on", "1\n")
    for text in (FREQUENCIES, ZONES):
        for line in text.splitlines():
            path, _, value = line.partition(" ")
            fake_phone.write(path, value + "\n")
    moment = look(fake_adb, 1.5)
    assert moment.reading == FULL
    assert moment.boot == "1111"


def test_a_device_that_tells_nothing_can_be_looked_at(fake_adb):
    moment = look(fake_adb, 0.0)
    assert moment.reading == Reading(at_s=0.0)
    assert len(moment.device) == 16


def _with_mode(phone, sdk="35", answer="exit 0"):
    """A device whose mode is kept in a file, with the history of what was asked."""
    phone.properties(ro__build__version__sdk=sdk)
    history = phone.path("/data/history")
    program = phone.path("/bin/cmd")
    program.write_text(f'#!/bin/sh\necho "$*" >>{history}\n{answer}\n')
    return lambda: [line.split()[-1] for line in history.read_text().splitlines()] if history.exists() else []


def test_the_pinned_mode_is_switched_on_and_off(fake_adb, fake_phone):
    asked = _with_mode(fake_phone)
    with fixed_performance(fake_adb) as switched:
        assert switched
        assert asked() == ["true"]
    assert asked() == ["true", "false"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, DeviceError])
def test_the_pinned_mode_is_switched_off_whatever_happens(fake_adb, fake_phone, error):
    asked = _with_mode(fake_phone)

    def fails():
        with fixed_performance(fake_adb):
            raise error("x")

    with pytest.raises(error):
        fails()
    assert asked() == ["true", "false"]


@pytest.mark.parametrize("told", ["FIXED_PERFORMANCE: true", "mFixedPerformance=1", "fixedPerformanceMode = enabled"])
def test_a_pinned_mode_that_was_on_stays_on(fake_adb, fake_phone, told):
    asked = _with_mode(fake_phone)
    fake_phone.say("dumpsys power", f"x\n  {told}\n")
    with fixed_performance(fake_adb) as switched:
        assert not switched
    assert asked() == []


@pytest.mark.parametrize("sdk", ["29", "", "eleven"])
def test_before_android_11_there_is_no_pinned_mode(fake_adb, fake_phone, sdk):
    asked = _with_mode(fake_phone, sdk)
    with pytest.raises(DeviceError, match="no fixed-performance mode"), fixed_performance(fake_adb):
        pass
    assert asked() == []


@pytest.mark.parametrize("answer", ["exit 255", "echo 'Failed to set FIXED_PERFORMANCE mode' >&2"])
def test_a_phone_that_cannot_pin_says_so(fake_adb, fake_phone, answer):
    asked = _with_mode(fake_phone, answer=answer)
    with pytest.raises(DeviceError, match="could not set") as caught, fixed_performance(fake_adb):
        pass
    assert "Leave --fixed-performance-mode out" in caught.value.remedy
    assert asked() == ["true", "false"]
