use std::fs;
use std::os::unix::fs::symlink;
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use super::*;
use crate::alembic::operations::Operations;
use crate::alembic::reader;

fn revision(id: &str, down: &str) -> String {
    format!("revision = {id:?}\ndown_revision = {down}\n")
}

fn write(folder: &Path, name: &str, content: &str) {
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join(name), content).unwrap();
}

/// Waits until the files are old enough for their stamps to be trusted.
fn settle(scripts: &mut Scripts) -> Arc<Graph> {
    for _ in 0..200 {
        let graph = scripts.refresh().unwrap();
        if scripts.graph.is_some() {
            return graph;
        }
        thread::sleep(Duration::from_millis(10));
    }
    panic!("the files never settle");
}

fn open(folder: &TempDir, name: &str) -> Scripts {
    Scripts::new(Source::Folders { folders: vec![folder.path().join(name)], recursive: true })
}

fn heads(graph: &Graph) -> Vec<String> {
    graph.sorted_ids(graph.heads())
}

#[test]
fn nothing_is_read_again_while_nothing_changes() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("versions"), "a.py", &revision("a", "None"));
    let mut scripts = open(&folder, "versions");
    let first = settle(&mut scripts);
    assert!(Arc::ptr_eq(&first, &scripts.refresh().unwrap()));
    assert!(scripts.modified().is_some());
    let files: Vec<_> = scripts.revision_files().map(|(revision, path, _)| (revision, path.to_owned())).collect();
    assert_eq!(files, [("a", folder.path().canonicalize().unwrap().join("versions/a.py"))]);
}

#[test]
fn a_change_of_the_same_size_is_seen_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let versions = folder.path().join("versions");
    write(&versions, "a.py", &revision("a", "None"));
    let mut scripts = open(&folder, "versions");
    for id in ["a", "b", "c", "d"] {
        write(&versions, "a.py", &revision(id, "None"));
        assert_eq!(heads(&scripts.refresh().unwrap()), [id]);
    }
}

#[test]
fn added_and_removed_files_are_seen() {
    let folder = tempfile::tempdir().unwrap();
    let versions = folder.path().join("versions");
    write(&versions, "a.py", &revision("a", "None"));
    let mut scripts = open(&folder, "versions");
    settle(&mut scripts);
    write(&versions, "b.py", &revision("b", "'a'"));
    assert_eq!(heads(&scripts.refresh().unwrap()), ["b"]);
    fs::remove_file(versions.join("b.py")).unwrap();
    assert_eq!(heads(&scripts.refresh().unwrap()), ["a"]);
}

/// As Kubernetes mounts a `ConfigMap`: files are links through `..data`, which is swapped.
#[test]
fn a_swapped_link_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let mount = folder.path().join("versions");
    write(&mount.join("..1"), "a.py", &revision("a", "None"));
    write(&mount.join("..2"), "a.py", &revision("b", "None"));
    symlink("..1", mount.join("..data")).unwrap();
    symlink("..data/a.py", mount.join("a.py")).unwrap();
    let mut scripts = Scripts::new(Source::Folders { folders: vec![mount.clone()], recursive: false });
    assert_eq!(heads(&settle(&mut scripts)), ["a"]);
    symlink("..2", mount.join("..new")).unwrap();
    fs::rename(mount.join("..new"), mount.join("..data")).unwrap();
    assert_eq!(heads(&settle(&mut scripts)), ["b"]);
}

#[test]
fn what_cannot_be_read_is_named_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    let versions = folder.path().join("versions");
    write(&versions, "a.py", &revision("a", "None"));
    write(&versions, "b.py", "revision = f()\ndown_revision = 'a'\n");
    symlink("gone.py", versions.join("c.py")).unwrap();
    let graph = open(&folder, "versions").refresh().unwrap();
    let unparsable: Vec<_> = graph.unparsable().iter().map(|file| (file.file.as_str(), file.reason.as_str())).collect();
    assert_eq!(
        unparsable,
        [
            ("b.py", "declares a `revision` that is the result of a call (line 1)"),
            ("c.py", "is not there, or is not a regular file")
        ]
    );
}

#[test]
fn a_manifest_is_read_again_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("manifest.json");
    let script = |id: &str| reader::read("x.py", "x.py", revision(id, "None").as_bytes()).unwrap();
    let manifest = |id: &str| manifest::write(&Graph::new(vec![script(id)], vec![]), &Operations::default()).unwrap();
    fs::write(&path, manifest("a")).unwrap();
    let mut scripts = Scripts::new(Source::Manifest(path.clone()));
    let first = settle(&mut scripts);
    assert!(Arc::ptr_eq(&first, &scripts.refresh().unwrap()));
    fs::write(&path, manifest("b")).unwrap();
    assert_eq!(heads(&scripts.refresh().unwrap()), ["b"]);
    fs::write(&path, "{}").unwrap();
    assert!(scripts.refresh().unwrap_err().to_string().contains("manifest.json is not a manifest of revisions"));
}
