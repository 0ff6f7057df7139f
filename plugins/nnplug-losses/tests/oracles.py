"""Each loss again, as a textbook prints it: one number at a time, with 500 digits.

Nothing is rearranged to be stable, since with so many digits nothing needs to be: 1 - p of a
logit of 700 still has 190. Each oracle takes the outputs and targets of a batch, as lists of
rows, and gives the error of each element or row, or one number.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Any

from mpmath import mp, mpf

Rows = list[list[Any]]
Oracle = Callable[..., Any]
ORACLES: dict[str, Oracle] = {}


def element(function: Callable[..., Any]) -> Callable[..., Any]:
    """Take an oracle of one output and one target, or of several outputs for each target."""

    def over(outputs: Rows, targets: Rows, **options: Any) -> Rows:
        result = []
        for row, wanted in zip(outputs, targets, strict=True):
            width, found = len(wanted), []
            for c, y in enumerate(wanted):
                found.append(function(*row[c::width], y, **options))
            result.append(found)
        return result

    ORACLES[function.__name__] = over
    return function


def row(function: Callable[..., Any]) -> Callable[..., Any]:
    """Take an oracle of a row's outputs, and its label or its targets."""

    def over(outputs: Rows, targets: Rows, **options: Any) -> Rows:
        labels = isinstance(targets[0][0], int)
        return [
            [function(z, y[0] if labels else y, **options)]
            for z, y in zip(outputs, targets, strict=True)
        ]

    ORACLES[function.__name__] = over
    return function


def batch(function: Callable[..., Any]) -> Callable[..., Any]:
    """Take an oracle of the whole batch."""
    ORACLES[function.__name__] = function
    return function


def softmax(z: list[Any]) -> list[Any]:
    total = mp.fsum(mp.exp(x) for x in z)
    return [mp.exp(x) / total for x in z]


