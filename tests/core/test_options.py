"""Options of losses, loaders and what goes along: refused whenever set, told as code.

Those of the optimizers are in ``test_optim.py``.
"""

import copy
import pickle

import numpy as np
import pytest

import tinynet as tn
from tinynet.rng import seed_of

X, Y = np.ones((5, 4), np.float32), np.arange(5) % 2
NAMESPACE = {name: getattr(tn, name) for name in tn.__all__} | {"X": X, "y": Y, "np": np}


def loader(**options):
    return tn.DataLoader(X, Y, **options)


REFUSED = [
    *((loader, "batch_size", value, ValueError) for value in (0, -1, 1.5, True, None, "2")),
    *((loader, "shuffle", value, TypeError) for value in ("no", None, 2, 1.0)),
    *((loader, "drop_last", value, TypeError) for value in ("no", None, 2)),
    *((loader, "scale", value, ValueError) for value in (np.nan, np.inf, -np.inf, 1e39)),
    *((loader, "scale", value, TypeError) for value in ("1/255", True, [1.0])),
    *((tn.StepLR, "step_size", value, ValueError) for value in (0, 1.5, True, None, "3")),
    *((tn.StepLR, "gamma", value, ValueError) for value in (1.5, -0.1, np.nan, np.inf)),
    *((tn.StepLR, "gamma", value, TypeError) for value in ("0.1", None, True)),
    *((tn.CosineLR, "epochs", value, ValueError) for value in (0, 2.0, False, None)),
    *((tn.CosineLR, "lr_min", value, ValueError) for value in (-0.1, np.nan, np.inf)),
    *((tn.CosineLR, "lr_min", value, TypeError) for value in ("0.1", None, True)),
    *((tn.EarlyStopping, "patience", value, ValueError) for value in (0, 1.5, True, None)),
    *((tn.EarlyStopping, "restore_best", value, TypeError) for value in ("no", None, 2)),
    *((tn.NLLLoss, "reduction", value, ValueError) for value in ("average", None, 0)),
    *((tn.NLLLoss, "ignore_index", value, TypeError) for value in (1.0, None, True, "1")),
    *((tn.NLLLoss, "ignore_index", value, ValueError) for value in (2**63, -(2**63) - 1)),
    *((tn.CrossEntropyLoss, "label_smoothing", value, ValueError) for value in (-0.1, 1.1, np.nan)),
    *((tn.CrossEntropyLoss, "label_smoothing", value, TypeError) for value in ("0.1", None, True)),
]
NEEDED = {tn.StepLR: {"step_size": 2}, tn.CosineLR: {"epochs": 2}}


@pytest.mark.parametrize(("make", "option", "value", "error"), REFUSED)
def test_refused_at_construction_and_at_assignment_with_the_same_words(make, option, value, error):
    needed = NEEDED.get(make, {})
    with pytest.raises(error) as first:
        make(**needed | {option: value})
    made = make(**needed)
    before = repr(made)
    with pytest.raises(error) as later:
        setattr(made, option, value)
    assert type(first.value) is type(later.value)
    assert str(first.value) == str(later.value)
    assert str(later.value).startswith(f"{type(made).__name__}: {option} = ")
    assert repr(made) == before


def test_a_loader_is_not_left_without_a_batch():
    made = loader(batch_size=3, drop_last=True)
    with pytest.raises(ValueError, match=r"5 rows make no batch of 6 with drop_last=True"):
        made.batch_size = 6
    assert len(made) == 1
    made.batch_size = np.int64(5)
    assert (len(made), made.batch_size) == (1, 5)
    made = loader(batch_size=6)
    with pytest.raises(ValueError, match=r"5 rows make no batch of 6 with drop_last=True"):
        made.drop_last = True
    assert len(made) == 1
    made.batch_size, made.drop_last = 2, np.bool_(True)
    assert (len(made), made.drop_last) == (2, True)


