"""From indicators to segments: who improved, who is at standard, who is worse, and how sure."""

from dataclasses import dataclass, replace

import numpy as np

from worker.stats.combination import (
    combine_indicators,
    corroborated,
    holm_any,
    inverse_variance_mean,
    mean_of_channels,
    upper_tail,
)
from worker.stats.evidence import Evidence
from worker.stats.method import Method
from worker.stats.panel import Bools, Floats, Ints

#: Level of the unadjusted tests that only describe: channel states, `moving`, `mixed`.
DESCRIPTIVE_ALPHA = 0.05


@dataclass(frozen=True, slots=True)
class Segments:
    """By segment, [b, g] where no shape is given.

    p_improved, p_standard, p_worsened : one-sided, 1 without enough channels.
    channels_both, channels_now : channels with evidence for the change and for the standard.
    mixed : some channel is significantly worse.
    z : [b, g, c], combined score of each channel, NaN without evidence.
    channel_g, channel_variance : [b, g, c], in meaningful changes.
    g, g_variance : mean of the channels.
    """

    p_improved: Floats
    p_standard: Floats
    p_worsened: Floats
    channels_both: Ints
    channels_now: Ints
    mixed: Bools
    z: Floats
    channel_g: Floats
    channel_variance: Floats
    g: Floats
    g_variance: Floats

    def p_stronger(self, method: Method) -> Floats:
        """Improved or at standard, each at its share of the price; never for a mixed segment.

        A segment without a baseline pays for both: losing evidence must not make a claim cheaper.
        """
        price = method.share_of_change
        either = np.minimum(self.p_improved / price, self.p_standard / (1 - price))
        return np.asarray(np.where(self.mixed, 1.0, np.minimum(1.0, either)))

    def p_stronger_by_change(self, method: Method) -> Floats:
        """The part of `p_stronger` that improvement alone supports, at the same price."""
        p = np.minimum(1.0, self.p_improved / method.share_of_change)
        return np.asarray(np.where(self.mixed, 1.0, p))


def doubled(first: Floats, second: Floats) -> Floats:
    """min(1, 2·min(p, q)): either of two tests, whichever is smaller."""
    return np.asarray(np.minimum(1.0, 2 * np.minimum(first, second)))


def segments_of(
    evidence: Evidence, members: Floats, required: int, chosen: Bools, method: Method
) -> Segments:
    """Combine the chosen indicators into channels and those into segments.

    Parameters
    ----------
    evidence : Evidence
    members : [c, i], 1 where an indicator belongs to a channel.
    required : channels that have to agree before a segment has improved.
    chosen : [i], False leaves an indicator out.
    method : whether evidence is weighed by its information.
    """
    of = members * chosen
    weight = evidence.information if method.informed else np.ones_like(evidence.information)
    now_weight = evidence.information_now if method.informed else weight
    change = combine_indicators(evidence.z, evidence.correlation, of, weight)
    worse = replace(change, z=-change.z)
    standard = combine_indicators(evidence.z_standard, evidence.correlation, of, now_weight)
    p_improved, both = corroborated(change, required)
    p_worsened, _ = corroborated(worse, required)
    p_standard, now = corroborated(standard, required)
    channel_g, channel_variance = inverse_variance_mean(
        evidence.g, evidence.g_variance, evidence.correlation, of
    )
    g, g_variance = mean_of_channels(channel_g, channel_variance, change.correlation)
    return Segments(
        p_improved=p_improved,
        p_standard=p_standard,
        p_worsened=p_worsened,
        channels_both=both,
        channels_now=now,
        mixed=holm_any(upper_tail(worse.z), worse.present, DESCRIPTIVE_ALPHA),
        z=change.z,
        channel_g=channel_g,
        channel_variance=channel_variance,
        g=g,
        g_variance=g_variance,
    )
