"""The part of the two estimators' docstrings that they have in common."""

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
    `'lbfgs'`; `'sgd'`, with `momentum`; `'adam'`, scikit-learn's, whose
    epsilon stands beside the uncorrected root; or any installed optimizer
    with its options (`'adamw:weight_decay=0.1'`; `'nnplug/adam'` is the
    Adam of the paper's Algorithm 1).
alpha : float, default=0.0001
    L2 penalty: ½·alpha·Σw² over the rows of the batch, or over what they
    weigh, is added to their mean loss; over weights and not biases. `l2` is
    one that does not depend on the batch size.
batch_size : int or 'auto', default='auto'
    `'auto'` is min(200, n_samples).
learning_rate : {'constant', 'invscaling', 'adaptive'}, default='constant'
    How `learning_rate_init` changes: not at all; divided by
    (1 + rows seen) to the power of `power_t`, epoch by epoch; or divided by 5
    each time that patience runs out. For every solver but lbfgs and `'adam'`.
learning_rate_init : float, default=0.001
    The learning rate of every solver but lbfgs, unless the solver's text has
    one (`'adamw:learning_rate=0.01'`).
power_t : float, default=0.5
    For `learning_rate='invscaling'`.
max_iter : int, default=200
    The most epochs; with lbfgs, iterations.
shuffle : bool, default=True
    Whether the rows have another order in each epoch.
random_state : int, RandomState or None, default=None
    The initial weights, the validation split and the order of rows are drawn
    as in scikit-learn, so a `RandomState`, or `numpy.random` for None, is
    left as there.
tol : float, default=1e-4
    By how much the loss, or the validation score, must improve to count.
    With lbfgs, where the largest gradient ends the search.
verbose : bool, default=False
    Print each epoch's loss; on a terminal, show a progress bar.
warm_start : bool, default=False
    Whether `fit` goes on where the last one ended: with its weights, the
    solver's state, the random numbers of a seed, and with a seed the rows
    that are held out. Ten fits of one epoch are one of ten; scikit-learn
    goes on with the weights alone.
momentum : float, default=0.9
    In [0, 1], for `'sgd'`.
nesterovs_momentum : bool, default=True
    For `'sgd'`.
early_stopping : bool, default=False
    Whether the score of validation rows says when to stop, and which weights
    are kept. They are `validation_data`, or a share of the rows that is held
    out. With lbfgs it does nothing.
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
    The most calls of the loss, with lbfgs.
"""

MORE = """\
output_activation : str or Activation, optional
    Else it follows from the loss and the task.
layers : str or sequence of str, Layer or Activation, optional
    The layers before the output, in place of `hidden_layer_sizes`,
    `activation` and `dropout`, as `nnplug.train` takes them:
    `'dense:64 batch_norm gelu dropout:0.1 residual[dense:64 relu dense:64]'`,
    or a list of texts and parts. Their weights are drawn by `glorot_uniform`,
    by a seed from `random_state`. A layer that is random in training, or keeps
    a state as `batch_norm` does, is not for `solver='lbfgs'`; `batch_norm`
    counts each row of a batch once, whatever its `sample_weight`.
dropout : float or sequence of float, default=0.0
    The share of the hidden layers' outputs that a training step drops: one
    for all layers, or one for each, from 0 to below 1.
schedule : str or Schedule, optional
    Any installed schedule, a factor on the learning rate over `max_iter`
    epochs.
l2 : float, default=0.0
    L2 penalty that does not depend on the batch size: ½·l2·Σw² is added to
    the mean loss of a sample. `alpha=a` is `l2=a / batch_size`.
clip_global_norm : float, optional
    The longest that the vector of all gradients may be.
metrics : str, Metric, or a sequence of them, optional
    Of each epoch: of the validation rows after it, if there are any; else of
    the training rows, each batch before its step. See `history_`.
validation_data : tuple, optional
    `(X, y)` or `(X, y, sample_weight)`: rows that are not learned from. Their
    loss and score are kept for each epoch.
engine : str, default='auto'
    What runs the training step.
dtype : {'float32', 'float64'}, optional
    Of the network; else that of `X`.
callbacks : sequence of object, default=()
    With methods `on_train_start(run)`, `on_batch_end(run, record)`,
    `on_epoch_end(run, record)` and `on_train_end(run)`, as far as they have
    them. An `on_epoch_end` or `on_batch_end` that
    returns True ends the training after the epoch. lbfgs has no batches.
"""

ATTRIBUTES = """\
coefs_, intercepts_ : list of array
    The weights (fan_in, fan_out) and biases (fan_out,) of each layer, as
    views of the network's parameters. What is put in their place is used.
    Only of a network of dense layers, one after the other, with an activation
    each; all arrays of any network are in `network_`.
loss_ : float
    The loss with its penalty, of the last epoch.
best_loss_ : float or None
    The least of them; None with `early_stopping`.
loss_curve_ : list of float
    One for each epoch.
validation_scores_ : list of float or None
    Accuracy or R² of the validation rows after each epoch; None if there are
    none.
best_validation_score_ : float or None
validation_loss_curve_ : list of float or None
    The loss of the validation rows, without penalty.
history_ : History
    All numbers by epoch: `history_["loss"]` and `["penalty"]` apart,
    `["validation_loss"]`, `["learning_rate"]`, and each metric by its name.
network_ : Network
    `network_["hidden1.weight"]` is an array of its parameters.
n_iter_ : int
    Epochs of the last fit.
t_ : int
    Rows seen by all fits.
stopped_ : bool
    After `partial_fit`: whether patience has just run out.
n_layers_ : int
    The input, and each layer but activations and dropout.
n_outputs_ : int
out_activation_ : str
    In scikit-learn's words.
n_features_in_ : int
feature_names_in_ : array of str
    If `X` had names."""


def documented(cls: type[T]) -> type[T]:
    """Put the shared paragraphs into a class's docstring, where it names them."""
    text = cls.__doc__ or ""
    for name, paragraph in (("NETWORK", NETWORK), ("MORE", MORE), ("ATTRIBUTES", ATTRIBUTES)):
        text = text.replace(f"    {{{name}}}", indent(paragraph.rstrip(), "    "))
    cls.__doc__ = text
    return cls
