"""What would change a verdict: the cheapest further evidence, segment by segment."""

from typing import Any

import numpy as np

from models.axes import segment_name
from models.context import ServiceContext
from models.vocabulary import Channel, SegmentStatus
from worker.advised import ADVISED
from worker.numbers import number
from worker.score import StrandScore
from worker.stats.planning import WANTED_POWER


def would_change(context: ServiceContext, score: StrandScore) -> list[dict[str, Any]]:
    """For each segment not reached, the cheapest further checks or answers that could settle it.

    "Cheapest" is the fewest events in the current window that would show a gain of one meaningful
    change in every channel in 80% of cases. Nothing is advised where the evidence would show it
    already, or where up to 100 of each would not.
    """
    advice = []
    for place, status in enumerate(score.status):
        if status in {SegmentStatus.REACHED, SegmentStatus.NOT_PROVIDED}:
            continue
        name = segment_name(context, score.axis, score.codes[place])
        options = [
            (int(events) * len(channels), channels, int(events))
            for channels, events in zip(ADVISED, score.further[place], strict=True)
            if np.isfinite(events)
        ]
        _, channels, events = min(options, key=lambda option: option[0], default=(0, (), 0))
        required = context.choices.channels_required
        if (score.channel_n[place, :, 0] > 0).sum() < required:
            channels, events = (), 0
            text = (
                f"{name}: evidence of at least {required} kinds of check in the baseline months; "
                "without it only being at standard can be shown. It may be sent late."
            )
        elif score.power[place] >= WANTED_POWER:
            channels, events = (), 0
            text = f"{name}: the evidence would show a change that matters; none is to be seen."
        elif channels:
            kinds = ", ".join(FURTHER_WORDS[channel][events != 1] for channel in channels)
            each = " of each" if len(channels) > 1 else ""
            text = f"{name}: {events} more{each} in the current window: {kinds}."
        else:
            text = f"{name}: even 100 more checks of each kind would not do; longer windows would."
        advice.append(
            {
                "segment": score.codes[place],
                "channels": [channel.value for channel in channels],
                "further_events": events or None,
                "planned_power": number(score.power[place]),
                "text": text,
            }
        )
    return advice


#: One and many of what a channel is made of.
FURTHER_WORDS = {
    Channel.AUDIT: ("audit", "audits"),
    Channel.OBSERVATION: ("observation", "observations"),
    Channel.STAFF_KNOWLEDGE: ("knowledge check", "knowledge checks"),
    Channel.FEEDBACK: ("answer to feedback", "answers to feedback"),
}
