"""The page of pca in Chromium, through sidecars: data in, a picture beside them, files out."""

import csv
import gzip
import io
import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from axe_playwright_python.sync_playwright import Axe
from mesh import Mesh
from openpyxl import Workbook
from PIL import Image
from playwright.sync_api import FilePayload, Page, expect

from meshlens.pca.answers.encoding import encode_columns
from meshlens.pca.methods import fit
from meshlens.pca.options import FitOptions

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
    expect(opened.locator("#status")).to_contain_text("of the variance")
    return opened


def picture_of(page: Page) -> str:
    """The picture's words: the page keeps it in a shadow tree."""
    words: str = page.evaluate("document.querySelector('#picture').shadowRoot.textContent")
    return words


def await_picture(page: Page, words: str) -> None:
    expect(page.locator("#picture svg")).to_contain_text(words)


def unfold_options(page: Page) -> None:
    for summary in page.locator("#options summary").all():
        summary.click()


def give_file(page: Page, name: str, content: bytes) -> None:
    file: FilePayload = {"name": name, "mimeType": "", "buffer": content}
    page.locator("#file").set_input_files(file)


def selected_text(page: Page) -> str:
    selected: str = page.evaluate(
        "(({ value, selectionStart, selectionEnd }) => value.slice(selectionStart, selectionEnd))"
        "(document.querySelector('#data'))"
    )
    return selected.strip()


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
    assert selected_text(page) == "three"
    page.get_by_role("textbox", name="Data").fill(POINTS)
    expect(fault).to_be_empty()
    await_picture(page, "5 observations")


def test_a_fault_of_a_row_is_shown_at_its_line(page: Page) -> None:
    page.get_by_role("textbox", name="Data").fill("a,b,c\n1,2,3\n4,5\n6,8,9\n")
    page.locator("#data-fault").get_by_role("button", name="Go to row 3").click()
    assert selected_text(page) == "4,5"
    expect(page.locator(".gutter .at-fault")).to_have_text("3")


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
    unfold_options(page)
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
    expect(page.locator("#data-fault")).to_contain_text("2 numbers are missing")
    expect(page.locator("#editor mark")).to_have_count(2)


@pytest.mark.parametrize(
    ("button", "n", "words"),
    [
        ("Leave these rows out", 3, "left out: row 3"),
        ("Fill with the column's mean", 4, "filled in, in row 3"),
        ("Estimate from the other columns", 4, "filled in, in row 3"),
    ],
)
def test_a_button_does_what_the_service_advises(
    page: Page, button: str, n: int, words: str
) -> None:
    page.get_by_role("textbox", name="Data").fill("a,b\n1,2\n3,\n4,1\n7,7\n")
    fault = page.locator("#data-fault")
    expect(fault).to_contain_text("1 number is missing: row 3, column 2 (b).")
    expect(fault).not_to_contain_text("missing=")
    fault.get_by_role("button", name=button).click()
    await_picture(page, f"{n} observations of 2 variables")
    expect(fault).to_be_empty()
    await_picture(page, words)


def keep(page: Page, item: str, folder: Path) -> tuple[str, bytes]:
    """Choose an item of the menu of downloads; return the name and the content of the file."""
    page.get_by_role("button", name="Download", exact=True).click()
    with page.expect_download() as download:
        page.locator("#downloads").get_by_role("button", name=item).click()
    download.value.save_as(folder / "file")
    return download.value.suggested_filename, (folder / "file").read_bytes()


@pytest.mark.parametrize(
    ("item", "name", "begins"),
    [
        ("SVG", "leaves-scores.svg", b"<svg"),
        ("PNG", "leaves-scores.png", b"\x89PNG"),
        ("PDF", "leaves-scores.pdf", b"%PDF"),
        ("Scores", "leaves-scores.csv", b"group,PC1,PC2\na,"),
        ("Loadings", "leaves-loadings.csv", b"variable,PC1,PC2\nlength,"),
        ("Explained variance", "leaves-variance.csv", b"component,explained_variance,"),
        ("Model", "leaves-model.json", b"{"),
    ],
)
def test_what_is_shown_can_be_kept(
    page: Page, tmp_path: Path, item: str, name: str, begins: bytes
) -> None:
    give_file(page, "leaves.csv", POINTS.encode())
    await_picture(page, "5 observations")
    kept, content = keep(page, item, tmp_path)
    assert kept == name
    assert content.startswith(begins)
    if item == "Model":
        assert json.loads(content)["names"] == ["length", "width"]
    if item == "Scores":
        assert len(content.splitlines()) == 6


