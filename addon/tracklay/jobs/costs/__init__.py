"""The cost of jobs: estimates before a request, caps, what providers billed, and sums."""

from .caps import DEFAULT_MAX_OVERRUN, enforce_caps, enforce_max_overrun, has_cap, overrun_scope
from .estimates import check_budget, estimate_cost, parse_amount, parse_factor
from .summary import (
    COST_GROUPS,
    BilledRange,
    CostSummary,
    billed_range,
    bills_csv,
    cost_groups,
    cost_rows,
    parse_day,
    summarize_costs,
)

__all__ = [
    "COST_GROUPS",
    "DEFAULT_MAX_OVERRUN",
    "BilledRange",
    "CostSummary",
    "billed_range",
    "bills_csv",
    "check_budget",
    "cost_groups",
    "cost_rows",
    "enforce_caps",
    "enforce_max_overrun",
    "estimate_cost",
    "has_cap",
    "overrun_scope",
    "parse_amount",
    "parse_day",
    "parse_factor",
    "summarize_costs",
]
