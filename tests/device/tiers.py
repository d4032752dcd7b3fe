"""Which kinds of device the run's tests had, for the end of pytest's output: tests that skip are easily overlooked."""

from __future__ import annotations

from collections import Counter

import pytest

TIERS = {
    "our own faulty device": {"fake_server", "make_fake", "fake_phone", "fake_adb"},
    "real adbd": {"rig"},
    "emulated ARM64 behind a real adbd": {"arm64_phone"},
}
"""Tier and the fixtures by which a test is known to need it; of several, the last one counts."""
PROPERTY = "device tier"


def tier_of(fixtures: set[str]) -> str | None:
    """The tier of a test that uses these fixtures."""
    return next((tier for tier, names in reversed(TIERS.items()) if names & fixtures), None)


def mark(items: list[pytest.Item]) -> None:
    """Note each test's tier where its report will carry it, through pytest-xdist too."""
    for item in items:
        tier = tier_of(set(getattr(item, "fixturenames", ())))
        if tier is not None:
            item.user_properties.append((PROPERTY, tier))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line per tier: how many tests ran, and why others did not."""
    ran: Counter[str] = Counter()
    skipped: dict[str, Counter[str]] = {tier: Counter() for tier in TIERS}
    for outcome in ("passed", "failed", "skipped"):
        for report in terminalreporter.getreports(outcome):
            tier = dict(report.user_properties).get(PROPERTY)
            if tier is None:
                continue
            if outcome == "skipped":
                why = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
                skipped[tier][why.removeprefix("Skipped: ")] += 1
            else:
                ran[tier] += 1
    if not ran and not any(skipped.values()):
        return
    terminalreporter.section("device tests")
    for tier in TIERS:
        parts = [f"ran ({ran[tier]} tests)"] if ran[tier] else []
        parts += [f"{count} skipped: {why}" for why, count in skipped[tier].items()]
        terminalreporter.line(f"{tier}: {'; '.join(parts) or 'not asked for'}")
