"""First screen, Train, the end: what is said, and what the buttons do."""

from __future__ import annotations

import asyncio
import math
import re
import shutil
from dataclasses import replace
from typing import Any

import pytest
from playwright.async_api import Browser, Page, expect

from faceloop.session.live import LiveEvent, LiveStatus, MusclePair
from faceloop.ui.texts import Texts
from faceloop.ui.words import Words, clock, guard_channel

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]
TEXT = Texts("en")
WORDS = Words(TEXT)


async def test_first_screen_shows_stroke_warning_and_disclaimer(page: Page) -> None:
    stroke = page.get_by_role("region", name=TEXT("welcome.stroke_title"))
    await expect(stroke).to_contain_text("A new droop of the face is an emergency")
    await expect(stroke).to_contain_text("Call the emergency number now")
    await expect(stroke).to_be_in_viewport()
    await expect(page.get_by_text("not a certified medical device")).to_be_in_viewport()
    await expect(page.get_by_text("does not diagnose")).to_be_visible()


async def test_live_signal_stays_when_reloaded(page: Page) -> None:
    await page.get_by_role("button", name="Live signal").click()
    await expect(page.locator("canvas")).to_have_count(4)
    await expect(page.locator("h1")).to_be_focused()
    assert page.url.endswith("/signal")
    await page.reload()
    await expect(page.locator("canvas")).to_have_count(4)


async def test_address_bar_never_keeps_the_token(page: Page, app: Any) -> None:
    assert page.url == app.origin + "/"
    assert await page.evaluate("document.cookie") == ""  # HttpOnly


async def test_without_rest_reference_says_what_to_do(train: Page, app: Any) -> None:
    app.live.is_calibrated = False
    await expect(train.locator("h1")).to_have_text("Rest your face for a few seconds.")
    app.live.is_calibrated = True
    await expect(train.locator("h1")).to_have_text("Small and slow.")


async def test_channel_that_muted_itself_says_why(train: Page, app: Any) -> None:
    app.live.set_status(unfit=("", "", "", "noise") + ("",) * 4)
    await expect(train.locator("h1")).to_have_text(
        "Right smile muscle: much noise. The electrode is dry or loose: moisten the skin, or take"
        " a new one."
    )
    await expect(train.get_by_text(TEXT("unfit.why"))).to_be_visible()
    app.live.set_status(unfit=("",) * 8)
    await expect(train.locator("h1")).to_have_text("Small and slow.")


async def test_session_message_wins_over_the_hint(train: Page, app: Any) -> None:
    app.live.set_status(message="The left eye electrode is loose. Press it on again.")
    await expect(train.locator("h1")).to_have_text(
        "The left eye electrode is loose. Press it on again."
    )


async def test_lost_link_says_what_happens_and_comes_back(
    train: Page, app: Any, until_stat: Any
) -> None:
    app.live.set_status(link="lost")
    now = train.get_by_role("region", name="Now")
    await expect(now).to_contain_text("The board is out of reach.")
    await expect(now).to_contain_text("What was recorded is safe. Trying again.")
    await expect(train.locator(".fl-muscles")).to_have_attribute("data-lost", "true")
    app.live.set_status(link="live")
    await expect(now).not_to_contain_text("out of reach")
    await until_stat(train, "draws", 5 + await train.evaluate("window.faceloop.stats.draws"))


async def test_record_round_trip(train: Page, app: Any) -> None:
    await train.get_by_role("button", name="Record").click()
    stop = train.get_by_role("button", name="Stop recording")
    await expect(stop).to_be_visible()
    place = train.locator(".fl-recording")
    await expect(place).to_have_text(re.compile(r"0:(0[2-9]|[1-5]\d)\s*Recording$"))
    assert app.live.status().is_recording
    await stop.click()
    await expect(train.get_by_role("button", name="Record")).to_be_visible()
    await expect(place).to_have_text("Recording saved")
    assert not app.live.status().is_recording


async def test_refused_recording_shows_the_reason(train: Page, app: Any) -> None:
    app.live.refuse_recording = True
    await train.get_by_role("button", name="Record").click()
    await expect(train.locator(".fl-problem")).to_have_text(
        "The disk is nearly full. Free some space, then record again."
    )
    app.live.refuse_recording = False
    await train.get_by_role("button", name="Record").click()
    await expect(train.locator(".fl-problem")).to_be_hidden()


