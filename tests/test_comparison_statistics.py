"""The statistics of comparisons, against SciPy and cases by hand."""

import itertools

import numpy as np
import pytest
from scipy import stats

from nnplug.comparison.rates import Range, judge, points, widened
from nnplug.comparison.statistics import (
    bca_interval,
    detectable,
    friedman,
    holm,
    improvement,
    interquartile_mean,
    mean_ranks,
    profile,
    ranks,
    sign_flip,
    stratified_interval,
)
from nnplug.comparison.verdict import enough_seeds, summarize, verdicts

RNG = np.random.default_rng(7)
SAMPLES = {
    "normal": RNG.normal(0.5, 1.0, 10),
    "skewed": RNG.exponential(1.0, 12),
    "many": RNG.normal(-0.2, 2.0, 30),
    "ties": np.array([0.0, 0.1, 0.1, 0.0, -0.1, 0.2, 0.1, 0.0]),
}


@pytest.fixture(params=SAMPLES)
def sample(request):
    return SAMPLES[request.param]


def mean(x, axis):
    return np.mean(x, axis=axis)


@pytest.mark.parametrize("count", [1, 3, 4, 7, 10, 30])
def test_the_interquartile_mean_is_scipys_trimmed_mean(count):
    values = np.random.default_rng(count).normal(size=count)
    assert interquartile_mean(values) == pytest.approx(stats.trim_mean(values, 0.25), rel=1e-12)


def test_the_interval_is_scipys_but_for_the_draws(sample):
    low, high = bca_interval(sample)
    other = stats.bootstrap(
        (sample,), mean, method="BCa", n_resamples=20_000, rng=np.random.default_rng(1)
    ).confidence_interval
    width = other.high - other.low
    assert low == pytest.approx(other.low, abs=0.05 * width)
    assert high == pytest.approx(other.high, abs=0.05 * width)


def test_the_correction_moves_the_interval_of_a_skewed_sample():
    """Without it, both ends of the percentile interval lie lower."""
    sample = SAMPLES["skewed"]
    other = stats.bootstrap(
        (sample,), mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(1)
    ).confidence_interval
    low, high = bca_interval(sample)
    assert low > other.low
    assert high > other.high + 0.02 * (other.high - other.low)


def test_an_interval_of_equal_values_has_no_width_and_every_call_gives_the_same():
    assert bca_interval(np.full(5, 0.25)) == (0.25, 0.25)
    assert bca_interval(SAMPLES["normal"]) == bca_interval(SAMPLES["normal"])


def test_ties_are_ties_in_any_unit():
    """Of accuracies, equal means differ by rounding, where those of counts do not."""
    for seed in range(20):
        counts = np.random.default_rng(seed).integers(-4, 6, 10)
        low, high = bca_interval(counts / 30)
        assert (30 * low, 30 * high) == pytest.approx(bca_interval(counts))


def test_sign_flips_are_scipys_permutation_test(sample):
    if len(sample) > 16:
        other = stats.permutation_test(
            (sample,), mean, permutation_type="samples", n_resamples=200_000,
            rng=np.random.default_rng(3),
        ).pvalue  # fmt: skip
        assert sign_flip(sample) == pytest.approx(other, abs=0.006)
    else:
        other = stats.permutation_test(
            (sample,), mean, permutation_type="samples", n_resamples=np.inf
        ).pvalue
        assert sign_flip(sample) == pytest.approx(other, rel=1e-12)


def test_pairs_without_a_difference_have_p_1_and_all_of_one_sign_the_smallest():
    assert sign_flip(np.zeros(10)) == 1.0
    assert sign_flip(np.arange(1.0, 9.0)) == 2 / 2**8
    assert sign_flip(np.full(30, 0.1)) == pytest.approx(1 / 100_001)


def test_holm_by_hand():
    # Sorted: 0.01 x 4, 0.02 x 3, 0.03 x 2 = 0.06 (not below), 0.5 x 1.
    assert holm([0.5, 0.01, 0.03, 0.02]) == pytest.approx([0.5, 0.04, 0.06, 0.06])
    assert holm([0.4, 0.9]) == [0.8, 0.9]
    assert holm([0.6, 0.7]) == [1.0, 1.0]


