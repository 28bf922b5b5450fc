"""The true levels of a plan, month by month, on the scale on which they move."""

import numpy as np

from cli.simulate import BETTER, INDICATORS, MEAN, PLACES, RATE, RATING_STEPS, Array, Plan


def link(level: Array) -> Array:
    """Logit of proportions and of the place of a mean between 1 and 5; logarithm of rates."""
    share = np.where(MEAN, (level - 1) / RATING_STEPS, level)
    share = np.where(RATE, 0.5, share)
    return np.asarray(np.where(RATE, np.log(level), np.log(share / (1 - share))))


def levels(plan: Plan) -> Array:
    """True level on the link scale, shape (teams, places, indicators, months)."""
    months = np.arange(plan.months)
    starts = np.array([team.starts for team in plan.teams])
    ends = np.array([plan.months if team.ends is None else team.ends for team in plan.teams])
    in_force = np.clip((months - starts[:, None] + 1) / plan.ramp, 0, 1)[:, None, None]
    ended = (months >= ends[:, None])[:, None, None]
    kept = np.zeros_like(plan.gain) if plan.kept is None else plan.kept
    gain = np.where(ended, kept[..., None], plan.gain[..., None])
    step = (link(plan.improved) - link(plan.baseline))[:, None]
    offset = np.array([team.offset for team in plan.teams])[:, None] * BETTER
    month_of_year = np.array([month.month for month in plan.calendar])
    season = -plan.season * BETTER[:, None] * np.cos(2 * np.pi * (month_of_year - 1) / 12)
    trend = -plan.trend * BETTER[:, None] * np.clip(1 - months / max(plan.trend_until, 1), 0, 1)
    start = (link(plan.baseline) + offset)[:, None, :, None] + season + trend
    shape = (len(plan.teams), PLACES, len(INDICATORS), plan.months)
    return np.asarray(np.broadcast_to(start, shape) + gain * step * in_force)
