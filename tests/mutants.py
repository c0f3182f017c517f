"""Changes one operator or number of the code at a time, and looks whether a test notices.

    dotnet build -c Release
    python3 tests/mutants.py evaluation --count 40 --seed 1

Areas: losses, method, evaluation. It works in this clone and puts every file back. Prints each mutant as killed, survived or not compiling (which does not count),
and ends with the share killed. A survivor is either a test that is missing, or a change that makes no difference.
"""
import argparse, os, pathlib, random, re, shutil, subprocess, sys, time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests/CondEmbed.Tests/bin/Release/net10.0"

# What is changed, the project that it belongs to, and the groups of tests that are about it.
AREAS = {
    "losses": (["core/Losses", "core/Parts"], "core/CondEmbed.Core.fsproj", ["Loss", "MoreLosses", "Matching", "WeightedPairs", "Setting"]),
    "method": (["core/Method"], "core/CondEmbed.Core.fsproj", ["Level", "Hierarchy", "Pairing", "Averaged", "Comparison", "DrawnPairs", "Conditional", "LevelMeasures", "Micro-batches", "Attention", "Similarity", "Feature", "Team."]),
    "evaluation": (["shell/CondEmbed/Evaluation"], "shell/CondEmbed/CondEmbed.csproj", ["Metrics", "Evaluation", "Clusters", "Panel", "Relevance", "Rerank", "SecondSearch", "t-SNE", "Ties", "LabelMatch", "Shared evaluation", "Search", "Report"]),
}

# Each as a pattern, and what takes its place. Blanks keep generics, arrows and signs of numbers out.
SWAPS = [
    (r" < ", " <= "), (r" <= ", " < "), (r" > ", " >= "), (r" >= ", " > "), (r" \+ ", " - "), (r" - ", " + "), (r" \* ", " / "), (r" / ", " * "),
    (r" && ", " || "), (r" \|\| ", " && "), (r" == ", " != "), (r" != ", " == "), (r" <> ", " = "), (r"\bMin\b(?=\()", "Max"), (r"\bMax\b(?=\()", "Min"),
    (r"\bmin\b", "max"), (r"\bmax\b", "min"), (r"\bnot \(", "("), (r"\btrue\b", "false"), (r"\bfalse\b", "true"), (r"(?<![\w.])0\.5\b", "0.25"),
    (r"(?<![\w.])1\.0\b", "2.0"), (r"(?<![\w.\[])1(?![\w.])", "2"), (r"\.mean\(", ".sum("), (r"\.sum\(", ".mean("), (r"\.exp\(\)", ".abs()"), (r"\.relu\(\)", ".abs()"),
]


def is_code(line, at):
    """Whether a place of a line is neither in a comment nor in a text."""
    before = line[:at]
    return not re.match(r"\s*(//|///|\*|\[<|#|open |using |namespace |module )", line) and "//" not in before and before.count('"') % 2 == 0


def places(folders):
    for folder in folders:
        for file in sorted((ROOT / folder).rglob("*.[fc]s")):
            for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(keepends=True)):
                for pattern, other in SWAPS:
                    for found in re.finditer(pattern, line):
                        if is_code(line, found.start()):
                            yield file, number, found.start(), found.end(), other


def run(command, limit):
    try:
        return subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return None


def outcome(project, groups):
    """What became of the code as it is now: the group that fails, 'survived', or 'does not compile'."""
    built = run(["dotnet", "build", project, "-c", "Release", "--no-restore", "--no-dependencies", "-v", "quiet", "-p:TreatWarningsAsErrors=false"], 600)
    if built is None or built.returncode != 0:
        return "does not compile"
    name = pathlib.Path(project).stem
    # Builds link files instead of copying them, so both may be one.
    (TESTS / f"{name}.dll").unlink()
    shutil.copy(ROOT / pathlib.Path(project).parent / f"obj/Release/net10.0/{name}.dll", TESTS)
    for group in groups:
        tested = run([TESTS / "CondEmbed.Tests", "--filter", f"CondEmbed.{group}"], 300)
        if tested is None or tested.returncode != 0:
            return group
    return "survived"


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("area", choices=AREAS)
    options.add_argument("--count", type=int, default=20, help="how many mutants (20)")
    options.add_argument("--seed", type=int, default=0, help="which of them (0)")
    asked = options.parse_args()
    folders, project, groups = AREAS[asked.area]
    chosen = random.Random(asked.seed).sample(list(places(folders)), asked.count)
    killed, survived = 0, []
    for file, number, start, end, other in chosen:
        text = file.read_text(encoding="utf-8")
        lines = text.splitlines(keepends=True)
        line = lines[number]
        lines[number] = line[:start] + other + line[end:]
        what = f"{file.relative_to(ROOT)}:{number + 1}: {line.strip()[:110]}  [{line[start:end].strip()} -> {other.strip()}]"
        began = time.time()
        try:
            file.write_text("".join(lines), encoding="utf-8")
            became = outcome(project, groups)
        finally:
            file.write_text(text, encoding="utf-8")
        print(f"{'killed by ' + became if became in groups else became:28} {time.time() - began:4.0f} s  {what}", flush=True)
        killed += became in groups
        survived += [what] if became == "survived" else []
    # The program as it was.
    print("as it was:", outcome(project, groups[:1]))
    tested = killed + len(survived)
    print(f"\n{killed} of {tested} killed ({100 * killed / max(1, tested):.0f} %)")
    for what in survived:
        print(f"survived: {what}")


if __name__ == "__main__":
    main()