def test_improvement_and_profile_by_hand():
    assert improvement(np.array([1.0, -1.0, -1.0, -2.0])) == 0.25
    assert improvement(np.zeros(3)) == 0.5
    scores = np.array([[0.0, 0.5, 1.0], [1.0, 1.5, 0.25]])
    assert profile(scores, np.array([-1.0, 0.5, 2.0])).tolist() == [1.0, 0.5, 0.0]


def test_ranks_are_scipys(sample):
    assert ranks(sample).tolist() == stats.rankdata(-sample).tolist()
    # Highest first: the second arm has 1 and 1.5, the first 2 and 1.5.
    both = np.array([[0.1, 0.9, 0.0], [0.5, 0.5, 0.2]])
    assert mean_ranks(both).tolist() == [1.75, 1.25, 3.0]


@pytest.mark.parametrize("digits", [8, 1])
def test_friedmans_statistic_is_scipys_with_and_without_ties(digits):
    scores = np.round(np.random.default_rng(5).normal(size=(8, 4)), digits)
    found, p = friedman(scores)
    other = stats.friedmanchisquare(*scores.T)
    assert found == pytest.approx(other.statistic, rel=1e-12)
    assert p == pytest.approx(other.pvalue, abs=0.05)  # SciPy's is an approximation


def test_friedmans_p_is_that_of_all_permutations():
    scores = np.array([[3.0, 2.0, 1.0], [3.0, 1.0, 2.0], [3.0, 2.0, 1.0], [2.0, 3.0, 1.0]])
    rows = [list(itertools.permutations((1, 2, 3)))] * 4
    found = [stats.friedmanchisquare(*np.array(each).T).statistic for each in
             itertools.product(*rows)]  # fmt: skip
    observed, p = friedman(scores)
    exact = np.mean(np.array(found) >= observed - 1e-9)
    assert p == pytest.approx(exact, abs=0.01)
    assert friedman(np.ones((5, 3))) == (0.0, 1.0)


def test_the_stratified_interval_of_one_data_set_is_scipys():
    sample = SAMPLES["many"]
    low, high = stratified_interval(sample[None], draws=20_000)
    other = stats.bootstrap(
        (sample,), lambda x, axis: stats.trim_mean(x, 0.25, axis=axis), method="percentile",
        n_resamples=5_000, rng=np.random.default_rng(2),
    ).confidence_interval  # fmt: skip
    width = other.high - other.low
    assert low == pytest.approx(other.low, abs=0.05 * width)
    assert high == pytest.approx(other.high, abs=0.05 * width)


def test_the_stratified_interval_draws_within_data_sets():
    """Runs of equal score within each data set leave nothing to vary."""
    assert stratified_interval(np.array([[0.2] * 5, [0.8] * 5])) == (0.5, 0.5)


@pytest.mark.parametrize("count", [10, 16, 30])
def test_the_detectable_difference_is_found_in_80_of_100_experiments(count):
    """By SciPy's t-test, of which the sign-flip test has nearly the power, and by counting."""
    values = np.random.default_rng(30).normal(size=count)
    shift = detectable(values) / np.std(values, ddof=1)
    drawn = np.random.default_rng(31).normal(shift, 1.0, (20_000, count))
    found = stats.ttest_1samp(drawn, 0.0, axis=1).pvalue < 0.05
    found &= (drawn > 0).mean(axis=1) >= 0.75
    assert found.mean() == pytest.approx(0.8, abs=0.04)


def test_with_six_pairs_all_must_be_won():
    """Only then p is 2/64: the power is the sixth power of one pair's, Φ(d)⁶."""
    values = np.array([-1.0, 1.0, -1.0, 1.0, -1.0, 1.0]) * np.sqrt(5 / 6)  # of deviation 1
    assert stats.norm.cdf(detectable(values)) ** 6 == pytest.approx(0.8, abs=0.03)
    assert detectable(values[:5]) == np.inf
    assert detectable(values, 0.025) == np.inf


def test_the_summary_by_hand():
    found = summarize([1.0, 2.0, 3.0, 4.0, 100.0])
    assert found == {"lower_quartile": 2.0, "median": 3.0, "upper_quartile": 4.0, "iqm": 3.0}


# --- rates --------------------------------------------------------------------------------


