"""Terms of the plans of a vendor: one TOML file for each vendor whose terms differ by plan, with their date and source.

The user names a plan once for each vendor: in `TRACKLAY_PLANS`, or in Blender's preferences.
"""

from __future__ import annotations

import contextlib
import functools
import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import settings
from ..errors import InvalidInput
from .model import suggest_nearest

if TYPE_CHECKING:
    from .model import Model

PLANS_VARIABLE = settings.PLANS_VARIABLE

PLAN_FOLDER = Path(__file__).parent / "plans"
"""Folder of the vendors' files."""

COMMERCIAL_WORDS = {True: "yes", False: "no", None: "not known"}


@dataclass(frozen=True, slots=True)
class PlanTerms:
    """Terms of a plan for a kind of sound.

    Attributes:
        vendor: the provider's name in the catalogue.
        plan: the plan's name; empty if the user has named none.
        commercial: whether its sounds may be used commercially; None if that is not known.
        allows: the limits in a few words.
        date: the date of the terms.
        source: the page that states them.
    """

    vendor: str
    plan: str
    commercial: bool | None
    allows: str
    date: str
    source: str

    def to_dict(self) -> dict[str, Any]:
        """Return the terms as the manifest has them."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class VendorPlans:
    """The plans of a vendor: `terms` by the kind of sound, then by the plan."""

    vendor: str
    title: str
    terms: Mapping[str, Mapping[str, PlanTerms]]

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all plans, in the order of the file."""
        return tuple(dict.fromkeys(plan for plans in self.terms.values() for plan in plans))


@functools.cache
def vendor_plans() -> dict[str, VendorPlans]:
    """Return the vendors whose terms by plan are known."""
    return {path.stem: _load(path) for path in sorted(PLAN_FOLDER.glob("*.toml"))}


def _load(path: Path) -> VendorPlans:
    content = tomllib.loads(path.read_text("utf-8"))
    terms = {
        task: {
            plan: PlanTerms(path.stem, plan, each.get("commercial"), each["allows"], table["date"], table["source"])
            for plan, each in table["plans"].items()
        }
        for task, table in content["terms"].items()
    }
    return VendorPlans(path.stem, content["title"], terms)


def chosen_plans() -> dict[str, str]:
    """Return the plans that the user has named, by vendor.

    Raises:
        InvalidInput: `TRACKLAY_PLANS` names a vendor or a plan that is not known.
    """
    chosen: dict[str, str] = dict(settings.current().plans)
    for entry in filter(None, (part.strip() for part in settings.current().plans_text.split(","))):
        vendor, equals, plan = (part.strip().lower() for part in entry.partition("="))
        if not equals:
            raise InvalidInput(
                "plans.malformed",
                "{variable} must be VENDOR=PLAN, several with commas between them, not {value!r}.",
                variable=PLANS_VARIABLE,
                value=entry,
            )
        chosen[vendor] = plan
    for vendor, plan in chosen.items():
        _check(vendor, plan)
    return chosen


def _check(vendor: str, plan: str) -> None:
    known = vendor_plans()
    if vendor not in known:
        raise InvalidInput(
            "plans.unknown_vendor",
            "{variable}: no plans are known of {vendor!r}{suggestion}. Known: {known}.",
            variable=PLANS_VARIABLE,
            vendor=vendor,
            suggestion=suggest_nearest(vendor, known),
            known=", ".join(known),
        )
    if plan not in known[vendor].names:
        raise InvalidInput(
            "plans.unknown_plan",
            "{variable}: {vendor} has no plan {plan!r}{suggestion}. Known: {known}.",
            variable=PLANS_VARIABLE,
            vendor=vendor,
            plan=plan,
            suggestion=suggest_nearest(plan, known[vendor].names),
            known=", ".join(known[vendor].names),
        )


def plan_terms(model: Model) -> PlanTerms | None:
    """Return what the user's plan allows with a model's sounds; without a plan, an entry that says so. None if no plan matters.

    Raises:
        InvalidInput: as `chosen_plans`.
    """
    vendor = vendor_plans().get(model.provider)
    if vendor is None or model.task not in vendor.terms:
        return None
    plans = vendor.terms[model.task]
    plan = chosen_plans().get(model.provider, "")
    if plan in plans:
        return plans[plan]
    any_plan = next(iter(plans.values()))
    return PlanTerms(model.provider, "", None, "it depends on the plan", any_plan.date, any_plan.source)


def plan_for_manifest(model: Model) -> dict[str, Any]:
    """Return what the user's plan allows, for a take that is made now; empty if no plan matters. A wrong setting must not lose a take."""
    with contextlib.suppress(InvalidInput):
        if terms := plan_terms(model):
            return terms.to_dict()
    return {}


def terms_text(terms: Mapping[str, Any]) -> str:
    """Return terms, as the manifest has them, in one line: `yes: not in film (plan starter, terms of 2026-05-26)`."""
    commercial = COMMERCIAL_WORDS.get(terms.get("commercial"), "not known")
    plan = f"plan {terms['plan']}" if terms.get("plan") else "no plan is named"
    return f"{commercial}: {terms.get('allows')} ({plan}, terms of {terms.get('date')})"
