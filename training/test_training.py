"""Tests of the training code: `python -m pytest training`, a few seconds, no data needed."""

from __future__ import annotations

import gzip
import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

import main as cli
from cards import known_answers
from data import DataError, Reviews, read_reviews, split_by_text, text_key
from evaluate import always_five, open_model, run, score
from export import INPUT, IR_VERSION, OPSET, export, operators, write
from models import Bag, BagConfig, Cnn, CnnConfig, Transformer, TransformerConfig, build
from tokens import MAX_TOKENS, bucket, fnv1a32, hashes, tokenise
from train import RECIPES, batches, class_weights, load, save, train

# --- tokens ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        (" \t\r\n.,;-", []),
        ("Warm, SOFT coat!", ["warm", "soft", "coat", "!"]),
        ("don\u2019t \u2018buy\u2019 isn\u02bct", ["don't", "buy", "isn't"]),
        ("'' rock'n'roll ''", ["rock'n'roll"]),
        ("what?!", ["what", "?", "!"]),
        ("caf\u00e9 \u00c9t\u00e9 \u212aelvin", ["caf", "t", "elvin"]),
        ("a\u4e2db\U0001f600c", ["a", "b", "c"]),
        ("size_4/5", ["size", "4", "5"]),
        ("x" * 30, ["x" * 24]),
        ("y" * 23 + "'z", ["y" * 23 + "'"]),
    ],
)
def test_tokenise(text: str, expected: list[str]) -> None:
    assert tokenise(text) == expected


def test_tokenise_keeps_the_first_128() -> None:
    text = "a b " * 100
    assert len(tokenise(text)) == MAX_TOKENS
    assert len(tokenise(text, None)) == 200
    assert len(hashes(text)) == MAX_TOKENS


@pytest.mark.parametrize(
    ("data", "expected"),
    [  # from the test vectors published with FNV
        (b"", 0x811C9DC5),
        (b"a", 0xE40C292C),
        (b"b", 0xE70C2DE5),
        (b"fo", 0x6222E842),
        (b"foo", 0xA9F37ED7),
        (b"foob", 0x3F5076EF),
        (b"fooba", 0x39AAA18A),
        (b"foobar", 0xBF9CF968),
        (b"\x00", 0x050C5D1F),
        (b"chongo was here!\n", 0xD49930D5),
    ],
)
def test_fnv1a32(data: bytes, expected: int) -> None:
    assert fnv1a32(data) == expected


def test_bucket() -> None:
    assert bucket(0, 8192) == 0
    assert bucket(8191, 8192) == 1
    assert bucket(8190, 8192) == 8191
    assert 1 <= bucket(0xFFFFFFFF, 8192) <= 8191


# --- data ------------------------------------------------------------------------------------


def put(path: Path, content: str | bytes) -> str:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def test_reads_plain_gzip_and_both_sets_of_names(tmp_path: Path) -> None:
    rows = "review_body\tstar_rating\tshop\nWarm coat\t5\tx\n...\t3\tx\nIt leaks\t1.0\ty\n"
    plain = read_reviews("one", put(tmp_path / "a.tsv", rows))
    assert plain.stars == [5, 1]
    assert plain.without_tokens == 1
    assert plain.hashes[0] == [fnv1a32(b"warm"), fnv1a32(b"coat")]
    packed = read_reviews("one", put(tmp_path / "a.bin", gzip.compress(rows.encode())))
    assert packed.hashes == plain.hashes
    other = "\ufeffstar\ttext\r\n4\tWarm coat\r\n"
    assert read_reviews("two", put(tmp_path / "b.tsv", other)).stars == [4]
    some = read_reviews("one", put(tmp_path / "a.tsv", rows) + "?shop=y")
    assert some.stars == [1]


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        ("", ["empty"]),
        ("text\trating\na\t5\n", ["line 1", "'star_rating' or 'star'", "'rating'"]),
        ("body\tstar\na\t5\n", ["line 1", "'review_body' or 'text'", "'body'"]),
        ("text\tstar\nfine\t5\nbad\t6\n", ["line 3", "column 'star'", "'6'", "1 to 5"]),
        ("text\tstar\nbad\t0\n", ["line 2", "'0'"]),
        ("text\tstar\nbad\tfour\n", ["line 2", "'four'"]),
        ("text\tstar\nbad\t\n", ["line 2", "''"]),
        ("text\tstar\nbad\t4.5\n", ["line 2", "'4.5'"]),
        ("text\tstar\nno star\n", ["line 2", "1 fields", "2"]),
        ("text\tstar\n", ["no usable review"]),
        ("text\tstar\n!.\t5\n?\t3\n...\t1\n", None),
        (b"text\tstar\nok\t5\nna\xefve\t4\n", ["line 3", "not UTF-8", "0xef", "position 3"]),
        (gzip.compress(b"text\tstar\nok\t5\n" * 50)[:-9], ["damaged gzip"]),
    ],
)
def test_bad_files_are_explained(
    tmp_path: Path, content: str | bytes, parts: list[str] | None
) -> None:
    path = put(tmp_path / "reviews.tsv", content)
    if parts is None:
        assert read_reviews("x", path).stars == [5, 3]
        return
    with pytest.raises(DataError) as caught:
        read_reviews("x", path)
    for part in [path, *parts]:
        assert part in str(caught.value)


