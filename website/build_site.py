"""Build the documents as a site with search and navigation, which reads from disk and from a server alike.

    make site
    PYTHONPATH=build/site_packages .venv/bin/python website/build_site.py [results] [site]

Fails if a link leads nowhere, if a page or a number is stale, or if Sphinx warns of anything.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from site_check import check_site
from site_numbers import read_run
from site_pages import ROOT, SiteError, stage_pages, write_page, write_section
from site_reference import check_generated, write_commands
from site_studies import StudyPages, list_generated, write_docstrings

from batterymi.config.load import load_config, load_studies, read_yaml

HERE = Path(__file__).resolve().parent
EDITION = "textbook"  # of the studies that have a page


def build_site(results: Path, site: Path, source: Path) -> None:
    """Build the site.

    Args:
        results: of the run whose numbers it shows; it may have none.
        site: folder for the HTML.
        source: folder for what Sphinx reads.

    Raises:
        SiteError: if anything is missing, stale or broken.
    """
    check_generated()
    stage_site(results, source)
    run_sphinx(source, site)
    # read again, so that the check does not rest on what the pages were written from
    run = read_run(results)
    if faults := check_site(site, run.texts if run else {}):
        raise SiteError("\n".join(faults))


def stage_site(results: Path, source: Path) -> None:
    """Write all that Sphinx reads: pages of the repository, generated ones, settings, style and figures."""
    shutil.rmtree(source, ignore_errors=True)
    source.mkdir(parents=True)
    shutil.copyfile(HERE / "conf.py", source / "conf.py")
    shutil.copytree(HERE / "static", source / "_static")
    sections = stage_pages(source)
    write_page(source / "docs/reference/command-line.md", write_commands())
    write_page(source / "docs/reference/docstrings.md", write_docstrings())
    more = list_generated()
    for section in sections:
        write_section(source, section, more.get(section.folder, []))
    studies, _ = load_studies(load_config(read_yaml(ROOT / "config/config.yaml")))
    shown = {name: study for name, study in studies.items() if study.edition == EDITION}
    StudyPages(shown, read_run(results)).write(source, sections)


def run_sphinx(source: Path, site: Path) -> None:
    """Build the HTML; any warning is an error.

    Raises:
        SiteError: if Sphinx fails or warns.
    """
    shutil.rmtree(site, ignore_errors=True)
    options = ["-b", "html", "--fail-on-warning", "--keep-going", "--quiet", "-d", str(source.parent / "doctrees")]
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *options, str(source), str(site)],
        cwd=ROOT,
        env={**os.environ, "PYBAMM_DISABLE_TELEMETRY": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SiteError(f"Sphinx:\n{done.stderr.strip()[-4000:]}")


def main(results: str = "results", site: str = "build/site") -> int:
    """Build the site of a clone, and return the exit status."""
    os.chdir(ROOT)
    try:
        build_site(Path(results), Path(site), Path("build/site_source"))
    except SiteError as error:
        sys.stderr.write(f"{error}\nthe site was not built\n")
        return 1
    sys.stdout.write(f"{len(list(Path(site).rglob('*.html')))} pages: {Path(site).resolve() / 'index.html'}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
