// Counts what a post or a delivery takes of a running server, where a clock would measure the machine's other guests as well.
//
//   node proof/count.mjs URL PID WHAT [people] [under way] [listeners] [posts]
//
// WHAT is `instructions` of posts, or of `joins`, `pages` (a room's latest page) or `history` (a page further back), each counted as instructions (the server runs under `valgrind --tool=callgrind --instr-atstart=no`, and says at its end how many it
// `Collected`), `switches` (between threads, by /proc) or `calls` (system calls, by strace). Each of the people posts and keeps so many
// posts under way; listeners are live in the room. It takes `npm install socket.io-client`, and a server with POST_RATE, ACT_RATE, LOGIN_RATE and REGISTRATION_RATE off.
import { io } from "socket.io-client";
import fs from "node:fs";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";

const [url, pid, what] = process.argv.slice(2);
const [people, underWay, listeners, posts] = [1, 1, 0, 400].map((usual, at) => Number(process.argv[5 + at] ?? usual));
const run = Date.now().toString(36);

async function register(username) {
  const body = new URLSearchParams({ username, password: "correct-horse-9" });
  const answer = await fetch(`${url}/register`, { method: "POST", redirect: "manual", body });
  if (answer.status !== 303) throw new Error(`${username} could not register: ${answer.status}`);
  return answer.headers.getSetCookie().map((cookie) => cookie.split(";")[0]).join("; ");
}

async function enter(cookie, isLive) {
  const socket = io(`${url}/chat`, { transports: ["websocket"], forceNew: true, extraHeaders: { cookie } });
  await new Promise((come) => socket.on("connect", come));
  await socket.emitWithAck("join", { room: "general" });
  if (!isLive) await socket.emitWithAck("leave", { room: "general" });
  return socket;
}

const speakers = [];
for (let nth = 0; nth < people; nth++) speakers.push(await enter(await register(`speaker${nth}-${run}`), false));
let heard = 0;
const listener = listeners && (await register(`listener-${run}`));
for (let nth = 0; nth < listeners; nth++) (await enter(listener, true)).on("message", () => heard++);

/// Posts so many in all; ends when all are acknowledged and heard.
async function talk(count, name) {
  heard = 0;
  let sent = 0;
  const speak = async (socket) => {
    while (sent < count) {
      const nth = sent++;
      const body = `This is a line of ordinary words that somebody wrote, number ${nth % 100}`;
      const answer = await socket.emitWithAck("message", { room: "general", body, nonce: `${run}-${name}-${nth}` });
      if (!answer.ok) throw new Error(JSON.stringify(answer));
    }
  };
  await Promise.all(speakers.flatMap((socket) => Array.from({ length: underWay }, () => speak(socket))));
  while (heard < count * listeners) await new Promise((come) => setTimeout(come, 5));
}

const switches = () => fs.readdirSync(`/proc/${pid}/task`).reduce((sum, task) => {
  const lines = fs.readFileSync(`/proc/${pid}/task/${task}/status`, "utf8").match(/voluntary_ctxt_switches:\s+\d+/g);
  return sum + lines.reduce((sum, line) => sum + Number(line.match(/\d+/)[0]), 0);
}, 0);

// Somebody who only reads, one thing after the other.
const reader = await register(`reader-${run}`);
const reading = await enter(reader, true);
const reads = {
  joins: () => reading.emitWithAck("join", { room: "general" }),
  pages: () => page("/rooms/general"),
  history: () => page("/rooms/general?before=60"),
};
async function page(path) {
  const answer = await fetch(url + path, { headers: { cookie: reader, accept: "text/html" } });
  if (answer.status !== 200) throw new Error(`${path}: ${answer.status}`);
  await answer.text();
}
async function read(count) {
  for (let nth = 0; nth < count; nth++) await reads[what]();
}

await talk(100 * underWay, "warm");
if (what === "instructions" || what in reads) {
  const work = what in reads ? () => read(posts) : () => talk(posts, "counted");
  if (what in reads) await read(20);
  execFileSync("callgrind_control", ["-i", "on", pid], { stdio: "ignore" });
  await work();
  execFileSync("callgrind_control", ["-i", "off", pid], { stdio: "ignore" });
} else if (what === "switches") {
  const before = switches();
  await talk(posts, "counted");
  console.log(`${((switches() - before) / posts).toFixed(1)} switches a post`);
} else {
  const strace = spawn("strace", ["-f", "-c", "-e", "trace=sendto,recvfrom,epoll_wait,pwrite64,fsync", "-p", pid]);
  strace.stderr.pipe(process.stderr);
  await once(strace.stderr, "data");
  await talk(posts, "counted");
  strace.kill("SIGINT");
  await once(strace, "exit");
}
process.exit(0);
