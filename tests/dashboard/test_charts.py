"""Figures of evaluation results: handed to Plotly whole, with names that are text."""

from dashboard import charts


def test_a_figure_has_the_look_of_the_page_and_what_is_asked_beyond_it():
    lines = [charts.trace("scatter", x=[0, 1], y=[0, 1], name=f"model {n}") for n in range(8)]
    quiet = charts.trace("scatter", x=[0], y=[0], name="a dot", showlegend=False)

    figure = charts.drawn(
        [*lines, quiet], "dark", titles=("Recall", "Precision"), x=charts.UNIT_X, barmode="stack"
    )

    assert figure.layout.height == 380 + 2 * 20  # two rows of names
    assert figure.layout.xaxis.title.text == "Recall"
    assert figure.layout.xaxis.range == (-0.01, 1.01)
    assert figure.layout.yaxis.gridcolor == charts.GRID["dark"]
    assert figure.layout.barmode == "stack"
    assert len(figure.to_dict()["data"]) == 9


def test_a_hostile_name_is_shown_as_it_is():
    figure = charts.drawn([charts.trace("bar", x=[1], y=[1], name="<b>no</b>")], "light")

    assert figure.to_dict()["data"][0]["name"] == "&lt;b&gt;no&lt;/b&gt;"
