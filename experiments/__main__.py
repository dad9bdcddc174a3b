"""`python -m experiments` is `bakeoff`."""

import sys

from experiments.cli import main

sys.exit(main())
