"""Rows below a table that are no samples: statistics, known by a word or by their numbers, and notes."""

import re
from collections.abc import Sequence

import numpy as np

from batterymi.arrays import Array
from batterymi.data.cells import BEGINS_AS_NUMBER, EMPTY, LIMIT, parse_cell
from batterymi.data.grids import Grid

STATISTICS = re.compile(
    r"(?:arithmetic |arithm\. |relative |rel\. |sample |overall |grand |geometric |arith\. )?"
    r"(?:mean|average|avg|median|std|std?\.? ?dev|stdev|stddev|standard deviation|standard error|std\.? ?err(?:or)?|"
    r"sem|s\.?d|s\.?e\.?m|%?\s?rsd|cv|variance|var|min(?:imum)?|max(?:imum)?|sum|total|count|mittelwert|mittel|mw|"
    r"medianwert|stabwn?|std\.?[- ]?abw|standardabw(?:eichung)?|varianz|durchschnitt|summe|anzahl|streuung|"
    r"moyenne|moy|[ée]cart[- ]type|m[ée]diane|somme|effectif|media|m[ée]dia|promedio|desv(?:iaci[oó]n)?|"
    r"desv(?:iaci[oó]n)?\.? est(?:\.|[aá]ndar)?|"
    r"desvio(?: padr[aã]o)?|deviazione(?: standard)?|dev\.? ?st(?:d|andard)?|varianza|mediana|m[ií]nimo|m[aá]ximo|"
    r"massimo|gemiddelde|standaardafwijking|[sś]rednia|odchylenie(?: standardowe)?|odch\. ?std|medelv[äa]rde|"
    r"standardavvikelse|middelv[æe]rdi|gjennomsnitt|gennemsnit|keskiarvo|keskihajonta|pr[ůu]m[ěe]r|"
    r"среднее(?: значение)?|ср\. ?знач|ско|стандартное отклонение|медиана|минимум|максимум|"
    r"overall|summary|target|spec(?:ification)?|limits?|lod|loq|ø|µ|μ|σ|x̄|x̅|平均|平均値|平均值|標準偏差|标准差|標準誤差|标准误差|"
    r"最大|最小|最大値|最小値|最大值|最小值|中央値|中位数|合計|合计|평균|표준편차|최대|최소)"
    r"(?:[ .]*(?:dev|value|val|wert))?[.:]?(?:\s*(?:[(\[±=%]|\+/-).*)?",
    re.IGNORECASE,
)
PERCENTILE = re.compile(r"\d{1,2}(?:\.\d+)?\s?%|q[1-3]|p\d{1,2}", re.IGNORECASE)
NOTE = re.compile(
    r"[*†‡#]|note|n\.?b\.?\b|anm|bemerk|remark|comment|source|quelle|footnote|nota|hinweis", re.IGNORECASE
)
MOST_FOOTER = 20  # rows
LEAST_WORDS = 3  # of a text that is a note, not the name of a sample
LEAST_BODY = 3  # rows of which statistics can be known by their numbers
CONTINUOUS = 0.7  # share of different values in a column that was measured, not set
LEAST_DIGITS = 3  # of a number that is no mean by chance
LEAST_EQUAL = 0.6  # share of a row's numbers


def guess_footer(grid: Grid, first_row: int) -> tuple[str, ...]:
    """Return texts by which the rows of statistics and notes at the end of a file are known.

    Args:
        grid: all cells of a file.
        first_row: place of the first row below the header.
    """
    rows, last = grid.rows, len(grid.rows)
    labels = _find_labels(grid, first_row)
    above = min(labels, default=last)
    # rows that have the mean and so on of those above, from the lowest to the highest boundary
    for place in range(last - 1, max(first_row + LEAST_BODY, last - MOST_FOOTER) - 1, -1):
        if place not in labels and _is_statistics(rows, first_row, place, above):
            for below in range(place, last):
                if below not in labels and (label := _choose_label(rows, first_row, place, below)):
                    labels[below] = label
            above = min(above, place)
    body = rows[first_row:above]
    # a word that rows hold too, as `min` among the levels of a factor, marks no statistics
    if any(label in cells for _, cells in body for label in labels.values()):
        return ()
    return tuple(dict.fromkeys(labels[place] for place in sorted(labels)))


