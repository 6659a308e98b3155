#!/usr/bin/env bash
# Backs the plain data tier up (auction-data with mode: statefulset), or restores it.
#
#   k8s/backup.sh dump FOLDER       a dump of every database, all of one moment
#   k8s/backup.sh restore FOLDER    replaces what is there by what is in FOLDER
#
# Environment: NAMESPACE (auction), RELEASE (auction), DATA (auction-data), VHOST (auction),
# PATIENCE_SECONDS (600): how long it waits for pods and events.
#
# The databases of the release DATA are those that the cluster has: a service that is added later is in
# the next dump. They depend on each other's events, so dumps of different moments would never agree
# again. Therefore nothing is accepted meanwhile: APIs stop, workers go on until every event has
# arrived, then they stop too. Images are stored elsewhere: on a volume or in S3, with a backup of its own.
set -euo pipefail

usage() { sed -n '2,8p' "$0" | sed 's/^# \{0,1\}//'; }
case " $* " in *' --help '* | *' -h '*) usage; exit ;; esac
case ${1:-} in -*) echo "There is no option $1; --help shows the usage." >&2; exit 2 ;; esac
[ $# -eq 2 ] || { usage >&2; exit 2; }
command=$1
folder=$2
namespace=${NAMESPACE:-auction}
release=${RELEASE:-auction}
data=${DATA:-auction-data}
vhost=${VHOST:-auction}
patience_seconds=${PATIENCE_SECONDS:-600}
lock=auction-backup
# As in auction-data: letters of every script are known, texts are ordered by their bytes.
locale="template template0 encoding 'UTF8' locale_provider libc lc_collate 'C' lc_ctype 'C.UTF-8'"
# A signal ends it as an error does, so that the traps below see both.
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# No command may read the input of a loop or of the caller; postgres_in is the exception.
k() { kubectl --namespace "$namespace" "$@" </dev/null; }
say() { echo "$(date +%T) $*"; }
fail() { echo "$*" >&2; exit 1; }
of_platform() { echo "app.kubernetes.io/instance=$release,app.kubernetes.io/component in ($1)"; }
postgres_in() { # SERVICE COMMAND…: in the pod of its database, as its administrator, with our input
  local service=$1
  shift
  # shellcheck disable=SC2016 # The password is the pod's.
  kubectl --namespace "$namespace" exec -i "statefulset/$data-postgres-$service" -- sh -c \
    'PGHOST=127.0.0.1 PGUSER=postgres PGPASSWORD=$POSTGRES_PASSWORD exec "$@"' sh "$@"
}
postgres() { postgres_in "$@" </dev/null; }
rabbitmqctl() { k exec "statefulset/$data-rabbitmq" -- rabbitmqctl --quiet "$@"; }
checksums() { if command -v sha256sum >/dev/null; then sha256sum "$@"; else shasum -a 256 "$@"; fi; }

# Functions that count say by their status that they could not: unknown is not none. They are called
# in conditions, where bash takes no failure for an end, so each says what it does about one.
until_none() { # WHAT COMMAND…: until the command counts nothing any more
  local what=$1 waited=0 left
  shift
  until left=$("$@") && [ "$left" -eq 0 ]; do
    [ "$waited" -lt "$patience_seconds" ] || fail "still there: $what"
    sleep 2
    waited=$((waited + 2))
  done
}
pods_left() { # COMPONENTS; what was evicted stays listed and runs no more
  local pods
  pods=$(k get pods --output name --selector "$(of_platform "$1")" \
    --field-selector status.phase!=Failed,status.phase!=Succeeded) || return 1
  grep -c . <<<"$pods" || true
}
# The names of the databases, one a line; each has a StatefulSet DATA-postgres-NAME.
read_databases() { # sets databases, and owned: a pattern of the queues that belong to these services
  # By the name and not by the release's label: DATA is the prefix of names, which fullnameOverride sets.
  databases=$(k get statefulsets --selector auction-platform/database \
    --output 'jsonpath={range .items[*]}{.metadata.name}{"\n"}{end}' | sed -n "s/^$data-postgres-//p" | sort)
  [ -n "$databases" ] || fail "there is no database $data-postgres-* in $namespace: are DATA and NAMESPACE right?"
  # A version ends the name of a queue. Streams have none: they keep messages that no one is owed.
  owned="^($(paste -sd'|' - <<<"$databases"))[.].+[.]v[0-9]+([.]|$)"
}
undelivered() { # events that are committed and have not arrived
  local service rows queues sum=0
  for service in $databases; do
    rows=$(postgres "$service" psql --dbname="$service" --tuples-only --no-align \
      --command='select count(*) from outbox where sent_at is null') || return 1
    sum=$((sum + rows))
  done
  queues=$(rabbitmqctl list_queues --vhost "$vhost" --no-table-headers name messages) || return 1
  # Dead letters wait for people, and queues of others for programs that may not be here.
  awk -v sum="$sum" -v owned="$owned" '$1 ~ owned && $1 !~ /\.dlq$/ { sum += $2 } END { print sum }' <<<"$queues"
}
read_queues() { # sets names: those of the queues that belong to these services, as a list in Erlang
  local queue queues
  queues=$(rabbitmqctl list_queues --vhost "$vhost" --no-table-headers name)
  # Backwards, so that a queue of retries comes before the one that its messages return to.
  queues=$(sort --reverse <<<"$queues")
  names=''
  while read -r queue; do
    [[ $queue =~ $owned ]] || continue
    [[ $queue =~ ^[A-Za-z0-9._-]+$ ]] || fail "a queue has a strange name: $queue"
    names+="${names:+, }<<\"$queue\">>"
  done <<<"$queues"
}
purge_queues() {
  # In one command: each start of rabbitmqctl takes seconds, and there are some seventy queues.
  rabbitmqctl eval "
    Purge = fun(Name) ->
      {ok, Queue} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"$vhost\">>, queue, Name)),
      {ok, _} = rabbit_amqqueue:purge(Queue)
    end,
    lists:foreach(Purge, [$names])." >/dev/null
}
warn_of_dead_letters() {
  local queues dead
  queues=$(rabbitmqctl list_queues --vhost "$vhost" --no-table-headers name messages)
  dead=$(awk '$1 ~ /\.dlq$/ { sum += $2 } END { print sum + 0 }' <<<"$queues")
  [ "$dead" -eq 0 ] || say "WARNING: $dead dead letters are in no dump, and a restore purges them (docs/operations.md, Dead letters)"
}

# What ran before is written on the Deployments: a run that was killed has no memory of its own.
read_workloads() { # sets before: "name replicas" of the platform's Deployments
  local found service component name replicas
  found=$(k get deployments --selector "$(of_platform 'api,server,worker')" --output \
    'jsonpath={range .items[*]}{.metadata.name} {.spec.replicas} {.metadata.annotations.backupReplicas}{"\n"}{end}')
  for service in $databases; do
    for component in api worker; do
      grep -q "^$release-$service-$component " <<<"$found" ||
        fail "there is no Deployment $release-$service-$component in $namespace: is RELEASE right?"
    done
  done
  before=$(awk 'NF { print $1, ($2 > 0 || NF < 3 ? $2 : $3) }' <<<"$found")
  while read -r name replicas; do
    k annotate --overwrite "deployment/$name" "backupReplicas=$replicas" >/dev/null
  done <<<"$before"
}
scale() { # PATTERN REPLICAS: those whose name fits it; "before" is what they had
  local name replicas
  while read -r name replicas; do
    [[ $name =~ $1 ]] || continue
    [ "$2" = before ] || replicas=$2
    k scale --replicas="$replicas" "deployment/$name" >/dev/null || return 1
  done <<<"$before"
}
stop_workers() {
  scale -worker$ 0
  until_none 'pods of workers' pods_left worker
}
has_keda() { # by the names of its resources; without an answer, it may be there
  local resources
  resources=$(k api-resources --api-group=keda.sh --output=name) || return 0
  [ -n "$resources" ]
}
pause_scalers() { # KEDA would start again what is stopped here; HPAs leave alone what is at none
  local scalers name paused
  has_keda || return 0
  scalers=$(k get scaledobjects --selector "app.kubernetes.io/instance=$release" --output \
    'jsonpath={range .items[*]}{.metadata.name} {.metadata.annotations.autoscaling\.keda\.sh/paused}{"\n"}{end}')
  while read -r name paused; do
    # One that an operator paused stays paused afterwards.
    [ -n "$name" ] && [ -z "$paused" ] || continue
    k label --overwrite "scaledobject/$name" backup-paused=true >/dev/null
    k annotate "scaledobject/$name" autoscaling.keda.sh/paused=true >/dev/null
  done <<<"$scalers"
}
resume_scalers() {
  local scalers name
  has_keda || return 0
  scalers=$(k get scaledobjects --selector "app.kubernetes.io/instance=$release,backup-paused=true" \
    --output name) || return 1
  for name in $scalers; do
    k annotate "$name" autoscaling.keda.sh/paused- >/dev/null || return 1
    k label "$name" backup-paused- >/dev/null || return 1
  done
}

take_lock() {
  k create configmap "$lock" --from-literal="doing=$command" >/dev/null ||
    fail "Another run is at work. If there is none, it was killed: kubectl -n $namespace delete configmap $lock"
  trap release_lock EXIT
}
release_lock() { k delete configmap "$lock" --ignore-not-found >/dev/null || true; }
stop_all() {
  read_workloads
  # Until something is destroyed the platform comes up again, whatever happens.
  trap start_after_failure EXIT
  pause_scalers
  say 'stopping what takes requests'
  scale '-(api|server)$' 0
  until_none 'pods that take requests' pods_left 'api,server'
}
start_all() {
  local name
  say 'starting everything again'
  scale . before || return 1
  resume_scalers || return 1
  while read -r name _; do
    k rollout status "deployment/$name" --timeout=180s >/dev/null || return 1
    k annotate "deployment/$name" backupReplicas- >/dev/null || return 1
  done <<<"$before"
  say 'ready'
}
start_after_failure() {
  trap - EXIT
  trap '' INT TERM HUP
  start_all || echo 'NOT everything could be started. Run a dump again: it ends with starting all.' >&2
  release_lock
}
left_stopped() {
  trap - EXIT
  release_lock
  echo "Failed halfway: the platform is LEFT STOPPED, its data is not whole. Run 'restore $folder' again." >&2
}
# Timers of the workers go on writing events until they stop, so only what is counted then is true.
deliver_all() {
  local round left
  say 'waiting until every event has arrived'
  for round in 1 2 3 4 5 6 7 8 9 10; do
    until_none 'events that have not arrived' undelivered
    stop_workers
    left=$(undelivered) || fail 'the events that are under way could not be counted'
    [ "$left" -gt 0 ] || return 0
    say "a timer wrote events meanwhile: once more ($round)"
    scale -worker$ before
  done
  fail 'events are written faster than they arrive'
}
is_whole() { # SERVICE FILE: read to its end; the list at its beginning says nothing of the rest
  postgres_in "$1" pg_restore --file=/dev/null <"$2" || fail "$2 is not whole"
}

dump() {
  local service
  mkdir -p "$folder"
  take_lock
  warn_of_dead_letters
  stop_all
  deliver_all
  # Under other names until all are there: a folder never holds two moments that look like one.
  for service in $databases; do
    postgres "$service" pg_dump --format=custom "$service" >"$folder/$service.dump.part"
    say "$service.dump: $(wc -c <"$folder/$service.dump.part") bytes"
  done
  trap release_lock EXIT
  start_all || fail 'NOT everything could be started. Run a dump again: it ends with starting all.'
  for service in $databases; do is_whole "$service" "$folder/$service.dump.part"; done
  rm -f "$folder/SHA256SUMS"
  for service in $databases; do mv "$folder/$service.dump.part" "$folder/$service.dump"; done
  # shellcheck disable=SC2046 # Names of databases have no spaces.
  (cd "$folder" && checksums $(printf '%s.dump ' $databases) >SHA256SUMS.part && mv SHA256SUMS.part SHA256SUMS)
  say "dumped to $folder"
}

restore() {
  local service dumped names
  [ -s "$folder/SHA256SUMS" ] || fail "$folder has no SHA256SUMS: a dump into it never ended"
  (cd "$folder" && checksums --check SHA256SUMS >/dev/null) || fail "$folder is not as it was dumped"
  # A database that is younger than the dump would keep events that the others have never seen.
  dumped=$(sed -n 's/^.* [ *]\([^ ]*\)\.dump$/\1/p' "$folder/SHA256SUMS" | sort)
  [ "$dumped" = "$databases" ] ||
    fail "$folder has dumps of: $dumped; the cluster has: $databases. Install the version of the dump first"
  for service in $databases; do is_whole "$service" "$folder/$service.dump"; done
  take_lock
  stop_all
  stop_workers
  read_queues
  trap left_stopped EXIT
  say 'emptying queues: their events may be younger than the backup'
  purge_queues
  for service in $databases; do
    postgres "$service" psql --quiet --set=ON_ERROR_STOP=1 \
      --command="drop database if exists \"$service\" with (force)" \
      --command="create database \"$service\" owner \"$service\" $locale" \
      --command="revoke connect on database \"$service\" from public"
    postgres_in "$service" pg_restore --dbname="$service" --exit-on-error <"$folder/$service.dump"
    say "$service restored"
  done
  trap release_lock EXIT
  start_all || fail 'The data is whole, but NOT everything could be started. Run a dump: it ends with starting all.'
  say 'replaying the ledger of every lot'
  k exec "deployment/$release-bid-worker" -- node src/cmd/verify-ledger.ts
  k exec "deployment/$release-identity-worker" -- node src/cmd/verify-audit.ts
}

case $command in
dump | restore)
  read_databases
  "$command"
  ;;
*) usage >&2; exit 2 ;;
esac
