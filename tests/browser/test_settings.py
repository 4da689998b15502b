"""Settings hold at once, are kept, and every text has room in every language and more."""

from __future__ import annotations

import asyncio
import runpy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from faceloop.session.heat_session import HeatSession
from faceloop.training.days import Days
from faceloop.training.profiles import Profile, Profiles
from faceloop.training.programme_file import parse_programme
from faceloop.ui import texts
from faceloop.ui.app import PAGES
from faceloop.ui.texts import LANGUAGES, Texts, catalogue
from faceloop_protocol.heat import PERMIT_NONE

FAKES = Path(__file__).parents[1] / "fakes"
FAKE_HEAT = FAKES / "fake_heat_board.py"
CHECKS = runpy.run_path(str(Path(__file__).with_name("page_checks.py")))
CUT_OFF, BROKEN_WORDS = CHECKS["CUT_OFF"], CHECKS["BROKEN_WORDS"]
PATIENT = runpy.run_path(str(FAKES / "fake_patient.py"))
programme_text = runpy.run_path(str(FAKES / "quick_programme.py"))["programme_text"]
# Nothing but one long repetition after another.
MOVES = {"repetitions": 20, "rise_s": 10, "hold_s": 15, "relax_first_s": 0, "feedback": "live"}
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def attribute(page: Page, name: str) -> str:
    return str(await page.evaluate(f"document.documentElement.getAttribute('{name}')"))


async def test_language_changes_at_once_keeps_the_keyboard_and_is_remembered(
    fake_module: Any, start_app: Any, browser: Browser, tmp_path: Path
) -> None:
    async with start_app(fake_module.FakeLive(), data=tmp_path) as app:
        page = await browser.new_page(locale="fr-FR")
        await page.goto(app.url)
        await expect(page.locator("h1")).to_have_text(Texts("fr")("welcome.title"))
        await page.get_by_role("link", name=Texts("fr")("settings.title")).click()
        await page.locator("#fl-language").select_option("de")
        await expect(page.locator("h1")).to_have_text("Einstellungen")
        await expect(page.locator("#fl-language")).to_be_focused()
        assert await attribute(page, "lang") == "de"
        await page.get_by_label("Dunkel", exact=True).check()
        await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        assert await page.title() == "Einstellungen · faceloop"
        await page.close()
    async with start_app(fake_module.FakeLive(), data=tmp_path) as app:
        page = await browser.new_page(locale="fr-FR")
        await page.goto(app.origin + "/")
        await expect(page.locator("#refused")).to_have_text(Texts("de")("entry.refused"))
        await page.goto("about:blank")  # else only the part after the # would change
        await page.goto(app.url)
        await expect(page.locator("h1")).to_have_text(Texts("de")("welcome.title"))
        assert (await attribute(page, "lang"), await attribute(page, "data-theme")) == (
            "de",
            "dark",
        )
        await page.close()


async def test_header_and_heads_of_tables_are_whole_on_a_phone_in_every_language(
    fake_module: Any, start_app: Any, browser: Browser, tmp_path: Path
) -> None:
    """One line above the page, and no word of a week's table broken."""
    async with start_app(fake_module.FakeLive(), data=with_profile(tmp_path)) as app:
        page = await browser.new_page(viewport={"width": 390, "height": 844})
        await page.goto(app.url)
        await page.locator("h1").wait_for()
        for language in LANGUAGES:
            await page.goto(f"{app.origin}/settings")
            await page.locator("#fl-language").select_option(language)
            await expect(page.locator("h1")).to_have_text(Texts(language)("settings.title"))
            for is_on in ("on", "off"):  # either word of the sound's button
                name = Texts(language)(f"nav.sound_{is_on}")
                button = page.get_by_role("button", name=name, exact=True)
                bar = await page.locator(".fl-bar").bounding_box()
                assert bar is not None and bar["height"] < 64, (language, name, bar)
                await button.click()
                await expect(button).to_be_hidden()
            await page.goto(f"{app.origin}/results")
            heads = page.locator(".fl-trained thead th")
            await heads.first.wait_for()
            assert await heads.evaluate_all(BROKEN_WORDS) == [], language
        await page.close()


