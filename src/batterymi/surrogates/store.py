"""Model files: written with skops, which holds no code, and the same bytes for the same models."""

import io
import json
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer

from batterymi import registry
from batterymi.arrays import Array
from batterymi.config.parts import Descriptor
from batterymi.errors import BatteryMIError, DamagedFileError, TableError
from batterymi.features.descriptors import compute_descriptors
from batterymi.files import PathLike, check_content, write_bytes
from batterymi.lean_imports import leave_out
from batterymi.surrogates.model import Model, find_model, restore_model
from batterymi.surrogates.widening import Widening

MAX_MEMBERS, MAX_BYTES, MAX_SCHEMA = 200_000, 2_000_000_000, 100_000_000
SCHEMA, ARRAY, MAGIC = "schema.json", re.compile(r"\d+\.npy"), b"\x93NUMPY"
EPOCH = (1980, 1, 1, 0, 0, 0)
ENCODERS = frozenset({"numpy.nan_to_num"})  # functions, beside those that skops trusts, that encoders call


@dataclass(frozen=True)
class StoredModel:
    """A selected model, refitted on all rows.

    Attributes:
        variant: the features it was given, by name of the variant.
        objective: what it predicts.
        features: columns it needs.
        categories: those of the columns that are not numbers.
        descriptors: settings of the features that are computed from columns.
        fitted: the model itself.
        half_width_per_spread: half width of a 95 % interval where the spread is 1, near what the model learned from.
        widening: by how much intervals are wider farther away.
        errors: observed - predicted over the spread of rows that were held out, in order, shape (n,).
    """

    variant: str
    objective: str
    features: list[str]
    categories: list[str]
    descriptors: list[dict[str, Any]]
    fitted: Model
    half_width_per_spread: float
    widening: Widening
    errors: Array = field(default_factory=lambda: np.empty(0))

    def predict(self, designs: pd.DataFrame) -> tuple[Array, Array]:
        """Predict designs, with half widths of 95 % intervals.

        Args:
            designs: one row per design, with the model's features among the columns.

        Returns:
            Two arrays of shape (n_designs,).
        """
        mean, spread = self.predict_spread(designs)
        return mean, self.half_width_per_spread * spread

    def predict_spread(self, designs: pd.DataFrame) -> tuple[Array, Array]:
        """Return means and spreads of designs, widened with the distance; each of shape (n_designs,)."""
        frame = self.frame(designs)
        mean, spread = self.fitted.predict(frame)
        if not (self.widening.widens and len(frame)):
            return mean, spread
        factors = [self.widening.compute_factors(rows) for rows in self.fitted.encode_chunks(frame)]
        return mean, spread * np.concatenate(factors)

    def frame(self, designs: pd.DataFrame) -> pd.DataFrame:
        """Return the columns that the model takes, computed ones included, shape (n_designs, n_columns)."""
        kinds = {name: object if name in self.categories else float for name in self.features}
        parts = [designs[self.features].astype(kinds)]
        if self.descriptors:
            computed = compute_descriptors(designs, [Descriptor(**descriptor) for descriptor in self.descriptors])
            parts += list(computed.values())
        return pd.concat(parts, axis=1)


def _import_skops() -> Any:
    """Return the module `skops.io`.

    It imports all packages of scikit-learn to list estimators, and one without any imports PyTorch, which takes more
    than a second and 180 MB.
    """
    with leave_out("sklearn.externals.array_api_compat.torch"):
        return import_module("skops.io")


def save_models(path: PathLike, models: Sequence[StoredModel]) -> None:
    """Write models to a skops file."""
    skops_io = _import_skops()
    content = [vars(model) | {"fitted": model.fitted.export(), "widening": model.widening.export()} for model in models]
    write_bytes(path, _normalise_archive(skops_io.dumps(content)))


