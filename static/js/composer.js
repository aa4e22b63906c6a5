// Writing: the field grows, Enter sends, Shift+Enter begins a line; what is sent appears at once.
//
// `edit({ seq, body })` gives one's own message other words, `answer({ seq, name, excerpt })` answers one.
import { Complete } from '#js/complete.js';
import { Absent } from '#js/composer-absent.js';
import { Limit } from '#js/composer-limit.js';
import { Paste } from '#js/composer-paste.js';
import { State } from '#js/composer-state.js';
import { Drafts } from '#js/drafts.js';
import { Preview } from '#js/preview.js';

// On a keyboard of glass Enter begins a line, and the button sends.
const hasKeys = !matchMedia('(pointer: coarse)').matches || matchMedia('(any-pointer: fine)').matches;

export class Composer {
  #form; #text; #outbox; #people; #line; #me;
  #limit; #state; #drafts; #complete; #preview; #paste; #absent;
  #refusal = document.querySelector('#refusal');
  #isSaving = false;

  constructor(form, outbox, people, max, { line, me, room, signal }) {
    this.#form = form;
    this.#text = form.elements.body;
    this.#outbox = outbox;
    this.#people = people;
    this.#line = line;
    this.#me = me;
    this.#drafts = new Drafts(me, room);
    this.#state = new State(form.querySelector('.button'));
    this.#limit = new Limit(form.querySelector('.button'), max);
    this.#complete = new Complete(this.#text, room);
    this.#paste = new Paste(this.#text);
    this.#preview = new Preview(this.#text, line);
    this.#absent = new Absent(this.#text, room);
    this.#state.onCancel = () => this.#cancel();
    form.addEventListener('submit', (event) => { event.preventDefault(); this.#send(); });
    form.addEventListener('keydown', (event) => this.#key(event));
    this.#text.addEventListener('input', () => this.#changed());
    document.querySelector('#keys').hidden = !hasKeys;
    this.#text.enterKeyHint = hasKeys ? 'send' : 'enter';
    this.#restore();
    this.#drafts.hear((draft) => this.#elsewhere(draft), signal);
    if (hasKeys) this.#text.focus({ preventScroll: true });
  }

  // Gives one of one's own messages other words; what was being written waits.
  edit({ seq, body }) {
    if (!this.#state.editing) this.#keep();
    this.#state.edit({ seq, body });
    this.#drafts.edit({ seq, before: body, body });
    this.#put(body);
  }

  // Answers a message.
  answer({ seq, name, excerpt = '' }) {
    if (this.#state.editing) this.#cancel();
    this.#state.answer({ seq, name, excerpt: excerpt.replaceAll(/\s+/g, ' ').trim().slice(0, 120) });
    this.#keep();
    this.#text.focus();
  }

  #key(event) {
    if (this.#complete.takes(event)) return;
    // Not while an input method is composing: there Enter chooses a word, and Escape takes it back.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === 'Escape') return this.#escape(event);
    if (event.target !== this.#text) return;
    const isAlone = !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey;
    if (event.key === 'Enter' && !event.shiftKey && !event.altKey && (hasKeys || event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.#send();
    } else if (event.key === 'ArrowUp' && isAlone && !this.#text.value && !this.#state.editing) {
      event.preventDefault();
      this.#editLast();
    }
  }

  #escape(event) {
    if (this.#state.editing || this.#state.answering) this.#cancel();
    else if (this.#preview.isOpen) this.#preview.close();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // The last message that one has written here, wherever it stands.
  async #editLast() {
    const answer = await this.#line.ask('history', { limit: 100 });
    const isOwn = ({ kind, author, deleted_at: gone }) => kind === 'text' && !gone && author.username === this.#me.username;
    const last = answer.ok && answer.messages.findLast(isOwn);
    // Somebody who went on typing meanwhile is not disturbed.
    if (last && !this.#text.value && !this.#state.editing) this.edit(last);
  }

  async #send() {
    const body = this.#text.value;
    if (this.#isSaving) return;
    if (!this.#limit.measure(body)) return this.#text.focus();
    if (this.#absent.mustAsk(body)) {
      this.#isSaving = true;
      const mayGo = await this.#absent.ask(body);
      this.#isSaving = false;
      if (!mayGo || this.#text.value !== body) return this.#text.focus();
    }
    this.#absent.forget();
    if (this.#state.editing) return this.#save(body);
    if (!body.trim()) return this.#text.focus();
    this.#outbox.add(body, { reply_to: this.#state.answering?.seq });
    this.#people.posted();
    this.#state.answer(null);
    this.#preview.close();
    this.#put('');
    this.#keep();
  }

  async #save(body) {
    const { seq, body: before } = this.#state.editing;
    if (!body.trim()) return this.#refuse('A message can’t be empty. Delete it instead?');
    if (body === before) return this.#cancel();
    this.#isSaving = true;
    const answer = await this.#line.ask('edit', { seq, body });
    this.#isSaving = false;
    if (!answer.ok) return this.#refuse(answer.error.code === 'lost' ? 'Couldn’t save: no connection. Your edit is still here.' : answer.error.message);
    // Something else may be in the field by now.
    if (this.#state.editing?.seq !== seq) return;
    if (this.#text.value === body) this.#cancel();
    else {
      this.#state.edit({ seq, body });
      this.#keep();
    }
  }

  // Back to what was being written, or to nothing.
  #cancel() {
    if (this.#state.editing) {
      this.#state.edit(null);
      this.#drafts.edit(null);
      const { body = '', answer = null } = this.#drafts.read();
      this.#state.answer(answer);
      this.#put(body);
    } else {
      this.#state.answer(null);
      this.#keep();
      this.#text.focus();
    }
    this.#refuse('');
  }

  #restore() {
    const { body = '', answer = null, edit } = this.#drafts.read();
    const { dataset } = this.#form;
    // What the page came with is newer: the form was sent and not taken, or a link asked to answer a message.
    const asked = dataset.answers && { seq: Number(dataset.answers), name: dataset.answersName, excerpt: dataset.answersWords };
    if (asked) {
      // From here on the script says what is answered, and a reload does not ask again.
      this.#form.elements.reply_to.remove();
      history.replaceState(history.state, '', location.pathname);
    }
    if (asked || answer) this.#state.answer(asked || answer);
    if (!this.#text.value && body) this.#text.value = body;
    if (asked) this.#keep();
    // Words for a message that was being edited.
    if (edit && !asked && (!this.#text.value || this.#text.value === body)) {
      this.#state.edit({ seq: edit.seq, body: edit.before });
      this.#text.value = edit.body;
    }
    this.#fit();
    this.#limit.measure(this.#text.value);
  }

  #changed() {
    this.#refuse('');
    this.#fit();
    this.#limit.measure(this.#text.value);
    this.#keep();
    if (!this.#state.editing) this.#people.typed();
  }

  #keep() {
    const { editing, answering } = this.#state;
    if (editing) this.#drafts.edit({ seq: editing.seq, before: editing.body, body: this.#text.value });
    else this.#drafts.write(this.#text.value, answering);
  }

  // Another window wrote on, or sent it.
  #elsewhere({ body = '', answer = null }) {
    if (this.#state.editing || this.#text.value === body) return;
    this.#text.value = body;
    this.#state.answer(answer);
    this.#complete.close();
    this.#fit();
    this.#limit.measure(body);
  }

  #put(body) {
    this.#text.value = body;
    this.#text.setSelectionRange(body.length, body.length);
    this.#complete.close();
    this.#paste.withdraw();
    this.#fit();
    this.#limit.measure(body);
    this.#text.focus();
  }

  #refuse(why) {
    this.#refusal.textContent = why;
    this.#refusal.hidden = !why;
  }

  // Where the browser does not size a field by its content.
  #fit() {
    if (CSS.supports('field-sizing', 'content')) return;
    this.#text.style.blockSize = 'auto';
    this.#text.style.blockSize = `${this.#text.scrollHeight}px`;
  }
}
