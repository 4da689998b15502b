"""Keyboard, screen reader, zoom, small screens: checked by rule and by hand."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Page, expect

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@pytest.mark.parametrize(
    ("scheme", "width"),
    [
        *(("dark", 360), ("light", 1280)),
        pytest.param("light", 360, marks=pytest.mark.full),
        pytest.param("dark", 1280, marks=pytest.mark.full),
    ],
)
async def test_axe_finds_nothing_serious(
    page: Page, app: Any, serious: Any, scheme: Any, width: int
) -> None:
    await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
    await page.set_viewport_size({"width": width, "height": 800})
    assert await serious(page) == []
    await page.get_by_role("button", name="Live signal").click()
    await expect(page.locator("canvas")).to_have_count(4)
    assert await serious(page) == []
    app.live.cue("synkinesis")
    await expect(page.locator("[data-alert]")).not_to_have_text("")
    assert await serious(page) == []
    app.live.refuse_recording = True
    await page.get_by_role("button", name="Record").click()
    await expect(page.locator(".fl-problem")).to_be_visible()
    assert await serious(page) == []
    await page.get_by_role("button", name="End session").click()
    await expect(page.get_by_role("dialog")).to_be_visible()
    assert await serious(page) == []
    await page.get_by_role("button", name="Yes, end it").click()
    await expect(page.locator("h1")).to_have_text("The session has ended.")
    assert await serious(page) == []


async def focused(page: Page) -> tuple[str, bool]:
    """Return the focused element's text and whether its focus is visible."""
    text, outline = await page.evaluate(
        "(() => { const e = document.activeElement, s = getComputedStyle(e);"
        " return [e.textContent, s.outlineStyle + ' ' + s.outlineWidth]; })()"
    )
    return text, outline == "solid 3px"


async def test_whole_path_by_keyboard(page: Page, app: Any) -> None:
    order = []
    for _ in range(6):
        await page.keyboard.press("Tab")
        text, is_visible = await focused(page)
        assert is_visible, text
        order.append(text)
    assert order == [
        "Skip to the content",
        "Sound on",
        "Settings",
        "What is known about this kind of training",
        "Start",
        "Live signal",
    ]
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_be_focused()
    await page.keyboard.press("Shift+Tab")
    assert await focused(page) == ("End session", True)
    await page.keyboard.press("Shift+Tab")
    assert await focused(page) == ("Record", True)
    await page.keyboard.press("Space")
    await expect(page.get_by_role("button", name="Stop recording")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Record")).to_be_focused()
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("button", name="Not yet")).to_be_focused()
    assert await focused(page) == ("Not yet", True)
    await page.keyboard.press("Shift+Tab")
    assert await focused(page) == ("Yes, end it", True)
    await page.keyboard.press("Enter")
    await expect(page.locator("h1")).to_have_text("The session has ended.")
    assert app.live.status().link == "ended"


async def test_screen_reader_names(train: Page) -> None:
    for name in ("Eye", "Smile", "Chin", "Jaw"):
        region = train.get_by_role("region", name=name, exact=True)
        picture = region.get_by_role("img", name=f"{name}: live activity, left and right")
        await expect(picture).to_be_visible()
    assert await train.evaluate("document.documentElement.lang") == "en"
    assert await train.locator("h1").count() == 1
    assert await train.locator("main").count() == 1


@pytest.mark.parametrize(
    ("width", "height"),
    [
        *((360, 740), (640, 400), (1280, 800)),  # 640 x 400: 1280 x 800 at 200 % zoom
        pytest.param(1920, 1080, marks=pytest.mark.full),
    ],
)
async def test_nothing_is_cut_off(page: Page, app: Any, width: int, height: int) -> None:
    await page.set_viewport_size({"width": width, "height": height})
    app.live.set_status(lead_off=(True,) * 3 + (False,) * 5)

    async def overflow() -> list[str]:
        found = await page.evaluate(
            """() => [...document.querySelectorAll(".fl-root *")].filter((e) => {
              const box = e.getBoundingClientRect();
              return box.width > 0 && (box.right > innerWidth + 1 || box.left < -1);
            }).map((e) => e.outerHTML.slice(0, 120))"""
        )
        return list(found)

    assert await overflow() == []
    await page.get_by_role("button", name="Live signal").click()
    await expect(page.locator("canvas")).to_have_count(4)
    await page.get_by_role("button", name="Record").click()
    await expect(page.locator(".fl-recording")).to_contain_text("Recording")
    app.live.cue("synkinesis")
    await expect(page.locator("[data-alert]")).not_to_have_text("")
    assert await overflow() == []
    assert await page.evaluate("document.documentElement.scrollWidth") == width


async def test_alert_is_in_view_wherever_a_phone_is_scrolled(train: Page, app: Any) -> None:
    await train.set_viewport_size({"width": 360, "height": 740})
    await train.get_by_text("Left and right are as in a mirror.").scroll_into_view_if_needed()
    app.live.cue("synkinesis")
    await expect(train.locator("[data-alert]")).to_be_in_viewport(ratio=1)


async def test_controls_are_large_enough_to_touch(train: Page) -> None:
    for button in await train.get_by_role("button").all():
        box = await button.bounding_box()
        assert box is not None
        assert box["height"] >= 44, await button.text_content()


async def test_phone_has_one_line_above_the_page_and_all_muscles_on_one_screen(
    train: Page,
) -> None:
    await train.set_viewport_size({"width": 390, "height": 844})
    header = await train.locator(".fl-bar").bounding_box()
    assert header is not None and header["height"] < 2 * 44
    await expect(train.get_by_role("heading", name="Jaw")).to_be_in_viewport()
    await expect(train.locator("canvas").last).to_be_in_viewport(ratio=1)


async def said_to_be_expanded(page: Page, name: str) -> Any:
    """Return what the browser itself tells a screen reader of a button."""
    browser = await page.context.new_cdp_session(page)
    tree = await browser.send("Accessibility.getFullAXTree")
    await browser.detach()
    for node in tree["nodes"]:
        if (node["role"]["value"], node.get("name", {}).get("value")) == ("button", name):
            properties = node.get("properties", [])
            return next((p["value"]["value"] for p in properties if p["name"] == "expanded"), None)
    return None


async def test_menu_of_a_phone_by_keyboard(train: Page, serious: Any) -> None:
    await train.set_viewport_size({"width": 390, "height": 844})
    menu = train.get_by_role("button", name="Menu")
    pages = train.get_by_role("navigation", name="Pages")
    await expect(pages).to_be_hidden()
    await menu.focus()
    await train.keyboard.press("Enter")
    await expect(pages).to_be_visible()
    assert await said_to_be_expanded(train, "Menu") is True
    assert await serious(train) == []
    links = await pages.get_by_role("link").all()
    assert len(links) == 6
    for link in links:
        box = await link.bounding_box()
        assert box is not None and box["height"] >= 44, await link.text_content()
    await train.keyboard.press("Tab")
    assert await focused(train) == ("Today", True)
    await train.keyboard.press("Escape")
    await expect(pages).to_be_hidden()
    assert await said_to_be_expanded(train, "Menu") is False
    await expect(menu).to_be_focused()
    await train.keyboard.press("Enter")
    await pages.get_by_role("link", name="Results").click()
    await expect(train.locator("h1")).to_have_text("Results")
    await expect(train.locator("h1")).to_be_focused()
    await expect(pages).to_be_hidden()
