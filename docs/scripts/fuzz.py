"""Thousands of spoilt uploads through reading, checks and the command: no traceback, and no accepted row that breaks a rule.

    python docs/scripts/fuzz.py [--inputs 20000] [--seed 1] [--corpus DIR]

Files of the corpus, and the clean one as TSV, NDJSON, Excel, Parquet and gz, are changed by a seeded mutator and read as
the folder connector reads them; the checks run on many at once, every hundredth goes through `roadtest ingest`, too.
What was accepted is checked again by rules written here, from the file's own cells. Exit code 1 on any finding.
"""

import argparse
import gzip
import io
import json
import math
import random
import re
import shutil
import sys
import tempfile
import time
import zipfile
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path

from expectations.check import check, key_of
from flows.environment import prepare
from tests.corpus import command, state
from trials.connectors import folder
from trials.connectors.connector import Context, Found
from trials.protocol import from_content
from trials.pseudonyms import Pseudonyms, spelling
from trials.records import Enrolled, Register

CORPUS = Path(__file__).parents[2] / "tests" / "corpus" / "data"
AS_OF = datetime(2024, 7, 1, 23, 59, 59, tzinfo=UTC)
BATCH = 200
SLOWEST = 20.0  # seconds that one file may take to be read
NASTY = [
    *(
        b"\x00",
        b"\xff\xfe",
        b"\xef\xbb\xbf",
        b"\r\n",
        b"\n",
        b"\r",
        b'"',
        b'""',
        b",",
        b";",
        b"\t",
        b"|",
        b"\xc2\xa0",
        b"\xe2\x80\xae",
    ),
    *(
        b"1e309",
        b"-1e308",
        b"9" * 400,
        b"NaN",
        b"inf",
        b"-0",
        b"1,5",
        b"12%",
        b"1 000",
        b"0x1F",
        b"\xd9\xa3",
        b"1_000",
        b"-1",
        b"101",
    ),
    *(
        b"2024-02-30",
        b"9999-12-31",
        b"0000-00-00",
        b"2024-07-02",
        b"02/03/2024",
        b"45000",
        b"2024-01-01T00:00:00Z",
        b"20240101",
    ),
    *(
        b"A-0001",
        b"a-0001",
        b"\xef\xbc\xa1-0001",
        b"E-9999",
        b"treatment ",
        b"CONTROL",
        b"placebo",
        b"withdrawn",
        b"NULL",
        b"-",
        b".",
    ),
    *(
        b"=1+1",
        b"@SUM(A1)",
        b"<script>",
        b"{}",
        b"[]",
        b"[[1]]",
        b'{"a":{"b":[1]}}',
        b"null",
        b"true",
        b"\x1b[31m",
        b"\xf0\x9f\x92\xa9",
    ),
    *(b"participant_id", b"arm,arm", b"/etc/passwd", b"%s%n", b"\\", b"'", b"\xed\xa0\x80", b"\xc0\x80"),
]


def seeds(corpus: Path) -> list[tuple[str, bytes]]:
    """(name, bytes) to start from: the corpus, and its clean file in the other formats."""
    import openpyxl
    import pyarrow
    import pyarrow.parquet

    found = [(path.name, path.read_bytes()) for path in sorted((corpus / "files").iterdir())]
    clean = next(data for name, data in found if name.startswith("S00a"))
    lines = [line.split(",") for line in clean.decode().splitlines()]
    found.append(("clean.tsv", b"\n".join("\t".join(line).encode() for line in lines) + b"\n"))
    objects = [dict(zip(lines[0], line, strict=True)) for line in lines[1:]]
    found.append(("clean.ndjson", b"\n".join(json.dumps(one).encode() for one in objects) + b"\n"))
    typed = [{**one, "reoffended": int(one["reoffended"]), "staff_hours": float(one["staff_hours"])} for one in objects]
    found.append(("typed.json", json.dumps(typed).encode()))
    book, packed = openpyxl.Workbook(), io.BytesIO()
    for line in lines:
        book.active.append([float(cell) if re.fullmatch(r"[\d.]+", cell) else cell for cell in line])
    book.save(packed)
    found.append(("clean.xlsx", packed.getvalue()))
    packed = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(typed), packed)
    found.append(("clean.parquet", packed.getvalue()))
    return [
        *found,
        *[(f"{name}.gz", gzip.compress(data, mtime=0)) for name, data in found if name.startswith("clean.")],
    ]


