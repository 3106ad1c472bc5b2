#!/usr/bin/env bash
# Brings an auto-scaling group's machines to a version of its launch template and ends when that has ended: well, or
# badly with the old version back. The group itself is given the version by AWS once all of its machines have it, which
# is what there is to go back to until then.
#
# Environment: GROUP, TEMPLATE (an id), VERSION (a number), AWS_REGION and AWS_DEFAULT_REGION; LOG_GROUP, where machines that cannot come up
# leave their last words; POLL_SECONDS from one look to the next. Whatever else the AWS CLI reads.
set -euo pipefail

# So many machines that cannot come up are more than bad luck.
readonly MOST_FAILED_LAUNCHES=2
# A look that fails says nothing of the refresh: the deployer's own way to AWS may be down for a while.
readonly MOST_FAILED_LOOKS=30
readonly POLL_SECONDS=${POLL_SECONDS:-10}

say() { echo "$GROUP: $*"; }
die() {
  say "$@" >&2
  exit 1
}
scaling() { aws autoscaling "$@" --auto-scaling-group-name "$GROUP" --output text; }
group() { aws autoscaling describe-auto-scaling-groups --auto-scaling-group-names "$GROUP" --output text --query "AutoScalingGroups[0].$1"; }
refresh() { scaling describe-instance-refreshes --instance-refresh-ids "$1" --query "InstanceRefreshes[0].$2"; }

# The refresh that is under way, with its status and the version that it goes to; nothing when there is none.
under_way() {
  scaling describe-instance-refreshes --query "InstanceRefreshes[?Status=='Pending' || Status=='InProgress' || \
Status=='Baking' || Status=='Cancelling' || Status=='RollbackInProgress'] | [0].[InstanceRefreshId, Status, \
DesiredConfiguration.LaunchTemplate.Version]" | sed '/^None/d'
}

# Machines that were launched since the refresh began and did not come up: one a line, what AWS says of each behind it.
failed_launches() {
  scaling describe-scaling-activities --max-items 100 --query "Activities[?StartTime>='$1' && (StatusCode=='Failed' || \
StatusCode=='Cancelled') && starts_with(Description, 'Launching')].[Description, StatusMessage || Cause]" |
    sed -e '/^None$/d' -e 's/^Launching a new EC2 instance[: ]*//'
}

last_words() { # INSTANCE: the step at which it failed, as it has said itself
  [[ -n ${LOG_GROUP:-} ]] || return 0
  aws logs filter-log-events --log-group-name "$LOG_GROUP" --log-stream-names "$1" --filter-pattern '"tricloud: failed"' \
    --query 'events[].message' --output text 2>/dev/null | sed -e '/^None$/d' -e "s/^/  $1 said: /"
}

explain() { # SINCE
  local machine what
  failed_launches "$1" | while IFS=$'\t' read -r machine what; do
    machine=${machine%%[. ]*}
    say "machine $machine has not come up: $what" >&2
    last_words "$machine" >&2 || true
  done
}

await_end() { # ID SINCE: prints the status with which the refresh has ended
  local id=$1 since=$2 status done said="" failed_looks=0 gives_up=""
  while :; do
    if read -r status done < <(refresh "$id" "[Status, PercentageComplete]") && [[ -n ${status:-} ]]; then
      failed_looks=0
      case $status in Successful | Failed | Cancelled | RollbackSuccessful | RollbackFailed)
        echo "$status"
        return
        ;;
      esac
      if [[ "$status $done" != "$said" ]]; then
        said="$status $done"
        say "refresh to version $VERSION: $status${done:+, $done %}" | sed 's/, None %//' >&2
      fi
      if [[ -z $gives_up && $status == InProgress ]] &&
        (($(failed_launches "$since" | wc -l) >= MOST_FAILED_LAUNCHES)); then
        gives_up=1
        say "machines of version $VERSION do not come up: going back" >&2
        scaling rollback-instance-refresh >/dev/null || gives_up=""
      fi
    else
      failed_looks=$((failed_looks + 1))
      ((failed_looks < MOST_FAILED_LOOKS)) || die "cannot tell how the refresh goes: AWS does not answer"
    fi
    sleep "$POLL_SECONDS"
  done
}

command -v aws >/dev/null || die "the AWS CLI is needed to follow the refresh of a group: put aws on PATH and deploy again"

# What an earlier deploy has left under way ends first, unless it is what this one wants.
id=""
while read -r earlier status version < <(under_way); do
  if [[ $version == "$VERSION" && $status != Cancelling && $status != RollbackInProgress ]]; then
    id=$earlier
    break
  fi
  say "an earlier refresh, to version $version, is under way ($status): waiting for its end"
  case $status in Pending | InProgress | Baking) scaling cancel-instance-refresh >/dev/null || true ;; esac
  sleep "$POLL_SECONDS"
done

if [[ -z $id ]]; then
  others=$(group "Instances[?LaunchTemplate.Version!='$VERSION'].InstanceId")
  if [[ $(group LaunchTemplate.Version) == "$VERSION" && -z ${others/None/} ]]; then
    say "all machines have version $VERSION"
    exit
  fi
  before=$(group LaunchTemplate.Version)
  id=$(scaling start-instance-refresh --strategy Rolling \
    --desired-configuration "LaunchTemplate={LaunchTemplateId=$TEMPLATE,Version=$VERSION}" \
    --preferences AutoRollback=true,SkipMatching=true,ScaleInProtectedInstances=Wait --query InstanceRefreshId)
else
  before=$(group LaunchTemplate.Version)
fi
since=$(refresh "$id" StartTime)
status=$(await_end "$id" "$since")
[[ $status == Successful ]] && { say "all machines have version $VERSION"; exit; }
reason=$(refresh "$id" StatusReason) || reason=""
say "the refresh to version $VERSION has not succeeded ($status): $reason" >&2
explain "$since"
if [[ $status == RollbackSuccessful ]]; then die "all machines are back at version $before"; fi
die "machines may be of version $before or $VERSION: deploy again, or run aws autoscaling start-instance-refresh by hand"
