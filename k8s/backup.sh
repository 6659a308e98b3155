#!/bin/sh
# Backs the plain data tier up (auction-data with mode: statefulset), or restores it.
#
#   k8s/backup.sh dump FOLDER       identity.dump, auction.dump and bid.dump of one moment
#   k8s/backup.sh restore FOLDER    replaces what is there by what is in FOLDER
#
# Environment: NAMESPACE (auction), RELEASE (auction), DATA (auction-data), VHOST (auction),
# PATIENCE_SECONDS (600): how long it waits for pods and events.
#
# The databases tell each other by events, so dumps of different moments would contradict each other
# for ever. Therefore nothing is accepted meanwhile: APIs stop, workers go on until every event has
# arrived, then they stop too. Pictures are elsewhere: a volume or S3, with its own backup.
set -eu

usage() { sed -n '2,8p' "$0" | sed 's/^# \{0,1\}//'; exit 2; }
[ $# -eq 2 ] || usage
command=$1
folder=$2
namespace=${NAMESPACE:-auction}
release=${RELEASE:-auction}
data=${DATA:-auction-data}
vhost=${VHOST:-auction}
databases='identity auction bid'
patience_seconds=${PATIENCE_SECONDS:-600}

k() { kubectl --namespace "$namespace" "$@"; }
say() { echo "$(date +%T) $*"; }
postgres() { # SERVICE COMMAND…: in the pod of its database, as its administrator
  service=$1
  shift
  # shellcheck disable=SC2016 # The password is the pod's.
  k exec -i "statefulset/$data-postgres-$service" -- sh -c \
    'PGHOST=127.0.0.1 PGUSER=postgres PGPASSWORD=$POSTGRES_PASSWORD exec "$@"' sh "$@"
}
rabbitmqctl() { k exec "statefulset/$data-rabbitmq" -- rabbitmqctl --quiet "$@"; }
workloads() { # COMPONENTS: "name replicas" of the platform's Deployments
  k get deployments --selector "app.kubernetes.io/instance=$release,app.kubernetes.io/component in ($1)" \
    --output 'jsonpath={range .items[*]}{.metadata.name} {.spec.replicas}{"\n"}{end}'
}
scale_to_none() { # COMPONENTS
  workloads "$1" | while read -r name _; do k scale --replicas=0 "deployment/$name" >/dev/null; done
  until_none "pods of ($1)" pods_left "$1"
}
pods_left() {
  k get pods --output name --selector \
    "app.kubernetes.io/instance=$release,app.kubernetes.io/component in ($1)" | wc -l
}
until_none() { # WHAT COMMAND…: until the command counts nothing any more
  what=$1
  shift
  waited=0
  until [ "$("$@")" -eq 0 ]; do
    [ "$waited" -lt "$patience_seconds" ] || { echo "still there: $what" >&2; exit 1; }
    sleep 2
    waited=$((waited + 2))
  done
}
undelivered() { # events that are committed and have not arrived
  {
    for service in $databases; do
      postgres "$service" psql --dbname="$service" --tuples-only --no-align \
        --command='select count(*) from outbox where sent_at is null' </dev/null || echo 1 # unknown is not none
    done
    # Dead letters wait for people, and queues of others (the mailer's) for programs that may not be here.
    { rabbitmqctl list_queues --vhost "$vhost" --no-table-headers name messages || echo auction.unknown 1; } |
      awk '$1 ~ /^(identity|auction|bid)\./ && $1 !~ /\.dlq$/ { print $2 }'
  } | awk '{ sum += $1 } END { print sum + 0 }'
}
warn_of_dead_letters() {
  dead=$(rabbitmqctl list_queues --vhost "$vhost" --no-table-headers name messages |
    awk '$1 ~ /\.dlq$/ { sum += $2 } END { print sum + 0 }')
  [ "$dead" -eq 0 ] || say "WARNING: $dead dead letters are in no dump, and a restore purges them (docs/operations.md, Dead letters)"
}
pause_scalers() { # KEDA and HPAs would start again what is stopped here
  k annotate scaledobjects --all autoscaling.keda.sh/paused=true --overwrite >/dev/null 2>&1 || true
}
resume_scalers() {
  k annotate scaledobjects --all autoscaling.keda.sh/paused- >/dev/null 2>&1 || true
}

stop_all() {
  before=$(workloads 'api,server,worker')
  pause_scalers
  # Until something is destroyed the platform comes up again, whatever happens.
  trap start_all EXIT
  say 'stopping what takes requests'
  scale_to_none 'api,server'
}
scale_back() { # NAMES: a pattern of the Deployments that get their replicas again
  echo "$before" | grep -E "$1" | while read -r name replicas; do
    [ "${replicas:-0}" -gt 0 ] || replicas=1
    k scale --replicas="$replicas" "deployment/$name" >/dev/null
  done
}
start_all() {
  trap - EXIT
  say 'starting everything again'
  scale_back .
  resume_scalers
  echo "$before" | while read -r name _; do
    k rollout status "deployment/$name" --timeout=180s >/dev/null
  done
  say 'ready'
}
stop_workers_when_delivered() {
  until_none 'events that have not arrived' undelivered
  scale_to_none worker
}
# Timers of the workers go on writing events until they stop, so only what is counted then is true.
deliver_all() {
  say 'waiting until every event has arrived'
  stop_workers_when_delivered
  rounds=1
  until [ "$(undelivered)" -eq 0 ]; do
    [ "$rounds" -lt 10 ] || { echo 'events are written faster than they arrive' >&2; exit 1; }
    rounds=$((rounds + 1))
    say 'a timer wrote events meanwhile: once more'
    scale_back '-worker '
    stop_workers_when_delivered
  done
}
left_stopped() {
  echo "Failed halfway: the platform is LEFT STOPPED, its data is not whole. Run 'restore $folder' again." >&2
}

case $command in
dump)
  mkdir -p "$folder"
  warn_of_dead_letters
  stop_all
  deliver_all
  for service in $databases; do
    # First under another name: half a dump must not look like one.
    postgres "$service" pg_dump --format=custom "$service" >"$folder/$service.dump.part"
    mv "$folder/$service.dump.part" "$folder/$service.dump"
    say "$service.dump: $(wc -c <"$folder/$service.dump") bytes"
  done
  start_all
  ;;
