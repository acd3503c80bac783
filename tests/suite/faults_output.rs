//! Outputs that cannot be written: nothing is left, and nothing that was there is lost.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::fault_table::{FAULT, Fault, check};
use super::support::{Tensor, names, pair, program, repository, skip, snapshot, stderr, tensors, write_model};

const OUTPUT: Fault = Fault { code: 2, ..FAULT };

#[test]
fn folders_that_must_not_be_written_are_refused() {
    check(
        &[
            Fault {
                name: "OUT exists",
                arrange: |folder| write_model(&folder.join("out"), &super::support::encoder(3)),
                says: &["`out` already exists"],
                hint: "--force",
                ..OUTPUT
            },
            Fault {
                name: "OUT is a file",
                arrange: |folder| fs::write(folder.join("out"), "diary").unwrap(),
                says: &["`out` already exists"],
                hint: "--force",
                ..OUTPUT
            },
            Fault {
                name: "OUT is a link to nothing",
                arrange: |folder| std::os::unix::fs::symlink("nowhere", folder.join("out")).unwrap(),
                says: &["`out` already exists"],
                hint: "--force",
                ..OUTPUT
            },
            Fault {
                name: "OUT inside an input",
                arguments: &["-o", "a/out"],
                says: &["the output `a/out` lies inside the input `a`"],
                hint: "beside",
                ..OUTPUT
            },
            Fault {
                name: "OUT inside an input, through a link",
                arrange: |folder| std::os::unix::fs::symlink("b", folder.join("link")).unwrap(),
                arguments: &["-o", "link/deep/out"],
                says: &["the output `link/deep/out` lies inside the input `b`"],
                hint: "beside",
                ..OUTPUT
            },
            Fault {
                name: "OUT is an input",
                arguments: &["-o", "b", "--force"],
                says: &["the output `b` holds the input `b`"],
                hint: "beside",
                ..OUTPUT
            },
            Fault { name: "OUT holds the inputs", arguments: &["-o", ".", "--force"], says: &["`.`"], ..OUTPUT },
            Fault {
                name: "--force on a folder that is no model",
                arrange: |folder| {
                    fs::create_dir(folder.join("out")).unwrap();
                    fs::write(folder.join("out/diary.txt"), "dear").unwrap();
                },
                arguments: &["--force"],
                says: &["`out` was not written by admix"],
                hint: "admix.json",
                ..OUTPUT
            },
            Fault {
                name: "--force on another program's model",
                arrange: |folder| write_model(&folder.join("out"), &super::support::encoder(3)),
                arguments: &["--force"],
                says: &["`out` was not written by admix"],
                hint: "admix.json",
                ..OUTPUT
            },
            Fault {
                name: "--force on a file",
                arrange: |folder| fs::write(folder.join("out"), "diary").unwrap(),
                arguments: &["--force"],
                says: &["`out` was not written by admix"],
                hint: "admix.json",
                ..OUTPUT
            },
            Fault {
                name: "a parent that is a file",
                arguments: &["-o", "recipe.yaml/out"],
                code: 1,
                says: &["recipe.yaml"],
                ..OUTPUT
            },
            Fault {
                name: "a failing merge with --force",
                arrange: |folder| {
                    super::support::run(folder, &["merge", "recipe.yaml", "-q", "-o", "out"]);
                    let mut tensors = super::support::encoder(2);
                    let nan = Tensor::floats(safetensors::Dtype::F32, &[4], [f64::NAN; 4]);
                    tensors.insert("encoder.layer.0.output.dense.bias".into(), nan);
                    write_model(&folder.join("b"), &tensors);
                },
                arguments: &["--force"],
                code: 3,
                says: &["NaN"],
                hint: "--allow non-finite",
            },
        ],
        pair,
    );
}

/// Two models of 400 kB in `folder`, and their recipe.
fn larger(folder: &Path) {
    for (model, seed) in [("a", 1), ("b", 2)] {
        write_model(&folder.join(model), &tensors([("embeddings.weight", Tensor::random(&[1000, 100], seed))]));
    }
}

