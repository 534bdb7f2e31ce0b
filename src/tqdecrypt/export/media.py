"""Media streams as objects of JSON lines (docs/reference/json.md)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING

from tqdecrypt.export.jsonlines import format_time
from tqdecrypt.media.rating import rate_stream, rated_behind_buffer

if TYPE_CHECKING:
    from tqdecrypt.media.association import Assigned, CallMedia, LegMedia
    from tqdecrypt.media.heard import Heard
    from tqdecrypt.media.impairments import Impairment
    from tqdecrypt.media.lines import MediaLine
    from tqdecrypt.media.reports import Reported
    from tqdecrypt.media.srtp.outcome import SrtpReport
    from tqdecrypt.media.stream import Change, Stream
    from tqdecrypt.media.verdict import MediaVerdict
    from tqdecrypt.media.vq_report import QualityReport

__all__ = ["media_objects", "unassigned_object"]


def media_objects(call: CallMedia) -> Iterator[dict[str, object]]:
    """Yield an object for each stream of a call, and one for each leg that announced media and had none."""
    for leg in call.legs:
        for one in leg.streams:
            yield _assigned(leg, one)
        if leg.lines and not leg.streams:
            yield {"type": "media", "call_id": leg.call_id, "leg": leg.number, "stream": None} | {
                "announced": [_line(line) for line in leg.lines],
                "quality_reports": [_quality(one) for one in leg.reports],
            }


def unassigned_object(stream: Stream, verdict: MediaVerdict, call_id: str) -> dict[str, object]:
    """Return the object of a stream that no session description announces.

    :param call_id: of the call that it belonged to until that had settled; mostly empty.
    """
    return {
        "type": "media",
        "call_id": None,
        "leg": None,
        "stream": stream.number,
        "verdict": verdict.value,
        "assigned_by": None,
        "after_call": call_id or None,
    } | _stream(stream)


def _assigned(leg: LegMedia, one: Assigned) -> dict[str, object]:
    return {
        "type": "media",
        "call_id": leg.call_id,
        "leg": leg.number,
        "stream": one.stream.number,
        "verdict": one.verdict.value,
        "assigned_by": one.how.value,
        "to": one.to.value,
        "kind": one.line.kind,
        "codec": one.encoding or None,
        "source_is": one.source_is.value,
        "announced_source": one.sender.endpoint if one.sender is not None else None,
        "before_answer": one.before_answer,
        "follows": None if one.follows is None else one.follows.number,
        "beside": None if one.beside is None else one.beside.number,
        "protocol": one.line.protocol,
        "protection": one.line.protection.value,
        "announced": [
            _line(line)
            for line in leg.lines
            if line.party is one.line.party and line.index == one.line.index
        ],
        "audio": None if one.heard is None else _heard(one.heard),
        "srtp": None if one.srtp is None else _srtp(one.srtp),
        "rtcp": None if one.reported is None else _reported(one.reported, one.stream),
        "quality_reports": [_quality(report) for report in leg.reports],
    } | _stream(one.stream, one.encoding, one.reported, one.heard, one.amr_modes)


def _srtp(report: SrtpReport) -> dict[str, object]:
    """Return what came of opening a stream; keys are told by where they stand, never themselves."""
    return {
        "sources": [
            {
                "rtcp": source.rtcp,
                "packets": source.packets,
                "authenticated": source.authenticated,
                "repeated": source.repeated,
                "unproven": source.unproven,
                "dark": source.dark,
                "in_clear": source.in_clear,
                "too_short": source.too_short,
                "rollovers_at_first": source.first_rollovers,
                "keys": [
                    {"suite": key.suite_name, "from": key.origin, "mki": key.mki.hex() or None}
                    for key in source.keys
                ],
                "key_outlived": source.outlived,
            }
            for source in report.sources
        ],
        "keys_not_tried": report.unused_keys,
    }


def _heard(heard: Heard) -> dict[str, object]:
    """Return what came of decoding a stream (docs/reference/audio.md)."""
    at = heard.longest_at
    return {
        "level_dbov": heard.level,
        "seconds": round(heard.decoded, 2),
        "silent_seconds": round(heard.silent, 2),
        "silent_share": round(heard.share, 4),
        "longest_silence_seconds": round(heard.longest, 2),
        "longest_silence_at": None if at is None else format_time(at),
        "unknown_seconds": round(heard.missing, 2),
    }


def _rated(
    stream: Stream, encoding: str, reported: Reported | None, modes: Mapping[int, int]
) -> dict[str, object]:
    """Return the ratings of the E-model (docs/reference/quality.md)."""
    rating = rate_stream(stream, encoding, reported, modes)
    played, behind = stream.played, rated_behind_buffer(stream, encoding, reported, modes)
    return {
        "r": None if rating is None else round(rating.r, 1),
        "mos": None if rating is None else round(rating.mos, 2),
        "rated_as": None if rating is None else rating.impairment.codec,
        "rated_with_figures_of": None if rating is None else rating.impairment.stands_in or None,
        "rating_estimated": None if rating is None else rating.impairment.estimated,
        "rating_figures": None if rating is None else _figures(rating.impairment),
        "jitter_buffer": None
        if played is None
        else {
            "size_ms": round(played.size, 1),
            "waited_ms": round(played.waited, 1),
            "discarded": played.discarded,
            "missing": played.after.missing,
            "r": None if behind is None else round(behind.r, 1),
            "mos": None if behind is None else round(behind.mos, 2),
        },
    }


def _figures(impairment: Impairment) -> dict[str, object]:
    """Return the figures of a rating, and what confirms each of them."""
    ie, bpl = impairment.ie_confirmed_by, impairment.bpl_confirmed_by
    return {
        "ie": impairment.ie,
        "bpl": impairment.bpl,
        "ie_confirmed_by": None if ie is None else ie.address,
        "bpl_confirmed_by": None if bpl is None else bpl.address,
    }


def _stream(
    stream: Stream,
    encoding: str = "",
    reported: Reported | None = None,
    heard: Heard | None = None,
    modes: Mapping[int, int] = MappingProxyType({}),
) -> dict[str, object]:
    return {
        "source": stream.source,
        "destination": stream.destination,
        "ssrc": f"0x{stream.ssrc:08X}",
        "started": format_time(stream.started),
        "ended": format_time(stream.ended),
        "first_frame": stream.first_frame,
        "last_frame": stream.last_frame,
        "packets": stream.packets,
        "payload_bytes": stream.payload_bytes,
        "expected": stream.expected,
        "lost": stream.lost,
        "lost_by_capture": stream.capture_lost,
        "lost_by_capture_told": stream.capture_told,
        "lost_by_network": stream.network_lost,
        "loss_share": round(stream.loss_share, 6),
        "duplicates": stream.duplicates,
        "reordered": stream.reordered,
        "sequence_restarts": stream.restarts,
        "timestamp_jumps": stream.timestamp_jumps,
        "jitter_ms": _rounded(stream.jitter),
        "jitter_mean_ms": _rounded(stream.jitter_mean),
        "jitter_max_ms": _rounded(stream.jitter_max),
        "spacing_min_ms": _rounded(stream.spacing_min),
        "spacing_mean_ms": _rounded(stream.spacing_mean),
        "spacing_max_ms": _rounded(stream.spacing_max),
        "spacing_95_ms": _rounded(stream.spacing_95),
        "spacing_99_ms": _rounded(stream.spacing_99),
        "bursts": stream.bursts,
        "burst_lost": stream.burst_lost,
        "burst_length": stream.burst_length,
        "gap_lost": stream.gap_lost,
        "payload_types": {str(number): count for number, count in stream.payload_types.items()},
        "amr_modes": {str(rate): number for rate, number in modes.items()} or None,
        "clock_rate": stream.clock_rate,
        "clock_rate_inferred": stream.clock_rate_inferred,
        "ptime_ms": _rounded(stream.ptime),
        "suppressed_ms": _rounded(stream.suppressed),
        "markers": stream.markers,
        "header_extensions": stream.extended,
        "padded": stream.padded,
        "cut": stream.cut,
        "events": stream.digit_count,
        "dscp": stream.dscp,
        "in_turn_channel": stream.relayed,
        "payload_type_changes": [_change(one) for one in stream.type_changes],
        "ptime_changes": [_change(one) for one in stream.ptime_changes],
        "dscp_changes": [_change(one) for one in stream.dscp_changes],
        "pauses": [
            {"time": format_time(one.time), "ms": one.duration / 1e6, "lost": one.lost}
            for one in stream.pauses
        ],
        "changes_dropped": stream.changes_dropped,
        "course_step_seconds": stream.course_step,
        "course": list(_course(stream, heard)),
    } | _rated(stream, encoding, reported, modes)


def _course(stream: Stream, heard: Heard | None) -> Iterator[dict[str, object]]:
    step = round(stream.course_step * 1_000_000_000)
    for at, one in enumerate(stream.course):
        piece: dict[str, object] = {
            "packets": one.packets,
            "lost": one.lost,
            "jitter_ms": one.jitter,
        }
        if heard is not None:
            begin = stream.started + at * step
            piece["level_dbov"] = heard.between(begin, begin + step)
        yield piece


def _change(change: Change) -> dict[str, object]:
    return {
        "time": format_time(change.time),
        "frame": change.frame,
        "before": change.before,
        "after": change.after,
    }


def _line(line: MediaLine) -> dict[str, object]:
    return {
        "by": line.party.value,
        "kind": line.kind,
        "protocol": line.protocol,
        "endpoint": line.endpoint or None,
        "rtcp": line.rtcp or None,
        "signalled_from": line.signalled_from,
        "since": format_time(line.since),
        "until": None if line.until is None else format_time(line.until),
        "frame": line.frame,
        "carrier": line.carrier,
        "early": line.early,
        "direction": line.direction,
        "held": line.held,
        "refused": line.refused,
        "codecs": {number: encoding for number, encoding, _ in line.codecs},
        "ptime_ms": line.ptime,
        "protection": line.protection.value,
        "candidates": list(line.candidates),
    }


def _reported(reported: Reported, stream: Stream) -> dict[str, object]:
    block, voip = reported.block, reported.voip
    rate = stream.clock_rate
    trips = reported.round_trips
    return {
        "reporter": reported.reporter,
        "reports": reported.reports,
        "lost": None if block is None else block.lost,
        "fraction_lost": None if block is None else round(block.fraction_lost, 4),
        "jitter_ms": None if block is None or not rate else round(1000 * block.jitter / rate, 3),
        "jitter_max_ms": _rounded(1000 * reported.jitter_max / rate) if rate else None,
        "round_trip_ms": None
        if not trips
        else {
            "min": round(trips[0] / 1e6, 3),
            "last": round(trips[1] / 1e6, 3),
            "max": round(trips[2] / 1e6, 3),
            "measured": trips[3],
        },
        "voip_metrics": None if voip is None else voip._asdict(),
    }


def _quality(report: QualityReport) -> dict[str, object]:
    return {
        "time": format_time(report.time),
        "frame": report.frame,
        "reporter": report.reporter,
        "kind": report.kind,
        "local": report.local or None,
        "remote": report.remote or None,
        "metrics": dict(report.metrics),
        "remote_metrics": dict(report.remote_metrics),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
