"""`Board`, a drawing of a model that can be edited without a page.

Every operation of the canvas is a method of the board, so a program can do everything that a user
can do. If an operation raises an error, the board is unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from extensions_live.editor import (
    aligning,
    blocks,
    checking,
    feeding,
    grouping,
    image_file,
    insertion,
    merging,
    wiring,
)
from extensions_live.editor import settings as settings_
from extensions_live.editor.adoption import adopted
from extensions_live.editor.aligning import Side
from extensions_live.editor.anatomy import anatomies
from extensions_live.editor.board_layers import BoardLayers
from extensions_live.editor.board_state import Describable, described, ids
from extensions_live.editor.code import assigned_names, spec_of
from extensions_live.editor.code import read as read_code
from extensions_live.editor.document import Document, drawn, read
from extensions_live.editor.edge_ends import without_edges
from extensions_live.editor.nodes import (
    added,
    all_placed,
    placed_at,
    put_before,
    removed,
    with_input,
    with_nodes_for_bricks,
)
from extensions_live.editor.unpacking import unpacked
from workbench.builder.drawing import Inputs
from workbench.builder.fields import Json
from workbench.errors import BuilderError


class Board(BoardLayers):
    """Drawing of a model: a specification that may be unfinished, with positions and groups.

    Nodes are identified by ids, which do not change when a node is renamed. A part of a brick is
    identified by the id of the node and the path of the part, such as ``"mlp/linear_0"``. A port is
    identified by a node and the name of the port.

    Parameters
    ----------
    model : Spec, Brick, Variable, Model or torch.nn.Module, a list of bricks and variables, or Path
        The model to show, or an image file that contains one; by default, the board is empty.
    inputs : sequence or dict of shapes or tensors, optional
        The shapes or examples of the inputs of a torch module; see `workbench.builder.draw`.

    Raises
    ------
    BuilderError
        If the model cannot be described. All methods raise this error if an operation is not
        possible.

    Examples
    --------
    >>> board = Board()
    >>> x = board.add_input("features", shape=[None, 784])
    >>> layer = board.add("Linear", after=x)
    >>> board.set(layer, "output_dim", 10)  # input_dim follows from the input
    >>> board.set(layer, "input_dim", 500)
    >>> print(board.fault(layer))
    linear.apply: input_ has shape (?, 784), but input_dim is 500, ...
    >>> board.apply_fix(layer)
    >>> board.fault(layer), board.undo_name
    (None, 'set input_dim to 784')
    >>> board.undo()
    """

    # Nodes.

    def add(
        self,
        type: str,
        position: Sequence[float] | None = None,
        *,
        name: str | None = None,
        after: str | Sequence[str] | None = None,
        input: str | None = None,
        before: Sequence[str] | None = None,
        settings: Mapping[str, Json] | None = None,
    ) -> str:
        """Add a brick, an operation or a torch module, and return the id of its node.

        Parameters
        ----------
        type : str
            The type in the catalogue; ``"torch.nn.Linear"`` is the torch module, and
            ``"Linear"`` is the brick.
        position : pair of float, optional
        name : str, optional
        after : str or pair of str, optional
            A node, or a node and one of its outputs, to connect to the new node.
        input : str, optional
            The input of the new node that `after` is connected to; by default the first input.
        before : pair of str, optional
            A node and one of its inputs; the first output of the new node is connected to this
            input.
        settings : dict, optional
            The initial settings, in the JSON form that specifications use.
        """
        with self._lock:
            document, node = added(
                self._document, type, position, name, after, dict(settings or {}), input
            )
            document = put_before(document, node, before)
            self._edit(f"add {document.title(node)}", document)
            return node

    def add_input(
        self,
        name: str | None = None,
        shape: Sequence[int | None] = (None, None),
        dtype: str = "float32",
        *,
        position: Sequence[float] | None = None,
        before: Sequence[str] | None = None,
    ) -> str:
        """Add an input, and return the id of its node.

        In `shape`, None stands for an unknown size. The new input is connected to `before`, which
        is a pair of a node and one of its inputs.
        """
        with self._lock:
            document, node = with_input(self._document, name, shape, dtype)
            document = put_before(placed_at(document, node, position), node, before)
            self._edit(f"add {document.title(node)}", document)
            return node

    def add_block(self, block: str, position: Sequence[float] | None = None) -> list[str]:
        """Add a block from the palette, and return the ids of its outermost nodes.

        If an input of the board has the same name as an input of the block, or is unused and has
        a fitting shape, the block uses it. Rows of numbers are reshaped if the block needs images.
        """
        with self._lock:
            part, given = feeding.fed(self._document, blocks.found(block))
            document, new = merging.merged(self._document, part, position, given)
            self._edit(f"add {block}", document)
            return new

    def save_block(
        self, nodes: Sequence[str], name: str | None = None, *, replace: bool = False
    ) -> str:
        """Save nodes as a block for this and later notebooks, and return the name of the block.

        Parameters
        ----------
        nodes : list of str
            The ids of the nodes, usually the id of one group.
        name : str, optional
            The name of the block; by default the name of the group or node.
        replace : bool
            True to replace a saved block with the same name.
        """
        chosen = ids(nodes)
        part = merging.part_of(self._document, chosen)
        if name is None and len(chosen) > 1:
            raise BuilderError(
                "name is required to save several nodes; pass a name, or group the nodes first"
            )
        return blocks.save(self._titles(chosen) if name is None else name, part, replace=replace)

    def rename_block(self, block: str, name: str) -> str:
        """Rename a user's block, and return the new name; the nodes on the board are unchanged."""
        return blocks.rename(block, name)

    def remove_block(self, block: str) -> None:
        """Remove a user's block from the palette of this and later notebooks."""
        blocks.remove(block)

    def remove(self, nodes: Sequence[str] = (), *, edges: Sequence[Mapping[str, Any]] = ()) -> None:
        """Remove nodes and edges, including bricks that become unused and the contents of groups.

        Parameters
        ----------
        nodes : list of str
        edges : list of dict
            Edges between other nodes. Each has the keys ``target`` and ``input``, and ``index`` if
            several edges end at the input.
        """
        with self._lock:
            document = without_edges(self._document, edges)
            if nodes or not edges:
                document = removed(document, ids(nodes))
            what = self._titles(ids(nodes)) if nodes else f"{len(edges)} edges"
            self._edit(f"remove {'an edge' if what == '1 edges' else what}", document)

    def add_inputs(self, inputs: Sequence[Mapping[str, Any]]) -> list[str]:
        """Add several inputs, and return the ids of their nodes.

        Parameters
        ----------
        inputs : list of dict
            The arguments `name`, `shape` and `dtype` of `add_input` for each input.
        """
        with self._lock:
            document, new = self._document, []
            for one in inputs:
                document, node = with_input(document, one["name"], one["shape"], one["dtype"])
                new.append(node)
            self._edit(f"add {', '.join(map(document.title, new))}", document)
            return new

    def duplicate(self, nodes: Sequence[str]) -> list[str]:
        """Add copies of nodes and the edges between them, and return the ids of the copies.

        Copies of nodes that are in the same group are added to this group.
        """
        with self._lock:
            document, new = merging.duplicated(self._document, ids(nodes))
            self._edit(f"duplicate {self._titles(ids(nodes))}", document)
            return new

    def copy(self, nodes: Sequence[str]) -> str:
        """Return nodes and the edges between them as text for `paste`."""
        return merging.part_of(self._document, ids(nodes)).to_json()

    def paste(
        self,
        text: str,
        position: Sequence[float] | None = None,
        *,
        nodes: Sequence[str] | None = None,
        connected: bool = False,
    ) -> list[str]:
        """Add nodes from text, and return the ids of the outermost new nodes.

        Parameters
        ----------
        text : str
            The result of `copy`, a specification as JSON, or code.
        position : pair of float, optional
        nodes : list of str, optional
            The ids of the nodes in the text to add; by default all nodes.
        connected : bool
            True to recreate edges from the other nodes in the text if the board has a variable with
            the same name.
        """
        with self._lock:
            whole = read(text) if text.lstrip().startswith("{") else drawn(spec_of(text))
            part = whole if nodes is None else merging.part_of(whole, ids(nodes))
            outer = whole if connected else None
            document, new = merging.merged(self._document, part, position, outer=outer)
            self._edit("paste", document)
            return new

    # Settings and names.

    def set(self, node: str, setting: str, value: Json) -> None:
        """Change a setting of a node or a part of a brick to a value that JSON can represent."""
        with self._lock:
            document = settings_.changed(self._document, node, setting, value)
            self._edit(f"change {setting} of {self._title(node)}", document)

    def unset(self, node: str, setting: str) -> None:
        """Reset a setting to its inferred or default value."""
        with self._lock:
            document = settings_.unset(self._document, node, setting)
            self._edit(f"reset {setting} of {self._title(node)}", document)

    def set_method(self, node: str, method: str) -> None:
        """Make a node apply another method of its brick."""
        with self._lock:
            document = wiring.with_method(self._document, node, method)
            self._edit(f"apply {method} of {self._title(node)}", document)

    def rename(self, node: str, name: str) -> None:
        """Rename a node, a part of a brick or a group."""
        with self._lock:
            old = self._title(node)
            self._edit(f"rename {old} to {name}", settings_.renamed(self._document, node, name))

    def apply_fix(self, node: str) -> None:
        """Apply the suggested fix for the fault of a node."""
        with self._lock:
            check = self._checked()
            document, label = checking.fixed(self._document, self._document.check(node), check)
            self._edit(label, document)

    # The drawing.

    def move(self, positions: Mapping[str, Sequence[float]]) -> None:
        """Move nodes; `positions` maps node ids to positions."""
        with self._lock:
            document = all_placed(self._document, positions)
            what = self._titles([node.partition("/")[0] for node in positions])
            self._edit(f"move {what}", document)

    def align(self, nodes: Sequence[str], side: Side) -> None:
        """Align nodes by an edge or their centres; all must be on the canvas or in one open group.

        The sizes of nodes are those in `save_image`, which are similar to those on the page.

        Parameters
        ----------
        nodes : list of str
        side : str
            ``"left"`` or ``"top"`` to align these edges, ``"centre"`` to put the nodes below one
            another, or ``"middle"`` to put them side by side.

        Examples
        --------
        >>> board = Board()
        >>> x = board.add_input("features", position=[0, 0])
        >>> layer = board.add("Linear", [30, 100])
        >>> board.align([x, layer], "left")
        >>> board.document.spec.positions
        {'features': (0.0, 0.0), 'linear': (0.0, 100.0)}
        """
        with self._lock:
            chosen, wanted = ids(nodes), aligning.checked_side(side)
            boxes = aligning.boxes_of(self._document, self.payload(code=False), chosen)
            places = {node: (box.x, box.y) for node, box in boxes.items()}
            places |= aligning.aligned({node: boxes[node] for node in chosen}, wanted)
            self._edit(f"align {self._titles(chosen)}", all_placed(self._document, places))

    def arrange(self) -> None:
        """Remove all positions, so that the page arranges the nodes."""
        with self._lock:
            spec = replace(self._document.spec, positions={})
            self._edit("arrange", replace(self._document, spec=spec))

    def group(self, nodes: Sequence[str], name: str | None = None) -> str:
        """Group nodes, add the group to the palette as a block, and return the id of the group.

        A group does not change the model.
        """
        with self._lock:
            document, node = grouping.grouped(self._document, ids(nodes), name)
            self._edit(f"group {self._titles(ids(nodes))}", document)
            blocks.keep(document.title(node), merging.part_of(document, [node]))
            return node

    def put(
        self,
        nodes: Sequence[str],
        group: str | None,
        positions: Mapping[str, Sequence[float]] | None = None,
    ) -> None:
        """Move nodes into a group, or out of all groups.

        Parameters
        ----------
        nodes : list of str
        group : str or None
            The id of the group, or None to move the nodes out of all groups.
        positions : dict, optional
            The new positions of the nodes, keyed by id.
        """
        with self._lock:
            document = insertion.grouped_with(self._document, ids(nodes), group)
            verb = "take out" if group is None else "move"
            where = "" if group is None else f" into {document.title(group)}"
            what = self._titles(ids(nodes))
            self._edit(f"{verb} {what}{where}", all_placed(document, positions))

    def unpack(self, node: str) -> list[str]:
        """Replace a brick with its parts, or a group with its members, and return the new ids.

        Raises
        ------
        BuilderError
            If the brick is also used elsewhere, or if no operation can replace one of the
            computations between its parts.
        """
        with self._lock:
            title = self._title(node)
            if self._document.check(node) in self._document.groups:
                new = list(self._document.groups[node].members)
                document = grouping.dissolved(self._document, node)
            else:
                call = self._document.call(node)
                if (fault := self.fault(node)) is not None:
                    raise BuilderError(f"{title} cannot be unpacked while it has a fault: {fault}")
                kinds = checking.input_kinds(self._document, call, self._checked())
                document, new = unpacked(self._document, node, kinds)
            self._edit(f"unpack {title}", document)
            return new

    def open(self, node: str) -> None:
        """Show the contents of a group or a brick."""
        self._open(node, True)

    def close(self, node: str) -> None:
        """Hide the contents of a group or a brick."""
        self._open(node, False)

    def _open(self, node: str, on: bool) -> None:
        with self._lock:
            top, below = settings_.split(self._document, node)
            if top not in self._document.groups:
                name, inner = settings_.place_of(self._document, node)
                front = f"{inner}/" if inner else ""
                parts = anatomies(self._document.spec)[name].parts
                if not any(path.startswith(front) for path in parts):
                    raise BuilderError(f"{self._title(node)} has no parts to show")
            elif below:
                raise BuilderError(f"{node!r} is not a node")
            opened = self._document.opened
            opened = opened | {node} if on else opened - {node}
            verb = "open" if on else "close"
            self._edit(f"{verb} {self._title(node)}", replace(self._document, opened=opened))

    # The whole.

    def set_code(self, text: str) -> None:
        """Show the model that Python code describes; the code is parsed, but not executed.

        Nodes whose bricks still have the same paths keep their ids and positions. Unfinished nodes,
        which are not part of the code, stay on the board.
        """
        with self._lock:
            names = assigned_names(text)
            spec, code = read_code(text)
            document = adopted(self._document, spec, lambda name: name in names)
            self._code.written(document, code)
            self._edit("change the code", document)
            if document != self._document:
                return
            self._code.written(self._document, code)
            self._drawn = self._built = None  # the seed can differ

    def show(self, model: Describable | Iterable[Any], *, inputs: Inputs | None = None) -> None:
        """Show another model; bricks whose paths exist in both models keep their positions.

        For a torch module, `inputs` contains the shapes or examples of its inputs.
        """
        with self._lock:
            new = described(model, inputs)
            self._edit("show another model", adopted(self._document, new))

    def load(self, text: str | Path) -> None:
        """Show a saved board.

        Parameters
        ----------
        text : str or Path
            A saved document, a result of `copy`, or a specification, or the path of an image that
            `save_image` or a page has saved. A string is never a path, because pages send strings.
        """
        if isinstance(text, str) and text.strip().lower().endswith(image_file.ENDINGS):
            raise BuilderError(
                f"a string is not read as a path; use board.load(Path({text!r:.80}))"
            )
        with self._lock:
            given = image_file.document_in(text) if isinstance(text, Path) else text
            self._edit("load", with_nodes_for_bricks(read(given)), keep_code=False)

    def clear(self) -> None:
        """Remove all nodes and groups."""
        self._edit("clear", Document(), keep_code=False)
