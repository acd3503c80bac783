#![expect(clippy::unwrap_used, reason = "tests")]

use std::os::unix::fs::symlink;

use super::super::hub_model::HubSnapshot;
use super::*;
use crate::diagnose::Diagnose as _;

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const OTHER: &str = "89abcdef0123456789abcdef0123456789abcdef";

/// A cache with `org/model` in it as the library lays it out.
fn cache() -> tempfile::TempDir {
    let cache = tempfile::tempdir().unwrap();
    let model = cache.path().join("models--org--model");
    for folder in ["blobs", "refs/refs/pr", "snapshots"] {
        fs::create_dir_all(model.join(folder)).unwrap();
    }
    fs::write(model.join("blobs/aa"), "{}").unwrap();
    for (revision, commit) in [("main", COMMIT), ("v1", OTHER), ("refs/pr/1", OTHER)] {
        fs::write(model.join("refs").join(revision), commit).unwrap();
        let snapshot = model.join("snapshots").join(commit);
        fs::create_dir_all(snapshot.join("1_Pooling")).unwrap();
        let _ = symlink("../../blobs/aa", snapshot.join("config.json"));
        let _ = symlink("../../../blobs/aa", snapshot.join("1_Pooling/config.json"));
    }
    cache
}

fn found(cache: &Path, text: &str) -> Result<PathBuf, Error> {
    find(&HubModel::parse(text).unwrap(), cache)
}

#[test]
fn names_of_the_hub_are_told_from_paths() {
    for name in ["intfloat/multilingual-e5-small", "a/b@main", "BAAI/bge-m3@refs/pr/1", "_x/y_", "a/b.c@v1.0"] {
        assert_eq!(HubModel::parse(name).unwrap().to_string(), name);
    }
    for other in [
        "a",
        "./a/b",
        "a/b/c",
        "/a/b",
        "../a",
        "a/.b",
        "a/b@",
        "a/b@../main",
        "a/b@x/../y",
        "a/b@/etc",
        "a/b@x@y",
        "a--b/c",
        "a/b..c",
        "-a/b",
        "a/b-",
        "a/가",
        "a/b\0",
    ] {
        assert_eq!(HubModel::parse(other), None, "{other:?}");
    }
}

#[test]
fn a_revision_leads_to_its_snapshot() {
    let cache = cache();
    let snapshots = cache.path().join("models--org--model/snapshots");
    for (text, commit) in [
        ("org/model", COMMIT),
        ("org/model@main", COMMIT),
        ("org/model@v1", OTHER),
        ("org/model@refs/pr/1", OTHER),
        ("org/model@89abcdef0123456789abcdef0123456789abcdef", OTHER),
    ] {
        let folder = found(cache.path(), text).unwrap();
        assert_eq!(folder, snapshots.join(commit), "{text}");
        let known = HubSnapshot { name: "org/model".into(), commit: commit.into() };
        assert_eq!(HubSnapshot::of(&folder), Some(known));
    }
    assert_eq!(HubSnapshot::of(cache.path()), None);
    assert_eq!(HubSnapshot::of(Path::new("models--a--b/snapshots/main")), None);
}

#[test]
fn what_the_cache_lacks_is_said() {
    let cache = cache();
    let absent = found(cache.path(), "org/other").unwrap_err();
    assert!(
        absent.to_string().starts_with("`org/other` is neither a folder nor in the Hugging Face cache `"),
        "{absent}"
    );
    assert!(absent.hint().unwrap().contains(" org/other"));
    let revision = found(cache.path(), "org/model@v2").unwrap_err();
    assert_eq!(
        revision.to_string(),
        "the Hugging Face cache has `org/model`, but not its revision `v2`: it has main and v1"
    );
    let asked = if cfg!(feature = "hub") { "admix fetch org/model@v2" } else { "hf download org/model --revision v2" };
    assert!(revision.hint().unwrap().contains(asked));
    // A ref to a commit that was never downloaded.
    fs::remove_dir_all(cache.path().join("models--org--model/snapshots").join(OTHER)).unwrap();
    assert!(matches!(found(cache.path(), "org/model@v1"), Err(Error::NoRevision { .. })));
    assert!(matches!(found(cache.path(), "org/model@refs/pr"), Err(Error::NoRevision { .. })));
}

#[test]
fn nothing_leads_out_of_the_models_folder() {
    let cache = cache();
    let model = cache.path().join("models--org--model");
    fs::write(cache.path().join("secret"), "{}").unwrap();
    symlink("../../../../secret", model.join("snapshots").join(COMMIT).join("1_Pooling/x.json")).unwrap();
    assert!(matches!(found(cache.path(), "org/model"), Err(Error::NotACommit { .. } | Error::LeadsOut { .. })));
    assert!(found(cache.path(), "org/model@v1").is_ok());
    for commit in ["../../../elsewhere", "", "main", "0123456789ABCDEF0123456789ABCDEF01234567"] {
        fs::write(model.join("refs/main"), commit).unwrap();
        assert!(matches!(found(cache.path(), "org/model"), Err(Error::NotACommit { .. })), "{commit}");
    }
    // The whole folder may be a link: people move caches.
    let moved = tempfile::tempdir().unwrap();
    symlink(&model, moved.path().join("models--org--model")).unwrap();
    assert!(found(moved.path(), "org/model@v1").is_ok());
}

#[test]
fn the_environment_says_where_the_cache_is() {
    let home = |set: &[(&str, &str)]| {
        let get = |name: &str| set.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        let HubHome { cache, token } = HubHome::from(&get);
        (cache.display().to_string(), token.display().to_string())
    };
    let pair = |cache: &str, token: &str| (cache.to_owned(), token.to_owned());
    let user = ("HOME", "/u");
    let usual = pair("/u/.cache/huggingface/hub", "/u/.cache/huggingface/token");
    assert_eq!(home(&[user]), usual);
    assert_eq!(home(&[user, ("HF_HOME", ""), ("HF_HUB_CACHE", "")]), usual);
    assert_eq!(home(&[user, ("XDG_CACHE_HOME", "/x")]), pair("/x/huggingface/hub", "/x/huggingface/token"));
    assert_eq!(home(&[user, ("HF_HOME", "~/hf"), ("XDG_CACHE_HOME", "/x")]), pair("/u/hf/hub", "/u/hf/token"));
    assert_eq!(home(&[user, ("HF_HOME", "/h"), ("HF_HUB_CACHE", "/c")]), pair("/c", "/h/token"));
    assert_eq!(home(&[user, ("HUGGINGFACE_HUB_CACHE", "/d"), ("HF_TOKEN_PATH", "/t")]), pair("/d", "/t"));
}
