// The namespace /chat: who may enter, and what each event does.

import { database, statements } from "./database.js";

const EPOCH = "1";
const GROUPED = process.env.GROUPED === "on";

export function serve(chat, person) {
  chat.use((socket, next) => {
    const user = person(socket.handshake.headers);
    if (!user) return next(new Error("unauthenticated"));
    socket.data.user = user;
    next();
  });

  chat.on("connection", (socket) => {
    // As Socket.IO's page about memory advises: the first request is not needed again.
    socket.conn.request = null;
    const on = (event, handle) =>
      socket.on(event, (payload, acknowledge) => {
        const answer = (it) => typeof acknowledge === "function" && acknowledge(it);
        try {
          const done = handle(payload ?? {}, answer);
          if (done) answer(done);
        } catch (error) {
          console.error(error);
          answer(refused("unavailable"));
        }
      });

    on("join", ({ room: slug, after }) => {
      const room = statements.findRoom.get(String(slug));
      if (!room) return refused("not_found");
      const seq = statements.head.get(room.id).seq;
      const rows = after === undefined ? statements.latest.all(room.id, seq + 1, 50).reverse() : statements.since.all(room.id, Number(after));
      const messages = rows.map((row) => message(room.slug, row));
      socket.join(room.slug);
      const head = { seq, rev: seq, epoch: EPOCH };
      const rest = after === undefined ? { more: (messages[0]?.seq ?? 1) > 1 } : { complete: (messages.at(-1)?.seq ?? seq) >= seq };
      return { ok: true, room: { slug: room.slug, name: room.name }, messages, head, ...rest };
    });

    on("sync", ({ room: slug, after }) => {
      const room = statements.findRoom.get(String(slug));
      if (!room) return refused("not_found");
      const seq = statements.head.get(room.id).seq;
      const messages = statements.since.all(room.id, Number(after)).map((row) => message(room.slug, row));
      return { ok: true, messages, head: { seq, rev: seq, epoch: EPOCH }, complete: (messages.at(-1)?.seq ?? seq) >= seq };
    });

    on("history", ({ room: slug, before, limit }) => {
      const room = statements.findRoom.get(String(slug));
      if (!room) return refused("not_found");
      const rows = statements.latest.all(room.id, Number(before ?? Number.MAX_SAFE_INTEGER), Math.min(Number(limit ?? 50), 200));
      const messages = rows.reverse().map((row) => message(room.slug, row));
      return { ok: true, messages, more_before: (messages[0]?.seq ?? 1) > 1, more_after: before !== undefined };
    });

    on("leave", ({ room }) => {
      socket.leave(String(room));
      return { ok: true };
    });

    on("message", (payload, answer) => {
      if (!GROUPED) return post(socket, payload, answer).forEach((tell) => tell());
      group(socket, payload, answer);
    });
  });

  // Stores a post; gives what is to be told once it is committed.
  function post(socket, { room: slug, body, nonce }, answer) {
    const room = statements.findRoom.get(String(slug));
    if (!room) return [() => answer(refused("not_found"))];
    if (typeof body !== "string" || body === "" || body.length > 8000) return [() => answer(refused("invalid", "body"))];
    if (typeof nonce !== "string" || nonce === "" || nonce.length > 64) return [() => answer(refused("invalid", "nonce"))];
    const { id, username } = socket.data.user;
    const created_at = new Date().toISOString();
    const stored = statements.post.get(room.id, id, body, nonce, created_at);
    if (!stored) {
      const row = statements.findByNonce.get(id, nonce);
      return [() => answer({ ok: true, message: message(row.slug, row) })];
    }
    const posted = message(room.slug, { seq: stored.seq, author_id: id, username, body, created_at, nonce });
    return [() => chat.to(room.slug).emit("message", posted), () => answer({ ok: true, message: posted })];
  }

  // What came in this turn of the event loop, committed together.
  let waiting = [];

  function group(socket, payload, answer) {
    if (waiting.length === 0) setImmediate(commit);
    waiting.push([socket, payload, answer]);
  }

  function commit() {
    const posts = waiting;
    waiting = [];
    try {
      database.exec("begin immediate");
      const told = posts.flatMap(([socket, payload, answer]) => post(socket, payload, answer));
      database.exec("commit");
      told.forEach((tell) => tell());
    } catch (error) {
      console.error(error);
      if (database.isTransaction) database.exec("rollback");
      posts.forEach(([, , answer]) => answer(refused("unavailable")));
    }
  }
}

function refused(code, field) {
  return { ok: false, error: { code, message: code, ...(field && { field }) } };
}

const ESCAPES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

function message(room, { seq, author_id, username, body, created_at, nonce }) {
  const html = `<p>${body.replace(/[&<>"]/g, (it) => ESCAPES[it])}</p>\n`;
  return { room, seq, rev: seq, kind: "text", author: { id: author_id, username, name: username }, body, html, created_at, nonce };
}