@pytest.mark.parametrize("rotation", ["none", "varimax"])
def test_the_page_and_the_command_write_the_same_loadings(
    page: Page, tmp_path: Path, rotation: str
) -> None:
    table = '=a,"b, c","d""e"\n1,2,4\n2,5,6\n3,4,9\n4,4,1\n'
    page.get_by_role("textbox", name="Data").fill(table)
    await_picture(page, "4 observations of 3 variables")
    unfold_options(page)
    page.get_by_label("Components to keep").fill("2")
    page.get_by_label("Rotation").select_option(rotation)
    _, content = keep(page, "Loadings", tmp_path)
    options = FitOptions.model_validate({"k": "2", "rotation": rotation})
    model = fit(table.encode(), "text/csv", options).model
    names, columns = ["variable", *model.component_names], [model.names, *model.loadings]
    expected = [*csv.reader(io.StringIO(encode_columns(names, columns, "text/csv").decode()))]
    got = [*csv.reader(io.StringIO(content.decode()))]
    assert got[0] == expected[0]
    assert [row[0] for row in got] == [row[0] for row in expected]
    assert (
        np.array(got)[1:, 1:].astype(float).tolist()
        == np.array(expected)[1:, 1:].astype(float).tolist()
    )


def test_a_png_is_light_where_the_page_is_dark(
    open_page: OpenPage, address: str, tmp_path: Path
) -> None:
    dark = open_page(address, color_scheme="dark")
    await_picture(dark, "150 observations")
    _, content = keep(dark, "PNG", tmp_path)
    corner = Image.open(io.BytesIO(content)).convert("RGB").getpixel((5, 5))
    assert corner == (255, 255, 255)


@pytest.mark.parametrize(
    "kind", ["Loadings", "Contributions", "cos²", "Loading bars", "Pairs", "Scree"]
)
def test_options_that_mean_nothing_for_a_kind_are_greyed_and_not_sent(
    page: Page, kind: str
) -> None:
    unfold_options(page)
    page.get_by_label("Ellipses", exact=True).select_option("normal")
    page.get_by_label("Level of ellipses").fill("0.9")
    page.get_by_label("Components to keep").fill("3")
    page.get_by_label("Label observations").fill("none")
    page.get_by_label("Color by").select_option("petal width")
    await_picture(page, "Ellipses: 90 %")
    page.get_by_label("Biplot", exact=True).check(force=True)
    page.get_by_label("Biplot: variance in the arrows").fill("0.5")
    await_picture(page, "Biplot with alpha = 0.5")
    page.get_by_label(kind, exact=True).check(force=True)
    await_picture(page, "150 observations of 3 variables")
    expect(page.get_by_label("Biplot: variance in the arrows")).to_be_disabled()
    expect(page.locator("#option-fault")).to_be_empty()
    expect(page.locator("#data-fault")).to_be_empty()
    expect(page.locator("#frame")).not_to_have_class(re.compile("stale"))
    label = page.get_by_label("Label observations")
    expect(label).to_be_disabled()
    expect(label).to_have_accessible_description("Only in pictures of the kind Scores or Biplot")
    page.get_by_label("Scores", exact=True).check(force=True)
    await_picture(page, "Ellipses: 90 %")


def test_pairs_have_components_of_their_own(page: Page) -> None:
    unfold_options(page)
    shown = page.get_by_label("Components to show")
    shown.fill("1,3")
    await_picture(page, "PC 3")
    page.get_by_label("Pairs", exact=True).check(force=True)
    expect(shown).to_have_value("")
    shown.fill("1,2,3")
    expect(page.locator("#status")).to_contain_text("PC 1, PC 2, and PC 3 explain")
    page.get_by_label("Scores", exact=True).check(force=True)
    expect(shown).to_have_value("1,3")
    expect(page.locator("#status")).to_contain_text("PC 1 and PC 3 explain")


