//! The ways in which people write migrations, and what is read from them.

use crate::alembic::lint::operation::Action;
use crate::alembic::lint::read;

/// The steps of a file whose `upgrade()` has this body, as `operation table`; what cannot be read is `?`.
fn steps(body: &str) -> Vec<String> {
    steps_of_file(&format!(
        "from alembic import op\nimport sqlalchemy as sa\ndef upgrade():\n    {}\n",
        body.replace('\n', "\n    ")
    ))
}

fn steps_of_file(source: &str) -> Vec<String> {
    let migration = read("test.py", source).expect("the test's own file parses");
    let table = |action: &Action| match action {
        Action::AddColumn { table, .. }
        | Action::DropColumn { table, .. }
        | Action::DropTable { table }
        | Action::CreateTable { table, .. }
        | Action::WriteRows { table, .. }
        | Action::CreateIndex { table, .. }
        | Action::SetNotNull { table, .. }
        | Action::AddConstraint { table, .. } => table.to_string(),
        Action::Opaque { .. } => "?".to_owned(),
        other => format!("{other:?}"),
    };
    let text =
        |step: &super::super::operation::Step| format!("{} {}", step.operation, table(&step.action)).trim().to_owned();
    migration.steps.iter().map(text).collect()
}

#[test]
fn op_goes_by_any_name() {
    for import in [
        "from alembic import op as o",
        "import alembic.op as o",
        "import alembic\no = alembic.op",
        "from alembic import *\nfrom alembic import op\no = op",
    ] {
        assert_eq!(
            steps_of_file(&format!("{import}\ndef upgrade():\n    o.drop_table('t')\n")),
            ["drop_table t"],
            "{import}"
        );
    }
    assert_eq!(
        steps_of_file(
            "import alembic.op\ndef upgrade():\n    alembic.op.drop_table('t')\n\
        "
        ),
        ["drop_table t"]
    );
    assert_eq!(
        steps_of_file("from alembic.op import drop_table\ndef upgrade():\n    drop_table('t')\n"),
        ["drop_table t"]
    );
    assert_eq!(steps("getattr(op, 'drop_table')('t')"), ["drop_table t"]);
    assert_eq!(steps("drop = op.drop_table\ndrop(table_name='t', schema='s')"), ["drop_table s.t"]);
}

#[test]
fn a_batch_carries_its_table_wherever_it_goes() {
    assert_eq!(
        steps("with op.batch_alter_table('t', schema='s') as batch:\n    batch.drop_column('a')"),
        ["drop_column s.t"]
    );
    let helper = "from alembic import op\ndef shrink(batch, *columns):\n    for column in columns:\n\
                  \x20       batch.drop_column(column)\n\
                  def upgrade():\n    with op.batch_alter_table('t') as b:\n        shrink(b, 'a', 'c')\n";
    assert_eq!(steps_of_file(helper), ["drop_column t", "drop_column t"]);
}

#[test]
fn names_loops_and_formats_of_literals_are_followed() {
    assert_eq!(steps("for t in ['a', 'b']:\n    op.drop_table(t)"), ["drop_table a", "drop_table b"]);
    assert_eq!(steps("for t, c in {'a': 'x'}.items():\n    op.drop_column(t, c)"), ["drop_column a"]);
    assert_eq!(
        steps("for i, t in enumerate(sorted(('a', 'b'))):\n    op.drop_table(t)"),
        ["drop_table a", "drop_table b"]
    );
    assert_eq!(steps("[op.drop_table(t) for t in ('a', 'b') if t != 'b']"), ["drop_table a"]);
    assert_eq!(steps("t = 'a' + '_' + 'b'\nop.drop_table(t)"), ["drop_table a_b"]);
    assert_eq!(steps("op.execute('DROP TABLE %s' % 'a')"), ["execute: DROP TABLE a"]);
    assert_eq!(steps("op.execute('DROP TABLE {0}_{x}'.format('a', x='b'))"), ["execute: DROP TABLE a_b"]);
    assert_eq!(steps("t = 'a'\nop.execute(f'DROP TABLE {t}')"), ["execute: DROP TABLE a"]);
    assert_eq!(
        steps("todo = []\ntodo.append('DROP TABLE a')\nfor sql in todo:\n    op.execute(sql)"),
        ["execute: DROP TABLE a"]
    );
    assert_eq!(
        steps("for sql in 'DROP TABLE a;DROP TABLE b'.split(';'):\n    op.execute(sql)"),
        ["execute: DROP TABLE a", "execute: DROP TABLE b"]
    );
    assert_eq!(steps("op.drop_table(**{'table_name': 'a'})"), ["drop_table a"]);
}

