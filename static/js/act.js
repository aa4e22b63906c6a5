// What one can do with a message: what of it is offered, and doing it. The server decides; here nothing is offered that it would refuse.
import { announce } from '#js/announce.js';
import { Swipe } from '#js/act-swipe.js';
import { flip } from '#js/react-chips.js';
import { words } from '#js/quotes.js';
import { pick } from '#js/react-picker.js';
import { visit } from '#js/visit.js';

export class Acts {
  #main; #line; #me; #reading; #composer;
  #list = document.querySelector('#messages');
  #ask = document.querySelector('#ask');

  constructor(main, line, me, { reading, composer }) {
    this.#main = main;
    this.#line = line;
    this.#me = me;
    this.#reading = reading;
    this.#composer = composer;
    new Swipe(this);
    this.#list.addEventListener('submit', (event) => this.#chip(event));
    // From elsewhere on the page: an event on a message, with the act's name.
    this.#list.addEventListener('act', (event) => this.do(event.detail, event.target.closest('.message')));
    main.addEventListener('reply', ({ detail }) => this.do('reply', detail));
  }

  get list() { return this.#list; }

  // What may be done with a message, by name, in the menu's order.
  offered(node) {
    const isMember = this.#main.dataset.member === 'true';
    const isMine = node.dataset.author === this.#me.username;
    const isGone = node.hasAttribute('data-gone');
    const can = isMember && !isGone;
    const isPinned = node.hasAttribute('data-pinned');
    return [
      can && { name: 'react', text: 'React', key: '+' },
      can && this.#composer && { name: 'reply', text: 'Reply', key: 'r' },
      !isGone && { name: 'thread', text: 'View thread', key: 't' },
      can && isMine && this.#composer && { name: 'edit', text: 'Edit', key: 'e' },
      can && { name: 'pin', text: isPinned ? 'Unpin' : 'Pin to room', key: 'p' },
      isMember && { name: 'unread', text: 'Mark as unread', key: 'u' },
      { name: 'link', text: 'Copy link', key: 'c' },
      node.hasAttribute('data-edited') && (isMine || this.#me.isAdmin) && { name: 'history', text: 'Edit history', key: '' },
      can && (isMine || this.#main.dataset.owner === 'true') && { name: 'delete', text: 'Delete…', key: 'Del', isGrave: true },
    ].filter(Boolean);
  }

  // Does it, if it is offered. `at` is what a picker opens beside.
  async do(name, node, at = node) {
    if (!node || !this.offered(node).some((act) => act.name === name)) return;
    const seq = Number(node.dataset.seq);
    switch (name) {
      case 'react': pick(at, (emoji) => this.react(node, emoji)); break;
      case 'reply': this.#composer.answer?.({ seq, name: node.querySelector('.by').textContent, excerpt: words(node) }); break;
      case 'thread': this.#main.dispatchEvent(new CustomEvent('thread', { detail: seq })); break;
      case 'edit': this.#edit(node, seq); break;
      case 'pin': this.#pin(node, seq); break;
      case 'unread': this.#told(await this.#reading.unread(seq), 'Marked as unread'); break;
      case 'link': this.#copy(node, seq); break;
      case 'history': visit(`/rooms/${this.#main.dataset.room}/${seq}/history`); break;
      case 'delete': this.#delete(node, seq); break;
    }
  }

  // Puts an emoji under a message or takes it away; shown at once, settled by what the server says.
  async react(node, emoji, on) {
    const line = node.querySelector('.reactions');
    const pressed = [...line.children].find((chip) => chip.dataset.emoji === emoji)?.querySelector('.reaction').ariaPressed === 'true';
    const wanted = on ?? !pressed;
    const rev = node.dataset.rev;
    const message = { room: this.#main.dataset.room, seq: Number(node.dataset.seq) };
    const undo = flip(line, emoji, wanted, message, this.#me);
    const answer = await this.#line.ask('react', { seq: message.seq, emoji, on: wanted });
    if (answer.ok) return;
    if (node.dataset.rev === rev) undo();
    this.#told(answer);
  }

  // A chip's form, sent over the connection instead; without one, or while it is away, the form goes its own way.
  #chip(event) {
    const chip = event.target.closest('.chip');
    const node = chip?.closest('.message');
    if (!node || !this.#line.isUp) return;
    event.preventDefault();
    this.react(node, chip.dataset.emoji);
  }

  async #edit(node, seq) {
    const answer = await this.#line.read('history', { around: seq, limit: 1 });
    const message = answer.messages?.find((one) => one.seq === seq);
    if (!message || message.deleted_at) return this.#told(answer);
    this.#composer.edit?.({ seq, body: message.body }, node);
  }

  async #pin(node, seq) {
    const on = !node.hasAttribute('data-pinned');
    this.#told(await this.#line.ask('pin', { seq, on }), on ? 'Pinned' : 'Unpinned');
  }

  async #copy(node, seq) {
    const link = `${location.origin}/rooms/${this.#main.dataset.room}/${seq}`;
    try {
      await navigator.clipboard.writeText(link);
      announce('Link copied', { isShown: true });
    } catch {
      // Where the page may not write to the clipboard, the address bar has it.
      history.replaceState(history.state, '', link);
      announce('Couldn’t copy. The link is in the address bar.', { isShown: true });
    }
  }

  // Asks first; what is deleted does not come back.
  #delete(node, seq) {
    this.#ask.querySelector('blockquote').textContent = words(node);
    this.#ask.returnValue = '';
    this.#ask.onclose = async () => {
      node.focus({ preventScroll: true });
      if (this.#ask.returnValue === 'yes') this.#told(await this.#line.ask('delete', { seq }), 'Message deleted');
    };
    this.#ask.showModal();
  }

  #told(answer, done) {
    if (!answer.ok) announce(answer.error.code === 'lost' ? 'No connection. Try again.' : answer.error.message, { isShown: true });
    else if (done) announce(done, { isShown: true });
  }
}
