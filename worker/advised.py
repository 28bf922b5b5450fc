"""What a provider can do more of, and how much more would settle what is not shown yet."""

from collections.abc import Sequence

import numpy as np

from models.vocabulary import CHECK_CHANNELS, Channel
from worker.months import CHANNELS
from worker.stats.evidence import Evidence
from worker.stats.method import Method
from worker.stats.panel import Bools, Floats
from worker.stats.planning import further_events

#: What a provider can do more of, the least effort first: one kind of check, or all of them.
ADVISED: tuple[tuple[Channel, ...], ...] = (
    (Channel.AUDIT,),
    (Channel.OBSERVATION,),
    (Channel.STAFF_KNOWLEDGE,),
    (Channel.FEEDBACK,),
    CHECK_CHANNELS,
    (*CHECK_CHANNELS, Channel.FEEDBACK),
)


def further_of(
    evidence: Evidence,
    members: Floats,
    sizes: Floats,
    parts: Sequence[tuple[Bools, int]],
    alpha: Floats,
    method: Method,
) -> Floats:
    """Further events of each advice in `ADVISED` that would do for every part of the contrast.

    `parts` are the indicators that each have to show it, with the channels required of them;
    `sizes` [b, g, c] as in `further_events`. Answers with [b, g, a], NaN where none would do.
    """
    found = []
    for channels in ADVISED:
        places = [CHANNELS.index(channel) for channel in channels]
        needed = [
            further_events(evidence, members, required, chosen, alpha, sizes, places, method)
            for chosen, required in parts
            if (members[places] * chosen).any()
        ]
        nothing = np.full(sizes.shape[:2], np.nan)
        found.append(np.asarray(np.fmax.reduce(needed)) if needed else nothing)
    return np.stack(found, axis=-1)
