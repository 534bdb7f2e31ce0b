"""``python -m tqdecrypt`` is the command ``tqdecrypt``."""

import sys

from tqdecrypt.cli import main

if __name__ == "__main__":
    sys.exit(main())
