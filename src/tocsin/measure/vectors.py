"""Steps over 64 bytes at once, for kernels that read text.

They are written as LLVM's own vectors, which every processor has in some form: AVX-512 takes one
instruction where others take two to four. A mask is a uint64, bit i for byte i. All read 64
bytes: the caller sees to it that they are there.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from tocsin.measure.kernels import kernel

BLOCK = 64
"""Bytes of a step."""

_BYTE = ir.IntType(8)
_WORD = ir.IntType(64)
_BYTES = ir.VectorType(_BYTE, BLOCK)


def _address(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    data = context.make_array(array_type)(context, builder, array).data
    return builder.gep(data, [index])


def _load(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    address = _address(context, builder, array_type, array, index)
    return builder.load(builder.bitcast(address, _BYTES.as_pointer()), align=1)


def _all(value: int) -> Any:
    return ir.Constant(_BYTES, [value] * BLOCK)


def _within(builder: Any, values: Any, first: int, count: int) -> Any:
    return builder.icmp_unsigned("<", builder.sub(values, _all(first)), _all(count))


def _range_mask(first: int, count: int) -> Any:
    """Mask of the bytes from `first` on, `count` of them."""

    @intrinsic
    def mask(typing_context: Any, array: Any, index: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            values = _load(context, builder, signature.args[0], *arguments)
            return builder.bitcast(_within(builder, values, first, count), _WORD)

        return types.uint64(array, index), generate

    return mask


blank_mask = _range_mask(0x20, 1)
control_space_mask = _range_mask(0x09, 5)
"""Tabulator, line feed, vertical tabulator, form feed, carriage return."""
separator_mask = _range_mask(0x1C, 4)
null_mask = _range_mask(0x00, 1)
not_ascii_mask = _range_mask(0x80, 128)


@intrinsic
def copy_folded(typing_context: Any, source: Any, at: Any, target: Any, to: Any) -> Any:
    """copy_folded(source, at, target, to): copies 64 bytes of ASCII, capital letters as small ones
    and every kind of white space as a space."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        values = _load(context, builder, signature.args[0], arguments[0], arguments[1])
        small = builder.or_(values, _all(0x20))
        folded = builder.select(_within(builder, values, 0x41, 26), small, values)
        white = builder.or_(_within(builder, values, 0x09, 5), _within(builder, values, 0x1C, 4))
        folded = builder.select(white, _all(0x20), folded)
        address = _address(context, builder, signature.args[2], arguments[2], arguments[3])
        builder.store(folded, builder.bitcast(address, _BYTES.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(source, at, target, to), generate


@intrinsic
def lowest_bit(typing_context: Any, mask: Any) -> Any:
    """lowest_bit(mask): number of the lowest bit that is set in a uint64, 64 if there is none."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], cgutils.false_bit)

    return types.int64(types.uint64), generate


_ALL_BITS = np.uint64(0xFFFF_FFFF_FFFF_FFFF)


@kernel(forceinline=True)
def low_bits(count):
    """A mask of the `count` lowest bits, 0 to 64."""
    return _ALL_BITS >> np.uint64(64 - count) if count > 0 else np.uint64(0)
