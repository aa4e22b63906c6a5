"""The namespace /chat: who may enter, and what each event does."""

from datetime import datetime, timezone
from html import escape

from flask import session
from flask_socketio import ConnectionRefusedError, Namespace, emit, join_room, leave_room

import database

EPOCH = "1"


class Chat(Namespace):
    def on_connect(self):
        if "user_id" not in session:
            raise ConnectionRefusedError("unauthenticated")

    def on_join(self, payload):
        room = database.find_room(payload.get("room"))
        if room is None:
            return refused("not_found")
        seq, after = database.head(room["id"]), payload.get("after")
        rows = database.latest(room["id"], seq + 1, 50) if after is None else database.since(room["id"], int(after))
        messages = [message(room["slug"], **row) for row in rows]
        join_room(room["slug"])
        answer = {
            "ok": True,
            "room": {"slug": room["slug"], "name": room["name"]},
            "messages": messages,
            "head": {"seq": seq, "rev": seq, "epoch": EPOCH},
        }
        if after is None:
            answer["more"] = bool(messages) and messages[0]["seq"] > 1
        else:
            answer["complete"] = not messages or messages[-1]["seq"] >= seq
        return answer

    def on_sync(self, payload):
        room = database.find_room(payload.get("room"))
        if room is None:
            return refused("not_found")
        seq = database.head(room["id"])
        messages = [message(room["slug"], **row) for row in database.since(room["id"], int(payload["after"]))]
        complete = not messages or messages[-1]["seq"] >= seq
        return {"ok": True, "messages": messages, "head": {"seq": seq, "rev": seq, "epoch": EPOCH}, "complete": complete}

    def on_history(self, payload):
        room = database.find_room(payload.get("room"))
        if room is None:
            return refused("not_found")
        before, limit = int(payload.get("before") or 2**62), min(int(payload.get("limit") or 50), 200)
        messages = [message(room["slug"], **row) for row in database.latest(room["id"], before, limit)]
        more = bool(messages) and messages[0]["seq"] > 1
        return {"ok": True, "messages": messages, "more_before": more, "more_after": payload.get("before") is not None}

    def on_leave(self, payload):
        leave_room(str(payload.get("room")))
        return {"ok": True}

    def on_message(self, payload):
        room = database.find_room(payload.get("room"))
        if room is None:
            return refused("not_found")
        body, nonce = payload.get("body"), payload.get("nonce")
        if not isinstance(body, str) or not 0 < len(body) <= 8000:
            return refused("invalid", field="body")
        if not isinstance(nonce, str) or not 0 < len(nonce) <= 64:
            return refused("invalid", field="nonce")
        author_id, username = session["user_id"], session["username"]
        created_at = datetime.now(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        seq = database.post(room["id"], author_id, body, nonce, created_at)
        if seq is None:
            row = database.find_by_nonce(author_id, nonce)
            return {"ok": True, "message": message(row["slug"], **{key: row[key] for key in row.keys() if key != "slug"})}
        posted = message(room["slug"], seq, body, nonce, created_at, author_id, username)
        emit("message", posted, to=room["slug"])
        return {"ok": True, "message": posted}


def message(room, seq, body, nonce, created_at, author_id, username):
    return {
        "room": room,
        "seq": seq,
        "rev": seq,
        "kind": "text",
        "author": {"id": author_id, "username": username, "name": username},
        "body": body,
        "html": f"<p>{escape(body)}</p>\n",
        "created_at": created_at,
        "nonce": nonce,
    }


def refused(code, **more):
    return {"ok": False, "error": {"code": code, "message": code, **more}}