#[test]
fn functions_methods_and_lambdas_of_the_file_are_carried_out() {
    assert_eq!(steps("drop = lambda t: op.drop_table(t)\ndrop('a')"), ["drop_table a"]);
    assert_eq!(
        steps(
            "def drop(t='a'):\n    op.drop_table(t)\ndrop()\n\
        drop(t='b')"
        ),
        ["drop_table a", "drop_table b"]
    );
    assert_eq!(steps("class M:\n    def run(self, t):\n        op.drop_table(t)\nM().run('a')"), ["drop_table a"]);
    assert_eq!(
        steps(
            "class B:\n    @staticmethod\n    def run(t):\n        op.drop_table(t)\nclass M(B):\n    pass\n\
             M.run('a')"
        ),
        ["drop_table a"]
    );
    assert_eq!(steps("from functools import partial\npartial(op.drop_table, schema='s')('a')"), ["drop_table s.a"]);
    assert_eq!(steps("def name(kind):\n    return f'{kind}_a'\nop.drop_table(name('t'))"), ["drop_table t_a"]);
    assert_eq!(steps("def again(n):\n    op.drop_table('a')\n    again(n - 1)\nagain(3)"), ["drop_table a"]);
}

#[test]
fn several_databases_have_an_upgrade_each() {
    let source = "from alembic import op\ndef upgrade(engine):\n    globals()['upgrade_%s' % engine]()\n\
                  def upgrade_one():\n    op.drop_table('a')\ndef upgrade_two():\n    op.drop_table('b')\n";
    assert_eq!(steps_of_file(source), ["drop_table a", "drop_table b"]);
}

#[test]
fn only_the_branch_for_postgresql_is_read() {
    assert_eq!(
        steps("if op.get_bind().dialect.name == 'sqlite':\n    op.drop_table('a')\nelse:\n    op.drop_table('b')"),
        ["drop_table b"]
    );
    assert_eq!(
        steps("if op.get_context().dialect.name not in ('mysql', 'postgresql'):\n    return\nop.drop_table('b')"),
        ["drop_table b"]
    );
    assert_eq!(steps("bind = op.get_bind()\nif bind.engine.name != 'postgresql':\n    op.drop_table('a')"), [""; 0]);
}

#[test]
fn both_branches_of_an_open_question_are_read() {
    assert_eq!(
        steps("if sa.inspect(op.get_bind()).has_table('a'):\n    op.drop_table('a')\nelse:\n    op.drop_table('b')"),
        ["drop_table a", "drop_table b"]
    );
    assert_eq!(
        steps("t = 'a'\nif sa.inspect(op.get_bind()).has_table('b'):\n    t = 'b'\nop.drop_table(t)")
            .last()
            .map(String::as_str),
        Some("?")
    );
}

#[test]
fn sql_is_read_through_every_connection() {
    for execute in [
        "op.get_bind().execute(sa.text('UPDATE t SET a = :a').bindparams(a=1))",
        "conn = op.get_bind()\nconn.exec_driver_sql('UPDATE t SET a = %s', (1,))",
        "from sqlalchemy.orm import Session\n\
         with Session(bind=op.get_bind()) as s:\n    s.execute(sa.text('UPDATE t SET a = 1'))",
        "op.get_context().bind.execute('UPDATE t SET a = 1')",
    ] {
        assert_eq!(steps(execute), ["execute: UPDATE t"], "{execute}");
    }
    let model = "from sqlalchemy.orm import Session\n\
        class T(Base):\n    __tablename__ = 't'\n    __table_args__ = {'schema': 's'}\n";
    assert_eq!(steps(&format!("{model}op.execute(sa.update(T).values(a=1))")), ["execute s.t"]);
    assert_eq!(
        steps(&format!("{model}Session(bind=op.get_bind()).query(T).filter(T.a == 1).update({{}})")),
        ["query.update s.t"]
    );
}

#[test]
fn a_context_manager_of_the_file_wraps_its_body() {
    let source = "from alembic import op\nfrom contextlib import contextmanager\n@contextmanager\ndef alone():\n\
                  \x20   with op.get_context().autocommit_block():\n        yield\n\
                  def upgrade():\n    with alone():\n        op.create_index('i', 't', ['a'])\n    op.drop_table('b')\n";
    let migration = read("test.py", source).unwrap();
    let transactions = migration.steps.iter().map(|step| step.transaction).collect::<Vec<_>>();
    assert_eq!(transactions, [None, Some(1)]);
}

#[test]
fn a_commit_that_only_may_have_run_leaves_a_transaction() {
    let concurrently = "op.create_index('i', 't', ['a'], postgresql_concurrently=True)";
    let transaction = |body: &str| {
        let source = format!(
            "from alembic import op\nfrom app import maybe\ndef upgrade():\n    {body}\n    {concurrently}\n\
                "
        );
        read("test.py", &source).unwrap().steps.last().and_then(|step| step.transaction)
    };
    assert_eq!(transaction("op.execute('COMMIT')"), None);
    assert_eq!(transaction("if maybe:\n        op.execute('COMMIT')"), Some(0));
}

