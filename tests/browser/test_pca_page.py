"""The page of pca in Chromium, through sidecars: data in, a picture beside them, files out."""

import gzip
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from axe_playwright_python.sync_playwright import Axe
from mesh import Mesh
from openpyxl import Workbook
from playwright.sync_api import FilePayload, Page, expect

OpenPage = Callable[..., Page]

POINTS = "length,width,species\n5.1,3.5,a\n4.9,3.1,a\n4.7,3.2,b\n5.0,3.3,b\n5.6,3.9,b\n"
NOTED = "id,a,b\n1,2,4\n2,5,6\n3,4,9\n4,4,1\n5,7,7\n"
FAULTY = "length,width,species\n5.1,3.5,a\n4.9,three,a\n4.7,3.2,b\n"


@pytest.fixture
def address(mesh: Mesh) -> str:
    """The page by the sidecar of classify, so that every call crosses two."""
    return f"{mesh.http('classify')}/v1.0/invoke/pca/method/ui"


@pytest.fixture
def page(open_page: OpenPage, address: str) -> Page:
    opened = open_page(address)
    expect(opened.locator("#status")).to_contain_text(" ms")
    return opened


def picture_of(page: Page) -> str:
    """The picture's words: the page keeps it in a shadow tree."""
    words: str = page.evaluate("document.querySelector('#picture').shadowRoot.textContent")
    return words


def await_picture(page: Page, words: str) -> None:
    expect(page.locator("#picture svg")).to_contain_text(words)


def test_pasted_points_become_a_picture(page: Page) -> None:
    page.get_by_role("textbox", name="Data").fill(POINTS)
    await_picture(page, "5 observations of 2 variables")
    assert "length" in picture_of(page)


def test_a_dropped_file_becomes_a_picture(page: Page) -> None:
    page.evaluate(
        """(points) => {
          const files = new DataTransfer();
          files.items.add(new File([points], "leaves.csv", { type: "text/csv" }));
          const told = { bubbles: true, cancelable: true, dataTransfer: files };
          document.body.dispatchEvent(new DragEvent("drop", told));
        }""",
        POINTS,
    )
    await_picture(page, "5 observations of 2 variables")


def test_an_option_changes_the_picture(page: Page) -> None:
    page.get_by_role("textbox", name="Data").fill(POINTS)
    await_picture(page, "5 observations of 2 variables")
    page.get_by_label("Standardize").check()
    await_picture(page, "5 observations of 2 standardized variables")


def test_a_picture_of_one_variable_offers_to_standardize(page: Page) -> None:
    page.get_by_role("textbox", name="Data").fill("a,b,c\n1,100,2\n2,900,3\n1.5,300,1\n")
    await_picture(page, "b holds")
    page.get_by_role("button", name="Standardize").click()
    await_picture(page, "3 observations of 3 standardized variables")
    expect(page.get_by_role("button", name="Standardize")).to_have_count(0)


def test_a_fault_is_shown_at_its_cell(page: Page) -> None:
    page.get_by_role("textbox", name="Data").fill(FAULTY)
    fault = page.locator("#data-fault")
    expect(fault).to_contain_text("'three'")
    fault.get_by_role("button", name="Go to row 3, column 2").click()
    selected = page.evaluate(
        "(({ value, selectionStart, selectionEnd }) => value.slice(selectionStart, selectionEnd))"
        "(document.querySelector('#data'))"
    )
    assert selected.strip() == "three"
    page.get_by_role("textbox", name="Data").fill(POINTS)
    expect(fault).to_be_empty()
    await_picture(page, "5 observations")


@pytest.mark.parametrize(
    ("kind", "option", "value", "words"),
    [
        ("Scores", "Components to show", "3,3", "got 3,3"),
        ("Scree", "Components to keep", "9", "got 9"),
        ("Biplot", "Biplot: variance in the arrows", "7", "less than or equal to 1"),
    ],
)
def test_a_fault_is_shown_at_its_option(
    page: Page, kind: str, option: str, value: str, words: str
) -> None:
    page.get_by_role("textbox", name="Data").fill(POINTS)
    page.locator("#options details summary").click()
    page.get_by_label(kind, exact=True).check(force=True)
    field = page.get_by_label(option)
    field.fill(value)
    expect(page.locator("#option-fault")).to_contain_text(words)
    expect(page.locator("#data-fault")).to_be_empty()
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(re.compile(words))
    field.fill("")
    expect(page.locator("#option-fault")).to_be_empty()
    expect(page.locator("[aria-invalid=true]")).to_have_count(0)


def test_each_missing_cell_is_a_fault_of_its_own(page: Page) -> None:
    page.get_by_role("textbox", name="Data").fill("a,b\n1,2\n,3\n4,\n5,7\n")
    expect(page.locator("#data-fault")).to_contain_text("2 missing")
    expect(page.locator("#editor mark")).to_have_count(2)


