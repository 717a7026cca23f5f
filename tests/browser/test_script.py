"""What the page's script lets a reader do: filter, sort, open, copy a link."""

from __future__ import annotations

import re

from support_report import languages

ROWS = "tr[data-verdict]"


def choose(opened, name: str, value: str) -> None:
    opened.page.locator(f"#filters [name={name}]").select_option(value)


def status(opened) -> str:
    return opened.page.locator("#filters [role=status]").inner_text()


def test_findings_are_filtered_by_family_verdict_and_group(look):
    opened = look()
    opened.open_all()
    every = opened.seen(ROWS)
    choose(opened, "verdict", "fail")
    assert opened.seen(ROWS) == opened.seen("tr[data-verdict=fail]") == 1
    assert status(opened) == f"1 of {every} findings fit"
    assert opened.page.locator("section[data-family=performance]").is_hidden()
    choose(opened, "verdict", "")
    choose(opened, "family", "performance")
    assert opened.seen(ROWS) == opened.seen("tr[data-family=performance]") > 1
    choose(opened, "family", "")
    opened.page.locator("#filters [name=text]").fill("  femALE ")
    assert opened.seen(ROWS) == 2
    opened.page.locator("#filters [name=text]").fill("nobody")
    assert opened.seen(ROWS) == 0
    assert status(opened) == f"None of {every} findings fits"
    opened.page.locator("#filters [data-act=clear]").click()
    assert opened.seen(ROWS) == every
    assert status(opened) == ""


def test_what_a_filter_finds_is_opened(look):
    opened = look()
    opened.page.locator("#filters [data-act=close]").click()
    assert opened.seen(ROWS) == 0
    choose(opened, "verdict", "fail")
    assert opened.seen("tr[data-verdict=fail]") == 1


def test_a_filter_takes_nothing_off_the_paper(look):
    opened = look()
    opened.open_all()
    every = opened.seen(ROWS)
    choose(opened, "verdict", "fail")
    opened.page.emulate_media(media="print")
    assert opened.seen(ROWS) == every


def test_three_hundred_groups_are_sorted_by_figure_and_back(look):
    opened = look("groups")
    opened.open_all()
    long = opened.page.locator("tr:nth-child(300)")
    table = opened.page.locator("table[data-sortable]", has=long).first
    head = table.locator("thead th", has_text="Value")

    def shown() -> list[float]:
        return [
            float(text) if text else float("nan")
            for text in table.locator("tbody tr").evaluate_all(
                "rows => rows.map(r => r.querySelector('data[value]')?.value ?? '')"
            )
        ]

    written = shown()
    assert len(written) >= 300
    assert head.get_attribute("aria-sort") is None
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert shown() == sorted(written)
    head.get_by_role("button").press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert shown() == sorted(written, reverse=True)
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") is None
    assert shown() == written


def test_one_column_at_a_time_and_missing_figures_below(look):
    opened = look()
    opened.open_all()
    table = opened.page.locator("#family-bias table[data-sortable]").filter(has_text="—").first
    value, rows = (table.locator("thead th", has_text=name) for name in ("Value", "Rows"))
    for way in ("ascending", "descending"):
        value.get_by_role("button").click()
        assert value.get_attribute("aria-sort") == way
        assert "—" in table.locator("tbody tr").last.inner_text()
    rows.get_by_role("button").click()
    assert value.get_attribute("aria-sort") is None
    assert rows.get_attribute("aria-sort") == "ascending"


def test_all_folds_open_and_close(look):
    opened = look()
    opened.page.locator("#filters [data-act=open]").click()
    assert opened.page.locator("main details:not([open])").count() == 0
    opened.page.locator("#filters [data-act=close]").click()
    assert opened.page.locator("main details[open]").count() == 0


def test_a_link_to_a_finding_opens_what_it_lies_in(look):
    anchor = look().do("document.querySelector('tr[data-verdict=fail]').id")
    there = look(anchor=f"#{anchor}")
    row = there.page.locator(f"#{anchor}")
    assert row.is_visible()
    there.page.locator("#filters [data-act=close]").click()
    choose(there, "verdict", "pass")
    assert row.is_hidden()
    there.do("location.hash = ''")
    there.do("id => { location.hash = id }", anchor)
    row.wait_for(state="visible")
    assert status(there) == ""


def test_a_strange_hash_does_no_harm(look):
    for anchor in ("#%E0%A4%A", "#nowhere", "#<img src=x>", "#"):
        assert look(anchor=anchor).seen("h1") == 1


def test_a_findings_link_is_copied(look):
    opened = look()
    opened.open_all()
    opened.do("navigator.clipboard.writeText = async text => { window.copied = text }")
    button = opened.page.locator("tr[data-verdict=fail] button.copy")
    assert re.match("Copy the link to .+", button.get_attribute("aria-label"))
    button.click()
    anchor = opened.do("document.querySelector('tr[data-verdict=fail]').id")
    assert status(opened) == "Link copied"
    assert opened.do("window.copied") == f"{opened.url}#{anchor}"


def test_where_nothing_may_be_copied_the_address_bar_holds_the_link(look):
    opened = look()
    opened.open_all()
    opened.do(
        """() => { navigator.clipboard.writeText = async () => { throw new Error("no") };
        document.execCommand = () => false }"""
    )
    button = opened.page.locator("tr[data-verdict=fail] button.copy")
    button.click()
    anchor = opened.do("document.querySelector('tr[data-verdict=fail]').id")
    opened.page.wait_for_function("id => location.hash === '#' + id", arg=anchor)
    assert "address bar" in status(opened)
    assert opened.do("document.activeElement.className").startswith("copy")


def test_printing_opens_the_folds_and_closes_them_again(look):
    opened = look()
    opened.page.locator("#filters [data-act=close]").click()
    opened.do("dispatchEvent(new Event('beforeprint'))")
    assert opened.page.locator("main details:not([open])").count() == 0
    opened.do("dispatchEvent(new Event('afterprint'))")
    assert opened.page.locator("main details[open]").count() == 0


def test_the_controls_speak_the_pages_language(look):
    for lang in languages():
        if lang != "en":
            clear = look(lang=lang).page.locator("#filters [data-act=clear]")
            assert clear.inner_text() not in ("", "Show all")


def test_intervals_are_sorted_by_their_lower_end_and_drawings_not_at_all(look):
    opened = look("groups")
    opened.open_all()
    long = opened.page.locator("tr:nth-child(300)")
    table = opened.page.locator("table.figures", has=long).first
    assert table.locator("thead td button").count() == 0
    column = table.locator("thead tr > *").all_inner_texts()
    place = next(k for k, text in enumerate(column) if "interval" in text.lower())
    table.locator("thead tr > *").nth(place).get_by_role("button").click()
    texts = table.locator(f"tbody tr > :nth-child({place + 1})").all_inner_texts()
    lows = [float(text.split(" to ")[0].replace("−", "-")) for text in texts]
    assert len(lows) >= 300
    assert lows == sorted(lows)
    assert lows[0] < 0
