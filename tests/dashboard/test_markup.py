"""Nothing that a run is called can become part of the page's own markup."""

from datetime import UTC, datetime

from dashboard import markup

EVIL = '<img src=x onerror="alert(1)">'


def test_texts_and_attributes_are_escaped():
    made = markup.element("td", EVIL, title=EVIL)

    assert "<img" not in made
    assert 'onerror="' not in made


def test_a_runs_name_and_id_are_escaped_in_its_link():
    made = markup.run_link('a"b&c', EVIL)

    assert 'href="run?id=a%22b%26c"' in made
    assert "<img" not in made


def test_markup_is_not_escaped_twice():
    assert markup.element("b", markup.element("i", "x")) == "<b><i>x</i></b>"


def test_the_letter_carries_the_colours_of_both_themes():
    made = markup.letter(0)

    assert 'data-light="#343997"' in made
    assert 'data-dark="#8792FF"' in made
    assert "letter ring" in markup.letter(6)
    assert markup.letter(10) == ""


def test_plain_text_stays_plain_in_markdown():
    assert markup.plain("*a* [b](c) :red[d]") == r"\*a\* \[b\]\(c\) \:red\[d\]"


def test_a_time_in_words_holds_the_exact_one():
    told = markup.moment("2 hours ago", datetime(2026, 11, 22, 8, 12, 33, tzinfo=UTC))

    assert told == '<time datetime="2026-11-22T08:12:33+00:00">2 hours ago</time>'
    assert markup.moment("never <b>", None) == "never &lt;b&gt;"
