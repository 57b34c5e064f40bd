#!/usr/bin/env bash
# Measures what docs/PERFORMANCE.md holds: every fault in the test bed so many times with both
# heartbeats, five minutes of loss one way, the neighbours with the same clients and faults, and the
# predictions beside it. Takes three hours. Needs root and what docs/BED.md names; the neighbours
# need keepalived, corosync, corosync-qdevice, corosync-qnetd, pacemaker and resource-agents. The
# machine should have nothing else to do.
#
#   tests/bed/campaign.sh RESULTS [REPETITIONS [PART…]]
#
# Parts are 5x1s, fast (5 x 100 ms), long, neighbours and compare; all, if none is
# named. DAGTWIN_BED_FAULTS=nics-down,flapping restricts those with faults.
set -euo pipefail
cd "$(dirname "$0")/../.."
usage="tests/bed/campaign.sh RESULTS [REPETITIONS [PART…]]"
results=$(realpath -m "${1:?$usage}")
export DAGTWIN_BED_REPETITIONS=${2:-10} DAGTWIN_NO_SKIP=1
shift $(($# < 2 ? $# : 2))
parts=("$@")
((${#parts[@]})) || parts=(5x1s fast long neighbours compare)
for part in "${parts[@]}"; do
    case $part in
    5x1s | fast | long | neighbours | compare) ;;
    *)
        echo "$part is no part: $usage" >&2
        exit 2
        ;;
    esac
done
bed=(cargo test --release --locked --features agent --test bed --)

# What is broken is told, kept, and no reason to stop.
measure() {
    DAGTWIN_BED_PROFILE=$1 DAGTWIN_BED_RESULTS=$results/$2 \
        "${bed[@]}" --test-threads 1 --nocapture "${@:3}" || true
}
for part in "${parts[@]}"; do
    case $part in
    5x1s)
        measure 5x1s 5x1s faults:: --skip faults::freeze_agent
        DAGTWIN_BED_LONG=1 measure 5x1s 5x1s faults::freeze_agent
        ;;
    # Of the two databases one waits for the other copy at every commit, and loses nothing.
    fast) DAGTWIN_BED_SYNCHRONOUS=VIP measure fast fast faults:: ;;
    long)
        for profile in 5x1s fast; do
            DAGTWIN_BED_LONG=1 DAGTWIN_BED_REPETITIONS=1 \
                measure "$profile" "long/$profile" faults::one_way_loss
        done
        ;;
    neighbours) measure 5x1s 5x1s --ignored neighbours:: ;;
    compare)
        twin=("${CARGO_TARGET_DIR:-target}/release/dagtwin" compare topologies/bed --runs 300)
        "${twin[@]}" --measured "$results/5x1s" --import "$results/5x1s"
        "${twin[@]}" --measured "$results/fast" --import "$results/fast" \
            --set cluster.same_subnet_delay=100ms --set cluster.heartbeat_reply_time=25ms
        ;;
    esac
done
