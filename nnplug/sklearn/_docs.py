"""The paragraphs that the docstrings of the two estimators have in common."""

from __future__ import annotations

from textwrap import indent
from typing import TypeVar

__all__ = ["documented"]

T = TypeVar("T")

NETWORK = """\
hidden_layer_sizes : int or sequence of int, default=(100,)
    Units of each hidden layer; `()` for none.
activation : str, Activation, or a sequence of them, default='relu'
    Any installed activation, by its name (`'gelu'`, `'leaky_relu:slope=0.2'`)
    or itself: one for all hidden layers, or one for each. `'logistic'` is
    `sigmoid`.
solver : str or Optimizer, default='adam'
    `'lbfgs'`; `'sgd'`, with `momentum`; `'adam'`, scikit-learn's variant,
    which adds epsilon to the uncorrected root; or any installed optimizer
    with its options (`'adamw:weight_decay=0.1'`; `'nnplug/adam'` is Adam as
    in Algorithm 1 of the paper).
alpha : float, default=0.0001
    L2 penalty: ½·alpha·Σw², divided by the number of rows of the batch, or
    their total weight, is added to their mean loss. The sum is over weights,
    not biases. `l2` is a penalty that does not depend on the batch size.
batch_size : int or 'auto', default='auto'
    `'auto'` is min(200, n_samples).
learning_rate : {'constant', 'invscaling', 'adaptive'}, default='constant'
    How `learning_rate_init` changes: not at all; divided by
    (1 + rows seen) to the power of `power_t`, epoch by epoch; or divided by 5
    whenever patience runs out. For all solvers but lbfgs and `'adam'`.
learning_rate_init : float, default=0.001
    The learning rate of all solvers but lbfgs, unless the solver's text sets
    one (`'adamw:learning_rate=0.01'`).
power_t : float, default=0.5
    For `learning_rate='invscaling'`.
max_iter : int, default=200
    The largest number of epochs, or of iterations with lbfgs.
shuffle : bool, default=True
    Whether the rows are shuffled in each epoch.
random_state : int, RandomState or None, default=None
    Seed of the initial weights, the validation split and the order of rows.
    They are drawn as in scikit-learn, which leaves a `RandomState`, or
    `numpy.random` for None, in the same state.
tol : float, default=1e-4
    The smallest improvement of the loss, or of the validation score, that
    counts. With lbfgs, training ends when the largest gradient is below it.
verbose : bool, default=False
    Print each epoch's loss; on a terminal, show a progress bar.
warm_start : bool, default=False
    Whether `fit` continues where the last one ended: with its weights, the
    solver's state and, with a seed, its random numbers and validation rows.
    Ten fits of one epoch equal one fit of ten; scikit-learn only keeps the
    weights.
momentum : float, default=0.9
    In [0, 1], for `'sgd'`.
nesterovs_momentum : bool, default=True
    For `'sgd'`.
early_stopping : bool, default=False
    Whether the score on validation rows decides when to stop, and which
    weights are kept. These rows are `validation_data`, or a share of the rows
    that is held out. It has no effect with lbfgs.
validation_fraction : float, default=0.1
    That share.
beta_1 : float, default=0.9
    Decay of the mean of gradients, for `'adam'`.
beta_2 : float, default=0.999
    Decay of the mean of their squares, for `'adam'`.
epsilon : float, default=1e-8
    Keeps `'adam'` from dividing by 0.
n_iter_no_change : int or inf, default=10
    Epochs without improvement after which training stops.
max_fun : int, default=15000
    The largest number of evaluations of the loss, with lbfgs.
"""

