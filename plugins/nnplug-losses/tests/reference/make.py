"""Writes the frozen values: losses and gradients of PyTorch, Keras, Optax, scikit-learn and
pytorch_optimizer on the same numbers.

    KERAS_BACKEND=jax python make.py

Run with torch 2.13.0, keras 3.15.1, jax 0.10.2, optax 0.2.8, scikit-learn 1.9.1 and
pytorch_optimizer 4.1.0, in float64. A case gives the loss, its options, what it is compared
with, the outputs and targets, the number that the framework returns and its derivative.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import keras
import numpy as np
import optax
import pytorch_optimizer
import sklearn
import torch
from pytorch_optimizer.loss.bi_tempered import bi_tempered_logistic_loss
from sklearn._loss import loss as sklearn_loss
from sklearn.linear_model import _sgd_fast
from torch.nn import functional as F

jax.config.update("jax_enable_x64", True)
keras.config.set_floatx("float64")
torch.set_default_dtype(torch.float64)

RNG = np.random.default_rng(0)
Z = RNG.normal(size=(6, 3)) * 2
Y = RNG.normal(size=(6, 3))
HITS = RNG.integers(0, 2, (6, 3)).astype(float)
LABELS = np.array([[0], [1], [2], [1], [0], [1]])
SHARES = RNG.dirichlet(np.ones(3), 6)
AMOUNTS = np.exp(RNG.normal(size=(6, 3)))
COUNTS = RNG.integers(0, 6, (6, 3)).astype(float)
PROBABILITIES = RNG.uniform(0.05, 0.95, (6, 3))
FOUND: list[dict[str, Any]] = []


def add(
    name: str, by: str, outputs: Any, targets: Any, value: Any, slope: Any, **rest: Any
) -> None:
    FOUND.append(
        {
            "loss": name,
            "by": by,
            "options": rest.get("options", {}),
            "note": rest.get("note", ""),
            "outputs": np.asarray(outputs).tolist(),
            "targets": np.asarray(targets).tolist(),
            "value": float(value),
            "slope": np.asarray(slope).tolist(),
        }
    )


def by_torch(
    name: str, outputs: Any, targets: Any, of: Callable[..., Any], by: str, **rest: Any
) -> None:
    x = torch.tensor(np.asarray(outputs), requires_grad=True)
    value = of(x, torch.tensor(np.asarray(targets)))
    value.backward()
    add(name, by, outputs, targets, value.item(), x.grad.numpy(), **rest)


def by_jax(
    name: str, outputs: Any, targets: Any, of: Callable[..., Any], by: str, **rest: Any
) -> None:
    value, slope = jax.value_and_grad(lambda x: of(x, jax.numpy.asarray(targets)))(
        jax.numpy.asarray(outputs)
    )
    add(name, by, outputs, targets, value, slope, **rest)


def one_hot(labels: Any) -> Any:
    return np.eye(3)[np.asarray(labels)[:, 0]]


def torch_pairs(of: Callable[..., Any]) -> Callable[..., Any]:
    """Average over the pairs of two different rows."""

    def over(x: Any, labels: Any) -> Any:
        rows = range(len(x))
        pairs = [(i, j) for i in rows for j in rows if i != j]
        alike = [1.0 if labels[i] == labels[j] else -1.0 for i, j in pairs]
        first, second = zip(*pairs, strict=True)
        return of(x[list(first)], x[list(second)], torch.tensor(alike))

    return over


def margin_ranking(x: Any, y: Any) -> Any:
    pairs = [(i, j) for i in range(len(y)) for j in range(len(y)) if y[i] > y[j]]
    first, second = (list(side) for side in zip(*pairs, strict=True))
    return F.margin_ranking_loss(x[first], x[second], torch.ones(len(pairs), 1), margin=0.7)


def make() -> None:
    t = by_torch
    t(
        "soft_margin",
        Z,
        HITS,
        lambda x, y: F.soft_margin_loss(x, 2 * y - 1),
        "torch soft_margin_loss",
    )
    t(
        "multilabel_soft_margin",
        Z,
        HITS,
        F.multilabel_soft_margin_loss,
        "torch multilabel_soft_margin_loss",
    )
    for p, margin in ((1, 1.0), (2, 0.5)):
        t(
            "multi_margin",
            Z,
            LABELS,
            lambda x, y, p=p, m=margin: F.multi_margin_loss(x, y[:, 0], p=p, margin=m),
            "torch multi_margin_loss",
            options={"power": p, "margin": margin},
        )
    t(
        "weighted_binary_cross_entropy",
        Z,
        HITS,
        lambda x, y: F.binary_cross_entropy_with_logits(x, y, pos_weight=torch.tensor(3.0)),
        "torch binary_cross_entropy_with_logits, pos_weight",
        options={"pos_weight": 3.0},
    )
    t(
        "smoothed_ce",
        Z,
        LABELS,
        lambda x, y: F.cross_entropy(x, y[:, 0], label_smoothing=0.2),
        "torch cross_entropy, label_smoothing",
        options={"smoothing": 0.2},
    )
    t(
        "cosine_embedding",
        Z,
        LABELS,
        torch_pairs(lambda a, b, s: F.cosine_embedding_loss(a, b, s, margin=0.2)),
        "torch cosine_embedding_loss over pairs",
        options={"margin": 0.2},
        note="it adds 1e-12 to squared norms",
    )
    t(
        "hinge_embedding",
        Z,
        LABELS,
        torch_pairs(lambda a, b, s: F.hinge_embedding_loss((a - b).norm(dim=1), s, margin=3.0)),
        "torch hinge_embedding_loss over pairs",
        options={"margin": 3.0},
    )
    t(
        "margin_ranking",
        Z[:, :1],
        Y[:, :1],
        margin_ranking,
        "torch margin_ranking_loss over pairs",
        options={"margin": 0.7},
    )
    t(
        "logit_norm",
        Z,
        LABELS,
        lambda x, y: F.cross_entropy(x / (0.2 * (x.norm(dim=1, keepdim=True) + 1e-7)), y[:, 0]),
        "torch cross_entropy of normalised logits",
        options={"t": 0.2},
    )
    t(
        "laplace_nll",
        np.hstack([Z, 0.3 * Y]),
        Y + 1,
        lambda x, y: -torch.distributions.Laplace(x[:, :3], x[:, 3:].exp()).log_prob(y).mean(),
        "torch.distributions.Laplace",
    )
    t(
        "student_t_nll",
        np.hstack([Z, 0.3 * Y]),
        Y + 1,
        lambda x, y: (
            -torch.distributions.StudentT(5.0, x[:, :3], x[:, 3:].exp()).log_prob(y).mean()
        ),
        "torch.distributions.StudentT",
        options={"degrees": 5.0},
    )
    t(
        "lognormal_nll",
        np.hstack([Z, 0.3 * Y]),
        AMOUNTS,
        lambda x, y: -torch.distributions.LogNormal(x[:, :3], x[:, 3:].exp()).log_prob(y).mean(),
        "torch.distributions.LogNormal",
    )
    t(
        "gamma_nll",
        np.hstack([Z, 0.3 * Y]),
        AMOUNTS,
        lambda x, y: (
            -torch.distributions.Gamma(x[:, 3:].exp(), (x[:, 3:] - x[:, :3]).exp())
            .log_prob(y)
            .mean()
        ),
        "torch.distributions.Gamma",
    )
    t(
        "beta_regression",
        np.hstack([Z, 0.3 * Y]),
        PROBABILITIES,
        lambda x, y: (
            -torch.distributions.Beta(
                x[:, :3].sigmoid() * x[:, 3:].exp(), (-x[:, :3]).sigmoid() * x[:, 3:].exp()
            )
            .log_prob(y)
            .mean()
        ),
        "torch.distributions.Beta",
    )
    t(
        "dirichlet_nll",
        Z,
        SHARES,
        lambda x, y: -torch.distributions.Dirichlet(x.exp()).log_prob(y).mean(),
        "torch.distributions.Dirichlet",
    )
    t(
        "negative_binomial_nll",
        np.hstack([Z, 0.3 * Y]),
        COUNTS,
        lambda x, y: (
            -torch.distributions.NegativeBinomial((-x[:, 3:]).exp(), logits=x[:, :3] + x[:, 3:])
            .log_prob(y)
            .mean()
        ),
        "torch.distributions.NegativeBinomial",
    )

    counts = np.bincount(LABELS[:, 0]).tolist()
    kozistr = pytorch_optimizer
    t(
        "ldam",
        Z,
        LABELS,
        lambda x, y: kozistr.LDAMLoss(counts, max_m=0.5, s=3.0)(x, y[:, 0]),
        "pytorch_optimizer LDAMLoss",
        options={"scale": 3.0},
        note="its margins are float32",
    )
    t(
        "soft_f1",
        PROBABILITIES,
        HITS,
        kozistr.SoftF1Loss(beta=1.0, eps=0.0),
        "pytorch_optimizer SoftF1Loss",
        options={"epsilon": 1e-300},
        note="it counts in float32",
    )
    for name, of in (
        ("tversky", kozistr.TverskyLoss(0.3, 0.7, smooth=1e-7)),
        ("focal_tversky", kozistr.FocalTverskyLoss(0.3, 0.7, gamma=0.5, smooth=1e-7)),
    ):
        options = {"alpha": 0.3, "beta": 0.7, **({"gamma": 2.0} if "focal" in name else {})}
        x = torch.tensor(PROBABILITIES, requires_grad=True)
        value = of(torch.logit(x), torch.tensor(HITS))
        value.backward()
        add(
            name,
            f"pytorch_optimizer {type(of).__name__} of logits",
            PROBABILITIES,
            HITS,
            value.item(),
            x.grad.numpy(),
            options=options,
        )
    x = torch.tensor(PROBABILITIES, requires_grad=True)
    value = kozistr.JaccardLoss("binary", from_logits=False, label_smooth=1e-6)(
        x.reshape(1, 1, 1, -1), torch.tensor(HITS).reshape(1, 1, 1, -1)
    )
    value.backward()
    add(
        "jaccard",
        "pytorch_optimizer JaccardLoss",
        PROBABILITIES,
        HITS,
        value.item(),
        x.grad.numpy(),
    )
    t(
        "bi_tempered_logistic",
        Z,
        LABELS,
        lambda x, y: bi_tempered_logistic_loss(
            x, torch.tensor(one_hot(y)), t1=0.8, t2=1.2, num_iters=200, reduction="mean"
        ),
        "pytorch_optimizer bi_tempered_logistic_loss, 200 iterations",
        note="it adds 1e-10 inside a logarithm",
    )

    j, o = by_jax, optax.losses
    j(
        "perceptron",
        Z,
        HITS,
        lambda x, y: o.perceptron_loss(x, 2 * y - 1).mean(),
        "optax perceptron_loss",
    )
    j(
        "multiclass_perceptron",
        Z,
        LABELS,
        lambda x, y: o.multiclass_perceptron_loss(x, y[:, 0]).mean(),
        "optax multiclass_perceptron_loss",
    )
    j(
        "sparsemax_binary",
        Z,
        HITS,
        lambda x, y: o.sparsemax_loss(x, y.astype(int)).mean(),
        "optax sparsemax_loss",
    )
    j(
        "sparsemax_loss",
        Z,
        LABELS,
        lambda x, y: o.multiclass_sparsemax_loss(x, y[:, 0]).mean(),
        "optax multiclass_sparsemax_loss",
    )
    j(
        "generalized_kl",
        Z,
        AMOUNTS,
        lambda x, y: o.generalized_kl_divergence(x, y).mean(),
        "optax generalized_kl_divergence",
    )
    j(
        "ranking_softmax",
        Z,
        COUNTS,
        lambda x, y: o.ranking_softmax_loss(x, y),
        "optax ranking_softmax_loss",
    )
    j(
        "poly_ce",
        Z,
        LABELS,
        lambda x, y: o.poly_loss_cross_entropy(x, one_hot(LABELS), epsilon=1.5).mean(),
        "optax poly_loss_cross_entropy",
        options={"epsilon": 1.5},
    )
    j(
        "ntxent",
        Z,
        LABELS,
        lambda x, y: o.ntxent(x, y[:, 0], temperature=0.3),
        "optax ntxent",
        options={"temperature": 0.3},
    )

    k = keras.losses
    j(
        "focal_categorical",
        Z,
        LABELS,
        lambda x, y: k.categorical_focal_crossentropy(one_hot(LABELS), x, from_logits=True).mean(),
        "keras categorical_focal_crossentropy",
    )
    j(
        "generalized_ce",
        Z,
        LABELS,
        lambda x, y: k.categorical_generalized_cross_entropy(
            y[:, 0], jax.nn.softmax(x), q=0.5
        ).mean(),
        "keras categorical_generalized_cross_entropy",
        options={"q": 0.5},
    )
    j(
        "circle",
        Z,
        LABELS,
        lambda x, y: k.circle(
            y[:, 0], x / jax.numpy.linalg.norm(x, axis=1, keepdims=True), gamma=8.0, margin=0.3
        ).mean(),
        "keras circle of unit embeddings",
        options={"gamma": 8.0, "margin": 0.3},
    )
    j(
        "tversky",
        PROBABILITIES,
        HITS,
        lambda x, y: k.tversky(y, x, alpha=0.7, beta=0.3),
        "keras tversky, alpha and beta exchanged",
        options={"alpha": 0.3, "beta": 0.7, "epsilon": 1e-300},
        note="it adds 1e-7 to the denominator",
    )

    flat = {"sample_weight": None}
    for name, of, targets, options in (
        ("poisson_deviance_half", sklearn_loss.HalfPoissonLoss(), COUNTS, {}),
        ("gamma_deviance_half", sklearn_loss.HalfGammaLoss(), AMOUNTS, {}),
        ("tweedie_deviance_half", sklearn_loss.HalfTweedieLoss(power=1.3), COUNTS, {"power": 1.3}),
        ("pinball", sklearn_loss.PinballLoss(quantile=0.8), Y, {"quantile": 0.8}),
    ):
        y, z = targets.ravel(), Z.ravel()
        value, slope = of.loss_gradient(y, z, **flat)
        constant = of.constant_to_optimal_zero(y)
        add(
            name,
            f"sklearn {type(of).__name__}",
            Z,
            targets,
            np.mean(value + constant),
            slope.reshape(Z.shape) / Z.size,
            options=options,
        )
    half = sklearn_loss.ExponentialLoss()
    value, slope = half.loss_gradient(HITS.ravel(), 0.5 * Z.ravel(), **flat)
    add(
        "exponential_loss",
        "sklearn ExponentialLoss of half the logits",
        Z,
        HITS,
        value.mean(),
        0.5 * slope.reshape(Z.shape) / Z.size,
    )
    for name, of, targets, options in (
        ("modified_huber", _sgd_fast.ModifiedHuber(), HITS, {}),
        ("epsilon_insensitive", _sgd_fast.EpsilonInsensitive(0.5), Y, {"epsilon": 0.5}),
        (
            "squared_epsilon_insensitive",
            _sgd_fast.SquaredEpsilonInsensitive(0.5),
            Y,
            {"epsilon": 0.5},
        ),
    ):
        given = (2 * targets - 1 if name == "modified_huber" else targets).ravel()
        pairs = list(zip(given, Z.ravel(), strict=True))
        add(
            name,
            f"sklearn {type(of).__name__}",
            Z,
            targets,
            np.mean([of.py_loss(p, y) for y, p in pairs]),
            np.array([of.py_dloss(p, y) for y, p in pairs]).reshape(Z.shape) / Z.size,
            options=options,
        )


if __name__ == "__main__":
    make()
    versions = {
        module.__name__: module.__version__ for module in (torch, keras, jax, optax, sklearn)
    }
    path = Path(__file__).with_name("frameworks.json")
    path.write_text(
        json.dumps({"versions": versions, "cases": FOUND}, indent=1) + "\n", encoding="utf-8"
    )
    print(len(FOUND), "cases")