#[test]
fn what_is_not_in_the_file_is_never_silence() {
    for body in [
        "from app import helper\nhelper(op)",
        "from app import *\nhelper()",
        "from app.helpers import Helper\nHelper(op).run()",
        "exec('op.drop_table(1)')",
        "list(map(op.drop_table, sys.argv))",
        "import importlib\nimportlib.import_module('app').run()",
        "op.execute(open('drop.sql').read())",
        "op.create_view('v')",
        "from app import Base\nBase.metadata.create_all(op.get_bind())",
        "from app import op2\nop2.thing.drop_table('t')",
        "class M:\n    def __init__(self, op):\n        self.op = op\n    def run(self):\n        \
         self.op.drop_table('t')\nM(op).run()",
    ] {
        assert!(steps(body).iter().any(|step| step.ends_with('?')), "{body}: {:?}", steps(body));
    }
    assert_eq!(steps_of_file("upgrade = None\ndown_revision = None\n"), ["?"]);
}

#[test]
fn positional_and_older_arguments_are_known() {
    assert_eq!(
        steps("op.create_foreign_key('f', 'child', 'parent', ['a'], ['id'], source_schema='s')"),
        ["create_foreign_key s.child"]
    );
    assert_eq!(
        steps("op.create_foreign_key('f', source='child', referent='parent', local_cols=['a'], remote_cols=['id'])"),
        ["create_foreign_key child"]
    );
    assert_eq!(steps("op.create_index(index_name='i', table_name='t', columns=['a'])"), ["create_index t"]);
    assert_eq!(steps("op.add_column('t', sa.Column('a', sa.Integer()), schema='s')"), ["add_column s.t"]);
}

#[test]
fn a_call_is_read_wherever_it_stands() {
    assert_eq!(steps("assert op.drop_table('t') is None"), ["drop_table t"]);
    assert_eq!(steps("x = {t: op.drop_table(t) for t in ('t',)}"), ["drop_table t"]);
    assert_eq!(steps("while f():\n    pass\nelse:\n    op.drop_table('t')").last().unwrap(), "drop_table t");
}

#[test]
fn what_is_called_by_a_computed_name_is_said_or_read() {
    let chosen = "def a():\n    op.drop_table('t')\ndef upgrade(name):\n    {'a': a}[name]()\n";
    assert_eq!(steps_of_file(&format!("from alembic import op\n{chosen}")), ["drop_table t"]);
    assert_eq!(steps_of_file("def upgrade(name):\n    FUNCTIONS = dict()\n    (name or None)()\n"), ["?"]);
}

#[test]
fn a_drop_that_cascades_takes_what_it_does_not_name() {
    let unnamed = "a table that the file does not name";
    assert_eq!(steps("op.execute('DROP SCHEMA s CASCADE')"), [format!("execute: DROP SCHEMA CASCADE {unnamed}")]);
    assert_eq!(steps("op.execute('DROP TYPE e CASCADE')"), [format!("execute: DROP TYPE CASCADE {unnamed}")]);
    assert_eq!(steps("op.execute('DROP TYPE e')"), [""; 0]);
}

#[test]
fn a_directive_of_unknown_name_is_told() {
    assert_eq!(steps("import os\nf = getattr(op, os.environ['X'])\nf('t')"), ["?"]);
}

#[test]
fn what_cannot_be_read_is_told_on_each_line() {
    assert_eq!(
        steps("import os\nop.execute(os.name)\nop.execute(os.name)\nfor n in (1, 2):\n    op.execute(os.name)"),
        ["?"; 3]
    );
}

#[test]
fn ddl_of_sqlalchemy_is_read() {
    let table = "t = sa.Table('t', sa.MetaData(), sa.Column('a', sa.Integer()), schema='s')\n";
    for (ddl, step) in [
        ("op.execute(sa.schema.DropTable(t))", "execute: DROP TABLE s.t"),
        ("op.get_bind().execute(sa.schema.CreateTable(t))", "execute: CREATE TABLE s.t"),
        ("op.execute(sa.schema.CreateIndex(sa.Index('i', t.c.a)))", "execute: CREATE INDEX s.t"),
        ("sa.Index('i', t.c.a, unique=True).create(op.get_bind())", "index.create s.t"),
    ] {
        assert_eq!(steps(&format!("{table}{ddl}")), [step], "{ddl}");
    }
    assert!(steps(&format!("{table}sa.Index('i', t.c.a).drop(bind=op.get_bind())"))[0].contains("DropIndex"));
    assert_eq!(steps(&format!("{table}op.execute(sa.schema.AddConstraint(sa.UniqueConstraint(t.c.a)))")), ["?"]);
}

#[test]
fn a_domain_that_grows_stricter_is_told() {
    for stricter in ["ADD CHECK (VALUE > 0)", "SET NOT NULL", "VALIDATE CONSTRAINT c"] {
        assert_eq!(steps(&format!("op.execute('ALTER DOMAIN d {stricter}')")), ["ALTER DOMAIN ?"], "{stricter}");
    }
    assert_eq!(steps("op.execute('ALTER DOMAIN d ADD CONSTRAINT c CHECK (VALUE > 0) NOT VALID')"), [] as [&str; 0]);
}
