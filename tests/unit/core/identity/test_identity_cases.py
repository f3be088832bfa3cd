"""Cases as JSON: the contract of `labkit explain --batch`, and what it says to lines that are no cases."""

from __future__ import annotations

import io
import json
import tracemalloc
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.cli.explain_output import answer_batch
from labkit.core.identity.identity_cases import AnsweredCase, MalformedCase, answer_case, answer_lines
from labkit.core.identity.model import Versions

PASSWD = "root:x:0:0:root:/root:/bin/sh\napp:x:1654:1654::/home/app:/bin/sh\n"
GROUP = "root:x:0:\napp:x:1654:\nstaff:x:50:app\n"
IMAGE = {"user": "app", "passwd": PASSWD, "group": GROUP}
APP = {"uid": 1654, "gid": 1654, "groups": [50, 1654], "user": "app", "home": "/home/app"}
KEYS = ["api", "because", "cause", "id", "kubelet", "ok", "runs_as"]


def answered(*lines: str) -> list[dict[str, Any]]:
    return [json.loads(answer) for answer, _ in answer_lines(lines)]


def answer_to(case: object) -> dict[str, Any]:
    (answer,) = answered(json.dumps(case))
    return answer


def pod(**context: object) -> dict[str, Any]:
    return {"image": IMAGE, "pod": {"securityContext": context}}


def test_an_answer_has_these_keys_and_no_others() -> None:
    runs = answer_to({"id": "a", "image": IMAGE})
    assert sorted(runs) == KEYS
    assert (runs["id"], runs["ok"], runs["cause"], runs["runs_as"]) == ("a", True, None, APP)
    assert runs["kubelet"] == {"ok": True, "cause": None, "message": None}
    assert runs["because"]
    assert all(isinstance(sentence, str) for sentence in runs["because"])


def test_a_refusal_has_the_same_keys_and_no_identity() -> None:
    refused = answer_to({"id": 7, **pod(runAsNonRoot=True)})
    assert sorted(refused) == KEYS
    assert (refused["ok"], refused["cause"], refused["runs_as"]) == (False, "image-user-not-numeric", None)
    message = "container has runAsNonRoot and image has non-numeric user (app), cannot verify user is non-root"
    assert refused["kubelet"] == {"ok": False, "cause": "image-user-not-numeric", "message": message}


def test_what_the_runtime_refuses_the_kubelet_has_let_pass() -> None:
    refused = answer_to({"image": {"user": "rich", "passwd": PASSWD, "group": None}})
    assert refused["kubelet"] == {"ok": True, "cause": None, "message": None}
    assert (refused["ok"], refused["cause"], refused["runs_as"]) == (False, "unknown-user", None)


def test_the_container_stands_over_the_pod() -> None:
    case = {"image": IMAGE, "pod": {"securityContext": {"runAsUser": 0, "runAsGroup": 5}, "hostUsers": False}}
    assert answer_to(case)["runs_as"]["uid"] == 0
    answer = answer_to({**case, "container": {"securityContext": {"runAsUser": 42}}})
    assert (answer["runs_as"]["uid"], answer["runs_as"]["gid"]) == (42, 5)


def test_docker_is_the_engine_s_answer_beside_the_kubelet_s() -> None:
    case = {**pod(runAsNonRoot=True), "docker": {"user": "0:staff", "group_add": ["7"]}}
    answer = answer_to(case)
    assert sorted(answer) == KEYS
    assert answer["runs_as"] == {"uid": 0, "gid": 50, "groups": [7, 50], "user": "root", "home": "/root"}
    assert (answer["ok"], answer["cause"]) == (True, None)
    assert (answer["kubelet"]["ok"], answer["kubelet"]["cause"]) == (False, "image-user-not-numeric")


def test_docker_without_a_user_leaves_it_to_the_image() -> None:
    dockers: list[dict[str, Any]] = [{}, {"user": None}, {"user": ""}, {"group_add": None}, {"group_add": []}]
    for docker in dockers:
        assert answer_to({"image": IMAGE, "docker": docker})["runs_as"] == APP
    # A docker that is null is none: the group that the image names is lost in a pod, and only there.
    image = {**IMAGE, "user": "app:staff"}
    assert answer_to({"image": image, "docker": {}})["runs_as"]["gid"] == 50
    assert answer_to({"image": image, "docker": None})["runs_as"]["gid"] == 1654


