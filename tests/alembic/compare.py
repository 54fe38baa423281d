"""What Alembic itself says about folders of revision files, as one JSON object a line.

    compare.py generate FOLDER COUNT SEED   writes COUNT generated graphs below FOLDER and says what Alembic makes of each
    compare.py folder FOLDER VERSIONS...    says what Alembic makes of version locations that exist

Each line has `folder`, `locations`, `error` (Alembic cannot load it), `expect` (what this script knows and Alembic
does not judge: `dynamic`, `duplicate`, `cycle`), the lists that `alembic heads` is compared with, and `tables`: rows of
a version table with the state that follows from what Alembic would do with them.
"""

import importlib.abc
import importlib.machinery
import json
import random
import sys
import types
import warnings
from pathlib import Path

from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from alembic.util.exc import CommandError


def main(arguments):
    warnings.simplefilter("ignore")
    if arguments[0] == "generate":
        folder, count, seed = Path(arguments[1]), int(arguments[2]), int(arguments[3])
        for number in range(count):
            chance = random.Random(f"{seed}-{number}")
            target = folder / str(number)
            expect = Graph(chance).write(target / "versions")
            print(json.dumps(judge(target, [target / "versions"], expect, chance)))
    else:
        Absent.install()
        folder = Path(arguments[1])
        locations = [folder / name for name in arguments[2:]]
        print(json.dumps(judge(folder, locations, None, random.Random(1))))


# Packages whose revision files import what is not installed


