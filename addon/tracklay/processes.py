"""Child processes: found by absolute path, given only the environment they need, and killed with everything they started.

A child never finds a program or a module in the current folder, and never sees an API key that it does not need.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_CREATION_FLAGS = 0

if sys.platform == "win32":
    # No console window appears, and Ctrl+C in the parent's console does not reach the child.
    _CREATION_FLAGS = subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW

CHILD_VARIABLES = frozenset(
    {
        # the system: Windows programs do not start without SYSTEMROOT
        *("SYSTEMROOT", "SYSTEMDRIVE", "WINDIR", "COMSPEC", "PATHEXT", "PROGRAMDATA", "PROGRAMFILES"),
        *("NUMBER_OF_PROCESSORS", "PROCESSOR_ARCHITECTURE", "PATH", "TMPDIR", "TEMP", "TMP", "LANG", "LANGUAGE", "TZ"),
        # the user: fonts, caches, Blender's own folders
        *("HOME", "USER", "USERNAME", "LOGNAME", "SHELL", "USERPROFILE", "HOMEDRIVE", "HOMEPATH"),
        *("APPDATA", "LOCALAPPDATA"),
        # a Blender that draws, on a display or a GPU
        *("DISPLAY", "WAYLAND_DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS", "OCIO"),
        *("CUDA_VISIBLE_DEVICES", "CUDA_PATH", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES"),
        # programs whose libraries are not in the system's folders
        *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "FONTCONFIG_PATH", "FONTCONFIG_FILE"),
        *("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"),
    }
)
"""Variables that a child inherits. A list of what is allowed, because keys and tokens of other programs have any name."""

CHILD_VARIABLE_PREFIXES = ("LC_", "XDG_", "BLENDER_", "LIBGL_", "MESA_", "GALLIUM_", "VK_", "__GL", "__EGL", "NIX_")


def child_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment of a child process: the allowed variables of this process's, and `extra`."""
    inherited = {
        name: value
        for name, value in os.environ.items()
        if name.upper() in CHILD_VARIABLES or name.upper().startswith(CHILD_VARIABLE_PREFIXES)
    }
    return inherited | {"PYTHONDONTWRITEBYTECODE": "1"} | dict(extra or {})


def find_program(name: str) -> str | None:
    """Return the absolute path of a program, or None if there is none.

    A name without a folder is looked for in the absolute folders of `PATH`. `shutil.which` would also take an empty entry of `PATH`,
    a relative one and, on Windows, the current folder.
    """
    if os.path.dirname(name):  # noqa: PTH120 - Path drops a leading `./`
        found = shutil.which(str(Path(name).expanduser().absolute()))
        return found and str(Path(found).absolute())
    for folder in os.environ.get("PATH", os.defpath).split(os.pathsep):
        if folder and Path(folder).is_absolute() and (found := shutil.which(str(Path(folder) / name))):
            return found
    return None


def start_process(
    command: Sequence[str], *, environment: Mapping[str, str] | None = None, **options: Any
) -> subprocess.Popen[bytes]:
    """Start a command in a new process group, without a console window.

    Args:
        command: the program's absolute path, and its arguments.
        environment: variables besides those of `child_environment`.
        options: those of `subprocess.Popen`.

    Raises:
        OSError: the command cannot be started.
    """
    return subprocess.Popen(
        command,
        start_new_session=sys.platform != "win32",
        creationflags=_CREATION_FLAGS,
        env=child_environment(environment),
        **options,
    )


def kill_process_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process of `start_process` and its children. On Windows only the process itself. A dead process is no error."""
    with contextlib.suppress(OSError):
        if sys.platform == "win32":
            process.kill()
        else:
            # The children hold the process's pipes: a reader of those would wait for them.
            os.killpg(process.pid, signal.SIGKILL)
