"""``python -m auditor``."""

from auditor.cli.main import entry

if __name__ == "__main__":
    entry()
