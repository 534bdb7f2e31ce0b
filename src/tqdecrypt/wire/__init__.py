"""Bytes only: a bounds-checked cursor and serial-number arithmetic."""

from tqdecrypt.wire.cursor import Cursor
from tqdecrypt.wire.serial import serial_difference

__all__ = ["Cursor", "serial_difference"]
