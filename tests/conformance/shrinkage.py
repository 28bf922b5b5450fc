"""Beta-binomial and gamma-Poisson empirical Bayes, against VGAM, MASS, ebbr, epiR and spdep."""

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.conformance.comparing import ReferenceSet, differences
from worker.stats.panel import Floats
from worker.stats.priors import (
    Prior,
    beta_likelihood,
    beta_log_likelihood,
    beta_moments,
    beta_weighted_moments,
    gamma_likelihood,
    gamma_log_likelihood,
    gamma_moments,
)
from worker.stats.shrinkage import Levels, beta_posterior, gamma_posterior

CLOSED_FORM = {"relative": 1e-10, "absolute": 1e-10}
POSTERIOR = {"relative": 1e-9, "absolute": 1e-9}
SEARCHED = {"relative": 1e-3}
LOG_LIKELIHOOD = {"absolute": 1e-5}

Posterior = Callable[[Prior, Floats, Floats], Levels]
LogLikelihood = Callable[[Prior, Floats, Floats], Floats]


def check_beta(given: Any, expected: Any) -> list[str]:
    x, n = (np.array(given[name], dtype=np.float64) for name in ("x", "n"))
    moments, wanted = beta_moments(x, n), expected["moment_ebbr"]
    found = differences("moment alpha", _alpha(moments), wanted["alpha"], **CLOSED_FORM)
    found += differences("moment beta", _beta(moments), wanted["beta"], **CLOSED_FORM)
    shrunk = beta_posterior(beta_weighted_moments(x, n), x, n).level
    found += differences(
        "EBest", shrunk, expected["marshall"]["spdep_EBest_binomial"], **CLOSED_FORM
    )
    likely, wanted = beta_likelihood(x, n), expected["vgam_mle"]
    if expected["mle_regime"] != "boundary":
        found += differences("alpha", _alpha(likely), wanted["alpha"], **SEARCHED)
        found += differences("beta", _beta(likely), wanted["beta"], **SEARCHED)
    found += _likelihood(likely, beta_log_likelihood, x, n, expected["mle_regime"], wanted)
    total = wanted["alpha"] + wanted["beta"]
    prior = Prior(np.array(wanted["alpha"] / total), np.array(total))
    return found + _posterior(beta_posterior, prior, x, n, expected["posterior"])


def check_gamma(given: Any, expected: Any) -> list[str]:
    x, exposure = (np.array(given[name], dtype=np.float64) for name in ("events", "exposure"))
    moments = gamma_moments(x, exposure)
    mean, variance, rate, shape, _ = expected["epiR_empbayes_moments"]
    found = differences("moment mean", moments.mean, mean, **CLOSED_FORM)
    found += differences("moment variance", mean / moments.weight, variance, **CLOSED_FORM)
    found += differences("moment rate", moments.weight, rate, **CLOSED_FORM)
    found += differences("moment shape", _alpha(moments), shape, **CLOSED_FORM)
    shrunk = gamma_posterior(moments, x, exposure).level
    found += differences("EBest", shrunk, expected["spdep_EBest_poisson"], **CLOSED_FORM)
    likely, wanted = gamma_likelihood(x, exposure), expected["glm_nb_mle"]
    if expected["mle_regime"] != "boundary":
        found += differences("shape", _alpha(likely), wanted["theta_shape"], **SEARCHED)
        found += differences("rate", likely.weight, wanted["rate"], **SEARCHED)
    regime = expected["mle_regime"]
    found += _likelihood(likely, gamma_log_likelihood, x, exposure, regime, wanted)
    prior = Prior(np.array(wanted["theta_shape"] / wanted["rate"]), np.array(wanted["rate"]))
    return found + _posterior(gamma_posterior, prior, x, exposure, expected["posterior"])


def _likelihood(
    likely: Prior, function: LogLikelihood, x: Floats, n: Floats, regime: str, wanted: Any
) -> list[str]:
    """The likelihood reached, and that exactly the cases on the boundary are pooled."""
    value = function(likely, x, n)
    found = differences("loglik", value, wanted["loglik"], **LOG_LIKELIHOOD)
    if bool(np.isinf(likely.weight)) != (regime == "boundary"):
        found.append(f"complete pooling: {np.isinf(likely.weight)}, expected regime {regime}")
    return found


def _posterior(function: Posterior, prior: Prior, x: Floats, n: Floats, wanted: Any) -> list[str]:
    """Means and 95% intervals under the prior that the file itself used, where it has any."""
    if not wanted:
        return []
    levels = function(prior, x, n)
    found = differences("posterior mean", levels.level, wanted["mean"], **POSTERIOR)
    found += differences("posterior q025", levels.lower, wanted["q025"], **POSTERIOR)
    return found + differences("posterior q975", levels.upper, wanted["q975"], **POSTERIOR)


def _alpha(prior: Prior) -> Floats:
    return prior.mean * prior.weight


def _beta(prior: Prior) -> Floats:
    return (1 - prior.mean) * prior.weight


SETS = {
    "eb_betabinomial": ReferenceSet(
        check_beta,
        "moment_ebbr, EBest_binomial, vgam_mle alpha, beta and loglik, pooling on the boundary, "
        "posterior mean, q025, q975 under VGAM's prior",
    ),
    "eb_gammapoisson": ReferenceSet(
        check_gamma,
        "epiR moments, EBest_poisson, glm_nb_mle shape, rate and loglik, pooling on the boundary, "
        "posterior mean, q025, q975 under glm.nb's prior",
    ),
}
