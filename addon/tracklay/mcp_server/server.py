"""The MCP server: its tools, with the types and texts that an assistant reads. It speaks over standard input and output."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import anyio.to_thread
from mcp.server.mcpserver import AcceptedElicitation, Context, Elicit, ElicitationResult, MCPServer, Resolve
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import ToolAnnotations
from pydantic import BaseModel, Field

from ..errors import TracklayError, describe
from ..version import VERSION
from . import actions
from .actions import SoundRequest
from .budget import Budget

if TYPE_CHECKING:
    from ..jobs.delivery import CopyStyle

INSTRUCTIONS = """Tracklay generates sound for video and lays it in sync. Looking (models, cues, estimates, jobs, reports, verify) is free.
`lay` makes takes: the models sketch/foley and sketch/music are free and need no key; any other spends the budget that the user set when
starting the server, and is refused without one. Call `estimate` first, and show the price to the user. Files are never overwritten."""

LOOKS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
WRITES = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=False)
SPENDS = ToolAnnotations(read_only_hint=False, destructive_hint=False, open_world_hint=True)

Picture = Annotated[str, Field(description="path of a video file, image folder, .otio (or .edl, .xml, .aaf) or .blend")]
ModelId = Annotated[str, Field(description="a model ID of list_models")]
Takes = Annotated[int, Field(description="takes of each cue", ge=1, le=99)]
Time = Annotated[str | None, Field(description="12.5 (seconds), 00:00:12:12 (timecode) or 300f (frames)")]
Names = Annotated[list[str] | None, Field(description="only clips with these names, or under these markers")]
Params = Annotated[dict[str, Any] | None, Field(description="parameters of the model, as show_model lists them")]
Editor = Annotated[str, Field(description="resolve: write an .otio that DaVinci Resolve imports; empty: as usual")]


async def call_action(action: Callable[[], Any]) -> Any:
    """Run an action in a thread and return its result. Its error becomes the tool's, in one sentence."""
    try:
        return await anyio.to_thread.run_sync(action)
    except TracklayError as error:
        raise ToolError(describe(error)) from error


class TracklayServer(MCPServer):
    """The server of one session, with its budget; `styles` are the copies that it can write, by editor."""

    def __init__(self, budget: Budget, styles: Mapping[str, CopyStyle]) -> None:
        super().__init__("tracklay", title="Tracklay", instructions=INSTRUCTIONS, version=VERSION)
        self.budget, self.styles = budget, styles

    def to_request(self, values: dict[str, Any]) -> SoundRequest:
        """Return the arguments of a tool as a request.

        Raises:
            ToolError: the editor is unknown.
        """
        arguments = {name: value for name, value in values.items() if name in SoundRequest.__dataclass_fields__}
        editor = values.get("editor", "")
        if editor and editor not in self.styles:
            raise ToolError(f"Unknown editor: {editor!r}. Known: {', '.join(self.styles)}.")
        arguments |= {"picture": Path(values["picture"]), "only": values["only"] or ()}
        arguments["to"] = Path(values["to"]) if values.get("to") else None
        return SoundRequest(**arguments, style=self.styles.get(editor))


class Approval(BaseModel):
    """The user's answer to the question whether a request may be paid for."""

    approve: bool = Field(description="Pay for this request, once")


async def ask_for_payment(
    ctx: Context,
    picture: str,
    model: str,
    takes: int,
    params: dict[str, Any] | None,
    in_point: str | None,
    out_point: str | None,
    only: list[str] | None,
    as_one: bool,  # noqa: FBT001 - the tool's argument, by its name
) -> Approval | Elicit[Approval]:
    """Return the question whether a request may be paid for: if it costs, there is no budget, and the user's program can ask."""
    server = ctx.mcp_server
    assert isinstance(server, TracklayServer)  # noqa: S101 - no other has this tool
    capabilities = ctx.client_capabilities
    if server.budget.left is not None or capabilities is None or capabilities.elicitation is None:
        return Approval(approve=False)
    request = SoundRequest(
        Path(picture),
        model,
        "-",
        takes=takes,
        params=params,
        in_point=in_point,
        out_point=out_point,
        only=only or (),
        as_one=as_one,
    )
    price = (await call_action(partial(actions.estimate_request, request)))["total"]
    if not price["amount"] or not float(price["amount"]):
        return Approval(approve=False)
    return Elicit(
        f"{model} for {request.picture.name} costs {price['amount']} {price['currency']}. Pay for it?", Approval
    )


