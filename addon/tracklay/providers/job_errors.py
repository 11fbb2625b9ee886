"""Errors that several providers raise about a job: one sentence and one code for each condition."""

from __future__ import annotations

from ..errors import Cancelled, ModelFailed, ProviderUnavailable, ResultExpired
from .response import message_suffix, sanitize_message


def model_failed(provider: str, message: str, *, note: str = "") -> ModelFailed:
    """Return the error of a model that ran and failed. `note` is about the charge, for instance."""
    return ModelFailed(
        "provider.model_failed",
        "The model at {provider} failed{message}.{note} Try again with other parameters, or use another model.",
        provider=provider,
        message=message_suffix(message),
        note=f" {note}" if note else "",
    )


def no_output(provider: str, output: object) -> ModelFailed:
    """Return the error of a model that succeeded without a sound. `output` is what it returned."""
    return ModelFailed(
        "provider.no_sound",
        "The model at {provider} returned no sound: {output}. Try again, or use another model.",
        provider=provider,
        output=sanitize_message(output).rstrip("."),
    )


def cancelled(provider: str) -> Cancelled:
    """Return the error of a job that was cancelled outside this program."""
    return Cancelled("provider.job_cancelled", "The job was cancelled at {provider}.", provider=provider)


def result_expired(provider: str, request: str) -> ResultExpired:
    """Return the error of a finished job whose result the provider has deleted."""
    return ResultExpired(
        "provider.result_expired",
        "{provider} has deleted the result of {request}. Generate it again.",
        provider=provider,
        request=request,
    )


def missing_value(provider: str, what: str) -> ProviderUnavailable:
    """Return the error of a successful response that lacks a value, such as a URL."""
    return ProviderUnavailable(
        "provider.value_missing", "The response of {provider} has no {what}.", provider=provider, what=what
    )


def status_unknown(provider: str, status: object, dashboard: str) -> ProviderUnavailable:
    """Return the error of a status that is not documented. It must never count as a success."""
    return ProviderUnavailable(
        "provider.status_unknown",
        "{provider} reported an unknown status: {status}. Check {dashboard}.",
        provider=provider,
        status=sanitize_message(status),
        dashboard=dashboard,
    )


def status_changed(provider: str, request: str) -> ProviderUnavailable:
    """Return the error of a job that a provider reported as done when polled, and as unfinished when collected."""
    return ProviderUnavailable(
        "provider.status_changed",
        "{provider} reported {request} as done, and then as unfinished. Try again later.",
        provider=provider,
        request=request,
    )
