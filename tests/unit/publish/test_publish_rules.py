"""The rules of publishing beyond what was recorded: project files, conditions, names, warnings, cases."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.publish.rules.arguments import read_arguments
from labkit.publish.rules.harms import harms
from labkit.publish.rules.image_names import is_tag, normal_repository
from labkit.publish.rules.messages import Refused
from labkit.publish.rules.msbuild import NotUnderstood, expand, holds, split_list
from labkit.publish.rules.project import evaluate
from labkit.publish.rules.publish_cases import MalformedPublishCase, answer_case, answer_lines
from labkit.publish.rules.publish_result import complete, prepare

BASE: dict[str, Any] = {"Env": ["PATH=/bin", "APP_UID=1654", "ASPNETCORE_HTTP_PORTS=8080"]}


def project_file(properties: str = "", items: str = "", more: str = "", sdk: str = "Microsoft.NET.Sdk") -> str:
    return (
        f'<Project Sdk="{sdk}"><PropertyGroup><OutputType>Exe</OutputType><TargetFramework>net10.0</TargetFramework>'
        f"{properties}</PropertyGroup><ItemGroup>{items}</ItemGroup>{more}</Project>"
    )


def published(text: str, *arguments: str, base: dict[str, Any] | None = None) -> dict[str, Any]:
    case = {"id": 1, "project": text, "arguments": list(arguments), "base": BASE if base is None else base}
    return dict(answer_case(case))


def warnings(text: str, *arguments: str, files: tuple[str, ...] = ("hello.dll",), **environment: str) -> list[str]:
    project = evaluate(text, read_arguments(arguments), environment=environment)
    result = complete(project, prepare(project), BASE)
    return [message.code for message in harms(project, result, files)]


@pytest.mark.parametrize(
    ("condition", "met"),
    [
        ("", True),
        ("'$(Lab)' == '1'", False),
        ("'$(Yes)' == 'TRUE'", True),
        ("$(Yes)", True),
        ("!$(Yes)", False),
        ("'$(Two)' == '2.0' and '$(None)' == ''", True),
        ("'a' == 'b' or ('$(Two)' > 1 and $(Two) <= 2)", True),
        ("'a' == 'b' or 'a' == 'c' and 'a' == 'a'", False),
        ("'$(Name)' != 'x;y'", False),
    ],
)
def test_a_condition_is_evaluated(condition: str, met: bool) -> None:
    values = {"Yes": "true", "Two": "2", "Name": "x%3By"}
    assert holds(condition, lambda name: values.get(name, "")) is met


@pytest.mark.parametrize(
    "condition",
    ["Exists('x')", "'a' ==", "== 'a'", "'a'", "'a' < 'b'", "('a' == 'a'", "'a' == 'a' 'b'", "'a", "@(X)=='a'"],
)
def test_a_condition_that_is_not_understood_is_refused(condition: str) -> None:
    with pytest.raises(NotUnderstood):
        holds(condition, lambda name: "")


def test_a_condition_that_is_nested_too_deeply_is_refused() -> None:
    with pytest.raises(NotUnderstood, match="too deeply"):
        holds("(" * 100_000, lambda _: "")


@pytest.mark.parametrize(
    "text", ["$([System.DateTime]::Now)", "$(A.Replace('a','b'))", "@(Item)", "%(Meta)", "$($(A))", "$(A"]
)
def test_a_function_in_a_value_is_refused_by_name(text: str) -> None:
    with pytest.raises(NotUnderstood, match=r"function|list|metadata"):
        expand(text, lambda name: "")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (project_file(more='<Import Project="more.props"/>'), "Import 'more.props'"),
        (project_file(more='<Target Name="Late"/>'), "Target 'Late'"),
        (project_file(more="<Choose/>"), "Choose"),
        (project_file(more='<UsingTask TaskName="T"/>'), "UsingTask 'T'"),
        (project_file(sdk="Microsoft.NET.Sdk.BlazorWebAssembly"), "BlazorWebAssembly"),
        (project_file(items='<ContainerPort Update="80" Type="udp"/>'), "Update"),
        (project_file(items='<ContainerEntrypoint Include="*.sh"/>'), "wildcard"),
        (project_file("<PublishTrimmed>true</PublishTrimmed>"), "PublishTrimmed"),
        (project_file("<RuntimeIdentifiers>linux-x64;linux-arm64</RuntimeIdentifiers>"), "several runtime"),
        (project_file("<PublishRepositoryUrl>true</PublishRepositoryUrl>"), "PublishRepositoryUrl"),
        (project_file("<AutoGenerateImageTag>true</AutoGenerateImageTag>"), "AutoGenerateImageTag"),
        ("no xml", "not XML"),
        ("<Project", "not XML"),
        ("", "not XML"),
        ("<root/>", "root"),
        (
            '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><Project Sdk="Microsoft.NET.Sdk">&a;</Project>',
            "DOCTYPE",
        ),
        ('<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><Project Sdk="Microsoft.NET.Sdk"/>', "DOCTYPE"),
        ("<Project>" * 10 + " " * (1 << 20), "characters"),
    ],
)
def test_what_is_not_evaluated_is_refused_by_name(text: str, named: str) -> None:
    with pytest.raises(MalformedPublishCase, match=named):
        published(text)


@pytest.mark.parametrize(
    ("text", "arguments", "remedy"),
    [
        (project_file(), ["ContainerUser=1654"], "-p:ContainerUser=1654"),
        (project_file(more='<ContainerEnvironmentVariable Include="A" Value="1"/>'), [], "put it between <ItemGroup>"),
        (project_file(more="<ContainerUser>1</ContainerUser>"), [], "put it between <PropertyGroup>"),
        (project_file(items='<ContainerPort Include="80">'), [], "close each element"),
        (project_file(), ["--unheard-of"], ""),
        (project_file(more="<Choose/>"), [], ""),
    ],
)
def test_what_the_sdk_does_not_take_either_has_a_remedy_of_its_own(
    text: str, arguments: list[str], remedy: str
) -> None:
    with pytest.raises(NotUnderstood) as refused:
        evaluate(text, read_arguments(arguments))
    assert remedy in refused.value.remedy
    assert bool(remedy) == bool(refused.value.remedy)


def test_properties_refer_to_earlier_ones_and_the_command_line_wins() -> None:
    text = project_file(
        "<Me>7</Me><ContainerUser>$(Me)</ContainerUser><ContainerRepository>$(MSBuildProjectName)-x</ContainerRepository>"
    )
    assert published(text)["config"]["User"] == "7"
    assert published(text)["repository"] == "hello-x"
    assert published(text, "-p:Me=8")["config"]["User"] == "8"
    assert published(text, "-p:ContainerUser=9", "--property:containeruser=10")["config"]["User"] == "10"


def test_an_environment_variable_is_a_property_of_the_lowest_rank() -> None:
    assert evaluate(project_file(), environment={"ContainerUser": "5"}).get("ContainerUser") == "5"
    text = project_file("<ContainerUser>6</ContainerUser>")
    assert evaluate(text, environment={"ContainerUser": "5"}).get("ContainerUser") == "6"
    assert warnings(project_file(), ContainerUser="5") == ["from-environment"]
    assert warnings(project_file(), CONTAINER_NAME="x", PATH="/bin") == []


def test_a_conditional_group_takes_part_when_its_condition_is_met() -> None:
    text = project_file(
        more="<PropertyGroup Condition=\"'$(Lab)' == '1'\"><ContainerUser>7</ContainerUser></PropertyGroup>"
        "<ItemGroup><ContainerPort Include=\"9\" Condition=\"'$(Lab)' == '1'\"/></ItemGroup>"
    )
    assert published(text)["config"]["User"] == "1654"
    answer = published(text, "-p:Lab=1")
    assert (answer["config"]["User"], list(answer["config"]["ExposedPorts"])) == ("7", ["9/tcp", "8080/tcp"])


@pytest.mark.parametrize(
    ("properties", "repository"),
    [
        ("<ContainerRepository>$(AssemblyName)-api</ContainerRepository>", "hello-api"),
        ("<AssemblyName>Acme.$(AssemblyName)</AssemblyName>", "acme-hello"),
        ("<ContainerRepository>acme/$(RootNamespace)</ContainerRepository>", "acme/hello"),
        (
            "<ContainerRepository>$(MSBuildThisFileName)/$(MSBuildProjectFile)</ContainerRepository>",
            "hello/hello.csproj",
        ),
        # Only the SDK's targets set it, so that the property is empty here, and the repository is the app's.
        ("<ContainerRepository>$(PackageId)</ContainerRepository>", "hello"),
    ],
)
def test_a_project_begins_with_what_the_sdk_s_props_have_set(properties: str, repository: str) -> None:
    assert published(project_file(properties))["repository"] == repository


@pytest.mark.parametrize(
    ("condition", "user"),
    [
        ("'$(Configuration)|$(Platform)'=='Release|AnyCPU'", "7"),
        ("'$(Configuration)|$(Platform)' == 'Debug|AnyCPU'", "1654"),
        ("'$(OS)' != 'Windows_NT'", "7"),
        ("'$(OS)' == 'Unix'", "7"),
        ("'$(AssemblyName)' == ''", "1654"),
        ("'$(MSBuildRuntimeType)' == 'Core'", "7"),
    ],
)
def test_a_group_s_condition_sees_what_was_set_before_the_project(condition: str, user: str) -> None:
    """As Visual Studio writes them: a group that is passed over in silence would leave another user."""
    group = f'<PropertyGroup Condition="{condition}"><ContainerUser>7</ContainerUser></PropertyGroup>'
    assert published(project_file(more=group))["config"]["User"] == user


def test_an_environment_variable_is_there_before_what_the_props_set() -> None:
    project = evaluate(project_file(), environment={"Platform": "x64", "AssemblyName": "other"})
    assert (project.get("Platform"), project.assembly) == ("x64", "other")


@pytest.mark.parametrize(
    ("properties", "value", "seen"),
    [
        ("", "$(Version)", "1.0.0"),
        ("<Version>2.1</Version>", "$(Version)|$(PackageVersion)", "2.1|2.1"),
        ("<VersionPrefix>3.0</VersionPrefix><VersionSuffix>rc1</VersionSuffix>", "$(Version)", "3.0-rc1"),
        ("<PackageVersion>5</PackageVersion>", "$(Version)|$(PackageVersion)", "1.0.0|5"),
        ("", "$(AssemblyName)|$(PackageId)|$(TargetFileName)", "hello|hello|hello.dll"),
        ("<AssemblyName>App</AssemblyName>", "$(Authors)|$(Product)|$(TargetName)", "App|App|App"),
        ("<Authors>Me</Authors>", "$(Company)", "Me"),
        # These are made while a target runs.
        ("", "[$(AssemblyVersion)$(FileVersion)]", "[]"),
    ],
)
def test_an_item_sees_what_the_sdk_s_targets_have_set(properties: str, value: str, seen: str) -> None:
    item = f'<ContainerEnvironmentVariable Include="SEEN" Value="{value}"/>'
    assert f"SEEN={seen}" in published(project_file(properties, item))["config"]["Env"]
    label = (
        f"<ContainerLabel Include=\"seen\" Condition=\"'{value}' == '{seen}'\"><Value>{value}</Value></ContainerLabel>"
    )
    assert published(project_file(properties, label))["config"]["Labels"]["seen"] == seen


@pytest.mark.parametrize("name", ["BundledNETCoreAppPackageVersion", "NETCoreSdkVersion", "MSBuildProjectDirectory"])
def test_what_the_sdk_alone_knows_is_refused_by_name(name: str) -> None:
    """Taken for empty, it would be another tag, or a condition that is met."""
    tag = f"<ContainerImageTag>$({name})</ContainerImageTag>"
    with pytest.raises(MalformedPublishCase, match=f"the property {name}, which the SDK sets"):
        published(project_file(tag))
    assert published(project_file(tag), f"-p:{name}=5")["tags"] == ["5"]


def test_metadata_may_be_an_element_and_items_can_be_removed() -> None:
    items = '<ContainerEnvironmentVariable Include="A;B"><Value>1</Value></ContainerEnvironmentVariable>'
    items += '<ContainerEnvironmentVariable Remove="b"/>'
    assert published(project_file(items=items))["config"]["Env"][-1] == "A=1"


def test_a_library_publishes_nothing_and_says_nothing() -> None:
    answer = published(project_file("<OutputType>Library</OutputType>"))
    assert (answer["exit"], answer["config"], answer["codes"]) == (0, None, [])


@pytest.mark.parametrize(
    ("arguments", "code"),
    [(["-p:A=1;B"], "MSB1006"), (["-p:=1"], "MSB1006"), (["-p:A b=1"], "MSB4177"), (["-p"], "MSB1006")],
)
def test_a_property_that_is_none_is_refused_as_msbuild_does(arguments: list[str], code: str) -> None:
    if arguments == ["-p"]:
        arguments = ["-p", "nothing"]
    with pytest.raises(Refused, match=code):
        read_arguments(arguments)


def test_arguments() -> None:
    assert read_arguments(["publish", "-p", "A=1", "/p:B=2;C=3", '-p:D="x;y"', "-c", "Debug"]) == [
        *(("A", "1"), ("B", "2"), ("C", "3"), ("D", "x;y"), ("Configuration", "Debug"))
    ]
    assert read_arguments(["--os", "linux", "--arch", "amd64"]) == [("RuntimeIdentifier", "linux-x64")]
    with pytest.raises(NotUnderstood, match="--frobnicate"):
        read_arguments(["--frobnicate"])


@pytest.mark.parametrize(
    ("properties", "items", "code"),
    [
        ("", '<ContainerEnvironmentVariable Include="APP_UID" Value=""/>', "app-uid-empty"),
        ("<ContainerUser>rich</ContainerUser>", "", "image-user-not-numeric"),
        ("<ContainerUser>root</ContainerUser>", "", "image-user-not-numeric"),
        ("<ContainerUser>0</ContainerUser>", "", "image-runs-as-root"),
        ("<ContainerUser>:</ContainerUser>", "", "user-root"),
        ("<ContainerUser> </ContainerUser>", "", "user-blank"),
        ("<ContainerUser>1:2:3</ContainerUser>", "", "user-colons"),
        ("<ContainerUser>16\n54</ContainerUser>", "", "user-unprintable"),
        ("<ContainerUser>4294967296</ContainerUser>", "", "image-user-out-of-range"),
        ("<ContainerWorkingDirectory>/srv</ContainerWorkingDirectory>", "", "working-directory-without-slash"),
        ("<PublishSingleFile>true</PublishSingleFile>", "", "single-file"),
        ("<ContainerUsr>root</ContainerUsr>", "", "unknown-property"),
        ("<ContanerUser>root</ContanerUser>", "", "unknown-property"),
        ("", '<ContainerEnvironmentVariables Include="A" Value="1"/>', "unknown-item"),
        ("<ContainerUser>1</ContainerUser><ContainerUser>2</ContainerUser>", "", "property-twice"),
        ("", '<ContainerPort Include="65536"/>', "port-out-of-range"),
        ("", '<ContainerPort Include="0"/>', "port-out-of-range"),
        ("<AssemblyName>other</AssemblyName>", "", "app-file-missing"),
    ],
)
def test_harm_in_silence_is_warned_of(properties: str, items: str, code: str) -> None:
    assert code in warnings(project_file(properties, items))


def test_nothing_is_warned_of_without_need() -> None:
    assert warnings(project_file()) == []
    assert warnings(project_file("<ContainerUser>1000:1000</ContainerUser>"), "-p:ContainerRepository=x") == []
    assert warnings(project_file(), "-p:ContainerUser=1", "-p:ContainerUser=2") == ["property-twice"]


def test_a_misspelt_property_is_answered_with_the_right_one() -> None:
    project = evaluate(project_file(), [("ContainerUsr", "root")])
    assert "ContainerUser?" in harms(project, prepare(project), [])[0].text


@given(st.text(max_size=12))
def test_a_user_is_written_as_it_is_whatever_it_is(user: str) -> None:
    given_user = user.replace("%", "")
    project = evaluate(project_file(), [("ContainerUser", given_user)])
    result = complete(project, prepare(project), BASE)
    assert result.config is not None
    assert result.config["User"] == (given_user or "1654")
    harms(project, result, [])  # Whatever it is, it is judged without falling over.


@given(st.text(max_size=20))
def test_a_list_has_no_empty_entries(text: str) -> None:
    assert all(entry.strip() or "%" in text for entry in split_list(text))


@given(st.from_regex(r"[a-zA-Z0-9][ -~]{0,20}", fullmatch=True))
def test_a_repository_becomes_a_name_or_is_refused(name: str) -> None:
    try:
        normal = normal_repository(name)
    except Refused as refused:
        assert refused.code == "CONTAINER2005"
    else:
        assert normal == normal.lower() or "." in normal.partition("/")[0] or ":" in normal


def test_a_tag_has_at_most_128_characters() -> None:
    assert is_tag("a" * 128) and not is_tag("a" * 129) and not is_tag("")


@pytest.mark.parametrize(
    "line",
    [
        "[]",
        "1",
        "{",
        '{"id": 1, "project": 5}',
        '{"id": 1, "arguments": "x"}',
        '{"id": 1, "base": []}',
        '{"nonsense": 1}',
        '{"id": 1, "base_format": "oci"}',
        "[" * 100_000,
        '{"id": 1, "project": "<!DOCTYPE a><a/>"}',
        '{"arguments": [1]}',
    ],
)
def test_a_malformed_case_is_answered_and_the_next_one_too(line: str) -> None:
    good = json.dumps({"id": 2, "project": project_file(), "base": BASE})
    answers = [(json.loads(answer), was_case) for answer, was_case in answer_lines([line, "", good])]
    assert ["error" in answers[0][0], answers[0][1]] == [True, False]
    assert (answers[1][0]["config"]["User"], answers[1][1]) == ("1654", True)


def test_a_base_of_odd_types_is_no_case_and_no_traceback() -> None:
    bases: list[dict[str, Any]] = [
        {"Env": "x"},
        {"Env": [1]},
        {"Labels": []},
        {"ExposedPorts": [1]},
        {"Entrypoint": 5},
        {"User": 5},
    ]
    for base in bases:
        (answer, was_case), *_ = answer_lines([json.dumps({"id": 3, "project": project_file(), "base": base})])
        assert was_case or "error" in json.loads(answer)