async def test_end_session_stops_the_board_says_where_the_file_is_and_ends_serving(
    train: Page, app: Any, end_session: Any
) -> None:
    await train.get_by_role("button", name="Record").click()
    await expect(train.locator(".fl-recording")).to_contain_text("Recording")
    await end_session(train)
    await expect(train.locator("h1")).to_have_text("The session has ended.")
    await expect(train.locator("code")).to_have_text("/home/me/faceloop/sessions/2026-03-01-a1")
    assert app.live.status().link == "ended"
    await app.task  # returns by itself
    await expect(train.locator("h1")).to_have_text("The session has ended.")


async def test_slow_end_says_what_happens_and_is_asked_for_once(
    train: Page, app: Any, end_session: Any
) -> None:
    app.live.stop_takes_s = 1.5
    end = train.get_by_role("button", name="End session")
    await end_session(train)
    await expect(train.locator("h1")).to_have_text("Ending the session.")
    await expect(end).to_have_attribute("aria-disabled", "true")
    await end.click(force=True)
    await expect(train.get_by_role("dialog")).to_be_hidden()
    await train.get_by_role("button", name="Record").click(force=True)
    await expect(train.locator("h1")).to_have_text("The session has ended.")
    assert app.live.requests == ["stop"]


async def test_end_is_asked_for_once_and_can_be_taken_back(train: Page, app: Any) -> None:
    await train.get_by_role("button", name="Record").click()
    end = train.get_by_role("button", name="End session")
    question = train.get_by_role("dialog", name=TEXT("live.end_ask"))
    await expect(question).to_be_hidden()
    await end.click()
    await expect(question).to_contain_text(TEXT("live.end_why"))
    # What ends nothing has the focus, and Escape ends nothing either.
    await expect(question.get_by_role("button", name=TEXT("live.end_no"))).to_be_focused()
    await train.keyboard.press("Enter")
    await expect(question).to_be_hidden()
    await expect(end).to_be_focused()
    await end.click()
    await train.keyboard.press("Escape")
    await expect(question).to_be_hidden()
    status = app.live.status()
    assert (status.link, status.is_recording, app.live.requests) == (
        "live",
        True,
        ["start recording"],
    )


async def test_board_that_never_came_back_is_said_at_the_end(train: Page, app: Any) -> None:
    app.live.set_status(
        link="ended", message="The board did not come back. What was recorded is safe."
    )
    await expect(train.get_by_text("The board did not come back.")).to_be_visible()


async def test_status_line_names_link_loss_delay_battery_and_electrodes(
    train: Page, app: Any
) -> None:
    lead_off = (True,) + (False,) * 7
    app.live.set_status(loss_pct=0.25, latency_ms=33.4, battery_pct=71)
    app.live.set_status(lead_off=lead_off, radio="clear")
    line = train.locator(".fl-status")
    for name, text in (
        ("link", "connected"),
        ("loss", "0.25\N{NO-BREAK SPACE}%"),
        ("latency", "33 ms"),
        ("battery", "71\N{NO-BREAK SPACE}%"),
        ("radio", "open; the signal itself is encrypted"),
        ("contacts", "loose: left eye"),
    ):
        await expect(line.locator(f"[data-item={name}] dd")).to_have_text(text)
    # A muscle that is not seen is not called at rest.
    verdicts = train.locator(".fl-verdict")
    await expect(verdicts.first).to_have_text("No signal–")
    await expect(verdicts.last).to_have_text(re.compile("At rest|alike|more"))
    app.live.set_status(link="lost")
    await expect(verdicts.last).to_have_text("No signal–")
    app.live.set_status(link="live")
    for size in ({"width": 1280, "height": 800}, {"width": 1366, "height": 768}):
        await train.set_viewport_size(size)
        await expect(line).to_be_in_viewport(ratio=1.0)


async def test_symmetry_in_words_and_numbers(train: Page, app: Any) -> None:
    app.live.hold = 1.0  # smile: 32 against 21 microvolts
    smile = train.get_by_role("region", name="Smile")
    await expect(smile.locator(".fl-verdict")).to_have_text(
        re.compile(r"Left a little more\s*6\d\s%")
    )
    overall = train.locator(".fl-overall")
    await expect(overall).to_have_text(re.compile(r"^Symmetry · Smile6\d\s%Left a little more$"))
    app.live.hold = 0.0
    await expect(overall).to_have_text("Symmetry–At rest")
    await expect(smile.locator(".fl-verdict")).to_have_text(re.compile(r"At rest\s*–"))


