"""`Samples`: a live view of the network's predictions for some examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import traitlets

from extensions_live.example_images import Bytes, as_images, checked_shape, fitting
from extensions_live.fixed_examples import TARGETS, Array, FixedExamples, Shower, shown
from extensions_live.messages import EditBar, Tile, TilesPayload
from extensions_live.probe_view import ProbeView
from extensions_live.widget import asset
from workbench.errors import SessionError, nearest
from workbench.interfaces import Probe, Session
from workbench.tensor import Variable

MOST = 24

FEWEST_PIXELS = 64
HINT = "; if these rows of {count:,} numbers are pixels, pass shape=(height, width) to show images"
NO_SOURCE = "the examples have no source {name!r}; their sources: {known}; pass source=...{hint}"


class Samples(ProbeView[TilesPayload]):
    """Predictions for some examples, as images or text, updated while the network learns.

    Training is not affected, and nothing is computed while no page shows the view.

    Parameters
    ----------
    session : Session
        The run to watch.
    output : Variable, optional
        The output to show: one score for each class, a number, an image or anything else. By
        default, the output of ``session.predict`` is shown.
    batch : mapping of str to array, optional
        The examples, keyed by source; by default validation examples or, if the run has none, the
        first batch of the training data.
    source : str, optional
        The source that is shown for each example. The default is the first source that contains
        images or, without images, the first source that is not `targets`.
    targets : str
        The source of the true classes or values, if such a source exists.
    labels : sequence of str, optional
        The class names; by default the names in the data that was passed to `fit`.
    shape : sequence of int, optional
        The shape of an image, ``(height, width)`` or ``(channels, height, width)``, if examples are
        rows of pixels.
    text, output_text : callable, optional
        Functions that convert an example or an output, respectively, to text.
    most : int
        The maximum number of examples to show.
    title : str, optional

    Raises
    ------
    SessionError
        If the session does not train the parameters that the output depends on, or an option is
        not valid.

    Examples
    --------
    In a notebook, ``Samples(session, scores, batch, shape=(28, 28))`` as the last line of a cell
    shows the view; after `fit`, ``Samples(session)`` is enough.
    """

    _esm = asset("tiles.js")

    needs_classes = False
    by_default: type[FixedExamples] = FixedExamples  # used if no batch is given

    flags = traitlets.Bool(False).tag(sync=True)

    def __init__(
        self,
        session: Session,
        output: Variable | None = None,
        batch: Mapping[str, Any] | None = None,
        *,
        source: str | None = None,
        targets: str = TARGETS,
        labels: Sequence[str] | None = None,
        shape: Sequence[int] | None = None,
        text: Shower | None = None,
        output_text: Shower | None = None,
        most: int = MOST,
        title: str = "",
    ) -> None:
        self._source, self._shape, self._most = source, checked_shape(shape), most
        self._text, self._output_text = text, output_text
        self._shown: Array = np.zeros(0)
        self._images: Bytes | None = None
        self._taken: Mapping[str, Any] | None = None  # the batch that is shown
        reader = self.by_default if batch is None else FixedExamples
        self.examples = reader(
            session,
            output,
            batch,
            targets=targets,
            labels=labels,
            user=type(self).__name__,
            needs_classes=self.needs_classes,
        )
        found = self.examples.batch or self.examples.first_batch(session)
        if found is not None:
            self._look_at(found)
        super().__init__(session, title=title)

    def _look_at(self, batch: Mapping[str, Any]) -> None:
        """Choose the source to show, and convert it to images if possible.

        Raises
        ------
        SessionError
            If the source does not exist, or `shape` does not fit its examples.
        """
        source, targets = self._source, self.examples.targets
        if source is not None and source not in batch:
            known = ", ".join(map(repr, batch))
            raise SessionError(
                NO_SOURCE.format(name=source, hint=nearest(source, batch), known=known)
            )
        inputs = [name for name in batch if name != targets] or list(batch)
        if source is None:
            looks = [name for name in inputs if as_images(batch[name]) is not None]
            source = next(iter([*looks, *inputs]))
        values = np.asarray(batch[source])
        images = as_images(values, self._shape) if self._text is None else None
        if batch is self.examples.batch:  # not a batch that only serves to check arguments
            self._shown, self._images, self._taken = values, images, batch

    def ask(self, session: Session) -> Probe:
        return self.examples.ask(session)

    def see(self, probe: Probe) -> None:
        self.examples.see(probe)
        batch = self.examples.batch
        if batch is not None and batch is not self._taken:
            self._look_at(batch)

    def chosen(self) -> list[int]:
        """Return the indices of the examples to show, in order."""
        return list(range(min(self._most, len(self._shown))))

    def tile(self, index: int) -> Tile:
        """Return the contents of the tile for one example."""
        truth = None if self.examples.truth is None else self.examples.truth[index]
        text = "" if self._images is not None else shown(self._shown[index], self._text)
        tile: Tile = {
            "index": index, "text": text, "truth": "", "guess": "", "sure": None, "right": None,
            "loss": "", "flagged": False, "edit": "",
        }  # fmt: skip
        if self.examples.has_classes and self._output_text is None:
            assert truth is not None
            chances = self.chances[index]
            guess = int(chances.argmax())
            finite = bool(np.isfinite(chances).all())
            tile["truth"] = self.examples.label(int(truth))
            tile["guess"] = self.examples.label(guess) if finite else "not a number"
            tile["sure"] = float(chances[guess]) if finite else None
            tile["right"] = finite and guess == int(truth)
        else:
            if self._output_images is None:
                tile["guess"] = shown(self.examples.output[index], self._output_text)
            if truth is not None and np.ndim(truth) == 0:
                tile["truth"] = shown(truth, None)
        return tile

    def contents(self) -> TilesPayload | None:
        if not self.seen and not len(self.examples.output):
            return None
        indices = self.chosen()
        self.chances = (
            self.examples.probabilities() if self.examples.has_classes else self.examples.output
        )
        self._output_images = self._outputs_as_images()
        tiles = [self.tile(index) for index in indices]
        images, outputs = self._images, self._output_images
        shown_images = None if images is None else fitting(images[indices])
        shown_outputs = None if outputs is None else fitting(outputs[indices])
        one = shown_images if shown_images is not None else shown_outputs
        _, height, width, channels = (0, 0, 0, 0) if one is None else one.shape
        return {
            "tiles": tiles,
            "images": b"" if shown_images is None else shown_images.tobytes(),
            "outputs": b"" if shown_outputs is None else shown_outputs.tobytes(),
            "width": width,
            "height": height,
            "channels": channels,
            "edit": self.edit_bar(),
            "summary": self.told(tiles) + self._hint(),
        }

    def _hint(self) -> str:
        """Return a hint that explains how to show rows of numbers as images, or an empty string."""
        rows = self._shown
        if self._images is not None or self._text is not None or rows.ndim != 2:
            return ""
        if rows.shape[1] < FEWEST_PIXELS or rows.dtype.kind not in "biuf":
            return ""
        return HINT.format(count=rows.shape[1])

    def edit_bar(self) -> EditBar | None:
        """Return the form for editing the examples, or None if the view has no such form."""
        return None

    def told(self, tiles: Sequence[Tile]) -> str:
        """Return a line of text about the examples that are shown."""
        total, count = len(self._shown), len(tiles)
        known = [tile["right"] for tile in tiles if tile["right"] is not None]
        parts = [f"iteration {self.examples.iteration:,}"]
        parts += [f"the first {count:,} of {total:,} examples"] if count < total else []
        parts += [f"{sum(known):,} of {len(known):,} right"] if known else []
        return ", ".join(parts) + self.examples.which

    def _outputs_as_images(self) -> Bytes | None:
        """Return the outputs as images, or None if they have a different size from the examples."""
        images, output = self._images, self.examples.output
        if images is None or self.examples.has_classes or self._output_text is not None:
            return None
        if self.examples.output[:1].size != images[:1].size or len(self.examples.output) != len(
            images
        ):
            return None
        _, height, width, channels = images.shape
        shape = (height, width) if channels == 1 else (channels, height, width)
        return as_images(output, shape)

    def table(self) -> tuple[Sequence[str], Sequence[Sequence[str]]]:
        payload = self.contents()
        tiles = [] if payload is None else payload["tiles"]
        rows = [[str(t["index"]), t["truth"], t["guess"], t["loss"]] for t in tiles]
        return ["example", "truth", "prediction", "loss"], rows
