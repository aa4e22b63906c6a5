// Writing: the field grows, Enter sends, Shift+Enter begins a line; what is sent appears at once.
//
// `edit({ seq, body }, back)` makes one's own message a field where it stands (`editor.js`), `answer({ seq, name, excerpt })` answers one.
import { announce } from '#js/announce.js';
import { Absent } from '#js/composer-absent.js';
import { Complete } from '#js/complete.js';
import { Limit } from '#js/composer-limit.js';
import { Paste } from '#js/composer-paste.js';
import { State } from '#js/composer-state.js';
import { Tools } from '#js/composer-tools.js';
import { Drafts } from '#js/drafts.js';
import { button, make } from '#js/make.js';
import { Preview } from '#js/preview.js';
import { visit } from '#js/visit.js';

// On a keyboard of glass Enter begins a line, and the button sends.
export const hasKeys = !matchMedia('(pointer: coarse)').matches || matchMedia('(any-pointer: fine)').matches;

export class Composer {
  #form; #text; #outbox; #people; #line; #me; #room; #max; #signal;
  #limit; #state; #drafts; #complete; #preview; #paste; #absent; #tools;
  #refusal = document.querySelector('#refusal');
  #isAsking = false;
  #editor = null; #reminder = null; #turn = 0;

  constructor(form, outbox, people, max, { line, me, room, signal }) {
    this.#form = form;
    this.#text = form.elements.body;
    this.#outbox = outbox;
    this.#people = people;
    this.#line = line;
    this.#me = me;
    this.#room = room;
    this.#max = max;
    this.#signal = signal;
    this.#drafts = new Drafts(me, room);
    this.#state = new State();
    this.#limit = new Limit(form, max);
    this.#complete = new Complete(this.#text, room);
    this.#paste = new Paste(this.#text);
    this.#preview = new Preview(this.#text, line);
    this.#absent = new Absent(this.#text, room);
    this.#tools = new Tools(form);
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

  // Gives one of one's own messages other words, where it stands; `back` has the focus afterwards.
  edit(message, back = this.#text) {
    if (this.#editor?.isOpen && this.#editor.seq !== message.seq) {
      announce('Save or cancel your other edit first.', { isShown: true });
      return this.#editor.focus();
    }
    const edit = { seq: message.seq, before: message.body, body: message.body };
    this.#drafts.edit(edit);
    // Older than what the page shows: its own page has it.
    if (!document.getElementById(`m${message.seq}`)) return visit(`/rooms/${this.#room}/${message.seq}`);
    return this.#open(edit, back);
  }

  // Answers a message.
  answer({ seq, name, excerpt = '' }) {
    this.#state.answer({ seq, name, excerpt: excerpt.replaceAll(/\s+/g, ' ').trim().slice(0, 120) });
    this.#keep();
    this.#text.focus();
  }

  async #open(edit, back) {
    if (this.#editor?.isOpen) return this.#editor.take(edit);
    const turn = this.#turn += 1;
    const { Editor } = await import('#js/editor.js');
    const node = document.getElementById(`m${edit.seq}`);
    if (turn !== this.#turn || this.#signal.aborted || !node) return;
    this.#remind(null);
    this.#editor = new Editor(this.#form, node, edit, {
      line: this.#line, room: this.#room, max: this.#max, hasKeys, drafts: this.#drafts,
      onClose: () => { if (back.isConnected) back.focus({ preventScroll: true }); },
      onMove: (body) => this.#put(this.#text.value ? `${this.#text.value}\n${body}` : body),
    });
  }

