#!/bin/sh
# Builds one service's image for Skaffold without Docker: sh k8s/build-with-buildah.sh SERVICE
#
# Skaffold asks a Docker socket for what was built. Podman offers one over the images that buildah
# made: `podman system service --time=0 unix:///run/podman.sock &` and
# DOCKER_HOST=unix:///run/podman.sock. CLUSTER_LOAD is the command that brings an {image} to the
# nodes of a cluster without a registry, for example "kind load docker-image {image}".
set -eu

case ${1:-} in
  --help | -h) sed -n '2,7p' "$0" | sed 's/^# \{0,1\}//'; exit ;;
  '' | -*) echo 'Name one service; --help shows the usage.' >&2; exit 2 ;;
esac
service=$1
# Docker reads a name without a registry as one of docker.io; buildah would make it localhost.
case $IMAGE in
  */*/*) name=$IMAGE ;;
  *) name=docker.io/$IMAGE ;;
esac

buildah bud --quiet --layers --isolation chroot --file services/Dockerfile \
  --build-arg "SERVICE=$service" --build-arg OWNER=10001 --tag "$name" "$BUILD_CONTEXT"

if [ "$PUSH_IMAGE" = true ]; then
  buildah push "$name"
  exit
fi
# An image that is not pushed is deployed under its id, whatever its tag was.
id=$(buildah images --quiet --no-trunc "$name" | head -n 1)
by_id=${name%:*}:${id#sha256:}
buildah tag "$name" "$by_id"
if [ -n "${CLUSTER_LOAD:-}" ]; then
  eval "$(printf '%s' "$CLUSTER_LOAD" | sed "s|{image}|$by_id|g")"
fi
