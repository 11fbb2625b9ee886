"""A fake ComfyUI server: its routes, its queue and its WebSocket, as its source has them.

Facts: `docs/api-notes/comfyui.md`. The workflow's model is `flashes` of `click_model`: it clicks where the uploaded video is white. It runs
when the queue has been looked at often enough, so that no test waits.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
import threading
import uuid
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import httpx
from aiohttp import WSMsgType, web

from tests.fakes.click_model import click_track, flashes, write
from tests.fakes.server import Reply, Seen, Site

LOGIN = "Bearer comfy0123456789login"
"""The value of the header of a login in front of the server."""

NODE_TYPES: dict[str, Any] = {
    "LoadVideo": {"input": {"required": {"file": [["clip.mp4"], {"video_upload": True}]}}, "output_node": False},
    "TestFoley": {
        "input": {
            "required": {
                "video": ["VIDEO", {}],
                "prompt": ["STRING", {"multiline": True, "default": ""}],
                "negative_prompt": ["STRING", {"default": ""}],
                "seed": ["INT", {"default": 0, "min": 0, "max": 0xFFFFFFFFFFFFFFFF}],
                "duration": ["FLOAT", {"default": 8.0, "min": 1.0, "max": 30.0, "tooltip": "Length of the sound"}],
                "steps": ["INT", {"default": 25, "min": 1, "max": 100}],
                "model": [["foley_small.safetensors", "foley_large.safetensors"], {}],
            }
        },
        "output_node": False,
    },
    "SaveAudio": {
        "input": {"required": {"audio": ["AUDIO", {}], "filename_prefix": ["STRING", {"default": "audio/ComfyUI"}]}},
        "output_node": True,
    },
}
"""What `/object_info/CLASS` answers."""

WORKFLOW: dict[str, Any] = {
    "4": {"class_type": "LoadVideo", "inputs": {"file": "clip.mp4"}, "_meta": {"title": "Load Video"}},
    "7": {
        "class_type": "TestFoley",
        "inputs": {
            "video": ["4", 0],
            "prompt": "",
            "negative_prompt": "music",
            "seed": 1,
            "duration": 8.0,
            "steps": 25,
            "model": "foley_small.safetensors",
        },
        "_meta": {"title": "Foley"},
    },
    "9": {
        "class_type": "SaveAudio",
        "inputs": {"audio": ["7", 0], "filename_prefix": "audio/ComfyUI"},
        "_meta": {"title": "Save Audio"},
    },
}
"""A workflow in API format."""

MODEL = """\
id = "comfyui/foley"
title = "foley in ComfyUI"
summary = "A workflow of the tests."
task = "foley"
provider = "comfyui"
endpoint = "foley.json"
needs = ["video"]
gives = "audio"
seconds = { least = 1, most = 30 }
price = { amount = "0" }
licence = { name = "CC0" }

[parameters.video]
type = "file"
role = "video"
required = true
wire = "4.file"
help = "The picture of the span."

[parameters.prompt]
type = "text"
role = "prompt"
wire = "7.prompt"
help = "Sound to generate."

[parameters.seed]
type = "integer"
role = "seed"
wire = "7.seed"
help = "The same seed gives the same sound."

