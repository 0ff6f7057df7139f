"""Losses that declare their link and what targets they are for, as authors would write them."""

from __future__ import annotations

import numpy as np

import nnplug


@nnplug.loss(link="log", targets="count")
def poisson(prediction, target):
    """Poisson deviance, halved, less what does not depend on the prediction."""
    return np.exp(prediction) - target * prediction


@nnplug.loss(link="log", targets="positive")
def gamma(prediction, target):
    """Gamma deviance, halved, less what does not depend on the prediction."""
    return target * np.exp(-prediction) + prediction


@nnplug.loss(link="log")
def tweedie(prediction, target, *, power=1.5):
    """Tweedie deviance for a power between 1 and 2, halved, less what is constant."""
    mean_part = np.exp((2 - power) * prediction) / (2 - power)
    return mean_part - target * np.exp((1 - power) * prediction) / (1 - power)


@nnplug.loss(targets="binary")
def dice(probabilities, target, *, smooth=1.0):
    """Soft Dice loss of each row (Milletari et al., 2016, arXiv:1606.04797, section 3)."""
    both = np.sum(probabilities * target, axis=-1, keepdims=True)
    total = np.sum(probabilities + target, axis=-1, keepdims=True)
    return 1 - (2 * both + smooth) / (total + smooth)


def divergence(scores, target):
    log_ratio = np.log(np.where(target > 0, target, 1)) - nnplug.special.log_softmax(scores)
    return np.sum(target * log_ratio, axis=-1, keepdims=True)


@nnplug.loss(link="softmax")
def kl(prediction, target):
    """Kullback-Leibler divergence from softmax(prediction) to the target."""
    return divergence(prediction, target)


@nnplug.loss(link="softmax")
def kl_of_classes(logits, target):
    """The same for classes: cross-entropy, since the entropy of a known class is 0."""
    return divergence(logits, target)


@nnplug.loss(link="logit")
def fractional(prediction, target):
    """Cross-entropy of shares (Papke & Wooldridge, 1996)."""
    return np.logaddexp(0, prediction) - target * prediction


LOSSES = (poisson, gamma, tweedie, dice, kl)
OTHERS = (tweedie.with_options(power=1.2), kl_of_classes, fractional)
