"""Joins the jobs' thread to Blender's own: orders go out, news comes in by a timer, and each take is laid as it comes.

Nothing here waits, except `wait`, which scripts ask for. What is under way is kept in memory, in plain data: no strip, no scene.
A cue is known by its id, which its strips carry: a take can come into no other strip, whatever file is open by then.
"""

from __future__ import annotations

import contextlib
import json
import queue
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import bpy

from ... import jobs
from ...cue import Failure, Take
from ...errors import BadInput, Cancelled, TracklayError
from ...jobs import Step, checked
from ...jobs.job_spec import MOST_TAKES
from ...paths import folder
from ..sequencer import cue_index, placeholders, placement, staleness
from ..sequencer.cue_index import Asked, index
from ..settings import catalogue, network, preferences
from .cue_status import Line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from ...cue import Cue
    from ...jobs import Ended, Going, Looked, Order, Runner
    from ..sequencer.cue_index import Place
    from ..sequencer.selection import Spot
    from .cue_status import Key

TICK = 0.05
"""Seconds between two looks for news: a take is to lie there a tenth of a second after it is made."""

SOON = 0.01
"""Seconds to the next look when this one found something: takes are laid one by one, and the window is drawn between."""

NEWS_A_TICK = 32
"""More than this waits for the next tick: a tick must stay short."""

LOOK = 0.25
"""Seconds between two looks through the timeline while it is being changed."""

OVERDUE = 1.0
"""Seconds after which a look goes before takes that come: until then they lie there the sooner."""

SLICE = 0.0007
"""Seconds of a tick that may go into looking through the timeline, into letting takes back, or into seeing whether they are stale."""

GRACE = 4.0
"""Seconds that a placeholder may be gone before its job is cancelled: cut and pasted, or deleted and brought back, it is not."""

HELD_LOOK = 5.0
"""Seconds between two looks at jobs that another process carries, or that may not go on."""

OWN_STEP = 4
"""Takes that wait to be laid, up to which each gets a step of the undo history of its own; a flood gets one, for the history is short."""

MORE = MOST_TAKES + 1
"""What the further sounds of a job are counted up by: no take of the cue has such a number."""

WAIT = 0.2
"""Seconds a blocking wait sleeps at most, so that an interrupt is noticed."""

KIND = "blender"
"""What the ledger keeps of a job says who lays it: Blender."""

MOVING = ("TRANSFORM_OT_", "SEQUENCER_OT_")
"""Operators in whose midst nothing is laid: they hold on to strips, and their undo step is still to come."""


@dataclass(slots=True)
class Batch:
    """Cues that somebody waits for. They have no placeholders: their takes are laid when the last has come, as one undo step."""

    spots: dict[str, Spot]
    asked: dict[str, Asked]
    waiting: set[Key]
    then: Callable[[], None] | None = None
    ready: list[tuple[Key, Take]] = field(default_factory=list)
    laid: list[str] = field(default_factory=list)
    scenes: set[int] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)

    def complain(self, cue: str, error: str) -> None:
        """Note what went wrong; the same once."""
        sentence = f"{self.spots[cue].strip}: {error}"
        if sentence not in self.errors:
            self.errors.append(sentence)


@dataclass(frozen=True, slots=True)
class Landed:
    """A take as its strips have it."""

    take: Take
    text: str


