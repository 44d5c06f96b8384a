"""Solver fallback: the usual solver, then tighter tolerances, then smaller steps, then another solver."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from batterymi.arrays import Array
from batterymi.charging.outcome import ChargeError, FailureKind

Path = tuple[Array, Array]
"""Times, shape (n_times,), and states, shape (n_states, n_times)."""

RTOL, ATOL = 1e-5, 1e-6
TIGHTER = 100.0
PARTS = 8
SHARES, MOST_STEPS = 24, 20000
# Potentials follow from the states whose error is controlled: leaving them out halves the steps of a DFN and moves the
# plating margin by 0.0001 mV.
SPEED = {"suppress_algebraic_error": True}
FINAL_TIME, EVENT = 0, 2

Names = list[str]


class CompiledSolver:
    """SUNDIALS IDA by PyBaMM, called below PyBaMM's `step`, whose overhead costs as much as integrating a minute."""

    def __init__(self, model: Any, inputs: dict[str, float], events: Names, tighter: float = 1.0) -> None:
        """Compile the model's functions for the solver.

        Args:
            model: a built PyBaMM model.
            inputs: any values of its inputs, in PyBaMM's order.
            events: names of the model's events that stop a charge.
            tighter: what the tolerances are divided by.
        """
        import pybamm

        self._solver: Any = pybamm.IDAKLUSolver(rtol=RTOL / tighter, atol=ATOL / tighter, options=SPEED)
        self._solver.set_up(model, inputs)
        self._model, self._events = model, events

    def integrate(self, state: Array, inputs: Array, seconds: float) -> Path:
        """Integrate from a state at constant inputs.

        Raises:
            ChargeError: if the solver fails, or an event stops it.
        """
        # IDA starts from time derivatives too; algebraic states have none
        slope = np.zeros_like(state)
        slope[: self._model.len_rhs] = np.array(self._model.rhs_eval(0.0, state, inputs), float).ravel()
        try:
            (found,) = self._solver._setup["solver"].solve(
                np.array([0.0, seconds]),
                np.empty(0),
                state[np.newaxis],
                slope[np.newaxis],
                inputs[np.newaxis],
                logger=None,
                pbar=np.empty((0, 0)),
            )
        except ValueError as error:
            raise ChargeError(FailureKind.SOLVER_FAILED, str(error)[:200]) from None
        times = np.asarray(found.t, float)
        states = np.asarray(found.y, float).reshape(len(times), -1).T
        if found.flag == EVENT:
            raise ChargeError(FailureKind.ENDED_EARLY, f"event: {self._find_event(states[:, -1], inputs)}")
        if found.flag < FINAL_TIME:
            raise ChargeError(FailureKind.SOLVER_FAILED, f"the solver stopped with flag {found.flag}")
        return times, states

    def _find_event(self, state: Array, inputs: Array) -> str:
        """Return the name of the event that stopped the solver."""
        distances = np.asarray(self._solver._setup["rootfn_casadi"](0.0, state, inputs), float).ravel()
        # the event function that is closest to zero is the one that stopped the solver
        return self._events[int(np.nanargmin(np.abs(distances)))]


class CasadiSolver:
    """CasADi's own interface to CVODES and IDAS: slower, and independent of the first solver's linear algebra."""

    def __init__(self, model: Any, inputs: dict[str, float]) -> None:
        """Compile the model for time from 0 to 1, so that one integrator serves steps of any duration.

        Args:
            model: a built PyBaMM model that another solver has set up.
            inputs: any values of its inputs.
        """
        import casadi

        self._n = model.len_rhs
        x, z = casadi.MX.sym("x", model.len_rhs), casadi.MX.sym("z", model.len_alg)
        values, seconds = casadi.MX.sym("inputs", len(inputs)), casadi.MX.sym("seconds")
        state = casadi.vertcat(x, z)
        # with time scaled to 0 to 1, time derivatives are multiplied by the duration
        problem = {"x": x, "p": casadi.vertcat(values, seconds), "ode": seconds * model.rhs_eval(0.0, state, values)}
        if model.len_alg:
            problem |= {"z": z, "alg": model.algebraic_eval(0.0, state, values)}
        options = {"reltol": RTOL, "abstol": ATOL, "max_num_steps": MOST_STEPS, "show_eval_warnings": False}
        name = "idas" if model.len_alg else "cvodes"
        self._shares = np.linspace(0.0, 1.0, SHARES + 1)
        self._integrator = casadi.integrator("charge", name, problem, 0.0, self._shares, options)

    def integrate(self, state: Array, inputs: Array, seconds: float) -> Path:
        """Integrate from a state at constant inputs.

        Raises:
            ChargeError: if the solver fails.
        """
        given = np.append(inputs, seconds)
        try:
            found = self._integrator(x0=state[: self._n], z0=state[self._n :], p=given)
        except RuntimeError as error:
            raise ChargeError(FailureKind.SOLVER_FAILED, str(error)[:200]) from None
        states = np.vstack([found["xf"].full(), found["zf"].full()])
        return self._shares * seconds, states


class InParts:
    """A solver that takes a step in parts, each with a restart."""

    def __init__(self, solver: CompiledSolver) -> None:
        """Store the solver."""
        self._solver = solver

    def integrate(self, state: Array, inputs: Array, seconds: float) -> Path:
        """Integrate from a state at constant inputs; errors as those of the solver."""
        times, states = [], []
        for part in range(PARTS):
            time, path = self._solver.integrate(state, inputs, seconds / PARTS)
            state = path[:, -1]
            times.append(part * seconds / PARTS + time)
            states.append(path)
        return np.concatenate(times), np.concatenate(states, axis=1)


Solver = CompiledSolver | InParts | CasadiSolver


class SolverFallback:
    """Solvers in the order in which they are tried; those beyond the first are built when they are needed."""

    def __init__(self, model: Any, inputs: dict[str, float], events: Names, tighter: float = 1.0) -> None:
        """Set up the first solver.

        Args:
            model: a built PyBaMM model.
            inputs: any values of its inputs, in PyBaMM's order.
            events: names of the model's events that stop a charge.
            tighter: what the first solver's tolerances are divided by.
        """
        self._model, self._inputs, self._events, self._tighter = model, inputs, events, tighter
        self._first = CompiledSolver(model, inputs, events, tighter)
        self._fallbacks: list[Solver] = []

    def integrate(self, state: Array, inputs: Array, seconds: float, patient: bool = True) -> Path:
        """Integrate from a state at constant inputs by the first solver that can.

        Args:
            state: where to begin.
            inputs: values of the model's inputs.
            seconds: duration.
            patient: whether to try the fallback solvers where the first fails.

        Raises:
            ChargeError: if none succeeds, or an event stops the charge.
        """
        failure: ChargeError | None = None
        for solver in self._solvers(patient):
            try:
                return solver.integrate(state, inputs, seconds)
            except ChargeError as error:
                # an event ends the charge physically; another solver would find the same
                if error.kind != FailureKind.SOLVER_FAILED:
                    raise
                # the first failure is reported, as the usual solver's
                failure = failure or error
        assert failure is not None
        raise failure

    def _solvers(self, patient: bool) -> Iterator[Solver]:
        """Yield the first solver, then the fallback solvers if they are wanted."""
        yield self._first
        if not patient:
            return
        if not self._fallbacks:
            tight = CompiledSolver(self._model, self._inputs, self._events, TIGHTER * self._tighter)
            self._fallbacks = [tight, InParts(tight), CasadiSolver(self._model, self._inputs)]
        yield from self._fallbacks