def mutate(rng: random.Random, seeds: list[tuple[str, bytes]]) -> tuple[str, bytes]:
    """One spoilt file. Text is mostly changed in its lines and cells, what is packed mostly inside the packing."""
    name, data = rng.choice(seeds)
    inner, packed = data, rng.random() < 0.7
    if packed and name.endswith(".gz"):
        inner = gzip.decompress(data)
    changed = _members(rng, data) if packed and data.startswith(b"PK") else inner
    for _ in range(rng.choice((1, 1, 1, 2, 3, 6))):
        change = rng.choice(TEXT if _is_text(changed) and rng.random() < 0.8 else BYTES)
        changed = change(rng, changed, seeds)
    if inner is not data:
        changed = gzip.compress(changed, mtime=0)
    if rng.random() < 0.03:
        name, changed = _wrapped(rng, name, changed)
    return name, changed


def _is_text(data: bytes) -> bool:
    return not data.startswith((b"PK", b"PAR1", b"\x1f\x8b"))


def _members(rng: random.Random, data: bytes) -> bytes:
    """A workbook with one of its parts changed inside the archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as book, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        chosen = rng.choice(
            [name for name in book.namelist() if "sheet" in name or "shared" in name or rng.random() < 0.1]
        )
        for name in book.namelist():
            part = book.read(name)
            if name == chosen:
                part = _splice(rng, part, []) if rng.random() < 0.5 else _cell_in_xml(rng, part)
            if name != chosen or rng.random() < 0.98:
                new.writestr(name, part)
    return out.getvalue()


def _cell_in_xml(rng: random.Random, part: bytes) -> bytes:
    values = list(re.finditer(rb"<(?:v|t)[^>]*>([^<]*)<", part))
    if not values:
        return part
    at = rng.choice(values)
    new = rng.choice(NASTY).replace(b"&", b"&amp;").replace(b"<", b"&lt;")
    return part[: at.start(1)] + new + part[at.end(1) :]


def _wrapped(rng: random.Random, name: str, data: bytes) -> tuple[str, bytes]:
    """The file in one more container, or under a name that promises another format."""
    if rng.random() < 0.4:
        return rng.choice(
            ("a.csv", "a.json", "a.xlsx", "a.parquet", "a.ndjson", "a.tsv", "a.csv.gz", "a.json.gz")
        ), data
    if rng.random() < 0.5:
        return f"{name}.gz", gzip.compress(data, mtime=0)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr(name, data)
    return rng.choice((name, "a.xlsx", "a.zip")), out.getvalue()


def _flip(rng: random.Random, data: bytes, _) -> bytes:
    changed = bytearray(data)
    for _ in range(rng.choice((1, 1, 4, 32)) if data else 0):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _cut(rng: random.Random, data: bytes, _) -> bytes:
    return data[: rng.randrange(len(data) + 1)] if rng.random() < 0.7 else data[rng.randrange(len(data) + 1) :]


def _splice(rng: random.Random, data: bytes, _) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + rng.choice(NASTY) + data[at + rng.choice((0, 0, 1, 4)) :]


def _mix(rng: random.Random, data: bytes, seeds: list[tuple[str, bytes]]) -> bytes:
    other = rng.choice(seeds)[1]
    return data[: rng.randrange(len(data) + 1)] + other[rng.randrange(len(other) + 1) :]


def _repeat(rng: random.Random, data: bytes, _) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[at : at + rng.choice((1, 8, 64))] * rng.choice((2, 10, 200)) + data[at:]


def _line(rng: random.Random, data: bytes, _) -> bytes:
    """A line twice, gone, or in another place."""
    lines = data.splitlines(keepends=True) or [b""]
    line = lines.pop(rng.randrange(len(lines)))
    for _ in range(rng.choice((0, 1, 2))):
        lines.insert(rng.randrange(len(lines) + 1), line)
    return b"".join(lines)


def _cell(rng: random.Random, data: bytes, _) -> bytes:
    """One cell gone, twice, another's, or something nasty."""
    lines = data.splitlines(keepends=True) or [b""]
    at = rng.randrange(len(lines))
    mark = max((b",", b";", b"\t"), key=lines[at].count)
    cells = lines[at].rstrip(b"\r\n").split(mark)
    one, two = rng.randrange(len(cells)), rng.randrange(len(cells))
    cells[one] = rng.choice(
        (b"", cells[two], cells[one] * 2, b" " + cells[one], cells[one].upper(), *rng.sample(NASTY, 12))
    )
    lines[at] = mark.join(cells) + b"\n"
    return b"".join(lines)


def _columns(rng: random.Random, data: bytes, _) -> bytes:
    """Two columns swapped in every line, or in all but the header."""
    lines = data.splitlines() or [b""]
    count = lines[0].count(b",") + 1
    one, two, first = rng.randrange(count), rng.randrange(count), rng.choice((0, 1))
    for number, line in enumerate(lines):
        cells = line.split(b",")
        if number >= first and max(one, two) < len(cells):
            cells[one], cells[two] = cells[two], cells[one]
            lines[number] = b",".join(cells)
    return b"\n".join(lines) + b"\n"


