// The room's history, kept whole: one number, `rev`, says what is known; whatever is missing is asked for.

export class Room {
  #main; #connection; #timeline; #outbox; #people;
  #rev; #epoch; #isLatest;
  #syncing = null;
  #live = false;

  constructor(main, connection, timeline, outbox, people) {
    this.#main = main;
    this.#connection = connection;
    this.#timeline = timeline;
    this.#outbox = outbox;
    this.#people = people;
    this.#rev = Number(main.dataset.rev);
    this.#epoch = main.dataset.epoch;
    this.#isLatest = main.dataset.latest === 'true';
  }

  start() {
    this.#connection.addEventListener('up', () => this.#join());
    this.#connection.addEventListener('down', () => { this.#live = false; });
    this.#connection.on('message', (message) => this.#heard(message));
    this.#connection.on('removed', ({ reason }) => this.#lost(reason));
    this.#connection.on('room', (room) => this.#described(room));
    this.#outbox.addEventListener('change', (event) => this.#timeline.pending(event.detail));
    this.#timeline.onOlder = () => this.#older();
    this.#timeline.onSeen = (seq) => this.#seen(seq);
    this.#timeline.begin();
    this.#outbox.restore();
    this.#outbox.onPosted = (message) => this.#posted(message);
    this.#connection.open();
  }

  async #join() {
    const answer = await this.#connection.ask('join', { after: this.#rev });
    if (!answer.ok) return this.#refused(answer.error);
    if (answer.head.epoch !== this.#epoch) return location.reload();
    this.#take(answer.messages);
    if (!answer.complete) await this.#sync();
    this.#live = true;
    this.#rev = Math.max(this.#rev, answer.complete ? answer.head.rev : 0);
    this.#people.here(answer.online);
    this.#connection.say('');
    this.#outbox.flush();
    this.#timeline.look();
  }

  #refused(error) {
    // Another history than the one that this page knows: begin afresh.
    if (error.field === 'after') return location.reload();
    if (error.code === 'not_found' || error.code === 'forbidden') return location.assign('/rooms');
    if (error.code !== 'lost') this.#connection.say(error.message);
    if (this.#connection.isUp) setTimeout(() => this.#connection.isUp && this.#join(), (error.retry_after ?? 2) * 1_000);
  }

  #heard(message) {
    if (message.rev > this.#rev + 1) return this.#sync();
    this.#take([message]);
  }

  // One's own post, as its acknowledgement tells it; its broadcast may still be on its way.
  async #posted(message) {
    if (!this.#isLatest) return location.assign(`/rooms/${this.#main.dataset.room}`);
    await this.#heard(message);
  }

  // Left in another window, or removed by somebody: what was read stays, and nothing more comes or goes.
  #lost(reason) {
    document.querySelector('#composer')?.closest('.composer').remove();
    this.#connection.end(reason === 'left' ? 'You have left this room.' : 'You are no longer in this room.', '/rooms', 'Go to your rooms');
  }

  // Asks for what is missing until nothing is; whoever asks meanwhile waits for the same.
  #sync() {
    this.#syncing ??= (async () => {
      for (;;) {
        const answer = await this.#connection.ask('sync', { after: this.#rev });
        if (!answer.ok) return this.#refused(answer.error);
        if (answer.head.epoch !== this.#epoch) return location.reload();
        this.#take(answer.messages);
        if (answer.complete) return;
      }
    })().finally(() => { this.#syncing = null; });
    return this.#syncing;
  }

  #take(messages) {
    for (const message of messages) {
      if (message.rev > this.#rev && message.kind === 'joined') this.#people.members(1);
      if (message.rev > this.#rev && message.kind === 'left') this.#people.members(-1);
      if (message.nonce) this.#outbox.arrived(message.nonce);
      this.#timeline.show(message, this.#isLatest);
      this.#rev = Math.max(this.#rev, message.rev);
      this.#people.meet(message.author);
      this.#people.stoppedTyping(message.author.username);
    }
  }

  async #older() {
    const answer = await this.#connection.ask('history', { before: this.#timeline.first, limit: 50 });
    if (answer.ok) this.#timeline.prepend(answer.messages, answer.more_before);
    return answer.ok;
  }

  #seen(seq) {
    if (this.#live) this.#connection.ask('read', { seq });
  }

  #described(room) {
    document.title = `${room.name} · Parlor`;
    this.#main.querySelector('h1').textContent = room.name;
    this.#main.querySelector('.head p').textContent = room.topic;
  }
}
