"""Refuse the words that the style guide in CONTRIBUTING.md bans, wherever a person reads them.

`python -m tools.plain_english` prints FILE:LINE for each and exits 1. Arguments: patterns of files.
"""

import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parent.parent
ROOTS: Final = (
    *("*.md", "docs/*.md", "tests/rig/README.md", "Makefile", "Dockerfile", "pyproject.toml", ".ci/run"),
    *("action.yml", ".pre-commit-hooks.yaml"),
    *("deploy/**/*.yaml", "tests/fixtures/**/*.yaml", "tools/*.py", "bench/**/*.py", "certs/*.py"),
    "webhook/**/*.py",
    *(f"tests/{level}/*.py" for level in ("rig", "rig/node", "node", "server", "openshift", "deploy", "reliability")),
)
SKIPPED: Final = ("rules.md", "rows.md", "plain_english.py", "test_plain_english.py")
"""Pages that are generated from Python sources, and files that have the words themselves."""

BETTER: Final = {
    "thrice": "three times",
    "shall": "must, will",
    "for ever": "forever",
    "anew": "again",
    "mend(?:s|ed)?": "fix",
    "stands? (?:once|twice)": "is unique, is duplicate",
    "belongs here": "expected X, got Y",
    "with(?:out)? us": "after, before (the webhook)",
    "we|us|ours?|ourselves": "the webhook, it, its",
    "he|him|his|himself": "they, them, their",
    "nobody else": "no other",
    "who(?:m)?ever": "anyone who",
    "(?:go|goes|went) on": "continue",
    "ask(?:s|ed)? for": "request",
    "what (?:came|comes|went|goes)": "a noun, such as the request or the result",
    r"(?<!here\x20)(?:is|are) no (?!longer|more|less)\w+": "is not a",
    "tell whether": "check whether",
    "on the spot": "at start",
    "in silence": "silently",
    "held against": "compared with",
    "texts": "strings",
}
"""Regular expressions, case ignored, and what to write instead. A space also matches the end of a line."""

SUBJECT: Final = r"(?m)(?:^[\s#>-]*|\. )(?:Who|What) (?!happens)(?:\w+s|\w+ed|may|can|must|came) [^.?|#]+[.;]"
"""A relative clause as the subject of a sentence: "Who changes one ...". Questions and headings pass."""

BREAK: Final = r"(?: |[\t ]*\n[\t #>]*)"
WORDS: Final = "|".join(f"({word})" for word in BETTER).replace(" ", BREAK)
BANNED: Final = re.compile(rf"(?i)(?<![\w`/.-])(?:{WORDS})(?![\w`/-])")


def problems(text: str) -> Iterator[tuple[int, str]]:
    """Yield the line of each banned word, with the word and a better one."""
    better = ["", *BETTER.values()]
    found = [(match, better[match.lastindex or 0]) for match in BANNED.finditer(text)]
    found += [(match, "a noun as the subject") for match in re.finditer(SUBJECT, text)]
    for match, instead in found:
        yield text.count("\n", 0, match.start()) + 1, f'"{" ".join(match[0].split())[:60]}": write {instead}'


def prose(path: Path) -> str:
    """Return what a person reads of a file, on its own lines: of Python, the comments and strings."""
    if path.suffix != ".py":
        return path.read_text()
    text, row = "", 1
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if tokenize.tok_name[token.type] in ("COMMENT", "STRING", "FSTRING_MIDDLE"):
                text, row = text + "\n" * (token.start[0] - row) + token.string, token.end[0]
    return text


def main(arguments: list[str]) -> int:
    """Print every banned word; return 1 if there is one."""
    files = [path for root in arguments or ROOTS for path in sorted(ROOT.glob(root)) if path.name not in SKIPPED]
    lines = [
        f"{path.relative_to(ROOT)}:{line}: {problem}\n"
        for path in files
        for line, problem in sorted(problems(prose(path)))
    ]
    sys.stdout.write("".join(lines))
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
