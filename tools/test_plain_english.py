"""The check of plain English finds banned words, and leaves others."""

import pytest

from tools.plain_english import problems


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("It takes thrice as long.", "thrice"),
        ("# what it is without\n# us: refused", "without # us"),
        ("An object. Who changes one installs it.", ". Who changes one installs it."),
        ("a text that is no YAML", "is no YAML"),
        ('raise Bad("a map belongs here")', "belongs here"),
    ],
)
def test_a_banned_word_is_found(text: str, word: str) -> None:
    assert [found.startswith(f'"{word}"') for _, found in problems(text)].count(True) == 1


@pytest.mark.parametrize(
    "text",
    [
        "Who may use it?",
        "## What runs\n\nTwo replicas.",
        "there is no pod",
        "`test_with_us`",
        "us-east",
        "it is no longer",
    ],
)
def test_other_words_pass(text: str) -> None:
    assert list(problems(text)) == []


def test_the_line_is_that_of_the_word() -> None:
    assert [line for line, _ in problems("one\ntwo\nthrice\n")] == [3]
