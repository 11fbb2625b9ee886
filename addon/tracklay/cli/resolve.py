"""Runs `tracklay resolve`: installs the script in Resolve's menu, opens the window, tests what Resolve does."""

from __future__ import annotations

import argparse
from dataclasses import asdict

from ..errors import TracklayError
from ..resolve import installation
from ..resolve.bridge import connect_bridge, connect_studio
from ..resolve.calls import is_studio
from .doctor import Finding
from .exit_status import EXIT_DONE, EXIT_FAILED
from .messages import print_json, print_message
from .tables import show_facts, show_findings, show_written_file


def run_install(options: argparse.Namespace) -> int:
    """Run `tracklay resolve install` and return the exit status."""
    show_written_file(installation.install_script(all_users=options.all_users))
    print_message(
        "In Resolve: Workspace > Scripts > Tracklay. The free edition of 21.1 runs no Python: see docs/resolve.md."
    )
    return EXIT_DONE


def run_uninstall(options: argparse.Namespace) -> int:
    """Run `tracklay resolve uninstall` and return the exit status."""
    path = installation.uninstall_script(all_users=options.all_users)
    print_message(f"Deleted {path}." if path else "It is not installed.")
    return EXIT_DONE


def run_status(options: argparse.Namespace) -> int:
    """Run `tracklay resolve status` and return the exit status."""
    found = installation.find_installations()
    try:
        resolve = connect_studio()
        answer = f"{resolve.GetProductName()} {resolve.GetVersionString()}"
        has_studio = is_studio(resolve)
    except TracklayError as error:
        answer, has_studio = str(error), False
    if options.json:
        print_json(
            {
                "installed": [
                    {
                        "path": str(each.path),
                        "all_users": each.all_users,
                        "python": each.python or None,
                        "current": each.is_current,
                    }
                    for each in found
                ],
                "resolve": answer,
                "studio": has_studio,
            }
        )
        return EXIT_DONE
    states = {
        each: "current" if each.is_current else f"of {each.python}; install again" if each.python else "not there"
        for each in found
    }
    rows = [("all users" if each.all_users else "this user", f"{state}: {each.path}") for each, state in states.items()]
    show_facts("DaVinci Resolve", [*rows, ("from outside", answer)])
    return EXIT_DONE


def run_open(options: argparse.Namespace) -> int:
    """Run `tracklay resolve open` and return the exit status."""
    from ..resolve.window.server import serve_window  # noqa: PLC0415 - the other actions need no jobs

    serve_window(
        connect_bridge() if options.bridge else connect_studio(),
        to=options.to,
        opens_browser=not options.no_browser,
        announce=lambda address: print_message(f"The window is at {address}"),
        describe=options.describe,
    )
    return EXIT_DONE


def run_selftest(options: argparse.Namespace) -> int:
    """Run `tracklay resolve selftest` and return the exit status: 1 if Resolve does something else than Tracklay relies on."""
    from ..resolve.selftest import run_checks  # noqa: PLC0415 - the other actions need no media

    checks = run_checks(connect_studio())
    if options.json:
        print_json([asdict(check) for check in checks])
        return EXIT_FAILED if any(check.ok is False for check in checks) else EXIT_DONE
    findings = [Finding(check.name, check.detail, check.ok) for check in checks]
    return EXIT_DONE if show_findings(findings, bad_mark="wrong") else EXIT_FAILED
