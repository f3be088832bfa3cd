"""What somebody needs who is to find out what is wrong with a lab: gathered into one archive, and nothing secret."""

from __future__ import annotations

import io
import tarfile
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from labkit.base.errors import LabError, LabFailed, log_error
from labkit.base.files import write_atomically
from labkit.base.log import LOG_NAME, log_files
from labkit.base.redaction import redact, without_names
from labkit.lab import diagnosis_sources as sources
from labkit.lab.lab import Lab
from labkit.show.table import Table

_README = """\
A diagnosis of the lab {name}, made by `labkit diagnose` on {date}.

{table}

Left out: kubeconfigs, tokens, passwords and keys; the values of environment variables; Secrets and ConfigMaps;
annotations; what the programs in pods printed. The home folder is written ~, and the user's name in paths USER.
It was left out by rules, and rules miss things: look through the files before you send them.
"""


@dataclass(frozen=True)
class DiagnosisFile:
    """A file of a diagnosis, or one that could not be made.

    Args:
        name: in the archive.
        contents: what it is.
        text: what it holds, with nothing secret; None if it could not be made.
        missing: why it could not be made.
    """

    name: str
    contents: str
    text: str | None = None
    missing: str = ""

    @property
    def size(self) -> int:
        """Bytes in the archive."""
        return len((self.text or "").encode())


@dataclass(frozen=True)
class Diagnosis:
    """All files of a diagnosis, and those that are missing."""

    files: Sequence[DiagnosisFile]

    def table(self) -> Table:
        """What is in it, and what is missing and why."""
        return _table(self.files)

    def to_dict(self) -> dict[str, list[dict[str, object]]]:
        """JSON-ready values of the same."""
        return {
            "files": [
                {"file": file.name, "size": file.size, "contents": file.contents}
                for file in self.files
                if file.text is not None
            ],
            "missing": [
                {"file": file.name, "contents": file.contents, "reason": file.missing}
                for file in self.files
                if file.text is None
            ],
        }

    def write(self, output: Path) -> None:
        """Write the archive, which only its owner can read.

        Raises:
            LabFailed: it cannot be written.
        """
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for file in self.files:
                if file.text is not None:
                    content = file.text.encode()
                    entry = tarfile.TarInfo(f"labkit-diagnose/{file.name}")
                    entry.size, entry.mode, entry.mtime = len(content), 0o600, int(time.time())
                    archive.addfile(entry, io.BytesIO(content))
        write_atomically(output, packed.getvalue())


def gather(lab: Lab) -> Diagnosis:
    """Gather what there is; what cannot be had is named with the reason, and keeps nothing else from being gathered."""
    files = [
        _file("versions.json", "versions of labkit, Python, system, engine, kind, kubectl", sources.versions, lab),
        _file("doctor.txt", "what `labkit doctor` says of this machine", sources.doctors_report, lab),
        _file("status.json", "what `labkit status` says of the lab", sources.status, lab),
        _file("node.log", "what the cluster's node printed", sources.node_log, lab),
        _file("kubelet.log", "the kubelet's log", lambda lab: sources.service_log(lab, "kubelet"), lab),
        _file("containerd.log", "containerd's log", lambda lab: sources.service_log(lab, "containerd"), lab),
        _file("pods.json", "the pods of the lab's namespaces, without variables' values", sources.pods, lab),
        _file("events.txt", "the events of the lab's namespaces", sources.events, lab),
    ]
    # The log comes last: what went wrong above is in it.
    files += _logs(lab.configuration.state)
    readme = _README.format(name=lab.configuration.name, date=date.today().isoformat(), table=_table(files))
    return Diagnosis([DiagnosisFile("README.txt", "this table, and what was left out", readme), *files])


def _file(name: str, contents: str, read: Callable[[Lab], str], lab: Lab) -> DiagnosisFile:
    try:
        return DiagnosisFile(name, contents, without_names(read(lab)))
    except LabError as error:
        return DiagnosisFile(name, contents, missing=without_names(redact(f"{error.tried}: {error.came_back}")))
    except Exception as error:  # A fault of the kit's own is no reason to stop: it is what this is made for.
        log_error(error, traceback=True)
        return DiagnosisFile(name, contents, missing=without_names(redact(f"{type(error).__name__}: {error}")))


def _logs(state: Path) -> list[DiagnosisFile]:
    contents = "commands and requests of the lab, and its errors"
    files = []
    for path in reversed(log_files(state)):
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            files.append(DiagnosisFile(path.name, contents, missing=error.strerror or str(error)))
        else:
            files.append(DiagnosisFile(path.name, contents, without_names(redact(text))))
    return files or [DiagnosisFile(LOG_NAME, contents, missing="there is none")]


def _table(files: Sequence[DiagnosisFile]) -> Table:
    rows = [(file.name, f"{file.size:,}" if file.text is not None else "missing", _described(file)) for file in files]
    return Table("", ("file", "bytes", "what it is"), rows)


def _described(file: DiagnosisFile) -> str:
    return file.contents if file.text is not None else f"{file.contents}; {' '.join(file.missing.split())}"


def default_output(today: date | None = None) -> Path:
    """Where the archive goes by default: into the current folder, by the day's date."""
    return Path(f"labkit-diagnose-{(today or date.today()).isoformat()}.tar.gz")


def write_somewhere(diagnosis: Diagnosis, output: Path) -> tuple[Path, str]:
    """Write the archive where it was asked for, else into a new temporary folder.

    Args:
        diagnosis: what to write.
        output: the file, or a folder for a file of the default name.

    Returns:
        Where it is; and why it could not be written where it was asked for, empty if it was.

    Raises:
        LabFailed: it cannot be written anywhere.
    """
    output = output / default_output() if output.is_dir() else output
    try:
        diagnosis.write(output)
    except LabFailed as error:
        try:
            instead = Path(tempfile.mkdtemp(prefix="labkit-diagnose-")) / default_output()
        except OSError:
            raise error from None
        diagnosis.write(instead)
        return instead, error.came_back
    return output, ""