class Pump:
    """All that is under way."""

    def __init__(self) -> None:
        self.lines: dict[str, Line] = {}
        self._runner: Runner | None = None
        self._starter = ThreadPoolExecutor(1, "tracklay-start")
        self._batches: list[Batch] = []
        self._landed: dict[Key, Landed] = {}
        """Takes that came, for as long as Blender runs: undo, redo, paste and opening a file bring placeholders back."""
        self._over: dict[Key, str] = {}
        """Why others never will, for the same reason."""
        self._landing: deque[Key] = deque()
        self._gone: dict[Key, float] = {}
        """Takes whose placeholders were deleted, and when."""
        self._undone: set[Key] = set()
        """Those whose placeholders an undo took away: a redo may bring them back, and they are not given up."""
        self._deleted: set[Key] = set()
        """Those that are being cancelled because their placeholders were deleted."""
        self._again: set[str] = set()
        """Cues that are looked up in the ledger to be made again."""
        self._strips: deque[tuple[str, str]] = deque()
        """Strips still to be looked at whether they are stale."""
        self._stale_look = staleness.Look()
        """By what they are."""
        self._looked = self._held_looked = 0.0
        self._looking = 0
        """How many questions to the ledger are still to be answered."""
        self.trouble = ""
        """Why the ledger did not answer the last."""
        self._flood = False
        self._opening = True
        """Whether a file was opened, and its placeholders are still to be looked up."""
        self._looking_on: Iterator[bool] | None = None
        """A look through the timeline that goes on with the next tick."""
        self._back: deque[Key] = deque()
        """Takes whose strips came back without them."""

    @property
    def runner(self) -> Runner:
        """Who carries the jobs: begun with the first, by Blender's own thread."""
        if self._runner is None:
            self._runner = jobs.Runner(preferences.at_once())
        return self._runner

    # Asking

    def start(
        self, orders: Sequence[tuple[Order, Spot]], *, wait: bool = False, then: Callable[[], None] | None = None
    ) -> Batch | None:
        """Send orders on their way, all of them or none. A placeholder of each take lies there when this comes back.

        Args:
            orders: what is asked for, and where.
            wait: somebody waits: no placeholders are laid, and the batch to wait for is given back.
            then: done when the strips lie there, within the same step of the undo history.

        Raises:
            TracklayError: there is no room above one of the pictures; nothing was sent.
        """
        look = staleness.Look()
        asked = {order.cue.id: placement.asked_for(order, spot, look) for order, spot in orders}
        amount, holds = preferences.cap()
        for project in {order.project for order, _ in orders} if amount else ():
            self.runner.cap(project, amount, holds=holds)
        batch = None
        if wait:
            placement.check_room(orders)
            keys = {(order.cue.id, each) for order, _ in orders for each in range(order.cue.takes)}
            batch = Batch({order.cue.id: spot for order, spot in orders}, asked, keys, then)
            self._batches.append(batch)
        else:
            placement.hold([(order, spot, asked[order.cue.id]) for order, spot in orders])
            index.changed = True
            if then is not None:
                then()
            placement.remember(placement.scene_of(orders[0][1], ""), placement.GENERATE)
        for order, spot in orders:
            self._begin(_told(order, spot))
        return batch

    def _begin(self, order: Order, takes: Sequence[int] = ()) -> None:
        cue = order.cue
        first = {each: Step(cue.id, each, "extract") for each in takes or range(cue.takes)}
        self.lines[cue.id] = Line(cue, order.laying, first)
        self._starter.submit(_started, self.runner, order)

    def again(self, cue: str) -> None:
        """Make what did not come of a cue once more; what came stays.

        Raises:
            TracklayError: it cannot be asked for as it was.
        """
        line = self.lines.get(cue)
        if line is None:
            self._again.add(cue)
            self._look_up({cue})
            return
        failed = sorted(number for number, state in line.states.items() if state == "failed")
        if not failed or self._is_going(line):
            return
        self._make_again(line.cue, line.laying, failed)

    def _make_again(self, cue: Cue, laying_: Mapping[str, Any], failed: list[int]) -> None:
        seed = None if cue.seed is None else cue.seed + failed[0]
        once_more = replace(cue, takes=len(failed), seed=seed)
        if trouble := network.offline(catalogue.model(cue.model)):
            raise BadInput(trouble)
        order = checked(once_more, Path(laying_["folder"]), str(laying_["stem"]), catalogue.MODELS)
        for number in failed:
            self._over.pop((cue.id, number), None)
            placeholders.hope(self._places((cue.id, number)))
        index.changed = True
        self._begin(replace(order, laying={**laying_, "takes": failed}), failed)

    def cancel(self, cue: str) -> None:
        """Stop a cue."""
        self._starter.submit(self.runner.cancel, cue)

    def dismiss(self, cue: str) -> None:
        """Forget a cue's error or note. Its placeholders stay, and say what they say."""
        if (line := self.lines.get(cue)) and (line.error or line.note) and not self._is_going(line):
            del self.lines[cue]

    def look_again(self, cue: str) -> None:
        """Look once more for a cue's jobs that are unclear or were given a rest, and go on with what is found."""
        if line := self.lines.get(cue):
            for number in [number for number, state in line.states.items() if state != "failed"]:
                del line.errors[number], line.states[number]
                line.done.discard(number)
                line.steps[number] = Step(cue, number, "generate", words="looking for it")
        self._look_up({cue})

    def send_again(self, cue: str) -> None:
        """Have a cue's unclear jobs sent once more: they may be charged twice."""
        line = self.lines[cue]
        for number in [number for number, state in line.states.items() if state == "unclear"]:
            del line.errors[number], line.states[number]
            line.done.discard(number)
            line.steps[number] = Step(cue, number, "extract")
            self._looking += 1
            self.runner.send_again(line.numbers[number], network.hindrance())

    def forget(self, cue: str) -> None:
        """Give a cue's unclear jobs up, and take their placeholders away."""
        line = self.lines[cue]
        for number in [number for number, state in line.states.items() if state != "failed"]:
            self._looking += 1
            self.runner.forget(line.numbers[number], network.hindrance())
            self._over[cue, number] = "given up by you: it may have been charged"
            self._take_away((cue, number))
            del line.errors[number], line.states[number], line.steps[number]
        if not line.steps:
            del self.lines[cue]

    # What comes

    @property
    def busy(self) -> bool:
        """Whether anything is still to come or to be laid."""
        return bool(
            self._batches
            or self._looking
            or self._landing
            or self._back
            or self._gone
            or any(map(self._is_going, self.lines.values()))
        )

    def _is_going(self, line: Line) -> bool:
        """Whether any take of a cue is still to come."""
        return bool(line.steps.keys() - line.done)

    def tick(self) -> bool:
        """Take in some news, and do one more thing at most; whether anything was to do."""
        heard = self._hear_some()
        looks = self.is_looking or self._opening or self._look_is_due()
        if self._landing and not _is_moving() and not (looks and self._must_look()):
            self._look_later()
            self._land()
        elif looks:
            self._look_on()
        elif self._back:
            self._let_back()
        elif self._strips:
            self._look_at_strips()
        else:
            self._look_at_held()
            return heard
        return True

    def _hear_some(self) -> bool:
        if self._runner is None:
            return False
        for heard in range(NEWS_A_TICK):
            try:
                self._hear(self._runner.news.get_nowait())
            except queue.Empty:
                return heard > 0
        return True

    def wait(self, batch: Batch) -> None:
        """Block until a batch is laid; an interrupt cancels it and goes on up."""
        try:
            while batch.waiting:
                try:
                    self._hear(self.runner.news.get(timeout=WAIT))
                except queue.Empty:
                    continue
        except KeyboardInterrupt:
            for cue in {cue for cue, _ in batch.waiting}:
                self.cancel(cue)
            raise
        self._lay(batch)

    def _hear(self, news: Step | Ended | Going | Looked) -> None:
        match news:
            case Step():
                if (line := self.lines.get(news.cue)) and news.index in line.steps:
                    line.steps[news.index] = news
            case jobs.Going():
                line = self._line(news)
                line.numbers[news.index] = news.job
                line.held.pop(news.index, None)
                line.done.discard(news.index)
                if news.words:
                    line.held[news.index] = news.words
            case jobs.Ended():
                self._ended(news)
            case jobs.Looked():
                self._looking -= 1
                self.trouble = news.trouble
                for cue in news.unknown:
                    self._never_known(cue)

    def _line(self, news: Going | Ended) -> Line:
        """A cue's line, begun where it was not under way as far as this Blender knew."""
        cue = news.cue.id
        if cue not in self.lines:
            self.lines[cue] = Line(news.cue, news.laying, {}, here=bool(index.of(cue)))
        line = self.lines[cue]
        line.steps.setdefault(news.index, Step(cue, news.index, "generate", words="taken up"))
        return line

    def _ended(self, news: Ended) -> None:
        key = news.cue.id, news.index
        line = self._line(news)
        if news.job is not None:
            line.numbers[news.index] = news.job
        line.held.pop(news.index, None)
        line.done.add(news.index)
        takes = [result for result in news.results if isinstance(result, Take)]
        errors = [result.error for result in news.results if isinstance(result, Failure)]
        batch = next((each for each in self._batches if key in each.waiting), None)
        for place, take in enumerate(sorted(takes, key=lambda take: take.number)):
            # A job that gives several sounds: those after the first get numbers that no other take of the cue has.
            which = key[0], news.index + place * MORE
            self._landed[which] = Landed(take, json.dumps(take.entry(), ensure_ascii=False))
            if batch is None:
                self._landing.append(which)
            else:
                batch.ready.append((which, take))
        if takes:
            line.steps[news.index] = Step(*key, "ready", 1.0)
        for error in errors:
            self._went_wrong(line, news, error, batch)
        if batch is not None:
            batch.waiting.discard(key)
            return
        if errors and news.cue.id in self._again:
            self._again.discard(news.cue.id)
            self._try_again(line, news.index)
        self._finish(line)

    def _try_again(self, line: Line, number: int) -> None:
        try:
            self._make_again(line.cue, line.laying, [number])
        except TracklayError as error:
            line.errors[number] = str(error)

    def _went_wrong(self, line: Line, news: Ended, error: TracklayError, batch: Batch | None) -> None:
        key, number = (news.cue.id, news.index), news.index
        if isinstance(error, Cancelled):
            self._over[key] = f"cancelled: {error}"
            line.steps.pop(number, None)
            if key in self._deleted:
                line.note = f"the placeholder was deleted, so its job was cancelled: {error}"
            elif batch is None:
                line.note = f"cancelled: {error}"
                self._take_away(key)
            else:
                batch.complain(news.cue.id, "cancelled")
            return
        over = news.state is None or news.state in ("failed", "cancelled", "laid")
        line.states[number] = "failed" if over else "unclear" if news.state == "unclear" else "stopped"
        line.errors[number] = str(error)
        line.steps[number] = Step(*key, "failed")
        if batch is not None:
            batch.complain(news.cue.id, str(error))
        elif over:
            self._over[key] = str(error)
            placeholders.fail(self._places(key), str(error))
            index.changed = True

    def _never_known(self, cue: str) -> None:
        words = "the ledger of this computer does not know this cue: delete the placeholder, or generate again"
        for place in index.of(cue):
            self._over[cue, place.mark.take] = words
            placeholders.fail([place], words)
        index.changed = True

    def _take_away(self, key: Key) -> None:
        """Take the placeholders of a take away, as one step of the undo history."""
        scenes = placeholders.remove(self._places(key))
        self._undone.discard(key)
        index.changed = True
        if scenes and (scene := bpy.data.scenes.get(scenes[0])):
            placement.remember(scene, placement.CANCEL)

    def _finish(self, line: Line) -> None:
        """Take a cue's line away, once all its takes have come and there is nothing to say."""
        waits = any(cue == line.cue.id for cue, _ in self._landing)
        if not (waits or self._is_going(line) or line.errors or line.note):
            self.lines.pop(line.cue.id, None)

    def _places(self, key: Key) -> list[Place]:
        """The strips of a take. Those that were copied since the last look are seen by the next."""
        return [place for place in index.of(key[0]) if place.mark.take == key[1] and not place.mark.stem]

    # Laying

    def _land(self) -> None:
        """Let the next take that came into its strips. It is off the list before: whatever happens then, it is laid once."""
        self._flood = self._flood or len(self._landing) > OWN_STEP
        key = self._landing.popleft()
        scenes = self._let_in(key)
        if line := self.lines.get(key[0]):
            self._finish(line)
        if scenes and (not self._flood or not self._landing):
            self._flood = False
            if (scene := bpy.data.scenes.get(scenes[0])) is not None:
                placement.remember(scene, placement.LAY)

    def _let_in(self, key: Key) -> list[str]:
        """Let a take into all strips of it; the scenes that were changed. Where there are none it waits for one to come back."""
        held, places = self._landed[key], self._places(key)
        scenes = placeholders.fill(places, held.take.file, held.text)
        if scenes:
            _arrived(places)
        if not places and key[1] >= MORE:
            with_it = self._places((key[0], key[1] % MORE))
            told = with_it[0].asked() if with_it else None
            if told and placement.beside(with_it[0], held.take, key[1], told):
                scenes = [with_it[0].scene]
        if places or scenes:
            self.runner.laid([held.take])
            index.changed = True
        elif (line := self.lines.get(key[0])) is None:
            pass
        elif key in self._undone:
            line.note = f"undone before its take came: it is in {held.take.file.parent}, and redo brings it back"
        return scenes

    def _lay(self, batch: Batch) -> None:
        """Lay all takes of a batch."""
        self._batches.remove(batch)
        for (cue, number), take in sorted(
            batch.ready, key=lambda each: (list(batch.spots).index(each[0][0]), each[0][1])
        ):
            spot = batch.spots[cue]
            try:
                batch.laid.append(placement.lay(spot, take, number, batch.asked[cue]))
            except TracklayError as error:
                batch.complain(cue, str(error))
                if line := self.lines.get(cue):
                    line.errors[number], line.states[number] = str(error), "failed"
            else:
                self.runner.laid([take])
                batch.scenes.add(spot.scene)
        index.changed = True
        if batch.then is not None:
            batch.then()
        for cue in batch.spots:
            if line := self.lines.get(cue):
                self._finish(line)
        from ..sequencer import takes  # noqa: PLC0415

        for scene in bpy.data.scenes:
            if scene.session_uid in batch.scenes:
                takes.landed(scene, batch.laid)
                placement.remember(scene, placement.LAY)

    # The timeline as it is

    def _look_is_due(self) -> bool:
        return (index.changed or bool(self._gone)) and time.monotonic() - self._looked > LOOK

    def look(self, *, undoing: bool = False) -> None:
        """Look through the timeline at once: let takes into strips that came back, and see which placeholders have gone.

        Args:
            undoing: an undo has just been made: what is gone is undone, and not deleted.
        """
        self._looking_on = None
        index.look()
        self._saw(undoing=undoing)
        self._let_back()

    @property
    def is_looking(self) -> bool:
        """Whether a look through the timeline goes on with the next tick."""
        return self._looking_on is not None

    def _must_look(self) -> bool:
        """Whether a look can't wait until takes have landed: a flood of them would put it off for ever."""
        return self._opening or time.monotonic() - self._looked > OVERDUE

    def _look_later(self) -> None:
        """Give up a look that is half done: what it has seen is about to change."""
        index.changed = index.changed or self.is_looking
        self._looking_on = None

    def _look_on(self) -> None:
        """The same for as long as a slice lasts."""
        until = time.perf_counter() + SLICE
        self._looking_on = self._looking_on or self._in_pieces()
        for ends in self._looking_on:
            if ends or time.perf_counter() > until:
                return
        self._looking_on = None

    def _in_pieces(self) -> Iterator[bool]:
        """A look, strip by strip, and what was seen by itself: whether a slice ends there, however little it took."""
        for _ in index.looking():
            yield False
        yield True
        self._saw()

    def _saw(self, *, undoing: bool = False) -> None:
        self._looked = time.monotonic()
        if opening := self._opening:
            self._opening = False
            self._gone.clear()
            self._undone.clear()
            for line in self.lines.values():
                line.here = line.cue.id in index.found
        there: dict[Key, list[Place]] = {}
        for places in index.found.values():
            for place in places:
                if not place.mark.stem:
                    there.setdefault((place.mark.cue, place.mark.take), []).append(place)
        self._mend(there)
        self._miss(there, undoing=undoing)
        self._stale_look = staleness.Look()
        self._strips = deque(
            dict.fromkeys((place.scene, place.strip) for places in there.values() for place in places if place.filled)
        )
        if opening:
            self._look_up(self._waited_for())
            if not bpy.app.background:
                self._starter.submit(_warmed)

    def _mend(self, there: Mapping[Key, list[Place]]) -> None:
        self._back.clear()
        for key, places in there.items():
            empty = [place for place in places if not place.filled]
            if not empty:
                continue
            if key in self._landed and key not in self._landing:
                self._back.append(key)
            elif key in self._over:
                placeholders.fail(empty, self._over[key])

    def _let_back(self) -> None:
        """Let takes into strips that came back, for as long as a slice lasts. No step of the undo history: there may be some to redo."""
        until = time.perf_counter() + SLICE
        while self._back and (bpy.app.background or time.perf_counter() < until):
            key = self._back.popleft()
            self._let_in(key)
            if line := self.lines.get(key[0]):
                line.note = ""
                self._finish(line)

    def _miss(self, there: Mapping[Key, object], *, undoing: bool) -> None:
        now = time.monotonic()
        for line in self.lines.values():
            if not line.here or any(line.cue.id in batch.spots for batch in self._batches):
                continue
            for number in line.steps:
                key = line.cue.id, number
                if key in there:
                    self._undone.discard(key)
                    self._gone.pop(key, None)
                elif key in self._undone or number in line.errors or key in self._landed or key in self._deleted:
                    pass
                elif undoing and key not in self._gone:
                    self._undone.add(key)
                elif now - self._gone.setdefault(key, now) > GRACE:
                    del self._gone[key]
                    self._deleted.add(key)
                    self._starter.submit(self.runner.cancel, *key)
        self._gone = {key: since for key, since in self._gone.items() if key[0] in self.lines}

    def _look_at_strips(self) -> None:
        """Look whether some strips are stale, for as long as a slice lasts."""
        until = time.perf_counter() + SLICE
        while self._strips and time.perf_counter() < until:
            scene_name, name = self._strips.popleft()
            scene = bpy.data.scenes.get(scene_name)
            strip = scene.sequence_editor.strips_all.get(name) if scene and scene.sequence_editor else None
            if strip is not None and cue_index.CUE in strip and staleness.mark(scene, strip, self._stale_look):
                index.changed = True

    # Files

    def opened(self) -> None:
        """A file was opened, or Tracklay was switched on in it: the next tick goes on with what its placeholders wait for."""
        self._opening = index.changed = True
        self._looking_on = None

    def _waited_for(self) -> set[str]:
        """Cues of the open file whose takes are still to come, and that this Blender knows nothing of."""
        return {
            cue
            for cue, places in index.found.items()
            if cue not in self.lines
            and any(
                not each.filled and not each.trouble and (cue, each.mark.take) not in self._landed for each in places
            )
        }

    def _look_up(self, names: Iterable[str]) -> None:
        if wanted := set(names):
            self._looking += 1
            self.runner.look(wanted, network.hindrance())

    def _look_at_held(self) -> None:
        held = {line.cue.id for line in self.lines.values() if line.held and line.here}
        if held and time.monotonic() - self._held_looked > HELD_LOOK:
            self._held_looked = time.monotonic()
            self._look_up(held)

    def take_up(self) -> list[str]:
        """For scripts: go on with all that the open file waits for, and block until it is laid; what is not, in words."""
        self.opened()
        self.look()
        while self._looking or any(self._is_going(line) and not line.held for line in self.lines.values()):
            with contextlib.suppress(queue.Empty):
                self._hear(self.runner.news.get(timeout=WAIT))
            while self._landing:
                self._land()
        left = [f"{line.strip}: {line.error or line.words}" for line in self.lines.values() if line.steps]
        return [self.trouble, *left] if self.trouble else left

    def close(self) -> None:
        """Let go of everything, so that it can be taken up again, and end the threads."""
        self._starter.shutdown(cancel_futures=True)
        if self._runner is not None:
            self._runner.close()