class Absent(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Stands in for every module that is not there, and for SQLAlchemy, which would not take what comes from those.

    What is taken from such a module can be called, subclassed and iterated.
    """

    @classmethod
    def install(cls):
        # Alembic keeps its own references to the real SQLAlchemy.
        for name in [name for name in sys.modules if name.split(".")[0] == "sqlalchemy"]:
            del sys.modules[name]
        sys.meta_path.insert(0, cls(lambda name: name.split(".")[0] == "sqlalchemy"))
        sys.meta_path.append(cls(lambda name: True))

    def __init__(self, stands_for):
        self.stands_for = stands_for

    def find_spec(self, name, path=None, target=None):
        return importlib.machinery.ModuleSpec(name, self, is_package=True) if self.stands_for(name) else None

    def create_module(self, spec):
        module = types.ModuleType(spec.name)
        module.__path__ = []
        module.__all__ = []
        module.__getattr__ = lambda name: anything()
        return module

    def exec_module(self, module):
        pass


class Anything(type):
    def __getattr__(cls, name):
        if name.startswith("__") and name != "__table__":
            raise AttributeError(name)
        return anything()

    def __call__(cls, *arguments, **named):
        return anything()

    def __getitem__(cls, key):
        return anything()

    def __iter__(cls):
        return iter(())

    def __lt__(cls, other):
        return False

    __gt__ = __le__ = __ge__ = __lt__
    __or__ = __ror__ = __and__ = __add__ = __sub__ = __getitem__


def anything():
    return Anything("Anything", (), {})


# What Alembic says


def judge(folder, locations, expect, chance):
    result = {"folder": str(folder), "locations": [str(location) for location in locations], "expect": expect}
    scripts = ScriptDirectory(str(folder), version_locations=[str(location) for location in locations])
    revisions = scripts.revision_map
    try:
        revisions._revision_map
    except Exception as error:
        return result | {"error": f"{type(error).__name__}: {error}"}
    ids = sorted({key.revision for key in revisions._revision_map.values() if key is not None})
    result |= {
        "error": None,
        "revisions": len(ids),
        "heads": sorted(revisions.heads),
        "effective_heads": sorted(revisions._real_heads),
        "bases": sorted(revisions.bases),
        "ordered": ordered(revisions),
        "tables": [],
    }
    if expect not in ("duplicate", "cycle"):
        result["tables"] = [table(scripts, rows) for rows in row_sets(revisions, ids, chance)]
    return result


def ordered(revisions):
    """Whether Alembic's order is the same at every run: it keeps several dependencies in a set of strings."""
    return all(
        len(revision._normalized_resolved_dependencies) < 2 and not getattr(revision.module, "unordered", False)
        for revision in revisions._revision_map.values()
        if revision is not None
    )


def row_sets(revisions, ids, chance):
    heads, effective = list(revisions.heads), list(revisions._real_heads)
    yield from ([], heads, effective, effective[1:], [*effective, "not_a_revision"], ["not_a_revision"])
    for _ in range(8):
        yield chance.sample(ids, min(len(ids), chance.randint(1, 3)))
    for _ in range(3):
        identifier = chance.choice(ids)
        yield [identifier[: chance.randint(1, len(identifier))]]


def table(scripts, rows):
    revisions = scripts.revision_map
    result = {"rows": rows}
    try:
        current = revisions.get_revisions(tuple(rows))
        assert None not in current
    except (RevisionError, AssertionError):
        return result | {"state": "unknown", "pending": None}
    heads = revisions.get_revisions("heads")
    ancestors = lambda of: {revision.revision for revision in revisions._get_ancestor_nodes(of)}
    pending = ancestors(heads) - ancestors(current)
    try:
        steps = [step.revision.revision for step in scripts._upgrade_revs("heads", tuple(rows))]
    except CommandError as error:
        assert "overlaps" in str(error), error
        state = "behind" if pending else "diverged"
        return result | {"state": state, "pending": sorted(pending), "overlaps": True}
    assert set(steps) == pending
    resolved = {revision.revision for revision in current}
    if not rows:
        state = "empty"
    elif steps:
        state = "behind"
    else:
        assert resolved == set(revisions._real_heads)
        state = "up_to_date"
    return result | {"state": state, "pending": steps, "overlaps": False}


# Generated graphs


class Graph:
    """Revisions with branches, merges, dependencies and labels, written in many ways; one in four is broken."""

    BREAKAGES = ("parent", "dependency", "cycle", "loop", "dependency cycle", "duplicate", "label", "label is id", "character")
    BREAKAGES += ("syntax", "undeclared", "revision", "dynamic", "type", "label as parent")

    def __init__(self, chance):
        self.chance = chance
        width = chance.choice((2, 5, 12))
        size = chance.choice((1, 2, 3, 5, 8, 13, 25, 40))
        self.ids = []
        while len(self.ids) < size:
            identifier = "".join(chance.choice("0123456789abcdef_xyz") for _ in range(width))
            if identifier not in self.ids:
                self.ids.append(identifier)
        branching, merging, depending, labelling = (chance.choice((0, 0.1, 0.3)) for _ in range(4))
        self.down, self.depends, self.labels, self.files = {}, {}, {}, {}
        for number, identifier in enumerate(self.ids):
            before = self.ids[:number]
            self.down[identifier] = []
            if before and chance.random() > branching / 3:
                parents = 2 if chance.random() < merging else 1
                recent = before if chance.random() < branching else before[-1:]
                self.down[identifier] = chance.sample(recent, min(parents, len(recent)))
                if parents == 2 and len(before) > 1:
                    self.down[identifier] = chance.sample(before, 2)
            self.labels[identifier] = [f"label{number}"] if chance.random() < labelling else []
            named = [label for other in before for label in self.labels[other]]
            self.depends[identifier] = []
            if before and chance.random() < depending:
                candidates = before + named
                self.depends[identifier] = chance.sample(candidates, min(len(candidates), chance.choice((1, 1, 2))))
        self.extra = []
        self.expect = None
        if chance.random() < 0.25:
            self.breakage(chance.choice(self.BREAKAGES))

    def breakage(self, kind):
        chance, ids = self.chance, self.ids
        first, last = ids[0], ids[-1]
        if kind == "parent":
            self.down[chance.choice(ids)].append("missing")
        elif kind == "dependency":
            self.depends[chance.choice(ids)].append("missing")
        elif kind in ("cycle", "loop", "dependency cycle"):
            references = self.depends if kind == "dependency cycle" else self.down
            above = first if kind == "loop" else last
            if above not in references[first]:
                references[first].append(above)
            self.expect = "cycle" if self.has_cycle() else None
        elif kind == "duplicate":
            self.extra.append(chance.choice(ids))
            self.expect = "duplicate"
        elif kind == "label":
            self.labels[first] = self.labels[last] = ["twice"]
            self.labels[last] = ["twice"] if len(ids) > 1 else ["twice", "twice"]
        elif kind == "label is id":
            self.labels[first] = [last]
        elif kind == "character":
            renamed = last + chance.choice("@-+:")
            self.ids[-1] = renamed
            for table in (self.down, self.depends, self.labels):
                table[renamed] = table.pop(last)
        elif kind == "label as parent":
            self.labels[first] = ["trunk"]
            self.down[last] = ["trunk"]
        else:
            self.files[chance.choice(ids)] = kind
            self.expect = "dynamic" if kind == "dynamic" else None

    def has_cycle(self):
        labelled = {label: identifier for identifier in self.ids for label in self.labels[identifier]}
        requires = {i: {labelled.get(r, r) for r in self.down[i] + self.depends[i]} for i in self.ids}
        remaining = set(self.ids)
        while free := {i for i in remaining if not requires[i] & remaining}:
            remaining -= free
        return bool(remaining)

    def write(self, folder):
        folder.mkdir(parents=True, exist_ok=True)
        for identifier in self.ids + self.extra:
            prefix = "".join(self.chance.choice("0123456789") for _ in range(6))
            safe = "".join(character if character.isalnum() else "_" for character in identifier)
            source = Source(self.chance, identifier, self.down[identifier], self.depends[identifier], self.labels[identifier])
            (folder / f"{prefix}_{safe}.py").write_bytes(source.encode(self.files.get(identifier)))
        for name in ("__init__.py", ".#lock.py", "notes.txt", "UPPER.PY"):
            if self.chance.random() < 0.2:
                (folder / name).write_text("raise SystemExit('not a revision')\n")
        return self.expect


class Source:
    """One revision file in one of the many ways in which it can be written."""

    def __init__(self, chance, revision, down, depends, labels):
        self.chance = chance
        self.unordered = False
        self.before = []
        self.values = {
            "revision": self.text(revision),
            "down_revision": self.reference(down),
            "depends_on": self.reference(depends),
            "branch_labels": self.reference(labels),
        }

    def text(self, value):
        forms = [repr(value), json.dumps(value), f"'''{value}'''", f"u{value!r}", f"({value!r})"]
        if len(value) > 2:
            forms.append(f"({value[:2]!r}\n    {value[2:]!r})")
        form = self.chance.choice(forms)
        if self.chance.random() < 0.15:
            name = f"_NAME{len(self.before)}"
            self.before.append(f"{name} = {form}")
            if self.chance.random() < 0.5:
                self.before.append(f"{name}_AGAIN: str = {name}")
                name += "_AGAIN"
            return name
        return form

    def reference(self, values):
        chance = self.chance
        if not values:
            return chance.choice(("None", "None", "()", "[]"))
        items = [self.text(value) for value in values]
        if len(items) == 1 and chance.random() < 0.6:
            return items[0]
        if chance.random() < 0.1 and len(items) > 1:
            self.unordered = True
            return "{" + ", ".join(items) + "}"
        opening, closing = chance.choice(("()", "[]"))
        comma = "," if opening == "(" else chance.choice(("", ","))
        return opening + ", ".join(items) + comma + closing

    def encode(self, breakage):
        chance = self.chance
        if breakage == "dynamic":
            self.values["down_revision"] = f"str({self.values['down_revision']}) and {self.values['down_revision']}"
        if breakage == "type":
            self.values["down_revision"] = "7"
        if breakage == "undeclared":
            del self.values["down_revision"]
        if breakage == "revision":
            del self.values["revision"]
        lines = ['"""a revision\n\nwith more text\n"""'] if chance.random() < 0.8 else []
        lines += ["from typing import TYPE_CHECKING", "import sqlalchemy as sa", *self.before]
        lines += self.declarations()
        if self.unordered:
            lines.append("unordered = True")
        noise = (
            "if TYPE_CHECKING:\n    revision = undefined",
            "if __name__ == '__main__':\n    down_revision = 'other'",
            "try:\n    import no_such_module\nexcept ImportError:\n    no_such_module = None",
            "def helper():\n    revision = down_revision = 'local'",
            "class Holder:\n    revision = 'attribute'",
            "revision: str",
        )
        lines += chance.sample(noise, chance.choice((0, 0, 1, 2)))
        lines += ["def upgrade():\n    pass", "def downgrade():\n    pass"]
        if breakage == "syntax":
            lines.append("def broken(:")
        text = chance.choice(("\n", "\n\n", "\r\n")).join(lines) + "\n"
        if chance.random() < 0.1:
            return f"# -*- coding: latin-1 -*-\n# caf\xe9\n{text}".encode("latin-1")
        if chance.random() < 0.1:
            return b"\xef\xbb\xbf" + text.encode()
        return text.encode()

    def declarations(self):
        chance, names = self.chance, list(self.values)
        if len(names) == 4 and chance.random() < 0.15:
            first, second = names[:2]
            yield f"{first}, {second} = {self.values[first]}, ({self.values[second]})"
            names = names[2:]
        for name in names:
            if self.values[name] == "None" and name in ("depends_on", "branch_labels") and chance.random() < 0.5:
                continue
            annotation = chance.choice(("", "", ": str", ": 'Union[str, None]'"))
            if chance.random() < 0.1 and not annotation:
                yield f"{name} = 'overwritten'"
            yield f"{name}{annotation} = {self.values[name]}"


if __name__ == "__main__":
    main(sys.argv[1:])
