#!/bin/sh
# Runs a test program where there is an OpenCL device. on_device.sh PRESENT PROGRAM [ARGUMENT...]
present=$1
shift
"$present" || exit
exec "$@"
