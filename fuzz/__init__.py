"""Coverage-guided fuzzing: `README.md` beside this file says what and how."""
