"""Coverage-guided fuzzing; see CONTRIBUTING.md and ``scripts/fuzz``."""
