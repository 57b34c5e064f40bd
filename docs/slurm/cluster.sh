#!/usr/bin/env bash
# A Slurm cluster of this machine alone, in a folder of its own: no systemd, no cgroups, nothing
# outside the folder, and it listens on loopback only. It needs root and, on Debian, the packages
# slurm-wlm and munge.
#
#   cluster.sh start FOLDER [PORT]   PORT and the next one have to be free; 26817 if not given
#   cluster.sh stop FOLDER
set -euo pipefail

fail() {
    printf 'cluster.sh: %s\n' "$*" >&2
    exit 1
}

usage='expected start FOLDER [PORT] or stop FOLDER'
[ $# -ge 2 ] || fail "$usage"
mkdir -p "$2"
folder=$(cd "$2" && pwd -P)
export SLURM_CONF=$folder/slurm.conf

configure() {
    local port=$1 host
    host=$(hostname -s)
    cat >"$SLURM_CONF" <<END
ClusterName=dagtwin
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$port
SlurmdPort=$((port + 1))
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
AuthInfo=socket=$folder/munge.socket
SlurmUser=root
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool
SlurmctldPidFile=$folder/slurmctld.pid
SlurmdPidFile=$folder/slurmd.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=1
ReturnToService=2
MpiDefault=none
MailProg=/bin/true
NodeName=$host NodeAddr=127.0.0.1 CPUs=$(nproc)
PartitionName=all Nodes=$host Default=YES MaxTime=INFINITE
END
}

# A call that does not wait for a controller that is gone.
ask() {
    timeout 10 "$@"
}

# Sends a daemon a signal, 0 for none; fails if it is not there. Daemons remove their file last.
signal() {
    local pid
    pid=$(cat "$folder/$2.pid" 2>/dev/null) && [ -n "$pid" ] && kill "-$1" "$pid" 2>/dev/null
}

running() {
    signal 0 "$1"
}

start() {
    [ "$(id -u)" = 0 ] || fail 'the daemons of Slurm need root'
    for program in munged slurmctld slurmd; do
        command -v "$program" >/dev/null || fail "$program not found: install slurm-wlm and munge"
        ! running "$program" || fail "$program runs in $folder already"
    done
    # munged refuses a folder that others can write, and clients have to reach its socket.
    chmod 755 "$folder"
    mkdir -p "$folder/state" "$folder/spool"
    configure "$1"
    (umask 077 && head -c 128 /dev/urandom >"$folder/munge.key")
    munged --key-file="$folder/munge.key" --socket="$folder/munge.socket" \
        --pid-file="$folder/munged.pid" --log-file="$folder/munged.log" \
        --seed-file="$folder/munge.seed"
    slurmctld
    slurmd -N "$(hostname -s)"
    for _ in $(seq 120); do
        if [ "$(ask sinfo --noheader --format=%T 2>/dev/null || true)" = idle ]; then
            printf 'export SLURM_CONF=%q\n' "$SLURM_CONF"
            return
        fi
        sleep 0.5
    done
    tail -n 5 "$folder"/*.log >&2
    stop
    fail "the node did not come up within a minute; see the logs in $folder"
}

stop() {
    if running slurmctld; then
        ask scancel --user="$(id -un)" || true
    fi
    for program in slurmd slurmctld munged; do
        signal TERM "$program" || continue
        for _ in $(seq 60); do
            running "$program" || break
            sleep 0.25
        done
        signal KILL "$program" || true
        rm -f "$folder/$program.pid"
    done
}

case $1 in
start) start "${3:-26817}" ;;
stop) stop ;;
*) fail "$usage" ;;
esac
