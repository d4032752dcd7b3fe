"""Phones behind the `adb` program: finding them, running commands on them, and the state that they are in."""
