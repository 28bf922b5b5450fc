"""What one monthly look may spend, so that a year of them keeps its promise."""

#: Twelve looks share this, then it renews.
YEARLY_ALPHA = 0.05
LOOKS_A_YEAR = 12
#: Level of each look. Rolling windows overlap, so twelve looks at this level are far from twelve
#: independent chances; `bench` measures what they come to.
LOOK_ALPHA = 0.03


def alpha_of_look(look: int) -> float:
    """Level of the look with this number, from 1; the same for everybody, whatever was read.

    Raises
    ------
    ValueError
        For a number below 1.
    """
    if look < 1:
        raise ValueError("looks are counted from 1")
    return LOOK_ALPHA
