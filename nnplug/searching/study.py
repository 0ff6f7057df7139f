"""The search itself: Optuna proposes settings, and learns from each score.

Optuna's sampler is the tree-structured Parzen estimator (Bergstra et al., 2011, NeurIPS;
Watanabe, 2023, arXiv:2304.11127). It gets a seed of its own for each trial, so that a
search that was stopped and resumed proposes what it would have proposed.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from nnplug.errors import SettingError, StorageError
from nnplug.places.running import check_place, run_all
from nnplug.randomness import derive_generator
from nnplug.runs.likeness import Likeness
from nnplug.searching.trials import Trial, Trials

__all__ = ["Study"]

STORAGE = "trials.log"
"""Optuna's journal in the folder of a search; its dashboard reads it too."""

_STARTUP = 10
"""Trials at random before the sampler has anything to learn from."""
_ATTEMPTS = 20
"""Proposals for one trial, if the first were tried before."""


class Study:
    """All trials of a search so far, in memory or in a folder.

    Parameters
    ----------
    trials : Trials
    folder : Path or None
    seed : int

    Raises
    ------
    SettingError
        If Optuna is not installed.
    StorageError
        If the folder's trials cannot be read.
    """

    def __init__(self, trials: Trials, folder: Path | None, seed: int) -> None:
        try:
            import optuna  # noqa: PLC0415  # Optuna is an extra
        except ModuleNotFoundError:
            raise SettingError(
                "nnplug search needs Optuna.\nInstall it: pip install optuna"
            ) from None
        self._optuna, self.trials, self.seed = optuna, trials, seed
        self.folder = folder
        self.metric = trials.judge()
        self.maximize = self.metric.goal == "maximize"
        self._study: Any = None

    def _open(self) -> Any:
        """Open the study; a folder appears with its first trial."""
        if self._study is not None:
            return self._study
        optuna, storage = self._optuna, None
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        if self.folder is not None:
            from optuna.storages import JournalStorage  # noqa: PLC0415  # Optuna is an extra
            from optuna.storages.journal import JournalFileBackend  # noqa: PLC0415  # the same

            self.folder.mkdir(parents=True, exist_ok=True)
            try:
                storage = JournalStorage(JournalFileBackend(str(self.folder / STORAGE)))
            except (OSError, ValueError, KeyError) as error:
                raise StorageError(f"{self.folder / STORAGE} cannot be read: {error}.") from None
        self._study = optuna.create_study(
            storage=storage,
            study_name="search",
            direction="maximize" if self.maximize else "minimize",
            load_if_exists=True,
        )
        return self._study

    @property
    def done(self) -> list[dict[str, Any]]:
        """The trials that are done, in the order of their numbers."""
        study = self._open()
        found = []
        for trial in study.get_trials(deepcopy=False):
            if trial.state.is_finished() and "result" in trial.user_attrs:
                kept = trial.user_attrs
                found.append(
                    {"number": kept["number"], "settings": kept["texts"], **kept["result"]}
                )
        return sorted(found, key=lambda each: each["number"])

    def usual(self) -> dict[str, Any] | None:
        """Return the result of the run without any of the searched settings, if it is done."""
        found: dict[str, Any] | None = self._open().user_attrs.get("usual")
        return found

    def perform(
        self,
        count: int,
        *,
        seconds: float = math.inf,
        on: str = "1",
        report: Callable[[int, int, float | None, str], None] | None = None,
    ) -> None:
        """Do trials until there are so many.

        Parameters
        ----------
        seconds : float
            After them no more trials begin.
        on : str
            Where; see `run_all`.
        report : callable, optional
            Given the trials done, all trials, None, and which one was done.
        """
        trials, space = self.trials, self.trials.space
        check_place(on, trials.parts)
        likeness = None if on == "1" else Likeness(trials.identities, trials.identities())
        began, end = time.monotonic(), time.monotonic() + seconds
        asked: dict[int, Any] = {}

        def proposals() -> Iterator[Trial]:
            study = self._open()
            self._give_up_lost(study)
            if self.usual() is None:
                yield Trial(0, {})
            numbers = {each["number"] for each in self.done}
            everything = list(space.everything()) if space.size <= count else []
            for number in range(1, int(min(count, space.size)) + 1):
                if number in numbers:
                    continue
                if time.monotonic() >= end:
                    return
                proposed = self._propose(study, number, everything, asked)
                if proposed is None:
                    return
                yield proposed

        with closing(run_all(trials.perform, proposals(), on, likeness)) as results:
            for trial, result in results:
                self._tell(trial, result, asked)
                if report is not None:
                    done, total = len(self.done), int(min(count, space.size))
                    spent = time.monotonic() - began
                    left = min(end - time.monotonic(), spent / max(done, 1) * (total - done))
                    report(done, total, max(left, 0.0), str(trial))

    def _propose(
        self, study: Any, number: int, everything: list[dict[str, Any]], asked: dict[int, Any]
    ) -> Trial | None:
        """Ask for settings that were not tried; None if there seem to be no others."""
        known = {tuple(each["settings"].items()): each["score"] for each in self.done}
        for attempt in range(_ATTEMPTS):
            with _quiet():
                stream = derive_generator(self.seed, "search", number, attempt)
                study.sampler = self._optuna.samplers.TPESampler(
                    seed=stream.integers(2**32).item(), n_startup_trials=_STARTUP,
                    multivariate=True, group=True, constant_liar=True,
                )  # fmt: skip
                if everything:  # few enough to try them all
                    study.enqueue_trial(everything[number - 1])
                trial = study.ask()
                texts = self.trials.space.suggest(trial)
            if tuple(texts.items()) not in known:
                trial.set_user_attr("number", number)
                trial.set_user_attr("texts", texts)
                asked[number] = trial
                return Trial(number, texts)
            self._end(study, trial, known[tuple(texts.items())])
        return None

    def _end(self, study: Any, trial: Any, score: float | None) -> None:
        if score is None:  # counts as worse than any score
            study.tell(trial, state=self._optuna.trial.TrialState.PRUNED)
        else:
            study.tell(trial, score)

    def _tell(self, trial: Trial, result: dict[str, Any], asked: dict[int, Any]) -> None:
        study = self._open()
        if trial.number == 0:
            study.set_user_attr("usual", result)
            return
        told = asked.pop(trial.number)
        told.set_user_attr("result", result)
        self._end(study, told, result["score"])

    def _give_up_lost(self, study: Any) -> None:
        """End the trials of a process that is no more; their numbers are done again."""
        state = self._optuna.trial.TrialState
        for trial in study.get_trials(deepcopy=False, states=(state.RUNNING,)):
            study.tell(trial.number, state=state.FAIL)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep to ourselves that options of the sampler are new: what they do is tested."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