def test_a_chip_gives_its_column_another_part(page: Page) -> None:
    part = page.get_by_label("Part of species")
    expect(part).to_have_value("group")
    assert part.locator("option").all_inner_texts() == ["groups", "names", "shapes", "left out"]
    part.select_option("drop")
    expect(page.locator("#reading summary")).not_to_contain_text("groups from")
    expect(page.locator("#reading summary")).to_contain_text("1 column left out")
    chips = page.locator("#columns .chip")
    tops = [box["y"] for chip in chips.all() if (box := chip.bounding_box())]
    assert len(tops) == 5
    assert len({*tops}) == 1
    page.get_by_label("Part of petal width").select_option("color")
    await_picture(page, "150 observations of 3 variables")
    page.get_by_label("Part of petal width").select_option("variable")
    page.get_by_label("Part of sepal width").select_option("supplementary")
    expect(page.locator("#reading summary")).to_contain_text("3 variables")
    expect(page.get_by_label("Part of petal width")).to_have_value("variable")
    part.select_option("shape")
    await_picture(page, "virginica")


def test_a_chip_keeps_the_focus_of_the_keyboard(page: Page) -> None:
    page.get_by_label("Part of sepal width").focus()
    page.keyboard.type("left")
    await_picture(page, "150 observations of 3 variables")
    expect(page.get_by_label("Part of sepal width")).to_be_focused()


def test_a_column_of_classes_is_offered_as_groups(page: Page) -> None:
    rows = "\n".join(f"{row},{row * row % 7},{row % 3}" for row in range(3, 15))
    page.get_by_role("textbox", name="Data").fill(f"a,b,class\n{rows}\n")
    note = page.locator("#notes li", has_text="'class'")
    expect(note).to_contain_text("3 distinct whole numbers")
    note.get_by_role("button", name="“class” holds groups").click()
    await_picture(page, "groups from class")
    expect(note).to_have_count(0)
    expect(page.get_by_label("Part of class")).to_have_value("group")


def test_all_arrows_are_one_click(page: Page) -> None:
    names = ",".join(f"v{place}" for place in range(14))
    rows = "\n".join(
        ",".join(str(row * (place + 1) % 13) for place in range(14)) for row in range(20)
    )
    page.get_by_role("textbox", name="Data").fill(f"{names}\n{rows}\n")
    page.get_by_role("button", name="Draw all 14").click()
    expect(page.locator("#arrows")).to_be_empty()
    await_picture(page, "v13")


def test_the_settings_are_in_the_address(page: Page) -> None:
    page.get_by_label("Ellipses", exact=True).select_option("normal")
    page.get_by_label("Standardize").check()
    await_picture(page, "4 standardized variables")
    address = page.url
    assert "#sample=iris" in address
    page.reload()
    await_picture(page, "4 standardized variables")
    await_picture(page, "Ellipses: 95 %")
    expect(page.get_by_label("Ellipses", exact=True)).to_have_value("normal")
    page.get_by_role("button", name="Clear").click()
    page.goto(address)
    await_picture(page, "4 standardized variables")


def test_a_link_waits_for_its_table(open_page: OpenPage, address: str) -> None:
    linked = open_page(f"{address}#group=width&standardize=true&colour=red")
    status = linked.locator("#status")
    expect(status).to_contain_text("Open or paste the table that they belong to")
    expect(status).to_contain_text("does not know: colour")
    give_file(linked, "leaves.csv", b"length,width,height\n5,1,3\n4,1,2\n4,2,5\n6,2,7\n")
    await_picture(linked, "4 observations of 2 standardized variables")
    expect(linked.get_by_label("Part of width")).to_have_value("group")


def test_another_table_does_not_keep_the_parts_of_columns(page: Page) -> None:
    page.get_by_label("Part of petal width").select_option("drop")
    await_picture(page, "150 observations of 3 variables")
    give_file(page, "leaves.csv", POINTS.encode())
    await_picture(page, "5 observations of 2 variables")
    assert "drop" not in page.url


