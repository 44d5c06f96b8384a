"""What part a row of a table plays."""

SPLIT = "split"
TRAIN = "train"  # learned from, and scored by cross-validation
TEST = "test"  # an official test split, predicted once after everything is decided
SOURCE = "source"  # rows of a related task: may join the training, are never scored
REFERENCE = "reference"  # shown beside the others, never learned from
CHECKED = (TRAIN, TEST, SOURCE)