def _warmed() -> None:
    """Import what carries jobs aside: enabling does not need it, and the first Generate need not wait for it."""
    _ = jobs.Runner


def _started(runner: Runner, order: Order) -> None:
    """The folder of an order is made aside: it may lie on a slow disk."""
    try:
        folder(order.folder)
    except TracklayError as error:
        for each in order.laying.get("takes", range(order.cue.takes)):
            runner.news.put(jobs.Ended(order.cue, order.laying, each, [Failure(order.cue, error)]))
    else:
        runner.start(order)


def _told(order: Order, spot: Spot) -> Order:
    """An order with all that must be known to lay its takes, in plain data."""
    scene = placement.scene_of(spot, "")
    held = {
        "kind": KIND,
        "file": bpy.data.filepath,
        "scene": scene.name,
        "picture": spot.strip,
        "content_start": str(spot.content_start),
        "folder": str(order.folder),
        "stem": order.stem,
    }
    return replace(order, laying=held)


def _arrived(places: Iterable[Place]) -> None:
    """Let the takes of a cue be as the person wishes them, now that one has come."""
    from ..sequencer import takes  # noqa: PLC0415 - it asks this file to send what is made anew

    names: dict[str, list[str]] = {}
    for place in places:
        names.setdefault(place.scene, []).append(place.strip)
    for name, strips in names.items():
        if (scene := bpy.data.scenes.get(name)) is not None:
            takes.landed(scene, strips)