MORE = """\
output_activation : str or Activation, optional
    By default it follows from the loss and the task.
layers : str or sequence of str, Layer or Activation, optional
    The layers before the output, in place of `hidden_layer_sizes`,
    `activation` and `dropout`, as `nnplug.train` takes them:
    `'dense:64 batch_norm gelu dropout:0.1 residual[dense:64 relu dense:64]'`,
    or a list of texts and parts. Their weights are drawn by `glorot_uniform`,
    with a seed from `random_state`. `solver='lbfgs'` refuses layers that are
    random in training, or keep a state as `batch_norm` does; `batch_norm`
    counts every row of a batch once, whatever its `sample_weight`.
dropout : float or sequence of float, default=0.0
    The share of the hidden layers' outputs that a training step drops, in
    [0, 1): one for all layers, or one for each.
schedule : str or Schedule, optional
    Any installed schedule, a factor on the learning rate over `max_iter`
    epochs.
l2 : float, default=0.0
    L2 penalty that does not depend on the batch size: ½·l2·Σw² is added to
    the mean loss of a sample. `alpha=a` is `l2=a / batch_size`.
clip_global_norm : float, optional
    Clip gradients to this global norm.
metrics : str, Metric, or a sequence of them, optional
    Computed for each epoch: on the validation rows after it, if there are any;
    otherwise on the training rows, each batch before its step. See `history_`.
validation_data : tuple, optional
    `(X, y)` or `(X, y, sample_weight)`: rows that are not trained on. Their
    loss and score are recorded for each epoch.
engine : str, default='auto'
    The engine that runs the training step.
dtype : {'float32', 'float64'}, optional
    The dtype of the network; by default that of `X`.
callbacks : sequence of object, default=()
    Objects with any of the methods `on_train_start(run)`,
    `on_batch_end(run, record)`, `on_epoch_end(run, record)` and
    `on_train_end(run)`. If `on_epoch_end` or `on_batch_end` returns True,
    training ends after the epoch. lbfgs has no batches.
members : int, default=1
    Fit this many networks, which differ in their start and in the order of
    rows, and predict the mean of what they predict. With `early_stopping` and
    without `validation_data`, each holds out its own part of the rows, one row
    in `members`; `validation_fraction` is not used then.
"""

ATTRIBUTES = """\
coefs_, intercepts_ : list of array
    The weights (fan_in, fan_out) and biases (fan_out,) of each layer, as
    views of the network's parameters. Arrays that replace them are used. Only
    a network of dense layers, one after the other, has them; all arrays of any
    network are in `network_`.
loss_ : float
    The loss of the last epoch, with its penalty.
best_loss_ : float or None
    The lowest loss; None with `early_stopping`.
loss_curve_ : list of float
    The loss of each epoch.
validation_scores_ : list of float or None
    Accuracy or R² of the validation rows after each epoch; None without
    validation rows.
best_validation_score_ : float or None
validation_loss_curve_ : list of float or None
    The loss of the validation rows, without penalty.
history_ : History
    All numbers by epoch: `history_["loss"]` without the `["penalty"]`,
    `["validation_loss"]`, `["learning_rate"]`, and each metric by its name.
    `history_.best` is the epoch whose weights `early_stopping` has kept.
network_ : Network
    `network_["hidden1.weight"]` is an array of its parameters.
estimators_ : list of estimator
    With `members`: the fitted members, of one network each. The attributes
    above and below are those of the first.
out_of_fold_score_ : float
    If members have held out parts of their own: the score of all rows, each as
    predicted by the member that was not trained on it.
n_iter_ : int
    Epochs of the last fit.
t_ : int
    Rows seen in all fits.
stopped_ : bool
    After `partial_fit`: whether patience has just run out.
n_layers_ : int
    The number of layers, with the input, but without activations and dropout.
n_outputs_ : int
out_activation_ : str
    scikit-learn's name of the output activation.
n_features_in_ : int
feature_names_in_ : array of str
    If `X` had names."""


def documented(cls: type[T]) -> type[T]:
    """Insert the shared paragraphs into a class's docstring, at their names."""
    text = cls.__doc__ or ""
    for name, paragraph in (("NETWORK", NETWORK), ("MORE", MORE), ("ATTRIBUTES", ATTRIBUTES)):
        text = text.replace(f"    {{{name}}}", indent(paragraph.rstrip(), "    "))
    cls.__doc__ = text
    return cls