async def test_words_of_symmetry_do_not_contradict_an_alert(train: Page, app: Any) -> None:
    app.live.hold = 0.5
    overall = train.locator(".fl-overall .fl-words")
    await expect(overall).to_have_text(re.compile("alike|more", re.IGNORECASE))
    await expect(overall).to_be_visible()
    app.live.cue("synkinesis")
    await expect(train.locator("[data-alert]")).not_to_have_text("")
    await expect(overall).to_be_hidden()


async def test_sound_button_says_its_choice_in_every_view(page: Page, end_session: Any) -> None:
    await page.get_by_role("button", name="Sound on").click()
    await page.get_by_role("button", name="Live signal").click()
    await expect(page.get_by_role("button", name="Sound off")).to_be_visible()
    await end_session(page)
    await expect(page.locator("h1")).to_have_text("The session has ended.")
    await expect(page.get_by_role("button")).to_have_count(0)  # none of them would do anything
    await expect(page.get_by_role("link", name="Settings")).to_be_hidden()


async def test_nothing_leaves_loopback_and_the_console_stays_silent(
    train: Page, app: Any, seen: Any, until_stat: Any
) -> None:
    await train.get_by_role("link", name="Settings").click()
    await train.get_by_label("Dark", exact=True).check()
    await train.go_back()
    await train.reload()
    await until_stat(train, "draws", 4)
    local = re.compile(rf"^(http|ws)://127\.0\.0\.1:{app.port}/")
    assert seen.requests
    assert [url for url in seen.requests if not local.match(url)] == []
    assert seen.console == []


@pytest.mark.parametrize("is_started", [False, True])
async def test_server_gone_is_said_on_every_page(page: Page, app: Any, is_started: bool) -> None:
    await expect(page.get_by_text(TEXT("entry.closed"))).to_be_hidden()
    if is_started:
        await page.get_by_role("button", name="Live signal").click()
        await expect(page.locator("canvas")).to_have_count(4)
    app.task.cancel()
    await expect(page.get_by_text(TEXT("entry.closed"))).to_be_visible()
    for name in ("Live signal", "Record", "End session"):  # none of them would do anything
        await expect(page.get_by_role("button", name=name)).to_be_hidden()


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
async def test_start_is_seen_without_scrolling_and_covers_no_words(
    page: Page, size: tuple[int, int]
) -> None:
    await page.set_viewport_size({"width": size[0], "height": size[1]})
    start = page.locator(".fl-start")
    await expect(page.get_by_role("button", name="Start")).to_be_in_viewport(ratio=1)
    await page.evaluate("scrollTo(0, document.body.scrollHeight)")
    box, cards = await start.bounding_box(), page.locator("section.fl-card")
    last = await cards.nth(await cards.count() - 1).bounding_box()
    assert box is not None and last is not None
    assert box["y"] >= last["y"] + last["height"]


async def test_page_begins_at_its_top_however_far_down_its_button_was(page: Page) -> None:
    await page.set_viewport_size({"width": 360, "height": 400})
    await page.get_by_role("button", name="Live signal").scroll_into_view_if_needed()
    assert await page.evaluate("scrollY") > 100
    await page.get_by_role("button", name="Live signal").click()
    await expect(page.locator("canvas")).to_have_count(4)
    await expect(page.get_by_role("button", name="End session")).to_be_in_viewport()
    assert await page.evaluate("scrollY") == 0


async def test_path_breaks_between_folders_on_a_phone_and_copies_plainly(
    page: Page, app: Any
) -> None:
    place = "/home/me/.local/share/faceloop/sessions/01M85R2KFM5VRPE705RJSSX5ET/recording.bdf"
    await page.set_viewport_size({"width": 390, "height": 844})
    app.live.set_status(recording=place, link="ended")
    shown = page.locator("code")
    await expect(shown).to_have_text(place)
    lines = await shown.locator("span").evaluate_all(
        "(all) => all.map((e) => e.getClientRects().length)"
    )
    assert len(lines) == 9 and set(lines) == {1}, "no name of a folder is torn apart"
    box, page_box = (
        await shown.bounding_box(),
        await page.locator("section.fl-card").bounding_box(),
    )
    assert box is not None and page_box is not None
    assert box["x"] + box["width"] <= page_box["x"] + page_box["width"]


