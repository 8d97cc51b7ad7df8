#!/usr/bin/env bash
# get_data.sh GET_DATA: scripts/get-data against a small server of our own: what it fetches, resumes, refuses and leaves.
set -u
get_data=$1
command -v python3 > /dev/null && command -v curl > /dev/null || exit 77
folder=$(mktemp -d) || exit 1
server='' tools=''
trap '[ -n "$server" ] && kill "$server"; rm -rf "$folder"' EXIT
cd "$folder" || exit 1
failures=0

complain() {
    echo "$*"
    failures=$((failures + 1))
}

# A server that can go on in the middle of a file below /ranges, and logs what was asked for.
cat > server.py << 'END'
import http.server, os, sys

class Handler(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        wanted = self.headers.get("Range", "")
        with open("log", "a") as log:
            log.write(self.path + " " + wanted + "\n")
        name = "home/" + os.path.basename(self.path)
        if not os.path.exists(name):
            return self.send_error(404)
        data = open(name, "rb").read()
        start = 0
        if wanted and self.path.startswith("/ranges/"):
            start = int(wanted[len("bytes="):].split("-")[0])
            if start >= len(data):
                return self.send_error(416)
            self.send_response(206)
            self.send_header("Content-Range", "bytes %d-%d/%d" % (start, len(data) - 1, len(data)))
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(data) - start))
        self.end_headers()
        self.wfile.write(data[start:])

    def log_message(self, *arguments):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
with open("port.new", "w") as f:
    f.write(str(server.server_address[1]))
os.rename("port.new", "port")
server.serve_forever()
END
mkdir home
head -c 100000 /dev/urandom > home/images.gz
head -c 3000 /dev/urandom > home/labels.gz
mkdir -p top/train && echo one > top/train/1.txt && echo two > top/2.txt && tar -czf home/pictures.tgz top
head -c 5000 /dev/urandom > home/broken.tar.gz
python3 server.py &
server=$!
for _ in $(seq 100); do
    [ -e port ] && break
    sleep 0.1
done
[ -e port ] || exit 1
url=http://127.0.0.1:$(cat port)

sum() {
    sha256sum "home/$1" | cut -d ' ' -f 1
}
cat > table << END
small $(sum images.gz) $url/ranges/images.gz
small $(sum labels.gz) $url/ranges/labels.gz
plain $(sum images.gz) $url/plain/images.gz
pictures $(sum pictures.tgz) $url/plain/pictures.tgz
forged $(sum labels.gz | tr 0-9a-f 1-9a-f0) $url/plain/labels.gz
missing $(sum labels.gz) $url/plain/nothing.gz
broken $(sum broken.tar.gz) $url/plain/broken.tar.gz
offline $(sum labels.gz) http://127.0.0.1:9/labels.gz
END
export no_proxy=127.0.0.1 SOCLE_DATA_TABLE=$folder/table

get() {
    : > log
    PATH=${tools:-$PATH} "$get_data" "$@" > stdout 2> stderr
    status=$?
}

# refuse EXIT WORDS [ARGUMENT...]: this status, and one line on stderr with these words
refuse() {
    local want=$1 words=$2
    shift 2
    get "$@"
    if [ $status -ne "$want" ] || [ "$(wc -l < stderr)" -ne 1 ] || ! grep -q -- "$words" stderr; then
        complain "$*: exit $status (not $want), \"$words\" expected: $(cat stderr)"
    fi
}

get --dir out small pictures
[ $status -eq 0 ] || complain "exit $status: $(cat stderr)"
cmp -s home/images.gz out/small/images.gz && cmp -s home/labels.gz out/small/labels.gz || complain "small is not what it was"
[ "$(cat out/pictures/train/1.txt out/pictures/2.txt)" = "$(printf 'one\ntwo')" ] || complain "pictures were not unpacked"
[ "$(ls out | paste -s -d ' ')" = "pictures small" ] || complain "left behind: $(ls out)"

get --dir out small pictures
[ $status -eq 0 ] && [ ! -s log ] || complain "a second call asked for: $(cat log)"

# a cut download goes on where it stopped; the server says what was asked for
rm out/small/images.gz && head -c 40000 home/images.gz > out/small/images.gz.part
get --dir out small
cmp -s home/images.gz out/small/images.gz || complain "a resumed file is not what it was"
[ "$(cat log)" = "/ranges/images.gz bytes=40000-" ] || complain "a resumed download asked for: $(cat log)"

# complete but not yet renamed; longer than it should be; at a server that always starts at the beginning
mv out/small/images.gz out/small/images.gz.part
get --dir out small
[ $status -eq 0 ] && [ ! -s log ] && [ -e out/small/images.gz ] || complain "a complete download was fetched again"
rm out/small/images.gz && cat home/images.gz home/labels.gz > out/small/images.gz.part
get --dir out small
cmp -s home/images.gz out/small/images.gz || complain "a download that was too long was kept: $(cat stderr)"
mkdir -p out/plain && head -c 40000 home/images.gz > out/plain/images.gz.part
get --dir out plain
cmp -s home/images.gz out/plain/images.gz || complain "without ranges: $(cat stderr)"
[ "$(ls out/plain out/small | grep -c part)" -eq 0 ] || complain "left behind: $(ls out/plain out/small)"

# without curl
if command -v wget > /dev/null; then
    mkdir bin
    for tool in bash cat cut tr sed uniq paste sha256sum mkdir mv rm tar gzip wget head; do
        ln -s "$(command -v $tool)" bin/
    done
    rm -rf out/small && mkdir out/small && head -c 40000 home/images.gz > out/small/images.gz.part
    tools=$folder/bin
    get --dir out small
    cmp -s home/images.gz out/small/images.gz || complain "with wget: $(cat stderr)"
    rm bin/wget
    refuse 1 "neither curl nor wget" --dir out small
    tools=''
fi

refuse 1 "labels.gz is not what it should be.*forged/labels.gz.bad" --dir out forged
[ "$(ls out/forged)" = labels.gz.bad ] || complain "a forged file left $(ls out/forged)"
refuse 1 "does not have.*nothing.gz" --dir out missing
refuse 1 "127.0.0.1:9 cannot be reached" --dir out offline
refuse 1 "broken.*cannot be unpacked" --dir out broken
[ ! -e out/broken ] && [ ! -e out/broken.part ] || complain "a broken archive left a folder"
refuse 1 "folder /dev/null/out cannot be made" --dir /dev/null/out small
refuse 2 "there is no data set \"nonsense\": small, plain" --dir other small nonsense
[ ! -e other ] || complain "something was made before a bad name was found"
refuse 2 "name a data set: small, plain"
refuse 2 "no option --frobnicate" --frobnicate
refuse 2 "dir needs a folder" small --dir
unset SOCLE_DATA_TABLE
refuse 2 "there is no data set \"nonsense\": mnist, fashion-mnist, cifar10, imagenette2-160" nonsense
[ $failures -eq 0 ] || exit 1
echo "fetched, resumed and refused as it should"