restore)
  for service in $databases; do
    [ -s "$folder/$service.dump" ] || { echo "$folder/$service.dump is missing" >&2; exit 1; }
    # The list stands at the beginning; kubectl would wait for ever for somebody to read the rest.
    postgres "$service" sh -c 'pg_restore --list >/dev/null; as=$?; cat >/dev/null; exit $as' <"$folder/$service.dump"
  done
  stop_all
  scale_to_none worker
  trap left_stopped EXIT
  say 'emptying queues: their events may be younger than the backup'
  rabbitmqctl list_queues --vhost "$vhost" --no-table-headers name |
    grep -E '^(identity|auction|bid)\.' |
    while read -r queue; do rabbitmqctl purge_queue --vhost "$vhost" "$queue" </dev/null >/dev/null; done
  for service in $databases; do
    postgres "$service" psql --quiet --set=ON_ERROR_STOP=1 \
      --command="drop database if exists \"$service\" with (force)" \
      --command="create database \"$service\" owner \"$service\"" \
      --command="revoke connect on database \"$service\" from public" </dev/null
    postgres "$service" pg_restore --dbname="$service" --exit-on-error <"$folder/$service.dump"
    say "$service restored"
  done
  start_all
  say 'replaying the ledger of every lot'
  k exec "deployment/$release-bid-worker" -- node src/cmd/verify-ledger.ts
  k exec "deployment/$release-identity-worker" -- node src/cmd/verify-audit.ts
  ;;
*) usage ;;
esac
