"""Settings of the network over formulas: how its encoders are pre-trained."""

from collections.abc import Iterator
from typing import Literal, Self

from pydantic import Field, model_validator

from batterymi.config.parts import Strict

Device = Literal["auto", "cpu", "cuda"]


class FormulaNet(Strict):
    """Pre-training of encoders of formulas on compounds of the Materials Project; made by `snakemake pretrained`."""

    encoders: int = Field(3, ge=1, le=8, description="Encoders of different seeds, each trained by its own job.")
    width: int = Field(96, ge=8, le=256, multiple_of=4, description="Numbers per element.")
    layers: int = Field(3, ge=1, le=8, description="Rounds of messages between the elements of a formula.")
    epochs: int = Field(30, ge=1, le=500, description="Times that each formula is seen.")
    batch: int = Field(512, ge=1, le=8192, description="Formulas per step of the optimiser.")
    pair_epochs: int = Field(
        6,
        ge=0,
        le=500,
        description="Times that each pair of compounds of one host is seen after that; 0: no such part.",
    )
    components: int = Field(16, ge=1, le=64, description="Principal components of the embedding that become features.")
    device: Device = Field("auto", description="Where it is trained; `auto`: on a GPU if PyTorch finds one.")
    seed: int = Field(
        0,
        ge=0,
        lt=2**31,
        description="Of all random numbers; each encoder adds its own number, so seeds that differ by less than "
        "`encoders` share some of these: take 0, 10, 20.",
    )

    @model_validator(mode="after")
    def _check_components(self) -> Self:
        if self.components > self.encoders * self.width:
            raise ValueError(
                f"components: {self.components} are more than the {self.encoders * self.width} numbers of an embedding "
                f"(encoders times width); give at most as many"
            )
        return self


class FineTuning(Strict):
    """Further training of the encoders on voltages, and the learning curve of `snakemake transfer_curve`."""

    partitions: int = Field(5, ge=2, le=50, description="Random partitions into folds of the learning curve.")
    draws: int = Field(2, ge=1, le=50, description="Draws of own rows for each number of them, each a job of its own.")
    tuned_layers: int = Field(
        1, ge=1, le=8, description="Last rounds of messages that are trained further; those before stay as they are."
    )
    teaching_steps: int = Field(200, ge=1, le=100_000, description="Steps of the training on other ions.")
    least_steps: int = Field(60, ge=1, le=100_000, description="Steps of the training on a few own rows.")
    most_steps: int = Field(150, ge=1, le=100_000, description="Steps of the training on many own rows.")
    batch: int = Field(128, ge=1, le=8192, description="Electrodes per step.")
    rate: float = Field(2e-3, gt=0, le=0.1, description="Highest learning rate of the heads.")

    @model_validator(mode="after")
    def _check_steps(self) -> Self:
        if self.least_steps > self.most_steps:
            raise ValueError(
                f"least_steps: {self.least_steps} are more than most_steps, {self.most_steps}; give at most as many"
            )
        return self

    def count_steps(self, n_rows: int) -> int:
        """Return the steps for a number of own rows: the least and half a step per row, at most the most."""
        return min(self.least_steps + n_rows // 2, self.most_steps)


def find_tuning_problems(tuning: FineTuning | None, has_transfer: bool) -> Iterator[str]:
    """Yield what is wrong with a fine-tuning: it extends a comparison of transfer."""
    if tuning is not None and not has_transfer:
        yield "fine_tuning: needs transfer, whose source, model and sizes it takes"
