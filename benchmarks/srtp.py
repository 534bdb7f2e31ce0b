"""What SRTP costs: ``python -m benchmarks.srtp`` prints packets per second of CPU time.

G.711 in 20 ms packets (160 bytes of payload).  Each figure is the best of three runs over the same packets;
protecting them does not count.
"""

from __future__ import annotations

import random
import struct
import time
from collections.abc import Callable, Sequence

from tqdecrypt.media.srtp import MasterKey, SrtpOpener
from tqdecrypt.media.srtp.library import load_library
from tqdecrypt.media.srtp.suites import SUITES

PACKETS = 200_000
BATCH = 2_000
RUNS = 3
SSRC = 0x1234ABCD


def sealed(key: MasterKey, count: int) -> list[bytes]:
    """Return packets as libsrtp sends them."""
    library = load_library()
    ffi, lib = library.ffi, library.lib
    suite = SUITES[key.suite_name]
    policy, kept = library.policy(key, suite, encrypted_rtcp=True)
    policy.ssrc.value = SSRC
    session, length = ffi.new("srtp_t *"), ffi.new("int *")
    buffer = ffi.new("char[]", 512)
    assert lib.srtp_create(session, policy) == 0
    found = []
    for number in range(count):
        packet = struct.pack(">BBHII", 0x80, 0, number & 0xFFFF, number * 160, SSRC) + bytes(160)
        ffi.memmove(buffer, packet, len(packet))
        length[0] = len(packet)
        assert lib.srtp_protect(session[0], buffer, length) == 0
        found.append(ffi.buffer(buffer)[: length[0]])
    lib.srtp_dealloc(session[0])
    del kept
    return found


def speed(keys: Sequence[MasterKey], packets: Sequence[bytes], opened: int) -> float:
    """Return packets per second of CPU time; *opened* of them come out."""
    best = float("inf")
    for _ in range(RUNS):
        opener = SrtpOpener(keys)
        came = 0
        start = time.process_time()
        for place in range(0, len(packets), BATCH):
            clear = opener.receive(packets[place : place + BATCH]).clear
            came += len(clear) - clear.count(None)
        best = min(best, time.process_time() - start)
        assert came == opened, (came, opened)
    return len(packets) / best


def main() -> None:
    """Measure every suite, and what captures do to the usual one."""
    chance = random.Random(1)
    keys = {
        name: MasterKey(name, chance.randbytes(suite.material_length))
        for name, suite in SUITES.items()
    }
    for name, key in keys.items():
        count = PACKETS
        print(f"{name:28} {speed([key], sealed(key, count), count):12,.0f} packets/s")
    usual = keys["AES_CM_128_HMAC_SHA1_80"]
    other = MasterKey(usual.suite_name, chance.randbytes(30))
    packets = sealed(usual, PACKETS)
    middle = packets[-60_000:]
    twice = [packet for packet in packets[: PACKETS // 2] for _ in range(2)]
    lossy = [packet for packet in packets if chance.random() > 0.05]
    cases: list[tuple[str, Callable[[], float]]] = [
        ("every packet captured twice", lambda: speed([usual], twice, len(twice))),
        ("5 % lost", lambda: speed([usual], lossy, len(lossy))),
        ("begun in the middle", lambda: speed([usual], middle, len(middle))),
        ("the second of two keys", lambda: speed([other, usual], packets, PACKETS)),
        ("nothing opens", lambda: speed([other], packets, 0)),
    ]
    for title, measure in cases:
        print(f"{title:28} {measure():12,.0f} packets/s")


if __name__ == "__main__":
    main()
