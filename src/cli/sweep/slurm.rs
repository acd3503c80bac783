//! `admix sweep slurm`

use super::location::StudyArgs;
use crate::cli::program;
use crate::cli::render;
use crate::sweep::{Slurm, slurm};

/// Print a Slurm job array of workers; nothing is submitted
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Each element of the array works until the study is done, and ends its trial before the time limit. Fewer
may start, and more may join. Given the sweep file, the study is made where there is none yet.

Examples:
  admix sweep slurm studies/ko-en --workers 8 --time 2:00:00 --gres gpu:1 | sbatch
  admix sweep slurm studies/ko-en --workers 4 --cpus 8 --mem 16G > workers.sh")]
pub(super) struct Args {
    #[command(flatten)]
    study: StudyArgs,

    /// Workers
    #[arg(long, value_name = "N")]
    workers: usize,

    /// Time limit of a worker, as Slurm writes it
    #[arg(long, value_name = "TIME")]
    time: Option<String>,

    /// Generic resources of a worker, as gpu:1
    #[arg(long, value_name = "GRES")]
    gres: Option<String>,

    /// Processors of a worker
    #[arg(long, value_name = "N")]
    cpus: Option<usize>,

    /// Memory of a worker, as 16G
    #[arg(long, value_name = "SIZE")]
    mem: Option<String>,

    /// Partition
    #[arg(long, value_name = "NAME")]
    partition: Option<String>,
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let study = args.study.open_or_make()?;
    let program = program::file().map_or_else(|_| "admix".to_owned(), |path| path.display().to_string());
    let wish = Slurm {
        workers: args.workers,
        time: args.time.clone(),
        gres: args.gres.clone(),
        cpus: args.cpus,
        memory: args.mem.clone(),
        partition: args.partition.clone(),
        program,
    };
    render::print_file(&slurm(study.store.root(), &study.manifest.spec.study, &wish)?)
}
