"""One TLS session, told so that who never read an RFC understands why it could or could not be decrypted.

``reading`` puts what was recorded in the order of the handshake; ``steps`` tells each message; ``derivation``
tells which secret comes from which; ``needs`` compares what was there with what would have been needed.
``explanation`` puts it together.  All of it is data: ``views`` draws it, ``export`` writes it.
"""

from tqdecrypt.explain.explanation import explain
from tqdecrypt.explain.model import (
    Derived,
    Explanation,
    Fact,
    Need,
    OfferedSuite,
    Part,
    Phase,
    Step,
)

__all__ = [
    "Derived",
    "Explanation",
    "Fact",
    "Need",
    "OfferedSuite",
    "Part",
    "Phase",
    "Step",
    "explain",
]
