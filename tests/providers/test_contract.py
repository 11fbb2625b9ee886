"""The contract of every provider that uses the network: each fault and each refusal of each of its requests.

A fault of a request that may be repeated costs nothing, a submission is never sent twice, and no message shows a key.
"""

from __future__ import annotations

import logging

import pytest
from tracklay.errors import ProviderTimeout, ProviderUnavailable, SubmissionUnknown
from tracklay.providers.base import _BUILT_IN, DEFAULT_FIND_DELAYS

from tests.fakes.server import Fault
from tests.providers.provider_cases import CASES, FAULTS, NOT_SERVED, REFUSALS, THROTTLED, TYPICAL_FAULTS, ProviderCase
from tests.providers.provider_flow import attempt_limit, error_text, fast_policy, generate, run

ALWAYS = 12
"""Refusals in a row: more than there are attempts."""

WITH_HISTORY = [name for name, case in CASES.items() if case.history]
WITHOUT_HISTORY = [name for name, case in CASES.items() if not case.history]
WITH_CANCEL = [name for name, case in CASES.items() if case.cancel]
WITH_CHECK = [name for name, case in CASES.items() if case.check]
EVERY_FAULT = ("fal", "beatoven", "elevenlabs")
"""Providers with every fault: one with a list of its requests, one without, one whose answer is the sound. The others, whose requests
the same `Api` repeats, have a fault of each kind."""


def faults_of(name: str) -> tuple[str, ...]:
    """Return the faults that are tried with a provider."""
    return tuple(FAULTS) if name in EVERY_FAULT else TYPICAL_FAULTS


TYPICAL_REFUSALS = (302, 401, 422)
"""Refusals of the providers without every fault, beside those that mean something of their own there."""

CALLS = [(name, call) for name, case in CASES.items() for call in case.calls]
REFUSABLE = [
    (name, call) for name, case in CASES.items() for call in ("submit", *case.calls) if call not in case.optional
]


@pytest.fixture
def fake(request, name):
    """The fake servers of the test's provider."""
    return request.getfixturevalue(name)


@pytest.fixture
def case(name) -> ProviderCase:
    """The test's provider."""
    return CASES[name]


def provider_of(case, fault=None):
    """Return the provider, with short time limits if the test waits for them."""
    return case.create(fast_policy(attempt_seconds=10.0 if fault is None else attempt_limit(fault)))


def add_others(case, fake, proxy, folder) -> set[str]:
    """Run similar jobs on the same account, and return the IDs of all jobs."""
    for other in case.others(proxy):
        run(generate(provider_of(case), other, folder))
    return set(case.jobs(fake))


def test_every_provider_with_a_network_is_in_the_suite():
    """A provider that is added to the package must be added here."""
    assert set(CASES) == set(_BUILT_IN) - {"sketch"}


@pytest.mark.parametrize(
    ("name", "call", "fault"),
    # Nothing but decoding shows that a server cut a file short and declared the shorter length: that is conform's task.
    [
        (name, call, fault)
        for name, call in CALLS
        for fault in faults_of(name)
        if not (call in CASES[name].files and fault == "half json")
    ],
)
def test_one_fault_of_a_repeatable_request_costs_nothing(case, fake, proxy, tmp_path, call, fault):
    """The output is complete, the request was repeated, and the submission was sent once."""
    case.add_faults(fake, case.calls[call], FAULTS[fault])
    _, output = run(generate(provider_of(case, FAULTS[fault]), case.request(proxy), tmp_path))
    case.check_output(fake, output)
    assert case.count(fake, case.submit) == len(case.jobs(fake)) == 1
    assert (case.count(fake, case.calls[call]) > 1) == case.is_repeated(call, fault)