def is_note(cells: Sequence[str], width: int) -> bool:
    """Return whether a line has a sentence instead of a row.

    Args:
        cells: of the line.
        width: number of cells in the header.
    """
    filled = [cell for cell in cells if cell]
    n_words = sum(len(cell.split()) for cell in filled)
    if not filled or looks_like_number(filled[0]):
        return False
    if len(cells) == width and (len(filled) > 2 or len(filled) * 2 > width or not cells[0]):
        return False
    is_text = sum(map(looks_like_number, filled)) * 3 <= len(filled)
    is_long = n_words >= LEAST_WORDS and len(filled[0].split()) > 1
    return bool(NOTE.match(filled[0])) or (is_text and is_long)


def looks_like_number(cell: str) -> bool:
    """Return whether a cell is a number, or empty in the way of a number that is missing."""
    if not (BEGINS_AS_NUMBER.match(cell) or LIMIT.match(cell)):
        return False
    try:
        float(cell.replace(",", "."))
        return True
    except ValueError:
        found = parse_cell(cell)
        # 1st is no number with a unit
        return (not found.fault and found.unit in ("", "%")) or "may be" in found.fault


def _find_labels(grid: Grid, first_row: int) -> dict[int, str]:
    """Return the texts of rows at the end that words show to be statistics or notes, by their place."""
    width = len(grid.rows[first_row - 1][1]) if first_row else 0
    found: dict[int, str] = {}
    column, unknown = -1, -1
    for place in range(len(grid.rows) - 1, first_row, -1):
        number, cells = grid.rows[place]
        filled = [cell for cell in cells if cell]
        label = next((cell for cell in filled if STATISTICS.fullmatch(cell)), None)
        if label is None and found and _is_percentile(grid.rows[first_row : place + 1], column):
            # only among statistics, since a result may be in percent
            label = cells[column]
        is_apart = any(blank < number for blank in grid.blank if blank > grid.rows[first_row][0])
        # one text in a row of its own
        is_alone = len(filled) == 1 and (NOTE.match(filled[0]) or (is_apart and not looks_like_number(filled[0])))
        if label is None and filled and (is_alone or is_note(cells, width)):
            label = filled[0]
        if label is None and unknown < 0 and len(grid.rows) - place <= MOST_FOOTER:
            # one row between statistics may be another one, of a word that is not known
            unknown = place
            continue
        if label is None:
            break
        if unknown >= 0 and place < unknown:
            if not STATISTICS.fullmatch(label):
                break
            body = [row for _, row in grid.rows[first_row:place]]
            # samples may be called as statistics are
            if _is_like_rows(cells, body) and not _is_statistics(grid.rows, first_row, place, place):
                break
            if (other := _find_own_text(grid.rows[unknown][1])) and not _is_like_rows(grid.rows[unknown][1], body):
                found[unknown] = other
            # no second one is passed over
            unknown = len(grid.rows)
        found[place] = label
        column = cells.index(label)
    return found


def _is_percentile(rows: Sequence[tuple[int, list[str]]], column: int) -> bool:
    """Return whether the last row has a percentile in a column where rows are not called so, as P01 and P02."""
    *body, last = [row[column] if 0 <= column < len(row) else "" for _, row in rows]
    n_alike = sum(bool(PERCENTILE.fullmatch(cell)) for cell in body)
    return bool(PERCENTILE.fullmatch(last)) and n_alike * 2 <= len(body)


def _find_own_text(cells: Sequence[str]) -> str:
    """Return the first cell of a row that is a text, not a number."""
    return next((cell for cell in cells if cell and not looks_like_number(cell)), "")