def _recode(rng: random.Random, data: bytes, _) -> bytes:
    try:
        return data.decode("utf-8").encode(
            rng.choice(("utf-16", "utf-16-be", "utf-8-sig", "utf-32", "latin-1", "cp500"))
        )
    except UnicodeError:
        return data[::-1]


BYTES = (_flip, _cut, _splice, _mix, _repeat)
TEXT = (*(_cell,) * 12, *(_line,) * 4, _columns, *(_splice,) * 4, _recode, _cut, _flip, _mix)


@dataclass
class Bench:
    """What the checks need: one plan under many names, and the register with its ids hidden."""

    people: dict[str, command.Person]
    key: Pseudonyms
    place: Path

    def __post_init__(self) -> None:
        self.hidden = {self.key.of(one): person for one, person in self.people.items()}
        enrolled = {
            who: Enrolled(
                who, one.site, one.arm, date.fromisoformat(one.enrolled_on), number, spelling(one.participant_id)
            )
            for number, (who, one) in enumerate(self.hidden.items(), start=1)
        }
        self.register = Register(enrolled, closed=True)
        plans = [from_content(command.plan(f"t{number}", self.people, "x")) for number in range(BATCH)]
        self.plans = {plan.trial: plan for plan in plans}
        self.context = Context(self.place)

    def read(self, trial: str, name: str, data: bytes):
        path = self.place / name
        path.write_bytes(data)
        found = Found(name, AS_OF, str(path))
        delivery = folder.CONNECTOR.read(self.plans[trial], found, self.context)
        return None if delivery is None else replace(delivery, trial=trial)


def faults_of(bench: Bench, delivery, checked) -> list[str]:
    """What is wrong with an answer, by rules written here alone."""
    texts = [checked.refusal or "", *checked.warnings, *(one.reason for one in checked.rejected)]
    said = [text.replace(delivery.name, "FILE") for text in dict.fromkeys(texts)]
    found = [f"a traceback in {one[:200]!r}" for one in said if "Traceback" in one or 'File "' in one]
    ids = {one for text in said for one in re.findall(r"(?<![A-Za-z0-9.])[A-Ea-e]-[0-9]{4}(?![A-Za-z0-9.])", text)}
    found += [
        f"an id in {text[:200]!r}" for text in said if any(one in text for one in ids if one.upper() in bench.people)
    ]
    if checked.unjudged:
        found.append(f"could not be judged: {checked.refusal}")
    if checked.refusal is not None:
        return found + (["refused, and rows accepted or set aside"] if checked.accepted or checked.rejected else [])
    if len(checked.accepted) + len(checked.rejected) != len(delivery.rows):
        found.append(f"{len(checked.accepted)} + {len(checked.rejected)} rows of {len(delivery.rows)}")
    found += [f"row {one.row_no} set aside without a reason" for one in checked.rejected if not one.reason.strip()]
    who = [one.participant_id for one in checked.accepted]
    if len(set(who)) != len(who):
        found.append("a participant accepted twice")
    cells = {row.row_no: row.cells for row in delivery.rows} if checked.accepted else {}
    for one in checked.accepted:
        found += [
            f"row {one.row_no}: {fault} in {cells[one.row_no]}" for fault in breaches(bench, one, cells[one.row_no])
        ]
    return found


def breaches(bench: Bench, record, cells: dict[str, str]) -> list[str]:
    """The rules that an accepted row breaks, of the schema and of what its own cells say."""
    person = bench.hidden.get(record.participant_id)
    if person is None:
        return ["not in the register"]
    said = {name: cell.strip(" \t\u00a0") for name, cell in cells.items()}
    given = {one.measure: one.value for one in record.guardrails}
    low, high = date.fromisoformat(person.enrolled_on), AS_OF.date()
    rules = {
        "another id": said["participant_id"].upper() == person.participant_id,
        "another arm": record.arm == person.arm == said["arm"].lower(),
        "another site": record.site == person.site == said["site"].upper(),
        "another enrolled_on": said["enrolled_on"] == person.enrolled_on,
        "a wrong outcome_on": record.observed_on is not None
        and low <= record.observed_on <= high
        and record.observed_on.isoformat() == said["observed_on"],
        "a wrong reoffended": record.withdrawn
        or (record.value in (0, 1) and float(said["reoffended"]) == record.value),
    }
    for name, top in (("wellbeing", 100.0), ("staff_hours", math.inf)):
        value = given.get(name)
        rules[f"a wrong {name}"] = value is None or (
            0 <= value <= top and math.isfinite(value) and float(said[name]) == value
        )
        silent = said[name].lower() in ("", "na", "n/a", "null", "none", "nan", "-", ".", "withdrawn")
        rules[f"a lost {name}"] = silent == (value is None)
    return [rule for rule, holds in rules.items() if not holds]


