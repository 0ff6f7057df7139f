"""The contenders: each with its defaults, on one thread, fed as its documentation advises.

A contender is a function of inputs and targets to learn from, inputs to
predict, and a seed; it gives the classes and their probabilities, (C,) and
(N, C), or None and numbers, (N,).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

Answers = tuple[Any, Any]
Fit = Callable[["pd.DataFrame", Any, "pd.DataFrame", bool, int], Answers]


@dataclass(frozen=True)
class Contender:
    """What is compared.

    Attributes
    ----------
    title : str
        In the page's table.
    package : str
        Whose version counts.
    fit : callable
    slow : bool
        Left out of a quick look.
    """

    title: str
    package: str
    fit: Fit
    slow: bool = False


def texts_of(frame: pd.DataFrame) -> list[str]:
    """Name the columns of texts."""
    return [name for name in frame if frame[name].dtype == object]


def _as_categories(x: pd.DataFrame, new: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    import pandas as pd

    x, new = x.copy(), new.copy()
    for name in texts_of(x):
        kinds = pd.CategoricalDtype(sorted(x[name].dropna().unique()))
        # A text that was not learned is missing, which these libraries know how to handle.
        x[name], new[name] = (
            each[name].where(each[name].isin(kinds.categories)).astype(kinds) for each in (x, new)
        )
    return x, new


def _filled(x: pd.DataFrame) -> pd.DataFrame:
    texts = texts_of(x)
    return x.assign(**{name: x[name].fillna("missing") for name in texts})


def _answers(model: Any, new: Any, regression: bool) -> Answers:
    if regression:
        return None, np.asarray(model.predict(new), float).reshape(-1)
    return np.asarray(model.classes_), np.asarray(model.predict_proba(new), float)


def gradient_boosting(
    x: pd.DataFrame, y: Any, new: pd.DataFrame, regression: bool, seed: int
) -> Answers:
    """scikit-learn's histogram gradient boosting; at most 255 categories a column."""
    from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

    for name in texts_of(x):
        common = x[name].value_counts().index[:250]
        x, new = (each.assign(**{name: each[name].where(each[name].isin(common), None)})
                  for each in (x, new))  # fmt: skip
    x, new = _as_categories(x, new)
    kind = HistGradientBoostingRegressor if regression else HistGradientBoostingClassifier
    return _answers(kind(random_state=seed).fit(x, y), new, regression)


def lightgbm(x: pd.DataFrame, y: Any, new: pd.DataFrame, regression: bool, seed: int) -> Answers:
    """LightGBM."""
    from lightgbm import LGBMClassifier, LGBMRegressor

    x, new = _as_categories(x, new)
    plain = [f"column{i}" for i in range(x.shape[1])]  # it refuses some characters in names
    x, new = x.set_axis(plain, axis=1), new.set_axis(plain, axis=1)
    kind = LGBMRegressor if regression else LGBMClassifier
    return _answers(kind(random_state=seed, n_jobs=1, verbose=-1).fit(x, y), new, regression)


def catboost(x: pd.DataFrame, y: Any, new: pd.DataFrame, regression: bool, seed: int) -> Answers:
    """CatBoost."""
    from catboost import CatBoostClassifier, CatBoostRegressor

    kind = CatBoostRegressor if regression else CatBoostClassifier
    model = kind(
        random_seed=seed, thread_count=1, verbose=0, allow_writing_files=False,
        cat_features=texts_of(x),
    )  # fmt: skip
    return _answers(model.fit(_filled(x), y), _filled(new), regression)


def _pytabkit(name: str) -> Fit:
    def fit(x: pd.DataFrame, y: Any, new: pd.DataFrame, regression: bool, seed: int) -> Answers:
        import pytabkit
        import torch
        from sklearn.impute import SimpleImputer

        torch.set_num_threads(1)
        x, new = _filled(x), _filled(new)
        gaps = [name for name in x if x[name].isna().any() or new[name].isna().any()]
        if gaps:  # it accepts none
            fill = SimpleImputer(add_indicator=True, keep_empty_features=True).set_output(
                transform="pandas"
            )
            filled, filled_new = fill.fit_transform(x[gaps]), fill.transform(new[gaps])
            x, new = x.drop(columns=gaps).join(filled), new.drop(columns=gaps).join(filled_new)
        kind = getattr(pytabkit, f"{name}_{'Regressor' if regression else 'Classifier'}")
        model = kind(device="cpu", random_state=seed, n_threads=1)
        model.fit(x, y, cat_col_names=texts_of(x))
        return _answers(model, new, regression)

    return fit


def sklearn_network(
    x: pd.DataFrame, y: Any, new: pd.DataFrame, regression: bool, seed: int
) -> Answers:
    """scikit-learn's network, behind the pipeline that its guide teaches."""
    from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    texts = texts_of(x)
    numbers = [name for name in x if name not in texts]
    transformer = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()), numbers),
        ("texts", OneHotEncoder(handle_unknown="ignore", sparse_output=False), texts),
    ])  # fmt: skip
    network: Any = (MLPRegressor if regression else MLPClassifier)(random_state=seed)
    if regression:
        network = TransformedTargetRegressor(network, transformer=StandardScaler())
    return _answers(make_pipeline(transformer, network).fit(x, y), new, regression)


def _nnplug(**settings: Any) -> Fit:
    def fit(x: pd.DataFrame, y: Any, new: pd.DataFrame, regression: bool, seed: int) -> Answers:
        import nnplug

        task = "regression" if regression else "binary" if len(set(y)) == 2 else "multiclass"
        run = nnplug.train(
            x.assign(**{"the target": y}), target="the target", task=task, seed=seed, **settings
        )
        if regression:
            return None, np.asarray(run.model.predict(new), float).reshape(-1)
        return np.asarray(run.model.classes), np.asarray(run.model.probabilities(new), float)

    return fit


CONTENDERS = {
    "gradient-boosting": Contender(
        "scikit-learn HistGradientBoosting", "scikit-learn", gradient_boosting
    ),
    "lightgbm": Contender("LightGBM", "lightgbm", lightgbm),
    "catboost": Contender("CatBoost", "catboost", catboost),
    "nnplug-default": Contender("nnplug, default", "nnplug", _nnplug(recipe="default")),
    "nnplug-fast": Contender("nnplug, fast", "nnplug", _nnplug(recipe="fast")),
    "nnplug-realmlp": Contender("nnplug, realmlp", "nnplug", _nnplug(recipe="realmlp"), slow=True),
    "sklearn-network": Contender("scikit-learn MLP, pipeline", "scikit-learn", sklearn_network),
    "realmlp": Contender("RealMLP-TD", "pytabkit", _pytabkit("RealMLP_TD"), slow=True),
    "tabm": Contender("TabM", "pytabkit", _pytabkit("TabM_D"), slow=True),
}
"""By the name that the results have; the slow ones are last."""


def fit_quietly(contender: Contender, *arguments: Any) -> Answers:
    """Run a contender; a warning of its defaults is for its user, not for us."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return contender.fit(*arguments)