@pytest.mark.parametrize("power", range(6))
def test_points_are_sobols_in_one_dimension(power):
    sobol = stats.qmc.Sobol(1, scramble=False).random_base2(power).ravel()
    found = np.array(points(2**power)) - 0.5 / 2**power
    assert sorted(found) == sorted(sobol)
    assert len(set(points(36))) == 36


def test_a_rate_is_judged_with_its_neighbours():
    trials = [(1.0, 0.2, 1.0), (4.0, 0.9, 0.0), (2.0, 0.4, 2.0), (3.0, 0.6, 3.0)]
    judged = judge(trials)
    assert sorted(judged) == [2.0, 3.0]
    assert judged[2.0] == pytest.approx((0.4, -2.0))
    assert judged[3.0] == pytest.approx((1.9 / 3, -5 / 3))


def test_a_trial_that_diverged_is_the_worst_of_its_neighbourhood_and_never_chosen():
    lost = -np.inf, np.inf
    judged = judge([(1.0, 0.2, 1.0), (2.0, 0.8, 0.5), (3.0, *lost), (4.0, 0.3, 2.0)])
    assert judged == {2.0: pytest.approx(((0.2 + 0.8 + 0.2) / 3, -3.5 / 3))}
    assert judge([(1.0, *lost), (2.0, *lost), (3.0, *lost)]) == {}
    assert judge([(1.0, 0.2, 1.0), (2.0, 0.8, 0.5)]) == {1.0: (0.2, -1.0), 2.0: (0.8, -0.5)}


@pytest.mark.parametrize("count", [4, 8, 16, 32])
def test_neighbours_have_all_three_seeds(count):
    """Trials take three seeds in turn; so a mean over neighbours is over all seeds."""
    order = np.argsort(points(count))
    for place in range(1, count - 1):
        assert {int(number) % 3 for number in order[place - 1 : place + 2]} == {0, 1, 2}


def test_a_best_rate_at_an_edge_widens_the_range_on_that_side():
    tried = Range.about(0.01)
    assert (tried.low, tried.high) == pytest.approx((1e-4, 1.0))
    rates = tried.rates(4)
    assert rates == pytest.approx([10**-3.5, 10**-1.5, 10**-2.5, 10**-0.5], rel=2e-3)
    scores = {"low": (0.9, 0.5, 0.1), "middle": (0.1, 0.9, 0.1), "high": (0.1, 0.5, 0.9)}
    found = {
        name: widened({rate: (score, 0.0) for rate, score in zip((1, 2, 3), each, strict=True)},
                      tried)
        for name, each in scores.items()
    }  # fmt: skip
    assert (found["low"].low, found["low"].high) == pytest.approx((1e-5, 1e-4))
    assert (found["high"].low, found["high"].high) == pytest.approx((1.0, 10.0))
    assert found["middle"] is None


# --- verdicts ------------------------------------------------------------------------------


def words(scores, **more):
    return {arm: each.word for arm, each in verdicts(scores, "base", **more).items()}


def test_fewer_than_six_seeds_support_no_claim():
    base = np.zeros(5)
    assert words({"base": base, "arm": base + 1}) == {"arm": "no claim"}
    assert words({"base": np.zeros(6), "arm": np.arange(1.0, 7.0)}) == {"arm": "better"}
    assert words({"base": np.zeros(6), "arm": -np.arange(1.0, 7.0)}) == {"arm": "worse"}
    # Of two arms at six seeds, 2 x 2/2^6 is above 0.05.
    many = {"base": np.zeros(6), "one": np.arange(1.0, 7.0), "two": np.arange(1.0, 7.0)}
    assert words(many) == {"one": "no claim", "two": "no claim"}
    assert [enough_seeds(arms) for arms in (1, 2, 3, 10)] == [6, 7, 7, 9]


def test_the_sentence_of_no_difference_says_what_could_have_been_seen():
    gains = np.array([0.1, -0.1, 0.2, -0.2, 0.05, -0.05, 0.1, -0.1])
    found = verdicts({"base": np.zeros(8), "arm": gains}, "base")["arm"]
    # By a t-test: (2.3646 + 0.8960) · 0.13363 / √8 = 0.154; the rule asks for a little more.
    assert found.sentence == (
        "no difference detected (n = 8, a difference of 0.16 could have been seen)"
    )