  #key(event) {
    if (this.#complete.takes(event) || this.#tools.takes(event)) return;
    // Not while an input method is composing: there Enter chooses a word, and Escape takes it back.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === 'Escape') return this.#escape(event);
    if (event.target !== this.#text) return;
    const isAlone = !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey;
    if (event.key === 'Enter' && !event.shiftKey && !event.altKey && (hasKeys || event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.#send();
    } else if (event.key === 'ArrowUp' && isAlone && !this.#text.value) {
      event.preventDefault();
      if (this.#editor?.isOpen) this.#editor.focus();
      else this.#editLast();
    }
  }

  #escape(event) {
    if (this.#state.answering) this.#cancel();
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
    if (last && !this.#text.value) this.edit(last);
  }

  async #send() {
    const body = this.#text.value;
    if (this.#isAsking) return;
    if (!this.#limit.measure(body)) return this.#text.focus();
    if (this.#absent.mustAsk(body)) {
      this.#isAsking = true;
      const mayGo = await this.#absent.ask(body);
      this.#isAsking = false;
      if (!mayGo || this.#text.value !== body) return this.#text.focus();
    }
    this.#absent.forget();
    if (!body.trim()) return this.#text.focus();
    this.#outbox.add(body, { reply_to: this.#state.answering?.seq });
    this.#people.posted();
    this.#state.answer(null);
    this.#preview.close();
    this.#put('');
    this.#keep();
  }

  #cancel() {
    this.#state.answer(null);
    this.#keep();
    this.#refuse('');
    this.#text.focus();
  }

  #restore() {
    const { dataset } = this.#form;
    const answered = dataset.answers && { seq: Number(dataset.answers), name: dataset.answersName, excerpt: dataset.answersWords };
    // From here on the script says what is answered.
    this.#form.elements.reply_to?.remove();
    // The page came with the draft, for those without scripts; an old page with an old one. What somebody typed into it already stays.
    if (dataset.stored) {
      this.#drafts.offer({ body: this.#text.defaultValue, answer: dataset.stored === 'answer' ? answered : undefined });
      if (this.#text.value === this.#text.defaultValue) this.#text.value = '';
    }
    const { body = '', answer = null, edit } = this.#drafts.read();
    // What else the page came with is newer: the form was sent and not taken, or a link asked to answer a message.
    const asked = dataset.stored === 'answer' ? null : answered;
    // A reload does not ask again.
    if (asked) history.replaceState(history.state, '', location.pathname);
    if (asked || answer || dataset.stored) this.#state.answer(asked || answer);
    if (!this.#text.value && body) this.#text.value = body;
    if (asked) this.#keep();
    if (edit) this.#resume(edit);
    this.#fit();
    this.#limit.measure(this.#text.value);
  }

  // Words for a message that was being edited: where it stands, or with a way there.
  #resume(edit) {
    if (document.getElementById(`m${edit.seq}`)) this.#open(edit, this.#text);
    else this.#remind(edit);
  }

  #remind(edit) {
    this.#reminder?.remove();
    this.#reminder = null;
    if (!edit) return;
    this.#reminder = make('div', 'state');
    this.#reminder.id = 'unsaved-edit';
    const onwards = make('a', 'quiet', 'Continue');
    onwards.href = `/rooms/${this.#room}/${edit.seq}`;
    this.#reminder.append(make('span', 'words', 'You have an unsaved edit.'), onwards, button('Discard', () => { this.#drafts.edit(null); this.#remind(null); this.#text.focus(); }));
    document.querySelector('#composer-state').after(this.#reminder);
  }

  #changed() {
    this.#refuse('');
    this.#fit();
    this.#limit.measure(this.#text.value);
    this.#keep();
    this.#people.typed();
  }

  #keep() { this.#drafts.write(this.#text.value, this.#state.answering); }

  // Another window wrote on, or sent it.
  #elsewhere({ body = '', answer = null, edit }) {
    if (this.#editor?.isOpen) this.#editor.take(edit);
    else if (edit) this.#resume(edit);
    else this.#remind(null);
    if (this.#text.value === body && this.#state.answering?.seq === answer?.seq) return;
    this.#state.answer(answer);
    if (this.#text.value === body) return;
    this.#text.value = body;
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
    this.#keep();
    this.#text.focus();
  }

  #refuse(why) {
    this.#refusal.textContent = why;
    this.#refusal.hidden = !why;
  }

  // Where the browser does not size a field by its content.
  #fit() { fit(this.#text); }
}

export function fit(field) {
  if (CSS.supports('field-sizing', 'content')) return;
  field.style.blockSize = 'auto';
  field.style.blockSize = `${field.scrollHeight}px`;
}
