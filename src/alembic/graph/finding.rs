//! What is wrong with a graph of revisions.

use std::fmt;

/// A defect with which Alembic itself would fail or be unpredictable, so that no database can be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// Two files declare the same revision; the last one read is followed.
    DuplicateRevision {
        /// The identifier.
        revision: String,
        /// Every file that declares it.
        files: Vec<String>,
    },
    /// A `down_revision` that no file declares.
    MissingParent {
        /// The revision that names it.
        revision: String,
        /// The file of that revision.
        file: String,
        /// What it names.
        parent: String,
    },
    /// A `depends_on` that is neither a revision nor a branch label.
    MissingDependency {
        /// The revision that names it.
        revision: String,
        /// The file of that revision.
        file: String,
        /// What it names.
        dependency: String,
    },
    /// Revisions that come before themselves.
    Cycle {
        /// The revisions on the cycle, sorted.
        revisions: Vec<String>,
    },
    /// A branch label that is declared twice, or that is also the identifier of a revision.
    DuplicateLabel {
        /// The label.
        label: String,
        /// The file that declares it.
        file: String,
    },
    /// An identifier with a character that Alembic keeps for itself: `@`, `-`, `+` or `:`.
    IllegalIdentifier {
        /// The identifier.
        revision: String,
        /// The file that declares it.
        file: String,
    },
}

impl Finding {
    /// Every name that [`kind`](Finding::kind) gives.
    pub const KINDS: [&str; 6] = [
        "duplicate_revision",
        "missing_parent",
        "missing_dependency",
        "cycle",
        "duplicate_label",
        "illegal_identifier",
    ];

    /// A name for programs, which stays the same.
    pub fn kind(&self) -> &'static str {
        match self {
            Finding::DuplicateRevision { .. } => "duplicate_revision",
            Finding::MissingParent { .. } => "missing_parent",
            Finding::MissingDependency { .. } => "missing_dependency",
            Finding::Cycle { .. } => "cycle",
            Finding::DuplicateLabel { .. } => "duplicate_label",
            Finding::IllegalIdentifier { .. } => "illegal_identifier",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::DuplicateRevision { revision, files } => {
                write!(
                    formatter,
                    "revision {revision} is declared more than once: {}; give one of them another identifier",
                    files.join(", ")
                )
            }
            Finding::MissingParent { revision, file, parent } => {
                write!(
                    formatter,
                    "revision {revision} ({file}) follows `{parent}`, which no file declares; restore that file or correct down_revision"
                )
            }
            Finding::MissingDependency { revision, file, dependency } => {
                write!(
                    formatter,
                    "revision {revision} ({file}) depends on `{dependency}`, which is neither a revision nor a branch label; restore that file or correct depends_on"
                )
            }
            Finding::Cycle { revisions } => {
                write!(
                    formatter,
                    "revisions come before themselves: {}; correct down_revision or depends_on of one of them",
                    revisions.join(", ")
                )
            }
            Finding::DuplicateLabel { label, file } => {
                write!(
                    formatter,
                    "branch label `{label}` ({file}) is also another label or revision; give it another name"
                )
            }
            Finding::IllegalIdentifier { revision, file } => {
                write!(
                    formatter,
                    "revision `{revision}` ({file}) has a character that Alembic keeps for itself (@ - + :); give it another identifier"
                )
            }
        }
    }
}