def create_server(budget: Budget, styles: Mapping[str, CopyStyle]) -> MCPServer:
    """Return the server of a session with a budget. `styles` are the copies that it can write, by editor."""
    server = TracklayServer(budget, styles)
    _add_looking_tools(server)
    _add_working_tools(server)
    return server


def _add_looking_tools(server: MCPServer) -> None:
    @server.tool(annotations=LOOKS)
    async def list_models(task: str = "") -> list[dict[str, Any]]:
        """List the models: what each makes, from what, its price and whether commercial use is allowed. task: foley, effect or music."""
        result: list[dict[str, Any]] = await call_action(partial(actions.list_models, task))
        return result

    @server.tool(annotations=LOOKS)
    async def show_model(model: ModelId) -> dict[str, Any]:
        """Show one model with its parameters, limits, price and licence."""
        result: dict[str, Any] = await call_action(partial(actions.show_model, model))
        return result

    @server.tool(annotations=LOOKS)
    async def list_cues(
        picture: Picture, only: Names = None, in_point: Time = None, out_point: Time = None, *, as_one: bool = False
    ) -> list[dict[str, Any]]:
        """List the cues of a picture or timeline: name, start, length, source, and why one cannot be read. as_one: one over all cuts."""
        request = SoundRequest(Path(picture), only=only or (), in_point=in_point, out_point=out_point, as_one=as_one)
        result: list[dict[str, Any]] = await call_action(partial(actions.list_cues, request))
        return result

    @server.tool(annotations=LOOKS)
    async def list_jobs(*, include_finished: bool = False) -> dict[str, Any]:
        """List the jobs with state, error and cost, and what was spent by provider, project and day."""
        result: dict[str, Any] = await call_action(partial(actions.list_jobs, include_finished=include_finished))
        return result

    @server.tool(annotations=LOOKS)
    async def verify(
        file: Annotated[str, Field(description="path of a take, a film or any other sound")],
    ) -> dict[str, Any]:
        """Show what a file is and where it comes from: its marks, its signature, its manifest, whether it was changed."""
        result: dict[str, Any] = await call_action(partial(actions.verify_file, Path(file)))
        return result


def _add_working_tools(server: TracklayServer) -> None:
    @server.tool(annotations=LOOKS)
    async def estimate(
        picture: Picture,
        model: ModelId = "sketch/foley",
        prompt: str = "",
        negative: str = "",
        takes: Takes = 1,
        seed: int | None = None,
        params: Params = None,
        in_point: Time = None,
        out_point: Time = None,
        only: Names = None,
        to: str | None = None,
        editor: Editor = "",
        *,
        as_one: bool = False,
    ) -> dict[str, Any]:
        """Estimate what `lay` with the same arguments would cost, for each cue and together. Sends and writes nothing."""
        request = server.to_request(locals())
        result: dict[str, Any] = await call_action(partial(actions.estimate_request, request))
        return result

    @server.tool(annotations=SPENDS)
    async def lay(
        picture: Picture,
        model: ModelId = "sketch/foley",
        prompt: str = "",
        negative: str = "",
        takes: Takes = 1,
        seed: int | None = None,
        params: Params = None,
        in_point: Time = None,
        out_point: Time = None,
        only: Names = None,
        to: str | None = None,
        editor: Editor = "",
        *,
        as_one: bool = False,
        drop_original: bool = False,
        answer: Annotated[ElicitationResult[Approval], Resolve(ask_for_payment)],
    ) -> dict[str, Any]:
        """Generate sound for a picture's cues and lay it in a copy, in sync; return the manifest. Spends the user's budget unless free."""
        request = server.to_request(locals())
        allowed = server.budget
        if isinstance(answer, AcceptedElicitation) and answer.data.approve:
            price = (await call_action(partial(actions.estimate_request, request)))["total"]
            allowed = Budget(price["amount"])
        result: dict[str, Any] = await call_action(partial(actions.lay_request, request, allowed))
        return result

    @server.tool(annotations=WRITES)
    async def report(
        results: Annotated[
            str, Field(description="a *.tracklay.json manifest, results of batch, or a folder of these")
        ],
        to: str | None = None,
    ) -> dict[str, Any]:
        """Write a page to play and review takes, and a cue sheet; return the page's path."""
        action = partial(actions.make_report, Path(results), Path(to) if to else None)
        result: dict[str, Any] = await call_action(action)
        return result
