"""How Tocsin compiles its kernels: Numba, without the interpreter lock, cached on disk.

Numba renews a cached function when its own file changes, not when a function that it calls does.
So the cache lies in a folder that is named after the digest of that file and all that it imports of
the package: no stale kernel can run, on a developer's machine or after an upgrade.
"""

from __future__ import annotations

import functools
import hashlib
import os
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba
from llvmlite import ir
from numba.core import cgutils, types
from numba.core import config as _config
from numba.extending import intrinsic

config: Any = _config  # its attributes are made at run time


_PACKAGE = Path(__file__).resolve().parent.parent
_IMPORT = re.compile(r"^from (tocsin\.[\w.]+) import", re.MULTILINE)


@functools.cache
def _sources(file: Path) -> frozenset[Path]:
    """A source file of the package and those that it imports, directly or through others."""
    found = {file}
    waiting = [file]
    while waiting:
        for name in _IMPORT.findall(waiting.pop().read_text(encoding="utf-8")):
            imported = _PACKAGE.parent.joinpath(*name.split(".")).with_suffix(".py")
            if imported not in found and imported.exists():
                found.add(imported)
                waiting.append(imported)
    return frozenset(found)


@functools.cache
def cache_folder(file: Path) -> Path:
    """Where to keep what is made from a source file of the package (resolved) and those that it
    imports; it may not exist yet."""
    digest = hashlib.sha256()
    for source in sorted(_sources(file)):
        digest.update(source.read_bytes())
    name = f"kernels-{digest.hexdigest()[:16]}"
    if chosen := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(chosen) / name
    beside = _PACKAGE / "__pycache__"
    if os.access(beside if beside.exists() else _PACKAGE, os.W_OK):
        return beside / name
    # Of this user alone: nobody else may leave machine code here.
    private = Path(tempfile.gettempdir()) / f"tocsin-{os.getuid()}"
    private.mkdir(mode=0o700, exist_ok=True)
    if private.stat().st_uid != os.getuid() or private.stat().st_mode & 0o077:
        private = Path(tempfile.mkdtemp(prefix="tocsin-"))
    return private / name


def kernel(*, forceinline: bool = False) -> Callable[[Callable[..., Any]], Any]:
    """Decorator: compiles a function on its first call. `forceinline`: for those that are
    called for each character or token."""

    def compiled(function: Callable[..., Any]) -> Any:
        before = config.CACHE_DIR
        config.CACHE_DIR = str(cache_folder(Path(function.__code__.co_filename).resolve()))
        try:
            return numba.njit(nogil=True, cache=True, forceinline=forceinline)(function)
        finally:
            config.CACHE_DIR = before

    return compiled


@intrinsic
def prefetch(typing_context: Any, array: Any, index: Any) -> Any:
    """prefetch(array, index): asks the processor to fetch `array[index]`, without waiting for it.

    `index`: uint64 below the length of the one-dimensional `array`. Look-ups in a table larger
    than the caches are bound by their misses; asked for 32 tokens ahead, these overlap.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        address = builder.gep(data, [arguments[1]])
        integer = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [address.type, integer, integer, integer])
        function = builder.module.declare_intrinsic("llvm.prefetch", [address.type], kind)
        read, keep_in_outer_caches, data_cache = integer(0), integer(2), integer(1)
        builder.call(function, [address, read, keep_in_outer_caches, data_cache])
        return context.get_dummy_value()

    return types.void(array, index), generate


@intrinsic
def least_difference(typing_context: Any, array: Any, index: Any, value: Any) -> Any:
    """least_difference(array, index, value): the least of `array[index : index + 8] ^ value`.

    `array`: uint32, one-dimensional; `index`: uint64, at most its length less 8; `value`: uint32.
    LLVM makes one step for vectors of it, on any processor that has them.
    """
    lanes = 8

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        integer = ir.IntType(32)
        vector = ir.VectorType(integer, lanes)
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        address = builder.gep(data, [arguments[1]])
        values = builder.load(builder.bitcast(address, vector.as_pointer()), align=4)
        zeros = ir.Constant(vector, [0] * lanes)
        one = builder.insert_element(zeros, arguments[2], ir.Constant(integer, 0))
        same = builder.shuffle_vector(one, one, zeros)
        kind = ir.FunctionType(integer, [vector])
        name = f"llvm.vector.reduce.umin.v{lanes}i32"
        function = cgutils.get_or_insert_function(builder.module, kind, name)
        return builder.call(function, [builder.xor(values, same)])

    return types.uint32(array, index, types.uint32), generate
