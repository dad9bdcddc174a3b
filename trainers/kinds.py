"""The kinds of data and models that Bakeoff brings: name, title, settings, where it is written."""

from __future__ import annotations

from typing import Literal

from trainers import configs

Modality = Literal["image", "text", "corpus", "pairs", "table", "sequence", "ratings"]
"""corpus: texts alone; pairs: texts to read and to write; sequence: rows of numbers over time."""

DATA_KINDS: tuple[tuple[str, str, type[configs.DataConfig], str, Modality], ...] = (
    (
        "digits",
        "Digits, 8 x 8 (bundled with scikit-learn)",
        configs.DigitsConfig,
        "images:read_digits",
        "image",
    ),
    (
        "mnist",
        "MNIST digits, 28 x 28, 5,000 examples",
        configs.MnistConfig,
        "images:read_mnist",
        "image",
    ),
    (
        "fashion_mnist",
        "Fashion-MNIST, 28 x 28, 70,000 examples",
        configs.FashionMnistConfig,
        "images:read_fashion_mnist",
        "image",
    ),
    (
        "textures",
        "Photographs of brick, grass and gravel",
        configs.TexturesConfig,
        "textures:read_textures",
        "image",
    ),
    (
        "image_folder",
        "Your images: a folder per class",
        configs.ImageFolderConfig,
        "folder:read_image_folder",
        "image",
    ),
    (
        "image_npz",
        "Your images: a NumPy archive like MedMNIST's",
        configs.ImageNpzConfig,
        "archive:read_image_npz",
        "image",
    ),
    (
        "reviews",
        "Chinese product reviews, good or bad",
        configs.ReviewsConfig,
        "texts:read_reviews",
        "text",
    ),
    (
        "text_csv",
        "Your texts: a CSV, TSV, JSON-lines or Parquet file",
        configs.TextCsvConfig,
        "texts:read_text_file",
        "text",
    ),
    (
        "text_files",
        "Your texts: plain text files without labels",
        configs.TextFilesConfig,
        "corpus:read_text_files",
        "corpus",
    ),
    (
        "pairs_csv",
        "Your texts to read and to write: a table of pairs",
        configs.PairsCsvConfig,
        "pairs:read_pairs",
        "pairs",
    ),
    (
        "pronunciations",
        "English words and how they are spoken",
        configs.PronunciationsConfig,
        "pairs:read_pronunciations",
        "pairs",
    ),
    (
        "table_csv",
        "Your table: a CSV, TSV, JSON-lines or Parquet file",
        configs.TableCsvConfig,
        "tables:read_table",
        "table",
    ),
    (
        "breast_cancer",
        "Tumours, benign or malignant (bundled with scikit-learn)",
        configs.BreastCancerConfig,
        "tables:read_breast_cancer",
        "table",
    ),
    (
        "diabetes",
        "Progress of diabetes (bundled with scikit-learn)",
        configs.DiabetesConfig,
        "tables:read_diabetes",
        "table",
    ),
    (
        "transactions_csv",
        "Your events by customer: fraud or not",
        configs.TransactionsCsvConfig,
        "events:read_transactions",
        "sequence",
    ),
    (
        "credit_clients",
        "Credit-card clients over six months",
        configs.CreditClientsConfig,
        "events:read_credit_clients",
        "sequence",
    ),
    (
        "synthetic_fraud",
        "Invented card payments with 0.5 % fraud",
        configs.SyntheticFraudConfig,
        "invented:read_synthetic_fraud",
        "sequence",
    ),
    (
        "series_csv",
        "Your time series",
        configs.SeriesCsvConfig,
        "series:read_series",
        "sequence",
    ),
    (
        "weather",
        "Seattle's weather: the next days' temperature",
        configs.WeatherConfig,
        "series:read_weather",
        "sequence",
    ),
    (
        "ratings_csv",
        "Your ratings: user, item, rating",
        configs.RatingsCsvConfig,
        "ratings:read_ratings",
        "ratings",
    ),
    (
        "movielens",
        "MovieLens, 100,000 ratings of films",
        configs.MovieLensConfig,
        "ratings:read_movielens",
        "ratings",
    ),
)
MODEL_KINDS: tuple[tuple[str, str, type[configs.ModelConfig], str, tuple[Modality, ...]], ...] = (
    ("cnn", "Convolutional network", configs.CnnConfig, "cnn:Cnn", ("image",)),
    (
        "multiscale",
        "Residual network with several scales",
        configs.MultiScaleConfig,
        "multiscale:MultiScale",
        ("image",),
    ),
    (
        "transfer",
        "Pretrained backbone, new head",
        configs.TransferConfig,
        "transfer:Transfer",
        ("image",),
    ),
    ("lstm", "LSTM", configs.LstmConfig, "lstm:Lstm", ("text", "sequence")),
    (
        "transformer",
        "Transformer encoder",
        configs.TransformerConfig,
        "transformer:Transformer",
        ("text", "sequence"),
    ),
    (
        "masked",
        "Transformer encoder that fills in hidden tokens (BERT)",
        configs.MaskedConfig,
        "masked:Masked",
        ("text", "corpus"),
    ),
    (
        "gpt",
        "Transformer that says what comes next (GPT)",
        configs.GptConfig,
        "gpt:Gpt",
        ("text", "corpus"),
    ),
    (
        "pretrained",
        "Text encoder from a Hugging Face checkpoint (BERT)",
        configs.PretrainedConfig,
        "pretrained:Pretrained",
        ("text",),
    ),
    (
        "pretrained_gpt",
        "GPT from a Hugging Face checkpoint",
        configs.PretrainedGptConfig,
        "pretrained:PretrainedGpt",
        ("text", "corpus"),
    ),
    (
        "seq2seq",
        "Transformer from text to text (T5)",
        configs.Seq2SeqConfig,
        "seq2seq:Seq2Seq",
        ("pairs",),
    ),
    ("mlp", "Dense layers for tables", configs.MlpConfig, "mlp:Mlp", ("table",)),
    (
        "recommender",
        "Matrix factorisation, plain or neural",
        configs.RecommenderConfig,
        "recommender:Recommender",
        ("ratings",),
    ),
)
