//! Operations as migrations write them, with the SQL that Alembic 1.20 renders for them.

use crate::support::Major;

/// One operation, and the rule that must say something about it.
#[derive(Clone, Copy)]
pub struct Case {
    pub name: &'static str,
    pub rule: &'static str,
    /// The body of `upgrade()`.
    pub upgrade: &'static str,
    /// What Alembic makes of it.
    pub sql: &'static str,
    /// What the migration did before, committed.
    pub before: &'static str,
    pub before_sql: &'static str,
    /// The servers that know the statement.
    pub majors: &'static [Major],
    /// Whether PostgreSQL allows it in a transaction block.
    pub in_transaction: bool,
}

const BOTH: &[Major] = &[Major(13), Major(18)];
const NEWEST: &[Major] = &[Major(18)];

const CASE: Case =
    Case { name: "", rule: "", upgrade: "", sql: "", before: "", before_sql: "", majors: BOTH, in_transaction: true };

/// The tables that the operations work on.
pub const SCHEMA: &str = "
    CREATE TABLE parent (id int PRIMARY KEY, n int);
    CREATE TABLE child (id int PRIMARY KEY, parent_id int);
    CREATE TABLE t (
        id int PRIMARY KEY, a int, b varchar(10) NOT NULL, c numeric(10, 2), ts timestamp, body text, j json, net cidr,
        during int4range, parent_id int
    );
    CREATE TABLE empty (id int);
    CREATE TABLE keyless (a int);
    CREATE TABLE checked (a int CONSTRAINT positive CHECK (a > 0));
    CREATE TABLE parted (id int) PARTITION BY RANGE (id);
    CREATE TABLE p1 PARTITION OF parted FOR VALUES FROM (0) TO (100);
    CREATE TABLE apart (id int);
    CREATE TABLE triggered (id int);
    CREATE TRIGGER old BEFORE UPDATE ON triggered FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger();
    INSERT INTO parent SELECT i, i FROM generate_series(1, 50) i;
    INSERT INTO child SELECT i, i FROM generate_series(1, 50) i;
    INSERT INTO t
        SELECT i, i, 'b' || i, i, now(), 'body', '{}', '10.0.0.0/8', int4range(i, i + 1), i FROM generate_series(1, 50) i;
    INSERT INTO keyless SELECT generate_series(1, 50);
    INSERT INTO p1 SELECT generate_series(1, 50);
    INSERT INTO apart SELECT generate_series(101, 150);
    CREATE MATERIALIZED VIEW v AS SELECT i FROM generate_series(1, 50) i;
    UPDATE t SET b = substr(b, 1, 5);
";

