"""Finds the legs of one call (see :mod:`tqdecrypt.calls.joint_call`).

A leg is looked at when its first INVITE was seen, and when it was answered; then everything that it may
have in common with the legs that go on is compared, most trusted first.  A call is handed over when all
its legs are over, so that memory is bounded by the calls that go on.

What is made to identify a call joins legs wherever they were seen.  A session description, a media
endpoint, or numbers are no proof by themselves: phones use the same ports and load generators the
same descriptions, call after call.  They join legs only if the second begins shortly after the first, while
that goes on, and comes from the box that the first reached.  Which addresses are one box is configured, or
learned: from legs that an identifier joined, and from proxies.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator
from operator import attrgetter

from tqdecrypt.calls.boxes import Boxes
from tqdecrypt.calls.call import SECOND
from tqdecrypt.calls.facts import InviteFacts
from tqdecrypt.calls.fields import host_of, same_hosts
from tqdecrypt.calls.joint_call import Confidence, Join, JointCall, Reason
from tqdecrypt.calls.leg import Leg
from tqdecrypt.calls.likeness import (
    Likeness,
    Mark,
    called_number,
    calling_numbers,
    description_of,
    description_text,
    identifiers_of,
    reason_of,
)

__all__ = ["Joiner"]

MOST_LEGS_A_CALL = 64
"""Legs of one call that are kept: more than hops, forks and routes tried make."""
MOST_SHARING = 16
"""Legs remembered with the same identifier, description or number: the latest."""
DESCRIPTION_WINDOW = 64 * SECOND
"""How long after a leg another one of the same call begins: two timers B, for two routes tried."""
NUMBERS_WINDOW = 10 * SECOND
"""The same, when only numbers say so."""
SKEW = SECOND // 20
"""How much earlier it may begin: captures of several interfaces, merged."""


_NUMBER = attrgetter("number")


class Joiner:
    """Takes legs as they begin, are answered and end; hands over calls.

    :param on_call: takes each call when its last leg is over.
    :param leg_of: the leg with this Call-ID that goes on, if there is one.
    :param boxes: sets of addresses (without ports) that are one box each.
    :ivar boxes: those, and what was learned.
    :ivar counters: ``legs_not_joined``: left by themselves, since their call has too many.
    """

    def __init__(
        self,
        on_call: Callable[[JointCall], None],
        leg_of: Callable[[str], Leg | None],
        counters: Counter[str],
        boxes: Iterable[Collection[str]] = (),
    ) -> None:
        self.counters = counters
        self._on_call = on_call
        self._leg_of = leg_of
        self.boxes = Boxes(boxes)
        self._identified = LegIndex()
        """Legs by their identifiers, while their call goes on."""
        self._recent = LegIndex()
        """Legs by description, media endpoint and number, for a while."""
        self._expiry: deque[tuple[int, Leg, *tuple[Mark, ...]]] = deque()
        """When which leg leaves :attr:`_recent`."""

    def look(self, leg: Leg) -> None:
        """A message of an INVITE was added to the leg."""
        if leg.looks == 0 and leg.invite is not None:
            leg.looks = 1
            self._invited(leg, leg.invite)
        if leg.looks < 2 and leg.answer is not None:
            leg.looks = 2
            self._answered(leg, leg.answer)

    def over(self, leg: Leg) -> None:
        """The leg was handed over."""
        leg.over = True
        if len(leg.hops) > 2:
            self.boxes.learn(leg)
        call = leg.joint
        if call is None:
            call = JointCall(leg)
        call.running -= 1
        if call.running == 0:
            self._hand_over(call)

    def _invited(self, leg: Leg, facts: InviteFacts) -> None:
        self._expire(facts.time)
        joined = bool(facts.replaces) and self._join_replaced(leg, facts.replaces)
        for likeness, evidence in identifiers_of(facts):
            joined = self._join_identified(leg, likeness, evidence) or joined
        marks = description_of(leg)
        number = called_number(facts)
        if number:
            marks.append(number)
        if not joined:
            for mark in marks:
                if mark in self._recent and self._join_alike(leg, mark):
                    break
        self._remember(leg, marks, facts.time)

    def _answered(self, leg: Leg, facts: InviteFacts) -> None:
        """The answer has the first session description when the INVITE had none (RFC 3264)."""
        first = leg.first_description
        if first is not None and first[1]:
            return
        marks = description_of(leg)
        for mark in marks:
            if leg.joint is not None and len(leg.joint.legs) > 1:
                break
            self._join_alike(leg, mark)
        self._remember(leg, marks, facts.time)

    def _join_alike(self, leg: Leg, mark: Mark) -> bool:
        if isinstance(mark, str):
            return self._join_numbers(leg, mark)
        return self._join_described(leg, mark)

    def _hand_over(self, call: JointCall) -> None:
        for leg in call.legs:
            leg.joint = None
            if leg.invite is not None and self._identified:
                for likeness, _ in identifiers_of(leg.invite):
                    self._identified.discard(likeness, leg)
        if len(call.legs) > 1:
            call.legs.sort(key=_NUMBER)
        self._on_call(call)

    def _join_replaced(self, leg: Leg, replaces: str) -> bool:
        call_id = replaces.partition(";")[0].strip()
        other = self._leg_of(call_id)
        if other is None or other is leg:
            return False
        return self._join(other, leg, Reason.REPLACES, Confidence.CERTAIN, call_id)

    def _join_identified(self, leg: Leg, likeness: Likeness, evidence: str) -> bool:
        reason, value = likeness
        known = self._identified.legs(likeness)
        others = [other for other in known if other is not leg and _is_open(other)]
        if reason is Reason.HEADER and isinstance(value, str):
            named = self._leg_of(value)
            if named is not None and named is not leg:
                others.insert(0, named)
        self._identified.add(likeness, leg)
        if not others:
            return False
        if any(other.joint is not None and other.joint is leg.joint for other in others):
            return True
        # The leg that reached where this one comes from is the one that it was made of.
        other = next((at for at in reversed(others) if self._reached(at, leg)), others[0])
        if not self._join(other, leg, reason, Confidence.CERTAIN, evidence):
            return False
        self._learn_box(other, leg)
        return True

    def _join_described(self, leg: Leg, mark: bytes) -> bool:
        candidates = [
            other
            for other in self._going_on(leg, mark, DESCRIPTION_WINDOW)
            if self._reached(other, leg) or _numbers_agree(other, leg)
        ]
        if not candidates:
            return False
        other = _most_fitting(candidates)
        if not self._is_theirs_alone(mark, other, leg) and not _numbers_agree(other, leg):
            return False
        return self._join(other, leg, reason_of(mark), Confidence.STRONG, description_text(mark))

    def _is_theirs_alone(self, mark: Mark, one: Leg, other: Leg) -> bool:
        """Return whether no third call had the same lately: then it identifies nothing."""
        call = one.joint
        return all(
            leg is one or leg is other or (call is not None and leg.joint is call)
            for leg in self._recent.legs(mark)
        )

    def _join_numbers(self, leg: Leg, number: str) -> bool:
        candidates = [
            other
            for other in self._going_on(leg, number, NUMBERS_WINDOW)
            if self._reached(other, leg) and _numbers_agree(other, leg)
        ]
        free = [other for other in candidates if not _has_onward_leg(other)]
        if not candidates:
            return False
        fitting = free or candidates
        sure = Confidence.LIKELY if len(fitting) == 1 else Confidence.POSSIBLE
        # Whoever waits longest is served first.
        return self._join(fitting[0], leg, Reason.NUMBERS, sure, _numbers_text(leg))

    def _going_on(self, leg: Leg, mark: Mark, window: int) -> Iterator[Leg]:
        """Yield legs that share *mark*, began shortly before *leg*, and go on elsewhere."""
        now = leg.first_time
        for other in self._recent.legs(mark):
            if (
                other is not leg
                and _is_open(other)
                and (leg.joint is None or other.joint is not leg.joint)
                and -SKEW <= now - other.first_time <= window
                and (other.ended is None or other.ended >= now)
                and not _same_way(other, leg)
            ):
                yield other

    def _reached(self, leg: Leg, onward: Leg) -> bool:
        """Return whether *onward* comes from a box that *leg* reached."""
        if leg.invite is None or onward.invite is None:
            return False
        caller = host_of(leg.invite.flow.source)
        source = host_of(onward.invite.flow.source)
        for flow in leg.hops:
            for endpoint in (flow.destination, flow.source):
                host = host_of(endpoint)
                if host != caller and self.boxes.are_one(host, source):
                    return True
        return False

    def _learn_box(self, leg: Leg, onward: Leg) -> None:
        """Two legs that an identifier joined meet in one box, if only one can be meant."""
        if leg.invite is None or onward.invite is None or len(leg.hops) > 2:
            return
        reached, source = host_of(leg.invite.flow.destination), host_of(onward.invite.flow.source)
        if reached != host_of(onward.invite.flow.destination):
            self.boxes.add(reached, source)

    def _join(
        self, leg: Leg, other: Leg, reason: Reason, confidence: Confidence, evidence: str
    ) -> bool:
        call, joining = leg.joint, other.joint
        if call is not None and call is joining:
            return True
        size = (len(call.legs) if call else 1) + (len(joining.legs) if joining else 1)
        if size > MOST_LEGS_A_CALL:
            self.counters["legs_not_joined"] += 1
            if call is not None:
                call.legs_dropped += 1
            return False
        if call is None:
            call = leg.joint = JointCall(leg)
        if joining is None:
            call.legs.append(other)
            call.running += 1
            other.joint = call
        else:
            call.legs += joining.legs
            call.running += joining.running
            call.joins += joining.joins
            for moved in joining.legs:
                moved.joint = call
        call.joins = (*call.joins, Join(leg.number, other.number, reason, confidence, evidence))
        return True

    def _remember(self, leg: Leg, marks: list[Mark], time: int) -> None:
        for mark in marks:
            self._recent.add(mark, leg)
        if marks:
            self._expiry.append((time + DESCRIPTION_WINDOW, leg, *marks))

    def _expire(self, now: int) -> None:
        expiry = self._expiry
        while expiry and expiry[0][0] < now:
            _, leg, *marks = expiry.popleft()
            for mark in marks:
                self._recent.discard(mark, leg)


class LegIndex(dict[Likeness | Mark, "Leg | tuple[Leg, ...]"]):
    """Legs by what they may share with others: one leg as it is, since most share nothing."""

    __slots__ = ()

    def legs(self, key: Likeness | Mark) -> tuple[Leg, ...]:
        """Return the legs that have it, the latest last."""
        known = self.get(key, ())
        return known if isinstance(known, tuple) else (known,)

    def add(self, key: Likeness | Mark, leg: Leg) -> None:
        """The leg has it, too; of more than :data:`MOST_SHARING` the oldest is forgotten."""
        known = self.setdefault(key, leg)
        if known is leg:
            return
        legs = known if isinstance(known, tuple) else (known,)
        if leg not in legs:
            self[key] = (*legs[-MOST_SHARING + 1 :], leg)

    def discard(self, key: Likeness | Mark, leg: Leg) -> None:
        """Forget that the leg has it."""
        known = self.get(key)
        if known is leg:
            del self[key]
        elif isinstance(known, tuple):
            left = tuple(other for other in known if other is not leg)
            if left:
                self[key] = left
            else:
                del self[key]


def _is_open(leg: Leg) -> bool:
    """Return whether the leg's call was not handed over yet."""
    return not leg.over or leg.joint is not None