def load_models(path: PathLike) -> list[StoredModel]:
    """Read a model file, refusing any type that our models are not made of.

    Raises:
        DamagedFileError: if the file is not what was written there, or no model file of this workflow.
        TableError: if it holds types that could run code, or unpacks to more than any model.
    """
    skops_io = _import_skops()
    check_content(path)
    try:
        _check_archive(path)
        trusted = {name for model in registry.list_names("model") for name in find_model(model).trusted} | ENCODERS
        untrusted = set(skops_io.get_untrusted_types(file=path)) - trusted
        if untrusted:
            raise TableError(f"{path}: refused: it holds {', '.join(sorted(untrusted))}")
        content = skops_io.load(path, trusted=sorted(trusted))
        return [_restore_checked(fields) for fields in content]
    except FileNotFoundError:
        raise DamagedFileError(path, "there is no such file") from None
    except BatteryMIError:
        raise
    except Exception as error:  # whatever a library raises, this workflow did not write the file
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise DamagedFileError(path, f"not a model file of this workflow ({reason})") from error


def find_stored(path: PathLike, variant: str, objective: str) -> StoredModel:
    """Read the model of a variant and an objective.

    Raises:
        DamagedFileError: if the file has none.
    """
    stored = [model for model in load_models(path) if (model.variant, model.objective) == (variant, objective)]
    if not stored:
        raise DamagedFileError(path, f"it has no model of {objective} for the variant {variant}")
    return stored[0]


def _check_archive(path: PathLike) -> None:
    """Refuse an archive that is larger than any model, or holds more than a schema and plain arrays.

    An archive within the archive would unpack to sizes of which the table of contents says nothing; skops opens one
    for sparse matrices, which our models have none of. Nothing is ever unpacked to a file, and of a member no more is
    read than the table says.
    """
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        # before any member is opened: a small archive may unpack to any size
        _check_extent(path, members)
        for member in members:
            if not _is_allowed_member(archive, member):
                raise TableError(
                    f"{path}: refused: it holds '{member.filename}'; a model is {SCHEMA} and arrays of numbers, "
                    "<number>.npy"
                )


def _check_extent(path: PathLike, members: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse what unpacks to more than any model holds."""
    total, schema = sum(m.file_size for m in members), sum(m.file_size for m in members if m.filename == SCHEMA)
    if len(members) > MAX_MEMBERS or total > MAX_BYTES or schema > MAX_SCHEMA:
        raise TableError(
            f"{path}: refused: it unpacks to {len(members)} members of {total / 1e6:.0f} MB altogether, {SCHEMA} of "
            f"{schema / 1e6:.0f} MB; at most {MAX_MEMBERS}, {MAX_BYTES / 1e6:.0f} MB and {MAX_SCHEMA / 1e6:.0f} MB "
            "are read"
        )


def _is_allowed_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bool:
    """Return whether a member is the schema, or by its name and its first bytes an array."""
    if member.filename == SCHEMA:
        return True
    with archive.open(member) as stream:
        # an archive within the archive could carry the name of an array, so its first bytes count too
        return ARRAY.fullmatch(member.filename) is not None and stream.read(len(MAGIC)) == MAGIC


def _restore_checked(fields: Any) -> StoredModel:
    """Return a model from its fields, each of its kind."""
    parts = {"fitted": restore_model(fields["fitted"]), "widening": Widening.restore(fields["widening"])}
    model = StoredModel(**{**fields, **parts})
    texts = (model.variant, model.objective, *model.features, *model.categories)
    is_right = isinstance(model.fitted.encoder, ColumnTransformer) and isinstance(model.errors, np.ndarray)
    if not (is_right and all(isinstance(text, str) for text in texts)):
        raise TypeError("a model's fields do not have the expected types")
    return model


def _normalise_archive(data: bytes) -> bytes:
    """Give a skops archive the same bytes on every run.

    skops names objects after their address in memory and dates its entries; both change from run to run and mean
    nothing afterwards.
    """
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    schema = entries.pop("schema.json").decode("utf-8")
    numbers: dict[str, str] = {}

    def number(match: re.Match[str]) -> str:
        return match[1] + numbers.setdefault(match[2], str(len(numbers))) + match[3]

    schema = re.sub(r'("__id__": )(\d+)()', number, schema)
    schema = re.sub(r'("file": ")(\d+)(\.\w+")', number, schema)
    renamed = {re.sub(r"^()(\d+)(\.\w+)$", number, name): content for name, content in entries.items()}
    # a substitution that broke the schema must fail here, not when the model is read
    json.loads(schema)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        # the order of entries is part of the bytes
        for name, content in sorted({**renamed, "schema.json": schema.encode()}.items()):
            # an entry must have a date; 1980 is the earliest that the format knows
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, content)
    return buffer.getvalue()
