// Keeps the room's log complete: `rev` is the last known change, and gaps are requested from the server.

import { leaveRoom, leaveSettled } from '#js/core/joined-rooms.js';
import { createElement } from '#js/core/dom.js';
import { visit } from '#js/core/visit.js';
import { show } from '#js/people/names.js';

const LOST = { left: 'You left this room.', removed: 'You were removed from this room.', deleted: 'This room was deleted.' };

export class RoomSync {
  #signal; #main; #me; #channel; #scroll; #timeline; #outbox; #people; #readMarker; #sidebar; #title; #pins; #offline;
  #rev; #seq; #epoch; #hasJoined = false;
  #syncing = null;

  constructor(main, signal, { me, channel, scroll, timeline, outbox, people, readMarker, sidebar, title, pins, offline }) {
    this.#main = main;
    this.#me = me;
    this.#signal = signal;
    this.#channel = channel;
    this.#scroll = scroll;
    this.#timeline = timeline;
    this.#outbox = outbox;
    this.#people = people;
    this.#readMarker = readMarker;
    this.#sidebar = sidebar;
    this.#title = title;
    this.#pins = pins;
    this.#offline = offline;
    this.#rev = Number(main.dataset.rev);
    // The last message that the page shows.
    this.#seq = Number([...main.querySelectorAll('[data-seq]')].pop()?.dataset.seq ?? 0);
    this.#epoch = main.dataset.epoch;
  }