@pytest.mark.parametrize(
    ("name", "fault"), [(name, fault) for name in WITH_HISTORY for fault in faults_of(name) if fault not in NOT_SERVED]
)
def test_a_lost_submission_is_found_and_not_resent(case, fake, proxy, tmp_path, fault):
    """A served submission without a usable response is found in the list. A throttled one created nothing and is resent."""
    before = add_others(case, fake, proxy, tmp_path)
    sent = case.count(fake, case.submit)
    case.add_faults(fake, case.submit, FAULTS[fault])
    handle, _ = run(generate(provider_of(case, FAULTS[fault]), case.lost_request(proxy), tmp_path))
    assert set(case.jobs(fake)) - before == {handle.request}
    assert case.count(fake, case.submit) - sent == (2 if fault in THROTTLED else 1)


@pytest.mark.parametrize(
    ("name", "fault"), [(name, fault) for name in WITH_HISTORY for fault in faults_of(name) if fault in NOT_SERVED]
)
def test_a_lost_submission_that_is_not_listed_is_unknown(case, fake, proxy, tmp_path, fault):
    """It is searched for after each delay, never resent, and the error names the place to look."""
    before = add_others(case, fake, proxy, tmp_path)
    sent = case.count(fake, case.submit)
    case.add_faults(fake, case.submit, FAULTS[fault])
    provider = provider_of(case, FAULTS[fault])
    with pytest.raises(SubmissionUnknown, match=case.dashboard):
        run(generate(provider, case.lost_request(proxy), tmp_path))
    assert set(case.jobs(fake)) == before
    assert case.count(fake, case.submit) - sent == 1
    delays = DEFAULT_FIND_DELAYS if provider.find_delays is None else provider.find_delays
    assert case.count(fake, case.history) >= len(delays)


@pytest.mark.parametrize(("name", "fault"), [(name, fault) for name in WITH_HISTORY for fault in faults_of(name)])
def test_a_fault_of_the_search_loses_no_submission(case, fake, proxy, tmp_path, fault):
    """The list is requested again, page by page, until it shows the job."""
    before = add_others(case, fake, proxy, tmp_path)
    sent = case.count(fake, case.submit)
    case.add_faults(fake, case.submit, Fault("reset-after"))
    case.add_faults(fake, case.history, FAULTS[fault])
    handle, _ = run(generate(provider_of(case, FAULTS[fault]), case.lost_request(proxy), tmp_path))
    assert set(case.jobs(fake)) - before == {handle.request}
    assert case.count(fake, case.submit) - sent == 1


@pytest.mark.parametrize(
    ("name", "fault"),
    # As of a file: half of a sound, declared as all of it, is conform's task.
    [
        (name, fault)
        for name in WITHOUT_HISTORY
        for fault in faults_of(name)
        if not (CASES[name].answers_with_sound and fault == "half json")
    ],
)
def test_a_lost_submission_without_a_list_is_never_resent(case, fake, proxy, tmp_path, fault):
    """It is unknown; a free run, which ends with its connection, is an ordinary error. A throttled one is resent."""
    case.add_faults(fake, case.submit, FAULTS[fault])
    provider = provider_of(case, FAULTS[fault])
    work = generate(provider, case.lost_request(proxy), tmp_path)
    if fault in THROTTLED:
        run(work)
    else:
        error = SubmissionUnknown if provider.submit_mode == "submit" else ProviderUnavailable
        with pytest.raises(error, match=case.dashboard or case.title):
            run(work)
    assert case.count(fake, case.submit) == (2 if fault in THROTTLED else 1)
    assert len(case.jobs(fake)) <= 1


