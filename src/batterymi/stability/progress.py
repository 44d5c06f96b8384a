"""Lines of a log while many formulas are computed."""

import logging

from batterymi.stability.screen import Report

FORMULAS_PER_LOG_LINE = 200


def log_progress(logger: logging.Logger, noun: str = "formulas", every: int = FORMULAS_PER_LOG_LINE) -> Report:
    """Return a report that logs every so many formulas, or other things, and the last."""

    def report(done: int, total: int) -> None:
        if done % every == 0 or done == total:
            logger.info("%d of %d %s", done, total, noun)

    return report
