//! The graph, and what its revisions do, in one file, for an image that does not carry the application's source.
//!
//! Deterministic: the same revision files give the same bytes, whatever machine reads them. Revisions stand in the order
//! in which Alembic reads their files, because the order of an upgrade depends on it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use super::graph::Graph;
use super::operations::{Operations, Told};
use super::reader::{Script, Unparsable};

/// The version of the format that is written; the only one that is read.
const VERSION: u32 = 1;
/// What tells a manifest from another JSON file.
const KIND: &str = "alembic_manifest";
/// The version of what is told about operations. It changes more often than the rest, and the rest is of use without it.
const OPERATIONS_VERSION: u32 = 1;

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest<O> {
    version: u32,
    kind: String,
    revisions: Vec<Script>,
    unparsable: Vec<Unparsable>,
    /// Read for itself once its version is known.
    #[serde(default = "Option::default", skip_serializing_if = "Option::is_none")]
    operations: Option<O>,
}

/// What the revisions do.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Operated {
    version: u32,
    revisions: BTreeMap<String, Told>,
}

/// What a manifest holds.
#[derive(Debug)]
pub struct Content {
    /// The revisions.
    pub graph: Graph,
    /// What each of them does, as far as it is told.
    pub operations: BTreeMap<String, Told>,
}

/// The fields that tell whether the rest can be read.
#[derive(Debug, Deserialize)]
struct Header {
    version: Option<u32>,
    kind: Option<String>,
}

/// Why a file is not a manifest that can be used.
#[derive(Debug, Error)]
pub enum ManifestError {
    /// Not JSON, or not with the fields of a manifest.
    #[error("is not a manifest of revisions: {0}; write it with `pgwarden alembic manifest`")]
    Invalid(#[from] serde_json::Error),
    /// JSON of another kind.
    #[error("is not a manifest of revisions: `kind` is not `{KIND}`; write it with `pgwarden alembic manifest`")]
    OtherKind,
    /// Written by another version of pgwarden.
    #[error(
        "has version {0}, and this pgwarden reads version {VERSION}; write it again with `pgwarden alembic manifest`"
    )]
    OtherVersion(u32),
}

/// Writes the graph, and what its revisions do, as JSON with a final newline.
pub fn write(graph: &Graph, operations: &Operations) -> Result<String, serde_json::Error> {
    let operated = Operated { version: OPERATIONS_VERSION, revisions: operations.told(graph) };
    let manifest = Manifest {
        operations: Some(operated).filter(|operated| !operated.revisions.is_empty()),
        version: VERSION,
        kind: KIND.to_owned(),
        revisions: graph.declared().to_vec(),
        unparsable: graph.unparsable().to_vec(),
    };
    serde_json::to_string_pretty(&manifest).map(|json| json + "\n")
}

/// Reads what [`write`] has written.
pub fn read(json: &[u8]) -> Result<Content, ManifestError> {
    let header: Header = serde_json::from_slice(json)?;
    if header.kind.as_deref() != Some(KIND) {
        return Err(ManifestError::OtherKind);
    }
    match header.version {
        Some(VERSION) => {}
        Some(version) => return Err(ManifestError::OtherVersion(version)),
        None => return Err(ManifestError::OtherVersion(0)),
    }
    let manifest: Manifest<Value> = serde_json::from_slice(json)?;
    Ok(Content {
        graph: Graph::new(manifest.revisions, manifest.unparsable),
        operations: manifest.operations.map(operated).transpose()?.unwrap_or_default(),
    })
}

/// What the revisions do; nothing where another version of pgwarden tells it.
fn operated(operations: Value) -> Result<BTreeMap<String, Told>, serde_json::Error> {
    let version = operations.get("version").and_then(Value::as_u64);
    if version.is_some_and(|version| version != u64::from(OPERATIONS_VERSION)) {
        return Ok(BTreeMap::new());
    }
    Ok(serde_json::from_value::<Operated>(operations)?.revisions)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::graph::tests::graph;
    use super::*;

    fn written(graph: &Graph) -> String {
        write(graph, &Operations::default()).unwrap()
    }

    #[test]
    fn a_graph_survives_the_file() {
        let original = graph(&["a #core", "b: a", "c: a / b", "d: b c", "d: b"]);
        let json = written(&original);
        let read = read(json.as_bytes()).unwrap().graph;
        assert_eq!(read.declared(), original.declared());
        assert_eq!(read.history(), original.history());
        assert_eq!(read.findings(), original.findings());
        assert_eq!(written(&read), json);
    }

    #[test]
    fn unparsable_files_are_not_forgotten() {
        let unparsable = vec![Unparsable { file: "x.py".into(), reason: "is computed".into() }];
        let json = written(&Graph::new(vec![], unparsable.clone()));
        assert_eq!(read(json.as_bytes()).unwrap().graph.unparsable(), unparsable);
    }

    #[test]
    fn another_file_is_refused_with_the_reason() {
        let refused = |json: &str| read(json.as_bytes()).unwrap_err().to_string();
        assert!(refused("").starts_with("is not a manifest of revisions: EOF"));
        assert!(refused("{}").contains("`kind` is not"));
        assert!(
            refused(r#"{"kind": "alembic_manifest", "version": 2}"#)
                .starts_with("has version 2, and this pgwarden reads version 1")
        );
        assert!(refused(r#"{"kind": "alembic_manifest", "version": 1}"#).contains("missing field `revisions`"));
        let extra = r#"{"kind": "alembic_manifest", "version": 1, "revisions": [], "unparsable": [], "more": 1}"#;
        assert!(refused(extra).contains("unknown field `more`"));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&bytes);
        }

        #[test]
        fn a_damaged_manifest_never_panics(at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            let mut json = written(&graph(&["a #core", "b: a", "c: a / b"])).into_bytes();
            let at = at.index(json.len());
            json[at] = byte;
            let _ = read(&json);
        }
    }
}