def test_a_button_does_what_the_service_advises(page: Page) -> None:
    page.get_by_role("textbox", name="Data").fill("a,b\n1,2\n3,\n4,1\n7,7\n")
    fault = page.locator("#data-fault")
    expect(fault).to_contain_text("“Missing values: Drop the row”")
    fault.get_by_role("button", name="Leave these rows out").click()
    await_picture(page, "3 observations of 2 variables")
    expect(fault).to_be_empty()
    await_picture(page, "left out: row 3")


@pytest.mark.parametrize(
    ("kind", "begins"), [("SVG", b"<svg"), ("PNG", b"\x89PNG"), ("JSON", b"{"), ("CSV", b"")]
)
def test_what_is_shown_can_be_kept(page: Page, tmp_path: Path, kind: str, begins: bytes) -> None:
    page.get_by_role("textbox", name="Data").fill(POINTS)
    await_picture(page, "5 observations")
    with page.expect_download() as download:
        page.get_by_role("button", name=kind, exact=True).click()
    assert download.value.suggested_filename.endswith(f".{kind.lower()}")
    download.value.save_as(tmp_path / "file")
    content = (tmp_path / "file").read_bytes()
    assert content.startswith(begins)
    if kind == "JSON":
        assert json.loads(content)["names"] == ["length", "width"]
    if kind == "CSV":
        assert len(content.splitlines()) == 6


def test_the_keyboard_is_enough(page: Page) -> None:
    page.get_by_label("Samples").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    for _ in range(4):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.id") == "data":
            break
    page.keyboard.press("Control+A")
    page.keyboard.type("1,2,3,5,4,4,9,7")
    await_picture(page, "4 observations of 2 variables")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_it_without_scrolling_sideways(
    open_page: OpenPage, address: str, scheme: str
) -> None:
    phone = open_page(address, viewport={"width": 390, "height": 844}, color_scheme=scheme)
    expect(phone.locator("#status")).to_contain_text(" ms")
    name = "a_name_without_any_place_to_break_a_line_that_is_longer_than_a_phone_is_wide"
    phone.get_by_role("textbox", name="Data").fill(f"{name}_id,b,c\n1,2,4\n2,5,6\n3,4,9\n")
    expect(phone.locator("#reading li")).to_contain_text(name)
    phone.evaluate("document.querySelectorAll('details').forEach((each) => { each.open = true; })")
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("points", [POINTS, FAULTY, NOTED], ids=["picture", "fault", "note"])
def test_axe_finds_nothing_to_blame(
    open_page: OpenPage, address: str, scheme: str, points: str
) -> None:
    # The policy of the page forbids what is not its own, which axe is.
    opened = open_page(address, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")
    opened.get_by_role("textbox", name="Data").fill(points)
    if points == FAULTY:
        expect(opened.locator("#data-fault")).to_contain_text("three")
    else:
        await_picture(opened, "5 observations")
    if points == NOTED:
        expect(opened.locator("#reading li button")).to_have_count(2)
        for summary in opened.locator("summary").all():
            summary.click()
    found = Axe().run(opened)
    assert found.violations_count == 0, found.generate_report()


def test_words_in_the_data_are_words(page: Page) -> None:
    name = "<img src=x onerror=alert(1)>"
    page.get_by_role("textbox", name="Data").fill(f'"{name}",b\n1,2\n3,5\n4,4\n')
    await_picture(page, name)
    assert page.locator("#picture img").count() == 0


def test_the_page_says_how_the_table_was_read(page: Page) -> None:
    table = "# a comment\nwho;a;b;kind;\nann;1,5;2;u;\nbob;;3;v;\ncy;4;4;u;\ndee;9;1;v;\n"
    page.get_by_label("Missing values", exact=True).select_option("drop")
    page.get_by_role("textbox", name="Data").fill(table)
    await_picture(page, "3 observations of 2 variables")
    reading = page.locator("#reading")
    summary = "Read as delimited text, names in row 2, 2 variables, groups from kind"
    expect(reading.locator("summary")).to_contain_text(summary)
    reading.locator("summary").click()
    facts = reading.locator("dl").inner_text().splitlines()
    assert {"semicolons", "comma", "UTF-8", "a, b", "1 (comment)"} <= {*facts}
    assert "4 (numbers are missing)" in facts


def test_how_it_was_read_goes_with_a_fault_and_with_the_data(page: Page) -> None:
    reading = page.locator("#reading")
    expect(reading).to_be_visible()
    page.get_by_role("textbox", name="Data").fill(FAULTY)
    expect(page.locator("#data-fault")).to_contain_text("'three'")
    expect(reading).to_be_hidden()
    page.get_by_role("textbox", name="Data").fill(POINTS)
    expect(reading).to_be_visible()
    page.get_by_role("button", name="Clear").click()
    expect(reading).to_be_hidden()


@pytest.mark.parametrize(
    ("button", "words"),
    [("Leave out “sample, id”", "2 variables"), ("“sample, id” names the observations", "Names")],
)
def test_a_note_has_buttons_that_do_what_it_says(page: Page, button: str, words: str) -> None:
    rows = "1,2,4\n2,5,6\n3,4,9\n4,4,1\n5,7,7\n"
    page.get_by_role("textbox", name="Data").fill(f'"sample, id",b,c\n{rows}')
    await_picture(page, "5 observations of 3 variables")
    note = page.locator("#reading li")
    expect(note).to_contain_text("looks like a number of the observation")
    expect(note).to_contain_text("“Leave out columns: sample, id”")
    note.get_by_role("button", name=button).click()
    await_picture(page, "5 observations of 2 variables")
    expect(note).to_have_count(0)
    expect(page.locator("#reading")).to_contain_text(words)


def test_a_mark_of_missing_numbers_is_one_click(page: Page) -> None:
    page.get_by_role("textbox", name="Data").fill("a,b\n1,2\n3,not measured\n4,9\n5,4\n")
    button = page.get_by_role("button", name="“not measured” marks a missing value")
    button.click()
    await_picture(page, "3 observations of 2 variables")


def test_a_decimal_mark_is_one_click(page: Page) -> None:
    page.get_by_role("textbox", name="Data").fill("a;b\n1,234;2,500\n3,125;7,250\n4,500;1,125\n")
    page.get_by_role("button", name="The decimal mark is a comma").click()
    await_picture(page, "3 observations of 2 variables")


@pytest.mark.parametrize(
    ("table", "cell", "place"),
    [
        ("a|b|c\n1|2|4\n2|wrong|5\n3|3|3\n", "wrong", "row 3, column 2"),
        ("| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | x |\n| 4 | 9 |\n", "x", "row 4, column 3"),
        ("  a    b\n 10   2\n  3   x\n  4   9\n", "x", "row 3, column 2"),
        ("# none\na\tb\n1\t2\n3\tx\n4\t9\n", "x", "row 4, column 2"),
        ("sep=;\na;b\n1;2\n3;x\n4;9\n", "x", "row 4, column 2"),
    ],
    ids=["pipes", "markdown", "aligned", "tabs", "sep"],
)
def test_a_fault_is_found_whatever_divides_the_cells(
    page: Page, table: str, cell: str, place: str
) -> None:
    page.get_by_role("textbox", name="Data").fill(table)
    page.locator("#data-fault").get_by_role("button", name=f"Go to {place}").click()
    selected = page.evaluate(
        "(({ value, selectionStart, selectionEnd }) => value.slice(selectionStart, selectionEnd))"
        "(document.querySelector('#data'))"
    )
    assert selected.strip() == cell


TEXT = "länge;breite\n1,5;2\n3;5\n4;4\n"


def write_parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"länge": [1.5, 3, 4], "breite": [2, 5, 4]}), sink)
    return sink.getvalue()


