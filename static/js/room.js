// The room's history, kept whole: one number, `rev`, says what is known; whatever is missing is asked for.

import { leave, settled } from '#js/seats.js';
import { visit } from '#js/visit.js';

export class Room {
  #signal; #main; #line; #place; #timeline; #outbox; #people; #reading; #sidebar; #title; #pins; #kept;
  #rev; #epoch; #hasJoined = false;
  #syncing = null;

  constructor(main, signal, { line, place, timeline, outbox, people, reading, sidebar, title, pins, kept }) {
    this.#main = main;
    this.#signal = signal;
    this.#line = line;
    this.#place = place;
    this.#timeline = timeline;
    this.#outbox = outbox;
    this.#people = people;
    this.#reading = reading;
    this.#sidebar = sidebar;
    this.#title = title;
    this.#pins = pins;
    this.#kept = kept;
    this.#rev = Number(main.dataset.rev);
    this.#epoch = main.dataset.epoch;
  }

  start() {
    // `join` makes a member: who only reads a public room sees it as it was, until they press its button.
    const isMember = this.#main.dataset.member === 'true';
    if (isMember) {
      this.#line.addEventListener('up', () => this.#join());
      this.#signal.addEventListener('abort', () => this.#leave());
    }
    // Joined in another window, or brought in by somebody.
    else this.#line.on('entered', () => location.reload());
    this.#line.on('message', (message) => this.#heard(message));
    this.#line.on('removed', ({ reason }) => this.#lost(reason));
    this.#line.on('room', (room) => this.#described(room));
    this.#outbox.addEventListener('change', (event) => this.#timeline.pending(event.detail));
    this.#timeline.onOlder = () => this.#older();
    this.#timeline.onNewer = () => this.#newer();
    this.#place.onLatest = () => visit(`/rooms/${this.#main.dataset.room}`);
    this.#timeline.begin(this.#signal);
    this.#outbox.restore(this.#signal);
    this.#outbox.onPosted = (message) => this.#posted(message);
    this.#restore();
    if (isMember && this.#line.isUp) this.#join();
  }

  // What came after the page and was kept in this browser. `rev` stays where the page has it: what is missing between is still asked for.
  async #restore() {
    const kept = await this.#kept.restore();
    if (!this.#signal.aborted) for (const message of kept) this.#timeline.show(message);
  }

  // Whoever is live in a room hears its messages; of the others they hear that something waits.
  #leave() {
    if (this.#hasJoined) leave(this.#main.dataset.room, this.#signal.reason);
  }

  async #join() {
    await settled(this.#main.dataset.room);
    if (this.#signal.aborted) return;
    this.#hasJoined = true;
    const answer = await this.#line.ask('join', { after: this.#rev });
    if (this.#signal.aborted) return;
    if (!answer.ok) return this.#refused(answer.error);
    if (answer.head.epoch !== this.#epoch) return location.reload();
    this.#take(answer.messages);
    if (!answer.complete) await this.#sync();
    this.#rev = Math.max(this.#rev, answer.complete ? answer.head.rev : 0);
    this.#people.here(answer.online);
    this.#line.say('');
    this.#outbox.flush();
    this.#reading.live();
    // For whoever measures what a visit takes.
    performance.mark('live');
    this.#timeline.look();
  }

  #refused(error) {
    // Another history than the one that this page knows: begin afresh.
    if (error.field === 'after') return location.reload();
    if (error.code === 'not_found' || error.code === 'forbidden') return visit('/rooms');
    if (error.code !== 'lost') this.#line.say(error.message);
    if (this.#line.isUp) setTimeout(() => this.#line.isUp && this.#join(), (error.retry_after ?? 2) * 1_000);
  }

  #heard(message) {
    if (message.rev > this.#rev + 1) return this.#sync();
    this.#take([message], true);
  }

  // One's own post, as its acknowledgement tells it; its broadcast may still be on its way.
  async #posted(message) {
    if (this.#signal.aborted) return;
    if (!this.#timeline.isLatest) return visit(`/rooms/${this.#main.dataset.room}`);
    await this.#heard(message);
    this.#reading.posted();
  }

  // Left in another window, or removed by somebody: what was read stays, and nothing more comes or goes.
  #lost(reason) {
    document.querySelector('#composer')?.closest('.composer').remove();
    this.#main.dataset.member = 'false';
    this.#line.end(reason === 'left' ? 'You left this room.' : 'You were removed from this room.', '/rooms', 'Browse rooms');
  }

  // Asks for what is missing until nothing is; whoever asks meanwhile waits for the same.
  #sync() {
    this.#syncing ??= (async () => {
      for (;;) {
        const answer = await this.#line.read('sync', { after: this.#rev });
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
    this.#kept.add(messages);
    for (const message of messages) {
      if (message.rev > this.#rev && message.kind === 'joined') this.#people.members(1);
      if (message.rev > this.#rev && message.kind === 'left') this.#people.members(-1);
      if (message.nonce) this.#outbox.arrived(message.nonce);
      this.#pins.heard(message);
      this.#timeline.show(message);
      this.#sidebar.heard(message.room, message, isNews);
      this.#rev = Math.max(this.#rev, message.rev);
      this.#main.dispatchEvent(new CustomEvent('message', { detail: message }));
      this.#people.meet(message.author);
      this.#people.stoppedTyping(message.author.username);
    }
    if (messages.length) this.#reading.look();
  }

  async #older() {
    const answer = await this.#line.read('history', { before: this.#timeline.first, limit: 50 });
    if (answer.ok) this.#timeline.prepend(answer.messages, answer.more_before);
    return answer.ok;
  }

  async #newer() {
    const answer = await this.#line.read('history', { after: this.#timeline.last, limit: 50 });
    if (answer.ok) this.#timeline.append(answer.messages, answer.more_after);
    this.#reading.look();
    return answer.ok;
  }

  #described(room) {
    this.#title.name(`${room.name} · Parlor`);
    this.#main.querySelector('h1').textContent = room.name;
    this.#main.querySelector('.head p').textContent = room.topic;
  }
}
