#!/bin/sh
# Answers "!ping" in a room with "pong". Needs curl.
#
#     PARLOR_URL=https://chat.example PARLOR_TOKEN=parlor_… sh bot.sh general
set -eu
api="${PARLOR_URL:?}/api/v1/rooms/${1:?the room}"

ask() {
    curl --silent --show-error --fail --header "Authorization: Bearer ${PARLOR_TOKEN:?}" "$@"
}

# The last `rev` of the room, in whatever JSON is on standard input.
rev() {
    sed 's/.*"rev":\([0-9]*\).*/\1/'
}

seen=$(mktemp)
trap 'rm -f "$seen"' EXIT
ask "$api/changes" | rev >"$seen"
while :; do
    # A stream of events: each line `data: …` is one message. When it is lost, it goes on behind the last one.
    ask --no-buffer --header 'Accept: text/event-stream' "$api/changes?after=$(cat "$seen")" | while IFS= read -r line; do
        case $line in
        'id: '*) printf '%s\n' "${line#id: }" >"$seen" ;;
        'data: '*'"body":"!ping"'*)
            # The nonce makes a repeated attempt harmless.
            ask --output /dev/null --data-urlencode 'body=pong, says the shell' \
                --data-urlencode "nonce=pong-$(printf '%s' "$line" | sed 's/.*"seq":\([0-9]*\).*/\1/')" "$api/messages"
            ;;
        esac
    done || true
    sleep 1
done
