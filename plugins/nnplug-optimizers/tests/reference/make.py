"""Make optimizers.json: ten steps of other frameworks' optimizers, on gradients drawn once.

    python make.py

The values were made with torch 2.13.0, pytorch_optimizer 4.1.0, optax 0.2.8 on
jax 0.10.2, and Keras 3.15.1 on jax, all in float64. On torch, Keras's
ScheduleFreeAdamW takes the new z for the old one, which it has overwritten. The parameters
are a matrix, a vector, and the gradients do not depend on them.

Each run is this package's part and its options, and the expression that makes
the other framework's optimizer. `koz` is pytorch_optimizer.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

os.environ["KERAS_BACKEND"] = "jax"

import jax
import keras
import numpy as np
import optax
import pytorch_optimizer as koz
import torch

jax.config.update("jax_enable_x64", True)
torch.set_default_dtype(torch.float64)
keras.config.set_floatx("float64")

SHAPES = {"weight": (3, 2), "bias": (2,)}
Arrays = list[np.ndarray]

# Where the estimates of a distance grow, since the gradients agree.
STEADY: list[tuple[str, dict[str, Any], str]] = [
    ("dadapt_sgd", {"momentum": 0.5}, "koz.DAdaptSGD(params, momentum=0.5)"),
    ("dadapt_adagrad", {}, "koz.DAdaptAdaGrad(params)"),
    ("dadapt_adam", {}, "koz.DAdaptAdam(params)"),
    ("dadapt_adam", {"bias_correction": True}, "optax.contrib.dadapt_adamw()"),
    ("dadapt_lion", {"beta2": 0.9}, "koz.DAdaptLion(params, betas=(0.9, 0.9))"),
    ("prodigy", {"beta2": 0.9}, "koz.Prodigy(params, betas=(0.9, 0.9))"),
    ("prodigy", {"bias_correction": True}, "optax.contrib.prodigy()"),
    ("dog", {"distance": 0.1}, "optax.contrib.dog(init_step=('heuristic', 0.1))"),
    ("dowg", {"distance": 0.5}, "optax.contrib.dowg(init_estim_sq_dist=0.25)"),
    ("msvag", {}, "koz.MSVAG(params)"),
    ("adasmooth", {}, "koz.AdaSmooth(params)"),
]

RUNS: list[tuple[str, dict[str, Any], str]] = [
    # sign_based
    ("signsgd", {}, "optax.sign_sgd(0.001)"),
    ("signsgd", {"learning_rate": 0.1}, "koz.SignSGD(params, lr=0.1, momentum=0.0)"),
    ("signum", {}, "optax.signum(0.001)"),
    ("signum", {"learning_rate": 0.05, "beta": 0.7}, "optax.signum(0.05, beta=0.7)"),
    (
        "signum",
        {"learning_rate": 0.05, "beta": 0.8, "weight_decay": 0.3},
        "koz.SignSGD(params, lr=0.05, momentum=0.8, weight_decay=0.3)",
    ),
    ("tiger", {}, "koz.Tiger(params)"),
    (
        "tiger",
        {"learning_rate": 0.05, "beta": 0.7, "weight_decay": 0.2},
        "koz.Tiger(params, lr=0.05, beta=0.7, weight_decay=0.2)",
    ),
    ("ano", {}, "koz.Ano(params)"),
    (
        "ano",
        {
            "learning_rate": 0.05,
            "beta1": 0.7,
            "beta2": 0.8,
            "epsilon": 0.01,
            "weight_decay": 0.2,
        },
        "koz.Ano(params, lr=0.05, betas=(0.7, 0.8), eps=0.01, weight_decay=0.2)",
    ),
    ("grams", {}, "koz.Grams(params)"),
    (
        "grams",
        {
            "learning_rate": 0.05,
            "beta1": 0.7,
            "beta2": 0.8,
            "epsilon": 0.01,
            "weight_decay": 0.2,
        },
        "koz.Grams(params, lr=0.05, betas=(0.7, 0.8), eps=0.01, weight_decay=0.2)",
    ),
    ("focus", {}, "koz.FOCUS(params)"),
    (
        "focus",
        {
            "learning_rate": 0.05,
            "beta1": 0.7,
            "beta2": 0.8,
            "gamma": 0.4,
            "weight_decay": 0.2,
        },
        "koz.FOCUS(params, lr=0.05, betas=(0.7, 0.8), gamma=0.4, weight_decay=0.2)",
    ),
    # momentum_variants
    ("heavy_ball", {}, "keras.optimizers.SGD(momentum=0.9)"),
    (
        "heavy_ball",
        {"learning_rate": 0.05, "momentum": 0.7},
        "torch.optim.SGD(params, lr=0.05, momentum=0.7)",
    ),
    ("qhm", {"learning_rate": 0.001, "momentum": 0.0, "nu": 1.0}, "koz.QHM(params)"),
    ("qhm", {}, "koz.QHM(params, lr=1.0, momentum=0.999, nu=0.7)"),
    ("aggmo", {"learning_rate": 0.001}, "koz.AggMo(params)"),
    (
        "aggmo",
        {"learning_rate": 0.05, "beta1": 0.1, "beta2": 0.5, "beta3": 0.8},
        "koz.AggMo(params, lr=0.05, betas=(0.1, 0.5, 0.8))",
    ),
    ("pid", {}, "koz.PID(params, momentum=0.9)"),
    (
        "pid",
        {"learning_rate": 0.05, "momentum": 0.7, "ki": 0.5, "kd": 2.0},
        "koz.PID(params, lr=0.05, momentum=0.7, integral=0.5, derivative=2.0)",
    ),
    ("pnm", {}, "koz.PNM(params)"),
    (
        "pnm",
        {"learning_rate": 0.05, "beta1": 0.7, "beta2": 0.5, "weight_decay": 0.2},
        "koz.PNM(params, lr=0.05, betas=(0.7, 0.5), weight_decay=0.2)",
    ),
    ("accsgd", {}, "koz.AccSGD(params)"),
    (
        "accsgd",
        {"learning_rate": 0.05, "kappa": 20.0, "xi": 3.0, "constant": 0.5},
        "koz.AccSGD(params, lr=0.05, kappa=20.0, xi=3.0, constant=0.5)",
    ),
    ("optimistic_gradient_descent", {}, "optax.optimistic_gradient_descent(0.01)"),
    (
        "optimistic_gradient_descent",
        {"learning_rate": 0.05, "alpha": 0.8, "beta": 0.5},
        "optax.optimistic_gradient_descent(0.05, alpha=0.8, beta=0.5)",
    ),
    ("optimistic_adam", {}, "optax.optimistic_adam_v2(0.001, nesterov=False)"),
    (
        "optimistic_adam",
        {"learning_rate": 0.05, "beta1": 0.7, "beta2": 0.8, "epsilon": 0.01},
        "optax.optimistic_adam_v2(0.05, b1=0.7, b2=0.8, eps=0.01, nesterov=False)",
    ),
    (
        "grokfast",
        {"base": "adamw:learning_rate=0.0001,beta2=0.99,epsilon=1e-30,weight_decay=0"},
        "koz.GrokFastAdamW(params, normalize_lr=False, eps=1e-30)",
    ),
    (
        "grokfast",
        {
            "base": "adamw:learning_rate=0.05,beta1=0.7,beta2=0.8,epsilon=1e-30,weight_decay=0.2",
            "alpha": 0.6,
            "lamb": 1.5,
        },
        "koz.GrokFastAdamW(params, lr=0.05, betas=(0.7, 0.8), grokfast_alpha=0.6, "
        "grokfast_lamb=1.5, normalize_lr=False, eps=1e-30, weight_decay=0.2)",
    ),
    # adaptive_moments
    (
        "nadamw",
        {"weight_decay": 0.0},
        "torch.optim.NAdam(params, decoupled_weight_decay=True)",
    ),
    (
        "nadamw",
        {
            "learning_rate": 0.05,
            "beta1": 0.7,
            "beta2": 0.8,
            "epsilon": 0.01,
            "momentum_decay": 0.3,
            "weight_decay": 0.2,
        },
        "torch.optim.NAdam(params, lr=0.05, betas=(0.7, 0.8), eps=0.01, momentum_decay=0.3, "
        "weight_decay=0.2, decoupled_weight_decay=True)",
    ),
    ("adamaxw", {}, "optax.adamaxw(0.002)"),
    (
        "adamaxw",
        {
            "learning_rate": 0.05,
            "beta1": 0.7,
            "beta2": 0.8,
            "epsilon": 0.01,
            "weight_decay": 0.2,
        },
        "optax.adamaxw(0.05, b1=0.7, b2=0.8, eps=0.01, weight_decay=0.2)",
    ),
    ("adabelief", {}, "optax.adabelief(0.001)"),
    (
        "adabelief",
        {"learning_rate": 0.05, "beta1": 0.7, "beta2": 0.8, "epsilon": 0.01},
        "optax.adabelief(0.05, b1=0.7, b2=0.8, eps=0.01, eps_root=0.01)",
    ),
    (
        "adabelief",
        {
            "learning_rate": 0.05,
            "beta1": 0.7,
            "beta2": 0.8,
            "epsilon": 0.01,
            "weight_decay": 0.2,
        },
        "koz.AdaBelief(params, lr=0.05, betas=(0.7, 0.8), eps=0.01, weight_decay=0.2)",
    ),
    ("yogi", {}, "optax.yogi(0.01)"),
    (
        "yogi",
        {
            "learning_rate": 0.05,
            "beta1": 0.7,
            "beta2": 0.8,
            "epsilon": 0.01,
            "initial": 0.1,
        },
        "koz.Yogi(params, lr=0.05, betas=(0.7, 0.8), eps=0.01, initial_accumulator=0.1)",
    ),
    ("adan", {}, "koz.Adan(params)"),
    (
        "adan",
        {
            "learning_rate": 0.05,
            "beta1": 0.7,
            "beta2": 0.8,
            "beta3": 0.6,
            "epsilon": 0.01,
            "weight_decay": 0.2,
        },
        "koz.Adan(params, lr=0.05, betas=(0.7, 0.8, 0.6), eps=0.01, weight_decay=0.2)",
    ),
    # With β2 = 1/2 the weights of optax and of the paper are the same.
    (
        "adan",
        {"learning_rate": 0.05, "beta2": 0.5, "epsilon": 0.01},
        "optax.adan(0.05, b2=0.5, eps=0.01, eps_root=0.0)",
    ),
    ("adopt", {}, "optax.contrib.adopt(0.001)"),
    (
        "adopt",
        {"learning_rate": 0.05, "beta1": 0.7, "beta2": 0.8, "epsilon": 0.5},
        "optax.contrib.adopt(0.05, b1=0.7, b2=0.8, eps=0.5)",
    ),
    ("ademamix", {}, "optax.contrib.ademamix(0.001)"),
    (
        "ademamix",
        {
            "learning_rate": 0.05,
            "beta1": 0.7,
            "beta2": 0.8,
            "beta3": 0.9,
            "alpha": 2.0,
            "epsilon": 0.01,
            "weight_decay": 0.2,
        },
        "koz.AdEMAMix(params, lr=0.05, betas=(0.7, 0.8, 0.9), alpha=2.0, eps=0.01, "
        "weight_decay=0.2, weight_decouple=True)",
    ),
    ("simplified_ademamix", {"learning_rate": 0.001}, "optax.contrib.simplified_ademamix(0.001)"),
    (
        "simplified_ademamix",
        {
            "learning_rate": 0.05,
            "beta1": 0.7,
            "beta2": 0.8,
            "alpha": 2.0,
            "epsilon": 0.01,
            "weight_decay": 0.2,
        },
        "optax.contrib.simplified_ademamix(0.05, b1=0.7, b2=0.8, alpha=2.0, eps=0.01, "
        "weight_decay=0.2)",
    ),
    # adam_variants
    ("diffgrad", {}, "koz.DiffGrad(params)"),
    (
        "diffgrad",
        {
            "learning_rate": 0.05,
            "beta1": 0.7,
            "beta2": 0.8,
            "epsilon": 0.01,
            "weight_decay": 0.2,
        },
        "koz.DiffGrad(params, lr=0.05, betas=(0.7, 0.8), eps=0.01, weight_decay=0.2)",
    ),
    (
        "qhadam",
        {"beta1": 0.9, "nu1": 1.0, "nu2": 1.0},
        "koz.QHAdam(params)",
    ),
    (
        "qhadam",
        {
            "learning_rate": 0.05,
            "beta1": 0.7,
            "beta2": 0.8,
            "nu1": 0.6,
            "nu2": 0.4,
            "epsilon": 0.01,
        },
        "koz.QHAdam(params, lr=0.05, betas=(0.7, 0.8), nus=(0.6, 0.4), eps=0.01)",
    ),
    ("exadam", {}, "koz.EXAdam(params)"),
    (
        "exadam",
        {
            "learning_rate": 0.05,
            "beta1": 0.7,
            "beta2": 0.8,
            "epsilon": 0.01,
            "weight_decay": 0.2,
        },
        "koz.EXAdam(params, lr=0.05, betas=(0.7, 0.8), eps=0.01, weight_decay=0.2)",
    ),
    ("adamc", {"weight_decay": 0.0}, "koz.AdamC([{'params': params, 'normalized': True}])"),
    (
        "adamc",
        {
            "rates": [0.05, 0.05, 0.04, 0.04, 0.03, 0.03, 0.02, 0.02, 0.01, 0.01],
            "largest_rate": 0.05,
            "beta1": 0.7,
            "beta2": 0.8,
            "epsilon": 0.01,
            "weight_decay": 0.2,
        },
        "koz.AdamC([{'params': params, 'normalized': True}], lr=0.05, betas=(0.7, 0.8), "
        "eps=0.01, weight_decay=0.2)",
    ),
    ("dualadam", {"epsilon": 0.0}, "koz.DualAdam(params, eps=1e-20)"),
    (
        "dualadam",
        {
            "learning_rate": 0.05,
            "beta1": 0.7,
            "beta2": 0.8,
            "switch_rate": 0.125,
            "epsilon": 0.0,
            "weight_decay": 0.2,
        },
        "koz.DualAdam(params, lr=0.05, betas=(0.7, 0.8), switch_rate=0.125, eps=1e-20, "
        "weight_decay=0.2, weight_decouple=True)",
    ),
    # centred_moments
    ("acprop", {}, "optax.contrib.acprop(0.001)"),
    (
        "acprop",
        {
            "learning_rate": 0.05,
            "beta1": 0.7,
            "beta2": 0.8,
            "epsilon": 0.01,
            "epsilon_root": 0.02,
            "weight_decay": 0.2,
        },
        "optax.contrib.acprop(0.05, b1=0.7, b2=0.8, eps=0.01, eps_root=0.02, weight_decay=0.2)",
    ),
    # With foreach, the step sizes are in float32.
    ("laprop", {}, "koz.LaProp(params, foreach=False)"),
    (
        "laprop",
        {"learning_rate": 0.05, "beta1": 0.7, "beta2": 0.8},
        "koz.LaProp(params, lr=0.05, betas=(0.7, 0.8), foreach=False)",
    ),
    ("adapnm", {}, "koz.AdaPNM(params)"),
    (
        "adapnm",
        {
            "learning_rate": 0.05,
            "beta1": 0.7,
            "beta2": 0.8,
            "beta3": 0.5,
            "epsilon": 0.01,
            "weight_decay": 0.2,
        },
        "koz.AdaPNM(params, lr=0.05, betas=(0.7, 0.8, 0.5), eps=0.01, weight_decay=0.2)",
    ),
    ("sparse_adam", {"gradients": "sparse"}, "torch.optim.SparseAdam(params)"),
    (
        "sparse_adam",
        {
            "gradients": "sparse",
            "learning_rate": 0.05,
            "beta1": 0.7,
            "beta2": 0.8,
            "epsilon": 0.01,
        },
        "torch.optim.SparseAdam(params, lr=0.05, betas=(0.7, 0.8), eps=0.01)",
    ),
    ("msvag", {}, "koz.MSVAG(params)"),
    ("msvag", {"learning_rate": 0.05, "beta": 0.7}, "koz.MSVAG(params, lr=0.05, beta=0.7)"),
    ("adasmooth", {}, "koz.AdaSmooth(params)"),
    (
        "adasmooth",
        {
            "learning_rate": 0.05,
            "beta1": 0.3,
            "beta2": 0.8,
            "epsilon": 0.01,
            "weight_decay": 0.2,
        },
        "koz.AdaSmooth(params, lr=0.05, betas=(0.3, 0.8), eps=0.01, weight_decay=0.2)",
    ),
    ("vsgd", {}, "koz.VSGD(params)"),
    (
        "vsgd",
        {
            "learning_rate": 0.05,
            "ratio": 3.0,
            "strength": 0.2,
            "tau1": 0.6,
            "tau2": 0.7,
            "epsilon": 0.01,
        },
        "koz.VSGD(params, lr=0.05, ghattg=3.0, ps=0.2, tau1=0.6, tau2=0.7, eps=0.01)",
    ),
    # adagrad_variants
    ("kate", {"learning_rate": 0.001, "epsilon": 0.0}, "koz.Kate(params, eps=1e-20)"),
    (
        "kate",
        {"learning_rate": 0.05, "eta": 0.3, "weight_decay": 0.2, "epsilon": 0.0},
        "koz.Kate(params, lr=0.05, delta=0.3, weight_decay=0.2, eps=1e-20)",
    ),
    # Not optax's, which takes the root of the step in float32.
    ("madgrad", {}, "koz.MADGRAD(params, lr=0.01)"),
    (
        "madgrad",
        {"learning_rate": 0.05, "momentum": 0.6, "epsilon": 0.01},
        "koz.MADGRAD(params, lr=0.05, momentum=0.6, eps=0.01)",
    ),
    # rmsprop_variants
    (
        "rmsprop_graves",
        {},
        "keras.optimizers.RMSprop(1e-4, rho=0.95, momentum=0.9, epsilon=1e-4, centered=True)",
    ),
    (
        "rmsprop_graves",
        {"learning_rate": 0.05, "decay": 0.7, "momentum": 0.6, "epsilon": 0.01},
        "keras.optimizers.RMSprop(0.05, rho=0.7, momentum=0.6, epsilon=0.01, centered=True)",
    ),
    # bounded_rates
    ("adabound", {}, "koz.AdaBound(params)"),
    (
        "adabound",
        {
            "learning_rate": 0.05,
            "final_rate": 0.04,
            "gamma": 0.5,
            "beta1": 0.7,
            "beta2": 0.8,
            "epsilon": 0.01,
            "weight_decay": 0.2,
        },
        "koz.AdaBound(params, lr=0.05, final_lr=0.04, gamma=0.5, betas=(0.7, 0.8), eps=0.01, "
        "weight_decay=0.2)",
    ),
    ("amsbound", {}, "koz.AdaBound(params, ams_bound=True)"),
    (
        "amsbound",
        {
            "learning_rate": 0.05,
            "final_rate": 0.04,
            "gamma": 0.5,
            "beta1": 0.7,
            "beta2": 0.5,
            "epsilon": 0.01,
            "weight_decay": 0.2,
        },
        "koz.AdaBound(params, lr=0.05, final_lr=0.04, gamma=0.5, betas=(0.7, 0.5), eps=0.01, "
        "weight_decay=0.2, ams_bound=True)",
    ),
    # Without a memory of rates, AdaMod is Adam, and both conventions are the same.
    (
        "adamod",
        {"learning_rate": 0.05, "beta1": 0.7, "beta2": 0.8, "beta3": 0.0, "weight_decay": 0.2},
        "koz.AdaMod(params, lr=0.05, betas=(0.7, 0.8, 0.0), weight_decay=0.2)",
    ),
    ("swats", {"epsilon": 1e-6}, "koz.SWATS(params)"),
    # d_adaptation
    ("dadapt_sgd", {}, "koz.DAdaptSGD(params)"),
    (
        "dadapt_sgd",
        {"learning_rate": 0.5, "momentum": 0.6, "d0": 0.01},
        "koz.DAdaptSGD(params, lr=0.5, momentum=0.6, d0=0.01)",
    ),
    ("dadapt_adagrad", {}, "koz.DAdaptAdaGrad(params)"),
    (
        "dadapt_adagrad",
        {"learning_rate": 0.5, "momentum": 0.6, "d0": 0.01},
        "koz.DAdaptAdaGrad(params, lr=0.5, momentum=0.6, d0=0.01)",
    ),
    ("dadapt_adam", {}, "koz.DAdaptAdam(params)"),
    (
        "dadapt_adam",
        {
            "learning_rate": 0.5,
            "beta1": 0.7,
            "beta2": 0.8,
            "epsilon": 0.01,
            "d0": 0.01,
            "bias_correction": True,
            "weight_decay": 0.2,
        },
        "optax.contrib.dadapt_adamw(0.5, betas=(0.7, 0.8), eps=0.01, estim_lr0=0.01, "
        "weight_decay=0.2)",
    ),
    ("dadapt_lion", {}, "koz.DAdaptLion(params)"),
    (
        "dadapt_lion",
        {"learning_rate": 0.5, "beta1": 0.7, "beta2": 0.8, "d0": 0.01},
        "koz.DAdaptLion(params, lr=0.5, betas=(0.7, 0.8), d0=0.01)",
    ),
    ("prodigy", {}, "koz.Prodigy(params)"),
    (
        "prodigy",
        {
            "learning_rate": 0.5,
            "beta1": 0.7,
            "beta2": 0.8,
            "epsilon": 0.01,
            "d0": 0.01,
            "growth": 1.5,
            "bias_correction": True,
            "weight_decay": 0.2,
        },
        "optax.contrib.prodigy(0.5, betas=(0.7, 0.8), eps=0.01, estim_lr0=0.01, "
        "estim_lr_coef=1.5, weight_decay=0.2)",
    ),
    # parameter_free
    ("dog", {}, "optax.contrib.dog()"),
    (
        "dog",
        {"learning_rate": 0.5, "distance": 0.01, "epsilon": 0.5},
        "optax.contrib.dog(0.5, init_step=('heuristic', 0.01), eps=0.5)",
    ),
    ("dowg", {}, "optax.contrib.dowg()"),
    (
        "dowg",
        {"learning_rate": 0.5, "distance": 0.3, "epsilon": 0.5},
        "optax.contrib.dowg(0.5, init_estim_sq_dist=0.09, eps=0.5)",
    ),
    ("cocob", {}, "optax.contrib.cocob()"),
    ("cocob", {"alpha": 3.0, "epsilon": 1.0}, "optax.contrib.cocob(alpha=3.0, eps=1.0)"),
    ("adamg", {}, "koz.AdamG(params)"),
    (
        "adamg",
        {
            "learning_rate": 0.5,
            "beta1": 0.7,
            "beta2": 0.8,
            "beta3": 0.6,
            "p": 0.5,
            "q": 0.4,
            "epsilon": 0.01,
        },
        "koz.AdamG(params, lr=0.5, betas=(0.7, 0.8, 0.6), p=0.5, q=0.4, eps=0.01)",
    ),
    # schedule_free
    ("schedule_free_sgd", {}, "optax.contrib.schedule_free_sgd()"),
    (
        "schedule_free_sgd",
        {"learning_rate": 0.05, "beta": 0.6, "weight_decay": 0.2},
        "optax.contrib.schedule_free_sgd(0.05, b1=0.6, weight_decay=0.2)",
    ),
    ("schedule_free_adamw", {}, "optax.contrib.schedule_free_adamw()"),
    ("schedule_free_adamw", {}, "keras.optimizers.ScheduleFreeAdamW(learning_rate=0.0025)"),
    (
        "schedule_free_adamw",
        {
            "learning_rate": 0.05,
            "beta1": 0.6,
            "beta2": 0.8,
            "epsilon": 0.01,
            "weight_decay": 0.2,
        },
        "optax.contrib.schedule_free_adamw(0.05, b1=0.6, b2=0.8, eps=0.01, weight_decay=0.2)",
    ),
    ("schedule_free_radam", {}, "koz.ScheduleFreeRAdam(params)"),
    (
        "schedule_free_radam",
        {
            "learning_rate": 0.05,
            "beta1": 0.6,
            "beta2": 0.9,
            "epsilon": 0.01,
            "weight_decay": 0.2,
        },
        "koz.ScheduleFreeRAdam(params, lr=0.05, betas=(0.6, 0.9), eps=0.01, weight_decay=0.2)",
    ),
    (
        "schedule_free",
        {"base": "rmsprop:learning_rate=0.05", "beta": 0.6},
        "optax.contrib.schedule_free(optax.rmsprop(0.05, decay=0.99, eps=1e-8, "
        "eps_in_sqrt=False), learning_rate=0.05, b1=0.6)",
    ),
    (
        "schedule_free",
        {"base": "sgd:learning_rate=0.05"},
        "optax.contrib.schedule_free(optax.sgd(0.05), learning_rate=0.05)",
    ),
    ("asgd", {}, "torch.optim.ASGD(params)"),
    (
        "asgd",
        {"learning_rate": 0.05, "lambd": 0.2, "alpha": 0.6, "t0": 3.0},
        "torch.optim.ASGD(params, lr=0.05, lambd=0.2, alpha=0.6, t0=3.0)",
    ),
    # proximal; Keras's l2 counts twice, and its sum of squares starts at 0.1.
    (
        "ftrl",
        {"learning_rate": 0.001, "beta": 0.0, "initial": 0.1},
        "keras.optimizers.Ftrl()",
    ),
    (
        "ftrl",
        {"learning_rate": 0.05, "beta": 0.3, "initial": 0.2, "l1": 0.7, "l2": 0.8},
        "keras.optimizers.Ftrl(0.05, beta=0.3, initial_accumulator_value=0.2, "
        "l1_regularization_strength=0.7, l2_regularization_strength=0.4)",
    ),
    ("ftrl", {"learning_rate": 0.001, "beta": 0.0}, "koz.FTRL(params)"),
    (
        "ftrl",
        {"learning_rate": 0.05, "beta": 0.3, "l1": 0.7, "l2": 0.8},
        "koz.FTRL(params, lr=0.05, beta=0.3, lambda_1=0.7, lambda_2=0.8)",
    ),
    *((name, {"gradients": "steady", **options}, make) for name, options, make in STEADY),
]


def flat(arrays: Any) -> list[float]:
    """Give all numbers of several arrays as one list."""
    return [float(x) for array in arrays for x in np.asarray(array, np.float64).ravel()]


Stepper = Callable[[Arrays, float | None], tuple[list[float], list[float]]]


def torch_steps(make: str, start: Arrays, sparse: bool) -> Stepper:
    """Make a function that takes one step of a torch optimizer."""
    params = [torch.nn.Parameter(torch.tensor(array)) for array in start]
    optimizer = eval(make, {"torch": torch, "koz": koz, "params": params})  # noqa: S307  # expressions of the table above

    def step(grads: Arrays, rate: float | None) -> tuple[list[float], list[float]]:
        for param, grad in zip(params, grads, strict=True):
            tensor = torch.tensor(grad)
            param.grad = tensor.to_sparse() if sparse else tensor
        for group in optimizer.param_groups:
            if rate is not None:
                group["lr"] = rate
            if "QHAdam" in make:
                optimizer.init_group(group)
        for state in optimizer.state.values():  # QHAdam keeps two numbers in float32
            if isinstance(state, dict):
                for key, value in state.items():
                    if torch.is_tensor(value) and value.dtype == torch.float32:
                        state[key] = value.double()
        optimizer.step()
        now = flat(param.detach() for param in params)
        shown = now
        if hasattr(optimizer, "train"):
            optimizer.eval()
            shown = flat(param.detach() for param in params)
            optimizer.train()
        elif "ASGD" in make:
            shown = flat(optimizer.state[param]["ax"] for param in params)
        return now, shown

    if hasattr(optimizer, "train"):
        optimizer.train()
    return step


def optax_steps(make: str, start: Arrays) -> Stepper:
    """Make a function that takes one step of an optax optimizer."""
    optimizer = eval(make, {"optax": optax})  # noqa: S307  # expressions of the table above
    holder: dict[str, Any] = {"params": [jax.numpy.asarray(array) for array in start]}
    holder["state"] = optimizer.init(holder["params"])

    def step(grads: Arrays, _: float | None) -> tuple[list[float], list[float]]:
        updates, holder["state"] = optimizer.update(
            [jax.numpy.asarray(grad) for grad in grads], holder["state"], holder["params"]
        )
        holder["params"] = optax.apply_updates(holder["params"], updates)
        now = flat(holder["params"])
        if "schedule_free" in make:
            shown = optax.contrib.schedule_free_eval_params(holder["state"], holder["params"])
            return now, flat(shown)
        return now, now

    return step


def keras_steps(make: str, start: Arrays) -> Stepper:
    """Make a function that takes one step of a Keras optimizer."""
    optimizer = eval(make, {"keras": keras})  # noqa: S307  # expressions of the table above
    params = [keras.Variable(array, dtype="float64") for array in start]
    optimizer.build(params)

    def step(grads: Arrays, _: float | None) -> tuple[list[float], list[float]]:
        optimizer.apply([jax.numpy.asarray(grad) for grad in grads], params)
        now = flat(keras.ops.convert_to_numpy(param) for param in params)
        return now, now

    return step


def main() -> None:
    """Write the file."""
    generator = np.random.default_rng(15)
    start = [generator.normal(size=shape) for shape in SHAPES.values()]
    # Away from 0, where the additions of 1e-15 of pytorch_optimizer would count.
    grads = [
        [
            generator.uniform(0.3, 2, size=shape) * generator.choice([-1, 1], size=shape)
            for shape in SHAPES.values()
        ]
        for _ in range(10)
    ]
    present = [[generator.random(size=shape) < 0.6 for shape in SHAPES.values()] for _ in range(10)]
    sparse = [
        [grad * there for grad, there in zip(*pair, strict=True)]
        for pair in zip(grads, present, strict=True)
    ]
    # Gradients that agree let the estimates of a distance grow.
    steady = [[abs(grad) for grad in each] for each in grads]
    drawn = {"gradients": grads, "sparse": sparse, "steady": steady}
    runs = []
    for name, options, make in RUNS:
        kind = options.get("gradients", "gradients")
        rates = options.get("rates", [None] * 10)
        if make.startswith("optax"):
            step = optax_steps(make, start)
        elif make.startswith("keras"):
            step = keras_steps(make, start)
        else:
            step = torch_steps(make, start, kind == "sparse")
        found = [step(g, rate) for g, rate in zip(drawn[kind], rates, strict=True)]
        run: dict[str, Any] = {"optimizer": name, "options": options, "reference": make}
        run["parameters"] = [now for now, _ in found]
        if any(now != shown for now, shown in found):
            run["shown"] = [shown for _, shown in found]
        runs.append(run)
    content = {
        "versions": {
            "torch": torch.__version__,
            "pytorch_optimizer": koz.get_optimizer_version()
            if hasattr(koz, "get_optimizer_version")
            else "4.1.0",
            "optax": optax.__version__,
            "jax": jax.__version__,
            "keras": keras.__version__,
        },
        "start": flat(start),
        **{kind: [flat(each) for each in arrays] for kind, arrays in drawn.items()},
        "runs": runs,
    }
    text = json.dumps(content).replace('{"optimizer"', '\n{"optimizer"')
    (Path(__file__).parent / "optimizers.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
