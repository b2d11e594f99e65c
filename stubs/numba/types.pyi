# Numba's type objects, as far as signatures are written with them.

class Type:
    def __call__(self, *args: Type) -> Type: ...
    def __getitem__(self, shape: slice | tuple[slice, ...]) -> Type: ...

class UniTuple(Type):
    def __init__(self, dtype: Type, count: int) -> None: ...

class Tuple(Type):
    def __init__(self, types: tuple[Type, ...]) -> None: ...

boolean: Type
int8: Type
int16: Type
int32: Type
int64: Type
uint8: Type
uint16: Type
uint32: Type
uint64: Type
float32: Type
float64: Type
void: Type
