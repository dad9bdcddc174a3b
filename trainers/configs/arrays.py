"""The settings of tables, sequences of events, time series and ratings."""

from __future__ import annotations

from typing import Literal

from trainers.configs.base import DataConfig, FileDataConfig, LabelledFileConfig
from trainers.fields import number, option


class TableCsvConfig(LabelledFileConfig):
    """A table of the user's own: numbers are normalised, words become categories."""

    kind: str = "table_csv"
    task: Literal["auto", "classes", "numbers"] = option(
        "auto", text="Predict a class or a number; auto takes many different numbers for numbers."
    )
    id_column: str | None = option(None, text="Column that names the example; else its line.")
    ignore_columns: tuple[str, ...] = option((), text="Columns to leave out.")
    group_column: str | None = option(
        None, text="Rows with the same value stay in one split (a customer, a patient)."
    )
    slice_columns: tuple[str, ...] = option(
        (), text="Columns by which results can be looked at in parts."
    )


class BreastCancerConfig(DataConfig):
    """569 tumours, benign or malignant, 30 measurements each; part of scikit-learn."""

    kind: str = "breast_cancer"


class DiabetesConfig(DataConfig):
    """442 patients, progress of diabetes after a year, 10 measurements; part of scikit-learn."""

    kind: str = "diabetes"


class TransactionsCsvConfig(FileDataConfig):
    """One event a row: sequences by customer, in the order of time, fraud or not."""

    kind: str = "transactions_csv"
    customer_column: str = option("customer", text="Column that says whose event it is.")
    time_column: str = option("time", text="Column to order a customer's events by.")
    label_column: str = option("label", text="Column with 1 for what is to be found, else 0.")
    ignore_columns: tuple[str, ...] = option((), text="Columns to leave out.")
    max_length: int = number(
        16, ge=1, le=4096, unit="events", text="Latest events looked at, the judged one included."
    )


class CreditClientsConfig(DataConfig):
    """30,000 credit-card clients over six months; who does not pay next month (22 %)."""

    kind: str = "credit_clients"


class SyntheticFraudConfig(DataConfig):
    """Invented card payments with 0.5 % invented fraud: for trying things out, never for a claim."""

    kind: str = "synthetic_fraud"
    num_customers: int = number(2000, ge=50, le=1_000_000, text="Customers to invent.")
    fraud_share: float = number(
        0.005, ge=0.001, le=0.5, unit="share", text="Events that are fraud."
    )
    max_length: int = number(16, ge=2, le=256, unit="events", text="Latest events looked at.")


class SeriesDataConfig(DataConfig):
    """What all time series have: how far back is looked, how far ahead is predicted."""

    window: int = number(
        28, ge=1, le=10_000, unit="steps", text="Past values looked at.", tunable=(14, 56)
    )
    horizon: int = number(7, ge=1, le=1000, unit="steps", text="Future values predicted.")


class SeriesCsvConfig(SeriesDataConfig, FileDataConfig):
    """A time series of the user's own, one row a time step; the last part is the test."""

    kind: str = "series_csv"
    time_column: str = option("time", text="Column to order the rows by.")
    target_column: str = option("value", text="Column to predict.")
    ignore_columns: tuple[str, ...] = option((), text="Columns to leave out.")


class WeatherConfig(SeriesDataConfig):
    """Seattle's daily weather 2012 to 2015: the maximum temperature of the next days."""

    kind: str = "weather"


class RatingsCsvConfig(FileDataConfig):
    """Who rated what how: a user, an item and a rating a row, perhaps a time."""

    kind: str = "ratings_csv"
    user_column: str = option("user", text="Column that names the user.")
    item_column: str = option("item", text="Column that names the item.")
    rating_column: str = option("rating", text="Column that holds the rating.")
    time_column: str | None = option(
        None, text="With a time, everybody's latest ratings are the test; else random ones."
    )


class MovieLensConfig(DataConfig):
    """100,000 ratings of 1,682 films by 943 people, 1997-98 (research use; package recbole)."""

    kind: str = "movielens"
