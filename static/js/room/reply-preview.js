// The line above a reply that shows the original message, and the way there and back.
import { icon, createElement } from '#js/core/dom.js';
import { names } from '#js/files/describe.js';
import { shown as called } from '#js/people/names.js';

const EXCERPT = 140;
// How long the button back is shown, in milliseconds.
const OFFERED = 10_000;

export class ReplyPreview {
  #channel; #scroll; #list; #back;
  #asked = new Map();
  #from = null; #leaving;

  constructor({ list, back }, channel, scroll) {
    this.#list = list;
    this.#back = back;
    this.#channel = channel;
    this.#scroll = scroll;
    this.#list.addEventListener('click', (event) => this.#jump(event));
    this.#back.addEventListener('click', () => this.#return());
    scroll.addEventListener('moved', () => this.#look());
  }

  // Fills the line above a reply: from the page, or from the server.
  async fill(node) {
    const quote = node.querySelector('.answers[data-to]');
    if (!quote) return;
    const seq = Number(quote.dataset.to);
    const shown = this.#list.querySelector(`#m${seq}`);
    if (shown) say(quote, [...shown.querySelectorAll('.by, .at')].map((part) => part.textContent).join(' '), excerptOf(shown), !!shown.querySelector('.files'));
    else if (!quote.querySelector('.answers-by')) {
      const answered = await this.#ask(seq);
      if (answered) sayOf(quote, answered);
    }
  }

  // A message changed: so do the lines that quote it.
  changed(message) {
    this.#asked.delete(message.seq);
    for (const quote of this.#list.querySelectorAll(`.answers[data-to="${message.seq}"]`)) sayOf(quote, message);
  }

  #ask(seq) {
    if (!this.#asked.has(seq)) {
      this.#asked.set(seq, this.#channel.ask('history', { around: seq, limit: 1 }).then((answer) => {
        if (!answer.ok) this.#asked.delete(seq);
        return answer.messages?.find((message) => message.seq === seq);
      }));
    }
    return this.#asked.get(seq);
  }

  // Scrolls to the original if it is on the page; else the link leads to its permalink.
  #jump(event) {
    const quote = event.target.closest('.answers[data-to]');
    const target = quote && this.#list.querySelector(`#m${quote.dataset.to}`);
    if (!target || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    const answer = quote.closest('.message');
    this.#from = { answer, offset: this.#scroll.offset(answer) };
    this.#scroll.to(target);
    target.focus({ preventScroll: true });
    this.#back.hidden = false;
    clearTimeout(this.#leaving);
    this.#leaving = setTimeout(() => { this.#back.hidden = true; }, OFFERED);
  }

  // The button back disappears when the reply is visible again, or at the end of the log.
  #look() {
    if (this.#back.hidden) return;
    const answer = this.#from?.answer;
    const isSeen = answer?.isConnected && this.#scroll.sees(answer);
    if (isSeen || this.#scroll.isAtEnd) this.#back.hidden = true;
  }

  #return() {
    this.#back.hidden = true;
    if (!this.#from?.answer.isConnected) return;
    this.#scroll.restore(this.#from.answer, this.#from.offset);
    this.#from.answer.focus({ preventScroll: true });
    this.#from = null;
  }
}

// A message on the page, as one line: the beginning of its text, or else the names of its files.
export function excerptOf(node) {
  if (node.hasAttribute('data-gone')) return '';
  const text = node.querySelector('.body')?.textContent.trim().replace(/\s+/g, ' ').slice(0, EXCERPT);
  return text || names([...node.querySelectorAll('.picture, .file-name')].map((file) => ({ name: file.title || file.textContent })));
}

const plain = (html) => new DOMParser().parseFromString(html, 'text/html').body.textContent.trim().replace(/\s+/g, ' ').slice(0, EXCERPT);

function sayOf(quote, { author, html, attachments, deleted_at: gone }) {
  say(quote, called(author), gone ? '' : plain(html) || names(attachments), !gone && !!attachments?.length);
}

function say(quote, name, text, hasFiles) {
  const words = createElement('span', text ? 'answers-words' : 'answers-words gone', text || 'Deleted message');
  if (hasFiles) {
    const sign = icon('attach');
    sign.removeAttribute('aria-hidden');
    Object.assign(sign, { role: 'img', ariaLabel: 'File' });
    words.prepend(sign);
  }
  quote.replaceChildren(createElement('span', 'answers-by', name ?? ''), ' ', words);
}