  start() {
    // `join` makes the person a member: non-members see a public room as it was until they press its button.
    const isMember = this.#main.dataset.member === 'true';
    if (isMember) {
      this.#channel.addEventListener('up', () => this.#join());
      this.#signal.addEventListener('abort', () => this.#leave());
    }
    // Joined in another window, or added by somebody.
    else this.#channel.on('entered', () => location.reload());
    this.#channel.on('message', (message) => this.#heard(message));
    this.#channel.on('removed', ({ reason }) => this.#lost(reason));
    this.#channel.on('room', (room) => this.#described(room));
    this.#outbox.addEventListener('change', (event) => this.#timeline.pending(event.detail));
    this.#timeline.onOlder = () => this.#older();
    this.#timeline.onNewer = () => this.#newer();
    this.#scroll.onLatest = () => visit(`/rooms/${this.#main.dataset.room}`);
    this.#timeline.begin(this.#signal);
    this.#outbox.restore(this.#signal);
    this.#outbox.onPosted = (message) => this.#posted(message);
    this.#restore();
    if (isMember && this.#channel.isUp) this.#join();
  }

  // Shows messages that came after the cached page. `rev` stays that of the page: everything since is still requested.
  async #restore() {
    const missed = await this.#offline.restore();
    if (!this.#signal.aborted) for (const message of missed) this.#timeline.show(message);
  }

  // A connection gets the messages of joined rooms, and only activity of the rest.
  #leave() {
    if (this.#hasJoined) leaveRoom(this.#main.dataset.room, this.#signal.reason);
  }

  async #join() {
    await leaveSettled(this.#main.dataset.room);
    if (this.#signal.aborted) return;
    this.#hasJoined = true;
    const answer = await this.#channel.ask('join', { after: this.#rev });
    if (this.#signal.aborted) return;
    if (!answer.ok) return this.#refused(answer.error);
    if (answer.head.epoch !== this.#epoch) return location.reload();
    this.#take(answer.messages);
    if (!answer.complete) await this.#sync();
    this.#rev = Math.max(this.#rev, answer.complete ? answer.head.rev : 0);
    this.#people.here(answer.online);
    this.#channel.say('');
    this.#outbox.flush();
    this.#readMarker.live();
    // For measuring how long a visit takes.
    performance.mark('live');
    this.#timeline.look();
  }

  #refused(error) {
    // The page is of another epoch: start afresh.
    if (error.field === 'after') return location.reload();
    if (error.code === 'not_found' || error.code === 'forbidden') return visit('/rooms');
    if (error.code !== 'lost') this.#channel.say(error.message);
    if (this.#channel.isUp) setTimeout(() => this.#channel.isUp && this.#join(), (error.retry_after ?? 2) * 1_000);
  }

  #heard(message) {
    if (message.rev > this.#rev + 1) return this.#sync();
    this.#take([message], true);
  }

  // The person's own post was acknowledged; its broadcast may arrive later.
  async #posted(message) {
    if (this.#signal.aborted) return;
    if (!this.#timeline.isLatest) return visit(`/rooms/${this.#main.dataset.room}`);
    await this.#heard(message);
    this.#readMarker.posted();
  }

  // The membership ended, here or elsewhere: the log stays, and nothing more is received or sent.
  #lost(reason) {
    this.#main.querySelector('#composer')?.closest('.composer').remove();
    this.#main.dataset.member = 'false';
    this.#channel.end(LOST[reason] ?? LOST.removed, '/rooms', 'Browse rooms');
  }

  // Requests changes until none is missing; concurrent callers share one request.
  #sync() {
    this.#syncing ??= (async () => {
      for (;;) {
        const answer = await this.#channel.read('sync', { after: this.#rev });
        if (this.#signal.aborted) return;
        if (!answer.ok) return this.#refused(answer.error);
        if (answer.head.epoch !== this.#epoch) return location.reload();
        this.#take(answer.messages);
        if (answer.complete) return;
      }
    })().finally(() => { this.#syncing = null; });
    return this.#syncing;
  }

  #take(messages, isNews = false) {
    this.#offline.add(messages);
    for (const message of messages) {
      // A notice that changes counts nobody again.
      const isNew = message.rev > this.#rev && message.seq > this.#seq;
      if (isNew && message.kind === 'joined') this.#people.members(1);
      if (isNew && message.kind === 'left') this.#people.members(-1);
      this.#seq = Math.max(this.#seq, message.seq);
      if (isNews && message.kind === 'role' && message.author.username === this.#me.username) return location.reload();
      if (message.nonce) this.#outbox.arrived(message.nonce);
      this.#pins.heard(message);
      this.#timeline.show(message);
      this.#sidebar.heard(message.room, message, isNews);
      this.#rev = Math.max(this.#rev, message.rev);
      this.#main.dispatchEvent(new CustomEvent('message', { detail: message }));
      this.#people.meet(message.author);
      this.#people.stoppedTyping(message.author.username);
    }
    if (messages.length) this.#readMarker.look();
  }

  async #older() {
    const answer = await this.#channel.read('history', { before: this.#timeline.first, limit: 50 });
    if (answer.ok) this.#timeline.prepend(answer.messages, answer.more_before);
    return answer.ok;
  }

  async #newer() {
    const answer = await this.#channel.read('history', { after: this.#timeline.last, limit: 50 });
    if (answer.ok) this.#timeline.append(answer.messages, answer.more_after);
    this.#readMarker.look();
    return answer.ok;
  }

  #described(room) {
    const { archived, posting, room: slug } = this.#main.dataset;
    // What the page offers depends on these.
    if (room.slug !== slug || String(room.archived) !== archived || room.posting !== posting) return location.replace(`/rooms/${room.slug}`);
    this.#title.name(`${room.name} · Parlor`);
    this.#main.querySelector('h1').textContent = room.name;
    this.#icon(room);
    this.#main.querySelector('.head p').textContent = room.topic;
    const slow = this.#main.querySelector('#slow-mode');
    if (!slow || this.#main.dataset.owner === 'true') return;
    slow.textContent = room.slow_mode ? pace(room.slow_mode) : '';
    slow.hidden = !room.slow_mode;
  }

  // The room's icon, before its name.
  #icon({ slug, icon }) {
    const title = this.#main.querySelector('.head h1');
    const before = this.#main.querySelector('.head .room-icon');
    if (!icon) return before?.remove();
    const frame = before ?? createElement('span', 'room-icon');
    if (!before) title.before(frame);
    show(frame, `/rooms/${slug}/icon?v=${icon}`);
  }
}

// What slow mode means, as the server says it.
function pace(seconds) {
  if (seconds === 60) return 'One message a minute';
  if (seconds === 3_600) return 'One message an hour';
  return seconds % 60 ? `One message every ${seconds} seconds` : `One message every ${seconds / 60} minutes`;
}