def point_at(page: Page, number: int) -> tuple[float, float]:
    """Return where the mark of an observation is on the screen."""
    x, y = page.evaluate(
        """(number) => {
          const mark = document.querySelector("#picture").shadowRoot
            .querySelectorAll("g.points > *")[number].getBoundingClientRect();
          return [mark.x + mark.width / 2, mark.y + mark.height / 2];
        }""",
        number,
    )
    return x, y


def test_a_card_describes_the_observation_under_the_pointer(page: Page) -> None:
    page.get_by_role("textbox", name="Data").fill("# trees\n" + POINTS)
    await_picture(page, "5 observations of 2 variables")
    page.mouse.move(*point_at(page, 2))
    card = page.locator("#frame .card")
    expect(card).to_contain_text("Observation 3")
    lines = card.locator("dt, dd").all_inner_texts()
    assert lines == ["species", "b", "length", "4.7", "width", "3.2", "Row", "5"]
    page.mouse.click(*point_at(page, 2))
    assert selected_text(page) == "4.7,3.2,b"


def test_the_keyboard_reaches_the_points_and_their_rows(page: Page) -> None:
    page.get_by_role("textbox", name="Data").fill(POINTS)
    await_picture(page, "5 observations of 2 variables")
    page.get_by_role("application").focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#frame .card")).to_contain_text("Observation 3")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#frame [role=status]")).to_contain_text("Observation 2")
    page.keyboard.press("Enter")
    assert selected_text(page) == "4.9,3.1,a"
    expect(page.get_by_role("textbox", name="Data")).to_be_focused()
    expect(page.locator("#frame .card")).to_contain_text("Observation 2")
    expect(page.locator(".gutter .chosen")).to_have_text("3")
    page.keyboard.press("ArrowDown")
    expect(page.locator("#frame .card")).to_contain_text("Observation 3")
    expect(page.locator(".gutter .chosen")).to_have_text("4")
    expect(page.locator("#picture svg .ring")).to_have_count(1)


def test_marks_know_their_rows_whatever_is_left_out(page: Page) -> None:
    page.get_by_role("textbox", name="Data").fill("a,b,g\n1,2,x\n\n3,,y\n4,1,y\n7,7,x\n")
    page.get_by_role("button", name="Leave these rows out").click()
    await_picture(page, "3 observations")
    page.mouse.click(*point_at(page, 1))
    assert selected_text(page) == "7,7,x"


def paste(page: Page, text: str) -> None:
    page.get_by_role("textbox", name="Data").focus()
    page.evaluate(
        """(text) => {
          const clipboardData = new DataTransfer();
          clipboardData.setData("text/plain", text);
          const pasted = { bubbles: true, cancelable: true, clipboardData };
          document.activeElement.dispatchEvent(new ClipboardEvent("paste", pasted));
        }""",
        text,
    )


def test_a_paste_replaces_the_file_and_its_name(page: Page, tmp_path: Path) -> None:
    give_file(page, "a.xlsx", write_workbook())
    await_picture(page, "3 observations of 2 variables")
    expect(page.locator("#held")).to_contain_text("a.xlsx")
    expect(page.get_by_role("textbox", name="Data")).not_to_be_editable()
    paste(page, POINTS)
    await_picture(page, "5 observations of 2 variables")
    expect(page.locator("#held")).to_be_hidden()
    expect(page.get_by_role("textbox", name="Data")).to_be_editable()
    name, _ = keep(page, "SVG", tmp_path)
    assert name == "table-scores.svg"


def test_a_text_of_another_encoding_can_be_edited(page: Page) -> None:
    give_file(page, "windows.csv", TEXT.encode("windows-1252"))
    await_picture(page, "3 observations of 2 variables")
    page.get_by_role("button", name="Edit as text").click()
    expect(page.locator("#notes")).to_be_empty()
    page.keyboard.press("Control+End")
    page.keyboard.type("5;1\n")
    await_picture(page, "4 observations of 2 variables")


