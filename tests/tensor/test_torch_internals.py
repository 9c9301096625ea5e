"""Private names of torch: what to do when torch moves one, and a check that no others are used.

If a test here fails after an update of torch, find the new place of the name in torch's sources,
change only `workbench/tensor/torch_internals.py`, and run ``make test bench``.
"""

import ast
import logging
import re

import pytest
import torch

from tests.support.tree import ROOT, modules
from workbench.tensor import torch_internals as internals

MULTI_TENSOR = "what torch.optim calls with foreach=True; see torch/optim/sgd.py and adam.py"
COMPILING = "what torch._inductor.standalone_compile itself calls; without it steps run eagerly"
ADVICE = {
    "TensorBase": "the C base of torch.Tensor, whose methods are looked up by name",
    "StorageWeakRef": "refers to the memory of a tensor without keeping it, and knows its end",
    "reparametrize_module": "what torch.func.functional_call does, except in a traced call",
    "is_tracing": "tells of a trace for ONNX; torch.jit.is_tracing is the same function",
    "set_grad_enabled": "what torch.set_grad_enabled calls",
    "engine_run_backward": "what torch.autograd.grad calls; that function does the same, slower",
    "TorchDispatchMode": "the base of modes; see torch/utils/flop_counter.py, which has one",
    "disable_current_modes": "leaves all dispatch modes; see its use in torch/_functorch",
    "tree_leaves": "torch.utils.pytree, once torch makes it public, has the same",
    **dict.fromkeys(
        "foreach_abs foreach_add foreach_add_ foreach_copy_ foreach_div foreach_mul foreach_neg "
        "foreach_norm foreach_pow foreach_sqrt foreach_sub foreach_sub_".split(),
        MULTI_TENSOR,
    ),
    "look_for_non_finite": "what torch.amp.GradScaler.unscale_ calls",
    "NormBase": "the base of torch's batch and instance norms",
    "OpOverload": "what aten operations are; the type of torch.ops.aten.add.Tensor",
    "OpOverloadPacket": "the type of torch.ops.aten.add",
    "ConvNd": "the base of torch's convolutions",
    "collectives": "what torch.distributed._functional_collectives calls, which compiles too",
    "linear_pointwise": "oneDNN's linear layer, from torch/_inductor/mkldnn_ir.py; else `@`",
    "ConstantSource": "where a symbolic size comes from; see ShapeEnv.create_symbol",
    "FlopCounterMode": "counts the operations of a graph, in graph/counts.py",
    "DataDependentOutputException": "what fake tensors raise where a value is needed",
    "FakeTensor": "tensors without values; all inference of shapes rests on them",
    "FakeTensorMode": "tensors without values; all inference of shapes rests on them",
    **dict.fromkeys(
        "TracingContext add_needs_realized_inputs compile_fx_inner compile_lock functorch_config "
        "standalone_compile tracing valid_vec_isa_list".split(),
        COMPILING,
    ),
}
OWN = {"storage_of", "check_size", "shape_env", "quiet"}


def names():
    """Return all names that the module takes from torch."""
    found = {name for name in vars(internals) if not name.startswith("_") and name.islower()}
    found |= {
        "ConvNd",
        "NormBase",
        "OpOverload",
        "OpOverloadPacket",
        "StorageWeakRef",
        "TensorBase",
        "TorchDispatchMode",
        *internals.LATER,
    }
    return found - {"annotations", "contextlib", "importlib", "logging", "torch"} - OWN


def test_every_private_name_has_its_advice():
    assert names() == set(ADVICE)


@pytest.mark.parametrize("name", sorted(ADVICE))
def test_torch_still_has_it(name):
    try:
        found = getattr(internals, name)
    except (ImportError, AttributeError) as error:
        pytest.fail(f"torch {torch.__version__} moved {name} ({error}). It is {ADVICE[name]}")
    assert found is not None


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        internals.nothing


def private(path):
    """Yield every private name of torch in a file, with its line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        match node:
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] == "torch":
                used = [f"{module}.{alias.name}" for alias in node.names]
            case ast.Import():
                used = [alias.name for alias in node.names]
            case ast.Attribute() if re.fullmatch(r"[\w.]+", ast.unparse(node)):
                used = [ast.unparse(node)]
            case ast.Attribute(attr="_cdata"):
                used = [ast.unparse(node)]
            case _:
                continue
        for name in used:
            parts = name.split(".")
            hidden = any(p.startswith("_") and not p.startswith("__") for p in parts[1:])
            if (parts[0] == "torch" and hidden) or name.endswith("._cdata"):
                yield f"{path.relative_to(ROOT)}:{node.lineno}: {name}"


EVERYWHERE = [path for path in modules().values() if path.stem != "torch_internals"]


@pytest.mark.parametrize("path", EVERYWHERE, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_other_module_uses_a_private_name(path):
    assert list(private(path)) == [], "take it from workbench.tensor.torch_internals"


def test_the_search_for_private_names_finds_them(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "x.py").write_text(
        "from torch._C import a\nimport torch._x\ntorch.x._y.z\nb._cdata"
    )
    assert len(list(private(tmp_path / "x.py"))) == 5  # torch.x._y.z has torch.x._y in it


def test_quiet_blocks_can_overlap(caplog):
    log = logging.getLogger(internals.FAKE_TENSOR_LOG)
    one, other = internals.quiet(), internals.quiet()
    one.__enter__()
    other.__enter__()
    one.__exit__(None, None, None)
    log.error("refused")
    other.__exit__(None, None, None)
    log.error("shown")
    assert "shown" in caplog.messages and "refused" not in caplog.messages


def test_the_version_of_torch_has_a_ceiling():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    assert f'"torch>=2.13,<2.{int(torch.__version__.split(".")[1]) + 1}"' in text


def test_views_share_the_storage_of_their_base_and_copies_do_not():
    matrix = torch.ones(2, 3)
    assert internals.storage_of(matrix) == internals.storage_of(matrix[:1].T)
    assert internals.storage_of(matrix) != internals.storage_of(matrix.clone())
