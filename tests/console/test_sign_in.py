"""Signing in: passwords, sessions, forms that are ours, and guessing."""

from pathlib import Path

import httpx
import pytest
from argon2 import extract_parameters
from argon2.exceptions import VerifyMismatchError
from structlog.testing import capture_logs

from services.console.people import inside
from services.console.signin import GUESSES_ALLOWED, HASHER, NOBODY, Users, UsersFileError, read
from tests.console.conftest import PASSWORD, World, token_in


async def test_the_right_password_opens_the_page_that_was_wanted(world: World) -> None:
    browser = world.browser()
    asked = await browser.get("/parked?service=clockhours")
    assert (asked.status_code, asked.headers["location"]) == (303, "/sign-in?next=%2Fparked%3Fservice%3Dclockhours")
    answer = await browser.sign_in("operator", goes_to="/parked?service=clockhours")
    assert (answer.status_code, answer.headers["location"]) == (303, "/parked?service=clockhours")
    assert (await browser.get("/parked")).status_code == 200


@pytest.mark.parametrize(("name", "password"), [("staff", "wrong"), ("nobody", PASSWORD), ("", ""), ("staff\x00", "x")])
async def test_a_wrong_name_and_a_wrong_password_are_answered_alike(world: World, name: str, password: str) -> None:
    answer = await world.browser().sign_in(name, password)
    assert answer.status_code == 401
    assert "do not fit together" in answer.text


def test_an_unknown_name_takes_as_long_as_a_wrong_password() -> None:
    assert extract_parameters(NOBODY) == extract_parameters(HASHER.hash(PASSWORD))
    with pytest.raises(VerifyMismatchError):  # it was compared, not refused at once as no hash at all
        HASHER.verify(NOBODY, PASSWORD)


async def test_guessing_locks_the_name_for_that_address_even_with_the_right_password(world: World) -> None:
    browser = world.browser()
    for _ in range(GUESSES_ALLOWED):
        assert (await browser.sign_in("staff", "guess")).status_code == 401
    assert (await browser.sign_in("staff")).status_code == 429
    assert (await world.browser().sign_in("staff")).status_code == 303  # from elsewhere, Rosa still gets in


async def test_a_session_is_kept_as_a_hash_and_ends_by_signing_out(world: World) -> None:
    browser = await world.as_("staff")
    token = browser.http.cookies["wea_session"]
    stored = await world.database["sessions"].find({}).to_list(None)
    assert token not in str(stored)
    answer = await browser.http.post("/sign-out", data={"csrf": token_in((await browser.get("/")).text)})
    assert answer.headers["location"] == "/sign-in"
    browser.http.cookies.set("wea_session", token)
    assert (await browser.get("/")).status_code == 303
    assert await world.database["sessions"].count_documents({}) == 0


async def test_the_cookie_is_for_this_site_alone_and_by_https_secure(world: World, users_file: Path) -> None:
    settings = world.settings.model_copy(update={"console_url": "https://console.example.org"})
    world.settings = settings
    world.__post_init__()
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=world.api), base_url="https://console.example.org")
    page = await http.get("/sign-in")
    form = {"csrf": token_in(page.text), "user": "staff", "password": PASSWORD, "next": "/"}
    answer = await http.post("/sign-in", data=form)
    cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith("__Host-wea_session"))
    assert all(part in cookie for part in ("HttpOnly", "Secure", "SameSite=lax", "Path=/"))


async def test_a_form_that_another_site_made_is_refused(world: World) -> None:
    browser = await world.as_("operator")
    csrf = token_in((await browser.get("/")).text)
    form = {"csrf": csrf, "reason": "x"}
    for headers, body in (
        ({}, {"reason": "x"}),
        ({}, form | {"csrf": "guessed"}),
        ({"sec-fetch-site": "cross-site"}, form),
        ({"origin": "https://evil.example"}, form),
    ):
        answer = await browser.http.post("/mail/stop", data=body, headers=headers)
        assert answer.status_code == 403
    assert world.services.posts() == []


async def test_signing_in_needs_the_form_that_was_given_to_this_browser(world: World) -> None:
    theirs = token_in((await world.browser().get("/sign-in")).text)
    answer = await world.browser().http.post("/sign-in", data={"csrf": theirs, "user": "staff", "password": PASSWORD})
    assert answer.status_code == 403


@pytest.mark.parametrize(
    "wanted",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "/\t/evil.example",
        "/\n/evil.example",
        "javascript:x",
        "",
        None,
    ],
)
def test_after_signing_in_nobody_is_sent_to_another_site(wanted: str | None) -> None:
    assert inside(wanted) == "/"


