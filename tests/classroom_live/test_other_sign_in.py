"""Another sign-in of JupyterHub's in place of the class's page, by settings that `labkit class up` was given."""

from __future__ import annotations

import asyncio
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from labkit.adapters.kube.cluster_writer import ClusterWriter
from labkit.lab.classroom.class_bringup import ClassUp, ClassWishes
from labkit.lab.lab import Lab
from tests.classroom_live.class_player import PlayedRoom, Visitor
from tests.classroom_live.identity_provider import identity_provider
from tests.classroom_live.node_registry import gateway
from tests.classroom_live.own_class import OwnClass
from tests.web_participant import WebParticipant

_NAME = "labkit-class-accounts"
_PASSWORD, _ADMINS_PASSWORD = secrets.token_hex(8), secrets.token_hex(16)
_BY_SHORT_NAME = f"""
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = "{_PASSWORD}"
c.SharedPasswordAuthenticator.admin_password = "{_ADMINS_PASSWORD}"
c.Authenticator.admin_users = {{"teacher"}}
c.Authenticator.allowed_users = {{"ann", "bo"}}
"""
_BY_OAUTH = """
c.JupyterHub.authenticator_class = "generic-oauth"
c.GenericOAuthenticator.client_id = "labkit"
c.GenericOAuthenticator.client_secret = "none"
c.GenericOAuthenticator.authorize_url = "PROVIDER/authorize"
c.GenericOAuthenticator.token_url = "PROVIDER/token"
c.GenericOAuthenticator.userdata_url = "PROVIDER/userinfo"
c.GenericOAuthenticator.username_claim = "preferred_username"
c.GenericOAuthenticator.allow_all = True
c.Authenticator.admin_users = {"teacher"}
"""
_BY_CLASS = """
c.JupyterHub.authenticator_class = "jupyterhub.auth.DummyAuthenticator"
"""

pytestmark = pytest.mark.timeout(900, func_only=True)
"""A test brings the class up three times, each with a trial."""

SignIn = Callable[[PlayedRoom, str, str], WebParticipant]
"""Signs in as an account, by name and password; whoever is not let in has no id."""


@pytest.fixture(scope="module")
def group(lab: Lab, cluster: ClusterWriter, storage_class: str) -> Iterator[OwnClass]:
    wishes = ClassWishes(class_name=_NAME, participants=2, engine="none", storage_class=storage_class)
    group = OwnClass(lab, cluster, wishes)
    try:
        group.up()  # With the class's own page at first; images are built here, not while a test's time runs.
        yield group
    finally:
        group.down()


@pytest.fixture
def up(group: OwnClass, tmp_path: Path) -> Callable[[str], ClassUp]:
    """Brings the class up with settings for its hub."""

    def up(settings: str) -> ClassUp:
        file = tmp_path / "settings.py"
        file.write_text(settings, encoding="utf-8")
        return group.up(hub_settings=file)

    return up


async def look_who(who: WebParticipant, welcome: str) -> None:
    """Take down whom the hub has let in."""
    name, code = re.search(r"<bdi>(.*?)</bdi>", welcome), re.search(r'id="return-code">([^<]*)<', welcome)
    who.shown_name, who.return_code = name[1] if name else "", code[1] if code else ""
    user = await who.ask_hub("GET", "user")
    who.id = user.json()["name"] if user.status_code == 200 else ""


@pytest.fixture
def sign_in(runner: asyncio.Runner) -> Iterator[SignIn]:
    came: list[WebParticipant] = []

    async def fill_in(who: WebParticipant, account: str, password: str) -> None:
        fields = {**await who.hidden_fields(), "username": account, "password": password}
        page = (await who.client.post("/hub/login?next=%2Fhub%2Fwelcome", data=fields)).text
        await look_who(who, page)

    def sign_in(room: PlayedRoom, account: str, password: str) -> WebParticipant:
        came.append(who := WebParticipant(room.address))
        runner.run(fill_in(who, account, password))
        return who

    yield sign_in
    for who in came:
        runner.run(who.client.aclose())


def test_accounts_of_another_authenticator_are_the_classs_participants(
    group: OwnClass, up: Callable[[str], ClassUp], sign_in: SignIn, runner: asyncio.Runner
) -> None:
    remarks = up(_BY_SHORT_NAME).remarks
    assert any("the class code opens nothing" in remark for remark in remarks)
    with group.entered() as room:
        ann, elsewhere, bo = (sign_in(room, account, _PASSWORD) for account in ("ann", "ann", "bo"))
        assert re.fullmatch("p-[0-9a-f]{6}", ann.id)
        assert (ann.shown_name, ann.return_code) == ("ann", "")
        assert elsewhere.id == ann.id
        assert bo.id not in ("", ann.id)
        runner.run(ann.start_server())
        # Whoever has an account that is called like a participant's id is not that participant, and not let in by it.
        strangers = [("ann", "wrong"), ("eve", _PASSWORD), (ann.id, _PASSWORD), ("teacher", _PASSWORD)]
        assert [sign_in(room, *stranger).id for stranger in strangers] == [""] * len(strangers)
        teacher = sign_in(room, "teacher", _ADMINS_PASSWORD)
        assert teacher.id == "instructor"
        pages = [runner.run(teacher.client.get(f"/hub/{page}")).status_code for page in ("admin", "spawn")]
        assert pages == [200, 403]


def test_accounts_keep_their_participants_and_settings_stay_until_others_are_given(
    group: OwnClass, up: Callable[[str], ClassUp], sign_in: SignIn, runner: asyncio.Runner
) -> None:
    up(_BY_CLASS)
    with group.entered() as room:
        before = sign_in(room, "ann", "any").id
    group.up()
    with group.entered() as room:
        assert sign_in(room, "ann", "other").id == before != ""
    assert not any("class code" in remark for remark in up("").remarks)
    with group.entered() as room, Visitor(room, runner, "Nora") as nora:
        assert nora.participant


def test_whom_a_provider_of_oauth_names_is_let_in_as_a_participant(
    group: OwnClass, up: Callable[[str], ClassUp], lab: Lab, runner: asyncio.Runner
) -> None:
    async def come(room: PlayedRoom) -> tuple[str, str]:
        async with WebParticipant(room.address) as who:
            page = await who.client.get("/hub/oauth_login?next=%2Fhub%2Fwelcome")
            await look_who(who, page.text)
            return who.id, who.shown_name

    with identity_provider(gateway(lab)) as provider:
        up(_BY_OAUTH.replace("PROVIDER", provider.address))
        with group.entered() as room:
            came = []
            for provider.account in ("ann.lee@school.example", "bo", "ann.lee@school.example", "teacher"):
                came.append(runner.run(come(room)))
    (ann, anns_name), bo, again, (teacher, _) = came
    assert re.fullmatch("p-[0-9a-f]{6}", ann)
    assert anns_name == "ann.lee@school.example"
    assert again == (ann, anns_name)
    assert bo[0] not in ("", ann)
    assert teacher == "instructor"
