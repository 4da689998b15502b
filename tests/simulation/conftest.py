"""Notes which tests of a risk control ran and passed; the check of the risk file comes last."""

from __future__ import annotations

from collections.abc import Generator

import pytest

RESULTS = pytest.StashKey[dict[str, list[bool]]]()
MUTATIONS = pytest.StashKey[dict[str, list[bool]]]()
CHECK = "test_heat_risk.py"


class Notes:
    """Notes results of every folder: some controls are shown by tests of another one."""

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Generator[None, None, None]:
        outcome: object = yield
        note(item, outcome.get_result())  # type: ignore[attr-defined]


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Notes())


# Last, after the order that tests/conftest.py gives.
@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name == CHECK)


def note(item: pytest.Item, report: pytest.TestReport) -> None:
    """Note what a test with a control's mark came to; one that was skipped showed nothing."""
    if report.when != "call" and not report.skipped:
        return
    results = item.session.stash.setdefault(RESULTS, {})
    for mark in item.iter_markers("risk"):
        for control in mark.args:
            results.setdefault(control, []).append(report.passed)
    mutations = item.session.stash.setdefault(MUTATIONS, {})
    for mark in item.iter_markers("mutation"):
        for control in mark.args:
            mutations.setdefault(control, []).append(report.passed)


@pytest.fixture
def control_results(request: pytest.FixtureRequest) -> dict[str, list[bool]]:
    """Control, and whether each of its tests of this run passed."""
    return request.session.stash.setdefault(RESULTS, {})


@pytest.fixture
def mutation_results(request: pytest.FixtureRequest) -> dict[str, list[bool]]:
    """Control, and whether taking it away was noticed in this run."""
    return request.session.stash.setdefault(MUTATIONS, {})
