"""An IPython extension for the course's kernels: shell cells, and what an error that beginners meet means."""

from __future__ import annotations

import inspect
import keyword
import linecache
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from types import ModuleType, TracebackType
from typing import Any

from labkit.notebook.answer_slips import only_asks, slip_in
from labkit.notebook.shell_cells import install_shell_cells

_MEANS = (
    '`{name}` is not there. If it is a word, as in an answer, it is written in quotes: "{name}". '
    "Else it is mistyped, or a cell further up, which makes it, has not been run in this kernel: "
    "run the notebook's cells from the first one."
)
_NO_WORD = (
    '`{word}` is not one name in Python, which reads it as {name} and what follows: write it in quotes, "{word}".'
)
_IN_QUOTES = 'A word, as in an answer, is written in quotes: {name} = "{word}"'
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")
# A name of the course, or of a file of it, such as raw-socket or to-restricted.yaml; a difference has blanks.
_WITH_HYPHENS = re.compile(r"\w+(?:-\w+)+(?:\.\w+)?(?!\()")
_SPELT = {"true": "True", "false": "False", "null": "None", "none": "None"}
_ANSWER = (
    "`{name}` is not there: its cell, further up, has not been run in this kernel, or ended in an error. "
    "Run that cell, then this one."
)
_CHECK = re.compile(r"\.check\(.*?,(?P<answer>.*)")
_LESSON = "lab"
_NOT_OPENED = (
    "`lab` is made by the notebook's first cell of code, which this kernel has not run: run it, then this one."
)
_MISTYPED = "`{name}` is not there; did you mean `{near}`?"
_NONE = "`.{name}` was asked of None: what stands before it gave nothing."
_NOT_OF_IT = "`{name}` is not there. What it has: {names}"
_KIT = __name__.partition(".")[0]
_BARE_WORD = re.compile(r"\s*(?P<name>\w+)\s*=\s*(?P<word>[A-Za-z][\w ./:-]*?|\d+:\d+)\s*")
_BARE_PATH = re.compile(r"[\[({,=:]\s*(/\w[\w/.-]*)")
_PATH_IN_QUOTES = 'A path is written in quotes: "{path}"'
_TO_THE_SHELL = "`{name}` is a command: a cell that begins with a line %%bash gives all of it to the shell."
_LINE_OF_COMMAND = re.compile(r"\s*(?P<name>[a-z][\w.-]*)(?:\s+[^\s=(].*)?\s*", re.DOTALL)
_BY_NAME = "what has a = is given by its name"
_COMMAND = 'a command is one text, as in "id -u", or a list'
_WRONG_CALL = re.compile(
    r"(?P<kind>\w+)\.(?P<method>[a-z]\w*)\(\) (?:got an unexpected keyword|takes |missing |got multiple values)"
)


def load_ipython_extension(shell: Any) -> None:
    """Print a sentence that helps below some errors; the error itself is shown, and fails the cell, as always.

    A shell cell runs as in a lesson from the start, so that one which is run too early has no traceback either.

    Args:
        shell: IPython's.
    """
    install_shell_cells(shell)
    shell.set_custom_exc((NameError, AttributeError, SyntaxError, TypeError), _explain)


def _explain(
    shell: Any,
    kind: type[BaseException],
    error: BaseException,
    traceback: TracebackType | None,
    tb_offset: int | None = None,
) -> None:
    shell.showtraceback((kind, error, traceback), tb_offset=tb_offset)
    if (sentence := meaning_of(error, _line_of(traceback), shell.user_ns, _cells_of(shell))) is not None:
        print(sentence)


def _cells_of(shell: Any) -> Sequence[str]:
    """The cells that have run in this kernel, as they were typed, the one that runs last."""
    return getattr(shell.history_manager, "input_hist_raw", ())


def _line_of(traceback: TracebackType | None) -> str:
    """The line of the source that failed; empty if nobody has it."""
    while traceback is not None and traceback.tb_next is not None:
        traceback = traceback.tb_next
    return linecache.getline(traceback.tb_frame.f_code.co_filename, traceback.tb_lineno) if traceback else ""


