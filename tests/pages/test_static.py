"""The files that pages load."""

from watchword.foundation.settings import Brand, Settings
from watchword.pages.static import StaticFiles

NAMES = ("pages.css", "pages.js", "brand.css", "brand.svg")


def test_each_file_is_served_under_its_hashed_name_and_kept_for_long():
    static = StaticFiles(Settings())
    for name in NAMES:
        url = static.url(name)
        response = static.response(url.removeprefix("/auth/static/"))
        assert response is not None
        assert response.status == 200
        assert response.body
        assert response.header("cache-control") == "public, max-age=31536000, immutable"
        assert response.header("content-type") is not None


def test_nothing_but_the_listed_names_is_served():
    static = StaticFiles(Settings())
    for file in (*NAMES, "", "../render.py", "pages.000000000000.css", "..%2frender.py"):
        assert static.response(file) is None


def test_another_brand_gives_the_style_sheet_another_name():
    blue, red = (StaticFiles(Settings(brand=Brand(colour=colour))) for colour in ("#0000ff", "#ff0000"))
    assert blue.url("brand.css") != red.url("brand.css")
    assert blue.url("pages.css") == red.url("pages.css")


def test_the_script_leaves_pasting_alone():
    """CB-159: never block pasting."""
    response = StaticFiles(Settings()).response(StaticFiles(Settings()).url("pages.js").rpartition("/")[2])
    assert response is not None
    script = response.body.decode()
    assert '"paste"' not in script
    assert "beforeinput" not in script
    assert "keydown" not in script
