"""Training and validation of the same quantity share a panel."""

from dashboard import folding


def test_a_split_is_folded_away_and_other_prefixes_are_kept():
    assert folding.fold("val/loss") == ("val", "loss")
    assert folding.fold("system/cpu") == ("", "system/cpu")
    assert folding.fold("lr") == ("", "lr")


def test_loss_comes_first_and_training_is_dashed_beside_validation():
    panels = folding.panels(["lr", "train/loss", "val/acc", "val/loss", "val/f1"])

    assert list(panels) == ["loss", "acc", "f1", "lr"]
    assert [(m.name, m.is_dashed) for m in panels["loss"].metrics] == [
        ("val/loss", False),
        ("train/loss", True),
    ]
    assert not panels["acc"].metrics[0].is_dashed


def test_without_a_wish_the_telling_panels_are_shown():
    panels = folding.panels(["lr", "epoch_s", "train/loss", "val/loss", "val/acc"])

    assert [p.key for p in folding.chosen(panels, [])] == ["loss", "acc"]
    assert [p.key for p in folding.chosen(panels, ["lr", "gone"])] == ["lr"]
    assert [p.key for p in folding.chosen(folding.panels(["lr"]), [])] == ["lr"]


def test_each_system_metric_has_its_own_panel():
    panels = folding.system_panels(["val/loss", "system/ram_gb", "system/cpu_percent"])

    assert [p.key for p in panels] == ["cpu_percent", "ram_gb"]


def test_a_wish_can_be_a_whole_section_or_a_formula():
    panels = folding.panels(["train/loss", "grad/norm", "grad/max", "lr"])

    assert folding.sections(panels) == ["grad/*"]
    wished = folding.chosen(panels, ["grad/*", "grad/max", "=log10(train/loss)"])
    assert [p.key for p in wished] == ["grad/max", "grad/norm", "=log10(train/loss)"]
    drawn = folding.as_data(wished)
    assert [(p["title"], p["section"]) for p in drawn] == [
        ("grad/max", "grad"),
        ("grad/norm", "grad"),
        ("log10(train/loss)", ""),
    ]


def test_a_section_of_one_panel_is_none():
    drawn = folding.as_data(
        folding.chosen(folding.panels(["grad/norm", "lr"]), ["grad/norm", "lr"])
    )

    assert [p["section"] for p in drawn] == ["", ""]
