"""A GPU emulated on the CPU: its tensors hold values, and refuse to meet tensors of the CPU.

An `Emulated` tensor reports the device ``cuda:0``, and keeps its values in main memory. An
operation that torch would refuse on a GPU raises the same kind of error here: operands on two
devices, a generator of the CPU, or a conversion to NumPy. Neither streams, captures nor inductor
are emulated. To torch's C++ code, the tensors are on the device ``meta:1``, for which every build
of torch has what autograd needs.
"""

import contextlib
import ctypes
import threading
from pathlib import Path
from types import SimpleNamespace

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map

from workbench.tensor import torch_internals as internals
from workbench.tensor import transfer

aten = torch.ops.aten
GPU, INSIDE = torch.device("cuda", 0), torch.device("meta", 1)
CUDA, META = 1, 14  # the numbers of devices in torch's C++ code
BETWEEN = {
    aten.copy_.default, aten._to_copy.default, aten._foreach_copy_.default, aten.index.Tensor,
    aten.index_put.default, aten.index_put_.default, aten._index_put_impl_.default,
    aten.is_same_size.default,
}  # fmt: skip
"""Operations that accept tensors on both devices; the indices of the others may be on the CPU."""


GUARDS = "_ZN3c104impl26device_guard_impl_registryE"
"""Symbol of torch's table of device guards; a build for the CPU has no entry for CUDA."""


class Emulated(torch.Tensor):
    """A tensor of the emulated GPU.

    Parameters
    ----------
    inner : torch.Tensor
        The values, in main memory.
    """

    __torch_function__ = torch._C._disabled_torch_function_impl
    __hash__ = torch.Tensor.__hash__
    device = property(lambda self: GPU)
    is_cuda = property(lambda self: True)
    is_cpu = is_meta = property(lambda self: False)

    @staticmethod
    def __new__(cls, inner, requires_grad=False):
        return torch.Tensor._make_wrapper_subclass(
            cls, inner.size(), strides=inner.stride(), storage_offset=inner.storage_offset(),
            dtype=inner.dtype, device=INSIDE, requires_grad=requires_grad,
        )  # fmt: skip

    def __init__(self, inner, requires_grad=False):
        self.inner = inner

    @classmethod
    def __torch_dispatch__(cls, function, types, args=(), kwargs=None):
        return run(function, args, kwargs or {})

    def get_device(self):
        return 0

    def tolist(self):
        return self.inner.tolist()

    def untyped_storage(self):
        return self.inner.untyped_storage()

    def data_ptr(self):
        return self.inner.data_ptr()

    def numpy(self, *args, **kwargs):
        raise TypeError("can't convert cuda:0 device type tensor to numpy; use Tensor.cpu()")

    __array__ = numpy

    def __deepcopy__(self, memo):
        return memo.setdefault(id(self), Emulated(self.inner.clone(), self.requires_grad))

    def __repr__(self):
        return f"{self.inner!r} on {GPU}"


def run(function, args, kwargs):
    """Run an operation of torch, with the emulated device in place of CUDA."""
    tensors = [one for one in tree_leaves((args, kwargs)) if isinstance(one, torch.Tensor)]
    here = [one for one in tensors if isinstance(one, Emulated)]
    mode = torch._C._get_dispatch_mode(torch._C._TorchDispatchModeKey.FAKE)
    fakes = [one.fake_mode for one in tensors if isinstance(one, internals.FakeTensor)]
    if mode is not None or fakes:  # shape inference
        with mode or fakes[0] if here else contextlib.nullcontext():
            args, kwargs = tree_map(_faked, (args, kwargs))
            return function(*args, **kwargs)
    device = kwargs.get("device")
    device = None if device is None else torch.device(device)
    on_gpu = bool(here) if device is None else device in (GPU, INSIDE, torch.device("cuda"))
    if on_gpu or here:
        _check(function, args, kwargs, tensors, on_gpu)
    if device is not None and on_gpu:
        kwargs = {**kwargs, "device": "cpu"}
    kwargs.pop("pin_memory", None)
    result = function(*tree_map(_inner, args), **tree_map(_inner, kwargs))
    if function is aten.copy_.default:
        return args[0]
    known = {id(one.inner): one for one in here}  # an operation in place returns its argument
    return tree_map(lambda one: known.get(id(one), _outer(one)), result) if on_gpu else result


