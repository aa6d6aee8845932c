"""Rollout Lab training: review files in; ONNX files, model cards and known answers out.

    python training/main.py --domain shoes=shoes.tsv.gz --domain tea=tea.tsv --out build/models

Three models come of it: a (production, a word bag trained on one domain), b (candidate, a text CNN
trained on all domains) and c (shadow, a committee of a bag, b and a transformer, all domains).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cards import MODELS, Domain, build_card, known_answers, write_index, write_json
from data import DataError, Reviews, join, read_reviews, split_by_text
from export import CONVOLUTIONS, export, write
from models import parameter_count
from train import RECIPES, Trained, load, progress, save, train

MEMBERS = {"a": ("a",), "b": ("b",), "c": ("bag", "b", "transformer")}
"""The networks in each model; all but "a" are trained on all domains."""


class UsageError(ValueError):
    """Arguments that do not fit together."""


def _pair(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"'{text}' is not of the form NAME=VALUE")
    return name, value


def _models(text: str) -> tuple[str, ...]:
    chosen = text.split(",")
    unknown = [one for one in chosen if one not in MODELS]
    if unknown:
        raise argparse.ArgumentTypeError(
            f"'{unknown[0]}' is no model; choose among {', '.join(MODELS)}"
        )
    return tuple(key for key in MODELS if key in chosen)


def _positive(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"'{text}' is not a whole number above 0")
    return value


def parser() -> argparse.ArgumentParser:
    parse = argparse.ArgumentParser(
        description="Trains the three star-rating models and exports them to ONNX.",
        epilog="A file is plain or gzip; FILE?column=value keeps only the rows with that value.",
    )
    add = parse.add_argument
    add("--domain", type=_pair, action="append", required=True, metavar="NAME=FILE",
        help="reviews to train on; repeat for every domain")
    add("--valid", type=_pair, action="append", default=[], metavar="NAME=FILE",
        help="held-out reviews of a domain; without it a tenth is split off by the text's hash")
    add("--report", type=_pair, action="append", default=[], metavar="NAME=FILE",
        help="reviews of a domain that no model is trained on, for the card only")
    add("--title", type=_pair, action="append", default=[], metavar="NAME=TEXT",
        help="name of a domain's data set in the card")
    add("--licence", type=_pair, action="append", default=[], metavar="NAME=TEXT",
        help="licence of a domain's data set in the card")
    add("--weights-licence", default="not stated", metavar="TEXT",
        help="licence of the trained models in the card")
    add("--production-domain", metavar="NAME",
        help="the only domain that model a is trained on (default: the first)")
    add("--out", type=Path, required=True, metavar="FOLDER", help="where the models go")
    add("--known-answers", type=Path, metavar="FILE", help="also write the known-answer file")
    add("--only", type=_models, default=MODELS, metavar="a,b,c", help="make only these models")
    add("--checkpoints", type=Path, metavar="FOLDER",
        help="keep trained networks here, and use those that fit instead of training")
    add("--epochs", type=_positive, metavar="N", help="train every network for N epochs")
    add("--seed", type=int, default=1, help="seed of all random numbers (default: 1)")
    add("--conv", choices=CONVOLUTIONS, default=CONVOLUTIONS[0],
        help="how the CNN is written to ONNX; both give the same answers (default: %(default)s)")
    add("--skip-bad-rows", action="store_true",
        help="leave out rows with a wrong number of fields or a bad star instead of stopping")
    return parse


def _named(option: str, pairs: Sequence[tuple[str, str]], known: Sequence[str]) -> dict[str, str]:
    """Pairs to a dict; a name given twice or not among `known` (if any) is an error."""
    values: dict[str, str] = {}
    for name, value in pairs:
        if name in values:
            raise UsageError(f"{option} {name} is given twice")
        if known and name not in known:
            raise UsageError(f"{option} {name}: no such --domain; there is {', '.join(known)}")
        values[name] = value
    return values


def _read(name: str, source: str, skip: bool, part: str) -> Reviews:
    reviews = read_reviews(name, source, skip)
    notes = f"{name}: {len(reviews):,} reviews for {part}"
    if reviews.without_tokens:
        notes += f", {reviews.without_tokens:,} without any word left out"
    if reviews.bad_rows:
        notes += f", {reviews.bad_rows:,} bad rows left out"
    progress(notes)
    return reviews


def _read_all(
    arguments: argparse.Namespace,
) -> tuple[dict[str, Reviews], dict[str, Reviews], dict[str, Reviews]]:
    """(training, validation, report-only) reviews by domain."""
    files = _named("--domain", arguments.domain, ())
    valid_files = _named("--valid", arguments.valid, list(files))
    report_files = _named("--report", arguments.report, ())
    both = set(files) & set(report_files)
    if both:
        raise UsageError(f"--report {min(both)} is also a --domain; it can only be one of them")
    training: dict[str, Reviews] = {}
    valid: dict[str, Reviews] = {}
    for name, source in files.items():
        training[name] = _read(name, source, arguments.skip_bad_rows, "training")
        if name in valid_files:
            valid[name] = _read(name, valid_files[name], arguments.skip_bad_rows, "validation")
        else:
            training[name], valid[name] = split_by_text(training[name])
            progress(f"{name}: {len(valid[name]):,} of them split off for validation")
    report = {
        name: _read(name, source, arguments.skip_bad_rows, "the report only")
        for name, source in report_files.items()
    }
    trained_keys = {key for one in training.values() for key in one.keys}
    for name, reviews in (valid | report).items():
        seen = sum(key in trained_keys for key in reviews.keys)
        if seen:
            progress(f"warning: {seen:,} held-out reviews of {name} are also in the training files")
    return training, valid, report


def _network(
    key: str, arguments: argparse.Namespace, reviews: Reviews, valid: Reviews
) -> Trained:
    recipe = replace(RECIPES[key], seed=arguments.seed)
    if arguments.epochs:
        recipe = replace(recipe, schedule=arguments.epochs)
    path = arguments.checkpoints / f"{key}.pt" if arguments.checkpoints else None
    if path:
        stored = load(path, recipe, reviews)
        if stored:
            progress(f"{key}: taken from the checkpoint")
            return stored
    trained = train(key, recipe, reviews, valid)
    progress(f"{key}: trained in {trained.seconds:.0f} s, epoch {trained.epoch} kept")
    if path:
        save(trained, path)
    return trained


def make(arguments: argparse.Namespace) -> None:
    """Everything, from the parsed arguments."""
    begun = time.monotonic()
    names = [name for name, _ in arguments.domain]
    titles = _named("--title", arguments.title, names)
    licences = _named("--licence", arguments.licence, names)
    production = arguments.production_domain or names[0]
    if production not in names:
        raise UsageError(
            f"--production-domain {production}: no such --domain; there is {', '.join(names)}"
        )
    training, valid, report = _read_all(arguments)
    domains = [
        Domain(name, titles.get(name, name), licences.get(name, "not stated")) for name in training
    ]
    everything = join("+".join(training), list(training.values()))
    everything_valid = join("+".join(valid), list(valid.values()))
    held_out = valid | report

    networks: dict[str, Trained] = {}
    for member in dict.fromkeys(one for key in arguments.only for one in MEMBERS[key]):
        alone = member == "a"
        networks[member] = _network(
            member,
            arguments,
            training[production] if alone else everything,
            valid[production] if alone else everything_valid,
        )
    for key in arguments.only:  # only now, so that a broken-off training leaves the old files
        members = [networks[member] for member in MEMBERS[key]]
        path = arguments.out / f"{key}.onnx"
        content = write(
            export(f"stars-{key}", [one.model for one in members], conv=arguments.conv), path
        )
        own = [one for one in domains if key != "a" or one.name == production]
        progress(f"{key}: {len(content):,} bytes written, measuring")
        card = build_card(
            key,
            path,
            members,
            own,
            {name: len(reviews) for name, reviews in training.items()},
            sum(parameter_count(one.model) for one in members),
            held_out,
            arguments.weights_licence,
        )
        write_json(arguments.out / f"{key}.json", card)
        for name, figures in card["metrics"].items():
            progress(
                f"{key} on {name}: accuracy {figures['accuracy']:.4f}, macro-F1 "
                f"{figures['macro_f1']:.4f}, balanced {figures['balanced_accuracy']:.4f}, "
                f"MAE {figures['mae_stars']:.4f} ({figures['rows']:,} reviews)"
            )
    write_index(arguments.out)
    if arguments.known_answers:
        paths = {key: arguments.out / f"{key}.onnx" for key in MODELS}
        present = {key: path for key, path in paths.items() if path.exists()}
        write_json(arguments.known_answers, known_answers(present))
        progress(f"known answers of {', '.join(present)} written")
    progress(f"done in {time.monotonic() - begun:.0f} s")


def main(argv: Sequence[str] | None = None) -> int:
    """The command line; 0 when all went well, 2 for bad arguments or bad data."""
    arguments = parser().parse_args(argv)
    try:
        make(arguments)
    except (DataError, UsageError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
