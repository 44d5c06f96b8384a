"""What a screen and its study must agree on: the columns that a model needs, and those that candidates have."""

from collections.abc import Iterable, Mapping, Sequence

from batterymi.config.parts import Descriptor, Feature, Name, Objective, Strict
from batterymi.config.screen import (
    CHANCE,
    COMPOSITION_COLUMNS,
    OWN_COLUMNS,
    PREDICTED,
    CandidatesSource,
    ElectrodesSource,
    FileSource,
    Screen,
)
from batterymi.spelling import did_you_mean
from batterymi.vocabulary.arguments import FORMULAS, STRUCTURES
from batterymi.vocabulary.electrodes import ELECTRODE_COLUMNS

DEFAULT = "formula"  # column of candidates, where the settings name none


class ScreenedColumns(Strict):
    """The columns of text that the model of a screen takes.

    Attributes:
        listed: the column of the candidates' file with the formula that the screen lists.
        own: columns of the model that are this formula.
        formulas: further columns of formulas, which candidates have under the same names.
        texts: columns of other text.
    """

    listed: Name = DEFAULT
    own: tuple[Name, ...] = ()
    formulas: tuple[Name, ...] = ()
    texts: tuple[Name, ...] = ()

    @classmethod
    def choose(
        cls, screen: Screen | None, features: Iterable[Feature], descriptors: Iterable[Descriptor]
    ) -> "ScreenedColumns":
        """Return the columns that the model of a screen takes, by its features and descriptors.

        A single column of formulas may have any name among the candidates; of several, each has its own.
        """
        named = getattr(screen.source, "formula_column", None) if screen else None
        numbers = {feature.name for feature in features}
        taken = {column: argument in FORMULAS for d in descriptors for argument, column in d.columns.items()}
        texts = {column: is_formula for column, is_formula in taken.items() if column not in numbers}
        formulas = [column for column, is_formula in texts.items() if is_formula]
        others = tuple(column for column, is_formula in texts.items() if not is_formula)
        if len(formulas) < 2:
            return cls(listed=named or DEFAULT, own=tuple(formulas), texts=others)
        listed = named or (DEFAULT if DEFAULT in formulas else formulas[0])
        further = tuple(column for column in formulas if column != listed)
        own = (listed,) if listed in formulas else ()
        return cls(listed=listed, own=own, formulas=further, texts=others)


def find_screen_problems(
    screen: Screen,
    variants: Mapping[str, Sequence[Feature]],
    descriptors: Sequence[Descriptor],
    objectives: Sequence[Objective],
) -> Iterable[str]:
    """Yield problems with columns that the screen's model needs and its candidates lack, and with its order.

    Args:
        screen: the screen.
        variants: features of each variant of the study.
        descriptors: of the screen's variant.
        objectives: of the study; the first that is optimised is predicted.
    """
    target = next((objective for objective in objectives if objective.is_optimised), None)
    if screen.needs_threshold and target is not None and target.threshold is None:
        yield (
            f"screen: '{CHANCE}' is the probability that {target.name} lies beyond a threshold, and it has none; add "
            "`threshold:` and a value to that objective"
        )
    if screen.times and target is not None and target.window:
        yield f"screen.times: {target.name} has a target, which a product with '{screen.times}' does not; leave it out"
    source, variant = screen.source, screen.variant
    if variant not in variants:
        yield f"screen.variant: '{variant}' is not a variant; {did_you_mean(variant, list(variants))}"
        return
    is_known = not isinstance(source, FileSource | CandidatesSource)
    more = tuple(ELECTRODE_COLUMNS) if isinstance(source, ElectrodesSource) else ()
    has = (*(COMPOSITION_COLUMNS if source.dataset else ()), *more) if is_known else None
    for feature in variants[variant]:
        if feature.is_category:
            yield f"screen: the variant '{variant}' takes the category '{feature.name}'; candidates have none"
        elif has is not None and feature.name not in has:
            yield f"screen: the variant '{variant}' takes '{feature.name}', which {source.name} does not have"
        elif feature.name in (*OWN_COLUMNS, *PREDICTED, getattr(source, "formula_column", None)):
            yield f"screen: the feature '{feature.name}' has the name of a column that the screen adds; rename it"
    columns = ScreenedColumns.choose(screen, variants[variant], descriptors)
    further = (*columns.formulas, *columns.texts)
    for descriptor in descriptors if not isinstance(source, FileSource) else ():
        for argument, column in descriptor.columns.items():
            # every candidate has one formula; other arguments must be columns of the candidates
            if column in further and column not in getattr(source, "columns", ()):
                yield (
                    f"screen: the variant '{variant}' takes the descriptor '{descriptor.name}', whose "
                    f"'{argument}' ({column}) candidates of {source.name} do not have; name an ablation that drops it"
                )
    for descriptor in descriptors:
        for column in (column for argument, column in descriptor.columns.items() if argument in STRUCTURES):
            yield f"screen: '{descriptor.name}' takes CIF files ({column}), which a screen does not read; drop it"
    for column in further:
        if isinstance(source, FileSource) and column in (*OWN_COLUMNS, *PREDICTED):
            yield f"screen: the column '{column}' has the name of a column that the screen adds; rename it"
