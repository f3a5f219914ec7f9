"""Answer one question for API Gateway and AppSync: may this caller make this call?

    from lambda_authorizer import Authorizer

    lambda_handler = Authorizer.from_environment().handle

The public names are loaded when they are first asked for, so that importing one module of the package (the rules
compiler, the testing kit) does not pay for the others.

In the layer the bytecode of a start lies in one file, `start.<version>.pack`, beside this one (docs/adr/0012): to
look for sixty modules, one after the other, takes longer than to run them. Without that file, or where it does not
fit, everything is imported as ever.
"""

from __future__ import annotations  # a start pays for each annotation that is evaluated

import gc
import marshal
import sys
from importlib import import_module
from importlib._bootstrap import ModuleSpec  # both are loaded already; importlib.machinery is one module more
from importlib._bootstrap_external import SourceFileLoader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import CodeType, ModuleType
    from typing import Any

    from lambda_authorizer.authorizer import Authorizer, Unauthorized
    from lambda_authorizer.errors import AuthorizerError, ConfigurationError
    from lambda_authorizer.principal import Principal
    from lambda_authorizer.request import Request
    from lambda_authorizer.version import __version__

__all__ = [
    "Authorizer",
    "AuthorizerError",
    "ConfigurationError",
    "Principal",
    "Request",
    "Unauthorized",
    "__version__",
]

_HOMES = {
    "Authorizer": "authorizer",
    "AuthorizerError": "errors",
    "ConfigurationError": "errors",
    "Principal": "principal",
    "Request": "request",
    "Unauthorized": "authorizer",
    "__version__": "version",
}


def __getattr__(name: str) -> Any:
    """Return a public name, importing the module it lives in (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = _staying(lambda: getattr(import_module(f"{__name__}.{_HOMES[name]}"), name))
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return sorted(__all__)


def _staying(make: Callable[[], Any]) -> Any:
    """Make what stays as long as the process: to look through it for garbage, again and again, finds none."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        made = make()
        gc.freeze()
        return made
    finally:
        if collecting:
            gc.enable()


class _Packed(SourceFileLoader):
    """An ordinary loader of source files, but for the bytecode, which it has in hand."""

    def get_code(self, fullname: str) -> CodeType | None:
        """Return the bytecode; asked again, that of the file."""
        _, found = _Pack.codes.pop(fullname, (False, None))
        if found is None:
            return super().get_code(fullname)
        return marshal.loads(found) if isinstance(found, bytes) else found  # noqa: S302 - as `open`


class _Pack:
    """Finds the modules of the pack, each only where its own package was found beside this one."""

    codes: dict[str, tuple[bool, CodeType | bytes]] = {}  # noqa: RUF012 - filled once, emptied by use

    @classmethod
    def find_spec(
        cls, name: str, path: Sequence[str] | None = None, _target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return where a packed module is; None for every other, and for one of a package from elsewhere."""
        found = cls.codes.get(name)
        if found is None or not path:
            return None
        parent, _, last = name.rpartition(".")
        folder = f"{_ROOT}/{parent.replace('.', '/')}"
        if path[0] != folder:
            return None
        if found[0]:
            folder, last = f"{folder}/{last}", "__init__"
        origin = f"{folder}/{last}.py"
        spec = ModuleSpec(name, _Packed(name, origin), origin=origin, is_package=found[0])
        spec.has_location = True
        spec.cached = f"{folder}/__pycache__/{last}.{sys.implementation.cache_tag}.pyc"
        if spec.submodule_search_locations is not None:
            spec.submodule_search_locations.append(folder)
        return spec

    @classmethod
    def open(cls) -> None:
        """Read the pack of this interpreter, if there is one."""
        if sys.version_info.releaselevel != "final":
            return  # only final releases agree on what the bytecode of their version is
        try:
            with open(f"{_HERE}/start.{sys.implementation.cache_tag}.pack", "rb") as file:  # noqa: PTH123 - pathlib costs 5 ms
                cls.codes = dict(_staying(lambda: marshal.loads(file.read())))  # noqa: S302 - our own, as every .pyc
        except (OSError, ValueError, EOFError, TypeError):
            return
        sys.meta_path.insert(0, cls)


_HERE = __path__[0]
_ROOT = _HERE.rpartition("/")[0]
_Pack.open()
