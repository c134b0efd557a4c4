"""What the gate has said of exactly these bytes: asked again with nothing changed, it need not read them again.

The gate is examined when a promo is planned, when it is approved and once more just before it is sent. Its verdict
is a pure function of the gate, the payload, its fragments and the answer behind it; what is kept here is kept under a
digest of all of them, and with the gate itself, so one changed character, list or setting is read afresh.
"""

from __future__ import annotations

from collections.abc import Sequence

from clinic_broadcast.core.finding import Finding
from clinic_broadcast.core.gate import Gate, examine_payload
from clinic_broadcast.core.keeping import kept_in, seal_of
from clinic_broadcast.core.material import Material
from clinic_broadcast.core.promo import Fragment, Payload


def examine_once(
    gate: Gate, payload: Payload, fragments: Sequence[Fragment], material: Material | None
) -> tuple[Finding, ...]:
    """Give what `examine_payload` gives for these, reading them only if this gate has not read just these before."""
    seal = seal_of(payload, tuple(fragments), material)
    return kept_in(gate.said, seal, lambda: examine_payload(gate, payload, fragments, material))
