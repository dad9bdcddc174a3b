"""The settings of the built-in data, models and training. Light: forms and searches import it."""

from trainers.configs.arrays import (
    BreastCancerConfig,
    CreditClientsConfig,
    DiabetesConfig,
    MovieLensConfig,
    RatingsCsvConfig,
    SeriesCsvConfig,
    SyntheticFraudConfig,
    TableCsvConfig,
    TransactionsCsvConfig,
    WeatherConfig,
)
from trainers.configs.base import DataConfig, ModelConfig
from trainers.configs.images import (
    DigitsConfig,
    FashionMnistConfig,
    ImageDataConfig,
    ImageFolderConfig,
    ImageNpzConfig,
    MnistConfig,
    TexturesConfig,
)
from trainers.configs.models import (
    CnnConfig,
    LstmConfig,
    MlpConfig,
    MultiScaleConfig,
    RecommenderConfig,
    TransferConfig,
    TransformerConfig,
)
from trainers.configs.pretrained import PretrainedConfig, PretrainedGptConfig
from trainers.configs.texts import (
    MovieReviewsConfig,
    PairsCsvConfig,
    PronunciationsConfig,
    ReviewsConfig,
    TextCsvConfig,
    TextDataConfig,
    TextFilesConfig,
)
from trainers.configs.training import TrainingConfig
from trainers.configs.writers import GptConfig, MaskedConfig, Seq2SeqConfig

__all__ = [
    "BreastCancerConfig",
    "CnnConfig",
    "CreditClientsConfig",
    "DataConfig",
    "DiabetesConfig",
    "DigitsConfig",
    "FashionMnistConfig",
    "GptConfig",
    "ImageDataConfig",
    "ImageFolderConfig",
    "ImageNpzConfig",
    "LstmConfig",
    "MaskedConfig",
    "MlpConfig",
    "MnistConfig",
    "ModelConfig",
    "MovieLensConfig",
    "MovieReviewsConfig",
    "MultiScaleConfig",
    "PairsCsvConfig",
    "PretrainedConfig",
    "PretrainedGptConfig",
    "PronunciationsConfig",
    "RatingsCsvConfig",
    "RecommenderConfig",
    "ReviewsConfig",
    "Seq2SeqConfig",
    "SeriesCsvConfig",
    "SyntheticFraudConfig",
    "TableCsvConfig",
    "TextCsvConfig",
    "TextDataConfig",
    "TextFilesConfig",
    "TexturesConfig",
    "TrainingConfig",
    "TransactionsCsvConfig",
    "TransferConfig",
    "TransformerConfig",
    "WeatherConfig",
]
