"""The app: pages for people, a JSON API for programs. Sign-in, sign-up and the account pages are Watchword's."""

import os
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import Body, Depends, FastAPI, HTTPException, Request
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.staticfiles import StaticFiles
from fastapi.templating import Jinja2Templates

from examples.notes.notes import MAXIMUM_TEXT, Note, Notes
from watchword import Auth, Brand, guard, public
from watchword.web.fastapi import OptionalSession, Session, protect

HERE = Path(__file__).parent
DATA = Path(os.environ.get("NOTES_DATA", ".watchword"))
DATA.mkdir(exist_ok=True)

app = FastAPI(title="Notes")
auth = Auth(store=f"sqlite:///{DATA}/accounts.sqlite3", brand=Brand(name="Notes", colour="#0f766e"))
protect(app, auth, public=["/static"])

notes = Notes(DATA / "notes.sqlite3")
templates = Jinja2Templates(HERE / "templates")
app.mount("/static", StaticFiles(directory=HERE / "static"))


# Pages. `@public` is for everyone, on purpose; a `Session` parameter lets only people in who are signed in.


@app.get("/", response_class=HTMLResponse)
@public
async def home(request: Request, session: OptionalSession) -> Any:
    """Say what this is; who is signed in goes on to their notes."""
    if session is not None:
        return RedirectResponse("/notes", 303)
    return page(request, "home.html", None)


@app.get("/notes", response_class=HTMLResponse)
def list_notes(request: Request, session: Session) -> Any:
    """Show the notes of who asks."""
    return page(request, "notes.html", session, notes=notes.of(session.user.id), maximum=MAXIMUM_TEXT)


async def written_text(request: Request) -> str:
    """Return the field `text` of the form that was sent."""
    body = (await request.body()).decode(errors="replace")
    return parse_qs(body).get("text", [""])[0]


@app.post("/notes")
def add_note(session: Session, text: Annotated[str, Depends(written_text)]) -> RedirectResponse:
    """Keep the note from the form."""
    notes.add(session.user.id, checked(text))
    return RedirectResponse("/notes", 303)


@app.post("/notes/{note_id}/delete")
def delete_note(session: Session, note_id: int) -> RedirectResponse:
    """Delete a note; somebody else's is not there."""
    remove(session, note_id)
    return RedirectResponse("/notes", 303)


@app.get("/admin", response_class=HTMLResponse)
@guard(role="admin")
def list_users(request: Request, session: Session) -> Any:
    """Show all users, to admins only."""
    return page(request, "admin.html", session, users=auth.administration.users())


# The same for programs, as JSON.


@app.get("/api/me")
async def me(session: Session) -> dict[str, str]:
    """Tell who asks."""
    return {"id": session.user.id, "email": session.user.email, "name": session.user.name, "role": session.user.role}


@app.get("/api/notes")
def api_list(session: Session) -> list[Note]:
    """Return the notes of who asks."""
    return notes.of(session.user.id)


@app.post("/api/notes", status_code=201)
def api_add(session: Session, text: Annotated[str, Body(embed=True)]) -> Note:
    """Keep a note."""
    return notes.add(session.user.id, checked(text))


@app.delete("/api/notes/{note_id}", status_code=204)
def api_delete(session: Session, note_id: int) -> None:
    """Delete a note."""
    remove(session, note_id)


def checked(text: str) -> str:
    """Return the text of a note without the space around it."""
    text = text.strip()
    if not text or len(text) > MAXIMUM_TEXT:
        raise HTTPException(422, f"A note has 1 to {MAXIMUM_TEXT} characters.")
    return text


def remove(session: Session, note_id: int) -> None:
    """Delete the note if it belongs to who asks."""
    if not notes.delete(session.user.id, note_id):
        raise HTTPException(404, "There is no such note.")


def page(request: Request, template: str, session: Session | None, **values: Any) -> HTMLResponse:
    """Return a page; templates see the session."""
    return templates.TemplateResponse(request, template, {"session": session, **values})
