"""Spaces of listed designs with text in them, as formulas, which descriptors turn into numbers."""

from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import pandas as pd

from batterymi.arrays import Array
from batterymi.config.descriptors import list_described_columns
from batterymi.config.parts import Descriptor, Feature
from batterymi.config.slices.campaign import DesignSettings
from batterymi.errors import DesignError
from batterymi.features.formulas import identify_compositions
from batterymi.optimise.space.constraints import expand_derived
from batterymi.optimise.space.embedding import embed_descriptors
from batterymi.optimise.space.space import Space
from batterymi.vocabulary.splits import SPLIT, TRAIN


@dataclass(frozen=True)
class DescribedSpace(Space):
    """Listed designs, of which some columns are text.

    A column of text is a category, whose choices are the texts of the list and of the table; formulas of one
    composition are one choice. Models measure distances not between choices but in the principal components of what
    descriptors compute from them.

    Attributes:
        described: the columns of text of all rows and candidates, each combination once.
        descriptors: what is computed from them.
        formulas: those columns that hold formulas.
    """

    described: pd.DataFrame = field(default_factory=pd.DataFrame)
    descriptors: tuple[Descriptor, ...] = ()
    formulas: tuple[str, ...] = ()

    def codes(self, designs: pd.DataFrame) -> Array:
        """Encode designs as numbers; formulas by their composition, however they are written."""
        unified = {name: self._unify(name, designs[name]) for name in self.texts}
        return super().codes(designs.assign(**unified))

    def inputs(self, codes: Array) -> Array:
        """Encode designs for a model: numbers in units of the search range, and what descriptors say of the rest."""
        keep = [i for i, feature in enumerate(self.features) if feature.name not in self.texts]
        own = Space(tuple(self.features[i] for i in keep)).inputs(codes[:, keep])
        places = [self._places.get(tuple(row), -1) for row in codes[:, self._described_columns].tolist()]
        if -1 in places:
            raise DesignError("a design is neither in the list of candidates nor in the table")
        return np.hstack([own, self._embedding[places]])

    def distance(self, designs: pd.DataFrame, rows: pd.DataFrame) -> Array:
        """Return the distance of each design to the nearest row: root mean square over what models take."""
        here, there = self.inputs(self.codes(designs)), self.inputs(self.codes(rows))
        nearest = np.min(((here[:, None] - there[None]) ** 2).sum(axis=2), axis=1)
        return np.asarray(np.sqrt(nearest / max(here.shape[1], 1)))

    def relist(self, features: tuple[Feature, ...], designs: pd.DataFrame) -> "DescribedSpace":
        """Return the space with other designs to choose from, within other bounds, whatever the constraints."""
        free = replace(self, simplex=None, constraints=(), known=None, max_distance=None)
        return replace(free, features=features, candidates=designs)

    @cached_property
    def texts(self) -> list[str]:
        """Return the columns of text."""
        described = set(self.described)
        return [feature.name for feature in self.features if feature.choices and feature.name in described]

    @cached_property
    def _described_columns(self) -> list[int]:
        """Return the places of the features that descriptors take."""
        return [self.names.index(str(name)) for name in self.described]

    @cached_property
    def _embedding(self) -> Array:
        """Return the principal components of each combination that is described."""
        return embed_descriptors(self.described, self.descriptors)

    @cached_property
    def _places(self) -> dict[tuple[float, ...], int]:
        """Return the place of each combination, by its codes."""
        blank = pd.DataFrame({name: np.zeros(len(self.described)) for name in self.names if name not in self.described})
        codes = self.codes(pd.concat([self.described.reset_index(drop=True), blank], axis=1))
        places: dict[tuple[float, ...], int] = {}
        for place, row in enumerate(codes[:, self._described_columns].tolist()):
            places.setdefault(tuple(row), place)
        return places

    @cached_property
    def _first(self) -> dict[str, dict[object, str]]:
        """Return the first text of each composition, by column and composition."""
        found: dict[str, dict[object, str]] = {}
        for name in self.formulas:
            choices = self.features[self.names.index(name)].choices or ()
            for key, text in zip(identify_compositions(choices), choices, strict=True):
                found.setdefault(name, {}).setdefault(key, text)
        return found

    def _unify(self, name: str, texts: pd.Series) -> pd.Series:
        """Return texts with the first formula of each composition instead of others."""
        if name not in self.formulas or texts.empty:
            return texts.astype(str)
        unique = texts.astype(str).drop_duplicates()
        keys = identify_compositions(unique)
        first = {text: self._first[name].get(key, text) for text, key in zip(unique, keys, strict=True)}
        return texts.astype(str).map(first)


def make_described_space(settings: DesignSettings, table: pd.DataFrame, candidates: pd.DataFrame) -> DescribedSpace:
    """Make the space of a list of designs that descriptors describe.

    Args:
        settings: features, descriptors and constraints.
        table: the study's table.
        candidates: the list, with the columns of text.
    """
    descriptors, numbers = settings.primary_descriptors, {feature.name for feature in settings.designable}
    taken = list_described_columns(descriptors)
    names = [feature.name for feature in settings.designable]
    columns = [*names, *(name for name in taken if name not in names)]
    # the list first, so that its way of writing a formula is the one that suggestions and the ledger show
    known = pd.concat([candidates[columns], table[columns]], ignore_index=True)
    features = [set_bounds(feature, known) for feature in settings.designable]
    for name in taken:
        if name not in numbers:
            choices = tuple(dict.fromkeys(known[name].astype(str)))
            # a category has two choices at least; no cell can hold the second
            choices = choices if len(choices) > 1 else (*choices, "")
            features.append(Feature.model_construct(name=name, label=name, unit="1", choices=choices))
    spelt = [expand_derived(constraint, settings.derived) for constraint in settings.constraints]
    return DescribedSpace(
        tuple(features),
        settings.simplex,
        tuple(spelt),
        table[table[SPLIT] == TRAIN],
        settings.campaign.max_distance,
        candidates,
        described=known[list(taken)].drop_duplicates(ignore_index=True),
        descriptors=descriptors,
        formulas=tuple(name for name, is_formula in taken.items() if is_formula),
    )


def set_bounds(feature: Feature, known: pd.DataFrame) -> Feature:
    """Return a feature with bounds: its own, else those of the list and the table."""
    if feature.is_category or feature.range is not None:
        return feature
    values = known[feature.name].astype(float)
    low, high = float(values.min()), float(values.max())
    return feature.model_copy(update={"bounds": (low, high if high > low else low + 1.0)})
