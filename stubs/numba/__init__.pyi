# Types of the part of Numba in use: a compiled function keeps the type of its source.

from collections.abc import Callable
from typing import TypeVar, overload

from numba import types as types

_F = TypeVar("_F", bound=Callable[..., object])

@overload
def njit(
    signature_or_function: str | types.Type | list[str] | list[types.Type] = ...,
    /,
    *,
    cache: bool = ...,
    parallel: bool = ...,
    fastmath: bool | set[str] = ...,
    nogil: bool = ...,
    _nrt: bool = ...,
    no_cpython_wrapper: bool = ...,
    no_cfunc_wrapper: bool = ...,
    boundscheck: bool | None = ...,
    error_model: str = ...,
    inline: str = ...,
    forceinline: bool = ...,
    locals: dict[str, types.Type] = ...,
) -> Callable[[_F], _F]: ...
@overload
def njit(signature_or_function: _F, /) -> _F: ...

prange = range

def set_num_threads(n: int) -> None: ...
def get_num_threads() -> int: ...

boolean: types.Type
int8: types.Type
int16: types.Type
int32: types.Type
int64: types.Type
uint8: types.Type
uint16: types.Type
uint32: types.Type
uint64: types.Type
float32: types.Type
float64: types.Type
void: types.Type
