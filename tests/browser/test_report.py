"""The page in a browser: axe finds nothing, the keyboard reaches all, nothing acts or leaves."""

from __future__ import annotations

import pytest
from support_report import PAGES, languages

AXE = {
    "runOnly": {
        "type": "tag",
        "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
    },
    "rules": {"target-size": {"enabled": True}},
    "resultTypes": ["violations"],
}
NARROW, WIDE = 390, 1440


def violations(opened) -> list[str]:
    """What axe objects to, a line each with its first place."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(opened.page, options=AXE).response["violations"]
    return [f"{v['id']}: {v['nodes'][0]['target']} {v['nodes'][0]['html'][:200]}" for v in found]


# ── WCAG 2.2 AA ──────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("lang", languages())
def test_axe_finds_nothing(look, lang, width, dark):
    opened = look(lang=lang, width=width, dark=dark)
    opened.open_all()
    assert violations(opened) == []


@pytest.mark.parametrize(
    ("lang", "width", "dark"), [("en", WIDE, False), ("en", NARROW, True), ("zh", NARROW, False)]
)
def test_axe_finds_nothing_on_a_language_models_page(look, lang, width, dark):
    opened = look("spoken", lang, width=width, dark=dark)
    opened.open_all()
    assert opened.seen("table.pair") == 1
    assert violations(opened) == []


def test_the_verdicts_of_a_narrow_screen_are_all_in_sight(look):
    for lang in languages():
        opened = look("spoken", lang, width=NARROW)
        table = opened.page.locator("table.matrix").bounding_box()
        assert table["x"] + table["width"] <= NARROW


@pytest.mark.parametrize(
    "name", [pytest.param("hostile", marks=pytest.mark.slow), "nothing", "broken"]
)
def test_axe_finds_nothing_on_strange_records(look, name):
    opened = look(name, width=NARROW)
    opened.open_all()
    assert violations(opened) == []


@pytest.mark.slow
@pytest.mark.parametrize(("lang", "width", "dark"), [("en", WIDE, False), ("zh", NARROW, True)])
def test_axe_finds_nothing_on_a_real_report(look, lang, width, dark):
    opened = look("example", lang, width=width, dark=dark)
    opened.page.set_default_timeout(120_000)
    opened.open_all()
    assert violations(opened) == []


def test_the_page_names_its_language(look):
    for lang in languages():
        assert look(lang=lang).page.locator("html").get_attribute("lang").startswith(lang)


SMALL = """() => [...document.querySelectorAll("a, button, summary, input, select")]
  .filter(e => e.checkVisibility() && !e.closest(".skip, .unseen"))
  .filter(e => e.localName !== "a" || !e.closest("p, li, dd, th, td, caption, figcaption, text"))
  .map(e => [e.outerHTML.slice(0, 120), e.getBoundingClientRect()])
  .filter(([, r]) => r.width < 24 || r.height < 24).map(([text]) => text)"""


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_targets_are_24_pixels(look, width):
    """WCAG 2.2, 2.5.8; links in a sentence are the exception that it makes."""
    opened = look(width=width)
    opened.open_all()
    assert opened.do(SMALL) == []


# ── the keyboard ─────────────────────────────────────────────────────────────────────────

REACHABLE = """() => { const places = [...document.querySelectorAll(
  "a[href], button, summary, input, select, [tabindex='0']")].filter(e => e.checkVisibility());
  places.forEach((e, k) => e.dataset.place = k); return places.length }"""
AT = """() => { const e = document.activeElement;
  const s = getComputedStyle(e), r = e.getBoundingClientRect();
  return { place: e.dataset.place === undefined ? null : Number(e.dataset.place),
    ring: s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2,
    inside: r.bottom > 0 && r.top < innerHeight, html: e.outerHTML.slice(0, 120) } }"""


@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_tab_reaches_everything_in_order_and_shows_where_it_is(look, width):
    opened = look(width=width)
    opened.open_all()
    places = opened.do(REACHABLE)
    assert places > 40
    for place in range(places):
        opened.page.keyboard.press("Tab")
        at = opened.do(AT)
        assert at["place"] == place, at
        assert at["ring"], at
        assert at["inside"], at


def test_whatever_scrolls_can_be_scrolled_by_the_keyboard(look):
    """A region that is wider than the screen takes the focus and has a name."""
    opened = look(width=NARROW)
    opened.open_all()
    stuck = opened.do(
        """() => [...document.querySelectorAll("body *")].filter(e =>
          e.scrollWidth > e.clientWidth + 1 && e.checkVisibility() &&
          ["auto", "scroll"].includes(getComputedStyle(e).overflowX) &&
          !(e.tabIndex === 0)).map(e => e.outerHTML.slice(0, 120))"""
    )
    assert stuck == []


# ── nothing leaves the page, nothing acts in it ──────────────────────────────────────────


@pytest.mark.parametrize("name", PAGES)
@pytest.mark.parametrize("width", [WIDE, NARROW])
def test_it_never_scrolls_sideways_and_keeps_calm(look, name, width):
    """That nothing was loaded, said or popped up is looked at whenever a page is closed."""
    opened = look(name, width=width)
    opened.open_all()
    size = opened.do("[document.scrollingElement.scrollWidth, innerWidth]")
    assert size[0] <= size[1] == width
    assert opened.requests == [opened.url]


def test_the_policy_lets_the_pages_own_script_run_and_no_other(look):
    opened = look()
    assert opened.page.locator("#filters").is_visible()
    opened.do(
        """() => { window.ran = []; const add = (tag, fill) => {
          const e = document.createElement(tag); fill(e); document.body.append(e); };
          document.addEventListener("securitypolicyviolation",
            e => window.ran.push(e.effectiveDirective));
          add("script", e => e.textContent = "window.ran.push('script')");
          add("img", e => e.src = "https://example.org/x.png");
          add("div", e => e.setAttribute("onclick", "window.ran.push('handler')"));
          document.body.lastChild.click();
          return fetch("https://example.org/").catch(() => {}) }"""
    )
    opened.page.wait_for_function("window.ran.length >= 4")
    assert sorted(set(opened.do("window.ran"))) == [
        "connect-src",
        "img-src",
        "script-src-attr",
        "script-src-elem",
    ]
    opened.said.clear()  # the console tells of each
    opened.requests[1:] = []  # asked for, and stopped by the policy


def test_hostile_texts_are_drawn_and_make_no_element(look):
    opened = look("hostile")
    assert opened.page.locator("img").count() == 0
    assert opened.page.locator("script").count() == 1
    assert opened.page.locator("title").count() - opened.page.locator("svg title").count() == 1
    assert "<script>alert(1)</script>" in opened.page.inner_text("h1")
    assert "⟨U+202E⟩" in opened.page.inner_text("h1")
    schemes = set(opened.do("[...document.querySelectorAll('a[href]')].map(a => a.protocol)"))
    assert schemes <= {"file:", "https:", "http:"}


def test_there_is_no_global_name_of_its_own(look):
    own = """() => Object.keys(window).filter(k => !(k in
      document.createElement("iframe")) && typeof window[k] === "function"
      && !/\\[native code\\]/.test(window[k]))"""
    assert look().do(own) == []


# ── without script, and on paper ─────────────────────────────────────────────────────────


def test_without_script_all_is_there_and_nothing_is_dead(look):
    opened = look(script=False)
    assert opened.seen("button, input, select") == 0
    assert opened.seen("main section") >= 6
    fold = opened.page.locator("main details:not([open])").first.element_handle()
    fold.query_selector("summary").click()
    assert fold.get_attribute("open") is not None


@pytest.mark.parametrize("script", [True, False])
def test_on_paper_every_fold_is_open_and_nothing_is_cut(look, script):
    opened = look(script=script, width=794)  # 210 mm
    opened.page.emulate_media(media="print")
    assert opened.page.locator("#filters").is_hidden()
    assert opened.seen("tr[data-verdict]") == opened.page.locator("tr[data-verdict]").count()
    tables = opened.page.locator("main .scroll table").locator("visible=true").all()
    boxes = [table.bounding_box() for table in tables]
    assert boxes
    assert all(box and box["x"] + box["width"] <= 794 + 1 for box in boxes), boxes
