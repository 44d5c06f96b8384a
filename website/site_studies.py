"""Pages of the site that are written from the results of a run: start, studies, gallery; and that of docstrings."""

import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2
from site_numbers import MEASURED, SUGGESTIONS, Run, quote
from site_pages import ROOT, Page, Section, SiteError, write_page

from batterymi.config.study import Study
from batterymi.reporting.report_cards import Card

HERE = Path(__file__).parent
# figures of each study, and what they show
CAPTIONS = {
    "study": "The figure of the study itself",
    "data": "Every objective over every feature",
    "parity": "Predictions of held-out rows over what is known of them",
    "importances": "How much the held-out error grows when a feature is taken from another row",
    "validation": "How often intervals cover, and errors over the distance to the rows",
    "convergence": "The campaign beside random search from the same starts",
}
MISSING = (
    "There were no results when this site was built, so that no number is shown. `make` runs all studies, offline and "
    "in minutes; `make site` after it puts their numbers and figures here."
)
# classes and functions that documents tell users to import
OBJECTS = (
    (
        "Study",
        "A study in five steps, from a table to the next batch.",
        (
            ("autoclass", "batterymi.Study"),
            ("autoclass", "batterymi.notebook.guidance.Guidance"),
            ("autoclass", "batterymi.notebook.study.Checked"),
            ("autoclass", "batterymi.notebook.fit.Fit"),
            ("autofunction", "batterymi.notebook.convert.save_as_csv"),
        ),
    ),
    (
        "Errors",
        "All that a user's mistake can raise derives from the first.",
        (
            ("autoexception", "batterymi.errors.BatteryMIError"),
            ("autoexception", "batterymi.errors.ConfigError"),
            ("autoexception", "batterymi.errors.TableError"),
            ("autoexception", "batterymi.errors.DesignError"),
            ("autoexception", "batterymi.errors.OutputError"),
            ("autoexception", "batterymi.errors.DamagedFileError"),
        ),
    ),
    (
        "Charging",
        "[Simulate a charge](../how-to/simulate-a-charge.md) uses them.",
        (
            ("autoclass", "batterymi.charging.simulator.ChargingSimulator"),
            ("autoclass", "batterymi.charging.protocols.CCCV"),
            ("autoclass", "batterymi.charging.state.Start"),
        ),
    ),
    (
        "Cells and costs",
        "[Cell calculators](cell-calculators.md) uses them.",
        (
            ("autofunction", "batterymi.costing.inputs.load_inputs"),
            ("autofunction", "batterymi.costing.inputs.load_prices"),
            ("autofunction", "batterymi.costing.cells.make_design"),
            ("autofunction", "batterymi.costing.cells.compute_cell"),
            ("autofunction", "batterymi.costing.cells.find_electrolyte_ratio"),
            ("autofunction", "batterymi.costing.stack.compute_stack"),
            ("autofunction", "batterymi.costing.prices.compare_costs"),
            ("autofunction", "batterymi.costing.driving.compute_pack"),
            ("autofunction", "batterymi.costing.driving.compute_charged_range"),
        ),
    ),
)


