"""Types of arrays that signatures share."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
Mask = NDArray[np.bool_]
Sides = NDArray[np.int8]  # of values that may be limits: UPPER, LOWER, or 0 for the value itself