@pytest.mark.parametrize("case", [{"image": IMAGE, "docker": {"user": "rich"}}, {"image": {"user": "x"}, "docker": {}}])
def test_the_engine_s_refusal_is_no_error(case: dict[str, Any]) -> None:
    answer = answer_to(case)
    assert (answer["ok"], answer["cause"], answer["runs_as"]) == (False, "unknown-user", None)
    assert answer["kubelet"]["ok"] is True


def test_null_is_the_same_as_absent() -> None:
    sparse = answer_to({"image": {"user": "5"}})
    full = {
        "id": None,
        "image": {"user": "5", "passwd": None, "group": None},
        "pod": {"securityContext": None, "hostUsers": None},
        "container": {"securityContext": {"runAsUser": None, "runAsNonRoot": None}},
        "docker": None,
    }
    assert answer_to(full) == sparse
    assert sparse["runs_as"] == {"uid": 5, "gid": 0, "groups": [0], "user": None, "home": "/"}
    assert answer_to({"image": {}})["runs_as"]["uid"] == 0
    assert answer_to({"image": {"user": None}, "pod": None, "container": None})["runs_as"]["uid"] == 0


def test_other_fields_of_a_security_context_are_let_be() -> None:
    own = {"capabilities": {"drop": ["ALL"]}, "privileged": False, "runAsUser": 7}
    case = {"image": IMAGE, "container": {"securityContext": own}, "pod": {"securityContext": {"sysctls": []}}}
    assert answer_to(case)["runs_as"]["uid"] == 7


@pytest.mark.parametrize(
    ("case", "error"),
    [
        ({"image": IMAGE, "extra": 1}, "the case has no field 'extra'; it has container, docker, id, image, pod"),
        ({"image": {**IMAGE, "User": "x"}}, "image has no field 'User'; it has group, passwd, user"),
        ({"image": IMAGE, "pod": {"runAsUser": 1}}, "pod has no field 'runAsUser'; it has hostUsers, securityContext"),
        ({"image": IMAGE, "container": {"hostUsers": True}}, "container has no field 'hostUsers'"),
        ({"image": IMAGE, "docker": {"group-add": []}}, "docker has no field 'group-add'; it has group_add, user"),
        (pod(runAsNonroot=True), "pod.securityContext has no field 'runAsNonroot'; it has "),
        (
            {"image": IMAGE, "container": {"securityContext": {"fsGroup": 1}}},
            "container.securityContext has no field 'fsGroup'",
        ),
    ],
)
def test_a_field_that_is_not_known_is_named(case: object, error: str) -> None:
    assert answer_to(case)["error"].startswith(error)