def test_scores_that_are_the_same_in_every_pair_are_called_that():
    scores = {"base": np.full(8, 0.9), "arm": np.full(8, 0.9)}
    found = verdicts(scores, "base")["arm"]
    assert found.sentence == "no difference detected (n = 8, the same in every pair)"


def test_a_gain_that_differs_by_rounding_alone_has_a_verdict():
    """2/3 - 1/3 is 0.3333333333333333, and 1 - 2/3 ends in 37: the same gain of a third."""
    base = np.array([1, 2, 1, 2, 2, 2, 1, 2]) / 3
    found = verdicts({"base": base, "arm": (base * 3 + 1) / 3}, "base")["arm"]
    assert (found.low, found.high) == pytest.approx((1 / 3, 1 / 3))
    assert found.word == "better"


def test_rounding_wins_no_pair():
    base = np.linspace(0.3, 0.9, 10)
    found = verdicts({"base": base, "arm": np.nextafter(base, 1)}, "base")["arm"]
    assert (found.gain, found.wins, found.word) == (0.0, 0.5, "no difference detected")


@pytest.mark.parametrize("scale", [1e-150, 1e200])
def test_verdicts_do_not_depend_on_the_unit(scale):
    base, arm = np.zeros(8), np.array([3.0, 1, 4, 1, 5, 9, 2, -6])
    usual = verdicts({"base": base, "arm": arm}, "base")["arm"]
    found = verdicts({"base": base, "arm": scale * arm}, "base")["arm"]
    assert (found.low / scale, found.high / scale) == pytest.approx((usual.low, usual.high))
    assert found.seen / scale == pytest.approx(usual.seen)
    assert found.word == usual.word


def test_a_small_but_sure_difference_is_equivalent_only_within_a_margin():
    gains = np.full(10, 0.001) + np.linspace(-1e-5, 1e-5, 10)
    scores = {"base": np.zeros(10), "arm": gains}
    assert words(scores) == {"arm": "better"}
    assert words(scores, rope=0.01) == {"arm": "equivalent"}
    assert words(scores, rope=0.0005) == {"arm": "better"}


def test_a_difference_of_few_pairs_is_not_better():
    """The mean is far from 0 because of a few; 60 % of the pairs win."""
    gains = np.array([5.0, 6, 5, 7, 6, 5, 7, 6, 5, -0.1, -0.1, -0.1, -0.1, -0.1, -0.1])
    found = verdicts({"base": np.zeros(15), "arm": gains}, "base")["arm"]
    assert found.holm < 0.05
    assert found.low > 0
    assert found.wins == 0.6
    assert found.word == "no difference detected"


def test_a_difference_whose_interval_has_0_is_not_better():
    gains = np.array([2.0, 3, 3, 2, 2, 2, 3, 1, 2, -1, -3])
    found = verdicts({"base": np.zeros(11), "arm": gains}, "base")["arm"]
    assert found.holm < 0.05
    assert found.wins > 0.75
    assert found.low < 0
    assert found.word == "no difference detected"


def test_equal_arms_are_better_in_at_most_5_percent_of_200_pairs():
    generator = np.random.default_rng(17)
    found = [
        words({"base": generator.normal(size=10), "arm": generator.normal(size=10)})["arm"]
        for _ in range(200)
    ]
    assert found.count("better") <= 10
    assert found.count("better") + found.count("worse") <= 17  # 5 %, and two standard deviations


def test_a_difference_of_one_standard_deviation_is_found_as_often_as_computed():
    """In 200 pairs of arms, with ten seeds.

    The power was computed beforehand: the same rule, from SciPy's exact
    `permutation_test` and its BCa `bootstrap`, gave "better" in 1,486 of 2,000 draws
    of ten differences from N(1, 1), and in 36 of 2,000 from N(0, 1).
    """
    power, pairs = 1486 / 2000, 200
    generator = np.random.default_rng(18)
    found = sum(
        words({"base": np.zeros(10), "arm": generator.normal(1.0, 1.0, 10)})["arm"] == "better"
        for _ in range(pairs)
    )
    spread = np.sqrt(power * (1 - power) / pairs)
    assert found / pairs == pytest.approx(power, abs=3 * spread)
