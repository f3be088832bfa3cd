"""What somebody hostile, or a broken disk, makes of a file."""

from __future__ import annotations

from hypothesis import strategies as st

PIECES = (
    *(b"", b"\0", b"\xff\xfe", b"\xef\xbb\xbf", b"\xc3", b"\r", b"\t", b"\n", b"\n---\n", b"\x85", b"\xe2\x80\xae"),
    # A terminal's escapes: a colour, a title, a cleared screen; the second is the eight-bit form.
    *(b"\x1b[31m", b"\xc2\x9b31m", b"\x1b]0;title\x07", b"\x1b[2J", b"\\u001b[31m", b'"\\e[31m"', b"&#27;"),
    *(b"<script>alert(1)</script>", b"\"'><img src=x onerror=alert(1)>", b"]]>", b"<!DOCTYPE a [<!ENTITY b 'c'>]>&b;"),
    *(b"{}", b"[]", b"null", b"~", b"true", b"0", b"-1", b"1e999", b"9" * 400, b"0x7fffffffffffffff", b".inf", b"0o17"),
    *(b"&a [*a]", b"*a", b"<<: *b", b"!!python/object/apply:os.system [id]", b"!!binary x", b"? ", b"%YAML 9.9\n"),
    *(b"${X}", b"${X:?}", b"${X:-${X}}", b"$(id)", b"`id`", b"$$", b"\\", b"\\\n", b"<<EOF\n", b"# escape=`\n"),
    *(
        b"../" * 20,
        b"/etc/passwd",
        b"file:///etc/passwd",
        b"C:\\",
        b"%2e%2e/",
        b"a" * 5000,
        b"[" * 3000,
        b'{"a":' * 3000,
    ),
)
"""What is put into a file."""


@st.composite
def damaged(draw: st.DrawFn, seed: bytes) -> bytes:
    """A file that was good, with up to five edits: pieces put in, taken out, moved, repeated, bits turned, cut off.

    Args:
        draw: hypothesis' own.
        seed: the good file.
    """
    data = seed
    for _ in range(draw(st.integers(1, 5))):
        data = draw(_edited(data))
    return data


@st.composite
def _edited(draw: st.DrawFn, data: bytes) -> bytes:
    start = draw(st.integers(0, len(data)))
    end = min(len(data), start + draw(st.sampled_from((0, 1, 4, 16, 64, 1024))))
    edit = draw(st.sampled_from(("put", "replace", "remove", "repeat", "cut", "turn", "move")))
    if edit in ("put", "replace"):
        piece = draw(st.sampled_from(PIECES) | st.binary(max_size=8))
        return data[:start] + piece + data[start if edit == "put" else end :]
    if edit == "repeat":
        return data[:start] + data[start:end] * draw(st.sampled_from((2, 3, 50))) + data[end:]
    if edit == "turn" and start < len(data):
        return data[:start] + bytes([data[start] ^ (1 << draw(st.integers(0, 7)))]) + data[start + 1 :]
    if edit == "move":
        there = draw(st.integers(0, len(data)))
        return data[:start] + data[end:there] + data[start:end] + data[max(there, end) :]
    return data[:start] if edit == "cut" else data[:start] + data[end:]