@pytest.mark.parametrize(
    ("case", "error"),
    [
        (None, "the case must be an object"),
        ([], "the case must be an object"),
        ("text", "the case must be an object"),
        (7, "the case must be an object"),
        ({}, "image must be an object"),
        ({"image": None}, "image must be an object"),
        ({"image": "app"}, "image must be an object"),
        ({"image": {"user": 5}}, "image.user must be a string, not 5"),
        ({"image": {"passwd": ["x"]}}, 'image.passwd must be a string, not ["x"]'),
        ({"image": {"group": False}}, "image.group must be a string, not false"),
        ({"image": IMAGE, "pod": []}, "pod must be an object"),
        ({"image": IMAGE, "pod": False}, "pod must be an object"),
        ({"image": IMAGE, "container": "x"}, "container must be an object"),
        ({"image": IMAGE, "pod": {"securityContext": []}}, "pod.securityContext must be an object"),
        ({"image": IMAGE, "pod": {"securityContext": [1]}}, "pod.securityContext must be an object"),
        ({"image": IMAGE, "pod": {"securityContext": False}}, "pod.securityContext must be an object"),
        ({"image": IMAGE, "container": {"securityContext": 0}}, "container.securityContext must be an object"),
        ({"image": IMAGE, "pod": {"hostUsers": "false"}}, 'pod.hostUsers must be true or false, not "false"'),
        (pod(runAsNonRoot="true"), 'pod.securityContext.runAsNonRoot must be true or false, not "true"'),
        (pod(runAsNonRoot=1), "pod.securityContext.runAsNonRoot must be true or false, not 1"),
        # True is a number to Python and none to Kubernetes.
        (pod(runAsUser=True), "pod.securityContext.runAsUser must be a whole number, not true"),
        (pod(runAsUser=5.0), "pod.securityContext.runAsUser must be a whole number, not 5.0"),
        (pod(runAsUser="5"), 'pod.securityContext.runAsUser must be a whole number, not "5"'),
        (pod(runAsGroup={}), "pod.securityContext.runAsGroup must be a whole number, not {}"),
        (pod(fsGroup=[1]), "pod.securityContext.fsGroup must be a whole number, not [1]"),
        (pod(supplementalGroups=5), "pod.securityContext.supplementalGroups must be a list, not 5"),
        (pod(supplementalGroups=[5, "6"]), "pod.securityContext.supplementalGroups must hold whole numbers"),
        (pod(supplementalGroups=[True]), "pod.securityContext.supplementalGroups must hold whole numbers"),
        (pod(supplementalGroups=[None]), "pod.securityContext.supplementalGroups must hold whole numbers"),
        (pod(supplementalGroupsPolicy=1), "pod.securityContext.supplementalGroupsPolicy must be a string, not 1"),
        (
            pod(supplementalGroupsPolicy="strict"),
            'pod.securityContext.supplementalGroupsPolicy must be "Merge" or "Strict"',
        ),
        ({"image": IMAGE, "docker": []}, "docker must be an object"),
        ({"image": IMAGE, "docker": {"user": 0}}, "docker.user must be a string, not 0"),
        ({"image": IMAGE, "docker": {"group_add": "7"}}, 'docker.group_add must be a list, not "7"'),
        ({"image": IMAGE, "docker": {"group_add": [7]}}, "docker.group_add must hold strings"),
        ({"image": IMAGE, "docker": {"group_add": [None]}}, "docker.group_add must hold strings"),
    ],
)
def test_a_value_of_the_wrong_type_is_named(case: object, error: str) -> None:
    assert answer_to(case) == {"id": None, "error": error}
    with pytest.raises(MalformedCase) as caught:
        answer_case(case)
    assert str(caught.value) == error


def test_a_long_value_is_shortened() -> None:
    assert len(answer_to(pod(runAsUser="x" * 1_000_000))["error"]) < 150


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "{'id': 1}",
        '{"id": 1} {}',
        "}",
        "nonsense",
        '{"id": tru}',
        '{"image": "\x00"}',
        "\x00",
        "\ufeff{}",
        # Python reads these by itself; they are no JSON, and an answer with them would be none.
        '{"id": NaN, "image": {}}',
        '{"id": -Infinity, "image": {}}',
        '{"id": 1e999, "image": {}}',
    ],
)
def test_a_line_that_is_not_json_says_so(line: str) -> None:
    (answer,) = answered(line)
    assert sorted(answer) == ["error", "id"]
    assert answer["id"] is None
    assert answer["error"].startswith("it is not JSON: ")


@pytest.mark.parametrize("opening", ["[", '{"id":', '{"image":', '{"id": 3, "image": {"user":['])
def test_a_hundred_thousand_brackets_are_too_deep(opening: str) -> None:
    assert answered(opening * 100_000) == [{"id": None, "error": "it is nested too deeply"}]


@pytest.mark.parametrize("case", ['{{"id": 1, "image": {{"user": {deep}}}}}', '{{"id": {deep}, "image": {{}}}}'])
def test_at_no_depth_does_it_break(case: str) -> None:
    # Around the depth at which reading gives up, writing may give up where reading did not.
    for depth in [*range(1, 1100, 50), *range(800, 1010)]:
        (answer,) = answered(case.format(deep="[" * depth + "]" * depth))
        error = answer.get("error")
        if "user" in case:
            assert error is not None
            assert error.startswith(("image.user must be a string, not [", "it is nested too deeply"))
        else:
            assert error in (None, "it is nested too deeply")
            assert (answer["id"] is None) == (error is not None)


