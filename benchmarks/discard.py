"""How many fold fits the discard rules save, and how often they lose the best trial.

    python benchmarks/discard.py [--write]    simulate on the recorded scores: seconds
    python benchmarks/discard.py record       train what `recorded/` lacks: half an hour
    python benchmarks/discard.py live [--write]    search with and without: half an hour

The claim: on random candidates `forgiving`, the default, saves at least 2.5 times the fold
fits and keeps the best. All candidates were trained on all folds once, and their log-losses
are in `recorded/`; a rule is then played back on them, with the incumbent of that moment, so
that the same scores judge all rules. Random candidates are played in 300 orders, which a
random search could have met alike. TPE's candidates are closer to one another and come in an
order that matters, so they are played in the order in which they were proposed, with the folds
as recorded and in all other orders too, as their numbers mean nothing; what TPE would have
proposed after a discard is not known, which only a search with the rule can tell.

`live` does that: real searches of the same seeds, with `forgiving` and without discarding,
in turn. Their figures are kept in `recorded/` and told with the others. With two workers the
order in which trials end differs between them, and so do the proposals: compare medians.

It counts fold fits, not time: the first fold of a candidate costs more, as it is traced then.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from itertools import permutations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from measure import Spread, alternate, arguments, goal, measured_on, publish, table

from automl_sem.scoring.discard import hopeless, paired

if TYPE_CHECKING:
    from automl_sem.data.dataset import TrainingPart
    from automl_sem.engines.base import Engine
    from automl_sem.spaces.space import Space

RECORDED = Path(__file__).parent / "recorded"
FOLDS = 5
RANDOM_TRIALS, TPE_TRIALS, LIVE_TRIALS = 48, 24, 16
ORDERS = 300
LIVE = "digits-live.json"
GOAL = 2.5

Rule = Callable[[Sequence[float], Sequence[float] | None], str]
Scores = np.ndarray  # (trials, folds), log-losses


def either(first: Rule, second: Rule) -> Rule:
    """Return the rule that drops what one of two rules drops."""
    return lambda scores, incumbent: first(scores, incumbent) or second(scores, incumbent)


def paired_at(confidence: float) -> Rule:
    """Return the rule `paired` at another confidence."""

    def rule(scores: Sequence[float], incumbent: Sequence[float] | None) -> str:
        return "" if incumbent is None else paired(scores, incumbent, confidence)

    return rule


def below_mean(scores: Sequence[float], incumbent: Sequence[float] | None) -> str:
    """Drop what is worse than the incumbent's mean so far: too eager, a warning."""
    return "worse" if incumbent is not None and np.mean(scores) > np.mean(incumbent) else ""


FORGIVING, PAIRED = partial(hopeless, "forgiving"), partial(hopeless, "paired")
RULES: Mapping[str, Rule] = {
    "none": partial(hopeless, "none"),
    "forgiving": FORGIVING,
    "paired": PAIRED,
    "wilcoxon (needs 8 folds)": partial(hopeless, "wilcoxon"),
    "forgiving or paired": either(FORGIVING, PAIRED),
    "forgiving or paired at .8": either(FORGIVING, paired_at(0.8)),
    "worse than the incumbent's mean": below_mean,
}


@dataclass(frozen=True)
class Played:
    """What one search with a rule came to.

    Args:
        fits: Fold fits done.
        possible: Fold fits without discarding.
        found: Row of the trial that it ends with as its best.
        kept: Whether no trial of all has a lower log-loss than that.
        lost: Its log-loss less that of the best of all, in nats.
    """

    fits: int
    possible: int
    found: int
    kept: bool
    lost: float


