"""Numba's cache locators with our stamp. Numba imports them by name, see `app.kernel_cache`.

Where kernels lie stays Numba's choice: `NUMBA_CACHE_DIR` where it is set, else beside the sources where they can be
written, else in the user's cache folder.
"""

from __future__ import annotations

from pathlib import Path

from numba.core.caching import InTreeCacheLocator, UserProvidedCacheLocator, UserWideCacheLocator

from app.kernel_cache import stamp


class _Stamped:
    _py_file: str

    def get_source_stamp(self) -> bytes:
        """Give what has to be equal for a cached kernel to be used."""
        return stamp(Path(self._py_file).resolve())


class InGivenFolder(_Stamped, UserProvidedCacheLocator):
    """Kernels under `NUMBA_CACHE_DIR`."""


class BesideSources(_Stamped, InTreeCacheLocator):
    """Kernels in `__pycache__`."""


class InUserFolder(_Stamped, UserWideCacheLocator):
    """Kernels in the user's cache folder."""
