"""Models replaced while a torch optimizer trains them: its state, schedulers and learning rate."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from tests.session.test_rebuilding import DEEPER, RECTIFIED, changed, finish, rebuilt, step, values
from tests.support import runs
from tests.support.waiting import SOON, paused_at
from workbench.algorithms import TorchOptimizer
from workbench.builder import Spec, widen
from workbench.errors import ArchiveError, SessionError
from workbench.extensions.saveload import Load
from workbench.main_loop import MainLoop

pytestmark = pytest.mark.usefixtures("no_session_is_left")


def started(optimizer=torch.optim.Adam, options=None, *, at=4, batches=20, **more):
    def algorithm(cost, parameters, rule):
        return TorchOptimizer(cost, parameters, optimizer, {"lr": 0.05, **(options or {})}, **more)

    session = runs.build(batches, dropout=0, algorithm=algorithm).start(paused=True)
    if at:
        session.step(at).wait(SOON)
        paused_at(session, at)
    return session


def states(session):
    """Return the state of the optimizer by the paths of parameters, with copies of its tensors."""
    algorithm = session.main_loop.algorithm
    names = {one: name for name, one in session.main_loop.model.get_parameter_dict().items()}
    return {
        names[parameter]: {
            key: value.clone() for key, value in algorithm.optimizer.state.get(leaf, {}).items()
        }
        for parameter, leaf in zip(algorithm.parameters, algorithm._leaves, strict=True)
    }


@pytest.mark.parametrize(
    "optimizer, options",
    [(torch.optim.Adam, {}), (torch.optim.SGD, {"momentum": 0.9}), (torch.optim.RMSprop, {})],
    ids=["Adam", "SGD", "RMSprop"],
)
def test_a_model_that_is_built_again_trains_with_the_same_numbers(optimizer, options):
    session, other = started(optimizer, options), started(optimizer, options)
    spec = Spec.from_dict(session.spec())
    output = spec.calls[0].outputs[0]
    session.rebuild(replace(spec, monitored=(*spec.monitored, output))).wait(SOON)
    finish(session), finish(other)
    for name, value in values(other).items():
        np.testing.assert_array_equal(value, values(session)[name], err_msg=name)


def test_the_state_of_layers_around_an_inserted_one_is_kept():
    session = started()
    before = states(session)
    result = rebuilt(session, **DEEPER)
    assert result["new"] == ["/mlp/linear_1.W", "/mlp/linear_1.b"]
    after = states(session)
    assert after["/mlp/linear_1.W"] == {}
    for key, value in before["/mlp/linear_1.W"].items():
        assert torch.equal(after["/mlp/linear_2.W"][key], value)
    step(session)
    assert states(session)["/mlp/linear_1.W"]["step"] == 1
    assert states(session)["/mlp/linear_2.W"]["step"] == 5
    session.stop()


def test_copied_units_have_the_state_of_their_origin():
    session = started()
    before = states(session)
    found = widen(Spec.from_dict(session.spec()), "mlp/linear_0", 8)
    session.rebuild(found.spec, widened=[found.brick]).wait(SOON)
    after = states(session)["/mlp/linear_0.W"]
    moments = before["/mlp/linear_0.W"]["exp_avg"]
    assert torch.equal(after["exp_avg"], torch.cat([moments, moments[:, :2]], 1))
    assert after["step"] == 4
    step(session)
    session.stop()


def test_schedulers_and_the_learning_rate_go_on():
    def halving(optimizer):
        return torch.optim.lr_scheduler.StepLR(optimizer, 3, 0.5)

    session, other = started(schedulers=[halving]), started(schedulers=[halving])
    rate = session.main_loop.algorithm.learning_rate
    rebuilt(session, **RECTIFIED)
    assert session.main_loop.algorithm.learning_rate is rate
    for _ in range(3):
        step(session), step(other)
    rates = [one.main_loop.algorithm.learning_rate.get_value() for one in (session, other)]
    assert rates[0] == rates[1] == np.float32(0.05 / 4)
    session.set(rate, 0.3).wait(SOON)
    step(session)
    assert session.main_loop.algorithm.optimizer.param_groups[0]["lr"] == pytest.approx(0.3)
    session.stop(), other.stop()


def test_undo_restores_the_state_of_the_optimizer():
    session, other = started(), started()
    rebuilt(session, **DEEPER)
    step(session)
    session.undo().wait(SOON)
    paused_at(session, 4)
    finish(session), finish(other)
    for name, value in values(other).items():
        np.testing.assert_array_equal(value, values(session)[name], err_msg=name)


def test_one_state_for_all_parameters_is_refused_and_training_goes_on():
    session = started(torch.optim.LBFGS, {"lr": 0.1})
    before = values(session)
    with pytest.raises(SessionError, match="LBFGS has one state for all parameters together"):
        rebuilt(session, **DEEPER)
    for name, value in values(session).items():
        np.testing.assert_array_equal(value, before[name])
    rebuilt(session, **RECTIFIED)  # all parameters stay
    step(session)
    session.stop()


def test_a_state_that_more_units_do_not_extend_is_refused():
    session = started(torch.optim.Adafactor)
    found = widen(Spec.from_dict(session.spec()), "mlp/linear_0", 8)
    with pytest.raises(SessionError, match="has the state 'row_var' of shape .* more units"):
        session.rebuild(found.spec, widened=[found.brick]).wait(SOON)
    step(session)
    session.stop()


def test_groups_that_become_others_are_refused():
    def in_groups(leaves, **options):
        groups = [{"params": [leaf]} for leaf in leaves]
        return torch.optim.SGD(groups, **options)

    session = started(in_groups)
    with pytest.raises(SessionError, match="into 6 groups instead of 4"):
        rebuilt(session, **DEEPER)
    session.stop()


def test_an_optimizer_of_another_class_is_refused():
    class Own(TorchOptimizer):
        pass

    def algorithm(cost, parameters, rule):
        return Own(cost, parameters, torch.optim.SGD, {"lr": 0.1})

    session = runs.build(20, dropout=0, algorithm=algorithm).start(paused=True)
    session.step(2).wait(SOON)
    paused_at(session, 2)
    with pytest.raises(SessionError, match="the algorithm is a Own, which cannot be recreated"):
        rebuilt(session, **RECTIFIED)
    session.stop()


# Saved runs.


def test_a_changed_model_is_loaded_with_the_state_of_its_optimizer(tmp_path):
    session = started()
    rebuilt(session, **DEEPER)
    step(session)
    path = session.save(tmp_path / "run.tar").wait(SOON)
    finish(session)
    other = started(at=0)
    other.load(path).wait(SOON)
    paused_at(other, 5)
    finish(other)
    for name, value in values(session).items():
        np.testing.assert_array_equal(value, values(other)[name], err_msg=name)


@pytest.mark.parametrize("optimizer", [None, torch.optim.Adam], ids=["Momentum", "torch"])
def test_a_run_that_load_continued_is_rebuilt_with_its_buffers(optimizer, tmp_path):
    def build(*extensions):
        if optimizer is None:
            return runs.build(20, *extensions, dropout=0)
        make = lambda cost, parameters, rule: TorchOptimizer(cost, parameters, optimizer)  # noqa: E731
        return runs.build(20, *extensions, dropout=0, algorithm=make)

    first = build().start(paused=True)
    first.step(4).wait(SOON)
    path = paused_at(first, 4).save(tmp_path / "run.tar").wait(SOON)
    session = build(Load(path, load_iteration_state=True, load_log=True)).start(paused=True)
    for one in (first, session):
        if one is session:
            one.step().wait(SOON)
            paused_at(one, 5)
        else:
            step(one)
        rebuilt(one, **RECTIFIED)
        finish(one)
    for name, value in values(first).items():
        np.testing.assert_array_equal(value, values(session)[name], err_msg=name)


def test_load_says_that_the_model_was_changed_and_what_loads_it(tmp_path):
    session = started()
    session.rebuild(changed(session, **DEEPER)).wait(SOON)
    path = session.save(tmp_path / "run.tar").wait(SOON)
    session.stop()
    loop: MainLoop = runs.build(20, Load(path, load_iteration_state=True), dropout=0)
    with pytest.raises(ArchiveError, match=r"changed during training.*session.load\("):
        loop.run()