def write_workbook() -> bytes:
    workbook = Workbook()
    for row in (["länge", "breite"], [1.5, 2], [3, 5], [4, 4]):
        workbook.worksheets[0].append(row)
    sink = io.BytesIO()
    workbook.save(sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "read_as"),
    [
        ("a.xlsx", write_workbook(), "Excel workbook"),
        ("a.parquet", write_parquet(), "Parquet"),
        ("a.csv.gz", gzip.compress(TEXT.encode()), "gzip"),
        ("utf16.txt", TEXT.encode("utf-16"), "UTF-16"),
        ("bare16.csv", TEXT.encode("utf-16-le"), "UTF-16-LE"),
        ("windows.csv", TEXT.encode("windows-1252"), "Windows-1252"),
        ("utf8.csv", TEXT.encode("utf-8-sig"), "UTF-8"),
    ],
)
def test_files_reach_the_service_as_they_are(
    page: Page, name: str, content: bytes, read_as: str
) -> None:
    file: FilePayload = {"name": name, "mimeType": "", "buffer": content}
    page.locator("#file").set_input_files(file)
    await_picture(page, "3 observations of 2 variables")
    assert "länge" in picture_of(page)
    page.locator("#reading summary").click()
    expect(page.locator("#reading details")).to_contain_text(read_as)
    expect(page.locator("#held")).to_be_visible(visible=name != "utf8.csv")


def test_a_fault_in_a_file_of_another_encoding_is_shown_at_its_cell(page: Page) -> None:
    content = TEXT.replace("3;5", "3;fünf").encode("windows-1252")
    file: FilePayload = {"name": "windows.csv", "mimeType": "", "buffer": content}
    page.locator("#file").set_input_files(file)
    expect(page.locator("#data-fault")).to_contain_text("'fünf' at row 3")
    expect(page.locator("#editor mark")).to_have_text("fünf")
