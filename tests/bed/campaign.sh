#!/usr/bin/env bash
# Measures what docs/PERFORMANCE.md holds: every fault in the test bed so many times, some with
# commits that wait for the other copy, five minutes of loss one way, the neighbours with the same
# clients and faults, and the predictions beside it. Takes three hours. Needs root and what docs/BED.md
# names; the neighbours need keepalived, corosync, corosync-qdevice, corosync-qnetd, pacemaker and
# resource-agents. The machine should have nothing else to do.
#
#   tests/bed/campaign.sh RESULTS [REPETITIONS [FAULT…]]
set -euo pipefail
cd "$(dirname "$0")/../.."
results=$(realpath -m "${1:?tests/bed/campaign.sh RESULTS [REPETITIONS [FAULT…]]}")
export DAGTWIN_BED_REPETITIONS=${2:-10} DAGTWIN_NO_SKIP=1
shift $(($# < 2 ? $# : 2))
bed=(cargo test --release --locked --features agent --test bed --)

measure() {
    DAGTWIN_BED_PROFILE=$1 DAGTWIN_BED_RESULTS=$results/$2 \
        "${bed[@]}" --test-threads 1 --nocapture "${@:3}" || true
}
for profile in 5x1s fast; do
    measure "$profile" "$profile" "${@:-faults::}"
done
if (($# == 0)); then
    DAGTWIN_BED_SYNCHRONOUS=VIP measure fast synchronous nics_down kill_agent power_loss
    for profile in 5x1s fast; do
        DAGTWIN_BED_LONG=1 DAGTWIN_BED_REPETITIONS=1 measure "$profile" "long/$profile" one_way_loss
    done
fi
DAGTWIN_BED_RESULTS=$results/5x1s \
    "${bed[@]}" --test-threads 1 --nocapture --ignored neighbours:: || true

twin=${CARGO_TARGET_DIR:-target}/release/dagtwin
"$twin" compare topologies/bed --measured "$results/5x1s" --import "$results/5x1s"