# Chromium itself holds back a page whose connections keep failing, by up to 5 s.
CHROMIUM_WAITS_S = 7.0
SOON_MS = "const soon = (run, ms) => slow(run, Math.min(ms ?? 0, 20)); window.setTimeout = soon;"


@pytest.mark.parametrize("has_ended", [pytest.param(False, marks=pytest.mark.full), True])
async def test_page_stops_asking_for_a_server_that_is_gone(
    train: Page, app: Any, has_ended: bool, end_session: Any
) -> None:
    """After a session that has ended at once, else after half a minute, here made short."""
    asked: list[str] = []
    train.on("websocket", lambda socket: asked.append(socket.url))
    if has_ended:
        await end_session(train)
        await app.task
        await expect(train.get_by_text(TEXT("entry.closed"))).to_be_hidden()
    else:
        await train.evaluate("const slow = window.setTimeout;" + SOON_MS)
        app.task.cancel()
        await expect(train.get_by_text(TEXT("entry.closed"))).to_be_visible()
    async with asyncio.timeout(60):
        seen = -1
        while seen < len(asked):
            seen = len(asked)
            await asyncio.sleep(3.0 if has_ended else CHROMIUM_WAITS_S)
    assert (asked == []) if has_ended else len(asked) > 2, asked


async def test_what_is_special_about_a_session_is_said_first_and_last(
    fake_module: Any, start_app: Any, browser: Browser, end_session: Any
) -> None:
    async with start_app(
        fake_module.FakeLive(), notes=("The face is made up.", "It smiles.")
    ) as app:
        page = await browser.new_page()
        await page.goto(app.url)
        session = page.get_by_role("region", name="This session")
        await expect(session).to_contain_text("The face is made up.")
        await expect(session).to_contain_text("It smiles.")
        await page.get_by_role("button", name="Live signal").click()
        for name in ("Live signal", "Today", "Set-up", "Results", "Settings"):
            await page.get_by_role("link", name=name).click()
            await expect(page.get_by_role("link", name=name)).to_have_attribute(
                "aria-current", "page"
            )
            await expect(page.locator(".fl-note")).to_have_text("The face is made up.")
        await page.get_by_role("link", name="Live signal").click()
        await end_session(page)
        await expect(page.locator("h1")).to_have_text("The session has ended.")
        await expect(page.locator("section.fl-card")).to_contain_text("The face is made up.")
        await page.close()


async def test_every_recording_is_listed_at_the_end(
    train: Page, app: Any, end_session: Any
) -> None:
    for name in ("a1", "b2"):
        folder = f"/home/me/faceloop/sessions/{name}"
        app.live.set_status(is_recording=True, recording=folder)
        await expect(train.get_by_role("button", name="Stop recording")).to_be_visible()
        app.live.set_status(is_recording=False, recording=f"{folder}/recording.bdf")
        await expect(train.get_by_role("button", name="Record", exact=True)).to_be_visible()
    await end_session(train)
    await expect(train.get_by_text("Your recordings are here:")).to_be_visible()
    assert await train.locator("code").all_inner_texts() == [
        f"/home/me/faceloop/sessions/{name}/recording.bdf" for name in ("a1", "b2")
    ]


async def test_end_says_how_much_of_the_signal_was_recorded(train: Page, end_session: Any) -> None:
    for seconds in ("0:02", "0:01"):
        await train.get_by_role("button", name="Record", exact=True).click()
        await expect(train.locator(".fl-recording-time")).to_have_text(seconds)
        await train.get_by_role("button", name="Stop recording").click()
        await expect(train.get_by_role("button", name="Record", exact=True)).to_be_visible()
    await end_session(train)
    await expect(train.locator("section.fl-card")).to_contain_text(
        re.compile(r"Signal shown for 0:\d\d; 0:0[3-9] of it recorded\.")
    )


async def test_who_is_training_has_a_way_to_the_signal(page: Page) -> None:
    await page.get_by_role("button", name="Start").click()
    await expect(page.locator("h1")).to_have_text(TEXT("profile.title"))
    await page.get_by_role("button", name=TEXT("nav.signal")).click()
    await expect(page.locator("canvas")).to_have_count(4)


