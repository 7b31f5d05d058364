"""The docs and the code say the same."""

from scripts.generate_docs import PROBLEMS_PAGE, problems_page


def test_the_page_of_problems_lists_every_declared_code_and_no_other():
    """When this fails: `uv run python scripts/generate_docs.py`."""
    assert problems_page() == PROBLEMS_PAGE.read_text(encoding="utf-8")
