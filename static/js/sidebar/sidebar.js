// The person's rooms beside every page, with their unread counts, live.
import { Entries, isDirect } from '#js/sidebar/entries.js';
import { isBlocked } from '#js/people/blocked.js';
import { watch } from '#js/sidebar/room-list.js';

export class Sidebar extends EventTarget {
  #connection; #me; #here; #title; #lost = null;
  #rows = new Map();
  // Of each room, the last message that has one of the person's keywords: the server says so before it sends the message.
  #found = new Map();
  // Whether all of the person's rooms are known.
  #isWhole = false;
  #entries;
  // Whether the open room is being read right now: then nothing is unread in it.
  isReading = () => false;

  constructor(connection, me, title) {
    super();
    this.#connection = connection;
    this.#me = me;
    this.#title = title;
    this.#entries = new Entries();
    connection.addEventListener('up', () => this.#watch());
    connection.on('activity', ({ room, message }) => { if (room !== this.#here) this.heard(room, message); });
    connection.on('keyword', ({ room, seq }) => this.#found.set(room, seq));
    connection.on('changed', ({ room, message, addressed }) => { if (room !== this.#here) this.#recount(room, message, addressed); });
    connection.on('entered', (row) => { this.#take(row); this.#offer(); });
    connection.on('removed', ({ room }) => this.#forget(room));
    connection.on('read', ({ room, seq, unread, mentions }) => this.count(room, { unread, mentions, read_seq: seq }));
    connection.on('level', ({ room, level }) => this.level(room, level));
    connection.on('hidden', ({ room, hidden }) => this.#change(room, { hidden }));
    connection.on('room', (room) => this.#described(room));
  }

  // Navigation to a room's page or another page.
  open(room) {
    const left = this.#here;
    this.#here = this.#entries.here = room;
    this.isReading = () => false;
    if (left && left === this.#lost) this.#entries.remove(left);
    this.#lost = null;
    // Opening a hidden conversation shows it again.
    if (this.#rows.get(room)?.hidden) this.#rows.get(room).hidden = false;
    for (const one of [left, room]) if (this.#rows.has(one)) this.#show(one);
    // The open room is always listed.
    if (room) this.list(room);
  }

  // A room's notification level: its own, or the default, which is "all" for direct messages.
  notificationLevel(room) {
    const row = this.#rows.get(room);
    return row?.level ?? (row && isDirect(row) ? 'all' : this.#me.notify);
  }

  isDirect(room) { return this.#rows.has(room) && isDirect(this.#rows.get(room)); }

  nameOf(room) { return this.#rows.get(room)?.name ?? room; }

  // A message in a room is counted once, whatever its source. Messages from a catch-up are not announced as new.
  heard(room, message, isNews = true) {
    const row = this.#rows.get(room);
    if (!row || message.kind !== 'text') return;
    // In the open room the previous version's mentions are unknown.
    if (room === this.#here && isNews && (message.deleted_at || message.edited_at) && message.seq <= row.head.seq) this.#ask(room, message);
    if (message.deleted_at || message.seq <= row.head.seq) return;
    row.head.seq = message.seq;
    if (row.hidden) this.#change(room, { hidden: false });
    if (message.author.username === this.#me.username) return; // The window that posted it reports how far it has read.
    const hasKeyword = this.#found.get(room) === message.seq;
    const detail = { room, message, isToMe: addresses(message, this.#me), hasKeyword, level: this.notificationLevel(room) };
    this.count(room, { unread: row.unread + 1, mentions: row.mentions + Number(detail.isToMe) });
    if (isNews && !isBlocked(message.author.username)) this.dispatchEvent(new CustomEvent('heard', { detail }));
  }

  // A room's counts from the server.
  count(room, { unread, mentions, read_seq }) {
    const row = this.#rows.get(room);
    this.#change(room, { unread: unread ?? row?.unread ?? 0, mentions: mentions ?? (unread ? row?.mentions : 0) ?? 0, read_seq: read_seq ?? row?.read_seq });
  }

  // An unread message was deleted, or mentions other people now.
  #recount(room, message, addressed) {
    const row = this.#rows.get(room);
    if (!row || message.seq <= row.read_seq || message.author.username === this.#me.username) return;
    const isUncertain = [...addressed, ...(message.mentions ?? [])].includes('@here') || row.unread >= COUNTED || row.mentions >= COUNTED;
    // Only the server knows who was present for @here; its counts are limited.
    if (isUncertain) return void this.#ask(room, message);
    const was = addresses({ ...message, mentions: addressed }, this.#me);
    const is = addresses(message, this.#me);
    this.count(room, { unread: Math.max(0, row.unread - Number(!!message.deleted_at)), mentions: Math.max(0, row.mentions + Number(is) - Number(was)) });
  }

  // Asks for a room's counts: setting the marker where it is changes nothing.
  async #ask(room, { seq }) {
    const row = this.#rows.get(room);
    if (!row?.unread || seq <= row.read_seq) return;
    // With a random delay, so that not all members ask at once.
    await new Promise((resolve) => setTimeout(resolve, Math.random() * SPREAD));
    const answer = await this.#connection.ask('read', { room, seq: row.read_seq });
    if (answer.ok) this.count(room, answer);
  }

  // A room's page shows that everything up to its last message is read.
  seen(room, seq) {
    if (this.#rows.get(room)?.head.seq <= seq) this.count(room, { unread: 0, mentions: 0 });
  }

  level(room, level) {
    this.#change(room, { level });
    this.dispatchEvent(new CustomEvent('level', { detail: { room, level } }));
  }

  async #watch() {
    const old = [...this.#rows.keys(), ...this.#entries.rooms()];
    const known = new Set();
    let arranged;
    const isWhole = await watch(this.#connection, (rows, sidebar) => {
      arranged ??= sidebar;
      for (const row of rows) known.add(row.room);
      this.#take(...rows);
    });
    // A room that was added during the request is not stale.
    if (isWhole) for (const room of old) if (!known.has(room)) this.#forget(room);
    this.#isWhole = isWhole;
    this.#offer();
    if (arranged) this.dispatchEvent(new CustomEvent('arranged', { detail: arranged }));
  }

  // Lists some more rooms by name, and returns them; none while not all rooms are known.
  more() {
    const listed = this.#isWhole ? this.#entries.more([...this.#rows.values()], ({ room }) => this.notificationLevel(room) === 'muted') : [];
    for (const room of listed) this.#draw(room);
    this.#offer();
    return listed;
  }

  // Lists a room that may be missing.
  list(room) {
    if (!this.#rows.has(room)) return;
    this.#entries.list(this.#rows.get(room));
    this.#draw(room);
  }

  #offer() { if (this.#isWhole) this.#entries.offer([...this.#rows.values()]); }

  // A room with another address, or that is shown or hidden now, is listed anew.
  #described({ room, slug, name, visibility, archived, icon }) {
    if (room !== slug || archived) this.#forget(room);
    if (room !== slug || (!archived && !this.#rows.has(room))) this.#watch();
    else this.#change(room, { name, visibility, icon });
  }

  #take(...rows) {
    for (const row of rows) {
      if (row.archived) continue;
      this.#rows.set(row.room, row);
      this.#draw(row.room);
    }
    this.#sum();
  }

  #change(room, what) {
    const row = this.#rows.get(room);
    if (!row) return;
    Object.assign(row, what);
    this.#show(room);
  }

  #forget(room) {
    this.#rows.delete(room);
    // The room's own page shows what became of it, until the person leaves it.
    if (room !== this.#here) this.#entries.remove(room);
    else this.#lost = room;
    this.#offer();
    this.#sum();
  }

  // Refreshes the open room's counts: the person has returned to the window or left it.
  look() { if (this.#rows.has(this.#here)) this.#show(this.#here); }

  #isRead(room) { return room === this.#here && this.isReading(); }

  #show(room) {
    this.#draw(room);
    this.#sum();
  }

  #draw(room) {
    const row = this.#rows.get(room);
    // The open room's entry stays until the person leaves it.
    if (row.hidden && room !== this.#here) return this.#entries.remove(room);
    this.#entries.show(this.#isRead(room) ? { ...row, unread: 0, mentions: 0 } : row, this.notificationLevel(room));
  }

  #sum() {
    let [unread, mentions] = [0, 0];
    for (const [room, row] of this.#rows) {
      if (this.notificationLevel(room) === 'muted' || this.#isRead(room)) continue;
      unread += row.unread;
      mentions += row.mentions;
    }
    this.#title.count({ unread, mentions });
    this.#entries.mentions(mentions);
  }
}

// The server's largest count.
const COUNTED = 100;
// Over how long requests of all members are spread, in milliseconds.
const SPREAD = 1_000;

// Whether a message mentions a person by name, or everybody.
export function addresses(message, me) {
  if (message.author.username === me.username || isBlocked(message.author.username)) return false;
  return (message.mentions ?? []).some((name) => name === me.username || name === '@room' || name === '@here');
}