#[test]
fn a_file_size_limit_is_an_error_and_leaves_nothing() {
    let folder = pair();
    larger(folder.path());
    // In blocks of 512 bytes or of 1024, depending on the shell: below the size of the output either way.
    let limited = format!("ulimit -f 256; exec '{}' merge recipe.yaml -o parent/out", program());
    let before = snapshot(folder.path());
    let output = Command::new("sh").args(["-c", &limited]).current_dir(folder.path()).output().unwrap();
    let said = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("no room for `parent/.out.admix-") && said.contains("bytes"), "{said}");
    assert!(snapshot(folder.path()) == before, "{:?}", names(folder.path()));
}

/// Runs a script in a mount namespace of its own; `None` where that is not permitted.
fn with_mounts(folder: &Path, script: &str) -> Option<std::process::Output> {
    let script =
        format!("mkdir mounted && mount -t tmpfs -o size=256k,mode=755 tmpfs mounted && echo mounted && {script}");
    for namespace in [&["-rm"][..], &["-m"]] {
        let _ = fs::remove_dir(folder.join("mounted"));
        let run = Command::new("unshare").args(namespace).args(["sh", "-c", &script]).current_dir(folder).output();
        if let Some(output) = run.ok().filter(|output| output.stdout.starts_with(b"mounted\n")) {
            return Some(output);
        }
    }
    None
}

#[test]
fn a_full_disk_is_an_error_and_leaves_nothing() {
    let folder = pair();
    larger(folder.path());
    let script = format!("'{}' merge recipe.yaml -o mounted/out; echo code $?; ls -A mounted", program());
    let Some(output) = with_mounts(folder.path(), &script) else {
        return skip("a full disk: mounting is not permitted");
    };
    let said = stderr(&output);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "mounted\ncode 1\n", "{said}");
    assert!(said.contains("no room for `mounted/.out.admix-") && !said.contains("panicked"), "{said}");
}

#[test]
fn embeddings_that_fill_the_disk_are_an_error_that_names_their_file() {
    let folder = pair();
    let model = repository().join("fixtures/tiny/base");
    let script = format!(
        "yes text | head -n 5000 | '{}' embed '{}' -o mounted/out.npy; echo code $?; ls -A mounted",
        program(),
        model.display()
    );
    let Some(output) = with_mounts(folder.path(), &script) else {
        return skip("a full disk: mounting is not permitted");
    };
    let said = stderr(&output);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "mounted\ncode 1\n", "{said}");
    assert!(said.contains("cannot write `mounted/out.npy`: ") && said.lines().count() == 1, "{said}");
}

#[test]
fn side_files_that_fill_the_disk_are_an_error_and_leave_nothing() {
    let folder = pair();
    fs::write(folder.path().join("a/vocab.txt"), vec![b'x'; 300_000]).unwrap();
    fs::write(folder.path().join("b/vocab.txt"), vec![b'x'; 300_000]).unwrap();
    let script = format!("'{}' merge recipe.yaml -o mounted/out; echo code $?; ls -A mounted", program());
    let Some(output) = with_mounts(folder.path(), &script) else {
        return skip("a full disk: mounting is not permitted");
    };
    let said = stderr(&output);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "mounted\ncode 1\n", "{said}");
    assert!(said.contains("no room for") && said.contains("vocab.txt"), "{said}");
}

#[test]
fn a_read_only_mount_is_an_error() {
    let folder = pair();
    let merge = format!("'{}' merge recipe.yaml -o mounted/out; echo code $?; ls -A mounted", program());
    let script = format!("mount -o remount,ro mounted; {merge}");
    let Some(output) = with_mounts(folder.path(), &script) else {
        return skip("a read-only mount: mounting is not permitted");
    };
    let said = stderr(&output);
    assert_eq!(String::from_utf8_lossy(&output.stdout), "mounted\ncode 1\n", "{said}");
    assert!(said.contains("cannot create `mounted/.out.admix-") && !said.contains("panicked"), "{said}");
}
