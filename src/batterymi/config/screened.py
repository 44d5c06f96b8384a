"""What a screen and its study must agree on: the columns that a model needs, and those that candidates have."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from batterymi.config.screen import COMPOSITION_COLUMNS, OWN_COLUMNS, PREDICTED, CandidatesSource, FileSource
from batterymi.spelling import did_you_mean

if TYPE_CHECKING:
    from batterymi.config.study import Study


def find_screen_problems(study: "Study") -> Iterable[str]:
    """Yield problems with columns that the screen's model needs and its candidates lack."""
    if study.screen is None:
        return
    source, variant = study.screen.source, study.screen.variant
    if variant not in study.variants:
        yield f"screen.variant: '{variant}' is not a variant; {did_you_mean(variant, list(study.variants))}"
        return
    is_known = not isinstance(source, FileSource | CandidatesSource)
    has = (COMPOSITION_COLUMNS if source.dataset else ()) if is_known else None
    for feature in study.variants[variant]:
        if feature.is_category:
            yield f"screen: the variant '{variant}' takes the category '{feature.name}'; candidates have none"
        elif has is not None and feature.name not in has:
            yield f"screen: the variant '{variant}' takes '{feature.name}', which {source.name} does not have"
        elif feature.name in (*OWN_COLUMNS, *PREDICTED, getattr(source, "formula_column", None)):
            yield f"screen: the feature '{feature.name}' has the name of a column that the screen adds; rename it"
    for descriptor in study.list_descriptors(variant):
        for argument, column in descriptor.columns.items():
            # every candidate has a formula; other arguments must be columns of the candidates
            if argument != "formula" and column not in study.screened_features:
                yield (
                    f"screen: the variant '{variant}' takes the descriptor '{descriptor.name}', whose "
                    f"'{argument}' candidates do not have; name an ablation that drops it"
                )
