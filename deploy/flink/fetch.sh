#!/usr/bin/env bash
# Brings Flink and Beam's job server into build/flink, from PyPI and Maven Central through the
# clients that this machine has configured: pip and mvn. What was fetched already stays.
#
#   deploy/flink/fetch.sh [FOLDER]
#
# Flink's distribution is that of `apache-flink-libraries`, whose digest is checked here; Maven checks
# the job server's against the repository's (-C: a wrong one is an error). Exits with 3 if the job
# server can't be had.
set -euo pipefail

FLINK=1.20.5
FLINK_SHA256=e6aee62ea1a1fe7b32e28894ad079f3f1a50a372a4caac3df52405267f4228c8
BEAM=$(sed -n 's/^apache-beam\(\[.*\]\)\?==\([0-9.]*\).*/\2/p' "$(dirname "$0")/../../requirements.lock")
PYTHON=${PYTHON:-python3}
folder=${1:-build/flink}
mkdir -p "$folder"

if [ ! -e "$folder/dist/lib/flink-dist-$FLINK.jar" ]; then
  "$PYTHON" -m pip download --quiet --disable-pip-version-check --no-deps --no-binary :all: \
    --dest "$folder" "apache-flink-libraries==$FLINK"
  archive=$folder/apache_flink_libraries-$FLINK.tar.gz
  echo "$FLINK_SHA256  $archive" | sha256sum --check --quiet
  rm -rf "$folder/dist"
  mkdir "$folder/dist"
  tar -xzf "$archive" -C "$folder/dist" --strip-components=2 "apache_flink_libraries-$FLINK/deps"
  rm "$archive"
fi

server=beam-runners-flink-${FLINK%.*}-job-server
if [ ! -e "$folder/$server-$BEAM.jar" ]; then
  # A repository that does not answer must not hold up everything after it.
  if ! timeout 180 mvn --batch-mode --quiet -C org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy \
    -Dartifact="org.apache.beam:$server:$BEAM" -DoutputDirectory="$folder" >"$folder/mvn.log" 2>&1
  then
    echo "no job server: org.apache.beam:$server:$BEAM can't be had (see $folder/mvn.log)" >&2
    exit 3
  fi
fi
