"""``python -m tqdecrypt`` is the command ``tqdecrypt``."""

from tqdecrypt.cli import main

if __name__ == "__main__":
    main()
