"""Lines of a log while many formulas are computed."""

import logging

from batterymi.stability.screen import Report

FORMULAS_PER_LOG_LINE = 200


def log_progress(logger: logging.Logger) -> Report:
    """Return a report that logs every so many formulas, and the last."""

    def report(done: int, total: int) -> None:
        if done % FORMULAS_PER_LOG_LINE == 0 or done == total:
            logger.info("%d of %d formulas", done, total)

    return report
