// A small complete chat: accounts, rooms, history, and messages that are committed before anybody hears of them.
//
// Settings: LISTEN, DATABASE_URL (sqlite://FILE), SYNCHRONOUS (full or normal), GROUPED (on: what comes in one turn of the event
// loop is committed together, which most chats on Node do not do).

import { createServer } from "node:http";
import { randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { promisify } from "node:util";
import { Server } from "socket.io";
import { database, statements } from "./database.js";
import { serve } from "./chat.js";

const hash = promisify(scrypt);
const [host, port] = (process.env.LISTEN ?? "127.0.0.1:3000").split(":");

const http = createServer((request, response) => {
  answer(request, response).catch((error) => {
    console.error(error);
    response.writeHead(500).end();
  });
});

// WebSocket only and no compression of it: as Parlor, and as Socket.IO's own page about performance advises.
const io = new Server(http, { transports: ["websocket"], perMessageDeflate: false, maxHttpBufferSize: 65536, serveClient: false });
serve(io.of("/chat"), (headers) => person(headers));

http.listen({ host, port: Number(port), backlog: 1024 }, () => {
  const { address, port } = http.address();
  console.log(`listening on http://${address}:${port}`);
});
for (const signal of ["SIGTERM", "SIGINT"]) {
  process.on(signal, () => {
    io.close();
    http.closeAllConnections();
    database.close();
    process.exit(0);
  });
}

async function answer(request, response) {
  const path = request.url.split("?")[0];
  if (request.method === "GET" && path === "/healthz") {
    statements.ping.get();
    return response.writeHead(200, { "content-type": "text/plain" }).end("ok");
  }
  if (request.method === "POST" && path === "/register") {
    const { username = "", password = "" } = await form(request);
    if (!/^[a-z0-9][a-z0-9._-]{0,31}$/.test(username) || password.length < 8) return response.writeHead(422).end();
    const salt = randomBytes(16);
    const key = await hash(password, salt, 32);
    const user = statements.addUser.get(username, `${salt.toString("hex")}:${key.toString("hex")}`);
    return user ? signIn(response, user) : response.writeHead(422).end();
  }
  if (request.method === "POST" && path === "/login") {
    const { username = "", password = "" } = await form(request);
    const user = statements.findUser.get(username);
    const [salt, key] = (user?.password ?? `${"0".repeat(32)}:${"0".repeat(64)}`).split(":").map((hex) => Buffer.from(hex, "hex"));
    const same = timingSafeEqual(await hash(password, salt, 32), key);
    return user && same ? signIn(response, user) : response.writeHead(401).end();
  }
  if (request.method === "POST" && path === "/rooms") {
    if (!person(request.headers)) return response.writeHead(303, { location: "/login", "content-length": 0 }).end();
    const { name = "" } = await form(request);
    const slug = name.toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "");
    if (!slug) return response.writeHead(422).end();
    statements.addRoom.run(slug, name);
    return response.writeHead(303, { location: `/rooms/${slug}`, "content-length": 0 }).end();
  }
  response.writeHead(404).end();
}

function signIn(response, user) {
  const token = randomBytes(24).toString("base64url");
  statements.addSession.run(token, user.id);
  response.writeHead(303, { location: "/", "set-cookie": `sid=${token}; Path=/; HttpOnly; SameSite=Lax`, "content-length": 0 }).end();
}

// Whose session a request's cookie names.
function person(headers) {
  const token = /(?:^|;\s*)sid=([^;]+)/.exec(headers.cookie ?? "")?.[1];
  return token ? statements.findSession.get(token) : undefined;
}

async function form(request) {
  let text = "";
  for await (const chunk of request) text += chunk;
  return Object.fromEntries(new URLSearchParams(text));
}