@pytest.mark.parametrize("uid", [-1, -(2**63), 2**31, 2**32 - 1, 2**32, 2**64, 10**4000])
@pytest.mark.parametrize("field", ["runAsUser", "runAsGroup", "fsGroup"])
def test_an_id_out_of_range_is_no_error_but_a_refusal(field: str, uid: int) -> None:
    answer = answer_to(pod(**{field: uid}))
    assert (answer["ok"], answer["cause"], answer["runs_as"]) == (False, "invalid-manifest", None)
    assert answer["kubelet"]["ok"] is True
    in_list = answer_to(pod(supplementalGroups=[1, uid]))
    assert (in_list["ok"], in_list["cause"]) == (False, "invalid-manifest")
    for refused in (answer, in_list):
        assert (refused["api"]["ok"], refused["api"]["cause"]) == (False, "invalid-manifest")
        assert "must be between 0 and 2147483647, inclusive" in refused["api"]["message"]
        assert sum("the API server does not let it in" in sentence for sentence in refused["because"]) == 1


def test_the_api_server_s_no_to_other_settings_is_an_answer_too() -> None:
    settings = {"privileged": True, "allowPrivilegeEscalation": False}
    answer = answer_to({"image": IMAGE, "container": {"securityContext": settings}})
    assert (answer["ok"], answer["cause"], answer["runs_as"]) == (False, "invalid-manifest", None)
    assert "cannot set `allowPrivilegeEscalation` to false and `privileged` to true" in answer["api"]["message"]
    unmasked = {"image": IMAGE, "container": {"securityContext": {"procMount": "Unmasked"}}}
    assert answer_to(unmasked)["api"]["ok"] is False
    assert answer_to({**unmasked, "pod": {"hostUsers": False}})["ok"] is True
    good = answer_to({"image": IMAGE, "container": {"securityContext": {"capabilities": {"drop": ["ALL"]}}}})
    assert good["api"] == {"ok": True, "cause": None, "message": None}


def test_no_api_server_is_asked_about_a_run_on_the_engine() -> None:
    assert answer_to({"image": IMAGE, "docker": {}})["api"] == {"ok": None, "cause": None, "message": None}


def test_a_pod_s_user_namespace_counts() -> None:
    case = {"image": IMAGE, "pod": {"securityContext": {"fsGroup": 70000}, "hostUsers": False}}
    assert answer_to(case)["cause"] == "user-namespace"
    case["pod"]["hostUsers"] = True  # type: ignore[index]
    assert answer_to(case)["cause"] is None


@pytest.mark.parametrize("docker", [None, {}])
@pytest.mark.parametrize("user", ["-1", "2147483648", "9" * 18])
def test_so_is_one_of_the_image(user: str, docker: object) -> None:
    answer = answer_to({"image": {"user": user}, "docker": docker})
    assert (answer["ok"], answer["cause"]) == (False, "bad-user-spec")


@pytest.mark.parametrize("docker", [None, {}])
def test_nul_bytes_are_characters_like_others(docker: object) -> None:
    lines = PASSWD + "a\0b:x:7:8::/a\0b:\n\0\n"
    answer = answer_to(
        {"id": "\0", "image": {"user": "a\0b", "passwd": lines, "group": "g\0:x:9:a\0b\n"}, "docker": docker}
    )
    assert answer["id"] == "\0"
    assert answer["runs_as"] == {"uid": 7, "gid": 8, "groups": [8, 9], "user": "a\0b", "home": "/a\0b"}
    assert answer_to({"image": {"user": "\0", "passwd": PASSWD}, "docker": docker})["cause"] == "unknown-user"
    # Half a character, which JSON can spell out and UTF-8 cannot.
    assert answered('{"image": {"user": "\\ud800", "passwd": "\\ud800:x:7:8::/:"}}')[0]["runs_as"]["user"] == "\ud800"


@pytest.mark.parametrize(
    "identity", ["a", "", 7, -1.5, True, False, None, [1, [2]], {"a": {"b": None}}, 'é\n"', 10**30]
)
def test_an_id_of_any_kind_comes_back(identity: object) -> None:
    for case in ({"image": IMAGE}, {"image": 7}):
        answer = answer_to({**case, "id": identity})
        assert answer["id"] == identity
        assert type(answer["id"]) is type(identity)


def test_every_line_is_answered_in_its_place() -> None:
    good = json.dumps({"image": {}})
    lines = [
        json.dumps({"id": 0, "image": {}}),
        "{",
        "",
        "  \n",
        '{"id": 2}',
        "null",
        "[" * 100_000,
        good,
        '{"id": 9, "image": {}}',
    ]
    answers = answered(*lines)
    assert [answer["id"] for answer in answers] == [0, None, 2, None, None, None, 9]
    assert ["error" in answer for answer in answers] == [False, True, True, True, True, False, False]


