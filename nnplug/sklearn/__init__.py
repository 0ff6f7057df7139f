"""Drop-in replacements for scikit-learn's neural networks, with any installed part."""

try:
    import sklearn as _  # noqa: F401  # only to see whether it is installed
except ImportError as _error:
    raise ImportError(
        "nnplug.sklearn needs scikit-learn.\nInstall it with: pip install scikit-learn"
    ) from _error

from nnplug.sklearn._classifier import MLPClassifier
from nnplug.sklearn._display import HistoryDisplay, plot_decision_boundary, plot_history
from nnplug.sklearn._regressor import MLPRegressor

__all__ = [
    "HistoryDisplay",
    "MLPClassifier",
    "MLPRegressor",
    "plot_decision_boundary",
    "plot_history",
]
