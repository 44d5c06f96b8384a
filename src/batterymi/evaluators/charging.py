"""Four-step charging protocols, simulated by PyBaMM."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from batterymi.charging.protocols import CCCV, FourStep, Phases, Protocol, Timed
from batterymi.config.campaign import ChargingChoice, FixedRun
from batterymi.config.parts import Objective
from batterymi.evaluators.base import NO_FILES, EvaluatorFiles

if TYPE_CHECKING:
    from batterymi.charging.outcome import ChargeResult
    from batterymi.charging.simulator import ChargeSetup, ChargingSimulator


class ChargingEvaluator:
    """Simulated charges of one declared cell."""

    is_cheap = False
    kind = "simulated"

    def __init__(
        self,
        choice: ChargingChoice,
        objectives: tuple[Objective, ...],
        files: EvaluatorFiles = NO_FILES,
        processes: int = 1,
    ) -> None:
        """Take the settings; the model is built when the first design comes.

        Args:
            choice: settings of the simulator.
            objectives: the study's objectives, named after fields of `ChargeResult`.
            files: not used.
            processes: worker processes for a batch of designs.
        """
        self._choice = choice
        self._names = [objective.name for objective in objectives]
        self._processes = processes
        self._simulator: ChargingSimulator | None = None

    def evaluate(self, designs: pd.DataFrame) -> pd.DataFrame:
        """Simulate the charge of each design; its columns, in order, are the C-rates of equal SOC steps."""
        protocols = [_read_protocol(row) for row in designs.to_numpy()]
        results = iter(self._run([protocol for protocol in protocols if isinstance(protocol, FourStep)]))
        rows = [self._make_row(next(results) if isinstance(protocol, FourStep) else protocol) for protocol in protocols]
        return pd.DataFrame(rows, index=designs.index)

    def half_widths(self, designs: pd.DataFrame) -> None:
        """None: the simulator states no uncertainty; the winner is replayed on the reference model instead."""
        return

    def references(self) -> pd.DataFrame | None:
        """Return the reference charges with their labels; they are not designs of the space."""
        results = self._run([make_protocol(run) for run in self._choice.references])
        labels = [run.label for run in self._choice.references]
        rows = [{**self._make_row(result), "label": label} for result, label in zip(results, labels, strict=True)]
        return pd.DataFrame(rows).drop(columns="failure") if rows else None

    def _run(self, protocols: Sequence[Protocol]) -> list["ChargeResult"]:
        """Simulate protocols, in worker processes if there are enough of them."""
        from batterymi.charging.parallel import simulate_protocols

        if self._processes > 1 and len(protocols) > 1:
            return simulate_protocols(protocols, make_setup(self._choice), processes=self._processes)
        if self._simulator is None:
            self._simulator = make_setup(self._choice).build()
        return [self._simulator.run(protocol) for protocol in protocols]

    def _make_row(self, result: "ChargeResult") -> dict[str, Any]:
        """Make a row of the objectives and the failure of one charge."""
        return {name: getattr(result, name) for name in self._names} | {"failure": result.failure}


def _read_protocol(row: Iterable[Any]) -> "FourStep | ChargeResult":
    """Return the protocol of a design, or the failure of one that no charger can run."""
    from batterymi.charging.outcome import ChargeResult, FailureKind

    rates = tuple(map(float, row))
    try:
        return FourStep(rates)
    except ValueError as error:
        label = "-".join(f"{rate:.3g}C" for rate in rates)
        return ChargeResult(label, failure=FailureKind.ENDED_EARLY, message=str(error))


def make_setup(choice: ChargingChoice) -> "ChargeSetup":
    """Return what a study's designs are charged on."""
    from batterymi.charging.simulator import ChargeSetup

    return ChargeSetup(choice.cell, choice.model, choice.soc_start, choice.soc_end, choice.ambient_c)


def make_protocol(run: FixedRun) -> Protocol:
    """Return the protocol of a reference charge."""
    if run.cc_cv is not None:
        return CCCV(run.cc_cv)
    if run.phases is not None:
        return Phases(run.phases)
    return Timed(tuple((float(rate), float(minutes)) for rate, minutes in run.timed or ()))
