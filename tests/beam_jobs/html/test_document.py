"""What a page may run and load: what it was written with, and nothing else."""

import base64
import hashlib
import re

import pytest

from beam_jobs.html.document import document
from beam_jobs.html.markup import Markup, element
from beam_jobs.html.pictures import viewer
from beam_jobs.html.tables import SORTING
from schemas.shipped import load_spec
from tests.html_pages import Page

PARTS = [viewer(load_spec("pets")), SORTING]


def policy_of(page):
    [text] = [one["content"] for tag, one in page.elements if one.get("http-equiv") == "Content-Security-Policy"]
    return dict(rule.split(" ", 1) for rule in text.split("; "))


def hash_of(text):
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


@pytest.mark.parametrize("parts", [[], PARTS], ids=["without scripts", "with scripts"])
def test_the_policy_names_the_page_s_own_style_and_scripts_by_hash(parts):
    page = Page(document("Title", element("h1", "Title"), [("one", "One", element("p", "words"))], parts))
    policy = policy_of(page)
    assert policy["default-src"] == "'none'"
    assert policy["img-src"] == "data:"
    assert policy["style-src"] == hash_of(page.style)
    assert policy.get("script-src", "").split() == [hash_of(one) for one in page.scripts]
    assert len(page.scripts) == len(parts)


def test_no_script_writes_markup_or_asks_for_anything():
    page = document("Title", Markup(""), [], PARTS)
    for script in Page(page).scripts:
        assert not re.findall(
            r"innerHTML|outerHTML|insertAdjacent|document\.write|eval\(|fetch\(|XMLHttp|import\(", script
        )
