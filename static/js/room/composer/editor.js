// Edits a message in its place in the log, with a copy of the room's form: the same completions, formatting, preview and limits. Loaded
// on first use. The text is kept as a draft until it is saved or discarded.
import { Completion } from '#js/room/composer/completion.js';
import { AbsentMentions } from '#js/room/composer/absent-mentions.js';
import { fit } from '#js/room/composer/composer.js';
import { LengthLimit } from '#js/room/composer/length-limit.js';
import { Paste } from '#js/room/composer/paste.js';
import { part } from '#js/room/composer/text.js';
import { ComposerToolbar } from '#js/room/composer/toolbar.js';
import { button, createElement } from '#js/core/dom.js';
import { Preview } from '#js/room/composer/preview.js';

export class Editor {
  #node; #form; #text; #before; #channel; #room; #drafts; #hasKeys; #onClose; #onMove;
  #limit; #complete; #preview; #tools; #refusal; #watch;
  #isSaving = false;

  constructor(composer, node, { seq, before, body }, { channel, room, max, hasKeys, drafts, onClose, onMove }) {
    this.seq = seq;
    this.#node = node;
    this.#before = before;
    this.#channel = channel;
    this.#room = room;
    this.#drafts = drafts;
    this.#hasKeys = hasKeys;
    this.#onClose = onClose;
    this.#onMove = onMove;
    this.#form = copy(composer, room, seq);
    this.#text = this.#form.elements.body;
    this.#refusal = part(this.#form, 'refusal');
    const actions = createElement('div', 'actions');
    const save = createElement('button', 'button button--small', 'Save');
    actions.append(button('Cancel', () => this.#close()), save);
    if (hasKeys) for (const [press, key] of [[actions.firstChild, 'Esc'], [save, 'Enter']]) press.title = `${press.textContent} (${key})`;
    this.#form.querySelector('.hint').append(actions);
    node.classList.add('message--editing');
    node.querySelector('.body').after(this.#form);
    this.#text.value = body;
    // A message of files needs no text.
    this.#text.required = !node.querySelector('.files');
    this.#limit = new LengthLimit(this.#form, max);
    this.#complete = new Completion(this.#text, room);
    this.#preview = new Preview(this.#text, channel);
    this.#tools = new ComposerToolbar(this.#form);
    new Paste(this.#text);
    new AbsentMentions(this.#text, room);
    this.#text.enterKeyHint = hasKeys ? 'send' : 'enter';
    this.#form.addEventListener('submit', (event) => { event.preventDefault(); this.#save(); });
    this.#form.addEventListener('keydown', (event) => this.#key(event));
    this.#text.addEventListener('input', () => this.#changed());
    // Changes to the message by others meanwhile, whatever their source.
    this.#watch = new MutationObserver(() => this.#moved());
    this.#watch.observe(node, { attributes: true, attributeFilter: ['data-gone', 'data-rev'] });
    fit(this.#text);
    this.#limit.measure(body);
    if (node.hasAttribute('data-gone')) this.#moved();
    this.focus();
  }

  get isOpen() { return this.#form.isConnected; }

  focus() {
    this.#text.focus({ preventScroll: true });
    this.#text.setSelectionRange(this.#text.value.length, this.#text.value.length);
    this.#form.scrollIntoView({ block: 'nearest' });
  }

  // Another window changed the edit (`edit`), or saved or discarded it (nothing).
  take(edit) {
    if (!edit || edit.seq !== this.seq) return this.#close({ isElsewhere: true });
    if (edit.body === this.#text.value) return;
    this.#text.value = edit.body;
    this.#complete.close();
    fit(this.#text);
    this.#limit.measure(edit.body);
  }

  #key(event) {
    // Typed keys must not reach handlers around the editor.
    if (event.key.length === 1 && !event.ctrlKey && !event.metaKey) event.stopPropagation();
    if (this.#complete.takes(event) || this.#tools.takes(event)) return;
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === 'Escape') {
      event.preventDefault();
      event.stopPropagation();
      if (this.#preview.isOpen) this.#preview.close(); else this.#close();
    } else if (event.key === 'Enter' && event.target === this.#text && !event.shiftKey && !event.altKey && (this.#hasKeys || event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      this.#save();
    }
  }

  #changed() {
    if (!this.#node.hasAttribute('data-gone')) this.#refuse('');
    fit(this.#text);
    this.#limit.measure(this.#text.value);
    this.#keep();
  }

  #keep() { this.#drafts.edit({ seq: this.seq, before: this.#before, body: this.#text.value }); }

  async #save() {
    const body = this.#text.value;
    if (this.#isSaving || this.#node.hasAttribute('data-gone')) return;
    if (!this.#limit.measure(body)) return this.#text.focus();
    if (!body.trim() && !this.#node.querySelector('.files')) return this.#refuse('A message can’t be empty. Delete it instead?');
    if (body === this.#before) return this.#close();
    this.#isSaving = true;
    const answer = await this.#channel.ask('edit', { seq: this.seq, body });
    this.#isSaving = false;
    if (!this.isOpen) return;
    if (!answer.ok) return this.#refuse(answer.error.code === 'lost' ? 'Couldn’t save: no connection. Your edit is still here.' : answer.error.message);
    this.#before = body;
    // The person may have typed on.
    if (this.#text.value === body) this.#close();
    else this.#keep();
  }

  #moved() {
    if (this.#node.hasAttribute('data-gone')) {
      this.#refuse('This message was deleted. Your text is still here.');
      this.#form.querySelector('.button').disabled = true;
      this.#refusal.append(' ', button('Move to new message', () => { const body = this.#text.value; this.#close(); this.#onMove(body); }));
      return;
    }
    const words = this.#node.querySelector('.body').dataset.edited ?? '';
    if (this.#isSaving || words === (this.#form.dataset.edited ?? '')) return;
    this.#form.dataset.edited = words;
    this.#before = undefined;
    this.#refuse('This message was edited elsewhere. Saving replaces that version.');
  }

  #refuse(why) {
    this.#refusal.textContent = why;
    this.#refusal.hidden = !why;
  }

  #close({ isElsewhere = false } = {}) {
    if (!this.isOpen) return;
    this.#watch.disconnect();
    const hadFocus = this.#form.contains(document.activeElement);
    if (!isElsewhere) this.#drafts.edit(null);
    this.#form.remove();
    this.#node.classList.remove('message--editing');
    if (hadFocus || !isElsewhere) this.#onClose();
  }
}

// A copy of the room's form for a message: without the parts for new messages, and with its own ids.
function copy(composer, room, seq) {
  const form = composer.cloneNode(true);
  form.className = 'writer editor';
  form.action = `/rooms/${room}/${seq}/edit`;
  for (const node of form.querySelectorAll('input:is([type=hidden], [type=file]), .box > .button, .attach, .camera, .tray, .tray-note, .plain-files, #composer-state, #unsaved-edit, #writing-hint')) node.remove();
  for (const node of form.querySelectorAll('[hidden], .state, .preview, .completions')) node.hidden = true;
  for (const node of [form, ...form.querySelectorAll('[id]')]) node.id = `edit-${node.id}`;
  for (const node of form.querySelectorAll('[role=status], .completions, .problem')) node.replaceChildren();
  const text = form.elements.body;
  for (const name of ['aria-activedescendant', 'style']) text.removeAttribute(name);
  text.placeholder = text.ariaLabel = 'Edit message';
  text.setAttribute('aria-describedby', 'edit-left');
  return form;
}
