# Sourced by the other scripts: need_packages NAME... installs those Debian packages that are missing, and touches nothing
# that is there. On a system without apt it says what is needed and stops.

need_packages() {
    local missing=() package
    if ! command -v dpkg-query > /dev/null || ! command -v apt-get > /dev/null; then
        echo "This script installs Debian packages. On this system, please install the equivalents of: $*" >&2
        echo "(a C11 compiler with OpenMP, CMake 3.25 or newer, Ninja, libdeflate; cairo for pictures; for the tests Criterion and zlib), then build with" >&2
        echo "    cmake --preset release && cmake --build --preset release" >&2
        exit 1
    fi
    for package in "$@"; do
        case "$(dpkg-query -W -f='${Status}' "$package" 2> /dev/null)" in
        *" installed") ;;
        *) missing+=("$package") ;;
        esac
    done
    [ ${#missing[@]} -eq 0 ] && return
    local root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo > /dev/null || {
            echo "missing packages: ${missing[*]} (not root, and there is no sudo to install them with)" >&2
            exit 1
        }
        root=(sudo)
    fi
    echo "installing ${missing[*]}"
    # A package list may be old or empty: refresh it once, only when the first try finds nothing.
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-upgrade --no-install-recommends \
        "${missing[@]}" > /dev/null 2>&1 && return
    "${root[@]}" apt-get update -qq
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-upgrade --no-install-recommends \
        "${missing[@]}" > /dev/null
}

# Packages that building the library takes, as words.
build_packages="gcc libc6-dev cmake ninja-build pkg-config libdeflate-dev libcairo2-dev"
# The Fashion-MNIST images (30 MB).
data_packages="dataset-fashion-mnist"
# What the tests take on top.
test_packages="g++ clang libomp-dev libcriterion-dev zlib1g-dev binutils"
# OpenCL: what the backend is built with, a device on every machine (PoCL), and a simulator that sees races.
opencl_packages="opencl-headers ocl-icd-opencl-dev libclblast-dev pocl-opencl-icd oclgrind"
