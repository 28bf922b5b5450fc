"""Random-effects meta-analysis of one value and variance a segment, against metafor."""

from typing import Any

import numpy as np
from scipy import special

from tests.conformance.comparing import ReferenceSet, differences
from worker.stats.heterogeneity import (
    dersimonian_laird,
    homogeneity,
    i_squared,
    paule_mandel,
    q_profile,
    random_effects,
    restricted_likelihood,
)
from worker.stats.panel import Floats
from worker.stats.shrinkage import normal_posterior, normal_prior

ESTIMATORS = {"DL": dersimonian_laird, "PM": paule_mandel, "REML": restricted_likelihood}
#: Of τ² and of what follows from it: an interval is asked for to 1e-6 by the file.
TOLERANCE = {
    "DL": {"relative": 1e-9, "absolute": 1e-9},
    "PM": {"relative": 1e-6, "absolute": 1e-9},
    "REML": {"relative": 1e-6, "absolute": 1e-9},
}
INTERVAL = {"relative": 1e-6, "absolute": 1e-6}


def check(given: Any, expected: Any) -> list[str]:
    y, v = np.array(given["yi"], dtype=np.float64), np.array(given["vi"], dtype=np.float64)
    test = homogeneity(y, v)
    found = differences("k", test.segments, expected["k"])
    for name, value, wanted in (
        ("Q", test.q, expected["Q"]),
        ("Q_df", test.segments - 1, expected["Q_df"]),
        ("Q_p", test.p, expected["Q_p"]),
    ):
        found += differences(name, value, wanted, relative=1e-9, absolute=1e-9)
    for name in ESTIMATORS:
        found += _estimator(name, y, v, expected[name])
    limits = q_profile(y, v)
    for side, limit in zip(("lb", "ub"), limits, strict=True):
        wanted = expected["REML"]
        found += _limit(f"qprofile_tau2_{side}", limit, wanted)
        found += _limit(f"qprofile_I2_{side}", 100 * i_squared(y, v, limit), wanted)
    return found + _shrunk(y, v, expected["REML"]) + _leave_one_out(y, v, expected["REML"])


def _estimator(name: str, y: Floats, v: Floats, expected: Any) -> list[str]:
    tau2 = ESTIMATORS[name](y, v)
    of = random_effects(y, v, tau2)
    t = of.mean / of.scatter_error
    df = np.maximum(of.segments - 1.0, 1.0)
    within = TOLERANCE[name]
    found = []
    for field, value in (
        ("tau2", tau2),
        ("beta", of.mean),
        ("se", of.error),
        ("I2", 100 * i_squared(y, v, tau2)),
        ("hk_se", of.scatter_error),
        ("hk_tval", t),
        ("hk_pval", 2 * special.stdtr(df, -np.abs(t))),
        ("hk_adhoc_se", of.wider_error),
    ):
        found += differences(f"{name} {field}", value, expected[field], **within)
    for field, interval in (
        ("hk_ci", of.interval(of.scatter_error)),
        ("hk_adhoc_ci", of.interval(of.wider_error)),
        ("pi_riley_tkm2", of.prediction()),
    ):
        for side, value in zip(("lb", "ub"), interval, strict=True):
            # With two segments the file has no prediction interval, and there must be none.
            wanted = expected.get(f"{field}_{side}")
            found += differences(f"{name} {field}_{side}", value, wanted, **INTERVAL)
    return found


def _limit(field: str, value: Floats, expected: Any) -> list[str]:
    """Null means that metafor's search ended at its bound: any limit may lie beyond it."""
    return [] if expected[field] is None else differences(field, value, expected[field], **INTERVAL)


def _shrunk(y: Floats, v: Floats, expected: Any) -> list[str]:
    prior = normal_prior(y, v, restricted_likelihood(y, v))
    levels = normal_posterior(prior, y, v).level
    return differences("blup_pred", levels, expected["blup_pred"], **TOLERANCE["REML"])


def _leave_one_out(y: Floats, v: Floats, expected: Any) -> list[str]:
    """Null means that metafor's search did not converge without that segment."""
    without = np.where(np.eye(len(y), dtype=bool), np.nan, y)
    tau2 = restricted_likelihood(without, np.broadcast_to(v, without.shape))
    mean = random_effects(without, v, tau2).mean
    found = []
    for field, value in (("leave1out_tau2", tau2), ("leave1out_est", mean)):
        wanted = np.asarray(expected.get(field, [None] * len(y)), dtype=np.float64)
        there = np.isfinite(wanted)
        found += differences(field, value[there], wanted[there], **TOLERANCE["REML"])
    return found


SETS = {
    "meta_metafor": ReferenceSet(
        check,
        "k, Q, Q_df, Q_p; of DL, PM and REML tau2, beta, se, I2, hk_*, hk_adhoc_se and _ci, "
        "pi_riley_tkm2; REML blup_pred; qprofile_*, leave1out_* where metafor found them",
    )
}