def meaning_of(
    error: BaseException, line: str = "", names: Mapping[str, object] | None = None, cells: Sequence[str] = ()
) -> str | None:
    """What an error usually means in a notebook of the course; None if it says enough by itself.

    Args:
        error: of a cell.
        line: of the cell, in which it came.
        names: what the kernel has.
        cells: the sources of those that have run, the one with the error last.
    """
    if isinstance(error, TypeError):
        return _meaning_of_call(str(error), names or {})
    typed = _command_typed(error, line)
    if typed is not None:
        return _TO_THE_SHELL.format(name=typed)
    if isinstance(error, NameError):
        if not error.name:
            return None
        quoted = (match[0] for match in _WITH_HYPHENS.finditer(_QUOTED.sub("", line)))
        if (word := next((name for name in quoted if error.name in re.split("[-.]", name)), None)) is not None:
            return _NO_WORD.format(word=word, name=error.name)
        if error.name in _SPELT:
            return f"YAML's and JSON's {error.name} is {_SPELT[error.name]} in Python."
        return _meaning_of_missing(error.name, line, cells)
    if isinstance(error, AttributeError):
        return _meaning_of_attribute(error)
    text = error.text or "" if isinstance(error, SyntaxError) else ""
    if path := _BARE_PATH.search(_QUOTED.sub('""', text)):
        return _PATH_IN_QUOTES.format(path=path[1])
    bare = _BARE_WORD.fullmatch(text)
    return _IN_QUOTES.format(**bare.groupdict()) if bare else None


def _meaning_of_missing(name: str, line: str, cells: Sequence[str]) -> str:
    """Why a name is not there: it is the lesson's, or an answer's, or nobody's."""
    if name == _LESSON:
        return _NOT_OPENED
    check = _CHECK.search(_QUOTED.sub('""', line))
    if check is not None and name == check["answer"].strip(" )\n"):
        before = next((cell for cell in reversed(cells) if not only_asks(cell)), "")
        slip = slip_in(before, name)
        return f"{slip} Run it that way, then this cell." if slip else _ANSWER.format(name=name)
    # Of a cell that asks for a name that it was to give.
    return slip_in(line, name) or _MEANS.format(name=name)


def _command_typed(error: BaseException, line: str) -> str | None:
    """The program that a line of a Python cell begins with, as one types it in a shell; None if it is none."""
    if not isinstance(error, NameError | SyntaxError):
        return None
    text = (error.text or "") if isinstance(error, SyntaxError) else line
    begins = _LINE_OF_COMMAND.fullmatch(text)
    name = begins["name"] if begins is not None else ""
    if not name or keyword.iskeyword(name) or (isinstance(error, NameError) and error.name != name):
        return None
    return name if shutil.which(name) is not None else None


def _arguments_of(method: Callable[..., object]) -> str:
    """What a method takes, without types and without Python's signs between the arguments."""
    parameters = [
        parameter.replace(annotation=parameter.empty) for parameter in inspect.signature(method).parameters.values()
    ]
    taken = f"({', '.join(str(parameter) for parameter in parameters)})"
    sentences = [_BY_NAME] if any(parameter.kind is parameter.KEYWORD_ONLY for parameter in parameters) else []
    sentences += [_COMMAND] if any(parameter.name == "command" for parameter in parameters) else []
    return f"{taken}; {'; '.join(sentences)}" if sentences else taken


def _meaning_of_call(message: str, names: Mapping[str, object]) -> str | None:
    """What a method of the kit's takes, where it was called with something else."""
    if (call := _WRONG_CALL.match(message)) is None:
        return None
    for name, given in names.items():
        kind = type(given)
        if kind.__name__ == call["kind"] and kind.__module__.partition(".")[0] == _KIT:
            method = getattr(given, call["method"], None)
            if callable(method):
                return f"It is called as {name}.{call['method']}{_arguments_of(method)}"
    return None


def _meaning_of_attribute(error: AttributeError) -> str | None:
    """The name that was probably meant; of an object of the kit's, else all that it has."""
    if not error.name or error.name.startswith("_"):
        return None
    if error.obj is None:
        return _NONE.format(name=error.name)
    names = [name for name in dir(error.obj) if not name.startswith("_")]
    if near := get_close_matches(error.name, names, n=1):
        return _MISTYPED.format(name=error.name, near=near[0])
    kind = error.obj if isinstance(error.obj, ModuleType) else type(error.obj)
    is_ours = (getattr(kind, "__module__", None) or kind.__name__).partition(".")[0] == _KIT
    return _NOT_OF_IT.format(name=error.name, names=", ".join(names)) if is_ours and names else None
