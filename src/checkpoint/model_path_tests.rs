#![expect(clippy::unwrap_used, reason = "tests")]

use std::os::unix::fs::symlink;

use tempfile::TempDir;

use super::*;
use crate::diagnose::Diagnose as _;

/// A folder with a model in `model`, a secret beside it, and another folder that its name begins with.
fn parent_folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in
        [("model/config.json", "{}"), ("model/sub/vocab.txt", "v"), ("secret", "s"), ("model-2/secret", "s")]
    {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn opened(root: &ModelPath, name: &str) -> Result<String, Error> {
    root.join(name).read(100).map(|bytes| String::from_utf8(bytes).unwrap())
}

#[test]
fn links_are_followed_inside_the_folder() {
    let parent = parent_folder();
    let model = parent.path().join("model");
    symlink("config.json", model.join("relative")).unwrap();
    symlink(model.join("config.json"), model.join("absolute")).unwrap();
    symlink("relative", model.join("chain")).unwrap();
    symlink("sub", model.join("folder")).unwrap();
    symlink("../config.json", model.join("sub/up")).unwrap();
    symlink("../model/config.json", model.join("round-about")).unwrap();
    let root = ModelPath::of(&model, Links::Inside).unwrap();
    for name in ["config.json", "relative", "absolute", "chain", "sub/up", "folder/up", "round-about"] {
        assert_eq!(opened(&root, name).unwrap(), "{}", "{name}");
    }
    assert_eq!(opened(&root, "folder/vocab.txt").unwrap(), "v");
}

#[test]
fn a_link_out_is_refused_and_says_where_it_leads() {
    let parent = parent_folder();
    let model = parent.path().join("model");
    symlink("../secret", model.join("relative")).unwrap();
    symlink(parent.path().join("secret"), model.join("absolute")).unwrap();
    symlink("sub/../../secret", model.join("up")).unwrap();
    symlink("relative", model.join("chain")).unwrap();
    symlink("../model-2/secret", model.join("neighbour")).unwrap();
    symlink("../model-2", model.join("folder")).unwrap();
    symlink("/dev/zero", model.join("device")).unwrap();
    symlink("/proc/self/environ", model.join("environment")).unwrap();
    let strict = ModelPath::of(&model, Links::Inside).unwrap();
    for name in ["relative", "absolute", "up", "chain", "neighbour", "folder/secret", "device", "environment"] {
        let error = strict.join(name).open().unwrap_err();
        assert!(matches!(error, Error::LeadsOut { cached: false, .. }), "{name}: {error}");
        assert!(strict.join(name).check().is_err(), "{name}");
        let (said, hint) = (error.to_string(), error.hint().unwrap());
        assert!(said.contains(&format!("/model/{name}` leads out of the model folder, to `/")), "{said}");
        assert!(hint.contains("`--allow links`"), "{hint}");
    }
    assert!(strict.join("folder").check().is_err());
    let lax = ModelPath::of(&model, Links::Followed).unwrap();
    assert_eq!(opened(&lax, "chain").unwrap(), "s");
    assert_eq!(opened(&lax, "folder/secret").unwrap(), "s");
}

#[test]
fn what_is_no_regular_file_is_never_opened() {
    let parent = parent_folder();
    let model = parent.path().join("model");
    symlink("nothing", model.join("dangling")).unwrap();
    symlink("loop-2", model.join("loop-1")).unwrap();
    symlink("loop-1", model.join("loop-2")).unwrap();
    symlink("/dev/zero", model.join("device")).unwrap();
    symlink("sub", model.join("folder")).unwrap();
    rustix::fs::mknodat(CWD, model.join("pipe"), rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
    symlink("pipe", model.join("to-pipe")).unwrap();
    for links in [Links::Inside, Links::Followed] {
        let root = ModelPath::of(&model, links).unwrap();
        for name in ["pipe", "to-pipe", "folder", "sub"] {
            assert!(matches!(root.join(name).open(), Err(Error::NotAFile { .. })), "{name}, {links:?}");
        }
        assert!(matches!(root.join("dangling").open(), Err(Error::BrokenLink { .. })));
        assert!(matches!(root.join("loop-1").open(), Err(Error::Io { .. })));
    }
    let lax = ModelPath::of(&model, Links::Followed).unwrap();
    assert!(matches!(lax.join("device").open(), Err(Error::NotAFile { .. })));
}

#[test]
fn the_folder_itself_may_be_a_link_and_lie_behind_one() {
    let parent = parent_folder();
    symlink("model", parent.path().join("link")).unwrap();
    let other = tempfile::tempdir().unwrap();
    symlink(parent.path(), other.path().join("far")).unwrap();
    symlink("config.json", parent.path().join("model/alias")).unwrap();
    symlink("../secret", parent.path().join("model/out")).unwrap();
    for folder in [parent.path().join("link"), other.path().join("far/model"), other.path().join("far/link")] {
        let root = ModelPath::of(&folder, Links::Inside).unwrap();
        assert_eq!(opened(&root, "alias").unwrap(), "{}");
        assert!(matches!(root.join("out").open(), Err(Error::LeadsOut { .. })));
    }
}

#[test]
fn a_snapshot_reaches_its_own_repository_and_no_other() {
    let cache = tempfile::tempdir().unwrap();
    let commit = "0123456789abcdef0123456789abcdef01234567";
    let snapshot = |name: &str| cache.path().join(format!("models--org--{name}/snapshots/{commit}"));
    for name in ["mine", "other"] {
        fs::create_dir_all(snapshot(name).join("sub")).unwrap();
        let blobs = cache.path().join(format!("models--org--{name}/blobs"));
        fs::create_dir(&blobs).unwrap();
        fs::write(blobs.join("aa"), name).unwrap();
        symlink("../../blobs/aa", snapshot(name).join("config.json")).unwrap();
    }
    symlink("../../../blobs/aa", snapshot("mine").join("sub/config.json")).unwrap();
    symlink("../../../models--org--other/blobs/aa", snapshot("mine").join("stolen")).unwrap();
    let root = ModelPath::of(&snapshot("mine"), Links::Inside).unwrap();
    assert_eq!(opened(&root, "config.json").unwrap(), "mine");
    let stolen = root.join("stolen").open().unwrap_err();
    assert!(stolen.hint().unwrap().contains("download it again"), "{stolen}");
    // A module of a snapshot, taken as a model.
    let module = ModelPath::of(&snapshot("mine").join("sub"), Links::Inside).unwrap();
    assert_eq!(opened(&module, "config.json").unwrap(), "mine");
}

#[test]
fn a_link_put_into_the_way_meanwhile_is_not_followed() {
    let parent = parent_folder();
    let bounds = fs::canonicalize(parent.path().join("model")).unwrap();
    assert!(beneath(&bounds, &bounds.join("sub/vocab.txt")).is_ok());
    fs::remove_dir_all(bounds.join("sub")).unwrap();
    symlink("../model-2", bounds.join("sub")).unwrap();
    symlink("../secret", bounds.join("file")).unwrap();
    assert!(beneath(&bounds, &bounds.join("sub/secret")).is_err());
    assert!(beneath(&bounds, &bounds.join("file")).is_err());
}
