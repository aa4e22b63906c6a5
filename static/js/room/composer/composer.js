// The form for a new message: the field grows, Enter sends, Shift+Enter begins a line; a sent message appears at once.
//
// `edit({ seq, body }, back)` opens an editor in a message's place (`room/composer/editor.js`); `answer({ seq, name, excerpt })` starts a reply.
import { announce } from '#js/core/announce.js';
import { AbsentMentions } from '#js/room/composer/absent-mentions.js';
import { Completion } from '#js/room/composer/completion.js';
import { LengthLimit } from '#js/room/composer/length-limit.js';
import { Paste } from '#js/room/composer/paste.js';
import { Intake } from '#js/room/composer/intake.js';
import { ReplyState } from '#js/room/composer/reply-state.js';
import { TrayView } from '#js/room/composer/tray-view.js';
import { ComposerToolbar } from '#js/room/composer/toolbar.js';
import { Drafts } from '#js/room/composer/drafts.js';
import { button, createElement } from '#js/core/dom.js';
import { trayOf } from '#js/files/tray.js';
import { Preview } from '#js/room/composer/preview.js';
import { visit } from '#js/core/visit.js';

// On a touch keyboard Enter begins a line, and the button sends.
export const hasKeys = !matchMedia('(pointer: coarse)').matches || matchMedia('(any-pointer: fine)').matches;

export class Composer {
  #form; #text; #outbox; #people; #channel; #me; #room; #list; #max; #signal;
  #limit; #state; #drafts; #complete; #preview; #paste; #absent; #tools;
  #refusal; #notice; #tray;
  #isAsking = false;
  #editor = null; #reminder = null; #turn = 0;