@dataclass(frozen=True)
class StudyPages:
    """What the pages of the studies are made of.

    Attributes:
        studies: the shipped studies that have a page, by name, in the order of the chapter.
        run: whose numbers are shown; None where there is none.
    """

    studies: Mapping[str, Study]
    run: Run | None

    @property
    def titles(self) -> dict[str, str]:
        """Return the title of each study."""
        return {name: study.title for name, study in self.studies.items()}

    def write(self, folder: Path, sections: Sequence[Section]) -> None:
        """Write all pages and copy their figures.

        Args:
            folder: that Sphinx reads.
            sections: of the index of documents.

        Raises:
            SiteError: if a number or a figure is missing.
        """
        common = {"studies": self.titles, "run": self.run, "missing": MISSING, "quote": quote}
        for name in self.studies:
            write_page(folder / f"docs/studies/{name}.md", self._render_study(name))
            config = folder / f"config/studies/{name}.yaml"
            config.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / f"config/studies/{name}.yaml", config)
        navigation = list_navigation(sections)
        write_page(folder / "index.md", render("index.md.j2", **common, navigation=navigation))
        write_page(folder / "docs/studies/index.md", render("studies.md.j2", **common))
        images = find_images(folder)
        write_page(folder / "docs/gallery.md", render("gallery.md.j2", **common, captions=CAPTIONS, images=images))
        self._copy_figures(folder / "_extra/figures")

    def _render_study(self, name: str) -> str:
        """Return the page of a study."""
        run = self.run
        card = run.cards.get(name) if run else None
        partner = f"{name}{MEASURED}"
        measured = run.cards.get(partner) if run else None

        def show_findings(part: str, of: Card | None = card) -> str:
            assert run is not None
            assert of is not None
            lines = [finding for group in run.report.list_findings(of, part) for finding in group]
            rows = [f"| {quote(line.heading)} | {run.show(f'{of.name}.{line.column}')} |" for line in lines]
            return "\n".join(["| | |", "|---|---|", *rows]) if rows else ""

        def show_figure(figure: str, text: str) -> str:
            path = f"../../figures/{name}/{figure}.svg"
            alt = f"{self.studies[name].title}: {text}"
            return (
                f'<figure><a href="{path}"><img src="{path}" alt="{alt}"></a><figcaption>{text}</figcaption></figure>'
            )

        shown: dict[str, Any] = {"claims": []}
        if run and card:
            columns = run.suggested[name]
            count = sum(run.texts.get(f"{name}.suggestions.{n}.0") is not None for n in range(SUGGESTIONS))
            rows = [[run.show(f"{name}.suggestions.{n}.{k}") for k in range(len(columns))] for n in range(count)]
            shown = {
                "n": lambda column: run.show(f"{name}.{column}"),
                "c": lambda claim, heading: run.show(f"claims.{claim}.{heading}"),
                "suggested": columns,
                "suggestions": rows,
                "claims": run.list_claims(name) if run.claims is not None else [],
            }
        return render(
            f"{name}.md.j2",
            name=name,
            title=self.studies[name].title,
            card=card,
            measured=measured,
            missing=MISSING,
            quote=quote,
            findings=show_findings,
            figure=show_figure,
            captions=CAPTIONS,
            **shown,
        )

    def _copy_figures(self, folder: Path) -> None:
        """Copy the figures of the run and those of documents into the folder that the site has as it is."""
        shutil.copytree(ROOT / "docs/images", folder / "docs")
        run = self.run
        if run is None:
            return
        for name in [name for name in self.studies if name in run.cards]:
            (folder / name).mkdir(parents=True)
            for figure in CAPTIONS:
                source = run.folder / name / "figures" / f"{figure}.svg"
                if not source.is_file():
                    raise SiteError(f"{source}: there is no such file; 'make run' draws it")
                shutil.copyfile(source, folder / name / source.name)


def list_navigation(sections: Sequence[Section]) -> list[tuple[str, str]]:
    """Return titles and pages of the site's navigation, in order."""
    kinds = {section.title: (section.title, f"docs/{section.folder}/index") for section in sections}
    before = [kinds.pop(title) for title in list(kinds) if title not in ("Results", "Decisions")]
    studies = [("Studies", "docs/studies/index"), ("Gallery", "docs/gallery")]
    rest = [("Contributing", "CONTRIBUTING"), ("Changes", "CHANGELOG"), ("All documents", "docs/README")]
    return [*before[:2], studies[0], *before[2:], *kinds.values(), studies[1], *rest]


def list_generated() -> dict[str, list[Page]]:
    """Return the pages that only the site has, by the folder of the section that they belong to."""
    return {
        "reference": [
            Page(
                Path("docs/reference/command-line.md"), "Command line", "every command and option, and targets of make."
            ),
            Page(
                Path("docs/reference/docstrings.md"), "Classes and functions", "the Python interface, from docstrings."
            ),
        ]
    }


def find_images(folder: Path) -> dict[str, tuple[str, str]]:
    """Return the page and the alternative text of each image of documents, by its name.

    Args:
        folder: that Sphinx reads, with the pages.
    """
    found: dict[str, tuple[str, str]] = {}
    for path in sorted((folder / "docs").rglob("*.md")):
        for text, link in re.findall(r"!\[([^\]]*)\]\(([^)\s]+)\)", path.read_text(encoding="utf-8")):
            page = path.relative_to(folder / "docs").with_suffix(".html").as_posix()
            found.setdefault(Path(link).name, (page, text))
    return found


def write_docstrings() -> str:
    """Return the page of classes and functions, whose content Sphinx takes from docstrings."""
    parts = [
        (heading, text, "\n\n".join(_write_directive(kind, name) for kind, name in names))
        for heading, text, names in OBJECTS
    ]
    return render("docstrings.md.j2", parts=parts)


def _write_directive(kind: str, name: str) -> str:
    """Return the directive for an object."""
    options = {"autoclass": "   :members:", "autoexception": "   :show-inheritance:"}.get(kind)
    return "\n".join(filter(None, [f".. {kind}:: {name}", options]))


def render(template: str, **values: Any) -> str:
    """Return a page; a name that is not known raises an error."""
    loader = jinja2.FileSystemLoader([HERE / "templates", HERE / "stories"])
    # Markdown: texts of results are quoted by their own filter
    environment = jinja2.Environment(  # noqa: S701
        loader=loader,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quote"] = quote
    return environment.get_template(template).render(**values)