/// At least one operation for every rule that claims a lock.
pub const CASES: &[Case] = &[
    Case {
        name: "add a nullable column",
        rule: "brief-lock",
        upgrade: "op.add_column('t', sa.Column('x', sa.Integer()))",
        sql: "ALTER TABLE t ADD COLUMN x INTEGER",
        ..CASE
    },
    Case {
        name: "add a column with a constant",
        rule: "brief-lock",
        upgrade: "op.add_column('t', sa.Column('x', sa.Integer(), nullable=False, server_default='7'))",
        sql: "ALTER TABLE t ADD COLUMN x INTEGER DEFAULT '7' NOT NULL",
        ..CASE
    },
    Case {
        name: "add a column with now()",
        rule: "brief-lock",
        upgrade: "op.add_column('t', sa.Column('x', sa.DateTime(), nullable=False, server_default=sa.func.now()))",
        sql: "ALTER TABLE t ADD COLUMN x TIMESTAMP WITHOUT TIME ZONE DEFAULT now() NOT NULL",
        ..CASE
    },
    Case {
        name: "add a NOT NULL column without default",
        rule: "add-column-not-null",
        upgrade: "op.add_column('empty', sa.Column('x', sa.Integer(), nullable=False))",
        sql: "ALTER TABLE empty ADD COLUMN x INTEGER NOT NULL",
        ..CASE
    },
    Case {
        name: "add a column with a volatile default",
        rule: "add-column-volatile-default",
        upgrade: "op.add_column('t', sa.Column('x', sa.DateTime(), server_default=sa.text('clock_timestamp()')))",
        sql: "ALTER TABLE t ADD COLUMN x TIMESTAMP WITHOUT TIME ZONE DEFAULT clock_timestamp()",
        ..CASE
    },
    Case {
        name: "add a column with random()",
        rule: "add-column-volatile-default",
        upgrade: "op.add_column('t', sa.Column('x', sa.Float(), nullable=False, server_default=sa.func.random()))",
        sql: "ALTER TABLE t ADD COLUMN x FLOAT DEFAULT random() NOT NULL",
        ..CASE
    },
    Case {
        name: "add an identity column",
        rule: "add-column-generated",
        upgrade: "op.add_column('t', sa.Column('x', sa.Integer(), sa.Identity(always=True)))",
        sql: "ALTER TABLE t ADD COLUMN x INTEGER GENERATED ALWAYS AS IDENTITY",
        ..CASE
    },
    Case {
        name: "add a serial column",
        rule: "add-column-generated",
        upgrade: "op.execute('ALTER TABLE t ADD COLUMN x bigserial')",
        sql: "ALTER TABLE t ADD COLUMN x bigserial",
        ..CASE
    },
    Case {
        name: "add a stored computed column",
        rule: "add-column-generated",
        upgrade: "op.add_column('t', sa.Column('x', sa.Integer(), sa.Computed('a * 2', persisted=True)))",
        sql: "ALTER TABLE t ADD COLUMN x INTEGER GENERATED ALWAYS AS (a * 2) STORED",
        ..CASE
    },
    Case {
        name: "add a virtual computed column",
        rule: "brief-lock",
        upgrade: "op.execute('ALTER TABLE t ADD COLUMN x int GENERATED ALWAYS AS (a * 2) VIRTUAL')",
        sql: "ALTER TABLE t ADD COLUMN x int GENERATED ALWAYS AS (a * 2) VIRTUAL",
        majors: NEWEST,
        ..CASE
    },
    Case {
        name: "add a column of a constrained domain",
        rule: "add-column-domain",
        upgrade: "op.execute('CREATE DOMAIN positive AS int CHECK (VALUE > 0)')\n\
            op.execute('ALTER TABLE t ADD COLUMN x positive DEFAULT 1')",
        sql: "CREATE DOMAIN positive AS int CHECK (VALUE > 0); ALTER TABLE t ADD COLUMN x positive DEFAULT 1",
        ..CASE
    },
    Case {
        name: "add a column of a constrained domain without default",
        rule: "add-column-domain",
        upgrade: "op.execute('CREATE DOMAIN positive AS int CHECK (VALUE > 0)')\n\
            op.execute('ALTER TABLE t ADD COLUMN x positive')",
        sql: "CREATE DOMAIN positive AS int CHECK (VALUE > 0); ALTER TABLE t ADD COLUMN x positive",
        ..CASE
    },
    Case {
        name: "add a column of a plain domain",
        rule: "brief-lock",
        upgrade: "op.execute('CREATE DOMAIN plain AS int')\nop.execute('ALTER TABLE t ADD COLUMN x plain DEFAULT 1')",
        sql: "CREATE DOMAIN plain AS int; ALTER TABLE t ADD COLUMN x plain DEFAULT 1",
        ..CASE
    },
    Case {
        name: "add a column with a foreign key",
        rule: "add-column-foreign-key",
        upgrade: "op.add_column('t', sa.Column('x', sa.Integer(), sa.ForeignKey('parent.id')))",
        sql: "ALTER TABLE t ADD COLUMN x INTEGER; ALTER TABLE t ADD FOREIGN KEY(x) REFERENCES parent (id)",
        ..CASE
    },
    Case {
        name: "add a column with a reference in SQL",
        rule: "add-column-foreign-key",
        upgrade: "op.execute('ALTER TABLE t ADD COLUMN x int REFERENCES parent')",
        sql: "ALTER TABLE t ADD COLUMN x int REFERENCES parent",
        ..CASE
    },
    Case {
        name: "add a column with a default and a reference in SQL",
        rule: "add-column-foreign-key",
        upgrade: "op.execute('ALTER TABLE t ADD COLUMN x int DEFAULT 1 REFERENCES parent')",
        sql: "ALTER TABLE t ADD COLUMN x int DEFAULT 1 REFERENCES parent",
        ..CASE
    },
    Case {
        name: "add a unique column",
        rule: "add-column-constraint",
        upgrade: "op.add_column('t', sa.Column('x', sa.Integer(), unique=True))",
        sql: "ALTER TABLE t ADD COLUMN x INTEGER; ALTER TABLE t ADD UNIQUE (x)",
        ..CASE
    },
    Case {
        name: "add an indexed column",
        rule: "add-column-constraint",
        upgrade: "op.add_column('t', sa.Column('x', sa.Integer(), index=True))",
        sql: "ALTER TABLE t ADD COLUMN x INTEGER; CREATE INDEX ix_t_x ON t (x)",
        ..CASE
    },
    Case {
        name: "add a checked column",
        rule: "add-column-constraint",
        upgrade: "op.add_column('t', sa.Column('x', sa.Integer(), sa.CheckConstraint('x > 0')))",
        sql: "ALTER TABLE t ADD COLUMN x INTEGER CHECK (x > 0)",
        ..CASE
    },
    Case {
        name: "set NOT NULL",
        rule: "set-not-null",
        upgrade: "op.alter_column('t', 'a', nullable=False)",
        sql: "ALTER TABLE t ALTER COLUMN a SET NOT NULL",
        ..CASE
    },
    Case {
        name: "set NOT NULL in a batch",
        rule: "set-not-null",
        upgrade: "with op.batch_alter_table('t') as batch_op:\n    batch_op.alter_column('a', \
            existing_type=sa.Integer(), nullable=False)",
        sql: "ALTER TABLE t ALTER COLUMN a SET NOT NULL",
        ..CASE
    },
    Case {
        name: "set NOT NULL behind a valid check",
        rule: "brief-lock",
        upgrade: "op.alter_column('t', 'a', nullable=False)",
        sql: "ALTER TABLE t ALTER COLUMN a SET NOT NULL",
        before: "op.create_check_constraint('filled', 't', 'a IS NOT NULL')",
        before_sql: "ALTER TABLE t ADD CONSTRAINT filled CHECK (a IS NOT NULL)",
        ..CASE
    },
    Case {
        name: "set NOT NULL by a constraint",
        rule: "set-not-null",
        upgrade: "op.execute('ALTER TABLE t ADD CONSTRAINT x NOT NULL a')",
        sql: "ALTER TABLE t ADD CONSTRAINT x NOT NULL a",
        majors: NEWEST,
        ..CASE
    },
    Case {
        name: "set NOT NULL by a constraint that is not valid",
        rule: "brief-lock",
        upgrade: "op.execute('ALTER TABLE t ADD CONSTRAINT x NOT NULL a NOT VALID')",
        sql: "ALTER TABLE t ADD CONSTRAINT x NOT NULL a NOT VALID",
        majors: NEWEST,
        ..CASE
    },
    Case {
        name: "drop NOT NULL",
        rule: "brief-lock",
        upgrade: "op.alter_column('t', 'b', nullable=True)",
        sql: "ALTER TABLE t ALTER COLUMN b DROP NOT NULL",
        ..CASE
    },
    Case {
        name: "change a default",
        rule: "brief-lock",
        upgrade: "op.alter_column('t', 'b', server_default='x')",
        sql: "ALTER TABLE t ALTER COLUMN b SET DEFAULT 'x'",
        ..CASE
    },
    Case {
        name: "int to bigint",
        rule: "change-column-type",
        upgrade: "op.alter_column('t', 'a', existing_type=sa.Integer(), type_=sa.BigInteger())",
        sql: "ALTER TABLE t ALTER COLUMN a TYPE BIGINT",
        ..CASE
    },
    Case {
        name: "a narrower varchar",
        rule: "change-column-type",
        upgrade: "op.alter_column('t', 'b', existing_type=sa.String(10), type_=sa.String(5))",
        sql: "ALTER TABLE t ALTER COLUMN b TYPE VARCHAR(5)",
        ..CASE
    },
    Case {
        name: "a wider varchar",
        rule: "brief-lock",
        upgrade: "op.alter_column('t', 'b', existing_type=sa.String(10), type_=sa.String(20))",
        sql: "ALTER TABLE t ALTER COLUMN b TYPE VARCHAR(20)",
        ..CASE
    },
    Case {
        name: "varchar to text",
        rule: "brief-lock",
        upgrade: "op.alter_column('t', 'b', existing_type=sa.String(10), type_=sa.Text())",
        sql: "ALTER TABLE t ALTER COLUMN b TYPE TEXT",
        ..CASE
    },
    Case {
        name: "text to varchar without length",
        rule: "brief-lock",
        upgrade: "op.alter_column('t', 'body', existing_type=sa.Text(), type_=sa.String())",
        sql: "ALTER TABLE t ALTER COLUMN body TYPE VARCHAR",
        ..CASE
    },
    Case {
        name: "text to varchar(100)",
        rule: "change-column-type",
        upgrade: "op.alter_column('t', 'body', existing_type=sa.Text(), type_=sa.String(100))",
        sql: "ALTER TABLE t ALTER COLUMN body TYPE VARCHAR(100)",
        ..CASE
    },
    Case {
        name: "a higher numeric precision",
        rule: "brief-lock",
        upgrade: "op.alter_column('t', 'c', existing_type=sa.Numeric(10, 2), type_=sa.Numeric(12, 2))",
        sql: "ALTER TABLE t ALTER COLUMN c TYPE NUMERIC(12, 2)",
        ..CASE
    },
    Case {
        name: "numeric without limits",
        rule: "brief-lock",
        upgrade: "op.alter_column('t', 'c', existing_type=sa.Numeric(10, 2), type_=sa.Numeric())",
        sql: "ALTER TABLE t ALTER COLUMN c TYPE NUMERIC",
        ..CASE
    },
    Case {
        name: "another numeric scale",
        rule: "change-column-type",
        upgrade: "op.alter_column('t', 'c', existing_type=sa.Numeric(10, 2), type_=sa.Numeric(12, 3))",
        sql: "ALTER TABLE t ALTER COLUMN c TYPE NUMERIC(12, 3)",
        ..CASE
    },
    Case {
        name: "a lower numeric precision",
        rule: "change-column-type",
        upgrade: "op.alter_column('t', 'c', existing_type=sa.Numeric(10, 2), type_=sa.Numeric(8, 2))",
        sql: "ALTER TABLE t ALTER COLUMN c TYPE NUMERIC(8, 2)",
        ..CASE
    },
    Case {
        name: "timestamp to timestamptz",
        rule: "change-column-type",
        upgrade: "op.alter_column('t', 'ts', existing_type=sa.DateTime(), type_=sa.DateTime(timezone=True))",
        sql: "ALTER TABLE t ALTER COLUMN ts TYPE TIMESTAMP WITH TIME ZONE",
        ..CASE
    },
    Case {
        name: "timestamp to timestamp(0)",
        rule: "change-column-type",
        upgrade: "op.alter_column('t', 'ts', existing_type=sa.DateTime(), type_=postgresql.TIMESTAMP(precision=0))",
        sql: "ALTER TABLE t ALTER COLUMN ts TYPE TIMESTAMP(0) WITHOUT TIME ZONE",
        ..CASE
    },
    Case {
        name: "json to jsonb",
        rule: "change-column-type",
        upgrade: "op.alter_column('t', 'j', existing_type=sa.JSON(), type_=postgresql.JSONB(), \
            postgresql_using='j::jsonb')",
        sql: "ALTER TABLE t ALTER COLUMN j TYPE JSONB USING j::jsonb",
        ..CASE
    },
    Case {
        name: "text to uuid",
        rule: "change-column-type",
        upgrade: "op.alter_column('t', 'body', existing_type=sa.Text(), type_=sa.Uuid(), \
            postgresql_using='md5(body)::uuid')",
        sql: "ALTER TABLE t ALTER COLUMN body TYPE UUID USING md5(body)::uuid",
        ..CASE
    },
    Case {
        name: "the same type by an expression",
        rule: "change-column-type",
        upgrade: "op.alter_column('t', 'body', existing_type=sa.Text(), type_=sa.Text(), \
            postgresql_using='lower(body)')",
        sql: "ALTER TABLE t ALTER COLUMN body TYPE TEXT USING lower(body)",
        ..CASE
    },
    Case {
        name: "cidr to inet",
        rule: "brief-lock",
        upgrade: "op.alter_column('t', 'net', existing_type=postgresql.CIDR(), type_=postgresql.INET())",
        sql: "ALTER TABLE t ALTER COLUMN net TYPE INET",
        ..CASE
    },
    Case {
        name: "a wider interval",
        rule: "brief-lock",
        upgrade: "op.alter_column('t', 'ts', existing_type=postgresql.TIMESTAMP(), \
            type_=postgresql.TIMESTAMP(precision=6))",
        sql: "ALTER TABLE t ALTER COLUMN ts TYPE TIMESTAMP(6) WITHOUT TIME ZONE",
        ..CASE
    },
    Case {
        name: "the type of a referenced key",
        rule: "change-referenced-key-type",
        upgrade: "op.alter_column('parent', 'id', existing_type=sa.Integer(), type_=sa.BigInteger())",
        sql: "ALTER TABLE parent ALTER COLUMN id TYPE BIGINT",
        before: "op.create_foreign_key('child_parent_fk', 'child', 'parent', ['parent_id'], ['id'])",
        before_sql: "ALTER TABLE child ADD CONSTRAINT child_parent_fk FOREIGN KEY(parent_id) REFERENCES parent (id)",
        ..CASE
    },
    Case {
        name: "drop a column",
        rule: "drop-column",
        upgrade: "op.drop_column('t', 'a')",
        sql: "ALTER TABLE t DROP COLUMN a",
        ..CASE
    },
    Case { name: "drop a table", rule: "drop-table", upgrade: "op.drop_table('t')", sql: "DROP TABLE t", ..CASE },
    Case {
        name: "drop a table with a foreign key",
        rule: "drop-table",
        upgrade: "op.drop_table('child')",
        sql: "DROP TABLE child",
        before: "op.create_foreign_key('child_parent_fk', 'child', 'parent', ['parent_id'], ['id'])",
        before_sql: "ALTER TABLE child ADD CONSTRAINT child_parent_fk FOREIGN KEY(parent_id) REFERENCES parent (id)",
        ..CASE
    },
    Case {
        name: "rename a column",
        rule: "rename-column",
        upgrade: "op.alter_column('t', 'a', new_column_name='z')",
        sql: "ALTER TABLE t RENAME a TO z",
        ..CASE
    },
    Case {
        name: "rename a table",
        rule: "rename-table",
        upgrade: "op.rename_table('t', 'z')",
        sql: "ALTER TABLE t RENAME TO z",
        ..CASE
    },
    Case {
        name: "create an index",
        rule: "create-index",
        upgrade: "op.create_index('ix', 't', ['a'])",
        sql: "CREATE INDEX ix ON t (a)",
        ..CASE
    },
    Case {
        name: "drop an index",
        rule: "drop-index",
        upgrade: "op.drop_index('ix_b', table_name='t')",
        sql: "DROP INDEX ix_b",
        before: "op.create_index('ix_b', 't', ['b'])",
        before_sql: "CREATE INDEX ix_b ON t (b)",
        ..CASE
    },
    Case {
        name: "drop an index in SQL",
        rule: "drop-index",
        upgrade: "op.execute('DROP INDEX ix_b')",
        sql: "DROP INDEX ix_b",
        before: "op.create_index('ix_b', 't', ['b'])",
        before_sql: "CREATE INDEX ix_b ON t (b)",
        ..CASE
    },
    Case {
        name: "reindex a table",
        rule: "reindex",
        upgrade: "op.execute('REINDEX TABLE t')",
        sql: "REINDEX TABLE t",
        ..CASE
    },
    Case {
        name: "reindex an index",
        rule: "reindex",
        upgrade: "op.execute('REINDEX INDEX ix_b')",
        sql: "REINDEX INDEX ix_b",
        before: "op.create_index('ix_b', 't', ['b'])",
        before_sql: "CREATE INDEX ix_b ON t (b)",
        ..CASE
    },
    Case {
        name: "create a foreign key",
        rule: "create-foreign-key",
        upgrade: "op.create_foreign_key('fk', 't', 'parent', ['parent_id'], ['id'])",
        sql: "ALTER TABLE t ADD CONSTRAINT fk FOREIGN KEY(parent_id) REFERENCES parent (id)",
        ..CASE
    },
    Case {
        name: "create a foreign key that is not valid",
        rule: "brief-lock",
        upgrade: "op.create_foreign_key('fk', 't', 'parent', ['parent_id'], ['id'], postgresql_not_valid=True)",
        sql: "ALTER TABLE t ADD CONSTRAINT fk FOREIGN KEY(parent_id) REFERENCES parent (id) NOT VALID",
        ..CASE
    },
    Case {
        name: "create a foreign key to itself",
        rule: "create-foreign-key",
        upgrade: "op.create_foreign_key('fk', 't', 't', ['parent_id'], ['id'])",
        sql: "ALTER TABLE t ADD CONSTRAINT fk FOREIGN KEY(parent_id) REFERENCES t (id)",
        ..CASE
    },
    Case {
        name: "create a check",
        rule: "create-check",
        upgrade: "op.create_check_constraint('ck', 't', 'a > 0')",
        sql: "ALTER TABLE t ADD CONSTRAINT ck CHECK (a > 0)",
        ..CASE
    },
    Case {
        name: "create a check that is not valid",
        rule: "brief-lock",
        upgrade: "op.create_check_constraint('ck', 't', 'a > 0', postgresql_not_valid=True)",
        sql: "ALTER TABLE t ADD CONSTRAINT ck CHECK (a > 0) NOT VALID",
        ..CASE
    },
    Case {
        name: "create a unique constraint",
        rule: "create-unique",
        upgrade: "op.create_unique_constraint('uq', 't', ['a'])",
        sql: "ALTER TABLE t ADD CONSTRAINT uq UNIQUE (a)",
        ..CASE
    },
    Case {
        name: "create a unique constraint from an index",
        rule: "brief-lock",
        upgrade: "op.execute('ALTER TABLE t ADD CONSTRAINT uq UNIQUE USING INDEX ix_a')",
        sql: "ALTER TABLE t ADD CONSTRAINT uq UNIQUE USING INDEX ix_a",
        before: "op.create_index('ix_a', 't', ['a'], unique=True)",
        before_sql: "CREATE UNIQUE INDEX ix_a ON t (a)",
        ..CASE
    },
    Case {
        name: "create a primary key",
        rule: "create-primary-key",
        upgrade: "op.create_primary_key('pk', 'keyless', ['a'])",
        sql: "ALTER TABLE keyless ADD CONSTRAINT pk PRIMARY KEY (a)",
        ..CASE
    },
    Case {
        name: "create a primary key from an index",
        rule: "primary-key-using-index",
        upgrade: "op.execute('ALTER TABLE keyless ADD CONSTRAINT pk PRIMARY KEY USING INDEX ix_keyless')",
        sql: "ALTER TABLE keyless ADD CONSTRAINT pk PRIMARY KEY USING INDEX ix_keyless",
        before: "op.create_index('ix_keyless', 'keyless', ['a'], unique=True)",
        before_sql: "CREATE UNIQUE INDEX ix_keyless ON keyless (a)",
        ..CASE
    },
    Case {
        name: "create an exclusion constraint",
        rule: "create-exclude",
        upgrade: "op.create_exclude_constraint('ex', 't', (sa.column('during'), '&&'), using='gist')",
        sql: "ALTER TABLE t ADD CONSTRAINT ex EXCLUDE USING gist (during WITH &&)",
        ..CASE
    },
    Case {
        name: "validate in the same transaction",
        rule: "validate-in-same-transaction",
        upgrade: "op.create_foreign_key('fk', 't', 'parent', ['parent_id'], ['id'], postgresql_not_valid=True)\n\
            op.execute('ALTER TABLE t VALIDATE CONSTRAINT fk')",
        sql: "ALTER TABLE t ADD CONSTRAINT fk FOREIGN KEY(parent_id) REFERENCES parent (id) NOT VALID; ALTER TABLE t \
            VALIDATE CONSTRAINT fk",
        ..CASE
    },
    Case {
        name: "drop a foreign key",
        rule: "drop-foreign-key",
        upgrade: "op.drop_constraint('child_parent_fk', 'child', type_='foreignkey')",
        sql: "ALTER TABLE child DROP CONSTRAINT child_parent_fk",
        before: "op.create_foreign_key('child_parent_fk', 'child', 'parent', ['parent_id'], ['id'])",
        before_sql: "ALTER TABLE child ADD CONSTRAINT child_parent_fk FOREIGN KEY(parent_id) REFERENCES parent (id)",
        ..CASE
    },
    Case {
        name: "drop a check",
        rule: "brief-lock",
        upgrade: "op.drop_constraint('positive', 'checked', type_='check')",
        sql: "ALTER TABLE checked DROP CONSTRAINT positive",
        ..CASE
    },
    Case {
        name: "create a table with a foreign key",
        rule: "create-table-foreign-key",
        upgrade: "op.create_table('fresh', sa.Column('id', sa.Integer(), primary_key=True), sa.Column('parent_id', \
            sa.Integer(), sa.ForeignKey('parent.id')))",
        sql: "CREATE TABLE fresh ( id SERIAL NOT NULL, parent_id INTEGER, PRIMARY KEY (id), FOREIGN KEY(parent_id) \
            REFERENCES parent (id) )",
        ..CASE
    },
    Case {
        name: "attach a partition",
        rule: "attach-partition",
        upgrade: "op.execute('ALTER TABLE parted ATTACH PARTITION apart FOR VALUES FROM (100) TO (200)')",
        sql: "ALTER TABLE parted ATTACH PARTITION apart FOR VALUES FROM (100) TO (200)",
        ..CASE
    },
    Case {
        name: "create a partition",
        rule: "create-partition-of",
        upgrade: "op.execute('CREATE TABLE p3 PARTITION OF parted FOR VALUES FROM (200) TO (300)')",
        sql: "CREATE TABLE p3 PARTITION OF parted FOR VALUES FROM (200) TO (300)",
        ..CASE
    },
    Case {
        name: "detach a partition",
        rule: "detach-partition",
        upgrade: "op.execute('ALTER TABLE parted DETACH PARTITION p1')",
        sql: "ALTER TABLE parted DETACH PARTITION p1",
        ..CASE
    },
    Case { name: "truncate", rule: "truncate", upgrade: "op.execute('TRUNCATE t')", sql: "TRUNCATE t", ..CASE },
    Case {
        name: "truncate cascade",
        rule: "truncate",
        upgrade: "op.execute('TRUNCATE parent CASCADE')",
        sql: "TRUNCATE parent CASCADE",
        before: "op.create_foreign_key('child_parent_fk', 'child', 'parent', ['parent_id'], ['id'])",
        before_sql: "ALTER TABLE child ADD CONSTRAINT child_parent_fk FOREIGN KEY(parent_id) REFERENCES parent (id)",
        ..CASE
    },
    Case {
        name: "cluster",
        rule: "rewrite-table",
        upgrade: "op.execute('CLUSTER t USING t_pkey')",
        sql: "CLUSTER t USING t_pkey",
        ..CASE
    },
    Case {
        name: "set unlogged",
        rule: "rewrite-table",
        upgrade: "op.execute('ALTER TABLE t SET UNLOGGED')",
        sql: "ALTER TABLE t SET UNLOGGED",
        ..CASE
    },
    Case {
        name: "refresh a materialized view",
        rule: "refresh-materialized-view",
        upgrade: "op.execute('REFRESH MATERIALIZED VIEW v')",
        sql: "REFRESH MATERIALIZED VIEW v",
        ..CASE
    },
    Case {
        name: "lock by hand",
        rule: "lock-table",
        upgrade: "op.execute('LOCK TABLE t IN SHARE ROW EXCLUSIVE MODE')",
        sql: "LOCK TABLE t IN SHARE ROW EXCLUSIVE MODE",
        ..CASE
    },
    Case {
        name: "lock by hand without mode",
        rule: "lock-table",
        upgrade: "op.execute('LOCK t')",
        sql: "LOCK t",
        ..CASE
    },
    Case {
        name: "create a trigger",
        rule: "brief-lock",
        upgrade: "op.execute('CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION \
            suppress_redundant_updates_trigger()')",
        sql: "CREATE TRIGGER x BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        ..CASE
    },
    Case {
        name: "drop a trigger",
        rule: "brief-lock",
        upgrade: "op.execute('DROP TRIGGER old ON triggered')",
        sql: "DROP TRIGGER old ON triggered",
        ..CASE
    },
    Case {
        name: "disable a trigger",
        rule: "brief-lock",
        upgrade: "op.execute('ALTER TABLE triggered DISABLE TRIGGER old')",
        sql: "ALTER TABLE triggered DISABLE TRIGGER old",
        ..CASE
    },
    Case {
        name: "create a policy",
        rule: "brief-lock",
        upgrade: "op.execute('CREATE POLICY x ON t USING (true)')",
        sql: "CREATE POLICY x ON t USING (true)",
        ..CASE
    },
    Case {
        name: "enable row security",
        rule: "brief-lock",
        upgrade: "op.execute('ALTER TABLE t ENABLE ROW LEVEL SECURITY')",
        sql: "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
        ..CASE
    },
    Case {
        name: "create a rule",
        rule: "brief-lock",
        upgrade: "op.execute('CREATE RULE x AS ON DELETE TO t DO INSTEAD NOTHING')",
        sql: "CREATE RULE x AS ON DELETE TO t DO INSTEAD NOTHING",
        ..CASE
    },
    Case {
        name: "backfill beside a change",
        rule: "backfill-with-ddl",
        upgrade: "op.add_column('t', sa.Column('x', sa.Integer()))\nop.execute('UPDATE parent SET n = 1')",
        sql: "ALTER TABLE t ADD COLUMN x INTEGER; UPDATE parent SET n = 1",
        ..CASE
    },
    Case {
        name: "insert beside a change",
        rule: "backfill-with-ddl",
        upgrade: "op.drop_column('t', 'a')\nop.bulk_insert(sa.table('parent', sa.column('id', sa.Integer())), \
            [{'id': 99}])",
        sql: "ALTER TABLE t DROP COLUMN a; INSERT INTO parent (id) VALUES (99)",
        ..CASE
    },
    Case {
        name: "an index after a change",
        rule: "statement-after-access-exclusive",
        upgrade: "op.drop_column('t', 'a')\nop.create_index('ix', 'parent', ['n'])",
        sql: "ALTER TABLE t DROP COLUMN a; CREATE INDEX ix ON parent (n)",
        ..CASE
    },
    Case {
        name: "vacuum full",
        rule: "rewrite-table",
        upgrade: "with op.get_context().autocommit_block():\n    op.execute('VACUUM FULL t')",
        sql: "VACUUM FULL t",
        in_transaction: false,
        ..CASE
    },
    Case {
        name: "create an index concurrently",
        rule: "concurrently-lock-timeout",
        upgrade: "op.execute(\"SET lock_timeout = '50s'\")\n\
            with op.get_context().autocommit_block():\n    op.create_index('ix', 't', ['a'], \
            postgresql_concurrently=True)",
        sql: "SET lock_timeout = '50s'; CREATE INDEX CONCURRENTLY ix ON t (a)",
        in_transaction: false,
        ..CASE
    },
    Case {
        name: "reindex concurrently",
        rule: "concurrently-lock-timeout",
        upgrade: "op.execute(\"SET lock_timeout = '50s'\")\n\
            with op.get_context().autocommit_block():\n    op.execute('REINDEX TABLE CONCURRENTLY t')",
        sql: "SET lock_timeout = '50s'; REINDEX TABLE CONCURRENTLY t",
        in_transaction: false,
        ..CASE
    },
];