  constructor(form, outbox, people, max, { channel, me, room, main, list, signal }) {
    this.#form = form;
    this.#refusal = form.querySelector('#refusal');
    this.#notice = form.querySelector('#command-notice');
    outbox.addEventListener('notice', ({ detail }) => this.#tell(detail), { signal });
    outbox.addEventListener('refused', (event) => this.#takeBack(event), { signal });
    this.#list = list;
    this.#text = form.elements.body;
    this.#outbox = outbox;
    this.#people = people;
    this.#channel = channel;
    this.#me = me;
    this.#room = room;
    this.#max = max;
    this.#signal = signal;
    this.#drafts = new Drafts(me, room);
    this.#state = new ReplyState(form.querySelector('#composer-state'), list);
    this.#limit = new LengthLimit(form, max);
    this.#complete = new Completion(this.#text, room);
    this.#paste = new Paste(this.#text);
    this.#preview = new Preview(this.#text, channel);
    this.#absent = new AbsentMentions(this.#text, room);
    this.#tools = new ComposerToolbar(form);
    this.#tray = trayOf(room);
    if (form.dataset.files) this.#takeFiles(main);
    this.#state.onCancel = () => this.#cancel();
    form.addEventListener('submit', (event) => { event.preventDefault(); this.#send(); });
    form.addEventListener('keydown', (event) => this.#key(event));
    this.#text.addEventListener('input', () => this.#changed());
    form.querySelector('#keys').hidden = !hasKeys;
    this.#text.enterKeyHint = hasKeys ? 'send' : 'enter';
    this.#restore();
    this.#drafts.hear((draft) => this.#elsewhere(draft), signal);
    if (hasKeys) this.#text.focus({ preventScroll: true });
  }

  // Edits one of the person's own messages in its place; `back` gets the focus afterwards.
  edit(message, back = this.#text) {
    if (this.#editor?.isOpen && this.#editor.seq !== message.seq) {
      announce('Save or cancel your other edit first.', { isShown: true });
      return this.#editor.focus();
    }
    const edit = { seq: message.seq, before: message.body, body: message.body };
    this.#drafts.edit(edit);
    // Not on this page: its permalink shows it.
    if (!this.#list.querySelector(`#m${message.seq}`)) return visit(`/rooms/${this.#room}/${message.seq}`);
    return this.#open(edit, back);
  }

  // Files are uploaded while the person writes about them.
  #takeFiles(main) {
    const { dataset } = this.#form;
    const limits = { largest: Number(dataset.largest), most: Number(dataset.files) };
    const take = (files, problem = '') => {
      this.#refuse(this.#tray.add(files, this.#me, limits) || problem);
      this.#text.focus();
      view.remind();
    };
    const view = new TrayView(this.#tray, this.#form.querySelector('#tray'), this.#signal);
    new Intake(this.#form, main, take, this.#signal);
    // The browser would ask for a text.
    const look = () => { this.#text.required = !this.#tray.uploads.length; };
    this.#tray.addEventListener('change', look, { signal: this.#signal });
    look();
  }

  // Starts a reply to a message.
  answer({ seq, name, excerpt = '' }) {
    this.#state.answer({ seq, name, excerpt: excerpt.replaceAll(/\s+/g, ' ').trim().slice(0, 120) });
    this.#keep();
    this.#text.focus();
  }

  async #open(edit, back) {
    if (this.#editor?.isOpen) return this.#editor.take(edit);
    const turn = this.#turn += 1;
    const { Editor } = await import('#js/room/composer/editor.js');
    const node = this.#list.querySelector(`#m${edit.seq}`);
    if (turn !== this.#turn || this.#signal.aborted || !node) return;
    this.#remind(null);
    this.#editor = new Editor(this.#form, node, edit, {
      channel: this.#channel, room: this.#room, max: this.#max, hasKeys, drafts: this.#drafts,
      onClose: () => { if (back.isConnected) back.focus({ preventScroll: true }); },
      onMove: (body) => this.#put(this.#text.value ? `${this.#text.value}\n${body}` : body),
    });
  }

  #key(event) {
    if (this.#complete.takes(event) || this.#tools.takes(event)) return;
    // Not during input method composition: there Enter chooses a word, and Escape cancels it.
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

  // The person's last message in this room, wherever it is.
  async #editLast() {
    const answer = await this.#channel.ask('history', { limit: 100 });
    const isOwn = ({ kind, author, deleted_at: gone }) => kind === 'text' && !gone && author.username === this.#me.username;
    const last = answer.ok && answer.messages.findLast(isOwn);
    // The person may have typed meanwhile.
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
    const { uploads } = this.#tray;
    if (!body.trim() && !uploads.length) return this.#text.focus();
    const failed = uploads.find(({ state }) => state === 'failed');
    if (failed) return this.#refuse(`${failed.name} wasn’t uploaded. Retry or remove it, then send.`);
    this.#outbox.add(body, { reply_to: this.#state.answering?.seq, uploads: this.#tray.take() });
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
    // From here on the script knows which message is replied to.
    this.#form.elements.reply_to?.remove();
    // The page contains the draft for people without scripts; a cached page contains an old one. Text already typed into it stays.
    if (dataset.stored) {
      this.#drafts.offer({ body: this.#text.defaultValue, answer: dataset.stored === 'answer' ? answered : undefined });
      if (this.#text.value === this.#text.defaultValue) this.#text.value = '';
    }
    const { body = '', answer = null, edit } = this.#drafts.read();
    // Otherwise the page's content is newer than the draft: a refused form, or a link that starts a reply.
    const asked = dataset.stored === 'answer' ? null : answered;
    // A reload does not start it again.
    if (asked) history.replaceState(history.state, '', location.pathname);
    if (asked || answer || dataset.stored) this.#state.answer(asked || answer);
    if (!this.#text.value && body) this.#text.value = body;
    if (asked) this.#keep();
    if (edit) this.#resume(edit);
    this.#fit();
    this.#limit.measure(this.#text.value);
  }

  // Resumes an unsaved edit: in the message's place, or with a link to it.
  #resume(edit) {
    if (this.#list.querySelector(`#m${edit.seq}`)) this.#open(edit, this.#text);
    else this.#remind(edit);
  }

  #remind(edit) {
    this.#reminder?.remove();
    this.#reminder = null;
    if (!edit) return;
    this.#reminder = createElement('div', 'state');
    this.#reminder.id = 'unsaved-edit';
    const onwards = createElement('a', 'quiet', 'Continue');
    onwards.href = `/rooms/${this.#room}/${edit.seq}`;
    this.#reminder.append(createElement('span', 'words', 'You have an unsaved edit.'), onwards, button('Discard', () => { this.#drafts.edit(null); this.#remind(null); this.#text.focus(); }));
    this.#form.querySelector('#composer-state').after(this.#reminder);
  }

  #changed() {
    this.#refuse('');
    this.#tell('');
    this.#fit();
    this.#limit.measure(this.#text.value);
    this.#keep();
    this.#people.typed();
  }

  #keep() { this.#drafts.write(this.#text.value, this.#state.answering); }

  // Another window changed the draft, or sent it.
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

  // A command that was refused is put right here; with other text here, it waits with the other posts.
  #takeBack(event) {
    if (this.#text.value || this.#editor?.isOpen) return;
    event.preventDefault();
    this.#put(event.detail.body);
    this.#refuse(event.detail.why);
  }

  // What a command said, until the person goes on.
  #tell(notice) {
    this.#notice.textContent = notice;
    this.#notice.hidden = !notice;
  }

  // For browsers without `field-sizing`.
  #fit() { fit(this.#text); }
}

export function fit(field) {
  if (CSS.supports('field-sizing', 'content')) return;
  field.style.blockSize = 'auto';
  field.style.blockSize = `${field.scrollHeight}px`;
}