def test_missing_file_and_bad_condition(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_reviews("x", str(tmp_path / "none.tsv"))
    path = put(tmp_path / "reviews.tsv", "text\tstar\nok\t5\n")
    with pytest.raises(DataError, match="column=value"):
        read_reviews("x", path + "?star")
    with pytest.raises(DataError, match="no column 'shop'"):
        read_reviews("x", path + "?shop=x")


def test_bad_rows_can_be_left_out(tmp_path: Path) -> None:
    path = put(tmp_path / "reviews.tsv", "text\tstar\nok\t5\nbad\t9\nshort\nfine\t4\n")
    reviews = read_reviews("x", path, skip_bad_rows=True)
    assert (reviews.stars, reviews.bad_rows) == ([5, 4], 2)


def test_split_depends_on_the_text_alone() -> None:
    texts = [f"review number {number}" for number in range(400)]
    texts += [text.upper() + "!" for text in texts]
    reviews = Reviews("x", [hashes(t) for t in texts], [5] * 800, [text_key(t) for t in texts])
    rest, valid = split_by_text(reviews)
    assert len(rest) + len(valid) == 800
    assert 40 <= len(valid) <= 120
    assert not set(rest.keys) & set(valid.keys)
    with pytest.raises(DataError, match="too few"):
        split_by_text(reviews.take([0, 0]))


# --- metrics and batches ---------------------------------------------------------------------


def test_score() -> None:
    scores = score([5, 5, 1, 3], [5, 4, 1, 1])
    assert (scores.accuracy, scores.mae_stars, scores.within_one) == (0.5, 0.75, 0.75)
    assert scores.balanced_accuracy == pytest.approx((1 + 0 + 0.5) / 3)
    assert scores.macro_f1 == pytest.approx((2 / 3 + 0 + 0 + 0 + 2 / 3) / 5)
    assert scores.confusion[0] == [1, 0, 1, 0, 0]
    assert scores.recall(1) == 0.5
    assert always_five([5, 5, 1, 4])["accuracy"] == 0.5
    with pytest.raises(ValueError, match="0 predictions"):
        score([], [])


def test_class_weights_have_mean_one_and_favour_the_rare() -> None:
    stars = [5] * 80 + [1] * 20
    weight = class_weights(stars).numpy()
    assert weight[0] > weight[4]
    assert 0.8 * weight[4] + 0.2 * weight[0] == pytest.approx(1.0)


def test_batches_hold_every_row_once() -> None:
    ids = [np.full(1 + row % 7, row + 1) for row in range(150)]
    for rng in (None, np.random.RandomState(0)):
        seen = []
        for rows, padded in batches(ids, 16, rng):
            seen += list(rows)
            for row, line in zip(rows, padded.numpy()):
                assert line[: len(ids[row])].tolist() == ids[row].tolist()
                assert not line[len(ids[row]) :].any()
        assert sorted(seen) == list(range(150))


# --- export ----------------------------------------------------------------------------------

SMALL = {
    "bag": BagConfig(buckets=64, width=8),
    "cnn": CnnConfig(buckets=64, width=12, filters=8),
    "gelu": TransformerConfig(buckets=96, width=16, heads=4, inner=32, activation="gelu"),
    "relu": TransformerConfig(buckets=96, width=16, heads=4, inner=32),
}


def small(*kinds: str) -> list[torch.nn.Module]:
    torch.manual_seed(7)
    return [build(SMALL[kind]).eval() for kind in kinds]


def inputs() -> list[list[int]]:
    """Hash lists of 1 to 128 tokens, some with padding at the end or in between."""
    rng = random.Random(3)
    lists = [[rng.randrange(1, 2**32) for _ in range(length)] for length in (1, 2, 3, 4, 17, 128)]
    return lists + [lists[3] + [0] * 9, lists[4][:5] + [0, 0] + lists[4][5:], [0] * 3 + lists[1]]


def by_torch(members: list[torch.nn.Module], tokens: list[int]) -> np.ndarray:
    with torch.no_grad():
        answers = [
            model(torch.tensor([[bucket(one, model.config.buckets) for one in tokens]]))[0].numpy()
            for model in members
        ]
    return np.mean(answers, axis=0)


def by_onnx(proto: onnx.ModelProto, path: Path) -> list[np.ndarray]:
    write(proto, path)
    session = open_model(path)
    results = []
    for tokens in inputs():
        logits, probs = run(session, tokens)
        expected = np.exp(logits - logits.max())
        assert np.abs(probs - expected / expected.sum()).max() < 1e-6
        results.append(logits)
    return results


@pytest.mark.parametrize("conv", ["matmul", "conv"])
@pytest.mark.parametrize(
    "kinds", [("bag",), ("cnn",), ("gelu",), ("relu",), ("bag", "cnn", "gelu")]
)
def test_export_equals_torch(tmp_path: Path, kinds: tuple[str, ...], conv: str) -> None:
    members = small(*kinds)
    exact = by_onnx(export("exact", members, "float32", conv), tmp_path / "exact.onnx")
    packed = by_onnx(export("packed", members, "int8", conv), tmp_path / "packed.onnx")
    for tokens, one, other in zip(inputs(), exact, packed):
        truth = by_torch(members, tokens)
        assert np.abs(one - truth).max() < 1e-5
        assert np.abs(other - truth).max() < 5e-2


@pytest.mark.parametrize("weights", ["int8", "float32"])
def test_both_forms_of_the_convolution_agree(tmp_path: Path, weights: str) -> None:
    members = small("cnn")
    matmul = by_onnx(export("m", members, weights, "matmul"), tmp_path / "m.onnx")
    conv = by_onnx(export("c", members, weights, "conv"), tmp_path / "c.onnx")
    for one, other in zip(matmul, conv):
        assert np.abs(one - other).max() < 1e-5


def test_padding_changes_nothing(tmp_path: Path) -> None:
    proto = export("all", small("bag", "cnn", "gelu"))
    write(proto, tmp_path / "all.onnx")
    session = open_model(tmp_path / "all.onnx")
    tokens = hashes("warm coat, soft lining!")
    plain, padded = run(session, tokens)[0], run(session, tokens + [0] * 20)[0]
    assert np.abs(plain - padded).max() < 1e-5
    with pytest.raises(ValueError, match="no prediction"):
        run(session, [])


def test_contract_of_the_file() -> None:
    proto = export("all", small("bag", "cnn", "gelu"))
    assert (proto.opset_import[0].version, proto.ir_version) == (OPSET, IR_VERSION) == (17, 9)
    (entry,) = proto.graph.input
    dims = entry.type.tensor_type.shape.dim
    assert (entry.name, dims[0].dim_value, dims[1].dim_param) == (INPUT, 1, "L")
    assert [output.name for output in proto.graph.output] == ["logits", "probs"]
    counts = operators(proto)
    assert sum(counts.values()) == len(proto.graph.node)
    assert "Conv" not in counts and "Loop" not in counts and "ReduceSum" not in counts
    with pytest.raises(ValueError, match="int4"):
        export("x", small("bag"), weights="int4")
    with pytest.raises(ValueError, match="fft"):
        export("x", small("bag"), conv="fft")


# --- end to end ------------------------------------------------------------------------------


def synthetic(path: Path, seed: int, rows: int = 200) -> str:
    """A file of random phrases whose words hint at the star."""
    rng = random.Random(seed)
    words = [["broken", "awful"], ["thin", "poor"], ["plain", "fair"], ["good", "neat"],
             ["lovely", "superb"]]
    lines = ["review_body\tstar_rating"]
    for _ in range(rows):
        star = rng.choice([1, 2, 3, 4, 5, 5, 5, 5])
        phrase = " ".join(rng.choices(words[star - 1] + ["the", "a", "coat"], k=rng.randint(3, 9)))
        lines.append(f"{phrase} {rng.randrange(10**6)}\t{star}")
    return put(path, gzip.compress("\n".join(lines).encode()))


def test_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "models"
    arguments = [
        "--domain", "coats=" + synthetic(tmp_path / "coats.tsv.gz", 1),
        "--domain", "hats=" + synthetic(tmp_path / "hats.tsv.gz", 2),
        "--valid", "hats=" + synthetic(tmp_path / "hats_valid.tsv.gz", 3, 60),
        "--report", "games=" + synthetic(tmp_path / "games.tsv.gz", 4, 40),
        "--production-domain", "coats", "--licence", "coats=CC0-1.0", "--epochs", "1",
        "--weights-licence", "CC0-1.0", "--checkpoints", str(tmp_path / "checkpoints"),
        "--out", str(out), "--known-answers", str(tmp_path / "known.json"),
    ]  # fmt: skip
    assert cli.main(arguments) == 0
    first = {path.name: path.read_bytes() for path in out.iterdir()}
    assert sorted(first) == [
        "a.json", "a.onnx", "b.json", "b.onnx", "c.json", "c.onnx", "index.json",
    ]  # fmt: skip
    assert json.loads(first["index.json"]) == {"cards": ["a.json", "b.json", "c.json"]}
    card = json.loads(first["a.json"])
    assert card["trained_on"] == [{"name": "coats", "rows": card["trained_on"][0]["rows"],
                                   "licence": "CC0-1.0"}]
    assert card["parameters"] == 8192 * 16 + 16 * 5 + 5
    flags = {name: one["out_of_domain"] for name, one in card["metrics"].items()}
    assert flags == {"coats": False, "hats": True, "games": True}
    assert card["metrics"]["hats"]["rows"] == 60
    assert sum(map(sum, card["metrics"]["hats"]["confusion"])) == 60
    assert card["size_bytes"] == len(first["a.onnx"])
    assert len(json.loads(first["c.json"])["trained_on"]) == 2
    assert str(tmp_path) not in first["c.json"].decode()

    known = json.loads((tmp_path / "known.json").read_text())
    assert sorted(known["models"]) == ["a", "b", "c"]
    for case in known["cases"]:
        assert len(case["tokens"]) == len(case["hashes"]) <= 128
        assert (case["models"]["a"] is None) == (not case["hashes"])

    capsys.readouterr()
    assert cli.main(arguments) == 0  # again, from the checkpoints: the same bytes
    assert "taken from the checkpoint" in capsys.readouterr().err
    assert {path.name: path.read_bytes() for path in out.iterdir()} == first
    assert cli.main([*arguments, "--only", "a", "--seed", "2"]) == 0
    assert "trained anew" in capsys.readouterr().err


def test_bad_arguments_are_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = synthetic(tmp_path / "coats.tsv", 1)
    base = ["--domain", f"coats={path}", "--out", str(tmp_path / "out"), "--epochs", "1"]
    for extra, message in [
        (["--production-domain", "hats"], "no such --domain"),
        (["--valid", f"hats={path}"], "no such --domain"),
        (["--domain", f"coats={path}"], "given twice"),
        (["--report", f"coats={path}"], "also a --domain"),
        (["--report", "games=" + str(tmp_path / "none.tsv")], "cannot be read"),
    ]:
        assert cli.main(base + extra) == 2
        assert message in capsys.readouterr().err
    for extra in (["--only", "a,z"], ["--epochs", "0"], ["--domain", "nothing"]):
        with pytest.raises(SystemExit):
            cli.main(base + extra)


# --- the files that are shipped --------------------------------------------------------------

ROOT = Path(__file__).parents[1]
SHIPPED = ROOT / "public" / "models"
GOLDEN = ROOT / "tests" / "golden" / "known_answers.json"


@pytest.mark.skipif(not GOLDEN.exists(), reason="no shipped models here")
def test_shipped_files_agree_with_their_known_answers() -> None:
    stored = json.loads(GOLDEN.read_text())
    made = known_answers({key: SHIPPED / f"{key}.onnx" for key in stored["models"]})
    assert made["models"] == stored["models"]
    for one, other in zip(made["cases"], stored["cases"], strict=True):
        assert one["hashes"] == other["hashes"]
        for key, answer in other["models"].items():
            if answer is None:
                assert one["models"][key] is None
                continue
            assert one["models"][key]["star"] == answer["star"]
            for part in ("logits", "probs"):
                gap = np.subtract(one["models"][key][part], answer[part])
                assert np.abs(gap).max() < stored["tolerance"]


def test_checkpoint_round_trip(tmp_path: Path) -> None:
    texts = [f"warm coat {number}" for number in range(30)]
    reviews = Reviews("x", [hashes(text) for text in texts], [1 + n % 5 for n in range(30)],
                      [text_key(text) for text in texts])
    recipe = replace(RECIPES["a"], config=SMALL["bag"], schedule=1)
    trained = train("a", recipe, reviews, reviews, say=lambda message: None)
    save(trained, tmp_path / "a.pt")
    stored = load(tmp_path / "a.pt", recipe, reviews)
    assert stored is not None and stored.epoch == 1
    for one, other in zip(trained.model.parameters(), stored.model.parameters()):
        assert torch.equal(one, other)
    assert load(tmp_path / "a.pt", replace(recipe, schedule=2), reviews) is None
    assert load(tmp_path / "none.pt", recipe, reviews) is None


def test_network_classes() -> None:
    kinds = [type(model) for model in small("bag", "cnn", "gelu")]
    assert kinds == [Bag, Cnn, Transformer]
    with pytest.raises(ValueError, match="tanh"):
        build(TransformerConfig(activation="tanh"))
