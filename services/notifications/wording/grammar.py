"""The language that templates are written in: text, values in {{…}}, and parts in [[…]] that may be left out.

template = parse("{{活动}}[[，岗位：{{岗位}}]]", NAMES)
template.fill({"title": "合唱排练", "role": ""})          # 合唱排练

A part in brackets is left out where a value in it is empty. There is nothing else: no access to what a value is made
of, no loops, no functions, so that ninety lines hold what a sandbox of a larger language would have to keep out.
"""

import difflib
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass

from services.common.errors import Words
from services.notifications.mail.words import plain

MOST_FAULTS = 8
"""Told at once of one text."""

_MARKS = re.compile(r"(\{\{[^{}\[\]\n]*\}\}|\{\{|\}\}|\[\[|\]\])")

# What a Chinese keyboard gives for the same keys.
_FULL_WIDTH = (("｛｛", "{{"), ("｝｝", "}}"), ("【【", "[["), ("】】", "]]"))


class Unfit(ValueError):
    """A text that is no template: everything that is wrong with it, in words for people."""

    def __init__(self, faults: list[Words]) -> None:
        super().__init__("; ".join(fault.en for fault in faults))
        self.faults = faults


@dataclass(frozen=True)
class Value:
    """Stands for the value of this name."""

    name: str


Pieces = tuple["str | Value", ...]


@dataclass(frozen=True)
class Optional:
    """What is left out where one of its values is empty."""

    pieces: Pieces


@dataclass(frozen=True)
class Template:
    """A text that was read."""

    parts: tuple["str | Value | Optional", ...]

    def fill(self, values: Mapping[str, str]) -> str:
        """The text with its values. Raises KeyError for a name that `values` lacks."""
        return "".join(_filled(part, values) for part in self.parts)

    def bare(self) -> set[str]:
        """The names of the values outside of brackets: what must never be empty."""
        return {part.name for part in self.parts if isinstance(part, Value)}

    def own_length(self) -> int:
        """How many characters there are beside the values."""
        pieces = [piece for part in self.parts for piece in (part.pieces if isinstance(part, Optional) else (part,))]
        return sum(len(piece) for piece in pieces if isinstance(piece, str))


def _filled(part: "str | Value | Optional", values: Mapping[str, str]) -> str:
    if isinstance(part, str):
        return part
    if isinstance(part, Value):
        return values[part.name]
    filled = [piece if isinstance(piece, str) else values[piece.name] for piece in part.pieces]
    return "".join(filled) if all(filled) else ""


def fold(name: str) -> str:
    """A name as it is compared: whatever the case, the width of its letters, spaces and underscores."""
    return re.sub(r"[\s_-]", "", unicodedata.normalize("NFKC", name).casefold())


def tidy(text: str) -> str:
    """A typed text as it is kept: no control characters and marks of direction, no spaces at the ends of its lines, no
    empty lines around it; braces and brackets as a Western keyboard has them."""
    for theirs, ours in _FULL_WIDTH:
        text = text.replace(theirs, ours)
    return "\n".join(plain(line, len(line) + 1) for line in text.splitlines()).strip("\n")


def parse(text: str, names: Mapping[str, str]) -> Template:
    """Read a template. `names` gives the value for each folded name. Raises `Unfit` with all that is wrong."""
    parts: list[str | Value | Optional] = []
    within: list[str | Value] | None = None
    faults: list[Words] = []
    for mark, place in _marks(text):
        into = parts if within is None else within
        if mark == "[[":
            if within is not None:
                faults.append(_nested(place))
            within = []
        elif mark == "]]":
            faults += _faults_of_end(within, place)
            parts += [Optional(tuple(within))] if within else []
            within = None
        elif mark in ("{{", "}}"):
            faults.append(_unbalanced(mark, place))
        elif mark.startswith("{{"):
            name = names.get(fold(mark[2:-2]))
            faults += [_unknown(mark[2:-2].strip(), names)] if name is None else []
            into.append(Value(name or ""))
        else:
            into.append(mark)
    if within is not None:
        faults.append(Words("“[[”没有结束：请在可省略的部分后面写“]]”。", "A [[ is not closed: write ]] after it."))
    if faults:
        raise Unfit(faults[:MOST_FAULTS])
    return Template(tuple(parts))


def _marks(text: str) -> list[tuple[str, str]]:
    """Each mark and each text between marks, with how the template goes on there."""
    marks, at = [], 0
    for mark in _MARKS.split(text):
        if mark:
            marks.append((mark, text[at : at + 16].replace("\n", " ")))
        at += len(mark)
    return marks


def _unbalanced(mark: str, place: str) -> Words:
    if mark == "{{":
        return Words(
            f"“{{{{”没有结束：变量名后面请写“}}}}”（在“{place}”处）。",
            f"A {{{{ is not closed by }}}} (at {place}).",
        )
    return Words(f"“}}}}”前面没有“{{{{”（在“{place}”处）。", f"There is a }}}} with no {{{{ before it (at {place}).")


def _nested(place: str) -> Words:
    return Words(
        f"可省略的部分里不能再有“[[”（在“{place}”处）。", f"A part in [[…]] cannot hold another one (at {place})."
    )


def _faults_of_end(within: "list[str | Value] | None", place: str) -> list[Words]:
    if within is None:
        return [Words(f"“]]”前面没有“[[”（在“{place}”处）。", f"There is a ]] with no [[ before it (at {place}).")]
    if not any(isinstance(piece, Value) for piece in within):
        return [
            Words(
                "“[[…]]”里至少要有一个变量：变量为空时，这一部分才省略。",
                "A part in [[…]] needs a value in it: it is left out where that is empty.",
            )
        ]
    return []


def _unknown(written: str, names: Mapping[str, str]) -> Words:
    shown = written[:40]
    if not written:
        return Words("“{{}}”里没有变量名。", "There is no name in {{}}.")
    close = difflib.get_close_matches(fold(shown), list(names), n=1, cutoff=0.5)
    if close:
        better = names[close[0]] if close[0].isascii() else close[0]
        return Words(
            f"没有变量“{{{{{shown}}}}}”，是不是“{{{{{better}}}}}”？",
            f"There is no {{{{{shown}}}}}. Did you mean {{{{{better}}}}}?",
        )
    return Words(
        f"没有变量“{{{{{shown}}}}}”，可用的变量见下表。", f"There is no {{{{{shown}}}}}; those there are, are listed."
    )
