import numpy as np
import pytest
from sklearn.datasets import load_digits

from trainer.sources import digits


@pytest.mark.parametrize("where", ["sklearn/datasets/data/digits.csv.gz", "sklearn/moved.csv.gz"])
def test_the_digits_are_those_of_scikit_learn_wherever_it_keeps_them(
    where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(digits, "_FILE", where)
    images, labels = load_digits(return_X_y=True)
    read, known = digits._table()
    assert np.array_equal(read, images) and read.dtype == np.float64
    assert np.array_equal(known, labels) and known.dtype == np.int64


def test_the_file_of_the_digits_lies_where_it_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a worker would load all of scikit-learn, silently."""

    def nowhere(name: str) -> None:
        raise AssertionError("scikit-learn was asked")

    monkeypatch.setattr("sklearn.datasets.load_digits", nowhere)
    assert len(digits.digits()) == 1797
