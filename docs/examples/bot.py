"""Answers "!ping" in a room with "pong". Needs Python 3 and nothing else.

    PARLOR_URL=https://chat.example PARLOR_TOKEN=parlor_… python3 bot.py general
"""

import json
import os
import sys
import time
import urllib.error
import urllib.request

API = f"{os.environ['PARLOR_URL']}/api/v1/rooms/{sys.argv[1]}"


def ask(path, body=None, accept="application/json"):
    headers = {"Authorization": f"Bearer {os.environ['PARLOR_TOKEN']}", "Accept": accept, "Content-Type": "application/json"}
    data = None if body is None else json.dumps(body).encode()
    return urllib.request.urlopen(urllib.request.Request(API + path, data, headers), timeout=60)


after = json.load(ask("/changes"))["head"]["rev"]
while True:
    try:
        for line in ask(f"/changes?after={after}", accept="text/event-stream"):
            if not line.startswith(b"data: "):
                continue
            message = json.loads(line[6:])
            if "rev" not in message:
                sys.exit(message["error"]["message"])
            after = message["rev"]
            if message["body"] == "!ping":
                # The nonce makes a repeated attempt harmless.
                ask("/messages", {"body": "pong, says Python", "reply_to": message["seq"], "nonce": f"pong-{after}"}).close()
    except urllib.error.HTTPError as error:
        if error.code not in (429, 502, 503, 504):
            sys.exit(f"{error.code}: {error.read().decode()}")
    except OSError as error:
        print(error, file=sys.stderr)
    time.sleep(1)