def sig(x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def mean(values: list[Any]) -> Any:
    return mp.fsum(values) / len(values) if values else mpf(0)


def dot(a: list[Any], b: list[Any]) -> Any:
    return mp.fsum(x * y for x, y in zip(a, b, strict=True))


# --- regression ------------------------------------------------------------------------


@element
def charbonnier(p, y, epsilon):
    return mp.sqrt((p - y) ** 2 + epsilon**2)


@element
def pseudo_huber(p, y, delta):
    return delta**2 * (mp.sqrt(1 + ((p - y) / delta) ** 2) - 1)


@element
def cauchy(p, y, c):
    return mp.log(1 + ((p - y) / c) ** 2 / 2)


@element
def geman_mcclure(p, y, c):
    return 2 * (p - y) ** 2 / ((p - y) ** 2 + 4 * c**2)


@element
def welsch(p, y, c):
    return 1 - mp.exp(-(((p - y) / c) ** 2) / 2)


@element
def general_robust(p, y, alpha, c):
    s = ((p - y) / c) ** 2
    if alpha == 2:
        return s / 2
    if alpha == 0:
        return mp.log(s / 2 + 1)
    return abs(alpha - 2) / alpha * ((s / abs(alpha - 2) + 1) ** (alpha / 2) - 1)


@element
def tukey_biweight(p, y, c):
    e = abs(p - y)
    return c**2 / 6 * (1 - (1 - (e / c) ** 2) ** 3) if e <= c else c**2 / 6


@element
def andrews_wave(p, y, c):
    e = abs(p - y)
    return c**2 * (1 - mp.cos(e / c)) if e <= mp.pi * c else 2 * c**2


@element
def hampel(p, y, a, b, c):
    e = abs(p - y)
    if e <= a:
        return e**2 / 2
    if e <= b:
        return a * e - a**2 / 2
    flat = a * b - a**2 / 2 + (c - b) * a / 2
    return flat - (c - b) * a / 2 * ((c - e) / (c - b)) ** 2 if e <= c else flat


@element
def talwar(p, y, c):
    return min(abs(p - y), c) ** 2 / 2


@element
def wing(p, y, w, epsilon):
    e = abs(p - y)
    curve = w * mp.log(1 + e / epsilon)
    return curve if e < w else e - (w - w * mp.log(1 + w / epsilon))


@element
def adaptive_wing(p, y, omega, theta, epsilon, alpha):
    e, n = abs(p - y), alpha - y
    ratio = theta / epsilon
    a = omega / (1 + ratio**n) * n * ratio ** (n - 1) / epsilon
    c = theta * a - omega * mp.log(1 + ratio**n)
    return omega * mp.log(1 + (e / epsilon) ** n) if e < theta else a * e - c


@element
def berhu(p, y, c):
    e = abs(p - y)
    return e if e <= c else (e**2 + c**2) / (2 * c)


@element
def epsilon_insensitive(p, y, epsilon):
    return max(abs(p - y) - epsilon, mpf(0))


@element
def squared_epsilon_insensitive(p, y, epsilon):
    return max(abs(p - y) - epsilon, mpf(0)) ** 2


@element
def minkowski(p, y, power):
    return abs(p - y) ** power / power


@row
def scale_invariant_log(z, y, weight):
    d = [a - mp.log(b) for a, b in zip(z, y, strict=True)]
    return mean([x**2 for x in d]) - weight * mean(d) ** 2


# --- quantiles -------------------------------------------------------------------------


@element
def pinball(p, y, quantile):
    return quantile * (y - p) if y > p else (1 - quantile) * (p - y)


@element
def expectile(p, y, expectile):
    return (expectile if y >= p else 1 - expectile) * (y - p) ** 2


@element
def quantile_huber(p, y, quantile, kappa):
    u = abs(y - p)
    huber = u**2 / 2 if u <= kappa else kappa * (u - kappa / 2)
    return (quantile if y >= p else 1 - quantile) * huber


@element
def smooth_pinball(p, y, quantile, alpha):
    return quantile * (y - p) + alpha * mp.log(1 + mp.exp((p - y) / alpha))


@element
def arctan_pinball(p, y, quantile, scale):
    u = y - p
    return (quantile - mpf(1) / 2 + mp.atan(u / scale) / mp.pi) * u + scale / mp.pi


@element
def asymmetric_laplace_nll(m, s, y, quantile):
    b = mp.exp(s)
    density = quantile * (1 - quantile) / b * mp.exp(-pinball(m, y, quantile) / b)
    return -mp.log(density)


@element
def interval_score(low, high, y, coverage):
    alpha = 1 - coverage
    below, above = max(low - y, mpf(0)), max(y - high, mpf(0))
    return high - low + 2 / alpha * below + 2 / alpha * above


# --- likelihoods -----------------------------------------------------------------------


@element
def gaussian_nll(m, s, y):
    return s + ((y - m) / mp.exp(s)) ** 2 / 2 + mp.log(2 * mp.pi) / 2


@element
def laplace_nll(m, s, y):
    return -mp.log(mp.exp(-abs(y - m) / mp.exp(s)) / (2 * mp.exp(s)))


@element
def logistic_nll(m, s, y):
    z = (y - m) / mp.exp(s)
    return -mp.log(mp.exp(-z) / (mp.exp(s) * (1 + mp.exp(-z)) ** 2))


@element
def student_t_nll(m, s, y, degrees):
    z, v = (y - m) / mp.exp(s), degrees
    top = mp.gamma((v + 1) / 2) * (1 + z**2 / v) ** (-(v + 1) / 2)
    return -mp.log(top / (mp.gamma(v / 2) * mp.sqrt(v * mp.pi) * mp.exp(s)))


@element
def crps_gaussian(m, s, y):
    sigma = mp.exp(s)
    z = (y - m) / sigma
    phi, big = mp.exp(-(z**2) / 2) / mp.sqrt(2 * mp.pi), mp.erfc(-z / mp.sqrt(2)) / 2
    return sigma * (z * (2 * big - 1) + 2 * phi - 1 / mp.sqrt(mp.pi))


@element
def crps_laplace(m, s, y):
    b = mp.exp(s)
    z = abs(y - m) / b
    return b * (z + mp.exp(-z) - mpf(3) / 4)


@element
def crps_logistic(m, s, y):
    b = mp.exp(s)
    z = (y - m) / b
    return b * (z - 2 * mp.log(sig(z)) - 1)


@element
def lognormal_nll(m, s, y):
    z = (mp.log(y) - m) / mp.exp(s)
    return -mp.log(mp.exp(-(z**2) / 2) / (y * mp.exp(s) * mp.sqrt(2 * mp.pi)))


@element
def gamma_nll(m, s, y):
    k, mu = mp.exp(s), mp.exp(m)
    rate = k / mu
    return -(k * mp.log(rate) + (k - 1) * mp.log(y) - rate * y - mp.loggamma(k))


@element
def beta_regression(m, s, y, edge):
    mu, phi, y = sig(m), mp.exp(s), min(max(y, edge), 1 - edge)
    a, b = mu * phi, (1 - mu) * phi
    logs = mp.loggamma(a) + mp.loggamma(b) - mp.loggamma(a + b)
    return logs - (a - 1) * mp.log(y) - (b - 1) * mp.log(1 - y)


@row
def dirichlet_nll(z, y, edge):
    a = [mp.exp(x) for x in z]
    density = mp.loggamma(mp.fsum(a)) - mp.fsum(mp.loggamma(x) for x in a)
    return -density - mp.fsum(
        (x - 1) * mp.log(max(share, edge)) for x, share in zip(a, y, strict=True)
    )


@element
def evidential(m, n, a, b, y, weight):
    nu, alpha, beta = (mp.log(1 + mp.exp(x)) for x in (n, a, b))
    alpha += 1
    omega = 2 * beta * (1 + nu)
    nll = mp.log(mp.pi / nu) / 2 - alpha * mp.log(omega)
    nll += (alpha + mpf(1) / 2) * mp.log((y - m) ** 2 * nu + omega)
    nll += mp.loggamma(alpha) - mp.loggamma(alpha + mpf(1) / 2)
    return nll + weight * abs(y - m) * (2 * nu + alpha)


# --- counts and amounts ------------------------------------------------------------------


@element
def poisson_deviance_half(z, y):
    mu = mp.exp(z)
    return (y * mp.log(y / mu) if y else 0) - y + mu


@row
def generalized_kl(z, y):
    return mp.fsum(poisson_deviance_half(a, b) for a, b in zip(z, y, strict=True))


@element
def gamma_deviance_half(z, y):
    return -mp.log(y / mp.exp(z)) + (y - mp.exp(z)) / mp.exp(z)


@element
def inverse_gaussian_deviance_half(z, y):
    return (y - mp.exp(z)) ** 2 / (2 * y * mp.exp(z) ** 2)


@element
def tweedie_deviance_half(z, y, power):
    mu, p = mp.exp(z), power
    first = y ** (2 - p) / ((1 - p) * (2 - p))
    return first - y * mu ** (1 - p) / (1 - p) + mu ** (2 - p) / (2 - p)


def nb_probability(m, d, y):
    mu, r = mp.exp(m), mp.exp(-d)
    ways = mp.gammaprod([y + r], [r, y + 1]) if r < 1000 else mp.rf(r, y) / mp.factorial(y)
    return ways * (r / (r + mu)) ** r * (mu / (r + mu)) ** y


@element
def negative_binomial_nll(m, d, y):
    return -mp.log(nb_probability(m, d, y))


def poisson_probability(m, y):
    return mp.exp(m) ** y * mp.exp(-mp.exp(m)) / mp.factorial(y)


@element
def zero_inflated_poisson(m, z, y):
    some = (1 - sig(z)) * poisson_probability(m, y)
    return -mp.log(some + (sig(z) if y == 0 else 0))


@element
def zero_inflated_negative_binomial(m, d, z, y):
    some = (1 - sig(z)) * nb_probability(m, d, y)
    return -mp.log(some + (sig(z) if y == 0 else 0))


@element
def zero_inflated_lognormal(p, m, s, y):
    return -mp.log(1 - sig(p)) if y == 0 else -mp.log(sig(p)) + lognormal_nll(m, s, y)


# --- margins -----------------------------------------------------------------------------


def margin_loss(name: str, of: Callable[..., Any]) -> None:
    """Register a loss of the margin v = y·s, for y of -1 and 1."""

    def over(z: Any, y: Any, **options: Any) -> Any:
        return of(z if y else -z, **options)

    over.__name__ = name
    element(over)


margin_loss("perceptron", lambda v: max(-v, mpf(0)))
margin_loss("soft_margin", lambda v: mp.log(1 + mp.exp(-v)))
margin_loss("exponential_loss", lambda v: mp.exp(-v / 2))
margin_loss("modified_huber", lambda v: max(1 - v, mpf(0)) ** 2 if v >= -1 else -4 * v)
margin_loss(
    "smooth_hinge", lambda v: mpf(1) / 2 - v if v <= 0 else (1 - v) ** 2 / 2 if v < 1 else mpf(0)
)
margin_loss("savage", lambda v: 1 / (1 + mp.exp(v)) ** 2)
margin_loss("tangent", lambda v: (2 * mp.atan(v) - 1) ** 2)
margin_loss("ramp", lambda v, s: min(max(1 - v, mpf(0)), 1 - s))
margin_loss("unhinged", lambda v: 1 - v)
margin_loss("sigmoid_loss", lambda v: 1 / (1 + mp.exp(v)))
margin_loss("sparsemax_binary", lambda v: -v if v <= -1 else (1 - v) ** 2 / 4 if v < 1 else mpf(0))


@row
def multilabel_soft_margin(z, y):
    return mean([mp.log(1 + mp.exp(-x if t else x)) for x, t in zip(z, y, strict=True)])


@row
def multiclass_perceptron(z, y):
    return max(z) - z[y]


@row
def multi_margin(z, y, power, margin):
    rest = [max(margin - z[y] + x, mpf(0)) ** power for c, x in enumerate(z) if c != y]
    return mp.fsum(rest) / len(z)


def by_bisection(total: Callable[[Any], Any], low: Any, high: Any) -> Any:
    """Find where a falling function is 1."""
    for _ in range(mp.prec + 20):
        middle = (low + high) / 2
        low, high = (middle, high) if total(middle) > 1 else (low, middle)
    return (low + high) / 2


@row
def sparsemax_loss(z, y):
    t = by_bisection(lambda t: mp.fsum(max(x - t, mpf(0)) for x in z), max(z) - 1, max(z))
    p = [max(x - t, mpf(0)) for x in z]
    return dot(p, z) - z[y] + (1 - dot(p, p)) / 2


@row
def entmax15_loss(z, y):
    h = [x / 2 for x in z]
    t = by_bisection(lambda t: mp.fsum(max(x - t, mpf(0)) ** 2 for x in h), max(h) - 1, max(h))
    p = [max(x - t, mpf(0)) ** 2 for x in h]
    entropy = mpf(4) / 3 * mp.fsum(x - x * mp.sqrt(x) for x in p)
    return dot(p, z) + entropy - z[y]


# --- probabilities of classes ----------------------------------------------------------


@row
def brier(z, y):
    return mp.fsum((p - (c == y)) ** 2 for c, p in enumerate(softmax(z)))


@row
def spherical_score(z, y):
    p = softmax(z)
    return 1 - p[y] / mp.sqrt(dot(p, p))


@row
def squared_emd(z, y):
    p = softmax(z)
    return mp.fsum((mp.fsum(p[: c + 1]) - (c >= y)) ** 2 for c in range(len(z)))


@batch
def weighted_kappa(z, labels, epsilon):
    p, y = [softmax(x) for x in z], [label[0] for label in labels]
    classes, rows = range(len(z[0])), range(len(z))
    observed = mp.fsum((y[n] - c) ** 2 * p[n][c] for n in rows for c in classes)
    expected = mp.fsum(
        (y[n] - c) ** 2 * p[m][c] for n in rows for m in rows for c in classes
    ) / len(z)
    return mp.log((observed + epsilon) / (expected + epsilon))


@row
def generalized_ce(z, y, q):
    return (1 - softmax(z)[y] ** q) / q


@row
def symmetric_ce(z, y, alpha, beta, a):
    p = softmax(z)
    reverse = -mp.fsum(x * (0 if c == y else a) for c, x in enumerate(p))
    return -alpha * mp.log(p[y]) + beta * reverse


@row
def taylor_ce(z, y, order):
    return mp.fsum((1 - softmax(z)[y]) ** k / mpf(k) for k in range(1, order + 1))


@row
def mae_ce(z, y):
    return mp.fsum(abs(p - (c == y)) for c, p in enumerate(softmax(z)))


@row
def normalized_ce(z, y):
    logs = [mp.log(p) for p in softmax(z)]
    return logs[y] / mp.fsum(logs)


@row
def active_passive(z, y, alpha, beta, a):
    reverse = -mp.fsum(x * (0 if c == y else a) for c, x in enumerate(softmax(z)))
    return alpha * normalized_ce(z, y) + beta * reverse


@row
def jensen_shannon(z, y, weight):
    p, pi = softmax(z), weight
    e = [mpf(c == y) for c in range(len(z))]
    m = [pi * a + (1 - pi) * b for a, b in zip(e, p, strict=True)]

    def kl(a: list[Any]) -> Any:
        return mp.fsum(x * mp.log(x / w) for x, w in zip(a, m, strict=True) if x)

    return (pi * kl(e) + (1 - pi) * kl(p)) / (-(1 - pi) * mp.log(1 - pi))


@row
def poly_ce(z, y, epsilon):
    p = softmax(z)[y]
    return -mp.log(p) + epsilon * (1 - p)


@row
def soft_bootstrap(z, y, beta):
    p = softmax(z)
    return -mp.fsum((beta * (c == y) + (1 - beta) * x) * mp.log(x) for c, x in enumerate(p))


@row
def hard_bootstrap(z, y, beta):
    p = softmax(z)
    return -beta * mp.log(p[y]) - (1 - beta) * mp.log(max(p))


@row
def confidence_penalty(z, y, beta):
    p = softmax(z)
    return -mp.log(p[y]) - beta * -mp.fsum(x * mp.log(x) for x in p)


@row
def smoothed_ce(z, y, smoothing):
    p, n = softmax(z), len(z)
    return -mp.fsum(
        ((1 - smoothing) * (c == y) + smoothing / n) * mp.log(x) for c, x in enumerate(p)
    )


@row
def partially_huberised_ce(z, y, tau):
    p = softmax(z)[y]
    return -tau * p + mp.log(tau) + 1 if p <= 1 / tau else -mp.log(p)


@row
def logit_norm(z, y, t):
    norm = mp.sqrt(dot(z, z)) + mpf(1e-7)
    return -mp.log(softmax([x / (t * norm) for x in z])[y])


@row
def bi_tempered_logistic(z, y, t1, t2):
    def exp_t(x: Any) -> Any:
        return (1 + (1 - t2) * x) ** (1 / (1 - t2))

    def log_t(u: Any) -> Any:
        return (u ** (1 - t1) - 1) / (1 - t1)

    top = max(z)
    high = top + (mpf(len(z)) ** (t2 - 1) - 1) / (t2 - 1)
    shift = by_bisection(lambda s: mp.fsum(exp_t(x - s) for x in z), top, high + 1)
    p = [exp_t(x - shift) for x in z]
    return -log_t(p[y]) - (1 - mp.fsum(x ** (2 - t1) for x in p)) / (2 - t1)


@row
def focal_categorical(z, y, gamma, alpha):
    p = softmax(z)[y]
    return -alpha * (1 - p) ** gamma * mp.log(p)


@element
def asymmetric_multilabel(z, y, gamma_neg, gamma_pos, clip):
    p = sig(z)
    q = max(p - clip, mpf(0))
    return -((1 - p) ** gamma_pos) * mp.log(p) if y else -(q**gamma_neg) * mp.log(1 - q)


@element
def weighted_binary_cross_entropy(z, y, pos_weight):
    return -pos_weight * y * mp.log(sig(z)) - (1 - y) * mp.log(1 - sig(z))


@element
def varifocal(z, y, alpha, gamma):
    p = sig(z)
    if y:
        return -y * (y * mp.log(p) + (1 - y) * mp.log(1 - p))
    return -alpha * p**gamma * mp.log(1 - p)


@element
def quality_focal(z, y, beta):
    p = sig(z)
    return -(abs(y - p) ** beta) * ((1 - y) * mp.log(1 - p) + y * mp.log(p))


@row
def zlpr(z, y):
    present = mp.fsum(mp.exp(-x) for x, t in zip(z, y, strict=True) if t)
    absent = mp.fsum(mp.exp(x) for x, t in zip(z, y, strict=True) if not t)
    return mp.log(1 + present) + mp.log(1 + absent)


def counted(labels: Rows, classes: int) -> list[Any]:
    return [mpf(sum(label[0] == c for label in labels)) for c in range(classes)]


@batch
def logit_adjusted(z, labels, tau):
    n = counted(labels, len(z[0]))
    result = []
    for x, (y,) in zip(z, labels, strict=True):
        weights = [k**tau * mp.exp(v) for v, k in zip(x, n, strict=True)]
        result.append([-mp.log(weights[y] / mp.fsum(weights))])
    return result


@batch
def ldam(z, labels, max_margin, scale):
    n = counted(labels, len(z[0]))
    margins = [k ** (mpf(-1) / 4) if k else mpf(0) for k in n]
    result = []
    for x, (y,) in zip(z, labels, strict=True):
        lowered = list(x)
        lowered[y] -= max_margin * margins[y] / max(margins)
        result.append([-mp.log(softmax([scale * v for v in lowered])[y])])
    return result


# --- overlap -----------------------------------------------------------------------------


def confusion(p: Rows, y: Rows) -> tuple[Any, Any, Any, Any]:
    pairs = [(a, b) for r, s in zip(p, y, strict=True) for a, b in zip(r, s, strict=True)]
    tp, fp = mp.fsum(a for a, b in pairs if b), mp.fsum(a for a, b in pairs if not b)
    fn, tn = mp.fsum(1 - a for a, b in pairs if b), mp.fsum(1 - a for a, b in pairs if not b)
    return tp, fp, fn, tn


@batch
def tversky(p, y, alpha, beta, epsilon):
    tp, fp, fn, _ = confusion(p, y)
    return 1 - (tp + epsilon) / (tp + alpha * fp + beta * fn + epsilon)


@batch
def focal_tversky(p, y, alpha, beta, gamma, epsilon):
    return tversky(p, y, alpha, beta, epsilon) ** (1 / gamma)


@batch
def jaccard(p, y, epsilon):
    tp, fp, fn, _ = confusion(p, y)
    return 1 - (tp + epsilon) / (tp + fp + fn + epsilon)


@batch
def power_jaccard(p, y, power, epsilon):
    pairs = [(a, b) for r, s in zip(p, y, strict=True) for a, b in zip(r, s, strict=True)]
    both = mp.fsum(a * b for a, b in pairs)
    either = mp.fsum(a**power + b**power - a * b for a, b in pairs)
    return 1 - (both + epsilon) / (either + epsilon)


@batch
def soft_f1(p, y, beta, epsilon):
    tp, fp, fn, _ = confusion(p, y)
    b = 1 + beta**2
    return 1 - (b * tp + b * epsilon) / (b * tp + beta**2 * fn + fp + b * epsilon)


@batch
def generalized_dice(p, y, epsilon):
    both, total = mpf(0), mpf(0)
    for a, b in zip(zip(*p, strict=True), zip(*y, strict=True), strict=True):
        if sum(b):
            w = 1 / mp.fsum(b) ** 2
            both += w * dot(list(a), list(b))
            total += w * (mp.fsum(a) + mp.fsum(b))
    return 1 - (2 * both + epsilon) / (total + epsilon)


@batch
def log_cosh_dice(p, y, epsilon):
    tp, fp, fn, _ = confusion(p, y)
    return mp.log(mp.cosh(1 - (2 * tp + 2 * epsilon) / (2 * tp + fp + fn + 2 * epsilon)))


@batch
def matthews(p, y, epsilon):
    tp, fp, fn, tn = confusion(p, y)
    product_ = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return 1 - (tp * tn - fp * fn) / mp.sqrt(product_ + epsilon)


@batch
def sensitivity_specificity(p, y, weight, epsilon):
    pairs = [(a, b) for r, s in zip(p, y, strict=True) for a, b in zip(r, s, strict=True)]
    positives = [(a - b) ** 2 for a, b in pairs if b]
    negatives = [(a - b) ** 2 for a, b in pairs if not b]
    first = mp.fsum(positives) / (len(positives) + epsilon)
    return weight * first + (1 - weight) * mp.fsum(negatives) / (len(negatives) + epsilon)


@batch
def combo(z, y, alpha, beta, epsilon):
    p = [[sig(x) for x in r] for r in z]
    tp, fp, fn, _ = confusion(p, y)
    pairs = [(a, b) for r, s in zip(p, y, strict=True) for a, b in zip(r, s, strict=True)]
    entropy = mean([-beta * b * mp.log(a) - (1 - beta) * (1 - b) * mp.log(1 - a) for a, b in pairs])
    dice = (2 * tp + epsilon) / (2 * tp + fp + fn + epsilon)
    return alpha * entropy - (1 - alpha) * dice


# --- embeddings --------------------------------------------------------------------------


def gap(a: list[Any], b: list[Any]) -> Any:
    return mp.sqrt(mp.fsum((x - y) ** 2 for x, y in zip(a, b, strict=True)))


def cos(a: list[Any], b: list[Any]) -> Any:
    return dot(a, b) / mp.sqrt(dot(a, a) * dot(b, b))


def paired(x: Rows, labels: Rows, value: Callable[..., Any]) -> list[list[Any]]:
    """Average value(a, b, whether of one class) over the other rows of each row."""
    rows = range(len(x))
    return [
        [mean([value(x[i], x[j], labels[i] == labels[j]) for j in rows if j != i])] for i in rows
    ]


@batch
def contrastive(x, labels, margin):
    return paired(
        x, labels, lambda a, b, same: (gap(a, b) if same else max(margin - gap(a, b), 0)) ** 2 / 2
    )


@batch
def cosine_embedding(x, labels, margin):
    return paired(
        x, labels, lambda a, b, same: 1 - cos(a, b) if same else max(cos(a, b) - margin, mpf(0))
    )


@batch
def hinge_embedding(x, labels, margin):
    return paired(
        x, labels, lambda a, b, same: gap(a, b) if same else max(margin - gap(a, b), mpf(0))
    )


def split(x: Rows, labels: Rows, i: int, of: Callable[..., Any]) -> tuple[list[Any], list[Any]]:
    """Give a value for the pairs of a row of one class, and of two."""
    rows = [j for j in range(len(x)) if j != i]
    return (
        [of(x[i], x[j]) for j in rows if labels[i] == labels[j]],
        [of(x[i], x[j]) for j in rows if labels[i] != labels[j]],
    )


@batch
def triplet_hard(x, labels, margin, soft):
    result = []
    for i in range(len(x)):
        near, far = split(x, labels, i, gap)
        if not near or not far:
            result.append([mpf(0)])
            continue
        apart = max(near) - min(far)
        result.append([mp.log(1 + mp.exp(apart)) if soft else max(margin + apart, mpf(0))])
    return result


@batch
def supervised_contrastive(x, labels, temperature):
    result = []
    for i in range(len(x)):
        near, far = split(x, labels, i, lambda a, b: mp.exp(cos(a, b) / temperature))
        result.append([mean([-mp.log(s / mp.fsum(near + far)) for s in near])])
    return result


@batch
def ntxent(x, labels, temperature):
    values = []
    for i in range(len(x)):
        near, far = split(x, labels, i, lambda a, b: mp.exp(cos(a, b) / temperature))
        values += [-mp.log(s / (s + mp.fsum(far))) for s in near]
    return mean(values)


@batch
def circle(x, labels, gamma, margin):
    result = []
    for i in range(len(x)):
        near, far = split(x, labels, i, cos)
        up = mp.fsum(mp.exp(-gamma * max(1 + margin - s, 0) * (s - (1 - margin))) for s in near)
        down = mp.fsum(mp.exp(gamma * max(s + margin, 0) * (s - margin)) for s in far)
        result.append([mp.log(1 + up * down)])
    return result


@batch
def multi_similarity(x, labels, alpha, beta, threshold):
    result = []
    for i in range(len(x)):
        near, far = split(x, labels, i, cos)
        first = mp.log(1 + mp.fsum(mp.exp(-alpha * (s - threshold)) for s in near)) / alpha
        second = mp.log(1 + mp.fsum(mp.exp(beta * (s - threshold)) for s in far)) / beta
        result.append([first + second])
    return result


@batch
def lifted_structure(x, labels, margin):
    values = []
    far = [split(x, labels, i, lambda a, b: mp.exp(margin - gap(a, b)))[1] for i in range(len(x))]
    for i, j in product(range(len(x)), repeat=2):
        if i < j and labels[i] == labels[j]:
            hard = mp.log(mp.fsum(far[i] + far[j])) + gap(x[i], x[j])
            values.append(max(hard, mpf(0)) ** 2)
    return mp.fsum(values) / (2 * len(values))


@batch
def soft_nearest_neighbor(x, labels, temperature):
    result = []
    for i in range(len(x)):
        near, far = split(x, labels, i, lambda a, b: mp.exp(-(gap(a, b) ** 2) / temperature))
        result.append([-mp.log(mp.fsum(near) / mp.fsum(near + far)) if near else mpf(0)])
    return result


def by_angle(z: list[Any], y: int, scale: Any, moved: Callable[[Any], Any]) -> Any:
    cosines = [x / mp.sqrt(dot(z, z)) for x in z]
    cosines[y] = moved(cosines[y])
    return -mp.log(softmax([scale * c for c in cosines])[y])


@row
def normface(z, y, scale):
    return by_angle(z, y, scale, lambda c: c)


@row
def cosface(z, y, scale, margin):
    return by_angle(z, y, scale, lambda c: c - margin)


@row
def arcface(z, y, scale, margin):
    def moved(c: Any) -> Any:
        theta = mp.acos(c)
        return mp.cos(theta + margin) if theta + margin < mp.pi else c - margin * mp.sin(margin)

    return by_angle(z, y, scale, moved)


# --- ranking -----------------------------------------------------------------------------


def items(s: Rows, y: Rows) -> tuple[list[Any], list[Any]]:
    return [mp.fsum(x) for x in s], [mp.fsum(x) for x in y]


def ordered_pairs(y: list[Any]) -> list[tuple[int, int]]:
    return [(i, j) for i in range(len(y)) for j in range(len(y)) if y[i] > y[j]]


@batch
def margin_ranking(s, y, margin):
    s, y = items(s, y)
    return mean([max(margin - (s[i] - s[j]), mpf(0)) for i, j in ordered_pairs(y)])


@batch
def ranknet(s, y, sigma):
    s, y = items(s, y)
    return mean([-mp.log(sig(sigma * (s[i] - s[j]))) for i, j in ordered_pairs(y)])


@batch
def listmle(s, y):
    s, y = items(s, y)
    errors = []
    for a, b in zip(s, y, strict=True):
        left = mp.fsum(mp.exp(x) for x, t in zip(s, y, strict=True) if t <= b)
        errors.append([-mp.log(mp.exp(a) / left)])
    return errors


def dcg(y: list[Any], ranks: list[Any]) -> Any:
    return mp.fsum((2**t - 1) / mp.log(1 + r, 2) for t, r in zip(y, ranks, strict=True))


def best_dcg(y: list[Any]) -> Any:
    return dcg(sorted(y, reverse=True), [mpf(k + 1) for k in range(len(y))])


@batch
def approx_ndcg(s, y, alpha):
    s, y = items(s, y)
    ranks = [1 + mp.fsum(sig(alpha * (b - a)) for b in s) - mpf(1) / 2 for a in s]
    return 1 - dcg(y, ranks) / best_dcg(y)


@batch
def lambda_rank(s, y, sigma):
    s, y = items(s, y)
    ranks = [mpf(1 + sum(b > a for b in s)) for a in s]
    total = mpf(0)
    for i, j in ordered_pairs(y):
        exchanged = list(ranks)
        exchanged[i], exchanged[j] = ranks[j], ranks[i]
        change = abs(dcg(y, ranks) - dcg(y, exchanged)) / best_dcg(y)
        total -= change * mp.log(sig(sigma * (s[i] - s[j])))
    return total


@row
def ranking_softmax(z, y):
    return -mp.fsum(t * mp.log(p) for t, p in zip(y, softmax(z), strict=True))


@row
def listnet(z, y):
    return -mp.fsum(t * mp.log(p) for t, p in zip(softmax(y), softmax(z), strict=True))


@batch
def auc_square(s, y, margin):
    columns = []
    for z, t in zip(zip(*s, strict=True), zip(*y, strict=True), strict=True):
        high = [a for a, b in zip(z, t, strict=True) if b]
        low = [a for a, b in zip(z, t, strict=True) if not b]
        columns.append(mean([(margin - (a - b)) ** 2 for a, b in product(high, low)]))
    return mean(columns)


# --- survival ----------------------------------------------------------------------------


def subject(function: Callable[..., Any]) -> Callable[..., Any]:
    """Take an oracle of one output, a time and whether the event came."""

    def over(outputs: Rows, targets: Rows, **options: Any) -> Rows:
        return [
            [function(z[0], t, event, **options)]
            for z, (t, event) in zip(outputs, targets, strict=True)
        ]

    ORACLES[function.__name__] = over
    return function


@batch
def cox_partial_likelihood(z, targets):
    result = []
    for x, (t, event) in zip(z, targets, strict=True):
        at_risk = [mp.exp(u[0]) for u, (s, _) in zip(z, targets, strict=True) if s >= t]
        result.append([-mp.log(mp.exp(x[0]) / mp.fsum(at_risk)) if event else mpf(0)])
    return result


@batch
def concordance_bound(z, targets):
    pairs = [
        -mp.log(sig(u[0] - x[0]))
        for x, (t, event) in zip(z, targets, strict=True)
        for u, (s, _) in zip(z, targets, strict=True)
        if event and t < s
    ]
    return mean(pairs)


@subject
def exponential_survival(z, t, event):
    rate = mp.exp(-z)
    return -mp.log(rate * mp.exp(-rate * t)) if event else -mp.log(mp.exp(-rate * t))


@subject
def weibull_survival(z, t, event, shape):
    scaled, k = t / mp.exp(z), shape
    survival = mp.exp(-(scaled**k))
    return -mp.log(k / mp.exp(z) * scaled ** (k - 1) * survival if event else survival)


@subject
def log_logistic_survival(z, t, event, scale):
    w = mp.exp((mp.log(t) - z) / scale)
    return -mp.log(w / (t * scale * (1 + w) ** 2) if event else 1 / (1 + w))


@subject
def log_normal_survival(z, t, event, scale):
    w = (mp.log(t) - z) / scale
    density = mp.exp(-(w**2) / 2) / (mp.sqrt(2 * mp.pi) * scale * t)
    return -mp.log(density if event else mp.erfc(w / mp.sqrt(2)) / 2)


@element
def tobit(m, s, y):
    if y == 0:
        return -mp.log(mp.erfc(m / mp.exp(s) / mp.sqrt(2)) / 2)
    z = (y - m) / mp.exp(s)
    return -mp.log(mp.exp(-(z**2) / 2) / (mp.sqrt(2 * mp.pi) * mp.exp(s)))


# --- agreement ---------------------------------------------------------------------------


def columns_of(x: Rows) -> list[list[Any]]:
    return [list(column) for column in zip(*x, strict=True)]


def cov(a: list[Any], b: list[Any]) -> Any:
    return mean([(x - mean(a)) * (y - mean(b)) for x, y in zip(a, b, strict=True)])


@batch
def concordance(p, y, epsilon):
    return mean(
        [
            1
            - (2 * cov(a, b) + epsilon)
            / (cov(a, a) + cov(b, b) + (mean(a) - mean(b)) ** 2 + epsilon)
            for a, b in zip(columns_of(p), columns_of(y), strict=True)
        ]
    )


@batch
def pearson(p, y, epsilon):
    pairs = zip(columns_of(p), columns_of(y), strict=True)
    return mean([1 - cov(a, b) / mp.sqrt(cov(a, a) * cov(b, b) + epsilon) for a, b in pairs])


@batch
def mmd(p, y, bandwidth):
    def kernel(a: Rows, b: Rows) -> Any:
        return mean([mp.exp(-(gap(u, v) ** 2) / (2 * bandwidth**2)) for u in a for v in b])

    return kernel(p, p) + kernel(y, y) - 2 * kernel(p, y)


@batch
def wasserstein_1d(p, y):
    return mean(
        [
            abs(u - v)
            for a, b in zip(columns_of(p), columns_of(y), strict=True)
            for u, v in zip(sorted(a), sorted(b), strict=True)
        ]
    )


@batch
def coral(p, y):
    n, d = len(p), len(p[0])
    a, b = columns_of(p), columns_of(y)
    total = mp.fsum((cov(a[i], a[j]) - cov(b[i], b[j])) ** 2 for i in range(d) for j in range(d))
    return total * (mpf(n) / (n - 1)) ** 2 / (4 * d**2)
