#!/usr/bin/env bash
# Runs the job array that `admix sweep slurm` prints on a real Slurm of one node: kills one worker, requeues another, and
# holds that every trial is recorded exactly once, with the results of a run without Slurm.
#
#   SLURM_TEST=1 tests/peers/slurm.sh path/to/admix
#
# Brings Slurm from Debian's packages into a folder of its own (nothing is installed; needs root and the package index) and
# starts munged, slurmctld and slurmd from there, on ports of their own. Everything ends and is removed with the script.
set -euo pipefail
[[ ${SLURM_TEST:-} == 1 ]] || { echo "skipped: SLURM_TEST=1 runs it"; exit 0; }
admix=$(realpath "$1")
repository=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
prefix=$work/prefix
pids=()
finish() {
    code=$?
    ((code == 0)) || tail -n 20 "$work"/*.log 2>/dev/null || true
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    sleep 1
    rm -rf "$work"
    exit "$code"
}
trap finish EXIT

mkdir -p "$work/debs" "$prefix"
(cd "$work/debs" && apt-get download -q munge libmunge2 slurm-client slurm-wlm-basic-plugins slurmctld slurmd libhwloc15 \
    libjson-c5 liblua5.1-0 >"$work/apt.log" 2>&1)
for deb in "$work"/debs/*.deb; do dpkg -x "$deb" "$prefix"; done
export PATH=$prefix/usr/sbin:$prefix/usr/bin:$PATH
libraries=$prefix/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH=$libraries:$libraries/slurm-wlm
export SLURM_CONF=$work/slurm.conf

dd if=/dev/urandom of="$work/munge.key" bs=1024 count=1 status=none
chmod 400 "$work/munge.key"
chmod 755 "$work"
munged --force --foreground --key-file="$work/munge.key" --socket="$work/munge.socket" --pid-file="$work/munged.pid" \
    --log-file="$work/munged.log" --seed-file="$work/munge.seed" --num-threads=2 >"$work/munged.out.log" 2>&1 &
pids+=($!)
host=$(hostname -s)
cpus=$(nproc)
mkdir -p "$work/state" "$work/spool"
cat >"$SLURM_CONF" <<CONF
ClusterName=one
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=36817
SlurmdPort=36818
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$work/munge.socket
CryptoType=crypto/munge
PluginDir=$libraries/slurm-wlm
StateSaveLocation=$work/state
SlurmdSpoolDir=$work/spool
SlurmctldPidFile=$work/slurmctld.pid
SlurmdPidFile=$work/slurmd.pid
SlurmctldLogFile=$work/slurmctld.log
SlurmdLogFile=$work/slurmd.log
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
KillWait=5
BatchStartTimeout=30
NodeName=$host NodeAddr=127.0.0.1 CPUs=$cpus State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:4
CONF
for _ in {1..50}; do [[ -S $work/munge.socket ]] && break; sleep 0.1; done
slurmctld-wlm -D -i >"$work/slurmctld.out.log" 2>&1 &
pids+=($!)
slurmd-wlm -D -d "$prefix/usr/sbin/slurmstepd-wlm" >"$work/slurmd.out.log" 2>&1 &
pids+=($!)
for _ in {1..100}; do [[ $(sinfo -h -o %T 2>/dev/null) == idle ]] && break; sleep 0.2; done
[[ $(sinfo -h -o %T) == idle ]] || { echo "error: the node is $(sinfo -h -o %T)"; exit 1; }
echo "$(sinfo --version), one node of $cpus processors"

cat >"$work/sweep.yaml" <<SWEEP
study: array
recipe:
  merge_method: task_arithmetic
  base_model: $repository/fixtures/retrievers/base
  models: [{model: $repository/fixtures/retrievers/cross-ko-en, parameters: {weight: "\${w}"}}]
params: {w: {min: 0, max: 1, step: 0.02}}
data: {ko-ko: $repository/fixtures/bilingual/ko-ko, ko-en: $repository/fixtures/bilingual/ko-en}
objectives: {mono: {mean: [ko-ko]}, cross: {mean: [ko-en]}}
select: {split: dev}
SWEEP
cd "$work"
export RAYON_NUM_THREADS=1
"$admix" sweep run sweep.yaml --store alone -q >/dev/null
"$admix" sweep run sweep.yaml --store study -q --max-time 0.000001 >/dev/null
"$admix" sweep slurm study --workers 4 --time 0:10:00 >array.sh
sbatch --test-only array.sh
job=$(sbatch --parsable array.sh)
echo "submitted array $job: 4 workers, $(ls alone/done | wc -l) trials"

# A worker that is in the middle of a trial: the Slurm job of a claim.
claimed() {
    for _ in {1..400}; do
        for claim in study/claim/*; do
            [[ -e $claim ]] || continue
            python3 -c "import json,sys; c=json.load(open(sys.argv[1])); print(c['pid'], c['job'])" "$claim" 2>/dev/null && return
        done
        sleep 0.02
    done
    echo "error: no worker has a claim" >&2
    exit 1
}
read -r pid killed < <(claimed)
kill -9 "$pid"
echo "killed process $pid of job $killed"
for _ in {1..50}; do
    read -r _ requeued < <(claimed)
    [[ $requeued != "$killed" ]] && break
    sleep 0.05
done
scontrol requeue "$requeued"
echo "requeued job $requeued"
for _ in {1..900}; do [[ -z $(squeue -h) ]] && break; sleep 0.2; done
[[ -z $(squeue -h) ]] || { squeue; echo "error: the array does not end"; exit 1; }

"$admix" sweep status study
for study in alone study; do "$admix" sweep export "$study" --json "$study.json"; done
python3 - alone.json study.json <<'CHECK'
import json, sys
alone, study = (json.load(open(path)) for path in sys.argv[1:])
for one in (alone, study):
    one.pop("timings")
assert alone == study, "the results differ"
print(f"{len(study['trials'])} trials, the results of a run without Slurm")
CHECK
python3 - <<'CHECK'
import collections, glob, json
done = [json.loads(line) for path in glob.glob("study/log/*.jsonl") for line in open(path)]
begun, ended = ([line for line in done if line["event"] == event] for event in ("begun", "done"))
counts = collections.Counter(line["trial"] for line in ended)
records = glob.glob("study/done/*")
workers = len(glob.glob("study/log/*.jsonl"))
assert max(counts.values()) == 1 and len(counts) == len(records), (len(counts), len(records))
print(f"{len(records)} records by {workers} worker processes, each trial recorded once; {len(begun) - len(ended)} begun trials were cut short")
CHECK
[[ -z $(ls study/claim) ]] || { echo "error: claims are left"; exit 1; }
