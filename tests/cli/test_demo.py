# SPDX-License-Identifier: Apache-2.0
"""Do `trident demo` and `trident bench` hold on a small corpus with the tiny model: layout, figures equal to `trident eval`'s, and
one-line failures?"""
import json
import pathlib
import re
import sys
import tempfile

from tap import ROOT, check, plan, trident

MODEL = ROOT / "tests/golden/tiny/model"
LANGUAGES = ("en", "zh", "ar")
DOCUMENTS = 8


def first_lines(path, n):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()[:n]]


def make_data(folder):
    """The first documents of the demonstration's corpus under keys LANG:ID, and a question of each that is judged."""
    source = ROOT / "data/xquad-demo"
    judged = dict(line.split("\t")[:2] for line in (source / "qrels.tsv").read_text().splitlines()[1:])
    with (folder / "corpus.jsonl").open("w", encoding="utf-8") as out:
        for language in LANGUAGES:
            for document in first_lines(source / f"corpus.{language}.jsonl", DOCUMENTS):
                document["_id"] = f"{language}:{document['_id']}"
                document["text"] = document["text"][:120]
                out.write(json.dumps(document, ensure_ascii=False) + "\n")
    kept = {}
    for language in LANGUAGES:
        with (folder / f"queries.{language}.jsonl").open("w", encoding="utf-8") as out:
            for question in first_lines(source / f"queries.{language}.jsonl", 1190):
                document = judged[question["_id"]]
                if document not in kept.values() and int(document[1:]) < DOCUMENTS or question["_id"] in kept:
                    kept.setdefault(question["_id"], document)
                    out.write(json.dumps(question, ensure_ascii=False) + "\n")
    with (folder / "qrels.tsv").open("w") as out:
        out.write("query-id\tcorpus-id\tscore\n" + "".join(f"{q}\t{d}\t1\n" for q, d in kept.items()))
    return list(kept)


def check_figures(folder, output):
    """Each printed figure against `trident eval` on the run file that the demonstration wrote."""
    rows = re.findall(r"^  (\w\w)  → (\w\w) ((?: +[\d.]+){12})$", output, re.MULTILINE)
    check(len(rows) == 9, "a row for each pair of languages", output)
    wrong = []
    for source, target, numbers in rows:
        numbers = [float(x) for x in numbers.split()]
        for w, way in enumerate(("dense", "sparse", "multi", "fused")):
            run = folder / "runs" / f"{source}-{target}.{way}.trec"
            out = trident("eval", folder / "qrels.tsv", run, "--metrics", "ndcg@10,recall@100,mrr", "--no-complete", "--json").stdout
            metrics = json.loads(out)[str(run)]["metrics"]
            for m, metric in enumerate(("ndcg@10", "recall@100", "mrr")):
                if f"{metrics[metric]:.3f}" != f"{numbers[4 * m + w]:.3f}":
                    wrong.append(f"{source}-{target} {way} {metric}: {numbers[4 * m + w]} and {metrics[metric]}")
    check(not wrong, "the printed figures are those of trident eval", "\n".join(wrong))


def check_demo(folder):
    questions = make_data(folder)
    index = folder / "index"
    built = trident("index", MODEL, folder / "corpus.jsonl", "-o", index)
    check(built.returncode == 0, "the corpus is indexed", built.stderr)
    words = ["demo", MODEL, index, folder, "--languages", ",".join(LANGUAGES), "--runs", folder / "runs"]

    done = trident(*words, "--show", f"en:{questions[0]},ar:{questions[1]}")
    check(done.returncode == 0, "demo runs", done.stderr)
    check("\033" not in done.stdout, "no escapes when standard output is no terminal")
    check(len(re.findall(r"^     dense +sparse +multi +fused$", done.stdout, re.MULTILINE)) == 2, "two questions side by side", done.stdout)
    check("●" in done.stdout, "a judged answer is marked", done.stdout)
    check(not re.search(r"[ \t]$", done.stdout, re.MULTILINE), "no blanks at the ends of lines", done.stdout)
    check_figures(folder, done.stdout)
    again = trident(*words, "--show", f"en:{questions[0]},ar:{questions[1]}")
    strip = [re.sub(r"\d+ questions encoded.*", "", text) for text in (done.stdout, again.stdout)]
    check(strip[0] == strip[1], "the same output twice, but for the times")

    asked = trident(*words, "--ask", "Who won?", "--color", "always", "--top", "1")
    check(asked.returncode == 0 and "Who won?" in asked.stdout and "→" not in asked.stdout, "--ask answers that question alone", asked.stdout)
    check("\033[" in asked.stdout, "--color always", asked.stdout)

    for what, flags, status, says in (
            ("a language without questions", ["--languages", "en,xx"], 1, "queries.xx.jsonl"),
            ("no language", ["--languages", ""], 2, "--languages"),
            ("a question that is not there", ["--show", "en:nothing"], 1, "nothing"),
            ("no questions", ["--questions", "0"], 2, "--questions"),
    ):
        failed = trident(*words, *flags)
        good = failed.returncode == status and says in failed.stderr and len(failed.stderr.splitlines()) == 1
        check(good, f"demo: {what} is one line and exit {status}", f"{failed.returncode} {failed.stderr}")


def check_bench():
    over = trident("bench", MODEL, "--shapes", "mixed", "--seconds", "0")
    check(over.returncode == 1 and "the limit is 128" in over.stderr, "bench: a text over the model's length is refused", over.stderr)
    done = trident("bench", MODEL, "--shapes", "1x16,3x8", "--seconds", "0", "--json")
    check(done.returncode == 0, "bench runs", done.stderr)
    if done.returncode:
        return
    results = json.loads(done.stdout)["results"]
    check([r["tokens"] for r in results] == [16, 24], "bench: tokens of each shape", done.stdout)
    check(all(r["runs"] >= 3 and r["min_ms"] <= r["median_ms"] <= r["max_ms"] for r in results), "bench: at least three runs, in order")
    check(trident("bench", MODEL, "--shapes", "1x16", "--seconds", "0").stdout.count("\n") == 4, "bench: a table of one shape")
    for shapes in ("", "1x1", "0x16", "x", "1x", "16", "1x16,,2x16", "99999999999x99999999999", "1x-5"):
        failed = trident("bench", MODEL, "--shapes", shapes)
        good = failed.returncode == 2 and "--shapes" in failed.stderr
        check(good, f"bench: --shapes \"{shapes}\" is wrong usage", f"{failed.returncode} {failed.stderr}")


with tempfile.TemporaryDirectory() as temporary:
    check_demo(pathlib.Path(temporary))
check_bench()
sys.exit(plan())
