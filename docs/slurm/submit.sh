#!/usr/bin/env bash
# A sweep as an array job of Slurm: submits the shares, and what puts them together once all are
# done; waits, and prints what `dagtwin sweep` would have printed.
#
#   submit.sh FOLDER SHARES [ARGUMENT OF dagtwin sweep]… [-- ARGUMENT OF dagtwin merge…]
#
# The exit status is that of the merge, or 1 if shares are missing; the same call again makes only
# what is missing. SBATCH_PARTITION, SBATCH_TIMELIMIT and the like hold for both jobs.
set -euo pipefail

fail() {
    printf 'submit.sh: %s\n' "$*" >&2
    exit 1
}

[ $# -ge 2 ] || fail 'expected FOLDER SHARES [ARGUMENT]… [-- ARGUMENT…]'
[[ $2 =~ ^[1-9][0-9]*$ ]] || fail "SHARES = $2: expected a number from 1 on"
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
mkdir -p "$1"
folder=$(cd "$1" && pwd -P)
shares=$2
again=$(printf ' %q' "$0" "$@")
shift 2
sweep=()
while [ $# -gt 0 ] && [ "$1" != -- ]; do
    sweep+=("$1")
    shift
done
merge=("${@:2}")
parts=()
for share in $(seq "$shares"); do
    parts+=("$folder/part.$share")
done

array=$(sbatch --parsable --array="1-$shares" --output="$folder/part.%a.log" \
    "$here/sweep.sbatch" "$folder" "${sweep[@]}")
array=${array%%;*}
# sbatch returns 0 too for a job that was cancelled because what it waited for had failed.
rm -f "$folder/result.status"
sbatch --wait --quiet --job-name=dagtwin-merge --ntasks=1 \
    --dependency="afterok:$array" --kill-on-invalid-dep=yes \
    --output="$folder/result" --error="$folder/result.log" <<END || true
#!/usr/bin/env bash
$(printf '%q ' "${DAGTWIN:-dagtwin}" merge "${parts[@]}" "${merge[@]}")
echo \$? >$(printf '%q' "$folder/result.status")
END
if [ -s "$folder/result.status" ]; then
    cat "$folder/result.log" >&2
    cat "$folder/result"
    exit "$(cat "$folder/result.status")"
fi

# Which tasks it was is known to the controller for some minutes after their end.
failed=$(timeout 10 scontrol --oneliner show job "$array" 2>/dev/null | grep -v JobState=COMPLETED |
    sed -n 's/.*ArrayTaskId=\([0-9]*\) .*/\1/p' | sort -n) || true
for share in $failed; do
    printf 'share %s of %s failed:\n' "$share" "$shares" >&2
    tail -n 3 "$folder/part.$share.log" >&2 || true
done
printf 'submit.sh: not complete; to make what is missing, repeat:%s\n' "$again" >&2
exit 1
