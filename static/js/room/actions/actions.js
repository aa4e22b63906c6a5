// The actions on a message: which are offered, and how each is done. The server decides; an action that it would refuse is not offered.
import { announce } from '#js/core/announce.js';
import { SwipeToReply } from '#js/room/actions/swipe.js';
import { flip } from '#js/room/reactions.js';
import { excerptOf } from '#js/room/reply-preview.js';
import { pick } from '#js/emoji/open-picker.js';
import { visit } from '#js/core/visit.js';

export class MessageActions {
  #main; #list; #dialog; #channel; #me; #readMarker; #composer;

  constructor(main, { list, dialog }, channel, me, { readMarker, composer }) {
    this.#main = main;
    this.#list = list;
    this.#dialog = dialog;
    this.#channel = channel;
    this.#me = me;
    this.#readMarker = readMarker;
    this.#composer = composer;
    new SwipeToReply(this);
    this.#list.addEventListener('submit', (event) => this.#chip(event));
    // Other modules dispatch this event on a message, with the name of the action.
    this.#list.addEventListener('act', (event) => this.do(event.detail, event.target.closest('.message')));
    main.addEventListener('reply', ({ detail }) => this.do('reply', detail));
  }

  get list() { return this.#list; }

  // The actions on a message that are allowed, in the menu's order.
  offered(node) {
    const isMember = this.#main.dataset.member === 'true';
    const isMine = node.dataset.author === this.#me.username;
    const isGone = node.hasAttribute('data-gone');
    const can = isMember && !isGone && this.#main.dataset.archived !== 'true';
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
      !isMine && !isGone && { name: 'report', text: 'Report…', key: '' },
      can && (isMine || this.#main.dataset.moderator === 'true') && { name: 'delete', text: 'Delete…', key: 'Del', isGrave: true },
    ].filter(Boolean);
  }

  // Does an action if it is offered. A picker opens beside `at`.
  async do(name, node, at = node) {
    if (!node || !this.offered(node).some((act) => act.name === name)) return;
    const seq = Number(node.dataset.seq);
    switch (name) {
      case 'react': pick(at, (emoji) => this.react(node, emoji)); break;
      case 'reply': this.#composer.answer?.({ seq, name: node.querySelector('.by').textContent, excerpt: excerptOf(node) }); break;
      case 'thread': this.#main.dispatchEvent(new CustomEvent('thread', { detail: seq })); break;
      case 'edit': this.#edit(node, seq); break;
      case 'pin': this.#pin(node, seq); break;
      case 'unread': this.#told(await this.#readMarker.unread(seq), 'Marked as unread'); break;
      case 'link': this.#copy(node, seq); break;
      case 'history': visit(`/rooms/${this.#main.dataset.room}/${seq}/history`); break;
      case 'report': visit(`/rooms/${this.#main.dataset.room}/${seq}/more#report`); break;
      case 'delete': this.#delete(node, seq); break;
    }
  }

  // Adds or removes a reaction: shown at once, undone if the server refuses.
  async react(node, emoji, on) {
    const line = node.querySelector('.reactions');
    const pressed = [...line.children].find((chip) => chip.dataset.emoji === emoji)?.querySelector('.reaction').ariaPressed === 'true';
    const wanted = on ?? !pressed;
    const rev = node.dataset.rev;
    const message = { room: this.#main.dataset.room, seq: Number(node.dataset.seq) };
    const undo = flip(line, emoji, wanted, message, this.#me);
    const answer = await this.#channel.ask('react', { seq: message.seq, emoji, on: wanted });
    if (answer.ok) return;
    if (node.dataset.rev === rev) undo();
    this.#told(answer);
  }

  // Sends a chip's form over the connection. Without a connection, the browser submits the form.
  #chip(event) {
    if (event.target.matches('.hide-links')) return this.#hideLinks(event);
    const chip = event.target.closest('.chip');
    const node = chip?.closest('.message');
    if (!node || !this.#channel.isUp) return;
    event.preventDefault();
    this.react(node, chip.dataset.emoji);
  }

  async #hideLinks(event) {
    const node = event.target.closest('.message');
    if (!this.#channel.isUp) return;
    event.preventDefault();
    node.focus({ preventScroll: true });
    this.#told(await this.#channel.ask('links', { seq: Number(node.dataset.seq), on: false }), 'Link previews removed');
  }

  async #edit(node, seq) {
    const answer = await this.#channel.read('history', { around: seq, limit: 1 });
    const message = answer.messages?.find((one) => one.seq === seq);
    if (!message || message.deleted_at) return this.#told(answer);
    this.#composer.edit?.({ seq, body: message.body }, node);
  }

  async #pin(node, seq) {
    const on = !node.hasAttribute('data-pinned');
    this.#told(await this.#channel.ask('pin', { seq, on }), on ? 'Pinned' : 'Unpinned');
  }

  async #copy(node, seq) {
    const link = `${location.origin}/rooms/${this.#main.dataset.room}/${seq}`;
    try {
      await navigator.clipboard.writeText(link);
      announce('Link copied', { isShown: true });
    } catch {
      // Where the clipboard is not available, the address bar shows the link.
      history.replaceState(history.state, '', link);
      announce('Couldn’t copy. The link is in the address bar.', { isShown: true });
    }
  }

  // Asks first: a deletion cannot be undone.
  #delete(node, seq) {
    this.#dialog.querySelector('blockquote').textContent = excerptOf(node);
    this.#dialog.returnValue = '';
    this.#dialog.onclose = async () => {
      node.focus({ preventScroll: true });
      if (this.#dialog.returnValue === 'yes') this.#told(await this.#channel.ask('delete', { seq }), 'Message deleted');
    };
    this.#dialog.showModal();
  }

  #told(answer, done) {
    if (!answer.ok) announce(answer.error.code === 'lost' ? 'No connection. Try again.' : answer.error.message, { isShown: true });
    else if (done) announce(done, { isShown: true });
  }
}
