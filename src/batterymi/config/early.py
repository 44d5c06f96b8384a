"""What must agree where an objective has an early measurement, with costs."""

from collections.abc import Iterator, Sequence

from batterymi.config.campaign import Campaign
from batterymi.config.parts import Feature, Objective
from batterymi.spelling import did_you_mean

COLUMNS = ("measure", "measure_cost", "probability_better")
ENGINE = "gaussian_process"  # the only one that plans with early measurements


def find_early_problems(
    objectives: Sequence[Objective], features: Sequence[Feature], campaign: Campaign
) -> Iterator[str]:
    """Yield what is wrong with early measurements: of what, by which campaign, and at which costs."""
    known, inputs = {objective.name: objective for objective in objectives}, {feature.name for feature in features}
    costs: dict[str, float] = {}
    late = [objective for objective in objectives if objective.early is not None]
    for objective in late:
        assert objective.early is not None
        where, column = f"objectives: '{objective.name}': early.column", objective.early.column
        others = [name for name in known if name != objective.name]
        if column in inputs:
            yield f"{where}: '{column}' is a feature, which is known before any measurement; name an objective"
        elif column == objective.name:
            yield f"{where}: '{column}' is the objective itself; name the one that is measured earlier"
        elif column not in known:
            hint = f"; {did_you_mean(column, others)}" if others else ""
            yield f"{where}: '{column}' is not an objective; list it as one, with `goal: report` if it is no aim{hint}"
        elif known[column].early is not None:
            yield f"{where}: '{column}' has an early measurement itself; name that of lowest cost for both"
        if objective.goal == "report":
            yield f"objectives: '{objective.name}': early belongs to an objective that is optimised or has a limit"
        if costs.setdefault(column, objective.early.cost) != objective.early.cost:
            yield f"{where}: '{column}' costs {objective.early.cost:g} here and {costs[column]:g} elsewhere; give one"
        if any(other.window for other in objectives):
            yield f"objectives: '{objective.name}': early knows no targets; use objectives to maximise or minimise"
    for name in [column.name for column in (*objectives, *features) if late and column.name in COLUMNS]:
        yield f"'{name}' is a column of suggestions where there are early measurements; use another name"
    if late and campaign.mode != "experiment":
        other = "; evaluators of several costs are `campaign.fidelities`" if campaign.mode == "search" else ""
        yield f"objectives: '{late[0].name}': early needs `campaign.mode: experiment`, where you measure{other}"
    elif late and campaign.engine != ENGINE:
        yield f"campaign.engine: '{campaign.engine}' knows no early measurements with costs; use {ENGINE}"