def _is_like_rows(cells: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Return whether a row has its texts where other rows have texts, of a kind that those have too."""
    for column, cell in enumerate(cells):
        others = [row[column] for row in body if column < len(row) and row[column] not in EMPTY]
        is_text = bool(cell) and not looks_like_number(cell)
        if not others:
            continue
        if is_text and sum(map(looks_like_number, others)) * 2 > len(others):
            return False
        if is_text and _find_shape(cell) not in {_find_shape(other) for other in others}:
            return False
    return True


def _find_shape(cell: str) -> str:
    """Return a text with one letter for all runs of letters and one digit for all runs of digits."""
    return re.sub(r"\d+", "9", re.sub(r"[^\W\d_]+", "a", cell))


def _is_statistics(rows: Sequence[tuple[int, list[str]]], first_row: int, place: int, above: int) -> bool:
    """Return whether the numbers of a row are one statistic of the rows above it.

    A centre point of a design has the means of all factors, so that columns that were measured decide.
    """
    cells, body = rows[place][1], [row for _, row in rows[first_row : min(place, above)]]
    label = _find_own_text(cells)
    is_word = bool(STATISTICS.fullmatch(label))
    if len(body) < LEAST_BODY or (label and not is_word and _is_like_rows(cells, body)):
        return False
    counts: dict[str, list[bool]] = {}
    n_numbers = 0
    for column, cell in enumerate(cells):
        values = _read_values([row[column] for row in body if column < len(row)])
        number = _read_values([cell])[0]
        is_known = np.isfinite(values)
        if not np.isfinite(number) or 2 * is_known.sum() < max(len(values), 1) or _is_counted(values):
            continue
        known = values[np.isfinite(values)]
        if len(known) < LEAST_BODY:
            continue
        n_numbers += 1
        was_measured = len(np.unique(known)) >= max(LEAST_BODY, CONTINUOUS * len(known))
        digits = re.sub(r"\D", "", re.split("[eE]", cell)[0]).lstrip("0")
        is_exact = len(digits) >= LEAST_DIGITS
        # squares of the largest numbers are infinite
        with np.errstate(over="ignore", invalid="ignore"):
            statistics = _compute_statistics(known)
        for name, value in statistics.items():
            equal = abs(value - number) <= 0.500001 * 10.0 ** -_count_decimals(cell) + 1e-9 * abs(value)
            if was_measured and (not equal or not is_exact):
                counts.setdefault(name, []).append(False) if not equal else None
            if equal:
                counts.setdefault(name, []).extend([True] if was_measured and is_exact else [])
                counts.setdefault(f"{name} all", []).append(True)
    return any(
        # one of the rows themselves may be in the middle of one column
        bool(found)
        and all(found)
        and (len(found) > 1 or name != "median")
        and len(counts.get(f"{name} all", [])) >= max(LEAST_EQUAL * n_numbers, 1)
        for name, found in counts.items()
        if not name.endswith(" all")
    )


def _compute_statistics(values: Array) -> dict[str, float]:
    """Return statistics that a spreadsheet has below a column; those that a row itself may have are left out."""
    mean, sd = float(np.mean(values)), float(np.std(values, ddof=1))
    found = {"mean": mean, "sd": sd, "population sd": float(np.std(values)), "sem": sd / np.sqrt(len(values))}
    if len(values) % 2 == 0:
        found["median"] = float(np.median(values))
    return found | ({"rsd": 100 * sd / abs(mean)} if mean else {})


def _is_counted(values: Array) -> bool:
    """Return whether numbers only count the rows."""
    return len(values) > 1 and bool(np.all(np.diff(values) == 1))


def _choose_label(rows: Sequence[tuple[int, list[str]]], first_row: int, begin: int, place: int) -> str:
    """Return a cell by which a row at the end is known: a text, or else its longest number that no row has.

    Nothing for a row that looks like those of the table.
    """
    cells, body = rows[place][1], [row for _, row in rows[first_row:begin]]
    if place != begin and _is_like_rows(cells, body) and _find_own_text(cells):
        return ""
    texts = [cell for cell in cells if cell and not looks_like_number(cell)]
    numbers = sorted((cell for cell in cells if cell), key=len, reverse=True)
    return next((cell for cell in (*texts, *numbers) if not any(cell in row for row in body)), "")


def _read_values(cells: Sequence[str]) -> Array:
    """Return cells as numbers, NaN where they are none."""
    values = []
    for cell in cells:
        try:
            values.append(float(cell.replace(",", ".").rstrip("% ")))
        except ValueError:
            values.append(np.nan)
    return np.array(values, float)


def _count_decimals(cell: str) -> int:
    """Return the number of digits behind the point, less the exponent."""
    base, _, exponent = cell.lower().rstrip("% ").replace(",", ".").partition("e")
    return len(base.partition(".")[2]) - int(exponent or 0)