[parameters.duration]
type = "number"
role = "seconds"
minimum = 1
maximum = 30
wire = "7.duration"
help = "Length of the sound."
"""
"""The workflow as the file of a model, as `models add` writes it."""


@dataclass
class Prompt:
    """A prompt in the queue. It runs at the next look, and has ended at the one after."""

    id: str
    number: int
    graph: dict[str, Any]
    client_id: str
    looks: int = 0


@dataclass
class ComfyUI:
    """`with ComfyUI() as server`, then `server.url`. A test sets the attributes.

    `version`: servers from 0.25 take the client's prompt ID, from 0.26 on they have `/api/jobs`. `fails`: the exception of each run.
    `lose_answers`: answers to `/prompt` that break off after the prompt was queued. `looks`: looks at the queue until a prompt has ended.
    `kind`: the form of the output. `header`: (name, value) that each request must have.
    """

    version: tuple[int, int] = (0, 38)
    fails: str = ""
    lose_answers: int = 0
    looks: int = 2
    kind: str = "flac"
    header: tuple[str, str] | None = None
    node_types: dict[str, Any] = field(default_factory=lambda: dict(NODE_TYPES))
    queue: list[Prompt] = field(default_factory=list)
    history: dict[str, Any] = field(default_factory=dict)
    queued: list[Prompt] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    sockets: dict[str, web.WebSocketResponse] = field(default_factory=dict)
    url: str = ""

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory()
        self.root = Path(self._folder.name)
        for name in ("input", "output"):
            (self.root / name).mkdir()
        self._loop = asyncio.new_event_loop()
        self._ready, self._stop = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._serve(),))
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._loop.close()
        self._folder.cleanup()

    def restart(self) -> None:
        """Forget queue and history, as a restart does. Uploads and outputs stay on disk."""
        self.queue.clear()
        self.history.clear()

    async def _serve(self) -> None:
        app = web.Application(middlewares=[self._record], client_max_size=1 << 30)
        app.add_routes(
            [
                web.get("/system_stats", self._system_stats),
                web.get("/object_info/{name}", self._object_info),
                web.post("/upload/image", self._upload),
                web.get("/prompt", self._prompt_info),
                web.post("/prompt", self._queue_prompt),
                web.get("/queue", self._read_queue),
                web.post("/queue", self._change_queue),
                web.post("/interrupt", self._interrupt),
                web.get("/history/{id}", self._read_history),
                web.get("/view", self._view),
                web.get("/ws", self._socket),
            ]
        )
        if self.version >= (0, 26):
            app.add_routes([web.post("/api/jobs/{id}/cancel", self._cancel_job)])
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        self._ready.set()
        await self._stop.wait()
        for socket in list(self.sockets.values()):
            await socket.close()
        await runner.cleanup()

    @web.middleware
    async def _record(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.requests.append(f"{request.method} {request.path}")
        if self.header and request.headers.get(self.header[0]) != self.header[1]:
            return web.Response(status=401, text="login")
        reply: web.StreamResponse = await handler(request)
        return reply

    async def _system_stats(self, _: web.Request) -> web.Response:
        version = ".".join(map(str, self.version)) + ".0"
        return web.json_response({"system": {"comfyui_version": version, "argv": ["main.py"]}, "devices": []})

    async def _object_info(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        return web.json_response({name: self.node_types[name]} if name in self.node_types else {})

    async def _upload(self, request: web.Request) -> web.Response:
        """Equal bytes keep the name, others get a number."""
        part = (await request.post())["image"]
        assert isinstance(part, web.FileField)
        data, path, number = part.file.read(), self.root / "input" / part.filename, 1
        while path.exists() and path.read_bytes() != data:
            path = path.with_name(f"{Path(part.filename).stem} ({number}){path.suffix}")
            number += 1
        path.write_bytes(data)
        self.uploads.append(path.name)
        return web.json_response({"name": path.name, "subfolder": "", "type": "input"})

    async def _prompt_info(self, _: web.Request) -> web.Response:
        return web.json_response({"exec_info": {"queue_remaining": len(self.queue)}})

    async def _queue_prompt(self, request: web.Request) -> web.Response:
        body = await request.json()
        graph = body["prompt"]
        for node in graph.values():
            if node["class_type"] not in self.node_types:
                message = f"Cannot execute because node {node['class_type']} does not exist."
                error = {"type": "missing_node_type", "message": message, "details": "", "extra_info": {}}
                return web.json_response({"error": error, "node_errors": {}}, status=400)
        errors = self._node_errors(graph)
        if errors:
            error = {"type": "prompt_outputs_failed_validation", "message": "Prompt outputs failed validation"}
            return web.json_response({"error": error, "node_errors": errors}, status=400)
        own = str(uuid.uuid4())
        wanted = body.get("prompt_id")
        if self.version >= (0, 25) and wanted is not None:
            if wanted != str(uuid.UUID(wanted)):
                return web.json_response({"error": {"type": "invalid_prompt_id", "message": "Invalid"}}, status=400)
            own = wanted
        prompt = Prompt(own, len(self.queued), graph, body.get("client_id", ""))
        self.queue.append(prompt)
        self.queued.append(prompt)
        if self.lose_answers:
            self.lose_answers -= 1
            assert request.transport is not None
            request.transport.close()
        return web.json_response({"prompt_id": own, "number": prompt.number, "node_errors": {}})

    def _node_errors(self, graph: dict[str, Any]) -> dict[str, Any]:
        errors = {}
        for name, node in graph.items():
            declared = self.node_types[node["class_type"]]["input"]["required"]
            for key, value in node["inputs"].items():
                kind = declared.get(key, ["?"])[0]
                if isinstance(kind, list) and key != "file" and value not in kind:
                    extra = {"input_name": key, "received_value": value}
                    error = {
                        "type": "value_not_in_list",
                        "message": "Value not in list",
                        "details": key,
                        "extra_info": extra,
                    }
                    errors[name] = {"errors": [error], "dependent_outputs": ["9"], "class_type": node["class_type"]}
            if node["class_type"] == "LoadVideo" and not (self.root / "input" / node["inputs"]["file"]).exists():
                error = {"type": "custom_validation_failed", "message": "Custom validation failed", "details": "file"}
                errors[name] = {"errors": [error], "dependent_outputs": ["9"], "class_type": "LoadVideo"}
        return errors

    async def _read_queue(self, _: web.Request) -> web.Response:
        """Return the queue; with each look its first prompt goes on."""
        items = [[each.number, each.id, each.graph, {"client_id": each.client_id}, ["9"]] for each in self.queue]
        running = bool(self.queue) and self.queue[0].looks > 0
        reply = web.json_response({"queue_running": items[:1] if running else [], "queue_pending": items[running:]})
        if self.queue:
            first = self.queue[0]
            first.looks += 1
            await self._send(first, "executing", {"node": "7", "prompt_id": first.id})
            await self._send(first, "progress", {"value": first.looks, "max": 4, "node": "7", "prompt_id": first.id})
            if first.looks > self.looks:
                self.queue.remove(first)
                self._run(first)
                await self._send(first, "execution_success", {"prompt_id": first.id})
        return reply

    async def _send(self, prompt: Prompt, kind: str, data: dict[str, Any]) -> None:
        socket = self.sockets.get(prompt.client_id)
        if socket is not None and not socket.closed:
            await socket.send_bytes(b"\0\0\0\1preview")
            await socket.send_str(json.dumps({"type": kind, "data": data}))

    def _run(self, prompt: Prompt) -> None:
        status: dict[str, Any] = {"status_str": "success", "completed": True, "messages": []}
        outputs: dict[str, Any] = {}
        if self.fails:
            details = {"node_id": "7", "node_type": "TestFoley", "exception_message": self.fails, "traceback": []}
            status = {"status_str": "error", "completed": False, "messages": [["execution_error", details]]}
        else:
            inputs = prompt.graph["7"]["inputs"]
            times = flashes(self.root / "input" / prompt.graph["4"]["inputs"]["file"])
            track = click_track(times, Fraction(inputs["duration"]), 44_100)
            file = write(track, 44_100, self.kind, self.root / "output")
            file = file.rename(file.with_name(f"{prompt.id}.{self.kind}"))
            item = {"filename": file.name, "subfolder": "", "type": "output"}
            # A film's kind is `images`, as core SaveVideo has it.
            outputs = {"9": {"images": [item], "animated": [True]} if self.kind == "mp4" else {"audio": [item]}}
        self.history[prompt.id] = {
            "prompt": [prompt.number, prompt.id],
            "outputs": outputs,
            "status": status,
            "meta": {},
        }

    async def _change_queue(self, request: web.Request) -> web.Response:
        gone = (await request.json())["delete"]
        self.queue[:] = [each for each in self.queue if each.id not in gone or each.looks]
        return web.Response()

    async def _interrupt(self, request: web.Request) -> web.Response:
        self._end((await request.json()).get("prompt_id"))
        return web.Response()

    async def _cancel_job(self, request: web.Request) -> web.Response:
        found = any(each.id == request.match_info["id"] for each in self.queue)
        self._end(request.match_info["id"])
        return web.json_response({"cancelled": found})

    def _end(self, prompt_id: str) -> None:
        for each in [each for each in self.queue if each.id == prompt_id]:
            self.queue.remove(each)
            if each.looks:
                status = {"status_str": "error", "completed": False, "messages": [["execution_interrupted", {}]]}
                self.history[each.id] = {"outputs": {}, "status": status, "meta": {}}

    async def _read_history(self, request: web.Request) -> web.Response:
        name = request.match_info["id"]
        return web.json_response({name: self.history[name]} if name in self.history else {})

    async def _view(self, request: web.Request) -> web.StreamResponse:
        path = self.root / request.query["type"] / request.query.get("subfolder", "") / request.query["filename"]
        return web.FileResponse(path) if path.is_file() else web.Response(status=404)

    async def _socket(self, request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.sockets[request.query.get("clientId", "")] = socket
        await socket.send_json({"type": "status", "data": {"sid": request.query.get("clientId"), "status": {}}})
        async for message in socket:
            if message.type == WSMsgType.ERROR:
                break
        return socket


class ComfyUIProxy(Site):
    """A proxy before a fake ComfyUI server, on a server that fails on demand. It has no WebSocket: progress comes from the queue alone."""

    def __init__(self, comfyui: ComfyUI) -> None:
        super().__init__()
        self.comfyui = comfyui
        for method in ("GET", "POST"):
            self.route(method, "/{rest:path}")(self._forward)

    def _forward(self, seen: Seen, rest: str) -> Reply:
        kept = {name: value for name, value in seen.headers.items() if name in ("authorization", "content-type")}
        with httpx.Client() as client:
            reply = client.request(
                seen.method, f"{self.comfyui.url}/{rest}", params=seen.query, headers=kept, content=seen.body
            )
        return Reply(reply.status_code, reply.content, {"content-type": reply.headers.get("content-type", "")})
