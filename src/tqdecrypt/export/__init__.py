"""Results for other programs."""

from tqdecrypt.export.jsonlines import JsonLines, format_time

__all__ = ["JsonLines", "format_time"]
