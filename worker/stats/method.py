"""The methods a provider can be judged by: each one's choices as named, versioned values.

A step that decides sooner comes as a new method; the old one stays, so that what was judged by it
can be judged again.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Method:
    """What the methods differ in; all else is the same for every one of them.

    informed : evidence is weighed by how well it would show a change that matters, not alike.
    share_of_change : part of a look's level that may be spent on having improved; the rest is
        spent on being at standard.
    decisive_alpha : level of the look at which the year's current window is first full.
    alpha : level of every other look.
    standing_alpha : a claim stands at the later looks of its year while they support it at this
        level; 0 where every look stands alone.
    """

    name: str
    informed: bool
    share_of_change: float
    decisive_alpha: float
    alpha: float
    standing_alpha: float


METHODS = {
    method.name: method
    for method in (
        Method(
            name="breadth-1",
            informed=False,
            share_of_change=0.5,
            decisive_alpha=0.03,
            alpha=0.03,
            standing_alpha=0.0,
        ),
        Method(
            name="breadth-2",
            informed=True,
            share_of_change=0.85,
            decisive_alpha=0.035,
            alpha=0.0006,
            standing_alpha=0.04,
        ),
    )
}
DEFAULT = METHODS["breadth-2"]