async def test_reminder_is_set_saved_for_the_calendar_and_taken_back(
    fake_module: Any, start_app: Any, serious: Any, browser: Browser, tmp_path: Path
) -> None:
    profiles = Profiles(tmp_path)
    profiles.create(
        Profile("anna", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
    )
    async with start_app(fake_module.FakeLive(), data=tmp_path) as app:
        page = await browser.new_page()
        await page.goto(app.url)
        await page.get_by_role("link", name="Settings").click()
        file = page.get_by_role("link", name="Save the calendar file")
        await expect(file).to_be_hidden()
        await page.get_by_label("Time of day").fill("18:30")
        await expect(page.get_by_text("You are reminded at 18:30.")).to_be_visible()
        assert await serious(page) == []
        async with page.expect_download() as started:
            await file.click()
        download = await started.value
        assert "DTSTART" in Path(await download.path()).read_text()
        assert profiles.profile("anna").reminder == "18:30"
        await page.get_by_role("button", name="No reminder").click()
        await expect(file).to_be_hidden()
        assert profiles.profile("anna").reminder == ""
        await page.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_serious(page: Page, serious: Any, scheme: Any) -> None:
    await page.emulate_media(color_scheme=scheme)
    await page.get_by_role("link", name="Settings").click()
    await expect(page.locator("h1")).to_have_text("Settings")
    assert await serious(page) == []


async def test_back_and_forward_lead_through_the_pages(page: Page, app: Any) -> None:
    await page.get_by_role("link", name="Settings").click()
    await expect(page.locator("h1")).to_be_focused()
    assert page.url == app.origin + "/settings"
    await page.get_by_role("link", name="Live signal").click()
    await expect(page.locator("canvas")).to_have_count(4)
    await page.go_back()
    await expect(page.locator("h1")).to_have_text("Settings")
    await page.go_forward()
    await expect(page.locator("canvas")).to_have_count(4)


async def test_every_choice_is_made_by_keyboard(page: Page) -> None:
    await page.get_by_role("link", name="Settings").click()
    for name, key, attribute_name, value in (
        ("As the computer", "ArrowRight", "data-theme", "light"),
        ("Blue and orange", "ArrowDown", "data-palette", "green_red"),
        ("Usual", "ArrowRight", "data-size", "125"),
        ("Volume", "ArrowLeft", "data-volume", "50"),
        ("Yes", "ArrowRight", "data-captions", "off"),
    ):
        await page.get_by_label(name, exact=True).first.focus()
        await page.keyboard.press(key)
        await expect(page.locator("html")).to_have_attribute(attribute_name, value)


async def test_volume_and_silence_are_obeyed(page: Page) -> None:
    await page.get_by_role("link", name="Settings").click()
    gain = "import('/assets/sound.js').then(({ sound }) => sound.output.gain.value)"
    await page.get_by_role("button", name="Play the sounds").click()
    assert await page.evaluate(gain) == pytest.approx(2 * 0.6**2)
    await page.get_by_label("Volume").focus()
    for _ in range(6):
        await page.keyboard.press("ArrowLeft")
    await expect(page.locator("html")).to_have_attribute("data-volume", "0")
    assert await page.evaluate(gain) == 0
    await page.get_by_label("Off", exact=True).check()
    await expect(page.locator("html")).to_have_attribute("data-sound", "off")
    is_on = "import('/assets/sound.js').then(({ sound }) => sound.isOn)"
    assert not await page.evaluate(is_on)


def longer(text: str) -> str:
    """Return a text of 1.4 times the length, of words as long as its own."""
    words = text.split(" ")
    more = [word for word in words if "{" not in word] or ["mmmmm"]
    grown = list(words)
    at = 0
    while len(" ".join(grown)) < 1.4 * len(text):
        grown.append(more[at % len(more)])
        at += 1
    return " ".join(grown)


@pytest.fixture
def long_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    grown = {
        key: longer(entry)
        if isinstance(entry, str)
        else {form: longer(text) for form, text in entry.items()}
        for key, entry in catalogue("en").items()
        if key != "number.decimal"
    } | {"number.decimal": "."}
    monkeypatch.setattr(texts, "catalogue", lambda language: grown)


def with_profile(root: Path) -> Path:
    """Return a data folder in which someone trains, and has done so."""
    Profiles(root).create(
        Profile("anna", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
    )
    day = Days(root).begin("anna")
    day.engine.start(0.0)
    day.engine.close(1.0)
    day.leave()
    return root


def with_days(root: Path) -> Path:
    """Return a data folder in which someone has trained in three weeks, at first with alerts."""
    now = [datetime.now(UTC) - timedelta(days=12)]
    days = Days(root, lambda: now[0])
    days.profiles.create(
        Profile("anna", "left", "synkinesis", has_movement_returned=True, onset="2020-01-01")
    )
    days.profiles.set_references("anna", PATIENT["references"]())
    days.profiles.pin.choose("2468")
    for joins, strength in ((0.6, 0.7), (0.6, 0.7), (0.0, 0.95), (0.0, 0.95)):
        quick = programme_text(retraining={"repetitions": 5})
        day = days.begin("anna", programme=parse_programme(quick, "quick"))
        day.engine.start(0.0)
        face = PATIENT["Patient"](day.engine.context.montage, joins=joins, strength=strength)
        PATIENT["run"](day.engine, face)
        day.leave()
        now[0] += timedelta(days=4)
    moves = programme_text("retraining", name="moves", retraining=MOVES)
    days.profiles.set_programme("anna", parse_programme(moves, "moves"), "2468")
    return root


class Heated:
    """Gives a made-up session a heat pad, off and not permitted yet."""

    def __init__(self, live: Any) -> None:
        self.live = live
        board = runpy.run_path(str(FAKE_HEAT))["Board"]()
        board.say(permission=PERMIT_NONE)
        live.heat = HeatSession(board, lambda _: None, lambda *_: None)

    async def __aenter__(self) -> Any:
        self._running = asyncio.create_task(self.live.heat.run())
        return self.live

    async def __aexit__(self, *_: object) -> None:
        self._running.cancel()
        await asyncio.gather(self._running, return_exceptions=True)


@pytest.mark.parametrize(
    ("size", "width"),
    [
        ("100", 390),
        *(pytest.param("200", width, marks=pytest.mark.full) for width in (780, 390)),
    ],
)
async def test_texts_of_1_4_times_the_length_have_room(
    long_texts: None,
    fake_module: Any,
    start_app: Any,
    browser: Browser,
    tmp_path: Path,
    size: str,
    width: int,
) -> None:
    async with (
        Heated(fake_module.FakeLive()) as live,
        start_app(live, data=with_profile(tmp_path)) as app,
    ):
        page = await browser.new_page(viewport={"width": width, "height": 844})
        await page.goto(app.url)
        await page.locator("h1").wait_for()
        await page.evaluate(f"document.documentElement.dataset.size = '{size}'")
        for name in PAGES:
            await page.goto(f"{app.origin}{name}")
            await page.locator("h1").wait_for()
            if name == "/signal":
                await expect(page.locator(".fl-overall .fl-words")).not_to_be_empty()
            await page.evaluate(f"document.documentElement.dataset.size = '{size}'")
            assert await page.evaluate(CUT_OFF) == [], name
        await page.goto(f"{app.origin}/today")
        begin = longer(str(catalogue("en")["today.begin"]))
        await page.get_by_role("button", name=begin, exact=True).click()
        await page.locator(".fl-where span").first.filter(has_text="Settle").wait_for()
        await page.evaluate(f"document.documentElement.dataset.size = '{size}'")
        assert await page.evaluate(CUT_OFF) == [], "a day under way"
        await page.close()


@pytest.mark.parametrize(
    ("scheme", "width", "height"),
    [
        ("dark", 390, 844),
        *(  # 640 x 400: 1280 x 800 at 200 % zoom
            pytest.param(*case, marks=pytest.mark.full)
            for case in (("light", 390, 844), ("dark", 640, 400), ("light", 640, 400))
        ),
    ],
)
async def test_what_is_full_has_room_for_1_4_times_the_length_and_no_serious_finding(
    long_texts: None,
    fake_module: Any,
    start_app: Any,
    serious: Any,
    browser: Browser,
    tmp_path: Path,
    scheme: Any,
    width: int,
    height: int,
) -> None:
    """Results of some weeks, the opened editor with all it has, and a repetition with an alert."""

    def button(key: str) -> Any:
        name = longer(str(catalogue("en")[key]))
        return page.get_by_role("button", name=name, exact=True)

    async def look(what: str) -> None:
        assert await page.evaluate(CUT_OFF) == [], what
        assert await page.evaluate("document.documentElement.scrollWidth") <= width, what
        assert await serious(page) == [], what

    live = fake_module.FakeLive(alerts=False)
    live.hold = 0.0
    async with start_app(live, data=with_days(tmp_path)) as app:
        page = await browser.new_page(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        await page.goto(app.url)
        await page.locator("h1").wait_for()
        await page.goto(f"{app.origin}/results")
        await expect(page.locator(".fl-trained tbody tr")).not_to_have_count(0)
        await expect(page.locator("svg[role=img]")).not_to_have_count(0)
        trend = str(catalogue("en")["train.trend.more_even_quieter"]).partition("{")[0].strip()
        await expect(page.locator(".fl-content")).to_contain_text(trend)
        await look("results")
        await page.goto(f"{app.origin}/therapist")
        await page.locator("#fl-pin").fill("2468")
        await button("therapist.open").click()
        folds = page.locator("details.fl-fold")
        await folds.first.wait_for()
        for at in range(await folds.count()):
            await folds.nth(at).locator("summary").first.click()
        await expect(page.locator("details.fl-fold[open]")).to_have_count(await folds.count())
        await expect(page.locator("details.fl-fold[open] input")).not_to_have_count(0)
        await look("therapist, opened")
        await page.goto(f"{app.origin}/today")
        await button("today.begin").click()
        await page.locator("[data-guide]").wait_for()
        live.effort_uv[0] = 40.0  # the eye joins in
        live.hold = 0.25
        alert = str(catalogue("en")["train.cue.synkinesis"]).partition("{")[0].strip()
        await expect(page.locator("h1")).to_contain_text(alert)
        await look("a repetition with an alert")
        await page.close()


NAMELESS = """() => [...document.querySelectorAll(
  ".fl-root :is(a, button, input, select, summary, canvas, svg[role=img], nav, fieldset)"
)].filter((e) => e.checkVisibility()).filter((e) => {
  const labelled = (e.getAttribute("aria-labelledby") ?? "").split(" ").filter(Boolean)
    .map((id) => document.getElementById(id)?.textContent ?? "").join("");
  const own = ["INPUT", "SELECT", "CANVAS", "svg", "NAV"].includes(e.nodeName)
    ? [...(e.labels ?? [])].map((label) => label.textContent).join("")
    : e.nodeName === "FIELDSET" ? e.querySelector("legend")?.textContent : e.textContent;
  return !(e.getAttribute("aria-label") || labelled || own || "").trim();
}).map((e) => e.outerHTML.slice(0, 160))"""
NOTE_FOCUS = """() => {
  window.focused = [];
  document.activeElement.blur();
  if (window.isNoting) return;
  window.isNoting = true;
  document.addEventListener("focusin", ({ target: e }) => {
    const ringed = [e, e.closest("label")].filter(Boolean).some((one) => {
      const style = getComputedStyle(one);
      return style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 2;
    });
    const at = [...document.querySelectorAll("*")].indexOf(e);
    window.focused.push([at, ringed, e.outerHTML.slice(0, 160)]);
  });
}"""
AT_A_TIME = 12  # presses of Tab between two looks at what has had the focus
WANTED = """() => {
  const groups = new Set();
  return [...document.querySelectorAll(
    ".fl-root :is(a[href], button, input, select, summary)"
  )].filter((e) => e.checkVisibility() && !e.disabled).filter((e) => {
    if (e.type !== "radio") return true; // one of a group has the Tab key
    const isNew = !groups.has(e.name);
    groups.add(e.name);
    return isNew;
  }).length;
}"""


async def check_names_and_focus(page: Page, name: str) -> None:
    """Check that all has a name, and that Tab leads to every control, which shows it."""
    assert await page.evaluate(NAMELESS) == [], name
    n_wanted = await page.evaluate(WANTED)
    await page.evaluate(NOTE_FOCUS)
    reached: dict[int, str] = {}
    n_pressed = 0
    while len(reached) < n_wanted and n_pressed < 3 * n_wanted + 20:  # a date has three places
        for _ in range(AT_A_TIME):
            await page.keyboard.press("Tab")
        n_pressed += AT_A_TIME
        for at, is_ringed, html in await page.evaluate("window.focused.splice(0)"):
            assert is_ringed, (name, html)
            reached[at] = html
    assert len(reached) >= n_wanted, (name, len(reached), n_wanted)


async def test_every_page_has_names_and_is_led_through_by_tab(
    fake_module: Any, start_app: Any, browser: Browser, tmp_path: Path
) -> None:
    Profiles(tmp_path).pin.choose("2468")
    async with (
        Heated(fake_module.FakeLive(alerts=False)) as live,
        start_app(live, data=with_profile(tmp_path)) as app,
    ):
        page = await browser.new_page(viewport={"width": 1280, "height": 800})
        await page.goto(app.url)
        await page.locator("h1").wait_for()
        for name in PAGES:
            await page.goto(f"{app.origin}{name}")
            await page.locator("h1").wait_for()
            await check_names_and_focus(page, name)
        await page.goto(f"{app.origin}/therapist")
        await page.locator("#fl-pin").fill("2468")
        await page.get_by_role("button", name="Open").click()
        await page.locator("summary").first.wait_for()
        await check_names_and_focus(page, "therapist, opened")
        await page.goto(f"{app.origin}/today")
        await page.get_by_role("button", name="Begin", exact=True).click()
        await page.locator(".fl-where").wait_for()
        await check_names_and_focus(page, "a day under way")
        live.set_status(link="ended")
        await expect(page.locator("h1")).to_have_text("The session has ended.")
        await check_names_and_focus(page, "ended")
        await page.close()


@pytest.mark.full  # texts of 1.4 times the length are tried above
@pytest.mark.parametrize("language", LANGUAGES)
async def test_each_language_has_room_on_a_phone(
    fake_module: Any, start_app: Any, browser: Browser, tmp_path: Path, language: str
) -> None:
    async with (
        Heated(fake_module.FakeLive()) as live,
        start_app(live, data=with_profile(tmp_path)) as app,
    ):
        context = await browser.new_context(
            viewport={"width": 360, "height": 740}, locale=language
        )
        page = await context.new_page()
        await page.goto(app.url)
        await page.locator("h1").wait_for()
        for name in PAGES:
            await page.goto(f"{app.origin}{name}")
            await page.locator("h1").wait_for()
            assert await page.evaluate(CUT_OFF) == [], name
        await context.close()
