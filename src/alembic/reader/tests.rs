use super::*;

fn script(source: &str) -> Result<Script, ReadError> {
    read("x.py", "x.py", source.as_bytes())
}

/// (revision, down revisions, dependencies, labels)
fn declared(source: &str) -> (String, Vec<String>, Vec<String>, Vec<String>) {
    let script = script(source).unwrap_or_else(|error| panic!("{error}\n{source}"));
    (script.revision, script.down_revisions, script.depends_on, script.branch_labels)
}

fn down(source: &str) -> Vec<String> {
    declared(&format!("revision = 'x'\n{source}")).1
}

/// The line that a dynamic declaration is blamed on.
fn dynamic_line(source: &str) -> usize {
    match script(source) {
        Err(ReadError::Dynamic { line, .. }) => line,
        other => panic!("{other:?}\n{source}"),
    }
}

#[test]
fn the_form_that_alembic_generates() {
    let source = r#""""add users

Revision ID: b
Revises: a

"""
from typing import Sequence, Union

from alembic import op
import sqlalchemy as sa

revision: str = 'b'
down_revision: Union[str, Sequence[str], None] = 'a'
branch_labels: Union[str, Sequence[str], None] = ("core", "main")
depends_on: Union[str, Sequence[str], None] = None


def upgrade() -> None:
    pass
"#;
    let script = script(source).unwrap();
    assert_eq!(script.message, "add users");
    assert_eq!(declared(source), ("b".into(), vec!["a".into()], vec![], vec!["core".into(), "main".into()]));
}

#[test]
fn every_literal_form_of_a_reference() {
    for (value, expected) in [
        ("None", vec![]),
        ("()", vec![]),
        ("[]", vec![]),
        ("'a'", vec!["a"]),
        ("(('a'))", vec!["a"]),
        ("('a',)", vec!["a"]),
        ("('a', 'b')", vec!["a", "b"]),
        ("'a', 'b'", vec!["a", "b"]),
        ("['a', 'b', 'a']", vec!["a", "b"]),
        ("{'a', 'b'}", vec!["a", "b"]),
        ("'a' 'b'", vec!["ab"]),
        ("('a'\n  'b')", vec!["ab"]),
        ("r'a' u'b'", vec!["ab"]),
        ("'\\x61'", vec!["a"]),
        ("'''a'''", vec!["a"]),
        ("(None,)", vec![]),
        ("(('a', 'b'),)", vec!["a", "b"]),
        ("(*('a', 'b'), 'c')", vec!["a", "b", "c"]),
        ("''", vec![""]),
    ] {
        assert_eq!(down(&format!("down_revision = {value}")), expected, "{value}");
    }
}

#[test]
fn a_name_of_the_same_file_resolves_through_a_chain() {
    assert_eq!(down("_A = 'a'\n_PREV = _A\ndown_revision = _PREV"), ["a"]);
    assert_eq!(down("A = 'a'\ndown_revision = (A, 'b')"), ["a", "b"]);
    assert_eq!(declared("down_revision = prev = 'a'\nrevision = 'b'\ndepends_on = [prev]").2, ["a"]);
}

#[test]
fn assignments_take_every_form_of_python() {
    assert_eq!(declared("revision, down_revision = 'b', 'a'").1, ["a"]);
    assert_eq!(declared("(revision, [down_revision, depends_on]) = ['b', ('a', None)]").1, ["a"]);
    assert_eq!(declared("revision = down_revision = 'a'").0, "a");
    assert_eq!(declared("revision = 'b'; down_revision = 'a'").1, ["a"]);
}

#[test]
fn the_last_assignment_wins() {
    assert_eq!(down("down_revision = 'a'\ndown_revision = 'b'"), ["b"]);
    assert_eq!(down("A = 'a'\ndown_revision = A\nA = 'b'"), ["a"]);
    assert_eq!(down("down_revision = f()\ndown_revision = 'b'"), ["b"]);
    assert_eq!(dynamic_line("revision = 'x'\ndown_revision = 'a'\ndown_revision = f()"), 3);
    assert_eq!(
        script("revision = 'x'\ndown_revision = 'a'\ndel down_revision"),
        Err(ReadError::Undeclared("down_revision"))
    );
}

#[test]
fn branches_that_are_known_when_the_file_loads_are_followed() {
    for skipped in [
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:",
        "import typing as t\nif t.TYPE_CHECKING:",
        "if False:",
        "if __name__ == '__main__':",
        "if not True:",
    ] {
        assert_eq!(down(&format!("down_revision = 'a'\n{skipped}\n    down_revision = f()\n")), ["a"], "{skipped}");
    }
    assert_eq!(
        down("if False:\n    down_revision = 'a'\nelif True:\n    down_revision = 'b'\nelse:\n    down_revision = 'c'"),
        ["b"]
    );
    assert_eq!(down("down_revision = 'a'\nif f():\n    other = 1\n"), ["a"]);
    assert_eq!(
        down("down_revision = 'a'\nif f():\n    pass\nelse:\n    def g():\n        down_revision = 'b'\n"),
        ["a"]
    );
}

#[test]
fn a_try_block_is_certain_until_something_in_it_may_fail() {
    assert_eq!(down("try:\n    down_revision = 'a'\nexcept Exception:\n    down_revision = 'b'"), ["a"]);
    assert_eq!(down("try:\n    pass\nexcept Exception:\n    pass\nelse:\n    down_revision = 'b'"), ["b"]);
    assert_eq!(down("try:\n    import x\nfinally:\n    down_revision = 'b'"), ["b"]);
    assert_eq!(down("down_revision = 'a'\ntry:\n    import x\nexcept ImportError:\n    x = None"), ["a"]);
    assert_eq!(
        dynamic_line("revision = 'x'\ntry:\n    import x\n    down_revision = 'a'\nexcept ImportError:\n    pass"),
        4
    );
    assert_eq!(
        dynamic_line(
            "revision = 'x'\ndown_revision = 'a'\ntry:\n    import x\nexcept ImportError:\n    down_revision = 'b'"
        ),
        6
    );
    assert_eq!(dynamic_line("revision = 'x'\nwith suppress(E):\n    import x\n    down_revision = 'a'"), 4);
}

#[test]
fn what_only_running_the_file_can_tell_is_never_guessed() {
    for value in [
        "f('x')",
        "f'{x}'",
        "'a' + 'b'",
        "'a' if x else 'b'",
        "unassigned",
        "('a', f())",
        "x.y",
        "x['y']",
        "{'a': 1}['b']",
        "[r for r in ('a',)]",
        "(lambda: 'a')()",
    ] {
        assert_eq!(dynamic_line(&format!("revision = 'x'\ndown_revision = {value}")), 2, "{value}");
    }
    for source in [
        "from other import down_revision",
        "import a as down_revision",
        "def down_revision(): pass",
        "down_revision = 'a'\nif f():\n    down_revision = 'b'",
        "down_revision = 'a'\nfor down_revision in f():\n    pass",
        "while f():\n    down_revision = 'b'",
        "down_revision = 'a'\ndown_revision += 'b'",
        "down_revision = ['a']\ndown_revision.append('b')",
        "down_revision = ['a']\ndown_revision[0] = 'b'",
        "A = down_revision = ['a']\nA.append('b')",
        "down_revision = ['a']\nif x:\n    f(down_revision)",
        "down_revision = 'a'\nprint(down_revision := 'b')",
        "down_revision = 'a'\nglobals()['down_revision'] = 'b'",
        "exec(\"down_revision = 'b'\")",
        "g = globals\ndown_revision = 'a'\ng()['down_revision'] = 'b'",
        "import sys\nm = sys.modules[__name__]\ndown_revision = 'a'\nm.down_revision = 'b'",
        "import sys\ndown_revision = 'a'\nsetattr(sys.modules[__name__], 'down_revision', 'b')",
        "A = ['a']\ndown_revision = A\ndef f():\n    A.append('b')\nf()",
        "A = ['a']\ndown_revision = A\ndef f(g):\n    A.append('b')\n@f\ndef g(): pass",
        "down_revision = 'a'\ndef f():\n    exec(\"global down_revision; down_revision = 'b'\")\nf()",
        "down_revision = 'a'\ndef f():\n    global down_revision\n    down_revision = 'b'\nf()",
        "match f():\n    case down_revision: pass",
        "down_revision = 'a'\ntry:\n    f()\nexcept E as down_revision:\n    pass",
        "*down_revision, y = 'a', 'b'",
        "down_revision, y = f()",
        "raise SystemExit\ndown_revision = 'a'",
    ] {
        dynamic_line(&format!("revision = 'x'\n{source}"));
    }
}

#[test]
fn a_function_that_nobody_calls_changes_nothing() {
    let unused = "A = ['a']\ndown_revision = A\ndef upgrade():\n    A.append('b')\n    vars()";
    assert_eq!(script(&format!("revision = 'x'\n{unused}")).unwrap().down_revisions, ["a"]);
    let elsewhere = "def f():\n    return 1\nX = f()\ndown_revision = ['a']";
    assert_eq!(script(&format!("revision = 'x'\n{elsewhere}")).unwrap().down_revisions, ["a"]);
}

#[test]
fn a_literal_of_the_wrong_type_is_refused() {
    for source in [
        "revision = None\ndown_revision = None",
        "revision = 1\ndown_revision = None",
        "revision = b'x'\ndown_revision = None",
        "revision = ('x',)\ndown_revision = None",
        "revision = 'x'\ndown_revision = 1",
        "revision = 'x'\ndown_revision = False",
        "revision = 'x'\ndown_revision = ('a', None)",
        "revision = 'x'\ndown_revision = None\ndepends_on = 1",
    ] {
        assert!(matches!(script(source), Err(ReadError::WrongType { .. })), "{source}");
    }
}

#[test]
fn a_revision_without_its_declarations_is_unparsable() {
    assert_eq!(script("down_revision = None"), Err(ReadError::Undeclared("revision")));
    assert_eq!(script("revision = 'x'"), Err(ReadError::Undeclared("down_revision")));
    assert_eq!(script("revision: str\ndown_revision = None"), Err(ReadError::Undeclared("revision")));
    assert_eq!(script(""), Err(ReadError::Undeclared("revision")));
}

#[test]
fn a_legacy_file_carries_its_revision_in_its_name() {
    let legacy = |name: &str| read(name, name, b"down_revision = None");
    assert_eq!(legacy("12ab.py").unwrap().revision, "12ab");
    for name in ["12AB.py", "12ab_x.py", ".py", "xyz.py"] {
        assert_eq!(legacy(name), Err(ReadError::Undeclared("revision")), "{name}");
    }
    assert_eq!(read("12ab.py", "12ab.py", b"revision = 'c'\ndown_revision = None").unwrap().revision, "c");
}

#[test]
fn a_label_that_cannot_be_told_does_not_lose_the_revision() {
    let script = script("revision = 'x'\ndown_revision = None\nbranch_labels = (f(), 'core')").unwrap();
    assert!(script.unknown_labels);
    assert!(script.branch_labels.is_empty());
}

#[test]
fn equal_items_of_a_set_are_one() {
    let labels = |value: &str| declared(&format!("revision = 'x'\ndown_revision = None\nbranch_labels = {value}")).3;
    assert_eq!(labels("{'a', 'b', 'a'}"), ["a", "b"]);
    assert_eq!(labels("('a', 'a')"), ["a", "a"]);
}

#[test]
fn latin1_sources_and_byte_order_marks_are_read() {
    let latin1 = b"# -*- coding: latin-1 -*-\n'''\xE9t\xE9'''\nrevision = 'x'\ndown_revision = None\n";
    assert_eq!(read("x.py", "x.py", latin1).unwrap().message, "été");
    assert_eq!(read("x.py", "x.py", b"\xEF\xBB\xBFrevision = 'x'\r\ndown_revision = None\r\n").unwrap().revision, "x");
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    /// Pieces that, strung together, come near to real files.
    fn near_python() -> impl Strategy<Value = String> {
        let piece = prop::sample::select(vec![
            "revision",
            "down_revision",
            "depends_on",
            "branch_labels",
            " = ",
            ": str = ",
            "'a'",
            "\"é\"",
            "None",
            "(",
            ")",
            "[",
            "]",
            ", ",
            "\n",
            "\n    ",
            "if x:",
            "else:",
            "try:",
            "except E as e:",
            "f'{",
            "}'",
            "'''",
            "\\",
            "global ",
            "def f():",
            "class C:",
            "lambda: ",
            "*",
            ":= ",
            "del ",
            "import a",
            "from b import *",
            "match x:",
            "case _:",
            "with y as z:",
            "for i in j:",
            "# coding: latin-1\n",
            "\0",
            "\u{feff}",
            "raise ",
            "\t",
            ";",
            "@",
            "...",
            "1e999",
        ]);
        prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            let _ = read("x.py", "x.py", &bytes);
        }

        #[test]
        fn what_is_almost_python_never_panics(source in near_python()) {
            let _ = script(&source);
        }

        #[test]
        fn a_generated_declaration_is_read_back(
            revision in "[a-z0-9_]{1,20}",
            down in prop::collection::vec("[a-z0-9_é']{1,12}", 0..4),
            before in near_python(),
        ) {
            // Whatever stands in a comment above does not matter.
            let comment: String = before.lines().flat_map(|line| ["# ", line, "\n"]).collect();
            prop_assume!(!comment.contains("coding") && !comment.contains('\0'));
            let source = format!("{comment}revision = {revision:?}\ndown_revision = {down:?}\n");
            let script = script(&source).unwrap();
            prop_assert_eq!(script.revision, revision);
            prop_assert!(script.down_revisions.iter().all(|id| down.contains(id)));
            prop_assert!(down.iter().all(|id| script.down_revisions.contains(id)));
        }
    }
}
