"""The version, in one place; SemVer over the public names, the rules language, template parameters and reasons."""

__version__ = "0.1.0"