def _same_way(leg: Leg, other: Leg) -> bool:
    """Return whether both lead from the same host to the same: two calls of one client."""
    if leg.invite is None or other.invite is None:
        return False
    return same_hosts(leg.invite.flow, other.invite.flow)


def _numbers_agree(leg: Leg, other: Leg) -> bool:
    """Return whether called numbers are the same, and the calling ones, as far as both say them."""
    if leg.invite is None or other.invite is None:
        return False
    called = called_number(leg.invite)
    if not called or called != called_number(other.invite):
        return False
    calling, others = calling_numbers(leg.invite), calling_numbers(other.invite)
    return not calling or not others or not calling.isdisjoint(others)


def _has_onward_leg(leg: Leg) -> bool:
    """Return whether a leg was joined to it that did not fail."""
    call = leg.joint
    if call is None:
        return False
    onward = {join.other for join in call.joins if join.leg == leg.number}
    return any(at.number in onward and not at.failed for at in call.legs)


def _most_fitting(candidates: list[Leg]) -> Leg:
    """Return one without an onward leg, the latest of these; else the latest of all."""
    return next((leg for leg in reversed(candidates) if not _has_onward_leg(leg)), candidates[-1])


def _numbers_text(leg: Leg) -> str:
    if leg.invite is None:
        return ""
    calling = ", ".join(sorted(calling_numbers(leg.invite))) or "somebody unnamed"
    return f"{calling} to {called_number(leg.invite)}"