@pytest.mark.parametrize(
    ("name", "call", "status"),
    [
        (name, call, status)
        for name, call in REFUSABLE
        for status in REFUSALS
        if name in EVERY_FAULT or status in TYPICAL_REFUSALS or (call, status) in CASES[name].refusals
    ],
)
def test_a_refusal_is_raised_and_never_repeated(case, fake, proxy, tmp_path, call, status, caplog):
    """Each refusal of each request is an error of its own at once, with the provider's name and without a key."""
    caplog.set_level(logging.DEBUG)
    wire = case.submit if call == "submit" else case.calls[call]
    page = f"<html><head><title>No: {' '.join(case.secrets)}</title></head></html>".encode()
    redirect = Fault("redirect", to="https://elsewhere.example/x.mp4")
    case.add_faults(fake, wire, *[redirect if status == 302 else Fault("answer", status, body=page)] * ALWAYS)
    expected, count = case.expected(call, status)
    work = generate(provider_of(case), case.request(proxy), tmp_path)
    if expected is None:
        _, output = run(work)
        case.check_output(fake, output)
        assert len(case.jobs(fake)) == 1
        return
    with pytest.raises(expected) as caught:
        run(work)
    assert case.count(fake, wire) == count
    assert case.title in str(caught.value)
    assert not [secret for secret in case.secrets if secret in error_text(caught.value) + caplog.text]
    assert len(case.jobs(fake)) == (call in case.after)


@pytest.mark.parametrize(("name", "call"), REFUSABLE)
def test_a_server_that_always_fails_ends_the_retries(case, fake, proxy, tmp_path, call, caplog):
    """A read ends after its attempts, a submission after the first. The log has each retry, and no key."""
    caplog.set_level(logging.DEBUG)
    wire = case.submit if call == "submit" else case.calls[call]
    page = f"<html><head><title>No: {' '.join(case.secrets)}</title></head></html>".encode()
    case.add_faults(fake, wire, *[Fault("answer", 500, body=page)] * 60)
    with pytest.raises(
        (ProviderUnavailable, SubmissionUnknown, case.expected(call, 404)[0] or ProviderUnavailable)
    ) as caught:
        run(generate(provider_of(case), case.request(proxy), tmp_path))
    count = case.count(fake, wire)
    assert count == 1 if call == "submit" else 1 < count < 20
    assert case.title in str(caught.value)
    shown = error_text(caught.value) + caplog.text
    assert not [secret for secret in case.secrets if secret in shown]
    retries = [
        record
        for record in caplog.records
        if record.name.startswith("tracklay.providers") and "retrying" in record.message
    ]
    assert (len(retries) == 0) == (call == "submit")
    assert case.count(fake, case.submit) <= 1


@pytest.mark.parametrize(("name", "fault"), [(name, fault) for name in WITH_CANCEL for fault in faults_of(name)])
def test_a_fault_while_cancelling_costs_one_more_attempt(case, fake, proxy, fault):
    """Cancelling ends after two attempts at most: the user waits for it."""
    case.allow_cancel(fake)

    async def cancel():
        provider = provider_of(case, FAULTS[fault])
        handle = await provider.submit(await provider.prepare(case.lost_request(proxy)))
        case.add_faults(fake, case.cancel, FAULTS[fault])
        return await provider.cancel(handle)

    assert run(cancel()) in (True, False)
    assert 1 <= case.count(fake, case.cancel) <= 2


@pytest.mark.parametrize("name", WITH_CANCEL)
def test_cancelling_ends_after_two_attempts(case, fake, proxy):
    """A server that never responds does not hold the user."""
    case.allow_cancel(fake)

    async def cancel():
        provider = provider_of(case)
        handle = await provider.submit(await provider.prepare(case.lost_request(proxy)))
        case.add_faults(fake, case.cancel, *[FAULTS["502 html"]] * ALWAYS)
        with pytest.raises((ProviderUnavailable, ProviderTimeout)):
            await provider.cancel(handle)

    run(cancel())
    assert case.count(fake, case.cancel) == 2


@pytest.mark.parametrize(("name", "fault"), [(name, fault) for name in WITH_CHECK for fault in faults_of(name)])
def test_a_fault_of_the_key_check_costs_one_more_attempt(case, fake, fault):
    """The second attempt returns the account, and no job is created."""
    case.add_faults(fake, case.check, FAULTS[fault])
    assert run(provider_of(case, FAULTS[fault]).check_key()) == case.account
    assert case.count(fake, case.check) == (1 if case.check_by_status and fault in ("empty", "half json") else 2)
    assert not case.jobs(fake)