async def test_every_sign_in_is_audited_by_name(world: World) -> None:
    browser = world.browser()
    await browser.sign_in("staff", "wrong")
    await browser.sign_in("staff")
    assert [(one["action"], one["target"], one["reason"]) for one in await world.audit()] == [
        ("sign-in", "staff", "refused"),
        ("sign-in", "staff", "password"),
    ]


async def test_of_tries_while_a_name_is_locked_the_first_is_audited(world: World) -> None:
    browser = world.browser()
    for _ in range(GUESSES_ALLOWED + 5):
        await browser.sign_in("staff", "guess")
    assert [one["reason"] for one in await world.audit()] == ["refused"] * GUESSES_ALLOWED + ["locked"]


async def test_pages_allow_nothing_from_elsewhere_and_nothing_inline(world: World) -> None:
    answer = await (await world.as_("staff")).get("/")
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert " style=" not in answer.text
    assert "<script>" not in answer.text


@pytest.mark.parametrize("charset", ["unicode_escape", "utf-7", "punycode", "undefined"])
async def test_a_form_of_another_kind_is_refused_whatever_its_charset(world: World, charset: str) -> None:
    browser = world.browser()
    csrf = token_in((await browser.get("/sign-in")).text)
    part = b'--x\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n'
    fields = {"csrf": csrf.encode(), "user": rb"\ud800 +2AA- -", "password": b"x"}
    body = b"".join(part % (name.encode(), value) for name, value in fields.items()) + b"--x--\r\n"
    kind = f"multipart/form-data; boundary=x; charset={charset}"
    assert (await browser.http.post("/sign-in", content=body, headers={"content-type": kind})).status_code == 415


async def test_the_openapi_page_whose_script_comes_from_elsewhere_has_no_part_in_a_session(world: World) -> None:
    browser = await world.as_("staff")
    assert (await browser.get("/docs")).headers["content-security-policy"] == "sandbox allow-scripts"
    assert (await browser.get("/openapi.json")).headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-origin" not in (await browser.get("/")).headers


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("users = [", "is not TOML"),
        ("users = []", "users"),
        ('[users.a]\npassword = "plain"\nroles = ["staff"]', "users.a.password"),
        ('[users.a]\npassword = "$argon2id$x"\nroles = ["king"]', "roles"),
        ('[users.a]\npassword = "$argon2id$x"\nroles = []', "roles"),
    ],
)
def test_a_wrong_users_file_is_said_in_a_sentence(tmp_path: Path, content: str, says: str) -> None:
    file = tmp_path / "users.toml"
    file.write_text(content)
    with pytest.raises(UsersFileError, match=says):
        read(file)


def test_a_user_who_is_added_can_sign_in_without_a_restart(tmp_path: Path) -> None:
    import os

    file = tmp_path / "users.toml"
    file.write_text("")
    users = Users(file)
    assert users["rosa"] is None
    file.write_text('[users.rosa]\npassword = "$argon2id$x"\nroles = ["staff"]\n')
    os.utime(file, (1, 1))
    assert users["rosa"] is not None
    file.write_text("broken [")
    os.utime(file, (2, 2))
    with capture_logs() as logged:
        assert users["rosa"] is not None
    ((event, reason),) = ((line["event"], line["reason"]) for line in logged)
    assert (event, "is not TOML" in reason) == ("users_not_read", True), "whoever took out a user must learn of it"


async def test_who_is_taken_out_of_the_users_file_or_loses_a_role_does_not_go_on_with_the_old_session(
    world: World, tmp_path: Path, users_file: Path
) -> None:
    import os

    file = tmp_path / "users.toml"
    file.write_text(users_file.read_text())
    world.users = Users(file)
    world.__post_init__()
    staff, operator = await world.as_("staff"), await world.as_("operator")
    file.write_text(users_file.read_text().replace("[users.staff]", "[users.other]").replace('"operator"', '"viewer"'))
    os.utime(file, (1, 1))
    assert (await staff.get("/")).status_code == 303
    assert (await operator.get("/audit")).status_code == 403


async def test_behind_a_proxy_the_address_that_browsers_know_is_this_site_too(world: World) -> None:
    world.settings = world.settings.model_copy(update={"console_url": "https://console.example.org"})
    world.__post_init__()
    http = httpx.AsyncClient(transport=httpx.ASGITransport(app=world.api), base_url="https://upstream:8080")
    form = {"csrf": token_in((await http.get("/sign-in")).text), "user": "staff", "password": PASSWORD, "next": "/"}
    for origin, status in (("https://evil.example", 403), ("https://console.example.org", 303)):
        answer = await http.post("/sign-in", data=form, headers={"origin": origin})
        assert answer.status_code == status
