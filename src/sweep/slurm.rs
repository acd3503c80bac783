//! A Slurm job array in which every element is a worker.

use std::fmt::Write as _;
use std::path::Path;

use super::Error;
use crate::escape::{is_hidden, shell};

/// The resources that the array requests.
#[derive(Clone, Debug)]
pub struct Slurm {
    /// Number of workers.
    pub workers: usize,
    /// The time limit, as Slurm writes it.
    pub time: Option<String>,
    /// Generic resources of each worker, as `gpu:1`.
    pub gres: Option<String>,
    /// Number of processors of each worker.
    pub cpus: Option<usize>,
    /// Memory of each worker, as `16G`.
    pub memory: Option<String>,
    /// The partition.
    pub partition: Option<String>,
    /// The program to run.
    pub program: String,
}

/// The batch script. It may be submitted again at any time, because workers can join and leave a study.
///
/// # Errors
/// A value with characters that Slurm's options do not have.
pub fn slurm(study: &Path, name: &str, wish: &Slurm) -> Result<String, Error> {
    if wish.workers == 0 {
        return Err(Error::usage("an array of no workers does nothing", "`--workers 8` makes eight"));
    }
    let values = [("time", &wish.time), ("gres", &wish.gres), ("mem", &wish.memory), ("partition", &wish.partition)];
    let study = std::path::absolute(study).map_err(Error::io("find", study))?;
    if study.to_string_lossy().contains(is_hidden) {
        let message = format!("`{}` has characters in its name that a batch script cannot have", study.display());
        return Err(Error::usage(message, "give the study's folder another name"));
    }
    let job: String = name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
    let mut out = String::from("#!/bin/bash\n");
    let _ = writeln!(out, "#SBATCH --job-name=sweep-{job}");
    let _ = writeln!(out, "#SBATCH --array=0-{}", wish.workers - 1);
    for (option, value) in values {
        let Some(value) = value else { continue };
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, ':' | '-' | '_' | ',' | '.' | '/' | '=');
        if value.is_empty() || !value.chars().all(plain) {
            return Err(Error::usage(
                format!("`--{option} {value}` is nothing that Slurm takes"),
                "as `--time 2:00:00 --gres gpu:1`",
            ));
        }
        let _ = writeln!(out, "#SBATCH --{option}={value}");
    }
    if let Some(cpus) = wish.cpus {
        let _ = writeln!(out, "#SBATCH --cpus-per-task={cpus}");
    }
    // The signal comes two minutes before the time limit; exec makes the worker the one who gets it.
    out.push_str("#SBATCH --requeue --open-mode=append --signal=B:USR1@120\n");
    let _ = writeln!(out, "#SBATCH --output={}", shell(&format!("{}/log/%A_%a.out", study.display())));
    let _ = writeln!(
        out,
        "exec {} sweep worker {} --stop-on USR1,TERM",
        shell(&wish.program),
        shell(&study.display().to_string())
    );
    Ok(out)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn the_script_has_what_was_asked_for() {
        let wish = Slurm {
            workers: 8,
            time: Some("2:00:00".into()),
            gres: Some("gpu:1".into()),
            cpus: Some(8),
            memory: None,
            partition: None,
            program: "/opt/admix".into(),
        };
        let script = slurm(Path::new("/data/my study"), "ko en", &wish).unwrap();
        let expected = "#!/bin/bash\n#SBATCH --job-name=sweep-ko_en\n#SBATCH --array=0-7\n#SBATCH --time=2:00:00\n\
            #SBATCH --gres=gpu:1\n#SBATCH --cpus-per-task=8\n\
            #SBATCH --requeue --open-mode=append --signal=B:USR1@120\n\
            #SBATCH --output='/data/my study/log/%A_%a.out'\n\
            exec /opt/admix sweep worker '/data/my study' --stop-on USR1,TERM\n";
        assert_eq!(script, expected);
        assert!(slurm(Path::new("s"), "s", &Slurm { gres: Some("gpu:1\nrm -r /".into()), ..wish.clone() }).is_err());
        assert!(slurm(Path::new("s\n#SBATCH --wrap"), "s", &wish).is_err());
        assert!(slurm(Path::new("s"), "s", &Slurm { workers: 0, ..wish }).is_err());
    }
}
