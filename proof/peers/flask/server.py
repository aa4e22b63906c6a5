"""A small complete chat: accounts, rooms, history, and messages that are committed before anybody hears of them.

Settings: LISTEN, DATABASE_URL (sqlite://FILE), SYNCHRONOUS (full or normal).
"""

from gevent import monkey

monkey.patch_all()

import os
import re
import signal

import gevent
from flask import Flask, redirect, request, session
from flask_socketio import SocketIO
from gevent.pywsgi import WSGIServer
from geventwebsocket.handler import WebSocketHandler
from werkzeug.security import check_password_hash, generate_password_hash

import database
from chat import Chat

app = Flask(__name__)
app.config.update(SECRET_KEY=database.secret_key(), SESSION_COOKIE_SAMESITE="Lax")
# WebSocket only, as Parlor; sessions do not change while a socket is open, so Flask's own do.
socketio = SocketIO(app, async_mode="gevent", transports=["websocket"], manage_session=False, max_http_buffer_size=65536)
socketio.on_namespace(Chat("/chat"))


@app.get("/healthz")
def healthz():
    database.ping()
    return "ok"


@app.post("/register")
def register():
    username, password = request.form.get("username", ""), request.form.get("password", "")
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{0,31}", username) or len(password) < 8:
        return "", 422
    user = database.add_user(username, generate_password_hash(password))
    return sign_in(user["id"], username) if user else ("", 422)


@app.post("/login")
def login():
    user = database.find_user(request.form.get("username", ""))
    if user is None or not check_password_hash(user["password"], request.form.get("password", "")):
        return "", 401
    return sign_in(user["id"], user["username"])


@app.post("/rooms")
def rooms():
    if "user_id" not in session:
        return redirect("/login", 303)
    name = request.form.get("name", "")
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if not slug:
        return "", 422
    database.add_room(slug, name)
    return redirect(f"/rooms/{slug}", 303)


def sign_in(user_id, username):
    session.update(user_id=user_id, username=username)
    return redirect("/", 303)


if __name__ == "__main__":
    host, port = os.environ.get("LISTEN", "127.0.0.1:3000").split(":")
    # What `socketio.run` starts, with a backlog for a crowd and without a line for each request.
    server = WSGIServer((host, int(port)), app, handler_class=WebSocketHandler, log=None, backlog=1024)
    server.start()
    for number in (signal.SIGTERM, signal.SIGINT):
        gevent.signal_handler(number, os._exit, 0)
    print(f"listening on http://{server.server_host}:{server.server_port}", flush=True)
    server.serve_forever()