CODE = [
    (loader(), "DataLoader(X, y)"),
    (
        loader(batch_size=32, shuffle=True, rng=0),
        "DataLoader(X, y, batch_size=32, shuffle=True, rng=0)",
    ),
    (
        loader(batch_size=np.int64(2), drop_last=1, rng=np.uint8(7), scale=np.float32(0.1)),
        "DataLoader(X, y, batch_size=2, drop_last=True, rng=7, scale=0.10000000149011612)",
    ),
    (loader(shuffle=True, rng=2**70), f"DataLoader(X, y, shuffle=True, rng={2**70})"),
    (tn.StepLR(3), "StepLR(step_size=3, gamma=0.1)"),
    (tn.StepLR(np.int16(3), gamma=np.float64(0)), "StepLR(step_size=3, gamma=0.0)"),
    (tn.CosineLR(9, lr_min=1e-300), "CosineLR(epochs=9, lr_min=1e-300)"),
    (tn.EarlyStopping(), "EarlyStopping(patience=5)"),
    (
        tn.EarlyStopping(np.int8(1), restore_best=False),
        "EarlyStopping(patience=1, restore_best=False)",
    ),
    (tn.NLLLoss(), "NLLLoss()"),
    (
        tn.NLLLoss(np.float32([0, 0.1]), np.int64(-1), "sum"),
        "NLLLoss(weight=[0.0, 0.10000000149011612], ignore_index=-1, reduction='sum')",
    ),
    (tn.CrossEntropyLoss(label_smoothing=0.25), "CrossEntropyLoss(label_smoothing=0.25)"),
]


@pytest.mark.parametrize(("made", "expected"), CODE, ids=[expected for _, expected in CODE])
def test_the_repr_is_the_code_that_makes_it(made, expected):
    assert repr(made) == expected
    other = eval(repr(made), NAMESPACE.copy())
    assert type(other) is type(made)
    assert vars(other).keys() == vars(made).keys()
    for name, value in vars(made).items():
        if name not in ("rng", "X", "y"):
            np.testing.assert_array_equal(vars(other)[name], value)
    assert repr(other) == expected


def test_a_loader_made_with_an_int_deals_out_the_same_orders_again():
    made = loader(shuffle=True, rng=5)
    orders = [made.order() for _ in range(3)]
    other = eval(repr(made), NAMESPACE.copy())  # also after it has dealt out some
    np.testing.assert_array_equal([other.order() for _ in range(3)], orders)


def test_a_generator_is_named_and_none_is_left_out():
    rng = np.random.default_rng(0)
    assert repr(loader(rng=rng)) == "DataLoader(X, y, rng=rng)"
    assert repr(loader(rng=tn.TorchGenerator(0))) == "DataLoader(X, y, rng=rng)"
    assert repr(loader(rng=None)) == "DataLoader(X, y)"
    other = eval(repr(loader(rng=rng)), NAMESPACE | {"rng": rng})
    assert other.rng is rng


@pytest.mark.parametrize("through", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_copies_and_pickles_keep_all_of_it(through):
    for made, expected in CODE:
        other = through(made)
        assert repr(other) == expected
        assert vars(other).keys() == vars(made).keys()
    stepped = through(loader(shuffle=True, rng=4))
    assert stepped.seed == "4"


@pytest.mark.parametrize(
    ("rng", "seed"),
    [
        (None, None),
        (0, "0"),
        (np.int32(7), "7"),
        (2**127, str(2**127)),
        (lambda: np.random.default_rng(), None),
        (lambda: np.random.default_rng(7), "7"),
        (lambda: np.random.default_rng([7, 8]), "[7, 8]"),
        (lambda: np.random.default_rng(7).spawn(3)[2], "7 spawned (2,)"),
        (lambda: np.random.Generator(np.random.MT19937(7)), "MT19937 7"),
        (lambda: np.random.Generator(np.random.Philox()), None),
        (lambda: np.random.Generator(np.random.RandomState(3)._bit_generator), None),
        (lambda: tn.TorchGenerator(7), "TorchGenerator(7)"),
    ],
)
def test_what_can_be_seen_of_a_seed(rng, seed):
    given = rng() if callable(rng) else rng
    assert seed_of(given) == seed
    if callable(rng):
        given.random(9)
        assert seed_of(given) == seed
        assert seed_of(pickle.loads(pickle.dumps(given))) == seed