def test_outliers_are_shown_where_diagnostics_are_chosen(page: Page) -> None:
    unfold_options(page)
    page.get_by_label("Components to keep").fill("2")
    page.get_by_label("T², Q and outliers").check()
    outliers = page.locator("#outliers")
    expect(outliers).to_contain_text("of 150 observations are beyond the limits")
    expect(page.locator("#picture svg .outlier").first).to_be_visible()
    outliers.get_by_role("button", name="row 16", exact=True).click()
    assert selected_text(page) == "5.8,4,1.2,0.2,setosa"


def test_the_code_is_that_of_the_table_and_the_options(page: Page) -> None:
    page.locator("#code summary").click()
    code = page.locator("#code pre")
    expect(code).to_contain_text("/method/ui/samples/iris.csv |")
    page.get_by_label("Standardize").check()
    expect(code).to_contain_text("/method/plot?standardize=true")
    give_file(page, "leaves.csv", POINTS.encode())
    expect(code).to_contain_text("--data-binary @leaves.csv")
    expect(code).to_contain_text("content-type: text/csv")
    expect(page.locator("#code")).to_contain_text("It sends the file leaves.csv")
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#code")).to_be_hidden()


def test_an_empty_page_says_what_to_do(page: Page) -> None:
    page.get_by_role("button", name="Clear").click()
    page.get_by_role("button", name="Iris flowers").click()
    await_picture(page, "150 observations")


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
    expect(phone.locator("#status")).to_contain_text("of the variance")
    above = phone.locator("#frame").bounding_box()
    below = phone.locator("#options").bounding_box()
    assert above is not None
    assert below is not None
    assert above["y"] < 300
    assert above["y"] + above["height"] < below["y"]
    name = "a_name_without_any_place_to_break_a_line_that_is_longer_than_a_phone_is_wide"
    phone.get_by_role("textbox", name="Data").fill(f"{name}_id,b,c\n1,2,4\n2,5,6\n3,4,9\n")
    expect(phone.locator("#notes li")).to_contain_text(name)
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
        expect(opened.locator("#notes li button")).to_have_count(2)
        for summary in opened.locator("summary").all():
            summary.click()
    found = Axe().run(opened)
    assert found.violations_count == 0, found.generate_report()


def show_missing(page: Page) -> None:
    page.get_by_role("textbox", name="Data").fill("a,b\n1,2\n,3\n4,\n5,7\n")
    expect(page.locator("#data-fault button")).to_have_count(4)


def show_hints(page: Page) -> None:
    rows = "\n".join(f"{row * row % 7},{1000 * row},{row % 3}" for row in range(3, 15))
    page.get_by_role("textbox", name="Data").fill(f"a,b,class\n{rows}\n")
    expect(page.locator("#hints button")).to_have_count(1)


def show_options(page: Page) -> None:
    page.get_by_label("Samples").select_option("iris")
    unfold_options(page)
    page.get_by_label("T², Q and outliers").check()
    expect(page.locator("#outliers")).to_contain_text("beyond the limits")
    page.get_by_label("Loadings", exact=True).check(force=True)
    await_picture(page, "Loadings of principal components")


def show_card(page: Page) -> None:
    page.get_by_label("Scores", exact=True).check(force=True)
    await_picture(page, "Raw scores")
    page.get_by_role("application").focus()
    page.keyboard.press("ArrowLeft")
    expect(page.locator("#frame .card")).to_be_visible()


def show_menu(page: Page) -> None:
    page.get_by_role("button", name="Download", exact=True).press("Enter")
    expect(page.locator("#downloads")).to_be_visible()