def _check(function, args, kwargs, tensors, on_gpu):
    """Raise an error if torch refuses an operation whose operands or results are on the GPU."""
    for value in tree_leaves((args, kwargs)):
        if on_gpu and isinstance(value, torch.Generator) and value.device != GPU:
            raise RuntimeError("expected a 'cuda' device type for generator, but found 'cpu'")
    if function in BETWEEN:
        wrong = function is aten.index.Tensor and not isinstance(args[0], Emulated)
    else:
        # Operations element by element accept scalars of the CPU, except as their target.
        scalars = torch.Tag.pointwise in function.tags
        own = args[0] if function._schema.is_mutable else None
        wrong = any(
            not isinstance(one, Emulated) and not (scalars and one.dim() == 0 and one is not own)
            for one in tensors
        )
    if wrong:
        kinds = [(type(one).__name__, tuple(one.shape)) for one in tensors]
        raise RuntimeError(f"{function}: expected all tensors to be on the same device: {kinds}")


def _faked(value):
    if not isinstance(value, Emulated):
        return value
    return torch.empty_strided(value.size(), value.stride(), dtype=value.dtype, device=GPU)


def _inner(value):
    return value.inner if isinstance(value, Emulated) else value


def _outer(value):
    plain = isinstance(value, torch.Tensor) and not isinstance(value, Emulated)
    return Emulated(value) if plain else value


class Mode(TorchDispatchMode):
    """Dispatch mode that creates tensors on the emulated GPU."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        return run(function, args, kwargs or {})


def _moving(create):
    """Return a function that creates a tensor on the CPU, and then moves it to the device."""

    def moved(*args, device=None, **kwargs):
        made = create(*args, **kwargs)
        return made if device is None else made.to(device)

    return moved


@contextlib.contextmanager
def emulated(patch):
    """Emulate a GPU in this thread and in threads that start within the context.

    Parameters
    ----------
    patch : pytest.MonkeyPatch
    """
    library = ctypes.CDLL(str(Path(torch.__file__).parent / "lib" / "libc10.so"))
    guards = (ctypes.c_void_p * (META + 1)).in_dll(library, GUARDS)
    guards[CUDA] = guards[META]
    start = threading.Thread.run

    def in_mode(thread):
        with Mode():
            start(thread)

    stream = SimpleNamespace(wait_stream=lambda other: None)
    event = SimpleNamespace(record=lambda stream: None, query=lambda: True, synchronize=lambda: 0)
    patch.setattr(threading.Thread, "run", in_mode)
    patch.setattr(torch.cuda, "_lazy_init", lambda: None)
    patch.setattr(torch._C, "_cuda_init", lambda: None, raising=False)
    patch.setattr(torch.cuda, "Stream", lambda device: stream)
    patch.setattr(torch.cuda, "Event", lambda: event)
    patch.setattr(torch.cuda, "current_stream", lambda device: stream)
    patch.setattr(torch.cuda, "stream", lambda stream: contextlib.nullcontext())
    patch.setattr(torch.random, "fork_rng", lambda devices=(): contextlib.nullcontext())
    patch.setattr(torch.Tensor, "pin_memory", lambda value: value)
    patch.setattr(torch.Tensor, "record_stream", lambda value, stream: None)
    for name in ("tensor", "as_tensor"):
        patch.setattr(torch, name, _moving(getattr(torch, name)))
    try:
        with Mode():
            yield
    finally:
        guards[CUDA] = None
        transfer._stream.cache_clear()
