"""All interactive figures of a study, and the library that draws them in a browser."""

from batterymi.figures.interactive.base import Chart
from batterymi.figures.interactive.campaign import chart_campaign, chart_front
from batterymi.figures.interactive.model import chart_calibration, chart_importances, chart_parity
from batterymi.reporting.study_results import StudyResults

MODEL, TRUST, DRIVERS, CAMPAIGN = "model", "trust", "drivers", "campaign"


def draw_charts(results: StudyResults) -> dict[str, list[Chart]]:
    """Return the interactive figures of a study by the part of the page that they belong to."""
    objectives = results.study.objectives
    found: dict[str, list[Chart | None]] = {
        MODEL: [*(chart_parity(results, objective) for objective in objectives)],
        TRUST: [chart_calibration(results)],
        DRIVERS: [*(chart_importances(results, objective) for objective in objectives)],
        CAMPAIGN: [chart_campaign(results), chart_front(results)],
    }
    return {part: [chart for chart in charts if chart] for part, charts in found.items()}


def read_library() -> str:
    """Return the JavaScript that draws the figures, as plotly's package has it."""
    from plotly.offline import get_plotlyjs

    return str(get_plotlyjs())