def play(rule: Rule, scores: Scores, order: Sequence[int]) -> Played:
    """Play one search back.

    Args:
        rule: When to drop a candidate.
        scores: Log-losses, (trials, folds).
        order: Rows in the order of the search.
    """
    means, folds = scores.mean(axis=1), scores.shape[1]
    best, fits = None, 0
    for row in order:
        incumbent = None if best is None else scores[best].tolist()
        done = folds_done(rule, scores[row].tolist(), incumbent)
        fits += done
        if done == folds and (best is None or means[row] < means[best]):
            best = row
    lost = float(means[best] - means.min())
    return Played(fits, len(order) * folds, int(best), lost == 0, lost)


def folds_done(rule: Rule, scores: Sequence[float], incumbent: Sequence[float] | None) -> int:
    """Return how many folds of a candidate are trained under a rule."""
    for done in range(1, len(scores)):
        if rule(scores[:done], incumbent):
            return done
    return len(scores)


def read_scores(path: Path) -> Scores:
    """Return the log-losses of a recorded table, (trials, folds)."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return np.array([[float(row[f"fold_{fold}"]) for fold in range(FOLDS)] for row in rows])


def summary(played: Mapping[str, Sequence[Played]]) -> list[dict[str, str]]:
    """Return a row for each rule over all its searches."""
    rows = []
    for name, searches in played.items():
        ratios = [p.possible / p.fits for p in searches]
        low, high = np.percentile(ratios, [5, 95])
        kept = sum(p.kept for p in searches)
        rows.append(
            {
                "rule": name,
                "fold fits saved": f"{saved(searches):.2f}x ({low:.2f} to {high:.2f})",
                "keeps the best": f"{kept} of {len(searches)}",
                "log-loss lost, mean": f"{np.mean([p.lost for p in searches]):.4f}",
            }
        )
    return rows


def saved(searches: Sequence[Played]) -> float:
    """Return the fold fits of all searches without discarding, by those with it."""
    return sum(p.possible for p in searches) / sum(p.fits for p in searches)


def simulate(options: Namespace) -> None:
    """Play all rules back on what is recorded; print, and write if asked to."""
    shuffled = read_scores(RECORDED / "digits-random.csv")
    proposed = [read_scores(path) for path in sorted(RECORDED.glob("digits-tpe-*.csv"))]
    rng = np.random.default_rng(0)
    orders = [rng.permutation(len(shuffled)) for _ in range(20 if options.quick else ORDERS)]
    random = {n: [play(rule, shuffled, order) for order in orders] for n, rule in RULES.items()}
    tpe = {n: [play(rule, s, range(len(s))) for s in proposed] for n, rule in RULES.items()}
    columns = list(permutations(range(FOLDS)))
    if options.quick:
        columns = columns[:2]
    turned = {
        n: [play(rule, s[:, turn], range(len(s))) for s in proposed for turn in columns]
        for n, rule in RULES.items()
    }
    setting = json.loads((RECORDED / "setting.json").read_text(encoding="utf-8"))
    lived = RECORDED / LIVE
    text = (
        "# Discarding hopeless candidates\n\nFold fits without discarding by fold fits with it "
        "(5th to 95th percentile of the searches), and how often a search ends with the best of "
        "all its candidates. Built-in space on scikit-learn's digits, 5 folds, 5 epochs, played "
        "back on recorded scores.\n\n"
        f"## {len(shuffled)} random candidates in {len(orders)} orders\n\n"
        f"{table(summary(random))}\n\n{verdict(random['forgiving'])}{margin(shuffled)}\n\n"
        f"## {len(proposed)} TPE searches of {len(proposed[0])} trials, as proposed\n\n"
        f"{table(summary(tpe))}\n\n"
        f"### The same with the folds in {len(columns)} orders\n\n{table(summary(turned))}\n\n"
        f"Under TPE, forgiving saves {saved(turned['forgiving']):.2f}x and ends with the best in "
        f"{np.mean([p.kept for p in turned['forgiving']]):.0%}: its candidates are close to one "
        "another, so a bad first fold can cost the best one its place. The proposals are those of "
        "a search without discarding.\n\n"
        f"Scores recorded with {setting['versions']}, {setting['date']}."
    )
    if lived.exists():
        text += f"\n\n{live_section(json.loads(lived.read_text(encoding='utf-8')))}"
    kinds = {"random": random, "tpe": tpe, "tpe, folds in all orders": turned}
    figures = {
        kind: {
            n: {"saved": saved(p), "kept": sum(x.kept for x in p) / len(p)} for n, p in of.items()
        }
        for kind, of in kinds.items()
    }
    publish(text, figures, options)


def verdict(searches: Sequence[Played]) -> str:
    """Return how the goal stands."""
    kept = sum(p.kept for p in searches)
    ratio = saved(searches)
    return (
        f"Goal, forgiving saves at least {GOAL}x and keeps the best: "
        f"{goal(ratio >= GOAL and kept == len(searches))} "
        f"({ratio:.2f}x, kept in {kept} of {len(searches)})."
    )


def margin(scores: Scores) -> str:
    """Return a warning where the best candidate is so far ahead that no rule here can lose it."""
    best, second = scores[np.argsort(scores.mean(axis=1))[:2]]
    if best.max() >= second.min():
        return ""
    return (
        f" But that is easy here: the best one's worst fold, {best.max():.3f}, is below the "
        f"second's best fold, {second.min():.3f}, so that none of these rules can lose it."
    )


@dataclass(frozen=True)
class Searched:
    """What one real search came to.

    Args:
        fits: Fold fits of the search, without those of the finalists.
        log_loss: Mean log-loss of its best trial on the folds of the search.
        seconds: Wall-clock time of it all.
    """

    fits: int
    log_loss: float
    seconds: float


def live(options: Namespace) -> None:
    """Search with and without discarding; print, and keep in `recorded/` if asked to."""
    seeds = 10 if options.seeds is None else options.seeds
    trials, seeds = (4, 1) if options.quick else (options.trials, seeds)
    with tempfile.TemporaryDirectory() as scratch:
        os.environ["XDG_STATE_HOME"] = scratch  # no trace among the person's own runs
        actions = {
            rule: partial(search_with, rule, trials, Path(scratch))
            for rule in ("none", "forgiving")
        }
        found = alternate(actions, seeds)
    searches = {rule: [asdict(one) for one in of] for rule, of in found.items()}
    content = {"setting": measured_on(), "trials": trials, "searches": searches}
    print(live_section(content))
    if options.write and not options.quick:
        RECORDED.mkdir(exist_ok=True)
        text = json.dumps(content, indent=1) + "\n"
        (RECORDED / LIVE).write_text(text, encoding="utf-8")


def search_with(rule: str, trials: int, folder: Path, seed: int) -> Searched:
    """Search once."""
    from automl_sem.api import search

    started = time.perf_counter()
    run = search(
        "digits",
        space="shapes",
        epochs=5,
        batch_size=64,
        trials=trials,
        workers=2,
        discard=rule,
        seed=seed,
        out=folder / f"{rule}-{seed}",
        say=lambda _: None,
    )
    seconds = time.perf_counter() - started
    fits = sum(1 for _ in (run.path / "folds").rglob("*.npz"))
    return Searched(fits, run.results.require_best().trial.objective, seconds)


def live_section(content: Mapping[str, Any]) -> str:
    """Return what real searches gave: a row a rule, and the seeds in pairs."""
    searches = {r: [Searched(**one) for one in of] for r, of in content["searches"].items()}
    rows = [
        {
            "rule": rule,
            "fold fits": Spread.of([one.fits for one in of]).text(0),
            "best log-loss": Spread.of([one.log_loss for one in of]).text(4),
            "wall clock, s": Spread.of([one.seconds for one in of]).text(0),
        }
        for rule, of in searches.items()
    ]
    pairs = list(zip(searches["none"], searches["forgiving"], strict=True))
    fits = Spread.of([plain.fits / rule.fits for plain, rule in pairs])
    worse = Spread.of([rule.log_loss - plain.log_loss for plain, rule in pairs])
    return (
        f"## Real searches of {content['trials']} trials, seeds: {len(pairs)}, two workers\n\n"
        f"Median (lowest to highest).\n\n{table(rows)}\n\n"
        f"Forgiving saves a factor of {fits.text(2)} in fold fits of the same seed; its best "
        f"log-loss is higher by {worse.text(4)}. Goal, {GOAL}x: {goal(fits.median >= GOAL)}.\n\n"
        f"{content['setting']['command']}, {content['setting']['machine']}, "
        f"{content['setting']['date']}."
    )


def record(options: Namespace) -> None:
    """Train the tables that `recorded/` lacks; delete one to have it recorded anew."""
    import optuna

    from automl_sem.data import load_dataset
    from automl_sem.engines.optuna import OptunaEngine
    from automl_sem.spaces.find import builtin_spaces
    from automl_sem.spaces.load import load_space

    part = load_dataset("digits").train
    space = load_space(builtin_spaces()["shapes"]).with_fixed(epochs=5, batch_size=64)
    RECORDED.mkdir(exist_ok=True)

    path = RECORDED / "digits-random.csv"
    if not path.exists():
        study = optuna.create_study()
        engine = OptunaEngine(study, space, part.info, seed=0, starts=())
        study.sampler = optuna.samplers.RandomSampler(seed=0)
        write_table(path, train(engine, space, part, seed=0, trials=RANDOM_TRIALS))
    for seed in range(4 if options.seeds is None else options.seeds):
        path = RECORDED / f"digits-tpe-{seed}.csv"
        if not path.exists():
            starts = space.starts(part.info)
            engine = OptunaEngine(optuna.create_study(), space, part.info, seed, starts)
            write_table(path, train(engine, space, part, seed, TPE_TRIALS))
    setting = json.dumps(measured_on(), indent=1)
    (RECORDED / "setting.json").write_text(setting + "\n", encoding="utf-8")


def train(
    engine: Engine, space: Space, part: TrainingPart, seed: int, trials: int
) -> list[list[object]]:
    """Return trial, fold log-losses and accuracy of as many trials as can be scored."""
    from automl_sem.data.split import stratified_folds
    from automl_sem.workers.evaluate import Evaluation
    from automl_sem.workers.inline import InlinePool

    folds = stratified_folds(part.y, FOLDS, seed)
    pool = InlinePool(space, part)
    rows: list[list[object]] = []
    while len(rows) < trials:
        evaluation = Evaluation(engine.ask(), folds, {}, seed)
        while evaluation.outcome is None:
            pool.submit(0, evaluation.next_task())
            evaluation.add(pool.wait())
        engine.tell(evaluation.candidate, evaluation.outcome)
        score, number = evaluation.outcome.score, evaluation.candidate.trial
        if score is None:
            print(f"trial {number}: {evaluation.outcome.reason}", file=sys.stderr, flush=True)
            continue
        losses = [f"{fold.log_loss:.7g}" for fold in score.folds]
        rows.append([number, *losses, f"{score.accuracy:.5f}"])
        print(f"trial {number}: {score.log_loss:.4f}", file=sys.stderr, flush=True)
    pool.close()
    return rows


def write_table(path: Path, rows: Sequence[Sequence[object]]) -> None:
    """Write one recorded table."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["trial", *(f"fold_{fold}" for fold in range(FOLDS)), "accuracy"])
        writer.writerows(rows)


def main() -> None:
    """Simulate, or record."""
    parser = arguments(__doc__)
    actions = {"simulate": simulate, "record": record, "live": live}
    parser.add_argument("action", nargs="?", choices=list(actions), default="simulate")
    parser.add_argument("--seeds", type=int, help="TPE searches: 4 to record, 10 live a rule")
    parser.add_argument("--trials", type=int, default=LIVE_TRIALS, help="of a live search")
    options = parser.parse_args()
    actions[options.action](options)


if __name__ == "__main__":
    main()