def through_command(home: Path, prepared: Path, path: Path) -> list[str]:
    """The same file through `roadtest ingest`, and once more."""
    shutil.copytree(prepared, home)
    words = ("ingest", command.TRIAL, path, "--as-of", AS_OF.date(), "--home", home, "--json")
    done = command.roadtest(*words)
    after = state.of(home, command.TRIAL)
    again = command.roadtest(*words)
    found = []
    report = command.report_in(done)
    if done.code not in (0, 1) or "Traceback" in done.out + done.err or "fault in Roadtest" in done.err:
        found.append(f"exit code {done.code}: {done.err[-300:]}")
    elif report is None:
        found.append(f"no report, exit code {done.code}: {done.err[-200:]}")
    elif (report["refusal"] is not None) != (done.code == 1):
        found.append(f"exit code {done.code} with the refusal {report['refusal']!r}")
    elif len(after.current("reoffended")) > report["accepted"]:
        found.append("more people have an outcome than rows were accepted")
    if again.code != done.code or state.of(home, command.TRIAL) != after:
        found.append("the same file once more changed something")
    shutil.rmtree(home)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--command-every", type=int, default=100)
    asked = parser.parse_args()
    rng, begun = random.Random(asked.seed), time.perf_counter()
    start = seeds(asked.corpus)
    actions: Counter[str] = Counter()
    findings: Counter[str] = Counter()
    rows = through = 0
    with tempfile.TemporaryDirectory(prefix="roadtest-fuzz-") as place:
        prepare(Path(place) / "prefect")  # before anything imports Prefect
        (Path(place) / "files").mkdir()
        bench = Bench(
            command.people(asked.corpus / "register.csv"), Pseudonyms(bytes(range(32))), Path(place) / "files"
        )
        prepared = Path(place) / "prepared"
        command.prepare(prepared, [command.TRIAL], asked.corpus / "register.csv")

        def report(number: int, name: str, faults: list[str], data: bytes) -> None:
            for fault in faults:
                kind = re.sub(r"[0-9]+", "#", fault)[:80]
                findings[kind] += 1
                if findings[kind] <= 3:
                    print(f"FINDING {number} {name}: {fault[:600]}\n    {data[:160]!r}", flush=True)

        for first in range(0, asked.inputs, BATCH):
            made = [mutate(rng, start) for _ in range(min(BATCH, asked.inputs - first))]
            deliveries = {}
            for place_in, (name, data) in enumerate(made):
                clock = time.perf_counter()
                try:
                    found = bench.read(f"t{place_in}", name, data)
                except Exception as error:  # noqa: BLE001 - whatever it raises is the finding
                    report(first + place_in, name, [f"reading raised {type(error).__name__}: {error}"], data)
                    continue
                if time.perf_counter() - clock > SLOWEST:
                    report(first + place_in, name, ["reading took too long"], data)
                if found is None:
                    report(first + place_in, name, ["reading gave nothing"], data)
                else:
                    deliveries[place_in] = found
                if (first + place_in) % asked.command_every == 0:
                    through += 1
                    path = bench.place / name
                    report(first + place_in, name, through_command(Path(place) / "home", prepared, path), data)
            registers = dict.fromkeys(bench.plans, bench.register)
            try:
                checked = check(
                    list(deliveries.values()), bench.plans, registers, AS_OF, dict.fromkeys(bench.plans, bench.key)
                )
            except Exception as error:  # noqa: BLE001 - whatever it raises is the finding
                report(first, "batch", [f"the checks raised {type(error).__name__}: {error}"], b"")
                continue
            for place_in, delivery in deliveries.items():
                answer = checked[key_of(delivery)]
                actions[answer.action] += 1
                rows += len(answer.accepted)
                report(first + place_in, made[place_in][0], faults_of(bench, delivery, answer), made[place_in][1])
    took = time.perf_counter() - begun
    print(f"{asked.inputs:,} inputs, seed {asked.seed}, {through} of them through the command")
    print(f"{took:,.0f} s, {asked.inputs / took:,.0f} inputs/s")
    print(", ".join(f"{action} {count:,}" for action, count in sorted(actions.items())), f"; {rows:,} rows accepted")
    print(
        f"{sum(findings.values())} findings"
        + "".join(f"\n  {count} x {kind}" for kind, count in findings.most_common())
    )
    sys.exit(1 if findings else 0)


if __name__ == "__main__":
    main()