def test_versions_reach_the_rules() -> None:
    case = {**pod(runAsNonRoot=True), "image": {"user": "3000000000"}}
    assert answer_case(case)["cause"] == "image-user-out-of-range"
    older = answer_case(case, Versions(kubernetes=(1, 33)))
    assert (older["kubelet"]["ok"], older["cause"]) == (True, "bad-user-spec")
    case = {"image": {"user": "5:444", "group": "444:x:555:\n"}, "docker": {}}
    assert _groups(answer_case(case)) == [555]
    assert _groups(answer_case(case, Versions(engine_runc=(1, 3)))) == [444]


def _groups(answer: AnsweredCase) -> list[int] | None:
    return answer["runs_as"]["groups"] if answer["runs_as"] is not None else None


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
_ids = st.integers() | _json
_context = st.fixed_dictionaries(
    {},
    optional={
        "runAsUser": _ids,
        "runAsGroup": _ids,
        "runAsNonRoot": st.booleans() | _json,
        "fsGroup": _ids,
        "supplementalGroups": st.lists(_ids, max_size=2) | _json,
        "supplementalGroupsPolicy": st.sampled_from(["Merge", "Strict"]) | _json,
    },
)
_part = st.fixed_dictionaries({}, optional={"securityContext": _context | _json, "hostUsers": st.booleans()})
_cases = st.fixed_dictionaries(
    {"id": _json},
    optional={
        "image": st.fixed_dictionaries({}, optional={"user": st.text() | _json, "passwd": st.text() | _json}) | _json,
        "pod": _part | _json,
        "container": _part | _json,
        "docker": st.fixed_dictionaries({}, optional={"user": st.text() | _json, "group_add": _json}) | _json,
    },
)


@given(_cases | _json)
def test_whatever_the_case_there_is_one_answer_in_json(case: object) -> None:
    ((line, was_case),) = answer_lines([json.dumps(case)])
    answer = json.loads(line, parse_constant=pytest.fail)
    assert sorted(answer) == (KEYS if was_case else ["error", "id"])
    assert "\n" not in line


@given(st.text().filter(lambda text: bool(text.strip())))
def test_whatever_the_line_there_is_one_answer(line: str) -> None:
    assert len(answered(line)) == 1


def batch(lines: Iterable[bytes]) -> tuple[int, list[dict[str, Any]]]:
    out = io.StringIO()
    status = answer_batch(iter(lines), out)
    return status, [json.loads(line) for line in out.getvalue().splitlines()]


def test_a_batch_of_cases_ends_well() -> None:
    status, answers = batch([b'{"id": 1, "image": {}}\n', b"\n", b'{"id": 2, "image": {"user": "rich"}}'])
    assert status == 0
    # That a container is refused is an answer, and no error.
    assert [(answer["id"], answer["ok"]) for answer in answers] == [(1, True), (2, False)]
    assert batch([]) == (0, [])


def test_one_malformed_case_shows_in_the_exit_status_wherever_it_stands() -> None:
    good = b'{"image": {}}\n'
    for lines in ([b"{\n", good, good], [good, b'{"id": 1}\n', good], [good, good, b"\xff\xfe\n"]):
        status, answers = batch(lines)
        assert status == 1
        assert ["error" in answer for answer in answers] == [line != good for line in lines]


def test_a_batch_is_answered_line_by_line() -> None:
    out = io.StringIO()

    def lines() -> Iterator[bytes]:
        for number in range(200):
            # All that was read before has been answered before this is read.
            assert out.getvalue().count("\n") == number
            yield b"{\n" if number % 3 == 0 else b'{"id": %d, "image": {}}\n' % number

    assert answer_batch(lines(), out) == 1
    assert out.getvalue().count("\n") == 200


def test_a_batch_holds_no_line_for_longer_than_its_answer() -> None:
    class Nowhere(io.StringIO):
        def write(self, text: str) -> int:
            return len(text)

    def peak(count: int) -> int:
        line = b'{"image": {"user": "rich", "passwd": "%s"}}\n' % (b"x:x:1:1::/:\\n" * 1500)
        tracemalloc.reset_peak()
        answer_batch((line for _ in range(count)), Nowhere())
        return tracemalloc.get_traced_memory()[1]

    tracemalloc.start()
    try:
        few = peak(2)
        assert peak(12) < few * 1.5
    finally:
        tracemalloc.stop()