def _is_moving() -> bool:
    """Whether the person is in the midst of moving strips."""
    return any(
        operator.bl_idname.startswith(MOVING)
        for window in bpy.context.window_manager.windows
        for operator in window.modal_operators
    )


_pump: Pump | None = None


def pump() -> Pump:
    """The pump, made now if it was not yet."""
    global _pump  # noqa: PLW0603 - Blender has one main thread, and it has one pump
    if _pump is None:
        _pump = Pump()
    return _pump


def lines() -> dict[str, Line]:
    """What is under way or went wrong, by cue: what the panel shows."""
    return _pump.lines if _pump else {}


def watch() -> None:
    """Have the timer look for news until nothing is under way. In the background there is none."""
    if not bpy.app.background and not bpy.app.timers.is_registered(_tick):
        bpy.app.timers.register(_tick, first_interval=SOON, persistent=True)


def _tick() -> float | None:
    if _pump is None:
        return None
    if not _pump.tick():
        return TICK if _pump.busy or index.changed else None
    if not _pump.is_looking:
        redraw()
    return SOON


def redraw() -> None:
    """Draw the sequencers' panels and strips again, and nothing else."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "SEQUENCE_EDITOR":
                area.tag_redraw()


def close() -> None:
    """End all that is under way."""
    global _pump  # noqa: PLW0603
    if bpy.app.timers.is_registered(_tick):
        bpy.app.timers.unregister(_tick)
    if _pump is not None:
        _pump.close()
        _pump = None
