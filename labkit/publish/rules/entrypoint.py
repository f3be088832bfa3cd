"""What an image starts: the SDK's rule for ENTRYPOINT and CMD.

PURE. Source: dotnet/sdk:src/Containers/Microsoft.NET.Build.Containers/ImageBuilder.cs, DetermineEntrypointAndCmd,
and Microsoft.NET.Build.Containers.targets for the app's own command.
"""

from __future__ import annotations

from collections.abc import Sequence

from labkit.publish.rules.base_image import is_self_contained
from labkit.publish.rules.messages import Message, Refused
from labkit.publish.rules.project import Project

_INSTRUCTIONS = ("Entrypoint", "DefaultArgs", "None")
_DOTNET = (["dotnet"], ["/usr/bin/dotnet"])


def app_command(project: Project, directory: str, windows: bool) -> list[str]:
    """The command that starts the app: the project's own, else dotnet and the app's file or the app itself.

    Args:
        project: with its items.
        directory: the working directory.
        windows: whether the image is for Windows.
    """
    given = project.includes("ContainerAppCommand")
    if given or project.get("ContainerAppCommandInstruction") == "None":
        return given
    app = directory.replace("\\", "/") + project.assembly
    if is_self_contained(project):
        return [app + (".exe" if windows else "")]
    return ["dotnet", f"{app}.dll"]


def entrypoint_and_cmd(
    project: Project, command: Sequence[str], base_entrypoint: Sequence[str] | None
) -> tuple[list[str], list[str], list[Message]]:
    """The image's ENTRYPOINT and CMD.

    Args:
        project: with its items.
        command: the app's command.
        base_entrypoint: the base image's ENTRYPOINT.

    Returns:
        Both, and what the SDK reports.

    Raises:
        Refused: the instruction is unknown, where the SDK's task crashes.
    """
    messages = []
    entrypoint, arguments = project.includes("ContainerEntrypoint"), project.includes("ContainerEntrypointArgs")
    app_arguments, cmd = project.includes("ContainerAppCommandArgs"), project.includes("ContainerDefaultArgs")
    own, app = bool(entrypoint or arguments), list(command)
    inherited = list(base_entrypoint or ())
    if inherited in _DOTNET:
        inherited = []
    instruction = project.get("ContainerAppCommandInstruction")
    if not instruction and own and not (entrypoint or cmd or app_arguments):
        # Arguments alone are from the time when there was nothing but an entrypoint: the app's command goes before.
        entrypoint, cmd, arguments, app, instruction = app, arguments, [], [], "None"
    elif not instruction and own:
        instruction = "DefaultArgs"
    elif not instruction:
        if inherited:
            text = "the base image's entrypoint will be overwritten to start the application"
            messages.append(Message("CONTAINER2022", text))
        instruction = "Entrypoint"
    if problem := _problem(instruction, entrypoint, arguments, app, app_arguments, own):
        return [], [], [*messages, Message(*problem, error=True)]
    if instruction == "DefaultArgs":
        cmd = [*app, *app_arguments, *cmd]
    elif instruction == "Entrypoint":
        entrypoint, arguments = app, app_arguments
    return [*entrypoint, *arguments] if entrypoint else inherited, cmd, messages


def _problem(
    instruction: str,
    entrypoint: Sequence[str],
    arguments: Sequence[str],
    app: Sequence[str],
    app_arguments: Sequence[str],
    own: bool,
) -> tuple[str, str] | None:
    if arguments and not entrypoint:
        return "CONTAINER2024", "ContainerEntrypointArgs are provided without specifying a ContainerEntrypoint"
    if app_arguments and not app:
        return "CONTAINER2025", "ContainerAppCommandArgs are provided without specifying a ContainerAppCommand"
    if instruction not in _INSTRUCTIONS:
        known = ",".join(_INSTRUCTIONS)
        raise Refused("MSB4018", f"CONTAINER2021: unknown AppCommandInstruction {instruction!r}. Valid are {known}")
    if instruction == "None" and (app or app_arguments):
        return "CONTAINER2026", "ContainerAppCommand and its Args must be empty when the instruction is 'None'"
    if instruction == "Entrypoint" and own:
        return (
            "CONTAINER2028",
            "ContainerEntrypoint cannot be combined with ContainerAppCommandInstruction 'Entrypoint'",
        )
    return None
