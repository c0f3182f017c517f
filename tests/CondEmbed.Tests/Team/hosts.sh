#!/bin/sh
# Hosts on this machine that know each other by a network alone: each has a namespace of its own with an address 10.77.7.N and a name, and all hang on one bridge.
#   hosts.sh up NAME N          makes N of them
#   hosts.sh slow NAME N RATE   lets each send no faster than that, as in 1gbit
#   hosts.sh down NAME N        removes them
#   hosts.sh on NAME [-...] 10.77.7.I COMMAND...   runs a command on one, as ssh would
set -e
do=$1
name=$2

case $do in
up)
  ip netns add "$name-0"
  ip -n "$name-0" link add bridge0 type bridge
  ip -n "$name-0" link set bridge0 up
  for i in $(seq 1 "$3"); do
    ip netns add "$name-$i"
    ip -n "$name-$i" link set lo up
    ip -n "$name-0" link add "host$i" type veth peer name eth0 netns "$name-$i"
    ip -n "$name-0" link set "host$i" master bridge0 up
    ip -n "$name-$i" addr add "10.77.7.$i/24" dev eth0
    ip -n "$name-$i" link set eth0 up
  done
  ;;
slow)
  for i in $(seq 1 "$3"); do ip netns exec "$name-$i" tc qdisc replace dev eth0 root tbf rate "$4" burst 128kb latency 50ms; done
  ;;
down)
  for i in $(seq 0 "$3"); do ip netns del "$name-$i" 2>/dev/null || true; done
  ;;
on)
  shift 2
  while [ "${1#-}" != "$1" ]; do shift; done
  host=${1##*.}
  shift
  exec ip netns exec "$name-$host" unshare --uts sh -c "hostname host$host; $*"
  ;;
esac