async def test_session_that_ends_says_so_before_the_page_is_let_go(page: Page, app: Any) -> None:
    app.live.set_status(link="ended")
    await expect(page.locator("h1")).to_have_text("The session has ended.")
    await app.task
    await expect(page.locator("h1")).to_have_text("The session has ended.")


async def test_two_pages_show_the_same_session(train: Page, app: Any) -> None:
    other = await train.context.new_page()
    await other.goto(app.origin + "/signal")
    await train.get_by_role("button", name="Record").click()
    await expect(other.get_by_role("button", name="Stop recording")).to_be_visible()
    await other.close()


async def test_missing_chromium_fails_with_what_to_install(
    monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    conftest = next(
        plugin
        for plugin in request.config.pluginmanager.get_plugins()
        if hasattr(plugin, "find_chromium")
    )
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(pytest.fail.Exception, match="apt-get install chromium"):
        conftest.find_chromium()


PAIRS = (MusclePair("zygomaticus_major", 2, 3, "train"),)


@pytest.mark.parametrize(
    ("ratio", "left", "right", "sentence"),
    [
        (0.75, 9, 12, "Both sides alike"),
        (0.74, 9, 12, "Right a little more"),
        (0.50, 12, 6, "Left a little more"),
        (0.49, 12, 6, "Left clearly more"),
        (math.nan, 1, 1, "At rest"),
    ],
)
async def test_symmetry_sentence(ratio: float, left: float, right: float, sentence: str) -> None:
    assert WORDS.symmetry_sentence(ratio, left, right) == sentence


@pytest.mark.parametrize(
    ("pair", "side", "channel", "sentence"),
    [
        ("eye_to_mouth", "left", 2, "Your left smile muscle joined in. Let it soften."),
        ("eye_to_mouth", "right", 3, "Your right smile muscle joined in. Let it soften."),
        ("eye_to_mouth", None, -1, "A quiet muscle joined in. Let it soften."),
        (
            "mouth_to_eye",
            "left",
            -1,
            "A quiet muscle joined in. Let it soften.",
        ),  # no eye in PAIRS
        ("brow_to_chin", "left", -1, "A quiet muscle joined in. Let it soften."),
    ],
)
async def test_alert_of_a_pair_finds_its_muscle(
    pair: str, side: str | None, channel: int, sentence: str
) -> None:
    event = LiveEvent("synkinesis", 10, pair=pair)
    assert guard_channel(event, PAIRS, side) == channel
    assert WORDS.alert_sentence(replace(event, channel=channel), PAIRS) == sentence


async def test_channel_of_the_alert_itself_wins_over_the_affected_side() -> None:
    event = LiveEvent("synkinesis", 10, pair="eye_to_mouth", channel=3)
    assert guard_channel(event, PAIRS, "left") == 3
    assert guard_channel(event, PAIRS, None) == 3
    sentence = "Your right smile muscle joined in. Let it soften."
    assert WORDS.alert_sentence(event, PAIRS) == sentence


async def test_words_fall_back_sensibly() -> None:
    assert WORDS.channel_name(3, PAIRS) == "right smile muscle"
    assert WORDS.channel_name(7, PAIRS) == "channel 8"
    assert WORDS.muscle_name("risorius") == "Risorius"
    alert = LiveEvent("synkinesis", 10, channel=2)
    assert WORDS.alert_sentence(alert, PAIRS) == "Your left smile muscle joined in. Let it soften."
    unknown = LiveEvent("synkinesis", 10)
    assert WORDS.alert_sentence(unknown, PAIRS) == "A quiet muscle joined in. Let it soften."
    assert clock(3725.9) == "1:02:05"
    items = {key: text for key, _, text in WORDS.status_items(LiveStatus(), PAIRS)}
    assert (items["latency"], items["battery"], items["link"]) == ("–", "–", "connecting")
    for radio, link, shown in (
        ("clear", "live", "open; the signal itself is encrypted"),
        ("encrypted", "live", "encrypted"),
        ("", "live", "–"),  # by cable, or nothing reported yet
        ("clear", "lost", "–"),
    ):
        status = LiveStatus(link=link, radio=radio)
        items = {key: text for key, _, text in WORDS.status_items(status, PAIRS)}
        assert items["radio"] == shown
    many = LiveStatus(lead_off=(True,) * 8)
    assert WORDS.status_items(many, PAIRS)[-1][2] == "8 loose"
