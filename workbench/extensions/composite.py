"""`CompositeExtension`, which combines several extensions into one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

from workbench.errors import ExtensionError
from workbench.extensions.base import Handler, TrainingExtension
from workbench.extensions.events import CallbackName
from workbench.extensions.simple_extension import SimpleExtension
from workbench.extensions.state import load_states, states_of
from workbench.extensions.third_party import Dispatching, as_extension
from workbench.extensions.triggers import Triggers
from workbench.interfaces import Loop
from workbench.tensor import SharedVariable

if TYPE_CHECKING:
    from workbench.log import TrainingLogBase

NOT_A_LIST = "sub_extensions must be a list, not {given!r}; write [...]"


class CompositeExtension(SimpleExtension):
    """Extension that manages a group of other extensions.

    The sub-extensions keep their triggers and are called in the given order. The triggers of the
    composite extension apply only to its `do` method, which does nothing unless a subclass
    overrides it.

    Parameters
    ----------
    sub_extensions : iterable of TrainingExtension
        The extensions to manage.
    run_before_children : bool
        If True, call `do` before the sub-extensions; if False, call it after them.
    name : str, optional
        The name of the extension; by default the class name.
    **triggers
        See `SimpleExtension`.

    Examples
    --------
    >>> from workbench.extensions import FinishAfter, Timing
    >>> CompositeExtension([Timing(), FinishAfter(after_n_epochs=5)])
    CompositeExtension([Timing(before_first_epoch=True, after_epoch=True),
    FinishAfter(after_n_epochs=5)])
    """

    _parts = ("sub_extensions",)

    def __init__(
        self,
        sub_extensions: Iterable[TrainingExtension | Dispatching],
        run_before_children: bool = True,
        *,
        name: str | None = None,
        **triggers: Unpack[Triggers],
    ) -> None:
        if isinstance(sub_extensions, (TrainingExtension, Dispatching)):
            raise ExtensionError(NOT_A_LIST.format(given=sub_extensions))
        self.sub_extensions = [
            as_extension(given, f"sub_extensions[{index}]")
            for index, given in enumerate(sub_extensions)
        ]
        self.run_before_children = run_before_children
        super().__init__(name, **triggers)

    @property
    def main_loop(self) -> Loop:
        """The main loop of this extension and its sub-extensions."""
        return super().main_loop

    @main_loop.setter
    def main_loop(self, value: Loop) -> None:
        self._main_loop = value
        for extension in self.sub_extensions:
            extension.main_loop = value

    def state_dict(self) -> dict[str, Any]:
        """Return the state of this extension and, keyed by name, of each sub-extension."""
        below = states_of(self.sub_extensions)
        own = super().state_dict()
        return {**own, "sub_extensions": below} if below else own

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        own = dict(state)
        load_states(self.sub_extensions, own.pop("sub_extensions", {}))
        super().load_state_dict(own)

    def state_variables(self) -> list[SharedVariable]:
        return [v for extension in self.sub_extensions for v in extension.state_variables()]

    def views(self) -> list[Mapping[str, Any]]:
        return [view for extension in self.sub_extensions for view in extension.views()]

    def ended(self, log: TrainingLogBase) -> str | None:
        return next(filter(None, (one.ended(log) for one in self.sub_extensions)), None)

    def go_on(self) -> None:
        for extension in self.sub_extensions:
            extension.go_on()

    def do(self, which_callback: CallbackName | None = None, *args: Any) -> None:
        """Do nothing; a subclass can override this method."""

    def dispatch(self, callback_invoked: CallbackName, *from_main_loop: Any) -> None:
        """Pass an event to this extension and to every sub-extension, in order."""
        if self.run_before_children:
            super().dispatch(callback_invoked, *from_main_loop)
        for extension in self.sub_extensions:
            extension.dispatch(callback_invoked, *from_main_loop)
        if not self.run_before_children:
            super().dispatch(callback_invoked, *from_main_loop)

    def handler(self, event: CallbackName) -> Handler | None:
        if type(self).dispatch is not CompositeExtension.dispatch:
            return partial(self.dispatch, event)
        own = partial(SimpleExtension.dispatch, self, event) if event in self._conditions else None
        below = [extension.handler(event) for extension in self.sub_extensions]
        handlers = [own, *below] if self.run_before_children else [*below, own]
        present = [handler for handler in handlers if handler is not None]
        if len(present) < 2:
            return present[0] if present else None

        def in_order(*args: Any) -> None:
            for handler in present:
                handler(*args)

        return in_order

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.sub_extensions!r})"