def show_nothing(page: Page) -> None:
    page.get_by_role("button", name="Clear").click()
    expect(page.locator("#nothing")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing_to_blame_in_any_state(
    open_page: OpenPage, address: str, scheme: str, width: int
) -> None:
    opened = open_page(
        address,
        color_scheme=scheme,
        bypass_csp=True,
        reduced_motion="reduce",
        viewport={"width": width, "height": 844},
    )
    for show in (show_missing, show_hints, show_options, show_card, show_menu, show_nothing):
        show(opened)
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        found = Axe().run(opened)
        assert found.violations_count == 0, f"{show.__name__}: {found.generate_report()}"


def test_the_menu_of_downloads_opens_and_closes_by_keyboard(page: Page) -> None:
    opener = page.get_by_role("button", name="Download", exact=True)
    opener.press("Enter")
    expect(opener).to_have_attribute("aria-expanded", "true")
    expect(page.locator("#downloads").get_by_role("button", name="SVG")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#downloads")).to_be_hidden()
    expect(opener).to_be_focused()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("a,b\n1,x\n2,3\n4,5\n", "'x'"),
        ("name\nann\nbob\n", "least one column must hold numbers"),
        ("a\n1\n2\n4\n", "at least 2 variables"),
    ],
)
def test_faults_are_worded_for_people(page: Page, table: str, words: str) -> None:
    page.get_by_role("textbox", name="Data").fill(table)
    fault = page.locator("#data-fault")
    expect(fault).to_contain_text(words)
    said = fault.inner_text()
    assert not re.search(r"\w=\w|\bsay\b|\bsend\b|curl|content type|kind=|b'|JSON", said), said


@pytest.mark.parametrize(
    ("status", "words"),
    [(403, "may not use that part"), (413, "too large to be sent"), (502, "does not answer")],
)
def test_what_a_gateway_refuses_is_worded_for_people(page: Page, status: int, words: str) -> None:
    """A gateway's answer, since none stands before the sidecars of a test."""
    answer = '{"errorCode":"ERR_DIRECT_INVOKE","message":"fail to invoke, id: pca, err: rpc"}'
    page.route("**/method/plot*", lambda route: route.fulfill(status=status, body=answer))
    page.get_by_role("textbox", name="Data").fill(POINTS)
    expect(page.locator("#data-fault")).to_contain_text(words)
    expect(page.locator("#data-fault")).not_to_contain_text("rpc")


def test_the_code_of_a_picture_makes_it(page: Page) -> None:
    page.get_by_label("Ellipses", exact=True).select_option("t")
    await_picture(page, "Ellipses: 95 %")
    page.get_by_text("Code for this picture").click()
    code = page.locator("#code pre")
    expect(code).to_contain_text("ui/samples/iris.csv")
    expect(code).to_contain_text("ellipse=t")
    give_file(page, "a.xlsx", write_workbook())
    expect(code).to_contain_text("@a.xlsx")


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
    note = page.locator("#notes li")
    expect(note).to_contain_text("looks like a number of the observation")
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
    assert selected_text(page) == cell


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
        ("a.csv.gz", gzip.compress(TEXT.encode(), mtime=0), "gzip"),
        ("utf16.txt", TEXT.encode("utf-16"), "UTF-16"),
        ("bare16.csv", TEXT.encode("utf-16-le"), "UTF-16-LE"),
        ("windows.csv", TEXT.encode("windows-1252"), "Windows-1252"),
        ("utf8.csv", TEXT.encode("utf-8-sig"), "UTF-8"),
        ("a.jsonl", '{"länge":1.5,"b":2}\n{"länge":3,"b":5}\n{"länge":4,"b":4}\n'.encode(), "JSON"),
    ],
)
def test_files_reach_the_service_as_they_are(
    page: Page, name: str, content: bytes, read_as: str
) -> None:
    give_file(page, name, content)
    await_picture(page, "3 observations of 2 variables")
    assert "länge" in picture_of(page)
    page.locator("#reading summary").click()
    expect(page.locator("#reading details")).to_contain_text(read_as)
    expect(page.locator("#held")).to_be_visible(visible=name not in ("utf8.csv", "a.jsonl"))


def test_a_fault_in_a_file_of_another_encoding_is_shown_at_its_cell(page: Page) -> None:
    content = TEXT.replace("3;5", "3;fünf").encode("windows-1252")
    give_file(page, "windows.csv", content)
    expect(page.locator("#data-fault")).to_contain_text("'fünf' at row 3")
    expect(page.locator("#editor mark")).to_have_text("fünf")
